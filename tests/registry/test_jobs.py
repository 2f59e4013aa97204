"""The status of a job: whole at every moment, whoever is killed, and readable when it is damaged."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban import registry
from luban.errors import ConfigurationError, IntegrityError, IoError, LifecycleError, VersionError
from luban.plant.clock import SimulatedClock
from luban.registry import Job, JobState

WHAT = {"process": "turning", "folds": 5}


def begin(place: Path, job_id: str = "a1", **options: Any) -> Job:
    return Job.begin(place, job_id, **{"kind": "train", "what": WHAT, **options})


def written(place: Path, job_id: str = "a1") -> dict[str, Any]:
    found = json.loads((place / job_id / "status.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def change(place: Path, **changes: Any) -> None:
    (place / "a1/status.json").write_text(json.dumps(written(place) | changes), encoding="utf-8")


def gone_process() -> int:
    finished = subprocess.Popen([sys.executable, "-c", ""])
    finished.wait()
    return finished.pid


def test_the_file_is_what_was_agreed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_ARRAY_JOB_ID", raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    job = begin(tmp_path, ranks=3)
    assert job.folder == tmp_path / "a1"
    found = written(tmp_path)
    fixed = {"format": "luban-job", "version": 1, "id": "a1", "kind": "train", "state": "running", "why": ""}
    assert fixed.items() <= found.items()
    rest = {"what": WHAT, "pid": os.getpid(), "ranks": 3, "slurm_job": "4711", "output": None, "starts": 1}
    assert rest.items() <= found.items()
    assert (found["phase"], found["done"], found["total"]) == ("", 0, 0)
    assert found["started_time"].endswith("Z")
    job.done(tmp_path / "model.safetensors")
    assert (written(tmp_path)["state"], written(tmp_path)["output"]) == ("done", str(tmp_path / "model.safetensors"))


def test_an_array_task_is_named_as_squeue_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_JOB_ID": "4713", "SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": "2"}.items():
        monkeypatch.setenv(name, value)
    begin(tmp_path)
    assert written(tmp_path)["slurm_job"] == "4711_2"


def test_progress_is_written_now_and_then(tmp_path: Path) -> None:
    clock = SimulatedClock()
    job = begin(tmp_path, clock=clock)
    seen = []
    for done in range(200):
        clock.advance(0.05)
        job.progress("folds", done, 200)
        seen.append(written(tmp_path)["done"])
    assert len(set(seen)) == 200 * 0.05 / 1.0 + 1  # one a second, and the new phase sooner
    assert seen[:3] == [0, 1, 1]  # call 2 comes after 0.1 s
    clock.advance(1.0)
    job.progress("folds", 199, 200)
    assert written(tmp_path)["worked_s"] == pytest.approx(11.0)


def test_what_was_not_yet_written_stands_at_the_end(tmp_path: Path) -> None:
    job = begin(tmp_path, clock=SimulatedClock())
    job.progress("folds", 7, 9)
    job.checkpointed("USR1")
    assert {"state": "checkpointed", "why": "USR1", "done": 7, "total": 9}.items() <= written(tmp_path).items()


def test_a_job_goes_on_where_it_was(tmp_path: Path) -> None:
    clock = SimulatedClock()
    first = begin(tmp_path, clock=clock)
    started = written(tmp_path)["started_time"]
    clock.advance(10.0)
    first.checkpointed("TERM")
    clock.advance(1000.0)
    again = begin(tmp_path, clock=clock, ranks=2)
    found = written(tmp_path)
    assert (again.starts, found["starts"], found["state"], found["why"]) == (2, 2, "running", "")
    assert (found["started_time"], found["ranks"], found["worked_s"]) == (started, 2, 10.0)
    clock.advance(5.0)
    again.done("model.safetensors")
    assert written(tmp_path)["worked_s"] == 15.0


def test_after_the_end_nothing_is_written(tmp_path: Path) -> None:
    job = begin(tmp_path)
    job.failed("rank 1 on node-2: out of memory")
    for call in (lambda: job.progress("x", 1, 2), lambda: job.done("m"), lambda: job.failed("again")):
        with pytest.raises(LifecycleError, match="failed"):
            call()
    assert written(tmp_path)["why"] == "rank 1 on node-2: out of memory"


def test_a_job_that_another_process_took_over_is_left_to_it(tmp_path: Path) -> None:
    job = begin(tmp_path)
    change(tmp_path, host="node-7", pid=12, starts=2)
    with pytest.raises(LifecycleError, match="process 12 on node-7"):
        job.done("model")
    assert written(tmp_path)["state"] == "running"


def test_a_job_that_runs_is_not_begun_twice(tmp_path: Path) -> None:
    begin(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as sleeper:
        change(tmp_path, pid=sleeper.pid, process_start="")
        with pytest.raises(LifecycleError, match=f"process {sleeper.pid}"):
            begin(tmp_path)
        sleeper.kill()
    assert begin(tmp_path).starts == 2


def test_running_whose_process_is_gone_is_lost(tmp_path: Path) -> None:
    begin(tmp_path)
    assert registry.job_status(tmp_path, "a1")["state"] == JobState.running
    change(tmp_path, pid=gone_process())
    status = registry.job_status(tmp_path, "a1")
    assert (status["state"], "goes on from the last checkpoint" in status["why"]) == ("lost", True)
    change(tmp_path, host="elsewhere")  # nobody here can know
    assert registry.jobs(tmp_path)["state"].item() == "running"


def test_a_later_process_of_the_same_number_is_another_one(tmp_path: Path) -> None:
    begin(tmp_path)
    change(tmp_path, process_start="another-boot:12")
    assert registry.jobs(tmp_path)["state"].item() == "lost"


def test_the_list(tmp_path: Path) -> None:
    clock = SimulatedClock()
    for job_id in ("a1", "b2", "c3"):
        clock.advance(60.0)
        begin(tmp_path, job_id, clock=clock).progress("folds", 1, 5)
    (tmp_path / "b2/status.json").write_bytes(b'{"format": "luban-jo')
    (tmp_path / "no-job").mkdir()
    (tmp_path / "a-file").write_text("")
    frame = registry.jobs(tmp_path)
    assert list(frame["id"]) == ["c3", "a1", "b2"]
    assert list(frame["state"]) == ["running", "running", "damaged"]
    assert "status.json" in frame["why"].iloc[2]
    assert frame["ranks"].iloc[0] == 1
    assert frame["slurm_job"].iloc[0] in ("", os.environ.get("SLURM_JOB_ID"))


def test_an_empty_folder_and_none(tmp_path: Path) -> None:
    assert registry.jobs(tmp_path).empty
    with pytest.raises(IoError, match="folder of jobs"):
        registry.jobs(tmp_path / "none")
    with pytest.raises(IoError):
        registry.job_status(tmp_path, "none")


def test_where_jobs_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LUBAN_JOBS", raising=False)
    assert registry.jobs_folder(None) == Path("var/jobs")
    monkeypatch.setenv("LUBAN_JOBS", str(tmp_path))
    assert registry.jobs_folder(None) == tmp_path
    assert registry.jobs_folder(Path("mine")) == Path("mine")


@pytest.mark.parametrize("job_id", ["", ".", "..", "a/b", "/etc", ".hidden", "a b", "x" * 129, "ä", "a\n"])
def test_ids_that_are_no_names_of_folders(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(ConfigurationError):
        begin(tmp_path, job_id)
    with pytest.raises(ConfigurationError):
        registry.job_status(tmp_path, job_id)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [{"what": {"x": object()}}, {"what": {"x": float("nan")}}, {"kind": "Train it"}, {"ranks": 0}]
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        begin(tmp_path, **options)
    assert not (tmp_path / "a1").exists()


def test_a_newer_file_and_a_damaged_one(tmp_path: Path) -> None:
    begin(tmp_path)
    change(tmp_path, version=2)
    with pytest.raises(VersionError):
        registry.job_status(tmp_path, "a1")
    (tmp_path / "a1/status.json").write_bytes(b"\xff")
    with pytest.raises(IntegrityError):
        registry.job_status(tmp_path, "a1")
    assert begin(tmp_path).starts == 1  # replaced


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
BASE = {
    "format": "luban-job", "version": 1, "id": "a1", "kind": "train", "state": "running", "why": "", "what": {},
    "started_time": "2026-01-01T00:00:00Z", "updated_time": "2026-01-01T00:00:00Z", "host": "h", "pid": 1, "ranks": 1,
    "slurm_job": None, "phase": "", "done": 0, "total": 0, "output": None, "starts": 1, "worked_s": 0.0,
    "process_start": "",
}  # fmt: skip


@given(key=st.sampled_from(sorted(BASE)), value=JSON)
@settings(max_examples=150)
def test_whatever_stands_in_it_is_listed(tmp_path_factory: pytest.TempPathFactory, key: str, value: Any) -> None:
    place = tmp_path_factory.getbasetemp() / "whatever"
    (place / "a1").mkdir(parents=True, exist_ok=True)
    (place / "a1/status.json").write_text(json.dumps(BASE | {key: value}), encoding="utf-8")
    frame = registry.jobs(place)
    assert len(frame) == 1
    assert frame["state"].item() in set(JobState)
    frame.to_json().encode()


@given(content=st.binary(max_size=200))
def test_whatever_bytes_are_listed_as_damaged(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    place = tmp_path_factory.getbasetemp() / "bytes"
    (place / "a1").mkdir(parents=True, exist_ok=True)
    (place / "a1/status.json").write_bytes(content)
    assert list(registry.jobs(place)["state"]) == ["damaged"]


def test_a_kill_before_the_rename_leaves_the_old_state(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from luban import _core\n"
        "from luban.registry import Job\n"
        "job = Job.begin(sys.argv[1], 'a1', kind='train', what={})\n"
        "job.progress('folds', 1, 5)\n"
        "file = _core.DurableFile(job.folder / 'status.json', 'test')\n"
        "file.write(b'{\"form')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert process.returncode == -signal.SIGKILL
    assert len(list((tmp_path / "a1").glob(".status.json.*.partial"))) == 1
    assert registry.job_status(tmp_path, "a1")["state"] == JobState.lost
    assert begin(tmp_path).starts == 2
    assert [path.name for path in (tmp_path / "a1").iterdir()] == ["status.json"]


def test_no_reader_sees_half_a_file_while_writers_are_killed(tmp_path: Path) -> None:
    code = (
        "import itertools, sys\n"
        "from luban.registry import Job\n"
        "job = Job.begin(sys.argv[1], 'a1', kind='train', what={'x': 'y' * 20000}, every_s=0.0)\n"
        "for k in itertools.count(): job.progress(f'phase {k}', k, 0)\n"
    )
    chance = random.Random(3)
    for start in range(1, 6):
        writer = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
        while not (tmp_path / "a1/status.json").exists() or written(tmp_path)["starts"] < start:
            time.sleep(0.005)
            assert writer.poll() is None
        end = time.monotonic() + chance.uniform(0.02, 0.15)
        reads = 0
        while time.monotonic() < end:
            assert registry.job_status(tmp_path, "a1")["state"] == JobState.running
            reads += 1
        writer.kill()
        writer.wait()
        assert reads
        status = registry.job_status(tmp_path, "a1")
        assert (status["state"], status["starts"]) == (JobState.lost, start)
        assert status["phase"] in ("", f"phase {status['done']}")
