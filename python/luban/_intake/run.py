"""One import from end to end: source → columns → runs and readings → merged history → written."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from luban import _core, _history, units
from luban._intake.build import Addition, Author, build, process_document
from luban._intake.columns import Match, match_columns, wanted_names
from luban._intake.convert import Columns, Refusals, convert_chunk, join
from luban._intake.report import REASONS, ImportReport
from luban._intake.second_look import look_again
from luban._intake.source import RawChunk, file_digest, read_chunks, sniff
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pandas as pd

    from luban.parallel import Progress
    from luban.process import Process

__all__ = ["OnBad", "add_csv", "add_frame", "as_pandas"]

OnBad = Literal["quarantine", "reject"]


def add_csv(
    history: _history.Content,
    process: Process,
    path: Path,
    *,
    on_bad: OnBad = "quarantine",
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Merge a CSV file into ``history``, which is changed in place only when everything went well."""
    started = time.monotonic()
    _require_on_bad(on_bad)
    digest = file_digest(path)
    report = ImportReport(path.name, digest)
    if _known(history, process, digest):
        report.already_imported = True
        return report
    dialect = sniff(path, wanted_names(process), delimiter=delimiter, decimal=decimal, encoding=encoding)
    match = match_columns(process, dialect.header, str(path))
    refusals = Refusals()

    chunks = read_chunks(path, dialect, match.numeric_headers, progress)
    columns = _converted(chunks, match, dialect.decimal, refusals, report)
    if report.rows == 0:
        raise DataError(
            where="ingest.import_csv", expected="rows", received="a header and nothing below it", place=str(path)
        )
    if progress is not None:
        progress("judge", 0, report.rows)
    _finish(history, process, columns, match, refusals, report, on_bad, f"import of {path.name}")
    if progress is not None:
        progress("judge", report.rows, report.rows)
    report.seconds = time.monotonic() - started
    return report


def add_frame(
    history: _history.Content,
    process: Process,
    frame: pd.DataFrame,
    *,
    name: str = "frame",
    on_bad: OnBad = "quarantine",
    own_names: bool = True,
) -> ImportReport:
    """Merge a DataFrame into ``history``; its ``attrs["units"]`` are the units of its columns.

    ``own_names``: its columns may bear the names of the process where the process file states others.
    """
    started = time.monotonic()
    _require_on_bad(on_bad)
    frame = as_pandas(frame)
    _require_plain(frame, name)
    digest = _frame_digest(frame)
    report = ImportReport(name, digest)
    if _known(history, process, digest):
        report.already_imported = True
        return report
    if len(frame) == 0:
        raise DataError(where="ingest.import_frame", expected="rows", received="an empty frame", place=name)
    plain = frame.set_axis([str(column) for column in frame.columns], axis=1)
    units = {str(column): str(unit) for column, unit in dict(frame.attrs.get("units", {})).items()}
    match = match_columns(process, list(plain.columns), name, units, own_names=own_names)
    for header in match.housekeeping.values():
        if plain[header].dtype.kind == "M" and getattr(plain[header].dtype, "tz", None) is None:
            report.notes.append(f"{header}: times without a zone were taken as UTC.")
    refusals = Refusals()
    chunk = RawChunk(plain, np.arange(len(plain), dtype=np.int64))
    columns = _converted([chunk], match, ".", refusals, report)
    _finish(history, process, columns, match, refusals, report, on_bad, f"import of {name}")
    report.seconds = time.monotonic() - started
    return report


def as_pandas(frame: object) -> pd.DataFrame:
    """Return a pandas frame of any table that can become one (polars, pyarrow). Raises: DataError."""
    import pandas as pd

    converted = frame if isinstance(frame, pd.DataFrame) else getattr(frame, "to_pandas", lambda: None)()
    if isinstance(converted, pd.DataFrame):
        return converted
    raise DataError(
        where="ingest.import_frame",
        expected="a DataFrame (pandas, polars) or a table (pyarrow)",
        received=f"a {type(frame).__name__}",
    )


def _require_plain(frame: pd.DataFrame, name: str) -> None:
    """Refuse frames whose columns cannot be told apart or hold containers. Raises: DataError."""
    headers = [str(header) for header in frame.columns]
    twice = next((header for header in headers if headers.count(header) > 1), None)
    if twice is not None:
        raise DataError(
            where="ingest.import_frame", expected="each column name once", received=f"{twice!r} twice", place=name
        )
    for header, column in frame.items():
        if column.dtype == object and column.map(lambda cell: isinstance(cell, list | dict | set | np.ndarray)).any():
            raise DataError(
                where="ingest.import_frame",
                expected="numbers, texts or times",
                received="lists or mappings",
                place=f"{name}, column {str(header)!r}",
                hint="one value in each cell: explode or drop the column before",
            )


def _require_on_bad(on_bad: str) -> None:
    if on_bad not in ("quarantine", "reject"):
        raise ConfigurationError(
            where="ingest",
            expected='on_bad "quarantine" or "reject"',
            received=repr(on_bad),
            hint=_core.nearest_hint(on_bad, ["quarantine", "reject"]),
        )


def _known(history: _history.Content, process: Process, digest: str) -> bool:
    """Whether these bytes were imported before, under this process file; under another one they may say more."""
    if not any(entry.input_digest == digest for entry in history.provenance):
        return False
    return history.process[-1].document == process_document(process)


