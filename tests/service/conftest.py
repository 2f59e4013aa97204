"""Loops on a simulated lathe, closed at the end."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luban.process import Process

from .support import Line


@pytest.fixture(scope="session")
def process(repository: Path) -> Process:
    return Process.from_yaml(repository / "configs/process/turning.yaml")


@pytest.fixture
def journal() -> Iterator[Path]:
    """A journal in memory where there is such a disk: what is tested of stepped loops needs no real one."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder) / "loop.sqlite"


@pytest.fixture
def make_line(process: Process, journal: Path) -> Iterator[Callable[..., Line]]:
    """Loops of one's own, closed at the end."""
    made: list[Line] = []

    def make(advisor: Any = None, **changes: Any) -> Line:
        made.append(Line(process, changes.pop("journal", journal), advisor, **changes))
        return made[-1]

    yield make
    for line in made:
        line.close()


@pytest.fixture
def line(make_line: Callable[..., Line]) -> Line:
    """A loop that arms itself, on the way to settings that are a little better."""
    return make_line()
