"""What the tests of a loop share: loops on a simulated lathe under a simulated clock, scripted advisors, a plant's log.

The log of the machine is the judge: what stands there happened, whatever the loop says of itself.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from luban.control import ControlMode, ControlOptions, PersonRole, PlantKind
from luban.errors import IoError
from luban.guard import GoldenSet, GuardOptions, envelope_digest, make_guard
from luban.journal import Journal, Record
from luban.plant import (
    LatheMachine,
    PlantState,
    SimulatedPlant,
    VariableResult,
    WriteOutcome,
    WriteReason,
    WriteResult,
)
from luban.plant.machine import AppliedWrite
from luban.process import NamedValue, Process, Recipe, TrainingEnvelope
from luban.service import CycleTimes, DriftWatch, Innovation, InProcess, LoopPlan, Recommendation, RunReport, Supervisor
from luban.service.supervisor.cycle import CycleReport

Settings = dict[str, float | str]

SECOND = 1_000_000_000
PERIOD_S = 60.0
START: Settings = {"cutting_speed": 280.0, "feed": 0.1, "depth_of_cut": 0.95}
BETTER: Settings = {"cutting_speed": 300.0, "feed": 0.09, "depth_of_cut": 0.8}
GOLDEN: Settings = {"cutting_speed": 220.0, "feed": 0.08, "depth_of_cut": 0.7}
UNITS = {"cutting_speed": "m/min", "feed": "mm/rev", "depth_of_cut": "mm"}
LIMITS = {"cutting_speed": (150.0, 400.0), "feed": (0.05, 0.15), "depth_of_cut": (0.3, 1.5)}
RANGES = {"cutting_speed": (179.0, 381.0), "feed": (0.07, 0.13), "depth_of_cut": (0.53, 1.37)}
RATE = 20.0  # m/min in a minute, of the cutting speed
DWELL_S = 30.0
ROLES = {"anna": PersonRole.engineer, "otto": PersonRole.operator, "sue": PersonRole.supervisor}


def envelope() -> TrainingEnvelope:
    """An envelope around the middle of the design, wide enough for everything within limits."""
    return TrainingEnvelope.from_json(
        json.dumps(
            {
                "names": list(START),
                "mean": [280.0, 0.1, 0.95],
                "scale": [100.0, 0.03, 0.42],
                "inverse_covariance": [1, 0, 0, 0, 1, 0, 0, 0, 1],
                "quantile_levels": [0.5, 0.99],
                "distance_quantiles": [2.0, 9.0],
                "category_names": ["diameter", "tool_wear"],
                "combinations": [[d, w] for d in ("D30", "D50") for w in ("New", "Worn")],
            }
        )
    )


def golden_set(settings: Mapping[str, float | str] = GOLDEN, context: Mapping[str, str] | None = None) -> GoldenSet:
    named = [NamedValue(name, value, UNITS[name]) for name, value in settings.items()]
    return GoldenSet(Recipe(named), [NamedValue(n, v, "") for n, v in (context or {}).items()], "known")


@dataclass
class Script:
    """An advisor that says what it was told to: ``says`` is settings, a recommendation, or called with the context."""

    says: Any = field(default_factory=lambda: dict(BETTER))
    innovations: Callable[[Sequence[RunReport]], Sequence[Innovation]] = lambda runs: ()
    asked: int = 0
    learned: list[str] = field(default_factory=list)

    def learn(self, runs: Sequence[RunReport]) -> Sequence[Innovation]:
        self.learned += [run.run_id for run in runs]
        return self.innovations(runs)

    def recommend(self, context: Mapping[str, float | str], running: Mapping[str, float | str]) -> Any:
        self.asked += 1
        said = self.says(context, running) if callable(self.says) else self.says
        return said if isinstance(said, Recommendation) or not isinstance(said, Mapping) else Recommendation(said)


def plan_of(process: Process, journal: Path, **changes: Any) -> LoopPlan:
    """A plan for the simulated lathe; changes of guard and modes by name, others are of the plan itself."""
    guard = GuardOptions(dwell_s=changes.pop("dwell_s", DWELL_S), **changes.pop("guard", {}))
    modes = ControlOptions(**{"dwell": timedelta(0), **changes.pop("modes", {})})
    known = envelope()
    given: dict[str, Any] = {
        "name": "test",
        "process": process,
        "guard": make_guard(process, known, envelope_digest(known), guard),
        "journal": journal,
        "times": CycleTimes(period_s=PERIOD_S, deadline_s=2.0),
        "golden": [golden_set()],
        "control": modes,
        "plant_kind": PlantKind.simulated,
        "mode": ControlMode.closed,
        "model": "model-1",
        "roles": ROLES,
        "drift": DriftWatch(run_length=200.0),
    }
    return LoopPlan(**{**given, **changes})


class Line:
    """A loop with its machine and its advisor; steps cycles and lets time pass."""

    def __init__(self, process: Process, journal: Path, advisor: Any = None, **changes: Any) -> None:
        machine = changes.pop("machine", None)
        self.machine: LatheMachine = LatheMachine(shaft_s=PERIOD_S) if machine is None else machine
        wrap = changes.pop("wrap", lambda plant: plant)
        optimizer = changes.pop("optimizer", None)
        self.advisor = Script() if advisor is None else advisor
        self.plant = wrap(SimulatedPlant(process, self.machine))
        self.plan = plan_of(process, journal, **changes)
        self.loop = Supervisor(self.plan, self.plant, InProcess(self.advisor) if optimizer is None else optimizer)
        self.loop.start()

    @property
    def mode(self) -> str:
        return self.loop.controller.state.achieved.name

    @property
    def period_s(self) -> float:
        return self.plan.times.period_s

    def cycle(self) -> CycleReport:
        """One cycle, then the time to the next one."""
        report = self.loop.cycle()
        self.loop.clock.sleep(self.period_s)
        return report

    def cycles(self, number: int) -> list[CycleReport]:
        return [self.cycle() for _ in range(number)]

    def until(self, mode: str, most: int = 12) -> list[CycleReport]:
        """Cycles until the mode is there."""
        reports = []
        while self.mode != mode:
            assert len(reports) < most, f"{self.mode} in place of {mode}: {self.loop.board.shown}"
            reports.append(self.cycle())
        return reports

    def by_hand(self, name: str, value: float) -> None:
        """What a person at the lathe does."""
        self.machine.apply(name, value, "by hand")

    @property
    def writes(self) -> list[AppliedWrite]:
        """What the loop has set, by the machine's log."""
        return [entry for entry in self.machine.log if entry.command_id not in ("by hand", "watchdog")]

    def records(self, *kinds: str) -> list[Record]:
        return records(self.plan.journal, *kinds)

    def close(self) -> None:
        self.loop.close()


