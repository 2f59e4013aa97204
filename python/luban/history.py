"""A production history: what was made, with which settings, in which circumstances, and what came of it.

One row is one reading; a run has one reading or more. A history lies in an HDF5 file (``History.open``), or in memory
(``History.from_frame`` without a path); both read alike. Nothing stored is ever changed: a corrected value is a later
event of the same reading, and ``as_of`` goes back.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Sequence
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from luban import _core, _history
from luban._intake.report import ImportReport
from luban._intake.run import OnBad, add_csv, add_frame, as_pandas
from luban._words import counted
from luban.errors import ConfigurationError, DataError, LifecycleError, NotBuiltError
from luban.parallel import Progress
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban.features import Inspection

__all__ = ["History", "ImportReport", "VerifyReport", "verify"]

VerifyReport = _history.VerifyReport
RunChoice = slice | Sequence[str] | Callable[["pd.DataFrame"], Any] | None
AsOf = str | datetime.datetime | np.datetime64 | None

_OF_RUNS = ("start_time", "end_time", "status", "group", "equipment", "material_lot", "recipe", "source")


def verify(path: str | PathLike[str], *, progress: Progress | None = None) -> VerifyReport:
    """Read every byte of a history file and check seal, checksums, digest, structure and the chain of imports.

    Damage is reported in ``.damages`` (object, what), not raised; ``.ok`` when there is none.

    Raises: IoError when the file cannot be read; KeyboardInterrupt on Ctrl-C.
    """
    return _history.verify(str(path), progress=progress)


class History:
    """A history that is open for reading; ``append`` adds to it.

    Made by :meth:`open` or :meth:`from_frame`, not by its constructor.
    """

    def __init__(self, file: _history.HistoryFile, path: Path | None) -> None:
        self._file = file
        self._path = path
        self._process: Process | None = None

    @classmethod
    def open(cls, path: str | PathLike[str]) -> History:
        """Open a history file, read-only.

        Raises: IoError when there is no such file, IntegrityError when it is no history or damaged, VersionError when
        a newer program wrote it.
        """
        place = Path(path)
        if place.is_dir():
            raise NotBuiltError(
                where="history.open",
                expected="a history file",
                received="a folder",
                place=str(place),
                hint="folders of segments are not read by this version; open one of the files",
            )
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
        progress: Progress | None = None,
    ) -> History:
        """Make a history of a DataFrame (one row per reading), in memory or as a file.

        Columns bear the names of the source or of the process; ``frame.attrs["units"]`` gives units that differ.
        What was refused is in :attr:`quarantine`.

        Raises: DataError (missing columns, nothing to import, bad values with ``on_bad="reject"``), UnitError,
        IoError when the file exists or the disk refuses.
        """
        content = _history.Content()
        add_frame(content, process, frame, on_bad=on_bad)
        return cls._of_content(content, None if path is None else Path(path), progress)

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
        """Make a history of a CSV file, in memory or as a file; :func:`luban.ingest.import_csv` has more options.

        Raises: as :meth:`from_frame`, and IoError when the CSV file cannot be read.
        """
        content = _history.Content()
        add_csv(content, process, Path(csv), on_bad=on_bad, progress=progress)
        return cls._of_content(content, None if path is None else Path(path), progress)

    @classmethod
    def _of_content(cls, content: _history.Content, path: Path | None, progress: Progress | None) -> History:
        if path is None:
            return cls(_history.in_memory(content), None)
        _history.write(content, str(path), progress=progress)
        return cls.open(path)

    def append(
        self, frame: pd.DataFrame, *, on_bad: OnBad = "quarantine", progress: Progress | None = None
    ) -> ImportReport:
        """Add rows: new runs, new readings, or later values for readings that exist (matched by run and repeat).

        A frame with ``run_id`` and without parameters brings late responses for runs that exist. A file is written
        anew under a temporary name and renamed when it has been verified.

        Raises: DataError, UnitError as :meth:`from_frame`; IoError; LifecycleError when somebody else has changed the
        file since it was opened, or is writing it now.
        """
        started = time.monotonic()
        content = self._file.content()
        report = add_frame(content, self.process, self._with_inputs(as_pandas(frame)), on_bad=on_bad)
        report.path = str(self._path or "memory")
        if not report.changed:
            return report
        if self._path is None:
            self._file = _history.in_memory(content)
        else:
            _history.write(
                content, str(self._path), replace=True, expected_digest=self._file.content_digest, progress=progress
            )
            self._file = _history.open(str(self._path))
        report.seconds = time.monotonic() - started
        return report

    def save(self, path: str | PathLike[str]) -> History:
        """Write a copy as a file and open it. Raises: IoError when the file exists or the disk refuses."""
        return self._of_content(self._file.content(), Path(path), None)

    def copy(self) -> History:
        """Return a copy in memory, which is independent of this history and of its file."""
        return History(_history.in_memory(self._file.content()), None)

    def _with_inputs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame of late responses with the inputs of its runs and readings joined."""
        from luban._intake.columns import match_columns

        inputs = [v.name for v in (*self.process.parameters, *self.process.context, *self.process.noise)]
        if "run_id" not in frame.columns:
            return frame
        headers = [str(name) for name in frame.columns]
        match = match_columns(self.process, headers, "frame", inputs_required=False, own_names=True)
        lacking = [name for name in inputs if name not in match.found]
        if not lacking:
            return frame
        keys = ["run_id", "repeat"] if "repeat" in frame.columns else ["run_id"]
        known = self.read(columns=["run_id", "repeat", *lacking])
        if keys == ["run_id"] and known["run_id"].duplicated().any():
            raise DataError(
                where="history.append",
                expected="a column 'repeat' beside 'run_id'",
                received="run_id alone",
                hint="runs of this history have several readings",
            )
        joined = frame.assign(run_id=frame["run_id"].astype(str)).merge(known, on=keys, how="left")
        joined.attrs = dict(frame.attrs)
        return joined

    @property
    def path(self) -> Path | None:
        """The file; None when in memory."""
        return self._path

    @property
    def process(self) -> Process:
        """The process as it was defined at the latest import."""
        if self._process is None:
            version = self._file.process_versions[-1]
            self._process = Process.from_dict(json.loads(version.document), place=f"{self._file.path}, /process")
        return self._process

    @property
    def source(self) -> _core.TableSource:
        """The C++ source of readings, which features and models read from."""
        return self._file

    @property
    def digest(self) -> str:
        """SHA-256 of the content, as stored; :meth:`verify` computes it anew."""
        return self._file.content_digest

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
        known = {"run_id", "repeat", "reading_time", *_OF_RUNS}
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
        as_of: AsOf = None,
    ) -> pd.DataFrame:
        """Read into a DataFrame, units in ``attrs["units"]``.

        ``columns=None`` gives everything that the process names and all auxiliary columns. ``runs`` chooses runs: a
        slice of their order, a list of run ids, or a function that gets the frame of runs and returns a mask.
        ``rows="runs"`` gives one row per run, responses as means over its readings, and their number.
        ``as_of`` (a time with a zone) shows what was known then.

        Raises: DataError on an unknown column or run, ConfigurationError on another ``rows`` or a time without zone.
        """
        if rows not in ("readings", "runs"):
            raise ConfigurationError(where="history.read", expected='rows "readings" or "runs"', received=repr(rows))
        known_at = _utc_nanoseconds(as_of)
        source = self._file.view(_core.Grain[rows], known_at)
        chosen = self._default_columns(source) if columns is None else list(columns)
        wanted = list(dict.fromkeys(chosen if runs is None else [*chosen, "run_id"]))
        frame = _frame(source, wanted)
        if runs is not None:
            frame = frame[frame["run_id"].isin(self._chosen_runs(runs, known_at))].reset_index(drop=True)
        units = {info.name: info.unit for info in source.schema() if info.unit and info.name in chosen}
        out = frame if list(frame.columns) == chosen else frame[chosen]
        out.attrs["units"] = units
        return out

    def _default_columns(self, source: _core.TableSource) -> list[str]:
        return [info.name for info in source.schema() if info.name not in (*_OF_RUNS, "reading_time")]

    def _chosen_runs(self, runs: RunChoice, known_at: int) -> list[str]:
        source = self._file.view(_core.Grain.runs, known_at)
        if callable(runs):
            frame = _frame(source, [info.name for info in source.schema()])
            mask: NDArray[np.bool_] = np.asarray(runs(frame), dtype=bool)
            return list(frame["run_id"][mask])
        ids = list(source.read(["run_id"], 0, source.row_count())["run_id"])
        if isinstance(runs, slice):
            return ids[runs]
        chosen = [str(run) for run in runs or ()]
        unknown = sorted(set(chosen) - set(ids))
        if unknown:
            raise DataError(
                where="history.read",
                expected="runs of this history",
                received=repr(unknown[0]),
                hint=_core.nearest_hint(unknown[0], ids),
            )
        return chosen

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

    def inspect(self, *, progress: Progress | None = None) -> Inspection:
        """Say what is in it and what a person should look at; see :func:`luban.features.inspect`."""
        from luban import features

        return features.inspect(self.process.core, self._file, progress=progress)

    def __repr__(self) -> str:
        where = "in memory" if self._path is None else repr(str(self._path))
        runs = sum(entry.runs for entry in self._file.provenance)
        return f"<luban.History {where}: {self.process.name}, {counted(runs, 'run')}, {counted(len(self), 'reading')}>"

    def _repr_html_(self) -> str:
        frame = self.read(rows="runs")
        note = f"<p>{escape(repr(self))}</p>"
        return note + frame.head(8).to_html()


