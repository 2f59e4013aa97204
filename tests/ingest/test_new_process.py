"""First process files: what can be seen in a table is guessed, and the draft loads as it stands."""

from collections.abc import Callable
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from luban import datasets, ingest
from luban.errors import DataError, IoError
from luban.history import History
from luban.process import Process

WriteCsv = Callable[..., Path]


def roles(draft: ingest.NewProcess) -> dict[str, str]:
    return dict(zip(draft.columns["header"], draft.columns["role"], strict=True))


def test_turning_is_seen_as_it_is() -> None:
    files = datasets.turning_files()
    draft = ingest.new_process(files.csv)
    seen, written = draft.process.definition, Process.from_yaml(files.process).definition
    assert {entry.column.name if entry.column else name for name, entry in written.parameters.items()} == set(
        seen.parameters
    )
    assert set(seen.context) == {"diameter", "VB"}
    assert set(seen.noise) == {"P"}
    assert set(seen.identifiers) == {"Number"}
    assert set(seen.responses) == {"Ra", "Rz", "Rq", "Rt", "Sm"}
    assert seen.runs is not None
    assert seen.runs.id == ["Number", "diameter", "VB"]
    assert seen.runs.repeat is not None
    assert seen.groups == ["Vc", "f", "d"]
    assert (draft.rows, draft.runs) == (2448, 68)
    assert seen.parameters["Vc"].low == 179.09
    history = History.from_csv(draft.process, files.csv)
    assert len(history) == 2448
    assert len(history.quarantine) == 0