def _converted(
    chunks: Iterable[RawChunk], match: Match, decimal: str, refusals: Refusals, report: ImportReport
) -> Columns:
    parts: list[Columns] = []
    for chunk in chunks:
        parts.append(convert_chunk(chunk, match, decimal, refusals))
        report.rows += len(chunk.rows) + len(chunk.malformed)
    if not parts:
        return Columns(np.empty(0, dtype=np.int64), np.empty(0, dtype=bool))
    return join(parts)


def _finish(
    history: _history.Content,
    process: Process,
    columns: Columns,
    match: Match,
    refusals: Refusals,
    report: ImportReport,
    on_bad: OnBad,
    what: str,
) -> None:
    report.notes += _notes(match)
    author = Author(_user(), what, "luban " + str(_core.build_info()["version"]))
    addition = build(process, columns, match, refusals, report, author)
    if on_bad == "reject" and len(refusals):
        raise _rejected(report, refusals)
    report.notes += look_again(history, process, addition, match)
    merged = _merged(history, process, addition)
    if on_bad == "reject" and merged.refused_reasons:
        raise _contradicts(report, merged)
    _count(report, addition, merged, match, refusals)
    report.check()


def _merged(history: _history.Content, process: Process, addition: Addition) -> _history.MergeReport:
    """Merge; what does not fit is told with the names of both processes. Raises: ConfigurationError."""
    stored = json.loads(history.process[-1].document)["process"] if history.process else process.name
    try:
        return _history.merge(history, addition.content, addition.source_rows)
    except ConfigurationError as error:
        both = f"the history is of process {stored!r}, the process file describes {process.name!r}"
        raise ConfigurationError(
            where=error.where,
            expected=error.expected,
            received=error.received,
            place=error.place,
            hint="; ".join(text for text in (error.hint, both) if text),
        ) from error


def _count(
    report: ImportReport, addition: Addition, merged: _history.MergeReport, match: Match, refusals: Refusals
) -> None:
    """Count what stayed and what was refused, by the import and by what is stored."""
    refused = addition.source_rows[merged.refused_readings]
    kept = np.delete(addition.kept, merged.refused_readings)
    report.readings = len(kept)
    report.runs_added, report.readings_added = merged.runs_added, merged.readings_added
    report.values_added = merged.values_added
    report.values_corrected, report.values_unchanged = merged.values_corrected, merged.values_unchanged
    for found in match.found.values():
        if found.role == "response":
            report.values_kept[found.name] = int((~np.isnan(addition.columns.numbers[found.name][kept])).sum())
            report.missing[found.name] = int(addition.columns.empty[found.name][kept].sum())
    refusals.drop_values(refused)
    names = {found.header: found.name for found in match.found.values()}
    reasons = list(zip(refusals.column, refusals.reason, refusals.scope, strict=True))
    for column, reason, scope in [*reasons, *merged.refused_reasons]:
        by_reason = report.rows_quarantined
        if scope == "value":
            by_reason = report.values_quarantined.setdefault(names.get(column, column), {})
        by_reason[reason] = by_reason.get(reason, 0) + 1


def _contradicts(report: ImportReport, merged: _history.MergeReport) -> DataError:
    reasons = [reason for _, reason, _ in merged.refused_reasons]
    return DataError(
        where="ingest",
        expected='rows that fit what is stored (on_bad="reject")',
        received=", ".join(f"{reason} {reasons.count(reason):,}" for reason in dict.fromkeys(reasons)),
        place=report.source,
        hint="nothing was imported; quarantine (--on-bad quarantine) keeps the rest and writes down what was refused",
    )


def _notes(match: Match) -> list[str]:
    notes = []
    if match.absent:
        notes.append("Not in the source: " + ", ".join(match.absent) + ".")
    numeric = [found for found in match.found.values() if found.numeric]
    converted = [found for found in numeric if not _same_unit(found.source_unit, found.unit)]
    notes += [f"{found.header}: converted from {found.source_unit} to {found.unit}." for found in converted]
    return notes


def _same_unit(a: str, b: str) -> bool:
    """Whether two spellings mean the same unit, as µm and um do."""
    return a == b or np.array_equal(units.convert([0.0, 1.0], a, b), [0.0, 1.0])


def _rejected(report: ImportReport, refusals: Refusals) -> DataError:
    counts = ", ".join(f"{reason} {refusals.reason.count(reason):,}" for reason in dict.fromkeys(refusals.reason))
    rows = refusals.rows
    first = f"data row {int(rows[0]) + 1}, column {refusals.column[0]!r}: {refusals.value[0]!r}"
    return DataError(
        where="ingest",
        expected='a source without bad rows or values (on_bad="reject")',
        received=f"{len(refusals):,}: {counts}; the first in {first}, {REASONS[refusals.reason[0]]}",
        place=report.source,
        hint="nothing was imported; quarantine (--on-bad quarantine) keeps the rest and writes down what was refused",
    )


def _frame_digest(frame: pd.DataFrame) -> str:
    """SHA-256 over column names, dtypes, units and a hash of each row (its index left out)."""
    import pandas as pd

    hashed = hashlib.sha256()
    hashed.update(repr([(str(name), str(kind)) for name, kind in frame.dtypes.items()]).encode())
    hashed.update(repr(sorted(dict(frame.attrs.get("units", {})).items())).encode())
    hashed.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return hashed.hexdigest()


def _user() -> str:
    """Login name of whoever imports, for the provenance; the number where the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
