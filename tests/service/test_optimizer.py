"""An optimizer in a process of its own that dies, stops, is slow, or talks nonsense; the loop goes on without it."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luban.control import OptimizerState
from luban.errors import IoError
from luban.plant import LatheMachine, SystemClock
from luban.process import Process
from luban.service import CycleTimes, Ending, OptimizerProcess, Question, RunReport, run

from .support import Line

PROGRAM = Path(__file__).with_name("stand_in.py")


class Workshop:
    """A folder with a stand-in in it, and how it behaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[OptimizerProcess] = []
        self.told: dict[str, Any] = {}
        self.tell()

    def tell(self, **behaviour: Any) -> None:
        self.told = {**self.told, **behaviour}
        fresh = self.folder / "behaviour.new"
        fresh.write_text(json.dumps(self.told), encoding="utf-8")
        fresh.rename(self.folder / "behaviour.json")

    def start(self, **options: Any) -> OptimizerProcess:
        command = options.pop("command", [sys.executable, str(PROGRAM), "--fd", "{fd}", str(self.folder)])
        made = OptimizerProcess(command, log=self.folder / "log", **options)
        self.made.append(made)
        return made

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []

    @property
    def learned(self) -> list[str]:
        return [line.split()[1] for line in self.lines("learned")]


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    shop = Workshop(tmp_path)
    yield shop
    for made in shop.made:
        made.close()
    assert not (tmp_path / "two").exists()  # in no test were there two of them


def question(number: int) -> Question:
    return Question(number, number, 10**9, {"feed": 0.1}, {"diameter": "D30"})


def reports(number: int, readings: int = 3) -> list[RunReport]:
    return [RunReport(f"r{n}", {"feed": 0.1}, {}, {"roughness": [1.25] * readings}, n, n + 1) for n in range(number)]


def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


def answer(optimizer: OptimizerProcess, number: int, seconds: float = 10.0) -> Any:
    """Ask until it can be asked, and wait for the answer."""
    until(lambda: optimizer.ask(question(number)), seconds)
    found: list[Any] = []
    until(lambda: found.append(optimizer.collect()) or found[-1] is not None, seconds)
    return found[-1]


def test_it_answers_what_it_was_asked(workshop: Workshop) -> None:
    optimizer = workshop.start()
    assert optimizer.state() is OptimizerState.late  # it reads its model
    assert optimizer.wait_ready(10.0)
    assert optimizer.state() is OptimizerState.alive
    found = answer(optimizer, 5)
    assert (found.cycle, found.counter) == (5, 5)
    assert set(found.recommendation.settings) == {"feed", "depth_of_cut"}


def test_it_is_started_again_after_longer_and_longer_pauses(workshop: Workshop) -> None:
    """Though it gets ready each time: it dies at its first question."""
    now = [0]
    optimizer = workshop.start(monotonic_ns=lambda: now[0])
    workshop.tell(die=True)
    pauses = []
    for number in range(5):
        assert optimizer.wait_ready(10.0)
        assert optimizer.ask(question(number))
        until(lambda: optimizer.state() is OptimizerState.dead)
        assert optimizer.pid is None
        assert "its process ended" in optimizer.trouble
        began = now[0]
        while optimizer.pid is None:
            now[0] += 10**8
            assert not optimizer.ask(question(number))
            time.sleep(0.001)
        pauses.append((now[0] - began) / 1e9)
    assert pauses == pytest.approx([1, 2, 4, 8, 16], abs=0.3)
    assert len(set(workshop.lines("pids"))) >= 5


def test_one_that_lived_long_is_back_soon(workshop: Workshop) -> None:
    now = [0]
    optimizer = workshop.start(monotonic_ns=lambda: now[0], dead_after_s=1e6, start_s=1e6)
    for _ in range(3):
        assert optimizer.wait_ready(10.0)
        assert optimizer.pid is not None
        now[0] += 100 * 10**9
        answer(optimizer, 1)
        os.kill(optimizer.pid, signal.SIGKILL)
        until(lambda: optimizer.state() is OptimizerState.dead)
        now[0] += 11 * 10**8
        until(lambda: optimizer.ask(question(1)) or optimizer.pid is not None)


def test_one_that_talks_nonsense_is_lost(workshop: Workshop) -> None:
    optimizer = workshop.start()
    assert optimizer.wait_ready(10.0)
    workshop.tell(garbage=True)
    assert optimizer.ask(question(1))
    until(lambda: optimizer.state() is OptimizerState.dead)
    assert "lost" in optimizer.trouble
    workshop.tell(garbage=False)
    assert answer(optimizer, 2).cycle == 2


