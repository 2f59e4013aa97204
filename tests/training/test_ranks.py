"""Work shared over ranks: the same file as one rank makes, whatever the number; a failure ends all."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from luban import fitting, parallel, training
from luban.errors import ConfigurationError, ParallelError, StoppedError
from luban.history import History
from luban.process import Process

pytestmark = pytest.mark.skipif(not training.available(), reason=f"no training here: {training.lacking()}")

Work = Callable[[Any], Any]


def on_ranks(count: int, work: Work) -> list[Any]:
    """Call work(communicator) on each rank; the result, or the exception, by rank."""

    def call(group: Any) -> Any:
        try:
            return work(group)
        except Exception as error:  # noqa: BLE001 (what each rank raised is what is looked at)
            return error

    with ThreadPoolExecutor(max_workers=count) as pool:
        return list(pool.map(call, parallel.thread_communicators(count)))


@pytest.fixture(scope="module")
def many(process: Process, frames: Callable[..., pd.DataFrame]) -> History:
    """Points enough for automatic to try networks."""
    return History.from_frame(process, frames(settings=40))


@pytest.fixture(scope="module")
def alone(process: Process, many: History, quick: Any, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    model = fitting.fit(process, many, seed=2, folds=3, neural=quick, timed=False)
    return model.save(tmp_path_factory.mktemp("alone") / "model").read_bytes()


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("shared", [True, False], ids=["one folder", "a folder each"])
def test_any_number_of_ranks_makes_the_same_file(
    process: Process, many: History, quick: Any, alone: bytes, tmp_path: Path, ranks: int, shared: bool
) -> None:
    def work(group: Any) -> bytes:
        networks = tmp_path / ("networks" if shared else f"networks-{group.rank}")
        place = fitting.Workplace(networks, group=group)
        model = fitting.fit(process, many, seed=2, folds=3, neural=quick, workplace=place, timed=False)
        return model.save(tmp_path / f"model-{group.rank}").read_bytes()

    assert on_ranks(ranks, work) == [alone] * ranks


def test_each_network_is_trained_once(
    process: Process, many: History, quick: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    guard = threading.Lock()
    before = training.train_networks

    def counted(units: Any, **more: Any) -> None:
        with guard:
            trained.extend(one.file_name(k) for one, k in units if not one.finished(k, more["checkpoint"]))
        before(units, **more)

    monkeypatch.setattr(training, "train_networks", counted)

    def work(group: Any) -> fitting.Model:
        place = fitting.Workplace(tmp_path / f"networks-{group.rank}", group=group)
        return fitting.fit(process, many, quick, folds=3, workplace=place, timed=False)

    on_ranks(2, work)
    assert len(trained) == len(set(trained)) == (3 + 1) * quick.members


def test_a_stop_on_one_rank_stops_all_and_the_same_call_goes_on(
    process: Process, many: History, quick: Any, alone: bytes, tmp_path: Path
) -> None:
    def work(group: Any, asked: Callable[[], bool]) -> bytes:
        place = fitting.Workplace(tmp_path / "networks", group=group, stop=asked)
        model = fitting.fit(process, many, seed=2, folds=3, neural=quick, workplace=place, timed=False)
        return model.save(tmp_path / f"model-{group.rank}").read_bytes()

    told = 0

    def of_rank_1() -> bool:
        nonlocal told
        told += 1
        return told > 3

    ended = on_ranks(2, lambda group: work(group, of_rank_1 if group.rank == 1 else lambda: False))
    assert [type(error) for error in ended] == [StoppedError, StoppedError]
    assert on_ranks(3, lambda group: work(group, lambda: False)) == [alone] * 3


def test_a_failure_on_one_rank_ends_all(process: Process, many: History, quick: Any, tmp_path: Path) -> None:
    def work(group: Any) -> Any:
        def break_down(phase: str, done: int, total: int) -> None:
            raise RuntimeError("the disk is on fire")

        place = fitting.Workplace(tmp_path / f"networks-{group.rank}", group=group)
        show = break_down if group.rank == 0 else None
        return fitting.fit(process, many, quick, folds=3, workplace=place, progress=show)

    first, second = on_ranks(2, work)
    assert isinstance(first, RuntimeError)
    assert isinstance(second, ParallelError)
    assert "the disk is on fire" in str(second)


def test_ranks_that_were_started_for_different_things(
    process: Process, many: History, quick: Any, tmp_path: Path
) -> None:
    def work(group: Any) -> Any:
        place = fitting.Workplace(tmp_path, group=group)
        return fitting.fit(process, many, quick, seed=group.rank, folds=3, workplace=place)

    ended = on_ranks(2, work)
    assert all(isinstance(error, ConfigurationError | ParallelError) for error in ended)
    assert any("same data and options" in str(error) for error in ended)
