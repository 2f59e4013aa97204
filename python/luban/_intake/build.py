"""From converted columns to runs and readings: run ids, repeats, duplicates, contradictions within a run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from luban._intake.cells import first_places, number_texts, taken
from luban._intake.convert import NO_TIME, Codes, Columns, Refusals
from luban._intake.extras import add_achieved, add_with_quality
from luban._intake.once_more import Known
from luban._intake.quality import QUALITY_BAD
from luban._intake.row_runs import RowRuns, expanded, starts_of
from luban._intake.status import settle_status
from luban._intake.tables import RunTables, free_numbers, number_codes, reading_tables, run_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban import _core, _history
    from luban._intake.columns import Match
    from luban._intake.report import ImportReport
    from luban.process import Process

__all__ = ["Addition", "Author", "PieceState", "build", "content_of", "empty_content", "process_document", "run_keys",
           "stated_equipment"]  # fmt: skip


@dataclass(frozen=True)
class Author:
    """Who imports, by which call of which tool: goes into the provenance."""

    who: str
    what: str
    tool: str


@dataclass
class Addition:
    """One import, ready to be merged; ``kept`` are the rows of ``columns`` that became readings.

    ``run`` numbers their runs, whose names are ``run_ids``.
    """

    content: _history.Content
    columns: Columns
    kept: NDArray[np.int64]
    run: NDArray[np.int64]
    run_ids: list[str]
    keys: NDArray[np.int64]  # of the run of each row of ``columns``; −1: unknown
    known: Known | None = None  # what the history holds of the same source
    refused_before: list[tuple[str, str, str]] = field(default_factory=list)  # not handed over: column, reason, scope

    def order_of_runs(self) -> tuple[NDArray[np.int64], int]:
        """Return the place of each run (runs) among all runs of the source, refused ones included, and their number."""
        every = RowRuns.of(self.keys[self.keys >= 0]).keys.tolist()
        position = dict(zip(every, range(len(every)), strict=True))
        own = RowRuns.of(self.keys[self.kept]).keys.tolist()
        return np.array([position[key] for key in own], dtype=np.int64), len(every)

    @property
    def source_rows(self) -> NDArray[np.int64]:
        """Source row of each reading."""
        return self.columns.rows[self.kept]


@dataclass
class PieceState:
    """What the pieces of one import share: how many readings each named run has had, what free columns hold."""

    runs: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, dtype=np.uint64))  # sorted hashes of names
    readings: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    texts: dict[str, bool] = field(default_factory=dict)  # of auxiliary columns: whether texts
    status: bool | None = None  # whether a column of that name was taken for the status of runs

    def settle(self, columns: Columns, match: Match, refusals: Refusals) -> None:
        """Keep a column of numbers or of texts what it was in the first piece that held something.

        A text in a column of numbers is refused; numbers in a column of texts are texts.
        """
        for name, (header, _) in match.auxiliary.items():
            if name in columns.numbers:
                known = not np.isnan(columns.numbers[name]).all()
                if self.texts.setdefault(name, False) if known else self.texts.get(name, False):
                    columns.codes[name] = number_codes(columns.numbers.pop(name))
                continue
            numbers, bad = free_numbers(columns.codes[name])
            if not columns.codes[name].categories:
                columns.numbers[name] = numbers
            elif not self.texts.setdefault(name, bool(bad.any())):
                at = np.flatnonzero(bad & columns.good)
                refusals.add(columns.rows[at], header, list(columns.codes[name].texts(at)), "not_a_number", "value")
                del columns.codes[name]
                columns.numbers[name] = numbers

    def seen(self, run_ids: Sequence[str], counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many readings these runs had before (runs), and count theirs (runs) in.

        Names are known by 64 bits of a hash: of ten million runs two agree with a probability of 3e-6.
        """
        import pandas as pd

        hashes = pd.util.hash_array(np.asarray(run_ids, dtype=object), categorize=False).astype(np.uint64)
        at = np.searchsorted(self.runs, hashes)
        known = (at < len(self.runs)) & (self.runs[np.minimum(at, max(len(self.runs) - 1, 0))] == hashes
                                         if len(self.runs) else False)  # fmt: skip
        before = np.where(known, self.readings[np.where(known, at, 0)] if len(self.runs) else 0, 0)
        np.add.at(self.readings, at[known], counts[known])
        merged = np.concatenate([self.runs, hashes[~known]])
        order = np.argsort(merged, kind="stable")
        self.runs = merged[order]
        self.readings = np.concatenate([self.readings, counts[~known]])[order]
        return before.astype(np.int64)


