"""The job script with a training that only counts (stand_in.py): limits, requeues, and ends that nobody wished for."""

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from .support import STAND_IN, TEMPLATE, TWO_NODES, Slurm

pytestmark = pytest.mark.cluster


@pytest.fixture
def counting(slurm: Slurm) -> Slurm:
    """A Slurm whose template runs the stand-in."""
    return slurm.at(slurm.place, LUBAN=STAND_IN)


def training(place: Path, **options: Any) -> str:
    """Write a training file with steps of 0.1 s; returns its name."""
    text = "".join(f"{key}: {value}\n" for key, value in {"seed": 7, **options}.items())
    (place / "training.yaml").write_text(text, encoding="utf-8")
    return "training.yaml"


def digest(steps: int, seed: int = 7) -> str:
    """What the stand-in arrives at when every step is done once."""
    found = str(seed)
    for step in range(steps):
        found = hashlib.sha256(f"{found} {step}".encode()).hexdigest()
    return found


def at_step(step: int) -> Any:
    """Whether the training has begun and has had time for some steps."""
    first_seen: list[float] = []

    def holds(status: dict[str, Any]) -> bool:
        if status.get("state") == "running" and not first_seen:
            first_seen.append(time.monotonic())
        return bool(first_seen) and time.monotonic() - first_seen[0] >= step * 0.1

    return holds


def test_two_nodes(counting: Slurm) -> None:
    number = counting.train(training(counting.place, steps=5), "-o", "model.bin")
    job = counting.wait_end(number)
    log = counting.log(number)
    assert (job["JobState"], job["ExitCode"], job["NumNodes"]) == ("COMPLETED", "0:0", "2"), log
    assert counting.status(number).items() >= {"state": "done", "ranks": 2, "starts": 1}.items()
    assert "rank 0 on n1" in log
    assert "rank 1 on n2" in log
    assert (counting.place / "model.bin").read_text(encoding="utf-8") == digest(5)


def test_the_time_limit_makes_a_checkpoint_and_the_job_goes_on(counting: Slurm) -> None:
    ask = (*TWO_NODES, "--time=1", "--signal=USR1@20")  # 10 to 40 s after the start
    number = counting.train(training(counting.place, steps=450), "-o", "model.bin", ask=ask)
    job = counting.wait_end(number, timeout_s=300)
    log = counting.log(number)
    assert (job["JobState"], job["ExitCode"]) == ("COMPLETED", "0:0"), log
    assert int(job["Restarts"]) >= 1
    status = counting.status(number)
    assert (status["state"], status["starts"]) == ("done", int(job["Restarts"]) + 1)
    assert "queued again (start 2)" in log
    assert "Start 2 of job" in log
    assert (counting.place / "model.bin").read_text(encoding="utf-8") == digest(450)


def test_usr1_before_the_training_listens_does_not_end_it(counting: Slurm) -> None:
    number = counting.train(training(counting.place, steps=5, deaf_s=6), "-o", "model.bin")
    time.sleep(4)
    assert counting.run("scancel", "--signal=USR1", number).returncode == 0
    assert counting.wait_end(number)["JobState"] == "COMPLETED", counting.describe(number)


def test_a_cancelled_job_is_not_queued_again(counting: Slurm) -> None:
    number = counting.train(training(counting.place, steps=400), "-o", "model.bin")
    counting.wait_for(number, at_step(5))
    assert counting.run("scancel", number).returncode == 0
    job = counting.wait_end(number)
    assert (job["JobState"], job["Restarts"]) == ("CANCELLED", "0")
    counting.wait_for(number, lambda status: status["state"] == "checkpointed")
    assert "the job was cancelled. The same sbatch command goes on from it" in counting.log(number)
    time.sleep(12)  # a requeued job would be back after seven seconds
    assert counting.job(number)["JobState"] == "CANCELLED"
    again = counting.train(training(counting.place, steps=400), "-o", "model.bin")
    counting.wait_for(again, lambda status: status.get("done", 0) > 0)  # from the checkpoint, not from nothing


def test_a_job_that_slurm_queues_again_is_queued_once(counting: Slurm) -> None:
    number = counting.train(training(counting.place, steps=80), "-o", "model.bin")
    counting.wait_for(number, at_step(20))
    assert counting.run("scontrol", "requeue", number).returncode == 0
    counting.wait_for(number, lambda status: status["state"] == "done")
    assert counting.wait_end(number)["Restarts"] == "1"
    assert "Slurm queued the job again" in counting.log(number)
    assert (counting.place / "model.bin").read_text(encoding="utf-8") == digest(80)


