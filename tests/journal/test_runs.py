"""Runs into the journal, and out of it as frames."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luban import Campaign
from luban.campaign import Run
from luban.errors import DataError, IntegrityError, LifecycleError
from luban.journal import Journal
from luban.process import Process

from .support import tampered

RUN: dict[str, Any] = {
    "run_id": "r1",
    "settings": {"T": 30.0},
    "context": {"grade": "A"},
    "readings": [{"yield": 80.0}, {"yield": 81.0}],
    "start_time": "2026-11-25T08:00:00Z",
}


def test_runs_come_back_as_a_frame(journal: Journal) -> None:
    record = journal.append_run(RUN, cycle=4)
    assert (record.kind, record.cycle, record.run_id) == ("run", 4, "r1")
    frame = journal.runs()
    assert list(frame.columns) == ["run_id", "repeat", "start_time", "T", "grade", "yield"]
    assert frame["yield"].tolist() == [80.0, 81.0]
    assert frame["repeat"].tolist() == [1, 2]
    assert frame["start_time"].tolist() == [pd.Timestamp("2026-11-25T08:00:00Z")] * 2
    assert frame.attrs["units"] == {"T": "degC", "yield": "%"}
    assert frame.attrs["sequence"] == journal.head.sequence
    assert journal.runs(frame.attrs["sequence"]).empty


def test_a_run_of_the_campaign_is_one_too(journal: Journal) -> None:
    run = Run("r1", {"T": np.float64(30)}, {"grade": "A"}, [{"yield": 80.0, "repeat": 7}], "2026-11-25T08:00:00Z")
    journal.append_run(run)
    assert journal.runs()["repeat"].tolist() == [7]


def test_late_responses_stand_in_the_rows_of_their_readings(journal: Journal) -> None:
    journal.append_run(RUN)
    journal.append_responses("r1", 2, {"power": 3.5}, time="2026-11-25T10:00:00Z")
    frame = journal.runs()
    assert np.isnan(frame["power"][0])
    assert frame["power"][1] == 3.5
    since = frame.attrs["sequence"]
    journal.append_responses("r1", 2, {"power": 3.6})
    later = journal.runs(since)
    assert later[["run_id", "repeat", "T", "grade", "power"]].to_numpy().tolist() == [["r1", 2, 30.0, "A", 3.6]]
    assert "yield" not in later.columns  # known before


def test_a_late_response_of_an_unknown_run_is_listed(journal: Journal) -> None:
    record = journal.append_responses("elsewhere", 1, {"power": 3.5})
    frame = journal.runs()
    assert frame.attrs["unplaced"] == [(record.sequence, "elsewhere", 1)]


def test_the_frame_is_what_a_campaign_adds(journal: Journal, process: Process) -> None:
    for number in range(4):
        journal.append_run(RUN | {"run_id": f"r{number}", "settings": {"T": 30.0 + number}})
    campaign = Campaign(process)
    report = campaign.add_runs(journal.runs(process=process))
    assert (report.runs_added, report.readings_added, report.quarantined) == (4, 8, 0)
    journal.append_responses("r2", 1, {"power": 9.0})
    report = campaign.add_runs(journal.runs(journal.head.sequence - 1, process=process))
    assert (report.runs_added, report.values_added, report.quarantined) == (0, 1, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run_id": ""}, "a run_id that is a printable text"),
        ({"run_id": 7}, "a run_id that is a printable text"),
        ({"run_id": "a\nb"}, "a run_id that is a printable text"),
        ({"settings": {}}, "expected settings"),
        ({"settings": [1]}, "settings by name"),
        ({"settings": {"T": None}}, "numbers and names of categories"),
        ({"context": {"grade": True}}, "numbers and names of categories"),
        ({"readings": [{"repeat": 1}, {"repeat": 1}]}, "each repeat once"),
        ({"readings": [{"repeat": 1.5}]}, "a repeat that is a whole number"),
        ({"setings": {"T": 1}}, "received 'setings'"),
    ],
)
def test_an_incomplete_run_is_refused(journal: Journal, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        journal.append_run(RUN | change)
    assert journal.head.sequence == 1
    journal.append_run(RUN)


def test_a_run_is_told_once(journal: Journal, path: Path) -> None:
    journal.append_run(RUN)
    with pytest.raises(DataError, match="run 'r1' again"):
        journal.append_run(RUN)
    journal.close()
    with Journal.open(path) as again, pytest.raises(DataError, match="run 'r1' again"):
        again.append_run(RUN)


def test_late_responses_may_come_before_their_run(journal: Journal) -> None:
    journal.append_responses("r1", 1, {"power": 1.0})
    journal.append_run(RUN)
    frame = journal.runs()
    assert frame["power"].tolist()[0] == 1.0
    assert frame["T"].tolist() == [30.0, 30.0]
    assert frame.attrs["unplaced"] == []


@pytest.mark.parametrize("values", [{}, {"power": "x" * 3, "yield": None}])
def test_late_responses_need_values(journal: Journal, values: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        journal.append_responses("r1", 1, values)


def test_a_missing_value_stays_missing(journal: Journal) -> None:
    journal.append_run(RUN | {"readings": [{"yield": float("nan"), "power": 2.0}]})
    assert np.isnan(journal.runs()["yield"][0])


def test_nothing_is_appended_read_only(written: Path) -> None:
    journal = Journal.open(written, read_only=True)
    with pytest.raises(LifecycleError):
        journal.append_run(RUN | {"run_id": "new"})
    with pytest.raises(LifecycleError):
        journal.append_responses("r1", 1, {"power": 1.0})


def test_a_campaigns_run_has_no_field_that_is_unknown() -> None:
    assert {field.name for field in dataclasses.fields(Run)} <= {*RUN, "start_time"}


@pytest.mark.parametrize(
    "statement", ["UPDATE records SET kind = 'note' WHERE kind = 'run'", "DELETE FROM records WHERE kind = 'run'"]
)
def test_a_run_that_is_hidden_is_missed(written: Path, statement: str) -> None:
    tampered(written, statement)
    with pytest.raises(IntegrityError):
        Journal.open(written, read_only=True).runs()


@pytest.mark.parametrize("digits", [16, 64])
def test_reading_goes_on_only_behind_the_record_that_was_read(journal: Journal, digits: int) -> None:
    journal.append_run(RUN)
    first = journal.runs().attrs
    assert (first["sequence"], first["hash"]) == (2, journal.head.hash)
    since_hash = first["hash"][:digits]
    assert journal.runs(2, since_hash=since_hash).empty
    journal.append_run(RUN | {"run_id": "r2"})
    assert journal.runs(2, since_hash=since_hash)["run_id"].tolist() == ["r2", "r2"]
    assert len(journal.runs(0, since_hash="")) == 4
    for since in (1, 3):
        with pytest.raises(IntegrityError, match=f"record {since} with a hash that begins with {since_hash}"):
            journal.runs(since, since_hash=since_hash)
    with pytest.raises(IntegrityError, match=r"record 4, up to .* received a journal that ends at record 3"):
        journal.runs(4)


def test_a_checkpoint_of_another_record_is_noticed(written: Path, process: Process, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copy(written.with_name(f"{written.name}.anchor"), kept)
    tampered(written, "DELETE FROM records WHERE sequence > 9")
    with Journal.open(written, renew_anchor=True) as journal:
        for number in range(5):
            journal.append_run(RUN | {"run_id": f"other{number}"})
    assert len(Journal.open(written, read_only=True).runs(process=process)) == 10
    with pytest.raises(IntegrityError, match=r"expected record 12 with the hash \w+, as the last checkpoint says"):
        Journal.open(written, read_only=True, anchor=kept).runs()


def test_a_tail_that_is_gone_is_missed(written: Path) -> None:
    tampered(written, "DELETE FROM records WHERE sequence = (SELECT max(sequence) FROM records)")
    with pytest.raises(IntegrityError, match="as the last checkpoint says"):
        Journal.open(written, read_only=True).runs()


def test_what_follows_another_record_is_refused(written: Path, path: Path) -> None:
    """The record that was read last time is the first link."""
    tampered(written, "UPDATE records SET hash = zeroblob(32) WHERE sequence = 5")
    with pytest.raises(IntegrityError):
        Journal.open(path, read_only=True).runs(5)
