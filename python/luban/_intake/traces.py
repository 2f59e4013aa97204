"""Channels recorded during runs, from text matrices, long tables and NetCDF files, in the shape of a history."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from luban import _core, units
from luban._intake.cells import NO_TIME
from luban._intake.source import read_chunks, sniff
from luban._intake.sources.base import Header, refuse_malformed, timezone_of
from luban._times import TIME_REASONS
from luban.errors import ConfigurationError, DataError, IoError, UnitError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from luban._intake.sources.hdf5 import Hdf5Source
    from luban.process import Process

__all__ = ["Recorded", "Trace", "mapped_trace", "read_trace"]

_WHERE = "ingest.read_trace"
_LONG_TIME = ("time", "t")
_PERIOD_SHARE = 0.01  # of the stated period: steps that are further off contradict it
_MOST_FILLED = 4  # samples for each one that is there, with those that were dropped


@dataclass(frozen=True)
class Trace:
    """Samples of one channel: those of run i are ``samples[offsets[i]:offsets[i + 1]]``.

    ``run_ids`` (n) name the runs; None: the runs of the source in the order in which they appear there.
    ``start_time`` (n) is UTC nanoseconds, the smallest number where unknown. Regular channels have ``period_ns`` and no
    ``times``; the others (period 0) have ``times`` (total): UTC nanoseconds where the start is known, else since it.
    """

    name: str
    unit: str
    samples: NDArray[np.float32]
    offsets: NDArray[np.int64]
    start_time: NDArray[np.int64]
    period_ns: int
    times: NDArray[np.int64] | None
    run_ids: list[str] | None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of_runs(self, places: NDArray[np.int64]) -> Trace:
        """Return the samples of some runs, by their places; −1 is a run without samples."""
        known = places >= 0
        begin = np.where(known, self.offsets[:-1][np.where(known, places, 0)] if len(self) else 0, 0)
        end = np.where(known, self.offsets[1:][np.where(known, places, 0)] if len(self) else 0, 0)
        lengths = end - begin
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        at = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths)
        start = np.full(len(places), NO_TIME, dtype=np.int64)
        start[known] = self.start_time[places[known]]
        times = None if self.times is None else self.times[at]
        return Trace(self.name, self.unit, self.samples[at], offsets, start, self.period_ns, times, None)


def read_trace(process: Process, name: str, path: Path) -> Trace:
    """Read the file of one channel that the process file names under ``traces``.

    A NetCDF file holds a variable of that name with the dimensions run × time. A text file with a header is a long
    table (run_id, time, value); without one each line is a run, each number a sample. Times are in seconds from the
    start of the run where the header states no unit, or ISO 8601 with a zone (or local ones, where the process file
    says of which zone). Text may be compressed (.gz).

    Raises: ConfigurationError when the process file names no such channel, DataError, UnitError, IoError.
    """
    entries = process.definition.traces
    if name not in entries:
        raise ConfigurationError(
            where=_WHERE,
            expected="a channel of the process file: " + (", ".join(entries) or "there is none under `traces`"),
            received=repr(name),
            hint=_core.nearest_hint(name, list(entries)),
        )
    entry = entries[name]
    unit = entry.column.unit if entry.column is not None and entry.column.unit is not None else entry.unit
    period_ns = round(entry.period_ms * 1e6)
    if path.suffix.lower() in (".nc", ".nc4", ".cdf"):
        column = name if entry.column is None else entry.column.name
        return _in_unit(_of_netcdf(name, column, path, unit, period_ns), entry.unit, path)
    first = _first_line(path)
    if _are_numbers(first):
        return _in_unit(_of_matrix(name, path, unit, period_ns), entry.unit, path)
    column = name if entry.column is None else entry.column.name
    zone = timezone_of(process, Header([]), str(path))
    return _in_unit(_of_long_table(name, column, path, unit, zone, period_ns), entry.unit, path)


def mapped_trace(process: Process, name: str, source: Hdf5Source, period_ms: float | None) -> Trace:
    """Take a channel of a foreign HDF5 file, by its mapping. Raises: as :func:`read_trace`."""
    entries = process.definition.traces
    if name not in entries:
        raise ConfigurationError(
            where=_WHERE,
            expected="channels that the process file names under `traces`",
            received=repr(name),
            place=source.place,
            hint=_core.nearest_hint(name, list(entries)),
        )
    values, offsets, unit = source.traces(name)
    period_ns = round((period_ms or entries[name].period_ms) * 1e6)
    trace = _made(name, unit or entries[name].unit, values, offsets, period_ns)
    return _in_unit(trace, entries[name].unit, Path(source.place))


class Recorded:
    """The samples of a channel, given to the runs of one import, piece by piece."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._place = None if trace.run_ids is None else {run_id: at for at, run_id in enumerate(trace.run_ids)}
        self._given = np.zeros(len(trace), dtype=bool)

    @property
    def name(self) -> str:
        """Of the channel."""
        return self._trace.name

    @property
    def samples(self) -> int:
        """How many samples the runs so far had."""
        return int(np.diff(self._trace.offsets)[self._given].sum())

    @property
    def strange(self) -> int:
        """How many recorded runs, by their ids, are none of those so far."""
        return 0 if self._place is None else len(self._given) - int(self._given.sum())

    def of(self, run_ids: Sequence[str], order: NDArray[np.int64], total: int) -> Trace:
        """Return the samples of these runs.

        ``order`` (runs) is the place of each run among the ``total`` runs of the source, refused ones included.

        Raises: DataError when samples without run ids are of another number of runs than the source has.
        """
        if self._place is not None:
            places = np.array([self._place.get(run_id, -1) for run_id in run_ids], dtype=np.int64)
            self._given[places[places >= 0]] = True
            return self._trace.of_runs(places)
        if len(self._trace) != total:
            raise DataError(
                where=_WHERE,
                expected=f"samples of {total:,} runs, as many as the source has",
                received=f"{len(self._trace):,}",
                place=f"trace {self.name!r}",
                hint="one line for each run, or a table with the columns run_id, time and value",
            )
        self._given[order] = True
        return self._trace.of_runs(order)


