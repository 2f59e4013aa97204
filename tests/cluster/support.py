"""The local Slurm as a test sees it: one way to submit, to look at jobs and to wait."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
LOCAL = REPOSITORY / "cluster/local"
TEMPLATE = REPOSITORY / "cluster/slurm/train.sbatch"
STAND_IN = f"{sys.executable} {Path(__file__).with_name('stand_in.py')}"
CANNOT_BE_HAD = 69  # start: no root, no programs, no namespaces
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}

# Two ranks on two nodes, as small as can be.
TWO_NODES = ("--nodes=2", "--ntasks=2", "--cpus-per-task=1")


def run(command: list[str | Path], **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def local(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts of cluster/local."""
    return run([LOCAL / script, folder], env={**os.environ, **environment}, timeout=180)


def processes(folder: Path) -> dict[int, str]:
    """Command lines, by process id, of what lives of the local Slurm in ``folder``; not found in the way of stop."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            mounts = (path / "mountinfo").read_text(encoding="utf-8")
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # ended meanwhile
            continue
        if command and (re.search(rf"{folder}/hosts /etc/hosts ", mounts) or str(folder) in command):
            found[int(path.name)] = command
    return found


def wait_until(holds: Callable[[], bool], timeout_s: float, what: Callable[[], str]) -> None:
    """Wait; fails with ``what()`` when the time is over."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, f"after {timeout_s} s:\n{what()}"
        time.sleep(0.2)


@dataclass(frozen=True)
class Slurm:
    """A running local Slurm, and the folder where jobs are submitted."""

    place: Path
    environment: Mapping[str, str] = field(repr=False)

    def at(self, place: Path, **environment: str) -> "Slurm":
        """The same Slurm with jobs submitted from another folder."""
        return Slurm(place, {**self.environment, **environment})

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a client command of Slurm in the folder."""
        return run(list(command), cwd=self.place, env=dict(self.environment), timeout=120)

    def submit(self, *arguments: str | Path) -> str:
        """Give sbatch its arguments; returns the job's number."""
        done = self.run("sbatch", "--parsable", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def train(self, *arguments: str | Path, ask: tuple[str, ...] = TWO_NODES) -> str:
        """Submit the template; ``ask`` is what sbatch gets, the rest goes to the training."""
        return self.submit(*ask, TEMPLATE, *arguments)

    def job(self, number: str) -> dict[str, str]:
        """What `scontrol show job` says."""
        words = self.run("scontrol", "show", "job", "--oneliner", number).stdout.split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def log(self, number: str) -> str:
        """What the job has written so far."""
        path = self.place / f"luban-train-{number}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def statuses(self) -> list[dict[str, Any]]:
        """All status files, in no order."""
        paths = (self.place / "var/jobs").glob("*/status.json")
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def status(self, number: str) -> dict[str, Any]:
        """The status file of the training in a job; empty when there is none."""
        (*found,) = (status for status in self.statuses() if status["slurm_job"] == number)
        assert len(found) <= 1, found
        return found[0] if found else {}

    def describe(self, number: str) -> str:
        """All that is known of a job, for the message of a test that failed."""
        return f"{self.job(number)}\n{self.status(number)}\n{self.log(number)}"

    def wait_for(self, number: str, holds: Callable[[dict[str, Any]], bool], timeout_s: float = 60) -> None:
        """Wait until the status of the training is so."""
        wait_until(lambda: holds(self.status(number)), timeout_s, lambda: self.describe(number))

    def wait_end(self, number: str, timeout_s: float = 120) -> dict[str, str]:
        """Wait until the job has left the queue for good; returns what Slurm says of it."""
        wait_until(lambda: self.job(number)["JobState"] in ENDED, timeout_s, lambda: self.describe(number))
        return self.job(number)

    def ranks(self, number: str) -> dict[str, int]:
        """Process ids of the ranks, by node."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_bytes().split(b"\0")
                words = (path / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            variables = dict(word.split("=", 1) for word in words if "=" in word)
            mine = variables.get("SLURM_JOB_ID") == number and "SLURM_PROCID" in variables
            if mine and b"train" in command and variables.get("SLURM_STEP_ID") == "0" and b"bash" not in command[0]:
                found[variables["SLURMD_NODENAME"]] = int(path.name)
        return found
