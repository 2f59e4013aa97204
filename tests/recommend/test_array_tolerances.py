"""Proposals for arrays where the machine does not hold what is set."""

from typing import Any

import numpy as np
import pytest

from luban import recommend, surrogate
from luban.errors import ConfigurationError, DataError

BOUNDS = np.array([[0.0, -1.0], [1.0, 1.0]])
RISK = {"conditional_value_at_risk": 0.8}
SD = 0.05


def valleys(X: np.ndarray) -> np.ndarray:
    """A sharp valley at 0.25 beside a broad one at 0.75 that is less deep."""
    sharp = -1.2 * np.exp(-0.5 * ((X[:, 0] - 0.25) / 0.04) ** 2)
    return sharp - np.exp(-0.5 * ((X[:, 0] - 0.75) / 0.2) ** 2) + 0.05 * X[:, 1] ** 2


def tried(n: int = 41) -> tuple[np.ndarray, np.ndarray]:
    X = np.stack([np.linspace(0.0, 1.0, n), np.random.default_rng(0).uniform(-1.0, 1.0, n)], axis=1)
    return X, valleys(X)


def ask(**options: Any) -> recommend.Proposed:
    X, Y = tried()
    return recommend.propose(X, Y, BOUNDS, **options)


@pytest.mark.parametrize("risk", [None, RISK, {"value_at_risk": 0.8}])
def test_a_sharp_optimum_loses_to_a_broad_one(risk: dict[str, float] | None) -> None:
    assert abs(ask()[0, 0] - 0.25) < 0.05
    found = ask(tolerances={"x1": SD}, risk=risk)
    assert found[0, 0] > 0.5
    assert np.isnan(found.risk).all() == (risk is None)
    assert np.isnan(found.risk_sd).all() == (risk is None)
    if risk is not None:
        assert (found.risk > found.expected).all()


def test_what_is_expected_is_what_deviations_from_the_point_give() -> None:
    X, Y = tried()
    fitted = surrogate.fit_gaussian_process(
        recommend.array_dataset(X, Y, BOUNDS), surrogate.GaussianProcessOptions(preset="matern", starts=1, robust=False)
    )
    found = recommend.propose(X, Y, BOUNDS, surrogate=fitted, tolerances=[SD, 0.2], risk=RISK)
    deviations = np.random.default_rng(1).normal(size=(4000, 2)) * [SD, 0.2]
    coded = (np.asarray(found) + deviations - BOUNDS[0]) / (BOUNDS[1] - BOUNDS[0])
    values = np.asarray(fitted.posterior(coded).mean())[:, 0]
    assert found.expected[0, 0] == pytest.approx(values.mean(), abs=0.02)
    # The risk averages over functions, each sorted by itself; here they hardly differ.
    worst = np.sort(values)[int(0.8 * len(values)) :].mean()
    assert found.risk[0, 0] == pytest.approx(worst, abs=0.05)


def test_words_of_a_tolerance_mean_the_same() -> None:
    answers = [ask(tolerances=entry) for entry in ({"x1": SD}, {"x1": {"sd": SD}}, [SD, 0.0], np.array([SD, 0.0]))]
    for answer in answers[1:]:
        assert np.array_equal(answers[0], answer)
    for risk in ([RISK], [None]):
        one = ask(tolerances={"x1": SD}, risk=risk)
        assert np.array_equal(one, ask(tolerances={"x1": SD}, risk=risk[0]))


def test_a_tolerance_of_nothing_is_none() -> None:
    plain = ask(q=2)
    held = ask(q=2, tolerances=[0.0, 0.0], risk=RISK)
    assert np.array_equal(plain, held)
    assert np.array_equal(plain.expected, held.expected)
    assert np.array_equal(plain.acquisition, held.acquisition)


def test_same_seed_same_bits() -> None:
    answers = [ask(q=2, seed=3, tolerances={"x1": SD}, risk=RISK, threads=threads) for threads in (1, 2)]
    assert np.array_equal(*answers)


