"""Ask and tell under nonlinear relations: every proposal keeps them, however it was chosen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luban.errors import ConfigurationError, InfeasibleError
from luban.recommend import Acquisition, Column, Monomial, Relation, SearchOptions, SignomialRelation, propose

FEW = SearchOptions(raw_samples=64, restarts=3)
#: x1 · x2 = 6 over [0.5, 10]².
CURVE = SignomialRelation([Monomial([1, 1])], low=6, high=6)
BOX = [[0.5, 0.5], [10, 10]]


def value_of(relation: SignomialRelation, x: Any) -> float:
    return math.fsum(
        monomial.factor * math.prod(float(value) ** e for value, e in zip(x, monomial.product, strict=False))
        for monomial in relation.sum
    )


def assert_kept(relation: SignomialRelation, X: Any) -> None:
    for x in X:
        value = value_of(relation, x)
        assert value >= relation.low - 1e-6 * abs(relation.low), x
        assert value <= relation.high + 1e-6 * abs(relation.high), x


def runs(n: int = 12, d: int = 2) -> tuple[Any, Any]:
    X = 0.5 + 9.5 * np.random.default_rng(1).random((n, d))
    return X, np.column_stack([((X - 3) ** 2).sum(axis=1), (X**2).sum(axis=1)])


@pytest.mark.parametrize(
    "acquisition",
    [
        "log_expected_improvement",
        "log_noisy_expected_improvement",
        "upper_confidence_bound",
        "upper_confidence_bound_pure_exploration",
        "max_value_entropy",
        "thompson",
    ],
)
def test_every_acquisition_keeps_them(acquisition: Acquisition) -> None:
    X, Y = runs()
    proposed = propose(X, Y[:, 0], BOX, q=2, relations=[CURVE], acquisition=acquisition, search=FEW)
    assert_kept(CURVE, proposed)
    assert np.abs(proposed[0] - proposed[1]).max() > 1e-6 or acquisition in ("upper_confidence_bound", "thompson")


@pytest.mark.parametrize("acquisition", ["automatic", "log_noisy_expected_hypervolume_improvement", "parego"])
def test_several_objectives_keep_them(acquisition: Acquisition) -> None:
    X, Y = runs()
    band = SignomialRelation([Monomial([1, 1]), Monomial([2, -1], factor=-0.5)], low=4, high=4.01)
    proposed = propose(X, Y, BOX, q=2, relations=[band], acquisition=acquisition, search=FEW)
    assert_kept(band, proposed)


@pytest.mark.parametrize("told", [0, 30])
def test_trust_regions_and_their_designs_keep_them(told: int) -> None:
    X, Y = runs(4 + told, 3)
    relation = SignomialRelation([Monomial([1, 1, -1])], low=2, high=2)
    bounds = [[0.5] * 3, [10] * 3]
    proposed = propose(X, Y[:, 0], bounds, q=3, relations=[relation], trust_region=True, search=FEW)
    assert (proposed.acquisition_name == "design") == (told == 0)
    assert_kept(relation, proposed)


def test_the_best_on_a_curve_is_found() -> None:
    """Least x1 + x2 with x1 · x2 = 6 is at √6, and its answer is 2 √6."""
    X = np.array([[1.0, 6.0], [6.0, 1.0], [1.5, 4.0], [10.0, 0.6]])
    for seed in range(6):
        proposed = propose(X, X.sum(axis=1), BOX, relations=[CURVE], seed=seed)
        assert_kept(CURVE, proposed)
        X = np.vstack([X, proposed])
    assert X.sum(axis=1).min() == pytest.approx(2 * math.sqrt(6), abs=1e-3)


def test_bounds_on_responses_that_nothing_keeps_do_not_break_them() -> None:
    X, Y = runs()
    ends = [[-np.inf, -np.inf], [np.inf, -5.0]]  # sums of squares are never below 0
    proposed = propose(X, Y, BOX, relations=[CURVE], outcome_bounds=ends, search=FEW)
    assert_kept(CURVE, proposed)


def test_columns_of_all_kinds_take_part() -> None:
    columns = [
        Column(0.5, 4.0, name="power"),
        Column(1, 20, "integer", name="passes"),
        Column(kind="ordinal", values=[0.1, 0.2, 0.4], name="step"),
        Column(kind="categorical", values=["A", "B"], name="gas"),
    ]
    energy = SignomialRelation([Monomial({"power": 1, "passes": 1, "step": -1})], low=40, high=40)
    rng = np.random.default_rng(3)
    X = [
        [p, k, s, g]
        for p, k, s, g in zip(
            rng.uniform(0.5, 4, 10), rng.integers(1, 21, 10), [0.1, 0.2, 0.4, 0.1, 0.2] * 2, ["A", "B"] * 5, strict=True
        )
    ]
    Y = [row[0] ** 2 + 0.1 * row[1] + (row[3] == "A") for row in X]
    proposed = propose(X, Y, columns=columns, q=3, relations=[energy], search=FEW)
    for power, passes, step, gas in proposed:
        assert power * passes / step == pytest.approx(40, rel=1e-6)
        assert 1 <= passes <= 20
        assert step in (0.1, 0.2, 0.4)
        assert gas in ("A", "B")


@st.composite
def kept_somewhere(draw: st.DrawFn) -> tuple[list[SignomialRelation], int, int]:
    """One or two relations through one point of the box [0.5, 4]^d, one perhaps an equality."""
    d = draw(st.integers(2, 4))
    point = [draw(st.floats(0.8, 3.5)) for _ in range(d)]
    exponents = st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    factors = st.sampled_from([-2.0, -1.0, 0.5, 1.0, 3.0])
    relations = []
    for number in range(draw(st.integers(1, 2))):
        terms = [Monomial([draw(exponents) for _ in range(d)], draw(factors)) for _ in range(draw(st.integers(1, 3)))]
        terms.append(Monomial([1.0 if j == number else 0.0 for j in range(d)], 1.0))
        value = value_of(SignomialRelation(terms), point)
        size = max(abs(value), 0.1)
        width = draw(st.sampled_from([0.0, 1e-3, 0.5])) if number == 0 else math.inf
        relations.append(SignomialRelation(terms, low=value, high=value + width * size))
    return relations, d, draw(st.integers(0, 1000))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kept_somewhere())
def test_proposals_keep_any_relations(problem: tuple[list[SignomialRelation], int, int]) -> None:
    relations, d, seed = problem
    X = 0.5 + 3.5 * np.random.default_rng(seed).random((6, d))
    try:
        proposed = propose(X, X.sum(axis=1), [[0.5] * d, [4.0] * d], seed=seed, relations=relations, search=FEW)
    except InfeasibleError as error:
        pytest.fail(f"settings exist, but: {error}")
    for relation in relations:
        value = value_of(relation, proposed[0])
        size = sum(abs(value_of(SignomialRelation([term]), proposed[0])) for term in relation.sum)
        size = max(size, sum(abs(value_of(SignomialRelation([term]), [2.25] * d)) for term in relation.sum))
        assert relation.low - 1e-6 * size <= value <= relation.high + 1e-6 * size


def test_contradictions_are_named() -> None:
    X, Y = runs()
    high = SignomialRelation([Monomial([1, 1])], low=40)
    low = SignomialRelation([Monomial([1, 0]), Monomial([0, 1])], high=5)
    loose = SignomialRelation([Monomial([1, -1])], high=50)
    with pytest.raises(InfeasibleError) as caught:
        propose(X, Y[:, 0], BOX, relations=[loose, high, low])
    assert "constraint 40 <= x1 x2" in caught.value.received
    assert "constraint x1 + x2 <= 5" in caught.value.received
    assert "50" not in caught.value.received
    assert "the nearest settings give" in caught.value.received
    with pytest.raises(InfeasibleError, match=r"constraint x1 \+ x2 <= 5") as caught:
        propose(X, Y[:, 0], BOX, relations=[high, Relation([1, 1], high=5)])
    assert "constraint 40 <= x1 x2" in caught.value.received


def test_what_is_no_relation_is_refused() -> None:
    X, Y = runs()

    def refused(relation: SignomialRelation, expected: str, bounds: Any = BOX) -> None:
        with pytest.raises(ConfigurationError) as caught:
            propose(X, Y[:, 0], bounds, relations=[relation])
        assert expected in caught.value.expected

    refused(SignomialRelation([Monomial([1])], high=1), "an exponent for each of 2 columns")
    refused(SignomialRelation([Monomial({"x3": 1})], high=1), "a column in a product")
    refused(SignomialRelation([Monomial([1, math.inf])], high=1), "finite exponents")
    refused(SignomialRelation([Monomial([1, 1])], low=2, high=1), "low <= high")
    refused(SignomialRelation([Monomial([1, 1])]), "a lower or an upper bound")
    refused(SignomialRelation([Monomial()], high=1), "at least one parameter")
    refused(SignomialRelation([Monomial([-1, 0])], high=1), 'a range of "x1" above 0', [[0, 0], [10, 10]])
    refused(SignomialRelation([Monomial([0.5, 0])], high=1), 'a range of "x1" not below 0', [[-1, 0], [10, 10]])
