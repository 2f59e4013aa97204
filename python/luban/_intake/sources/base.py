"""What an import asks of any source: a name, a digest, a header with units, and its rows piece by piece."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from luban import _core
from luban._times import zone_of
from luban.errors import DataError, NotBuiltError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from luban._intake.cells import RawChunk
    from luban.process import Process

__all__ = ["Header", "Source", "empty_source", "refuse_malformed", "refuse_twice", "require", "timezone_of"]


@dataclass(frozen=True)
class Header:
    """Columns of a source, and what it says of all of them."""

    names: list[str]
    units: Mapping[str, str] = field(default_factory=dict)  # besides those that stand in the names
    decimal: str = "."
    own_names: bool = False  # columns may bear the names of the process where the process file states others
    own_runs: bool = False  # its run ids are those of a history, whatever the process file makes run ids of
    nothing: str = "a header and nothing below it"  # what it is when it has no rows
    timezone: str = ""  # where its times without a zone were written, as far as the source says

    def require(self, needed: Sequence[str], where: str, place: str) -> None:
        """Refuse a table without a column that it needs. Raises: DataError."""
        for name in needed:
            if name not in self.names:
                raise DataError(
                    where=where,
                    expected=f"a column {name!r}",
                    received="columns " + ", ".join(self.names[:20]),
                    place=place,
                    hint=_core.nearest_hint(name, self.names),
                )


class Source(Protocol):
    """A table that rows are imported from; it can be read several times and gives the same rows each time.

    ``name`` is what the provenance keeps, ``place`` what errors name; neither holds a password.
    """

    @property
    def name(self) -> str:
        """Its name in reports and in the provenance."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for errors."""
        ...

    @property
    def where(self) -> str:
        """The function that errors name."""
        ...

    def digest(self) -> str:
        """SHA-256 of its bytes, or of its rows where it has no bytes of its own; 64 digits. Raises: IoError."""
        ...

    def header(self, wanted: Sequence[str]) -> Header:
        """Look at its columns; ``wanted`` are names that somebody looks for. Raises: DataError, IoError."""
        ...

    def chunks(self, header: Header, numeric: Sequence[str]) -> Iterator[RawChunk]:
        """Yield its rows in their order, in bounded memory; columns in ``numeric`` should be read as numbers."""
        ...


def require(packages: Sequence[str], extra: str, what: str, where: str) -> None:
    """Refuse a source whose reader is not installed. Raises: NotBuiltError that says what to install."""
    lacking = [name for name in packages if importlib.util.find_spec(name) is None]
    if lacking:
        raise NotBuiltError(
            where=where,
            expected=f"{' and '.join(lacking)}, for {what}",
            received="a Python without it" if len(lacking) == 1 else "a Python without them",
            hint=f"pip install {' '.join(lacking)}, or luban[{extra}]; or use CSV",
        )


def refuse_twice(names: Sequence[str], where: str, place: str) -> None:
    """Refuse a header with a name that stands twice. Raises: DataError."""
    twice = next((name for name in names if list(names).count(name) > 1), None)
    if twice is not None:
        raise DataError(
            where=where,
            expected="each column name once",
            received=f"{twice!r} twice",
            place=place,
            hint="rename one of them in the source",
        )


def refuse_malformed(chunk: RawChunk, header: Sequence[str], where: str, place: str) -> None:
    """Refuse rows with more or fewer fields than the header, where no quarantine keeps them. Raises: DataError."""
    for number, text in chunk.malformed:
        raise DataError(
            where=where,
            expected=f"as many fields as the header has, {len(header)}",
            received=repr(text[:80]),
            place=f"{place}, data row {number + 1}",
            hint="correct the line; a file may have been cut off",
        )


def timezone_of(process: Process, header: Header, place: str) -> ZoneInfo | None:
    """Return where times without a zone were written: as the source says, otherwise as the process file says.

    Raises: ConfigurationError for a source that names no zone that there is.
    """
    runs = process.definition.runs
    name = header.timezone or (runs.timezone if runs is not None else None)
    return zone_of(name, "ingest", place) if name else None


def empty_source(source: Source, header: Header) -> DataError:
    """Return the error of a source without rows."""
    return DataError(where=source.where, expected="rows", received=header.nothing, place=source.place)
