"""The simulated plant, by the suite for all plants and on its own."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from luban import units
from luban.campaign import Campaign, Run
from luban.errors import ConfigurationError, IoError, UnitError
from luban.plant import Lathe, LatheMachine, Plant, SimulatedClock, SimulatedPlant, WriteOutcome, WriteReason
from luban.process import Process
from luban.testing import check_plant

from .servers import Setpoint


def inject(plant: SimulatedPlant, fault: str, name: str) -> None:
    if fault == "clear":
        plant.faults.clear()
    else:
        getattr(plant.faults, fault).add(name)


@pytest.fixture
def plant(process: Process) -> SimulatedPlant:
    made = SimulatedPlant(process)
    made.connect()
    return made


def soon(plant: SimulatedPlant, seconds: float = 1.0) -> int:
    return plant.clock.monotonic_ns() + round(seconds * 1e9)


def test_conforms(process: Process, with_unit: Callable[[str, str], Process]) -> None:
    check_plant(
        lambda: SimulatedPlant(process, LatheMachine(Lathe(seed=4))),
        make_rival=lambda plant: SimulatedPlant(process, plant.machine),
        make_mismatched=lambda: SimulatedPlant(with_unit("feed", "um/rev")),
        inject=inject,
    )


def test_is_a_plant(plant: SimulatedPlant) -> None:
    assert isinstance(plant, Plant)
    assert not plant.is_real


def test_sixty_cycles_bring_sixty_shafts(process: Process) -> None:
    plant = SimulatedPlant(process, LatheMachine(clock=SimulatedClock()))
    plant.connect()
    runs = []
    for cycle in range(61):
        state = plant.read()
        runs += state.finished
        speed = 200.0 + cycle
        result = plant.write(Setpoint([("cutting_speed", speed, "m/min")], soon(plant)))
        assert result.ok
        plant.clock.sleep(60.0)
    assert [run.run_id for run in runs] == [f"shaft-{number:06d}" for number in range(1, 61)]
    assert [run.settings["cutting_speed"] for run in runs] == [200.0 + cycle for cycle in range(60)]
    assert plant.read().finished[0].start_time == runs[-1].end_time


def test_runs_fit_into_a_campaign(process: Process, plant: SimulatedPlant) -> None:
    plant.clock.sleep(130.0)
    runs = plant.read().finished
    assert len(runs) == 2
    campaign = Campaign(process)
    campaign.add_runs([Run(run.run_id, run.settings, run.context, run.rows()) for run in runs])
    stored = campaign.history.read(columns=["run_id", "position", "roughness", "diameter"])
    assert len(stored) == 72
    assert stored["roughness"].to_numpy() == pytest.approx([x for run in runs for x in run.readings["roughness"]])


def test_faults_of_what_is_read(plant: SimulatedPlant) -> None:
    peak = plant.read().inputs["peak_to_valley"].value
    plant.faults.stale.add("spindle_power")
    plant.faults.out_of_range.add("roughness")
    plant.faults.wrong_unit.add("peak_to_valley")
    state = plant.read()
    assert plant.clock.utc_ns() - state.inputs["spindle_power"].server_time == 3600 * 10**9
    assert state.inputs["roughness"].value > plant.variables["roughness"].high
    wrong = state.inputs["peak_to_valley"]
    assert wrong.unit == "nm"
    assert wrong.value == pytest.approx(units.convert(peak, "um", "nm"))
    plant.faults.clear()
    before = plant.read().inputs["roughness"]
    plant.faults.stuck.add("roughness")
    plant.clock.sleep(120.0)
    after = plant.read().inputs["roughness"]
    assert after.value == before.value
    assert after.server_time > before.server_time
    plant.faults.clear()
    assert plant.read().inputs["roughness"].value != before.value


def test_a_faulty_output_is_never_confirmed(plant: SimulatedPlant) -> None:
    for fault in ("nan", "bad", "uncertain"):
        inject(plant, fault, "feed")
        result = plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon(plant)))
        assert result.outcome is WriteOutcome.unknown
        assert result.variables["feed"].reason is WriteReason.unconfirmed
        plant.faults.clear()


def test_a_line_that_is_down(plant: SimulatedPlant) -> None:
    plant.faults.disconnected = True
    for call in (plant.read, plant.read_back, lambda: plant.beat(1)):
        with pytest.raises(IoError):
            call()
    result = plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon(plant)))
    assert result.outcome is WriteOutcome.refused
    assert result.variables["feed"].reason is WriteReason.disconnected
    plant.faults.disconnected = False
    state = plant.read()
    assert state.connection == 2
    assert state.outputs["feed"].value == 0.1  # nothing was kept for later
    assert not plant.machine.log


def test_the_clock_decides_what_is_late(plant: SimulatedPlant) -> None:
    deadline = soon(plant, 5.0)
    plant.clock.sleep(4.999)
    assert plant.write(Setpoint([("feed", 0.09, "mm/rev")], deadline)).ok
    plant.clock.sleep(0.001)
    assert plant.write(Setpoint([("feed", 0.08, "mm/rev")], deadline)).variables["feed"].reason is WriteReason.late


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda c: c["parameters"]["feed"].update(limits={"low": 0.01, "high": 0.15}),
            ConfigurationError,
            "0.03 to 0.3 mm/rev",
        ),
        (lambda c: c["context"]["diameter"].update(categories=["D30", "D60"]), ConfigurationError, "D30, D60"),
        (lambda c: c["responses"]["roughness"].update(unit="nm"), UnitError, "'nm'"),
        (lambda c: c["responses"].update(hardness={"unit": "N/mm2"}), ConfigurationError, "hardness"),
        (
            lambda c: c["parameters"].update(coolant={"unit": "L/min", "low": 1, "high": 2}),
            ConfigurationError,
            "coolant",
        ),
    ],
)
def test_a_process_that_does_not_fit(
    process: Process, change: Callable[[dict[str, Any]], None], error: type[Exception], words: str
) -> None:
    content = process.to_dict()
    change(content)
    with pytest.raises(error, match=words):
        SimulatedPlant(Process.from_dict(content)).connect()


def test_late_responses_need_not_be_there(process: Process) -> None:
    content = process.to_dict()
    content["responses"]["hardness"] = {"unit": "N/mm2", "late": True}
    plant = SimulatedPlant(Process.from_dict(content))
    plant.connect()
    plant.clock.sleep(60.0)
    assert "hardness" not in plant.read().finished[0].readings


def test_there_is_something_to_read_from_the_start(plant: SimulatedPlant) -> None:
    state = plant.read()
    assert state.severity == "good"
    assert all(math.isfinite(float(value.value)) for value in state.inputs.values())
    assert not state.finished