def test_what_it_started_goes_with_it(workshop: Workshop) -> None:
    """A child that keeps its socket open hides its death from nobody, and does not stay."""
    workshop.tell(child=True)
    optimizer = workshop.start()
    assert optimizer.wait_ready(10.0)
    until(lambda: (workshop.folder / "child").exists() and (workshop.folder / "child").read_text(encoding="ascii"))
    child = int((workshop.folder / "child").read_text(encoding="ascii"))
    assert optimizer.pid is not None
    os.kill(optimizer.pid, signal.SIGKILL)
    until(lambda: optimizer.state() is OptimizerState.dead, 2.0)
    until(lambda: not _lives(child), 5.0)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.slow
def test_a_stopped_one_is_late_then_dead_then_replaced(workshop: Workshop) -> None:
    optimizer = workshop.start(late_after_s=0.7, dead_after_s=1.2)
    answer(optimizer, 1)
    first = optimizer.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    until(lambda: optimizer.state() is OptimizerState.late)
    until(lambda: optimizer.state() is OptimizerState.dead)
    assert answer(optimizer, 2).cycle == 2
    assert optimizer.pid != first
    assert not _lives(first)


@pytest.mark.slow
def test_a_busy_one_holds_nobody_up_and_is_not_killed_for_it(workshop: Workshop) -> None:
    """It learns for two seconds; far more than its socket holds is asked and told meanwhile."""
    workshop.tell(learn_s=1.0)
    optimizer = workshop.start(late_after_s=0.2, dead_after_s=20.0)
    assert optimizer.wait_ready(10.0)
    optimizer.learn(reports(60, 2000))
    slowest = 0.0
    first = optimizer.pid
    end = time.monotonic() + 3.0
    number = 0
    while time.monotonic() < end:
        number += 1
        began = time.monotonic()
        optimizer.ask(question(number))
        optimizer.collect()
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.01)
    workshop.tell(learn_s=0.0)
    until(lambda: (optimizer.ask(question(99)), optimizer.collect(), len(workshop.learned) >= 60)[-1])
    assert slowest < 0.5
    assert workshop.learned == [f"r{n}" for n in range(60)]
    assert optimizer.pid == first


def test_runs_are_told_once_and_in_order_and_anew_to_a_new_one(workshop: Workshop) -> None:
    optimizer = workshop.start()
    optimizer.learn(reports(50))
    for number in range(5):
        answer(optimizer, number)
    optimizer.learn(reports(52)[50:])
    answer(optimizer, 6)
    told = [f"r{n}" for n in range(52)]
    assert workshop.learned == told
    assert optimizer.pid is not None
    os.kill(optimizer.pid, signal.SIGKILL)
    until(lambda: optimizer.state() is OptimizerState.dead)
    for number in range(7, 11):
        answer(optimizer, number)
    assert workshop.learned == told + told


def test_a_run_that_no_message_takes_is_left_out(workshop: Workshop) -> None:
    optimizer = workshop.start()
    large = RunReport("large", {"feed": 0.1}, {}, {"roughness": [1.2345678901234567] * 100_000}, 0, 1)
    broken = RunReport("broken", {"feed": 0.1}, {"diameter": "\ud800"}, {}, 0, 1)
    optimizer.learn([*reports(2), large, broken, *reports(4)[2:]])
    answer(optimizer, 1)
    answer(optimizer, 2)
    assert workshop.learned == ["r0", "r1", "r2", "r3"]
    assert "fits into no message" in optimizer.trouble


def test_a_question_that_cannot_be_sent_costs_nobody_the_optimizer(workshop: Workshop) -> None:
    optimizer = workshop.start()
    answer(optimizer, 1)
    first = optimizer.pid
    assert not optimizer.ask(Question(2, 2, 1, {"feed": 0.1}, {"diameter": "\ud800"}))
    assert "cannot be asked" in optimizer.trouble
    assert answer(optimizer, 3).cycle == 3
    assert optimizer.pid == first