def test_a_killed_rank_ends_the_job_and_the_status_says_which(counting: Slurm) -> None:
    number = counting.train(training(counting.place, steps=600), "-o", "model.bin")
    counting.wait_for(number, at_step(5))
    os.kill(counting.ranks(number)["n2"], signal.SIGKILL)
    job = counting.wait_end(number)
    assert (job["JobState"], job["Restarts"]) == ("FAILED", "0"), counting.describe(number)
    status = counting.status(number)
    assert status["state"] == "failed"
    assert "n2: task 1: Killed" in status["why"]


def test_a_rank_that_says_why_is_heard(counting: Slurm) -> None:
    number = counting.train(training(counting.place, steps=600, fail_rank=1, fail_step=3), "-o", "model.bin")
    job = counting.wait_end(number)
    assert (job["JobState"], job["Restarts"]) == ("FAILED", "0"), counting.describe(number)
    assert counting.status(number)["why"] == "rank 1 on n2: asked to fail at step 3"
    assert "The training failed: rank 1 on n2: asked to fail at step 3" in counting.log(number)


def test_restarts_are_counted_and_end(counting: Slurm) -> None:
    limited = counting.at(counting.place, LUBAN_MAX_RESTARTS="1")
    number = limited.train(training(counting.place, steps=2000), "-o", "model.bin")
    for start in (1, 2):
        limited.wait_for(number, lambda status, start=start: status.get("starts") == start)  # type: ignore[misc]
        time.sleep(1)
        assert limited.run("scancel", "--signal=USR1", number).returncode == 0
        limited.wait_for(number, lambda status: status["state"] == "checkpointed")
    job = limited.wait_end(number)
    assert (job["JobState"], job["ExitCode"], job["Restarts"]) == ("FAILED", "75:0", "1")
    assert "started again 1 times already (LUBAN_MAX_RESTARTS)" in limited.log(number)
    assert limited.status(number)["state"] == "checkpointed"


def test_ranks_that_heed_nothing_are_told_of_before_they_are_killed(counting: Slurm) -> None:
    number = counting.train(training(counting.place, steps=5, step_s=600), "-o", "model.bin")
    counting.wait_for(number, at_step(1))
    assert counting.run("scancel", number).returncode == 0
    assert counting.wait_end(number)["JobState"] == "CANCELLED"  # half a minute later, with KILL
    status = counting.status(number)
    assert (status["state"], status["why"]) == ("failed", "cancelled before a checkpoint was written")
    assert "The training failed: cancelled" in counting.log(number)


def test_one_rank_needs_no_mpi(counting: Slurm) -> None:
    number = counting.train(training(counting.place, steps=5), "-o", "model.bin", ask=("--ntasks=1",))
    assert counting.wait_end(number)["JobState"] == "COMPLETED", counting.describe(number)


def test_tasks_of_an_array_keep_apart(counting: Slurm) -> None:
    name = training(counting.place, steps=5, fail_rank=0, fail_step=2)
    number = counting.train(name, "-o", "model.bin", ask=("--ntasks=1", "--array=3", "--output=array.log"))
    job = counting.wait_end(f"{number}_3")
    assert job["JobState"] == "FAILED"
    (status,) = counting.statuses()
    assert status["state"] == "failed"
    assert "asked to fail at step 2" in (counting.place / "array.log").read_text(encoding="utf-8")


def test_what_cannot_begin_says_so(counting: Slurm) -> None:
    missing = counting.train("nothing.yaml", ask=("--ntasks=1",))
    assert counting.wait_end(missing)["ExitCode"] == "2:0"
    assert "received 'nothing.yaml'" in counting.log(missing)
    absent = counting.at(counting.place, LUBAN="/no/such/program")
    number = absent.train(training(counting.place, steps=5), "-o", "model.bin")
    assert absent.wait_end(number)["ExitCode"] == "127:0"
    assert "before it wrote a status" in absent.log(number)


def test_the_directives_are_good_for_slurm(slurm: Slurm) -> None:
    for more in ((), TWO_NODES, ("--nodes=2", "--ntasks-per-node=1", "--time=8:00:00", "--array=0-3")):
        tried = slurm.run("sbatch", "--test-only", *more, TEMPLATE, "training.yaml")
        assert tried.returncode == 0, tried.stderr
        assert "to start at" in tried.stderr
