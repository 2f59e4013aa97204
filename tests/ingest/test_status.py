"""How runs ended: stated words, words that a history has itself, and words that nobody explained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from luban import ingest
from luban.errors import ConfigurationError
from luban.history import History, RunFilter
from luban.process import Process

WriteCsv = Callable[..., Path]
WORDS = {"OK": "completed", "NOK": "failed", "X": "abandoned"}
BY_SHAFT = {1: "OK", 2: "NOK", 3: "X", 4: "OK"}


def stating(process: Process, status: dict[str, Any]) -> Process:
    content = process.to_dict()
    return Process.from_dict({**content, "runs": {**content["runs"], "status": status}})


def statuses(history: History) -> list[str]:
    return history.read(["status"], rows="runs")["status"].astype(str).tolist()


@pytest.fixture
def judged(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(state=frame["shaft"].map(BY_SHAFT))


@pytest.fixture
def stated(process: Process) -> Process:
    return stating(process, {"column": "state", "values": WORDS})


@pytest.mark.parametrize("out", ["h.h5", "line/"])
@pytest.mark.parametrize("source", ["csv", "frame"])
def test_stated_words(
    stated: Process, judged: pd.DataFrame, write_csv: WriteCsv, tmp_path: Path, source: str, out: str
) -> None:
    path = f"{tmp_path}/{out}"
    report = ingest.import_data(stated, write_csv(judged) if source == "csv" else judged, path)
    assert (report.quarantined, report.auxiliary) == (0, [])
    history = History.open(path)
    assert statuses(history) == ["completed"] * 2 + ["failed"] * 2 + ["abandoned"] * 2 + ["completed"] * 2
    assert len(history.read(rows="runs", runs=RunFilter(status="failed"))) == 2
    assert sorted(set(history.read(runs=RunFilter(status=["failed", "abandoned"]))["shaft"])) == ["2", "3"]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "nc"])
def test_an_export_keeps_it(stated: Process, judged: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    history = History.from_frame(stated, judged)
    ingest.export(history, tmp_path / f"out.{suffix}")
    report = ingest.import_data(stated, tmp_path / f"out.{suffix}", tmp_path / "back.h5")
    again = History.open(tmp_path / "back.h5")
    assert report.quarantined == 0
    assert statuses(again) == statuses(history)
    pd.testing.assert_frame_equal(again.read(), history.read())


def test_numbers_are_words(process: Process, judged: pd.DataFrame) -> None:
    numbered = judged.assign(state=judged["state"].map({"OK": 1, "NOK": 0, "X": 2}))
    process = stating(process, {"column": "state", "values": {1: "completed", 0: "failed", 2: "abandoned"}})
    assert statuses(History.from_frame(process, numbered))[::2] == ["completed", "failed", "abandoned", "completed"]


def test_a_word_that_nobody_explained_is_refused_and_not_taken_for_completed(
    stated: Process, judged: pd.DataFrame, tmp_path: Path
) -> None:
    judged.loc[judged["shaft"] == 4, "state"] = "??"
    report = ingest.import_frame(stated, judged, tmp_path / "h.h5")
    assert report.values_quarantined == {"state": {"status_unknown": 8}}
    assert "the process file does not explain; the run is stored as running (status_unknown)" in str(report)
    history = History.open(tmp_path / "h.h5")
    assert statuses(history)[-2:] == ["running", "running"]
    refused = history.quarantine
    assert set(refused["scope"]) == {"value"}
    assert set(refused["value"]) == {"??"}
    assert report.readings == 32


def test_rows_of_a_run_that_disagree_go_to_quarantine(stated: Process, judged: pd.DataFrame) -> None:
    judged.loc[0, "state"], judged.loc[[9, 10], "state"] = "NOK", None
    history = History.from_frame(stated, judged)
    assert statuses(history)[:4] == ["completed", "completed", "failed", "failed"]
    refused = history.quarantine
    assert refused[["source_row", "reason", "scope"]].to_numpy().tolist() == [[0, "run_disagrees", "row"]]
    assert refused["column"][0].endswith("state")


def test_without_a_word_a_run_is_completed(stated: Process, judged: pd.DataFrame) -> None:
    judged["state"] = judged["state"].where(judged["shaft"] == 2)
    assert statuses(History.from_frame(stated, judged)) == ["completed"] * 2 + ["failed"] * 2 + ["completed"] * 4


def test_the_words_of_a_history_are_taken_by_the_name_of_the_column(process: Process, judged: pd.DataFrame) -> None:
    named = judged.assign(status=judged["state"].map(WORDS)).drop(columns="state")
    assert statuses(History.from_frame(process, named))[::2] == ["completed", "failed", "abandoned", "completed"]


@pytest.mark.parametrize("out", ["h.h5", "line/"])
def test_other_words_stay_and_the_report_says_how_to_state_them(
    process: Process, judged: pd.DataFrame, tmp_path: Path, out: str
) -> None:
    report = ingest.import_frame(process, judged.rename(columns={"state": "status"}), f"{tmp_path}/{out}")
    [note] = [text for text in report.notes if text.startswith("status")]
    assert "'OK', 'NOK', 'X': not of completed, running, failed, abandoned" in note
    assert "all of them count as completed" in note
    assert "runs: {status: {column: status, values: {OK: failed, …}}}" in note
    history = History.open(f"{tmp_path}/{out}")
    assert set(history.read(["auxiliary.status"])["auxiliary.status"]) == set(WORDS)
    assert set(statuses(history)) == {"completed"}


def test_words_by_name_that_vary_within_runs_stay(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    report = ingest.import_frame(process, frame.assign(status=["failed", "completed"] * 16), tmp_path / "h.h5")
    assert report.quarantined == 0
    assert report.auxiliary == ["auxiliary.status"]
    assert "it varies within runs" in str(report)


def test_what_the_first_piece_decided_holds(process: Process, frame: pd.DataFrame, write_csv: WriteCsv) -> None:
    from luban import _history
    from luban._intake.run import add_source
    from luban._intake.sink import ContentSink
    from luban._intake.sources.csv import CsvSource

    for words, taken in ((["failed"] * 16 + ["NOK"] * 16, True), (["NOK"] * 16 + ["failed"] * 16, False)):
        path = write_csv(frame.assign(status=words), f"{taken}.csv")
        content = _history.Content()
        report = add_source(ContentSink(content, 8), process, CsvSource(path))
        history = History(_history.in_memory(content), None)
        if taken:
            assert report.values_quarantined == {"status": {"status_unknown": 16}}
            assert statuses(history) == ["failed"] * 4 + ["running"] * 4
        else:
            assert (report.quarantined, set(statuses(history))) == (0, {"completed"})
            assert len([text for text in report.notes if "was not taken" in text]) == 1


def test_late_values_need_no_status(stated: Process, judged: pd.DataFrame) -> None:
    history = History.from_frame(stated, judged)
    late = history.read(["run_id", "repeat"]).assign(power=1.5)
    assert history.append(late).values_added == 32
    assert statuses(history)[2] == "failed"


@pytest.mark.parametrize("out", ["h.h5", "line/"])
def test_another_status_of_a_stored_run_is_kept_aside(
    stated: Process, judged: pd.DataFrame, tmp_path: Path, out: str
) -> None:
    path = f"{tmp_path}/{out}"
    ingest.import_data(stated, judged, path)
    later = judged.assign(state=judged["shaft"].map({**BY_SHAFT, 1: "NOK"}))
    report = ingest.import_data(stated, later, path)
    runs = len(judged[judged["shaft"] == 1].groupby(["shaft", "VB"])) if "VB" in judged else 2
    assert report.values_quarantined == {"status": {"only_responses_are_corrected": runs}}
    history = History.open(path)
    assert set(history.quarantine["value"]) == {"failed"}
    assert statuses(history)[:2] == ["completed"] * 2


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ({"values": {"NOK": "fail"}}, "failed"),
        ({"column": {"name": "state", "unit": "mm"}}, "a column of words or codes"),
        ({"column": "Replicate"}, "each source column for one name"),
        ({"value": {"NOK": "failed"}}, 'did you mean "values"'),
    ],
)
def test_what_the_process_file_may_not_say(process: Process, status: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        stating(process, status)
