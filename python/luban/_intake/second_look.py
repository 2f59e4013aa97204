"""What an import keeps, but a person should know of: rows that came before, values that do not fit the process file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _history
from luban._intake.cells import taken
from luban._intake.repeats import repeats_of_columns
from luban._intake.stated import digits_lost, remarks
from luban._words import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban import _core
    from luban._intake.build import Addition
    from luban._intake.columns import Match
    from luban.process import Process

__all__ = ["look_again", "look_for_namesake"]


def look_again(history: _history.Content | None, process: Process, addition: Addition, match: Match) -> list[str]:
    """Return a sentence for each thing worth a look; ``history`` is what there was before, where that is in memory."""
    if not len(addition.kept):
        return []
    return [*_values(process, addition, match), *_repeated(history, process, addition)]


def look_for_namesake(history: _history.HistorySource | None, name: str, digest: str) -> list[str]:
    """Return a sentence where a source of this name came before with other bytes: of runs that nothing names.

    For a history whose rows are not compared with those of a source.
    """
    if history is None or all(entry.input_name != name or entry.input_digest == digest for entry in history.provenance):
        return []
    return [
        f"{name} came before with other rows, and nothing names its runs: those that it had then are here twice now. "
        "runs: {id: […]} in the process file names them; a time may be an identifier."
    ]


def _values(process: Process, addition: Addition, match: Match) -> list[str]:
    variables = {one.name: one for one in (*process.parameters, *process.context, *process.noise)}
    found = []
    for name in (*match.found, *match.auxiliary):
        if name not in addition.columns.numbers:
            continue
        values = taken(addition.columns.numbers[name], addition.kept)
        found += remarks(variables[name], values) if name in variables else digits_lost(name, values)
    rows = addition.source_rows
    return [f"{remark.message} First in data row {rows[remark.row] + 1:,}." for remark in found]


def _repeated(history: _history.Content | None, process: Process, addition: Addition) -> list[str]:
    """Count rows whose run says the same as an earlier run of another name, in this source or in what is stored."""
    inputs = [*process.parameters, *process.context, *process.noise]
    responses = [response.name for response in process.responses]
    names = [*(variable.name for variable in inputs), *responses]
    stored, stored_run, known = _stored(history, inputs, responses)
    columns = [_own(addition, name, addition.kept) for name in names]
    run = addition.run
    if len(stored_run):
        columns = [np.concatenate([stored[:, place], own]) for place, own in enumerate(columns)]
        run = np.concatenate([stored_run, addition.run + len(known)])
    original = repeats_of_columns(run, columns[: len(inputs)], columns[len(inputs) :])[len(known) :]
    again = original >= 0
    if not again.any():
        return []
    if known:  # A run that is stored under the same name is the same run: its values are compared by the merge.
        again &= np.array([run_id not in known for run_id in addition.run_ids], dtype=bool)
    at = np.flatnonzero(again[addition.run])
    if not len(at):
        return []
    verb = "repeats" if len(at) == 1 else "repeat"
    return [
        f"{counted(len(at), 'row')} {verb} earlier rows to the last digit, inputs and all values (the first is data "
        f"row {addition.source_rows[at[0]] + 1:,}); kept."
    ]


def _own(addition: Addition, name: str, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Numbers, or codes of categories."""
    columns = addition.columns
    if name in columns.codes:
        return taken(columns.codes[name].codes, rows)
    return taken(columns.numbers[name], rows) if name in columns.numbers else np.full(len(rows), np.nan)


def _stored(
    history: _history.Content | None, inputs: list[_core.Variable], responses: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64], dict[str, int]]:
    """Read what is stored: a row of numbers for each reading, the number of its run, the runs by name."""
    width = len(inputs) + len(responses)
    if history is None or not history.provenance:
        return np.empty((0, width)), np.empty(0, dtype=np.int64), {}
    file = _history.in_memory(history)
    there = {info.name for info in file.schema()}
    names = [*(variable.name for variable in inputs), *responses]
    table = file.read([name for name in ("run_id", *names) if name in there], 0, file.row_count())
    categories = {variable.name: list(variable.categories) for variable in inputs}
    out = np.full((file.row_count(), width), np.nan)
    for place, name in enumerate(names):
        if name in there:
            out[:, place] = _as_numbers(table.column(name), categories.get(name, []))
    known: dict[str, int] = {}
    ids = table.column("run_id").values
    run = np.array([known.setdefault(str(run_id), len(known)) for run_id in ids], dtype=np.int64)
    return out, run, known


def _as_numbers(column: _core.Column | _core.TableColumn, categories: list[str]) -> NDArray[np.float64]:
    values = np.asarray(column.values)
    if not categories:
        return values.astype(np.float64)
    stored = list(column.info.categories)
    lookup = np.array([*(categories.index(text) if text in categories else -2 for text in stored), -1], dtype=float)
    out: NDArray[np.float64] = lookup[values.astype(np.int64)]
    return out