def _made(
    name: str, unit: str, values: NDArray[np.float32], offsets: NDArray[np.int64], period_ns: int,
    run_ids: list[str] | None = None,
) -> Trace:  # fmt: skip
    start = np.full(len(offsets) - 1, NO_TIME, dtype=np.int64)
    return Trace(name, unit, values, offsets, start, period_ns, None, run_ids)


def _in_unit(trace: Trace, unit: str, path: Path) -> Trace:
    if trace.unit == unit:
        return trace
    if not units.commensurable(trace.unit, unit):
        raise UnitError(
            where=_WHERE,
            expected=f"a unit that can be converted to {unit!r} of {trace.name!r}",
            received=repr(trace.unit),
            place=str(path),
        )
    values = units.convert(trace.samples.astype(np.float64), trace.unit, unit).astype(np.float32)
    return Trace(trace.name, unit, values, trace.offsets, trace.start_time, trace.period_ns, trace.times, trace.run_ids)


def _opened(path: Path) -> IO[str]:
    return (
        gzip.open(path, "rt", encoding="utf-8-sig") if path.suffix.lower() == ".gz" else path.open(encoding="utf-8-sig")
    )


def _lines(path: Path) -> Iterator[str]:
    try:
        with _opened(path) as stream:
            for line in stream:
                if line.strip():
                    yield line
    except (OSError, EOFError, UnicodeDecodeError) as error:
        what = (
            "text that is not UTF-8"
            if isinstance(error, UnicodeDecodeError)
            else str(getattr(error, "strerror", None) or error)
        )
        raise IoError(where=_WHERE, expected="a file that can be read", received=what, place=str(path)) from error


def _first_line(path: Path) -> str:
    line = next(_lines(path), None)
    if line is None:
        raise DataError(where=_WHERE, expected="samples", received="an empty file", place=str(path))
    return line


def _split(line: str) -> list[str]:
    """Cells of a line: by tab or semicolon where there is one, else by comma, else by blanks."""
    for delimiter in ("\t", ";", ","):
        if delimiter in line:
            cells = [cell.strip() for cell in line.strip("\r\n").split(delimiter)]
            return [cell.replace(",", ".") for cell in cells] if delimiter != "," else cells
    return line.split()


def _are_numbers(line: str) -> bool:
    cells = [cell for cell in _split(line) if cell]
    try:
        return bool(cells) and all(float(cell) is not None for cell in cells)
    except ValueError:
        return False


def _of_matrix(name: str, path: Path, unit: str, period_ns: int) -> Trace:
    parts: list[NDArray[np.float32]] = []
    for number, line in enumerate(_lines(path)):
        cells = _split(line)
        while cells and not cells[-1]:  # lines of unequal length that a sheet has filled up
            cells.pop()
        try:
            parts.append(np.array([cell or "nan" for cell in cells], dtype=np.float64).astype(np.float32))
        except ValueError:
            raise DataError(
                where=_WHERE,
                expected="numbers alone",
                received=repr(line.strip()[:80]),
                place=f"{path}, line {number + 1}",
                hint="a long table has a header: run_id,time,value",
            ) from None
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return _made(name, unit, np.concatenate(parts), offsets, period_ns)


