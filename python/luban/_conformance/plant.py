"""What every plant must do, whoever wrote it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from luban._conformance.violations import Violations
from luban.errors import DataError, LifecycleError, UnitError

__all__ = ["check_plant"]

_FAR_S = 5.0


@dataclass(frozen=True)
class _Setpoint:
    """A setpoint as a guard would give it out."""

    values: Sequence[tuple[str, Any, str]]
    deadline: int
    command_id: str
    expected_previous: Mapping[str, Any] = field(default_factory=dict)


def check_plant(
    make_plant: Callable[[], Any],
    *,
    make_rival: Callable[[Any], Any] | None = None,
    make_mismatched: Callable[[], Any] | None = None,
    inject: Callable[[Any, str, str], None] | None = None,
    alternative: Callable[[Any], Mapping[str, Any]] | None = None,
) -> None:
    """Check a plant against ``luban.plant.Plant``.

    ``make_plant`` returns a new plant, not connected; one is closed before the next is made. ``make_rival`` returns a
    second plant on the equipment of the first. ``make_mismatched`` returns one of which the process has another unit
    than the equipment. ``inject(plant, fault, name)`` switches on a fault at the equipment: ``reject``, ``clamp``,
    ``ignore``, ``asynchronous`` of an output, ``bad``, ``uncertain``, ``nan`` of an input; ``("clear", "")`` switches
    all off. ``alternative`` returns values other than the present ones that may be written to all outputs; by default
    2 % of the range away. What is not given is not checked.

    Raises: AssertionError listing everything that did not hold.
    """
    check = _PlantConformance(make_plant, make_rival, make_mismatched, inject, alternative)
    check.run()
    if check.violations:
        raise AssertionError("; ".join(check.violations))


class _PlantConformance(Violations):
    def __init__(self, make_plant: Any, make_rival: Any, make_mismatched: Any, inject: Any, alternative: Any) -> None:
        self.make_plant, self.make_rival, self.make_mismatched = make_plant, make_rival, make_mismatched
        self.inject = inject
        self.alternative = _shifted if alternative is None else alternative
        super().__init__()
        self.commands = 0

    def run(self) -> None:
        self.mismatch()
        plant = self.make_plant()
        self.before_connect(plant)
        plant.connect()
        try:
            self.reads(plant)
            self.writes(plant)
            self.refusals(plant)
            if self.inject is not None:
                self.qualities(plant)
                self.answers(plant)
                self.groups(plant)
            self.leases(plant)
        finally:
            plant.close()
        self.after_close(plant)
        if not plant.is_real:
            self.determinism()

    def setpoint(self, plant: Any, wanted: Mapping[str, Any], left_s: float = _FAR_S, **changes: Any) -> _Setpoint:
        self.commands += 1
        deadline = plant.clock.monotonic_ns() + round(left_s * 1e9)
        triples = [(name, value, _unit(plant, name)) for name, value in wanted.items()]
        return dataclasses.replace(_Setpoint(triples, deadline, f"check-{self.commands}"), **changes)

    def mismatch(self) -> None:
        if self.make_mismatched is None:
            return
        plant = self.make_mismatched()
        self.refuses(UnitError, plant.connect, "another unit than the equipment's was accepted at bind")
        plant.close()

    def before_connect(self, plant: Any) -> None:
        self.refuses(LifecycleError, plant.read, "read before connect")
        self.refuses(
            LifecycleError, lambda: plant.write(_Setpoint([("x", 0.0, "")], 2**62, "early")), "write before connect"
        )
        self.expect(isinstance(plant.is_real, bool), "is_real is no bool")

    def reads(self, plant: Any) -> None:
        states = [plant.read(), plant.read()]
        for state in states:
            for role, values in (("output", state.outputs), ("input", state.inputs), ("context", state.context)):
                names = {name for name, variable in plant.variables.items() if variable.role == role}
                self.expect(set(values) == names, f"the {role}s read are not those of the plant")
                for name, value in values.items():
                    self.value(plant, state, name, value)
            self.expect(state.request_ns <= state.receipt_ns <= plant.clock.monotonic_ns(), "receipt is not in order")
        self.expect(any(v.role == "output" for v in plant.variables.values()), "no output")
        beats = [state.heartbeat for state in states]
        self.expect(None in beats or beats[0] <= beats[1], "the plant's heartbeat goes backwards")
        self.expect(states[0].connection == states[1].connection, "the connection was counted twice")
        plant.beat(1)
        plant.beat(2)

    def value(self, plant: Any, state: Any, name: str, value: Any) -> None:
        severity = ("good", "uncertain", "bad", "bad")[value.status >> 30]
        self.expect(value.severity == severity, f"{name}: severity is not that of the status")
        self.expect(value.name == name, f"{name}: bears another name")
        self.expect(value.unit == plant.variables[name].unit, f"{name}: unit is {value.unit!r}")
        self.expect(value.receipt_ns <= state.receipt_ns, f"{name}: received after the state")
        if plant.variables[name].role == "output":
            self.expect(severity == "good", f"{name}: an output is not good without a fault")

    def writes(self, plant: Any) -> None:
        before = _present(plant)
        wanted = self.alternative(plant)
        result = plant.write(self.setpoint(plant, wanted, expected_previous=before))
        self.expect(result.ok and result.outcome == "applied", f"a proper write was {result.outcome}: {result.detail}")
        self.expect(result.sent_ns is not None and result.sent_ns < result.deadline, "sent after the deadline")
        self.expect(set(result.variables) == set(wanted), "the result does not name every variable")
        for name, value in wanted.items():
            answer = result.variables[name]
            self.expect(answer.reason == "applied" and answer.status == 0, f"{name}: {answer.reason}, {answer.status}")
            self.expect(_same(plant, name, answer.read_back, value), f"{name}: read-back in the result differs")
            self.expect(_same(plant, name, answer.previous, before[name]), f"{name}: previous value differs")
        self.stands(plant, wanted, "after a write")
        again = plant.write(self.setpoint(plant, before, command_id="the same", expected_previous=wanted))
        retry = plant.write(self.setpoint(plant, before, command_id="the same"))
        self.expect(again.ok and retry.ok, "writing the same absolute values again is no success")
        self.stands(plant, before, "after writing back")

    def stands(self, plant: Any, wanted: Mapping[str, Any], when: str) -> None:
        for source, values in (("read_back", plant.read_back()), ("read", plant.read().outputs)):
            wrong = [name for name, value in wanted.items() if not _same(plant, name, values[name].value, value)]
            self.expect(not wrong, f"{source} {when} differs for {wrong}")

    def refusals(self, plant: Any) -> None:
        before, wanted = _present(plant), dict(self.alternative(plant))
        name = next(iter(wanted))
        unit, value = _unit(plant, name), wanted[name]
        rest = [(other, wanted[other], _unit(plant, other)) for other in wanted if other != name]
        cases: list[tuple[str, list[tuple[str, Any, str]]]] = [
            ("unknown_variable", [("no such variable", 1.0, unit)]),
            ("unit_mismatch", [(name, value, f"{unit}·1000")]),
            ("duplicate", [(name, value, unit), (name, value, unit)]),
        ]
        others = [other for other, variable in plant.variables.items() if variable.role != "output"]
        cases += [("unknown_variable", [(other, 1.0, _unit(plant, other))]) for other in others[:1]]
        if not plant.variables[name].categories:
            cases += [("not_finite", [(name, bad, unit)]) for bad in (math.nan, math.inf, -math.inf)]
            cases += [("wrong_kind", [(name, "fast", unit)])]
            edge = plant.variables[name].high
            cases += [("out_of_range", [(name, edge + abs(edge) + 1.0, unit)])] if math.isfinite(edge) else []
        for reason, triples in cases:
            self.refused(plant, self.setpoint(plant, {}, values=[*rest, *triples]), reason, triples[0][0])
        for left_s in (-1.0, 0.0):
            self.refused(plant, self.setpoint(plant, wanted, left_s), "late", name)
        moved = {name: value}
        self.refused(plant, self.setpoint(plant, wanted, expected_previous=moved), "moved", name)
        self.stands(plant, before, "after refused writes")
        for nothing in (object(), self.setpoint(plant, {}), _Recommendation(wanted)):
            self.refuses(DataError, lambda n=nothing: plant.write(n), f"{type(nothing).__name__} was written")  # type: ignore[misc]

    def refused(self, plant: Any, setpoint: _Setpoint, reason: str, name: str) -> None:
        result = plant.write(setpoint)
        self.expect(result.outcome == "refused" and not result.ok, f"{reason}: the write was {result.outcome}")
        self.expect(result.sent_ns is None, f"{reason}: something was sent")
        self.expect(result.variables[name].reason == reason, f"{reason}: called {result.variables[name].reason}")

    def qualities(self, plant: Any) -> None:
        names = [name for name, variable in plant.variables.items() if variable.role == "input"]
        for name in names[:1]:
            for fault, severity in (("bad", "bad"), ("uncertain", "uncertain")):
                self.inject(plant, fault, name)
                state = plant.read()
                self.expect(state.inputs[name].severity == severity, f"{fault} quality of {name} did not come through")
                self.expect(state.severity == severity, f"the state is {state.severity} with a {fault} input")
                self.inject(plant, "clear", "")
            self.inject(plant, "nan", name)
            self.expect(math.isnan(plant.read().inputs[name].value), f"NaN of {name} did not come through")
            self.inject(plant, "clear", "")

    def answers(self, plant: Any) -> None:
        expected = {
            "reject": ("rejected", "rejected"),
            "clamp": ("clamped", "partial"),
            "ignore": ("ignored", "rejected"),
            "asynchronous": ("incomplete", "unknown"),
        }
        for fault, (reason, outcome) in expected.items():
            before, wanted = _present(plant), self.alternative(plant)
            name = next(iter(wanted))
            self.inject(plant, fault, name)
            result = plant.write(self.setpoint(plant, {name: wanted[name]}))
            self.inject(plant, "clear", "")
            self.expect(result.variables[name].reason == reason, f"{fault}: called {result.variables[name].reason}")
            self.expect(result.outcome == outcome and not result.ok, f"{fault}: the write was {result.outcome}")
            plant.write(self.setpoint(plant, before))

    def groups(self, plant: Any) -> None:
        wanted = self.alternative(plant)
        if len(wanted) < 2:
            return
        first, *others = wanted
        for fault in ("reject", "clamp", "ignore"):
            before = _present(plant)
            self.inject(plant, fault, first)
            result = plant.write(self.setpoint(plant, wanted))
            self.expect(result.outcome == "partial", f"{fault} of one: the group was {result.outcome}")
            reasons = {result.variables[name].reason for name in others}
            self.expect(reasons == {"applied"}, f"{fault} of one: the others were {reasons}")
            self.inject(plant, "clear", "")
            plant.write(self.setpoint(plant, before))
        before = _present(plant)
        self.inject(plant, "reject", first)
        result = plant.write(self.setpoint(plant, wanted), roll_back=True)
        self.expect(result.outcome == "rolled_back" and not result.ok, f"rolled back, but {result.outcome}")
        reasons = {result.variables[name].reason for name in others}
        self.expect(reasons == {"restored"}, f"rolled back, but {reasons}")
        self.inject(plant, "clear", "")
        self.stands(plant, before, "after a roll-back")

    def leases(self, plant: Any) -> None:
        if self.make_rival is None:
            return
        rival = self.make_rival(plant)
        self.refuses(LifecycleError, rival.connect, "two loops on one plant")
        self.refuses(LifecycleError, rival.read, "the second loop read")
        rival.close()
        self.expect(plant.read() is not None, "closing the second loop took the plant from the first")
        third = self.make_rival(plant)
        self.refuses(LifecycleError, third.connect, "closing the second loop gave the first one's lease away")
        third.close()

    def after_close(self, plant: Any) -> None:
        plant.close()
        wanted = [(name, 0.0, v.unit) for name, v in plant.variables.items() if v.role == "output"]
        setpoint = _Setpoint(wanted, plant.clock.monotonic_ns() + 10**10, "after close")
        self.refuses(LifecycleError, lambda: plant.write(setpoint), "write after close")
        self.refuses(LifecycleError, plant.read, "read after close")
        self.refuses(LifecycleError, plant.connect, "connect after close")
        if self.make_rival is not None:
            heir = self.make_rival(plant)
            heir.connect()
            heir.close()

    def determinism(self) -> None:
        self.expect(self.story() == self.story(), "the same story has another ending")

    def story(self) -> list[Any]:
        plant = self.make_plant()
        plant.connect()
        told: list[Any] = []
        for step in range(4):
            told.append(plant.read())
            if step == 1:
                told.append(plant.write(self.setpoint(plant, self.alternative(plant), command_id="told")))
            plant.clock.sleep(60.0)
        plant.close()
        return told


class _Recommendation:
    """What an optimizer offers: never a setpoint."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.recipe = settings


def _unit(plant: Any, name: str) -> str:
    variable = plant.variables.get(name)
    return "" if variable is None else str(variable.unit)


def _present(plant: Any) -> dict[str, Any]:
    return {name: value.value for name, value in plant.read_back().items()}


def _same(plant: Any, name: str, a: Any, b: Any) -> bool:
    if isinstance(a, str) or isinstance(b, str) or a is None:
        return bool(a == b)
    return bool(abs(a - b) <= plant.variables[name].tolerance)


def _shifted(plant: Any) -> dict[str, Any]:
    """Other values for all outputs: another category, or 2 % of the range towards its middle."""
    wanted: dict[str, Any] = {}
    for name, present in _present(plant).items():
        variable = plant.variables[name]
        if variable.categories:
            wanted[name] = next(category for category in variable.categories if category != present)
            continue
        width = variable.high - variable.low
        step = 0.02 * width if math.isfinite(width) else 0.02 * max(abs(present), 1.0)
        wanted[name] = present + (step if present + step <= variable.high else -step)
        if variable.integer:
            wanted[name] = round(wanted[name]) if round(wanted[name]) != present else present + 1
    return wanted
