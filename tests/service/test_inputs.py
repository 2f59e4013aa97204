"""Faults of what is read: nothing is written while they last, nobody is taken for the operator, and they end."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from luban.errors import IoError
from luban.guard import InputRule
from luban.plant import FinishedRun, PlantState
from luban.service.wire import framed

from .support import BETTER, GOLDEN, Around, Line, Script, Told, faults_of, golden_set

RULES = [
    InputRule("roughness", low=0.0, high=50.0, stuck_after_s=200.0),
    InputRule("spindle_power", unit="kW", low=0.0, high=15.0),  # stands as long as the settings do
]


def closed(make_line: Callable[..., Line], **changes: Any) -> Line:
    line = make_line(**{"guard": {"inputs": RULES}, "golden": [], "wrap": Told, **changes})
    line.until("closed")
    line.cycles(2)
    assert line.machine.setpoints == BETTER
    line.advisor.says = {**BETTER, "depth_of_cut": 1.0}  # from now on there is something to write
    return line


FAULTS = ["nan", "bad", "uncertain", "out_of_range", "wrong_unit", "stale"]


@pytest.mark.parametrize(
    ("fault", "name"),
    [*((fault, name) for fault in FAULTS for name in ("roughness", "spindle_power")), ("stuck", "roughness")],
)
def test_an_input_that_cannot_be_relied_on(make_line: Callable[..., Line], fault: str, name: str) -> None:
    line = closed(make_line)
    line.cycles(2)
    line.advisor.says = dict(BETTER)
    getattr(line.plant.faults, fault).add(name)
    wait = 4 if fault == "stuck" else 1  # a frozen signal is known after its time
    line.cycles(wait)
    before = len(line.writes)
    line.advisor.says = {**BETTER, "depth_of_cut": 0.9}
    reports = line.cycles(5)
    assert len(line.writes) == before
    assert line.mode == "hold"
    assert all(report.result is None for report in reports)
    assert line.loop.controller.state.released == []
    line.plant.faults.clear()
    line.until("closed")
    line.cycles(2)
    assert line.machine.setpoints["depth_of_cut"] == 0.9


@pytest.mark.parametrize("fault", ["nan", "bad", "uncertain", "wrong_unit"])
def test_an_output_that_cannot_be_read_is_nobodys_move(make_line: Callable[..., Line], fault: str) -> None:
    line = closed(make_line)
    before = len(line.writes)
    getattr(line.plant.faults, fault).add("feed")
    line.cycles(5)
    assert len(line.writes) == before
    assert line.loop.controller.state.released == []
    assert line.mode == "hold"
    framed(line.loop.board.shown)  # a person can be answered
    line.plant.faults.clear()
    line.until("closed")
    line.cycles(2)
    assert line.machine.setpoints["depth_of_cut"] == 1.0


def test_an_output_without_a_number_does_not_keep_the_ramp_from_its_rates(make_line: Callable[..., Line]) -> None:
    line = closed(make_line, golden=[golden_set()])
    line.plant.faults.nan.add("feed")
    line.cycles(20)
    assert line.machine.setpoints == BETTER  # where it stands is not known, so nothing is moved
    line.plant.faults.clear()
    line.cycles(1)
    assert faults_of(line.machine.log) == []


def test_uncertain_is_good_enough_where_a_rule_says_so(make_line: Callable[..., Line]) -> None:
    line = closed(make_line, guard={"inputs": [InputRule("spindle_power", unit="kW", accept_uncertain=True)]})
    line.plant.faults.uncertain.add("spindle_power")
    line.cycles(3)
    assert line.mode == "closed"
    assert line.machine.setpoints["depth_of_cut"] == 1.0


def test_a_steady_value_is_not_stale(make_line: Callable[..., Line]) -> None:
    """A server that states when a value was last written, as asyncua's does: what stands has old times."""
    line = closed(make_line)
    first: dict[str, Any] = {}

    def by_last_write(state: PlantState) -> PlantState:
        def of(values: Any) -> Any:
            out = {}
            for name, value in values.items():
                old = first.get(name)
                first[name] = value if old is None or old.value != value.value else old
                out[name] = dataclasses.replace(value, server_time=first[name].server_time)
            return out

        return dataclasses.replace(state, inputs=of(state.inputs), outputs=of(state.outputs), context=of(state.context))

    line.loop.close()
    other = make_line(journal=line.plan.journal.with_name("other.sqlite"), guard={"inputs": RULES}, wrap=Told)
    other.plant.change = by_last_write
    other.until("closed")
    other.cycles(10)
    assert other.mode == "closed"
    assert other.machine.setpoints == BETTER


def test_a_step_of_the_servers_clock_is_no_age(make_line: Callable[..., Line]) -> None:
    line = closed(make_line)
    offset = [0]

    def stepped(state: PlantState) -> PlantState:
        def of(values: Any) -> Any:
            return {n: dataclasses.replace(v, server_time=v.server_time + offset[0]) for n, v in values.items()}

        return dataclasses.replace(state, inputs=of(state.inputs), outputs=of(state.outputs), context=of(state.context))

    line.plant.change = stepped
    line.cycles(5)
    for hours in (-1, 2, -5):
        offset[0] += hours * 3600 * 10**9
        line.cycles(2)
        assert line.mode == "closed"


