"""Achieved settings, qualities, traces and lots: what an import makes of them before a history keeps them."""

import gzip
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from luban import _history, ingest
from luban._intake.cells import NO_TIME, Codes
from luban._intake.columns import match_columns
from luban._intake.convert import Columns, Refusals, convert_chunk
from luban._intake.extras import mean_of_runs
from luban._intake.genealogy import read_genealogy
from luban._intake.quality import Quality, opc_quality
from luban._intake.run import OnBad, add_source
from luban._intake.sink import ContentSink
from luban._intake.sources.csv import CsvSource
from luban._intake.sources.find import find_source
from luban._intake.sources.frame import FrameSource
from luban._intake.traces import Recorded, read_trace
from luban.errors import ConfigurationError, DataError, UnitError
from luban.history import History
from luban.process import Process

TEXT = """
luban: 1
process: rich
parameters:
  speed: {unit: m/min, low: 100, high: 300, column: Vc, achieved: {column: {name: Vc_actual, unit: km/min}}}
  grade: {categories: [A, B], achieved: {column: grade_used}}
responses:
  roughness: {unit: um, column: Ra, quality: {column: Ra_q, good: [OK, 0], uncertain: [maybe], bad: [broken]}}
  power: {unit: kW, quality: {column: power_q}}
traces:
  current: {unit: A, period_ms: 10}
  pressure: {unit: bar, period_ms: 1000, column: {name: p, unit: kPa}}
runs: {id: [speed, grade]}
"""


@pytest.fixture
def rich(tmp_path: Path) -> Process:
    (tmp_path / "rich.yaml").write_text(TEXT)
    return Process.from_yaml(tmp_path / "rich.yaml")


def columns_of(process: Process, frame: pd.DataFrame) -> tuple[Columns, Refusals]:
    source, refusals = FrameSource(frame, "frame"), Refusals()
    header = source.header([])
    match = match_columns(process, header.names, "frame", header.units)
    return convert_chunk(next(iter(source.chunks(header, []))), match, ".", refusals), refusals


def rows() -> pd.DataFrame:
    return pd.DataFrame({
        "Vc": [100.0, 100, 200, 200], "grade": ["A", "A", "B", "B"], "Ra": [1.0, 2, 3, 4], "power": [1.0, 2, 3, 4],
        "Vc_actual": ["0.101", "0.103", "", "n/a"], "grade_used": ["A", "A", "", "C"],
        "Ra_q": ["OK", "maybe", "broken", "strange"], "power_q": ["Good", "0x40000000", "BadSensorFailure", ""],
    })  # fmt: skip


def test_achieved_and_quality_are_read(rich: Process) -> None:
    columns, refusals = columns_of(rich, rows())
    np.testing.assert_allclose(columns.achieved["speed"], [101, 103, np.nan, np.nan])
    grade = columns.achieved["grade"]
    assert isinstance(grade, Codes)
    assert grade.codes.tolist() == [0, 0, -1, -1]
    assert columns.quality["roughness"].tolist() == [0, 1, 2, 1]
    assert columns.quality["power"].tolist() == [0, 1, 2, 0]
    told = list(zip(refusals.rows.tolist(), refusals.column, refusals.value, refusals.reason, strict=True))
    assert sorted(told) == [
        (3, "Ra_q", "strange", "quality_never_seen"),
        (3, "Vc_actual", "n/a", "not_a_number"),
        (3, "grade_used", "C", "category_never_seen"),
    ]
    assert set(refusals.scope) == {"value"}
    assert columns.good.all()
    assert set(refusals.reason) <= set(ingest.REASONS)


def test_a_source_may_lack_them(rich: Process) -> None:
    columns, _ = columns_of(rich, rows().drop(columns=["Vc_actual", "grade_used", "Ra_q", "power_q"]))
    assert columns.achieved == {}
    assert columns.quality == {}


