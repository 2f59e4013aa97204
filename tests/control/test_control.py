"""The mode machine from Python: words for every reason, leave to write, a state that is kept over a restart."""

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban import control as c
from luban.errors import ConfigurationError, IntegrityError

PLAN = c.ControlPlan([c.ControlledVariable("feed")], plant=c.PlantKind.simulated)
OPTIONS = c.ControlOptions(dwell=datetime.timedelta(seconds=2))
SECOND = 1_000_000_000


def good(recommendation_id: str = "r1") -> c.Cycle:
    return c.Cycle(
        inputs=c.InputQuality.good, recommendation=c.RecommendationState.fresh, recommendation_id=recommendation_id,
        guard=c.GuardDecision.accept, optimizer=c.OptimizerState.alive, golden=c.GoldenState.available,
        journal_writable=True, plant_connected=True,
    )  # fmt: skip


def closed_loop() -> tuple[c.Controller, int]:
    controller = c.Controller(PLAN, OPTIONS)
    controller.step(c.FileRequest(mode=c.ControlMode.closed), now=0)
    for second in range(1, 8):
        controller.step(good(), now=second * SECOND)
    assert controller.state.achieved is c.ControlMode.closed
    return controller, 8 * SECOND


def test_every_reason_has_words_in_both_languages() -> None:
    english = [c.sentence(reason) for reason in c.ControlReason]
    chinese = [c.sentence(reason, "zh") for reason in c.ControlReason]
    assert len(set(english)) == len(set(chinese)) == len(c.ControlReason)
    assert all(text.endswith(".") and text.isascii() for text in english)
    assert all(text.endswith("。") and not text.isascii() for text in chinese)
    assert not [text for text in english if {"safe", "safety"} & set(text.lower().rstrip(".").split())]
    assert set(c._WORDS) == {reason.name for reason in c.ControlReason}


def test_another_language_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'en' or 'zh'"):
        c.sentence(c.ControlReason.drift, "de")  # type: ignore[arg-type]


def test_leave_to_write_waits_for_the_journal() -> None:
    controller, now = closed_loop()
    actions = controller.step(good("r9"), now=now)
    permission = actions.permission
    assert permission is not None
    assert permission.kind is c.WriteKind.recommendation
    assert permission.recommendation_id == "r9"
    (entry,) = [entry for entry in actions.decision.entries if entry.kind is c.EntryKind.write]
    assert permission.entry == entry.number
    assert c.entry_dict(entry)["subject"] == "r9"
    assert not controller.redeem(permission, journaled=entry.number - 1)
    assert controller.redeem(permission, journaled=entry.number)
    assert not controller.redeem(permission, journaled=entry.number)


def test_leave_to_write_ends_when_somebody_lowers() -> None:
    controller, now = closed_loop()
    permission = controller.step(good(), now=now).permission
    decision = controller.step(c.LowerRequest(mode=c.ControlMode.off), now=now).decision
    assert decision.accepted
    assert permission is not None
    assert not controller.redeem(permission, journaled=10**9)


def test_nobody_makes_leave_to_write() -> None:
    with pytest.raises(TypeError, match="No constructor"):
        c.WritePermission()


def test_a_kept_state_wakes_up_no_higher_than_advisory() -> None:
    controller, now = closed_loop()
    again = c.restored(controller.state_text, PLAN, OPTIONS)
    assert again.damage == ""
    assert again.latest.achieved is c.ControlMode.advisory
    assert again.latest.requested is c.ControlMode.closed
    assert c.ControlReason.restarted in again.latest.achieved_reasons
    assert again.step(good(), now=now).permission is None


@given(st.one_of(st.binary(max_size=80), st.text(max_size=80)))
def test_a_state_that_cannot_be_read_trips(found: bytes | str) -> None:
    controller = c.restored(found, PLAN, OPTIONS)
    assert controller.state.achieved is c.ControlMode.tripped
    assert controller.damage.startswith("[control.ControllerState]")


@given(st.data())
def test_an_altered_state_trips(data: st.DataObject) -> None:
    text = bytearray(closed_loop()[0].state_text, "utf-8")
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] ^= data.draw(st.integers(1, 255))
    assert c.restored(bytes(text), PLAN, OPTIONS).state.achieved is c.ControlMode.tripped


def test_a_state_is_json_that_reads_back() -> None:
    state = closed_loop()[0].state
    assert c.ControllerState.from_text(state.to_text()) == state
    assert json.loads(state.to_text())["state"] == c.state_dict(state)
    with pytest.raises(IntegrityError):
        c.ControllerState.from_text(state.to_text() + " ")


def test_plan_and_options_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="at least one controlled variable"):
        c.ControlPlan([])
    with pytest.raises(ConfigurationError, match=r"at least 1, received 0 \(hold_cycles\)"):
        c.ControlOptions(hold_cycles=0)


def test_defaults_come_from_the_options() -> None:
    options = c.Controller(PLAN).options
    assert options.dwell == c.ControlOptions().dwell == datetime.timedelta(seconds=30)
    assert options.shadow_cycles == c.ControlOptions().shadow_cycles


def test_roles_have_names_of_the_role_file() -> None:
    assert [role.name for role in c.PersonRole] == ["none", "operator", "engineer", "supervisor"]
    assert c.permitted(c.PersonRole.none, c.Privilege.lower)
    assert not c.permitted(c.PersonRole.operator, c.Privilege.raise_to_closed)
    assert c.least_role(c.Privilege.reset) is c.PersonRole.engineer
