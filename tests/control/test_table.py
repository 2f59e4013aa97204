"""The C++ machine does what the table of reference.py says, in every state that can be reached, for every event."""

import dataclasses
import datetime
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from luban import control as c

from . import reference
from .reference import (
    CYCLE_ROWS,
    PAGE,
    SECOND,
    Answer,
    Facts,
    Look,
    Rules,
    cycle,
    lower,
    page_with_table,
    raise_,
    reset,
    restart,
    wish_of_file,
)

Judge = Callable[[dict[str, Any], Rules], Answer]
FAULTS: dict[str, tuple[Any, ...]] = {
    "inputs": ("bad",),
    "recommendation": ("late", "none"),
    "recommendation_id": ("r2",),
    "guard": ("none", "clamp", "stay", "hold", "reject"),
    "write": ("confirmed", "unconfirmed", "partial", "rejected"),
    "optimizer": ("late", "dead"),
    "golden": ("none", "reached"),
    "journal_writable": (False,),
    "plant_connected": (False,),
    "plant_trip": (True,),
    "drift": (True,),
    "moved": (("feed",), ("speed",), ("feed", "speed"), ("elsewhere",)),
}
ENUMS = {
    "inputs": c.InputQuality,
    "recommendation": c.RecommendationState,
    "guard": c.GuardDecision,
    "write": c.WriteOutcome,
    "optimizer": c.OptimizerState,
    "golden": c.GoldenState,
}
STEPS = [("off", "shadow"), ("shadow", "advisory"), ("advisory", "closed")]
MODES = [mode.name for mode in c.ControlMode]


def event_of(facts: Facts) -> c.Cycle:
    values = dataclasses.asdict(facts)
    return c.Cycle(**{key: ENUMS[key][value] if key in ENUMS else value for key, value in values.items()})


def cycles() -> list[tuple[c.Event, int, Judge]]:
    """Every single fault, and time that stands still, jumps or runs backwards."""
    timed = [(Facts(), SECOND), (Facts(), 10 * SECOND), (Facts(), -1), (Facts(drift=True, plant_trip=True), SECOND)]
    timed += [(dataclasses.replace(Facts(), **{key: v}), SECOND) for key, values in FAULTS.items() for v in values]
    dead = Facts(optimizer="dead", recommendation="none", guard="none")
    timed += [(dead, SECOND), (dataclasses.replace(dead, golden="none"), SECOND)]

    def judge(facts: Facts, elapsed: int) -> Judge:
        return lambda state, rules: cycle(Look(state, facts, elapsed, rules))

    return [(event_of(facts), elapsed, judge(facts, elapsed)) for facts, elapsed in timed]


def requests() -> list[tuple[c.Event, int, Judge]]:
    out: list[tuple[c.Event, int, Judge]] = [(c.Restarted(), 0, lambda s, _: restart(s))]
    out.append((c.TripRequest(), 0, lambda s, _: Answer(s["requested"], "tripped")))
    for name in MODES:
        mode = c.ControlMode[name]
        people = {"role": c.PersonRole.engineer, "second_person": "ann", "second_role": c.PersonRole.operator}
        out += [
            (c.LowerRequest(mode=mode), 0, lambda s, _, to=name: lower(s, to)),
            (c.FileRequest(mode=mode), 0, lambda s, _, to=name: wish_of_file(s, to)),
            (c.RaiseRequest(mode=mode, person="eve", **people), 0,
             lambda s, r, to=name: raise_(s, to, r, engineer=True, second=True)),
            (c.RaiseRequest(mode=mode, person="ann", **people), 0,
             lambda s, r, to=name: raise_(s, to, r, engineer=True, second=False)),
            (c.RaiseRequest(mode=mode, person="eve", role=c.PersonRole.operator), 0,
             lambda s, r, to=name: raise_(s, to, r, engineer=False, second=False)),
            (c.RaiseRequest(mode=mode, person="eve", role=c.PersonRole.none), 0,
             lambda s, _: Answer(s["requested"], s["achieved"], accepted=False)),
        ]  # fmt: skip
    for role in c.PersonRole:
        out.append((c.ResetRequest(person="eve", role=role), 0, lambda s, _, by=role.name: reset(s, by)))
    operator = {"person": "ann", "role": c.PersonRole.operator}
    out += [
        (c.ApproveRequest(recommendation_id="r1", **operator), 0,
         lambda s, _: Answer(s["requested"], s["achieved"], accepted=s["offered"] == "r1")),
        (c.EngageRequest(variable="feed", **operator), 0,
         lambda s, _: Answer(s["requested"], s["achieved"], accepted="feed" in s["released"])),
        (c.EngageRequest(variable="speed", **operator), 0,
         lambda s, _: Answer(s["requested"], s["achieved"], accepted="speed" in s["released"])),
    ]  # fmt: skip
    return out


