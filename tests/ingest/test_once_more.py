"""The same source again: side files come in, `again` reads it once more, interrupted imports are named."""

import gc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import ingest
from luban._intake import sink as sinks
from luban.errors import DataError, IoError
from luban.history import History, verify
from luban.process import Process

TEXT = """
luban: 1
process: traced
parameters:
  speed: {unit: m/min, low: 100, high: 300}
identifiers:
  shaft: {}
responses:
  roughness: {unit: um, valid: {low: 0, high: 50}}
  power: {unit: kW, optional: true}
traces:
  current: {unit: A, period_ms: 10}
runs: {id: [shaft], repeat: {column: repeat}}
"""
SPEED = 100


@pytest.fixture
def traced(tmp_path: Path) -> Process:
    (tmp_path / "traced.yaml").write_text(TEXT)
    return Process.from_yaml(tmp_path / "traced.yaml")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("shaft,speed,repeat,roughness,note\ns1,100,1,1.5,a\ns1,100,2,bad,b\ns2,200,1,2.5,c\ns3,x,1,3.5,d\n")
    return path


@pytest.fixture
def current(tmp_path: Path) -> Path:
    path = tmp_path / "current.csv"
    path.write_text("run_id,time [ms],value\ns1,0,1\ns1,10,2\ns2,0,3\ns2,10,4\n")
    return path