def build(
    process: Process,
    columns: Columns,
    match: Match,
    refusals: Refusals,
    report: ImportReport,
    author: Author,
    state: PieceState | None = None,
    known: Known | None = None,
    stored_runs: Callable[[list[str]], set[str]] | None = None,
) -> Addition:
    """Make runs and readings of the rows that passed; refuse duplicates and contradictions within a run.

    ``state`` is shared by the pieces of one import; counted readings go on from piece to piece. ``known``: the source
    is read once more, and what it says of refused rows is not brought again. ``stored_runs`` tells which of some runs
    were there before the import: to them the process file's own equipment says nothing.
    """
    keys, ids = run_keys(process, columns, match, refusals, report.digest)
    kept, runs = _passed(columns, keys)
    settle_status(columns, match, kept, runs, refusals, report, state)
    if _refuse_disagreeing(columns, match, kept, runs, refusals):
        kept, runs = _passed(columns, keys)
    repeat = _repeats(columns, kept, runs)
    again = np.flatnonzero(runs.again(repeat)) if "repeat" in columns.numbers else kept[:0]
    if len(again):
        texts = [f"repeat {number}" for number in repeat[again]]
        refusals.add(columns.rows[kept[again]], "", texts, "duplicate", "row")
        columns.good[kept[again]] = False
        repeat = np.delete(repeat, again)
        kept, runs = _passed(columns, keys)
    if state is not None:
        state.settle(columns, match, refusals)
    now = time.time_ns()
    content = content_of(process, author, report.source, report.digest, report.rows, now)
    run_ids = ids(runs.keys)
    report.runs = len(run_ids)
    if state is not None and ids.named:
        before = state.seen(run_ids, np.bincount(runs.run, minlength=len(run_ids)))
        report.runs = int((before == 0).sum())
        if "repeat" not in columns.numbers:
            repeat += before[runs.run]
    refused_before: list[tuple[str, str, str]] = []
    if known is not None:
        out = known.refused_rows(columns.rows[kept])
        refused_before += [("", known.rows[int(row)], "row") for row in columns.rows[kept[out]]]
        columns.good[kept[out]] = False
        refused_before += known.blank(columns, list(match.auxiliary))
        repeat = repeat[~out]
        kept, runs = _passed(columns, keys)
        run_ids = ids(runs.keys)
    first = kept[runs.first]
    tables = run_tables(columns, match, kept, runs, report)
    if ids.differ:
        tables.varying.append("run_id")
        report.notes.append(_other_names(process, match))
    _add_equipment(process, tables, run_ids, stored_runs)
    groups = _groups(process, columns, first, report)
    content.set_runs(run_ids, groups, tables.housekeeping, tables.parameters, tables.context, tables.identifiers)
    readings = reading_tables(columns, match, kept, tables.varying, report)
    times = columns.times.get("reading_time", np.full(len(columns.rows), NO_TIME, dtype=np.int64))
    content.set_readings(runs.run, repeat, taken(times, kept), readings.noise, readings.auxiliary)
    _add_responses(content, process, columns, kept, now)
    report.bad_without_value = _bad_without_value(columns, kept)
    add_achieved(content, process, columns, kept, runs.run, len(first))
    report.auxiliary = readings.auxiliary_names
    refusals.drop_values(columns.rows[~columns.good])
    fresh = refusals
    if known is not None:
        fresh = refusals.chosen(known.is_fresh(refusals))
        report.refused_before += len(refusals) - len(fresh) + len(refused_before)
    content.set_quarantine(fresh.rows, fresh.column, fresh.value, fresh.reason, fresh.scope)
    return Addition(content, columns, kept, runs.run, run_ids, keys, known, refused_before)


def _add_equipment(
    process: Process, tables: RunTables, run_ids: list[str], stored_runs: Callable[[list[str]], set[str]] | None
) -> None:
    """Give new runs the equipment that the process file states, where the source says none."""
    place = stated_equipment(process)
    if not place or "equipment" in tables.housekeeping or "equipment" in tables.varying:
        return
    stored = set() if stored_runs is None else stored_runs(run_ids)
    tables.housekeeping["equipment"] = ["" if run_id in stored else place for run_id in run_ids]


def _passed(columns: Columns, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], RowRuns]:
    """Rows that passed so far, and their runs."""
    kept = np.flatnonzero(columns.good)
    return kept, RowRuns.of(taken(keys, kept))


def _add_responses(
    content: _history.Content, process: Process, columns: Columns, kept: NDArray[np.int64], now: int
) -> None:
    every = np.arange(len(kept))
    for response in process.responses:
        if response.name not in columns.numbers:
            continue
        values, there = taken(columns.numbers[response.name], kept), every
        if response.name not in columns.complete:
            there = np.flatnonzero(~np.isnan(values))
            values = values[there]
        quality = columns.quality.get(response.name)
        if quality is None:
            content.add_response(response.name, response.unit, there, values, now)
        else:
            add_with_quality(content, response, there, values, now, quality[kept][there])