def test_objectives_with_and_without_risk_beside_bounds_and_pending_runs() -> None:
    X, Y = tried()
    both = np.stack([Y, X[:, 0] + 0.1 * X[:, 1], X[:, 1]], axis=1)
    found = recommend.propose(
        X,
        both,
        BOUNDS,
        q=2,
        objectives=["minimize", ("target", 0.6), None],
        outcome_bounds=[[-np.inf] * 3, [np.inf, np.inf, 0.5]],
        pending=X[:2],
        reference=[0.5, 1.5],
        tolerances={"x1": SD, "x2": 0.1},
        risk=[RISK, {"value_at_risk": 0.9}, None],
    )
    assert found.acquisition_name == "log_noisy_expected_hypervolume_improvement"
    assert np.isfinite(found.risk[:, :2]).all()
    assert np.isnan(found.risk[:, 2]).all()
    assert (found.risk[:, 1] >= 0.0).all()  # a distance
    assert ((found.probability_feasible > 0.0) & (found.probability_feasible <= 1.0)).all()


def test_mixed_columns_by_name() -> None:
    columns = [
        recommend.Column(0, 40, kind="integer", name="count"),
        recommend.Column(kind="ordinal", values=[1.0, 2.0, 4.0], name="size"),
        recommend.Column(kind="categorical", values=["a", "b"], name="kind"),
    ]
    rng = np.random.default_rng(0)
    X = [[i, rng.choice([1.0, 2.0, 4.0]), rng.choice(["a", "b"])] for i in range(41)]
    Y = valleys(np.array([[row[0] / 40.0, 0.0] for row in X])) + 0.01 * np.array([row[1] for row in X])
    found = recommend.propose(X, Y, columns=columns, q=2, tolerances={"count": 2.0, "size": 0.3}, risk=RISK)
    for count, size, kind in found:
        assert count > 20
        assert size in (1.0, 2.0, 4.0)
        assert kind in ("a", "b")
    assert recommend.propose(X, Y, columns=columns, tolerances=[2.0, 0.0, 0.0])[0, 0] > 20


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"tolerances": {"x3": 0.1}}, r"numeric columns.*x3"),
        ({"tolerances": {"x1": -0.1}}, "at least 0"),
        ({"tolerances": {"x1": float("inf")}}, "at least 0"),
        ({"tolerances": {"x1": {"width": 0.1}}}, "a standard deviation"),
        ({"tolerances": {"x1": "wide"}}, "a standard deviation"),
        ({"risk": RISK}, "tolerances for the `risk`"),
        ({"tolerances": {"x1": SD}, "risk": {"conditional_value_at_risk": 80}}, "a level of `risk`"),
        ({"tolerances": {"x1": SD}, "risk": {"value_at_risc": 0.8}}, "value_at_risk"),
        ({"tolerances": {"x1": SD}, "risk": {"value_at_risk": 0.8, "conditional_value_at_risk": 0.8}}, "one risk"),
        ({"tolerances": {"x1": SD}, "risk": [RISK, RISK]}, "each of 1 responses"),
        ({"tolerances": {"x1": SD}, "risk": [0.8]}, "a risk such as"),
        ({"tolerances": {"x1": SD}, "risk": "value_at_risk"}, "a risk such as"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigurationError, match=match) as caught:
        ask(**options)
    assert str(caught.value).startswith("[recommend.propose]")


def test_one_tolerance_for_each_column_or_names() -> None:
    with pytest.raises(DataError, match="2 columns"):
        ask(tolerances=[0.1])
    X, Y = tried()
    with pytest.raises(ConfigurationError, match="objectives alone"):
        recommend.propose(
            X, np.stack([Y, Y], axis=1), BOUNDS, objectives=["minimize", None], tolerances={"x1": SD}, risk=[RISK, RISK]
        )
