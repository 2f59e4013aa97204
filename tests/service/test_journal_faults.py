"""What becomes of a loop whose journal or state is full, damaged, taken, or left by a kill.

That `luban audit verify` names a flipped bit and a missing last record is tested in tests/journal/test_flips.py and
tests/journal/test_verify.py; here a loop refuses to start on such a journal.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luban.control import ControlMode, ResetRequest, TripRequest
from luban.errors import IntegrityError, IoError, LifecycleError
from luban.journal import Journal, verify
from luban.plant import LatheMachine
from luban.process import Process
from luban.service import Supervisor

from ..journal.support import mount, tampered
from .support import BETTER, PERIOD_S, START, Around, Line, Script, decided, faults_of
from .test_writes import wanders

HERE = Path(__file__).parent


def test_a_full_disk_holds_the_loop_and_costs_no_record(small_disk: Path, make_line: Callable[..., Line]) -> None:
    line = make_line(Script(wanders(1)), journal=small_disk / "loop.sqlite", golden=[])
    line.until("closed")
    line.cycles(3)
    room = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(b"x" * (room.f_bavail * room.f_frsize - 64 * 1024))
    while not line.loop.record.failure:
        at = len(line.machine.log)
        line.cycle()
    line.cycles(5)
    assert len(line.machine.log) == at
    assert line.mode == "hold"
    assert "journal_not_writable" in line.loop.board.shown["achieved_reasons"]
    assert line.loop.board.shown["journal"] != "written"
    turned = line.advisor.learned[-1]
    mount("-o", "remount,size=8m", str(small_disk))
    line.cycles(2)
    assert line.loop.record.failure == ""
    assert line.mode == "advisory"
    line.until("closed")
    line.cycles(2)
    assert len(line.machine.log) > at
    assert faults_of(line.machine.log) == []
    told = [record.cycle for record in line.records("decision")]
    assert sorted(told) == list(range(1, line.loop.board.cycles + 1))
    late = [record for record in line.records("decision") if record.payload.get("written_late")]
    assert len(late) >= 5
    runs = [record.payload["run_id"] for record in line.records("run")]
    assert runs == [f"shaft-{number + 1:06d}" for number in range(len(runs))]
    assert turned in runs
    sent = {entry.command_id for entry in line.writes}
    unsent = {r.payload["command"] for r in line.records("outcome") if r.payload["outcome"] == "not sent"}
    assert sent | unsent == set(decided(line.plan.journal))
    assert not sent & unsent
    assert verify(line.plan.journal).ok


def test_a_state_that_cannot_be_kept_holds_the_loop(make_line: Callable[..., Line]) -> None:
    line = make_line(Script(wanders(1)), golden=[])
    line.until("closed")
    line.cycles(2)
    path = line.plan.state_path
    path.unlink()
    path.mkdir()
    line.by_hand("feed", 0.111)  # so that there is something to keep
    at = len(line.machine.log)
    line.cycles(4)
    assert line.mode == "hold"
    assert line.loop.board.shown["journal"] != "written"
    assert len(line.machine.log) == at
    path.rmdir()
    line.cycles(1)
    assert len(line.machine.log) == at
    line.until("closed")
    assert path.is_file()


def test_a_journal_that_comes_back_late_does_not_stop_the_loop(
    make_line: Callable[..., Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of records wait: they are written a few at a time, before anything new."""
    line = make_line(golden=[])
    line.until("closed")
    line.cycles(2)
    broken = [True]

    def fails(self: Journal, *arguments: Any, **more: Any) -> Any:
        if broken[0]:
            raise IoError(where="test", expected="a disk", received="none")
        return append(self, *arguments, **more)

    append = Journal.append_all
    monkeypatch.setattr(Journal, "append_all", fails)
    line.loop.clock.sleep(0.0)
    for _ in range(1500):
        line.loop.record.write([("note", {"text": "x" * 100})], cycle=7)
        line.loop.record.write([("alarm", {"text": "x" * 100})], cycle=8)
    broken[0] = False
    monkeypatch.setattr("luban.service.supervisor.record._CATCH_UP_NS", 20_000_000)
    slowest = max(line.cycle().steps_ns["record"] for _ in range(3))
    assert slowest < 2 * 10**9
    while line.loop.record.failure:
        line.cycle()
    assert len(line.records("alarm")) == 1500
    assert verify(line.plan.journal).ok