def _bad_without_value(columns: Columns, kept: NDArray[np.int64]) -> dict[str, int]:
    """Count, of each response, bad qualities beside no usable value: an event needs a number, so they are none."""
    out = {}
    for name, quality in columns.quality.items():
        bad = quality[kept] == QUALITY_BAD
        if name in columns.numbers:
            bad &= np.isnan(columns.numbers[name][kept])
        if count := int(np.count_nonzero(bad)):
            out[name] = count
    return out


def stated_equipment(process: Process) -> str:
    """Return the path of the equipment that the process file names: its levels joined by slashes."""
    stated = process.to_dict().get("equipment", {})
    levels = (stated.get(name, "") for name in ("site", "area", "work_center", "work_unit"))
    return "/".join(level for level in levels if level)


def content_of(process: Process, author: Author, name: str, digest: str, rows: int, now: int) -> _history.Content:
    """Return an import that has brought nothing yet."""
    from luban import _history

    entry = _history.Provenance()
    entry.who, entry.what, entry.tool = author.who, author.what, author.tool
    entry.input_name, entry.input_digest = name, digest
    entry.time, entry.rows = now, rows
    content = _history.Content()
    content.add_process(_history.ProcessVersion(process.core.to_json(), process_document(process), now))
    content.add_provenance(entry)
    return content


def empty_content(process: Process) -> _history.Content:
    """Return a history that knows its process and nothing else; the first import brings its columns."""
    from luban import _core, _history

    content = _history.Content()
    version = _history.ProcessVersion(process.core.to_json(), process_document(process), time.time_ns())
    content.add_process(version)
    tables = {
        role: _core.Table([_empty_column(variable) for variable in variables])
        for role, variables in (
            ("parameters", process.parameters),
            ("context", process.context),
            ("noise", process.noise),
        )
    }
    none = np.empty(0, dtype=np.int64)
    content.set_runs([], [], {}, tables["parameters"], tables["context"], _core.Table())
    content.set_readings(none, none, none, tables["noise"], _core.Table())
    return content


def _empty_column(variable: _core.Variable) -> _core.Column:
    from luban import _core

    if variable.categories:
        return _core.Column.code(variable.name, list(variable.categories), np.empty(0, dtype=np.int32))
    return _core.Column.float64(variable.name, variable.unit, np.empty(0))


def process_document(process: Process) -> str:
    """Return the whole process file as the JSON that a history keeps."""
    return json.dumps(process.to_dict(), ensure_ascii=False)


class _RunIds:
    """Texts of runs' keys: made for the runs alone, not for every row; ``named``: a column says which run it is."""

    def __init__(self, texts: Sequence[str] | None, digest: str, *, differ: bool = False) -> None:
        self._texts = texts
        self._digest = digest[:12]
        self.named = texts is not None
        self.differ = differ  # a column run_id says something else

    def __call__(self, keys: NDArray[np.int64]) -> list[str]:
        if self._texts is None:
            return list(map(f"{self._digest}-%d".__mod__, keys.tolist()))
        return [self._texts[key] for key in keys.tolist()]


def run_keys(
    process: Process, columns: Columns, match: Match, refusals: Refusals, digest: str
) -> tuple[NDArray[np.int64], _RunIds]:
    """Return a number for each row, the same for all readings of a run, and what gives the names of runs."""
    given, names = columns.codes.get("run_id"), process.core.run_id
    if given is not None and match.run_id_counts:
        return given.codes.astype(np.int64), _RunIds(given.categories, digest)
    if not names:  # each row is a run
        return columns.rows.astype(np.int64), _RunIds(None, digest)
    for name in names:
        if name in columns.codes:  # empty inputs were refused before, identifiers were not
            empty = np.flatnonzero((columns.codes[name].codes < 0) & columns.good)
            refusals.add(columns.rows[empty], match.found[name].header, [""] * len(empty), "missing", "row")
            columns.good[empty] = False
    labels = _labels(columns, names, np.arange(len(columns.rows)))
    texts = labels.texts()
    return labels.codes, _RunIds(texts, digest, differ=given is not None and _differ(columns, labels, texts, given))


def _differ(columns: Columns, labels: _Labels, texts: Sequence[str], given: Codes) -> bool:
    """Whether a row that passed bears another name of its run than its columns give it."""
    rows = np.flatnonzero(columns.good)
    own, stated = taken(labels.codes, rows), taken(given.codes, rows)
    starts = starts_of([own, stated])
    names = [*given.categories, ""]
    pairs = zip(own[starts].tolist(), stated[starts].tolist(), strict=True)
    return any(texts[code] != names[other] for code, other in pairs)