def test_units_in_headers(frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    renamed = frame.rename(columns={"Vc": "Vc [m/min]", "feed": "feed (mm/rev)", "Ra": "Ra [µm]"})
    renamed["oven temp (°C)"] = [200.0, 210.0, 220.0, 230.0] * 8
    renamed["length_mm"] = [5.0, 6.0] * 16
    renamed["note (first)"] = ["a", "b"] * 16
    draft = ingest.new_process(write_csv(renamed))
    units = {column.header: column.unit for column in draft.columns.itertuples()}
    assert units["Vc [m/min]"] == "m/min"
    assert units["feed (mm/rev)"] == "mm/rev"
    assert units["Ra [µm]"] == "um"
    assert units["oven temp (°C)"] == "degC"
    assert units["length_mm"] == "mm"
    assert units["note (first)"] == ""
    assert set(draft.columns["name"]) >= {"Vc", "feed", "oven_temp", "length", "note_first"}
    history = History.from_csv(draft.process, write_csv(renamed))
    assert len(history.quarantine) == 0
    assert len(history) == 32


def test_constants_are_named_and_left_out(frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    draft = ingest.new_process(write_csv(frame.assign(coolant=6.5, plant="Nanjing", nothing="")))
    assert {roles(draft)[name] for name in ("coolant", "plant", "nothing")} == {"constant"}
    assert "#   coolant: the same value in every row" in draft.text
    assert "#   nothing: empty" in draft.text
    assert len(History.from_csv(draft.process, write_csv(frame.assign(coolant=6.5, plant="Nanjing", nothing="")))) == 32


def test_a_log_without_repeats(write_csv: WriteCsv) -> None:
    random = np.random.default_rng(1)
    log = pd.DataFrame(
        {
            "no": np.arange(1, 201),
            "time": pd.date_range("2026-01-01", periods=200, freq="h", tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "pressure [bar]": random.uniform(1, 2, 200),
            "ambient temperature [degC]": random.uniform(15, 30, 200),
            "shift": random.choice(["A", "B"], 200),
            "yield [%]": random.uniform(80, 95, 200),
        }
    )
    draft = ingest.new_process(write_csv(log))
    assert list(roles(draft).values()) == ["identifier", "time", "parameter", "context", "context", "response"]
    assert "goal: maximize}  # guessed from its name" in draft.text
    assert "each row is a run" in draft.text
    history = History.from_csv(draft.process, write_csv(log))
    runs = history.read(["run_id", "start_time"], rows="runs")
    assert runs["run_id"].tolist()[:2] == ["1", "2"]
    assert runs["start_time"].notna().all()


def test_rows_with_times_become_runs_with_times(write_csv: WriteCsv) -> None:
    random = np.random.default_rng(3)
    log = pd.DataFrame(
        {
            "end_time": pd.date_range("2026-01-01T01:00", periods=60, freq="h", tz="UTC").strftime("%Y-%m-%dT%H:%MZ"),
            "logged at": pd.date_range("2026-01-01", periods=60, freq="h", tz="UTC").strftime("%Y-%m-%dT%H:%MZ"),
            "pressure": random.choice([1.0, 2.0, 3.0, 4.0], 60),
            "yield": random.uniform(80, 95, 60),
        }
    )
    draft = ingest.new_process(write_csv(log))
    assert "\nruns: {start_time: {column: logged at}}  # each row is a run\n" in draft.text
    history = History.from_csv(draft.process, write_csv(log))
    runs = history.read(["start_time", "end_time"], rows="runs")
    assert (len(runs), "logged at" in set(history.columns()["name"])) == (60, False)
    assert ((runs["end_time"] - runs["start_time"]) == pd.Timedelta("1h")).all()
    naive = ingest.new_process(write_csv(log.replace("Z$", "", regex=True), "naive.csv"))
    assert "\nruns: {start" not in naive.text


def test_the_draft_is_written_and_never_over_another(frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path) -> None:
    out = tmp_path / "process.yaml"
    draft = ingest.new_process(write_csv(frame), out, name="shafts")
    assert out.read_text() == draft.text == str(draft)
    assert Process.from_yaml(out) == draft.process
    assert draft.process.name == "shafts"
    assert draft.to_dict()["path"] == str(out)
    assert "<pre>" in draft._repr_html_()
    with pytest.raises(IoError, match=r"received File exists .*never overwritten"):
        ingest.new_process(write_csv(frame), out)


def test_tables_without_results(write_csv: WriteCsv) -> None:
    with pytest.raises(DataError, match=r"expected a column of numbers that could be a result, received columns 'a b'"):
        ingest.new_process(write_csv("a b\n1 2\n3 4\n"))
    with pytest.raises(DataError, match="received a header and nothing below it"):
        ingest.new_process(write_csv("a,b\n"))
    with pytest.raises(DataError, match="received an empty file"):
        ingest.new_process(write_csv(""))


def test_parquet(frame: pd.DataFrame, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet files")
    frame.to_parquet(tmp_path / "shafts.parquet")
    draft = ingest.new_process(tmp_path / "shafts.parquet")
    assert draft.process.name == "shafts"
    assert roles(draft)["Ra"] == "response"


def test_doubts_are_marked_and_counted(write_csv: WriteCsv) -> None:
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"x_A": [1, 2, 3] * 20, "speed_rpm": [100, 200, 300, 400, 500] * 12, "Ra": random.uniform(1, 2, 60)}
    )
    draft = ingest.new_process(write_csv(frame))
    marked = [line for line in draft.text.splitlines() if "# ? " in line]
    assert len(marked) == draft.doubtful == draft.to_dict()["doubtful"] == 1
    assert "its last letter may mean A" in marked[0]
    assert "# 1 line is doubtful" in draft.text
    sure = ingest.new_process(write_csv(frame.drop(columns="x_A")))
    assert sure.doubtful == 0
    assert "# No line is marked as doubtful." in sure.text


def test_outcomes_in_words_are_named(write_csv: WriteCsv) -> None:
    frame = pd.DataFrame({"feed": [1, 2, 3, 4] * 5, "speed": [10, 20] * 10, "passed": ["yes", "no"] * 10})
    with pytest.raises(DataError, match=r"Hint: a response is a number: write 'passed' as 1 and 0"):
        ingest.new_process(write_csv(frame))
    draft = ingest.new_process(write_csv(frame.assign(Ra=np.linspace(1, 2, 20))))
    assert "# ? passed: looks like an outcome in 2 classes: no, yes" in draft.text


def test_columns_of_one_name_in_two_units(write_csv: WriteCsv) -> None:
    table = pd.DataFrame({"T [C]": [20, 30, 40] * 10, "T [degC]": [21, 31] * 15, "yield [%]": np.linspace(50, 90, 30)})
    draft = ingest.new_process(write_csv(table))
    assert draft.process.definition.parameters["T"].unit == "degC"
    assert len(History.from_csv(draft.process, write_csv(table))) == 30


HEADERS = ["time", "source", "status", "run_id", "end_time", "repeat", "group", "lot", "quality", "Q [HV]", "T [C]",
           "T [degC]", "p [foo]", "p (foo)", "Zone (A)", "yield_pct", "machine", "Rep", "a b", "a_b", "1st",
           "speed [RPM]", "flow [Nm3/h]", "x: {y}", "# note", "true"]  # fmt: skip
FILLS = [
    lambda random, n: random.choice([1, 2, 3], n),
    lambda random, n: random.normal(size=n).round(3),
    lambda random, n: random.choice(["a", "b", "yes", "no"], n),
    lambda random, n: [f"L{i // 3}" for i in range(n)],
    lambda random, n: np.arange(n) // 4,
    lambda random, n: pd.date_range("2025-01-01", periods=n, freq="h").strftime("%Y-%m-%d %H:%M"),
]


@hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    headers=st.lists(st.sampled_from(HEADERS), min_size=2, max_size=7, unique=True),
    fills=st.lists(st.sampled_from(FILLS), min_size=7, max_size=7),
    rows=st.sampled_from([3, 20, 60]),
    seed=st.integers(0, 1000),
)
def test_a_draft_imports_its_own_table_whole(
    headers: list[str], fills: list[Callable[..., object]], rows: int, seed: int, write_csv: WriteCsv
) -> None:
    random = np.random.default_rng(seed)
    columns = {header: fill(random, rows) for header, fill in zip(headers, fills, strict=False)}
    path = write_csv(pd.DataFrame(columns))
    try:
        draft = ingest.new_process(path)
    except DataError as error:
        assert "that could be a result" in str(error)  # noqa: PT017
        return
    history = History.from_csv(draft.process, path)
    assert len(history.quarantine) == 0
    assert len(history) == rows


names = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(str.strip)
cells = st.one_of(
    st.floats(-1e6, 1e6).map(lambda value: float(f"{value:.4g}")), st.sampled_from(["", "yes", "no", "null", "- x: {"])
)


@hypothesis.settings(max_examples=60, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@hypothesis.given(data=st.data())
def test_any_table_gives_a_draft_that_loads_or_a_clear_refusal(data: st.DataObject) -> None:
    headers = data.draw(st.lists(names.map(str.strip), min_size=1, max_size=6, unique=True))
    rows = data.draw(st.integers(1, 20))
    columns = {}
    for header in headers:
        values = data.draw(st.lists(cells, min_size=1, max_size=4))
        columns[header] = [values[i % len(values)] for i in range(rows)]
    frame = pd.DataFrame({header: pd.Series(values).infer_objects() for header, values in columns.items()})
    from luban._intake.new_process import draft_of_frame

    try:
        draft = draft_of_frame(frame, "any", "any table")
    except DataError as error:
        assert "that could be a result" in str(error)  # noqa: PT017
        return
    assert Process.from_dict(draft.process.to_dict()) == draft.process
