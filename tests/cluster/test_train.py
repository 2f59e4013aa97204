"""Networks trained on two nodes: the model of one rank, the same after a time limit, and ends nobody wished for."""

import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from .support import REPOSITORY, TWO_NODES, Slurm

pytestmark = pytest.mark.cluster

LUBAN = f"{sys.executable} -m luban.cli"
PROCESS = REPOSITORY / "configs/process/turning.yaml"
FILE = """\
luban: 1
process: {process}
history: {history}
surrogate: {{kind: neural_ensemble}}
validation: {{folds: 2}}
neural: {{members: {members}, hidden: [32, 32], epochs: 150, patience: 150}}
checkpoint: {{every_s: 5}}
seed: 7
"""
# Long enough for every signal that the tests send: at the latest 30 s after the start.
TRAINING_S = 60
SAMPLE_MEMBERS = 4


@pytest.fixture(scope="module")
def history(running_slurm: Slurm) -> Path:
    """The packaged turning data as a file; skips, in words, where this Luban cannot train on two nodes."""
    from luban import parallel, training

    if (lacking := training.lacking()) is not None:
        pytest.skip(f"no networks here: {lacking}")
    if not (plugin := parallel.find_plugin("openmpi")).usable:
        pytest.skip(f"no MPI here: {plugin.why_not}")
    table = REPOSITORY / "python/luban/data/turning.csv"
    made = running_slurm.run(*LUBAN.split(), "import", PROCESS, table, "-o", "turning.h5")
    assert made.returncode == 0, made.stderr
    return running_slurm.place / "turning.h5"


def write(place: Path, history: Path, members: int) -> str:
    text = FILE.format(process=PROCESS, history=history, members=members)
    (place / "networks.yaml").write_text(text, encoding="utf-8")
    return "networks.yaml"


@pytest.fixture
def nodes(slurm: Slurm) -> Slurm:
    """A Slurm whose template runs the Luban under test."""
    return slurm.at(slurm.place, LUBAN=LUBAN)


@pytest.fixture(scope="module")
def members(running_slurm: Slurm, history: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many networks make a training that lasts, on this machine."""
    place = running_slurm.at(tmp_path_factory.mktemp("sample"), LUBAN=LUBAN)
    number = place.train(write(place.place, history, SAMPLE_MEMBERS), "-o", "model.safetensors")
    assert place.wait_end(number)["JobState"] == "COMPLETED", place.describe(number)
    return math.ceil(SAMPLE_MEMBERS * max(1.0, TRAINING_S / place.status(number)["worked_s"]))


@pytest.fixture(scope="module")
def uninterrupted(running_slurm: Slurm, history: Path, members: int, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model file that two nodes make without a break."""
    place = running_slurm.at(tmp_path_factory.mktemp("whole"), LUBAN=LUBAN)
    number = place.train(write(place.place, history, members), "-o", "model.safetensors")
    assert place.wait_end(number, timeout_s=300)["JobState"] == "COMPLETED", place.describe(number)
    assert place.status(number).items() >= {"state": "done", "ranks": 2, "starts": 1}.items()
    return (place.place / "model.safetensors").read_bytes()


def begun(status: dict[str, Any]) -> bool:
    """Whether networks are being trained."""
    return status.get("state") == "running" and bool(status["done"])


def listed(place: Slurm) -> dict[str, dict[str, Any]]:
    """What `luban jobs` says of the jobs here, by the number in Slurm."""
    said = place.run(*LUBAN.split(), "jobs", "--jobs", "var/jobs", "--json")
    assert said.returncode == 0, said.stderr
    return {row["slurm_job"]: row for row in json.loads(said.stdout)["jobs"]}


def test_two_nodes_make_the_model_of_one_rank(nodes: Slurm, history: Path) -> None:
    name = write(nodes.place, history, SAMPLE_MEMBERS)
    files = []
    for ask, jobs in ((TWO_NODES, "two"), (("--ntasks=1", "--cpus-per-task=1"), "one")):
        apart = nodes.at(nodes.place, LUBAN_JOBS=str(nodes.place / jobs))
        number = apart.train(name, "-o", f"{jobs}.safetensors", ask=ask)
        assert apart.wait_end(number)["JobState"] == "COMPLETED", apart.log(number)
        files.append((nodes.place / f"{jobs}.safetensors").read_bytes())
    assert files[0] == files[1]


def test_a_model_that_was_interrupted_by_the_time_limit_is_the_same(
    nodes: Slurm, history: Path, members: int, uninterrupted: bytes
) -> None:
    ask = (*TWO_NODES, "--time=1", "--signal=USR1@50")  # at the next look at limits: within 30 s
    number = nodes.train(write(nodes.place, history, members), "-o", "model.safetensors", ask=ask)
    job = nodes.wait_end(number, timeout_s=400)
    assert (job["JobState"], job["ExitCode"]) == ("COMPLETED", "0:0"), nodes.describe(number)
    assert int(job["Restarts"]) >= 1, "the training was over before the limit"
    row = listed(nodes)[number]
    assert (row["state"], row["starts"], row["kind"]) == ("done", int(job["Restarts"]) + 1, "train")
    assert (nodes.place / "model.safetensors").read_bytes() == uninterrupted


def test_a_cancelled_training_goes_on_when_it_is_submitted_again(
    nodes: Slurm, history: Path, members: int, uninterrupted: bytes
) -> None:
    name = write(nodes.place, history, members)
    number = nodes.train(name, "-o", "model.safetensors")
    nodes.wait_for(number, begun)
    assert nodes.run("scancel", number).returncode == 0
    assert nodes.wait_end(number)["JobState"] == "CANCELLED", nodes.describe(number)
    assert listed(nodes)[number]["state"] == "checkpointed", nodes.describe(number)
    again = nodes.train(name, "-o", "model.safetensors")
    assert nodes.wait_end(again, timeout_s=300)["JobState"] == "COMPLETED", nodes.describe(again)
    assert listed(nodes)[again]["starts"] == 2
    assert (nodes.place / "model.safetensors").read_bytes() == uninterrupted


def test_a_killed_rank_ends_the_job_and_the_status_says_so(nodes: Slurm, history: Path, members: int) -> None:
    number = nodes.train(write(nodes.place, history, members), "-o", "model.safetensors")
    nodes.wait_for(number, begun)
    os.kill(nodes.ranks(number)["n2"], signal.SIGKILL)
    job = nodes.wait_end(number)
    assert (job["JobState"], job["Restarts"]) == ("FAILED", "0"), nodes.describe(number)
    row = listed(nodes)[number]
    assert row["state"] == "failed", nodes.describe(number)
    assert "rank 1" in row["why"] or "task 1" in row["why"]
    assert "n2" in row["why"] or "rank 1" in row["why"]
    assert not (nodes.place / "model.safetensors").exists()


def test_a_training_file_that_is_wrong_ends_the_job_with_words(nodes: Slurm, history: Path) -> None:
    name = write(nodes.place, history, SAMPLE_MEMBERS)
    path = nodes.place / name
    path.write_text(path.read_text(encoding="utf-8").replace("seed", "sede"), encoding="utf-8")
    number = nodes.train(name, "-o", "model.safetensors")
    assert nodes.wait_end(number)["ExitCode"] == "2:0", nodes.log(number)
    assert "sede" in nodes.log(number)
