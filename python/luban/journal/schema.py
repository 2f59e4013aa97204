"""The SQLite file: its tables, how it is opened, and what its errors are called here."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from luban.errors import Error, IntegrityError, IoError, NotBuiltError, VersionError

__all__ = ["APPLICATION_ID", "FAILURES", "FORMAT_VERSION", "connect", "create_tables", "require_journal", "translated"]

#: Stands in the header of the file, "LUBJ".
APPLICATION_ID = 0x4C55424A
#: Version of the tables, of the canonical JSON and of the hash.
FORMAT_VERSION = 1
#: What a call of SQLite may raise; a message that quotes damaged bytes is no UTF-8.
FAILURES = (sqlite3.Error, UnicodeDecodeError)
_OLDEST_SQLITE = (3, 37, 0)  # strict tables

_TABLES = {
    "records": """CREATE TABLE records (
  sequence INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  cycle INTEGER,
  run_id TEXT,
  utc_ns INTEGER NOT NULL,
  monotonic_ns INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  payload TEXT NOT NULL,
  previous BLOB NOT NULL,
  hash BLOB NOT NULL
) STRICT""",
    "records_are_not_changed": """CREATE TRIGGER records_are_not_changed BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END""",
    "records_are_not_deleted": """CREATE TRIGGER records_are_not_deleted BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'a record is never deleted'); END""",
    "records_follow_one_another": """CREATE TRIGGER records_follow_one_another BEFORE INSERT ON records
WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), 0) + 1 FROM records)
  OR NEW.previous IS NOT coalesce((SELECT hash FROM records ORDER BY sequence DESC LIMIT 1), zeroblob(32))
BEGIN SELECT RAISE(ABORT, 'a record follows the last one'); END""",
    "records_started": "CREATE INDEX records_started ON records (sequence) WHERE kind = 'started'",
    "records_folded": "CREATE INDEX records_folded ON records (sequence) WHERE kind = 'folded'",
    "records_run": "CREATE INDEX records_run ON records (run_id, sequence) WHERE run_id IS NOT NULL",
}

_REFUSED_BY_SYSTEM = (
    "FULL", "IOERR", "READONLY", "CANTOPEN", "PERM", "NOMEM", "NOLFS", "TOOBIG", "BUSY", "LOCKED", "PROTOCOL"
)  # fmt: skip


def connect(path: Path, where: str, *, read_only: bool = False) -> sqlite3.Connection:
    """Open an existing file with the settings that everything here relies on.

    Raises: IoError when there is none or the system refuses, NotBuiltError for an SQLite that is too old.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise NotBuiltError(
            where=where,
            expected=f"SQLite {'.'.join(map(str, _OLDEST_SQLITE))} or newer",
            received=sqlite3.sqlite_version,
            hint="a newer Python brings a newer one",
        )
    if not path.is_file():
        raise IoError(where=where, expected="a journal", received="no such file", place=str(path))
    try:
        # A writer holds one connection under a lock of its own; sharing it among threads is guarded there.
        connection = sqlite3.connect(_uri(path, read_only), uri=True, isolation_level=None, check_same_thread=False)
    except FAILURES as error:
        raise translated(error, where, path) from error
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA busy_timeout = 2000")
        if not read_only:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA recursive_triggers = ON")
    except FAILURES as error:
        connection.close()
        raise translated(error, where, path) from error
    return connection


def _uri(path: Path, read_only: bool) -> str:
    """Name the file; one without a write-ahead log has no writer, and is read without leaving anything beside it."""
    name = f"file:{quote(os.fspath(path.absolute()))}"
    if not read_only:
        return f"{name}?mode=rw"
    log = path.with_name(f"{path.name}-wal")
    return f"{name}?mode=ro" if log.exists() and log.stat().st_size > 0 else f"{name}?mode=ro&immutable=1"


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty file a journal without records. Raises: sqlite3.Error."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    for statement in _TABLES.values():
        connection.execute(statement)
    connection.execute("COMMIT")


def require_journal(connection: sqlite3.Connection, where: str, path: Path) -> None:
    """Check that a file is a journal of this version with its tables and triggers as they were made.

    Raises: IntegrityError for another or a changed file, VersionError for a newer one.
    """
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise IntegrityError(
                where=where, expected="a journal", received="an SQLite file of another kind", place=str(path)
            )
        if version > FORMAT_VERSION:
            raise VersionError(
                where=where,
                expected=f"a journal of version {FORMAT_VERSION} or older",
                received=f"version {version}",
                place=str(path),
                hint="a newer luban wrote it: update luban",
            )
        found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    except FAILURES as error:
        raise translated(error, where, path) from error
    if found != _TABLES:
        changed = sorted(str(name) for name in found.keys() | _TABLES if found.get(name) != _TABLES.get(name))
        raise IntegrityError(
            where=where,
            expected="the tables and triggers of a journal",
            received=f"others: {', '.join(changed)}",
            place=str(path),
            hint="luban audit verify says what else is wrong",
        )


def translated(error: sqlite3.Error | UnicodeDecodeError, where: str, path: Path) -> Error:
    """Return an error of SQLite as one of ours: refused by the system, or damaged."""
    name = getattr(error, "sqlite_errorname", "") or ""
    said = f"{error} ({name})" if name else str(error)
    code = name.removeprefix("SQLITE_")
    if code.startswith(_REFUSED_BY_SYSTEM):
        return IoError(where=where, expected="a disk that takes and gives records", received=said, place=str(path))
    return IntegrityError(
        where=where,
        expected="a whole journal",
        received=said,
        place=str(path),
        hint="luban audit verify says what is wrong",
    )
