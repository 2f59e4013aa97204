"""Times are read rightly or refused for the reason that is true, whatever they come from."""

import datetime
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban import _times, ingest
from luban._intake.genealogy import read_genealogy
from luban._intake.sources.csv import CsvSource
from luban._intake.sources.find import SourceOptions, find_source
from luban._intake.traces import read_trace
from luban._times import NO_TIME, times_of
from luban.errors import ConfigurationError, DataError
from luban.history import History
from luban.ingest import REASONS, new_process
from luban.process import Process

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
ZONES = ["Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Shanghai", "Africa/Casablanca",
         "America/Sao_Paulo", "UTC"]  # fmt: skip
NO_TIMES = ["yesterday", "2024-02-30T00:00Z", "2023-02-29T00:00", "2024-01-01T00:00+25:00", "2024-01-01T24:00Z",
            "2024-13-01T00:00Z", "2024-00-01T00:00Z", "2024-01-01T00:60Z", "2024-01-01T00:00:60Z",
            "2024-01-01T00:00+01:60", "2024-01-01Z", "1767225600", "01.03.2026 08:00", "2024-01/01T00:00Z",
            "12024-01-01T00:00Z", "\u0662\u0660\u0662\u0664-01-01T00:00Z"]  # fmt: skip
OUTSIDE = ["9999-12-31T23:59:59", "2608-07-01T00:00:00", "0001-01-01T00:00:00"]


def one(text: str, zone: zoneinfo.ZoneInfo | None = None) -> int | str:
    """Nanoseconds of a text, or the reason for which it is refused; "" where it is empty."""
    found = times_of(pd.Series([text], dtype=object), zone)
    reasons = [reason for reason, mask in found.bad.items() if mask[0]]
    assert len(reasons) <= 1
    if reasons:
        assert found.nanoseconds[0] == NO_TIME
        assert reasons[0] in REASONS
        return reasons[0]
    return "" if found.nanoseconds[0] == NO_TIME else int(found.nanoseconds[0])


def with_zone(process: Process, zone: str) -> Process:
    content = process.to_dict()
    content["runs"]["timezone"] = zone
    return Process.from_dict(content)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01 01:00:01.5+01:00", 15 * 10**8),
        ("19700101T000001Z", 10**9),
        ("1970-1-1T0:00:01 +0000", 10**9),
        ("1970/01/01 01+01", 0),
        ("1970-01-01T00:00:00,000000001z", 1),
        ("1969-12-31T23:59:59.9999999999Z", -1),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
        ("2262-04-11T23:47:16.854775808Z", "time_out_of_range"),
        ("1677-09-21T00:12:43.145224193Z", -(2**63) + 1),
        ("1677-09-21T00:12:43.145224192Z", "time_out_of_range"),
        ("9999-12-31T23:59:59Z", "time_out_of_range"),
        ("0000-01-01T00:00Z", "time_out_of_range"),
        ("9999-12-31", "time_out_of_range"),
        ("2026-03-01T08:00", "time_without_zone"),
        ("2026-03-01", "time_without_zone"),
        *((text, "not_a_time") for text in NO_TIMES),
    ],
)
def test_texts(text: str, expected: int | str) -> None:
    assert one(text) == expected


@settings(max_examples=300, deadline=None)
@given(
    moment=st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30)),
    minutes=st.integers(-23 * 60, 23 * 60),
    mark=st.sampled_from("T "),
    spec=st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]),
)
def test_texts_agree_with_python(moment: datetime.datetime, minutes: int, mark: str, spec: str) -> None:
    zoned = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    text = zoned.isoformat(mark, spec)
    away = datetime.datetime.fromisoformat(text) - EPOCH
    expected = ((away.days * 86400 + away.seconds) * 10**6 + away.microseconds) * 1000
    assert one(text) == (expected if abs(expected) < 2**63 else "time_out_of_range")


@settings(max_examples=300, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    moment=st.one_of(
        st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2250, 1, 1)),
        st.datetimes(datetime.datetime(2026, 3, 28), datetime.datetime(2026, 4, 6)),
        st.datetimes(datetime.datetime(2026, 10, 3), datetime.datetime(2026, 11, 3)),
        st.datetimes(datetime.datetime(2011, 12, 28), datetime.datetime(2012, 1, 2)),
    ),
)
def test_local_times_agree_with_zoneinfo(zone: str, moment: datetime.datetime) -> None:
    place = zoneinfo.ZoneInfo(zone)
    moments = {moment.replace(tzinfo=place, fold=fold).astimezone(datetime.UTC) for fold in (0, 1)}
    back = {instant.astimezone(place).replace(tzinfo=None) for instant in moments}
    if back != {moment}:
        expected: int | str = "time_never_was"
    elif len(moments) == 2:
        expected = "time_ambiguous"
    else:
        away = moments.pop() - EPOCH
        expected = ((away.days * 86400 + away.seconds) * 10**6 + away.microseconds) * 1000
    assert one(moment.isoformat(), place) == expected
    typed = times_of(pd.Series([np.datetime64(moment, "us")]), place)
    assert (int(typed.nanoseconds[0]) if not typed.bad else next(iter(typed.bad))) == expected
    assert typed.naive