def test_what_is_no_content_for_a_journal_is_told_and_does_not_jam_it(make_line: Callable[..., Line]) -> None:
    line = make_line()
    line.cycles(2)
    assert not line.loop.record.write([("note", {"text": object()})])
    line.loop.record._failed(IoError(where="test", expected="a disk", received="none"))
    assert not line.loop.record.write([("note", {"text": object()})])
    line.cycles(3)
    assert line.loop.record.failure == ""
    told = [record.payload for record in line.records("note") if record.payload.get("event") == "no record"]
    assert len(told) == 2


def damaged(path: Path, how: str) -> None:
    if how == "bit":
        tampered(path, "UPDATE records SET payload = replace(payload, 'closed', 'closeD') WHERE kind = 'decision'")
    elif how == "missing":
        tampered(path, "DELETE FROM records WHERE sequence = (SELECT max(sequence) FROM records)")
    else:
        path.write_bytes(b"SQLite format 3\x00" + b"\x00" * 4000)


@pytest.mark.parametrize("how", ["bit", "missing", "other"])
def test_no_loop_starts_on_a_damaged_journal(make_line: Callable[..., Line], process: Process, how: str) -> None:
    line = make_line()
    line.until("closed")
    line.cycles(2)
    line.close()
    journal = line.plan.journal
    damaged(journal, how)
    assert not verify(journal).ok
    state = line.plan.state_path.read_bytes()
    machine = LatheMachine(shaft_s=PERIOD_S)
    with pytest.raises((IntegrityError, IoError)):
        Line(process, journal, machine=machine)
    machine.lease.take()  # nobody holds it
    assert line.plan.state_path.read_bytes() == state


def test_two_loops_on_one_journal(make_line: Callable[..., Line], process: Process) -> None:
    line = make_line()
    line.until("closed")
    state = line.plan.state_path.read_bytes()
    machine = LatheMachine(shaft_s=PERIOD_S)
    with pytest.raises(LifecycleError, match="no other process has"):
        Line(process, line.plan.journal, machine=machine)
    assert line.plan.state_path.read_bytes() == state
    machine.lease.take()
    line.cycles(2)
    assert line.mode == "closed"
    assert line.machine.setpoints == BETTER


def test_two_loops_on_one_plant(make_line: Callable[..., Line], process: Process) -> None:
    line = make_line()
    other = line.plan.journal.with_name("other.sqlite")
    with pytest.raises(LifecycleError, match="no other loop holds"):
        Line(process, other, machine=line.machine)
    Journal.open(other).close()  # nobody holds it
    line.close()
    second = make_line(journal=other, machine=line.machine)
    assert second.mode == "off"  # not tripped: it never ran


def test_a_first_start_that_fails_is_no_damage(make_line: Callable[..., Line], process: Process, journal: Path) -> None:
    """The plant is not there yet; the next start is the first one again, even when the state was not kept either."""

    class Away(Around):
        def connect(self) -> None:
            raise IoError(where="test", expected="a plant", received="none")

    for _ in range(2):
        with pytest.raises(IoError, match="a plant"):
            Line(process, journal, wrap=Away)
    journal.with_name(f"{journal.name}.state").unlink(missing_ok=True)
    line = make_line()
    assert line.mode == "off"
    line.until("closed")


def test_it_goes_on_at_most_in_advisory(make_line: Callable[..., Line]) -> None:
    line = make_line()
    line.until("closed")
    line.cycles(3)
    line.close()
    again = make_line()
    assert again.mode == "advisory"
    first = again.cycle()
    assert first.number == line.loop.board.cycles + 1
    assert again.advisor.learned == [record.payload["run_id"] for record in line.records("run")]


@pytest.mark.parametrize("how", ["gone", "altered", "empty", "garbage", "older"])
def test_a_state_that_is_not_what_was_kept_trips(make_line: Callable[..., Line], how: str) -> None:
    line = make_line()
    line.until("closed")
    line.close()
    path = line.plan.state_path
    text = path.read_text(encoding="utf-8")
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {
                "altered": text.replace("advisory", "closed").replace('"shadow_cycles"', '"shadow_cycles" ').encode(),
                "empty": b"",
                "garbage": os.urandom(500),
                "older": text[: len(text) // 2].encode(),
            }[how]
        )
    again = make_line()
    assert again.mode == "tripped"
    again.cycles(5)
    assert again.mode == "tripped"
    assert list(again.machine.log) == []
    from luban.control import PersonRole

    assert not again.loop.step(ResetRequest(person="anna", role=PersonRole.engineer)).decision.accepted
    assert again.loop.step(ResetRequest(person="sue", role=PersonRole.supervisor)).decision.accepted
    assert again.mode == "off"


def test_a_trip_stays_one_over_restarts(make_line: Callable[..., Line]) -> None:
    line = make_line()
    line.until("closed")
    line.loop.step(TripRequest(person="otto"))
    line.close()
    for _ in range(2):
        again = make_line()
        again.cycles(3)
        assert again.mode == "tripped"
        again.close()


