"""Faults that can be switched on at a simulated plant, to test whoever reads and writes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from luban.plant.state import MISSING_TIME, DataValue, PlantVariable, StatusCode

__all__ = ["PlantFaults"]

_STALE_NS = 3600 * 10**9


@dataclass
class PlantFaults:
    """Which fault is on for which variable, by name; may be changed while the plant runs.

    Of what is read: ``bad`` and ``uncertain`` status; ``nan`` (with a good status, as it happens); ``stale`` (an hour
    old by the server's time); ``out_of_range``; ``wrong_unit`` (a value a thousand times as large, in a unit that says
    so); ``stuck`` (the value stands, its time goes on). Of what is written: ``reject``, ``clamp`` (to the middle of
    the way), ``ignore`` (good, but nothing happens), ``asynchronous`` (good, completes later). ``disconnected``: the
    line is down.
    """

    bad: set[str] = field(default_factory=set)
    uncertain: set[str] = field(default_factory=set)
    nan: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    out_of_range: set[str] = field(default_factory=set)
    wrong_unit: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    reject: set[str] = field(default_factory=set)
    clamp: set[str] = field(default_factory=set)
    ignore: set[str] = field(default_factory=set)
    asynchronous: set[str] = field(default_factory=set)
    disconnected: bool = False
    _last: dict[str, float | str] = field(default_factory=dict, repr=False)

    def clear(self) -> None:
        """Switch all faults off."""
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, set | dict):
                value.clear()
        self.disconnected = False

    def spoiled(self, values: Mapping[str, DataValue], variables: Mapping[str, PlantVariable]) -> dict[str, DataValue]:
        """Return what is read instead of ``values``."""
        return {name: self._spoiled(value, variables[name]) for name, value in values.items()}

    def _spoiled(self, value: DataValue, variable: PlantVariable) -> DataValue:
        name, number = value.name, value.value
        if name in self.stuck:
            number = self._last.setdefault(name, number)
        else:
            self._last[name] = number
        status, unit = value.status, value.unit
        server_time, source_time = value.server_time, value.source_time
        numeric = isinstance(number, float | int)
        if name in self.nan and numeric:
            number = float("nan")
        if name in self.out_of_range and isinstance(number, float | int):
            width = variable.high - variable.low
            number = variable.high + (width if width < float("inf") else abs(number) + 1.0)
        if name in self.wrong_unit and isinstance(number, float | int):
            number, unit = 1000.0 * number, _thousandth(unit)
        if name in self.stale:
            server_time -= _STALE_NS
            source_time = source_time - _STALE_NS if source_time != MISSING_TIME else source_time
        if name in self.uncertain:
            status = StatusCode.UNCERTAIN
        if name in self.bad:
            status = StatusCode.BAD_SENSOR_FAILURE
        return dataclasses.replace(
            value, value=number, unit=unit, status=status, server_time=server_time, source_time=source_time
        )

    def write_status(self, name: str, old: float, new: float) -> tuple[int, float]:
        """Return the status that a write gets, and the value that is in force after it."""
        if name in self.reject:
            return StatusCode.BAD_NOT_WRITABLE, old
        if name in self.clamp:
            return StatusCode.GOOD_CLAMPED, 0.5 * (old + new)
        if name in self.ignore:
            return StatusCode.GOOD, old
        if name in self.asynchronous:
            return StatusCode.GOOD_COMPLETES_ASYNCHRONOUSLY, old
        return StatusCode.GOOD, new


def _thousandth(unit: str) -> str:
    """Return the unit a thousand times as small."""
    first, slash, rest = unit.partition("/")
    smaller = {"m": "mm", "mm": "um", "um": "nm", "kW": "W"}.get(first, f"milli{first}")
    return f"{smaller}{slash}{rest}"
