"""Single readings far from all others, and levels that move: over time, between sources, between equipment."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from luban._inspection.effects import robust_sd
from luban._inspection.kinds import Found
from luban._inspection.rows import NO_TIME, time_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._core import Dataset
    from luban._inspection.options import InspectOptions
    from luban._inspection.rows import Rows

__all__ = ["alone_in_cell", "find_drift", "find_far", "find_shift", "heavy_limit", "run_means", "within_points"]

_FEWEST = 30  # readings from which on a context has a spread of its own


def heavy_limit(chance: float, n: int) -> float:
    """Return the distance that the farthest of ``n`` readings passes with ``chance``.

    For Student's t with 3 degrees of freedom.
    """
    each, low, high = chance / max(n, 1), 0.0, 1e6
    for _ in range(200):  # two-sided tail of t with 3 degrees of freedom, in closed form
        middle = 0.5 * (low + high)
        tail = 2.0 / math.pi * (math.atan2(math.sqrt(3.0), middle) - math.sqrt(3.0) * middle / (3.0 + middle * middle))
        low, high = (middle, high) if tail > each else (low, middle)
    return high


def alone_in_cell(data: Dataset, X: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which readings (n) have fewer than two fellows in their run and point: repeats cannot judge them."""
    key = np.asarray(data.run, dtype=np.int64)
    for j, variable in enumerate(data.encoder.variables):
        if variable.role.name == "noise":
            codes = np.unique(X[:, j], return_inverse=True)[1].ravel()
            key = key * (int(codes.max(initial=0)) + 1) + codes
    _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    alone: NDArray[np.bool_] = count[inverse.ravel()] < 3
    return alone


def find_far(
    values: NDArray[np.float64], residual: NDArray[np.float64], cell: NDArray[np.int64], options: InspectOptions
) -> list[tuple[int, float, float]]:
    """Return place, deviation and expected value of readings impossibly far from the others of their context.

    ``residual`` (n, NaN = not judged) is what settings leave of ``values``. Each side has its own spread, so that a
    skewed response is not accused on its long side; where half the values are equal nothing can be said.
    """
    judged = np.flatnonzero(np.isfinite(residual))
    if len(judged) < _FEWEST:
        return []
    limit = heavy_limit(options.gross_chance, len(judged))
    deviations = np.zeros(len(residual))
    counts = np.bincount(cell[judged])
    pooled = np.isin(cell[judged], np.flatnonzero(counts < _FEWEST))
    groups = [judged[pooled], *(judged[cell[judged] == k] for k in np.flatnonzero(counts >= _FEWEST))]
    for at in groups:
        if len(at) < _FEWEST:
            continue
        away = residual[at] - float(np.median(residual[at]))
        spread = [robust_side(away[away >= 0.0]), robust_side(-away[away <= 0.0])]
        if min(spread) > 0.0:
            deviations[at] = away / np.where(away >= 0.0, spread[0], spread[1])
    far = np.flatnonzero(np.abs(deviations) > limit)
    if len(far) > max(10, options.gross_share * len(judged)):
        return []  # a heavy tail
    far = far[np.argsort(-np.abs(deviations[far]), kind="stable")]
    return [(int(k), float(deviations[k]), float(values[k] - residual[k])) for k in far]


def robust_side(away: NDArray[np.float64]) -> float:
    """Return the spread of one side: 1.4826 × the median distance, not below a third of the mean distance."""
    if not len(away):
        return 0.0
    return 1.4826 * max(float(np.median(away)), float(np.mean(np.minimum(away, 10.0 * np.median(away)))) / 3.0)


