"""A first process file for a table that nobody has described yet."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._intake.draft import write_draft
from luban._intake.guess import Guess, guess
from luban._intake.header_words import names_code
from luban.errors import DataError
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd

    from luban._intake.sources.base import Source

__all__ = ["NewProcess", "draft_of_frame", "draft_of_source"]

_ROWS_LOOKED_AT = 250_000


@dataclass(frozen=True)
class NewProcess:
    """A first process file: its text, the process that it defines, and what was guessed for each column."""

    text: str
    process: Process
    columns: pd.DataFrame  # header, name, role, unit, distinct, why, doubt
    rows: int
    runs: int
    doubtful: int = 0  # lines of the text that are marked as doubtful
    path: str = ""  # where it was written

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        columns = self.columns.to_dict(orient="records")
        counts = {"rows": self.rows, "runs": self.runs, "doubtful": self.doubtful}
        return {"path": self.path, **counts, "columns": columns, "text": self.text}

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"


def draft_of_source(source: Source, name: str) -> NewProcess:
    """Look at the first rows of any source and guess its process."""
    header = source.header([])
    numeric = [text for text in header.names if not names_code(text)]  # codes stay as written: 01 is not 1
    frames: list[pd.DataFrame] = []
    chunks = source.chunks(header, numeric)
    try:
        for chunk in chunks:
            frames.append(chunk.cells.frame())
            if sum(len(frame) for frame in frames) >= _ROWS_LOOKED_AT:
                break
    finally:
        if isinstance(chunks, Generator):
            chunks.close()
    if not any(len(frame) for frame in frames):
        raise DataError(where="ingest.new_process", expected="rows", received=header.nothing, place=source.place)
    import pandas as pd

    frame = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    frame.attrs["units"] = dict(header.units)
    return draft_of_frame(frame, name, source.name)


def draft_of_frame(frame: pd.DataFrame, name: str, source: str) -> NewProcess:
    """Guess the process of a table. Raises: DataError when it holds no numbers that could be results."""
    looked_at = frame.head(_ROWS_LOOKED_AT).replace([np.inf, -np.inf], np.nan)
    looked_at.attrs = dict(frame.attrs)
    found = guess(looked_at)
    if not found.of("response") or not found.of("parameter", "context"):
        raise _refused(found, source)
    draft = write_draft(found, name, source)
    process = _loaded(draft.text, source)
    return NewProcess(draft.text, process, _table(found), found.rows, found.runs, draft.doubtful)


def _refused(found: Guess, source: str) -> DataError:
    """Say what the columns were taken for, and what would make a process of them."""
    outcomes = [column.header for column in found.columns if column.outcome]
    expected = "a column of numbers that could be a result"
    if found.of("response"):
        expected = "an input beside the column of numbers that could be a result"
    hint = "check the delimiter and the decimal sign, or write the process file by hand"
    if outcomes and not found.of("response"):
        hint = f"a response is a number: write {outcomes[-1]!r} as 1 and 0, then look again"
    return DataError(
        where="ingest.new_process",
        expected=expected,
        received="columns " + ", ".join(f"{column.header!r} ({column.why})" for column in found.columns[:12]),
        place=source,
        hint=hint,
    )


def _loaded(text: str, source: str) -> Process:
    from luban import _document

    return Process._from_document(_document.parse_yaml(text, f"the draft for {source}"))


def _table(found: Guess) -> pd.DataFrame:
    import pandas as pd

    names = ["header", "name", "role", "unit", "distinct", "why"]
    rows = [[*(getattr(column, name) for name in names), "; ".join(column.doubts)] for column in found.columns]
    return pd.DataFrame(rows, columns=[*names, "doubt"])
