"""Stretches in a column: of one value (a stuck sensor), of nothing (a dead sensor)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from luban._inspection.kinds import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from luban._inspection.options import InspectOptions
    from luban._inspection.rows import ColumnView, Rows

__all__ = ["find_missing", "find_stuck", "stretches", "unusual"]


def stretches(values: NDArray[np.float64] | NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each stretch of equal successive values begins, and how long it is."""
    if not len(values):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    begins = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    return begins, np.diff(np.append(begins, len(values)))


def unusual(length: float, fellows: NDArray[np.int64], options: InspectOptions) -> bool:
    """Return whether fewer than ``usual_fellows`` of the others come near: ``fellows`` includes the length itself."""
    near = int((fellows * options.unusual_times >= length).sum()) - 1
    return near < options.usual_fellows


def find_stuck(rows: Rows, column: ColumnView, values: NDArray[np.float64], options: InspectOptions) -> Iterator[Found]:
    """Find stretches of one exact value that neither the column's resolution nor its usual stretches explain.

    Each equipment is judged for itself. The chance that a value repeats is taken from how often the value, and any
    value, repeats elsewhere in the column: a slow signal in coarse steps repeats by nature.
    """
    ordered = np.arange(rows.n) if rows.order is None else rows.order
    ordered = ordered[~np.isnan(values[ordered])]
    codes, names = rows.parts.get("equipment", (np.zeros(rows.n, dtype=np.int32), [""]))
    parts = [("", ordered)] + [(f" of {name}", ordered[codes[ordered] == k]) for k, name in enumerate(names) if name]
    named = np.zeros(rows.n, dtype=bool)
    for where, at in parts:
        for begin, length, log_chance in _stuck_spans(values[at], options):
            inside = at[begin : begin + length]
            if named[inside].mean() < 0.5:  # else it has been said of all equipment
                named[inside] = True
                yield _stuck(rows, column, values, inside, where, log_chance)


def _stuck(
    rows: Rows, column: ColumnView, values: NDArray[np.float64], at: NDArray[np.int64], where: str, log_chance: float
) -> Found:
    first, last = int(at[0]), int(at[-1])
    value = float(values[first])
    unit = f" {column.unit}" if column.unit else ""
    until = rows.time_at(last)
    return Found(
        "stuck_value",
        f"{column.name}{where} stays at exactly {value:.6g}{unit} for {len(at):,} readings in a row, from row "
        f"{first:,} to row {last:,}{f' ({rows.time_at(first)} to {until})' if until else ''}, beginning in run "
        f"{rows.run_id(first)}.",
        column=column.name,
        run_id=rows.run_id(first),
        source_row=first,
        value=value,
        strength=-log_chance / 10.0,
        rows=len(at),
        last_row=last,
        from_time=rows.time_at(first),
        until_time=until,
    )


def _stuck_spans(values: NDArray[np.float64], options: InspectOptions) -> Iterator[tuple[int, int, float]]:
    begins, lengths = stretches(values)
    if len(lengths) < 2 or lengths.max() < options.stuck_runs:
        return
    of_value, number = np.unique(values[begins], return_inverse=True)
    number = number.ravel()
    equal = np.bincount(number, weights=lengths - 1.0, minlength=len(of_value))  # pairs that repeat, by value
    pairs = np.bincount(number, weights=lengths.astype(np.float64), minlength=len(of_value))
    n, all_equal = float(len(values)), float((lengths - 1).sum())
    for k in np.flatnonzero(lengths >= options.stuck_runs)[np.argsort(-lengths[lengths >= options.stuck_runs])]:
        length = int(lengths[k])
        share = pairs[number[k]] / n  # of the value in the column, this stretch included
        others = max(0.0, n - length)
        anywhere = (all_equal - (length - 1) + 1.0) / (others + 2.0)  # Laplace: never 0 or 1
        here = (equal[number[k]] - (length - 1) + 4.0 * anywhere) / (pairs[number[k]] - length + 4.0)
        repeats = min(1.0, max(share, anywhere, here))
        log_chance = math.log(n) + (length - 1) * math.log(repeats)
        if log_chance > math.log(options.chance):
            continue
        if unusual(length, lengths[number == number[k]], options) and unusual(length, lengths, options):
            yield int(begins[k]), length, log_chance


def find_missing(
    rows: Rows, column: ColumnView, values: NDArray[np.float64], options: InspectOptions
) -> Iterator[Found]:
    """Find a sensor that begins late or ends early, and stretches without values unlike the others of its column."""
    missing = rows.in_order(np.isnan(values).astype(np.float64)).astype(bool)
    count, n = int(missing.sum()), len(missing)
    if not count or count == n:
        if count:
            yield Found("missing_values", f"{column.name} has no value at all.", column.name, rows=n, strength=9.0)
        return
    begins, lengths = stretches(missing)
    gone = missing[begins]
    begins, lengths = begins[gone], lengths[gone]
    named = 0
    for begin, length in sorted(zip(begins.tolist(), lengths.tolist(), strict=True), key=lambda one: -one[1]):
        share = (count - length + 1.0) / (n - length + 2.0)
        log_chance = math.log(n) + length * math.log(share)
        if length < options.dead_rows or log_chance > math.log(options.chance) or named >= 5:
            break
        if not unusual(length, lengths, options):
            continue
        named += 1
        yield _gap(rows, column, begin, begin + length - 1, n)
    rest = count - sum(length for length in lengths if length >= options.dead_rows) if named else count
    if rest > 0.2 * n:
        yield Found(
            "missing_values",
            f"{column.name} is missing in {count:,} of {n:,} rows ({100 * count / n:.0f} %), here and there.",
            column=column.name,
            rows=count,
            strength=count / n,
        )


def _gap(rows: Rows, column: ColumnView, begin: int, end: int, n: int) -> Found:
    """Say what a stretch without values looks like: a sensor that began, ended, or was off."""
    first, last = rows.row_at(begin), rows.row_at(end)
    length, share = end - begin + 1, (end - begin + 1) / n
    kind = "dead_sensor" if end == n - 1 and not column.late else "missing_stretch"
    if end == n - 1:
        before = rows.row_at(begin - 1)
        text = (
            f"is absent in the last {length:,} rows ({100 * share:.0f} %); its last value is in {rows.place(before)}."
        )
        if column.late:
            text = text[:-1] + ". It may still arrive: the process says it is late."
    elif begin == 0:
        text = f"is absent in the first {length:,} rows ({100 * share:.0f} %); it begins in "
        text += f"{rows.place(rows.row_at(end + 1))}."
    else:
        text = f"is absent in {length:,} rows ({100 * share:.0f} %), from {rows.place(first)} to {rows.place(last)}."
    return Found(
        kind,
        f"{column.name} {text}",
        column=column.name,
        run_id=rows.run_id(first),
        source_row=first,
        strength=1.0 + 20.0 * share,
        rows=length,
        last_row=last,
        from_time=rows.time_at(first),
        until_time=rows.time_at(last),
    )
