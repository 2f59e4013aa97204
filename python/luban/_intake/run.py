"""One import from end to end: source → columns → runs and readings → a sink, piece by piece."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from luban import _core, _history, units
from luban._intake.build import Addition, Author, PieceState, build, process_document, stated_equipment
from luban._intake.columns import Match, match_columns, wanted_names
from luban._intake.convert import Refusals, convert_piece
from luban._intake.extras import add_traces, report_traces
from luban._intake.late import LateValues, find_late, stored_runs_of
from luban._intake.once_more import Known
from luban._intake.pieces import Piece, in_pieces, read_ahead, rows_done, rows_text
from luban._intake.quality import require_all_explained
from luban._intake.report import EXAMPLES, REASONS, ImportReport
from luban._intake.second_look import look_again, look_for_namesake
from luban._intake.sink import ContentSink, Sink
from luban._intake.sources.base import empty_source, timezone_of
from luban._intake.sources.csv import CsvSource
from luban._intake.sources.frame import FrameSource, as_pandas
from luban._intake.traces import Recorded, Trace
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import pandas as pd

    from luban._intake.cells import RawChunk
    from luban._intake.sources.base import Header, Source
    from luban.parallel import Progress
    from luban.process import Process

__all__ = ["OnBad", "add_csv", "add_frame", "add_source", "as_pandas", "user"]

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
    source = CsvSource(path, delimiter=delimiter, decimal=decimal, encoding=encoding)
    return add_source(ContentSink(history), process, source, on_bad=on_bad, progress=progress)


def add_frame(
    history: _history.Content,
    process: Process,
    frame: pd.DataFrame,
    *,
    name: str = "frame",
    on_bad: OnBad = "quarantine",
    own_names: bool = True,
    own_runs: bool = False,
) -> ImportReport:
    """Merge a DataFrame into ``history``; its ``attrs["units"]`` are the units of its columns.

    ``own_names``: its columns may bear the names of the process where the process file states others; ``own_runs``: its
    run ids are those of a history.
    """
    source = FrameSource(frame, name, own_names=own_names, own_runs=own_runs)
    return add_source(ContentSink(history), process, source, on_bad=on_bad)


def add_source(
    sink: Sink,
    process: Process,
    source: Source,
    *,
    on_bad: OnBad = "quarantine",
    traces: Sequence[Trace] = (),
    again: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import any source into a sink, in pieces of ``sink.piece_rows`` rows.

    A source whose digest the sink holds changes nothing; one of which it holds some pieces goes on behind them.
    ``again`` reads it once more all the same, and ``traces`` that lack samples there bring them (see ``once_more``).
    ``on_bad="reject"`` looks at the whole source before the first piece goes to a sink that takes several, any import
    at its columns of qualities. ``traces`` without run ids need a sink that takes the whole source at once.

    Raises: DataError, UnitError, IoError, ConfigurationError, NotBuiltError.
    """
    started = time.monotonic()
    _require_on_bad(on_bad)
    _require_whole(sink, traces)
    report = ImportReport(source.name, source.digest())
    known = _known(sink, process, report.digest)
    if known and not again and not traces:
        report.already_imported = True
        return report
    header = source.header(wanted_names(process))
    late = find_late(process, source, header, sink)
    if late is None:
        match = match_columns(
            process,
            header.names,
            source.place,
            header.units,
            own_names=header.own_names,
            own_runs=header.own_runs,
        )
    else:
        match = late.source_match
        report.notes += late.notes
    report.notes += [
        *_notes(process, match, header, late),
        *getattr(source, "notes", lambda times: [])(list(match.housekeeping.values())),
    ]
    named = process.core.run_id or ("run_id" in match.housekeeping and match.run_id_counts)
    if sink.stored is None and not named:
        report.notes += look_for_namesake(sink.source(), source.name, report.digest)
    timezone = timezone_of(process, header, source.place)
    job = _Import(
        process, source, header, match, sink, sink.piece_rows, on_bad, report, traces, timezone, late, known, again
    )
    if sink.piece_rows is not None:
        job.look_ahead(progress)
    job.run(progress)
    if report.rows == 0 and report.rows_known == 0:
        raise empty_source(source, header)
    sink.finish()
    report.check()
    _keep_examples_of_merge(report, sink)
    if known and not again and not report.changed:
        report = ImportReport(source.name, report.digest, notes=report.notes, already_imported=True)
    report.seconds = time.monotonic() - started
    return report


