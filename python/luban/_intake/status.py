"""How a run ended: the words of a source as those that a history keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from luban import _history
from luban._intake.cells import Codes, taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._intake.build import PieceState
    from luban._intake.columns import Match
    from luban._intake.convert import Columns, Refusals
    from luban._intake.report import ImportReport
    from luban._intake.row_runs import RowRuns

__all__ = ["WORD_OF_UNKNOWN", "settle_status", "stored_status", "translated"]

#: What a run is stored with whose status nobody explained: it is not known to have ended well.
WORD_OF_UNKNOWN = "running"
_SHOWN = 3


def translated(texts: Codes, words: Mapping[str, str]) -> tuple[Codes, NDArray[np.bool_]]:
    """Texts of a source as codes into the words of a history (−1: nothing stood there), and where one is unknown.

    ``words`` are those of the process file; the words of a history stand for themselves where it says nothing else.
    """
    known = list(_history.run_status_names)
    found = [words.get(text, text) for text in texts.categories]
    lookup = [known.index(word) if word in known else known.index(WORD_OF_UNKNOWN) for word in found]
    unknown = np.array([*(word not in known for word in found), False], dtype=bool)
    return Codes(np.array([*lookup, -1], dtype=np.int32)[texts.codes], known), unknown[texts.codes]


def settle_status(
    columns: Columns,
    match: Match,
    kept: NDArray[np.int64],
    runs: RowRuns,
    refusals: Refusals,
    report: ImportReport,
    state: PieceState | None,
) -> None:
    """Take a column ``status`` that the process file does not state, where all its words are those of a history.

    Otherwise it stays an auxiliary column, and the report says so. What the first piece of an import decided holds for
    the others. Rows (of a run) in which nothing stands say what the first other row of the run says.
    """
    if "status" not in columns.codes:
        return
    if match.status is None and not _taken_by_name(columns, match, kept, runs, refusals, report, state):
        return
    columns.status = True
    codes = columns.codes["status"].codes.copy()
    own = taken(codes, kept)
    there = np.flatnonzero(own >= 0)[::-1]
    of_run = np.full(len(runs.first), list(_history.run_status_names).index("completed"), dtype=np.int32)
    of_run[runs.run[there]] = own[there]
    codes[kept] = np.where(own < 0, of_run[runs.run], own)
    columns.codes["status"] = Codes(codes, columns.codes["status"].categories)


def _taken_by_name(
    columns: Columns,
    match: Match,
    kept: NDArray[np.int64],
    runs: RowRuns,
    refusals: Refusals,
    report: ImportReport,
    state: PieceState | None,
) -> bool:
    texts, header = columns.codes["status"], match.housekeeping["status"]
    codes, unknown = translated(texts, {})
    decided = None if state is None else state.status
    if decided is None:
        strange = [texts.categories[code] for code in np.unique(texts.codes[unknown]).tolist()]
        varies = not runs.constant(taken(texts.codes, kept))
        decided = not strange and not varies
        if not decided:
            report.notes.append(_not_taken(header, strange))
        if state is not None:
            state.status = decided
    if decided:
        at = np.flatnonzero(unknown & columns.good)
        refusals.add(columns.rows[at], header, list(texts.texts(at)), "status_unknown", "value")
        columns.codes["status"] = codes
    return decided


def _not_taken(header: str, strange: list[str]) -> str:
    """Say that a column of this name was not taken for the status of runs, and how to state it."""
    why = "it varies within runs"
    if strange:
        more = ", …" if len(strange) > _SHOWN else ""
        why = f"{', '.join(map(repr, strange[:_SHOWN]))}{more}: not of {', '.join(_history.run_status_names)}"
    state = f"runs: {{status: {{column: {header}, values: {{{strange[0] if strange else 'NOK'}: failed, …}}}}}}"
    return (
        f"{header} was not taken for the status of the runs ({why}): all of them count as completed. "
        f"The process file may state it: {state}."
    )


def stored_status(columns: Columns, first: NDArray[np.int64]) -> list[int]:
    """Codes of the words that the runs with these first rows are stored with."""
    return columns.codes["status"].codes[first].tolist()  # type: ignore[no-any-return]
