"""Runs that say the same as an earlier one to the last digit: inputs and every value of every reading."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["repeated_runs", "repeats_of_columns", "rounded"]

_DIGITS = 11  # what two spellings of a number share: one that went through another unit may differ in the last ones
_CHANCE = 1e-3  # repetitions that independent readings would show with a higher probability are not named
_NOISE_SHARE = 0.1  # readings at one point are taken to scatter by at least this share of all scatter
_MOST_DECIMALS = 12
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(1 << 15)  # half of the last bit that counts
_LEADING = ~np.uint64((1 << 16) - 1)  # sign, exponent and 36 bits of the fraction


def repeated_runs(
    run: NDArray[np.int64], inputs: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return for each run the number of the earliest run that says the same, −1 where there is none.

    ``run`` (n) numbers the runs from 0 in their order, ``inputs`` (n, p) and ``values`` (n, m, NaN = missing) are of
    their readings, which may stand in any order. Nothing is named where readings are so coarse that as many equal runs
    would come by chance: equal values are counted against what independent readings at equal inputs would show.
    """
    return repeats_of_columns(run, list(np.asarray(inputs).T), list(np.asarray(values).T))


def repeats_of_columns(
    run: NDArray[np.int64], inputs: Sequence[NDArray[np.float64]], values: Sequence[NDArray[np.float64]]
) -> NDArray[np.int64]:
    """Return what :func:`repeated_runs` does, of columns (n) each."""
    count = int(run.max()) + 1 if len(run) else 0
    original = np.full(count, -1, dtype=np.int64)
    settings_of_rows = _hashes(inputs, np.zeros(len(run), dtype=np.uint64))
    settings = _of_run(run, settings_of_rows, count)
    content = _of_run(run, _hashes(values, settings_of_rows), count)
    number, first = _numbered(content)
    earliest = first[number]
    repeats = earliest < np.arange(count)
    if not repeats.any():
        return original
    there = np.zeros(count, dtype=bool)
    for column in values:
        there[run[~np.isnan(column)]] = True
    repeats &= there
    alike = np.bincount(_numbered(settings)[0])
    pairs = int((alike * (alike - 1) // 2).sum())
    if repeats.any() and _log_chance(int(repeats.sum()), pairs, run, values) <= math.log(_CHANCE):
        original[repeats] = earliest[repeats]
    return original


def _numbered(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a number for each hash (n), in the order of appearance, and the first place of each number."""
    import pandas as pd

    codes, uniques = pd.factorize(hashes)
    first = np.empty(len(uniques), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return codes.astype(np.int64), first


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round each number to the eleven digits that count; −0 becomes 0."""
    values = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** (_DIGITS - 1 - np.where(np.isfinite(exponent), exponent, 0.0))
    out: NDArray[np.float64] = np.round(values * scale) / scale + 0.0
    return out


def _hashes(columns: Sequence[NDArray[np.float64]], seed: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one number for each row (n); rows that are equal in eleven digits, missing values included, agree.

    Numbers are compared by the leading 36 bits of their binary fraction, rounded: as many as eleven digits need.
    """
    out = seed.copy()
    for column in columns:
        # −0 becomes 0, and there is one kind of NaN.
        bits = np.where(np.isnan(column), np.nan, column + 0.0).view(np.uint64)
        bits = (bits + _HALF) & _LEADING
        out ^= bits
        out *= _MIX
        out ^= out >> np.uint64(29)
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
