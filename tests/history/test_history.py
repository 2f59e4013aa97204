"""A history from Python: reading, choosing, appending, going back in time."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import luban
from luban.errors import ConfigurationError, DataError, IoError, LifecycleError
from luban.history import History
from luban.process import Process


def test_the_door_has_it() -> None:
    assert luban.History is History


def test_a_file_and_a_memory_read_alike(process: Process, frame: pd.DataFrame, history: History) -> None:
    memory = History.from_frame(process, frame)
    pd.testing.assert_frame_equal(memory.read(), history.read())
    assert (memory.path, len(memory), len(history)) == (None, 15, 15)
    assert memory.process == history.process == process
    assert "in memory: small, 5 runs, 15 readings" in repr(memory)
    assert "h.h5" in repr(history)


def test_columns_say_what_they_are(history: History) -> None:
    columns = history.columns().set_index("name")
    assert columns.loc["TIC-101/PV", ["role", "unit", "kind"]].tolist() == ["parameter", "degC", "float64"]
    assert columns.loc["grade", "categories"] == ["A", "B"]
    assert columns.loc["shift", "role"] == "noise"
    assert columns.loc["remark", "role"] == "auxiliary"
    assert columns.loc["run_id", "role"] == "run"


def test_read_chooses_columns_and_runs(history: History) -> None:
    two = history.read(["yield", "TIC-101/PV"], runs=slice(1, 3))
    assert list(two.columns) == ["yield", "TIC-101/PV"]
    assert two.attrs["units"] == {"yield": "%", "TIC-101/PV": "degC"}
    assert sorted(set(two["TIC-101/PV"])) == [30, 40]
    assert set(history.read(runs=["PO-004"])["run_id"]) == {"PO-004"}
    hot = history.read(runs=lambda runs: runs["TIC-101/PV"] > 45)
    assert set(hot["run_id"]) == {"PO-003", "PO-004"}
    assert len(history.read(runs=[])) == 0


def test_rows_of_runs_are_means(history: History, frame: pd.DataFrame) -> None:
    runs = history.read(rows="runs")
    np.testing.assert_allclose(runs["yield"], frame.groupby("order")["yield"].mean(), rtol=1e-15)
    assert runs["readings"].tolist() == [3] * 5
    assert "shift" not in runs.columns


def test_bad_questions(history: History) -> None:
    with pytest.raises(DataError, match=r"yeild.*yield"):
        history.read(["yeild"])
    with pytest.raises(DataError, match=r"expected runs of this history, received 'PO-005'"):
        history.read(runs=["PO-005"])
    with pytest.raises(ConfigurationError, match=r'expected rows "readings" or "runs", received \'run\''):
        history.read(rows="run")  # type: ignore[call-overload,arg-type,unused-ignore]
    with pytest.raises(ConfigurationError, match="expected a time with a zone"):
        history.read(as_of=datetime.datetime(2026, 1, 1))


def test_append_adds_runs_and_keeps_the_file_whole(history: History, frame: pd.DataFrame) -> None:
    more = frame.assign(order=[f"PO-{number:03}" for number in np.repeat(np.arange(5, 10), 3)])
    report = history.append(more)
    assert (report.runs_added, report.readings_added, report.changed) == (5, 15, True)
    assert len(history) == 30
    assert history.path is not None
    again = History.open(history.path)
    assert (again.digest, again.uuid) == (history.digest, history.uuid)
    assert again.verify().ok
    assert history.append(more).already_imported


@pytest.mark.parametrize("place", ["memory", "file"])
def test_late_values_come_by_run_id(process: Process, frame: pd.DataFrame, tmp_path: Path, place: str) -> None:
    history = History.from_frame(process, frame, tmp_path / "late.h5" if place == "file" else None)
    before = pd.Timestamp(history.provenance["time"].iloc[-1])
    late = pd.DataFrame({"run_id": ["PO-001", "PO-003"], "repeat": [1, 2], "power": [7.5, 8.5]})
    report = history.append(late)
    assert (report.values_added, report.runs_added, report.readings_added) == (2, 0, 0)
    read = history.read(["run_id", "repeat", "power"]).set_index(["run_id", "repeat"])["power"]
    assert (read["PO-001", 1], read["PO-003", 2]) == (7.5, 8.5)
    assert read.notna().sum() == 2
    assert history.read(["power"], as_of=before)["power"].isna().all()
    assert history.read(rows="runs")["power"].notna().sum() == 2


def test_corrections_supersede_and_the_past_stays(history: History, frame: pd.DataFrame) -> None:
    before = history.provenance["time"].iloc[-1]
    correction = pd.DataFrame({"run_id": ["PO-000"], "repeat": [1], "yield": [81.0]})
    assert history.append(correction).values_corrected == 1
    assert history.read(["yield"])["yield"].iloc[0] == 81.0
    for as_of in (before, before.isoformat(), before.tz_localize(None).to_datetime64()):
        assert history.read(["yield"], as_of=as_of)["yield"].iloc[0] == frame["yield"].iloc[0]


@pytest.mark.parametrize("place", ["memory", "file", "folder"])
def test_a_value_is_taken_back(process: Process, frame: pd.DataFrame, tmp_path: Path, place: str) -> None:
    """A laboratory that calls its value bad takes it back: what was known before stays known as of then."""
    stated = process.to_dict()
    stated["responses"]["yield"]["quality"] = {"column": "yield_q"}
    process = Process.from_dict(stated)
    good = frame.assign(yield_q="Good")
    where = {"memory": None, "file": tmp_path / "q.h5", "folder": f"{tmp_path}/q/"}[place]
    history = History.from_frame(process, good, where)
    assert (history.segments > 0) == (place == "folder")
    before = pd.Timestamp(history.provenance["time"].iloc[-1])
    bad = good.assign(yield_q=np.where(np.arange(15) == 4, "Bad", np.where(np.arange(15) == 5, "Uncertain", "Good")))
    assert history.append(bad).values_corrected == 2
    read = history.read(["yield", "yield.quality"])
    assert np.isnan(read["yield"][4])
    assert read["yield"].notna().sum() == 14
    assert read["yield.quality"].tolist()[3:7] == ["good", "bad", "uncertain", "good"]
    assert "yield.quality" not in history.read().columns
    assert history.read(["yield"], as_of=before)["yield"].notna().all()
    report = history.append(bad.assign(remark=None))
    assert (report.values_corrected, report.values_added, report.values_unchanged) == (0, 0, 15)
    assert history.path is None or history.verify().ok


def test_a_folder_is_made_by_a_slash_or_by_hand(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "made").mkdir()
    memory = History.from_frame(process, frame).read()
    for history in (
        History.from_frame(process, frame, f"{tmp_path}/frame/"),
        History.from_frame(process, frame, tmp_path / "made"),
        History.from_csv(process, tmp_path / "in.csv", f"{tmp_path}/csv/"),
    ):
        assert (history.segments, history.verify().ok) == (1, True)
        pd.testing.assert_frame_equal(history.read(), memory)
    with pytest.raises(IoError, match="expected a name that is free, received an existing history"):
        History.from_frame(process, frame, tmp_path / "frame")
    assert History.open(tmp_path / "frame").segments == 1


def test_late_values_of_unknown_runs_are_refused_in_the_open(history: History) -> None:
    report = history.append(pd.DataFrame({"run_id": ["PO-999"], "repeat": [1], "power": [1.0]}))
    assert report.rows_quarantined == {"unknown_run": 1}
    assert history.quarantine["value"].tolist() == ["PO-999"]
    with pytest.raises(DataError, match="expected a column 'repeat' beside 'run_id'"):
        history.append(pd.DataFrame({"run_id": ["PO-001"], "power": [1.0]}))


def test_two_writers_do_not_overwrite_each_other(history: History, frame: pd.DataFrame) -> None:
    assert history.path is not None
    other = History.open(history.path)
    other.append(frame[:3].assign(order="PO-100"))
    with pytest.raises(LifecycleError, match="expected the file as it was opened"):
        history.append(frame[:3].assign(order="PO-200"))
    assert len(History.open(history.path)) == 18


def test_save_makes_an_equal_file(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    memory = History.from_frame(process, frame)
    saved = memory.save(tmp_path / "saved.h5")
    assert saved.digest == memory.digest
    assert saved.verify().ok
    with pytest.raises(IoError):
        memory.save(tmp_path / "saved.h5")
    with pytest.raises(IoError):
        memory.save(tmp_path / "nowhere" / "saved.h5")
    with pytest.raises(LifecycleError, match="expected a history that lies in a file"):
        memory.verify()


def test_a_folder_without_a_history_is_named(tmp_path: Path) -> None:
    with pytest.raises(IoError, match=r"expected a folder with luban-history\.json"):
        History.open(tmp_path)


def test_inspect_knows_the_history(history: History) -> None:
    inspection = history.inspect()
    assert "15" in str(inspection)


def test_in_a_notebook(history: History) -> None:
    shown = history._repr_html_()
    assert "5 runs, 15 readings" in shown
    assert "<table" in shown


@pytest.mark.parametrize("name", ["saved.h5", "saved/"])
def test_save_tells_of_its_progress(history: History, tmp_path: Path, name: str) -> None:
    heard: list[tuple[str, int, int]] = []
    history.save(f"{tmp_path}/{name}", progress=lambda *told: heard.append(told))
    assert heard
    assert heard[-1][1] == heard[-1][2]

    def stop(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        history.save(f"{tmp_path}/other-{name}", progress=stop)


def test_long_calls_stop_when_progress_says_so(history: History) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        history.verify(progress=stop)


def test_an_empty_history_grows(process: Process, frame: pd.DataFrame) -> None:
    history = History.empty(process)
    assert (len(history), history.process, len(history.read())) == (0, process, 0)
    assert "0 runs, 0 readings" in repr(history)
    report = history.append(frame)
    assert (report.runs_added, report.readings_added, report.values_added) == (5, 15, 15)
    pd.testing.assert_frame_equal(history.read(), History.from_frame(process, frame).read())
    assert len(history.read(["group"], rows="runs")) == 5


def test_a_copy_is_independent(history: History, frame: pd.DataFrame) -> None:
    copy = history.copy()
    copy.append(frame[:3].assign(order="PO-100"))
    assert (copy.path, len(copy), len(history)) == (None, 18, 15)


def test_rows_that_were_all_refused_can_be_read(process: Process, frame: pd.DataFrame) -> None:
    history = History.empty(process)
    report = history.append(frame.assign(grade="C"))
    assert (report.changed, report.rows_quarantined) == (True, {"category_never_seen": 15})
    assert history.quarantine["value"].tolist() == ["C"] * 15
    assert len(history) == 0


def test_a_bare_name_means_the_working_folder(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saved = history.copy().save("bare.h5")
    saved.append(pd.DataFrame({"run_id": ["PO-000"], "repeat": [1], "power": [1.0]}))
    assert History.open(tmp_path / "bare.h5").verify().ok
