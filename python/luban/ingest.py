"""Getting data in and out: files, databases and tables in memory to histories, histories to CSV, Parquet and NetCDF.

An import never drops anything in silence: what cannot be used goes to the quarantine of the history with its source
row, its text and the reason, and the report's sums add up.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban import _core, _history
from luban._intake.build import Author
from luban._intake.draft import process_name
from luban._intake.export import Exporter, ExportOptions, kind_of, run_columns
from luban._intake.genealogy import add_genealogy
from luban._intake.new_process import NewProcess, draft_of_source
from luban._intake.pseudonyms import Pseudonyms, key_of_file
from luban._intake.recipes import add_recipes
from luban._intake.report import REASONS, ImportReport
from luban._intake.run import OnBad, add_source, user
from luban._intake.sink import ContentSink, SegmentSink, Sink, names_folder
from luban._intake.sources.csv import CsvSource
from luban._intake.sources.find import SourceOptions, find_source
from luban._intake.sources.frame import FrameSource
from luban._intake.sources.parquet import ParquetSource
from luban._intake.traces import Trace, mapped_trace, read_trace
from luban._reading import Compression
from luban.errors import IoError
from luban.history import History
from luban.parallel import Progress
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd

    from luban._intake.sources.base import Source

__all__ = [
    "REASONS",
    "ImportReport",
    "NewProcess",
    "SourceOptions",
    "export",
    "import_csv",
    "import_data",
    "import_frame",
    "import_parquet",
    "new_process",
]

Path_ = str | PathLike[str]


def import_data(
    process: Process,
    source: object,
    out: Path_,
    *,
    options: SourceOptions | None = None,
    on_bad: OnBad = "quarantine",
    traces: Mapping[str, Path_] | None = None,
    genealogy: Path_ | None = None,
    recipes: Path_ | None = None,
    again: bool = False,
    compression: Compression = "deflate",
    progress: Progress | None = None,
) -> ImportReport:
    """Import any source into the history ``out``: made new, or added to when it exists.

    A name that ends in a slash, or a folder, is a history of segments: it takes a source of any length piece by piece,
    each on the disk before the next is read, and an import that was interrupted goes on where it stopped.

    ``source`` is a path (CSV, Parquet file or folder of them, Excel, NetCDF, foreign HDF5 with a mapping file), the URL
    of a database, or a table in memory (pandas, polars, pyarrow, xarray). ``options`` say what cannot be found out.
    A source that names runs and brings responses, but no parameter, adds late values to runs that ``out`` has.
    ``traces`` names the file of each channel (:func:`luban._intake.traces.read_trace` says which there are),
    ``genealogy`` a table of lots, ``recipes`` one of what recipes ask for. The same bytes or rows again change nothing,
    except that traces, lots and recipes that are new come in. ``again`` reads the source once more though it was
    imported, with other reading options, say: new values come in, equal ones change nothing, a refusal that stands in
    the quarantine is not written twice.
    ``compression="zstd"`` is several times as fast to read; other programs then need the plugins of hdf5plugin.

    Raises: as :func:`import_csv`; NotBuiltError when the reader of that kind is not installed.
    """
    found = find_source(source, options)
    channels = [read_trace(process, name, Path(path)) for name, path in (traces or {}).items()]
    channels += _mapped_traces(process, found)
    lots = None if genealogy is None else find_source(genealogy)
    beside = None if recipes is None else find_source(recipes)
    return _import(
        process,
        found,
        out,
        on_bad,
        progress,
        traces=channels,
        genealogy=lots,
        recipes=beside,
        again=again,
        compression=compression,
    )


def _mapped_traces(process: Process, source: Source) -> list[Trace]:
    from luban._intake.sources.hdf5 import Hdf5Source

    if not isinstance(source, Hdf5Source):
        return []
    return [mapped_trace(process, name, source, period_ms) for name, period_ms in source.channels.items()]


def import_csv(
    process: Process,
    path: Path_,
    out: Path_,
    *,
    on_bad: OnBad = "quarantine",
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    again: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a CSV file into the history ``out``: made new, or added to when it exists.

    Delimiter (comma, semicolon, tab, bar), decimal sign and a byte order mark are found out; a header may state units,
    ``Vc [m/min]``. The same bytes again change nothing, unless ``again`` reads them once more. ``on_bad="reject"``
    refuses the whole file instead of putting bad rows and values aside. ``progress(phase, done, total)`` hears
    of bytes and rows read and columns written. With pyarrow installed it reads several times as fast, to the same
    result.

    Raises: IoError (no such file, disk refuses), DataError (empty, header only, wrong delimiter, missing column with
    the nearest name, bad data with ``reject``), UnitError, ConfigurationError when the history is of another process,
    LifecycleError when another program wrote it meanwhile or is writing it, KeyboardInterrupt on Ctrl-C. In each case
    ``out`` is as it was before.
    """
    source = CsvSource(Path(path), delimiter=delimiter, decimal=decimal, encoding=encoding)
    return _import(process, source, out, on_bad, progress, again=again)


