"""Values beside what the process file states of them: ranges, limits, whole numbers, and what a number can hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from luban import _core

__all__ = ["Remark", "digits_lost", "remarks"]

_EXACT = 2.0**53  # beyond it not every whole number has a float64


@dataclass(frozen=True)
class Remark:
    """One sentence on one column; ``row`` is the first value concerned, by its place."""

    kind: str  # outside_stated, not_whole or digits_lost
    column: str
    row: int
    value: float
    message: str


def remarks(variable: _core.Variable, values: NDArray[np.float64]) -> list[Remark]:
    """Compare the values (n, NaN = missing) of a numeric parameter, context or noise variable with its statement."""
    if variable.categories or not (np.isfinite(values[:1]).any() or np.isfinite(values).any()):
        return []
    return [*_outside(variable, values), *_fractions(variable, values), *digits_lost(variable.name, values)]


def digits_lost(name: str, values: NDArray[np.float64]) -> list[Remark]:
    """Name numbers so large that their last digits cannot be held."""
    if _within(values, -_EXACT, _EXACT):
        return []
    with np.errstate(invalid="ignore"):
        at = np.flatnonzero(np.abs(values) > _EXACT)
    if not len(at):
        return []
    message = (
        f"{name}: {len(at):,} of {_present(values):,} values lie beyond 2^53 = {int(_EXACT):,}: their last digits are "
        "lost. A column of names or numbers of parts is an identifier."
    )
    return [Remark("digits_lost", name, int(at[0]), float(values[at[0]]), message)]


def _outside(variable: _core.Variable, values: NDArray[np.float64]) -> Iterator[Remark]:
    limits = getattr(variable, "limits", None)
    spans = [("outside", variable.low, variable.high)]
    if limits is not None:
        spans.insert(0, ("outside its limits", limits.low, limits.high))
    for words, low, high in spans:
        if not (math.isfinite(low) or math.isfinite(high)):
            continue
        scale = max(abs(bound) for bound in (low, high) if math.isfinite(bound))
        low, high = (low if math.isfinite(low) else -math.inf), (high if math.isfinite(high) else math.inf)
        low_edge, high_edge = low - 1e-9 * scale, high + 1e-9 * scale
        if _within(values, low_edge, high_edge):
            continue
        with np.errstate(invalid="ignore"):
            at = np.flatnonzero((values < low_edge) | (values > high_edge))
        if len(at):
            unit = f" {variable.unit}" if variable.unit else ""
            message = (
                f"{variable.name}: {len(at):,} of {_present(values):,} values {words} {low:g} … {high:g}{unit} (seen "
                f"{np.nanmin(values):g} … {np.nanmax(values):g}); is the unit right, or the range too narrow?"
            )
            yield Remark("outside_stated", variable.name, int(at[0]), float(values[at[0]]), message)
            return


def _fractions(variable: _core.Variable, values: NDArray[np.float64]) -> list[Remark]:
    if variable.kind.name != "integer":
        return []
    with np.errstate(invalid="ignore"):
        at = np.flatnonzero(np.abs(values - np.round(values)) > 1e-6)
    if not len(at):
        return []
    message = (
        f"{variable.name}: {len(at):,} of {_present(values):,} values are no whole numbers, the first is "
        f"{values[at[0]]:g}, but the process file says `integer: true`."
    )
    return [Remark("not_whole", variable.name, int(at[0]), float(values[at[0]]), message)]


def _within(values: NDArray[np.float64], low: float, high: float) -> bool:
    """Whether no known value lies beyond; quick, for it needs no memory."""
    return not len(values) or not (np.fmin.reduce(values) < low or np.fmax.reduce(values) > high)


def _present(values: NDArray[np.float64]) -> int:
    return int((~np.isnan(values)).sum())
