"""luban train under a real mpirun: the file of one rank, and a status that says who was killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from luban import parallel, training
from luban.history import History
from luban.process import Process

from .conftest import simulate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not training.available(), reason=f"no training here: {training.lacking()}"),
    pytest.mark.skipif(
        shutil.which("mpirun") is None or not parallel.find_plugin("openmpi").usable,
        reason="needs mpirun and the plugin openmpi: make setup installs and builds them",
    ),
]

LAUNCHERS = ("OMPI_", "PMIX_", "PMI_", "SLURM_")
TRAINING = """\
luban: 1
process: ./milling.yaml
history: ./milling.h5
surrogate: {kind: automatic}
validation: {folds: 3}
neural: {members: 3, hidden: [12, 8], epochs: EPOCHS, patience: EPOCHS}
checkpoint: {every_s: 0.5}
"""


@pytest.fixture
def folder(tmp_path: Path, process: Process) -> Path:
    (tmp_path / "milling.yaml").write_text(process.to_yaml(), encoding="utf-8")
    History.from_frame(process, simulate(settings=40), tmp_path / "milling.h5")
    return tmp_path


def start(folder: Path, epochs: int, out: str, ranks: int = 0) -> subprocess.Popen[str]:
    """Start luban train, under mpirun when ranks are given."""
    (folder / "training.yaml").write_text(TRAINING.replace("EPOCHS", str(epochs)), encoding="utf-8")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHERS)}
    environment = plain | {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
        "LUBAN_THREADS": "1",
    }
    launcher = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks else []
    program = [sys.executable, "-c", "from luban.cli import main; main()"]
    command = [*launcher, *program, "train", "training.yaml", "-o", f"{out}.safetensors", "--jobs", out]
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def status(jobs: Path) -> dict[str, Any]:
    [path] = jobs.glob("*/status.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def until_training(jobs: Path) -> None:
    """Wait until networks are being trained, and some were kept."""
    for _ in range(600):
        if list(jobs.glob("*/networks/*.safetensors")):
            return
        time.sleep(0.1)
    pytest.fail("no network was kept within a minute")


def rank_process(of: int, rank: int) -> int:
    """Return the process of a rank below a launcher."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes().split(b"\0")
            parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == of and f"OMPI_COMM_WORLD_RANK={rank}".encode() in environment:
            return int(path.parent.name)
    raise LookupError(f"rank {rank} below process {of}")


def test_any_number_of_ranks_writes_the_file_of_one(folder: Path) -> None:
    for ranks in (0, 1, 2, 3):
        program = start(folder, 12, f"of-{ranks}", ranks)
        _, err = program.communicate(timeout=240)
        assert program.returncode == 0, err
        assert status(folder / f"of-{ranks}")["ranks"] == max(ranks, 1)
    contents = {(folder / f"of-{ranks}.safetensors").read_bytes() for ranks in (0, 1, 2, 3)}
    assert len(contents) == 1


def test_a_killed_rank_ends_the_job_and_the_status_says_which(folder: Path) -> None:
    program = start(folder, 5000, "killed", 2)
    until_training(folder / "killed")
    os.kill(rank_process(program.pid, 1), signal.SIGKILL)
    program.communicate(timeout=60)
    assert program.returncode != 0
    found = status(folder / "killed")
    assert found["state"] == "failed"
    assert found["why"].startswith("rank 1 on ")
    assert "gone" in found["why"]


def test_a_signal_to_one_rank_checkpoints_all(folder: Path) -> None:
    program = start(folder, 5000, "stopped", 2)
    until_training(folder / "stopped")
    os.kill(rank_process(program.pid, 1), signal.SIGUSR1)
    program.communicate(timeout=60)
    assert program.returncode == 75
    assert status(folder / "stopped")["state"] == "checkpointed"
