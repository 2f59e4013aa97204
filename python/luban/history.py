"""A production history: what was made, with which settings, in which circumstances, and what came of it.

One row is one reading; a run has one reading or more. A history lies in an HDF5 file or a folder of them
(``History.open``), or in memory (``History.from_frame`` without a path); all read alike. Nothing stored is ever
changed: a corrected value is a later event of the same reading, and ``as_of`` goes back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from luban import _core, _history
from luban._intake.build import process_document
from luban._intake.pieces import is_whole, unfinished
from luban._intake.report import ImportReport
from luban._intake.run import OnBad, add_csv, add_frame, add_source, as_pandas
from luban._intake.sink import SegmentSink, names_folder
from luban._intake.sources.csv import CsvSource
from luban._intake.sources.frame import FrameSource
from luban._reading import (
    OF_RUNS,
    Compression,
    Moment,
    RunChoice,
    RunFilter,
    core_filter,
    default_columns,
    statistics_frame,
    table_frame,
    trace_frame,
    utc_nanoseconds,
)
from luban._words import counted
from luban.errors import ConfigurationError, IoError, LifecycleError
from luban.parallel import Progress
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban._intake.sources.base import Source
    from luban.features import Inspection, InspectOptions

__all__ = ["CompactReport", "History", "ImportReport", "RunFilter", "VerifyReport", "compact", "verify"]

VerifyReport = _history.VerifyReport
CompactReport = _history.CompactReport
Path_ = str | PathLike[str]


def verify(path: Path_, *, head: Path_ | None = None, progress: Progress | None = None) -> VerifyReport:
    """Read every byte of a history and check seal, checksums, digests, structure and the chain of imports.

    Of a folder also the chain of its segments, and its end against ``head``, the file of heads that is kept beside the
    folder (``NAME.head``): the first bad segment, a removed tail, segments in each other's place and an end written
    anew are named. Damage is reported in ``.damages`` (object, what), not raised; ``.ok`` when there is none;
    ``.notes`` says what could not be checked.

    Raises: IoError when the history cannot be read; KeyboardInterrupt on Ctrl-C.
    """
    return _history.verify(str(path), progress=progress, head="" if head is None else str(head))


def compact(
    path: Path_,
    *,
    most_readings: int | None = None,
    head: Path_ | None = None,
    compression: Compression = "deflate",
    progress: Progress | None = None,
) -> CompactReport:
    """Merge neighbouring segments of a folder, up to ``most_readings`` in one (2 million).

    Who reads meanwhile sees the state before or after a merge, never a mixture; what was known when stays as it was.
    ``.files_left`` counts replaced files that somebody still reads: the next writer removes them.

    Raises: LifecycleError when another program writes the folder, IntegrityError when a segment is damaged, IoError
    when there is no such folder or the disk refuses; KeyboardInterrupt on Ctrl-C, and what was merged stays merged.
    """
    options = {} if most_readings is None else {"most_readings": most_readings}
    where = "" if head is None else str(head)
    return _history.compact(str(path), head=where, compression=compression, progress=progress, **options)


class History:
    """A history that is open for reading; ``append`` adds to it.

    Made by :meth:`open` or :meth:`from_frame`, not by its constructor.
    """

    def __init__(self, file: _history.HistorySource, path: Path | None) -> None:
        self._file = file
        self._path = path
        self._process: Process | None = None

    @classmethod
    def open(cls, path: str | PathLike[str]) -> History:
        """Open a history file or a folder of segments, read-only.

        A folder reads as it was when it was opened, whatever is appended or merged meanwhile.

        Raises: IoError when there is no such file, IntegrityError when it is no history or damaged, VersionError when
        a newer program wrote it.
        """
        place = Path(path)
        return cls(_history.open(str(place)), place)

    @classmethod
    def empty(cls, process: Process) -> History:
        """Make a history in memory that has no runs yet; :meth:`append` brings them."""
        from luban._intake.build import empty_content

        return cls(_history.in_memory(empty_content(process)), None)

    @classmethod
    def from_frame(
        cls,
        process: Process,
        frame: pd.DataFrame,
        path: str | PathLike[str] | None = None,
        *,
        on_bad: OnBad = "quarantine",
        compression: Compression = "deflate",
        progress: Progress | None = None,
    ) -> History:
        """Make a history of a DataFrame (one row per reading), in memory, as a file or as a folder of segments.

        A ``path`` that ends in a slash, or a folder without a history, becomes a folder of segments. Where a call was
        interrupted, the same call again goes on behind the rows that are there.
        Columns bear the names of the source or of the process; ``frame.attrs["units"]`` gives units that differ.
        What was refused is in :attr:`quarantine`. A file that is compressed by ``"zstd"`` is several times as fast to
        read; other programs then need the plugins of hdf5plugin.

        Raises: DataError (missing columns, nothing to import, bad values with ``on_bad="reject"``), UnitError,
        IoError when the history exists or the disk refuses.
        """
        if path is not None and names_folder(path):
            return cls._in_folder(process, FrameSource(frame, "frame"), Path(path), on_bad, progress, compression)
        content = _history.Content()
        add_frame(content, process, frame, on_bad=on_bad)
        return cls._of_content(content, None if path is None else Path(path), progress, compression)

    @classmethod
    def from_csv(
        cls,
        process: Process,
        csv: str | PathLike[str],
        path: str | PathLike[str] | None = None,
        *,
        on_bad: OnBad = "quarantine",
        progress: Progress | None = None,
    ) -> History:
        """Make a history of a CSV file; :func:`luban.ingest.import_csv` has more options.

        In memory, as a file, or as a folder of segments where ``path`` ends in a slash or is a folder without a
        history; there, the same call again goes on where one was interrupted.

        Raises: as :meth:`from_frame`, and IoError when the CSV file cannot be read.
        """
        if path is not None and names_folder(path):
            return cls._in_folder(process, CsvSource(Path(csv)), Path(path), on_bad, progress)
        content = _history.Content()
        add_csv(content, process, Path(csv), on_bad=on_bad, progress=progress)
        return cls._of_content(content, None if path is None else Path(path), progress)

    @classmethod
    def _in_folder(
        cls,
        process: Process,
        source: Source,
        folder: Path,
        on_bad: OnBad,
        progress: Progress | None,
        compression: Compression = "deflate",
    ) -> History:
        with closing(SegmentSink(folder, compression=compression)) as sink:
            if sink.source() is not None and not cls._is_begun(sink, process, source):
                raise IoError(
                    where="history.write",
                    expected="a name that is free",
                    received="an existing history",
                    place=str(folder),
                    hint="open it and append, or choose another name",
                )
            add_source(sink, process, source, on_bad=on_bad, progress=progress)
        return cls.open(folder)

    @staticmethod
    def _is_begun(sink: SegmentSink, process: Process, source: Source) -> bool:
        """Whether the folder holds the beginning of this very import, and nothing else."""
        came = sink.imports_of(source.digest())
        stored = sink.source()
        return (
            bool(came)
            and stored is not None
            and len(came) == len(stored.provenance)
            and not is_whole(entry.what for entry in came)
            and sink.process[-1].document == process_document(process)
        )

    @classmethod
    def _of_content(
        cls,
        content: _history.Content,
        path: Path | None,
        progress: Progress | None,
        compression: Compression = "deflate",
    ) -> History:
        if path is None:
            return cls(_history.in_memory(content), None)
        _history.write(content, str(path), progress=progress, compression=compression)
        return cls.open(path)

    def append(
        self, frame: pd.DataFrame, *, on_bad: OnBad = "quarantine", progress: Progress | None = None
    ) -> ImportReport:
        """Add rows: new runs, new readings, or later values for readings that exist (matched by run and repeat).

        A frame with ``run_id``, or the columns of ``runs.id``, and without parameters brings late responses for runs
        that exist; runs that do not are refused as ``unknown_run``. A file is written
        anew under a temporary name and renamed when it has been verified; a folder gets a segment.

        Raises: DataError, UnitError as :meth:`from_frame`; IoError; LifecycleError when somebody else has changed the
        file since it was opened, or is writing the file or the folder now.
        """
        started = time.monotonic()
        rows = as_pandas(frame)
        report = self._append_segment(rows, on_bad) if self.segments else self._append(rows, on_bad, progress)
        report.path = str(self._path or "memory")
        report.seconds = time.monotonic() - started
        return report

    def _append(self, rows: pd.DataFrame, on_bad: OnBad, progress: Progress | None) -> ImportReport:
        """Merge rows into the whole content, in memory, and write it again."""
        content = self._file.content()
        report = add_frame(content, self.process, rows, on_bad=on_bad, own_runs=True)
        if not report.changed:
            return report
        if self._path is None:
            self._file = _history.in_memory(content)
        else:
            _history.write(
                content, str(self._path), replace=True, expected_digest=self._file.content_digest, progress=progress
            )
            self._file = _history.open(str(self._path))
        return report

    def _append_segment(self, rows: pd.DataFrame, on_bad: OnBad) -> ImportReport:
        """Add rows to the folder as a segment, and read the folder as it is then."""
        with closing(SegmentSink(Path(str(self._path)))) as sink:
            report = add_source(sink, self.process, FrameSource(rows, "frame", own_runs=True), on_bad=on_bad)
        self._file = _history.open(str(self._path))
        return report

    def save(self, path: Path_, *, compression: Compression = "deflate", progress: Progress | None = None) -> History:
        """Write a copy and open it: a file, or a folder of one segment where ``path`` ends in a slash or is a folder.

        Raises: IoError when there is a history of that name, or the disk refuses.
        """
        if not names_folder(path):
            return self._of_content(self._file.content(), Path(path), progress, compression)
        with closing(_history.Appender(str(path), compression=compression)) as appender:
            appender.begin(self._file.content(), progress=progress)
        return self.open(path)

    def copy(self) -> History:
        """Return a copy in memory, which is independent of this history and of its file."""
        return History(_history.in_memory(self._file.content()), None)

    @property
    def path(self) -> Path | None:
        """The file; None when in memory."""
        return self._path

    @property
    def process(self) -> Process:
        """The process as it was defined at the latest import."""
        if self._process is None:
            version = self._file.latest_version
            self._process = Process.from_dict(json.loads(version.document), place=f"{self._file.path}, /process")
        return self._process

    @property
    def source(self) -> _core.TableSource:
        """The C++ source of readings, which features and models read from."""
        return self._file

    @property
    def digest(self) -> str:
        """SHA-256 of the content (of a folder: the end of its chain), as stored; :meth:`verify` computes it anew."""
        return self._file.content_digest

    @property
    def segments(self) -> int:
        """Number of files that a folder consists of; 0 = one file, or in memory."""
        return self._file.segment_count if isinstance(self._file, _history.HistoryFolder) else 0

    @property
    def uuid(self) -> str:
        """Name of this history, kept through all imports."""
        return self._file.uuid

    @property
    def provenance(self) -> pd.DataFrame:
        """The imports, first to last: who, what, when, tool, input and its SHA-256, what it brought."""
        import pandas as pd

        names = ["time", "who", "what", "tool", "input_name", "input_digest", "rows", "runs", "readings", "events"]
        rows = [[getattr(entry, name) for name in (*names, "quarantined")] for entry in self._file.provenance]
        out = pd.DataFrame(rows, columns=[*names, "quarantined"])
        out["time"] = pd.to_datetime(out["time"], utc=True)
        return out

    @property
    def notes(self) -> list[str]:
        """What a reader should know: each import that was interrupted and has not gone on since, in a sentence."""
        return [str(one) for one in unfinished(self._file.provenance)]

    @property
    def genealogy(self) -> pd.DataFrame:
        """Which material lots went into which: child_lot, parent_lot, quantity, unit, time, source."""
        return self._material(self._file.genealogy())

    @property
    def recipes(self) -> pd.DataFrame:
        """What recipes ask for: recipe, parameter, value (NaN where it is a category), category, unit, source."""
        return self._material(self._file.recipes())

    def _material(self, columns: dict[str, Any]) -> pd.DataFrame:
        import pandas as pd

        names = [entry.input_name for entry in self._file.provenance]
        columns["source"] = [names[number] for number in columns["source"]]
        out = pd.DataFrame(columns)
        if "time" in out:
            out["time"] = pd.to_datetime(out["time"], utc=True)
        return out

    @property
    def quarantine(self) -> pd.DataFrame:
        """What was refused: source, source_row (from 0), column, value as text, reason, scope (value or row)."""
        import pandas as pd

        columns = self._file.quarantine()
        names = [entry.input_name for entry in self._file.provenance]
        columns["source"] = [names[number] for number in columns["source"]]
        return pd.DataFrame(columns)

    def __len__(self) -> int:
        """Return the number of readings."""
        return self._file.row_count()

    def columns(self) -> pd.DataFrame:
        """Name, role, unit, kind and categories of every column that :meth:`read` gives."""
        import pandas as pd

        roles = {name: column.role for name, column in self.process.source_columns.items()}
        known = {"run_id", "repeat", "reading_time", *OF_RUNS}
        rows = [
            {
                "name": info.name,
                "role": roles.get(info.name, "run" if info.name in known else "auxiliary"),
                "unit": info.unit,
                "kind": info.kind.name,
                "categories": list(info.categories),
            }
            for info in self._file.schema()
        ]
        return pd.DataFrame(rows)

    def read(
        self,
        columns: Sequence[str] | None = None,
        runs: RunChoice = None,
        rows: Literal["readings", "runs"] = "readings",
        as_of: Moment = None,
        only: slice | None = None,
    ) -> pd.DataFrame:
        """Read into a DataFrame, units in ``attrs["units"]``.

        ``columns=None`` gives everything that the process names and all auxiliary columns. ``runs`` chooses runs: a
        :class:`RunFilter`, a slice of their order, a list of run ids, or a function that gets the frame of runs and
        returns a mask. ``rows="runs"`` gives one row per run, responses as means over its readings, and their number;
        a trace named in ``columns`` is then an array of samples in each cell. ``as_of`` (a time with a zone) shows
        what was known then. ``only`` reads a range of the rows that there would be, ``only=slice(0, 1000)``.

        Raises: DataError on an unknown column or run, ConfigurationError on another ``rows`` or a time without zone.
        """
        if rows not in ("readings", "runs"):
            raise ConfigurationError(where="history.read", expected='rows "readings" or "runs"', received=repr(rows))
        known_at = utc_nanoseconds(as_of)
        source = self._file.view(_core.Grain[rows], known_at, core_filter(self._file, runs, known_at))
        chosen = default_columns(source) if columns is None else list(columns)
        out = table_frame(source, chosen, only)
        out.attrs["units"] = {info.name: info.unit for info in source.schema() if info.unit and info.name in chosen}
        if any(kind.kind == "M" for kind in out.dtypes):
            out.attrs["timezone"] = "UTC"  # an import of it must not take them for local times
        return out

    def traces(self) -> pd.DataFrame:
        """Name, unit and period (ms; NaN = irregular) of the channels whose samples :meth:`trace` gives."""
        import pandas as pd

        rows = [(name, unit, period / 1e6 if period else float("nan")) for name, unit, period in self._file.traces]
        return pd.DataFrame(rows, columns=["name", "unit", "period_ms"])

    def trace(self, name: str, runs: RunChoice = None, as_of: Moment = None) -> pd.DataFrame:
        """Return samples of a channel, one in a row: run_id, seconds since the first sample, time, value.

        The time is UTC, missing for a run whose start is unknown; the unit is in ``attrs["units"]``.

        Raises: DataError on an unknown channel; as :meth:`read`.
        """
        known_at = utc_nanoseconds(as_of)
        found = self._file.trace(name, known_at, core_filter(self._file, runs, known_at))
        frame = trace_frame(*found)
        frame.attrs["units"] = {"value": {one: unit for one, unit, _ in self._file.traces}[name]}
        return frame

    def to_arrow(
        self,
        columns: Sequence[str] | None = None,
        *,
        runs: RunChoice = None,
        rows: Literal["readings", "runs"] = "readings",
        as_of: Moment = None,
    ) -> _core.ArrowRows:
        """Offer rows through the Arrow C stream interface, block by block, units as metadata of the fields.

        ``pyarrow.table(history.to_arrow())``, ``pyarrow.RecordBatchReader.from_stream(...)``,
        ``polars.DataFrame(...)``: whatever reads Arrow takes them over; numbers, times and categories are not copied.
        A missing number is NaN, anything else that is missing is null.

        Raises: as :meth:`read`.
        """
        known_at = utc_nanoseconds(as_of)
        source = self._file.view(_core.Grain[rows], known_at, core_filter(self._file, runs, known_at))
        return _core.ArrowRows(source, default_columns(source) if columns is None else list(columns))

    def minibatches(
        self,
        columns: Sequence[str],
        size: int = 256,
        *,
        runs: RunChoice = None,
        rows: Literal["readings", "runs"] = "readings",
        as_of: Moment = None,
        shuffle: bool = True,
        seed: int = 0,
        epoch: int = 0,
        drop_last: bool = False,
    ) -> Iterator[NDArray[np.float32]]:
        """Go through all rows once in minibatches: float32 arrays of shape (size, len(columns)).

        Missing is NaN, a category its code. Whole blocks are read in random order, and the rows of several blocks are
        shuffled together; the next ones are read and decoded while you work. The order follows from ``seed`` and
        ``epoch`` alone. ``torch.from_numpy`` takes them without a copy.

        Raises: DataError when a column is absent or holds texts, times or samples; as :meth:`read`.
        """
        known_at = utc_nanoseconds(as_of)
        source = self._file.view(_core.Grain[rows], known_at, core_filter(self._file, runs, known_at))
        return _history.Minibatches(
            source, list(columns), size, shuffle=shuffle, seed=seed, epoch=epoch, drop_last=drop_last
        )

    def statistics(
        self,
        columns: Sequence[str] | None = None,
        *,
        runs: RunChoice = None,
        as_of: Moment = None,
        fractions: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Describe columns of numbers in one pass, a row each, in memory that does not grow with the history.

        Columns of the answer: unit, count, missing, mean, standard_deviation, low, high, and the quantiles at
        ``fractions``. Those are exact up to a million rows, else of a sample of a million (``exact`` says which).

        Raises: DataError when a column is absent or holds no numbers; KeyboardInterrupt on Ctrl-C.
        """
        known_at = utc_nanoseconds(as_of)
        source = self._file.view(_core.Grain.readings, known_at, core_filter(self._file, runs, known_at))
        return statistics_frame(source, columns, fractions, progress)

    def verify(self, *, progress: Progress | None = None) -> VerifyReport:
        """Check the file as :func:`verify` does. Raises: LifecycleError for a history in memory."""
        if self._path is None:
            raise LifecycleError(
                where="history.verify",
                expected="a history that lies in a file",
                received="one in memory",
                hint="save(path) makes a file of it",
            )
        return verify(self._path, progress=progress)

    def inspect(self, *, options: InspectOptions | None = None, progress: Progress | None = None) -> Inspection:
        """Say what is in it and what a person should look at; see :func:`luban.features.inspect`."""
        from luban import features

        return features.inspect(self.process.core, self._file, options=options, progress=progress)

    def __repr__(self) -> str:
        where = "in memory" if self._path is None else repr(str(self._path))
        runs = sum(entry.runs for entry in self._file.provenance)
        counts = f"{counted(runs, 'run')}, {counted(len(self), 'reading')}"
        return f"<luban.History {where}: {'; '.join([f'{self.process.name}, {counts}', *self.notes])}>"

    def _repr_html_(self) -> str:
        frame = self.read(rows="runs")
        note = f"<p>{escape(repr(self))}</p>"
        return note + frame.head(8).to_html()
