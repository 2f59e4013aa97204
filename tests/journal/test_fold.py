"""Folding: each run and late response into the history, once and only once."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from luban import History, ingest
from luban.errors import ConfigurationError, IntegrityError, LifecycleError
from luban.journal import Journal, fold, verify
from luban.journal.lock import FileLock
from luban.process import Process

from .support import SMALL, tampered

HERE = Path(__file__).parent


def run(number: int, **more: Any) -> dict[str, Any]:
    return {
        "run_id": f"r{number}",
        "settings": {"T": 30.0 + number},
        "context": {"grade": "AB"[number % 2]},
        "readings": [{"yield": 80.0 + number}, {"yield": 81.0 + number}],
        "start_time": f"2026-11-25T08:{number:02}:00Z",
    } | more


@pytest.fixture(params=["file", "folder"])
def out(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A history that is not there yet: a file, or a folder of segments."""
    if request.param == "file":
        return tmp_path / "history.h5"
    folder = tmp_path / "history"
    folder.mkdir()
    return folder


def is_empty(history: Path) -> bool:
    return not history.exists() or (history.is_dir() and not any(history.glob("[!.]*")))


def events(history: Path) -> int:
    return sum(entry for entry in History.open(history).provenance["events"])


def test_runs_go_into_a_new_history_and_only_once(journal: Journal, path: Path, out: Path, process: Process) -> None:
    for number in range(3):
        journal.append_run(run(number))
    done = fold(path, out, process)
    assert (done.changed, done.readings, done.first, done.last) == (True, 6, 1, 4)
    assert done.marked is False  # the loop writes
    history = History.open(out)
    assert history.digest == done.digest
    frame = history.read(columns=["run_id", "repeat", "T", "grade", "yield"])
    assert frame["yield"].tolist() == [80.0, 81.0, 81.0, 82.0, 82.0, 83.0]
    assert history.verify().ok
    again = fold(path, out, process)
    assert (again.changed, again.readings, again.digest) == (False, 0, done.digest)
    journal.append_run(run(3))
    more = fold(path, out, process)
    assert (more.readings, more.first, more.last) == (2, 5, 5)
    assert len(History.open(out)) == 8
    assert events(out) == 8


def test_late_responses_of_folded_runs_are_events(journal: Journal, path: Path, out: Path, process: Process) -> None:
    journal.append_run(run(1))
    fold(path, out, process)
    journal.append_responses("r1", 2, {"power": 5.0})
    assert fold(path, out, process).report is not None
    for power in (6.0, 5.0):  # a correction, and back to what was told before
        journal.append_responses("r1", 2, {"power": power})
        done = fold(path, out, process)
        assert done.report is not None
        assert (done.report.values_corrected, done.report.runs_added) == (1, 0)
        frame = History.open(out).read(columns=["repeat", "yield", "power"])
        assert frame["power"].tolist()[1] == power
        assert frame["yield"].tolist() == [81.0, 82.0]
    assert events(out) == 5


def test_marks_are_noted_when_nobody_writes(journal: Journal, path: Path, out: Path, process: Process) -> None:
    journal.append_run(run(1))
    first = fold(path, out, process)
    journal.close()
    again = fold(path, out, process)
    assert again.marked
    reader = Journal.open(path, read_only=True)
    assert reader.head.kind == "folded"
    mark = reader.head.payload
    assert (mark["digest"], mark["through"], mark["history"]) == (first.digest, 2, History.open(out).uuid)
    assert verify(path).ok
    assert verify(path).unanchored == []
    head = reader.head
    fold(path, out, process)
    assert reader.head == head  # noted once
    with Journal.open(path) as after:
        assert after.head.payload["closed_before"] is True


def test_an_open_journal_takes_the_mark_itself(journal: Journal, path: Path, out: Path, process: Process) -> None:
    journal.append_run(run(1))
    assert fold(journal, out, process).marked
    assert journal.head.kind == "folded"
    assert not fold(journal, out, process).changed


def test_a_history_that_was_put_back_gets_the_rest_again(
    journal: Journal, path: Path, out: Path, process: Process
) -> None:
    def put(source: Path, to: Path) -> None:
        if to.is_dir():
            shutil.rmtree(to)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, to)

    journal.append_run(run(1))
    fold(journal, out, process)
    backup = out.with_name("backup")
    put(out, backup)
    journal.append_run(run(2))
    fold(journal, out, process)
    put(backup, out)
    assert fold(journal, out, process).readings == 2
    assert len(History.open(out)) == 4
    if out.is_dir():
        shutil.rmtree(out)
        out.mkdir()
    else:
        out.unlink()
    assert fold(journal, out, process).readings == 4