def test_the_quick_way_and_the_exact_way_agree() -> None:
    random = np.random.default_rng(3)
    stamps = random.integers(-(2**63) + 1, 2**63 - 1, 500).view("datetime64[ns]")
    texts = [f"{stamp}{zone}" for stamp in stamps for zone in ("Z", "", "+05:45")]
    texts += ["2026-10-25T02:30", "2026-03-29T02:30", "", "x"]
    series = pd.Series(random.permutation(np.array(texts, dtype=object)), dtype=object)
    for zone in (None, BERLIN):
        quick, exact = times_of(series, zone), _times._of_texts(series, zone)
        np.testing.assert_array_equal(quick.nanoseconds, exact.nanoseconds)
        assert quick.bad.keys() == exact.bad.keys()
        for reason, mask in exact.bad.items():
            np.testing.assert_array_equal(quick.bad[reason], mask)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_typed_columns_do_not_wrap_around(unit: str, zone: str | None) -> None:
    series = pd.Series(np.array([*OUTSIDE, "2026-03-01T08:00:00", "NaT"], dtype=f"datetime64[{unit}]"))
    found = times_of(series if zone is None else series.dt.tz_localize("UTC").dt.tz_convert(zone))
    assert {reason: mask.tolist() for reason, mask in found.bad.items()} == {
        "time_out_of_range": [True, True, True, False, False]
    }
    assert found.nanoseconds.tolist() == [NO_TIME] * 3 + [1_772_352_000_000_000_000, NO_TIME]
    assert found.naive == (zone is None)


def test_arrow_columns_of_a_frame(process: Process, frame: pd.DataFrame) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: no columns of its types")
    times = np.array([*OUTSIDE, "2026-03-01T08:00:00"] * 8, dtype="datetime64[us]")
    frame["reading_time"] = pd.Series(times).astype(pd.ArrowDtype(pa.timestamp("us")))
    report = History.empty(process).append(frame)
    assert report.values_quarantined == {"reading_time": {"time_out_of_range": 24}}


def _csv(frame: pd.DataFrame, folder: Path) -> Any:
    texts = {name: frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S").fillna("") for name in ("start_time", "reading_time")}
    frame.assign(**texts).to_csv(folder / "table.csv", index=False)
    return folder / "table.csv", SourceOptions()


def _parquet(frame: pd.DataFrame, folder: Path) -> Any:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet files")
    frame.to_parquet(folder / "table.parquet", index=False)
    return folder / "table.parquet", SourceOptions()


def _excel(frame: pd.DataFrame, folder: Path) -> Any:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed: no Excel files")
    book = openpyxl.Workbook()
    book.active.append(list(frame.columns))
    for row in frame.astype(object).itertuples(index=False):
        book.active.append([cell.to_pydatetime() if isinstance(cell, pd.Timestamp) else cell for cell in row])
    book.save(folder / "table.xlsx")
    return folder / "table.xlsx", SourceOptions()


def _sql(frame: pd.DataFrame, folder: Path) -> Any:
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: no databases")
    texts = {name: frame[name].dt.strftime("%Y-%m-%d %H:%M:%S") for name in ("start_time", "reading_time")}
    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/line.db")
    frame.assign(**texts).to_sql("readings", engine, index=False)
    engine.dispose()
    return f"sqlite:///{folder}/line.db", SourceOptions(table="readings")


def _frame(frame: pd.DataFrame, folder: Path) -> Any:
    return frame, SourceOptions()


SOURCES: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": _csv, "parquet": _parquet, "excel": _excel, "sql": _sql, "frame": _frame,
}  # fmt: skip


def timed(frame: pd.DataFrame, times: list[str]) -> pd.DataFrame:
    """Four local times, over and over, as start of the run (the first of them) and of readings."""
    stamps = np.array(times * 8, dtype="datetime64[us]")
    return frame.assign(start_time=stamps[[0] * 32], reading_time=stamps)


