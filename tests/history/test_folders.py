"""Folders of segments, filters, traces and passes from Python."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

from luban import _core, ingest
from luban import history as histories
from luban._reading import Compression
from luban.errors import ConfigurationError, DataError, IntegrityError, IoError, LifecycleError, UnitError
from luban.history import History, RunFilter
from luban.process import Process


@pytest.fixture
def process() -> Process:
    return Process.from_dict(
        {
            "luban": 1,
            "process": "line",
            "parameters": {"feed": {"unit": "mm/rev", "low": 0, "high": 1}},
            "context": {"grade": {"categories": ["A", "B"]}},
            "identifiers": {"order": {}},
            "responses": {"yield": {"unit": "%"}, "power": {"unit": "kW", "late": True}},
            "traces": {"current": {"unit": "A", "period_ms": 10}},
            "runs": {"id": ["order"], "repeat": {"column": "sample"}},
        }
    )


def made(first: int, last: int) -> pd.DataFrame:
    """Runs first … last − 1, of 2 readings each, one run an hour."""
    run = np.repeat(np.arange(first, last), 2)
    return pd.DataFrame(
        {
            "order": [f"PO-{number:03}" for number in run],
            "sample": np.tile([1, 2], last - first),
            "feed": 0.01 * run,
            "grade": np.where(run % 2 == 0, "A", "B"),
            "yield": 80.0 + run,
            "power": np.nan,
            "start_time": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(run, unit="h"),
            "equipment": np.where(run % 3 == 0, "plant/hall/press-1", "plant/hall/press-2"),
            "remark": [f"r{number}" for number in run],
        }
    )


@pytest.fixture
def line(process: Process, tmp_path: Path) -> Path:
    """Three imports of ten runs."""
    for first in (0, 10, 20):
        ingest.import_frame(process, made(first, first + 10), f"{tmp_path}/line/", name=f"from {first}")
    return tmp_path / "line"


@pytest.fixture
def whole(process: Process) -> History:
    """The same in memory."""
    return History.from_frame(process, made(0, 30))


def test_a_folder_reads_like_a_memory(line: Path, whole: History) -> None:
    history = History.open(line)
    assert (history.segments, len(history), whole.segments) == (3, 60, 0)
    for rows in ("readings", "runs"):
        pd.testing.assert_frame_equal(history.read(rows=rows), whole.read(rows=rows))
    assert list(history.columns()["name"]) == list(whole.columns()["name"])
    assert history.process == whole.process
    assert list(history.provenance["input_name"]) == ["from 0", "from 10", "from 20"]
    assert history.verify().ok
    assert "30 runs, 60 readings" in repr(history)
    assert "<table" in history._repr_html_()


def test_what_a_folder_gets_later(line: Path) -> None:
    history = History.open(line)
    before = history.provenance["time"].iloc[-1]
    late = history.read(columns=["run_id", "repeat"], runs=["PO-003", "PO-025"])
    late["power"] = [1.0, 2.0, 3.0, 4.0]
    assert history.append(late).values_added == 4
    assert history.segments == 4
    assert history.append(late).already_imported
    chosen = RunFilter(run_id=["PO-025", "PO-003"])
    assert list(history.read(["power"], runs=chosen)["power"]) == [1.0, 2.0, 3.0, 4.0]
    assert history.read(["power"], as_of=before)["power"].isna().all()
    assert list(history.read(["power"], rows="runs", runs=chosen)["power"]) == [1.5, 3.5]
    assert history.append(made(28, 32)).runs_added == 2
    assert len(history) == 64
    assert histories.verify(line).ok


def test_merged_it_is_the_same(line: Path, whole: History) -> None:
    history = History.open(line)
    history.append(made(28, 32))
    expected = history.read()
    report = histories.compact(line, most_readings=25)
    assert (report.segments_before, report.segments_after) == (4, 3)
    pd.testing.assert_frame_equal(History.open(line).read(), expected)
    report = histories.compact(line)
    assert (report.segments_after, report.files_left) == (1, 5)  # `history` still reads them
    pd.testing.assert_frame_equal(History.open(line).read(), expected)
    pd.testing.assert_frame_equal(history.read(), expected)
    assert histories.verify(line).ok
    saved = History.open(line).save(line.parent / "one.h5")
    pd.testing.assert_frame_equal(saved.read(), expected)
    pd.testing.assert_frame_equal(History.open(line).copy().read(rows="runs"), saved.read(rows="runs"))


def test_one_writer_at_a_time(line: Path) -> None:
    from luban import _history

    writer = _history.Appender(str(line))
    with pytest.raises(LifecycleError, match=r"\[history\.append\].*process \d+"):
        History.open(line).append(made(30, 31))
    with pytest.raises(LifecycleError):
        histories.compact(line)
    del writer
    assert History.open(line).append(made(30, 31)).runs_added == 1


def test_what_is_no_folder_of_segments(tmp_path: Path, process: Process) -> None:
    with pytest.raises(IoError, match="luban-history"):
        histories.compact(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(IoError, match="a folder of other files"):
        ingest.import_frame(process, made(0, 2), f"{tmp_path}/")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt"]


FILTERS = [
    (RunFilter(since="2024-01-01T05:00Z", before="2024-01-01T15:00Z"), lambda run: (run >= 5) & (run < 15)),
    (RunFilter(since=np.datetime64("2024-01-01T22:00")), lambda run: run >= 22),
    (RunFilter(equipment="plant/hall/press-1"), lambda run: run % 3 == 0),
    (RunFilter(equipment=["plant/hall"]), lambda run: run >= 0),
    (RunFilter(equipment="plant/ha"), lambda run: run < 0),
    (RunFilter(where={"grade": "A", "feed": (0.05, 0.21)}), lambda run: (run % 2 == 0) & (run >= 5) & (run <= 21)),
    (RunFilter(where={"order": ["PO-001", "PO-029"]}), lambda run: (run == 1) | (run == 29)),
    (RunFilter(where={"feed": (0.05, None)}), lambda run: run >= 5),
    (RunFilter(where={"feed": (None, np.float64(0.21))}), lambda run: run <= 21),
    (RunFilter(where={"feed": 0.07}), lambda run: run == 7),
    (RunFilter(run_id="PO-011", status="completed"), lambda run: run == 11),
    (RunFilter(status=["failed", "running"]), lambda run: run < 0),
    (RunFilter(group="nobody"), lambda run: run < 0),
    (RunFilter(), lambda run: run >= 0),
]


@pytest.mark.parametrize("number", range(len(FILTERS)))
@pytest.mark.parametrize("rows", ["readings", "runs"])
def test_a_filter_is_a_mask(line: Path, whole: History, number: int, rows: str) -> None:
    chosen, mask = FILTERS[number]
    for history in (History.open(line), whole):
        everything = history.read(rows=rows)
        run = everything["run_id"].str.removeprefix("PO-").astype(int)
        expected = everything[mask(run)].reset_index(drop=True)
        pd.testing.assert_frame_equal(history.read(rows=rows, runs=chosen), expected, check_categorical=False)


@pytest.mark.parametrize(
    ("chosen", "error", "says"),
    [
        (RunFilter(where={"grad": "A"}), DataError, 'did you mean "grade"'),
        (RunFilter(where={"grade": "C"}), DataError, "expected categories of `grade`"),
        (RunFilter(where={"grade": (1.0, 2.0)}), DataError, "expected a text or a list of texts"),
        (RunFilter(where={"feed": "A"}), DataError, r"expected a number or \(low, high\)"),
        (RunFilter(where={"feed": [0.1, 0.2]}), DataError, "a list is for categories and texts"),
        (RunFilter(where={"feed": (None, None)}), ConfigurationError, "None for an open end"),
        (RunFilter(where={"feed": True}), ConfigurationError, r"a list of them, or \(low, high\)"),
        (RunFilter(where={"feed": (1.0, 2.0, 3.0)}), DataError, r"a number or \(low, high\)"),
        (RunFilter(where={"run_id": "PO-011"}), ConfigurationError, r"RunFilter\(run_id='PO-011'\)"),
        (RunFilter(status="done"), DataError, "expected categories of `status`"),
        (RunFilter(since="2024-01-01T05:00"), DataError, "with a zone"),
    ],
)
def test_filters_that_cannot_be(whole: History, chosen: RunFilter, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        whole.read(runs=chosen)


def test_bounds_of_blocks_pass_over_what_cannot_match(process: Process, tmp_path: Path) -> None:
    rows = made(0, 70_000).drop(columns=["remark"])  # 140,000 readings: blocks of readings, and none of runs yet
    rows["order"] = rows["order"] + "-" + rows["sample"].astype(str)  # each reading a run: two blocks of runs
    history = History.from_frame(process, rows, tmp_path / "long.h5")
    expected = history.read(rows="runs")
    for chosen, mask in (
        (RunFilter(since="2031-01-01T00:00Z"), expected["run_id"] > ""),
        (RunFilter(where={"feed": (699.0, 1000.0)}), expected["feed"] >= 699.0),
        (RunFilter(run_id=["PO-000-1", "PO-69999-2"]), expected["run_id"].isin(["PO-000-1", "PO-69999-2"])),
    ):
        if chosen.since is not None:
            known = history.read(["run_id", "start_time"], rows="runs")
            mask = known["start_time"] >= pd.Timestamp("2031-01-01")
        found = history.read(rows="runs", runs=chosen)
        pd.testing.assert_frame_equal(found, expected[mask].reset_index(drop=True), check_categorical=False)
    assert histories.verify(tmp_path / "long.h5").ok


def test_traces(process: Process, tmp_path: Path) -> None:
    samples = pd.DataFrame({"run_id": ["PO-001"] * 3, "time": [0.0, 0.01, 0.02], "value": [1.0, 2.0, 3.0]})
    later = pd.DataFrame({"run_id": ["PO-004"] * 2, "time": [0.0, 0.01], "value": [7.0, 8.0]})
    samples.to_csv(tmp_path / "first.csv", index=False)
    later.to_csv(tmp_path / "later.csv", index=False)
    for place in (f"{tmp_path}/line/", tmp_path / "one.h5"):
        ingest.import_data(process, made(0, 3), place, traces={"current": tmp_path / "first.csv"})
        ingest.import_data(process, made(3, 6), place, traces={"current": tmp_path / "later.csv"})
        history = History.open(place)
        assert history.traces().to_dict("records") == [{"name": "current", "unit": "A", "period_ms": 10.0}]
        found = history.trace("current")
        assert list(found["run_id"]) == ["PO-001"] * 3 + ["PO-004"] * 2
        assert list(found["value"]) == [1.0, 2.0, 3.0, 7.0, 8.0]
        np.testing.assert_allclose(found["seconds"], [0, 0.01, 0.02, 0, 0.01])
        assert found.attrs["units"] == {"value": "A"}
        assert list(history.trace("current", runs=RunFilter(run_id="PO-004"))["value"]) == [7.0, 8.0]
        first = history.provenance["time"].iloc[0]
        assert len(history.trace("current", as_of=first)) == 3
        cells = history.read(["run_id", "current"], rows="runs")["current"]
        assert [list(cell) for cell in cells] == [[], [1, 2, 3], [], [], [7, 8], []]
        with pytest.raises(DataError, match='did you mean "current"'):
            history.trace("curent")
        assert "current" not in history.read(rows="runs")


def test_minibatches_hold_every_row_once(line: Path, whole: History) -> None:
    for history in (History.open(line), whole):
        rows = np.concatenate(list(history.minibatches(["feed", "grade", "yield"], 7, seed=3)))
        assert (rows.shape, rows.dtype) == ((60, 3), np.float32)
        known = history.read(["feed", "grade", "yield"])
        np.testing.assert_allclose(np.sort(rows[:, 2]), np.sort(known["yield"]))
        np.testing.assert_allclose(rows[:, 1], np.round(rows[:, 0] * 100) % 2)
        again = np.concatenate(list(history.minibatches(["feed", "grade", "yield"], 7, seed=3)))
        np.testing.assert_array_equal(rows, again)
    sizes = [len(rows) for rows in whole.minibatches(["feed"], 16, drop_last=True)]
    assert sizes == [16, 16, 16]
    chosen = np.concatenate(list(whole.minibatches(["feed"], 16, runs=RunFilter(where={"grade": "B"}), rows="runs")))
    assert len(chosen) == 15
    with pytest.raises(DataError, match="columns of numbers or categories"):
        whole.minibatches(["remark"])


def test_statistics_are_those_of_pandas(line: Path) -> None:
    history = History.open(line)
    found = history.statistics()
    frame = history.read()
    for name in ("feed", "yield"):
        values = frame[name]
        assert found.loc[name, "count"] == 60
        np.testing.assert_allclose(found.loc[name, "mean"], values.mean())
        np.testing.assert_allclose(found.loc[name, "standard_deviation"], values.std())
        np.testing.assert_allclose(found.loc[name, "25 %"], values.quantile(0.25))
    assert found.loc["power", "count"] == 0
    assert found.loc["power", "missing"] == 60
    assert bool(found["exact"].all())
    assert found.loc["feed", "unit"] == "mm/rev"


def test_arrow_takes_rows_over(line: Path) -> None:
    history = History.open(line)
    names = ["run_id", "start_time", "feed", "grade", "yield", "power", "remark"]
    frame = history.read(names)
    table = pyarrow.table(history.to_arrow(names))
    assert table.column_names == names
    assert table.schema.field("feed").metadata == {b"unit": b"mm/rev"}
    assert pyarrow.types.is_dictionary(table.schema.field("grade").type)
    np.testing.assert_array_equal(table["feed"].to_numpy(), frame["feed"])
    assert table["grade"].to_pylist() == list(frame["grade"])
    assert table["remark"].to_pylist() == list(frame["remark"])
    assert table["start_time"].type == pyarrow.timestamp("ns", "UTC")
    assert [value.value for value in table["start_time"].to_pylist()] == list(frame["start_time"].astype("int64"))
    reader = pyarrow.RecordBatchReader.from_stream(history.to_arrow(["feed"]))
    assert [part.num_rows for part in reader] == [20, 20, 20]
    of_runs = history.to_arrow(names[:-1], rows="runs", runs=RunFilter(run_id="PO-002"))
    assert polars.DataFrame(of_runs).height == 1
    with pytest.raises(DataError, match="fee"):
        pyarrow.table(history.to_arrow(["fee"]))


def test_arrow_says_what_is_missing(process: Process) -> None:
    rows = made(0, 3)
    rows.loc[0, "remark"] = None
    history = History.from_frame(process, rows)
    table = pyarrow.table(history.to_arrow(["remark", "reading_time", "yield", "power"]))
    assert table["remark"].null_count == 1
    assert table["reading_time"].null_count == 6
    assert np.isnan(table["power"].to_numpy()).all()
    samples = _core.ArrowRows(history.source, ["run_id"])
    assert pyarrow.table(samples).num_rows == 6


def test_lots_and_recipes(process: Process, tmp_path: Path) -> None:
    lots = tmp_path / "lots.csv"
    lots.write_text("child_lot,parent_lot,quantity,unit,time\nL1,H7,3,kg,2024-01-01T00:00Z\nL1,H8,,,\n")
    asked = tmp_path / "recipes.csv"
    asked.write_text("recipe,parameter,value,unit\nP-1,feed,100,um/rev\nP-2,feed,0.2,\n")
    for place in (f"{tmp_path}/line/", tmp_path / "one.h5"):
        report = ingest.import_data(process, made(0, 3), place, genealogy=lots, recipes=asked)
        assert (report.genealogy, report.recipes) == (2, 2)
        again = ingest.import_data(process, made(3, 4), place, genealogy=lots, recipes=asked)
        assert (again.genealogy, again.recipes) == (0, 0)
        history = History.open(place)
        assert history.genealogy[["child_lot", "parent_lot", "unit", "source"]].to_numpy().tolist() == [
            ["L1", "H7", "kg", "lots.csv"],
            ["L1", "H8", "", "lots.csv"],
        ]
        np.testing.assert_array_equal(history.genealogy["quantity"], [3.0, np.nan])
        assert history.genealogy["time"].iloc[0] == pd.Timestamp("2024-01-01", tz="UTC")
        assert history.recipes[["recipe", "parameter", "value", "unit"]].to_numpy().tolist() == [
            ["P-1", "feed", 0.1, "mm/rev"],
            ["P-2", "feed", 0.2, "mm/rev"],
        ]
        assert histories.verify(place).ok


def test_lots_and_recipes_hide_no_column(process: Process, tmp_path: Path) -> None:
    """A segment of lots or recipes alone comes last: the columns are those of the rows before it."""
    lots, asked = tmp_path / "lots.csv", tmp_path / "recipes.csv"
    lots.write_text("child_lot,parent_lot\nL1,H7\n")
    asked.write_text("recipe,parameter,value,unit\nP-1,feed,0.1,mm/rev\n")
    for place, more in ((f"{tmp_path}/lots/", {"genealogy": lots}), (f"{tmp_path}/recipes/", {"recipes": asked})):
        ingest.import_data(process, made(0, 3), f"{tmp_path}/plain/")
        ingest.import_data(process, made(0, 3), place, **more)
        plain, history = History.open(tmp_path / "plain"), History.open(place)
        assert history.segments == 2
        pd.testing.assert_frame_equal(history.read(), plain.read())
        assert ingest.import_data(process, made(2, 5), place).readings_added > 0


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("P-1,fed,1,", 'did you mean "feed"'),
        ("P-1,feed,much,", "expected a number for 'feed'"),
        ("P-1,feed,1,bar", "a unit that can be converted to 'mm/rev'"),
        (",feed,1,", "expected a recipe in each row"),
    ],
)
def test_recipes_that_cannot_be(process: Process, tmp_path: Path, rows: str, says: str) -> None:
    asked = tmp_path / "recipes.csv"
    asked.write_text(f"recipe,parameter,value,unit\n{rows}\n")
    with pytest.raises((DataError, UnitError), match=says):
        ingest.import_data(process, made(0, 3), tmp_path / "one.h5", recipes=asked)


@pytest.mark.parametrize("compression", ["deflate", "zstd", "lz4", "none"])
def test_whatever_compresses_it(process: Process, whole: History, tmp_path: Path, compression: Compression) -> None:
    for place in (f"{tmp_path}/line/", tmp_path / "one.h5"):
        ingest.import_data(process, made(0, 30), place, compression=compression)
        pd.testing.assert_frame_equal(History.open(place).read(), whole.read())
        assert histories.verify(place).ok
    saved = whole.save(tmp_path / "saved.h5", compression=compression)
    assert saved.digest == whole.digest
    with pytest.raises(ConfigurationError, match="deflate"):
        whole.save(tmp_path / "bad.h5", compression="zip")  # type: ignore[arg-type]


def test_a_range_of_rows(line: Path, whole: History) -> None:
    expected = whole.read()
    for history in (History.open(line), whole):
        for only in (slice(0, 5), slice(15, 45), slice(-3, None), slice(50, 999), slice(7, 3)):
            pd.testing.assert_frame_equal(history.read(only=only), expected[only].reset_index(drop=True))
        with pytest.raises(ConfigurationError, match="one after the other"):
            history.read(only=slice(0, 10, 2))


def test_runs_bear_the_equipment_of_the_process(process: Process) -> None:
    content = process.to_dict() | {"equipment": {"site": "plant", "work_unit": "press-9"}}
    rows = made(0, 2).drop(columns="equipment")
    history = History.from_frame(Process.from_dict(content), rows)
    assert set(history.read(["equipment"])["equipment"]) == {"plant/press-9"}
    assert len(history.read(runs=RunFilter(equipment="plant"))) == 4


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.startswith(".")}


def test_segments_without_their_list_are_nobodys_to_remove(process: Process, line: Path) -> None:
    """A lost list, an older one and files of other people: refused, and nothing is gone."""
    manifest = line / "luban-history.json"
    newest = manifest.read_bytes()
    ingest.import_frame(process, made(30, 40), line, name="more")
    there = files(line)
    for wrong in (None, newest):
        manifest.unlink() if wrong is None else manifest.write_bytes(wrong)
        with pytest.raises(IntegrityError, match="a list of all segments") as caught:
            ingest.import_frame(process, made(40, 41), line, name="next")
        assert "of one backup together" in str(caught.value)
        now = files(line)
        assert all(now[name] == data for name, data in there.items() if name != manifest.name)
        manifest.write_bytes(there[manifest.name])
    assert len(History.open(line)) == 80


def test_a_list_from_before_a_merge_is_not_the_latest(process: Process, line: Path) -> None:
    """It names more segments than there are, and the merged one bears the next free name."""
    manifest = line / "luban-history.json"
    old = manifest.read_bytes()
    histories.compact(line)
    there = files(line)
    manifest.write_bytes(old)
    with pytest.raises(IntegrityError, match="not the latest"):
        ingest.import_frame(process, made(30, 31), line, name="next")
    assert files(line)["segment-000004.h5"] == there["segment-000004.h5"]


@pytest.mark.parametrize("heads", ["restored", "missing", "damaged"])
def test_a_newer_segment_than_a_restored_list_is_kept(process: Process, line: Path, heads: str) -> None:
    """Nobody can tell it from what a crash left: it is put aside, and verify says so. Damaged heads: refused."""
    manifest, noted = line / "luban-history.json", line.with_name("line.head")
    backup = manifest.read_bytes(), noted.read_bytes()
    ingest.import_frame(process, made(30, 40), line, name="more")
    newest = (line / "segment-000004.h5").read_bytes()
    manifest.write_bytes(backup[0])
    if heads == "restored":
        noted.write_bytes(backup[1])
    elif heads == "missing":
        noted.unlink()
    else:
        noted.write_text("garbage\n" + noted.read_text())
    assert any("segment-000004.h5" in note for note in histories.verify(line).notes)
    if heads == "damaged":
        with pytest.raises(IntegrityError, match="heads that cannot say"):
            ingest.import_frame(process, made(40, 50), line, name="other")
        assert (line / "segment-000004.h5").read_bytes() == newest
        return
    for aside in (".segment-000004.h5.unlisted", ".segment-000005.h5.unlisted"):
        ingest.import_frame(process, made(40, 50), line, name=f"beside {aside}")
        if aside.startswith(".segment-000004"):
            assert (line / aside).read_bytes() == newest
            assert any(aside in note for note in histories.verify(line).notes)
    assert histories.verify(line).ok


def test_a_folder_that_was_put_back_after_another_was_begun(process: Process, line: Path, tmp_path: Path) -> None:
    """The first import into a new folder of that name was killed before its list: heads tell of it, as of nothing."""
    heads = line.with_name("line.head")
    begun = json.loads(heads.read_text().splitlines()[-1])
    begun |= {"uuid": "0" * 32, "segments": 1, "head": "1" * 64, "reason": "append-begun"}
    heads.write_text(heads.read_text() + json.dumps(begun, separators=(",", ":")) + "\n")
    assert histories.verify(line).ok
    ingest.import_frame(process, made(30, 31), line, name="next")
    assert histories.verify(line).ok


def test_an_identifier_named_as_a_quality_is(process: Process, tmp_path: Path) -> None:
    """It hides the quality when it is read, and late values still find what they correct."""
    content = process.to_dict()
    content["identifiers"]["power.quality"] = {}
    process, line = Process.from_dict(content), f"{tmp_path}/line/"
    ingest.import_frame(process, made(0, 4).assign(**{"power.quality": "dull"}), line, name="first")
    late = pd.DataFrame({"run_id": ["PO-001", "PO-003"], "repeat": 1, "power": [1.0, 2.0]})
    assert ingest.import_frame(process, late, line, name="late").values_added == 2
    assert ingest.import_frame(process, late.assign(power=3.0), line, name="again").values_corrected == 2
    assert History.open(line).read(["power.quality"])["power.quality"].tolist() == ["dull"] * 8


def test_the_only_segment_without_its_list_is_put_aside(process: Process, tmp_path: Path) -> None:
    ingest.import_frame(process, made(0, 4), f"{tmp_path}/line/", name="first")
    (tmp_path / "line/luban-history.json").unlink()
    with pytest.raises(IntegrityError, match="no list beside segment-000001"):
        ingest.import_frame(process, made(4, 5), tmp_path / "line", name="next")
    (tmp_path / "line.head").unlink()  # nothing says now that it was ever acknowledged
    ingest.import_frame(process, made(4, 5), tmp_path / "line", name="next")
    assert (tmp_path / "line/.segment-000001.h5.unlisted").exists()
    assert len(History.open(tmp_path / "line")) == 2


def test_a_torn_line_in_a_file_of_heads_that_may_only_grow(process: Process, line: Path) -> None:
    heads = line.with_name("line.head")
    heads.write_text(heads.read_text() + '{"uuid":"4e')
    if subprocess.run(["chattr", "+a", str(heads)], check=False, capture_output=True).returncode != 0:
        pytest.skip("no file here may only grow: chattr +a is refused")
    try:
        for first in (30, 40):
            ingest.import_frame(process, made(first, first + 1), line, name=f"from {first}")
        assert heads.read_text().count('{"uuid":"4e#torn\n') == 1
        assert histories.verify(line).ok
    finally:
        subprocess.run(["chattr", "-a", str(heads)], check=True)


def test_files_of_others_stay(process: Process, tmp_path: Path) -> None:
    folder = tmp_path / "line"
    folder.mkdir()
    (folder / ".draft.partial").write_text("mine")
    (folder / ".segment-000001.h5.77-0.partial").write_text("left by a crash")
    ingest.import_frame(process, made(0, 2), folder, name="a")
    assert (folder / ".draft.partial").read_text() == "mine"
    assert not (folder / ".segment-000001.h5.77-0.partial").exists()
    thesis = tmp_path / "mine/segment-2024-thesis.h5"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    with pytest.raises(IoError, match="a folder of other files"):
        ingest.import_frame(process, made(0, 2), thesis.parent, name="a")
    assert thesis.read_text() == "years of work"


@pytest.mark.parametrize("place", ["one.h5", "line/"])
def test_reject_keeps_nothing_of_a_piece_that_contradicts(process: Process, tmp_path: Path, place: str) -> None:
    out = f"{tmp_path}/{place}"
    ingest.import_frame(process, made(0, 4), out, name="a")
    other = made(2, 8)
    other.loc[other["order"] == "PO-003", "feed"] = 0.9
    for _ in range(2):
        with pytest.raises(DataError, match="disagrees_with_stored_run 2"):
            ingest.import_frame(process, other, out, name="b", on_bad="reject")
        with pytest.raises(DataError, match="disagrees_with_stored_run 2"):
            History.open(out).append(other, on_bad="reject")
        history = History.open(out)
        assert (len(history), len(history.quarantine), len(history.provenance)) == (8, 0, 1)
    assert ingest.import_frame(process, other, out, name="b").readings_added == 8  # the lock is free


@pytest.mark.parametrize("place", ["one.h5", "line/"])
def test_samples_are_compared_with_what_is_stored(process: Process, tmp_path: Path, place: str) -> None:
    out, samples = f"{tmp_path}/{place}", tmp_path / "current.csv"
    samples.write_text("run_id,time,value\nPO-001,2024-01-01T00:00:00Z,1\nPO-001,2024-01-01T00:00:00.010Z,2\n")
    ingest.import_data(process, made(0, 3), out, traces={"current": samples})
    ingest.import_data(process, made(0, 4), out, traces={"current": samples})
    history = History.open(out)
    assert len(history.quarantine) == 0
    assert history.trace("current")["value"].tolist() == [1.0, 2.0]
    slower = Process.from_dict({**process.to_dict(), "traces": {"current": {"unit": "A", "period_ms": 20}}})
    samples.write_text("run_id,time,value\nPO-004,0,1\nPO-004,0.02,2\n")
    with pytest.raises(ConfigurationError, match="another rate is another trace"):
        ingest.import_data(slower, made(4, 5), out, traces={"current": samples})


@pytest.mark.parametrize("place", ["one.h5", "line/"])
def test_filters_know_what_came_later(process: Process, tmp_path: Path, place: str) -> None:
    """A category or an identifier that only newer segments have."""
    out, content = f"{tmp_path}/{place}", process.to_dict()
    ingest.import_frame(process, made(0, 4), out, name="a")
    content["context"]["grade"]["categories"].append("C")
    content["identifiers"]["badge"] = {}
    ingest.import_frame(Process.from_dict(content), made(4, 8).assign(grade="C", badge="x"), out, name="b")
    history = History.open(out)
    for where in ({"grade": "C"}, {"badge": "x"}):
        assert len(history.read(runs=RunFilter(where=where))) == 8
    with pytest.raises(DataError, match="known are A, B and C"):
        history.read(runs=RunFilter(where={"grade": "D"}))
    with pytest.raises(DataError, match=r'"badges".*did you mean'):
        history.read(runs=RunFilter(where={"badges": "x"}))


def test_a_head_kept_elsewhere_does_not_stop_the_next_writer(process: Process, line: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.head"
    assert histories.compact(line, head=elsewhere).segments_after == 1
    ingest.import_frame(process, made(50, 52), line, name="next")
    assert histories.verify(line).ok


def test_a_hostile_line_behind_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "line.h5"
    for tail in (b"luban-heap " + b"0" * 116 + b"1", b"luban-heap 0 " + b"9" * 114 + b"\n"):
        file.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * (4096 - 8 - 128) + tail.ljust(128))
        with pytest.raises(IntegrityError, match="heap"):
            History.open(file)


@pytest.mark.parametrize("place", ["one.h5", "line/"])
def test_other_facts_about_a_known_run_are_kept_aside(process: Process, tmp_path: Path, place: str) -> None:
    """Only responses are corrected; what else came is in the quarantine, and what is the same is nowhere."""
    out = f"{tmp_path}/{place}"
    ingest.import_frame(process, made(0, 2), out, name="a")
    other = made(0, 2).assign(material_lot="L9", end_time="2024-01-02T00:00Z", equipment="plant/hall/press-9")
    report = ingest.import_frame(process, other, out, name="b")
    quarantine = History.open(out).quarantine
    assert report.changed
    assert sorted(quarantine["column"]) == sorted(["end_time", "equipment", "material_lot"] * 2)
    assert set(quarantine["reason"]) == {"only_responses_are_corrected"}
    assert "L9" in set(quarantine["value"])
    assert History.open(out).read(["material_lot"], rows="runs")["material_lot"].tolist() == ["", ""]