def test_the_worse_of_two_qualities_counts(rich: Process, tmp_path: Path) -> None:
    frame = rows().assign(Ra_q=["OK", "OK", "broken", ""], **{"roughness.quality": ["bad", "uncertain", "good", "bad"]})
    columns, refusals = columns_of(rich, frame)
    assert columns.quality["roughness"].tolist() == [2, 1, 2, 2]
    assert not any(column.endswith("q") for column in refusals.column)
    assert match_columns(rich, list(frame), "frame").auxiliary == {}
    # From a frame of a history to a history: what one of them calls bad is no value there.
    frame = frame.assign(run_id=list("abcd"), repeat=1, Vc=100.0, grade="A", Vc_actual=100.0, grade_used="A")
    ingest.import_frame(rich, frame, tmp_path / "out.h5", own_runs=True)
    read = History.open(tmp_path / "out.h5").read(["roughness", "roughness.quality"])
    np.testing.assert_array_equal(read["roughness"], [np.nan, 2, np.nan, np.nan])
    assert read["roughness.quality"].tolist() == ["bad", "uncertain", "bad", "bad"]


def test_a_stated_quality_that_the_source_lacks_is_told(rich: Process, tmp_path: Path) -> None:
    frame = rows().rename(columns={"Ra_q": "Ra_Q"})
    notes = match_columns(rich, list(frame), "frame").notes
    near = "Not in the source: the qualities of roughness (column 'Ra_q'; did you mean \"Ra_Q\"?)"
    assert notes == [f"{near}; its new values count as good."]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    assert notes[0] in str(ingest.import_csv(rich, tmp_path / "rows.csv", tmp_path / "out.h5"))
    notes = match_columns(rich, list(rows().drop(columns="power_q")), "frame").notes
    assert notes == ["Not in the source: the qualities of power (column 'power_q'); its new values count as good."]
    assert (
        match_columns(rich, list(rows().drop(columns=["power", "power_q"])), "frame", inputs_required=False).notes == []
    )
    assert match_columns(rich, list(frame), "frame", own_runs=True).notes == []
    assert match_columns(rich, list(rows()), "frame").notes == []


UNSTATED = TEXT.replace(", quality: {column: Ra_q, good: [OK, 0], uncertain: [maybe], bad: [broken]}", "")


def test_a_quality_may_be_named_after_the_column_of_its_response(rich: Process, tmp_path: Path) -> None:
    (tmp_path / "unstated.yaml").write_text(UNSTATED)
    unstated = Process.from_yaml(tmp_path / "unstated.yaml")
    named = rows().drop(columns="Ra_q").assign(**{"Ra.quality": ["Good", "Uncertain", "Bad", ""]})
    columns, _ = columns_of(unstated, named)
    assert columns.quality["roughness"].tolist() == [0, 1, 2, 0]
    assert match_columns(unstated, list(named), "frame").notes == []
    # Where another column is stated it is anybody's; the name that an export writes counts all the same.
    assert "roughness" not in columns_of(rich, named)[0].quality
    match = match_columns(rich, list(named), "frame")
    assert match.auxiliary == {"Ra.quality": ("Ra.quality", "")}
    assert match.notes[0].startswith("Not in the source: the qualities of roughness (column 'Ra_q'")
    columns, _ = columns_of(rich, named.rename(columns={"Ra.quality": "roughness.quality"}))
    assert columns.quality["roughness"].tolist() == [0, 1, 2, 0]


def test_a_stated_quality_leaves_other_columns_alone(rich: Process, tmp_path: Path) -> None:
    frame = rows().assign(Ra_q="OK", Vc_actual="", grade_used="", **{"Ra.quality": [85, 97, 99, 100]})
    frame = frame.assign(Vc=[100.0, 110, 120, 130])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    ingest.import_csv(rich, tmp_path / "rows.csv", tmp_path / "out.h5")
    read = History.open(tmp_path / "out.h5").read(["Ra.quality", "roughness.quality"])
    assert read["Ra.quality"].tolist() == [85, 97, 99, 100]
    assert set(read["roughness.quality"]) == {"good"}


@pytest.mark.parametrize("header", ["Ra.quality", "Ra.quality [%]"])
def test_percentages_in_an_unstated_quality_say_what_to_write(tmp_path: Path, header: str) -> None:
    (tmp_path / "unstated.yaml").write_text(UNSTATED)
    frame = rows().drop(columns="Ra_q").assign(**{header: [85, 97, 99, 100]})
    with pytest.raises(ConfigurationError, match="received 85, 97, 99, 100") as told:
        columns_of(Process.from_yaml(tmp_path / "unstated.yaml"), frame)
    quality, identifiers = str(told.value).split("say so: ")[1].split("; if they are no qualities, give the column a "
                                                                      "name of its own: ")  # fmt: skip
    for stated in (
        UNSTATED.replace("column: Ra}", f"column: Ra, {quality}}}"),
        UNSTATED + identifiers.removesuffix("."),
    ):
        (tmp_path / "unstated.yaml").write_text(stated)
        columns, _ = columns_of(Process.from_yaml(tmp_path / "unstated.yaml"), frame)
        assert ("roughness" in columns.quality) == ("identifiers" not in stated)


