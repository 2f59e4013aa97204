"""What the clock says: pauses, steps, summer time, epochs of clocks that were never set, runs that overlap."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import numpy as np

from luban._inspection.kinds import Found
from luban._inspection.rows import NO_TIME, time_text
from luban._inspection.stretches import stretches, unusual
from luban._words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from luban._inspection.options import InspectOptions
    from luban._inspection.rows import Rows

__all__ = ["find_clock", "hours_text"]

_HOUR = 3_600_000_000_000
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY
_SAME_STEP = 10  # rows within which two steps of the clock are one
# Where clocks start that were never set: Unix, Windows' spreadsheets, MS-DOS, GPS, controllers.
_EPOCHS = {"1899-12-30": "spreadsheets", "1904-01-01": "old spreadsheets", "1970-01-01": "Unix", "1980-01-01": "DOS",
           "1980-01-06": "GPS", "1984-01-01": "controllers", "1990-01-01": "controllers",
           "2000-01-01": "controllers"}  # fmt: skip


def find_clock(rows: Rows, options: InspectOptions) -> tuple[list[Found], NDArray[np.bool_]]:
    """Find what is wrong with the times of the runs, and which rows (n) have a time that can be one."""
    if rows.times is None:
        return [], np.zeros(rows.n, dtype=bool)
    usable = rows.times != NO_TIME
    found = []
    for text, at in _impossible(rows, rows.times, options):
        found.append(_times_found(rows, at, text))
        usable[at] = False  # what is impossible says nothing about pauses
    found += _steps(rows, rows.times, usable, options)
    found += _silences(rows, rows.times[usable], options)
    found += _overlaps(rows, usable)
    return found, usable


def hours_text(nanoseconds: float) -> str:
    """Return a duration as people say it: "40 s", "5 min", "3.5 h", "12 days"."""
    seconds = abs(nanoseconds) / 1e9
    for unit, size, below in (("s", 1.0, 120.0), ("min", 60.0, 7200.0), ("h", 3600.0, 172800.0)):
        if seconds < below:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 86400.0:,.3g} days"


def _impossible(
    rows: Rows, times: NDArray[np.int64], options: InspectOptions
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    known = times[times != NO_TIME]
    middle = int(np.median(known))
    for day, whose in _EPOCHS.items():
        epoch = int(np.datetime64(day, "ns").astype(np.int64))
        if abs(epoch - middle) < 400 * _DAY:
            continue
        at = np.flatnonzero((times >= epoch - _DAY) & (times < epoch + 2 * _DAY))
        if len(at):
            never = f"where clocks of {whose} start that were never set"
            yield f"The start of {counted(len(at), 'row')} is about {day}, {never}", at
    if rows.imported_time is not None:
        at = np.flatnonzero(times > rows.imported_time + int(options.future_hours * _HOUR))
        if len(at):
            yield f"The start of {counted(len(at), 'row')} is after the import of {time_text(rows.imported_time)}", at


def _times_found(rows: Rows, at: NDArray[np.int64], text: str) -> Found:
    first = int(at[0])
    return Found(
        "impossible_time",
        f"{text}; the first is {rows.place(first)}.",
        column="start_time",
        run_id=rows.run_id(first),
        source_row=first,
        strength=1.0 + 20.0 * len(at) / rows.n,
        rows=len(at),
        last_row=int(at[-1]),
        from_time=rows.time_at(first),
        until_time=rows.time_at(int(at[-1])),
    )


def _steps(rows: Rows, times: NDArray[np.int64], usable: NDArray[np.bool_], options: InspectOptions) -> Iterator[Found]:
    """Find steps in the order of the rows, within each source and equipment."""
    part = np.zeros(rows.n, dtype=np.int64)
    for codes, names in rows.parts.values():
        part = part * (len(names) + 1) + codes + 1
    at = np.flatnonzero(usable)
    at = at[np.argsort(part[at], kind="stable")]
    step = np.diff(times[at])
    same = np.diff(part[at]) == 0
    moved = same & (step != 0)
    back = np.flatnonzero(moved & (step < 0))
    if not moved.any():
        return
    forward = step[moved & (step > 0)]
    usual = float(np.median(forward)) if len(forward) else 0.0
    few = 3 if moved.sum() >= 50 else int(moved.sum() >= 20)  # of a handful of rows no order can be told
    if len(back) > max(few, options.unordered_share * moved.sum()):
        yield Found(
            "unordered",
            f"The rows are not in order of time: {len(back):,} of {int(moved.sum()):,} steps lead back. They are put "
            "in order here; steps of the clock cannot be judged.",
            column="start_time",
            rows=len(back),
            strength=0.1,
        )
        return
    named: list[int] = []
    for k in back:
        if any(abs(int(at[k + 1]) - row) <= _SAME_STEP for row in named):
            continue  # the same, seen on another machine
        named.append(int(at[k + 1]))
        hour = abs(step[k] - usual + _HOUR) < max(0.02 * _HOUR, 0.5 * min(usual, _HOUR))
        yield _step_found(rows, int(at[k]), int(at[k + 1]), float(step[k]), summer=hour)
    yield from _lost_hours(rows, at, step, moved, usual)


def _lost_hours(
    rows: Rows, at: NDArray[np.int64], step: NDArray[np.int64], moved: NDArray[np.bool_], usual: float
) -> Iterator[Found]:
    """Find where a regular recording misses one hour on a night when clocks are put forward."""
    forward = step[moved & (step > 0)]
    spread = 1.4826 * float(np.median(np.abs(forward - usual))) if len(forward) else 0.0
    if len(forward) < 20 or usual > 0.5 * _HOUR or spread > 0.02 * _HOUR:
        return
    near = moved & (np.abs(step - usual - _HOUR) < 0.02 * _HOUR + 3.0 * spread)
    for k in np.flatnonzero(near):
        if _is_change_night(int(rows.times[at[k]]) if rows.times is not None else 0):
            yield _step_found(rows, int(at[k]), int(at[k + 1]), float(step[k]), summer=True)


def _is_change_night(nanoseconds: int) -> bool:
    """Whether clocks change about then, a day either side for zones.

    The last Sunday of March or October; in America the second of March and the first of November.
    """
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=nanoseconds // _DAY)
    for shift in (0, 1, -1):
        near = day + datetime.timedelta(days=shift)
        last = near.day > 24 and near.month in (3, 10)
        american = (near.month == 3 and 8 <= near.day <= 14) or (near.month == 11 and near.day <= 7)
        if near.weekday() == 6 and (last or american):
            return True
    return False


def _step_found(rows: Rows, before: int, after: int, step: float, *, summer: bool) -> Found:
    way = "back" if step < 0 else "forward"
    text = f"The clock goes {way} by {hours_text(step)}, from {rows.time_at(before)} to {rows.place(after)}"
    if summer:
        text += ": one hour, as when summer time begins or ends"
    return Found(
        "clock_step",
        text + ".",
        column="start_time",
        run_id=rows.run_id(after),
        source_row=after,
        value=step / _HOUR,
        strength=2.0 if summer else 1.0 + abs(step) / _DAY,
        rows=1,
        last_row=after,
        from_time=rows.time_at(before),
        until_time=rows.time_at(after),
    )


def _silences(rows: Rows, times: NDArray[np.int64], options: InspectOptions) -> Iterator[Found]:
    starts = np.unique(times)
    if len(starts) < 3 * options.stuck_runs:
        return
    pauses = np.diff(starts)
    usual = float(np.median(pauses))
    for k in np.argsort(-pauses)[: options.usual_fellows]:
        if pauses[k] <= options.silence_pauses * usual or not unusual(float(pauses[k]), pauses, options):
            continue
        if _is_rhythm(starts, int(starts[k]), int(starts[k + 1])):
            continue
        row = int(np.flatnonzero(rows.times == starts[k + 1])[0])
        yield Found(
            "silence",
            f"No run begins for {hours_text(float(pauses[k]))}, from {time_text(int(starts[k]))} to "
            f"{time_text(int(starts[k + 1]))}; the usual pause is {hours_text(usual)}.",
            column="start_time",
            run_id=rows.run_id(row),
            source_row=row,
            value=float(pauses[k]) / _HOUR,
            expected=usual / _HOUR,
            strength=float(pauses[k]) / max(1.0, float(starts[-1] - starts[0])) * 20.0,
            from_time=time_text(int(starts[k])),
            until_time=time_text(int(starts[k + 1])),
        )
    yield from _low_rate(starts, options)


def _is_rhythm(starts: NDArray[np.int64], begin: int, end: int) -> bool:
    """Whether a pause is a night or a weekend: at the same hours of other days, or of other weeks, runs are as rare.

    Pauses of more than a week have no rhythm. Without another day or week to compare with, a pause that may be a night
    or a weekend counts as one.
    """
    period = _DAY if end - begin < _DAY else _WEEK
    if end - begin >= _WEEK:
        return False
    others = float(starts[-1] - starts[0]) / period - 1.0
    if others < 1.0:
        return True
    inside = 0.05 * (end - begin)
    phase = (starts - begin) % period
    there = int(((phase > inside) & (phase < end - begin - inside)).sum())
    usual = len(starts) / float(starts[-1] - starts[0]) * 0.9 * (end - begin) * others
    return there < max(2.0, 0.25 * usual)


def _low_rate(starts: NDArray[np.int64], options: InspectOptions) -> Iterator[Found]:
    """Weeks in a row with less than a quarter of the usual number of runs."""
    weeks = np.bincount((starts - starts[0]) // _WEEK)
    usual = float(np.median(weeks))
    if len(weeks) < 8 or usual < options.block_runs:
        return
    begins, lengths = stretches(weeks[:-1] < 0.25 * usual)  # the last week may have ended early
    for begin, length in zip(begins, lengths, strict=True):
        if length < 3 or weeks[begin] >= 0.25 * usual:
            continue
        first, last = int(starts[0] + begin * _WEEK), int(starts[0] + (begin + length) * _WEEK)
        mean = float(weeks[begin : begin + length].mean())
        yield Found(
            "low_rate",
            f"{length} weeks, from {time_text(first)[:10]} to {time_text(last)[:10]}, have {mean:.3g} starts a week; "
            f"the usual number is {usual:.3g}.",
            column="start_time",
            value=mean,
            expected=usual,
            strength=float(length) / len(weeks) * 5.0,
            from_time=time_text(first),
            until_time=time_text(last),
        )


def _overlaps(rows: Rows, usable: NDArray[np.bool_]) -> Iterator[Found]:
    """Find runs that end before they begin, or begin before the one before has ended on the same equipment."""
    if rows.ends is None or rows.times is None:
        return
    known = np.flatnonzero(usable & (rows.ends != NO_TIME))
    negative = known[rows.ends[known] < rows.times[known]]
    if len(negative):
        yield _times_found(rows, negative, f"The end of {counted(len(negative), 'row')} is before the start")
    codes, names = rows.parts.get("equipment", (np.zeros(rows.n, dtype=np.int32), [""]))
    for part, name in enumerate(names):
        at = known if len(names) == 1 else known[codes[known] == part]
        starts, first = np.unique(rows.times[at], return_index=True)
        ends = rows.ends[at][first]
        late = np.flatnonzero(ends[:-1] > starts[1:])
        if not len(late):
            continue
        row = int(at[first[late[0] + 1]])
        where = f" on {name}" if name else ""
        share = len(late) / max(1, len(starts) - 1)
        often = " So many: several machines, or ends that were not recorded as such?" if share > 0.2 else ""
        yield Found(
            "overlap",
            f"{len(late):,} of {len(starts):,} starts{where} lie before the end of the run before; the first "
            f"is {rows.place(row)}.{often}",
            column="end_time",
            run_id=rows.run_id(row),
            source_row=row,
            strength=1.0 - share,
            rows=len(late),
            last_row=row,
        )
