"""Fixtures of the command line's tests: a process file, a CSV file, a history and a model of the same small process."""

import shutil
from pathlib import Path

import pytest

from .support import PROCESS, Cli, call, readings


@pytest.fixture
def luban(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Call the command line in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return call


@pytest.fixture
def process(tmp_path: Path) -> Path:
    path = tmp_path / "grinding.yaml"
    path.write_text(PROCESS, encoding="utf-8")
    return path


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "grinding.csv"
    readings().to_csv(path, index=False)
    return path


@pytest.fixture
def history(luban: Cli, process: Path, csv: Path, tmp_path: Path) -> Path:
    path = tmp_path / "grinding.h5"
    assert luban("import", process, csv, "-o", path).code == 0
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with process file, history and model, made once."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "grinding.yaml").write_text(PROCESS, encoding="utf-8")
    readings().to_csv(folder / "grinding.csv", index=False)
    history = folder / "grinding.h5"
    assert call("import", folder / "grinding.yaml", folder / "grinding.csv", "-o", history).code == 0
    outcome = call("train", folder / "grinding.yaml", history, "-o", folder / "grinding.safetensors", "--folds", "3")
    assert outcome.code == 0, outcome.err
    return folder


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    """A copy of the model that was trained once."""
    return Path(shutil.copy(trained / "grinding.safetensors", tmp_path))
