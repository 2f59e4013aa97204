"""jobs: list and show, whatever state they are in."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from luban.cli.jobs import duration, progress_text
from luban.registry import Job

from .support import Cli


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One job of each state, where LUBAN_JOBS says."""
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    place = tmp_path / "jobs"
    monkeypatch.setenv("LUBAN_JOBS", str(place))
    options: dict[str, Any] = {"kind": "train", "what": {"process": "turning"}, "ranks": 2, "every_s": 0.0}
    Job.begin(place, "runs", **options).progress("folds", 3, 5)
    Job.begin(place, "stands", **options).checkpointed("USR1, at member 3")
    Job.begin(place, "is-done", **options).done("models/turning.safetensors")
    Job.begin(place, "broke", **options).failed("rank 1 on node-2: out of memory")
    Job.begin(place, "is-lost", **options)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = place / "is-lost/status.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": gone.pid}))
    Job.begin(place, "cut", **options)
    (place / "cut/status.json").write_text('{"format": "lu')
    return place


@pytest.mark.parametrize("verb", ["list", "show"])
def test_help_teaches_by_an_example(luban: Cli, verb: str) -> None:
    outcome = luban("jobs", verb, "--help")
    assert outcome.code == 0
    assert f"Example: luban jobs {verb}" in outcome.out
    assert "--json" in outcome.out


def test_every_state_is_listed(luban: Cli, jobs: Path) -> None:
    found = luban("jobs", "--json").object
    assert found["folder"] == str(jobs)
    states = {row["id"]: row["state"] for row in found["jobs"]}
    assert states == {
        "runs": "running", "stands": "checkpointed", "is-done": "done", "broke": "failed", "is-lost": "lost",
        "cut": "damaged",
    }  # fmt: skip
    by_id = {row["id"]: row for row in found["jobs"]}
    assert (by_id["runs"]["done"], by_id["runs"]["total"], by_id["runs"]["ranks"]) == (3, 5, 2)
    assert by_id["cut"]["ranks"] is None
    shown = luban("jobs").out
    for text in ("folds 3 of 5 (60 %)", "USR1, at member 3", "rank 1 on node-2: out of memory", "status.json"):
        assert text in shown
    assert luban("jobs", "list", "--jobs", jobs).out == shown


def test_show(luban: Cli, jobs: Path) -> None:
    outcome = luban("jobs", "show", "runs")
    assert outcome.code == 0
    for text in ("runs (train)", "running", "folds 3 of 5 (60 %)", "turning"):
        assert text in outcome.out
    found = luban("jobs", "show", "is-lost", "--json").object
    assert (found["state"], found["what"], found["folder"]) == ("lost", {"process": "turning"}, str(jobs / "is-lost"))
    assert luban("jobs", "show", "cut").code == 3
    assert luban("jobs", "show", "none").code == 1
    assert luban("jobs", "show", "../x").code == 2


def test_no_jobs_yet(luban: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUBAN_JOBS", raising=False)
    outcome = luban("jobs")
    assert (outcome.code, "No jobs in var/jobs" in outcome.out) == (0, True)
    assert luban("jobs", "--json").object == {"folder": "var/jobs", "jobs": []}
    assert luban("jobs", "--jobs", "nowhere").code == 1
    assert "did you mean show?" in luban("jobs", "shw").err


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("phase", "done", "total", "text"),
    [("folds", 3, 5, "folds 3 of 5 (60 %)"), ("fit", 0, 0, "fit"), ("fit", 7, 0, "fit 7"), ("", 0, 0, ""),
     ("x", 9, 8, "x 9 of 8 (100 %)"), ("", 1, 3, "1 of 3 (33 %)")],
)  # fmt: skip
def test_progress(phase: str, done: int, total: int, text: str) -> None:
    assert progress_text({"phase": phase, "done": done, "total": total}) == text
