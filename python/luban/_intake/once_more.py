"""A source that is read once more: what the history holds of it is not brought twice.

New values come in, equal ones change nothing. A refusal that stands in the quarantine already is not written again; a
row or value that contradicted what is stored stays refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from luban._intake.convert import Codes, Refusals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban import _history
    from luban._intake.convert import Columns
    from luban._intake.traces import Trace

__all__ = ["Known"]

#: Why a merge refuses: it would do so again, and say so a second time.
_OF_MERGE = ("duplicate", "disagrees_with_stored_run", "disagrees_with_stored_reading", "only_responses_are_corrected")


@dataclass
class Known:
    """What a history holds of one source: its quarantine and, read when asked for, the samples of its runs."""

    history: _history.HistorySource
    refused: set[tuple[int, str, str, str, str]] = field(default_factory=set)  # row, column, value, reason, scope
    rows: dict[int, str] = field(default_factory=dict)  # refused whole by a merge: the reason of each
    cells: dict[str, set[int]] = field(default_factory=dict)  # refused by a merge alone: rows of each column

    @classmethod
    def of(cls, history: _history.HistorySource, digest: str) -> Known:
        """Take it from a history; ``digest`` is that of the source."""
        known = cls(history)
        numbers = {at for at, known_digest in enumerate(history.input_digests) if known_digest == digest}
        names = ("source", "source_row", "column", "value", "reason", "scope")
        quarantine = history.quarantine()
        for source, row, column, value, reason, scope in zip(*(quarantine[name] for name in names), strict=True):
            if int(source) not in numbers:
                continue
            known.refused.add((int(row), column, value, reason, scope))
            if reason not in _OF_MERGE:
                continue
            if scope == "row":
                known.rows[int(row)] = reason
            else:
                known.cells.setdefault(column, set()).add(int(row))
        return known

    def is_fresh(self, refusals: Refusals) -> NDArray[np.bool_]:
        """Return which refusals are not in the quarantine yet."""
        told = zip(
            refusals.rows.tolist(), refusals.column, refusals.value, refusals.reason, refusals.scope, strict=True
        )
        return np.array([one not in self.refused for one in told], dtype=bool)

    def refused_rows(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of these rows of the source a merge refused whole."""
        return np.isin(rows, np.fromiter(self.rows, dtype=np.int64, count=len(self.rows)))

    def blank(self, columns: Columns, names: Sequence[str]) -> list[tuple[str, str, str]]:
        """Empty the values of auxiliary columns that a merge refused; return column, reason and scope of each."""
        blanked = []
        for name in names:
            rows = self.cells.get(name)
            if rows is None:
                continue
            at = np.flatnonzero(
                np.isin(columns.rows, np.fromiter(rows, dtype=np.int64, count=len(rows))) & columns.good
            )
            if name in columns.numbers:
                columns.numbers[name] = columns.numbers[name].copy()
                columns.numbers[name][at] = np.nan
            elif name in columns.codes:
                own = columns.codes[name]
                codes = own.codes.copy()
                codes[at] = -1
                columns.codes[name] = Codes(codes, own.categories)
            blanked += [(name, "only_responses_are_corrected", "value")] * len(at)
        return blanked

    def without_samples(self, trace: Trace, run_ids: Sequence[str], rows: NDArray[np.int64]) -> tuple[Trace, int]:
        """Return a trace (of ``run_ids``) without the samples that are stored, and how many runs were refused before.

        ``rows`` (runs) are the source rows of the first reading of each run.
        """
        lengths = np.diff(trace.offsets)
        refused = np.isin(rows, list(self.cells.get(trace.name, ()))) & (lengths > 0)
        drop = refused | self._equal(trace, run_ids)
        kept = np.where(drop, -1, np.arange(len(trace)))
        return trace.of_runs(kept), int(refused.sum())

    def _equal(self, trace: Trace, run_ids: Sequence[str]) -> NDArray[np.bool_]:
        """Return which runs (runs) have these samples already."""
        from luban._reading import RunFilter, or_none

        equal = np.zeros(len(trace), dtype=bool)
        if trace.name not in [name for name, _, _ in self.history.traces]:
            return equal
        choice = RunFilter(run_id=or_none(list(run_ids))).to_core({})
        names, values, offsets, *_ = self.history.trace(trace.name, filter=choice)
        place = {name: at for at, name in enumerate(names)}
        for run, run_id in enumerate(run_ids):
            at = place.get(run_id)
            own = trace.samples[trace.offsets[run] : trace.offsets[run + 1]]
            if at is not None and len(own):
                equal[run] = np.array_equal(own, values[offsets[at] : offsets[at + 1]], equal_nan=True)
        return equal
