"""Which lot was made of which: a table of child_lot, parent_lot, quantity, unit and time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from luban._intake.cells import NO_TIME, Codes
from luban._intake.convert import join_codes
from luban._intake.sources.base import refuse_malformed, timezone_of
from luban._times import TIME_REASONS
from luban.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._intake.build import Author
    from luban._intake.sink import Sink
    from luban._intake.sources.base import Source
    from luban.process import Process

__all__ = ["Genealogy", "add_genealogy", "read_genealogy"]

_WHERE = "ingest.read_genealogy"


@dataclass(frozen=True)
class Genealogy:
    """One row for each part of a lot (n): ``quantity`` of ``parent_lot`` in ``unit`` went into ``child_lot``."""

    child_lot: list[str]
    parent_lot: list[str]
    quantity: NDArray[np.float64]  # NaN: unknown
    unit: list[str]
    time: NDArray[np.int64]  # UTC nanoseconds, the smallest number where unknown


def read_genealogy(source: Source, process: Process | None = None) -> Genealogy:
    """Read the lots of any source; quantity, unit and time may be left out.

    ``process`` says where times without a zone were written.

    Raises: DataError on a missing column or lot, a lot that is its own ancestor, a quantity that is no number; IoError.
    """
    header = source.header(["child_lot", "parent_lot", "quantity", "unit", "time"])
    header.require(("child_lot", "parent_lot"), _WHERE, source.place)
    timezone = None if process is None else timezone_of(process, header, source.place)
    texts: dict[str, list[Codes]] = {"child_lot": [], "parent_lot": [], "unit": []}
    quantities, times = [np.empty(0)], [np.empty(0, dtype=np.int64)]
    for chunk in source.chunks(header, ["quantity"]):
        refuse_malformed(chunk, header.names, _WHERE, source.place)
        cells = chunk.cells
        for name, parts in texts.items():
            parts.append(cells.codes(name) if name in header.names else _none(len(cells)))
            if name != "unit":
                _require(parts[-1].codes >= 0, chunk.rows, "a lot in each row", name, source.place)
        values = np.full(len(cells), np.nan)
        if "quantity" in header.names:
            values, _, bad = cells.numbers("quantity", header.decimal)
            _require(~bad, chunk.rows, "numbers", "quantity", source.place)
        quantities.append(values)
        known = np.full(len(cells), NO_TIME, dtype=np.int64)
        if "time" in header.names:
            found = cells.times("time", timezone)
            for reason, bad in found.bad.items():
                _require(~bad, chunk.rows, "times with a zone", "time", source.place, TIME_REASONS[reason])
            known = found.nanoseconds
        times.append(known)
    joined = {name: join_codes(parts).texts().tolist() if parts else [] for name, parts in texts.items()}
    out = Genealogy(
        joined["child_lot"], joined["parent_lot"], np.concatenate(quantities), joined["unit"], np.concatenate(times)
    )
    _refuse_circles(out, source.place)
    return out


def add_genealogy(sink: Sink, process: Process, source: Source, author: Author) -> int:
    """Import lots into a sink, as an import of their own; returns the new rows, 0 when these bytes came before.

    Raises: as :func:`read_genealogy`.
    """
    from luban._intake.build import content_of

    digest = source.digest()
    if sink.imports_of(digest):
        return 0
    lots = read_genealogy(source, process)
    content = content_of(process, author, source.name, digest, len(lots.child_lot), time.time_ns())
    content.set_genealogy(lots.child_lot, lots.parent_lot, lots.quantity, lots.unit, lots.time)
    merged = sink.append(content, np.empty(0, dtype=np.int64))
    return int(merged.material_added)


def _none(rows: int) -> Codes:
    return Codes(np.full(rows, -1, dtype=np.int32), [])


def _require(
    good: NDArray[np.bool_],
    rows: NDArray[np.int64],
    expected: str,
    column: str,
    place: str,
    why: str = "",
) -> None:
    if not good.all():
        raise DataError(
            where=_WHERE,
            expected=expected,
            received=f"something else in data row {int(rows[np.argmin(good)]) + 1}" + (why and f": {why}"),
            place=f"{place}, column {column!r}",
        )


def _refuse_circles(lots: Genealogy, place: str) -> None:
    """Refuse lots that are made of themselves: what is left when lots without open parents are taken away."""
    parents: dict[str, set[str]] = {}
    children: dict[str, set[str]] = {}
    for child, parent in zip(lots.child_lot, lots.parent_lot, strict=True):
        parents.setdefault(child, set()).add(parent)
        parents.setdefault(parent, set())
        children.setdefault(parent, set()).add(child)
    free = [lot for lot, above in parents.items() if not above]
    while free:
        lot = free.pop()
        for child in children.get(lot, ()):
            parents[child].discard(lot)
            if not parents[child]:
                free.append(child)
        del parents[lot]
    if parents:
        raise DataError(
            where=_WHERE,
            expected="lots that are made of others",
            received=f"{min(parents)!r}, which is made of itself by way of others or is behind such a circle",
            place=place,
        )
