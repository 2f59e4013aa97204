"""The one connection that writes: chains records and commits them, all or none."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from luban.errors import IntegrityError, IoError, LifecycleError
from luban.journal import reading
from luban.journal.anchor import Anchor, sync_folder
from luban.journal.canonical import encode
from luban.journal.chain import GENESIS, Entry, Record, record_hash
from luban.journal.clock import Clock
from luban.journal.lock import FileLock
from luban.journal.schema import FAILURES, connect, create_tables, require_journal, translated

__all__ = ["Writer", "make_file"]

_INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
#: UTC against the monotonic count: a larger change between two records is a step of the clock.
_STEP_NS = 500_000_000


class Writer:
    """The one connection that writes, and what it must remember: the head, the clock, whether it failed."""

    def __init__(
        self, path: Path, lock: FileLock, clock: Clock, first: Record | None = None, checkpointed: int = 0
    ) -> None:
        self.path = path
        self.clock = clock
        self.checkpointed = checkpointed
        self.failure: BaseException | None = None
        self.announced = first is not None
        self._lock = lock
        self._mutex = threading.Lock()
        self._pid = os.getpid()
        self._connection = connect(path, "journal.open")
        try:
            require_journal(self._connection, "journal.open", path)
            self._require_log()
            head = reading.last_record(self._connection, "journal.open", path)
            if head is None:
                raise IntegrityError(
                    where="journal.open", expected="at least one record", received="none", place=str(path)
                )
        except BaseException:
            self._connection.close()
            raise
        self.head = head
        self._offset = head.utc_ns - head.monotonic_ns if head.boot_id == clock.boot_id() else None

    def _require_log(self) -> None:
        """Make sure of the write-ahead log, which lets others read meanwhile. Raises: IoError, IntegrityError."""
        try:
            (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except FAILURES as error:
            raise translated(error, "journal.open", self.path) from error
        if mode != "wal":
            raise IoError(
                where="journal.open",
                expected="a disk with write-ahead logs",
                received=f"SQLite's journal mode {mode}",
                place=str(self.path),
                hint="a journal belongs on a local disk",
            )

    def append(self, entries: Sequence[Entry], cycle: int | None) -> list[Record]:
        """Chain and commit; all or none. Raises: as :meth:`Journal.append`."""
        with self._mutex:
            self._require_usable()
            records = self._chained(entries, cycle)
            try:
                self._commit(records)
            except BaseException as error:
                self.failure = error
                with contextlib.suppress(*FAILURES):  # it failed already, and is told below
                    self._connection.rollback()
                if isinstance(error, FAILURES):
                    raise translated(error, "journal.append", self.path) from error
                raise
            self.head = records[-1] if records else self.head
            self.announced = self.announced or any(entry[0] == "started" for entry in entries)
            return records[len(records) - len(entries) :]

    def _commit(self, records: Sequence[Record]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for record in records:
            self._connection.execute(
                _INSERT,
                (
                    record.sequence,
                    record.kind,
                    record.cycle,
                    record.run_id,
                    record.utc_ns,
                    record.monotonic_ns,
                    record.boot_id,
                    record.text,
                    bytes.fromhex(record.previous),
                    bytes.fromhex(record.hash),
                ),
            )
        self._connection.execute("COMMIT")

    def _require_usable(self) -> None:
        if self.failure is not None:
            raise IoError(
                where="journal.append",
                expected="a journal whose appends all succeeded",
                received=f"one that failed before: {self.failure}",
                place=str(self.path),
                hint="close it and open it again: what is on the disk then counts",
            )
        if os.getpid() != self._pid:
            raise LifecycleError(
                where="journal.append",
                expected="the process that opened the journal",
                received="a child of it",
                place=str(self.path),
            )

    def _chained(self, entries: Sequence[Entry], cycle: int | None) -> list[Record]:
        """Return the records to write: those asked for, with a step of the clock before them when there was one."""
        records: list[Record] = []
        boot, head = self.clock.boot_id(), self.head
        for entry in entries:
            before = self.clock.monotonic_ns()
            utc = self.clock.utc_ns()
            now = self.clock.monotonic_ns()
            offset = utc - now
            waited = now - before  # the process may have been stopped between the two clocks
            step = 0 if self._offset is None else offset - self._offset
            stepped = abs(step) > _STEP_NS + waited
            if stepped:
                text = encode({"step_ns": step, "utc_expected_ns": utc - step, "utc_ns": utc})
                head = next_record(head, ("clock_step", text, None), None, utc, now, boot)
                records.append(head)
            if stepped or self._offset is None:
                self._offset = offset
            head = next_record(head, entry, cycle, utc, now, boot)
            records.append(head)
        return records

    def close(self) -> None:
        """Close the file and give the lock back."""
        self._connection.close()
        self._lock.release()


def next_record(head: Record | None, entry: Entry, cycle: int | None, utc: int, now: int, boot: str) -> Record:
    sequence = 1 if head is None else head.sequence + 1
    previous = GENESIS if head is None else bytes.fromhex(head.hash)
    kind, text, run_id = entry
    digest = record_hash(sequence, kind, cycle, run_id, utc, now, boot, text, previous)
    return Record(sequence, kind, cycle, run_id, utc, now, boot, text, previous.hex(), digest.hex())


def make_file(place: Path, started: str, anchor: Anchor, clock: Clock) -> Record:
    """Make the file with its first record under a temporary name, and rename it when it is whole."""
    for there, what in ((place, "a file"), (anchor.path, "the anchor file of a journal")):
        if there.exists():
            raise IoError(
                where="journal.create",
                expected="a name that is free",
                received=f"{what} that exists",
                place=str(there),
                hint="open it, or choose another name: a journal is never replaced",
            )
    if not anchor.path.parent.is_dir():
        raise IoError(
            where="journal.create",
            expected="an existing folder for the anchor file",
            received="none",
            place=str(anchor.path),
        )
    fresh = place.with_name(f".{place.name}.partial")
    first = next_record(None, ("started", started, None), None, clock.utc_ns(), clock.monotonic_ns(), clock.boot_id())
    try:
        _remove(fresh)
        fresh.touch()
        with contextlib.closing(connect(fresh, "journal.create")) as connection:
            create_tables(connection)
            fields = (first.utc_ns, first.monotonic_ns, first.boot_id, first.text)
            row = (1, first.kind, None, None, *fields, GENESIS, bytes.fromhex(first.hash))
            connection.execute(_INSERT, row)
        fresh.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        received = str(error.strerror or error)
        raise IoError(
            where="journal.create", expected="to write a new file", received=received, place=str(place)
        ) from error
    except FAILURES as error:
        raise translated(error, "journal.create", place) from error
    finally:
        _remove(fresh)
    return first


def _remove(fresh: Path) -> None:
    """Remove what a creation that failed or was cut off left; the file itself has another name when it is whole."""
    for name in (fresh.name, f"{fresh.name}-wal", f"{fresh.name}-shm", f"{fresh.name}-journal"):
        fresh.with_name(name).unlink(missing_ok=True)
