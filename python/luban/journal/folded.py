"""What a history says of the folds of a journal: up to which record it has everything, and which fold was cut short.

A fold is one import, there as a whole or not at all. Earlier versions brought long ones into a folder in pieces under
one name: where the last piece is missing, its rows beyond the last piece that is there were never stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from luban._intake.fold_names import FoldName
from luban._intake.pieces import is_whole, rows_done

if TYPE_CHECKING:
    import pandas as pd

    from luban.history import History
    from luban.journal.journal import Journal
    from luban.process import Process

__all__ = ["CutFold", "Folded"]


@dataclass(frozen=True)
class CutFold:
    """A fold of which the first ``rows`` rows are in the history, and whose end is not."""

    name: FoldName
    rows: int


@dataclass(frozen=True)
class Folded:
    """Of the records up to ``through`` the history has everything; ``newest`` is the last one of any fold.

    Both are 0 where there is none. The hashes are how those of these records begin, empty where they are not known.
    """

    through: int = 0
    hash: str = ""
    newest: int = 0
    newest_hash: str = ""
    cut: CutFold | None = None  # the first of those that no later fold made good

    @classmethod
    def of(cls, history: History | None, journal: str) -> Folded:
        """Read it from the provenance of a history; ``journal`` is the uuid."""
        if history is None:
            return cls()
        provenance = history.provenance
        names: dict[str, FoldName] = {}  # by digest, which is also of the name
        whats: dict[str, list[str]] = {}
        columns = (provenance[name] for name in ("input_name", "input_digest", "what"))
        for text, digest, what in zip(*columns, strict=True):
            name = FoldName.of(str(text))
            if name is not None and name.journal == journal:
                names[digest] = name
                whats.setdefault(digest, []).append(what)
        whole = [name for digest, name in names.items() if is_whole(whats[digest])]
        cut = [
            CutFold(name, max(rows_done(whats[digest]).values()))
            for digest, name in names.items()
            if not is_whole(whats[digest]) and not any(other.covers(name) for other in whole)
        ]
        newest, newest_hash = _latest(names.values())
        if not cut:
            return cls(newest, newest_hash, newest, newest_hash)
        first = min(cut, key=lambda one: (one.name.first, one.rows))
        before = first.name.first - 1
        _, known_hash = _latest(name for name in whole if name.last == before)
        return cls(before, known_hash, newest, newest_hash, first)

    def lacking(self, journal: Journal, process: Process) -> pd.DataFrame:
        """Return what the history lacks, as :meth:`Journal.runs` does with ``process``.

        Of a fold that was cut short, rows that are there come again only with a word of later: what they said then is
        known, and corrections of other sources have been made since. Raises: as :meth:`Journal.runs`.
        """
        frame = journal.runs(self.through, since_hash=self.hash, process=process)
        if self.cut is None:
            return frame
        # After the frame: of a loop that writes meanwhile these say no less.
        later = journal.runs(self.cut.name.last, since_hash=self.cut.name.hash)
        if self.newest > self.cut.name.last:
            journal.runs(self.newest, since_hash=self.newest_hash)  # refuses a journal that was put back
        told = set(zip(later["run_id"], later["repeat"], strict=True))
        keys = list(zip(frame["run_id"], frame["repeat"], strict=True))
        wanted = [place >= self.cut.rows or key in told for place, key in enumerate(keys)]
        kept = {key for key, want in zip(keys, wanted, strict=True) if want}
        rest = frame.loc[wanted].reset_index(drop=True)
        unplaced = [entry for entry in frame.attrs["unplaced"] if entry[1:] in kept]
        rest.attrs = {**frame.attrs, "unplaced": unplaced}
        return rest


def _latest(names: Iterable[FoldName]) -> tuple[int, str]:
    return max(((name.last, name.hash) for name in names), default=(0, ""))
