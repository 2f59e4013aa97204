"""Part of a column in another unit: a subset that is off by a known factor, or by the offset of a temperature scale.

Two groups of values are no slip in themselves. The factor must fit closely, in the middle and in the quartiles, the
subset must scatter like the rest once it is converted, and the two must not touch before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from luban._inspection.effects import robust_sd
from luban._inspection.kinds import Found
from luban._inspection.stretches import stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from luban._inspection.effects import Effects
    from luban._inspection.options import InspectOptions
    from luban._inspection.rows import ColumnView, Rows

__all__ = ["find_stated_slip", "find_unit_slip"]

_MANY = 20_000
_QUARTILES = np.array([0.25, 0.5, 0.75])


@dataclass(frozen=True)
class _Factor:
    value: float
    words: str
    tokens: frozenset[str]  # of the units where it occurs; empty: any


def _factors() -> tuple[_Factor, ...]:
    length = frozenset({"um", "mm", "cm", "m", "in", "inch", "ft", "km"})
    time = frozenset({"s", "min", "h", "hr", "ms", "rev", "rpm", "hour", "second", "minute"})
    pressure = frozenset({"bar", "mbar", "kPa", "Pa", "MPa", "psi", "mmHg", "torr", "atm"})
    force = frozenset({"N", "kN", "lbf", "kgf"})
    mass = frozenset({"kg", "g", "lb", "oz", "t"})
    angle = frozenset({"deg", "rad", "rpm", "rad/s", "°"})
    energy = frozenset({"J", "kJ", "MJ", "kWh", "Wh", "cal", "kcal", "BTU"})
    anything: frozenset[str] = frozenset()
    return (
        _Factor(10.0, "the decimal point one place off", anything),
        _Factor(100.0, "the decimal point two places off, a share beside per cent, cm beside m", anything),
        _Factor(1000.0, "a prefix (milli, kilo)", anything),
        _Factor(1e6, "two prefixes", anything),
        _Factor(60.0, "seconds, minutes or hours", time),
        _Factor(3600.0, "seconds and hours", time),
        _Factor(3.6, "m/s beside km/h", time & frozenset({"h", "s", "km"}) | frozenset({"kWh", "MJ"})),
        _Factor(25.4, "inches beside mm", length),
        _Factor(2.54, "inches beside cm", length),
        _Factor(1000.0 / 25.4, "mils beside mm", length),
        _Factor(1.0 / 0.3048, "feet beside m", length),
        _Factor(6.894757, "psi beside kPa", pressure),
        _Factor(14.503774, "psi beside bar", pressure),
        _Factor(7.500617, "mmHg beside kPa", pressure),
        _Factor(4.448222, "lbf beside N", force),
        _Factor(9.80665, "kgf beside N", force),
        _Factor(1.0 / 0.45359237, "pounds beside kg", mass),
        _Factor(28.349523, "ounces beside g", mass),
        _Factor(180.0 / math.pi, "radians beside degrees", angle),
        _Factor(30.0 / math.pi, "rad/s beside rpm", angle),
        _Factor(4.184, "calories beside joules", energy),
    )


_FACTORS = _factors()
_TEMPERATURES = frozenset({"degC", "Cel", "°C", "C", "celsius", "K", "kelvin", "degF", "°F", "F"})
_SCALES = (  # of the subset beside the rest: value = slope · rest + offset
    (1.0, 273.15, "kelvin beside °C"), (1.0, -273.15, "°C beside kelvin"),
    (1.8, 32.0, "°F beside °C"), (1.0 / 1.8, -32.0 / 1.8, "°C beside °F"),
)  # fmt: skip


def _known(unit: str) -> list[_Factor]:
    """Return the factors that occur with a unit: those of any unit first."""
    tokens = set()
    word = ""
    for sign in unit + " ":
        if sign.isalpha() or sign == "°":
            word += sign
        elif word:
            tokens.add(word)
            word = ""
    return [one for one in _FACTORS if not one.tokens or tokens & one.tokens]


def find_unit_slip(
    rows: Rows,
    column: ColumnView,
    values: NDArray[np.float64],
    at: NDArray[np.int64],
    effects: Effects | None,
    options: InspectOptions,
) -> Iterator[Found]:
    """Find at most one subset of a column in another unit.

    ``values`` (k) stand in rows ``at``; ``effects`` takes settings and context out of their logarithms.
    """
    present = np.isfinite(values)
    if column.unit in _TEMPERATURES:
        yield from _temperature(rows, column, values[present], at[present], options)
        return
    present &= values > 0.0
    # Some zeros are readings of nothing; negative values have no factor.
    if present.sum() < 2 * options.unit_rows or bool((values < 0.0).any()):
        return
    factors = _known(column.unit)
    least = math.log(_least(factors))
    logs = np.full(len(values), np.nan)
    logs[present] = np.log(values[present])
    if np.ptp(logs[present]) < 0.9 * least:
        return  # two units would lie farther apart
    plain = logs if effects is None else effects.residuals(logs)
    for subset in _splits(plain[present], rows, at[present], options):
        apart = _apart(plain[present], subset)
        if abs(apart) < least - 0.5:
            continue
        judged = plain
        if effects is not None:  # once more, for the step bends the surface
            step = np.zeros(len(values))
            step[np.flatnonzero(present)[subset]] = apart
            judged = effects.residuals(logs - step) + step
        factor = _matching(judged[present][subset], judged[present][~subset], factors, options)
        own, rest = values[present][subset], values[present][~subset]
        if factor is not None and _is_scattered(own, options) and _is_scattered(rest, options):
            times = "larger" if factor[1] > 0 else "smaller"
            words = [f"{one.value:.6g} times {times} than the rest: {one.words}?" for one in factor[0]]
            value, size = float(np.median(own)), factor[0][0].value
            yield _slip(rows, column, at[present][subset], at[present], " Or ".join(words), value, size)
            return


def _least(factors: list[_Factor]) -> float:
    """Return the least of some factors."""
    return min(factor.value for factor in factors)


def _apart(logs: NDArray[np.float64], subset: NDArray[np.bool_]) -> float:
    return float(np.median(logs[subset]) - np.median(logs[~subset]))


def _is_scattered(values: NDArray[np.float64], options: InspectOptions) -> bool:
    """Whether values are measurements: a few levels, 10 and 100 say, have been set so."""
    return len(np.unique(values[:10_000])) >= min(options.unit_rows, 5)


def _splits(
    logs: NDArray[np.float64], rows: Rows, at: NDArray[np.int64], options: InspectOptions
) -> Iterator[NDArray[np.bool_]]:
    """Yield the subsets that may be in another unit: beyond the widest gap, of one source or equipment, of a time."""
    fewest = options.unit_rows
    ordered = np.sort(logs)
    inner = np.diff(ordered)[fewest - 1 : len(ordered) - fewest]
    if len(inner):
        cut = int(np.argmax(inner)) + fewest
        edge = 0.5 * (ordered[cut - 1] + ordered[cut])
        upper = logs > edge
        if fewest <= upper.sum() <= len(logs) - fewest:
            yield upper if upper.sum() <= len(logs) / 2 else ~upper
    for codes, names in rows.parts.values():
        if len(names) <= 200:
            for k in range(len(names)):
                own = codes[at] == k
                if fewest <= own.sum() <= len(logs) / 2:
                    yield own
    place = at.astype(np.float64) if rows.times is None else rows.times[at].astype(np.float64)
    cuts = np.quantile(place, np.linspace(0.0, 1.0, options.blocks + 1)[1:-1])
    best, step = None, 0.0
    few = slice(None, None, max(1, len(logs) // _MANY))  # to choose the cut; the step is judged on all rows
    for cut in cuts:
        late = place[few] > cut
        if min(late.sum(), (~late).sum()) * (len(logs) / len(late)) >= fewest and 0 < late.sum() < len(late):
            size = abs(float(np.median(logs[few][late]) - np.median(logs[few][~late])))
            best, step = (cut, size) if size > step else (best, step)
    if best is not None:
        late = place > best
        if fewest <= late.sum() <= len(logs) - fewest:
            yield late if late.sum() <= len(logs) / 2 else ~late


def _matching(
    subset: NDArray[np.float64], rest: NDArray[np.float64], factors: list[_Factor], options: InspectOptions
) -> tuple[list[_Factor], int] | None:
    """Return the factors that explain all quartiles of the logarithms, best first, and +1 when the subset is larger."""
    if min(len(subset), len(rest)) < options.unit_rows:
        return None
    spread = (robust_sd(subset), robust_sd(rest))
    apart = float(np.median(subset) - np.median(rest))
    noise = max(spread)
    error = 1.2533 * math.hypot(spread[0] / math.sqrt(len(subset)), spread[1] / math.sqrt(len(rest)))
    if abs(apart) < options.unit_deviations * noise or min(spread) <= 0.0:
        return None
    if not _alike(spread[0] / spread[1], min(len(subset), len(rest))):
        return None
    between = np.quantile(subset, _QUARTILES) - np.quantile(rest, _QUARTILES)
    rough = noise * (0.25 + 4.0 / math.sqrt(min(len(subset), len(rest))))  # three standard errors of a quartile
    fits = []
    for factor in factors:
        size = math.log(factor.value)
        tolerance = options.unit_precision * size
        if error > tolerance:
            continue  # it cannot be told so closely
        tolerance = min(tolerance, max(0.25 * tolerance, 3.0 * error))
        misfit = abs(abs(apart) - size)
        if misfit <= tolerance and np.all(np.abs(np.abs(between) - size) <= tolerance + rough):
            fits.append((misfit, factor))
    if not fits:
        return None
    return [factor for _, factor in sorted(fits, key=lambda fit: fit[0])], (1 if apart > 0 else -1)


def _alike(ratio: float, n: int) -> bool:
    """Whether two spreads may be the same, as far as the smaller sample of ``n`` can tell."""
    return ratio > 0.0 and abs(math.log(ratio)) < 0.4 + 2.5 / math.sqrt(n)


def _temperature(
    rows: Rows, column: ColumnView, values: NDArray[np.float64], at: NDArray[np.int64], options: InspectOptions
) -> Iterator[Found]:
    if len(values) < 2 * options.unit_rows:
        return
    for subset in _splits(values, rows, at, options):
        own, rest = values[subset], values[~subset]
        spread = (robust_sd(own), robust_sd(rest))
        if min(len(own), len(rest)) < options.unit_rows or min(spread) <= 0.0:
            continue
        apart = abs(float(np.median(own) - np.median(rest)))
        for slope, offset, words in _SCALES:
            error = 1.2533 * math.hypot(spread[0] / math.sqrt(len(own)), slope * spread[1] / math.sqrt(len(rest)))
            tolerance = max(0.25 * options.unit_precision * apart, min(3.0 * error, options.unit_precision * apart))
            wrong = abs(float(np.median(own)) - slope * float(np.median(rest)) - offset)
            alike = _alike(spread[0] / (slope * spread[1]), min(len(own), len(rest)))
            if alike and wrong <= tolerance and apart >= 0.5 * options.unit_deviations * max(spread):
                text = f"on another scale than the rest: {words}?"
                yield _slip(rows, column, at[subset], at, text, float(np.median(own)), math.nan)
                return


def _slip(
    rows: Rows,
    column: ColumnView,
    subset: NDArray[np.int64],
    everything: NDArray[np.int64],
    words: str,
    value: float,
    factor: float,
) -> Found:
    """Say which rows: all of one source or equipment, one stretch, or here and there."""
    first, last = int(subset.min()), int(subset.max())
    where = ""
    for what, (codes, names) in rows.parts.items():
        count = np.bincount(codes[subset][codes[subset] >= 0], minlength=len(names))
        k = int(count.argmax())
        if count[k] >= 0.95 * len(subset) and count[k] >= 0.8 * (codes[everything] == k).sum():
            where = f"of {what} {names[k]}"
    if not where:
        inside = np.isin(everything, subset)[(everything >= first) & (everything <= last)]
        together = stretches(inside)[1].max() if len(inside) else 0
        where = "in one stretch" if together >= 0.9 * len(subset) else "here and there"
    unit = f" {column.unit}" if column.unit else ""
    return Found(
        "unit_slip",
        f"{column.name}: {len(subset):,} of {len(everything):,} values, {where}, from {rows.place(first)} to "
        f"{rows.place(last)} (median {value:.4g}{unit}), are {words}",
        column=column.name,
        run_id=rows.run_id(first),
        source_row=first,
        value=value,
        expected=value / factor if math.isfinite(factor) else math.nan,
        strength=3.0 + 20.0 * len(subset) / len(everything),
        rows=len(subset),
        last_row=last,
        from_time=rows.time_at(first),
        until_time=rows.time_at(last),
    )


def find_stated_slip(
    rows: Rows, column: ColumnView, values: NDArray[np.float64], options: InspectOptions
) -> Iterator[Found]:
    """Find inputs outside the range that the process states which one factor brings inside.

    Settings are set in round numbers, so factors between them prove nothing; the stated range does.
    """
    low, high = column.low, column.high
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return
    width = 0.05 * (high - low)
    outside = np.flatnonzero((values < low - width) | (values > high + width))
    inside = int(((values >= low - width) & (values <= high + width)).sum())
    if len(outside) < 3 or inside < len(outside):
        return
    off = values[outside]
    middle = float(np.median(values[(values >= low - width) & (values <= high + width)]))
    best: tuple[float, str, float] | None = None
    ways = [(one.value**sign, one.words) for one in _known(column.unit) for sign in (1, -1)]
    for factor, words in ways:
        back = off / factor
        if ((back >= low - width) & (back <= high + width)).mean() < 0.95:
            continue
        misfit = abs(float(np.median(back)) - middle)
        if best is None or misfit < best[2] - width:  # the first named is the plainest
            best = (factor, words, misfit)
    if best is not None:
        larger = best[0] if best[0] > 1.0 else 1.0 / best[0]
        text = f"{larger:.6g} times too {'large' if best[0] > 1.0 else 'small'} for the stated range: {best[1]}?"
        everything = np.flatnonzero(np.isfinite(values))
        yield _slip(rows, column, outside, everything, text, float(np.median(off)), best[0])