@dataclasses.dataclass
class _Ready:
    """A piece that has been judged, and where it goes."""

    sink: Sink
    process: Process
    addition: Addition
    refusals: Refusals
    part: ImportReport
    whole: bool

    def append(self) -> _history.MergeReport:
        """Give it to the sink."""
        append = self.sink.append if self.addition.known is None else self.sink.append_again
        return _merged(append, self.sink, self.process, self.addition, self.whole)


@dataclasses.dataclass
class _Import:
    """One import on its way; without a sink it only looks whether anything would be refused."""

    process: Process
    source: Source
    header: Header
    match: Match
    sink: Sink | None
    piece_rows: int | None
    on_bad: OnBad
    report: ImportReport
    traces: Sequence[Trace] = ()
    timezone: ZoneInfo | None = None
    late: LateValues | None = None
    known: bool = False  # the sink holds all of the source
    again: bool = False

    def look_ahead(self, progress: Progress | None) -> None:
        """Read the source once without a sink, as far as a later piece can tell that an earlier one must not go in."""
        if self.on_bad == "reject":
            report = ImportReport(self.report.source, self.report.digest)
            dataclasses.replace(self, sink=None, report=report).run(progress)
        elif self.match.quality and not self.known:
            chunks = self.source.chunks(self.header, self.match.numeric_headers)
            require_all_explained(self.match.quality, _told(read_ahead(chunks), progress))

    def run(self, progress: Progress | None) -> None:
        """Take one piece after the other; while one goes to the disk, the next may be judged."""
        ahead = self.sink is not None and self.sink.stored is None
        with closing(self._ready(progress)) as pieces, ThreadPoolExecutor(1, "luban-append") as pool:
            waiting: tuple[_Ready, Future[_history.MergeReport]] | None = None
            for ready in pieces:
                if not ahead:
                    self._account(ready, ready.append())
                    del ready  # before the next piece is read
                    continue
                if waiting is not None:
                    self._account(waiting[0], waiting[1].result())
                waiting = ready, pool.submit(ready.append)
            if waiting is not None:
                self._account(waiting[0], waiting[1].result())

    def _ready(self, progress: Progress | None) -> Generator[_Ready, None, None]:
        """Judge one piece after the other; yield what the sink does not hold yet."""
        state = None if self.piece_rows is None else PieceState()
        done = _done(self.sink, self.process, self.report.digest)
        stored_runs = self._stored_runs()
        stored = self._stored(bool(done))
        chunks = _told(read_ahead(self.source.chunks(self.header, self.match.numeric_headers)), progress)
        recorded = [Recorded(trace) for trace in self.traces]
        rows = 0
        for piece in in_pieces(chunks, self.piece_rows):
            refusals = Refusals()
            own = piece.rows
            columns = convert_piece(piece.chunks, self.match, self.header.decimal, refusals, self.timezone)
            piece.chunks.clear()  # their memory serves for what is read next
            if progress is not None:
                progress("judge", rows, rows + own)
            rows += own
            part = ImportReport(self.report.source, self.report.digest, rows=own)
            match = self.match
            if self.late is not None:
                self.late.complete(columns, refusals, self.report.digest)
                match = self.late.match
            # What the sink holds is counted all the same, so that what follows gets the numbers of the first time.
            came = self.known or (piece.first in done and piece.end <= done[piece.first])
            known = stored if came else None
            author = self._author(piece)
            addition = build(self.process, columns, match, refusals, part, author, state, known, stored_runs)
            if came and known is None and self.sink is not None:
                self.report.rows_known += own
                continue
            if self.on_bad == "reject" and len(refusals):
                raise _rejected(self.report, refusals)
            if self.sink is None:
                continue
            zones = columns.naive.items()
            part.notes += [f"{header}: times without a zone were taken as {zone}." for header, zone in zones]
            some = add_traces(addition, recorded, part)
            if came and not self.again and not some:
                self.report.rows_known += own
                self.report.notes += [text for text in part.notes if text not in self.report.notes]
                continue
            if self.late is None:  # what is stored was looked at when it came
                part.notes += look_again(self.sink.stored, self.process, addition, self.match)
            ready = _Ready(self.sink, self.process, addition, refusals, part, self.on_bad == "reject")
            del columns, addition  # one piece at a time is in memory
            yield ready
            del ready
            if progress is not None:
                progress("judge", rows, rows)
        if self.sink is not None:
            report_traces(recorded, self.report)

    def _stored(self, some: bool) -> Known | None:
        """Return what is stored of the source where some of it came before and is looked at once more."""
        wanted = self.sink is not None and (self.known or some) and (self.again or bool(self.traces))
        history = self.sink.source() if self.sink is not None and wanted else None
        return None if history is None else Known.of(history, self.report.digest)

    def _stored_runs(self) -> Callable[[list[str]], set[str]] | None:
        """Return how to ask which runs the sink held before; None: nobody will ask."""
        if self.late is not None:
            return set  # rows of other runs are refused
        if self.sink is None or not stated_equipment(self.process) or "equipment" in self.match.housekeeping:
            return None
        history = self.sink.source()
        return None if history is None else partial(stored_runs_of, history)

    def _account(self, ready: _Ready, merged: _history.MergeReport) -> None:
        if self.on_bad == "reject" and merged.refused_reasons:
            raise _contradicts(self.report, merged, ready.sink)
        _count(ready.part, ready.addition, merged, self.match, ready.refusals)
        ready.part.check()
        self.report.add(ready.part)

    def _author(self, piece: Piece) -> Author:
        whole = self.piece_rows is None
        text = f"import of {self.source.name}" + ("" if whole else rows_text(piece))
        return Author(user(), text, "luban " + str(_core.build_info()["version"]))


