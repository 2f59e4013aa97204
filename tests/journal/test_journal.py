"""Writing and reading: order, locks, sessions, clock, versions."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luban.errors import ConfigurationError, DataError, IntegrityError, IoError, LifecycleError, VersionError
from luban.journal import KINDS, Journal, SystemClock, verify
from luban.process import Process

from .support import SECOND, ToldClock, tampered
from .test_canonical import PAYLOADS, identity


def test_the_first_record_says_what_the_journal_is(journal: Journal, process: Process, path: Path) -> None:
    assert journal.head.sequence == 1
    assert journal.head.kind == "started"
    assert journal.head.payload["process"]["digest"] == process.digest
    assert Process.from_dict(journal.process_document) == process
    assert journal.anchor_path == path.with_name("loop.sqlite.anchor")
    assert repr(journal) == f"<luban.journal.Journal {str(path)!r}: small, 1 records, writing>"


def test_records_come_back_as_they_were_returned(journal: Journal, clock: ToldClock) -> None:
    made = [
        journal.append("mode", {"to": "shadow"}),
        *journal.append_all([("inputs", {"x": [1.5]}), ("decision", {})], cycle=3),
        journal.append("outcome", {"ok": True}, cycle=3, run_id="r9"),
    ]
    assert [record.sequence for record in made] == [2, 3, 4, 5]
    assert list(journal.records(since=1)) == made
    assert journal.head == made[-1]
    assert all(record.boot_id == "told" for record in made)
    assert [record.previous for record in made[1:]] == [record.hash for record in made[:-1]]


def test_records_are_chosen(written: Path) -> None:
    journal = Journal.open(written, read_only=True)
    everything = list(journal.records())
    assert [record.sequence for record in everything] == list(range(1, 13))
    assert [record.sequence for record in journal.records(kinds=["decision"])] == [4, 8]
    assert [record.sequence for record in journal.records(cycle=2)] == [6, 7, 8, 9]
    assert [record.sequence for record in journal.records(cycle=2, kinds=["outcome", "inputs"])] == [6, 9]
    assert [record.sequence for record in journal.records(last=2)] == [11, 12]
    assert [record.sequence for record in journal.records(kinds=["inputs"], last=1)] == [6]
    assert [record.sequence for record in journal.records(since=10)] == [11, 12]
    assert [record.sequence for record in journal.records(run_id="r1")] == [10]
    assert [r.sequence for r in journal.records(since_time=everything[7].utc_ns)] == list(range(8, 13))
    with pytest.raises(ConfigurationError, match='did you mean "decision"'):
        journal.records(kinds=["decison"])


ENTRIES = st.lists(st.tuples(st.sampled_from(KINDS), PAYLOADS, st.none() | st.integers(0, 2**63 - 1)), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(groups=st.lists(ENTRIES, max_size=4))
def test_any_sequence_of_appends_comes_back(
    groups: list[list[tuple[str, dict[str, Any], int | None]]],
    tmp_path_factory: pytest.TempPathFactory,
    process: Process,
) -> None:
    path = tmp_path_factory.mktemp("any") / "loop.sqlite"
    sent: list[tuple[str, dict[str, Any], int | None]] = []
    with Journal.create(path, process=process, clock=ToldClock()) as journal:
        for group in groups:
            for kind, payload, cycle in group[:1]:
                journal.append(kind, payload, cycle=cycle)
                sent.append((kind, payload, cycle))
            rest = group[1:]
            if rest:
                journal.append_all([(kind, payload) for kind, payload, _ in rest], cycle=rest[0][2])
                sent += [(kind, payload, rest[0][2]) for kind, payload, _ in rest]
    found = list(Journal.open(path, read_only=True).records())[1:-1]
    assert [(r.kind, identity(r.payload), r.cycle) for r in found] == [(k, identity(p), c) for k, p, c in sent]
    report = verify(path)
    assert report.ok, report.lines()
    assert (report.anchored, report.unanchored) == ([(1, len(sent) + 2)], [])


@pytest.mark.parametrize("kind", ["decisoin", "", "DECISION"])
def test_an_unknown_kind_is_refused(journal: Journal, kind: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a kind of record"):
        journal.append(kind, {})
    assert journal.append("note", {}).sequence == 2  # nothing was tried, nothing is broken


@pytest.mark.parametrize("cycle", [-1, 2**63])
def test_a_cycle_is_a_number_from_0(journal: Journal, cycle: int) -> None:
    with pytest.raises(ConfigurationError, match="a cycle of 0 or more"):
        journal.append("note", {}, cycle=cycle)


def test_a_bad_payload_in_a_group_writes_nothing_of_it(journal: Journal) -> None:
    with pytest.raises(DataError, match=r"payload\.b"):
        journal.append_all([("inputs", {"a": 1}), ("decision", {"b": object()})])
    assert journal.head.sequence == 1
    assert journal.append_all([]) == []


def test_nothing_is_changed_or_removed(written: Path) -> None:
    with closing(sqlite3.connect(written)) as connection:
        for statement in (
            "UPDATE records SET kind = 'note' WHERE sequence = 3",
            "DELETE FROM records WHERE sequence = 12",
            "INSERT OR REPLACE INTO records SELECT * FROM records WHERE sequence = 3",
            "INSERT INTO records SELECT 14, kind, cycle, run_id, 1, 1, boot_id, payload, hash, hash FROM records",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="a record"):
                connection.execute(statement)
    assert verify(written).ok


def test_a_second_writer_is_refused(journal: Journal, path: Path, process: Process) -> None:
    with pytest.raises(LifecycleError, match=rf"received process {os.getpid()}, since .*Z \(.*loop.sqlite.lock\)"):
        Journal.open(path)
    code = f"from luban.journal import Journal; Journal.open({str(path)!r})"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "LifecycleError: [journal.open] expected a journal that no other process has" in other.stderr
    with pytest.raises(LifecycleError):
        Journal.create(path, process=process)
    journal.close()
    Journal.open(path).close()


def test_readers_see_a_loop_that_writes(journal: Journal, path: Path) -> None:
    reader = Journal.open(path, read_only=True)
    for cycle in range(5):
        journal.append("decision", {"n": cycle}, cycle=cycle)
        assert reader.head.payload == {"n": cycle}
        assert verify(path).ok
    with pytest.raises(LifecycleError, match="read-only"):
        reader.append("note", {})
    with pytest.raises(LifecycleError, match="read-only"):
        reader.checkpoint()


def test_reading_leaves_nothing_beside_the_file(written: Path) -> None:
    before = sorted(written.parent.iterdir())
    list(Journal.open(written, read_only=True).records())
    assert verify(written).ok
    assert sorted(written.parent.iterdir()) == before


def test_threads_share_a_journal(journal: Journal, path: Path) -> None:
    def write(name: int) -> None:
        for number in range(20):
            journal.append("note", {"thread": name, "number": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [record.payload for record in journal.records(kinds=["note"])]
    assert len(found) == 80
    for name in range(4):
        assert [p["number"] for p in found if p["thread"] == name] == list(range(20))
    assert verify(path).ok


def test_a_child_process_may_not_write(journal: Journal) -> None:
    child = os.fork()
    if child == 0:
        try:
            journal.append("note", {})
        except LifecycleError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert journal.append("note", {}).sequence == 2


def test_a_session_says_whether_the_one_before_was_closed(written: Path, clock: ToldClock) -> None:
    first = Journal.open(written, clock=clock, about={"model": "abc"})
    assert first.head.payload["closed_before"] is True
    assert first.head.payload["about"] == {"model": "abc"}
    assert first.head.payload["checkpoint"] == 12
    first._writing("test").close()  # as a process that ends without a word
    second = Journal.open(written, clock=clock)
    assert second.head.payload["closed_before"] is False
    assert second.unanchored == 2
    second.close("done")
    second.close()
    assert Journal.open(written, read_only=True).head.payload == {"reason": "done"}


def test_leaving_by_an_error_says_so(path: Path, process: Process) -> None:
    with pytest.raises(ZeroDivisionError), Journal.create(path, process=process):
        raise ZeroDivisionError("nobody foresaw this")
    head = Journal.open(path, read_only=True).head
    assert (head.kind, head.payload) == ("closed", {"reason": "ZeroDivisionError: nobody foresaw this"})


@pytest.mark.parametrize("step_s", [3600, -3600, 1])
def test_a_step_of_the_clock_is_a_record(journal: Journal, clock: ToldClock, step_s: int) -> None:
    journal.append("note", {})
    clock.utc += step_s * SECOND
    after = journal.append("decision", {}, cycle=1)
    step = next(journal.records(kinds=["clock_step"]))
    assert step.payload["step_ns"] == step_s * SECOND
    assert after.sequence == step.sequence + 1
    journal.append("note", {})
    assert len(list(journal.records(kinds=["clock_step"]))) == 1


def test_a_small_change_of_the_clock_is_none(journal: Journal, clock: ToldClock) -> None:
    clock.utc += SECOND // 4
    journal.append("note", {})
    assert list(journal.records(kinds=["clock_step"])) == []


def test_a_step_between_sessions_is_a_record_within_one_boot(written: Path, clock: ToldClock) -> None:
    clock.utc += 60 * SECOND
    Journal.open(written, clock=clock).close()
    clock.boot, clock.monotonic = "another", SECOND
    Journal.open(written, clock=clock).close()
    steps = list(Journal.open(written, read_only=True).records(kinds=["clock_step"]))
    assert [step.payload["step_ns"] for step in steps] == [60 * SECOND]


def test_the_clocks_of_this_machine() -> None:
    clock = SystemClock()
    assert clock.utc_ns() > 1_700_000_000 * SECOND
    assert clock.monotonic_ns() <= clock.monotonic_ns()
    assert clock.boot_id() == clock.boot_id() != ""


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("not a database, but longer than the header of one would be, by far: " * 20)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (a)")
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    for path in (text, other, empty):
        for read_only in (False, True):
            with pytest.raises(IntegrityError, match="journal"):
                Journal.open(path, read_only=read_only)
        assert [fault.kind for fault in verify(path, require_anchor=False).faults] == ["not_a_journal"]
    with pytest.raises(IoError, match="no such file"):
        Journal.open(tmp_path / "nothing.sqlite")


def test_a_newer_version_is_refused(written: Path) -> None:
    tampered(written, "PRAGMA user_version = 2")
    for read_only in (False, True):
        with pytest.raises(VersionError, match="version 1 or older, received version 2"):
            Journal.open(written, read_only=read_only)
    assert [fault.kind for fault in verify(written).faults] == ["newer_version"]


def test_a_removed_trigger_is_noticed(written: Path) -> None:
    with closing(sqlite3.connect(written)) as connection:
        connection.execute("DROP TRIGGER records_are_not_deleted")
    with pytest.raises(IntegrityError, match="records_are_not_deleted"):
        Journal.open(written)
    assert [fault.kind for fault in verify(written).faults] == ["schema"]


def test_nothing_is_replaced(written: Path, process: Process) -> None:
    with pytest.raises(IoError, match="a journal is never replaced"):
        Journal.create(written, process=process)
    written.unlink()
    with pytest.raises(IoError, match="the anchor file of a journal that exists"):
        Journal.create(written, process=process)


def test_a_left_over_of_a_creation_is_in_nobodys_way(path: Path, process: Process) -> None:
    path.with_name(".loop.sqlite.partial").write_text("half")
    with Journal.create(path, process=process) as journal:
        assert journal.head.sequence == 1
    assert not path.with_name(".loop.sqlite.partial").exists()


def test_a_creation_without_its_first_checkpoint_goes_on(path: Path, process: Process) -> None:
    journal = Journal.create(path, process=process)
    journal._writing("test").close()
    journal.anchor_path.unlink()
    with Journal.open(path) as again:
        assert again.head.sequence == 2


def test_the_anchor_needs_a_folder(path: Path, process: Process, tmp_path: Path) -> None:
    with pytest.raises(IoError, match="an existing folder for the anchor file"):
        Journal.create(path, process=process, anchor=tmp_path / "nowhere/loop.anchor")
    assert not path.exists()
    Journal.create(path, process=process).close()


def test_the_write_ahead_log_is_made_sure_of(written: Path) -> None:
    with closing(sqlite3.connect(written)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    with Journal.open(written) as journal:
        journal.append("note", {})
        assert written.with_name("loop.sqlite-wal").exists()
    assert verify(written).ok


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, luban.journal\n"
        "print(*{'pandas', 'h5py', 'pydantic', 'torch', 'cryptography', 'luban._history'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
