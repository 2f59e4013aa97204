"""A loop on a real OPC UA server in another process: the server is killed, stopped, and back; two loops want it."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luban.control import ControlMode, PersonRole, PlantKind, RaiseRequest
from luban.errors import IoError, LifecycleError
from luban.process import Process
from luban.service import CycleTimes, InProcess, Supervisor

from ..plant.servers import LatheServer
from .support import START, Script, decided, plan_of

asyncua = pytest.importorskip("asyncua", reason="the optional package asyncua is not installed")

PERIOD_S = 0.3
QUICK = {"connect_s": 2.0, "request_s": 0.5, "confirm_s": 0.2, "retry_s": 0.2}


class RealLine:
    """A loop on a server, closed by two people as a real plant wants it; stepped by hand in real time."""

    def __init__(self, process: Process, journal: Path, server: LatheServer, leases: Path, **changes: Any) -> None:
        from luban.plant import OpcuaPlant

        self.advisor = Script(dict(START))
        binding = server.binding_with(f"{journal.stem}.yaml", timeouts=QUICK)
        plant = OpcuaPlant(process, binding, leases=leases)
        plan = plan_of(
            process, journal, plant_kind=PlantKind.real, dwell_s=0.0, golden=changes.pop("golden", []),
            modes={"shadow_cycles": 2}, times=CycleTimes(period_s=PERIOD_S, deadline_s=PERIOD_S), **changes,
        )  # fmt: skip
        self.plan, self.server = plan, server
        self.loop = Supervisor(plan, plant, InProcess(self.advisor))
        self.loop.start()

    @property
    def mode(self) -> str:
        return self.loop.controller.state.achieved.name

    def cycle(self) -> Any:
        began = time.monotonic()
        report = self.loop.cycle()
        time.sleep(max(began + PERIOD_S - time.monotonic(), 0.0))
        return report

    def raised(self, mode: ControlMode) -> bool:
        wish = RaiseRequest(mode=mode, person="anna", role=PersonRole.engineer, second_person="otto",
                            second_role=PersonRole.operator)  # fmt: skip
        return self.loop.step(wish).decision.accepted

    def close_it(self) -> None:
        self.cycles(3)
        assert self.raised(ControlMode.advisory)
        self.cycles(3)
        assert self.raised(ControlMode.closed)

    def cycles(self, number: int) -> list[Any]:
        return [self.cycle() for _ in range(number)]

    def until_set(self, **values: float) -> None:
        """Cycles until the setpoints are there; a busy machine may be too late for some of them."""
        for _ in range(15):
            if values.items() <= self.server.tell("setpoints").items():
                return
            self.cycle()
        raise AssertionError(f"{self.server.tell('setpoints')}: {self.loop.board.shown}")

    def until(self, mode: str, seconds: float) -> float:
        began = time.monotonic()
        while self.mode != mode:
            assert time.monotonic() - began < seconds, f"{self.mode} in place of {mode}: {self.loop.board.shown}"
            self.cycle()
        return time.monotonic() - began


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LatheServer]:
    made = LatheServer(tmp_path_factory.mktemp("server"))
    yield made
    made.close()


@pytest.fixture
def server(one_server: LatheServer) -> LatheServer:
    """The one server without faults, its setpoints where they were at first."""
    one_server.tell("clear")
    for name, value in START.items():
        one_server.tell("set", name=name, value=value)
    return one_server


@pytest.fixture
def make_real(process: Process, tmp_path: Path, server: LatheServer) -> Iterator[Callable[..., RealLine]]:
    made: list[RealLine] = []

    def make(name: str = "loop.sqlite", leases: str = "leases", **changes: Any) -> RealLine:
        made.append(RealLine(process, tmp_path / name, server, tmp_path / leases, **changes))
        return made[-1]

    yield make
    for line in made:
        line.loop.close()


@pytest.mark.slow
def test_a_real_plant_is_written_by_a_closed_loop(make_real: Callable[..., RealLine], server: LatheServer) -> None:
    line = make_real()
    before = len(server.tell("log"))
    line.close_it()
    line.advisor.says = {**START, "feed": 0.095, "depth_of_cut": 0.9}
    line.until_set(cutting_speed=280.0, feed=0.095, depth_of_cut=0.9)
    assert line.mode == "closed"
    known = decided(line.plan.journal)
    mine = [entry for entry in server.tell("log")[before:] if entry[3] != "by hand"]
    assert len(mine) >= 2
    assert all(known[command][name] == value for _, name, value, command in mine)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["reject", "clamp", "ignore", "asynchronous"])
def test_a_server_that_does_not_do_as_told(make_real: Callable[..., RealLine], server: LatheServer, fault: str) -> None:
    line = make_real()
    line.close_it()
    server.tell("fault", fault=fault, name="depth_of_cut")
    line.advisor.says = {**START, "feed": 0.095, "depth_of_cut": 0.9}
    line.cycles(8)
    assert line.mode in ("hold", "advisory", "tripped")
    assert line.loop.controller.state.released == []
    assert server.tell("setpoints")["feed"] == START["feed"]  # put back with its group
    server.tell("clear")


@pytest.mark.slow
def test_a_server_that_is_killed_and_back(make_real: Callable[..., RealLine], server: LatheServer) -> None:
    """Hold, then advisory with fresh data; never closed by itself; and nothing of before is made up for."""
    line = make_real()
    line.close_it()
    line.advisor.says = {**START, "feed": 0.095}
    line.until_set(feed=0.095)
    line.advisor.says = {**START, "feed": 0.09}
    server.kill()
    began = time.monotonic()
    line.cycle()
    assert line.mode == "hold"
    assert time.monotonic() - began < 2.0
    line.cycles(3)
    server.start()
    line.until("advisory", 10.0)
    line.cycles(10)
    assert line.mode == "advisory"
    assert server.tell("log") == []
    assert line.raised(ControlMode.closed) or line.loop.controller.state.released  # people may close it again


@pytest.mark.slow
def test_a_server_that_is_exchanged_between_two_cycles(make_real: Callable[..., RealLine], server: LatheServer) -> None:
    """No cycle finds the line down, and still it was: the connection is another one."""
    line = make_real()
    line.close_it()
    assert line.mode == "closed"
    server.tell("disconnect", on=True)
    time.sleep(0.3)
    server.tell("disconnect", on=False)
    end = time.monotonic() + 5.0
    while True:
        try:
            line.loop.plant.read_back()
            break
        except IoError:
            assert time.monotonic() < end
            time.sleep(0.02)
    line.cycle()
    assert line.mode == "hold"
    line.until("advisory", 5.0)
    line.cycles(5)
    assert line.mode == "advisory"


@pytest.mark.slow
def test_a_server_that_stops_and_goes_on(make_real: Callable[..., RealLine], server: LatheServer) -> None:
    line = make_real()
    line.close_it()
    at = len(server.tell("log"))
    line.advisor.says = {**START, "feed": 0.09}
    server.signal(signal.SIGSTOP)
    began = time.monotonic()
    line.cycle()
    assert line.mode == "hold"
    assert time.monotonic() - began < 3.0
    line.cycles(3)
    server.signal(signal.SIGCONT)
    line.until("advisory", 10.0)
    line.cycles(5)
    assert line.mode == "advisory"
    assert len(server.tell("log")) == at


@pytest.mark.slow
def test_the_operator_at_the_server_wins(make_real: Callable[..., RealLine], server: LatheServer) -> None:
    line = make_real()
    line.close_it()
    line.advisor.says = {**START, "feed": 0.095}
    line.until_set(feed=0.095)
    server.tell("set", name="feed", value=0.12)
    line.advisor.says = {**START, "feed": 0.09, "depth_of_cut": 1.0}
    line.until_set(depth_of_cut=1.0)
    assert line.loop.controller.state.released == ["feed"]
    assert server.tell("setpoints")["feed"] == 0.12
    assert line.mode == "closed"


@pytest.mark.slow
def test_two_loops_want_one_server(
    make_real: Callable[..., RealLine], process: Process, tmp_path: Path, server: LatheServer
) -> None:
    """From this machine, and as if from another one (with leases of its own: the plant's own lease node says no)."""
    line = make_real()
    line.close_it()
    for name, leases in (("second.sqlite", "leases"), ("third.sqlite", "elsewhere")):
        with pytest.raises(LifecycleError):
            make_real(name, leases)
    line.cycles(4)
    if line.mode == "advisory":  # that took longer than cycles may be missed
        assert line.raised(ControlMode.closed)
    line.advisor.says = {**START, "feed": 0.095}
    line.until_set(feed=0.095)


@pytest.mark.slow
def test_a_steady_server_is_not_stale(make_real: Callable[..., RealLine], server: LatheServer) -> None:
    """Nothing changes at it for longer than an input may be old."""
    line = make_real(guard={"max_input_age_s": 0.5})
    line.close_it()
    line.cycles(15)
    assert line.mode == "closed"
