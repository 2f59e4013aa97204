"""Late values: a table that names runs and brings results, into a history that has the inputs of these runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import ingest
from luban._intake.run import add_source
from luban._intake.sink import SegmentSink
from luban._intake.sources.csv import CsvSource
from luban.errors import DataError
from luban.history import History
from luban.process import Process

Write = Callable[..., Path]


@pytest.fixture(params=["h.h5", "line/"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A file, and a folder of segments."""
    return f"{tmp_path}/{request.param}"


@pytest.fixture
def late(frame: pd.DataFrame) -> pd.DataFrame:
    """What the laboratory sends: names of runs and readings, results, and a column of its own."""
    table = frame[["tool", "shaft", "Replicate"]].sample(frac=1.0, random_state=3).reset_index(drop=True)
    return table.assign(power=np.arange(len(table)) / 8 + 1, analyst="Li")


@pytest.fixture
def process_with_times() -> Process:
    return Process.from_dict(
        {
            "luban": 1,
            "process": "timed",
            "parameters": {"x": {"low": 0, "high": 9}},
            "responses": {"y": {}, "z": {"late": True}},
            "identifiers": {"lot": {}},
            "runs": {"id": ["lot"], "start_time": {"column": "s"}, "end_time": {"column": "e"}},
        }
    )


@pytest.mark.parametrize("on_bad", ["quarantine", "reject"])
def test_the_equipment_of_the_process_file_is_for_new_runs_alone(out: str, on_bad: ingest.OnBad) -> None:
    """It is no value of a source, and contradicts nothing that is stored."""
    process = Process.from_dict(
        {
            "luban": 1,
            "process": "press",
            "equipment": {"site": "s1"},
            "parameters": {"x": {"low": 0, "high": 9}},
            "responses": {"y": {"optional": True}, "z": {"late": True}},
            "identifiers": {"lot": {}},
            "runs": {"id": ["lot"]},
        }
    )
    first = pd.DataFrame({"lot": list("abc"), "x": [1.0, 2, 3], "equipment": ["s1/m1", "s1/m2", ""]})
    ingest.import_frame(process, first, out)
    late = ingest.import_frame(process, pd.DataFrame({"lot": list("abc"), "y": [1.0, 2, 3]}), out, on_bad=on_bad)
    assert (late.values_added, late.quarantined) == (3, 0)
    more = pd.DataFrame({"lot": list("bd"), "x": [2.0, 4], "z": [5.0, 6]})
    whole = ingest.import_frame(process, more, out, on_bad=on_bad)
    assert (whole.runs_added, whole.values_added, whole.quarantined) == (1, 2, 0)
    runs = History.open(out).read(["run_id", "equipment"], rows="runs")
    assert runs["equipment"].fillna("").tolist() == ["s1/m1", "s1/m2", "", "s1"]
    moved = ingest.import_frame(process, first.assign(equipment="s1/m3"), out)  # what the source says is still kept
    assert moved.values_quarantined == {"equipment": {"only_responses_are_corrected": 3}}


def timed(lots: list[object]) -> pd.DataFrame:
    n = len(lots)
    return pd.DataFrame(
        {
            "lot": lots,
            "x": np.arange(n, dtype=float),
            "y": np.arange(n) + 0.5,
            "s": [f"2026-03-0{i + 1}T06:00:00Z" for i in range(n)],
            "e": [f"2026-03-0{i + 1}T07:00:00Z" for i in range(n)],
            "equipment": "M1",
        }
    )


def as_source(kind: str, table: pd.DataFrame, folder: Path) -> object:
    if kind == "frame":
        return table
    path = folder / f"lab.{kind}"
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "parquet":
        pytest.importorskip("pyarrow")
        table.to_parquet(path)
    else:
        pytest.importorskip("openpyxl")
        table.to_excel(path, index=False)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx", "frame"])
