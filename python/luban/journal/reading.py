"""Reading records: every call has a connection of its own, so that a loop that writes is never waited for."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from luban.errors import IntegrityError
from luban.journal.chain import Record, record_hash, require_kind
from luban.journal.schema import FAILURES, connect, require_journal, translated

__all__ = ["chosen", "first_record", "following", "last_record", "record_of", "select"]

_COLUMNS = "sequence, kind, cycle, run_id, utc_ns, monotonic_ns, boot_id, payload, previous, hash"
_LAST = f"SELECT {_COLUMNS} FROM records ORDER BY sequence DESC LIMIT 1"


def select(path: Path, where: str, condition: str, values: Collection[Any] = ()) -> Iterator[Record]:
    """Yield the records of ``SELECT … FROM records`` followed by ``condition``, each checked against its hash.

    Raises: IoError, IntegrityError, VersionError as :func:`connect` and :func:`require_journal`; IntegrityError for a
    record whose content is not what its hash says.
    """
    with closing(connect(path, where, read_only=True)) as connection:
        require_journal(connection, where, path)
        try:
            for row in connection.execute(f"SELECT {_COLUMNS} FROM records {condition}", tuple(values)):
                yield record_of(row, where, path)
        except FAILURES as error:
            raise translated(error, where, path) from error


def chosen(
    path: Path,
    *,
    kinds: Collection[str] | None,
    cycle: int | None,
    run_id: str | None,
    since: int,
    since_time: int | None,
    last: int | None,
) -> Iterator[Record]:
    """Yield records as :meth:`Journal.records` chooses them."""
    conditions = ["sequence > ?"]
    values: list[Any] = [since]
    if kinds is not None:
        names = sorted({require_kind(kind, "journal.records") for kind in kinds})
        conditions.append(f"kind IN ({', '.join('?' * len(names))})")
        values += names
    if cycle is not None:
        conditions.append("cycle = ?")
        values.append(cycle)
    if run_id is not None:
        conditions.append("run_id = ?")
        values.append(run_id)
    if since_time is not None:
        conditions.append("utc_ns >= ?")
        values.append(since_time)
    condition = f"WHERE {' AND '.join(conditions)}"
    if last is None:
        return select(path, "journal.records", f"{condition} ORDER BY sequence", values)
    newest = f"sequence IN (SELECT sequence FROM records {condition} ORDER BY sequence DESC LIMIT ?)"
    return select(path, "journal.records", f"WHERE {newest} ORDER BY sequence", [*values, last])


def following(path: Path, where: str, since: int, upto: int, since_hash: str = "") -> Iterator[Record]:
    """Yield records ``since + 1`` to ``upto``, each the follower of the one before.

    They are read by their sequence alone and without a condition: a damaged page can hide a record, or make it one of
    another kind, and what was left out would not be missed. ``since_hash`` is how the hash of record ``since`` begins.

    Raises: as :func:`select`; IntegrityError where a record is missing or follows another one, and when record
    ``since`` is not there or is another one.
    """
    if since > upto:
        raise _set_back(where, path, since, f"a journal that ends at record {upto}")
    expected, link = max(since, 1), ""
    for record in select(path, where, "WHERE sequence BETWEEN ? AND ? ORDER BY sequence", [expected, upto]):
        if record.sequence != expected or (link and record.previous != link):
            raise _hidden(where, path, expected)
        if record.sequence > since:
            yield record
        elif not record.hash.startswith(since_hash):
            raise _set_back(where, path, since, f"another record {since}, with the hash {record.hash}", since_hash)
        expected, link = record.sequence + 1, record.hash
    if expected <= upto:
        raise _hidden(where, path, expected)


def _hidden(where: str, path: Path, sequence: int) -> IntegrityError:
    return IntegrityError(
        where=where,
        expected=f"record {sequence}, the follower of the one before",
        received="none, or another one",
        place=str(path),
        hint="luban audit verify says what else is wrong",
    )


def _set_back(where: str, path: Path, since: int, received: str, since_hash: str = "") -> IntegrityError:
    known = f" with a hash that begins with {since_hash}" if since_hash else ""
    return IntegrityError(
        where=where,
        expected=f"record {since}{known}, up to which the journal was folded or read before",
        received=received,
        place=str(path),
        hint="an older copy of the journal was put back: put the newer one back, or fold this one into a new history",
    )


def last_record(connection: sqlite3.Connection, where: str, path: Path) -> Record | None:
    """Return the newest record; None of an empty journal. Raises: IntegrityError, IoError."""
    try:
        row = connection.execute(_LAST).fetchone()
    except FAILURES as error:
        raise translated(error, where, path) from error
    return None if row is None else record_of(row, where, path)


def first_record(path: Path, where: str) -> Record:
    """Return the first record, which says which journal it is and of which process. Raises: as :func:`select`."""
    found = next(select(path, where, "WHERE sequence = 1"), None)
    if found is None or found.kind != "started" or "journal" not in found.payload:
        raise IntegrityError(
            where=where, expected="a first record that names the journal", received="none", place=str(path)
        )
    return found


def record_of(row: tuple[Any, ...], where: str, path: Path) -> Record:
    """Return a row as a record. Raises: IntegrityError when it is not what its hash says."""
    sequence, kind, cycle, run_id, utc_ns, monotonic_ns, boot_id, text, previous, stored = row
    computed: bytes | None
    try:
        computed = record_hash(sequence, kind, cycle, run_id, utc_ns, monotonic_ns, boot_id, text, previous)
    except (TypeError, AttributeError, ValueError, struct.error) as error:
        computed = None
        said = f"other types ({error})"
    else:
        said = f"one with the hash {computed.hex()}"
    if computed is None or computed != stored:
        raise IntegrityError(
            where=where,
            expected=f"a record with the hash {bytes(stored).hex() if isinstance(stored, bytes) else stored!r}",
            received=said,
            place=f"{path}, record {sequence}",
            hint="luban audit verify says what else is wrong",
        )
    return Record(sequence, kind, cycle, run_id, utc_ns, monotonic_ns, boot_id, text, previous.hex(), stored.hex())
