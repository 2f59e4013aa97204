"""Names of columns that take effect by themselves, what names runs, and identifiers as they are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from luban import ingest
from luban.errors import ConfigurationError, DataError
from luban.history import History, RunFilter
from luban.process import Process

WriteCsv = Callable[..., Path]


def with_runs(process: Process, runs: dict[str, Any] | None, **identifiers: Any) -> Process:
    content = process.to_dict()
    content["identifiers"] = {**content["identifiers"], **identifiers}
    content.pop("runs")
    return Process.from_dict(content if runs is None else {**content, "runs": runs})


def opened(process: Process, source: object, out: Path, **more: Any) -> tuple[ingest.ImportReport, History]:
    report = ingest.import_data(process, source, out, **more)
    return report, History.open(out)


@pytest.mark.parametrize("out", ["h.h5", "line"])
def test_stated_ids_are_not_overruled_by_a_column_run_id(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path, out: str
) -> None:
    (tmp_path / "line").mkdir()
    path = write_csv(frame.assign(run_id=[f"R{number % 3}" for number in range(32)], source="press"))
    report, history = opened(process, path, tmp_path / out)
    assert (report.runs, report.quarantined) == (8, 0)
    assert history.read(["run_id"], rows="runs")["run_id"].tolist()[:2] == ["1|New", "1|Worn"]
    assert history.read(["auxiliary.run_id"])["auxiliary.run_id"].tolist()[:3] == ["R0", "R1", "R2"]
    assert "run_id does not name the runs: the process file makes their names of shaft, tool (runs: id)" in str(report)
    assert "Left out, since an import makes them anew: source." in str(report)


def test_a_column_run_id_may_be_empty_when_it_does_not_count(process: Process, frame: pd.DataFrame) -> None:
    history = History.from_frame(process, frame.assign(run_id=[None, "x"] * 16))
    assert (len(history), len(history.quarantine)) == (32, 0)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "nc"])
def test_what_was_exported_bears_the_same_names(
    process: Process, frame: pd.DataFrame, tmp_path: Path, suffix: str
) -> None:
    frame["shaft"] = frame["shaft"].map({1: "a|b", 2: "007", 3: "1.0", 4: "ä"})
    history = History.from_frame(process, frame)
    ingest.export(history, tmp_path / f"out.{suffix}")
    report, again = opened(process, tmp_path / f"out.{suffix}", tmp_path / "back.h5")
    pd.testing.assert_frame_equal(again.read(), history.read())
    assert not [text for text in report.notes if "run_id" in text]


def test_run_id_names_runs_where_the_columns_for_it_are_absent(process: Process, frame: pd.DataFrame) -> None:
    named = frame.drop(columns="shaft").assign(run_id="R" + frame["shaft"].astype(str) + frame["tool"])
    assert History.from_frame(process, named).read(["run_id"], rows="runs")["run_id"][0] == "R1New"


def test_what_is_appended_goes_by_the_names_that_the_history_gave_out(process: Process, frame: pd.DataFrame) -> None:
    history = History.from_frame(process, frame.drop(columns="shaft").assign(run_id="R" + frame["shaft"].astype(str)
                                                                             + frame["tool"]))  # fmt: skip
    again = history.read().assign(shaft="9", roughness=2.0)
    report = history.append(again)
    assert (report.runs_added, report.values_corrected) == (0, 32)


@pytest.mark.parametrize("out", ["h.h5", "line"])
def test_identifiers_are_texts_as_they_are_written(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path, out: str
) -> None:
    (tmp_path / "line").mkdir()
    frame["shaft"] = frame["shaft"].map({1: "1", 2: "007", 3: "1.0", 4: "4"})
    _, history = opened(process, write_csv(frame), tmp_path / out)
    assert history.read(["shaft"])["shaft"].unique().tolist() == ["1", "007", "1.0", "4"]
    frame["shaft"] = frame["shaft"].replace("4", "3A")
    _, history = opened(process, write_csv(frame, "more.csv"), tmp_path / out)
    assert history.read(["shaft"])["shaft"].unique().tolist() == ["1", "007", "1.0", "4", "3A"]


def test_numbers_of_a_frame_are_written_without_a_point(process: Process, frame: pd.DataFrame) -> None:
    frame["shaft"] = frame["shaft"].astype(float)
    assert History.from_frame(process, frame).read(["shaft"])["shaft"].unique().tolist() == ["1", "2", "3", "4"]


def test_a_history_of_numbers_takes_texts(process: Process, frame: pd.DataFrame) -> None:
    import numpy as np

    from luban import _core, _history
    from luban._intake.run import add_frame

    old = _history.Content()
    add_frame(old, process, frame)
    old.set_runs(
        [*(f"{shaft}|{tool}" for shaft in range(1, 5) for tool in ("New", "Worn"))],
        [],
        {},
        _core.Table([_core.Column.float64("speed", "m/min", np.repeat([120.0, 180, 240, 300], 2)),
                     _core.Column.float64("feed", "mm/rev", np.repeat([0.1, 0.08, 0.1, 0.08], 2))]),
        _core.Table([_core.Column.code("tool", ["New", "Worn"], np.tile([0, 1], 4).astype(np.int32))]),
        _core.Table([_core.Column.float64("shaft", "", np.repeat([1.0, 2, 3, 4], 2))]),
    )  # fmt: skip
    history = History(_history.in_memory(old), None)
    assert history.read(["shaft"])["shaft"].dtype == np.float64
    for wanted in (2, "2", (2, 2)):
        assert len(history.read(rows="runs", runs=RunFilter(where={"shaft": wanted}))) == 2
    history.append(frame.head(8).assign(shaft="3A"))
    assert history.read(["shaft"])["shaft"].unique().tolist() == ["1", "2", "3", "4", "3A"]
    assert len(history.read(rows="runs", runs=RunFilter(where={"shaft": 2}))) == 2


def test_filters_of_texts_and_open_ends(process: Process, frame: pd.DataFrame) -> None:
    history = History.from_frame(process, frame)

    def shafts(where: dict[str, Any]) -> list[str]:
        return sorted(set(history.read(["shaft"], runs=RunFilter(where=where))["shaft"]))

    assert shafts({"shaft": 2}) == ["2"]
    assert shafts({"shaft": [2, "3"]}) == ["2", "3"]
    assert shafts({"speed": (200, None)}) == ["3", "4"]
    assert shafts({"speed": (None, 200)}) == ["1", "2"]
    assert shafts({"speed": 240}) == ["3"]
    with pytest.raises(DataError, match=r"where, 'shaft'\)\. Hint: it holds texts; \(low, high\) is for numbers"):
        shafts({"shaft": (1, 2)})
    with pytest.raises(ConfigurationError, match=r"RunFilter\(run_id='2'\)"):
        shafts({"run_id": "2"})


def test_a_series_of_times_needs_no_id(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    stamps = pd.date_range("2026-03-29", periods=32, freq="15min", tz="UTC")
    series = with_runs(process, {"start_time": {"column": "timestamp"}})
    report, history = opened(series, frame.assign(timestamp=stamps), tmp_path / "h.h5")
    runs = history.read(["run_id", "start_time"], rows="runs")
    assert (report.runs, report.auxiliary) == (32, ["Replicate"])
    assert runs["run_id"][3] == f"{report.digest[:12]}-3"
    assert list(runs["start_time"].dt.tz_localize("UTC") if runs["start_time"].dt.tz is None else runs["start_time"]) \
        == list(stamps)  # fmt: skip


def test_a_time_may_name_the_run_too(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path
) -> None:
    runs = {"id": ["moment"], "start_time": {"column": "timestamp"}}
    series = with_runs(process, runs, moment={"column": "timestamp"})
    texts = [f"2026-03-29T{number // 2:02}:{number % 2 * 30:02}Z" for number in range(32)]
    _, history = opened(series, write_csv(frame.assign(timestamp=texts)), tmp_path / "h.h5")
    got = history.read(["run_id", "start_time", "moment"], rows="runs")
    assert got["run_id"].tolist() == texts == got["moment"].tolist()
    assert str(got["start_time"][31]).startswith("2026-03-29 15:30:00")
    ingest.export(history, tmp_path / "out.csv")
    _, again = opened(series, tmp_path / "out.csv", tmp_path / "back.h5")
    pd.testing.assert_frame_equal(again.read(), history.read())


def test_repeats_without_an_id_are_refused(process: Process) -> None:
    with pytest.raises(ConfigurationError, match="`id` beside `repeat`"):
        with_runs(process, {"repeat": {"column": "Replicate"}})
