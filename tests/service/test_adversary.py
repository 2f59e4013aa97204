"""Whatever an optimizer says and whatever the plant does: on the plant's log nothing is ever out of order.

Hypothesis makes up both, and what people do between cycles. The machine's log and the journal are the judges.
"""

import math
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luban.control import (
    ApproveRequest,
    ControlMode,
    EngageRequest,
    LowerRequest,
    PersonRole,
    RaiseRequest,
    ResetRequest,
    TripRequest,
    WriteKind,
)
from luban.errors import NumericalError
from luban.process import Process
from luban.service import Answer, CycleTimes, Innovation, InProcess, Question, RunReport
from luban.service.supervisor.cycle import CycleReport

from .support import START, Flaky, Line, Script, decided, faults_of

MEMORY = Path("/dev/shm")
numbers = (
    st.floats(0.0, 500.0)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from([0.0, -0.0, 1e-310, 150.0, 400.0, 0.05, 0.15, math.nextafter(400.0, 500.0), 1e308])
)
plausible = st.fixed_dictionaries(
    {"cutting_speed": st.floats(120, 430), "feed": st.floats(0.03, 0.17), "depth_of_cut": st.floats(0.2, 1.7)}
)
strange = st.dictionaries(
    st.sampled_from([*START, "unknown", "", "feed "]), numbers | st.sampled_from(["", "fast", None, True, 10**400, [1]])
)
said = plausible | plausible | plausible | strange | st.sampled_from([None, 7, "late", ValueError, NumericalError])
FAULTS = ["bad", "uncertain", "nan", "stale", "out_of_range", "wrong_unit", "stuck", "reject", "clamp", "ignore",
          "asynchronous"]  # fmt: skip
NAMES = [*START, "roughness", "spindle_power", "diameter"]
PEOPLE = ["advisory", "hold", "fallback", "off", "stop", "reset", "raise", "approve", "engage"]
steps = st.fixed_dictionaries(
    {
        "says": said,
        "fault": st.none() | st.tuples(st.sampled_from(FAULTS), st.sampled_from(NAMES)),
        "clear": st.booleans(),
        "down": st.sampled_from([False] * 9 + [True]),
        "hand": st.none() | st.none() | st.tuples(st.sampled_from(list(START)), st.floats(0.9, 1.1)),
        "person": st.none() | st.sampled_from(PEOPLE),
        "wait": st.sampled_from([0.5, 1.0, 1.0, 1.0, 1.7, 10.0]),
        "observed": numbers,
    }
)  # fmt: skip


class Late(InProcess):
    """An optimizer in this process whose answers can come a cycle late."""

    def __init__(self, advisor: Script) -> None:
        super().__init__(advisor)
        self._late: deque[Answer] = deque()

    def ask(self, question: Question) -> bool:
        asked = super().ask(question)
        if self._advisor.says == "late":  # type: ignore[attr-defined]
            self._late += self._answers
            self._answers.clear()
            return False
        return asked

    def collect(self) -> Answer | None:
        return self._late.popleft() if self._late else super().collect()


class Adversary(Script):
    def recommend(self, context: Any, running: Any) -> Any:
        if self.says is ValueError:
            raise ValueError("a mistake")
        if self.says is NumericalError:
            raise NumericalError(where="test", expected="a number", received="none")
        return super().recommend(context, running) if self.says != "late" else super().recommend_plain()

    def recommend_plain(self) -> Any:
        return None


def speak(line: Line, what: str | None) -> None:
    """What people do between two cycles, with every role."""
    state = line.loop.controller.state
    step = line.loop.step
    if what in ("advisory", "hold", "fallback", "off"):
        step(LowerRequest(mode=ControlMode[what], person="otto"))
    elif what == "stop":
        step(TripRequest(person="otto"))
    elif what == "reset":
        step(ResetRequest(person="sue", role=PersonRole.supervisor))
    elif what == "raise":
        up = {"off": "shadow", "shadow": "advisory", "advisory": "closed"}.get(line.mode, "closed")
        step(RaiseRequest(mode=ControlMode[up], person="anna", role=PersonRole.engineer))
    elif what == "approve" and state.offered:
        step(ApproveRequest(recommendation_id=state.offered, person="otto", role=PersonRole.operator))
    elif what == "engage" and state.released:
        step(EngageRequest(variable=state.released[0], person="otto", role=PersonRole.operator))


