"""One line under one way of choosing settings: the simulated lathe behind a whole supervisor, shaft after shaft.

The supervisor is the one that a real loop has, with its guard, mode machine, drift watch and journal; only the clock is
simulated, and the optimizer is in this process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from luban.control import ControlMode, ControlOptions, PlantKind
from luban.guard import GuardOptions, envelope_digest, make_guard
from luban.journal import verify
from luban.plant import Lathe, LatheMachine, SimulatedClock, SimulatedPlant
from luban.plant.lathe import DIAMETERS
from luban.service import CycleTimes, InProcess, LoopPlan, Supervisor

if TYPE_CHECKING:
    import pandas as pd

    from luban.plant import FinishedRun
    from luban.plant.machine import AppliedWrite
    from luban.process import Process, TrainingEnvelope
    from luban.service.supervisor.cycle import CycleReport
    from luban.service.supervisor.optimizer_port import Advisor

__all__ = ["Line", "Turned", "count_outside"]

_SHAFT_S = 60.0
_READ_S = 1.0  # the loop reads and writes a second after a shaft is done
_ARMING_S = 60.0


@dataclass(frozen=True)
class Turned:
    """What a line turned: a row per shaft, and what the journal of its loop holds.

    ``records`` and ``whole``: number of records of the journal, and whether a verifier of its own found it whole (0 and
    True without a loop). ``slowest_ms``: the slowest step of a cycle by name.
    """

    rows: pd.DataFrame
    records: int
    whole: bool
    slowest_ms: dict[str, float]


class Line:
    """A lathe and its plant under a simulated clock."""

    def __init__(
        self, process: Process, envelope: TrainingEnvelope, lathe: Lathe, start: Mapping[str, float] | None = None
    ) -> None:
        self.process, self.lathe, self._envelope = process, lathe, envelope
        self._clock = SimulatedClock()
        self.machine = LatheMachine(lathe, clock=self._clock, start=start, shaft_s=_SHAFT_S)
        self._plant = SimulatedPlant(process, self.machine)

    @property
    def log(self) -> list[AppliedWrite]:
        """Every setpoint that came into force, as the machine itself noted it."""
        return list(self.machine.log)

    def turn_fixed(self, shafts: int) -> Turned:
        """Turn shafts at the settings that stand."""
        import pandas as pd

        rows = []
        for number in range(shafts):
            self._clock.advance(_READ_S)
            self.machine.advance()
            rows.append(self._shaft(number, "", ""))
        return Turned(pd.DataFrame(rows), 0, True, {})

    def turn(self, shafts: int, advisor: Advisor) -> Turned:
        """Turn shafts in a closed loop: a cycle for each, settings by ``advisor``.

        Rows have settings, context, wear, mode, what became of the recommendation, ``expected`` (the true expected
        roughness) and ``measured`` (the mean of the readings).
        """
        import pandas as pd

        with tempfile.TemporaryDirectory(prefix="luban-loop-") as folder:
            journal = Path(folder) / "loop.sqlite"
            loop = Supervisor(self._plan(journal), self._plant, InProcess(advisor))
            self._clock.advance(_READ_S)
            loop.start()
            rows = []
            for number in range(shafts):
                report = loop.cycle()
                rows.append(self._shaft(number, loop.controller.state.achieved.name, _fate(report)))
                self._clock.advance(_READ_S)
            slowest = {name: took / 1e6 for name, took in loop.board.slowest_ns.items()}
            loop.close("the hour is over")
            found = verify(journal)
            return Turned(pd.DataFrame(rows), found.records, found.ok, slowest)

    def _plan(self, journal: Path) -> LoopPlan:
        digest = envelope_digest(self._envelope)
        return LoopPlan(
            name="demo",
            process=self.process,
            guard=make_guard(self.process, self._envelope, digest, GuardOptions()),
            journal=journal,
            times=CycleTimes(period_s=_SHAFT_S),
            control=ControlOptions(dwell=timedelta(seconds=_ARMING_S)),
            plant_kind=PlantKind.simulated,
            mode=ControlMode.closed,
            model=digest,
        )

    def _shaft(self, number: int, mode: str, fate: str) -> dict[str, Any]:
        """Let the next shaft be turned, and return what came of it."""
        wear, context = self.machine.flank_wear, self.machine.context()
        self._clock.advance(_SHAFT_S - _READ_S)
        self.machine.advance()
        (run,) = self.machine.runs_since(number)
        settings = {name: float(value) for name, value in run.settings.items()}
        truth = self.lathe.expected_roughness(
            **settings, diameter=DIAMETERS[context["diameter"]], flank_wear=wear, number=number
        )
        return {
            "shaft": number + 1, **context, "flank_wear": wear, **settings, "mode": mode, "decision": fate,
            "expected": float(truth.mean()), "measured": _mean(run),
        }  # fmt: skip


def _mean(run: FinishedRun) -> float:
    return float(np.mean([float(value) for value in run.readings["roughness"]]))


def _fate(report: CycleReport) -> str:
    """Say what became of the recommendation of a cycle: written as it was or clamped, held and why, or a stay."""
    if report.result is not None:
        decided = "accept" if report.judgement is None else report.judgement.verdict.decision.name
        return decided if report.result.ok else f"write: {report.result.outcome.value}"
    if report.recommendation is None:
        return "none"
    if report.recommendation.stay:
        return "stay"
    if report.judgement is not None and report.judgement.setpoint is None:
        findings = report.judgement.verdict.findings
        return f"{report.judgement.verdict.decision.name}: {findings[0].reason.name if findings else ''}"
    return "not written"


def count_outside(process: Process, log: Sequence[AppliedWrite], start: Mapping[str, float]) -> int:
    """Count writes in a machine's own log that broke a limit, a rate or a constraint of the process.

    A second opinion on the guard, from its promise alone: values inside the limits; in any span of time t a parameter's
    changes add up to at most max_rate · (1 + t / period); sums of the settings in force inside their bounds.
    """
    known = {parameter.name: parameter for parameter in process.parameters}
    now, outside = dict(start), set()
    changes: dict[str, list[tuple[int, float]]] = {name: [] for name in known}
    for place, write in enumerate(log):
        parameter, slack = known[write.name], 1e-9 * max(1.0, abs(write.value))
        bounds = parameter.limits
        low = bounds.low if np.isfinite(bounds.low) else parameter.low
        high = bounds.high if np.isfinite(bounds.high) else parameter.high
        if not low - slack <= write.value <= high + slack:
            outside.add(place)
        changes[write.name].append((write.at_ns, abs(write.value - now[write.name])))
        now[write.name] = write.value
        if np.isfinite(bounds.max_rate) and _too_fast(changes[write.name], bounds.max_rate, bounds.max_rate_per_s):
            outside.add(place)
        last_of_group = place + 1 == len(log) or log[place + 1].command_id != write.command_id
        if last_of_group and _breaks_sum(process, now):
            outside.add(place)
    return len(outside)


def _too_fast(changes: Sequence[tuple[int, float]], rate: float, per_s: float) -> bool:
    """Whether the changes up to the last one add up to more than the rate allows, over any span that ends there."""
    end, total = changes[-1][0], 0.0
    for at, change in reversed(changes):
        total += change
        if total > rate * (1.0 + (end - at) / (1e9 * per_s)) * (1.0 + 1e-9):
            return True
    return False


def _breaks_sum(process: Process, settings: Mapping[str, float]) -> bool:
    for constraint in process.core.parameter_constraints:
        total = sum(weight * settings[name] for name, weight in constraint.sum.items())
        slack = 1e-9 * max(1.0, abs(total))
        if total < constraint.lower - slack or total > constraint.upper + slack:
            return True
    return False
