"""The guard from Python: answers, words, and a setpoint that nothing else can make."""

import copy
import json
import math
import pickle
import re
from collections.abc import Callable

import pytest

import luban.guard
from luban import _core
from luban.errors import ConfigurationError, IntegrityError
from luban.guard import (
    ConfirmedOutput,
    Decision,
    GoldenSet,
    Guard,
    GuardOptions,
    GuardRequest,
    InputRule,
    JudgedInput,
    Judgement,
    Reason,
    Setpoint,
    Subject,
    envelope_digest,
    make_guard,
)
from luban.process import NamedValue, Process, Recipe, TrainingEnvelope

from .conftest import NOW, S

Make = Callable[..., GuardRequest]
WORDS = ("en", "zh")


def test_accepts_what_is_in_order(guard: Guard, request_of: Make) -> None:
    judgement = guard.judge(request_of())
    assert judgement.verdict.decision is Decision.accept
    assert judgement.verdict.sentences() == ["Accepted as proposed."]
    assert judgement.setpoint is not None
    assert judgement.setpoint.to_dict() == {
        "command_id": "7-41",
        "cycle": 7,
        "sequence": 41,
        "deadline_ns": NOW + 2 * S,
        "values": {"speed": 210.0, "feed": 0.11},
        "expected": {"speed": 200.0, "feed": 0.1},
        "units": {"speed": "m/min", "feed": "mm/rev"},
    }


def test_clamps_in_words(guard: Guard, request_of: Make) -> None:
    judgement = guard.judge(request_of(speed=240.0))
    assert judgement.setpoint is not None
    assert judgement.setpoint.values[0].value == 220.0
    assert judgement.verdict.sentences() == [
        "Changed to the nearest admissible values.",
        "The proposed speed would change by 40 m/min; the time since the last move allows 20 m/min.",
    ]
    assert judgement.verdict.sentences("zh") == [
        "已改为最接近的允许值。",
        "建议的“speed”将变化 40 m/min；自上次动作以来的时间只允许 20 m/min。",
    ]


def test_verdict_as_plain_values(guard: Guard, request_of: Make) -> None:
    verdict = guard.judge(request_of(last_move_ns=NOW - 10 * S)).verdict
    finding = {"reason": "within_dwell", "subject": "request", "name": "", "observed": 10.0, "limit": 30.0, "unit": "s"}
    assert verdict.to_dict() == {"decision": "hold", "findings": [finding]}
    stale = guard.judge(request_of(inputs=[JudgedInput("roughness", 1.0, "mm", age_ns=0)])).verdict
    assert json.loads(json.dumps(stale.to_dict(), allow_nan=False))["findings"][0]["limit"] is None


def test_numbers_one_step_apart_do_not_look_alike(strict_guard: Callable[..., Guard], request_of: Make) -> None:
    above = math.nextafter(0.15, 1.0)
    verdict = strict_guard(deadband=0.0).judge(request_of(feed=above)).verdict
    numbers = re.findall(r"\d\.\d+", verdict.sentences()[1])
    assert len(set(numbers)) == 2


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_sentence(reason: Reason, language: str) -> None:
    class Stand:
        """Any finding: the bound one has no constructor."""

        name, observed, limit, unit, subject = "TIC-101.PV", 1.5, 2.5, "K", Subject.proposal

    class Unnamed(Stand):
        name, observed, limit, unit, subject = "", math.nan, math.nan, "", Subject.request

    for kind in (Stand, Unnamed):
        finding = kind()
        finding.reason = reason  # type: ignore[attr-defined]
        sentence = luban.guard._sentence(finding, language)  # type: ignore[arg-type]
        assert sentence.endswith("." if language == "en" else "。")
        assert "{" not in sentence
        assert sentence[0] == sentence[0].upper()
        assert (re.search(r"[\u4e00-\u9fff]", sentence) is not None) == (language == "zh")
    assert luban.guard._REASONS.keys() == set(Reason)


def test_every_code_has_words_in_both_languages() -> None:
    tables = (luban.guard._DECISIONS, luban.guard._SUBJECTS, luban.guard._WHOLE, luban.guard._REASONS)
    for table, codes in zip(tables, (Decision, Subject, Subject, Reason), strict=True):
        assert set(table) == set(codes)
        for words in table.values():
            assert set(words) == set(WORDS)
            assert all(words.values())


def test_sentences_are_different_for_different_reasons() -> None:
    for language in WORDS:
        assert len({words[language] for words in luban.guard._REASONS.values()}) == len(Reason)


def test_an_unknown_language_is_refused(guard: Guard, request_of: Make) -> None:
    with pytest.raises(ConfigurationError, match="language en or zh"):
        guard.judge(request_of()).verdict.sentences("fr")


