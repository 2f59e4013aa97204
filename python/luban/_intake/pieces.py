"""Cutting a source into pieces of so many rows, and how the provenance names them."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from luban._intake.fold_names import FoldName

if TYPE_CHECKING:
    from luban import _history
    from luban._intake.cells import RawChunk

__all__ = ["Piece", "Unfinished", "in_pieces", "is_whole", "read_ahead", "rows_done", "rows_text", "unfinished"]

_ROWS = re.compile(r", rows (\d+) to (\d+)(, the last)?$")


@dataclass
class Piece:
    """Rows ``first`` to before ``end`` of a source, in chunks as they were read; ``last``: none follow."""

    first: int = 0
    end: int = 0
    chunks: list[RawChunk] = field(default_factory=list)
    last: bool = False

    @property
    def rows(self) -> int:
        """Rows in it, those with too many fields included."""
        return sum(len(chunk.rows) + len(chunk.malformed) for chunk in self.chunks)


def read_ahead(chunks: Iterator[RawChunk]) -> Iterator[RawChunk]:
    """Yield the same chunks; while one is worked on, a second thread reads the next one."""
    with ThreadPoolExecutor(1, "luban-read") as pool:
        try:
            ahead = pool.submit(next, chunks, None)
            while (chunk := ahead.result()) is not None:
                ahead = pool.submit(next, chunks, None)
                yield chunk
        finally:
            if isinstance(chunks, Generator):  # files and connections are closed in the thread that opened them
                pool.submit(chunks.close).result()


def in_pieces(chunks: Iterable[RawChunk], rows: int | None) -> Iterator[Piece]:
    """Yield pieces that begin at multiples of ``rows``, whatever the chunks are; None: one piece.

    A source without rows gives no piece.
    """
    piece = Piece()
    waiting: Piece | None = None  # a whole piece: yielded when it is known whether it is the last one
    for chunk in chunks:
        rest = chunk
        while rows is not None and rest.end > piece.first + rows:
            border = piece.first + rows
            _extend(piece, rest.before(border))
            piece.end = border
            rest = rest.since(border)
            if waiting is not None:
                yield waiting
            waiting, piece = piece, Piece(border, border)
        _extend(piece, rest)
        piece.end = max(piece.end, rest.end)
    if piece.chunks and waiting is not None:
        yield waiting
        waiting = None
    final = piece if piece.chunks else waiting
    if final is not None:
        final.last = True
        yield final


def _extend(piece: Piece, chunk: RawChunk) -> None:
    if len(chunk.rows) or chunk.malformed:
        piece.chunks.append(chunk)


def rows_text(piece: Piece) -> str:
    """Return what the provenance says of a piece behind the name of the import."""
    return f", rows {piece.first} to {piece.end}" + (", the last" if piece.last else "")


def rows_done(whats: Iterable[str], *, last: bool = False) -> dict[int, int]:
    """Ranges of rows, first to end, that these texts of a provenance name; ``last``: of last pieces only."""
    found = [match for what in whats if (match := _ROWS.search(what)) is not None and (match[3] or not last)]
    return {int(match[1]): int(match[2]) for match in found}


def is_whole(whats: Iterable[str]) -> bool:
    """Whether these texts of a provenance, all of one source, name its end: a last piece, or an import at once."""
    texts = list(whats)
    return bool(rows_done(texts, last=True)) or any(not rows_done([text]) for text in texts)


@dataclass(frozen=True)
class Unfinished:
    """An import in pieces that brought the rows before ``row`` and not the last."""

    name: str
    row: int

    def __str__(self) -> str:
        return f"import of {self.name} ended at row {self.row:,}: run it again to go on"


def unfinished(provenance: Sequence[_history.Provenance]) -> list[Unfinished]:
    """Return the imports that were interrupted and have not gone on since, in their order.

    One whose last piece brought no reading is none: corrections of a longer source end where the last of them stands.
    Nor is one that a later, finished import of the same name and at least as many rows made good, or a fold of a
    journal that a later, finished one of all its records did.
    """
    of_digest: dict[str, list[int]] = {}
    for at, entry in enumerate(provenance):
        of_digest.setdefault(entry.input_digest, []).append(at)
    out = []
    for numbers in of_digest.values():
        if is_whole(provenance[at].what for at in numbers):
            continue
        latest = max(numbers, key=lambda at: max(rows_done([provenance[at].what]).values()))
        entry, row = provenance[latest], max(rows_done([provenance[latest].what]).values())
        made_good = any(_makes_good(later, entry, row) for later in provenance[latest + 1 :])
        if entry.readings and not made_good:
            out.append(Unfinished(entry.input_name, row))
    return out


def _makes_good(later: _history.Provenance, entry: _history.Provenance, row: int) -> bool:
    end = _end_of(later)
    if end is None:
        return False
    fold, folded = FoldName.of(later.input_name), FoldName.of(entry.input_name)
    if fold is not None and folded is not None and fold.covers(folded):
        return True
    return later.input_name == entry.input_name and end >= row


def _end_of(entry: _history.Provenance) -> int | None:
    """Return the rows of the source whose end this import brought; None: it is a piece before the last."""
    if not rows_done([entry.what]):
        return entry.rows
    return max(rows_done([entry.what], last=True).values(), default=None)
