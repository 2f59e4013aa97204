"""The rows of a source, one column at a time, with when and where each was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from luban import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ColumnView", "Rows", "make_rows", "time_text"]

NO_TIME = np.iinfo(np.int64).min
_OF_RUNS = frozenset(
    {"run_id", "repeat", "reading_time", "run_time", "start_time", "end_time", "status", "group", "equipment",
     "material_lot", "recipe", "source"}
)  # fmt: skip
_PARTS = ("source", "equipment")  # where units, clocks and levels may differ


@dataclass(frozen=True)
class ColumnView:
    """A column that is looked at."""

    name: str
    role: str  # parameter, context, noise, response, identifier or auxiliary
    unit: str
    kind: str  # number, category or text
    categories: tuple[str, ...] = ()
    low: float = np.nan  # what the process states
    high: float = np.nan
    late: bool = False


@dataclass
class Rows:
    """What is read of a source: columns on demand, and for each row its time and its part of the plant.

    ``times`` (n) are UTC nanoseconds of the start of the row's run, None where no run has one. ``parts`` holds for
    ``source`` and ``equipment`` the codes (n, −1 = unknown) with their names, where there are at least two.
    """

    source: _core.TableSource
    n: int
    columns: list[ColumnView]
    times: NDArray[np.int64] | None
    ends: NDArray[np.int64] | None
    parts: dict[str, tuple[NDArray[np.int32], list[str]]] = field(default_factory=dict)
    imported_time: int | None = None  # of the newest import, UTC nanoseconds

    def values(self, column: ColumnView) -> NDArray[np.float64]:
        """Return a column (n) as numbers: categories and texts as their codes, missing NaN."""
        read = self.source.read([column.name], 0, self.n).column(column.name)
        values = read.values
        if read.info.kind == _core.ColumnKind.float64:
            return np.asarray(values, dtype=np.float64)
        codes = np.asarray(values, dtype=np.int32) if read.info.kind == _core.ColumnKind.code else _coded(values)[0]
        return np.where(codes < 0, np.nan, codes.astype(np.float64))

    @cached_property
    def order(self) -> NDArray[np.int64] | None:
        """Rows in order of time, those without a time left out; None when they stand in it already."""
        if self.times is None:
            return None
        known = self.times != NO_TIME
        if known.all() and bool((np.diff(self.times) >= 0).all()):
            return None
        return np.flatnonzero(known)[np.argsort(self.times[known], kind="stable")]

    def in_order(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values of rows (n) in order of time, or of the source where times are unknown."""
        return values if self.order is None else values[self.order]

    def row_at(self, place: int) -> int:
        """Return the row at a place of :meth:`in_order`."""
        return place if self.order is None else int(self.order[place])

    def time_at(self, row: int) -> str:
        """Return when a row's run began, "" when unknown."""
        return "" if self.times is None or not 0 <= row < self.n else time_text(int(self.times[row]))

    def run_id(self, row: int) -> str:
        """Return the run that a row belongs to."""
        return str(self.source.read(["run_id"], row, row + 1)["run_id"][0]) if 0 <= row < self.n else ""

    def place(self, row: int) -> str:
        """Say where a row is: "run 17, row 2,014, 2026-03-01 12:00"."""
        time = self.time_at(row)
        return f"run {self.run_id(row)}, row {row:,}" + (f", {time}" if time else "")


def time_text(nanoseconds: int) -> str:
    """Return a time as people read it, to the minute or the second; "" for none."""
    if nanoseconds == NO_TIME:
        return ""
    text = str(np.datetime64(nanoseconds, "ns").astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(":00")


def make_rows(process: _core.Process, source: _core.TableSource) -> Rows:
    """Read what belongs to every row: times, source, equipment. Raises: DataError when the source cannot be read."""
    n = source.row_count()
    schema = {info.name: info for info in source.schema()}
    rows = Rows(source, n, _columns(process, schema), None, None)
    start = next((name for name in ("start_time", "run_time") if name in schema), "")
    rows.times = _times(source, start, n)
    if rows.times is None and "reading_time" in schema:
        rows.times = _times(source, "reading_time", n)
    elif "end_time" in schema:
        rows.ends = _times(source, "end_time", n)
    for name in _PARTS:
        if name in schema:
            coded = _part(source, schema[name], n)
            if len(coded[1]) > 1:
                rows.parts[name] = coded
    imports = getattr(source, "provenance", None)
    if imports:
        rows.imported_time = max(int(entry.time) for entry in imports)
    return rows


def _times(source: _core.TableSource, name: str, n: int) -> NDArray[np.int64] | None:
    if not name:
        return None
    times = np.asarray(source.read([name], 0, n)[name]).astype("datetime64[ns]").view(np.int64)
    return times if bool((times != NO_TIME).any()) else None


def _coded(values: object) -> tuple[NDArray[np.int32], list[str]]:
    import pandas as pd

    numbers, found = pd.factorize(np.asarray(values, dtype=object))
    names, codes = [str(name) for name in found], np.asarray(numbers, dtype=np.int32)
    if "" in names:
        empty = names.index("")
        codes[codes == empty] = -1
    return codes, names


def _part(source: _core.TableSource, info: _core.ColumnInfo, n: int) -> tuple[NDArray[np.int32], list[str]]:
    values = source.read([info.name], 0, n)[info.name]
    if info.kind == _core.ColumnKind.code:
        codes = np.asarray(values, dtype=np.int32)
        names = list(info.categories)
    else:
        codes, names = _coded(values)
    seen = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(names)))
    number = np.full(len(names) + 1, -1, dtype=np.int32)
    number[seen] = np.arange(len(seen), dtype=np.int32)
    return number[codes], [names[k] for k in seen]


def _columns(process: _core.Process, schema: dict[str, _core.ColumnInfo]) -> list[ColumnView]:
    stated: dict[str, tuple[str, object]] = {}
    for role in ("parameters", "context", "noise", "responses"):
        for variable in getattr(process, role):
            stated[variable.name] = (role.removesuffix("s"), variable)
    out = []
    for name, info in schema.items():
        if name in _OF_RUNS and name not in stated:
            continue
        role, variable = stated.get(name, ("auxiliary", None))
        if variable is None and name in process.identifiers:
            role = "identifier"
        if info.kind not in (_core.ColumnKind.float64, _core.ColumnKind.code, _core.ColumnKind.string):
            continue
        kind = {"float64": "number", "code": "category", "string": "text"}[info.kind.name]
        out.append(
            ColumnView(
                name,
                role,
                info.unit,
                kind,
                tuple(info.categories),
                float(getattr(variable, "low", np.nan)),
                float(getattr(variable, "high", np.nan)),
                bool(getattr(variable, "late", False)),
            )
        )
    order = {"parameter": 0, "context": 1, "noise": 2, "response": 3, "auxiliary": 4, "identifier": 5}
    return sorted(out, key=lambda column: order[column.role])
