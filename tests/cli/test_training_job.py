"""train with a training file: a job with a status, that stops at a signal and goes on to the same file."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from luban import console, training

from .support import Cli

pytestmark = pytest.mark.skipif(not training.available(), reason=f"no training here: {training.lacking()}")

TRAINING = """\
luban: 1
process: ./grinding.yaml
history: ./grinding.h5
surrogate: {kind: neural_ensemble}
validation: {folds: 3}
neural: {members: 2, hidden: [8], epochs: 6}
checkpoint: {keep: 1}
seed: 3
"""


@pytest.fixture
def file(process: Path, history: Path, tmp_path: Path) -> Path:
    path = tmp_path / "training.yaml"
    path.write_text(TRAINING, encoding="utf-8")
    return path


def status_of(folder: Path) -> dict[str, Any]:
    [path] = folder.glob("*/status.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.fixture
def at_phase(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], None]], None]:
    """Have something happen once, when a phase has begun."""

    def prepare(wanted: str, act: Callable[[], None]) -> None:
        @contextmanager
        def progress(shown: bool = True) -> Iterator[Any]:
            waiting = True

            def show(phase: str, done: int, total: int) -> None:
                nonlocal waiting
                if waiting and phase == wanted:
                    waiting = False
                    act()

            yield show

        monkeypatch.setattr(console, "progress", progress)

    return prepare


def test_a_training_file_is_a_job(luban: Cli, file: Path, tmp_path: Path) -> None:
    found = luban("train", file, "-o", "out.safetensors", "--jobs", "jobs", "--json").object
    status = status_of(tmp_path / "jobs")
    assert (status["state"], status["output"], status["id"]) == ("done", "out.safetensors", found["job"])
    assert status["what"]["seed"] == 3
    assert found["card"]["training"] == {"job": found["job"]}
    assert found["card"]["surrogate"] == "neural_ensemble"
    again = luban("train", file, "-o", "out.safetensors", "--jobs", "jobs", "--json").object
    assert (again["kept"], again["job"]) == (True, found["job"])


def test_jobs_lie_where_the_environment_says(
    luban: Cli, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUBAN_JOBS", str(tmp_path / "elsewhere"))
    assert luban("train", file).code == 0
    assert status_of(tmp_path / "elsewhere")["state"] == "done"
    assert (tmp_path / "training.safetensors").is_file()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_signal_keeps_what_was_trained_and_the_same_command_goes_on(
    luban: Cli,
    file: Path,
    tmp_path: Path,
    at_phase: Callable[..., None],
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context():
        at_phase("train networks of the folds", lambda: signal.raise_signal(number))
        stopped = luban("train", file, "-o", "out.safetensors", "--jobs", "jobs")
    assert stopped.code == 75
    status = status_of(tmp_path / "jobs")
    assert status["state"] == "checkpointed"
    assert number.name in status["why"]
    assert not (tmp_path / "out.safetensors").exists()
    assert list((tmp_path / "jobs").glob("*/networks/*.safetensors"))
    at_phase("nothing", lambda: None)
    assert luban("train", file, "-o", "out.safetensors", "--jobs", "jobs").code == 0
    assert (status_of(tmp_path / "jobs")["starts"], status_of(tmp_path / "jobs")["state"]) == (2, "done")
    assert luban("train", file, "-o", "peace.safetensors", "--jobs", "other").code == 0
    assert (tmp_path / "out.safetensors").read_bytes() == (tmp_path / "peace.safetensors").read_bytes()


def test_ctrl_c_keeps_what_was_trained(luban: Cli, file: Path, tmp_path: Path, at_phase: Callable[..., None]) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    at_phase("train networks of the folds", press)
    assert luban("train", file, "--jobs", "jobs").code == 130
    assert status_of(tmp_path / "jobs")["state"] == "checkpointed"


def test_a_failure_is_in_the_status(luban: Cli, file: Path, tmp_path: Path, at_phase: Callable[..., None]) -> None:
    def break_down() -> None:
        raise RuntimeError("the disk is on fire")

    at_phase("train networks", break_down)
    assert luban("train", file, "--jobs", "jobs").code == 1
    status = status_of(tmp_path / "jobs")
    assert (status["state"], status["why"]) == ("failed", "the disk is on fire")


def test_networks_of_older_trainings_are_tidied_away(luban: Cli, file: Path, tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        file.write_text(TRAINING.replace("seed: 3", f"seed: {seed}"), encoding="utf-8")
        assert luban("train", file, "-o", f"{seed}.safetensors", "--jobs", "jobs").code == 0
    left = list((tmp_path / "jobs").glob("*/networks"))
    assert len(left) == 1
    assert len(list((tmp_path / "jobs").glob("*/status.json"))) == 3


def test_options_beside_a_training_file_are_refused(luban: Cli, file: Path) -> None:
    outcome = luban("train", file, "--seed", "4")
    assert outcome.code == 2
    assert "--seed beside it" in outcome.err


def test_a_process_file_alone_is_no_training_file(luban: Cli, process: Path) -> None:
    outcome = luban("train", process)
    assert outcome.code == 2
    assert "a history beside the process file, or a training file" in outcome.err


def test_more_ranks_than_there_are(luban: Cli, file: Path) -> None:
    file.write_text(TRAINING + "parallel: {ranks: 3}\n", encoding="utf-8")
    outcome = luban("train", file, "--jobs", "jobs")
    assert outcome.code != 0
    assert "mpirun -n 3" in outcome.err
