"""A small process, a clock that is told the time, and journals of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from luban.journal import Journal
from luban.process import Process

from .support import SMALL, ToldClock


@pytest.fixture(scope="session")
def process() -> Process:
    return Process.from_dict(SMALL)


@pytest.fixture
def clock() -> ToldClock:
    return ToldClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "loop.sqlite"


@pytest.fixture
def journal(path: Path, process: Process, clock: ToldClock) -> Iterator[Journal]:
    """A new journal, open for writing."""
    with Journal.create(path, process=process, clock=clock) as made:
        yield made


@pytest.fixture
def written(path: Path, process: Process, clock: ToldClock) -> Path:
    """A journal of twelve records, closed: started, ten of two cycles and one run, closed."""
    with Journal.create(path, process=process, clock=clock) as made:
        for cycle in (1, 2):
            made.append_all(
                [("inputs", {"T": 20.5 + cycle}), ("verdict", {"code": "accept"}), ("decision", {"T": 30.0})],
                cycle=cycle,
            )
            made.append("outcome", {"T": 30.0, "confirmed": True}, cycle=cycle)
            made.checkpoint()
        made.append_run(
            {"run_id": "r1", "settings": {"T": 30.0}, "context": {"grade": "A"}, "readings": [{"yield": 1}]}
        )
        made.append("note", {"text": "naïve, 中文, \u0000"})
    return path