def test_an_old_reading_is_not_decided_upon(make_line: Callable[..., Line]) -> None:
    """A plant that hands out what it read a while ago."""
    line = closed(make_line)
    before = len(line.writes)
    line.plant.change = lambda state: _received_earlier(state, 10)
    line.cycles(4)
    assert line.mode == "hold"
    assert len(line.writes) == before


def _received_earlier(state: PlantState, seconds: float) -> PlantState:
    at = state.receipt_ns - round(seconds * 1e9)

    def of(values: Any) -> Any:
        return {name: dataclasses.replace(value, receipt_ns=at) for name, value in values.items()}

    return dataclasses.replace(
        state, inputs=of(state.inputs), outputs=of(state.outputs), context=of(state.context), receipt_ns=at
    )


@pytest.mark.parametrize("heartbeat", [17, None], ids=["stands", "unreadable"])
def test_a_plant_whose_counter_does_not_go_on(make_line: Callable[..., Line], heartbeat: int | None) -> None:
    line = closed(make_line)
    before = len(line.writes)
    line.plant.change = lambda state: dataclasses.replace(state, heartbeat=heartbeat)
    line.cycle()
    before = len(line.writes)
    line.cycles(4)
    assert line.mode == "hold"
    assert "plant_disconnected" in line.loop.board.shown["achieved_reasons"]
    assert len(line.writes) == before
    line.plant.change = lambda state: state
    line.cycle()
    assert line.mode == "advisory"


def test_a_plant_that_never_had_a_counter(make_line: Callable[..., Line]) -> None:
    class Without(Told):
        def read(self) -> PlantState:
            return dataclasses.replace(super().read(), heartbeat=None)

    line = make_line(wrap=Without)
    line.until("closed")
    line.cycles(5)
    assert line.mode == "closed"


def test_a_line_that_was_lost_between_two_cycles_is_not_gone_on_with(make_line: Callable[..., Line]) -> None:
    """Each reading works, but the connection is another one: fresh data first, and nobody closes the loop by itself."""
    line = closed(make_line)
    before = len(line.writes)
    line.plant.change = lambda state: dataclasses.replace(state, connection=state.connection + 1)
    line.cycle()
    assert line.mode == "hold"
    line.cycle()
    assert line.mode == "advisory"
    assert len(line.writes) == before


def test_a_line_that_is_down(make_line: Callable[..., Line]) -> None:
    line = closed(make_line)
    before = len(line.writes)
    line.plant.faults.disconnected = True
    line.cycle()
    assert line.mode == "hold"
    line.cycles(3)
    line.plant.faults.disconnected = False
    line.cycles(2)
    assert line.mode == "advisory"
    assert len(line.writes) == before


def test_a_run_is_not_lost_with_a_heartbeat_that_was_not_taken(make_line: Callable[..., Line]) -> None:
    class Deaf(Around):
        deaf = False

        def beat(self, counter: int) -> None:
            if self.deaf:
                raise IoError(where="test", expected="a line", received="none")
            self.inner.beat(counter)

    line = make_line(wrap=Deaf)
    line.until("closed")
    line.plant.deaf = True
    line.cycles(3)
    assert line.mode == "hold"
    line.plant.deaf = False
    line.cycles(2)
    told = [record.payload["run_id"] for record in line.records("run")]
    assert told == [f"shaft-{number + 1:06d}" for number in range(len(told))]
    assert len(told) == 7
    assert line.advisor.learned == told


@pytest.mark.parametrize(
    "run",
    [
        FinishedRun("", {"feed": 0.1}, {}, {"roughness": [1.0]}),
        FinishedRun("no\nname", {"feed": 0.1}, {}, {"roughness": [1.0]}),
        FinishedRun("without settings", {}, {}, {"roughness": [1.0]}),
        FinishedRun("crooked", {"feed": 0.1}, {}, {"roughness": [1.0], "position": ["a", "b"]}),
    ],
    ids=lambda run: run.run_id.strip() or "nameless",
)
def test_a_run_that_is_none_is_noted_and_left(make_line: Callable[..., Line], run: FinishedRun) -> None:
    line = closed(make_line)
    line.plant.change = lambda state: dataclasses.replace(state, finished=(*state.finished, run))
    line.cycles(2)
    assert line.mode == "closed"
    notes = [record.payload for record in line.records("note") if record.payload["event"] == "run refused"]
    assert len(notes) == 2
    assert run.run_id not in line.advisor.learned


def test_a_run_without_numbers_reaches_the_optimizer_as_such(make_line: Callable[..., Line]) -> None:
    line = closed(make_line)
    run = FinishedRun("odd", {"feed": float("nan")}, {}, {"roughness": [float("nan"), 1.0]})
    line.plant.change = lambda state: dataclasses.replace(state, finished=(run,))
    line.cycles(2)
    assert line.advisor.learned[-1] == "odd"
    assert line.mode == "closed"


def test_it_goes_to_the_golden_set_when_inputs_stay_bad(make_line: Callable[..., Line]) -> None:
    line = make_line(Script(), guard={"inputs": RULES}, wrap=Told)
    line.until("closed")
    line.cycles(2)
    line.plant.faults.bad.add("roughness")
    line.until("fallback", 20)
    line.cycles(8)
    assert line.machine.setpoints == GOLDEN
    assert faults_of(line.machine.log) == []
