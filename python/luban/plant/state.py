"""What passes between a loop and a plant: values with their quality, finished runs, answers to writes.

A plant has *outputs* (setpoints that a loop may write), *inputs* (what it reads beside them) and *context* (what is
given for the run that comes next).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "MISSING_TIME",
    "DataValue",
    "FinishedRun",
    "PlantState",
    "PlantVariable",
    "Severity",
    "StatusCode",
    "VariableResult",
    "VariableRole",
    "WriteOutcome",
    "WriteReason",
    "WriteResult",
    "severity_of",
]

#: A time that is not known, as in the whole package: the smallest int64.
MISSING_TIME = -(2**63)

Value = float | str


class Severity(StrEnum):
    """How far a value may be trusted (OPC UA Part 4 §7.39): uncertain with care, bad never."""

    good = "good"
    uncertain = "uncertain"
    bad = "bad"


class StatusCode:
    """The status codes that plants of this package give out themselves (OPC UA Part 6, annex A)."""

    GOOD = 0x00000000
    GOOD_COMPLETES_ASYNCHRONOUSLY = 0x002E0000
    GOOD_CLAMPED = 0x00300000
    UNCERTAIN = 0x40000000
    BAD = 0x80000000
    BAD_COMMUNICATION_ERROR = 0x80050000
    BAD_TIMEOUT = 0x800A0000
    BAD_WAITING_FOR_INITIAL_DATA = 0x80320000
    BAD_NODE_ID_UNKNOWN = 0x80340000
    BAD_NOT_WRITABLE = 0x803B0000
    BAD_OUT_OF_RANGE = 0x803C0000
    BAD_SENSOR_FAILURE = 0x808C0000


def severity_of(status: int) -> Severity:
    """Return what the two top bits of a status code say."""
    top = status >> 30
    return Severity.good if top == 0 else Severity.uncertain if top == 1 else Severity.bad


@dataclass(frozen=True, slots=True)
class DataValue:
    """One value from the plant, with what is needed to judge it.

    ``server_time`` and ``source_time`` are UTC nanoseconds by the plant's own clock: labels, never subtracted from
    ours. ``receipt_ns`` is our monotonic clock when the answer came. ``value`` is NaN (or "") when there is none.
    """

    name: str
    value: Value
    unit: str
    status: int
    server_time: int
    receipt_ns: int
    source_time: int = MISSING_TIME

    @property
    def severity(self) -> Severity:
        """Severity of :attr:`status`."""
        return severity_of(self.status)


class VariableRole(StrEnum):
    """What a loop does with a variable of a plant."""

    output = "output"  # writes it
    input = "input"  # reads it
    context = "context"  # reads it; given for the run that comes next


@dataclass(frozen=True, slots=True)
class PlantVariable:
    """One variable of a plant: its unit, the range it is made for, and how exactly a written value reads back."""

    name: str
    role: VariableRole
    unit: str = ""
    low: float = float("-inf")
    high: float = float("inf")
    categories: tuple[str, ...] = ()
    tolerance: float = 1e-9
    integer: bool = False


@dataclass(frozen=True)
class FinishedRun:
    """A run that the plant has finished, in the process's units.

    ``readings`` are columns of equal length: each noise variable and each response, by name. Times are UTC
    nanoseconds.
    """

    run_id: str
    settings: Mapping[str, Value]
    context: Mapping[str, Value]
    readings: Mapping[str, Sequence[Value]]
    start_time: int = MISSING_TIME
    end_time: int = MISSING_TIME

    def rows(self) -> list[dict[str, Value]]:
        """Return the readings as one mapping each, as ``luban.campaign.Run`` takes them."""
        names = list(self.readings)
        return [dict(zip(names, row, strict=True)) for row in zip(*self.readings.values(), strict=True)]


@dataclass(frozen=True)
class PlantState:
    """All inputs, outputs and context of one request.

    ``heartbeat`` is the plant's own counter (None: it has none); ``connection`` counts connections: a number that has
    grown says that the line was lost in between. ``finished`` are the runs that ended since the last read.
    """

    inputs: Mapping[str, DataValue]
    outputs: Mapping[str, DataValue]
    context: Mapping[str, DataValue]
    heartbeat: int | None
    connection: int
    request_ns: int
    receipt_ns: int
    receipt_time: int
    finished: tuple[FinishedRun, ...] = ()

    @property
    def severity(self) -> Severity:
        """The worst severity of all values."""
        values = [*self.inputs.values(), *self.outputs.values(), *self.context.values()]
        worst = max((value.status >> 30 for value in values), default=0)
        return severity_of(worst << 30)


class WriteReason(StrEnum):
    """Why one variable of a write is where it is."""

    applied = "applied"  # accepted, and read back as written
    rejected = "rejected"  # the plant refused it, or did not do it
    clamped = "clamped"  # the plant took another value
    ignored = "ignored"  # the plant said good and kept the old value
    incomplete = "incomplete"  # somebody in between took it; the device may not have
    unconfirmed = "unconfirmed"  # sent; no answer came
    restored = "restored"  # was applied, and put back with the rest of its group
    not_sent = "not_sent"  # nothing wrong with it: another one of the group held it back
    late = "late"  # the deadline had passed
    unknown_variable = "unknown_variable"
    duplicate = "duplicate"  # named twice
    not_finite = "not_finite"  # NaN or infinite
    wrong_kind = "wrong_kind"  # a text for a number, a category that is none, a fraction for a whole number
    out_of_range = "out_of_range"  # outside what the equipment is made for
    unit_mismatch = "unit_mismatch"
    moved = "moved"  # the present value is not the expected one: somebody else has set it
    disconnected = "disconnected"
    lease_lost = "lease_lost"  # another loop holds the plant by now


class WriteOutcome(StrEnum):
    """What came of a write as a whole."""

    applied = "applied"  # every variable is confirmed
    partial = "partial"  # some are confirmed, some are not
    rolled_back = "rolled_back"  # it was partial; every variable is confirmed at its old value
    rejected = "rejected"  # it was sent; nothing of it is in force
    refused = "refused"  # it was never sent
    unknown = "unknown"  # it was sent, and nobody knows


@dataclass(frozen=True, slots=True)
class VariableResult:
    """What came of one variable: the plant's status, our reason, and what was there before and after."""

    name: str
    value: Value
    unit: str
    reason: WriteReason
    status: int = StatusCode.GOOD
    previous: Value | None = None
    read_back: Value | None = None


@dataclass(frozen=True)
class WriteResult:
    """Answer to one write. Times are on the plant's monotonic clock; ``sent_ns`` is None when nothing was sent."""

    command_id: str
    outcome: WriteOutcome
    variables: Mapping[str, VariableResult]
    deadline: int
    sent_ns: int | None = None
    confirmed_ns: int | None = None
    detail: str = field(default="", compare=False)

    @property
    def ok(self) -> bool:
        """Whether every variable is confirmed at the value that was asked for."""
        return self.outcome is WriteOutcome.applied
