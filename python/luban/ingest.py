"""Getting data in and out: CSV files, Parquet files and DataFrames to histories, histories to CSV and Parquet.

An import never drops anything in silence: what cannot be used goes to the quarantine of the history with its source
row, its text and the reason, and the report's sums add up.
"""

from __future__ import annotations

import dataclasses
import time
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from luban import _core, _history
from luban._intake.draft import process_name
from luban._intake.new_process import NewProcess, draft_of_csv, draft_of_frame
from luban._intake.report import REASONS, ImportReport
from luban._intake.run import OnBad, add_csv, add_frame
from luban.errors import ConfigurationError, IoError, NotBuiltError
from luban.history import History
from luban.parallel import Progress
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "REASONS",
    "ImportReport",
    "NewProcess",
    "export",
    "import_csv",
    "import_frame",
    "import_parquet",
    "new_process",
]

Path_ = str | PathLike[str]


def import_csv(
    process: Process,
    path: Path_,
    out: Path_,
    *,
    on_bad: OnBad = "quarantine",
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a CSV file into the history ``out``: made new, or added to when it exists.

    Delimiter (comma, semicolon, tab, bar), decimal sign and a byte order mark are found out; a header may state units,
    ``Vc [m/min]``. The same bytes again change nothing. ``on_bad="reject"`` refuses the whole file instead of putting
    bad rows and values into quarantine. ``progress(phase, done, total)`` hears of bytes read and columns written.

    Raises: IoError (no such file, disk refuses), DataError (empty, header only, wrong delimiter, missing column with
    the nearest name, bad data with ``reject``), UnitError, ConfigurationError when the history is of another process,
    LifecycleError when another program wrote it meanwhile or is writing it, KeyboardInterrupt on Ctrl-C. In each case
    ``out`` is as it was before.
    """
    started = time.monotonic()
    target = _Target.at(out)
    report = add_csv(
        target.content,
        process,
        Path(path),
        on_bad=on_bad,
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        progress=progress,
    )
    target.write(report, progress)
    report.seconds = time.monotonic() - started
    return report


def import_frame(
    process: Process,
    frame: pd.DataFrame,
    out: Path_,
    *,
    name: str = "frame",
    on_bad: OnBad = "quarantine",
    progress: Progress | None = None,
) -> ImportReport:
    """Import a DataFrame (one row per reading) into the history ``out``; ``name`` is its name in the provenance.

    Raises: as :func:`import_csv`.
    """
    started = time.monotonic()
    target = _Target.at(out)
    report = add_frame(target.content, process, frame, name=name, on_bad=on_bad)
    target.write(report, progress)
    report.seconds = time.monotonic() - started
    return report


def import_parquet(
    process: Process,
    path: Path_,
    out: Path_,
    *,
    on_bad: OnBad = "quarantine",
    progress: Progress | None = None,
) -> ImportReport:
    """Import a Parquet file into the history ``out`` (needs pyarrow).

    Raises: as :func:`import_csv`; NotBuiltError without pyarrow.
    """
    return import_frame(process, _read_parquet(Path(path)), out, name=Path(path).name, on_bad=on_bad, progress=progress)


def export(history: History, path: Path_) -> int:
    """Write all readings as ``.csv`` or ``.parquet`` (needs pyarrow); returns the number of rows.

    Headers of the CSV file carry units, ``cutting_speed [m/min]``; importing it with the same process gives the same
    runs, readings and values.

    Raises: ConfigurationError for another suffix, NotBuiltError without pyarrow, IoError when the disk refuses.
    """
    target = Path(path)
    if target.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigurationError(
            where="ingest.export",
            expected="a name that ends in .csv or .parquet",
            received=repr(target.name),
        )
    if target.suffix.lower() == ".parquet":
        _require_pyarrow()
    names = [info.name for info in history.source.schema()]
    frame = history.read(columns=names)
    known = {"reading_time", "start_time", "end_time", "equipment", "material_lot", "recipe", "group"}
    unknown = frame.isna() | (frame == "")
    frame = frame[[name for name in names if name not in known or not unknown[name].all()]]
    try:
        with _core.DurableFile(target, "ingest.export") as file:
            if target.suffix.lower() == ".csv":
                units = history.read(columns=names, runs=slice(0, 0)).attrs["units"]
                times = frame.select_dtypes("datetime").columns
                shown = frame.assign(**{name: frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z" for name in times})
                shown.columns = [f"{name} [{units[name]}]" if name in units else name for name in shown.columns]
                with file.path.open("w", encoding="utf-8", newline="") as stream:
                    shown.to_csv(stream, index=False)
            else:
                frame.to_parquet(file.path, index=False)
            file.commit(replace=True)
    except OSError as error:
        raise IoError(
            where="ingest.export",
            expected="to write the file",
            received=str(error.strerror or error),
            place=str(target),
        ) from error
    return len(frame)


def new_process(
    path: Path_,
    out: Path_ | None = None,
    *,
    name: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> NewProcess:
    """Look at a CSV or Parquet file and guess its process file: units, roles, categories, repeats, groups.

    The text is commented, loads as it stands, and is written to ``out`` where that is named. It is a first draft:
    what a column means, a person must say. Comments that begin with a question mark are of doubtful guesses;
    ``doubtful`` counts them.

    Raises: IoError (no such file; ``out`` exists), DataError (empty, header only, no column that could be a result or
    none that could be an input),
    NotBuiltError for Parquet without pyarrow.
    """
    source = Path(path)
    if source.suffix.lower() in (".parquet", ".pq"):
        draft = draft_of_frame(_read_parquet(source), name or process_name(source.stem), source.name)
    else:
        draft = draft_of_csv(source, name, delimiter=delimiter, decimal=decimal, encoding=encoding)
    if out is None:
        return draft
    try:
        with Path(out).open("x", encoding="utf-8") as stream:
            stream.write(draft.text)
    except OSError as error:
        raise IoError(
            where="ingest.new_process",
            expected="to write a new file",
            received=str(error.strerror),
            place=str(out),
            hint="a process file that exists is never overwritten",
        ) from error
    return dataclasses.replace(draft, path=str(out))


@dataclasses.dataclass(frozen=True)
class _Target:
    """The history that an import adds to, as it was found: an empty content when there is no file yet."""

    path: Path
    content: _history.Content
    digest: str | None

    @classmethod
    def at(cls, out: Path_) -> _Target:
        path = Path(out)
        if not path.exists():
            return cls(path, _history.Content(), None)
        file = _history.open(str(path))
        return cls(path, file.content(), file.content_digest)

    def write(self, report: ImportReport, progress: Progress | None) -> ImportReport:
        report.path = str(self.path)
        if not report.changed:
            return report
        _history.write(
            self.content,
            str(self.path),
            replace=self.digest is not None,
            expected_digest=self.digest,
            progress=progress,
        )
        return report


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    _require_pyarrow()
    import pyarrow

    try:
        return pd.read_parquet(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise IoError(
            where="ingest.import_parquet",
            expected="a Parquet file",
            received=" ".join(str(error).split()),
            place=str(path),
        ) from error


def _require_pyarrow() -> None:
    import importlib.util

    if importlib.util.find_spec("pyarrow") is None:
        raise NotBuiltError(
            where="ingest",
            expected="pyarrow, for Parquet files",
            received="a Python without it",
            hint="pip install pyarrow, or use CSV",
        )