def import_frame(
    process: Process,
    frame: pd.DataFrame,
    out: Path_,
    *,
    name: str = "frame",
    on_bad: OnBad = "quarantine",
    own_runs: bool = False,
    again: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a DataFrame (one row per reading) into the history ``out``; ``name`` is its name in the provenance.

    ``own_runs``: its column ``run_id`` names runs of the history, also where the process file makes run ids of others.

    Raises: as :func:`import_csv`.
    """
    return _import(process, FrameSource(frame, name, own_runs=own_runs), out, on_bad, progress, again=again)


def import_parquet(
    process: Process,
    path: Path_,
    out: Path_,
    *,
    on_bad: OnBad = "quarantine",
    again: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a Parquet file, or a folder of them, into the history ``out`` (needs pyarrow).

    Folders named ``key=value`` are columns.

    Raises: as :func:`import_csv`; NotBuiltError without pyarrow.
    """
    return _import(process, ParquetSource(Path(path)), out, on_bad, progress, again=again)


def _import(
    process: Process,
    source: Source,
    out: Path_,
    on_bad: OnBad,
    progress: Progress | None,
    *,
    traces: Sequence[Trace] = (),
    genealogy: Source | None = None,
    recipes: Source | None = None,
    again: bool = False,
    compression: Compression = "deflate",
) -> ImportReport:
    started = time.monotonic()
    target = None if names_folder(out) else _Target.at(out)
    sink: Sink = SegmentSink(Path(out), compression=compression) if target is None else ContentSink(target.content)
    try:
        report = add_source(sink, process, source, on_bad=on_bad, traces=traces, again=again, progress=progress)
        tool = "luban " + str(_core.build_info()["version"])
        if genealogy is not None:
            author = Author(user(), f"import of lots, {genealogy.name}", tool)
            report.genealogy = add_genealogy(sink, process, genealogy, author)
        if recipes is not None:
            author = Author(user(), f"import of recipes, {recipes.name}", tool)
            report.recipes = add_recipes(sink, process, recipes, author)
    finally:
        sink.close()
    report.path = str(out)
    if target is not None:
        target.write(report, progress, compression)
    report.seconds = time.monotonic() - started
    return report


def export(
    history: History,
    path: Path_,
    *,
    columns: Sequence[str] | None = None,
    pseudonymise: Sequence[str] = (),
    key_file: Path_ | None = None,
) -> int:
    """Write all readings as ``.csv``, ``.parquet`` (needs pyarrow) or ``.nc`` (needs xarray); returns their number.

    NetCDF holds the traces too, filled up to the longest with NaN.

    Headers of the CSV file carry units, ``cutting_speed [m/min]``; importing it with the same process gives the same
    runs, readings and values. ``columns`` chooses, and orders. A bad value goes out as its number with ``bad`` in
    ``NAME.quality``, which takes it back where it is imported; without that column its cell is empty.

    ``pseudonymise`` names columns of names (equipment, lots, identifiers, categories, run_id) that go out as keyed
    hashes (HMAC-SHA-256); run ids that are made of such a column, groups and the names of sources are hidden with them.
    The key is random and kept nowhere, so that each export has other pseudonyms; ``key_file`` keeps one, made when it
    is not there. It does not protect what values, times, orders and frequencies tell of a name, nor a name that stands
    in another column.

    Raises: ConfigurationError for another suffix or a column that holds no names, DataError on an unknown column,
    NotBuiltError without the package of the format, IoError when the disk refuses.
    """
    target = Path(path)
    kind = kind_of(target)
    pseudonyms = None
    if pseudonymise:
        pseudonyms = Pseudonyms(None if key_file is None else key_of_file(Path(key_file)))
    options = ExportOptions(columns, kind == "netcdf", pseudonymise, pseudonyms)
    exporter = Exporter(history.process, history.source, options)
    try:
        with _core.DurableFile(target, "ingest.export") as file:
            if kind == "csv":
                exporter.write_csv(file.path)
            elif kind == "parquet":
                exporter.write_parquet(file.path)
            else:
                exporter.write_netcdf(file.path, run_columns(history.process))
            file.commit(replace=True)
    except OSError as error:
        raise IoError(
            where="ingest.export",
            expected="to write the file",
            received=str(error.strerror or error),
            place=str(target),
        ) from error
    return exporter.rows


def new_process(
    source: object,
    out: Path_ | None = None,
    *,
    name: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    options: SourceOptions | None = None,
) -> NewProcess:
    """Look at any source that :func:`import_data` takes and guess its process file: units, roles, categories, groups.

    The text is commented, loads as it stands, and is written to ``out`` where that is named. It is a first draft:
    what a column means, a person must say. Comments that begin with a question mark are of doubtful guesses;
    ``doubtful`` counts them. Of a long source the first rows are looked at.

    Raises: IoError (no such file; ``out`` exists), DataError (empty, header only, no column that could be a result or
    none that could be an input), NotBuiltError when the reader of that kind is not installed.
    """
    given: dict[str, Any] = {"delimiter": delimiter, "decimal": decimal, "encoding": encoding}
    chosen = dataclasses.replace(options or SourceOptions(), **{key: text for key, text in given.items() if text})
    found = find_source(source, chosen)
    stem = Path(found.name).stem if isinstance(source, str | PathLike) and "://" not in str(source) else found.name
    draft = draft_of_source(found, name or process_name(stem))
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

    def write(self, report: ImportReport, progress: Progress | None, compression: Compression) -> ImportReport:
        if not report.changed:
            return report
        _history.write(
            self.content,
            str(self.path),
            replace=self.digest is not None,
            expected_digest=self.digest,
            progress=progress,
            compression=compression,
        )
        return report