def test_a_history_of_other_sources_is_added_to(journal: Journal, out: Path, process: Process) -> None:
    import pandas as pd

    frame = pd.DataFrame({"run_id": ["old"], "repeat": [1], "T": [25.0], "grade": ["A"], "yield": [70.0]})
    ingest.import_frame(process, frame, out)
    journal.append_run(run(1))
    late = journal.append_responses("old", 1, {"power": 4.0})  # its run is in the history, not in the journal
    lost = journal.append_responses("nobody", 1, {"power": 4.0})
    done = fold(journal, out, process)
    assert done.unplaced == [(lost.sequence, "nobody", 1)]
    assert late.sequence not in [entry[0] for entry in done.unplaced]
    assert f"Record {lost.sequence}: a late response of run 'nobody'" in "\n".join(done.lines())
    history = History.open(out)
    read = history.read(columns=["run_id", "power"]).set_index("run_id")["power"]
    assert read["old"] == 4.0
    assert len(history) == 3
    assert history.quarantine["reason"].tolist()[0] == "missing"


def test_runs_without_an_input_go_to_quarantine(journal: Journal, out: Path, process: Process) -> None:
    journal.append_run(run(1, context={}))
    done = fold(journal, out, process)
    assert done.report is not None
    assert done.report.rows_quarantined == {"missing": 2}
    journal.append_run(run(2))
    assert fold(journal, out, process).readings == 2


def test_noise_identifiers_and_units_of_the_source(tmp_path: Path, out: Path) -> None:
    content = {
        **SMALL,
        "parameters": {"v": {"unit": "m/min", "low": 100, "high": 400, "column": {"name": "Vc", "unit": "ft/min"}}},
        "context": {},
        "noise": {"position": {"categories": ["left", "right"], "column": "P"}},
        "identifiers": {"order": {}},
    }
    process = Process.from_dict(content)
    with Journal.create(tmp_path / "loop.sqlite", process=process) as journal:
        readings = [{"position": "left", "yield": 1.0}, {"position": "right", "yield": 2.0}]
        told = {"run_id": "a", "settings": {"v": 250.0}, "identifiers": {"order": "PO-7"}, "readings": readings}
        journal.append_run(told | {"equipment": "lathe", "status": "completed", "end_time": 1_795_631_065_515_895_714})
        fold(journal, out, process)
        journal.append_responses("a", 2, {"power": 3.0})
        done = fold(journal, out, process)
    assert done.report is not None
    assert (done.report.quarantined, done.report.values_added) == (0, 1)
    history = History.open(out)
    names = ["v", "position", "order", "yield", "power", "equipment", "status"]
    frame = history.read(columns=names)
    assert frame["v"].tolist() == pytest.approx([250.0, 250.0])
    assert frame["position"].tolist() == ["left", "right"]
    assert frame["order"].tolist() == ["PO-7", "PO-7"]
    assert frame["power"].tolist()[1] == 3.0
    assert frame["equipment"].tolist() == ["lathe", "lathe"]


