"""One line under one way of choosing settings: the simulated lathe behind the guard, shaft after shaft.

The cycle here has no process of its own, no journal and no modes beyond whether the guard let a move through; whoever
has ``learn`` and ``recommend`` can choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from luban.guard import ConfirmedOutput, GuardOptions, GuardRequest, envelope_digest, make_guard
from luban.plant import Lathe, LatheMachine, SimulatedClock, SimulatedPlant
from luban.plant.lathe import DIAMETERS
from luban.process import NamedValue, Recipe

if TYPE_CHECKING:
    import pandas as pd

    from luban.guard import Setpoint
    from luban.plant import FinishedRun
    from luban.plant.machine import AppliedWrite
    from luban.process import Process, TrainingEnvelope
    from luban.service.learner import Innovation, Proposal

__all__ = ["Chooser", "Line", "count_outside"]

_READ_S, _SHAFT_S = 1.0, 60.0  # settings are read and written a second after a shaft is done
_DEADLINE_NS = 2_000_000_000


class Chooser(Protocol):
    """Whoever chooses settings: a learner of a loop, in this process or another."""

    def learn(self, runs: Sequence[FinishedRun]) -> list[Innovation]:
        """Take in what was turned."""
        ...

    def recommend(self, context: Mapping[str, float | str], running: Mapping[str, float | str]) -> Proposal:
        """Choose for the next shaft."""
        ...


@dataclass(frozen=True)
class _Write:
    """A setpoint as the plant takes it."""

    values: Sequence[tuple[str, float | str, str]]
    command_id: Any
    deadline: int
    expected_previous: Mapping[str, float | str]

    @classmethod
    def of(cls, setpoint: Setpoint) -> _Write:
        return cls(
            [(item.name, item.value, item.unit) for item in setpoint.values],  # noqa: PD011
            setpoint.command_id,
            setpoint.deadline_ns,
            {item.name: item.value for item in setpoint.expected},
        )


class Line:
    """A lathe, its plant and its guard under a simulated clock."""

    def __init__(
        self, process: Process, envelope: TrainingEnvelope, lathe: Lathe, start: Mapping[str, float] | None = None
    ) -> None:
        self.process, self.lathe = process, lathe
        self._clock = SimulatedClock()
        self.machine = LatheMachine(lathe, clock=self._clock, start=start, shaft_s=_SHAFT_S)
        self._plant = SimulatedPlant(process, self.machine)
        self._guard = make_guard(process, envelope, envelope_digest(envelope), GuardOptions())
        self._sequence = -1
        self._last_move_ns = -(10**12)  # long ago
        self._written: dict[str, float | str] = {}

    def turn(self, shafts: int, chooser: Chooser | None) -> pd.DataFrame:
        """Turn shafts and return a row for each: settings, context, wear, roughness, what the guard said of the move.

        ``expected`` is the true expected roughness, ``measured`` the mean of the readings. Without a chooser the
        settings stay.
        """
        import pandas as pd

        rows = []
        self._plant.connect()
        for number in range(shafts):
            self._clock.advance(_READ_S)
            state = self._plant.read()
            context = {name: item.value for name, item in state.context.items()}
            running = {name: item.value for name, item in state.outputs.items()}
            wear = self.machine.flank_wear
            decision = ""
            if chooser is not None:
                chooser.learn(state.finished)
                decision = self._move(number, chooser.recommend(context, running), context, running)
            self._clock.advance(_SHAFT_S - _READ_S)
            self.machine.advance()
            (run,) = self.machine.runs_since(number)
            settings = {name: float(value) for name, value in run.settings.items()}
            truth = self.lathe.expected_roughness(
                **settings, diameter=DIAMETERS[str(context["diameter"])], flank_wear=wear, number=number
            )
            measured = float(np.mean([float(value) for value in run.readings["roughness"]]))
            rows.append(
                {"shaft": number + 1, **context, "flank_wear": wear, **settings, "decision": decision}
                | {"expected": float(truth.mean()), "measured": measured}
            )
        self._plant.close()
        return pd.DataFrame(rows)

    @property
    def log(self) -> list[AppliedWrite]:
        """Every setpoint that came into force, as the machine itself noted it."""
        return list(self.machine.log)

    def _move(
        self, cycle: int, proposal: Proposal, context: Mapping[str, float | str], running: Mapping[str, float | str]
    ) -> str:
        if proposal.stay:
            return "stay"
        now = self._clock.monotonic_ns()
        last, self._sequence = self._sequence, self._sequence + 1
        judgement = self._guard.judge(
            GuardRequest(
                cycle=cycle,
                now_ns=now,
                deadline_ns=now + _DEADLINE_NS,
                sequence=self._sequence,
                last_sequence=last,
                last_move_ns=self._last_move_ns,
                proposal=Recipe(self._named(proposal.settings)),
                inputs=[],
                outputs=[
                    ConfirmedOutput(name, value, self.process.unit(name), age_ns=0, written=self._written.get(name))
                    for name, value in running.items()
                ],
                context=self._named(context),
            )
        )
        verdict = judgement.verdict
        if judgement.setpoint is None:
            reason = verdict.findings[0].reason.name if verdict.findings else ""
            return f"{verdict.decision.name}: {reason}"
        write = _Write.of(judgement.setpoint)
        if self._plant.write(write).ok:
            self._written |= {name: value for name, value, _ in write.values}  # noqa: PD011
            self._last_move_ns = now
        return str(verdict.decision.name)

    def _named(self, values: Mapping[str, float | str]) -> list[NamedValue]:
        return [NamedValue(name, value, self.process.unit(name)) for name, value in values.items()]


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