def test_a_laboratory_file_adds_values_to_runs_that_are_there(
    process: Process, frame: pd.DataFrame, late: pd.DataFrame, out: str, tmp_path: Path, kind: str
) -> None:
    ingest.import_frame(process, frame, out)
    before = History.open(out)
    then = before.provenance["time"].iloc[-1]
    inputs = before.read(["run_id", "repeat", "speed", "feed", "tool", "position", "roughness", "shaft"])
    source = as_source(kind, late, tmp_path)
    report = ingest.import_data(process, source, out)
    assert (report.runs_added, report.readings_added, report.values_added) == (0, 0, 32)
    assert (report.rows, report.readings, report.rows_quarantined) == (32, 32, {})
    assert "Against what is stored: 0 new runs, 0 new readings, 32 new values, 0 values corrected" in str(report)
    history = History.open(out)
    assert history.verify().ok
    pd.testing.assert_frame_equal(history.read(list(inputs.columns)), inputs)
    read = history.read(["shaft", "tool", "repeat", "power"]).astype({"shaft": int, "tool": str})
    wanted = late.set_index(["shaft", "tool", "Replicate"])["power"]
    assert read["power"].tolist() == [wanted[tuple(key)] for key in read[["shaft", "tool", "repeat"]].to_numpy()]
    assert history.read(["power"], as_of=then).get("power", pd.Series(dtype=float)).isna().all()
    digest = history.digest
    assert ingest.import_data(process, source, out).already_imported
    assert History.open(out).digest == digest


@pytest.mark.parametrize("rows", [1, 5, 31])
def test_pieces_give_what_the_whole_gives(
    process: Process, frame: pd.DataFrame, late: pd.DataFrame, tmp_path: Path, write_csv: Write, rows: int
) -> None:
    late.loc[7, "shaft"] = 77
    path = write_csv(late)
    for name in ("whole", "pieces"):
        ingest.import_frame(process, frame, f"{tmp_path}/{name}/")
    whole = add_source(SegmentSink(tmp_path / "whole"), process, CsvSource(path))
    pieces = add_source(SegmentSink(tmp_path / "pieces", piece_rows=rows), process, CsvSource(path))
    assert (pieces.values_added, pieces.rows_quarantined) == (whole.values_added, {"unknown_run": 1})
    columns = ["run_id", "repeat", "speed", "position", "power"]
    a, b = (History.open(tmp_path / name).read(columns) for name in ("whole", "pieces"))
    pd.testing.assert_frame_equal(a, b)
    assert add_source(SegmentSink(tmp_path / "pieces", piece_rows=rows), process, CsvSource(path)).already_imported


def test_values_of_unknown_runs_say_so(
    process: Process, frame: pd.DataFrame, late: pd.DataFrame, out: str, write_csv: Write
) -> None:
    ingest.import_frame(process, frame, out)
    late.loc[2, "shaft"] = 77
    report = ingest.import_data(process, write_csv(late), out)
    assert report.rows_quarantined == {"unknown_run": 1}
    assert "a run that the history does not have (unknown_run)" in str(report)
    refused = History.open(out).quarantine.set_index("reason").loc[["unknown_run"]]
    assert refused["value"].tolist() == [f"77|{late['tool'][2]}"]
    assert refused[["source_row", "column", "scope"]].to_numpy().tolist() == [[2, "shaft, tool", "row"]]
    with pytest.raises(DataError, match="unknown_run 1; the first in data row 3"):
        ingest.import_data(process, write_csv(late.iloc[:9], "other.csv"), out, on_bad="reject")


def test_a_run_may_get_readings_late_where_no_noise_is_asked_for(process_with_times: Process, out: str) -> None:
    ingest.import_frame(process_with_times, timed(["A", "B"]), out)
    more = pd.DataFrame({"lot": ["A", "A"], "repeat": [1, 2], "z": [1.0, 2.0]})
    report = ingest.import_data(process_with_times, more, out)
    assert (report.runs_added, report.readings_added, report.values_added) == (0, 1, 2)
    read = History.open(out).read(["run_id", "repeat", "x", "z"]).sort_values(["run_id", "repeat"])
    assert read.fillna(-1).to_numpy().tolist() == [["A", 1, 0.0, 1.0], ["A", 2, 0.0, 2.0], ["B", 1, 1.0, -1]]
    with pytest.raises(DataError, match="expected a column 'repeat' beside 'lot'"):
        ingest.import_data(process_with_times, pd.DataFrame({"lot": ["A"], "z": [5.0]}), out)