@pytest.mark.parametrize("on_bad", ["quarantine", "reject"])
@pytest.mark.parametrize("words", ["", ", good: [OK]"])
def test_opc_classic_is_found_before_the_first_piece(tmp_path: Path, words: str, on_bad: OnBad) -> None:
    (tmp_path / "plate.yaml").write_text(TAKEN_BACK.replace(", bad: [broken]", words))
    process = Process.from_yaml(tmp_path / "plate.yaml")
    sink = ContentSink(_history.Content(), piece_rows=4)
    frame = pd.DataFrame({"part": [f"A{i}" for i in range(20)], "rep": 1, "speed": 20, "Ra": 1.0, "hard": 2.0})
    frame["Ra_q"] = ["0"] * 13 + ["192", "64"] * 3 + ["216"]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    source = CsvSource(tmp_path / "rows.csv")
    with pytest.raises(ConfigurationError, match=r"received 192, 64.*192.*\], uncertain: \[64\], bad: \[0\]") as told:
        add_source(sink, process, source, on_bad=on_bad)
    assert on_bad == "reject" or "received 192, 64, 216 (column 'Ra_q')" in str(told.value)
    assert list(sink.process) == []
    assert len(sink.imports_of(source.digest())) == 0


def test_qualities_are_looked_over_only_before_several_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plate.yaml").write_text(TAKEN_BACK)
    process, reads = Process.from_yaml(tmp_path / "plate.yaml"), []
    chunks = CsvSource.chunks
    monkeypatch.setattr(CsvSource, "chunks", lambda *of: reads.append(1) or chunks(*of))
    text = "part,rep,speed,Ra,hard,Ra_q\nA,1,20,1,2,0\nB,1,20,1,2,Bad\n"
    for header, piece_rows, count in (("Ra_q", None, 1), ("Ra_q", 1, 2), ("other", 1, 1)):
        (tmp_path / "rows.csv").write_text(text.replace("Ra_q", header))
        sink = ContentSink(_history.Content(), piece_rows=piece_rows)
        assert add_source(sink, process, CsvSource(tmp_path / "rows.csv")).readings == 2
        assert len(reads) == count
        reads.clear()
        add_source(sink, process, CsvSource(tmp_path / "rows.csv"), again=True)
        assert len(reads) == 1  # all of it came before
        reads.clear()


def test_a_folder_holds_nothing_of_unexplained_qualities(tmp_path: Path) -> None:
    (tmp_path / "plate.yaml").write_text(TAKEN_BACK.replace(", bad: [broken]", ""))
    count = 135_000
    frame = pd.DataFrame({"part": np.arange(count), "rep": 1, "speed": 20, "Ra": 1.0, "hard": 2.0})
    frame.assign(Ra_q=np.where(frame["part"] < 133_000, 0, 192)).to_csv(tmp_path / "rows.csv", index=False)
    process = Process.from_yaml(tmp_path / "plate.yaml")
    with pytest.raises(ConfigurationError, match="OPC Classic"):
        ingest.import_csv(process, tmp_path / "rows.csv", f"{tmp_path}/folder/")
    left = {path.name for path in (tmp_path / "folder").iterdir()}
    assert left <= {".luban-history.readers"}  # who looks there; nothing of the source


def test_what_is_kept_as_uncertain_is_told_so(rich: Process, tmp_path: Path) -> None:
    frame = rows().assign(Ra_q=["Bad", "0x80000000", "OK", "strange"], Vc_actual="", grade_used="")
    report = ingest.import_frame(rich, frame, tmp_path / "out.h5")
    assert "Quarantined values of Ra_q: 1 — " in str(report)
    assert "explains; the value is kept as uncertain (quality_never_seen)" in str(report)
    read = History.open(tmp_path / "out.h5").read(["roughness.quality"])["roughness.quality"]
    assert read.tolist() == ["bad", "bad", "good", "uncertain"]


