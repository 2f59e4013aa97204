"""The journal as the supervisor uses it: it may fail, and then nothing is written to the plant."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luban.errors import DataError, Error, IntegrityError, IoError, LifecycleError
from luban.journal import Journal, SystemClock
from luban.plant import Clock
from luban.process import Process

__all__ = ["JournalClock", "Recorder"]

Entry = tuple[str, Mapping[str, Any]]

_REOPEN_AFTER_NS = 1_000_000_000
_KEPT = 10_000
#: Time for what had to wait, in one go: the loop goes on meanwhile.
_CATCH_UP_NS = 50_000_000


class JournalClock:
    """The loop's clock as a journal wants it: times of a simulated one compare with no others."""

    def __init__(self, clock: Clock, *, simulated: bool) -> None:
        self._clock, self._simulated = clock, simulated

    def utc_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self._clock.utc_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds that only go forward."""
        return self._clock.monotonic_ns()

    def boot_id(self) -> str:
        """Name of what the monotonic time counts from."""
        return "simulated" if self._simulated else SystemClock().boot_id()


class Recorder:
    """Writes records; after a failure it tries to open the journal again, at most once a second.

    ``failure`` says why nothing can be written; empty when all is well. What could not be written is kept (the latest
    10,000) and written, marked as late, when the journal is back and before anything new. Runs are among it: none is
    lost while this lives.
    """

    def __init__(
        self, path: Path, process: Process, clock: JournalClock, *, about: Mapping[str, Any], key: Path | None = None
    ) -> None:
        self.path = path
        self.failure = ""
        self._process, self._clock, self._about, self._key = process, clock, dict(about), key
        self._late: deque[tuple[str, Mapping[str, Any], int | None]] = deque(maxlen=_KEPT)
        self._late_runs: deque[tuple[Mapping[str, Any], int | None]] = deque(maxlen=_KEPT)
        self._next_try = 0
        self._catching_up = False
        self._journal: Journal | None = None

    def open(self) -> None:
        """Open the journal, or make it. Raises: what :meth:`Journal.open` and :meth:`Journal.create` raise."""
        if self.path.exists():
            self._journal = Journal.open(self.path, key=self._key, clock=self._clock, about=self._about)
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._journal = Journal.create(
                self.path, process=self._process, key=self._key, clock=self._clock, about=self._about
            )

    @property
    def writable(self) -> bool:
        """Whether the last record went through; tries to bring the journal back when not."""
        if self.failure and self._clock.monotonic_ns() >= self._next_try:
            self._bring_back()
        return not self.failure and self._journal is not None

    def write(self, entries: Sequence[Entry], *, cycle: int | None = None) -> bool:
        """Write records at the price of one flush. Returns whether they are on the disk.

        What is no content for a journal is never kept for later: a note says so in its place.
        """
        if not entries:
            return self.writable
        try:
            if self.writable and self._attempt(entries, cycle):
                return True
        except DataError as error:
            self.write([("note", {"event": "no record", "kinds": [kind for kind, _ in entries], "why": str(error)})])
            return False
        self._late.extend((kind, payload, cycle) for kind, payload in entries)
        return False

    def write_run(self, run: Mapping[str, Any], *, cycle: int | None = None) -> str:
        """Write a finished run. Returns its name in the journal, "" for one that is there already or is no run.

        A plant that was started again may count its runs anew: another run under a name that is taken gets one of its
        own. A run that cannot be written now waits, under the name that it has. One that is incomplete is noted.
        """
        try:
            if self.writable:
                name = self._free_name(run)
                if name is None:
                    return ""
                if self._attempt_run({**run, "run_id": name}, cycle):
                    return name
        except (IoError, IntegrityError) as error:
            self._failed(error)
        except DataError as error:
            note = {"event": "run refused", "run_id": str(run.get("run_id"))[:200], "why": str(error)}
            self.write([("note", note)], cycle=cycle)
            return ""
        self._late_runs.append((run, cycle))
        return str(run["run_id"])

    def runs(self) -> list[dict[str, Any]]:
        """Return the finished runs of the journal, as they were written."""
        if self._journal is None:
            return []
        return [
            dict(record.payload)
            for record in self._journal.records(kinds=("run",))
            if record.payload["event"] == "finished"
        ]

    def has_run(self) -> bool:
        """Whether the journal tells of anything that a loop did, beyond that it was opened."""
        if self._journal is None:
            return False
        return any(True for _ in self._journal.records(kinds=("request", "mode", "inputs", "decision", "run"), last=1))

    def last_cycle(self) -> int:
        """Return the number of the last cycle that stands in the journal; 0 for none."""
        if self._journal is None:
            return 0
        last = 0
        for kind, many in (("decision", 1), ("inputs", 1), ("outcome", 1), ("run", 50), ("alarm", 50)):
            records = self._journal.records(kinds=(kind,), last=many)
            last = max([last, *(record.cycle for record in records if record.cycle is not None)])
        return last

    def unfinished(self) -> str:
        """Return the command that was decided last, when nobody recorded what came of it; else ""."""
        if self._journal is None:
            return ""
        for record in self._journal.records(kinds=("decision",), last=1):
            name = record.payload.get("command")
            told = self._journal.records(kinds=("outcome",), since=record.sequence)
            if name and not any(outcome.payload.get("command") == name for outcome in told):
                return str(name)
        return ""

    def checkpoint(self) -> None:
        """Vouch for all records so far; a failing anchor is told as a note."""
        if self._journal is None or self.failure or not self._journal.unanchored:
            return
        try:
            self._journal.checkpoint()
        except (IoError, IntegrityError) as error:
            self.write([("note", {"event": "no checkpoint", "why": str(error)})])

    def close(self, reason: str) -> None:
        """Close the journal, after a last attempt to write all that had to wait.

        Raises: IoError when the disk refuses, or when something that had to wait is not written: it says how much.
        """
        while self.failure and (self._late or self._late_runs or not self._catching_up):
            before = len(self._late) + len(self._late_runs)
            self._bring_back()
            if not self._catching_up or before == len(self._late) + len(self._late_runs):
                break
        left, why = len(self._late) + len(self._late_runs), self.failure
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close(f"{reason}; {left} records were never written" if left else reason)
        if left:
            raise IoError(
                where="service.journal", expected="all records on the disk", received=f"{left} that are lost: {why}",
                place=str(self.path),
            )  # fmt: skip

    def _attempt(self, entries: Sequence[Entry], cycle: int | None) -> bool:
        if self._journal is None:
            return False
        try:
            self._journal.append_all(entries, cycle=cycle)
        except (IoError, IntegrityError, LifecycleError) as error:
            self._failed(error)
            return False
        return True

    def _free_name(self, run: Mapping[str, Any]) -> str | None:
        """Return the name under which a run is not in the journal yet; None when the run itself is."""
        journal = self._journal
        if journal is None:
            return str(run["run_id"])
        name, number = str(run["run_id"]), 1
        while True:
            told = journal.records(kinds=("run",), run_id=name)
            known = next((one.payload for one in told if one.payload["event"] == "finished"), None)
            if known is None:
                return name
            if _same_run(known, run):
                return None
            number += 1
            name = f"{run['run_id']}.{number}"

    def _attempt_run(self, run: Mapping[str, Any], cycle: int | None) -> bool:
        if self._journal is None:
            return False
        try:
            self._journal.append_run(run, cycle=cycle)
        except (IoError, IntegrityError, LifecycleError) as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: Error) -> None:
        self.failure, self._catching_up = str(error), False
        self._next_try = self._clock.monotonic_ns() + _REOPEN_AFTER_NS

    def _bring_back(self) -> None:
        """Open the journal anew and write what had to wait; keeps the failure until all of it is written."""
        if self._journal is None or not self._catching_up:
            journal, self._journal = self._journal, None
            try:
                if journal is not None:
                    journal.close()
                self._journal = Journal.open(
                    self.path, key=self._key, clock=self._clock, about={**self._about, "after": self.failure}
                )
            except Error as error:
                self._failed(error)
                return
        self._catch_up()

    def _catch_up(self) -> None:
        until = time.monotonic_ns() + _CATCH_UP_NS
        self.failure, self._catching_up = "", False
        while self._late or self._late_runs:
            if time.monotonic_ns() > until:
                left = len(self._late) + len(self._late_runs)
                self.failure = f"the journal is back; {left} records that had to wait are being written"
                self._catching_up, self._next_try = True, 0
                return
            if not self._write_late():
                return

    def _write_late(self) -> bool:
        """Write the records of the oldest cycle that waits, or the oldest run. Returns whether the journal took it."""
        if not self._late:
            run, cycle = self._late_runs.popleft()
            waiting = len(self._late_runs)
            self.write_run(run, cycle=cycle)
            if len(self._late_runs) > waiting:  # not yet: it stays the first
                self._late_runs.rotate(1)
            return not self.failure
        cycle = self._late[0][2]
        group = list(itertools.takewhile(lambda entry: entry[2] == cycle, self._late))
        try:
            done = self._attempt([(kind, {**payload, "written_late": True}) for kind, payload, _ in group], cycle)
        except DataError as error:
            kinds = [kind for kind, _, _ in group]
            done = self._attempt([("note", {"event": "no record", "kinds": kinds, "why": str(error)})], cycle)
        if done:
            for _ in group:
                self._late.popleft()
        return done


def _same_run(known: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    """Whether a run was delivered twice. Times tell, except of plants that have none."""
    for name in ("start_time", "end_time"):
        if run.get(name) is not None and known.get(name) != run[name]:
            return False
    # Their texts: NaN is NaN.
    same = {name: repr(value) for name, value in known["settings"].items()} == {
        name: repr(value if isinstance(value, str) else float(value)) for name, value in run["settings"].items()
    }
    return same and len(known["readings"]) == len(run["readings"])
