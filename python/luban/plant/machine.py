"""The equipment behind a simulated plant: a lathe with its setpoints, tool, order book and clock.

Time goes in slots of ``shaft_s``. In the first ``handling_s`` of a slot the next shaft is loaded; then the setpoints
in force are taken for the whole shaft; at the end of the slot the shaft is finished. (A slot stands for one shaft,
whatever its cutting time; the tool wears by the cutting time.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from luban.errors import ConfigurationError
from luban.plant import cutting
from luban.plant.clock import Clock, SimulatedClock
from luban.plant.faults import PlantFaults
from luban.plant.lathe import DIAMETERS, Lathe, Shafts
from luban.plant.lease import ObjectLease
from luban.plant.state import (
    DataValue,
    FinishedRun,
    PlantVariable,
    StatusCode,
    VariableRole,
)

__all__ = ["LATHE_OUTPUTS", "LATHE_RESPONSES", "AppliedWrite", "LatheMachine"]

_OUTPUT, _INPUT, _CONTEXT = VariableRole.output, VariableRole.input, VariableRole.context

#: What the lathe can be told, with the ranges it is made for.
LATHE_OUTPUTS = {
    "cutting_speed": PlantVariable("cutting_speed", _OUTPUT, "m/min", 50.0, 500.0, tolerance=1e-6),
    "feed": PlantVariable("feed", _OUTPUT, "mm/rev", 0.03, 0.3, tolerance=1e-9),
    "depth_of_cut": PlantVariable("depth_of_cut", _OUTPUT, "mm", 0.1, 3.0, tolerance=1e-9),
}
#: What is measured on every shaft; all in um, read 36 times.
LATHE_RESPONSES = dict.fromkeys(
    ("roughness", "peak_to_valley", "root_mean_square", "total_height", "mean_spacing"), "um"
)
_LATHE_INPUTS = {
    **{name: PlantVariable(name, _INPUT, "um", 0.0, 2000.0) for name in LATHE_RESPONSES},
    "spindle_power": PlantVariable("spindle_power", _INPUT, "kW", 0.0, 15.0),
}
_LATHE_CONTEXT = {
    "diameter": PlantVariable("diameter", _CONTEXT, categories=tuple(DIAMETERS)),
    "tool_wear": PlantVariable("tool_wear", _CONTEXT, categories=("New", "Worn")),
}
_START = {"cutting_speed": 280.0, "feed": 0.1, "depth_of_cut": 0.95}
_KEPT = 10_000
_LOTS = 2**32  # beside the shafts' own streams
_BEFORE = 2**31  # number of the shaft that was turned before the first one


@dataclass(frozen=True)
class AppliedWrite:
    """One setpoint that came into force at the plant."""

    at_ns: int
    name: str
    value: float
    command_id: str


class LatheMachine:
    """One lathe that runs. ``start``: its own setpoints, which it also goes back to.

    ``lot_size`` shafts of one diameter come after one another; ``shafts_before``: it goes on after so many, with a new
    edge; ``watchdog_s``: without a growing counter from the
    loop for so long, it goes back to its own setpoints (0: never). ``log`` holds every setpoint that came into force.

    Raises: ConfigurationError for times that do not fit.
    """

    def __init__(
        self,
        lathe: Lathe | None = None,
        *,
        clock: Clock | None = None,
        start: Mapping[str, float] | None = None,
        shaft_s: float = 60.0,
        handling_s: float | None = None,
        lot_size: int = 10,
        heartbeat_s: float = 0.1,
        watchdog_s: float = 0.0,
        shafts_before: int = 0,
    ) -> None:
        handling = shaft_s / 6 if handling_s is None else handling_s
        if not 0 < handling < shaft_s or lot_size < 1 or heartbeat_s <= 0 or min(watchdog_s, shafts_before) < 0:
            raise ConfigurationError(
                where="plant.LatheMachine",
                expected="0 < handling_s < shaft_s, lot_size >= 1, heartbeat_s > 0, watchdog_s and shafts_before >= 0",
                received=f"{handling}, {shaft_s}, {lot_size}, {heartbeat_s}, {watchdog_s}, {shafts_before}",
            )
        self.lathe = Lathe() if lathe is None else lathe
        self.clock: Clock = SimulatedClock() if clock is None else clock
        self.faults = PlantFaults()
        self.lease = ObjectLease("simulated lathe")
        self.log: deque[AppliedWrite] = deque(maxlen=_KEPT)
        self.watchdog_tripped = False
        self._start = {**_START, **(start or {})}
        self.setpoints = dict(self._start)
        self._slot_ns, self._handling_ns = round(shaft_s * 1e9), round(handling * 1e9)
        self._lot_size, self._heartbeat_ns, self._watchdog_ns = lot_size, round(heartbeat_s * 1e9), watchdog_s * 1e9
        gone_ns = shafts_before * self._slot_ns
        self._begin_ns, self._begin_time = self.clock.monotonic_ns() - gone_ns, self.clock.utc_ns() - gone_ns
        self._source_time = dict.fromkeys(self.setpoints, self.clock.utc_ns())
        self._number, self._latched, self._life = shafts_before, dict(self.setpoints), 0.0
        self._beat: tuple[int, int] | None = None
        self._runs: deque[tuple[int, FinishedRun]] = deque(maxlen=_KEPT)
        self._inputs: dict[str, tuple[float, int]] = {}
        self._taken = False
        self._turn(_BEFORE, self.clock.utc_ns())  # so that there is something to read from the start

    @property
    def variables(self) -> dict[str, PlantVariable]:
        """All variables of the lathe."""
        return {**LATHE_OUTPUTS, **_LATHE_INPUTS, **_LATHE_CONTEXT}

    @property
    def heartbeat(self) -> int:
        """The machine's own counter: it goes with its clock."""
        return (self.clock.monotonic_ns() - self._begin_ns) // self._heartbeat_ns

    @property
    def heartbeat_s(self) -> float:
        """Period of the counter."""
        return self._heartbeat_ns / 1e9

    @property
    def shafts(self) -> int:
        """Number of finished shafts."""
        return self._number

    @property
    def flank_wear(self) -> float:
        """Flank wear of the present edge, mm; a worn out one is changed before the next shaft."""
        return float(cutting.flank_wear(self._life, self.lathe.constants.worn_out))

    def advance(self) -> None:
        """Do what the machine has done until now."""
        now = self.clock.monotonic_ns()
        self._watch(now)
        while True:
            begun = self._begin_ns + self._number * self._slot_ns
            if not self._taken and now >= begun + self._handling_ns:
                self._latched, self._taken = dict(self.setpoints), True
            if not self._taken or now < begun + self._slot_ns:
                return
            self._finish(begun)
            self._number, self._taken = self._number + 1, False

    def _watch(self, now: int) -> None:
        if not self._watchdog_ns or self._beat is None or now - self._beat[1] < self._watchdog_ns:
            return
        if not self.watchdog_tripped:
            self.watchdog_tripped = True
            for name, value in self._start.items():
                if self.setpoints[name] != value:
                    self._set(name, value, "watchdog")

    def _finish(self, begun: int) -> None:
        end = begun + self._slot_ns
        end_time = end - self._begin_ns + self._begin_time
        context = self.context()
        shafts = self._turn(self._number, end_time)
        readings: dict[str, list[float | str]] = {"position": list(shafts.position)}
        for name, values in shafts.responses.items():
            readings[name] = [float(value) for value in values[0]]
        run = FinishedRun(
            run_id=f"shaft-{self._number + 1:06d}",
            settings=dict(self._latched),
            context=dict(context),
            readings=readings,
            start_time=end_time - self._slot_ns,
            end_time=end_time,
        )
        self._runs.append((self._number, run))
        self._life += float(shafts.life_used[0])
        if self.flank_wear >= self.lathe.constants.worn_out:
            self._life = 0.0

    def _turn(self, number: int, end_time: int) -> Shafts:
        shafts = self.lathe.run_shaft(self._latched, self.context(), number=number, flank_wear=self.flank_wear)
        for name, values in shafts.responses.items():
            self._inputs[name] = float(values.mean()), end_time
        self._inputs["spindle_power"] = float(shafts.power[0]), end_time
        return shafts

    def context(self) -> dict[str, str]:
        """Return what is given for the shaft in hand: the diameter by lots (seeded), the tool by its flank wear."""
        lot = self._number // self._lot_size
        generator = np.random.Generator(np.random.Philox(key=[self.lathe.seed, _LOTS + lot // 2]))
        order = list(DIAMETERS) if generator.random() < 0.5 else list(reversed(DIAMETERS))  # both, in pairs of lots
        worn = self.flank_wear >= self.lathe.constants.counts_as_worn
        return {"diameter": order[lot % 2], "tool_wear": "Worn" if worn else "New"}

    def runs_since(self, count: int) -> list[FinishedRun]:
        """Return the runs that finished after the first ``count`` ones."""
        return [run for number, run in self._runs if number >= count]

    def beat(self, counter: int) -> None:
        """Take the loop's counter; one that does not grow proves nothing."""
        now = self.clock.monotonic_ns()
        if self._beat is None or counter != self._beat[0]:
            self._beat = (counter, now)
            self.watchdog_tripped = False

    def apply(self, name: str, value: float, command_id: str = "") -> int:
        """Set one setpoint, faults included. Returns the status."""
        self.advance()
        old = self.setpoints[name]
        status, new = self.faults.write_status(name, old, value)
        if new != old:
            self._set(name, new, command_id)
        return status

    def _set(self, name: str, value: float, command_id: str) -> None:
        self.setpoints[name] = value
        self._source_time[name] = self.clock.utc_ns()
        self.log.append(AppliedWrite(self.clock.monotonic_ns(), name, value, command_id))

    def values(self) -> dict[str, DataValue]:
        """All values now, faults included; read a moment later on the same clock."""
        self.advance()
        now, receipt = self.clock.utc_ns(), self.clock.monotonic_ns()
        known: dict[str, tuple[float | str, int]] = {
            **{name: (value, self._source_time[name]) for name, value in self.setpoints.items()},
            **self._inputs,
            **{name: (value, now) for name, value in self.context().items()},
        }
        found = {}
        for name, variable in self.variables.items():
            value, since = known.get(name, (float("nan"), now))
            status = StatusCode.GOOD if name in known else StatusCode.BAD_WAITING_FOR_INITIAL_DATA
            found[name] = DataValue(name, value, variable.unit, status, now, receipt, since)
        return self.faults.spoiled(found, self.variables)