def test_qualities_of_opc_classic_are_refused_until_they_are_explained(tmp_path: Path) -> None:
    def process(quality: str) -> Process:
        (tmp_path / "rich.yaml").write_text(TEXT.replace("column: power_q", f"column: power_q{quality}"))
        return Process.from_yaml(tmp_path / "rich.yaml")

    frame = rows().assign(power_q=[192, 64, 0, 216])
    words = "{column: power_q, good: [192, 216], uncertain: [64], bad: [0]}"
    with pytest.raises(ConfigurationError) as told:
        columns_of(process(""), frame)
    assert "received 192, 64, 216 (column 'power_q')" in str(told.value)
    assert words in str(told.value)
    columns, refusals = columns_of(process(words.removeprefix("{column: power_q").removesuffix("}")), frame)
    assert columns.quality["power"].tolist() == [0, 1, 2, 0]
    assert "power_q" not in refusals.column
    # Words of one's own for some of them are shown with those that lack.
    with pytest.raises(
        ConfigurationError, match=r"received 216.0 .* good: \[192, 216\], uncertain: \[64\], bad: \[0\]"
    ):
        columns_of(process(", good: [192]"), frame.assign(power_q=["192.0", "0", "0", "216.0"]))
    columns, _ = columns_of(process(", good: [192]"), frame.assign(power_q=["192.0", "0", "Bad", "0x80000000"]))
    assert columns.quality["power"].tolist() == [0, 1, 2, 2]  # never the Good of OPC UA
    for text in ("255", "3", "0x10", "100.0"):
        with pytest.raises(ConfigurationError, match="OPC Classic"):
            columns_of(process(""), frame.assign(power_q=["Good", "Good", "Good", text]))
    for text in ("256", "-3", "3.5", "0x40000000"):
        columns, _ = columns_of(process(""), frame.assign(power_q=["Good", "Good", "Good", text]))
        assert columns.quality["power"].tolist() == [0, 0, 0, 1]


TAKEN_BACK = """
luban: 1
process: plate
parameters:
  speed: {unit: m/min, low: 10, high: 100}
identifiers:
  part: {}
responses:
  rough: {unit: um, column: Ra, late: true, valid: {low: 0}, quality: {column: Ra_q, bad: [broken]}}
  hard: {unit: "1", late: true}
runs: {id: [part], repeat: {column: rep}}
"""


@pytest.mark.parametrize("out", ["out.h5", "folder/"])
def test_a_bad_quality_without_its_number_is_told_loudly(tmp_path: Path, out: str) -> None:
    (tmp_path / "plate.yaml").write_text(TAKEN_BACK)
    process, place = Process.from_yaml(tmp_path / "plate.yaml"), f"{tmp_path}/{out}"

    def add(text: str) -> ingest.ImportReport:
        (tmp_path / "rows.csv").write_text(text)
        return ingest.import_csv(process, tmp_path / "rows.csv", place)

    first = add("part,rep,speed,Ra,Ra_q\nA,1,20,1,OK\nB,1,20,2,\nC,1,20,3,\nD,1,20,4,\nE,1,20,5,\nF,1,20,,broken\n")
    assert first.warnings == []  # of a new reading there is nothing to take back
    report = add("part,rep,speed,Ra,Ra_q\nA,1,20,-999,broken\nB,1,20,ERR,Bad\nC,1,20,NaN,broken\nD,1,20,,broken\n"
                 "E,1,20,5,broken\n")  # fmt: skip
    told = " of rough without a value of their own: nothing was taken back (bring the number again with its quality)."
    assert report.bad_without_value == {"rough": 4}
    assert report.warnings == report.to_dict()["warnings"] == ["4 bad qualities" + told]
    assert f"Warning: 4 bad qualities{told}" in report.lines()
    np.testing.assert_array_equal(History.open(place).read(["rough"])["rough"], [1, 2, 3, 4, np.nan, np.nan])
    late = add("part,rep,hard,Ra_q\nA,1,7,broken\n")  # not even a column of values
    assert late.warnings[0].startswith("1 bad quality of rough without a value of its own: nothing was taken back")
    assert late.lines()[2:4] == ["Nothing was quarantined.", f"Warning: {late.warnings[0]}"]


def test_one_column_tells_the_quality_of_two(tmp_path: Path) -> None:
    (tmp_path / "rich.yaml").write_text(TEXT.replace("column: power_q", "column: Ra_q, bad: [strange]"))
    columns, _ = columns_of(Process.from_yaml(tmp_path / "rich.yaml"), rows().assign(Ra_q="strange"))
    assert columns.quality["roughness"].tolist() == [1] * 4
    assert columns.quality["power"].tolist() == [2] * 4


