"""Faults of what is written, and people who write too: judged by the log of the machine."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from luban.control import EngageRequest, PersonRole
from luban.plant import PlantState

from .support import BETTER, GOLDEN, START, Around, Flaky, Line, Script, faults_of


def wanders(seed: int) -> Callable[[Any, Any], dict[str, float]]:
    """Somewhere else in every cycle, often beyond limits, rates and the constraint."""
    draw = random.Random(seed)

    def says(context: Any, running: Any) -> dict[str, float]:
        return {
            "cutting_speed": draw.uniform(130.0, 430.0),
            "feed": draw.uniform(0.04, 0.16),
            "depth_of_cut": draw.uniform(0.2, 1.6),
        }

    return says


@pytest.mark.parametrize("fault", ["reject", "clamp", "ignore", "asynchronous"])
def test_a_write_that_does_not_come_true(make_line: Callable[..., Line], fault: str) -> None:
    """All of the group: the loop holds, comes back, tries again, and in the end it trips."""
    line = make_line(Script({**START, "depth_of_cut": 1.2}), golden=[])
    getattr(line.plant.faults, fault).add("depth_of_cut")
    line.until("closed")
    first = line.cycle()
    assert first.result is not None
    assert not first.result.ok
    assert line.cycle().result is None  # first see what became of it
    line.until("tripped", 40)
    assert [alarm["code"] for alarm in line.loop.board.alarms][-1] == "write_failures"
    assert line.loop.controller.state.released == []  # what the plant does with our write is nobody's move
    assert faults_of(line.machine.log) == []
    before = len(line.machine.log)
    line.plant.faults.clear()
    line.cycles(5)
    assert line.mode == "tripped"
    assert len(line.machine.log) == before


@pytest.mark.parametrize("fault", ["reject", "ignore"])
def test_a_group_is_applied_as_a_whole_or_put_back(make_line: Callable[..., Line], fault: str) -> None:
    line = make_line()
    getattr(line.plant.faults, fault).add("feed")
    line.until("closed")
    report = line.cycle()
    assert report.result is not None
    assert report.result.outcome in ("rolled_back", "rejected")
    assert line.machine.setpoints["cutting_speed"] == START["cutting_speed"]
    told = line.records("outcome")[-1].payload
    assert told["confirmed"] is False
    assert told["variables"]["cutting_speed"]["reason"] == "restored"
    moved = line.loop._observer.last_move_ns
    assert moved == line.machine.log[-1].at_ns  # there and back counts as a move


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_rates_and_dwell_when_every_second_write_goes_wrong(make_line: Callable[..., Line], seed: int) -> None:
    line = make_line(
        Script(wanders(seed)),
        wrap=lambda plant: Flaky(plant, seed),
        modes={"failed_writes_to_hold": 50, "failed_writes_to_trip": 50},
    )
    line.cycles(120)
    assert line.plant.wrong > 15
    assert len(line.writes) > 30
    assert faults_of(line.machine.log) == []
    assert line.loop.controller.state.released == []


@pytest.mark.parametrize("period_s", [1.0, 10.0, 25.0])
def test_dwell_is_kept_when_cycles_are_faster(make_line: Callable[..., Line], period_s: float) -> None:
    from luban.service import CycleTimes

    line = make_line(
        Script(wanders(1)),
        times=CycleTimes(period_s=period_s, deadline_s=min(period_s, 2.0)),
        modes={"failed_writes_to_hold": 50, "failed_writes_to_trip": 50},
        wrap=lambda plant: Flaky(plant, 3),
    )
    line.cycles(200)
    assert len(line.writes) > 3
    assert faults_of(line.machine.log) == []
    assert line.mode == "closed"


LONG = [pytest.param(100), pytest.param(500, marks=pytest.mark.slow)]


@pytest.mark.parametrize("cycles", LONG)
def test_the_operator_wins(make_line: Callable[..., Line], cycles: int) -> None:
    """Cycles in which he moves a variable at random times: what is his is never written again, and only that."""
    draw = random.Random(5)
    line = make_line(Script(wanders(2)), golden=[])
    line.until("closed")
    line.cycles(2)
    his: dict[str, float] = {}
    overwritten = 0
    for number in range(cycles):
        line.cycle()
        assert line.loop.controller.state.released == sorted(his), number
        assert all(line.machine.setpoints[name] == value for name, value in his.items())
        before = len(line.machine.log)
        if draw.random() < 0.05 and len(his) < 2:
            name = draw.choice([name for name in START if name not in his])
            value = {"cutting_speed": 240.0, "feed": 0.101, "depth_of_cut": 1.01}[name] + draw.uniform(-0.01, 0.01)
            line.by_hand(name, value)
            his[name] = value
        elif his and draw.random() < 0.04:
            name = draw.choice(sorted(his))
            engage = EngageRequest(variable=name, person="otto", role=PersonRole.operator)
            assert line.loop.step(engage).decision.accepted
            del his[name]
        overwritten += len(line.machine.log) - before > 1
    assert overwritten == 0
    assert faults_of(line.machine.log) == []
    assert line.mode == "closed"
    assert len(line.writes) > 0.4 * cycles


@pytest.mark.parametrize("cycles", LONG)
def test_no_release_without_a_person(make_line: Callable[..., Line], cycles: int) -> None:
    """Cycles with every fifth write going wrong in one of seven ways, and nobody at the machine."""
    line = make_line(
        Script(wanders(7)),
        golden=[],
        wrap=lambda plant: Flaky(plant, 11, 0.2),
        modes={"failed_writes_to_hold": 50, "failed_writes_to_trip": 50},
    )
    line.cycles(cycles)
    assert line.plant.wrong > 0.08 * cycles
    released = [record for record in line.records("mode") if record.payload.get("kind") == "release"]
    assert released == []
    assert line.mode == "closed"


@pytest.mark.parametrize("fault", ["reject", "ignore", "clamp", "asynchronous", "lost"])
def test_the_operator_is_noticed_after_a_write_that_failed(make_line: Callable[..., Line], fault: str) -> None:
    """The loop does not know exactly where the variable is, and still it is not where the loop may have put it."""
    line = make_line(golden=[], wrap=lambda plant: Flaky(plant, 0, 0.0))
    line.until("closed")
    line.cycles(2)
    line.advisor.says = {**BETTER, "depth_of_cut": 1.0}
    if fault == "lost":
        line.plant.share = 1.0
        line.plant.draw = _Always("lost")
    else:
        getattr(line.plant.inner.faults, fault).add("depth_of_cut")
    report = line.cycle()
    assert report.result is not None
    assert not report.result.ok
    line.plant.share = 0.0
    line.plant.inner.faults.clear()
    line.by_hand("depth_of_cut", 1.3)
    line.cycles(4)
    assert line.loop.controller.state.released == ["depth_of_cut"]
    assert line.machine.setpoints["depth_of_cut"] == 1.3


class _Always(random.Random):
    def __init__(self, kind: str) -> None:
        super().__init__(0)
        self._kind = kind

    def choice(self, seq: Any) -> Any:
        return self._kind


def test_a_slow_actuator_is_nobodys_move(make_line: Callable[..., Line]) -> None:
    """It is on its way when it is read back, and arrives two cycles later."""

    class Slow(Around):
        way: dict[str, float] | None = None

        def write(self, setpoint: Any, *, roll_back: bool = False) -> Any:
            self.inner.faults.clamp.add("depth_of_cut")  # half the way by now
            try:
                return self.inner.write(setpoint)  # and no going back
            finally:
                self.inner.faults.clamp.clear()
                Slow.way = {name: value for name, value, _ in setpoint.values}

        def read(self) -> PlantState:
            if Slow.way is not None:
                now = self.inner.machine.setpoints["depth_of_cut"]
                step = max(min(Slow.way["depth_of_cut"] - now, 0.02), -0.02)
                self.inner.machine.apply("depth_of_cut", now + step, "by hand")
            state: PlantState = self.inner.read()
            return state

    line = make_line(Script({**START, "depth_of_cut": 1.1}), golden=[], wrap=Slow)
    line.until("closed")
    line.cycles(8)
    assert line.loop.controller.state.released == []


def test_a_command_bears_one_name_and_never_the_same(make_line: Callable[..., Line]) -> None:
    line = make_line(Script(wanders(3)), wrap=lambda plant: Flaky(plant, 1, 0.3),
                     modes={"failed_writes_to_hold": 50, "failed_writes_to_trip": 50})  # fmt: skip
    line.cycles(60)
    names = [record.payload["command"] for record in line.records("decision") if record.payload["command"]]
    assert len(names) == len(set(names)) > 20
    told = [record.payload["command"] for record in line.records("outcome")]
    assert told == names


def test_a_golden_ramp_is_not_led_astray_by_writes_that_fail(make_line: Callable[..., Line]) -> None:
    line = make_line(
        wrap=lambda plant: Flaky(plant, 4, 0.0), modes={"failed_writes_to_hold": 50, "failed_writes_to_trip": 50}
    )
    line.until("closed")
    line.cycles(2)
    line.advisor.says = None
    line.plant.share = 0.5
    line.until("fallback", 20)
    line.cycles(40)
    assert line.machine.setpoints == pytest.approx(GOLDEN)
    assert faults_of(line.machine.log) == []


def test_what_is_moved_before_the_first_write_is_the_operators(make_line: Callable[..., Line]) -> None:
    """A loop that only stayed so far has written nothing to compare with; the outputs are its own all the same."""
    line = make_line(Script(says=dict(START)))
    line.until("closed")
    line.cycles(3)
    assert line.writes == []
    line.by_hand("feed", 0.103)
    line.advisor.says = dict(BETTER)
    line.cycles(4)
    assert "feed" in line.loop.controller.state.released
    assert [entry for entry in line.writes if entry.name == "feed"] == []


def test_a_step_between_cycles_takes_nothing_from_a_person(make_line: Callable[..., Line]) -> None:
    """What was moved in the last cycle and given back since stays given back when the optimizer is lost."""
    line = make_line()
    line.until("closed")
    line.cycles(2)
    line.by_hand("feed", 0.103)
    line.cycle()
    assert line.loop.controller.state.released == ["feed"]
    line.loop.step(EngageRequest(variable="feed", person="otto", role=PersonRole.operator))
    line.loop.optimizer_gone()
    assert line.loop.controller.state.released == []
    assert line.mode == "hold"