def key_of(state: dict[str, Any]) -> tuple[object, ...]:
    spoken = bool({"lowered_by_person", "reset_by_person"} & set(state["requested_reasons"]))
    skipped = {"requested_reasons", "achieved_reasons", "unmet"}
    return (spoken, *(str(value) for name, value in state.items() if name not in skipped))


def first_states(plan: c.ControlPlan, options: c.ControlOptions) -> list[c.ControllerState]:
    """States of every mode, along one usual way: up to closed, a dead optimizer, hold, fallback, a stop."""
    people = {"person": "eve", "role": c.PersonRole.engineer, "second_person": "ann"}
    up = [c.RaiseRequest(mode=c.ControlMode[to], second_role=c.PersonRole.operator, **people) for _, to in STEPS]
    calm = [event_of(Facts())] * 3
    dead = [event_of(Facts(optimizer="dead", recommendation="none"))] * 4
    state = c.ControllerState()
    out = [state, c.damaged_state(plan)]
    for event in [*calm, up[0], up[1], *calm, up[2], *calm, *dead, c.TripRequest()]:
        state, _ = c.transition(plan, options, state, event, elapsed=SECOND)
        out.append(state)
    assert {state.achieved for state in out} == set(c.ControlMode)
    return out


def compare(real: bool, most: int | None) -> tuple[int, set[tuple[str, str]]]:
    """Walk through the states breadth first; returns how many were looked at, and the edges that cycles walked."""
    rules = Rules(real=real)
    plan = c.ControlPlan(
        [c.ControlledVariable("feed"), c.ControlledVariable("speed", critical=True)],
        plant=c.PlantKind.real if real else c.PlantKind.simulated,
    )
    options = c.ControlOptions(
        dwell=datetime.timedelta(seconds=rules.dwell // SECOND), missed_cycles=rules.missed,
        troubled_cycles=rules.troubled, hold_cycles=rules.hold, failed_writes_to_hold=rules.failed_to_hold,
        failed_writes_to_trip=rules.failed_to_trip, shadow_cycles=rules.shadow,
    )  # fmt: skip
    alphabet = cycles() + requests()
    waiting = deque((state, c.state_dict(state)) for state in first_states(plan, options))
    seen = {key_of(plain) for _, plain in waiting}
    looked = 0
    edges: set[tuple[str, str]] = set()
    while waiting and (most is None or looked < most):
        state, plain = waiting.popleft()
        looked += 1
        for event, elapsed, judge in alphabet:
            after, decision = c.transition(plan, options, state, event, elapsed=elapsed)
            expected = judge(plain, rules)
            got = Answer(decision.requested.name, decision.achieved.name, decision.write.name, decision.accepted)
            assert got == expected, f"{plain}\n{c.entry_dict(decision.entries[0]) if decision.entries else event}"
            if isinstance(event, c.Cycle) and got.achieved != plain["achieved"]:
                edges.add((plain["achieved"], got.achieved))
            after_plain = c.state_dict(after)
            if (key := key_of(after_plain)) not in seen:
                seen.add(key)
                waiting.append((after, after_plain))
    return looked, edges


@pytest.mark.parametrize("real", [True, False])
def test_the_first_states_follow_the_table(real: bool) -> None:
    looked, _ = compare(real, most=500)
    assert looked == 500


def test_the_comparison_sees_a_wrong_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for row in reference.CYCLE_ROWS if row.words != "drift"]
    monkeypatch.setattr(reference, "CYCLE_ROWS", rows)
    with pytest.raises(AssertionError):
        compare(real=False, most=500)


@pytest.mark.slow
@pytest.mark.parametrize("real", [True, False])
def test_every_state_follows_the_table(real: bool) -> None:
    looked, edges = compare(real, most=None)
    assert looked > 1000
    table = {(mode, row.to) for row in CYCLE_ROWS for mode in row.modes.split()}
    alone = {("shadow", "advisory"), ("advisory", "closed")}
    assert edges == (table - alone if real else table), "every edge of the table is walked, and no other"


def test_the_page_has_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page_with_table(text) == text, "python tests/control/reference.py writes the page"
