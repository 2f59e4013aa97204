"""Sheets of Excel workbooks: the first row that holds anything is the header."""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban import _core
from luban._intake.source import file_digest
from luban._intake.sources.base import Header, refuse_twice, require
from luban._intake.sources.rows import CHUNK_ROWS, chunks_of_frames, frame_of_rows
from luban.errors import ConfigurationError, DataError, IoError

if TYPE_CHECKING:
    import pandas as pd

    from luban._intake.cells import RawChunk

__all__ = ["ExcelSource"]


class ExcelSource:
    """One sheet of a workbook (.xlsx, .xlsm): values as they were last computed, never formulas.

    A time of a sheet has no zone; it is refused as one of a CSV file is.
    """

    where = "ingest.import_excel"

    def __init__(self, path: Path, sheet: str | None = None) -> None:
        require(["openpyxl"], "excel", "Excel files", "ingest")
        self._path = path
        self._sheet = sheet

    @property
    def name(self) -> str:
        """Name of the file, and of the sheet where one was named."""
        return self._path.name + (f", sheet {self._sheet}" if self._sheet else "")

    @property
    def place(self) -> str:
        """Path of the file, and the sheet."""
        return str(self._path) + (f", sheet {self._sheet!r}" if self._sheet else "")

    def digest(self) -> str:
        """SHA-256 of the file's bytes, and of the sheet's name where one was named."""
        import hashlib

        plain = file_digest(self._path)
        return plain if self._sheet is None else hashlib.sha256(f"{plain}\0{self._sheet}".encode()).hexdigest()

    def header(self, wanted: Sequence[str]) -> Header:
        """Texts of the first row that holds anything."""
        rows = self._rows()
        try:
            first = next(rows, None)
        finally:
            rows.close()
        if first is None:
            raise DataError(where=self.where, expected="a header and rows", received="an empty sheet", place=self.place)
        names = _names(first)
        refuse_twice(names, self.where, self.place)
        return Header(names)

    def chunks(self, header: Header, numeric: Sequence[str]) -> Iterator[RawChunk]:
        """Read row by row; empty rows are left out, as in a CSV file."""
        yield from chunks_of_frames(self._frames(header, numeric))

    def _frames(self, header: Header, numeric: Sequence[str]) -> Iterator[tuple[pd.DataFrame, None]]:
        rows = self._rows()
        first = next(rows)
        kept = [place for place, cell in enumerate(first) if cell is not None and str(cell).strip()]
        waiting: list[list[Any]] = []
        for number, row in enumerate(rows):
            if any(cell is not None for cell in row[len(first) :]) or any(
                cell is not None for place, cell in enumerate(row) if place not in kept
            ):
                raise DataError(
                    where=self.where,
                    expected="cells under a header",
                    received=f"a value in a column without one (data row {number + 1})",
                    place=self.place,
                    hint="give the column a name, or clear it",
                )
            waiting.append([row[place] if place < len(row) else None for place in kept])
            if len(waiting) == CHUNK_ROWS:
                yield frame_of_rows(waiting, header.names, numeric), None
                waiting = []
        if waiting:
            yield frame_of_rows(waiting, header.names, numeric), None

    def _rows(self) -> Generator[tuple[Any, ...], None, None]:
        """Rows that hold anything. Raises: IoError, ConfigurationError."""
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException

        try:
            book = openpyxl.load_workbook(self._path, read_only=True, data_only=True)
        except (OSError, zipfile.BadZipFile, InvalidFileException, KeyError, ValueError) as error:
            raise IoError(
                where=self.where,
                expected="an Excel workbook (.xlsx, .xlsm)",
                received=" ".join(str(getattr(error, "strerror", None) or error).split()),
                place=str(self._path),
                hint="save older formats (.xls) as .xlsx or CSV",
            ) from error
        try:
            for row in book[self._chosen(book.sheetnames)].iter_rows(values_only=True):
                if any(cell is not None and cell != "" for cell in row):
                    yield row
        finally:
            book.close()

    def _chosen(self, sheets: Sequence[str]) -> str:
        if self._sheet is None and len(sheets) == 1:
            return sheets[0]
        if self._sheet is None or self._sheet not in sheets:
            raise ConfigurationError(
                where=self.where,
                expected="the name of a sheet: " + ", ".join(sheets),
                received="none" if self._sheet is None else repr(self._sheet),
                place=str(self._path),
                hint="--sheet NAME" if self._sheet is None else _core.nearest_hint(self._sheet, list(sheets)),
            )
        return self._sheet


def _names(cells: Sequence[Any]) -> list[str]:
    return [str(cell).strip() for cell in cells if cell is not None and str(cell).strip()]