def test_another_process_is_refused(journal: Journal, out: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected the process 'small'"):
        fold(journal, out, Process.from_dict({**SMALL, "process": "other"}))
    assert is_empty(out)


def test_two_folds_at_once_are_refused(journal: Journal, out: Path, process: Process) -> None:
    journal.append_run(run(1))
    lock = FileLock(out.with_name(f".{out.name}.fold-lock"), where="test", what="a history")
    with pytest.raises(LifecycleError, match=r"\[journal.fold\] expected a history that no other process has"):
        fold(journal, out, process)
    lock.release()
    assert fold(journal, out, process).changed


def test_a_damaged_run_is_not_folded(written: Path, out: Path, process: Process) -> None:
    tampered(written, "UPDATE records SET payload = replace(payload, '30.0', '31.0') WHERE kind = 'run'")
    with pytest.raises(IntegrityError, match="record 10"):
        fold(written, out, process)
    assert is_empty(out)


def put_back(path: Path, backup: Path) -> None:
    """Put a closed journal back together with its anchor."""
    for name in (path.name, f"{path.name}.anchor"):
        shutil.copy(backup / name, path.with_name(name))


def backed_up(path: Path, name: str = "backup") -> Path:
    backup = path.with_name(name)
    backup.mkdir()
    for file in (path.name, f"{path.name}.anchor"):
        shutil.copy(path.with_name(file), backup)
    return backup


def told(path: Path, *names: str) -> None:
    with Journal.open(path) as journal:
        for name in names:
            journal.append_run(run(1, run_id=name))


def test_a_journal_that_was_put_back_is_refused(written: Path, out: Path, process: Process) -> None:
    backup = backed_up(written)
    told(written, *(f"b{number}" for number in range(6)))
    fold(written, out, process)
    newer = backed_up(written, "newer")
    digest = History.open(out).digest
    put_back(written, backup)
    with pytest.raises(IntegrityError, match=r"record 20, up to .* ends at record 12 .*put the newer one back"):
        fold(written, out, process)
    told(written, *(f"c{number}" for number in range(9)))  # beyond record 20 again
    with pytest.raises(IntegrityError, match=r"expected record 20 with .* received another record 20"):
        fold(written, out, process)
    assert History.open(out).digest == digest
    put_back(written, newer)  # the ways out
    told(written, "later")
    assert fold(written, out, process).readings == 2
    put_back(written, backup)
    assert fold(written, out.with_name("own.h5"), process).readings == 1


def test_a_history_whose_imports_note_no_hash_is_added_to(
    journal: Journal, path: Path, out: Path, process: Process
) -> None:
    journal.append_run(run(1))
    frame = journal.runs(process=process)
    name = f"journal {journal.uuid}, records 1 to 2"  # as earlier versions named it
    frame.attrs = {}
    ingest.import_frame(process, frame, out, name=name, own_runs=True)
    journal.append_run(run(2))
    done = fold(path, out, process)
    assert (done.readings, done.first, done.last) == (2, 3, 3)
    names = [str(entry) for entry in History.open(out).provenance["input_name"]]
    assert names == [name, f"journal {journal.uuid}, records 3 to 3, hash {journal.head.hash[:16]}"]


def test_an_anchor_elsewhere_is_read_before_anything_is_folded(written: Path, out: Path, process: Process) -> None:
    backup = backed_up(written)
    told(written, "r2")
    elsewhere = written.with_name("elsewhere.anchor")
    shutil.copy(written.with_name(f"{written.name}.anchor"), elsewhere)
    put_back(written, backup)
    with pytest.raises(IntegrityError, match=r"record 15 with the hash \w+, as the last checkpoint says"):
        fold(written, out, process, anchor=elsewhere)
    assert is_empty(out)
    with pytest.raises(ConfigurationError, match="expected the anchor that the open journal has"):
        fold(Journal.open(written, read_only=True), out, process, anchor=elsewhere)
    assert fold(written, out, process).readings == 1


def test_a_damaged_anchor_says_what_to_do(written: Path, out: Path, process: Process) -> None:
    written.with_name(f"{written.name}.anchor").write_text("damaged")
    with pytest.raises(IntegrityError, match=r"put a copy of this file back, .* renew_anchor=True"):
        fold(written, out, process)
    assert is_empty(out)
    Journal.open(written, renew_anchor=True).close()
    assert fold(written, out, process).readings == 1


def killed(path: Path, out: Path, kills: int) -> None:
    command = [sys.executable, str(HERE / "kill_fold.py"), str(path), str(out), str(kills), "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def check_after_kills(path: Path, out: Path, process: Process) -> None:
    """What the journal tells is in the history, each value as one event."""
    journal = Journal.open(path, read_only=True)
    told = [record.payload for record in journal.records(kinds=["run"])]
    runs = [payload for payload in told if payload["event"] == "finished"]
    late = [payload for payload in told if payload["event"] == "responses"]
    history = History.open(out)
    assert history.verify().ok
    frame = history.read(columns=["run_id", "repeat", "yield", "power"])
    assert len(frame) == 2 * len(runs)
    assert not frame.duplicated(["run_id", "repeat"]).any()
    values = frame.set_index(["run_id", "repeat"])
    for payload in runs:
        for reading in payload["readings"]:
            assert values.loc[(payload["run_id"], reading["repeat"]), "yield"] == reading["values"]["yield"]
    latest = {(payload["run_id"], payload["repeat"]): payload["values"]["power"] for payload in late}
    for key, power in latest.items():
        assert values.loc[key, "power"] == power
    assert events(out) == 2 * len(runs) + len(late)
    assert len(history.quarantine) == 0
    marks = [record.payload["through"] for record in journal.records(kinds=["folded"])]
    assert marks == sorted(set(marks))
    assert verify(path).ok
    assert not fold(path, out, process).changed


def test_a_fold_that_is_killed_is_made_once(path: Path, out: Path, process: Process) -> None:
    killed(path, out, 8)
    check_after_kills(path, out, process)


@pytest.mark.slow
def test_many_folds_that_are_killed_are_made_once(path: Path, out: Path, process: Process) -> None:
    killed(path, out, 60)
    check_after_kills(path, out, process)
