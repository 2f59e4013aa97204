"""Rows of Python values, as databases and sheets give them, as chunks."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._intake.cells import FrameCells, RawChunk

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CHUNK_ROWS", "chunks_of_frames", "frame_of_rows"]

CHUNK_ROWS = 50_000


def frame_of_rows(rows: Sequence[Sequence[Any]], names: Sequence[str], numeric: Sequence[str]) -> pd.DataFrame:
    """Return a frame: columns in ``numeric`` as float64 where all of their cells are numbers, the others as they are.

    Whole numbers of other columns keep all their digits.
    """
    import pandas as pd

    wanted = set(numeric)
    columns: dict[str, Any] = {}
    for place, name in enumerate(names):
        cells = [row[place] if place < len(row) else None for row in rows]
        if name in wanted and all(cell is None or _is_number(cell) for cell in cells):
            columns[name] = np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
        else:
            columns[name] = pd.Series(cells, dtype=object)
    return pd.DataFrame(columns, columns=list(names))


def _is_number(cell: object) -> bool:
    import decimal

    return isinstance(cell, numbers.Real | decimal.Decimal) and not isinstance(cell, bool)


def chunks_of_frames(frames: Iterable[tuple[pd.DataFrame, tuple[int, int] | None]]) -> Iterator[RawChunk]:
    """Yield chunks of numbered rows, one for each frame; each comes with how far the source has been read."""
    done = 0
    for frame, progress in frames:
        if len(frame):
            yield RawChunk(FrameCells(frame), np.arange(done, done + len(frame), dtype=np.int64), progress=progress)
            done += len(frame)
