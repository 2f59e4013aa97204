"""Runs that say the same as an earlier one to the last digit: inputs and every value of every reading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._intake.cells import first_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["repeated_runs", "repeats_of_columns", "rounded"]

_DIGITS = 11  # what two spellings of a number share: one that went through another unit may differ in the last ones
_CHANCE = 1e-3  # repetitions that independent readings would show with a higher probability are not named
_NOISE_SHARE = 0.1  # readings at one point are taken to scatter by at least this share of all scatter
_MOST_DECIMALS = 12
_ELSEWHERE = 10.0  # copies are this many times as frequent as equal values of runs at different inputs
_FIRST_LOOK = 2  # columns of values that are compared before all others
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(1 << 15)  # half of the last bit that counts
_LEADING = ~np.uint64((1 << 16) - 1)  # sign, exponent and 36 bits of the fraction


def repeated_runs(
    run: NDArray[np.int64], inputs: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return for each run the number of the earliest run that says the same, −1 where there is none.

    ``run`` (n) numbers the runs from 0 in their order, ``inputs`` (n, p) and ``values`` (n, m, NaN = missing) are of
    their readings, which may stand in any order. Nothing is named where readings are so coarse that as many equal runs
    would come by chance: equal values are counted against what independent readings at equal inputs would show, and
    against what runs at different inputs do show (those of a machine at rest, say, are equal whatever the inputs are).
    """
    return repeats_of_columns(run, list(np.asarray(inputs).T), list(np.asarray(values).T))


def repeats_of_columns(
    run: NDArray[np.int64], inputs: Sequence[NDArray[Any]], values: Sequence[NDArray[np.float64]]
) -> NDArray[np.int64]:
    """Return what :func:`repeated_runs` does, of columns (n) each."""
    count = int(run.max()) + 1 if len(run) else 0
    original = np.full(count, -1, dtype=np.int64)
    # Two columns tell most runs apart: the others are looked at only for runs that agree in these.
    alike = _agreeing(run, _hashes(values[:_FIRST_LOOK], len(run)), count)
    if not alike.any():
        return original
    every = bool(alike.all())
    rows = slice(None) if every else np.flatnonzero(alike[run])
    content = _of_run(run[rows], _hashes([column[rows] for column in (*inputs, *values)], len(run[rows])), count)
    first = _first_of_equal(content)
    repeats = (first < np.arange(count)) & alike
    if not repeats.any():
        return original
    there = np.zeros(count, dtype=bool)
    for column in values:
        there[run[~np.isnan(column)]] = True
    repeats &= there
    if not repeats.any():
        return original
    at_equal_inputs = _pairs(run, inputs, count)
    both = _pairs(run, [*inputs, *values], count)
    elsewhere = _pairs(run, values, count) - both
    surely = max(0.0, elsewhere - 3.0 * math.sqrt(elsewhere))  # a few may be copies under other inputs
    expected = at_equal_inputs * surely / max(1, count * (count - 1) // 2 - at_equal_inputs)
    by_chance = _log_chance(int(repeats.sum()), at_equal_inputs, run, values) > math.log(_CHANCE)
    if not by_chance and both >= _ELSEWHERE * expected:
        original[repeats] = first[repeats]
    return original


def _agreeing(run: NDArray[np.int64], hashes: NDArray[np.uint64], count: int) -> NDArray[np.bool_]:
    """Which runs have the readings' numbers of another run."""
    first = _first_of_equal(_of_run(run, hashes, count))
    later = first < np.arange(count)
    later[first[later]] = True
    return later


def _pairs(run: NDArray[np.int64], columns: Sequence[NDArray[Any]], count: int) -> int:
    """Count the pairs of runs that are equal in these columns."""
    alike = np.bincount(_first_of_equal(_of_run(run, _hashes(columns, len(run)), count)))
    return int((alike * (alike - 1) // 2).sum())


def _first_of_equal(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each hash (n) the place of the first that equals it."""
    import pandas as pd

    codes, uniques = pd.factorize(hashes)
    return first_places(codes, len(uniques))[codes]


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round each number to the eleven digits that count; −0 becomes 0."""
    values = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** (_DIGITS - 1 - np.where(np.isfinite(exponent), exponent, 0.0))
    out: NDArray[np.float64] = np.round(values * scale) / scale + 0.0
    return out


def _hashes(columns: Sequence[NDArray[Any]], rows: int) -> NDArray[np.uint64]:
    """Return one number for each row (rows); rows that are equal in eleven digits, missing values included, agree.

    Numbers are compared by the leading 36 bits of their binary fraction, rounded: as many as eleven digits need.
    """
    out, values, shifted = np.zeros(rows, dtype=np.uint64), np.empty(rows), np.empty(rows, dtype=np.uint64)
    for column in columns:
        np.add(column, 0.0, out=values)  # −0 becomes 0
        if rows and math.isnan(values.min()):
            values[np.isnan(values)] = np.nan  # there is one kind of NaN
        bits = values.view(np.uint64)
        bits += _HALF
        bits &= _LEADING
        out ^= bits
        out *= _MIX
        out ^= np.right_shift(out, np.uint64(29), out=shifted)
    return out


def _of_run(run: NDArray[np.int64], hashes: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """Sum the readings' numbers by run: their order does not matter, how many there are does."""
    out = np.zeros(count, dtype=np.uint64)
    np.add.at(out, run, hashes * _MIX + np.uint64(1))
    return out


def _log_chance(found: int, pairs: int, run: NDArray[np.int64], values: Sequence[NDArray[np.float64]]) -> float:
    """Bound the probability that ``found`` of ``pairs`` of runs at equal inputs agree although nothing was copied."""
    ways = math.lgamma(pairs + 1) - math.lgamma(found + 1) - math.lgamma(pairs - found + 1)
    readings = len(run) / len(np.unique(run))
    return ways + found * readings * sum(_log_agreement(column) for column in values)


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
