"""Killed at any write of a checkpoint, a training goes on and ends with the bits of one that was left in peace."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from luban import training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not training.available(), reason=f"no training here: {training.lacking()}"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]

TRAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import make_process, simulate
from luban import features, training
from luban.history import History
process = make_process()
data = features.make_dataset(process.core, History.from_frame(process, simulate(settings=8)).source)
options = training.NeuralEnsembleOptions(members=2, hidden=[4], epochs=2, threads=1)
training.fit_neural_ensemble(data, options, seed=1, checkpoint=sys.argv[2], every_s=0.0)
"""


def train(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TRAIN, str(Path(__file__).parent), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **more})


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def test_a_training_killed_at_each_write_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    shim = tmp_path / "kill_at.so"
    source = Path(__file__).with_name("kill_at.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    peace = tmp_path / "peace"
    assert train(peace).returncode == 0
    folder = tmp_path / "killed"
    folder.mkdir()
    kills = 0
    for at in range(1, 100):
        ended = train(folder, LD_PRELOAD=str(shim), KILL_FOLDER=str(folder), KILL_AT=str(at))
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        kills += 1
    assert ended.returncode == 0
    assert kills >= 6, "each kind of call was to be cut at least once"
    assert files(folder) == files(peace)