def test_a_new_reading_without_its_noise_is_refused(process: Process, frame: pd.DataFrame, out: str) -> None:
    ingest.import_frame(process, frame, out)
    report = ingest.import_data(
        process, pd.DataFrame({"shaft": [1], "tool": ["New"], "Replicate": [9], "power": [1.0]}), out
    )
    assert report.rows_quarantined == {"missing": 1}
    assert History.open(out).quarantine["column"].tolist() == ["position"]


@pytest.mark.parametrize("key", ["run_id", "lot"])
def test_columns_of_runs_are_not_asked_for_again(process_with_times: Process, out: str, key: str) -> None:
    ingest.import_frame(process_with_times, timed([1, 2, 3]), out)
    history = History.open(out)
    before = history.read(["start_time", "end_time", "equipment", "status"], rows="runs")
    report = history.append(pd.DataFrame({key: ["1", "3"], "z": [9.0, 8.0]}))
    assert (report.values_added, report.quarantined) == (2, 0)
    assert history.read(["z"])["z"].fillna(-1).tolist() == [9.0, -1.0, 8.0]
    pd.testing.assert_frame_equal(history.read(["start_time", "end_time", "equipment", "status"], rows="runs"), before)


@pytest.mark.parametrize("key", ["run_id", "lot"])
@pytest.mark.parametrize("kind", ["csv", "frame"])
def test_whole_numbers_written_as_fractions_name_the_same_run(
    process_with_times: Process, out: str, tmp_path: Path, key: str, kind: str
) -> None:
    ingest.import_frame(process_with_times, timed([1, 2, 30]), out)
    lab = pd.DataFrame({key: [2.0, np.nan, 30.0, 2.5], "z": [1.0, 2.0, 3.0, 4.0]})
    report = ingest.import_data(process_with_times, as_source(kind, lab, tmp_path), out)
    assert report.rows_quarantined == {"missing": 1, "unknown_run": 1}
    assert report.values_quarantined == {}
    history = History.open(out)
    assert history.read(["z"])["z"].fillna(-1).tolist() == [-1.0, 1.0, 3.0]
    assert history.quarantine["value"].tolist()[-1] == "2.5"
    assert history.read(["lot"])["lot"].astype(float).tolist() == [1.0, 2.0, 30.0]


def test_results_alone_ask_for_a_history(process: Process, late: pd.DataFrame, out: str, write_csv: Write) -> None:
    with pytest.raises(DataError, match="expected a history of process 'small' that has these runs") as caught:
        ingest.import_data(process, write_csv(late), out)
    assert "a source of results only, without 'speed', 'feed', 'position'" in str(caught.value)
    assert "import the records of the runs first" in str(caught.value)
    with pytest.raises(DataError, match="expected a history of process 'small'"):
        History.from_frame(process, late)


def test_a_file_with_some_inputs_is_asked_for_the_others(
    process: Process, frame: pd.DataFrame, out: str, write_csv: Write
) -> None:
    ingest.import_frame(process, frame, out)
    with pytest.raises(DataError, match="expected a column 'feed'"):
        ingest.import_data(process, write_csv(frame.drop(columns="feed")), out)


def test_random_tables_agree_with_a_join(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    """Any rows in any order, unknown ones among them: as a join of all inputs and a plain import."""
    for seed in range(8):
        random = np.random.default_rng(seed)
        some = frame.iloc[random.permutation(len(frame))[: random.integers(1, len(frame))]]
        lab = some[["shaft", "tool", "Replicate"]].assign(power=random.normal(size=len(some)).round(3))
        lab["shaft"] = np.where(random.random(len(lab)) < 0.2, 9, lab["shaft"])
        known = lab[lab["shaft"] != 9].merge(frame.drop(columns="Ra"), on=["shaft", "tool", "Replicate"])
        one, other = tmp_path / f"a{seed}.h5", tmp_path / f"b{seed}.h5"
        for path in (one, other):
            ingest.import_frame(process, frame, path)
        report = ingest.import_frame(process, lab, one)
        assert report.rows_quarantined.get("unknown_run", 0) == len(lab) - len(known)
        history = History.open(other)
        if len(known):
            history.append(known.assign(Ra=np.nan))
        columns = ["run_id", "repeat", "roughness", *(["power"] if len(known) else [])]
        pd.testing.assert_frame_equal(History.open(one).read(columns), History.open(other).read(columns))