def test_no_auxiliary_column_hides_what_was_achieved(rich: Process) -> None:
    header = [*rows(), "speed.achieved"]
    assert match_columns(rich, header, "frame").auxiliary == {
        "auxiliary.speed.achieved": ("speed.achieved", ""),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [("Good", 0), ("good", 0), ("Good_LocalOverride", 0), ("UncertainLastUsableValue", 1), ("BAD", 2), ("0", 0),
     ("1", 1), ("2", 2), ("0x00960000", 0), ("0x40900000", 1), ("2147483648", 2), ("3221225472", 2), ("192", -1),
     ("OK", -1), ("-1", -1), ("nan", -1), ("99999999999", -1), ("0xzz", -1), ("inf", -1),
     ("0.5", -1), ("1.0", 1), ("0x" + "f" * 5000, -1), ("1" * 33, -1), ("1." + "0" * 40, -1), ("0x" + "0" * 30, 0)],
)  # fmt: skip
def test_words_and_codes_of_opc_ua(text: str, code: int) -> None:
    assert opc_quality(text) == code
    assert Quality("a", "b", {text: 1}).code(text) == 1
    assert Quality("a", "b", {text: 1}).code("other") == -1
    assert Quality("a", "b", {"other": 1, "None": 1}).code(text) == code


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("good: [OK, 0], uncertain: [OK]", "expected each word for one quality, received 'OK' twice"),
        ("good: [OK], unit: s", "unit"),
        ("godo: [OK]", "godo"),
    ],
)
def test_keys_of_quality(change: str, message: str) -> None:
    from luban import _document

    text = TEXT.replace("good: [OK, 0], uncertain: [maybe], bad: [broken]", change)
    with pytest.raises(ConfigurationError, match=message):
        Process._from_document(_document.parse_yaml(text, "rich.yaml"))


