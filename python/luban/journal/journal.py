"""The journal of a loop: what was decided, in the order in which it was decided, on the disk before anything follows.

A record that :meth:`Journal.append` returned is on the disk; one whose append failed may be there whole or not at all,
and the journal takes no more until it is opened again. Nothing is ever changed or removed.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from luban import _core
from luban.errors import ConfigurationError, DataError, IntegrityError, IoError, LifecycleError
from luban.journal import reading
from luban.journal.anchor import Anchor, Checkpoint, Signer
from luban.journal.canonical import encode
from luban.journal.chain import Record, require_kind
from luban.journal.clock import Clock, SystemClock
from luban.journal.lock import FileLock
from luban.journal.runs import FinishedRun, frame_of_records, require_run_id, responses_payload, run_payload
from luban.journal.schema import FORMAT_VERSION, connect
from luban.journal.writer import Writer, make_file

if TYPE_CHECKING:
    import pandas as pd

    from luban.process import Process

__all__ = ["Journal"]

Path_ = str | PathLike[str]


class Journal:
    """The journal of one loop, in one SQLite file. Made by :meth:`create` or :meth:`open`.

    One process writes, under a lock that lasts as long as the object; any number may read meanwhile. Threads of the
    writer may share it; a child process may not.
    """

    def __init__(self, path: Path, first: Record, anchor: Anchor, writer: Writer | None) -> None:
        self.path = path
        self._first = first
        self._anchor = anchor
        self._writer = writer

    @classmethod
    def create(
        cls,
        path: Path_,
        *,
        process: Process,
        anchor: Path_ | None = None,
        key: Path_ | None = None,
        clock: Clock | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a new journal and open it for writing; its first record says of which process it is.

        ``anchor`` is where checkpoints go, by default ``PATH.anchor``; ``key`` a PEM file that signs them; ``about``
        whatever the session should state, such as digests of model and loop file.

        Raises: LifecycleError when another process writes it, IoError when the file exists or the disk refuses,
        NotBuiltError for a key without the package cryptography, DataError for ``about``.
        """
        place, time = Path(path), clock or SystemClock()
        kept = Anchor(_anchor_path(place, anchor), None if key is None else Signer(key))
        name = str(uuid.uuid4())
        started = {
            "journal": name,
            "version": FORMAT_VERSION,
            "process": {"name": process.name, "digest": process.digest, "document": process.to_dict()},
            "anchor": str(kept.path.absolute()),
            "signed": kept.is_signed,
            "session": _session(),
            "about": dict(about or {}),
        }
        lock = FileLock(_lock_path(place), where="journal.create", what="a journal")
        try:
            first = make_file(place, encode(started), kept, time)
            kept.add(name, first.sequence, first.hash, first.utc_ns)
            return cls(place, first, kept, Writer(place, lock, time, first, checkpointed=1))
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(
        cls,
        path: Path_,
        *,
        read_only: bool = False,
        anchor: Path_ | None = None,
        key: Path_ | None = None,
        clock: Clock | None = None,
        about: Mapping[str, Any] | None = None,
        renew_anchor: bool = False,
    ) -> Self:
        """Open a journal, for writing or ``read_only``.

        A writer first compares the head with the last checkpoint, and then states in a record that it goes on, and
        whether the session before was closed. ``anchor`` is by default the file beside the journal, or where the
        journal says; ``renew_anchor`` goes on without the old checkpoints, which the record then states.

        Raises: IoError when there is none or the system refuses, IntegrityError when it is no journal, damaged, or not
        what its checkpoint says, VersionError when a newer program wrote it, LifecycleError when another process
        writes it.
        """
        place = Path(path)
        if read_only:
            first = reading.first_record(place, "journal.open")
            return cls(place, first, Anchor(_stated_anchor(place, first, anchor)), None)
        return cls._for_writing(place, anchor, key, clock or SystemClock(), renew_anchor, about or {})

    @classmethod
    def open_for_marks(cls, path: Path_, *, anchor: Path_ | None = None, key: Path_ | None = None) -> Self:
        """Open for writing without a session of its own: for a job that notes what it did. Raises: as :meth:`open`."""
        return cls._for_writing(Path(path), anchor, key, SystemClock(), renew=False, about=None)

    @classmethod
    def _for_writing(
        cls,
        place: Path,
        anchor: Path_ | None,
        key: Path_ | None,
        clock: Clock,
        renew: bool,
        about: Mapping[str, Any] | None,
    ) -> Self:
        """Open for writing; ``about`` None makes no session of it."""
        if not place.is_file():
            raise IoError(where="journal.open", expected="a journal", received="no such file", place=str(place))
        signer = None if key is None else Signer(key)
        lock = FileLock(_lock_path(place), where="journal.open", what="a journal")
        try:
            first = reading.first_record(place, "journal.open")
            kept = Anchor(_stated_anchor(place, first, anchor), signer)
            writer = Writer(place, lock, clock)
            journal = cls(place, first, kept, writer)
            try:
                checkpoint = journal._compared_with_anchor(renew)
                writer.checkpointed = 0 if checkpoint is None else checkpoint.sequence
                if about is not None:
                    writer.append([("started", encode(journal._resumed(checkpoint, renew, about)), None)], None)
            except BaseException:
                writer.close()
                raise
            return journal
        except BaseException:
            lock.release()
            raise

    def _resumed(self, checkpoint: Checkpoint | None, renew: bool, about: Mapping[str, Any]) -> dict[str, Any]:
        before = next(
            reading.select(self.path, "journal.open", "WHERE kind <> 'folded' ORDER BY sequence DESC LIMIT 1"), None
        )
        return {
            "journal": self.uuid,
            "resumed": True,
            "closed_before": before is not None and before.kind == "closed",
            "anchor": str(self._anchor.path.absolute()),
            "anchor_renewed": renew,
            "checkpoint": None if checkpoint is None else checkpoint.sequence,
            "signed": self._anchor.is_signed,
            "session": _session(),
            "about": dict(about),
        }

    def _compared_with_anchor(self, renew: bool) -> Checkpoint | None:
        """Return the last checkpoint when the journal agrees with it. Raises: IntegrityError."""
        head = self.head
        if renew:
            self._anchor.set_aside(self._writing("journal.open").clock.utc_ns())
            return None
        checkpoints = self._anchor.read(self.uuid)
        hint = "luban audit verify says more; renew_anchor goes on without the old checkpoints, and says so"
        if not checkpoints:
            if head.sequence == 1:  # its making was cut off before the first checkpoint: nothing can be missing
                return None
            raise IntegrityError(
                where="journal.open",
                expected="the anchor file with its checkpoints",
                received="none",
                place=str(self._anchor.path),
                hint=hint,
            )
        self._require_checkpoint(checkpoints[-1], "journal.open", hint)
        return checkpoints[-1]

    def _require_checkpoint(self, last: Checkpoint, where: str, hint: str) -> None:
        """Compare the record at the last checkpoint. Raises: IntegrityError when it is missing or another one."""
        at = next(reading.select(self.path, where, "WHERE sequence = ?", [last.sequence]), None)
        if at is None or at.hash != last.hash:
            raise IntegrityError(
                where=where,
                expected=f"record {last.sequence} with the hash {last.hash}, as the last checkpoint says",
                received=f"none, of {self.head.sequence} records" if at is None else f"the hash {at.hash}",
                place=str(self.path),
                hint=hint,
            )

    @property
    def uuid(self) -> str:
        """Name of this journal."""
        return str(self._first.payload["journal"])

    @property
    def process_name(self) -> str:
        """Name of the process."""
        return str(self._first.payload["process"]["name"])

    @property
    def process_document(self) -> dict[str, Any]:
        """The process as it was defined when the journal was made, laid out as a process file."""
        return dict(self._first.payload["process"]["document"])

    @property
    def anchor_path(self) -> Path:
        """Where its checkpoints are."""
        return self._anchor.path

    @property
    def read_only(self) -> bool:
        """Whether it was opened for reading."""
        return self._writer is None

    @property
    def head(self) -> Record:
        """The last record. Raises: IntegrityError, IoError when it is read and cannot be."""
        if self._writer is not None:
            return self._writer.head
        with contextlib.closing(connect(self.path, "journal.head", read_only=True)) as connection:
            return reading.last_record(connection, "journal.head", self.path) or self._first

    @property
    def unanchored(self) -> int:
        """Records since the last checkpoint. Raises: LifecycleError when opened read-only."""
        writer = self._writing("journal.unanchored")
        return writer.head.sequence - writer.checkpointed

    def append(
        self, kind: str, payload: Mapping[str, Any], *, cycle: int | None = None, run_id: str | None = None
    ) -> Record:
        """Write one record; when this returns, it is on the disk.

        Raises: ConfigurationError for an unknown kind, DataError for a payload that is no JSON (nothing was tried),
        IoError when the disk refuses, IntegrityError when somebody else changed the file, LifecycleError when read-only
        or closed. After IoError and IntegrityError every append fails until the journal is opened again.
        """
        return self.append_all([(kind, payload)], cycle=cycle, run_id=run_id)[0]

    def append_all(
        self,
        entries: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        cycle: int | None = None,
        run_id: str | None = None,
    ) -> list[Record]:
        """Write several records at the price of one flush: all are on the disk, or none. Raises: as :meth:`append`."""
        writer = self._writing("journal.append")
        if cycle is not None and not 0 <= cycle < 2**63:
            raise ConfigurationError(where="journal.append", expected="a cycle of 0 or more", received=repr(cycle))
        if run_id is not None:
            require_run_id(run_id)
        return writer.append([(require_kind(kind), encode(payload), run_id) for kind, payload in entries], cycle)

    def append_run(self, run: FinishedRun | Mapping[str, Any], *, cycle: int | None = None) -> Record:
        """Write a finished run, with the readings and responses known so far.

        Raises: as :meth:`append`; DataError for a run that is incomplete or whose run_id is there already.
        """
        writer = self._writing("journal.append_run")
        payload = run_payload(run)
        if self._finished(payload["run_id"]) is not None:
            raise _twice(str(payload["run_id"]), self.path)
        return writer.append([("run", encode(payload), payload["run_id"])], cycle)[0]

    def append_responses(
        self,
        run_id: str,
        repeat: int,
        values: Mapping[str, float],
        *,
        time: int | str | None = None,
        cycle: int | None = None,
    ) -> Record:
        """Write responses that came after their run, or corrected ones, of the reading ``repeat`` of ``run_id``.

        The run may be of an earlier journal. ``time`` is when they were measured.

        Raises: as :meth:`append`.
        """
        writer = self._writing("journal.append_responses")
        payload = responses_payload(run_id, repeat, values, time)
        return writer.append([("run", encode(payload), payload["run_id"])], cycle)[0]

    def records(
        self,
        *,
        kinds: Collection[str] | None = None,
        cycle: int | None = None,
        run_id: str | None = None,
        since: int = 0,
        since_time: int | None = None,
        last: int | None = None,
    ) -> Iterator[Record]:
        """Yield records in their order.

        Those of these kinds, of this cycle, of this run, after record ``since``, not before ``since_time`` (UTC
        nanoseconds), and of them the ``last`` so many.

        Raises: ConfigurationError for an unknown kind; IntegrityError at a record that is not what its hash says.
        """
        return reading.chosen(
            self.path, kinds=kinds, cycle=cycle, run_id=run_id, since=since, since_time=since_time, last=last
        )

    def runs(self, since: int = 0, *, since_hash: str = "", process: Process | None = None) -> pd.DataFrame:
        """Read what became known of runs after record ``since``: one row per reading, late responses in their rows.

        ``attrs["sequence"]`` and ``attrs["hash"]`` are what ``since`` and ``since_hash`` should be next time (of the
        hash the first digits suffice), ``attrs["units"]`` the units. With ``process`` the frame is as an import of that
        process takes it (``Campaign.add_runs``, ``History.append``). A run of which only late responses are new has
        only the rows and values that are new, beside its settings.

        Raises: IntegrityError for a record that is damaged or missing, when the journal is not what its last checkpoint
        says, and when it has no record ``since`` or another one; IoError.
        """
        checkpoints = self._anchor.read(self.uuid)  # first: a loop that writes meanwhile only adds records behind them
        head = self.head
        if checkpoints:
            self._require_checkpoint(checkpoints[-1], "journal.runs", "luban audit verify says more")
        told = reading.following(self.path, "journal.runs", since, head.sequence, since_hash)
        new = [record for record in told if record.kind == "run"]
        return frame_of_records(new, self._finished, self.process_document, process, head)

    def _finished(self, run_id: str) -> Record | None:
        """Return the record of a finished run."""
        told = self.records(kinds=("run",), run_id=run_id)
        return next((record for record in told if record.payload["event"] == "finished"), None)

    def checkpoint(self) -> Checkpoint:
        """Write head, sequence and count to the anchor file. What follows is unanchored until the next one.

        Raises: IoError when the anchor cannot be written: the records themselves are not concerned.
        """
        writer = self._writing("journal.checkpoint")
        head = writer.head
        checkpoint = self._anchor.add(self.uuid, head.sequence, head.hash, writer.clock.utc_ns())
        writer.checkpointed = head.sequence
        return checkpoint

    def close(self, reason: str = "") -> None:
        """State that the session ends, write a checkpoint, and give the lock back. Again does nothing.

        Raises: IoError when one of them cannot be written; the journal is closed all the same.
        """
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            if writer.failure is None and writer.announced:
                head = writer.append([("closed", encode({"reason": reason}), None)], None)[0]
                self._anchor.add(self.uuid, head.sequence, head.hash, writer.clock.utc_ns())
        finally:
            writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close("" if kind is None else f"{kind.__name__}: {error}")

    def __repr__(self) -> str:
        how = "read-only" if self.read_only else "writing"
        return f"<luban.journal.Journal {str(self.path)!r}: {self.process_name}, {self.head.sequence:,} records, {how}>"

    def _writing(self, where: str) -> Writer:
        if self._writer is None:
            raise LifecycleError(
                where=where,
                expected="a journal that is open for writing",
                received="one that is read-only or closed",
                place=str(self.path),
            )
        return self._writer


def _session() -> dict[str, Any]:
    """Who writes: process, machine, user, program."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.getuid()}"
    version = str(_core.build_info()["version"])
    return {"process": os.getpid(), "host": platform.node(), "user": user, "program": f"luban {version}"}


def _lock_path(place: Path) -> Path:
    return place.with_name(f"{place.name}.lock")


def _anchor_path(place: Path, given: Path_ | None) -> Path:
    return place.with_name(f"{place.name}.anchor") if given is None else Path(given)


def _stated_anchor(place: Path, first: Record, given: Path_ | None) -> Path:
    """Return the anchor that is given, or the one beside the journal, or that the last session stated."""
    beside = _anchor_path(place, None)
    if given is not None or beside.exists():  # what was copied or moved with its anchor keeps to that
        return beside if given is None else Path(given)
    newest = "WHERE kind = 'started' ORDER BY sequence DESC LIMIT 1"
    record = next(reading.select(place, "journal.open", newest), first)
    return Path(str(record.payload.get("anchor") or beside))


def _twice(run_id: str, path: Path) -> DataError:
    return DataError(
        where="journal.append_run",
        expected="a run that is not there yet",
        received=f"run {run_id!r} again",
        place=str(path),
        hint="append_responses brings late or corrected values of a run",
    )
