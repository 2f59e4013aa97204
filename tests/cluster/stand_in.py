"""A training that only counts: keeps what `luban train TRAINING.yaml -o OUT` promises of jobs, signals and exit codes.

The training file has lines ``key: value``: ``steps``, ``step_s`` (seconds each), ``seed``, ``fail_rank`` and
``fail_step`` (that rank reports a failure there), ``deaf_s`` (seconds before signals are listened to). The result is a
chain of digests, so that a step that is left out or done twice changes it. Standard library only; ranks meet through
files, not MPI: what is tried with it is the job script.
"""

import hashlib
import json
import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

RANK = int(os.environ.get("SLURM_PROCID", "0"))
RANKS = int(os.environ.get("SLURM_NTASKS", "1"))
CHECKPOINTED = 75


class Stop:
    """Set by USR1 and TERM, looked at between steps."""

    asked = ""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.asked = signal.Signals(number).name


def replace(path: Path, document: dict[str, Any]) -> None:
    """Write a file as a whole or not at all."""
    temporary = path.with_suffix(f".{RANK}.tmp")
    temporary.write_text(json.dumps(document, indent=1), encoding="utf-8")
    temporary.replace(path)


class Job:
    """The folder of this training: status.json and, from the first rank, checkpoint.json."""

    def __init__(self, training: dict[str, str], steps: int) -> None:
        name = hashlib.sha256(json.dumps(training, sort_keys=True).encode()).hexdigest()[:12]
        self.folder = Path(os.environ.get("LUBAN_JOBS", "var/jobs")) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "status.json"
        before = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
        self.status = {
            "format": "luban-job", "version": 1, "id": name, "kind": "train", "what": training, "starts":
            before.get("starts", 0) + 1, "started_time": now(), "host": socket.gethostname(), "pid": os.getpid(),
            "ranks": RANKS, "slurm_job": slurm_job(), "phase": "counting", "total": steps,
            "output": None,
        }  # fmt: skip

    def write(self, state: str, why: str = "", **more: Any) -> None:
        replace(self.path, {**self.status, "state": state, "why": why, "updated_time": now(), **more})

    def state(self) -> str:
        return str(json.loads(self.path.read_text(encoding="utf-8"))["state"])


def slurm_job() -> str | None:
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ.get("SLURM_JOB_ID")


def now() -> str:
    return datetime.now(UTC).isoformat()


def train(training: dict[str, str], output: Path) -> int:
    steps, step_s = int(training["steps"]), float(training.get("step_s", "0.1"))
    time.sleep(float(training.get("deaf_s", "0")))
    stop = Stop()
    signal.signal(signal.SIGUSR1, stop)
    signal.signal(signal.SIGTERM, stop)
    job = Job(training, steps)
    checkpoint = job.folder / "checkpoint.json"
    reached = json.loads(checkpoint.read_text(encoding="utf-8")) if checkpoint.exists() else {}
    done, digest = reached.get("done", 0), reached.get("digest", training.get("seed", "0"))
    if RANK == 0:
        job.write("running", done=done)
    while done < steps and not stop.asked:
        if int(training.get("fail_rank", "-1")) == RANK and done == int(training["fail_step"]):
            job.write("failed", f"rank {RANK} on {socket.gethostname()}: asked to fail at step {done}", done=done)
            return 1
        time.sleep(step_s)
        digest = hashlib.sha256(f"{digest} {done}".encode()).hexdigest()
        done += 1
    sys.stdout.write(f"rank {RANK} on {socket.gethostname()}: {done} of {steps} steps\n")
    sys.stdout.flush()
    if RANK > 0:
        return wait_for_first_rank(job, CHECKPOINTED if done < steps else 0)
    if done < steps:
        replace(checkpoint, {"done": done, "digest": digest})
        if job.state() == "failed":  # another rank's word stays
            return 1
        job.write("checkpointed", f"{stop.asked} at step {done}", done=done)
        return CHECKPOINTED
    output.write_text(digest, encoding="utf-8")
    job.write("done", done=done, output=str(output))
    return 0


def wait_for_first_rank(job: Job, code: int) -> int:
    """Leave after the first rank has written: --kill-on-bad-exit ends the others when one leaves with a code."""
    while job.state() == "running":
        time.sleep(0.05)
    return code


if __name__ == "__main__":
    verb, path, option, output = sys.argv[1:]
    assert (verb, option) == ("train", "-o"), sys.argv
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    sys.exit(train(dict(line.split(": ", 1) for line in lines if line), Path(output)))
