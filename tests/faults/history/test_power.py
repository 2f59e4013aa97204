"""A power cut at any call: what was acknowledged lasts, since it was synced in the right order."""

import json
from pathlib import Path
from typing import Any

import pytest

from .support import HERE, child

OPERATIONS = ("file", "append-file", "append", "append-on", "begin", "compact", "fold")
BEGINNINGS = ("begin-deep", "begin-apart", "begin-again")


def cut(library: Path, folder: Path, operation: str, *options: object) -> dict[str, Any]:
    """Cut the power during an operation; what that showed."""
    arguments = (folder / "power", operation, *options)
    done = child(HERE / "power.py", *arguments, environment={"LD_PRELOAD": str(library)}, timeout=600)
    if done.returncode != 0:  # no assertion: tests that are expected to fail expect a loss
        pytest.fail(f"{done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    print(operation, *options, {**report, "losses": len(report["losses"])})  # noqa: T201  read with -s
    return report


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "every"), [("file", 1), ("append-file", 1), ("append", 1), ("begin", 2), ("compact", 4), ("fold", 3)]
)
def test_a_power_cut_loses_nothing(operation: str, every: int, recorded_calls: Path, tmp_path: Path) -> None:
    report = cut(recorded_calls, tmp_path, operation, "--every", every, "--any-order")
    assert report["losses"] == []
    assert report["syncs"] > 1
    assert report["cuts"] > 5
    assert report["states"] > 5


@pytest.mark.faults
@pytest.mark.parametrize("operation", [*OPERATIONS, *BEGINNINGS, "fold-segments"])
def test_a_power_cut_at_any_call_loses_nothing(operation: str, recorded_calls: Path, tmp_path: Path) -> None:
    report = cut(recorded_calls, tmp_path, operation)
    assert report["losses"] == []
    assert report["cuts"] == report["calls"]
    assert report["states"] > 5


@pytest.mark.faults
@pytest.mark.parametrize("operation", [*OPERATIONS, *BEGINNINGS, "fold-segments"])
def test_a_disk_that_writes_names_in_any_order(operation: str, recorded_calls: Path, tmp_path: Path) -> None:
    assert cut(recorded_calls, tmp_path, operation, "--any-order")["losses"] == []


@pytest.mark.slow
@pytest.mark.parametrize("ignored", ["files", "folders"])
@pytest.mark.parametrize("operation", ["file", "append"])
def test_a_sync_that_is_missing_is_found(operation: str, ignored: str, recorded_calls: Path, tmp_path: Path) -> None:
    report = cut(recorded_calls, tmp_path, operation, "--ignored", ignored, "--most-losses", 1)
    assert report["losses"]


@pytest.mark.faults
@pytest.mark.parametrize("ignored", ["files", "folders"])
@pytest.mark.parametrize("operation", [*OPERATIONS, "fold-segments"])
def test_syncs_that_are_missing_are_found(operation: str, ignored: str, recorded_calls: Path, tmp_path: Path) -> None:
    report = cut(recorded_calls, tmp_path, operation, "--ignored", ignored, "--most-losses", 1)
    assert report["losses"]


# Syncs, by their number, that another one makes up for: of the same folder, before its list is there; of the same
# file of heads; of files that are listed for removal.
MADE_UP_FOR = {"begin": {1, 2, 4, 7}, "compact": {6, 12, 15}}


@pytest.mark.faults
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "fold"])  # SQLite has its own tests
def test_each_sync_is_needed(operation: str, recorded_calls: Path, tmp_path: Path) -> None:
    syncs = cut(recorded_calls, tmp_path / "all", operation, "--every", 1000)["syncs"]
    unnoticed = set()
    for number in range(1, syncs + 1):
        options = ("--ignored", number, "--most-losses", 1, "--any-order")
        if not cut(recorded_calls, tmp_path / str(number), operation, *options)["losses"]:
            unnoticed.add(number)
    assert unnoticed == MADE_UP_FOR.get(operation, set())


@pytest.mark.slow
@pytest.mark.parametrize("operation", BEGINNINGS)
def test_a_new_folder_lasts(operation: str, recorded_calls: Path, tmp_path: Path) -> None:
    """Below folders that are new too, with its head elsewhere, beside the head of an earlier one of that name."""
    assert cut(recorded_calls, tmp_path, operation, "--every", 5)["losses"] == []
