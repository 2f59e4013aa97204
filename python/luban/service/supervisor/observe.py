"""From what the plant says to what is judged: ages, stillness, who moved what."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from luban.errors import DataError
from luban.guard import ConfirmedOutput, InputRule, JudgedInput
from luban.plant import DataValue, FinishedRun, PlantState, Severity
from luban.process import NamedValue, Process

__all__ = ["Observation", "Observer", "run_record"]

Value = float | str
_MISSING = -(2**63)
#: States in a row in which all values had new times, after which the server counts as one that refreshes them.
_REFRESHED = 3


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

    Inputs are judged when the process or one of ``rules`` names them; others are only recorded.
    """

    process: Process
    rules: Mapping[str, InputRule]
    max_input_age_ns: int
    accept_uncertain: bool
    written_tolerance: float
    last_move_ns: int = 0
    written: dict[str, Value] = field(default_factory=dict)
    _doubtful: dict[str, tuple[Value, ...]] = field(default_factory=dict)  # values that a write may have left
    _since: dict[str, tuple[Value, int]] = field(default_factory=dict)
    _outputs: dict[str, Value] = field(default_factory=dict)
    _stamps: dict[str, int] = field(default_factory=dict)  # the server's times
    _refreshed: int = 0  # states in a row in which all of them were new
    _lags: dict[str, int] = field(default_factory=dict)
    _beat: tuple[int, int] | None = None
    _connection: int | None = None

    def observe(self, state: PlantState, now_ns: int) -> Observation:
        """Judge a state as far as it can be done without a proposal."""
        for name, value in state.inputs.items():
            known = self._since.get(name)
            if known is None or not _same(known[0], value.value):
                self._since[name] = (value.value, value.receipt_ns)
        self._note_stamps({**state.inputs, **state.outputs, **state.context})
        moved = tuple(name for name, value in state.outputs.items() if self._is_moved(name, value))
        for name in moved:
            self.written.pop(name, None)
            self._doubtful.pop(name, None)
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
        """Return for how long the plant's own counter has stood still or was not to be read; 0 when it has none."""
        if state.heartbeat is not None and (self._beat is None or self._beat[0] != state.heartbeat):
            self._beat = (state.heartbeat, now_ns)
        return 0 if self._beat is None else now_ns - self._beat[1]

    def was_lost(self, state: PlantState) -> bool:
        """Whether the line was lost and made again since the last state."""
        before, self._connection = self._connection, state.connection
        lost = before is not None and before != state.connection
        if lost:
            self._refreshed = 0  # it may be another server by now
        return lost

    def confirmed(self, outputs: Mapping[str, DataValue], held: Collection[str], now_ns: int) -> list[Any]:
        """Return the outputs as the guard takes them; ``held`` ones are in the operator's hands."""
        return [
            ConfirmedOutput(
                name,
                value.value,
                value.unit,
                status=value.status,
                age_ns=self._age_ns(value, now_ns),
                written=self.written.get(name),
                held=name in held,
            )
            for name, value in outputs.items()
        ]

    def wrote(self, applied: Mapping[str, Value], doubtful: Mapping[str, tuple[Value, ...]], at_ns: int) -> None:
        """Note what a write came to: values that are in force now, and between which values the others may be.

        A value between those is nobody's move, since a slow plant may still be on its way.
        """
        self.written.update(applied)
        self._outputs.update(applied)
        for name in applied:
            self._doubtful.pop(name, None)
        for name, values in doubtful.items():
            self.written.pop(name, None)
            self._doubtful[name] = values
        if applied or doubtful:
            self.moved_at(at_ns)

    def adopt(self, outputs: Mapping[str, DataValue], released: Collection[str]) -> None:
        """Take outputs that we have written nothing to for ours as they stand: any later change is somebody's move.

        For modes in which the outputs are the loop's; released ones are not.
        """
        for name, value in outputs.items():
            if name in released:
                self.written.pop(name, None)
            elif name not in self.written and name not in self._doubtful and self._says_where(name, value):
                self.written[name] = value.value

    def moved_at(self, at_ns: int) -> None:
        """Note that the line was moved: dwell and rates count from then."""
        self.last_move_ns = at_ns

    def _decisive(self, state: PlantState) -> list[DataValue]:
        known = {response.name for response in self.process.responses}.union(self.rules)
        return [value for name, value in state.inputs.items() if name in known]

    def _judged(self, value: DataValue, now_ns: int) -> JudgedInput:
        since = self._since[value.name][1]
        return JudgedInput(
            value.name,
            float(value.value),
            value.unit,
            status=value.status,
            age_ns=self._age_ns(value, now_ns),
            unchanged_ns=max(now_ns - since, 0),
        )

    def _age_ns(self, value: DataValue, now_ns: int) -> int:
        """Return the time since we got it, and by how much it was older than the newest value of its request."""
        return max(now_ns - value.receipt_ns, 0) + self._lags.get(value.name, 0)

    def _note_stamps(self, values: Mapping[str, DataValue]) -> None:
        """Find the values that the server itself has not refreshed, by comparing its own times with one another.

        Many servers state when a value was last written, which for a steady one may be long ago and means nothing. So
        this begins when all times were new, a few states in a row: then the server refreshes all of them.
        """
        times = {name: value.server_time for name, value in values.items()}
        if self._refreshed < _REFRESHED:
            new = all(time > self._stamps.get(name, time) > _MISSING for name, time in times.items())
            self._refreshed = self._refreshed + 1 if new else 0
        self._stamps = times
        newest = max(times.values(), default=0)
        known = self._refreshed >= _REFRESHED
        self._lags = {name: newest - time for name, time in times.items()} if known else {}

    def _is_moved(self, name: str, value: DataValue) -> bool:
        if not self._says_where(name, value):
            return False
        tolerance = self.written_tolerance * self._range(name)
        if name in self.written:
            return not _between(value.value, (self.written[name],), tolerance)
        return name in self._doubtful and not _between(value.value, self._doubtful[name], tolerance)

    def _says_where(self, name: str, value: DataValue) -> bool:
        """Whether a reading can say where an output stands: not bad, no NaN, in its unit. Else it is a fault."""
        if value.severity is Severity.bad:
            return False
        if isinstance(value.value, float) and not math.isfinite(value.value):
            return False
        return all(one.unit == value.unit for one in self.process.parameters if one.name == name)

    def _note_moves(self, outputs: Mapping[str, DataValue], now_ns: int) -> None:
        """Take a change that we did not make as a move too: dwell and rates count from it."""
        for name, value in outputs.items():
            known = self._outputs.get(name)
            if known is not None and not _same(known, value.value) and name not in self.written:
                self.moved_at(now_ns)
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
            if value.severity is Severity.uncertain and not self._accepts_uncertain(value.name):
                return f"{value.name}: uncertain quality"
            if isinstance(value.value, float) and not math.isfinite(value.value):
                return f"{value.name}: no number"
            if self._age_ns(value, now_ns) > self.max_input_age_ns:
                return f"{value.name}: too old"
        return ""

    def _accepts_uncertain(self, name: str) -> bool:
        return self.accept_uncertain or (name in self.rules and self.rules[name].accept_uncertain)


def run_record(run: FinishedRun) -> dict[str, Any]:
    """Return a finished run as the journal takes it. Raises: DataError when its columns have several lengths."""
    try:
        readings = run.rows()
    except ValueError as error:
        raise DataError(
            where="service.run", expected="columns of one length", received=str(error), place=f"run {run.run_id!r}"
        ) from error
    return {
        "run_id": run.run_id,
        "settings": dict(run.settings),
        "context": dict(run.context),
        "readings": readings,
        "start_time": None if run.start_time == _MISSING else run.start_time,
        "end_time": None if run.end_time == _MISSING else run.end_time,
    }


def _entry(value: DataValue) -> dict[str, Any]:
    return {"value": value.value, "unit": value.unit, "status": value.status}


def _is_number(value: Value) -> bool:
    return not isinstance(value, str)


def _between(value: Value, ends: tuple[Value, ...], tolerance: float) -> bool:
    """Whether a value lies between the least and the greatest of ``ends``, or is one of them when they are texts."""
    numbers = [end for end in ends if not isinstance(end, str)]
    if isinstance(value, str) or not numbers:
        return value in ends
    return min(numbers) - tolerance <= value <= max(numbers) + tolerance


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return one == other
