"""What is checked of every write before anything is sent, the same for all plants."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luban.errors import DataError
from luban.plant.state import (
    DataValue,
    PlantVariable,
    Severity,
    StatusCode,
    VariableResult,
    VariableRole,
    WriteOutcome,
    WriteReason,
    WriteResult,
    severity_of,
)

__all__ = ["Write", "examine", "judge", "outcome_of", "restored", "same_value", "to_restore", "usable"]

_STATUS = {
    WriteReason.late: StatusCode.BAD_TIMEOUT,
    WriteReason.unknown_variable: StatusCode.BAD_NODE_ID_UNKNOWN,
    WriteReason.not_finite: StatusCode.BAD_OUT_OF_RANGE,
    WriteReason.out_of_range: StatusCode.BAD_OUT_OF_RANGE,
    WriteReason.disconnected: StatusCode.BAD_COMMUNICATION_ERROR,
}


@dataclass
class Write:
    """One write on its way: what is asked for, and what is known of it so far."""

    command_id: str
    deadline: int
    values: dict[str, float | str]
    units: dict[str, str]
    expected: dict[str, float | str]
    faults: dict[str, WriteReason] = field(default_factory=dict)
    previous: dict[str, float | str] = field(default_factory=dict)

    def refused(self, reason: WriteReason | None = None, detail: str = "") -> WriteResult:
        """Return the answer to a write that is not sent: ``reason`` for all, or the faults that were found."""
        variables = {}
        for name, value in self.values.items():
            why = reason or self.faults.get(name, WriteReason.not_sent)
            status = _STATUS.get(why, StatusCode.BAD if why is not WriteReason.not_sent else StatusCode.GOOD)
            previous = self.previous.get(name)
            variables[name] = VariableResult(name, value, self.units[name], why, status, previous)
        return WriteResult(self.command_id, WriteOutcome.refused, variables, self.deadline, detail=detail)

    def compare(self, present: Mapping[str, float | str], variables: Mapping[str, PlantVariable]) -> None:
        """Note what is there now; where it is not what was expected, somebody else has set it."""
        self.previous = dict(present)
        for name, expected in self.expected.items():
            if name in self.values and name in present and not same_value(present[name], expected, variables[name]):
                self.faults[name] = WriteReason.moved


def examine(setpoint: Any, variables: Mapping[str, PlantVariable]) -> Write:
    """Check a setpoint against the outputs of a plant; what is wrong stands in ``faults``.

    Raises: DataError when it has not the attributes of a setpoint, or no value at all.
    """
    try:
        triples = [_triple(item) for item in setpoint.values]
        write = Write(str(setpoint.command_id), int(setpoint.deadline), {}, {}, _expected(setpoint.expected_previous))
        for name, value, unit in triples:
            fault = WriteReason.duplicate if name in write.values else _fault(name, value, unit, variables)
            write.values[name], write.units[name] = value, unit
            if fault is not None:
                write.faults[name] = fault
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(
            where="plant.write",
            expected="a setpoint: values (name, value, unit), command_id, deadline, expected_previous",
            received=f"{type(setpoint).__name__}: {error}",
            hint="only what the guard let through can be written",
        ) from error
    if not write.values:
        raise DataError(where="plant.write", expected="at least one value", received="none")
    return write


def _triple(item: Any) -> tuple[Any, Any, Any]:
    if hasattr(item, "name"):
        return item.name, item.value, item.unit
    name, value, unit = item
    return name, value, unit


def _expected(given: Any) -> dict[str, float | str]:
    if given is None:
        return {}
    pairs = given.items() if isinstance(given, Mapping) else [(item[0], item[1]) for item in given]
    return {name: value for name, value in pairs if isinstance(value, str) or not math.isnan(value)}


def _fault(name: str, value: Any, unit: str, variables: Mapping[str, PlantVariable]) -> WriteReason | None:
    variable = variables.get(name)
    if variable is None or variable.role is not VariableRole.output:
        return WriteReason.unknown_variable
    if unit != variable.unit:
        return WriteReason.unit_mismatch
    if variable.categories:
        return None if value in variable.categories else WriteReason.wrong_kind
    if isinstance(value, str | bool):
        return WriteReason.wrong_kind
    if not math.isfinite(value):
        return WriteReason.not_finite
    if not variable.low <= value <= variable.high:
        return WriteReason.out_of_range
    if variable.integer and value != math.floor(value):
        return WriteReason.wrong_kind
    return None


def usable(values: Mapping[str, DataValue]) -> dict[str, float | str]:
    """Return the values that a write may be compared with: good, and no NaN."""
    return {
        name: item.value
        for name, item in values.items()
        if item.severity is Severity.good and (isinstance(item.value, str) or math.isfinite(item.value))
    }


def same_value(a: float | str, b: float | str, variable: PlantVariable) -> bool:
    """Whether two values of a variable are one, within the tolerance to which it reads back."""
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return math.isfinite(a) and math.isfinite(b) and abs(a - b) <= variable.tolerance


def judge(
    write: Write,
    statuses: Mapping[str, int],
    after: Mapping[str, float | str],
    variables: Mapping[str, PlantVariable],
) -> dict[str, VariableResult]:
    """Say what came of each variable of a sent write: good is only what reads back as it was written."""
    results = {}
    for name, value in write.values.items():
        status, back, previous = statuses[name], after.get(name), write.previous.get(name)
        reason = _reason(status, value, back, previous, variables[name])
        results[name] = VariableResult(name, value, write.units[name], reason, status, previous, back)
    return results


def _reason(
    status: int, value: float | str, back: float | str | None, previous: float | str | None, variable: PlantVariable
) -> WriteReason:
    unchanged = back is not None and previous is not None and same_value(back, previous, variable)
    severity = severity_of(status)
    if severity is Severity.bad:
        return WriteReason.rejected if unchanged else WriteReason.unconfirmed
    if status == StatusCode.GOOD_COMPLETES_ASYNCHRONOUSLY:
        return WriteReason.incomplete
    if status == StatusCode.GOOD_CLAMPED:
        return WriteReason.clamped
    if back is None or severity is Severity.uncertain:
        return WriteReason.unconfirmed
    if same_value(back, value, variable):
        return WriteReason.applied
    return WriteReason.ignored if unchanged else WriteReason.clamped


def outcome_of(variables: Mapping[str, VariableResult]) -> WriteOutcome:
    """Return what the results of the variables of a sent write come to."""
    reasons = {result.reason for result in variables.values()}
    nothing = {WriteReason.rejected, WriteReason.ignored}
    if reasons == {WriteReason.applied}:
        return WriteOutcome.applied
    if reasons <= nothing:
        return WriteOutcome.rejected
    if reasons <= nothing | {WriteReason.restored}:
        return WriteOutcome.rolled_back
    if reasons & {WriteReason.applied, WriteReason.clamped, WriteReason.restored}:
        return WriteOutcome.partial
    return WriteOutcome.unknown


def to_restore(variables: Mapping[str, VariableResult]) -> dict[str, float | str]:
    """Return the old values of what a partly successful write has, or may have, changed."""
    unchanged = (WriteReason.rejected, WriteReason.ignored)
    return {
        name: result.previous
        for name, result in variables.items()
        if result.reason not in unchanged and result.previous is not None
    }


def restored(
    variables: Mapping[str, VariableResult],
    after: Mapping[str, float | str],
    known: Mapping[str, PlantVariable],
) -> dict[str, VariableResult]:
    """Return the results after a roll-back: what reads back as it was is restored."""
    results = {}
    for name, result in variables.items():
        back = after.get(name)
        same = back is not None and result.previous is not None and same_value(back, result.previous, known[name])
        changed = result.reason not in (WriteReason.rejected, WriteReason.ignored)
        reason = WriteReason.restored if same and changed else result.reason
        results[name] = dataclasses.replace(result, reason=reason, read_back=back)
    return results