def made(guard: Guard, request: GuardRequest) -> Setpoint:
    setpoint = guard.judge(request).setpoint
    assert setpoint is not None
    return setpoint


def test_a_setpoint_cannot_be_constructed() -> None:
    for make in (
        lambda: Setpoint(),
        lambda: Setpoint({"speed": 300.0}),
        lambda: Setpoint.__new__(Setpoint),
        lambda: object.__new__(Setpoint),
        lambda: type("Own", (Setpoint,), {}),
        lambda: Judgement(),
        lambda: Judgement.__new__(Judgement),
    ):
        with pytest.raises(TypeError):
            make()


def test_a_setpoint_is_not_copied_or_pickled(guard: Guard, request_of: Make) -> None:
    setpoint = made(guard, request_of())
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            attempt(setpoint)


def test_a_setpoint_does_not_change(guard: Guard, request_of: Make) -> None:
    setpoint = made(guard, request_of())
    for name in ("values", "expected", "cycle", "sequence", "deadline_ns", "command_id", "other"):
        with pytest.raises(AttributeError):
            setattr(setpoint, name, 1)
    setpoint.values.clear()
    setpoint.to_dict()["values"]["speed"] = 300.0
    with pytest.raises(AttributeError):
        setpoint.values[0].value = 300.0  # type: ignore[misc]
    assert setpoint.to_dict()["values"] == {"speed": 210.0, "feed": 0.11}


def test_a_setpoint_outlives_its_judgement(guard: Guard, request_of: Make) -> None:
    judgement = guard.judge(request_of())
    setpoint = judgement.setpoint
    del judgement
    assert setpoint is not None
    assert setpoint.command_id == "7-41"


def test_nothing_else_in_the_extension_makes_setpoints() -> None:
    makers = [
        f"{name}.{member}"
        for name, kind in vars(_core).items()
        if isinstance(kind, type)
        for member, value in vars(kind).items()
        if re.search(r"-> (luban\._core\.)?(Setpoint|Judgement)", getattr(value, "__doc__", None) or "")
    ]
    assert sorted(makers) == ["Guard.fallback", "Guard.judge"]


def test_the_envelope_is_pinned(process: Process, envelope: TrainingEnvelope) -> None:
    with pytest.raises(IntegrityError, match="digest"):
        make_guard(process, envelope, "0" * 64)
    guard = make_guard(process, envelope, envelope_digest(envelope))
    assert guard.envelope_digest == envelope_digest(envelope)
    assert guard.novelty_threshold == 3.0


def test_options_have_one_home_for_their_defaults() -> None:
    options = GuardOptions()
    assert (options.novelty, options.dwell_s) == (0.99, 30.0)
    assert GuardOptions(dwell_s=0.25).dwell_s == 0.25
    assert options.inputs == []


def test_input_rules_are_obeyed(strict_guard: Callable[..., Guard], request_of: Make) -> None:
    guard = strict_guard(inputs=[InputRule("load", unit="%", high=150.0, stuck_after_s=60.0)])
    assert guard.judge(request_of()).verdict.sentences()[1:] == ["The input load is missing."]
    frozen = JudgedInput("load", 55.0, "%", age_ns=0, unchanged_ns=61 * S)
    [finding] = guard.judge(request_of(inputs=[frozen])).verdict.findings
    assert (finding.reason, finding.subject, finding.observed, finding.limit) == (
        Reason.stuck,
        Subject.input,
        61.0,
        60.0,
    )


def test_fallback_goes_to_the_golden_set(guard: Guard, request_of: Make) -> None:
    golden = GoldenSet(
        Recipe([NamedValue("speed", 150.0, "m/min"), NamedValue("feed", 0.08, "mm/rev")]), source="night"
    )
    request = request_of(proposal=Recipe([]), inputs=[], context=[])
    judgement = guard.fallback([golden], request)
    assert judgement.verdict.decision is Decision.clamp
    assert judgement.setpoint is not None
    assert judgement.setpoint.to_dict()["values"] == {"speed": 180.0, "feed": 0.08}
    assert guard.fallback([], request).verdict.decision is Decision.hold


def test_an_operator_is_noticed(guard: Guard, request_of: Make) -> None:
    outputs = [
        ConfirmedOutput("speed", 180.0, "m/min", age_ns=0, written=200.0),
        ConfirmedOutput("feed", 0.1, "mm/rev", age_ns=0, written=0.1),
    ]
    verdict = guard.judge(request_of(outputs=outputs)).verdict
    assert verdict.sentences()[1] == (
        "The confirmed output speed is 180 m/min, and 200 m/min was last written: somebody else has moved it."
    )
