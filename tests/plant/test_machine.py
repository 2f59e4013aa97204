"""The machine around the lathe: when settings count, tools are changed, and the watchdog acts."""

import itertools

import pytest

from luban.errors import ConfigurationError
from luban.plant import LatheMachine, SimulatedClock


def test_settings_count_for_the_shaft_that_is_loaded_after_them() -> None:
    clock = SimulatedClock()
    machine = LatheMachine(clock=clock, shaft_s=60.0, handling_s=10.0)
    machine.apply("cutting_speed", 200.0)  # in the first ten seconds
    clock.advance(30.0)
    machine.apply("cutting_speed", 250.0)  # while the first one is cut
    clock.advance(30.0)
    machine.advance()
    machine.apply("cutting_speed", 300.0)
    clock.advance(60.0)
    machine.advance()
    assert [run.settings["cutting_speed"] for run in machine.runs_since(0)] == [200.0, 300.0]


def test_however_it_is_looked_at_it_does_the_same() -> None:
    stories = []
    for step in (1.0, 7.0, 600.0):
        clock = SimulatedClock()
        machine = LatheMachine(clock=clock)
        while clock.monotonic_ns() < 4200 * 10**9:
            clock.advance(step)
            machine.advance()
        stories.append(machine.runs_since(0)[:70])
    assert stories[0] == stories[1] == stories[2]
    assert len(stories[0]) == 70


def test_tools_wear_out_and_are_changed_and_both_diameters_come() -> None:
    clock = SimulatedClock()
    machine = LatheMachine(clock=clock, lot_size=5)
    worn, contexts = [], []
    for _ in range(120):
        clock.advance(60.0)
        machine.advance()
        worn.append(machine.flank_wear)
        contexts.append(machine.runs_since(machine.shafts - 1)[-1].context)
    assert max(worn) < 0.3
    assert sum(b < a for a, b in itertools.pairwise(worn)) >= 2  # changed more than once
    assert {(c["diameter"], c["tool_wear"]) for c in contexts} == {
        (d, w) for d in ("D30", "D50") for w in ("New", "Worn")
    }
    assert sum(c["diameter"] == "D30" for c in contexts) == 60


def test_without_the_loop_it_goes_back_to_its_own_setpoints() -> None:
    clock = SimulatedClock()
    machine = LatheMachine(clock=clock, watchdog_s=3.0)
    machine.apply("feed", 0.08)
    machine.beat(1)
    for counter in (2, 3, 4):
        clock.advance(2.0)
        machine.beat(counter)
        machine.advance()
    assert machine.setpoints["feed"] == 0.08
    for _ in range(4):  # a counter that stands is no sign of life
        clock.advance(1.0)
        machine.beat(4)
        machine.advance()
    assert machine.watchdog_tripped
    assert machine.setpoints["feed"] == 0.1
    assert machine.log[-1].command_id == "watchdog"


def test_its_counter_goes_with_its_clock() -> None:
    clock = SimulatedClock()
    machine = LatheMachine(clock=clock, heartbeat_s=0.5)
    clock.advance(10.0)
    assert machine.heartbeat == 20


@pytest.mark.parametrize(
    "options", [{"shaft_s": 10.0, "handling_s": 10.0}, {"lot_size": 0}, {"heartbeat_s": 0.0}, {"watchdog_s": -1.0}]
)
def test_times_that_do_not_fit(options: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        LatheMachine(**options)


def test_a_simulated_clock_never_goes_back() -> None:
    clock = SimulatedClock()
    before = clock.utc_ns()
    clock.sleep(-1.0)
    with pytest.raises(ConfigurationError):
        clock.advance(-1.0)
    assert clock.utc_ns() == before
    clock.sleep(1.5)
    assert (clock.utc_ns() - before, clock.monotonic_ns()) == (1_500_000_000, 1_500_000_000)
