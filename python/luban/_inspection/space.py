"""How much of the search space the runs have seen, and which parameters cannot be told apart."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._inspection.kinds import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from luban._core import Dataset
    from luban._inspection.options import InspectOptions

__all__ = ["Space", "look_at_space"]

_MOST_SETTINGS = 5_000  # distances are to so many different settings at most, drawn with the seed
_CORNER = 1.0 / 3.0  # of each range


@dataclass(frozen=True)
class Space:
    """What is known of the search space: share within reach of a run, and each pair of numeric parameters."""

    parameters: int
    settings: int
    within_reach: float  # NaN without parameters
    reach: float
    pairs: pd.DataFrame


def look_at_space(data: Dataset, of_runs: NDArray[np.float64], options: InspectOptions) -> tuple[Space, list[Found]]:
    """Measure coverage from the coded inputs of the runs (runs, p): 0 … 1 is the stated range of a number."""
    import pandas as pd

    variables = data.encoder.variables
    chosen = [j for j, v in enumerate(variables) if v.role.name == "parameter"]
    numeric = [j for j in chosen if variables[j].is_numeric]
    settings = np.unique(of_runs[:, chosen], axis=0) if chosen else np.zeros((0, 0))
    share = _within_reach(data, settings, chosen, options) if chosen else math.nan
    rows: list[tuple[str, str, float, int, str]] = []
    found: list[Found] = []
    varied = [j for j in numeric if np.ptp(of_runs[:, j]) > 0.0]
    for a, b in itertools.combinations(varied, 2):
        r = _correlation(of_runs[:, a], of_runs[:, b])
        empty = _empty_corners(of_runs[:, a], of_runs[:, b])
        rows.append((variables[a].name, variables[b].name, r, len(empty), ", ".join(empty)))
    columns = ["first", "second", "correlation", "empty_corners", "which"]
    pairs = pd.DataFrame(rows, columns=columns)
    found += _together(data, of_runs, varied, pairs, len(settings), options)
    found += _thin(share, len(settings), options)
    found += _corners(pairs, options)
    found += _never_run(data, of_runs, chosen)
    space = Space(len(chosen), len(settings), share, options.reach, pairs)
    return space, found


def _within_reach(data: Dataset, settings: NDArray[np.float64], chosen: list[int], options: InspectOptions) -> float:
    """Return the share of points, drawn evenly over the space, that are near a run of the same categories.

    Near: ``reach`` of each range away or less, as root mean square over the numbers.
    """
    rng = np.random.default_rng(options.seed)
    if len(settings) > _MOST_SETTINGS:
        settings = settings[rng.choice(len(settings), _MOST_SETTINGS, replace=False)]
    variables = [data.encoder.variables[j] for j in chosen]
    drawn = np.column_stack(
        [
            rng.random(options.space_points)
            if v.is_numeric
            else rng.integers(0, len(v.categories), options.space_points).astype(np.float64)
            for v in variables
        ]
    )
    number = [k for k, v in enumerate(variables) if v.is_numeric]
    rest = [k for k, v in enumerate(variables) if not v.is_numeric]
    limit = len(number) * options.reach**2
    near = 0
    for block in np.array_split(drawn, max(1, len(drawn) * len(settings) // 2_000_000)):
        squares = np.zeros((len(block), len(settings)))
        for k in number:
            squares += (block[:, k, None] - settings[None, :, k]) ** 2
        for k in rest:
            squares[block[:, k, None] != settings[None, :, k]] = math.inf
        near += int((squares.min(axis=1) <= limit + 1e-12).sum())
    return near / len(drawn)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0.0 and b.std() > 0.0 else math.nan


def _empty_corners(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[str]:
    """Name the corners, a third of each stated range wide, without any run."""
    empty = []
    for way_a, way_b in itertools.product(("low", "high"), repeat=2):
        in_a = a < _CORNER if way_a == "low" else a > 1.0 - _CORNER
        in_b = b < _CORNER if way_b == "low" else b > 1.0 - _CORNER
        if not (in_a & in_b).any():
            empty.append(f"{way_a}/{way_b}")
    return empty


def _together(
    data: Dataset,
    of_runs: NDArray[np.float64],
    varied: list[int],
    pairs: pd.DataFrame,
    settings: int,
    options: InspectOptions,
) -> Iterator[Found]:
    names = {j: data.encoder.variables[j].name for j in varied}
    if settings < 4:
        return
    named: set[str] = set()
    records: Any = pairs.itertuples(index=False)
    for row in records:
        if abs(row.correlation) < options.collinear:
            continue
        a, b = (next(j for j in varied if names[j] == name) for name in (row.first, row.second))
        count = len(np.unique(of_runs[:, [a, b]], axis=0))
        locked = count == len(np.unique(of_runs[:, a])) == len(np.unique(of_runs[:, b])) < len(of_runs)
        text = (
            "were never moved one without the other"
            if locked
            else f"move together (correlation {row.correlation:+.3f})"
        )
        named |= {row.first, row.second}
        yield Found(
            "collinear",
            f"{row.first} and {row.second} {text}: their effects cannot be told apart.",
            column=f"{row.first}, {row.second}",
            value=float(row.correlation),
            strength=3.0 * abs(float(row.correlation)),
        )
    if len(varied) < 3 or len(of_runs) < 3 * len(varied):
        return
    for j in varied:  # one that follows from several
        others = [k for k in varied if k != j]
        design = np.column_stack([np.ones(len(of_runs)), of_runs[:, others]])
        rest = of_runs[:, j] - design @ np.linalg.lstsq(design, of_runs[:, j], rcond=None)[0]
        multiple = math.sqrt(
            max(0.0, 1.0 - float((rest**2).sum() / ((of_runs[:, j] - of_runs[:, j].mean()) ** 2).sum()))
        )
        if multiple >= options.collinear and names[j] not in named:
            named |= {names[k] for k in varied}
            yield Found(
                "collinear",
                f"{names[j]} follows from the other parameters (multiple correlation {multiple:.3f}): its effect "
                "cannot be told from theirs.",
                column=names[j],
                value=multiple,
                strength=3.0 * multiple,
            )


def _thin(share: float, settings: int, options: InspectOptions) -> Iterator[Found]:
    if math.isfinite(share) and share < 0.5:
        yield Found(
            "thin_coverage",
            f"{100 * share:.0f} % of the search space lies within reach of a run (on average "
            f"{100 * options.reach:.0f} % of each range away, same categories): {settings:,} different settings were "
            "run.",
            value=share,
            strength=1.0 - share,
        )


def _corners(pairs: pd.DataFrame, options: InspectOptions) -> Iterator[Found]:
    if pairs.empty:
        return
    bare = pairs[(pairs["empty_corners"] > 0) & (pairs["correlation"].abs() < options.collinear)]
    records: Any = bare.sort_values("empty_corners", ascending=False, kind="stable").head(3).itertuples(index=False)
    for row in records:
        more = f" ({len(bare) - 3} more pairs have such corners.)" if len(bare) > 3 else ""
        yield Found(
            "empty_corner",
            f"{row.first} and {row.second} were never run together in {row.empty_corners} of their 4 corners: "
            f"{row.which} (outer thirds of their ranges).{more}",
            column=f"{row.first}, {row.second}",
            value=float(row.empty_corners),
            strength=0.25 * float(row.empty_corners),
        )


def _never_run(data: Dataset, of_runs: NDArray[np.float64], chosen: list[int]) -> Iterator[Found]:
    """Categories of parameters that were never run, alone or with one of another parameter or context."""
    variables = data.encoder.variables
    names = [j for j in chosen if not variables[j].is_numeric]
    context = [j for j, v in enumerate(variables) if v.role.name == "context" and not v.is_numeric]
    for k, j in enumerate(names):
        seen = np.unique(of_runs[:, j]).astype(int)
        absent = [c for code, c in enumerate(variables[j].categories) if code not in seen]
        if absent:
            yield Found(
                "empty_combination",
                f"{variables[j].name} was never {' or '.join(absent[:8])}.",
                column=variables[j].name,
                strength=1.0,
            )
        for other in names[k + 1 :] + context:
            seen_other = np.unique(of_runs[:, other]).astype(int)
            both = {tuple(row) for row in np.unique(of_runs[:, [j, other]], axis=0).astype(int).tolist()}
            bare = [(a, b) for a in seen.tolist() for b in seen_other.tolist() if (a, b) not in both]
            if bare:
                texts = [f"{variables[j].categories[a]} with {variables[other].categories[b]}" for a, b in bare[:4]]
                more = f" and {len(bare) - 4} more" if len(bare) > 4 else ""
                yield Found(
                    "empty_combination",
                    f"{variables[j].name} and {variables[other].name}: {', '.join(texts)}{more} never ran.",
                    column=f"{variables[j].name}, {variables[other].name}",
                    rows=len(bare),
                    strength=0.5,
                )