def test_one_that_cannot_be_started(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(IoError, match="No such file"):
        workshop.start(command=["/nowhere/program", "{fd}"])
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nimport sys\n", encoding="ascii")
    program.chmod(0o755)
    now = [0]
    optimizer = workshop.start(command=[str(program), "{fd}"], monotonic_ns=lambda: now[0])
    until(lambda: optimizer.state() is OptimizerState.dead)
    program.unlink()
    now[0] += 10**10
    assert not optimizer.ask(question(1))
    assert "cannot be started" in optimizer.trouble
    assert optimizer.state() is OptimizerState.dead


def test_it_ends_when_the_supervisor_lets_go(workshop: Workshop) -> None:
    optimizer = workshop.start()
    assert optimizer.wait_ready(10.0)
    pid = optimizer.pid
    assert pid is not None
    optimizer.close()
    assert not _lives(pid)
    optimizer.close()


# --- a loop in real time --------------------------------------------------------------------------------------------


class Turning:
    """A loop of ten cycles a second, turned by a thread; it writes in every cycle what it can."""

    def __init__(self, process: Process, journal: Path, workshop: Workshop, **changes: Any) -> None:
        optimizer = workshop.start(**changes.pop("optimizer", {"late_after_s": 0.8, "dead_after_s": 5.0}))
        assert optimizer.wait_ready(20.0)
        self.machine = LatheMachine(clock=SystemClock(), shaft_s=changes.pop("shaft_s", 3600.0))
        self.line = Line(
            process, journal, None, machine=self.machine, optimizer=optimizer, dwell_s=0.0, golden=[],
            times=CycleTimes(period_s=0.1, deadline_s=changes.pop("deadline_s", 0.08)), **changes,
        )  # fmt: skip
        self.optimizer, self.ending = optimizer, Ending()
        self.failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._turn)
        self._thread.start()

    def _turn(self) -> None:
        try:
            run(self.line.loop, ending=self.ending)
        except BaseException as error:  # told by the test
            self.failure.append(error)
            raise

    @property
    def mode(self) -> str:
        return self.line.mode

    def until(self, mode: str, seconds: float = 10.0) -> float:
        """Wait for a mode. Returns when it was there."""
        until(lambda: self.mode == mode, seconds)
        return time.monotonic()

    def close(self) -> None:
        self.ending.ask("the test is over")
        self._thread.join()
        self.line.close()
        assert not self.failure


@pytest.fixture
def turning(process: Process, journal: Path, workshop: Workshop) -> Iterator[Callable[..., Turning]]:
    made: list[Turning] = []

    def start(**changes: Any) -> Turning:
        made.append(Turning(process, journal, workshop, **changes))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_a_killed_one_means_hold_at_once(turning: Callable[..., Turning]) -> None:
    loop = turning()
    loop.until("closed")
    until(lambda: len(loop.machine.log) > 6)
    pid = loop.optimizer.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    took = loop.until("hold") - killed
    assert took < 2.0  # measured in tests/bench/loop.py: within 250 ms
    at = len(loop.machine.log)
    loop.until("advisory", 20.0)  # it was started again
    assert len(loop.machine.log) == at
    assert loop.optimizer.pid not in (None, pid)


def test_a_stopped_one_writes_nothing_and_means_hold(turning: Callable[..., Turning]) -> None:
    loop = turning()
    loop.until("closed")
    until(lambda: len(loop.machine.log) > 6)
    assert loop.optimizer.pid is not None
    os.kill(loop.optimizer.pid, signal.SIGSTOP)
    stopped = time.monotonic_ns()
    loop.until("hold")
    until(lambda: loop.optimizer.state() is OptimizerState.late)
    assert all(entry.at_ns < stopped + 200_000_000 for entry in loop.machine.log)
    os.kill(loop.optimizer.pid, signal.SIGCONT)
    loop.until("closed")  # a simulated plant arms itself again


def test_what_comes_after_its_deadline_is_discarded_and_what_it_tells_of_runs_is_kept(
    turning: Callable[..., Turning], workshop: Workshop
) -> None:
    workshop.tell(slow_s=0.2)
    loop = turning(shaft_s=0.5)
    until(lambda: len(loop.line.loop._counted) >= 2)
    assert list(loop.machine.log) == []
    assert loop.mode in ("shadow", "advisory")
    assert loop.line.records("recommendation") == []
    workshop.tell(slow_s=0.0)
    loop.until("closed")


def test_the_loop_outlives_an_optimizer_that_talks_nonsense(
    turning: Callable[..., Turning], workshop: Workshop
) -> None:
    loop = turning()
    loop.until("closed")
    workshop.tell(garbage=True)
    loop.until("hold")
    workshop.tell(garbage=False)
    loop.until("closed", 20.0)


def test_an_answer_to_another_question_is_none(turning: Callable[..., Turning], workshop: Workshop) -> None:
    workshop.tell(foreign=True)
    loop = turning()
    loop.until("closed")
    until(lambda: len(loop.machine.log) > 10)
    assert all(entry.value < 0.12 for entry in loop.machine.log if entry.name == "feed")


def test_what_is_said_before_all_runs_are_learned_is_no_recommendation(workshop: Workshop) -> None:
    """One that begins anew learns the latest runs first; until it has all of them it is only told."""
    optimizer = workshop.start()
    optimizer.learn(reports(450, readings=36))
    assert optimizer.wait_ready(10.0)
    said = [answer(optimizer, number).recommendation is not None for number in range(4)]
    assert said == [False, False, True, True]
    assert workshop.learned == [f"r{n}" for n in range(450)]
    assert optimizer.pid is not None
    os.kill(optimizer.pid, signal.SIGKILL)
    until(lambda: optimizer.state() is OptimizerState.dead)
    answer(optimizer, 5)
    assert workshop.learned[450:] == [f"r{n}" for n in range(250, 450)]