def _of_netcdf(name: str, column: str, path: Path, unit: str, period_ns: int) -> Trace:
    from luban._intake.sources.netcdf import open_dataset

    with open_dataset(path, _WHERE) as dataset:
        if column not in dataset or dataset[column].ndim != 2:
            twos = [str(key) for key, variable in dataset.variables.items() if variable.ndim == 2]
            raise DataError(
                where=_WHERE,
                expected=f"a variable {column!r} of runs × time",
                received="two-dimensional variables " + (", ".join(twos) or "none"),
                place=str(path),
                hint=_core.nearest_hint(column, twos),
            )
        variable = dataset[column]
        values = np.asarray(variable.values, dtype=np.float32)
        ids = dataset["run_id"].values if "run_id" in dataset and dataset["run_id"].dims == variable.dims[:1] else None
        unit = str(variable.attrs.get("units", unit))
        lengths = np.full(values.shape[0], values.shape[1], dtype=np.int64)
        if f"{column}_count" in dataset:  # as an export writes it: filled up to the longest
            lengths = np.minimum(dataset[f"{column}_count"].to_numpy().astype(np.int64), values.shape[1])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    run_ids = None if ids is None else [str(run_id) for run_id in ids]
    samples = values[np.arange(values.shape[1]) < lengths[:, None]]
    return _made(name, unit, samples, offsets, period_ns, run_ids)


def _of_long_table(name: str, column: str, path: Path, unit: str, timezone: ZoneInfo | None, period_ns: int) -> Trace:
    """Read run_id, time and value, one sample a line; a gap in the values is NaN.

    Raises: DataError also where the times contradict ``period_ns``, the period that the process file states.
    """
    header, table = _long_columns(path)
    bases = {units.parse_header(text)[0]: text for text in header}
    run_at, value_at = bases.get("run_id"), bases.get(column) or bases.get("value")
    time_at = next((bases[text] for text in _LONG_TIME if text in bases), None)
    lacking = [text for text, at in (("run_id", run_at), ("time", time_at), ("value", value_at)) if at is None]
    if run_at is None or time_at is None or value_at is None:
        raise DataError(
            where=_WHERE,
            expected="columns run_id, time and value",
            received="columns " + ", ".join(header) + " without " + " and ".join(lacking),
            place=str(path),
        )
    values = table[value_at].numbers(value_at, ".")
    _refuse_first(values[2], path, value_at, "numbers")
    codes = table[run_at].codes(run_at)
    if (codes.codes < 0).any():
        _refuse_first(codes.codes < 0, path, run_at, "a run id in each line")
    times, absolute = _long_times(table[time_at], time_at, path, timezone)
    order = np.lexsort((times, codes.codes))
    counts = np.bincount(codes.codes, minlength=len(codes.categories))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    times = times[order]
    stated = units.parse_header(value_at)[1]
    start = np.full(len(codes.categories), NO_TIME, dtype=np.int64)
    if absolute:
        start = times[offsets[:-1]]
    _require_period(times, offsets, period_ns, list(codes.categories), f"{path}, column {time_at!r}")
    samples = values[0][order].astype(np.float32)
    period = _period(times, offsets)
    if not period and (step := _step_of_grid(times, offsets, period_ns)):
        period = step
        samples, offsets = _on_grid(samples, times, offsets, step)
    kept = None if period else times
    return Trace(name, stated or unit, samples, offsets, start, period, kept, list(codes.categories))


def _long_columns(path: Path) -> tuple[list[str], dict[str, Any]]:
    """Header and cells of a long table; compressed ones are unpacked beside."""
    import tempfile

    from luban._intake.cells import FrameCells

    with tempfile.TemporaryDirectory() as folder:
        plain = path
        if path.suffix.lower() == ".gz":
            plain = Path(folder) / "table.csv"
            with plain.open("w", encoding="utf-8") as stream:
                stream.writelines(_lines(path))
        dialect = sniff(plain, ["run_id", "time", "value"], delimiter=None, decimal=None, encoding=None)
        numeric = [text for text in dialect.header if units.parse_header(text)[0] != "run_id"]
        import pandas as pd

        chunks = list(read_chunks(plain, dialect, numeric))
        for chunk in chunks:
            refuse_malformed(chunk, dialect.header, _WHERE, str(path))
        frame = pd.concat([chunk.cells.frame() for chunk in chunks], ignore_index=True)
    if not len(frame):
        raise DataError(where=_WHERE, expected="samples", received="a header and nothing below it", place=str(path))
    return dialect.header, dict.fromkeys(dialect.header, FrameCells(frame))


