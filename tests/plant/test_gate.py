"""Before and after a write, by properties: nothing wrong goes through, nothing unconfirmed is called applied."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban.errors import DataError
from luban.plant import PlantVariable, StatusCode, VariableRole, WriteOutcome, WriteReason, gate

from .servers import Setpoint

VARIABLES = {
    "speed": PlantVariable("speed", VariableRole.output, "m/min", 50.0, 500.0, tolerance=1e-6),
    "steps": PlantVariable("steps", VariableRole.output, "", 0.0, 10.0, integer=True),
    "grade": PlantVariable("grade", VariableRole.output, categories=("A", "B")),
    "power": PlantVariable("power", VariableRole.input, "kW"),
}
numbers = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-5, 600).map(float))
values = st.one_of(numbers, st.sampled_from(["A", "B", "C", ""]), st.booleans(), st.integers(-3, 20))
triples = st.lists(
    st.tuples(st.sampled_from([*VARIABLES, "other"]), values, st.sampled_from(["m/min", "", "kW", "ft/min"])),
    min_size=1, max_size=5,
)  # fmt: skip


def admissible(name: str, value: Any, unit: str) -> bool:
    """The rules once more, as a table."""
    if name == "speed":
        return unit == "m/min" and type(value) in (int, float) and 50.0 <= value <= 500.0
    if name == "steps":
        return unit == "" and type(value) in (int, float) and 0.0 <= value <= 10.0 and float(value).is_integer()
    return name == "grade" and unit == "" and value in ("A", "B")


@given(triples)
def test_only_what_may_be_written_has_no_fault(items: list[tuple[str, Any, str]]) -> None:
    write = gate.examine(Setpoint(items, 10**9), VARIABLES)
    names = [name for name, _, _ in items]
    right = all(admissible(*item) for item in items) and len(set(names)) == len(names)
    assert (not write.faults) == right


statuses = st.sampled_from(
    [
        StatusCode.GOOD,
        StatusCode.GOOD_CLAMPED,
        StatusCode.GOOD_COMPLETES_ASYNCHRONOUSLY,
        StatusCode.UNCERTAIN,
        StatusCode.BAD,
    ]
)
places = st.sampled_from([100.0, 200.0, 150.0, math.nan])


@given(st.lists(st.tuples(statuses, st.one_of(st.none(), places)), min_size=1, max_size=3))
def test_applied_means_good_and_read_back(items: list[tuple[int, float | None]]) -> None:
    known = {f"v{i}": PlantVariable(f"v{i}", VariableRole.output, "", tolerance=1e-9) for i in range(len(items))}
    write = gate.examine(Setpoint([(name, 200.0, "") for name in known], 10**9), known)
    write.previous = dict.fromkeys(known, 100.0)
    codes = {name: status for name, (status, _) in zip(known, items, strict=True)}
    after = {name: value for name, (_, value) in zip(known, items, strict=True) if value is not None}
    results = gate.judge(write, codes, after, known)
    for name, (status, back) in zip(known, items, strict=True):
        assert (results[name].reason is WriteReason.applied) == (status == StatusCode.GOOD and back == 200.0)
    outcome = gate.outcome_of(results)
    assert (outcome is WriteOutcome.applied) == all(r.reason is WriteReason.applied for r in results.values())
    if outcome is WriteOutcome.rejected:  # then nothing may have changed
        assert all(after.get(name) is not None and after[name] != 200.0 for name in known)
    restored = gate.restored(results, dict.fromkeys(known, 100.0), known)
    assert gate.outcome_of(restored) in (WriteOutcome.rolled_back, WriteOutcome.rejected)


@pytest.mark.parametrize(
    "expected", [{"speed": 120.0}, [("speed", 120.0)], [("speed", 120.0, "m/min")], (("speed", 120.0),)]
)
def test_expected_previous_in_every_form(expected: Any) -> None:
    write = gate.examine(Setpoint([("speed", 130.0, "m/min")], 1, expected_previous=expected), VARIABLES)
    write.compare({"speed": 120.0}, VARIABLES)
    assert not write.faults
    write.compare({"speed": 121.0}, VARIABLES)
    assert write.faults == {"speed": WriteReason.moved}


@pytest.mark.parametrize("nothing", [None, {}, {"speed": math.nan}])
def test_no_expectation_is_no_fault(nothing: Any) -> None:
    write = gate.examine(Setpoint([("speed", 130.0, "m/min")], 1, expected_previous=nothing), VARIABLES)
    write.compare({"speed": 77.0}, VARIABLES)
    assert not write.faults


def test_named_values_are_taken_too() -> None:
    from luban.process import NamedValue

    class Named:
        values = (NamedValue("speed", 130.0, "m/min"),)
        command_id, deadline, expected_previous = 7, 10**9, None

    write = gate.examine(Named(), VARIABLES)
    assert (write.values, write.command_id, write.faults) == ({"speed": 130.0}, "7", {})


@pytest.mark.parametrize(
    "thing",
    [None, object(), {"values": []}, Setpoint([], 1), Setpoint([("speed", 1.0)], 1), Setpoint(None, 1)],  # type: ignore[list-item,arg-type]
)
def test_what_is_no_setpoint(thing: Any) -> None:
    with pytest.raises(DataError):
        gate.examine(thing, VARIABLES)