def check(line: Line, report: CycleReport, before: int, approved: str) -> None:
    """What the machine's log has got in this cycle against what was decided."""
    new = list(line.machine.log)[before:]
    assert report.decision is not None
    if not new:
        return
    assert {entry.command_id.removesuffix(" rolled back") for entry in new} == {report.command.command_id}  # type: ignore[union-attr]
    wanted = {
        WriteKind.recommendation: ControlMode.closed,
        WriteKind.approved: ControlMode.advisory,
        WriteKind.golden: ControlMode.fallback,
    }
    assert report.decision.achieved is wanted[report.decision.write]
    assert report.decision.before is report.decision.achieved
    if report.decision.write is WriteKind.approved:
        assert approved
        assert approved == report.recommendation_id
    assert report.recorded
    assert not {entry.name for entry in new} & set(report.decision.released)


def play(process: Process, script: Sequence[dict[str, Any]], seed: int, share: float, period_s: float) -> Line:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        advisor = Adversary()
        line = Line(
            process, Path(folder) / "loop.sqlite", advisor, optimizer=Late(advisor),
            wrap=lambda plant: Flaky(plant, seed, share),
            times=CycleTimes(period_s=period_s, deadline_s=2.0),
            modes={"failed_writes_to_hold": 3, "failed_writes_to_trip": 6, "hold_cycles": 1, "missed_cycles": 20},
        )  # fmt: skip
        try:
            line.cycles(4)
            for step in script:
                act(line, step)
            commands = decided(line.plan.journal)
            for entry in line.writes:
                values = commands[entry.command_id.removesuffix(" rolled back")]
                assert entry.name in values
        finally:
            line.close()
    return line


def act(line: Line, step: dict[str, Any]) -> None:
    """Set the scene, do one cycle, look at the machine."""
    faults = line.machine.faults
    advisor = line.advisor
    advisor.says = step["says"]
    advisor.innovations = lambda runs: [
        Innovation(run.run_id, "roughness", step["observed"], 1.0, 0.5) for run in _runs(runs)
    ]
    if step["clear"]:
        faults.clear()
    if step["fault"] is not None:
        getattr(faults, step["fault"][0]).add(step["fault"][1])
    if step["hand"] is not None:
        name, factor = step["hand"]
        line.by_hand(name, float(START[name]) * factor)
    faults.disconnected = step["down"]
    speak(line, step["person"])
    before, approved = len(line.machine.log), line.loop.controller.state.approved
    report = line.loop.cycle()
    check(line, report, before, approved)
    line.loop.clock.sleep(line.period_s * step["wait"])


def _runs(runs: Sequence[RunReport]) -> Sequence[RunReport]:
    return runs


scripts = st.lists(steps, min_size=3, max_size=12)


@pytest.mark.parametrize("examples", [60, pytest.param(1500, marks=pytest.mark.slow)])
def test_nothing_out_of_order_reaches_the_plant(process: Process, examples: int) -> None:
    written = [0]

    @settings(max_examples=examples, suppress_health_check=[HealthCheck.too_slow])
    @given(scripts, st.integers(0, 1000), st.sampled_from([0.0, 0.3, 0.6]), st.sampled_from([20.0, 60.0]))
    def run(script: list[dict[str, Any]], seed: int, share: float, period_s: float) -> None:
        line = play(process, script, seed, share, period_s)
        assert faults_of(line.machine.log) == []
        written[0] += len(line.writes)

    run()
    assert written[0] > examples  # it was worth looking
