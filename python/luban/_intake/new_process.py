"""A first process file for a table that nobody has described yet."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._intake.draft import process_name, write_draft
from luban._intake.guess import Guess, guess
from luban._intake.source import read_chunks, sniff
from luban.errors import DataError
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NewProcess", "draft_of_csv", "draft_of_frame"]

_ROWS_LOOKED_AT = 250_000


@dataclass(frozen=True)
class NewProcess:
    """A first process file: its text, the process that it defines, and what was guessed for each column."""

    text: str
    process: Process
    columns: pd.DataFrame  # header, name, role, unit, distinct, why
    rows: int
    runs: int
    path: str = ""  # where it was written

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        columns = self.columns.to_dict(orient="records")
        return {"path": self.path, "rows": self.rows, "runs": self.runs, "columns": columns, "text": self.text}

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"


def draft_of_csv(
    path: Path, name: str | None, *, delimiter: str | None, decimal: str | None, encoding: str | None
) -> NewProcess:
    """Look at the first rows of a CSV file and guess its process."""
    dialect = sniff(path, [], delimiter=delimiter, decimal=decimal, encoding=encoding)
    chunk = next(iter(read_chunks(path, dialect, dialect.header)), None)
    if chunk is None or len(chunk.frame) == 0:
        raise DataError(
            where="ingest.new_process", expected="rows", received="a header and nothing below it", place=str(path)
        )
    return draft_of_frame(chunk.frame, name or process_name(path.stem), path.name)


def draft_of_frame(frame: pd.DataFrame, name: str, source: str) -> NewProcess:
    """Guess the process of a table. Raises: DataError when it holds no numbers that could be results."""
    found = guess(frame.head(_ROWS_LOOKED_AT).replace([np.inf, -np.inf], np.nan))
    if not found.of("response"):
        raise DataError(
            where="ingest.new_process",
            expected="a column of numbers that could be a result",
            received="columns " + ", ".join(f"{column.header!r} ({column.why})" for column in found.columns[:12]),
            place=source,
            hint="check the delimiter and the decimal sign, or write the process file by hand",
        )
    text = write_draft(found, name, source)
    return NewProcess(text, _loaded(text, source), _table(found), found.rows, found.runs)


def _loaded(text: str, source: str) -> Process:
    from luban import _document

    return Process._from_document(_document.parse_yaml(text, f"the draft for {source}"))


def _table(found: Guess) -> pd.DataFrame:
    import pandas as pd

    names = ["header", "name", "role", "unit", "distinct", "why"]
    return pd.DataFrame([[getattr(column, name) for name in names] for column in found.columns], columns=names)
