"""Folders of segments that somebody changed: who merges, copies or writes says so, and keeps what is there."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from luban import history as histories
from luban import ingest
from luban.errors import IntegrityError, IoError
from luban.history import History
from luban.process import Process

SECOND = "segment-000002.h5"


@pytest.fixture
def process() -> Process:
    return Process.from_dict(
        {
            "luban": 1,
            "process": "line",
            "parameters": {"feed": {"unit": "mm/rev", "low": 0, "high": 1}},
            "identifiers": {"order": {}},
            "responses": {"yield": {"unit": "%"}},
            "runs": {"id": ["order"]},
        }
    )


def made(first: int, last: int) -> pd.DataFrame:
    run = np.arange(first, last)
    start = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(run, unit="h")
    return pd.DataFrame(
        {"order": [f"P{i:04}" for i in run], "feed": 0.5, "yield": 80.0 + run, "start_time": start, "group": "a"}
    )


@pytest.fixture
def line(process: Process, tmp_path: Path) -> Path:
    for first in (0, 10, 20):
        ingest.import_frame(process, made(first, first + 10), f"{tmp_path}/line/", name=f"from {first}")
    return tmp_path / "line"


def put(file: h5py.File, name: str, values: Any) -> None:
    attributes = dict(file[name].attrs)
    del file[name]
    file.create_dataset(name, data=values).attrs.update(attributes)


def one_value(file: h5py.File) -> None:
    file["responses/yield/value"][3] = 99.0


CHANGES: dict[str, Callable[[h5py.File], None]] = {
    "a value": one_value,
    "fewer groups": lambda file: put(file, "runs/group", file["runs/group"][:1]),
    "fewer times": lambda file: put(file, "runs/start_time", file["runs/start_time"][:1]),
    "fewer states": lambda file: put(file, "runs/status", file["runs/status"][:1]),
    "runs out of range": lambda file: put(file, "readings/run", file["readings/run"][:] + 7),
    "fewer values": lambda file: put(file, "responses/yield/value", file["responses/yield/value"][:1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_segment_is_not_merged(line: Path, change: str) -> None:
    """The new chain would vouch for it."""
    with h5py.File(line / SECOND, "r+") as file:
        CHANGES[change](file)
    before = {path.name: path.read_bytes() for path in line.glob("segment-*.h5")}
    with pytest.raises(IntegrityError, match=rf"the bytes that were written.*{SECOND}"):
        histories.compact(line)
    assert {path.name: path.read_bytes() for path in line.glob("segment-*.h5")} == before
    assert any(SECOND in where for where, _ in histories.verify(line).damages)


@pytest.mark.parametrize("change", [name for name in CHANGES if name != "a value"])
def test_columns_that_do_not_fit_together_are_not_joined(line: Path, change: str) -> None:
    with h5py.File(line / SECOND, "r+") as file:
        CHANGES[change](file)
    with pytest.raises(IntegrityError, match=SECOND):
        History.open(line).copy()


def test_a_segment_that_is_gone_is_named(line: Path) -> None:
    (line / SECOND).unlink()
    with pytest.raises(IoError, match=rf"the segment that .* names.*{SECOND}.*restore it"):
        History.open(line).read()
    with pytest.raises(IoError, match=rf"{SECOND}.*restore it"):
        histories.compact(line)
    assert [where for where, _ in histories.verify(line).damages] == [SECOND]


def test_a_writer_beside_verify_is_no_damage(process: Process, line: Path) -> None:
    done = threading.Event()

    def write() -> None:
        for first in range(30, 130, 10):
            ingest.import_frame(process, made(first, first + 10), line, name=f"from {first}")
            if first % 40 == 0:
                histories.compact(line)
        done.set()

    writer, noted = threading.Thread(target=write), 0
    writer.start()
    try:
        while not done.is_set():
            report = histories.verify(line)
            assert report.damages == []
            noted += len(report.notes) > 0
    finally:
        writer.join()
    assert len(History.open(line)) == 130
    assert noted <= 1  # on a busy machine it may take longer than anybody waits until a segment is named


def test_columns_of_ones_own_under_our_paths_hide_nothing(process: Process, tmp_path: Path) -> None:
    """What is stored of a response is found where somebody's column is called as its path is."""
    line = f"{tmp_path}/line/"
    mine = {"/responses/yield/value": 7.0, "/responses/yield/quality": "mine"}
    ingest.import_frame(process, made(0, 4).assign(**mine), line, name="first")
    again = ingest.import_frame(process, made(0, 4).assign(**{"yield": 7.0}), line, name="second")
    assert again.values_corrected == 4
    assert History.open(line).read(["yield"])["yield"].tolist() == [7.0] * 4
