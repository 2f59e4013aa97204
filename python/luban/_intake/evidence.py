"""What numbers themselves say: whether they were set or measured, and whether they follow from other columns.

Settings come back: few values, or a few that fill most rows. Measurements have many values and digits, gather around a
middle, and vary while all settings are equal. A column that other columns give to its last digit was computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._intake.table import ColumnGuess, Table

__all__ = ["Formula", "computed_from", "follows_the_clock", "set_or_measured", "varies_within"]

FEW = 12  # distinct values of something that is set
_ROWS = 2000  # looked at for formulas
_MOST_SOURCES = 16


class Formula(NamedTuple):
    """A column that may be computed: ``text`` says how, from ``sources`` (headers). ``kind``: sum, line or product."""

    text: str
    sources: tuple[str, ...]
    kind: str


def set_or_measured(values: NDArray[np.float64]) -> float:
    """Between about +2 (set) and −3 (measured); 0 where the numbers do not say. ``values``: (rows,)."""
    there = values[np.isfinite(values)]
    count = len(there)
    levels, counts = np.unique(there, return_counts=True)
    if count < 8:
        return 1.0 if len(levels) * 2 <= count else 0.0
    if len(levels) <= FEW and count >= 2 * len(levels):
        return -1.0 if _gathers(levels, counts) else 2.0
    mode = int(counts.argmax())
    if mode in (0, len(levels) - 1):  # empty of something, or at the end of a scale: says nothing about the rest
        counts = np.delete(counts, mode)
    rest = int(counts.sum())
    share = np.sort(counts)[-10:].sum() / rest if len(counts) > 10 else 0.0
    score = 1.5 if share >= 0.5 else 0.5 if share >= 0.25 else 0.0
    ratio = len(counts) / rest
    score -= 1.0 if ratio > 0.8 else 0.5 if ratio > 0.5 else 0.0
    return score - (1.0 if np.median([_digits(value) for value in there[:_ROWS]]) >= 5 else 0.0)


def _gathers(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> bool:
    """Whether neighbouring values of a scale rise to a middle and fall again, as rounded measurements do."""
    if len(levels) < 6:
        return False
    steps = np.diff(levels)
    middle = int(counts.argmax())
    even = bool(steps.max() < 2.5 * steps.min())
    rises = bool((np.diff(counts[: middle + 1]) >= 0).all() and (np.diff(counts[middle:]) <= 0).all())
    return even and rises and max(counts[0], counts[-1]) * 3 < counts[middle]


def _digits(value: float) -> int:
    """Significant digits of a number as it is written."""
    text = f"{abs(value):.12g}".split("e")[0].replace(".", "")
    return len(text.strip("0"))


def varies_within(key: NDArray[np.int64], codes: NDArray[np.int64]) -> float | None:
    """Share of repeated combinations in which a column varies, or None where hardly any is repeated. Both (rows,)."""
    inverse, sizes = np.unique(key, return_inverse=True, return_counts=True)[1:]
    repeated = sizes > 1
    if repeated.sum() < 3 or sizes[repeated].sum() < 0.3 * len(key):
        return None
    pairs = np.unique(np.stack([inverse, codes]), axis=1)[0]
    return float((np.bincount(pairs, minlength=len(sizes))[repeated] > 1).mean())


def follows_the_clock(table: Table, column: ColumnGuess) -> str:
    """Return the header of a time whose hour and minute, weekday or month gives the column; "" for none."""
    import pandas as pd

    from luban._intake.table import decides

    if column.distinct * 4 > table.rows:
        return ""
    for header, series in table.times.items():
        if series.dtype.kind == "M":
            stamps = series
        else:
            day_first = bool(series.astype(str).str.contains(".", regex=False).iloc[0])
            stamps = pd.to_datetime(series, errors="coerce", format="mixed", dayfirst=day_first)
        if stamps.isna().any() or stamps.dtype.kind != "M":
            continue
        for part in (stamps.dt.strftime("%H:%M:%S"), stamps.dt.day_of_week, stamps.dt.month):
            key = pd.factorize(part)[0].astype(np.int64)
            if 1 < len(np.unique(key)) < table.rows / 2 and decides(key, table.codes[column.header]):
                return header
    return ""


def computed_from(table: Table, column: ColumnGuess, others: Sequence[ColumnGuess]) -> Formula | None:
    """Find whether a column is a line, a sum or a product of powers of others, to within their rounding."""
    if column.distinct < 5 or not others:
        return None
    others = others[-_MOST_SOURCES:]
    stacked = np.stack([table.numbers[c.header] for c in (column, *others)])
    stacked = stacked[:, np.isfinite(stacked).all(axis=0)]
    stacked = stacked[:, :: max(1, stacked.shape[1] // _ROWS)]
    if stacked.shape[1] < 12:
        return None
    y, X = stacked[0], stacked[1:]
    steps = np.array([_step(row) for row in stacked])
    headers = [other.header for other in others]
    for i, header in enumerate(headers):
        if others[i].distinct >= 5 and (line := _line(y, X[i], steps[0], steps[i + 1])) is not None:
            return Formula(f"{header}{line}", (header,), "line")
    if stacked.shape[1] < 3 * len(others) + 6:
        return None
    return _sum(y, X, steps, headers) or _product(y, X, steps, headers)


def _step(values: NDArray[np.float64]) -> float:
    """Place of the last digit that values are written with."""
    for power in range(-3, 10):
        scaled = values * 10.0**power
        if (np.abs(scaled - np.round(scaled)) < 1e-6 * np.maximum(1.0, np.abs(scaled))).mean() > 0.99:
            return float(10.0**-power)
    return 0.0


def _exact(y: NDArray[np.float64], guess: NDArray[np.float64], allowed: NDArray[np.float64]) -> bool:
    """Whether a formula gives a column within rounding, and rounding is small beside its spread."""
    allowed = 1.02 * allowed + 1e-9 * np.abs(y).max()
    hit = np.abs(y - guess) <= allowed
    return bool(hit.mean() > 0.98 and np.median(allowed) < 0.2 * y.std())


def _line(y: NDArray[np.float64], x: NDArray[np.float64], step_y: float, step_x: float) -> str | None:
    if x.std() == 0:
        return None
    slope, start = np.polyfit(x, y, 1)
    allowed = 0.75 * (step_y + abs(slope) * step_x)
    close = bool((np.abs(y - slope * x - start) <= allowed).mean() > 0.98 and np.corrcoef(x, y)[0, 1] ** 2 > 0.95)
    if slope == 0 or not (close or _exact(y, slope * x + start, np.full(len(y), allowed))):
        return None
    return "" if abs(slope - 1) < 1e-6 and abs(start) <= step_y else ", on a straight line"


def _sum(
    y: NDArray[np.float64], X: NDArray[np.float64], steps: NDArray[np.float64], headers: list[str]
) -> Formula | None:
    design = np.column_stack([X.T, np.ones(len(y))])
    weights, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    whole = np.round(weights[:-1])
    used = np.flatnonzero(whole)
    if rank < design.shape[1] or len(used) < 2 or np.abs(whole).max() > 1 or np.abs(weights[:-1] - whole).max() > 0.02:
        return None
    start = float(np.median(y - whole @ X))
    names = tuple(headers[i] for i in used)
    rounding = 0.5 * (2 * steps[0] + steps[1:][used].sum())
    if (whole[used] < 0).all():  # parts of a mixture, rounded one by one
        if _exact(y, whole @ X + start, np.full(len(y), max(rounding, 0.002 * abs(start)))):
            return Formula(f"{start:.4g} less the sum of {', '.join(names)}", names, "mixture")
        return None
    if not _exact(y, whole @ X + start, np.full(len(y), rounding)):
        return None
    terms = "".join(f" {'+' if whole[i] > 0 else '-'} {headers[i]}" for i in used)
    return Formula(terms.removeprefix(" + ").strip(), names, "sum")


def _product(
    y: NDArray[np.float64], X: NDArray[np.float64], steps: NDArray[np.float64], headers: list[str]
) -> Formula | None:
    positive = np.flatnonzero((X > 0).all(axis=1))
    rows = y > 0
    if len(positive) < 2 or rows.mean() < 0.8:
        return None
    logs = np.log(X[positive][:, rows])
    design = np.column_stack([logs.T, np.ones(rows.sum())])
    relative = np.clip(steps[0] / y[rows] + (steps[1:][positive, None] / X[positive][:, rows]).sum(axis=0), 1e-9, None)
    scale = 1 / relative
    weights, _, rank, _ = np.linalg.lstsq(design * scale[:, None], np.log(y[rows]) * scale, rcond=None)
    powers = np.round(weights[:-1])
    used = np.flatnonzero(powers)
    if rank < design.shape[1] or not 2 <= len(used) <= 5 or np.abs(powers).max() > 3:
        return None
    if np.abs(weights[:-1] - powers).max() > 0.06:
        return None
    shape = np.exp(powers @ logs)
    factor = float(np.exp(np.median(np.log(y[rows]) - powers @ logs)))
    rounding = sum(abs(powers[i]) * steps[1 + positive[i]] / X[positive[i]][rows] for i in used)
    if not _exact(y[rows], factor * shape, 0.5 * steps[0] + 0.6 * rounding * factor * shape + 0.005 * y[rows]):
        return None
    names = tuple(headers[positive[i]] for i in used)
    above = " * ".join(_power(headers[positive[i]], powers[i]) for i in used if powers[i] > 0) or "1"
    below = "".join(f" / {_power(headers[positive[i]], -powers[i])}" for i in used if powers[i] < 0)
    return Formula(above + below, names, "product")


def _power(name: str, power: float) -> str:
    return name if power == 1 else f"{name}^{power:g}"