def _frame(source: _core.TableSource, columns: Sequence[str]) -> pd.DataFrame:
    """Read whole columns; the frame owns its arrays and shares them with nobody, so nothing is copied."""
    import pandas as pd

    infos = {info.name: info for info in source.schema()}
    arrays = _history.read_arrays(source, list(columns), 0, source.row_count())
    data: dict[str, Any] = {}
    for name, values in arrays.items():
        if infos[name].kind == _core.ColumnKind.code:
            categories = pd.Index(list(infos[name].categories), dtype="str")
            data[name] = pd.Categorical.from_codes(values, categories=categories)
        elif name in ("repeat", "readings") and not np.isnan(values).any():
            data[name] = values.astype(np.int64)
        else:
            data[name] = values
    return pd.DataFrame(data, copy=False)


def _utc_nanoseconds(as_of: AsOf) -> int:
    """Return an instant as UTC nanoseconds; None as the mark for missing."""
    if as_of is None:
        return int(np.iinfo(np.int64).min)
    if isinstance(as_of, str):
        return _core.parse_time(as_of)
    if isinstance(as_of, np.datetime64):
        return int(as_of.astype("datetime64[ns]").view(np.int64))
    if as_of.tzinfo is None:
        raise ConfigurationError(
            where="history.read",
            expected="a time with a zone",
            received=as_of.isoformat(),
            hint="local time is ambiguous twice a year: use datetime.now(datetime.UTC)",
        )
    import pandas as pd

    return int(pd.Timestamp(as_of).value)