def _other_names(process: Process, match: Match) -> str:
    made_of = ", ".join(process.core.run_id)
    return (
        f"{match.housekeeping['run_id']} does not name the runs: the process file makes their names of {made_of} "
        "(runs: id), and it says something else; kept as auxiliary.run_id."
    )


@dataclass(frozen=True)
class _Labels:
    """Combinations of some columns: a number for each row, and the text of a number, ``220|D30|New``."""

    codes: NDArray[np.int64]
    first: NDArray[np.int64]  # of each number a place in the codes of ``parts``
    parts: list[tuple[NDArray[np.int64], list[str]]]  # of each column: codes, texts of the codes

    def texts(self, numbers: NDArray[np.int64] | None = None) -> list[str]:
        """Return the texts of these numbers; without them of all, in their order."""
        places = self.first if numbers is None else self.first[numbers]
        columns = [[texts[code] for code in codes[places].tolist()] for codes, texts in self.parts]
        return ["|".join(texts) for texts in zip(*columns, strict=True)]


def _escaped(text: str) -> str:
    """Return a text that can stand between bars: no two combinations have the same text."""
    return text.replace("\\", "\\\\").replace("|", "\\|") if "|" in text or "\\" in text else text


def _labels(columns: Columns, names: Sequence[str], rows: NDArray[np.int64]) -> _Labels:
    values = {name: taken(columns.codes[name].codes if name in columns.codes else columns.numbers[name], rows)
              for name in names}  # fmt: skip
    starts = starts_of(list(values.values()))
    parts: list[tuple[NDArray[np.int64], list[str]]] = []
    combined = np.zeros(len(starts), dtype=np.int64)
    for name in names:
        own = values[name][starts]
        if name in columns.codes:
            codes, texts = own.astype(np.int64) + 1, ["", *map(_escaped, columns.codes[name].categories)]
        else:
            codes, uniques = _numbered(own)
            texts = number_texts(uniques)
        parts.append((codes, texts))
        # Renumbered after each column: a product of many counts would leave int64.
        combined = _renumbered(combined * len(texts) + codes)
    count = int(combined.max()) + 1 if len(combined) else 0
    return _Labels(expanded(combined, starts, len(rows)), first_places(combined, count), parts)


def _numbered(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return a number for each value, the same for equal ones, and the values in the order of their numbers."""
    import pandas as pd

    codes, uniques = pd.factorize(values, use_na_sentinel=False)
    return codes.astype(np.int64), np.asarray(uniques, dtype=np.float64)


def _renumbered(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    import pandas as pd

    return pd.factorize(codes)[0].astype(np.int64)


def _refuse_disagreeing(
    columns: Columns, match: Match, rows: NDArray[np.int64], runs: RowRuns, refusals: Refusals
) -> bool:
    """Refuse rows that differ from most rows of their run in an input or the status; without a majority, all of them.

    Return whether there are any. Inputs are never missing in rows that passed.
    """
    inputs = [found for found in match.found.values() if found.role in ("parameter", "context")]
    if len(runs.first) == len(rows):
        return False
    names = [found.name for found in inputs] + (["status"] if columns.status else [])
    values = (columns.codes[name].codes if name in columns.codes else columns.numbers[name] for name in names)
    if all(runs.constant(taken(column, rows)) for column in values):
        return False
    settings = _labels(columns, names, rows)
    both = runs.run * len(settings.first) + settings.codes
    pairs, pair, counts = np.unique(both, return_inverse=True, return_counts=True)
    if len(pairs) == len(runs.first):
        return False
    size = np.bincount(runs.run)
    bad = np.flatnonzero(2 * counts[pair] <= size[runs.run])
    headers = [found.header for found in inputs] + ([match.housekeeping["status"]] if columns.status else [])
    refusals.add(
        columns.rows[rows[bad]], ", ".join(headers), settings.texts(settings.codes[bad]), "run_disagrees", "row"
    )
    columns.good[rows[bad]] = False
    return True


def _repeats(columns: Columns, rows: NDArray[np.int64], runs: RowRuns) -> NDArray[np.int64]:
    """Return the number of each reading within its run: as given, or counted."""
    if "repeat" in columns.numbers:
        return taken(columns.numbers["repeat"], rows).astype(np.int64)
    return runs.counted()


def _groups(process: Process, columns: Columns, first: NDArray[np.int64], report: ImportReport) -> list[str]:
    """Return what must not be split between training and test, as one text per run."""
    names = [name for name in process.core.groups if name in columns.codes or name in columns.numbers]
    if "source" in process.core.groups:
        return [report.source] * len(first)
    if not names:
        return []
    labels = _labels(columns, names, first)
    return labels.texts(labels.codes)