def records(journal: Path, *kinds: str) -> list[Record]:
    return list(Journal.open(journal, read_only=True).records(kinds=kinds or None))


def decided(journal: Path) -> dict[str, dict[str, Any]]:
    """Every command that stands in a decision of a journal, and its values."""
    return {
        record.payload["command"]: record.payload["values"]
        for record in records(journal, "decision")
        if record.payload["command"] is not None
    }


def faults_of(
    log: Sequence[AppliedWrite], start: Mapping[str, float | str] = START, *, dwell_s: float = DWELL_S
) -> list[str]:
    """What a plant's log shows that must not be: limits, the constraint, rates, dwell; an opinion of its own.

    Each moment at which the loop set something is a move. Going back right after, as a rolled back group does, is part
    of it. A move by hand is the operator's own business, but time is counted from it too, when it is one.
    """
    out: list[str] = []
    now = {name: float(value) for name, value in start.items()}
    moments = sorted({entry.at_ns for entry in log})
    last_ns: int | None = None
    for at in moments:
        entries = [entry for entry in log if entry.at_ns == at]
        before = dict(now)
        for entry in entries:
            now[entry.name] = entry.value
        if any(entry.command_id == "by hand" for entry in entries):
            seen = any(abs(now[n] - before[n]) > 1e-3 * (high - low) for n, (low, high) in RANGES.items())
            last_ns = at if seen else last_ns
            continue
        out += _standing(entries, before, now)
        since_s = float("inf") if last_ns is None else (at - last_ns) / SECOND
        if since_s < dwell_s:
            out.append(f"{entries[0].command_id}: {since_s} s after the last move")
        allowed = RATE * min(since_s / 60.0, 1.0)
        moved = abs(now["cutting_speed"] - before["cutting_speed"])
        if moved > allowed * (1 + 1e-12):
            out.append(f"{entries[0].command_id}: {moved} m/min, {allowed} allowed")
        last_ns = at
    return out


def _standing(entries: Sequence[AppliedWrite], before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    out = []
    for entry in entries:
        low, high = LIMITS[entry.name]
        if not low <= entry.value <= high:
            out.append(f"{entry.command_id}: {entry.name} {entry.value} is outside")
    total, was = (row["cutting_speed"] + 900.0 * row["feed"] for row in (now, before))
    if total > 480.0 + 1e-9 and total > was:
        out.append(f"{entries[0].command_id}: the constraint is broken, {total}")
    return out


class Around:
    """A plant around another one; what is not overridden goes through."""

    def __init__(self, plant: Any) -> None:
        self.inner = plant

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Told(Around):
    """A plant whose states are changed on the way: ``change`` takes one and returns another."""

    def __init__(self, plant: Any) -> None:
        super().__init__(plant)
        self.change: Callable[[PlantState], PlantState] = lambda state: state

    def read(self) -> PlantState:
        return self.change(self.inner.read())


class Flaky(Around):
    """A plant at which every second write goes wrong: ignored, refused, clamped, lost on the way there or back."""

    def __init__(self, plant: Any, seed: int, share: float = 0.5) -> None:
        super().__init__(plant)
        self.draw, self.share = random.Random(seed), share
        self.wrong = 0

    def write(self, setpoint: Any, *, roll_back: bool = False) -> WriteResult:
        faults = self.inner.faults
        if self.draw.random() >= self.share:
            return self.inner.write(setpoint, roll_back=roll_back)
        self.wrong += 1
        names = [name for name, _, _ in setpoint.values]
        kind = self.draw.choice(["reject", "clamp", "ignore", "asynchronous", "lost", "unheard", "error"])
        if kind == "lost":
            return _unknown(setpoint)
        if kind == "unheard":
            self.inner.write(setpoint, roll_back=roll_back)
            return _unknown(setpoint)
        if kind == "error":
            raise IoError(where="test", expected="a line", received="none")
        chosen = set(self.draw.sample(names, self.draw.randint(1, len(names))))
        getattr(faults, kind).update(chosen)
        try:
            return self.inner.write(setpoint, roll_back=roll_back)
        finally:
            getattr(faults, kind).clear()


def _unknown(setpoint: Any) -> WriteResult:
    before = dict(setpoint.expected_previous)
    variables = {
        name: VariableResult(name, value, unit, WriteReason.unconfirmed, 0x80050000, before.get(name))
        for name, value, unit in setpoint.values
    }
    return WriteResult(setpoint.command_id, WriteOutcome.unknown, variables, setpoint.deadline, sent_ns=1)
