"""What the pictures of an inspection are drawn from: counts over all rows, and a sample of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from luban._inspection.rows import NO_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._inspection.options import InspectOptions
    from luban._inspection.rows import Rows

__all__ = ["Rate", "Sample", "missing_blocks", "put_sample_together", "rate_of", "some_rows"]

_BLOCKS = 80
_MOST_BARS = 140
_BARS = (("hour", "h", 1), ("day", "D", 1), ("week", "D", 7), ("month", "M", 1), ("year", "Y", 1))


@dataclass
class Sample:
    """Some rows of a history (all when there are few), by place in the order of time or of the source.

    ``row`` (k) numbers them in the source, ``place`` (k) in order, ``values`` holds each column (k).
    """

    n: int  # rows in all
    timed: bool
    row: NDArray[np.int64]
    place: NDArray[np.int64]
    time: NDArray[np.int64] | None
    values: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def is_all(self) -> bool:
        """Whether nothing was left out."""
        return len(self.row) == self.n


@dataclass(frozen=True)
class Rate:
    """Runs over time: ``edges`` (k + 1) in UTC nanoseconds, ``counts`` (k), and the length of a bar in words."""

    edges: NDArray[np.int64]
    counts: NDArray[np.int64]
    each: str


def some_rows(rows: Rows, options: InspectOptions) -> NDArray[np.int64]:
    """Choose rows with a fixed seed, ascending; all when there are few."""
    if rows.n <= options.sample_rows:
        return np.arange(rows.n)
    rng = np.random.default_rng(options.seed)
    return np.sort(rng.choice(rows.n, options.sample_rows, replace=False))


def put_sample_together(
    rows: Rows, some: NDArray[np.int64], shown: dict[str, NDArray[np.float64]], named: list[tuple[str, int]]
) -> Sample:
    """Put the chosen rows in order, and the rows that findings name (column, row) among them.

    ``shown`` holds the columns at the chosen rows; a row that was only named has the value of its own columns.
    """
    order = np.arange(rows.n) if rows.order is None else rows.order
    place_of = np.full(rows.n, -1, dtype=np.int64)
    place_of[order] = np.arange(len(order))
    chosen = np.union1d(some, np.array([row for _, row in named], dtype=np.int64)).astype(np.int64)
    at = np.flatnonzero(place_of[chosen] >= 0)
    at = at[np.argsort(place_of[chosen[at]], kind="stable")]
    of_findings = {name for joined, _ in named for name in joined.split(", ")}
    views = {view.name: view for view in rows.columns}
    values = {}
    for name, known in shown.items():
        column = np.full(len(chosen), np.nan)
        column[np.searchsorted(chosen, some)] = known
        if len(chosen) > len(some) and name in of_findings:
            column = rows.values(views[name])[chosen]
        values[name] = column[at]
    times = None if rows.times is None else rows.times[chosen[at]]
    return Sample(rows.n, rows.times is not None, chosen[at], place_of[chosen[at]], times, values)


def missing_blocks(rows: Rows, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of missing values in blocks of rows, in order."""
    ordered = rows.in_order(np.isnan(values).astype(np.float64))
    blocks = min(_BLOCKS, len(ordered))
    if not blocks:
        return np.zeros(0)
    edges = np.linspace(0, len(ordered), blocks + 1).astype(np.int64)
    return np.add.reduceat(ordered, edges[:-1]) / np.diff(edges)


def rate_of(times: NDArray[np.int64]) -> Rate | None:
    """Count starts of runs in hours, days, weeks, months or years, whichever gives up to 140 bars."""
    known = np.sort(times[times != NO_TIME])
    if len(known) < 2 or known[0] == known[-1]:
        return None
    low, high = np.quantile(known, [0.001, 0.999]) if len(known) > 2000 else (known[0], known[-1])
    for each, unit, size in _BARS:
        first, last = (np.datetime64(int(t), "ns").astype(f"datetime64[{unit}]") for t in (low, high))
        count = int((last - first).astype(np.int64)) // size + 1
        if count <= _MOST_BARS or unit == "Y":
            edges = (first + np.arange(count + 1) * size).astype("datetime64[ns]").astype(np.int64)
            return Rate(edges, np.histogram(known, bins=edges)[0], each)
    return None