def run_means(data: Dataset, residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean residual of each run, NaN without one; readings of one run are not independent."""
    run = np.asarray(data.run)
    known = np.isfinite(residual)
    count = int(run.max()) + 1
    number = np.bincount(run[known], minlength=count)
    total = np.bincount(run[known], weights=residual[known], minlength=count)
    out: NDArray[np.float64] = np.divide(total, number, out=np.full(len(number), np.nan), where=number > 0)
    return out


def _sign_score(values: NDArray[np.float64], middle: float) -> float:
    """Return the standard score of how many values lie above ``middle``: needs no distribution and no scale."""
    above = float((values > middle).sum()) + 0.5 * float((values == middle).sum())
    return (2.0 * above - len(values)) / math.sqrt(len(values))


def within_points(data: Dataset, of_runs: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each run lies from the mean of the runs at its very point; NaN with fewer than three of them.

    ``of_runs`` (runs, p) are the coded inputs. Along the rows of a file nothing else may be compared: they may be
    sorted by setting, and then what a surface leaves looks like drift.
    """
    chosen = [j for j, variable in enumerate(data.encoder.variables) if variable.role.name != "noise"]
    point = np.unique(of_runs[:, chosen], axis=0, return_inverse=True)[1].ravel()
    known = np.isfinite(means)
    number = np.bincount(point[known], minlength=int(point.max()) + 1)
    total = np.bincount(point[known], weights=means[known], minlength=len(number))
    middle: NDArray[np.float64] = np.divide(total, number, out=np.full(len(number), np.nan), where=number >= 3)
    return np.asarray(means - middle[point], dtype=np.float64)


def find_drift(name: str, unit: str, data: Dataset, means: NDArray[np.float64], options: InspectOptions) -> list[Found]:
    """Compare blocks of time (20, or as many as there are runs for) with the whole, in runs; one finding at most.

    Without times the blocks are of rows; then ``means`` come from :func:`within_points`.
    """
    times = np.asarray(data.run_time).astype("datetime64[ns]").view(np.int64)
    timed = bool((times != NO_TIME).any())
    if not timed:
        times = np.unique(np.asarray(data.run), return_index=True)[1].astype(np.int64)
    at = np.flatnonzero(np.isfinite(means) & (times != NO_TIME))
    blocks = min(options.blocks, len(at) // (2 * options.block_runs))
    scatter = robust_sd(means[at])
    if blocks < 2 or not scatter > 0.0:
        return []
    at = at[np.argsort(times[at], kind="stable")]
    middle = float(np.median(means[at]))
    parts = np.array_split(at, blocks)
    score = np.array([_sign_score(means[part], middle) for part in parts])
    median = np.array([float(np.median(means[part])) for part in parts])
    limit = NormalDist().inv_cdf(1.0 - 0.5 * options.chance / blocks)
    size = float(median.max() - median.min()) / scatter
    if np.abs(score).max() <= limit or size < options.drift_share:
        return []
    worst = int(np.argmax(np.abs(median - middle)))
    part = parts[worst]
    ends = (int(times[part[0]]), int(times[part[-1]]))
    first, last = (time_text(end) if timed else "" for end in ends)
    where = f"{first} to {last}" if timed else f"row {data.source_row[ends[0]]:,} to {data.source_row[ends[1]]:,}"
    along = (
        "with time beyond what settings and context explain"
        if timed
        else "along the rows at equal settings and context"
    )
    trend = np.corrcoef(np.arange(blocks), median)[0, 1] if blocks > 2 else 0.0
    way = "wanders" if abs(trend) < 0.8 else ("rises" if trend > 0 else "falls")
    u = f" {unit}" if unit else ""
    row = int(data.source_row[int(np.flatnonzero(np.asarray(data.run) == part[0])[0])])
    return [
        Found(
            "drift",
            f"{name} {way} {along}: block medians span {median.max() - median.min():.3g}{u}, {size:.2g} times the "
            f"scatter of the runs; farthest from {where}, by {median[worst] - middle:+.3g}{u}.",
            column=name,
            source_row=row,
            value=float(median[worst]),
            expected=middle,
            deviations=size,
            strength=size,
            rows=len(part),
            from_time=first,
            until_time=last,
        )
    ]


def find_shift(
    name: str, unit: str, data: Dataset, rows: Rows, means: NDArray[np.float64], options: InspectOptions
) -> list[Found]:
    """Compare each source and equipment with the others, in runs; one finding per kind of part at most."""
    found = []
    first = np.unique(np.asarray(data.run), return_index=True)[1]
    for what, (codes, names) in rows.parts.items():
        of_run = codes[np.asarray(data.source_row)[first]]
        known = np.isfinite(means) & (of_run >= 0)
        scatter = robust_sd(means[known])
        if not scatter > 0.0 or len(names) > 1000:
            continue
        limit = NormalDist().inv_cdf(1.0 - 0.5 * options.chance / len(names))
        worst: tuple[float, int, int] = (0.0, -1, 0)
        for k in range(len(names)):
            own, rest = means[known & (of_run == k)], means[known & (of_run != k)]
            if len(own) < options.block_runs or len(rest) < options.block_runs:
                continue
            middle = float(np.median(rest))
            away = float(np.median(own)) - middle
            # The others' median is uncertain too.
            score = abs(_sign_score(own, middle)) / math.sqrt(1.0 + len(own) / len(rest))
            if score > limit and abs(away) > max(abs(worst[0]), options.drift_share * scatter):
                worst = (away, k, len(own))
        if worst[1] < 0:
            continue
        u = f" {unit}" if unit else ""
        row = int(np.flatnonzero(codes == worst[1])[0])
        found.append(
            Found(
                "group_shift",
                f"{name} of {what} {names[worst[1]]} lies {abs(worst[0]):.3g}{u} "
                f"{'above' if worst[0] > 0 else 'below'} the others at equal settings and context, "
                f"{abs(worst[0]) / scatter:.2g} times the scatter of the runs.",
                column=name,
                source_row=row,
                value=worst[0],
                deviations=worst[0] / scatter,
                strength=abs(worst[0]) / scatter,
                rows=worst[2],
            )
        )
    return found
