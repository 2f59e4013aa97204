"""The suite for plants finds what is wrong: each broken plant below breaks one promise."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from luban.errors import LifecycleError
from luban.plant import SimulatedPlant, WriteOutcome, WriteReason
from luban.process import Process
from luban.testing import check_plant


class CallsEverythingApplied(SimulatedPlant):
    def write(self, setpoint: Any, *, roll_back: bool = False) -> Any:
        result = super().write(setpoint, roll_back=roll_back)
        return dataclasses.replace(result, outcome=WriteOutcome.applied) if result.sent_ns is not None else result


class ForgetsDeadlines(SimulatedPlant):
    def write(self, setpoint: Any, *, roll_back: bool = False) -> Any:
        later = max(setpoint.deadline, self.clock.monotonic_ns() + 10**9) if hasattr(setpoint, "deadline") else 0
        return super().write(dataclasses.replace(setpoint, deadline=later) if later else setpoint, roll_back=roll_back)


class ForgetsExpectations(SimulatedPlant):
    def write(self, setpoint: Any, *, roll_back: bool = False) -> Any:
        if hasattr(setpoint, "expected_previous"):
            setpoint = dataclasses.replace(setpoint, expected_previous={})
        return super().write(setpoint, roll_back=roll_back)


class NeverRollsBack(SimulatedPlant):
    def write(self, setpoint: Any, *, roll_back: bool = False) -> Any:
        del roll_back
        return super().write(setpoint)


class HidesQuality(SimulatedPlant):
    def read(self) -> Any:
        state = super().read()
        good = {name: dataclasses.replace(value, status=0) for name, value in state.inputs.items()}
        return dataclasses.replace(state, inputs=good)


class LivesAfterClose(SimulatedPlant):
    def close(self) -> None:
        if self._connected:
            self.machine.lease.give_back()


class ReadsBackOtherThings(SimulatedPlant):
    def read_back(self) -> Any:
        found = dict(super().read_back())
        found["feed"] = dataclasses.replace(found["feed"], value=0.2)
        return found


class HasAnotherEnding(SimulatedPlant):
    made = 0

    def __init__(self, process: Process, machine: Any = None) -> None:
        from luban.plant import Lathe, LatheMachine

        HasAnotherEnding.made += 1
        super().__init__(process, machine or LatheMachine(Lathe(seed=HasAnotherEnding.made)))


class KnowsNoLease(SimulatedPlant):
    def connect(self) -> None:
        held = self.machine.lease.held
        if held:
            self.machine.lease.give_back()
        super().connect()


def inject(plant: SimulatedPlant, fault: str, name: str) -> None:
    if fault == "clear":
        plant.faults.clear()
    else:
        getattr(plant.faults, fault).add(name)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (CallsEverythingApplied, "reject: the write was applied"),
        (ForgetsDeadlines, "late: the write was applied"),
        (ForgetsExpectations, "moved: the write was applied"),
        (NeverRollsBack, "rolled back, but partial"),
        (HidesQuality, "bad quality of roughness did not come through"),
        (LivesAfterClose, "read after close"),
        (ReadsBackOtherThings, "read_back"),
        (HasAnotherEnding, "the same story has another ending"),
        (KnowsNoLease, "two loops on one plant"),
    ],
)
def test_finds(process: Process, kind: Callable[..., SimulatedPlant], words: str) -> None:
    with pytest.raises((AssertionError, LifecycleError), match=words):
        check_plant(lambda: kind(process), make_rival=lambda plant: kind(process, plant.machine), inject=inject)


def test_a_plant_that_accepts_any_unit_at_bind(process: Process) -> None:
    with pytest.raises(AssertionError, match="another unit than the equipment's was accepted"):
        check_plant(lambda: SimulatedPlant(process), make_mismatched=lambda: SimulatedPlant(process))


def test_all_reasons_and_outcomes_are_words() -> None:
    assert all(str(item) == item.value == item.name for kind in (WriteReason, WriteOutcome) for item in kind)