def test_a_column_is_read_for_one_name(tmp_path: Path) -> None:
    from luban import _document

    for old, new, message in (
        ("{name: Vc_actual, unit: km/min}", "Ra", "'Ra' for 'roughness' and for achieved of 'speed'"),
        ("unit: km/min", "unit: kg", "expected a source unit that can be converted to 'm/min', received 'kg'"),
        ("column: power_q", "column: grade_used", "'grade_used' for 'achieved of grade' and for quality of 'power'"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            Process._from_document(_document.parse_yaml(TEXT.replace(old, new), "rich.yaml"))
    shared = Process._from_document(_document.parse_yaml(TEXT.replace("column: power_q", "column: Ra_q"), "rich.yaml"))
    assert shared.to_dict()["responses"]["power"]["quality"] == {"column": "Ra_q"}


@hypothesis.given(
    st.lists(st.tuples(st.integers(0, 4), st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")))), max_size=40)
)
def test_mean_of_runs(pairs: list[tuple[int, float]]) -> None:
    run = np.array([pair[0] for pair in pairs], dtype=np.int64)
    values = np.array([pair[1] for pair in pairs])
    got = mean_of_runs(values, run, 5)
    for number in range(5):
        known = [value for at, value in pairs if at == number and value == value]
        if not known:
            assert np.isnan(got[number])
        elif len(set(known)) == 1:
            assert got[number] == known[0]
        else:
            np.testing.assert_allclose(got[number], np.mean(known), rtol=1e-9, atol=1e-6)


def test_a_matrix_of_text(rich: Process, tmp_path: Path) -> None:
    for text, suffix in (("1\t2\t3\n4\t5,5\n", ".txt"), ("1 2 3\n\n4  5.5\n", ".dat"), ("1,2,3\n4,5.5,\n", ".csv")):
        path = tmp_path / f"current{suffix}.gz"
        with gzip.open(path, "wt") as stream:
            stream.write(text)
        trace = read_trace(rich, "current", path)
        assert (trace.unit, trace.period_ns, trace.times, trace.run_ids) == ("A", 10_000_000, None, None)
        assert (trace.samples.dtype, trace.samples.tolist()) == (np.dtype("float32"), [1, 2, 3, 4, 5.5])
        assert trace.offsets.tolist() == [0, 3, 5]
    (tmp_path / "bad.txt").write_text("1 2\n3 x\n")
    with pytest.raises(DataError, match=r"expected numbers alone, received '3 x' .*line 2"):
        read_trace(rich, "current", tmp_path / "bad.txt")
    with pytest.raises(ConfigurationError, match='did you mean "current"'):
        read_trace(rich, "curent", tmp_path / "bad.txt")


def test_real_traces(rich: Process) -> None:
    path = Path("/work/shared/data/hydraulic-traces/TS1.txt.gz")
    if not path.exists():
        pytest.skip("the hydraulic traces are not on this machine")
    trace = read_trace(rich, "pressure", path)
    assert len(trace) == 2205
    assert np.diff(trace.offsets).tolist() == [60] * 2205
    np.testing.assert_allclose(trace.samples[:3], np.array([35.57, 35.492, 35.469]) / 100, rtol=1e-6)  # kPa → bar


def test_a_long_table(rich: Process, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("run_id,time [ms],current\nb,0,1\na,10,4\nb,10,2\na,0,3\na,20,\n")
    trace = read_trace(rich, "current", path)
    assert (trace.run_ids, trace.period_ns, trace.times) == (["b", "a"], 10_000_000, None)
    np.testing.assert_array_equal(trace.samples, np.array([1, 2, 3, 4, np.nan], dtype=np.float32))
    assert trace.start_time.tolist() == [NO_TIME, NO_TIME]
    path.write_text(
        "run_id,time,value [kPa]\n1,2026-01-01T00:00:00Z,100\n1,2026-01-01T00:00:01.5Z,200\n1,2026-01-01T00:00:02Z,1\n"
    )
    trace = read_trace(rich, "pressure", path)
    assert trace.unit == "bar"
    np.testing.assert_allclose(trace.samples, [1, 2, 0.01])
    start = pd.Timestamp("2026-01-01", tz="UTC").value
    assert trace.start_time.tolist() == [start]
    assert trace.times is not None
    assert (trace.times - start).tolist() == [0, 1_500_000_000, 2_000_000_000]
    for text, expected in (
        ("run_id,time,value\n1,0,x\n", "expected numbers, received something else in data row 1"),
        ("run_id,time,value\n,0,1\n", "expected a run id in each line"),
        ("run_id,time,value\n1,noon,1\n", "expected seconds since the start, or times with a zone"),
        ("run_id,value\n1,2\n", "columns run_id, value without time"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=expected):
            read_trace(rich, "current", path)
    path.write_text("run_id,time [m],value\n1,0,1\n")
    with pytest.raises(UnitError, match="expected a unit of time, received 'm'"):
        read_trace(rich, "current", path)


def test_dropped_samples_are_missing_ones(rich: Process, tmp_path: Path) -> None:
    """A channel keeps its period where a sample was dropped, and takes regular runs afterwards."""
    path, out = tmp_path / "long.csv", tmp_path / "h.h5"
    head = "run_id,time [ms],current\n"
    path.write_text(head + "1|A,0,1\n1|A,10,2\n1|A,40,3\n1|A,50,4\n2|A,7,5\n3|A,10,6\n3|A,20,7\n")
    trace = read_trace(rich, "current", path)
    assert (trace.period_ns, trace.times, trace.offsets.tolist()) == (10_000_000, None, [0, 6, 7, 9])
    wanted = np.array([1, 2, np.nan, np.nan, 3, 4, 5, 6, 7])
    np.testing.assert_array_equal(trace.samples, wanted)
    frame = pd.DataFrame({"Vc": [1, 2, 3], "grade": "A", "Ra": 1.0, "power": 2.0, "Ra_q": "OK", "power_q": "Good"})
    ingest.import_data(rich, frame, out, traces={"current": path})
    np.testing.assert_array_equal(History.open(out).trace("current")["value"], wanted)
    path.write_text(head + "4|A,0,8\n4|A,10,9\n")
    ingest.import_data(rich, frame[:1].assign(Vc=4), out, traces={"current": path})
    read = History.open(out)
    assert read.verify().ok
    np.testing.assert_array_equal(read.trace("current")["value"], [*wanted, 8, 9])
    assert read.trace("current")["seconds"].tolist() == [0, 0.01, 0.02, 0.03, 0.04, 0.05, 0, 0, 0.01, 0, 0.01]
    path.write_text("run_id,time [ms],current\na,0,1\na,10,2\na,20,2\na,200,3\n")
    assert read_trace(rich, "current", path).times is not None  # too much would be filled up
    path.write_text("run_id,time [ms],current\na,0,1\na,10,2\na,25,2\na,35,3\n")
    assert read_trace(rich, "current", path).times is not None
    path.write_text("run_id,time [ms],current\na,0,1\na,10")
    with pytest.raises(DataError, match=r"expected as many fields as the header has, 3, received 'a,10' .*data row 2"):
        read_trace(rich, "current", path)


def test_netcdf_traces(rich: Process, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    values = np.arange(6.0).reshape(2, 3)
    data = {"p": (("run", "time"), values, {"units": "Pa"}), "run_id": ("run", np.array(["x", "y"], dtype=object))}
    xarray.Dataset(data).to_netcdf(tmp_path / "p.nc", engine="h5netcdf")
    trace = read_trace(rich, "pressure", tmp_path / "p.nc")
    assert (trace.run_ids, trace.offsets.tolist(), trace.period_ns) == (["x", "y"], [0, 3, 6], 10**9)
    np.testing.assert_allclose(trace.samples, values.reshape(-1) / 1e5, rtol=1e-6)
    with pytest.raises(DataError, match="expected a variable 'current' of runs × time"):
        read_trace(rich, "current", tmp_path / "p.nc")


@hypothesis.given(data=st.data())
def test_samples_follow_their_runs(data: st.DataObject) -> None:
    from luban._intake.traces import Trace

    lengths = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=6))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = np.arange(offsets[-1], dtype=np.float32)
    start = np.arange(len(lengths), dtype=np.int64)
    names = [f"run {i}" for i in range(len(lengths))]
    trace = Trace("a", "A", values, offsets, start, 0, values.astype(np.int64), names)
    wanted = data.draw(st.lists(st.sampled_from([*names, "other"]), unique=True, max_size=6))
    recorded, none = Recorded(trace), np.empty(0, dtype=np.int64)
    cut = data.draw(st.integers(0, len(wanted)))
    recorded.of(wanted[:cut], none, 0)  # runs may come in pieces, and one in two of them
    recorded.of(wanted[max(0, cut - 1) :], none, 0)
    own = Recorded(trace).of(wanted, none, 0)
    assert len(own) == len(wanted)
    assert (recorded.samples, recorded.strange) == (len(own.samples), len(names) - len(set(wanted) & set(names)))
    for at, name in enumerate(wanted):
        got = own.samples[own.offsets[at] : own.offsets[at + 1]].tolist()
        number = names.index(name) if name in names else -1
        assert got == ([] if number < 0 else values[offsets[number] : offsets[number + 1]].tolist())
        assert own.start_time[at] == (NO_TIME if number < 0 else number)
    assert own.times is not None
    np.testing.assert_array_equal(own.times, own.samples)
    counted = Trace("a", "A", values, offsets, start, 0, None, None)
    order = np.array(data.draw(st.permutations(range(len(lengths)))), dtype=np.int64)
    placed = Recorded(counted).of(["x"] * len(order), order, len(lengths))
    assert np.diff(placed.offsets).tolist() == [lengths[at] for at in order]
    with pytest.raises(DataError, match="as many as the source has"):
        Recorded(counted).of(["x"], order[:1], len(lengths) + 1)


def test_lots(tmp_path: Path) -> None:
    path = tmp_path / "lots.csv"
    path.write_text("child_lot;parent_lot;quantity;unit;time\nC;B;1,5;kg;2026-01-01T00:00Z\nB;A;;;\nC;A;2;kg;\n")
    lots = read_genealogy(find_source(path))
    assert (lots.child_lot, lots.parent_lot, lots.unit) == (["C", "B", "C"], ["B", "A", "A"], ["kg", "", "kg"])
    np.testing.assert_array_equal(lots.quantity, [1.5, np.nan, 2.0])
    assert lots.time[1:].tolist() == [NO_TIME, NO_TIME]
    for text, expected in (
        ("child_lot,parent_lot\nA,B\nB,A\n", "'A', which is made of itself"),
        ("child_lot,parent_lot\nA,A\n", "'A', which is made of itself"),
        ("child_lot,parent_lot\nA,\n", "expected a lot in each row, received something else in data row 1"),
        ("child_lot,parent_lot,quantity\nA,B,much\n", "expected numbers"),
        ("child_lot,parent_lot,unit\nA,B\n", "expected as many fields as the header has, 3, received 'A,B'"),
        ("child,parent_lot\nA,B\n", "expected a column 'child_lot'"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=expected):
            read_genealogy(find_source(path))
