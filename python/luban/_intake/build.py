"""From converted columns to runs and readings: run ids, repeats, duplicates, contradictions within a run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from luban._intake.convert import NO_TIME, Columns, Refusals, number_text
from luban._intake.extras import add_achieved, add_with_quality
from luban._intake.tables import free_numbers, number_codes, reading_tables, run_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban import _core, _history
    from luban._intake.columns import Match
    from luban._intake.report import ImportReport
    from luban.process import Process

__all__ = ["Addition", "Author", "PieceState", "build", "content_of", "empty_content", "process_document"]


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

    def order_of_runs(self) -> tuple[NDArray[np.int64], int]:
        """Return the place of each run (runs) among all runs of the source, refused ones included, and their number."""
        named = self.keys[self.keys >= 0]
        _, all_keys, first = _in_order_of_appearance(named)
        position = dict(zip(all_keys.tolist(), range(len(first)), strict=True))
        _, own, _ = _in_order_of_appearance(self.keys[self.kept])
        return np.array([position[key] for key in own.tolist()], dtype=np.int64), len(first)

    @property
    def source_rows(self) -> NDArray[np.int64]:
        """Source row of each reading."""
        return self.columns.rows[self.kept]


@dataclass
class PieceState:
    """What the pieces of one import share: how many readings each named run has had, what free columns hold."""

    runs: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, dtype=np.uint64))  # sorted hashes of names
    readings: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    texts: dict[str, bool] = field(default_factory=dict)  # of identifiers and auxiliary columns: whether texts

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
) -> Addition:
    """Make runs and readings of the rows that passed; refuse duplicates and contradictions within a run.

    ``state`` is shared by the pieces of one import; counted readings go on from piece to piece.
    """
    keys, ids = _run_keys(process, columns, match, refusals, report.digest)
    _refuse_disagreeing(columns, match, keys, refusals)
    repeat = _repeats(columns, keys, refusals)
    if state is not None:
        state.settle(columns, match, refusals)
    kept = np.flatnonzero(columns.good)
    run, key_of_run, first = _in_order_of_appearance(keys[kept])
    now = time.time_ns()
    content = content_of(process, author, report.source, report.digest, report.rows, now)
    runs = run_tables(columns, match, kept, run, kept[first], report, texts=state is not None)
    place = _equipment(process)
    if place and "equipment" not in runs.housekeeping and "equipment" not in runs.varying:
        runs.housekeeping["equipment"] = [place] * len(first)
    groups = _groups(process, columns, kept[first], report)
    run_ids = ids(key_of_run)
    report.runs = len(first)
    if state is not None and ids.named:
        before = state.seen(run_ids, np.bincount(run, minlength=len(first)))
        report.runs = int((before == 0).sum())
        if "repeat" not in columns.numbers:
            repeat[kept] += before[run]
    content.set_runs(run_ids, groups, runs.housekeeping, runs.parameters, runs.context, runs.identifiers)
    readings = reading_tables(columns, match, kept, runs.varying, report)
    times = columns.times.get("reading_time", np.full(len(columns.rows), NO_TIME, dtype=np.int64))
    content.set_readings(run, repeat[kept], times[kept], readings.noise, readings.auxiliary)
    _add_responses(content, process, columns, kept, now)
    add_achieved(content, process, columns, kept, run, len(first))
    report.auxiliary = readings.auxiliary_names
    refusals.drop_values(columns.rows[~columns.good])
    content.set_quarantine(refusals.rows, refusals.column, refusals.value, refusals.reason, refusals.scope)
    return Addition(content, columns, kept, run, run_ids, keys)


def _add_responses(
    content: _history.Content, process: Process, columns: Columns, kept: NDArray[np.int64], now: int
) -> None:
    for response in process.responses:
        if response.name not in columns.numbers:
            continue
        values = columns.numbers[response.name][kept]
        there = np.flatnonzero(~np.isnan(values))
        quality = columns.quality.get(response.name)
        if quality is None:
            content.add_response(response.name, response.unit, there, values[there], now)
        else:
            add_with_quality(content, response, there, values[there], now, quality[kept][there])


def _equipment(process: Process) -> str:
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

    def __init__(self, texts: Sequence[str] | None, digest: str) -> None:
        self._texts = texts
        self._digest = digest[:12]
        self.named = texts is not None

    def __call__(self, keys: NDArray[np.int64]) -> list[str]:
        if self._texts is None:
            return list(map(f"{self._digest}-%d".__mod__, keys.tolist()))
        return [self._texts[key] for key in keys.tolist()]


def _run_keys(
    process: Process, columns: Columns, match: Match, refusals: Refusals, digest: str
) -> tuple[NDArray[np.int64], _RunIds]:
    """Return a number for each row, the same for all readings of a run."""
    if "run_id" in columns.codes:
        given = columns.codes["run_id"]
        return given.codes.astype(np.int64), _RunIds(given.categories, digest)
    names = process.core.run_id
    if not names:  # each row is a run
        return columns.rows.astype(np.int64), _RunIds(None, digest)
    for name in names:
        if name in columns.codes:  # empty inputs were refused before, identifiers were not
            empty = np.flatnonzero((columns.codes[name].codes < 0) & columns.good)
            refusals.add(columns.rows[empty], match.found[name].header, [""] * len(empty), "missing", "row")
            columns.good[empty] = False
    labels = _labels(columns, names, np.arange(len(columns.rows)))
    return labels.codes, _RunIds(labels.texts(), digest)


@dataclass(frozen=True)
class _Labels:
    """Combinations of some columns: a number for each row, and the text of a number, ``220|D30|New``."""

    codes: NDArray[np.int64]
    first: NDArray[np.int64]  # a row of each number
    parts: list[tuple[NDArray[np.int64], list[str]]]  # of each column: codes of the rows, texts of the codes

    def texts(self, numbers: NDArray[np.int64] | None = None) -> list[str]:
        """Return the texts of these numbers; without them of all, in their order."""
        rows = self.first if numbers is None else self.first[numbers]
        columns = [[_escaped(texts[code]) for code in codes[rows]] for codes, texts in self.parts]
        return ["|".join(texts) for texts in zip(*columns, strict=True)]


def _escaped(text: str) -> str:
    """Return a text that can stand between bars: no two combinations have the same text."""
    return text.replace("\\", "\\\\").replace("|", "\\|") if "|" in text or "\\" in text else text


def _labels(columns: Columns, names: Iterable[str], rows: NDArray[np.int64]) -> _Labels:
    parts: list[tuple[NDArray[np.int64], list[str]]] = []
    combined = np.zeros(len(rows), dtype=np.int64)
    for name in names:
        if name in columns.codes:
            codes, texts = columns.codes[name].codes[rows].astype(np.int64) + 1, ["", *columns.codes[name].categories]
        else:
            codes, uniques = _numbered(columns.numbers[name][rows])
            texts = ["" if np.isnan(value) else number_text(value) for value in uniques]
        parts.append((codes, texts))
        # Renumbered after each column: a product of many counts would leave int64.
        combined = _renumbered(combined * len(texts) + codes)
    return _Labels(combined, np.unique(combined, return_index=True)[1] if len(rows) else rows, parts)


def _numbered(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return a number for each value, the same for equal ones, and the values in the order of their numbers."""
    import pandas as pd

    codes, uniques = pd.factorize(values, use_na_sentinel=False)
    return codes.astype(np.int64), np.asarray(uniques, dtype=np.float64)


