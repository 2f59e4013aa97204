"""CSV files as a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from luban._intake.fast_csv import has_arrow, is_fast, read_csv
from luban._intake.source import Dialect, file_digest, read_chunks, sniff
from luban._intake.sources.base import Header

if TYPE_CHECKING:
    from luban._intake.cells import RawChunk

__all__ = ["CsvSource"]


class CsvSource:
    """Delimited text; how it is written is found out where it is not said."""

    where = "ingest.import_csv"

    def __init__(
        self,
        path: Path,
        *,
        delimiter: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self._path = path
        self._given = {"delimiter": delimiter, "decimal": decimal, "encoding": encoding}
        self._dialect: Dialect | None = None

    @property
    def name(self) -> str:
        """Name of the file."""
        return self._path.name

    @property
    def place(self) -> str:
        """Path of the file."""
        return str(self._path)

    def digest(self) -> str:
        """SHA-256 of the file's bytes."""
        return file_digest(self._path)

    def header(self, wanted: Sequence[str]) -> Header:
        """Find out delimiter, decimal sign, encoding and header."""
        self._dialect = sniff(self._path, wanted, **self._given)
        return Header(self._dialect.header, decimal=self._dialect.decimal)

    def chunks(self, header: Header, numeric: Sequence[str]) -> Iterator[RawChunk]:
        """Read by Arrow where it is installed, otherwise by pandas: the same rows either way."""
        dialect = self._dialect or sniff(self._path, header.names, **self._given)
        read = read_csv if has_arrow() and is_fast(dialect) else read_chunks
        return read(self._path, dialect, numeric)