@pytest.mark.parametrize("kind", SOURCES)
def test_out_of_range_from_every_source(process: Process, frame: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    times = ["2026-03-01T08:00:00", "9999-12-31T23:59:59", "2608-07-01T00:00:00", "2262-04-12T00:00:00"]
    source, options = SOURCES[kind](timed(frame, times), tmp_path)
    local = with_zone(process, "Europe/Berlin")
    report = ingest.import_data(local, source, tmp_path / "out.h5", options=options)
    assert report.values_quarantined == {"reading_time": {"time_out_of_range": 24}}
    assert report.rows == report.readings == 32
    read = History.open(tmp_path / "out.h5").read(["reading_time"])["reading_time"]
    assert set(read.dropna().astype(str)) == {"2026-03-01 07:00:00"}
    assert read.notna().sum() == 8


@pytest.mark.parametrize("kind", SOURCES)
def test_local_times_from_every_source(process: Process, frame: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    times = ["2026-07-01T08:00:00", "2026-10-25T02:30:00", "2026-03-29T02:30:00", "2026-12-01T08:00:00"]
    source, options = SOURCES[kind](timed(frame, times), tmp_path)
    local = with_zone(process, "Europe/Berlin")
    report = ingest.import_data(local, source, tmp_path / "out.h5", options=options)
    assert report.values_quarantined == {"reading_time": {"time_ambiguous": 8, "time_never_was": 8}}
    history = History.open(tmp_path / "out.h5")
    read = history.read(["reading_time", "start_time"])
    assert set(read["start_time"].astype(str)) == {"2026-07-01 06:00:00"}
    expected = np.array(["2026-07-01T06:00", "NaT", "NaT", "2026-12-01T07:00"] * 8, dtype="datetime64[ns]")
    np.testing.assert_array_equal(read["reading_time"].to_numpy(), expected)
    said = "reading_time: times without a zone were taken as Europe/Berlin." in report.notes
    assert said == (kind in ("parquet", "frame"))
    assert {"2026-10-25 02:30:00", "2026-10-25T02:30:00"} & set(history.quarantine["value"])


@pytest.mark.parametrize("kind", SOURCES)
def test_without_the_key_every_source_tells(process: Process, frame: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    source, options = SOURCES[kind](timed(frame, ["2026-07-01T08:00:00"] * 4), tmp_path)
    report = ingest.import_data(process, source, tmp_path / "out.h5", options=options)
    if kind in ("parquet", "frame"):
        assert sorted(note for note in report.notes if "zone" in note) == [
            f"{name}: times without a zone were taken as UTC." for name in ("reading_time", "start_time")
        ]
        assert report.quarantined == 0
    else:
        refused = {"time_without_zone": 32}
        assert report.values_quarantined == {"start_time": refused, "reading_time": refused}
        assert "`timezone` under `runs` in the process file" in str(report)


def test_what_a_history_gave_out_is_utc(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    local = with_zone(process, "Europe/Berlin")
    history = History.empty(local)
    history.append(timed(frame, ["2026-07-01T08:00:00"] * 4))
    columns = [
        "run_id",
        "repeat",
        "start_time",
        "reading_time",
        "speed",
        "feed",
        "tool",
        "position",
        "shaft",
        "roughness",
    ]
    read = history.read(columns)
    again = History.from_frame(local, read)
    pd.testing.assert_frame_equal(again.read(columns), read)
    for name in ("back.csv", "back.parquet", "back.nc"):
        ingest.export(history, tmp_path / name)
        ingest.import_data(local, tmp_path / name, tmp_path / f"{name}.h5")
        back = History.open(tmp_path / f"{name}.h5").read(columns)
        pd.testing.assert_frame_equal(back[["start_time", "reading_time"]], read[["start_time", "reading_time"]])
    read.to_parquet(tmp_path / "own.parquet")
    ingest.import_data(local, tmp_path / "own.parquet", tmp_path / "own.h5")
    assert set(History.open(tmp_path / "own.h5").read(["start_time"])["start_time"].astype(str)) == {
        "2026-07-01 06:00:00"
    }


def test_the_zone_of_a_frame_counts_more_than_that_of_the_process(process: Process, frame: pd.DataFrame) -> None:
    given = timed(frame, ["2026-07-01T08:00:00"] * 4)
    given.attrs["timezone"] = "Asia/Shanghai"
    history = History.from_frame(with_zone(process, "Europe/Berlin"), given)
    assert set(history.read(["start_time"])["start_time"]) == {pd.Timestamp("2026-07-01")}
    given.attrs["timezone"] = "Asia/Shanhai"
    with pytest.raises(ConfigurationError, match="time zone, such as Europe/Berlin, received 'Asia/Shanhai'"):
        History.from_frame(process, given)


@pytest.mark.parametrize("name", ["Europe/Berln", "../../etc/passwd", "Europe", "", "+01:00"])
def test_an_unknown_zone(process: Process, name: str) -> None:
    with pytest.raises(ConfigurationError, match="expected the name of a time zone, such as Europe/Berlin") as caught:
        with_zone(process, name)
    assert "runs.timezone" in str(caught.value)
    if name == "Europe/Berln":
        assert 'did you mean "Europe/Berlin"?' in str(caught.value)


def test_the_zone_stays_in_the_process_file(process: Process) -> None:
    local = with_zone(process, "Europe/Berlin")
    assert Process.from_dict(local.to_dict()) == local
    assert "timezone: Europe/Berlin" in local.to_yaml()
    assert local.digest == process.digest


def test_traces(process: Process, tmp_path: Path) -> None:
    content = process.to_dict() | {"traces": {"current": {"unit": "A", "period_ms": 10}}}
    traced = Process.from_dict(content)
    content["runs"] = content["runs"] | {"timezone": "Europe/Berlin"}
    local = Process.from_dict(content)
    path = tmp_path / "current.csv"
    path.write_text("run_id,time,value\n1,2026-07-01T08:00:00,1\n1,2026-07-01T08:00:01,2\n")
    assert read_trace(local, "current", path).start_time.tolist() == [1_782_885_600_000_000_000]
    with pytest.raises(DataError, match="in data row 1: a time without a zone"):
        read_trace(traced, "current", path)
    for text, words in (
        ("9999-12-31T23:59:59Z", "in data row 1: a time before 1677-09-22 or after 2262-04-10"),
        ("2024-02-30T00:00Z", "in data row 1: not a time in ISO 8601"),
        ("1764000000000", "expected times within 292 years of the start of the run"),
    ):
        path.write_text(f"run_id,time,value\n1,{text},1\n")
        with pytest.raises(DataError, match=words):
            read_trace(traced, "current", path)


def test_lots(process: Process, tmp_path: Path) -> None:
    path = tmp_path / "lots.csv"
    path.write_text("child_lot,parent_lot,time\nB,A,2026-07-01T08:00\n")
    source = CsvSource(path, delimiter=None, decimal=None, encoding=None)
    lots = read_genealogy(source, with_zone(process, "Europe/Berlin"))
    assert lots.time.tolist() == [1_782_885_600_000_000_000]
    with pytest.raises(
        DataError, match="expected times with a zone, received something else in data row 1: a time without a zone"
    ):
        read_genealogy(source)
    path.write_text("child_lot,parent_lot,time\nB,A,2608-07-01T08:00Z\n")
    with pytest.raises(DataError, match="a time before 1677-09-22 or after 2262-04-10"):
        read_genealogy(find_source(path, SourceOptions()))


@pytest.mark.parametrize(
    "moment",
    ["9999-12-31T23:59:59Z", np.datetime64("9999-12-31"), np.datetime64("0001-01-01T00:00:00"),
     datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC), pd.Timestamp("9999-12-31", tz="UTC")],
)  # fmt: skip
def test_filters_and_as_of(process: Process, frame: pd.DataFrame, moment: Any) -> None:
    history = History.from_frame(process, frame)
    for ask in (
        lambda: history.read(as_of=moment),
        lambda: history.read(runs=ingest_filter(since=moment)),
        lambda: history.read(runs=ingest_filter(before=moment)),
    ):
        with pytest.raises(DataError, match=r"expected a time from 1677-09-22 to 2262-04-10, received '?[90]"):
            ask()


def ingest_filter(**bounds: Any) -> Any:
    from luban.history import RunFilter

    return RunFilter(**bounds)


def test_a_draft_shows_the_key(frame: pd.DataFrame, tmp_path: Path) -> None:
    local = frame.assign(when=[f"2026-07-01 08:{minute:02d}" for minute in range(32)])
    zoned = frame.assign(when=[f"2026-07-01T08:{minute:02d}Z" for minute in range(32)])
    german = frame.assign(when=[f"01.07.2026 08:{minute:02d}" for minute in range(32)])
    typed = frame.assign(when=pd.date_range("2026-07-01", periods=32, freq="min"))
    for table, shown in ((local, True), (typed, True), (zoned, False), (german, False)):
        text = new_process(table, name="table").text
        assert ("timezone: Europe/Berlin}" in text) == shown
        assert ("# Without a zone: times in when." in text) == shown