def _renumbered(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    import pandas as pd

    return pd.factorize(codes)[0].astype(np.int64)


def _refuse_disagreeing(columns: Columns, match: Match, keys: NDArray[np.int64], refusals: Refusals) -> None:
    """Refuse rows that differ from most rows of their run in an input of the run; without a majority, all of them."""
    inputs = [found for found in match.found.values() if found.role in ("parameter", "context")]
    rows = np.flatnonzero(columns.good)
    if len(rows) == 0 or not inputs:
        return
    run = _renumbered(keys[rows])
    first = np.unique(run, return_index=True)[1]
    if len(first) == len(rows) or all(_agree(columns, found.name, rows, first[run]) for found in inputs):
        return
    settings = _labels(columns, [found.name for found in inputs], rows)
    pairs, pair, counts = np.unique(run * len(settings.first) + settings.codes, return_inverse=True, return_counts=True)
    if len(pairs) == run.max() + 1:
        return
    size = np.bincount(run)
    bad = np.flatnonzero(2 * counts[pair] <= size[run])
    header = ", ".join(found.header for found in inputs)
    refusals.add(columns.rows[rows[bad]], header, settings.texts(settings.codes[bad]), "run_disagrees", "row")
    columns.good[rows[bad]] = False


def _agree(columns: Columns, name: str, rows: NDArray[np.int64], of: NDArray[np.int64]) -> bool:
    """Whether each row has the value of the row that ``of`` names; inputs are never missing in rows that passed."""
    values = columns.codes[name].codes[rows] if name in columns.codes else columns.numbers[name][rows]
    return bool((values == values[of]).all())


def _repeats(columns: Columns, keys: NDArray[np.int64], refusals: Refusals) -> NDArray[np.int64]:
    """Return the number of each reading within its run: as given (the same again is refused), or counted."""
    import pandas as pd

    rows = np.flatnonzero(columns.good)
    repeat = np.zeros(len(columns.rows), dtype=np.int64)
    frame = pd.DataFrame({"run": keys[rows]})
    if "repeat" not in columns.numbers:
        repeat[rows] = frame.groupby("run", sort=False).cumcount().to_numpy() + 1
        return repeat
    repeat[rows] = columns.numbers["repeat"][rows].astype(np.int64)
    frame["repeat"] = repeat[rows]
    again = rows[frame.duplicated().to_numpy()]
    refusals.add(columns.rows[again], "", [f"repeat {number}" for number in repeat[again]], "duplicate", "row")
    columns.good[again] = False
    return repeat


def _in_order_of_appearance(
    keys: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the runs numbered from 0 as they appear: the run of each row, the key of each run, its first row."""
    import pandas as pd

    run, unique = pd.factorize(keys)
    first = np.unique(run, return_index=True)[1]
    return run.astype(np.int64), np.asarray(unique, dtype=np.int64), first


def _groups(process: Process, columns: Columns, first: NDArray[np.int64], report: ImportReport) -> list[str]:
    """Return what must not be split between training and test, as one text per run."""
    names = [name for name in process.core.groups if name in columns.codes or name in columns.numbers]
    if "source" in process.core.groups:
        return [report.source] * len(first)
    if not names:
        return []
    labels = _labels(columns, names, first)
    return labels.texts(labels.codes)
