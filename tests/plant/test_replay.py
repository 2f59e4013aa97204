"""The replayed plant: measured runs and nothing else."""

from typing import Any

import pytest

from luban.errors import DataError
from luban.history import History
from luban.plant import Plant, ReplayPlant, WriteReason
from luban.process import Process
from luban.testing import check_plant

from .servers import Setpoint

PAIR = (
    {"cutting_speed": 220.0, "feed": 0.08, "depth_of_cut": 0.7},
    {"cutting_speed": 340.0, "feed": 0.12, "depth_of_cut": 0.7},
)


def alternative(plant: Any) -> dict[str, float]:
    """Two measured corners of the design, one after the other."""
    present = {name: value.value for name, value in plant.read_back().items()}
    return PAIR[0] if present["cutting_speed"] != 220.0 else PAIR[1]


def write(plant: ReplayPlant, values: dict[str, float]) -> Any:
    triples = [(name, value, plant.variables[name].unit) for name, value in values.items()]
    return plant.write(Setpoint(triples, plant.clock.monotonic_ns() + 10**9))


@pytest.fixture
def plant(process: Process, turning: History) -> ReplayPlant:
    made = ReplayPlant(process, turning, seed=1)
    made.connect()
    return made


def test_conforms(process: Process, turning: History) -> None:
    check_plant(
        lambda: ReplayPlant(process, turning, seed=2, resample=True),
        make_rival=lambda plant: plant.rival(),
        alternative=alternative,
    )


def test_every_answer_is_a_measured_run(plant: ReplayPlant, turning: History) -> None:
    assert isinstance(plant, Plant)
    measured = turning.read(columns=["cutting_speed", "feed", "depth_of_cut", "diameter", "tool_wear", "roughness"])
    plant.read()
    for values in PAIR:
        assert write(plant, values).ok
        (run,) = plant.read().finished
        assert run.settings == values
        rows = measured
        for name, value in {**run.settings, **run.context}.items():
            rows = rows[rows[name] == value]
        assert sorted(rows["roughness"]) == sorted(run.readings["roughness"])


def test_what_nobody_measured_is_refused_with_the_nearest(plant: ReplayPlant) -> None:
    plant.read()
    result = write(plant, {"cutting_speed": 221.0, "feed": 0.08, "depth_of_cut": 0.7})
    assert result.outcome == "refused"
    assert result.variables["cutting_speed"].reason is WriteReason.out_of_range
    assert result.detail.startswith(
        "nobody measured this; the nearest runs: cutting_speed 220, feed 0.08, depth_of_cut 0.7"
    )


def test_each_run_is_used_once(process: Process, turning: History) -> None:
    plant = ReplayPlant(process, turning, seed=0)
    plant.connect()
    plant.read()
    assert write(plant, PAIR[0]).ok
    seen = []
    with pytest.raises(DataError, match=r"a run that was not used yet.*resample"):
        seen.extend(plant.read() for _ in range(10))
    assert 1 <= len(seen) <= 4  # one setting was run in four contexts


def test_runs_are_used_again_when_asked(process: Process, turning: History) -> None:
    plant = ReplayPlant(process, turning, seed=0, resample=True)
    plant.connect()
    plant.read()
    assert write(plant, PAIR[0]).ok
    assert sum(len(plant.read().finished) for _ in range(20)) == 20


def test_the_order_is_the_seeds(process: Process, turning: History) -> None:
    def contexts(seed: int) -> list[Any]:
        plant = ReplayPlant(process, turning, seed=seed, resample=True)
        plant.connect()
        return [tuple(value.value for value in plant.read().context.values()) for _ in range(12)]

    assert contexts(3) == contexts(3)
    assert contexts(3) != contexts(4)


def test_an_empty_history_is_refused(process: Process) -> None:
    with pytest.raises(DataError, match="no runs"):
        ReplayPlant(process, History.empty(process))
