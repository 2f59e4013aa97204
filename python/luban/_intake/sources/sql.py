"""Tables and queries of databases through SQLAlchemy; rows are streamed, and nothing is ever written.

A password of the URL goes to the driver and nowhere else: not into names, errors or the provenance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban._intake.sources.base import Header, refuse_twice, require
from luban._intake.sources.rows import CHUNK_ROWS, chunks_of_frames, frame_of_rows
from luban.errors import ConfigurationError, DataError, IoError

if TYPE_CHECKING:
    import pandas as pd

    from luban._intake.cells import RawChunk

__all__ = ["SqlSource", "is_url"]

_SHOWN = 120  # characters of a query in names


def is_url(text: str) -> bool:
    """Whether a source is named by a URL of a database, such as ``sqlite:///line.db``."""
    head, there, _ = text.partition("://")
    return bool(there) and head.replace("+", "").replace("_", "").isalnum()


class SqlSource:
    """Rows of one table or one query, in the order in which the database gives them.

    Each look at the rows is one query; when the rows have changed in between, the import is refused. Without ``runs:``
    in the process file a run is named after the place of its row: then the query needs an ORDER BY.
    """

    where = "ingest.import_sql"

    def __init__(self, url: str, *, query: str | None = None, table: str | None = None) -> None:
        require(["sqlalchemy"], "sql", "databases", "ingest")
        import sqlalchemy

        if (query is None) == (table is None):
            raise ConfigurationError(
                where=self.where,
                expected="either a query or a table",
                received="neither" if query is None else "both",
                hint='--table NAME, or --query "SELECT …"',
            )
        try:
            self._url = sqlalchemy.make_url(url)
        except sqlalchemy.exc.ArgumentError:
            raise ConfigurationError(
                where=self.where,
                expected="the URL of a database",
                received=f"one that begins with {url.partition(':')[0]!r} and cannot be read",
                hint="such as sqlite:///line.db or postgresql://reader@host/plant",
            ) from None
        self._query, self._table = query, table
        plain = self._url.set(password=None, query={}).render_as_string(hide_password=True)
        what = f"table {table}" if table is not None else f"query {' '.join((query or '').split())[:_SHOWN]}"
        self.name = f"{plain}, {what}"
        self.place = self.name
        self._digest: str | None = None

    def digest(self) -> str:
        """SHA-256 of the column names and of each row's values; one look at all rows."""
        hashed = hashlib.sha256()
        with self._rows() as (names, parts):
            hashed.update(repr(names).encode())
            for rows in parts:
                _hash(hashed, rows)
        self._digest = hashed.hexdigest()
        return self._digest

    def header(self, wanted: Sequence[str]) -> Header:
        """Names of the result's columns."""
        with self._rows() as (names, _):
            refuse_twice(names, self.where, self.place)
            return Header(names, nothing="a result without rows")

    def chunks(self, header: Header, numeric: Sequence[str]) -> Iterator[RawChunk]:
        """Stream the rows."""
        yield from chunks_of_frames(self._frames(header, numeric))

    def _frames(self, header: Header, numeric: Sequence[str]) -> Iterator[tuple[pd.DataFrame, None]]:
        hashed = hashlib.sha256()
        waiting: pd.DataFrame | None = None  # the last rows go on when all are known to be those of the digest
        with self._rows() as (names, parts):
            hashed.update(repr(names).encode())
            for rows in parts:
                if waiting is not None:
                    yield waiting, None
                _hash(hashed, rows)
                waiting = frame_of_rows(rows, header.names, numeric)
        if self._digest is not None and hashed.hexdigest() != self._digest:
            raise DataError(
                where=self.where,
                expected="the same rows at each look",
                received="other rows, or another order",
                place=self.place,
                hint="give the query an ORDER BY, and import while nobody writes",
            )
        if waiting is not None:
            yield waiting, None

    @contextmanager
    def _rows(self) -> Iterator[tuple[list[str], Iterator[Sequence[Sequence[Any]]]]]:
        """Names of the columns and the rows in parts. Raises: IoError, without the password."""
        import sqlalchemy

        self._require_file()
        engine = None
        try:
            engine = sqlalchemy.create_engine(self._url)
            with engine.connect() as connection:
                result = self._only_reading(connection).execute(self._statement())
                if not result.returns_rows:
                    raise ConfigurationError(
                        where=self.where,
                        expected="a query that returns rows",
                        received="one that returns none",
                        place=self.place,
                        hint="nothing was changed: what it did was taken back",
                    )
                yield [str(name) for name in result.keys()], result.partitions(CHUNK_ROWS)  # noqa: SIM118
                connection.rollback()
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            raise IoError(
                where=self.where,
                expected="a database that answers",
                received=self._without_password(str(getattr(error, "orig", None) or error)),
                place=self.place,
                hint="the driver of the database must be installed" if isinstance(error, ImportError) else "",
            ) from None  # the cause may hold the URL
        finally:
            if engine is not None:
                engine.dispose()

    def _only_reading(self, connection: Any) -> Any:
        """Return a connection that streams, and refuses to write where the database knows how; all is taken back."""
        options: dict[str, Any] = {"stream_results": True, "max_row_buffer": CHUNK_ROWS}
        if self._url.get_backend_name() == "postgresql":
            options["postgresql_readonly"] = True
        if self._url.get_backend_name() == "sqlite":
            connection.exec_driver_sql("PRAGMA query_only = ON")
        return connection.execution_options(**options)

    def _statement(self) -> Any:
        import sqlalchemy

        if self._query is not None:
            return sqlalchemy.text(self._query)
        schema, _, name = str(self._table).rpartition(".")
        return sqlalchemy.select(sqlalchemy.text("*")).select_from(sqlalchemy.table(name, schema=schema or None))

    def _require_file(self) -> None:
        """SQLite makes a file that is not there: that is not asked for here."""
        path = self._url.database
        if self._url.get_backend_name() == "sqlite" and path and path != ":memory:" and not Path(path).exists():
            raise IoError(where=self.where, expected="a database", received="no such file", place=self.place)

    def _without_password(self, text: str) -> str:
        password = self._url.password
        plain = " ".join(text.split())
        return plain.replace(str(password), "***") if password else plain


def _hash(hashed: Any, rows: Sequence[Sequence[Any]]) -> None:
    hashed.update("\n".join(repr(tuple(row)) for row in rows).encode())
    hashed.update(b"\n")