def _require_whole(sink: Sink, traces: Sequence[Trace]) -> None:
    """Refuse traces that count the runs of the source where the source comes in pieces. Raises: ConfigurationError."""
    counting = [trace.name for trace in traces if trace.run_ids is None]
    if counting and sink.piece_rows is not None:
        raise ConfigurationError(
            where="ingest",
            expected="traces with run ids for a history of segments",
            received=f"one line for each run of the source, for {counting[0]!r}",
            hint="a long table with the columns run_id, time and value, or NetCDF with a variable run_id",
        )


def _told(chunks: Iterator[RawChunk], progress: Progress | None) -> Iterator[RawChunk]:
    for chunk in chunks:
        yield chunk
        if progress is not None and chunk.progress is not None:
            progress("read", *chunk.progress)
            done, total = chunk.progress
            progress("rows", chunk.end, max(chunk.end, round(chunk.end * total / done)) if done else 0)


def _done(sink: Sink | None, process: Process, digest: str) -> dict[int, int]:
    """Ranges of rows that a sink holds of a source, under the process file as it is now: first row to end."""
    states = [] if sink is None else sink.process
    if sink is None or not states or states[-1].document != process_document(process):
        return {}
    since = states[-1].time
    return rows_done(entry.what for entry in sink.imports_of(digest) if entry.time >= since)


def _require_on_bad(on_bad: str) -> None:
    if on_bad not in ("quarantine", "reject"):
        raise ConfigurationError(
            where="ingest",
            expected='on_bad "quarantine" or "reject"',
            received=repr(on_bad),
            hint=_core.nearest_hint(on_bad, ["quarantine", "reject"]),
        )