def _long_times(cells: Any, header: str, path: Path, timezone: ZoneInfo | None) -> tuple[NDArray[np.int64], bool]:
    """Nanoseconds of each line, and whether they are UTC rather than since the start of the run."""
    values, empty, bad = cells.numbers(header, ".")
    if not (bad | empty).any():
        stated = units.parse_header(header)[1] or "s"
        if not units.commensurable(stated, "s"):
            raise UnitError(where=_WHERE, expected="a unit of time", received=repr(stated), place=str(path))
        counts = np.round(units.convert(values, stated, "s") * 1e9)
        _refuse_first(np.abs(counts) >= 2.0**63, path, header, "times within 292 years of the start of the run")
        return counts.astype(np.int64), False
    times = cells.times(header, timezone)
    expected = "seconds since the start, or times with a zone"
    for reason, refused in times.bad.items():
        _refuse_first(refused, path, header, expected, TIME_REASONS[reason])
    _refuse_first(times.nanoseconds == NO_TIME, path, header, expected)
    return times.nanoseconds, True


def _steps(times: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the steps within all runs."""
    steps = np.diff(times)
    inner = np.ones(len(steps), dtype=bool)
    borders = offsets[1:-1]
    inner[borders[(borders > 0) & (borders <= len(steps))] - 1] = False
    return steps[inner]


def _step_of_grid(times: NDArray[np.int64], offsets: NDArray[np.int64], stated: int) -> int:
    """Return the smallest step where it is the stated period and all others are multiples of it, otherwise 0.

    Then samples were dropped. 0 also where a run has so few that filling it up would cost too much memory.
    """
    steps = _steps(times, offsets)
    step = int(steps.min(initial=np.iinfo(np.int64).max))
    if step <= 0 or abs(step - stated) > _PERIOD_SHARE * stated or (steps % step).any():
        return 0
    lengths = (times[offsets[1:] - 1] - times[offsets[:-1]]) // step + 1
    return 0 if (lengths > _MOST_FILLED * np.diff(offsets)).any() else step


def _on_grid(
    samples: NDArray[np.float32], times: NDArray[np.int64], offsets: NDArray[np.int64], step: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return samples (total) and offsets (runs + 1) of regular runs, NaN where a sample was dropped."""
    first = times[offsets[:-1]]
    lengths = (times[offsets[1:] - 1] - first) // step + 1
    filled = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    at = (times - np.repeat(first, np.diff(offsets))) // step + np.repeat(filled[:-1], np.diff(offsets))
    out = np.full(filled[-1], np.nan, dtype=np.float32)
    out[at] = samples
    return out, filled


def _period(times: NDArray[np.int64], offsets: NDArray[np.int64]) -> int:
    """Return the step where all runs have one and the same, otherwise 0."""
    steps = _steps(times, offsets)
    return int(steps[0]) if len(steps) and steps[0] > 0 and (steps == steps[0]).all() else 0


def _require_period(
    times: NDArray[np.int64], offsets: NDArray[np.int64], stated: int, run_ids: Sequence[str], place: str
) -> None:
    """Refuse runs whose median step is not the stated period: by 1 % of it, or what a coarse clock explains.

    A clock that counts in ticks shows steps around the period, one tick off, whose mean is the period.
    """
    tick = _tick(times)
    for run, run_id in enumerate(run_ids):
        steps = np.diff(times[offsets[run] : offsets[run + 1]])
        if not len(steps):
            continue
        median = float(np.median(steps))
        if abs(median - stated) <= _PERIOD_SHARE * stated:
            continue
        near = steps[np.abs(steps - median) <= tick]
        mean = float(near.mean()) if len(near) else median
        coarse = abs(median - stated) <= tick and abs(mean - stated) <= _PERIOD_SHARE * stated + tick / len(steps)
        if coarse:
            continue
        raise DataError(
            where=_WHERE,
            expected=f"steps of {stated / 1e6:g} ms, as `period_ms` of the process file says",
            received=f"steps of {median / 1e6:g} ms (median) in run {run_id!r}",
            place=place,
            hint="times without a unit are seconds: state it in the header, as in time [ms], or correct `period_ms`",
        )


def _tick(times: NDArray[np.int64]) -> int:
    """Return the resolution of times: the largest power of ten of nanoseconds that divides all of them."""
    common = int(np.gcd.reduce(times)) if len(times) else 0
    tick = 1
    while common and common % (10 * tick) == 0:
        tick *= 10
    return tick


def _refuse_first(bad: NDArray[np.bool_], path: Path, header: str, expected: str, why: str = "") -> None:
    if bad.any():
        raise DataError(
            where=_WHERE,
            expected=expected,
            received=f"something else in data row {int(np.argmax(bad)) + 1}" + (why and f": {why}"),
            place=f"{path}, column {header!r}",
        )
