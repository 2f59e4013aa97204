"""The replayed plant: answers from runs that were really made, and from nothing else.

A setting that nobody has tried has no answer here: it is refused, naming the nearest that were. So a loop can be
judged on measured data without a model in between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from luban.errors import DataError, LifecycleError
from luban.plant import gate
from luban.plant.clock import Clock, SimulatedClock
from luban.plant.lease import ObjectLease
from luban.plant.state import (
    DataValue,
    FinishedRun,
    PlantState,
    PlantVariable,
    StatusCode,
    VariableRole,
    WriteReason,
    WriteResult,
)

if TYPE_CHECKING:
    from luban.history import History
    from luban.plant.protocol import WritableSetpoint
    from luban.process import Process

__all__ = ["ReplayPlant"]


class ReplayPlant:
    """A plant made of the measured runs of a history.

    Each :meth:`read` after the first finishes one run: a measured one at the settings in force and in the present
    context. Contexts come in the order of the shuffled runs (``seed``). A run is used once; when all runs of a setting
    and context are used, they are used again in another order with ``resample``, and without it the read is refused.
    ``tolerance``: how far, as a part of a parameter's range, a setting may be from a measured one.

    Raises: DataError when the history has no runs, or runs whose parameters are missing.
    """

    is_real = False

    def __init__(
        self,
        process: Process,
        history: History,
        *,
        seed: int = 0,
        resample: bool = False,
        tolerance: float = 1e-6,
        run_s: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        self._process = process
        self._clock: Clock = SimulatedClock() if clock is None else clock
        self._record = _Record(process, history, seed, tolerance)
        self._resample = resample
        self._run_ns = round(run_s * 1e9)
        self._lease = ObjectLease("replayed history")
        self._setpoints = self._record.settings(0)
        self._source_time = self._clock.utc_ns()
        self._step = -1
        self._begin_ns = self._clock.monotonic_ns()
        self._connected = self._closed = False

    @property
    def clock(self) -> Clock:
        """The clock given, by default a simulated one."""
        return self._clock

    @property
    def variables(self) -> Mapping[str, PlantVariable]:
        """Parameters as outputs and context, with the ranges that were measured."""
        return self._record.variables

    @property
    def notes(self) -> tuple[str, ...]:
        """How many runs there are."""
        return (f"replay of {self._record.count} measured runs",)

    def rival(self) -> ReplayPlant:
        """Return a second plant on the same record, which the lease keeps out while this one is connected."""
        other = ReplayPlant.__new__(ReplayPlant)
        other.__dict__.update(self.__dict__, _connected=False, _closed=False)
        return other

    def connect(self) -> None:
        """Take the record. Raises: LifecycleError when another loop holds it, or after close."""
        self._require(not self._connected and not self._closed, "connect", "a plant that was not connected before")
        self._lease.take()
        self._connected = True

    def read(self) -> PlantState:
        """Read everything; after the first time, with the run that has finished.

        Raises: DataError when nobody measured the settings in force in this context, or all its runs are used;
        LifecycleError when not connected.
        """
        self._require(self._connected, "read", "a connected plant")
        finished = () if self._step < 0 else (self._finish(),)
        self._step += 1
        now, receipt = self._clock.utc_ns(), self._clock.monotonic_ns()
        context = self._record.context(self._step)
        return PlantState(
            inputs={},
            outputs=self.read_back(),
            context={
                name: DataValue(name, value, self.variables[name].unit, StatusCode.GOOD, now, receipt, now)
                for name, value in context.items()
            },
            heartbeat=max(self._step, 0),
            connection=1,
            request_ns=receipt,
            receipt_ns=receipt,
            receipt_time=now,
            finished=finished,
        )

    def _finish(self) -> FinishedRun:
        run = self._record.take(self._setpoints, self._record.context(self._step), self._resample)
        end = self._clock.utc_ns()
        name = f"replay-{self._step + 1:06d}"
        return FinishedRun(name, dict(self._setpoints), run.context, run.readings, end - self._run_ns, end)

    def write(self, setpoint: WritableSetpoint, *, roll_back: bool = False) -> WriteResult:
        """Write a group; settings that nobody measured in the present context are refused as out of range."""
        del roll_back  # a group is taken as a whole or not at all
        self._require(self._connected, "write", "a connected plant")
        write = gate.examine(setpoint, self.variables)
        write.compare(self._setpoints, self.variables)
        if self._clock.monotonic_ns() >= write.deadline:
            return write.refused(WriteReason.late)
        if write.faults:
            return write.refused()
        wanted = {**self._setpoints, **write.values}
        context = self._record.context(max(self._step, 0))
        measured = self._record.nearest(wanted, context)
        if not measured[0].exact:
            names = "; ".join(item.text for item in measured)
            return write.refused(WriteReason.out_of_range, f"nobody measured this; the nearest runs: {names}")
        sent = self._clock.monotonic_ns()
        self._setpoints, self._source_time = wanted, self._clock.utc_ns()
        results = gate.judge(write, dict.fromkeys(write.values, StatusCode.GOOD), self._setpoints, self.variables)
        outcome = gate.outcome_of(results)
        return WriteResult(write.command_id, outcome, results, write.deadline, sent, self._clock.monotonic_ns())

    def read_back(self) -> Mapping[str, DataValue]:
        """Read the settings in force. Raises: LifecycleError when not connected."""
        self._require(self._connected, "read_back", "a connected plant")
        now, receipt = self._clock.utc_ns(), self._clock.monotonic_ns()
        return {
            name: DataValue(name, value, self.variables[name].unit, StatusCode.GOOD, now, receipt, self._source_time)
            for name, value in self._setpoints.items()
        }

    def beat(self, counter: int) -> None:
        """Nothing: measured runs do not mind. Raises: LifecycleError when not connected."""
        del counter
        self._require(self._connected, "beat", "a connected plant")

    def close(self) -> None:
        """Give the record back; again is nothing."""
        if self._connected:
            self._lease.give_back()
        self._connected, self._closed = False, True

    def _require(self, holds: bool, call: str, expected: str) -> None:
        if not holds:
            received = (
                "one that was closed" if self._closed else "one that is connected" if self._connected else "a new one"
            )
            raise LifecycleError(where=f"plant.{call}", expected=expected, received=received)


class _Measured:
    """How near one measured run is to a setting: its distance, and the setting in words."""

    def __init__(self, row: int, distance: float, exact: bool, text: str) -> None:
        self.row, self.distance, self.exact, self.text = row, distance, exact, text


class _Run:
    def __init__(self, context: dict[str, float | str], readings: dict[str, list[Any]]) -> None:
        self.context, self.readings = context, readings


class _Record:
    """The measured runs: settings, contexts and readings, and which of them are used."""

    def __init__(self, process: Process, history: History, seed: int, tolerance: float) -> None:
        self._names = [parameter.name for parameter in process.parameters]
        self._contexts = [entry.name for entry in process.context]
        self._columns = [entry.name for entry in process.noise] + [entry.name for entry in process.responses]
        frame = history.read(columns=["run_id", *self._names, *self._contexts], rows="runs")
        if len(frame) == 0 or frame[self._names].isna().to_numpy().any():
            raise DataError(
                where="plant.ReplayPlant",
                expected="runs with all parameters",
                received="no runs" if len(frame) == 0 else "runs without some of them",
                place=repr(history),
            )
        self._runs = frame
        self._generator = np.random.default_rng(seed)
        self._order = self._generator.permutation(len(frame))
        self._used: set[int] = set()
        self._tolerance = tolerance
        available = set(history.columns()["name"])
        readings = history.read(columns=["run_id", *(name for name in self._columns if name in available)])
        self._readings = dict(tuple(readings.groupby("run_id", sort=False)))
        self.variables = self._variables(process)

    @property
    def count(self) -> int:
        return len(self._runs)

    def _variables(self, process: Process) -> dict[str, PlantVariable]:
        found = {}
        for role, entries in ((VariableRole.output, process.parameters), (VariableRole.context, process.context)):
            for entry in entries:
                if entry.categories:
                    found[entry.name] = PlantVariable(entry.name, role, entry.unit, categories=tuple(entry.categories))
                    continue
                column = self._runs[entry.name].to_numpy(dtype=np.float64)
                low, high = float(np.nanmin(column)), float(np.nanmax(column))
                reach = self._tolerance * max(high - low, abs(high), 1e-300)
                found[entry.name] = PlantVariable(
                    entry.name, role, entry.unit, low - reach, high + reach, tolerance=max(reach, 1e-12)
                )
        return found

    def settings(self, step: int) -> dict[str, float | str]:
        return self._values(int(self._order[step % self.count]), self._names)

    def context(self, step: int) -> dict[str, float | str]:
        return self._values(int(self._order[step % self.count]), self._contexts)

    def _values(self, row: int, names: list[str]) -> dict[str, float | str]:
        values = self._runs.iloc[row]
        return {name: str(values[name]) if self.variables[name].categories else float(values[name]) for name in names}

    def nearest(self, settings: Mapping[str, float | str], context: Mapping[str, float | str]) -> list[_Measured]:
        """Return the measured runs of this context, nearest first, at most three beyond the exact ones; else of any."""
        rows = [row for row in range(self.count) if self._same_context(row, context)] or list(range(self.count))
        found = []
        for row in rows:
            measured = self._values(row, self._names)
            parts = [self._apart(name, settings[name], measured[name]) for name in self._names]
            exact = all(gate.same_value(settings[n], measured[n], self.variables[n]) for n in self._names)
            text = ", ".join(f"{n} {measured[n]:g}" if not isinstance(measured[n], str) else f"{n} {measured[n]}"
                             for n in self._names)  # fmt: skip
            found.append(_Measured(row, math.hypot(*parts), exact and self._same_context(row, context), text))
        found.sort(key=lambda item: (not item.exact, item.distance, item.row))
        exact_ones = [item for item in found if item.exact]
        return exact_ones or found[:3]

    def _same_context(self, row: int, context: Mapping[str, float | str]) -> bool:
        mine = self._values(row, self._contexts)
        return all(gate.same_value(mine[name], context[name], self.variables[name]) for name in self._contexts)

    def _apart(self, name: str, a: float | str, b: float | str) -> float:
        if isinstance(a, str) or isinstance(b, str):
            return float(a != b)
        variable = self.variables[name]
        return abs(a - b) / max(variable.high - variable.low, 1e-300)

    def take(self, settings: Mapping[str, float | str], context: Mapping[str, float | str], resample: bool) -> _Run:
        """Use one measured run of this setting and context. Raises: DataError when there is none, or none is left."""
        measured = self.nearest(settings, context)
        if not measured[0].exact:
            raise self._no_run("settings that were measured in this context", settings, measured)
        rows = [item.row for item in measured]
        fresh = [row for row in rows if row not in self._used]
        if not fresh and not resample:
            raise self._no_run("a run that was not used yet", settings, measured)
        if not fresh:
            self._used.difference_update(rows)
            fresh = rows
        row = int(self._generator.choice(fresh))
        self._used.add(row)
        readings = self._readings[self._runs["run_id"].iloc[row]]
        columns = {name: list(readings[name]) for name in self._columns if name in readings}
        return _Run(self._values(row, self._contexts), columns)

    def _no_run(self, expected: str, settings: Mapping[str, float | str], measured: list[_Measured]) -> DataError:
        return DataError(
            where="plant.read",
            expected=expected,
            received=", ".join(f"{name} {value}" for name, value in settings.items()),
            place="; ".join(item.text for item in measured[:3]),
            hint="the nearest measured settings stand in brackets; resample uses runs again",
        )
