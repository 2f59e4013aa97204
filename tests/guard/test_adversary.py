"""Whatever is proposed through the bound API, a setpoint keeps every bound as Python computes it."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban.guard import ConfirmedOutput, Decision, GuardOptions, GuardRequest, envelope_digest, make_guard
from luban.process import (
    NamedValue,
    OperatingLimits,
    Parameter,
    ParameterConstraint,
    Process,
    Recipe,
    Response,
    TrainingEnvelope,
)

S = 1_000_000_000
PERIOD_S = 60.0
numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-2.0, 12.0)
inside = st.floats(0.0, 10.0)


@st.composite
def lines(draw: st.DrawFn) -> dict[str, object]:
    """Limits, rates and constraints of one to three parameters in [low, high] within [0, 10]."""
    count = draw(st.integers(1, 3))
    bounds = [sorted((draw(inside), draw(inside))) for _ in range(count)]
    rates = [draw(st.none() | st.floats(1e-6, 20.0)) for _ in range(count)]
    coefficient = st.floats(-3.0, 3.0).filter(lambda value: abs(value) > 1e-3)
    relations = [
        (
            [draw(coefficient) for _ in range(count)],
            *sorted((draw(st.floats(-50.0, 50.0)), draw(st.floats(-50.0, 50.0)))),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return {"bounds": bounds, "rates": rates, "relations": relations}


def name(i: int) -> str:
    return f"FIC-{i}.SP"


def limits_of(low: float, high: float, rate: float | None) -> OperatingLimits:
    if rate is None:
        return OperatingLimits(low, high)
    return OperatingLimits(low, high, max_rate=rate, max_rate_per_s=PERIOD_S)


def guard_of(line):  # type: ignore[no-untyped-def]
    parameters = [
        Parameter(
            name(i),
            unit="bar",
            low=low,
            high=high,
            limits=limits_of(low, high, rate),
        )
        for i, ((low, high), rate) in enumerate(zip(line["bounds"], line["rates"], strict=True))
    ]
    count = len(parameters)
    process = Process(
        "line",
        parameters=parameters,
        responses=[Response("quality", unit="um")],
        parameter_constraints=[
            ParameterConstraint({name(i): c for i, c in enumerate(sums)}, lower=lower, upper=upper)
            for sums, lower, upper in line["relations"]
        ],
    )
    envelope = TrainingEnvelope.from_json(
        json.dumps(
            {
                "names": [name(i) for i in range(count)],
                "mean": [5.0] * count,
                "scale": [1.0] * count,
                "inverse_covariance": [float(i == j) for i in range(count) for j in range(count)],
                "quantile_levels": [0.5, 0.99],
                "distance_quantiles": [1e9, 1e9],
                "category_names": [],
                "combinations": [],
            }
        )
    )
    return make_guard(process, envelope, envelope_digest(envelope), GuardOptions(dwell_s=1.0, deadband=0.0))


def excesses(line, x):  # type: ignore[no-untyped-def]
    """How far each bound is exceeded; sums as Python adds, in the order of the parameters."""
    out = []
    for value, (low, high) in zip(x, line["bounds"], strict=True):
        out += [max(0.0, low - value), max(0.0, value - high)]
    for sums, lower, upper in line["relations"]:
        total = 0.0
        for coefficient, value in zip(sums, x, strict=True):
            total += coefficient * value
        out += [max(0.0, lower - total), max(0.0, total - upper)]
    return out


def check_one(line, data) -> None:  # type: ignore[no-untyped-def]
    guard = guard_of(line)
    count = len(line["bounds"])
    confirmed = [data.draw(inside) for _ in range(count)]
    proposal = [data.draw(numbers) for _ in range(count)]
    since_s = data.draw(st.sampled_from([0.0, 0.5, 1.0, 7.3, 60.0, 1e6]))
    request = GuardRequest(
        cycle=1,
        now_ns=10**18,
        deadline_ns=10**18 + S,
        sequence=1,
        last_sequence=0,
        last_move_ns=10**18 - round(since_s * S),
        proposal=Recipe([NamedValue(name(i), value, "bar") for i, value in enumerate(proposal)]),
        outputs=[ConfirmedOutput(name(i), value, "bar", age_ns=0) for i, value in enumerate(confirmed)],
    )
    judgement = guard.judge(request)
    decision = judgement.verdict.decision
    assert judgement.verdict.to_dict() == guard.judge(request).verdict.to_dict()
    assert (judgement.setpoint is None) == (decision in {Decision.hold, Decision.reject})
    if not all(math.isfinite(value) for value in proposal):
        assert decision is Decision.reject
    if judgement.setpoint is None:
        return
    x = [item.value for item in judgement.setpoint.values]
    assert since_s >= 1.0
    assert all(isinstance(value, float) and math.isfinite(value) for value in x)
    for value, start, rate in zip(x, confirmed, line["rates"], strict=True):
        assert rate is None or abs(value - start) <= rate * (min(since_s, PERIOD_S) / PERIOD_S)
    after, before = excesses(line, x), excesses(line, confirmed)
    if any(after):  # only as a step back from outside
        assert decision is Decision.clamp
        assert all(new <= old for new, old in zip(after, before, strict=True))
        assert sum(after) < sum(before)
    if decision is Decision.accept:
        assert [value.hex() for value in x] == [float(value).hex() for value in proposal]
        assert not any(after)


@settings(max_examples=150)
@given(lines(), st.data())
def test_no_setpoint_breaks_a_bound(line, data) -> None:  # type: ignore[no-untyped-def]
    check_one(line, data)


@pytest.mark.slow
@settings(max_examples=2000)
@given(lines(), st.data())
def test_no_setpoint_breaks_a_bound_in_two_thousand_cases(line, data) -> None:  # type: ignore[no-untyped-def]
    check_one(line, data)
