"""Runs that say the same as an earlier one to the last digit: inputs and every value of every reading."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["repeated_runs", "rounded"]

_DIGITS = 11  # what two spellings of a number share: one that went through another unit may differ in the last ones
_CHANCE = 1e-3  # repetitions that independent readings would show with a higher probability are not named
_NOISE_SHARE = 0.1  # readings at one point are taken to scatter by at least this share of all scatter
_MOST_DECIMALS = 12
_MIX = np.uint64(0x9E3779B97F4A7C15)


def repeated_runs(
    run: NDArray[np.int64], inputs: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return for each run the number of the earliest run that says the same, −1 where there is none.

    ``run`` (n) numbers the runs from 0 in their order, ``inputs`` (n, p) and ``values`` (n, m, NaN = missing) are of
    their readings, which may stand in any order. Nothing is named where readings are so coarse that as many equal runs
    would come by chance: equal values are counted against what independent readings at equal inputs would show.
    """
    count = int(run.max()) + 1 if len(run) else 0
    original = np.full(count, -1, dtype=np.int64)
    there = np.bincount(run, weights=(~np.isnan(values)).any(axis=1), minlength=count) > 0.0
    inputs, values = rounded(inputs), rounded(values)
    settings = _of_run(run, _hashes(inputs), count)
    content = _of_run(run, _hashes(np.column_stack([inputs, values])), count)
    _, first, number = np.unique(content, return_index=True, return_inverse=True)
    earliest = first[number.ravel()]
    repeats = there & (earliest < np.arange(count))
    alike = np.unique(settings, return_counts=True)[1]
    pairs = int((alike * (alike - 1) // 2).sum())
    if repeats.any() and _log_chance(int(repeats.sum()), pairs, run, values) <= math.log(_CHANCE):
        original[repeats] = earliest[repeats]
    return original


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round each number to the eleven digits that count; −0 becomes 0."""
    values = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** (_DIGITS - 1 - np.where(np.isfinite(exponent), exponent, 0.0))
    out: NDArray[np.float64] = np.round(values * scale) / scale + 0.0
    return out


def _hashes(columns: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return one number for each row (n); equal rows, missing values included, have equal ones."""
    import pandas as pd

    out = np.zeros(len(columns), dtype=np.uint64)
    for column in columns.T:
        plain = np.where(np.isnan(column), np.nan, column)  # one kind of NaN
        out = (out ^ pd.util.hash_array(plain)) * _MIX
        out ^= out >> np.uint64(29)
    return out


def _of_run(run: NDArray[np.int64], hashes: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """Sum the readings' numbers by run: their order does not matter, how many there are does."""
    out = np.zeros(count, dtype=np.uint64)
    np.add.at(out, run, hashes * _MIX + np.uint64(1))
    return out


def _log_chance(found: int, pairs: int, run: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    """Bound the probability that ``found`` of ``pairs`` of runs at equal inputs agree although nothing was copied."""
    ways = math.lgamma(pairs + 1) - math.lgamma(found + 1) - math.lgamma(pairs - found + 1)
    readings = len(run) / len(np.unique(run))
    return ways + found * readings * sum(_log_agreement(column) for column in values.T)


def _log_agreement(column: NDArray[np.float64]) -> float:
    """Log of the probability that two independent readings at one point are the same number as it was written."""
    present = column[~np.isnan(column)]
    spread = float(present.std()) if len(present) > 1 else 0.0
    if spread == 0.0 or len(present) < len(column) / 2:
        return 0.0
    tolerance = 1e-9 * float(np.abs(present).max())
    exact = (
        digits
        for digits in range(_MOST_DECIMALS)
        if (np.abs(np.round(present, digits) - present) <= min(tolerance, 1e-3 * 10.0**-digits)).all()
    )
    step = 10.0 ** -next(exact, _MOST_DECIMALS)
    return min(0.0, math.log(step / (2.0 * math.sqrt(math.pi) * _NOISE_SHARE * spread)))
