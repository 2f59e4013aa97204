"""How the provenance names a fold: the journal, the range of its records, and how the hash of the last one begins."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FoldName"]

# Where several imports share a name, a table of runs numbers them: ` #3`.
_NAME = re.compile(r"journal ([0-9a-f-]{36}), records (\d+) to (\d+)(?:, hash ([0-9a-f]{16}))?(?: #\d+)?")


@dataclass(frozen=True)
class FoldName:
    """Records ``first`` to ``last`` of a journal; ``hash`` is empty in names of versions that did not note it."""

    journal: str  # its uuid
    first: int
    last: int
    hash: str = ""

    @classmethod
    def of(cls, text: str) -> FoldName | None:
        """Read a name; None where it is not of a fold."""
        match = _NAME.fullmatch(text)
        return None if match is None else cls(match[1], int(match[2]), int(match[3]), match[4] or "")

    def __str__(self) -> str:
        return f"journal {self.journal}, records {self.first} to {self.last}" + (
            f", hash {self.hash}" if self.hash else ""
        )

    def covers(self, other: FoldName) -> bool:
        """Whether all records of another fold are among those of this one."""
        return self.journal == other.journal and self.first <= other.first and self.last >= other.last
