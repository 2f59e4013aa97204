"""Every acquisition against one contract, on surrogates of every kind; and the contract sees faults."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from luban import _core, features, recommend, surrogate, testing
from luban.errors import ConfigurationError, DataError

UTILITIES = {
    "minimize": recommend.Utility(0, "minimize"),
    "maximize": recommend.Utility(1, "maximize"),
    "target": recommend.Utility(0, "target", 1.3),
}
BOUNDS = [recommend.OutcomeBound(1, upper=0.8), recommend.OutcomeBound(0, lower=0.2, upper=1.9, calibration=1.2)]

Pointwise = Callable[[], recommend.AcquisitionFunction]
POINTWISE: dict[str, Pointwise] = {
    "best_mean": lambda: recommend.BestMean(UTILITIES["minimize"]),
    "best_mean_target": lambda: recommend.BestMean(UTILITIES["target"], spread_weight=1.0),
    "upper_confidence_bound": lambda: recommend.UpperConfidenceBound(UTILITIES["maximize"], beta=3.0),
    "log_expected_improvement": lambda: recommend.LogExpectedImprovement(UTILITIES["minimize"], best=-0.9),
    "log_expected_improvement_target": lambda: recommend.LogExpectedImprovement(UTILITIES["target"], best=-0.2),
    "log_constrained_expected_improvement": lambda: recommend.LogExpectedImprovement(
        UTILITIES["minimize"], -0.9, BOUNDS
    ),
    "log_probability_feasible": lambda: recommend.LogProbabilityFeasible(BOUNDS),
    "expected_excess": lambda: recommend.ExpectedExcess(BOUNDS),
    "max_value_entropy": lambda: recommend.MaxValueEntropy(UTILITIES["maximize"], np.array([1.1, 1.4, 2.0])),
}

Joint = Callable[[_core.SurrogateBeside, int], recommend.JointAcquisition]
JOINT: dict[str, Joint] = {
    "joint_log_expected_improvement": lambda beside, q: recommend.JointLogExpectedImprovement(
        beside, UTILITIES["minimize"], -0.9, q=q
    ),
    "joint_log_constrained_expected_improvement": lambda beside, q: recommend.JointLogExpectedImprovement(
        beside, UTILITIES["minimize"], -0.9, BOUNDS, q=q
    ),
    "joint_log_expected_improvement_bounded_elsewhere": lambda beside, q: recommend.JointLogExpectedImprovement(
        beside, UTILITIES["minimize"], -0.9, [recommend.OutcomeBound(1, upper=0.4)], q=q
    ),
    "joint_log_noisy_expected_improvement": lambda beside, q: recommend.JointLogNoisyExpectedImprovement(
        beside, UTILITIES["maximize"], q=q
    ),
    "joint_upper_confidence_bound": lambda beside, q: recommend.JointUpperConfidenceBound(
        beside, UTILITIES["minimize"], 2.0, q=q
    ),
}


def _data(n: int = 30) -> features.Dataset:
    random = np.random.default_rng(5)
    a, b, kind = random.random(n), random.random(n), random.integers(0, 3, n)
    level = 1.0 + np.sin(5 * a) * 0.6 + 0.4 * b * b + 0.15 * kind
    process = _core.Process.from_json(
        json.dumps(
            {
                "luban": 1,
                "process": "made up",
                "parameters": [
                    {"name": "a", "kind": "continuous", "low": 0, "high": 1},
                    {"name": "b", "kind": "continuous", "low": 0, "high": 1},
                    {"name": "kind", "kind": "categorical", "categories": ["x", "y", "z"]},
                ],
                "responses": [{"name": "cost"}, {"name": "load"}],
            }
        )
    )
    columns = {
        "run_id": np.array([f"run {k}" for k in range(n)], dtype=object),
        "a": a,
        "b": b,
        "kind": kind.astype(np.int32),
        "cost": level + 0.05 * random.standard_normal(n),
        "load": 0.5 * a + 0.3 * np.cos(4 * b) + 0.05 * random.standard_normal(n),
    }
    table = _core.Table.from_dict(columns, categories={"kind": ["x", "y", "z"]})
    return features.make_dataset(process, _core.MemorySource(table))


@pytest.fixture(
    scope="module", params=["gaussian_process", "known_noise", "varying_noise", "transformed", "quadratic", "trivial"]
)
def fitted(request: pytest.FixtureRequest) -> surrogate.Surrogate:
    data = _data()
    if request.param == "quadratic":
        return surrogate.fit_ridge(data, quadratic=True)
    if request.param == "trivial":
        return surrogate.fit_trivial(data)
    if request.param == "known_noise":
        return surrogate.fit_gaussian_process(data, noise_variances=np.linspace(1e-3, 4e-3, data.n))
    if request.param == "varying_noise":
        more = 0.3 * data.X[:, :1] * np.random.default_rng(9).standard_normal((data.n, 2))
        model = surrogate.preset("luban", data.encoder, noise_varies=True)
        options = surrogate.GaussianProcessOptions(model=model, robust=False)
        return surrogate.fit_gaussian_process(data.with_responses(data.Y + more), options)
    if request.param == "transformed":
        return surrogate.fit_transformed(data, ["log", "none"])
    return surrogate.fit_gaussian_process(data)


def points(seed: int, q: int) -> np.ndarray:
    return testing.random_inputs(_data(4).encoder, q, seed)


@pytest.mark.parametrize("name", POINTWISE)
def test_every_acquisition_conforms(name: str, fitted: surrogate.Surrogate) -> None:
    testing.check_acquisition(POINTWISE[name](), fitted, points(1, 6))


@pytest.mark.parametrize("name", JOINT)
def test_every_joint_acquisition_conforms(name: str, fitted: surrogate.Surrogate) -> None:
    testing.check_joint_acquisition(JOINT[name], fitted, points(2, 3), points(3, 4), tolerance=1e-3)


@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("name", [name for name in JOINT if "noisy" not in name])
def test_joint_acquisitions_conform_beside_nothing(name: str, q: int, fitted: surrogate.Surrogate) -> None:
    testing.check_joint_acquisition(JOINT[name], fitted, points(2, q), points(3, 0), tolerance=1e-3)


class Broken:
    """An acquisition with one fault, around a right one."""

    def __init__(self, fault: str) -> None:
        self._right = POINTWISE["log_expected_improvement"]()
        self._fault = fault

    def evaluate(self, posterior: Any, *, gradients: bool = False) -> tuple[Any, Any]:
        value, gradient = self._right.evaluate(posterior, gradients=gradients)
        if self._fault == "shape":
            value = value[:, None]
        if self._fault == "neighbours":
            value = value - value.mean() if len(value) else value
        if self._fault == "gradient" and gradient is not None:
            gradient = 1.01 * gradient
        if self._fault == "unasked":
            gradient = np.zeros((len(value), 3))
        return value, gradient


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("shape", "values are not"),
        ("neighbours", "depends on its neighbours"),
        ("gradient", "misses the finite difference"),
        ("unasked", "not asked for"),
    ],
)
def test_the_conformance_suite_sees_faults(fault: str, words: str) -> None:
    fitted = surrogate.fit_gaussian_process(_data())
    with pytest.raises(AssertionError, match=words):
        testing.check_acquisition(Broken(fault), fitted, points(1, 4))


def test_what_does_not_fit_is_refused() -> None:
    fitted = surrogate.fit_gaussian_process(_data())
    posterior = fitted.posterior(points(1, 3))
    elsewhere = recommend.Utility(2, "minimize")
    for acquisition in (
        recommend.BestMean(elsewhere),
        recommend.UpperConfidenceBound(elsewhere, 1.0),
        recommend.LogExpectedImprovement(elsewhere, 0.0),
        recommend.LogProbabilityFeasible([recommend.OutcomeBound(-1, upper=1.0)]),
        recommend.ExpectedExcess([recommend.OutcomeBound(2, upper=1.0)]),
        recommend.MaxValueEntropy(elsewhere, np.array([1.0])),
    ):
        with pytest.raises(DataError, match="2 responses"):
            acquisition.evaluate(posterior)
    with pytest.raises(DataError, match="2 responses"):
        recommend.gumbel_maxima(posterior, elsewhere)
    with pytest.raises(DataError, match="2 responses"):
        recommend.JointUpperConfidenceBound(recommend.beside(fitted, points(2, 2)), elsewhere, 1.0)
    with pytest.raises(ConfigurationError, match="minimize"):
        recommend.Utility(0, "smallest")


def test_log_expected_improvement_is_what_samples_say() -> None:
    fitted = surrogate.fit_gaussian_process(_data())
    X = points(4, 3)
    best = float(-fitted.posterior(points(5, 20)).mean()[:, 0].min())
    value, _ = recommend.LogExpectedImprovement(UTILITIES["minimize"], best).evaluate(fitted.posterior(X))
    drawn = -fitted.posterior(X, joint=True).sample(200_000, seed=1)[:, :, 0]
    gain = np.maximum(drawn - best, 0.0)
    error = gain.std(axis=0) / np.sqrt(len(gain))
    assert (np.abs(gain.mean(axis=0) - np.exp(value)) <= 5 * error + 1e-12).all()