def test_a_decision_without_an_outcome_is_told_at_the_next_start(make_line: Callable[..., Line]) -> None:
    class Dies(Around):
        def write(self, setpoint: Any, *, roll_back: bool = False) -> Any:
            self.inner.write(setpoint, roll_back=roll_back)
            raise KeyboardInterrupt

    line = make_line(wrap=Dies)
    line.until("closed")
    with pytest.raises(KeyboardInterrupt):
        line.cycle()
    line.close()
    (command,) = decided(line.plan.journal)
    again = make_line()
    assert {"event": "outcome unknown", "command": command} in [r.payload for r in again.records("note")]


def test_late_responses_do_not_make_it_forget_its_cycles(make_line: Callable[..., Line]) -> None:
    line = make_line()
    line.cycles(3)
    line.close()
    with Journal.open(line.plan.journal) as journal:
        for number in range(120):
            journal.append_responses("shaft-000001", 1, {"roughness": 1.0 + number})
    again = make_line()
    assert again.cycle().number == 4


def test_a_start_that_fails_late_holds_nothing(
    process: Process, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = LatheMachine(shaft_s=PERIOD_S)

    def fails(self: Supervisor, runs: Any, unfinished: Any) -> None:
        raise RuntimeError("late")

    monkeypatch.setattr(Supervisor, "_begin", fails)
    with pytest.raises(RuntimeError, match="late"):
        Line(process, journal, machine=machine)
    machine.lease.take()
    Journal.open(journal).close()


def killed(folder: Path, repository: Path, kills: int, seed: int) -> int:
    program = [
        sys.executable,
        str(HERE / "kill_loop.py"),
        str(folder),
        str(repository / "configs/process/turning.yaml"),
    ]
    done = subprocess.run([*program, str(kills), str(seed)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_kills_in_the_middle_of_cycles(tmp_path: Path, repository: Path) -> None:
    assert killed(tmp_path, repository, 6, 1) > 0


@pytest.mark.slow
def test_many_kills_in_the_middle_of_cycles(tmp_path: Path, repository: Path) -> None:
    assert killed(tmp_path, repository, 100, 2) > 100


def test_a_real_loop_that_is_raised_by_people_is_at_most_advisory_after_a_restart(
    make_line: Callable[..., Line],
) -> None:
    from luban.control import PersonRole, PlantKind, RaiseRequest

    def up(line: Line, mode: ControlMode) -> bool:
        wish = RaiseRequest(mode=mode, person="anna", role=PersonRole.engineer, second_person="otto",
                            second_role=PersonRole.operator)  # fmt: skip
        return line.loop.step(wish).decision.accepted

    line = make_line(plant_kind=PlantKind.real, modes={"shadow_cycles": 2})
    line.cycles(2)
    assert up(line, ControlMode.advisory)
    line.cycles(3)
    assert up(line, ControlMode.closed)
    line.cycles(2)
    assert line.machine.setpoints == BETTER
    line.close()
    again = make_line(plant_kind=PlantKind.real, modes={"shadow_cycles": 2})
    again.cycles(10)
    assert again.mode == "advisory"
    assert list(again.machine.log) == []
    other = again
    other.close()
    changed = make_line(plant_kind=PlantKind.real, modes={"shadow_cycles": 2}, model="model-2")
    changed.cycles(1)
    assert not up(changed, ControlMode.closed)  # another model: its shadow record begins anew
    changed.cycles(3)
    assert up(changed, ControlMode.closed)


def test_what_had_to_wait_is_written_at_the_end_however_much(make_line: Callable[..., Line]) -> None:
    """Closing has all the time it needs: neither records nor runs are left behind when the disk is back."""
    line = make_line()
    line.until("closed")
    record = line.loop.record
    record.failure, record._next_try = "the disk was full", 2**62
    for number in range(2_000):
        record.write([("note", {"event": "waits", "number": number})])
    runs = [
        {"run_id": f"late-{number}", "settings": {**START}, "context": {}, "readings": [{"roughness": 2.0}],
         "start_time": None, "end_time": None}
        for number in range(150)
    ]  # fmt: skip
    for run in runs:
        record.write_run(run)
    line.loop.close("the end")
    waited = [one for one in line.records("note") if one.payload.get("event") == "waits"]
    assert [one.payload["number"] for one in waited] == list(range(2_000))
    late = [one.run_id for one in line.records("run") if str(one.run_id).startswith("late-")]
    assert late == [run["run_id"] for run in runs]
    assert line.records("closed")[-1].payload["reason"] == "the end"
