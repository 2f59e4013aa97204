"""Bad input gives a clear error or a right answer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from luban import ingest
from luban._intake.fast_csv import has_arrow
from luban.errors import ConfigurationError, DataError, IoError
from luban.history import History
from luban.process import Process

WriteCsv = Callable[..., Path]


def refusal(process: Process, csv: Path, **options: str) -> str:
    """Text of the error with which an import refuses a file; nothing is written."""
    out = csv.with_suffix(".h5")
    with pytest.raises((ConfigurationError, DataError, IoError)) as caught:
        ingest.import_csv(process, csv, out, **options)  # type: ignore[arg-type]
    assert not out.exists()
    return str(caught.value)


def imported(process: Process, csv: Path, **options: str) -> tuple[ingest.ImportReport, pd.DataFrame]:
    out = csv.with_suffix(".h5")
    report = ingest.import_csv(process, csv, out, **options)  # type: ignore[arg-type]
    return report, History.open(out).read()


def test_no_file(process: Process, tmp_path: Path) -> None:
    assert "expected a file that can be read, received No such file" in refusal(process, tmp_path / "absent.csv")
    assert "received Is a directory" in refusal(process, tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n"])
def test_empty_file(process: Process, write_csv: WriteCsv, content: bytes) -> None:
    assert "expected a header and rows, received an empty file" in refusal(process, write_csv(content))


def test_header_only(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    text = refusal(process, write_csv(frame[:0]))
    assert "expected rows, received a header and nothing below it" in text
    assert "data.csv" in text


def test_unknown_delimiter(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    text = refusal(process, write_csv(frame.to_csv(index=False, sep="~")))
    assert "expected columns separated by comma, semicolon, tab, bar" in text
    assert "received a header without any of them: 'shaft~Vc" in text
    assert "Hint: name the delimiter" in text
    assert "expected a delimiter of one character, received '~~'" in refusal(process, write_csv(frame), delimiter="~~")
    report, read = imported(process, write_csv(frame.to_csv(index=False, sep="~")), delimiter="~")
    assert (report.quarantined, len(read)) == (0, 32)


def test_wrong_delimiter(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    text = refusal(process, write_csv(frame), delimiter=";")
    assert "expected a column 'Vc', received columns shaft,Vc,feed" in text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(process: Process, frame: pd.DataFrame, write_csv: WriteCsv, delimiter: str) -> None:
    report, read = imported(process, write_csv(frame.to_csv(index=False, sep=delimiter)))
    assert report.quarantined == 0
    np.testing.assert_array_equal(read["roughness"], frame["Ra"])


def test_byte_order_mark(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    report, read = imported(process, write_csv(frame.to_csv(index=False), encoding="utf-8-sig"))
    assert (report.quarantined, report.auxiliary) == (0, [])
    assert read["shaft"].iloc[0] == "1"


def test_line_ends(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    for end in ("\r\n", "\r"):
        report, read = imported(process, write_csv(frame.to_csv(index=False, lineterminator=end), f"{len(end)}.csv"))
        assert report.quarantined == 0
        np.testing.assert_array_equal(read["roughness"], frame["Ra"])


def test_blank_lines_and_no_last_line_end(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    text = "\n\n" + frame.to_csv(index=False).replace("\n", "\n\n").rstrip("\n")
    report, read = imported(process, write_csv(text))
    assert (report.rows, report.quarantined, len(read)) == (32, 0, 32)


def test_missing_column(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    text = refusal(process, write_csv(frame.rename(columns={"feed": "feeed"})))
    assert "expected a column 'feed', received columns shaft, Vc, feeed" in text
    assert "feeed" in text.split("Hint:")[1]


def test_a_stated_column_is_looked_for_by_its_stated_name(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    content = process.to_dict()
    content["parameters"]["feed"]["column"] = "fede"
    mistyped = Process.from_dict(content)
    text = refusal(mistyped, write_csv(frame))
    assert "expected a column 'fede'" in text
    assert "feed" in text.split("Hint:")[1]
    # A frame may bear the names of the process, and so does what a history gave out.
    history = History.from_frame(mistyped, frame)
    ingest.export(history, tmp_path / "out.csv")
    assert len(History.from_csv(mistyped, tmp_path / "out.csv")) == len(frame)


def test_column_twice(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    text = refusal(process, write_csv(frame.to_csv(index=False).replace("position", "tool", 1)))
    assert "expected each column name once, received 'tool' twice" in text


def test_category_never_seen(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    frame.loc[4, "position"] = "Chukc"
    report, read = imported(process, write_csv(frame))
    assert report.rows_quarantined == {"category_never_seen": 1}
    assert "Quarantined rows: 1 — a category that the process file does not list (category_never_seen)." in str(report)
    assert len(read) == 31


def test_one_context_cell_empty(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    frame.loc[9, "tool"] = ""
    report, read = imported(process, write_csv(frame))
    assert report.rows_quarantined == {"missing": 1}
    assert len(read) == 31
    refused = History.open(report.path).quarantine
    assert refused.loc[0, ["source_row", "column", "reason", "scope"]].tolist() == [9, "tool", "missing", "row"]


def test_constant_column(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    report, read = imported(process, write_csv(frame.assign(feed=0.1, Ra=2.5)))
    assert report.quarantined == 0
    assert set(read["feed"]) == {0.1}
    assert set(read["roughness"]) == {2.5}


@pytest.mark.parametrize("runs", [1, 2])
def test_few_runs(process: Process, frame: pd.DataFrame, write_csv: WriteCsv, runs: int) -> None:
    report, _read = imported(process, write_csv(frame[: 4 * runs]))
    assert (report.runs, report.readings) == (runs, 4 * runs)
    history = History.open(report.path)
    assert len(history.read(rows="runs")) == runs
    assert history.verify().ok


def test_one_row(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    report, read = imported(process, write_csv(frame[:1]))
    assert (report.rows, len(read)) == (1, 1)


def test_every_row_bad(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    report, read = imported(process, write_csv(frame.assign(tool="?")))
    assert report.rows_quarantined == {"category_never_seen": 32}
    assert len(read) == 0
    assert len(History.open(report.path).quarantine) == 32


def test_nan_and_infinity(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    ra = frame["Ra"].astype(object)
    ra.iloc[:6] = ["NaN", "", "inf", "-Infinity", "1e999", "nan"]
    report, read = imported(process, write_csv(frame.assign(Ra=ra)))
    assert report.values_quarantined == {"roughness": {"not_a_number": 5}}
    assert report.missing["roughness"] == 1
    assert read["roughness"].isna().sum() == 6
    speed = frame["Vc"].astype(object)
    speed.iloc[0] = "inf"
    report, read = imported(process, write_csv(frame.assign(Vc=speed), "speed.csv"))
    assert report.rows_quarantined == {"not_a_number": 1}


def test_outside_valid(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    frame.loc[[0, 1], "Ra"] = [50.001, -0.1]
    frame.loc[2, "Ra"] = 50.0
    report, read = imported(process, write_csv(frame))
    assert report.values_quarantined == {"roughness": {"outside_valid": 2}}
    assert read["roughness"].isna().tolist()[:3] == [True, True, False]


def test_decimal_comma(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    report, read = imported(process, write_csv(frame.to_csv(index=False, sep=";", decimal=",")))
    assert report.quarantined == 0
    np.testing.assert_array_equal(read["roughness"], frame["Ra"])
    np.testing.assert_array_equal(read["feed"], frame["feed"])


def test_decimal_comma_in_a_comma_separated_file(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    quoted = frame.assign(Ra=[f"{value:.3f}".replace(".", ",") for value in frame["Ra"]])
    report, _ = imported(process, write_csv(quoted))
    assert report.values_quarantined == {"roughness": {"not_a_number": 32}}
    report, read = imported(process, write_csv(quoted.assign(feed=1), "told.csv"), decimal=",")
    np.testing.assert_allclose(read["roughness"], frame["Ra"], rtol=0)


def test_thousands_are_not_guessed(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    ra = frame["Ra"].astype(object)
    ra.iloc[0] = "1,234.5"
    report, _ = imported(process, write_csv(frame.assign(Ra=ra)))
    assert report.values_quarantined == {"roughness": {"not_a_number": 1}}


def test_duplicates(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    twice = pd.concat([frame, frame[:3].assign(Ra=9.0)])
    report, read = imported(process, write_csv(twice))
    assert report.rows_quarantined == {"duplicate": 3}
    np.testing.assert_array_equal(read["roughness"], frame["Ra"])
    refused = History.open(report.path).quarantine
    assert refused["source_row"].tolist() == [32, 33, 34]
    assert refused["value"].tolist() == ["repeat 1", "repeat 2", "repeat 3"]


def test_a_run_that_contradicts_itself(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    frame.loc[2, "Vc"] = 121
    report, read = imported(process, write_csv(frame))
    assert report.rows_quarantined == {"run_disagrees": 1}
    assert read.loc[read["run_id"] == "1|New", "speed"].tolist() == [120, 120, 120]


def test_repeats_that_are_none(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    repeat = frame["Replicate"].astype(object)
    repeat.iloc[:3] = ["1.5", "", "x"]
    report, _ = imported(process, write_csv(frame.assign(Replicate=repeat)))
    assert report.rows_quarantined == {"repeat_not_whole": 2, "missing": 1}


@pytest.mark.parametrize(
    ("header", "written"),
    [
        ("Ra (um)", '{name: "Ra (um)", unit: "um"}'),
        ("Ra(mm)", '{name: "Ra(mm)", unit: "mm"}'),
        ("Ra_um", '{name: "Ra_um", unit: "um"}'),
        ("Ra (as seen)", '"Ra (as seen)"'),
    ],
)
def test_a_header_with_its_unit_is_named_by_the_hint(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, header: str, written: str
) -> None:
    table = write_csv(frame.rename(columns={"Ra": header}).assign(Rz=1.0))
    text = refusal(process, table)
    assert f"Hint: did you mean {header!r}? Then write `column: {written}` in the process file" in text
    content = process.to_dict()
    content["responses"]["roughness"]["column"] = yaml.safe_load(written)
    report, read = imported(Process.from_dict(content), table)
    assert report.quarantined == (32 if header == "Ra(mm)" else 0)  # outside what is valid, converted
    assert header == "Ra(mm)" or read["roughness"].tolist() == frame["Ra"].tolist()
    other = refusal(process, write_csv(frame.rename(columns={"Ra": "Ra_x"}), "other.csv"))
    assert "Then write" not in other


def test_units_of_a_frame_under_a_misspelt_column(process: Process, frame: pd.DataFrame) -> None:
    """Such a unit would be passed over, and the numbers taken for those of the process."""
    frame.attrs["units"] = {"Vcx": "km/h", "Ra": "um"}
    with pytest.raises(DataError, match=r"expected units of columns .* received 'Vcx' .*did you mean \"Vc\""):
        History.from_frame(process, frame)
    frame.attrs["units"] = {"weight": "kg", "Ra": "um", "power": "kW"}  # columns that were dropped
    history = History.from_frame(process, frame)
    assert "Units of columns that are not there: weight." in history.append(frame.assign(Ra=1.0)).notes
    part = history.read().drop(columns=["power"], errors="ignore")
    assert part.attrs["units"]["roughness"] == "um"
    assert not any("Units of" in note for note in history.append(part).notes)


def test_rows_with_more_fields(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    lines = frame.to_csv(index=False).splitlines()
    for row in (1, 7, 32):
        lines[row] += ",extra"
    report, read = imported(process, write_csv("\n".join(lines)))
    assert (report.rows, report.rows_quarantined) == (32, {"malformed_row": 3})
    assert len(read) == 29
    refused = History.open(report.path).quarantine
    assert refused["source_row"].tolist() == [0, 6, 31]
    assert refused["value"].iloc[1] == lines[7]


@pytest.mark.parametrize("arrow", [True, False])
@pytest.mark.parametrize("quoted", [True, False])
def test_rows_with_fewer_fields(
    process: Process,
    frame: pd.DataFrame,
    write_csv: WriteCsv,
    monkeypatch: pytest.MonkeyPatch,
    arrow: bool,
    quoted: bool,
) -> None:
    """A line that was cut in mid-copy brings no value: what is left of a number is another number."""
    monkeypatch.setattr("luban._intake.sources.csv.has_arrow", lambda: arrow and has_arrow())
    frame = frame.assign(power=[1.5, None] * 16)[
        ["shaft", "Ra", "Vc", "feed", "tool", "position", "Replicate", "power"]
    ]
    lines = frame.to_csv(index=False).splitlines()
    if quoted:
        lines[1] = lines[1].replace("Chuck", '5" "Chuck')  # a mark where none belongs
    whole = lines[32].rsplit(",", 1)[0]
    lines[5], lines[9], lines[32] = lines[5].rsplit(",", 1)[0], "9,1", whole[:-1]
    csv = write_csv("\n".join(["", *lines[:20], "", "   ", *lines[20:]]))
    report, read = imported(process, csv)
    never = {"category_never_seen": 1} if quoted else {}
    assert (report.rows, report.rows_quarantined) == (32, {"malformed_row": 3} | never)
    assert len(read) == 29 - quoted
    refused = History.open(report.path).quarantine.query("reason == 'malformed_row'")
    assert refused["source_row"].tolist() == [4, 8, 31]
    assert refused["value"].tolist() == [lines[5], "9,1", whole[:-1]]
    assert "malformed_row 3" in refusal(process, csv.rename(csv.with_name("again.csv")), on_bad="reject")


@pytest.mark.parametrize("arrow", [True, False])
def test_empty_cells_and_a_column_without_a_name_are_no_short_rows(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, monkeypatch: pytest.MonkeyPatch, arrow: bool
) -> None:
    monkeypatch.setattr("luban._intake.sources.csv.has_arrow", lambda: arrow and has_arrow())
    lines = frame.assign(power=[1.5, None] * 16).to_csv(index=False).splitlines()
    report, _ = imported(process, write_csv("\n".join(lines)))
    assert (report.readings, report.quarantined, report.missing["power"]) == (32, 0, 16)
    report, _ = imported(process, write_csv("\n".join([lines[0] + ",", *lines[1:]]), "unnamed.csv"))
    assert (report.readings, report.quarantined, report.missing["power"]) == (32, 0, 16)


def test_a_quotation_mark_that_is_never_closed(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    text = frame.to_csv(index=False).replace("Chuck", '"Chuck', 1)
    assert "expected every quotation mark closed" in refusal(process, write_csv(text))


def test_other_encodings(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    frame["operator"] = "Jürgen"
    csv = write_csv(frame.to_csv(index=False), encoding="cp1252")
    text = refusal(process, csv)
    assert "expected text in utf-8" in text
    assert 'encoding="cp1252"' in text
    assert "--encoding cp1252" in text
    _, read = imported(process, csv, encoding="cp1252")
    assert set(read["operator"]) == {"Jürgen"}
    chinese = write_csv(frame.assign(operator="鲁班").to_csv(index=False), "chinese.csv", encoding="gb18030")
    _, read = imported(process, chinese, encoding="gb18030")
    assert set(read["operator"]) == {"鲁班"}
    _, read = imported(process, write_csv(frame.to_csv(index=False), "wide.csv", encoding="utf-16"))
    assert set(read["operator"]) == {"Jürgen"}


def test_an_encoding_that_nobody_knows(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    assert "expected the name of an encoding, received 'utf9'" in refusal(process, write_csv(frame), encoding="utf9")


def test_bad_bytes_far_from_the_beginning(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    long = pd.concat([frame.assign(shaft=frame["shaft"] + 10 * i) for i in range(120)])
    text = long.to_csv(index=False).encode() + b"9,120,0.1,New,Ch\xfcck,1,2.0\n"
    assert "received bytes that are not" in refusal(process, write_csv(text))


def test_a_binary_file(process: Process, write_csv: WriteCsv) -> None:
    assert "expected delimited text, received a binary file" in refusal(process, write_csv(b"PAR1\x00\x00\x15\x04"))


@pytest.mark.parametrize("damage", ["no Parquet at all", "damaged inside"])
def test_a_damaged_parquet_file(process: Process, frame: pd.DataFrame, tmp_path: Path, damage: str) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet files")
    path = tmp_path / "shafts.parquet"
    pd.concat([frame] * 20).to_parquet(path)
    content = bytearray(path.read_bytes())
    content[:] = content[:100] if damage == "no Parquet at all" else content[:8] + bytes(200) + content[208:]
    path.write_bytes(content)
    with pytest.raises(IoError, match=r"\[ingest.import_parquet\] expected a Parquet file, received .*shafts.parquet"):
        ingest.import_parquet(process, path, tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_an_empty_frame(process: Process, frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="expected rows, received an empty frame"):
        History.from_frame(process, frame[:0])


def test_frame_columns_of_odd_types(process: Process, frame: pd.DataFrame) -> None:
    odd = frame.assign(
        tool=frame["tool"].astype("category"),
        Replicate=frame["Replicate"].astype("Int64"),
        Ra=frame["Ra"].astype("Float64").mask(frame.index == 1),
        Vc=frame["Vc"].astype(np.float32),
        position=frame["position"].astype("string"),
    )
    history = History.from_frame(process, odd)
    assert len(history.quarantine) == 0
    assert history.read()["roughness"].isna().sum() == 1


def test_times_need_a_zone(frame: pd.DataFrame, process: Process, write_csv: WriteCsv) -> None:
    times = ["2026-03-01T08:00:00+01:00", "2026-03-01 08:00", "yesterday", ""] * 8
    report, _ = imported(process, write_csv(frame.assign(reading_time=times)))
    assert report.values_quarantined == {"reading_time": {"time_without_zone": 8, "not_a_time": 8}}
    read = History.open(report.path).read(["reading_time"])["reading_time"]
    assert read.notna().sum() == 8


def test_names_that_history_uses_itself(frame: pd.DataFrame, process: Process, write_csv: WriteCsv) -> None:
    extra = frame.assign(group="a", source="b", speed="fast")
    report, read = imported(process, write_csv(extra))
    assert report.auxiliary == ["auxiliary.group", "auxiliary.source", "auxiliary.speed"]
    assert set(read["auxiliary.speed"]) == {"fast"}


def test_frames_that_are_no_plain_tables(process: Process, frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="expected each column name once, received 'Ra' twice"):
        History.from_frame(process, pd.concat([frame, frame["Ra"]], axis=1))
    with pytest.raises(DataError, match=r"received lists or mappings \(frame, column 'trace'\)"):
        History.from_frame(process, frame.assign(trace=[[1, 2]] * 32))


def test_times_of_a_frame_without_zone_are_named(process: Process, frame: pd.DataFrame) -> None:
    frame["start_time"] = pd.Timestamp("2026-03-01 08:00")
    history = History.empty(process)
    report = history.append(frame)
    assert "start_time: times without a zone were taken as UTC." in report.notes
    assert set(history.read(["start_time"])["start_time"].astype(str)) == {"2026-03-01 08:00:00"}


def test_runs_whose_names_hold_the_bar_stay_apart(process: Process, frame: pd.DataFrame) -> None:
    content = process.to_dict()
    content["context"]["tool"]["categories"] = ["x", "b|x"]
    shafts = frame[:8].assign(shaft=["a|b"] * 4 + ["a"] * 4, tool=["x"] * 4 + ["b|x"] * 4)
    history = History.from_frame(Process.from_dict(content), shafts)
    assert list(history.read(rows="runs")["run_id"]) == ["a\\|b|x", "a|b\\|x"]
