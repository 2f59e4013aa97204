"""One line under one way of choosing settings: the simulated lathe under the supervisor, shaft after shaft.

Everything is as in a real loop but for three things: time is simulated, the optimizer is in this process, and a
simulated plant arms itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from luban.control import ControlMode, PlantKind
from luban.guard import envelope_digest, make_guard
from luban.plant import LatheMachine, SimulatedClock, SimulatedPlant
from luban.plant.lathe import DIAMETERS

if TYPE_CHECKING:
    import pandas as pd

    from luban.plant import Lathe
    from luban.plant.machine import AppliedWrite
    from luban.process import Process, TrainingEnvelope
    from luban.service.supervisor.cycle import CycleReport
    from luban.service.supervisor.optimizer_port import Advisor
    from luban.service.supervisor.supervisor import Supervisor

__all__ = ["Hour", "count_outside", "turn"]

_READ_S, _SHAFT_S = 1.0, 60.0  # settings are read and written a second after a shaft is done


@dataclass(frozen=True)
class Hour:
    """What happened on one line: a row per shaft, and every setpoint that came into force, as the machine noted it.

    Rows hold settings, context, flank wear, roughness (``expected`` is the truth, ``measured`` the mean of the
    readings), the ``mode`` and what was decided in the cycle before the shaft. ``slowest_ms``: by step of a cycle.
    """

    rows: pd.DataFrame
    log: list[AppliedWrite]
    slowest_ms: dict[str, float]


def turn(
    process: Process,
    envelope: TrainingEnvelope,
    lathe: Lathe,
    shafts: int,
    *,
    start: Mapping[str, float],
    advisor: Advisor | None = None,
    journal: Path | None = None,
) -> Hour:
    """Turn shafts from the settings ``start``; an ``advisor`` is asked before each, behind supervisor and guard.

    Raises: IoError when the journal cannot be made.
    """
    import pandas as pd

    clock = SimulatedClock()
    machine = LatheMachine(lathe, clock=clock, start=start, shaft_s=_SHAFT_S)
    loop = None if advisor is None or journal is None else _supervised(process, envelope, machine, advisor, journal)
    rows = []
    for number in range(shafts):
        clock.advance(_READ_S)
        machine.advance()
        context, wear = machine.context(), machine.flank_wear
        said = {"mode": "", "decision": ""}
        if loop is not None:
            report = loop.cycle()
            said = {"mode": loop.controller.state.achieved.name, "decision": _decision(report)}
        clock.advance(_SHAFT_S - _READ_S)
        machine.advance()
        (run,) = machine.runs_since(number)
        settings = {name: float(value) for name, value in run.settings.items()}
        truth = lathe.expected_roughness(
            **settings, diameter=DIAMETERS[context["diameter"]], flank_wear=wear, number=number
        )
        measured = float(np.mean([float(value) for value in run.readings["roughness"]]))
        rows.append(
            {"shaft": number + 1, **context, "flank_wear": wear, **settings, **said}
            | {"expected": float(truth.mean()), "measured": measured}
        )
    slowest = {} if loop is None else {name: took / 1e6 for name, took in loop.board.slowest_ns.items()}
    if loop is not None:
        loop.close("the hour is over")
    return Hour(pd.DataFrame(rows), list(machine.log), slowest)


def _supervised(
    process: Process, envelope: TrainingEnvelope, machine: LatheMachine, advisor: Advisor, journal: Path
) -> Supervisor:
    from luban.service import CycleTimes, InProcess, LoopPlan
    from luban.service import Supervisor as Made

    digest = envelope_digest(envelope)
    plan = LoopPlan(
        name=journal.stem,
        process=process,
        guard=make_guard(process, envelope, digest),
        journal=journal,
        times=CycleTimes(period_s=_SHAFT_S),
        plant_kind=PlantKind.simulated,
        mode=ControlMode.closed,
        model=digest,
    )
    loop = Made(plan, SimulatedPlant(process, machine), InProcess(advisor))
    loop.start()
    return loop


def _decision(report: CycleReport) -> str:
    """In a word, with the guard's first reason when it did not let the move through."""
    if report.answered is None:
        return "none"
    if report.answered.stay:
        return "stay"
    if report.judgement is None:
        return "none"
    verdict = report.judgement.verdict
    if report.judgement.setpoint is None:
        return f"{verdict.decision.name}: {verdict.findings[0].reason.name}" if verdict.findings else "hold"
    return str(verdict.decision.name) if report.result is not None else "not written"


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
