"""The tables of an inspection: inputs, responses, noise, runs per context, pauses, and every column in one line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from luban import _core
from luban._core import Role

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban._core import Dataset, Encoder
    from luban._inspection.rows import ColumnView

__all__ = ["ColumnFacts", "column_facts", "columns_frame", "context_frame", "coverage_frame", "gaps_frame",
           "inputs_frame", "noise_frame", "responses_frame", "short", "usual_sd"]  # fmt: skip

_BINS = 40


def short(value: float) -> str:
    """Return four significant digits."""
    return f"{value:.4g}"


@dataclass(frozen=True)
class ColumnFacts:
    """One column: counts, quantiles, and its distribution over all rows.

    ``edges`` (k + 1) and ``counts`` (k) are a histogram, or one bar per category; ``beyond`` counts values that lie
    so far out that the axis does not reach them.
    """

    view: ColumnView
    missing: int
    distinct: int
    low: float
    median: float
    high: float
    resolution: float
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    beyond: tuple[int, int]


def column_facts(view: ColumnView, values: NDArray[np.float64]) -> ColumnFacts:
    """Describe a column (n, NaN = missing; categories as codes)."""
    present = np.sort(values[np.isfinite(values)])
    missing = len(values) - len(present)
    none, nan = np.zeros(0), math.nan
    if not len(present):
        return ColumnFacts(view, missing, 0, nan, nan, nan, nan, none, none.astype(np.int64), (0, 0))
    steps = np.diff(present)
    distinct = 1 + int((steps > 0.0).sum())
    if view.kind != "number":
        count = len(view.categories) or distinct
        edges = np.arange(count + 1, dtype=np.float64) - np.float64(0.5)
        counts = np.bincount(present.astype(np.int64), minlength=count)
        return ColumnFacts(view, missing, distinct, nan, nan, nan, nan, edges, counts, (0, 0))
    median = 0.5 * float(present[(len(present) - 1) // 2] + present[len(present) // 2])
    low, high = _axis(present, median)
    counts, bounds = np.histogram(present, bins=_BINS if distinct > 1 else 1, range=(low, high))
    edges = bounds.astype(np.float64)
    beyond = (int((present < low).sum()), int((present > high).sum()))
    resolution = _resolution(present, steps)
    return ColumnFacts(
        view, missing, distinct, float(present[0]), median, float(present[-1]), resolution, edges, counts, beyond
    )


def _axis(ordered: NDArray[np.float64], median: float) -> tuple[float, float]:
    """Return the range of a histogram: all values, but not those so far out that the others would be one bar."""
    low, high = float(ordered[0]), float(ordered[-1])
    last = len(ordered) - 1
    inner = ordered[[int(0.005 * last), last - int(0.005 * last)]]
    room = 1.5 * max(float(inner[1] - median), float(median - inner[0]))
    if room > 0.0:
        low, high = max(low, float(inner[0]) - room), min(high, float(inner[1]) + room)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    return low, high


def _resolution(ordered: NDArray[np.float64], steps: NDArray[np.float64]) -> float:
    """Return the step in which a column is recorded: its last decimal place, else the least difference."""
    some = ordered[:: max(1, len(ordered) // 20_000)]
    for digits in range(-3, 10):
        step = 10.0**-digits
        ratio = some / step
        if np.all(np.abs(ratio - np.round(ratio)) < 1e-6 * np.maximum(1.0, np.abs(ratio))):
            return step
    positive = steps[steps > 1e-12 * max(abs(float(ordered[0])), abs(float(ordered[-1])))]
    return float(positive.min()) if len(positive) else math.nan


def inputs_frame(encoder: Encoder, X: NDArray[np.float64]) -> pd.DataFrame:
    """Name, unit, role, what the process states and what was seen."""
    import pandas as pd

    rows = []
    for j, v in enumerate(encoder.variables):
        codes = np.unique(X[:, j])
        if v.is_numeric:
            low, high = (float(encoder.decode_value(j, codes[end])) for end in (0, -1))
            stated, seen = f"{short(v.low)} … {short(v.high)}", f"{short(low)} … {short(high)}"
        else:
            stated = ", ".join(v.categories)
            seen = ", ".join(str(encoder.decode_value(j, c)) for c in codes)
        rows.append((v.name, v.unit, v.role.name, stated, seen, len(codes)))
    return pd.DataFrame(rows, columns=["name", "unit", "role", "stated", "seen", "distinct"])


def responses_frame(data: Dataset, Y: NDArray[np.float64]) -> pd.DataFrame:
    """Return values present and their range."""
    import pandas as pd

    rows = []
    for r, response in enumerate(data.responses):
        y = Y[:, r][~np.isnan(Y[:, r])]
        low, median, high = (float(y.min()), float(np.median(y)), float(y.max())) if len(y) else [math.nan] * 3
        rows.append((response.name, response.unit, len(y), data.n - len(y), low, median, high))
    return pd.DataFrame(rows, columns=["name", "unit", "values", "missing", "low", "median", "high"])


def noise_frame(data: Dataset, Y: NDArray[np.float64], weights: list[NDArray[np.float64]]) -> pd.DataFrame:
    """Return noise within and between runs, gross errors set aside."""
    import pandas as pd

    columns = ["response", "unit", "within_sd", "within_dof", "between_sd", "between_dof", "gross_errors"]
    rows = []
    for r, (response, w) in enumerate(zip(data.responses, weights, strict=True)):
        if not w.any():
            rows.append((response.name, response.unit, math.nan, 0, math.nan, 0, 0))
            continue
        noise = _core.estimate_noise(_core.reduce(data, r, w))
        known = ~np.isnan(Y[:, r])
        within, between = (noise.within_sd, noise.within_dof), (noise.between_sd, noise.between_dof)
        rows.append((response.name, response.unit, *within, *between, int((known & (w == 0.0)).sum())))
    return pd.DataFrame(rows, columns=columns)


def coverage_frame(encoder: Encoder, of_runs: NDArray[np.float64]) -> pd.DataFrame:
    """Return runs per combination of context categories."""
    import pandas as pd

    columns = [j for j in encoder.columns_of(Role.context) if not encoder.variables[j].is_numeric]
    names = [encoder.variables[j].name for j in columns]
    if not columns:
        return pd.DataFrame(columns=["runs"])
    combinations, counts = np.unique(of_runs[:, columns], axis=0, return_counts=True)
    rows = [[encoder.decode_value(j, c) for j, c in zip(columns, row, strict=True)] for row in combinations]
    return pd.DataFrame(rows, columns=names).assign(runs=counts)


def gaps_frame(times: NDArray[np.datetime64], most: int = 5, factor: float = 20.0) -> pd.DataFrame:
    """Pauses of more than ``factor`` times the median pause, longest first."""
    import pandas as pd

    ordered = np.sort(times)
    pauses = np.diff(ordered).astype(np.int64)
    long = np.flatnonzero(pauses > factor * np.median(pauses)) if len(pauses) else np.array([], dtype=np.int64)
    long = long[np.argsort(-pauses[long], kind="stable")][:most]
    rows = [(str(ordered[i]), str(ordered[i + 1]), pauses[i] / 3.6e12) for i in long]
    return pd.DataFrame(rows, columns=["after", "until", "hours"])


def usual_sd(data: Dataset, Y: NDArray[np.float64], weights: list[NDArray[np.float64]]) -> dict[str, float]:
    """Return the standard deviation of all readings of each response, gross errors set aside."""
    usual = [(w > 0.0) & ~np.isnan(y) for w, y in zip(weights, Y.T, strict=True)]
    sds = [float(y[at].std()) if at.any() else math.nan for y, at in zip(Y.T, usual, strict=True)]
    return dict(zip([response.name for response in data.responses], sds, strict=True))


def columns_frame(
    facts: list[ColumnFacts], noise: pd.DataFrame, usual: dict[str, float], findings: pd.DataFrame
) -> pd.DataFrame:
    """Every column in one line: what it is, how complete, how fine, how noisy, how often it was named."""
    import pandas as pd

    names = noise["response"].tolist()
    within_sd = dict(zip(names, noise["within_sd"].tolist(), strict=True))
    between_sd = dict(zip(names, noise["between_sd"].tolist(), strict=True))
    named = findings["column"].str.split(", ").explode().value_counts() if len(findings) else pd.Series(dtype=int)
    rows = []
    for one in facts:
        name = one.view.name
        within, between = within_sd.get(name, math.nan), between_sd.get(name, math.nan)
        rows.append(
            (
                name,
                one.view.role,
                one.view.kind,
                one.view.unit,
                one.missing,
                one.distinct,
                one.low,
                one.median,
                one.high,
                one.resolution,
                within,
                between,
                usual.get(name, math.nan),
                int(named.get(name, 0)),
            )
        )
    names = ["name", "role", "kind", "unit", "missing", "distinct", "low", "median", "high", "resolution", "within_sd",
             "between_sd", "usual_sd", "findings"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def context_frame(
    data: Dataset, X: NDArray[np.float64], Y: NDArray[np.float64], weights: list[NDArray[np.float64]], most: int = 16
) -> pd.DataFrame:
    """Quartiles of each response per combination of context categories, the ``most`` frequent ones, in their order."""
    import pandas as pd

    columns = [j for j in data.encoder.columns_of(Role.context) if not data.encoder.variables[j].is_numeric]
    if columns:
        combinations, number = np.unique(X[:, columns], axis=0, return_inverse=True)
        number = number.ravel()
        texts = [
            " · ".join(str(data.encoder.decode_value(j, c)) for j, c in zip(columns, row, strict=True))
            for row in combinations
        ]
    else:
        number, texts = np.zeros(len(X), dtype=np.int64), ["all"]
    counts = np.bincount(number, minlength=len(texts))
    shown = np.sort(np.argsort(-counts, kind="stable")[:most])
    rows = []
    for r, response in enumerate(data.responses):
        usual = (weights[r] > 0.0) & np.isfinite(Y[:, r])
        for k in shown:
            y = Y[usual & (number == k), r]
            quartiles = np.quantile(y, [0.25, 0.5, 0.75]) if len(y) else [math.nan] * 3
            rows.append((response.name, response.unit, texts[k], len(y), *quartiles))
    names = ["response", "unit", "context", "readings", "lower_quartile", "median", "upper_quartile"]
    out = pd.DataFrame(rows, columns=names)
    out.attrs["combinations"] = len(texts)
    return out