@pytest.fixture(params=["out.h5", "out/"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file, and a folder of segments."""
    return f"{tmp_path}/{request.param}"


def samples(out: str) -> list[float]:
    history = History.open(out)
    if "current" not in list(history.traces()["name"]):
        return []
    return sorted(history.trace("current")["value"])


def test_samples_of_known_rows_in_other_bytes_are_stored(traced: Process, rows: Path, current: Path, out: str) -> None:
    ingest.import_data(traced, rows, out)
    rows.write_text(rows.read_text().replace("\n", "\r\n"), newline="")
    report = ingest.import_data(traced, rows, out, traces={"current": current})
    assert (report.changed, report.traces_added, report.readings_added) == (True, 2, 0)
    assert samples(out) == [1, 2, 3, 4]


def test_side_files_of_a_source_that_came_before(traced: Process, rows: Path, current: Path, out: str) -> None:
    (lots := rows.with_name("lots.csv")).write_text("child_lot,parent_lot\nL2,L1\n")
    (recipes := rows.with_name("recipes.csv")).write_text("recipe,parameter,value\nr,speed,150\n")
    ingest.import_data(traced, rows, out)
    refused = History.open(out).quarantine
    report = ingest.import_data(traced, rows, out, traces={"current": current}, genealogy=lots, recipes=recipes)
    assert (report.changed, report.traces_added, report.genealogy, report.recipes) == (True, 2, 1, 1)
    assert samples(out) == [1, 2, 3, 4]
    digest = History.open(out).digest
    same = ingest.import_data(traced, rows, out, traces={"current": current}, genealogy=lots, recipes=recipes)
    assert (same.already_imported, same.changed) == (True, False)
    assert "--again (Python: again=True) reads it once more." in str(same)
    history = History.open(out)
    assert history.digest == digest
    pd.testing.assert_frame_equal(history.quarantine, refused)
    assert verify(out).ok


def test_lots_alone_are_told(traced: Process, rows: Path, out: str) -> None:
    (lots := rows.with_name("lots.csv")).write_text("child_lot,parent_lot\nL2,L1\n")
    ingest.import_data(traced, rows, out)
    report = ingest.import_data(traced, rows, out, genealogy=lots)
    assert "its rows changed nothing" in str(report)
    assert "Lots: 1 row of what was made of what." in str(report)
    assert len(History.open(out).genealogy) == 1


def test_samples_with_times_of_day_come_once(traced: Process, rows: Path, current: Path, out: str) -> None:
    current.write_text("run_id,time,value\ns1,2026-01-01T00:00:00Z,1\ns1,2026-01-01T00:00:00.010Z,2\n")
    ingest.import_data(traced, rows, out, traces={"current": current})
    same = ingest.import_data(traced, rows, out, traces={"current": current})
    assert (same.changed, samples(out)) == (False, [1, 2])


def test_other_samples_of_a_run_are_refused_once(traced: Process, rows: Path, current: Path, out: str) -> None:
    ingest.import_data(traced, rows, out, traces={"current": current})
    current.write_text(current.read_text().replace("s1,0,1", "s1,0,9"))
    first = ingest.import_data(traced, rows, out, traces={"current": current})
    assert (first.changed, first.values_quarantined["current"]) == (True, {"only_responses_are_corrected": 1})
    count = len(History.open(out).quarantine)
    second = ingest.import_data(traced, rows, out, traces={"current": current}, again=True)
    assert (second.changed, len(History.open(out).quarantine)) == (False, count)
    assert samples(out) == [1, 2, 3, 4]


def test_again_with_other_reading_options(traced: Process, tmp_path: Path, out: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("shaft;speed;repeat;roughness\ns1;100;1;1,5\ns2;200;1;2\n")
    ingest.import_csv(traced, path, out, delimiter=";", decimal=".")
    assert History.open(out).read()["roughness"].isna().sum() == 1
    assert ingest.import_csv(traced, path, out, delimiter=";", decimal=",").already_imported
    report = ingest.import_csv(traced, path, out, delimiter=";", decimal=",", again=True)
    assert (report.already_imported, report.values_added, report.values_unchanged, report.changed) == (
        False,
        1,
        1,
        True,
    )
    assert sorted(History.open(out).read()["roughness"]) == [1.5, 2.0]


def test_again_changes_nothing_and_doubles_no_refusal(
    traced: Process, rows: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks.SegmentSink.__init__, "__defaults__", (2,))
    frame = pd.DataFrame({"shaft": ["s1", "s2"], "speed": [100, 250], "repeat": 1, "roughness": 1.5, "note": "other"})
    ingest.import_frame(traced, frame, out)  # rows.csv contradicts it: the note of s1, the speed of s2
    first = ingest.import_data(traced, rows, out)
    refused = History.open(out).quarantine
    reasons = {"not_a_number", "disagrees_with_stored_run", "only_responses_are_corrected"}
    assert set(refused["reason"]) == reasons
    assert set(first.examples) == reasons
    assert first.examples["disagrees_with_stored_run"] == [(2, "", "s2")]
    digest = History.open(out).digest
    second = ingest.import_data(traced, rows, out, again=True)
    assert (second.changed, History.open(out).digest) == (False, digest)
    for name in ("rows", "readings", "rows_quarantined", "values_quarantined", "missing", "values_kept", "runs"):
        assert getattr(second, name) == getattr(first, name), name
    assert second.refused_before == second.quarantined == len(refused)
    # What is new comes in, and only that.
    with rows.open("a") as stream:
        stream.write("s9,100,1,1.0,e\n")
    third = ingest.import_data(traced, rows, out)
    assert third.readings_added == 1


def long_frame(count: int) -> pd.DataFrame:
    shafts = [f"s{number}" for number in range(count)]
    random = np.random.default_rng(3)
    return pd.DataFrame({"shaft": shafts, "speed": 150.0, "repeat": 1, "roughness": random.uniform(1, 2, count)})


@pytest.fixture
def killed(traced: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[pd.DataFrame], Path]:
    """Import into a folder by 10 rows, and stop after two pieces."""
    monkeypatch.setattr(sinks.SegmentSink.__init__, "__defaults__", (10,))

    def run(frame: pd.DataFrame) -> Path:
        path, taken = tmp_path / "m.csv", 0
        frame.to_csv(path, index=False)
        original = sinks.SegmentSink.append

        def append(self: sinks.SegmentSink, addition: object, source_rows: np.ndarray, *, whole: bool) -> object:
            nonlocal taken
            taken += 1
            if taken > 2:
                raise KeyboardInterrupt
            return original(self, addition, source_rows, whole=whole)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(sinks.SegmentSink, "append", append)
            with pytest.raises(KeyboardInterrupt):
                ingest.import_data(traced, path, f"{tmp_path}/line/")
        gc.collect()  # the interruption holds the writer, and with it the lock
        return path

    return run


def test_an_interrupted_import_is_named(traced: Process, tmp_path: Path, killed: Callable[..., Path]) -> None:
    line = f"{tmp_path}/line/"
    path = killed(long_frame(45))
    history = History.open(line)
    assert history.notes == ["import of m.csv ended at row 20: run it again to go on"]
    assert "ended at row 20" in repr(history)
    first = history.inspect().findings.iloc[0]
    assert (first["kind"], first["weight"]) == ("unfinished_import", 1.0)
    ingest.import_data(traced, path, line)
    assert History.open(line).notes == []
    assert "unfinished_import" not in set(History.open(line).inspect().findings["kind"])


def test_an_interrupted_import_is_named_when_merged(
    traced: Process, tmp_path: Path, killed: Callable[..., Path]
) -> None:
    from luban.history import compact

    path = killed(long_frame(45))
    line = tmp_path / "line"
    compact(line)
    assert (History.open(line).segments, len(History.open(line).notes)) == (1, 1)
    ingest.import_data(traced, path, f"{line}/")
    compact(line)
    assert History.open(line).notes == []


def test_a_longer_file_of_the_same_name_makes_it_good(
    traced: Process, tmp_path: Path, killed: Callable[..., Path]
) -> None:
    line = f"{tmp_path}/line/"
    path = killed(long_frame(45))
    long_frame(60).to_csv(path, index=False)
    ingest.import_data(traced, path, line)
    assert History.open(line).notes == []


def test_corrections_at_the_beginning_are_no_interruption(
    traced: Process, tmp_path: Path, killed: Callable[..., Path]
) -> None:
    line = f"{tmp_path}/line/"
    frame = long_frame(45)
    path = killed(frame)
    ingest.import_data(traced, path, line)
    frame.loc[3, "roughness"] = 9.0
    frame.to_csv(path, index=False)
    assert ingest.import_data(traced, path, line).values_corrected == 1
    assert History.open(line).notes == []


def test_an_interrupted_import_goes_on_with_samples(
    traced: Process, tmp_path: Path, killed: Callable[..., Path]
) -> None:
    line = f"{tmp_path}/line/"
    path = killed(long_frame(45))
    text = "".join(f"s{number},{10 * at},{number}\n" for number in range(45) for at in range(2))
    (current := tmp_path / "current.csv").write_text("run_id,time [ms],value\n" + text)
    report = ingest.import_data(traced, path, line, traces={"current": current})
    assert (report.traces_added, report.readings_added, report.quarantined) == (45, 25, 0)
    assert len(samples(line)) == 90
    assert verify(line).ok


@pytest.mark.parametrize(
    ("header", "step", "message"),
    [
        ("time", "10", r"expected steps of 10 ms, as `period_ms` of the process file says, received steps of 10000 ms"),
        ("time [ms]", "0.01", "received steps of 0.01 ms"),
        ("time [ms]", "10.2", "received steps of 10.2 ms"),
        ("time [ms]", "20", r"received steps of 20 ms \(median\) in run 's1'"),
        ("time [ms]", "10", ""),
        ("time", "0.01", ""),
        ("time [ms]", "10.05", ""),
    ],
)
def test_steps_that_contradict_the_period(
    traced: Process, rows: Path, current: Path, header: str, step: str, message: str
) -> None:
    lines = [f"s1,{float(step) * at:.6g},1\n" for at in range(30)]
    current.write_text(f"run_id,{header},value\n" + "".join(lines))
    if message:
        with pytest.raises(DataError, match=message) as told:
            ingest.import_data(traced, rows, rows.with_name("a.h5"), traces={"current": current})
        assert "time [ms]" in str(told.value)
        return
    ingest.import_data(traced, rows, rows.with_name("a.h5"), traces={"current": current})


def test_a_coarse_clock_is_no_contradiction(tmp_path: Path, traced: Process, rows: Path) -> None:
    (tmp_path / "traced.yaml").write_text(TEXT.replace("period_ms: 10", "period_ms: 1.5"))
    process = Process.from_yaml(tmp_path / "traced.yaml")
    current = tmp_path / "current.csv"
    current.write_text("run_id,time [ms],value\n" + "".join(f"s1,{int(1.5 * at)},1\n" for at in range(40)))
    ingest.import_data(process, rows, tmp_path / "a.h5", traces={"current": current})
    current.write_text("run_id,time [ms],value\n" + "".join(f"s1,{2 * at},1\n" for at in range(40)))
    with pytest.raises(DataError, match="received steps of 2 ms"):
        ingest.import_data(process, rows, tmp_path / "b.h5", traces={"current": current})


def test_examples_and_warnings(traced: Process, tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "shaft": [f"s{at}" for at in range(9)], "speed": 150.0, "repeat": 1, "power": [f"p{at}" for at in range(9)],
        "roughness": [99.0, *[1.0] * 8],
    })  # fmt: skip
    report = ingest.import_frame(traced, frame, tmp_path / "a.h5")
    told = str(report)
    assert (
        "not_a_number, for example data row 1, power: 'p0', data row 2, power: 'p1', data row 3, power: 'p2'." in told
    )
    assert "outside_valid, for example data row 1, roughness: '99.0'." in told
    assert "Warning: all 9 values of power were refused." in told
    frame["speed"] = "fast"
    assert ingest.import_frame(traced, frame, tmp_path / "b.h5").warnings == ["all 9 rows of frame were refused."]


def test_a_duplicate_over_the_border_of_pieces_stays_one(
    traced: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks.SegmentSink.__init__, "__defaults__", (2,))
    path, line = tmp_path / "rows.csv", f"{tmp_path}/line/"
    path.write_text("shaft;speed;repeat;roughness\ns1;100,5;1;1,5\ns2;200;1;2\ns1;100,5;1;7\n")
    ingest.import_csv(traced, path, line, delimiter=";", decimal=".")
    assert len(History.open(line)) == 1
    report = ingest.import_csv(traced, path, line, delimiter=";", decimal=",", again=True)
    assert (report.readings_added, report.values_corrected) == (1, 0)
    assert report.rows_quarantined == {"duplicate": 1}
    assert sorted(History.open(line).read()["roughness"]) == [1.5, 2.0]


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something with a folder of segments by 10 rows, and stop after two pieces."""
    monkeypatch.setattr(sinks.SegmentSink.__init__, "__defaults__", (10,))

    def run(make: Callable[[], object]) -> None:
        left = 2
        original = sinks.SegmentSink.append

        def append(self: sinks.SegmentSink, *addition: object, **options: object) -> object:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return original(self, *addition, **options)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(sinks.SegmentSink, "append", append)
            with pytest.raises(KeyboardInterrupt):
                make()

    return run


@pytest.mark.parametrize("kind", ["csv", "frame"])
def test_the_same_call_goes_on_with_a_new_history(
    traced: Process, tmp_path: Path, cut: Callable[..., None], kind: str
) -> None:
    frame, line, path = long_frame(45), f"{tmp_path}/line/", tmp_path / "m.csv"
    frame.to_csv(path, index=False)

    def make(process: Process = traced, rows: int = 45) -> History:
        if kind == "frame":
            return History.from_frame(process, frame[:rows], line)
        other = tmp_path / "other.csv"
        frame[:rows].to_csv(other, index=False)
        return History.from_csv(process, path if rows == 45 else other, line)

    cut(make)
    assert len(History.open(line)) == 20
    with pytest.raises(IoError, match="expected a name that is free"):
        make(rows=44)  # another source
    (tmp_path / "wider.yaml").write_text(TEXT.replace("high: 300", "high: 400"))
    with pytest.raises(IoError, match="expected a name that is free"):
        make(Process.from_yaml(tmp_path / "wider.yaml"))
    history = make()
    assert (len(history), history.notes, len(history.quarantine)) == (45, [], 0)
    assert history.read()["roughness"].tolist() == frame["roughness"].tolist()
    assert verify(line).ok
    with pytest.raises(IoError, match="expected a name that is free"):
        make()


def test_a_history_that_holds_more_is_no_beginning(traced: Process, tmp_path: Path, cut: Callable[..., None]) -> None:
    line, path = f"{tmp_path}/line/", tmp_path / "m.csv"
    long_frame(45).to_csv(path, index=False)
    History.from_frame(traced, long_frame(60)[50:], line)
    cut(lambda: ingest.import_csv(traced, path, line))
    with pytest.raises(IoError, match="expected a name that is free"):
        History.from_csv(traced, path, line)


@pytest.mark.parametrize("named", [False, True])
def test_a_file_that_has_grown(tmp_path: Path, named: bool) -> None:
    """Rows that nothing names are new runs each time, and the report says so; with an id they are known."""
    of_runs: dict[str, object] = {"start_time": {"column": "at"}}
    stated = {"identifiers": {"moment": {"column": "at"}}, "runs": {**of_runs, "id": ["moment"]}} if named else {}
    process = Process.from_dict(
        {
            "luban": 1,
            "process": "series",
            "parameters": {"T": {"unit": "degC", "low": 0, "high": 100}},
            "responses": {"y": {"unit": "%"}},
            "runs": of_runs,
            **stated,
        }
    )
    table, out = tmp_path / "grows.csv", f"{tmp_path}/line/"
    lines = [f"{20 + i},{i},2024-01-01T{i:02}:00Z\n" for i in range(9)]
    table.write_text("T,y,at\n" + "".join(lines[:6]))
    assert not any("came before" in note for note in ingest.import_csv(process, table, out).notes)
    table.write_text("T,y,at\n" + "".join(lines))
    report = ingest.import_csv(process, table, out)
    assert any("grows.csv came before" in note for note in report.notes) is not named
    assert len(History.open(out)) == (9 if named else 15)