def _known(sink: Sink, process: Process, digest: str) -> bool:
    """Whether all of these bytes came before, under this process file; under another one they may say more."""
    whats = [entry.what for entry in sink.imports_of(digest)]
    if not whats or sink.process[-1].document != process_document(process):
        return False
    return rows_done(whats, last=True) != {} or not rows_done(whats)


def _merged(
    append: Callable[..., _history.MergeReport], sink: Sink, process: Process, addition: Addition, whole: bool
) -> _history.MergeReport:
    """Append; what does not fit is told with the names of both processes. Raises: ConfigurationError."""
    try:
        return append(addition.content, addition.source_rows, whole=whole)
    except ConfigurationError as error:
        states = sink.process
        stored = json.loads(states[-1].document)["process"] if states else process.name
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
    report.traces_added = merged.traces_added
    for found in match.found.values():
        if found.role == "response":
            columns = addition.columns
            whole = found.name in columns.complete
            values = len(kept) if whole else np.count_nonzero(~np.isnan(columns.numbers[found.name][kept]))
            report.values_kept[found.name] = int(values)
            empty = columns.empty.get(found.name)
            report.missing[found.name] = 0 if empty is None else int(empty[kept].sum())
    refusals.drop_values(refused)
    _keep_examples(report, refusals)
    names = {found.header: found.name for found in match.found.values()}
    reasons = list(zip(refusals.column, refusals.reason, refusals.scope, strict=True))
    for column, reason, scope in [*reasons, *addition.refused_before, *merged.refused_reasons]:
        by_reason = report.rows_quarantined
        if scope == "value":
            by_reason = report.values_quarantined.setdefault(names.get(column, column), {})
        by_reason[reason] = by_reason.get(reason, 0) + 1


def _keep_examples(report: ImportReport, refusals: Refusals) -> None:
    """Keep the first refusals of each reason, to be shown."""
    rows = refusals.rows
    for at, reason in enumerate(refusals.reason):
        examples = report.examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append((int(rows[at]), refusals.column[at], refusals.value[at]))


def _keep_examples_of_merge(report: ImportReport, sink: Sink) -> None:
    """Keep examples of what contradicts the history: it alone has the texts of them."""
    reasons = {reason for by_reason in report.values_quarantined.values() for reason in by_reason}
    lacking = (reasons | set(report.rows_quarantined)) - set(report.examples)
    history = sink.source() if lacking else None
    if history is None:
        return
    refused = history.quarantine()
    digests = history.input_digests
    for at, reason in enumerate(refused["reason"]):
        if reason not in lacking or digests[refused["source"][at]] != report.digest:
            continue
        examples = report.examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append((int(refused["source_row"][at]), refused["column"][at], refused["value"][at]))


def _contradicts(report: ImportReport, merged: _history.MergeReport, sink: Sink) -> DataError:
    reasons = [reason for _, reason, _ in merged.refused_reasons]
    nothing = "nothing was imported"
    if sink.piece_rows is not None and report.rows:
        nothing = f"the rows before data row {report.rows + 1:,} were imported"
    return DataError(
        where="ingest",
        expected='rows that fit what is stored (on_bad="reject")',
        received=", ".join(f"{reason} {reasons.count(reason):,}" for reason in dict.fromkeys(reasons)),
        place=report.source,
        hint=f"{nothing}; quarantine (--on-bad quarantine) keeps the rest and writes down what was refused",
    )


def _notes(process: Process, match: Match, header: Header, late: LateValues | None) -> list[str]:
    notes = []
    if match.left_out and not header.own_runs:
        notes.append("Left out, since an import makes them anew: " + ", ".join(match.left_out) + ".")
    absent = match.absent
    if late is not None:  # it lacks the others because it is late
        absent = [name for name in absent if process.source_columns[name].role == "response"]
    if absent:
        notes.append("Not in the source: " + ", ".join(absent) + ".")
    notes += match.notes
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


def user() -> str:
    """Return the login name of whoever imports, for the provenance; the number where the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
