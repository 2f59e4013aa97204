"""Tests that want a Slurm run when they are asked for: `make test-cluster`, that is, pytest -m cluster."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import CANNOT_BE_HAD, Slurm, local, processes


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "cluster" in config.getoption("markexpr"):
        return
    kept = [item for item in items if item.get_closest_marker("cluster") is None]
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("cluster") is not None])
    items[:] = kept


@pytest.fixture(scope="session")
def slurm_folder() -> Iterator[Path]:
    """A folder with a short name: sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="luban-slurm-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def running_slurm(slurm_folder: Path) -> Iterator[Slurm]:
    """A Slurm with two nodes that lives as long as the tests; afterwards none of its processes is left."""
    started = local("start", slurm_folder)
    if started.returncode == CANNOT_BE_HAD:
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr
    exported = (line.removeprefix("export ").split("=", 1) for line in started.stdout.splitlines())
    yield Slurm(slurm_folder, {**os.environ, **dict(exported)})
    stopped = local("stop", slurm_folder)
    assert stopped.returncode == 0, stopped.stderr
    assert processes(slurm_folder) == {}


@pytest.fixture
def slurm(running_slurm: Slurm, tmp_path: Path) -> Iterator[Slurm]:
    """The running Slurm, for jobs of one test: submitted from its folder, and none of them is left."""
    yield running_slurm.at(tmp_path)
    running_slurm.run("scancel", "--user=root")
