"""From what the plant says to what is judged: ages, stillness, who moved what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luban.guard import ConfirmedOutput, JudgedInput
from luban.plant import DataValue, FinishedRun, PlantState, Severity
from luban.process import NamedValue, Process

__all__ = ["Observation", "Observer", "run_record"]

Value = float | str
_MISSING = -(2**63)


@dataclass(frozen=True)
class Observation:
    """One reading of the plant: the state itself, and what this loop makes of it.

    ``moved``: outputs that somebody else has set since our last confirmed write. ``trouble``: why it must not be
    decided upon; empty when it may.
    """

    state: PlantState
    inputs: tuple[JudgedInput, ...]
    context: tuple[NamedValue, ...]
    moved: tuple[str, ...]
    trouble: str = ""

    def record(self) -> dict[str, Any]:
        """Return it for the journal."""
        return {
            "inputs": {name: _entry(value) for name, value in self.state.inputs.items()},
            "outputs": {name: _entry(value) for name, value in self.state.outputs.items()},
            "context": {name: _entry(value) for name, value in self.state.context.items()},
            "heartbeat": self.state.heartbeat,
            "connection": self.state.connection,
            "moved": list(self.moved),
            "trouble": self.trouble,
        }


@dataclass
class Observer:
    """Remembers what ages and comparisons need: when each value last changed, and what we wrote and saw confirmed.

    Inputs are judged when the process or an input rule of the guard names them; others are only recorded.
    """

    process: Process
    ruled: frozenset[str]
    max_input_age_ns: int
    accept_uncertain: bool
    written_tolerance: float
    last_move_ns: int = 0
    written: dict[str, Value] = field(default_factory=dict)
    _since: dict[str, tuple[Value, int]] = field(default_factory=dict)
    _outputs: dict[str, Value] = field(default_factory=dict)
    _beat: tuple[int, int] | None = None

    def observe(self, state: PlantState, now_ns: int) -> Observation:
        """Judge a state as far as it can be done without a proposal."""
        for name, value in state.inputs.items():
            known = self._since.get(name)
            if known is None or not _same(known[0], value.value):
                self._since[name] = (value.value, value.receipt_ns)
        moved = tuple(name for name, value in state.outputs.items() if self._is_moved(name, value))
        for name in moved:
            self.written.pop(name, None)
        self._note_moves(state.outputs, now_ns)
        return Observation(
            state=state,
            inputs=tuple(self._judged(value, now_ns) for value in self._decisive(state) if _is_number(value.value)),
            context=tuple(
                NamedValue(name, value.value, value.unit)
                for name, value in state.context.items()
                if value.severity is not Severity.bad
            ),
            moved=moved,
            trouble=self._trouble(state, now_ns),
        )

    def silent_ns(self, state: PlantState, now_ns: int) -> int:
        """Return for how long the plant's own counter has stood still; 0 for a plant without one."""
        if state.heartbeat is None:
            return 0
        if self._beat is None or self._beat[0] != state.heartbeat:
            self._beat = (state.heartbeat, now_ns)
        return now_ns - self._beat[1]

    def confirmed(self, outputs: Mapping[str, DataValue], released: tuple[str, ...], now_ns: int) -> list[Any]:
        """Return the outputs as the guard takes them; ``released`` ones are held."""
        return [
            ConfirmedOutput(
                name,
                value.value,
                value.unit,
                status=value.status,
                age_ns=max(now_ns - value.receipt_ns, 0),
                written=self.written.get(name),
                held=name in released,
            )
            for name, value in outputs.items()
        ]

    def wrote(self, applied: Mapping[str, Value], unknown: tuple[str, ...], at_ns: int) -> None:
        """Note what a write came to: values that are in force now, and those of which nobody knows."""
        self.written.update(applied)
        self._outputs.update(applied)
        for name in unknown:
            self.written.pop(name, None)
        if applied or unknown:
            self.last_move_ns = at_ns

    def _decisive(self, state: PlantState) -> list[DataValue]:
        known = self.ruled | {response.name for response in self.process.responses}
        return [value for name, value in state.inputs.items() if name in known]

    def _judged(self, value: DataValue, now_ns: int) -> JudgedInput:
        since = self._since[value.name][1]
        return JudgedInput(
            value.name,
            float(value.value),
            value.unit,
            status=value.status,
            age_ns=max(now_ns - value.receipt_ns, 0),
            unchanged_ns=max(now_ns - since, 0),
        )

    def _is_moved(self, name: str, value: DataValue) -> bool:
        ours = self.written.get(name)
        if ours is None or value.severity is Severity.bad:
            return False
        if isinstance(ours, str) or isinstance(value.value, str):
            return ours != value.value
        return not abs(value.value - ours) <= self.written_tolerance * self._range(name)

    def _note_moves(self, outputs: Mapping[str, DataValue], now_ns: int) -> None:
        """Take a change that we did not make as a move too: dwell and rates count from it."""
        for name, value in outputs.items():
            known = self._outputs.get(name)
            if known is not None and not _same(known, value.value) and name not in self.written:
                self.last_move_ns = now_ns
            self._outputs[name] = value.value

    def _range(self, name: str) -> float:
        for parameter in self.process.parameters:
            if parameter.name == name and parameter.is_numeric:
                return float(parameter.high - parameter.low)
        return 0.0

    def _trouble(self, state: PlantState, now_ns: int) -> str:
        for value in [*self._decisive(state), *state.outputs.values(), *state.context.values()]:
            if value.severity is Severity.bad:
                return f"{value.name}: bad quality"
            if value.severity is Severity.uncertain and not self.accept_uncertain:
                return f"{value.name}: uncertain quality"
            if isinstance(value.value, float) and not math.isfinite(value.value):
                return f"{value.name}: no number"
            if now_ns - value.receipt_ns > self.max_input_age_ns:
                return f"{value.name}: too old"
        return ""


def run_record(run: FinishedRun) -> dict[str, Any]:
    """Return a finished run as the journal takes it."""
    return {
        "run_id": run.run_id,
        "settings": dict(run.settings),
        "context": dict(run.context),
        "readings": run.rows(),
        "start_time": None if run.start_time == _MISSING else run.start_time,
        "end_time": None if run.end_time == _MISSING else run.end_time,
    }


def _entry(value: DataValue) -> dict[str, Any]:
    return {"value": value.value, "unit": value.unit, "status": value.status}


def _is_number(value: Value) -> bool:
    return not isinstance(value, str)


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return one == other
