"""A loop stepped by hand on the simulated lathe: what it writes, when, and when not."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from luban.control import ControlMode, PlantKind
from luban.errors import ConfigurationError
from luban.process import Process
from luban.service import Innovation, InProcess, Recommendation, RunReport, Supervisor

from .support import BETTER, GOLDEN, START, Line, Script, decided, faults_of, records


def test_it_arms_itself_and_takes_the_line_to_what_is_recommended(line: Line) -> None:
    line.until("closed")
    assert line.writes == []
    reports = line.cycles(4)
    assert [report.result is not None and report.result.ok for report in reports] == [True, False, False, False]
    assert line.machine.setpoints == BETTER
    assert line.mode == "closed"  # a line that stands where it should is no trouble
    assert faults_of(line.machine.log) == []


def test_a_decision_is_on_the_disk_before_the_plant_is_written(make_line: Callable[..., Line], journal: Path) -> None:
    seen: list[tuple[list[str], dict[str, Any]]] = []

    class Looks:
        def __init__(self, plant: Any) -> None:
            self._plant = plant

        def __getattr__(self, name: str) -> Any:
            return getattr(self._plant, name)

        def write(self, setpoint: Any, *, roll_back: bool = False) -> Any:
            told = decided(journal)[setpoint.command_id]
            last = [record.kind for record in records(journal)][-5:]
            seen.append((last, told))
            assert len(line.machine.log) == before[0]
            return self._plant.write(setpoint, roll_back=roll_back)

    line = make_line(Script(lambda context, running: dict(BETTER)), wrap=Looks)
    before = [0]
    line.until("closed")
    line.cycle()
    before[0] = len(line.machine.log)
    assert before[0] == 3
    assert seen[0][1] == {name: float(value) for name, value in BETTER.items()}
    assert seen[0][0][-4:] == ["inputs", "recommendation", "verdict", "decision"]
    assert [record.kind for record in records(journal)][-1] == "outcome"


@pytest.mark.parametrize("mode", ["off", "shadow", "advisory"])
def test_only_closed_writes_by_itself(make_line: Callable[..., Line], mode: str) -> None:
    line = make_line(mode=ControlMode[mode])
    line.cycles(8)
    assert line.mode == mode
    assert list(line.machine.log) == []


def test_an_approved_offer_is_written_once(make_line: Callable[..., Line]) -> None:
    from luban.control import ApproveRequest, PersonRole

    line = make_line(mode=ControlMode.advisory)
    line.until("advisory")
    line.cycles(2)
    offered = line.loop.controller.state.offered
    assert offered
    approve = ApproveRequest(recommendation_id=offered, person="otto", role=PersonRole.operator)
    assert line.loop.step(approve).decision.accepted
    assert list(line.machine.log) == []  # in the next cycle, not before
    line.cycles(3)
    assert line.machine.setpoints == BETTER
    assert len(line.writes) == 3
    line.by_hand("feed", 0.11)
    line.cycles(4)
    assert len(line.writes) == 3  # the approval was for once
    assert line.machine.setpoints["feed"] == 0.11


def test_what_is_offered_is_what_is_shown_recorded_and_written(make_line: Callable[..., Line]) -> None:
    """The optimizer changes its mind in every cycle; the offer stands, and is shown with its own values."""
    from luban.control import ApproveRequest, PersonRole

    count = iter(range(1000))

    def restless(context: Mapping[str, Any], running: Mapping[str, Any]) -> Recommendation:
        return Recommendation({**BETTER, "feed": 0.09 + 0.0002 * next(count)}, gain=1.0)

    line = make_line(Script(restless), mode=ControlMode.advisory)
    line.until("advisory")
    report = line.cycle()
    offered = line.loop.controller.state.offered
    shown = {row["name"]: row["recommended"] for row in line.loop.board.shown["parameters"]}
    line.loop.step(ApproveRequest(recommendation_id=offered, person="otto", role=PersonRole.operator))
    later = line.cycle()
    assert report.answer is not None
    assert later.answer is not None
    assert report.answer.recommendation != later.answer.recommendation
    written = {entry.name: entry.value for entry in line.writes}
    assert written == shown
    told = [record.payload for record in line.records("recommendation") if record.payload["id"] == offered]
    assert all(payload["settings"] == shown for payload in told)
    assert told[-1]["newer"]["settings"] != shown


def test_a_step_within_the_rate_is_offered_where_the_whole_way_is_too_far(make_line: Callable[..., Line]) -> None:
    from luban.control import ApproveRequest, PersonRole

    line = make_line(Script({**START, "cutting_speed": 350.0}), mode=ControlMode.advisory)
    line.until("advisory")
    line.cycles(2)
    offered = line.loop.controller.state.offered
    assert offered.endswith(".1")
    assert {row["name"]: row["recommended"] for row in line.loop.board.shown["parameters"]}["cutting_speed"] == 300.0
    line.loop.step(ApproveRequest(recommendation_id=offered, person="otto", role=PersonRole.operator))
    line.cycle()
    assert line.machine.setpoints["cutting_speed"] == 300.0


def test_another_context_is_another_offer(make_line: Callable[..., Line]) -> None:
    line = make_line(mode=ControlMode.advisory)
    line.until("advisory")
    names = {}
    for _ in range(25):
        report = line.cycle()
        assert report.observation is not None
        context = tuple(value.value for value in report.observation.context)
        names.setdefault(report.recommendation_id, set()).add(context)
    assert len(names) > 1
    assert all(len(contexts) == 1 for contexts in names.values())


def test_a_recommendation_at_a_limit_is_no_trouble_when_the_line_stands_there(make_line: Callable[..., Line]) -> None:
    """An optimizer that always wants more than the limit allows: the line goes to the limit, and stays closed there."""
    line = make_line(Script({**START, "depth_of_cut": 1.6}))
    line.until("closed")
    line.cycles(10)
    assert line.machine.setpoints["depth_of_cut"] == 1.5
    assert line.mode == "closed"


def test_one_variable_in_the_operators_hands_does_not_stop_the_others(make_line: Callable[..., Line]) -> None:
    line = make_line()
    line.until("closed")
    line.cycles(2)
    line.by_hand("feed", 0.12)
    line.cycles(8)
    assert line.mode == "closed"
    assert line.loop.controller.state.released == ["feed"]
    assert line.machine.setpoints == {**BETTER, "feed": 0.12}
    line.advisor.says = {**BETTER, "depth_of_cut": 0.9}
    line.cycles(3)
    assert line.machine.setpoints == {**BETTER, "feed": 0.12, "depth_of_cut": 0.9}


def test_what_the_operator_moves_holds_for_the_constraint_in_the_same_cycle(process: Process, journal: Path) -> None:
    """He takes the feed up right before a cycle that wants it down and the speed up: the speed must take that in.

    Without rates and dwell, which would keep the loop from moving in that very cycle.
    """
    content = process.to_dict()
    del content["parameters"]["cutting_speed"]["limits"]["max_rate"]
    line = Line(Process.from_dict(content), journal, Script(dict(START)), dwell_s=0.0)
    line.until("closed")
    line.advisor.says = {**START, "depth_of_cut": 0.9}
    line.cycles(2)
    line.advisor.says = {"cutting_speed": 379.0, "feed": 0.1, "depth_of_cut": 0.95}
    line.by_hand("feed", 0.15)
    sums = []
    for _ in range(3):
        line.cycle()
        sums.append(line.machine.setpoints["cutting_speed"] + 900 * line.machine.setpoints["feed"])
    line.close()
    assert line.loop.controller.state.released == ["feed"]
    assert max(sums) <= 480.0
    assert line.machine.setpoints["cutting_speed"] > 340.0


def test_a_critical_variable_takes_the_loop_along(make_line: Callable[..., Line]) -> None:
    line = make_line(critical=frozenset({"feed"}))
    line.until("closed")
    line.cycles(2)
    before = len(line.writes)
    line.by_hand("feed", 0.12)
    line.cycles(4)
    assert line.mode == "advisory"
    assert len(line.writes) == before


def test_it_ramps_to_the_golden_set_within_the_rates(make_line: Callable[..., Line]) -> None:
    """The optimizer fails for good: hold, then the golden set, one step of 20 m/min a cycle."""
    line = make_line(Script())
    line.until("closed")
    line.cycles(2)

    def fails(context: Any, running: Any) -> Any:
        raise ConfigurationError(where="test", expected="nothing", received="a failure")

    line.advisor.says = fails
    line.until("hold")
    line.until("fallback")
    line.cycles(8)
    assert line.machine.setpoints == GOLDEN
    assert line.mode == "fallback"  # it has arrived, and the trouble is not over
    assert faults_of(line.machine.log) == []
    assert max(abs(a - b) for a, b in _steps(line, "cutting_speed")) == pytest.approx(20.0)
    line.advisor.says = dict(BETTER)
    line.cycle()
    assert line.mode == "advisory"


def _steps(line: Line, name: str) -> list[tuple[float, float]]:
    values = [float(START[name]), *(entry.value for entry in line.machine.log if entry.name == name)]
    return list(itertools.pairwise(values))


def test_the_ramp_arrives_although_one_variable_is_the_operators(make_line: Callable[..., Line]) -> None:
    line = make_line()
    line.until("closed")
    line.cycles(2)
    line.by_hand("feed", 0.12)
    line.cycle()
    line.advisor.says = None
    line.until("fallback", 20)
    line.cycles(8)
    assert line.machine.setpoints == {**GOLDEN, "feed": 0.12}
    line.advisor.says = dict(BETTER)
    line.cycle()
    assert line.mode == "advisory"


def test_without_a_golden_set_it_holds(make_line: Callable[..., Line]) -> None:
    line = make_line(golden=[])
    line.until("closed")
    line.cycles(2)
    line.advisor.says = None
    line.cycles(20)
    assert line.mode == "hold"
    assert line.machine.setpoints == BETTER
    assert "no_golden_set" in line.loop.board.shown["achieved_reasons"]


def test_a_lowered_loop_stops_writing_at_once(line: Line) -> None:
    from luban.control import LowerRequest

    line.until("closed")
    line.loop.step(LowerRequest(mode=ControlMode.advisory, person="otto"))
    line.cycles(4)
    assert list(line.machine.log) == []


def drifting(after: int) -> Callable[[Any], list[Innovation]]:
    """Innovations of a model that is right for a while, and then two standard deviations off."""
    count = iter(range(10_000))

    def of(runs: list[RunReport]) -> list[Innovation]:
        out = []
        for run in runs:
            number = next(count)
            quiet = 0.4 if number % 2 else -0.4
            observed = quiet if number < after or number >= after + 12 else 2.0 + quiet
            out.append(Innovation(run.run_id, "roughness", observed, 0.0, 1.0))
        return out

    return of


def test_drift_lowers_to_advisory_and_ends_when_it_is_quiet(make_line: Callable[..., Line]) -> None:
    line = make_line(Script(innovations=drifting(8)))
    line.until("closed")
    line.until("advisory", 25)
    assert line.loop.watch.drift
    told = [record.payload for record in line.records("alarm")]
    assert told[0]["response"] == "roughness"
    assert told[0]["kind"] == "drift"
    line.cycles(30)
    assert not line.loop.watch.drift
    assert line.mode == "closed"  # a simulated plant arms itself again, a real one needs people


def test_a_person_acknowledges_a_drift(make_line: Callable[..., Line], tmp_path: Path) -> None:
    from luban.service import People

    line = make_line(Script(innovations=drifting(8)))
    line.until("closed")
    line.until("advisory", 25)
    people = People(line.loop, tmp_path / "s")
    try:
        assert not people.answer({"do": "acknowledge"}, "nobody")["accepted"]
        assert line.loop.watch.drift
        assert people.answer({"do": "acknowledge"}, "otto")["accepted"]
        assert not line.loop.watch.drift
    finally:
        people.close()
    told = [record.payload for record in line.records("request") if record.payload.get("event")]
    assert [entry["accepted"] for entry in told] == [False, True]


def test_what_was_told_of_a_run_counts_once(make_line: Callable[..., Line]) -> None:
    """An optimizer that was started again learns everything anew and tells of it again."""
    kept: list[Innovation] = []

    def again(runs: list[RunReport]) -> list[Innovation]:
        kept.extend(Innovation(run.run_id, "roughness", 1.2, 0.0, 1.0) for run in runs)
        return list(kept)

    line = make_line(Script(innovations=again))
    line.cycles(6)
    before = line.loop.watch.record()["roughness"]
    assert before["CUSUM"] < 1
    other = make_line(
        Script(innovations=lambda runs: [Innovation(run.run_id, "roughness", 1.2, 0.0, 1.0) for run in runs]),
        journal=line.plan.journal.with_name("other.sqlite"),
    )
    other.cycles(6)
    assert other.loop.watch.record()["roughness"] == before


@pytest.mark.parametrize("observed", [1e308, -1e308])
def test_an_innovation_beyond_all_numbers_is_an_alarm_and_does_not_spoil_the_watch(
    make_line: Callable[..., Line], observed: float
) -> None:
    count = iter(range(1000))

    def of(runs: list[RunReport]) -> list[Innovation]:
        return [
            Innovation(
                run.run_id, "roughness", observed if next(count) == 3 else 0.1, 0.0, 1e-10 if observed > 0 else 1.0
            )
            for run in runs
        ]

    line = make_line(Script(innovations=of))
    line.cycles(8)
    assert line.loop.watch.drift
    assert all(-1e9 < value < 1e9 for value in line.loop.watch.record()["roughness"].values())


def test_a_real_plant_is_not_taken_for_a_simulated_one(process: Process, make_line: Callable[..., Line]) -> None:
    line = make_line()

    class Real:
        is_real = True
        clock = line.machine.clock

    with pytest.raises(ConfigurationError, match="a plan for a real plant"):
        Supervisor(line.plan, Real(), line.loop.optimizer)  # type: ignore[arg-type]


def test_a_real_plant_is_closed_by_people_alone(make_line: Callable[..., Line], tmp_path: Path) -> None:
    from luban.service import People

    line = make_line(plant_kind=PlantKind.real, modes={"shadow_cycles": 3})
    people = People(line.loop, tmp_path / "s")
    try:
        line.cycles(3)
        assert line.mode == "shadow"
        assert people.answer({"do": "raise", "mode": "advisory"}, "otto")["accepted"]
        line.cycles(3)
        assert line.mode == "advisory"
        first = people.answer({"do": "raise", "mode": "closed"}, "anna")
        assert (first["accepted"], first["reasons"]) == (False, ["second_person_missing"])
        assert not people.answer({"do": "raise", "mode": "closed"}, "anna")["accepted"]  # twice is no second person
        assert not people.answer({"do": "raise", "mode": "closed"}, "mallory")["accepted"]  # nor is one without a role
        assert people.answer({"do": "raise", "mode": "closed"}, "otto")["accepted"]
        assert line.mode == "closed"
    finally:
        people.close()


def test_a_supervisor_that_stood_still_does_not_go_on_as_if_nothing_had_been(make_line: Callable[..., Line]) -> None:
    line = make_line()
    line.until("closed")
    line.cycles(2)
    line.advisor.says = {**BETTER, "depth_of_cut": 1.0}
    before = len(line.writes)
    line.loop.clock.sleep(3600.0)
    line.cycle()
    assert line.mode == "hold"
    assert "cycle_gap" in line.loop.board.shown["achieved_reasons"]
    line.cycle()
    assert line.mode == "advisory"
    assert len(line.writes) == before


def test_a_decision_that_took_too_long_is_not_sent(make_line: Callable[..., Line]) -> None:
    """The deadline of the cycle has passed by the time of the write: the plant refuses, nothing comes later."""
    line = make_line()

    class Thinks(Script):
        def recommend(self, context: Any, running: Any) -> Any:
            if line.mode == "closed":
                line.machine.clock.sleep(3.0)
            return super().recommend(context, running)

    line.loop.optimizer = InProcess(Thinks())
    line.until("closed")
    line.until("hold", 4)
    assert list(line.machine.log) == []


def test_the_guard_judges_what_the_plant_says_after_the_optimizer_has_thought(make_line: Callable[..., Line]) -> None:
    """Somebody moves a variable while the optimizer thinks: outputs are read again, and nothing is written over it."""
    line = make_line()
    line.until("closed")
    line.cycles(2)

    class Thinks(Script):
        def recommend(self, context: Any, running: Any) -> Any:
            if line.machine.setpoints["feed"] != 0.12:
                line.machine.clock.sleep(0.5)
                line.by_hand("feed", 0.12)
            return super().recommend(context, running)

    line.loop.optimizer = InProcess(Thinks({**BETTER, "depth_of_cut": 1.0}))
    line.cycles(4)
    assert line.machine.setpoints == {**BETTER, "depth_of_cut": 1.0, "feed": 0.12}
    assert line.loop.controller.state.released == ["feed"]
