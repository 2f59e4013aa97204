"""Acquisitions of single points against their closed forms, from nothing but the posterior's moments.

The checks are those that BoTorch makes of its analytic acquisitions and of the logarithm of an improvement: values
where the plain form is valid, values and slopes far outside, both senses of a goal, known noise, arrays of any layout.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import integrate, stats

from luban import features, recommend, surrogate
from luban.recommend import OutcomeBound, Utility

BOX = np.array([[0.0, 0.0], [1.0, 1.0]])
BOUNDS = [
    OutcomeBound(1, upper=1.1),
    OutcomeBound(1, lower=0.4, upper=1.6, calibration=1.3),
    OutcomeBound(0, lower=4.8),
]
MAXIMA = np.array([-4.2, -3.5, -1.0])


def data() -> features.Dataset:
    random = np.random.default_rng(8)
    X = random.random((25, 2))
    Y = np.column_stack([5.0 + np.sin(5.0 * X[:, 0]) + X[:, 1], X.sum(axis=1)]) + 0.1 * random.standard_normal((25, 2))
    return recommend.array_dataset(X, Y, BOX)


def fit(dataset: features.Dataset, *, known_noise: bool = False) -> surrogate.GaussianProcess:
    options = surrogate.GaussianProcessOptions(preset="matern", starts=1, max_iterations=20, robust=False)
    variances = np.linspace(0.005, 0.02, dataset.n) if known_noise else None
    return surrogate.fit_gaussian_process(dataset, options, noise_variances=variances)


@pytest.fixture(scope="module", params=["learned noise", "known noise"])
def process(request: pytest.FixtureRequest) -> surrogate.GaussianProcess:
    return fit(data(), known_noise=request.param == "known noise")


class Moments:
    """Means and standard deviations (q, m) of the latent response and of one run's mean."""

    def __init__(self, posterior: surrogate.Posterior) -> None:
        self.mean = posterior.mean()
        self.sd = np.sqrt(posterior.variance("latent"))
        self.run_sd = np.sqrt(posterior.variance("run_mean"))


def improvement(mean: np.ndarray, sd: np.ndarray, best: float) -> np.ndarray:
    u = (mean - best) / sd
    return np.asarray(sd * (stats.norm.pdf(u) + u * stats.norm.cdf(u)))


def probabilities(m: Moments) -> np.ndarray:
    out = np.zeros(len(m.mean))
    for bound in BOUNDS:
        at = stats.norm(m.mean[:, bound.response], bound.calibration * m.run_sd[:, bound.response])
        out += np.log(at.cdf(bound.upper) - at.cdf(bound.lower))
    return out


def excess(m: Moments) -> np.ndarray:
    out = np.zeros(len(m.mean))
    for bound in BOUNDS:
        mean, sd = m.mean[:, bound.response], bound.calibration * m.run_sd[:, bound.response]
        if np.isfinite(bound.upper):
            out -= improvement(mean, sd, bound.upper) / abs(bound.upper)
        if np.isfinite(bound.lower):
            out -= improvement(-mean, sd, -bound.lower) / abs(bound.lower)
    return out


def entropy(m: Moments) -> np.ndarray:
    g = (MAXIMA + m.mean[:, [0]]) / m.sd[:, [0]]
    return np.asarray((0.5 * g * stats.norm.pdf(g) / stats.norm.cdf(g) - stats.norm.logcdf(g)).mean(axis=1))


Case = tuple[recommend.AcquisitionFunction, Callable[[Moments], np.ndarray]]
LEAST, MOST, CLOSE = Utility(0, "minimize"), Utility(1, "maximize"), Utility(0, "target", 5.5)
CASES: dict[str, Case] = {
    "least mean": (recommend.BestMean(LEAST), lambda m: -m.mean[:, 0]),
    "best mean": (recommend.BestMean(MOST, 2.0), lambda m: m.mean[:, 1] + 2.0 * m.sd[:, 1]),
    "close mean": (recommend.BestMean(CLOSE), lambda m: -((m.mean[:, 0] - 5.5) ** 2)),
    "lower bound": (recommend.UpperConfidenceBound(LEAST, 9.0), lambda m: -m.mean[:, 0] + 3.0 * m.sd[:, 0]),
    "upper bound": (recommend.UpperConfidenceBound(MOST, 2.0), lambda m: m.mean[:, 1] + 2.0**0.5 * m.sd[:, 1]),
    "close bound": (
        recommend.UpperConfidenceBound(CLOSE, 4.0),
        lambda m: -np.abs(m.mean[:, 0] - 5.5) + 2.0 * m.sd[:, 0],
    ),
    "improvement downwards": (
        recommend.LogExpectedImprovement(LEAST, -4.6),
        lambda m: np.log(improvement(-m.mean[:, 0], m.sd[:, 0], -4.6)),
    ),
    "improvement upwards": (
        recommend.LogExpectedImprovement(MOST, 1.3),
        lambda m: np.log(improvement(m.mean[:, 1], m.sd[:, 1], 1.3)),
    ),
    "bounded improvement": (
        recommend.LogExpectedImprovement(LEAST, -4.6, BOUNDS),
        lambda m: np.log(improvement(-m.mean[:, 0], m.sd[:, 0], -4.6)) + probabilities(m),
    ),
    "feasible": (recommend.LogProbabilityFeasible(BOUNDS), probabilities),
    "excess": (recommend.ExpectedExcess(BOUNDS), excess),
    "entropy": (recommend.MaxValueEntropy(LEAST, MAXIMA), entropy),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_the_plain_formula(name: str, process: surrogate.GaussianProcess) -> None:
    acquisition, formula = CASES[name]
    posterior = process.posterior(np.random.default_rng(1).random((40, 2)))
    value, _ = acquisition.evaluate(posterior)
    with np.errstate(divide="ignore"):
        expected = formula(Moments(posterior))
    plain = expected > -30.0  # beyond, the plain formula loses its digits, then all
    assert plain.sum() > 10
    np.testing.assert_allclose(value[plain], expected[plain], rtol=1e-6, atol=1e-9)


def log_h(u: float) -> tuple[float, float]:
    """Logarithm of φ(u) + u Φ(u) and its slope for u < −1, by integrals over the tail that keep their digits."""

    def tail(power: int) -> float:
        return float(integrate.quad(lambda s: s**power * np.exp(-s - 0.5 * (s / u) ** 2), 0.0, 60.0, epsabs=0.0)[0])

    return -0.5 * u * u - 0.5 * np.log(2.0 * np.pi) - 2.0 * np.log(-u) + np.log(tail(1)), -u * tail(0) / tail(1)


@pytest.mark.parametrize("away", [1.5, 6.0, 25.0, 37.5, 1e2, 1e4, 1e6, 1e8, 1e10])
@pytest.mark.parametrize("utility", [LEAST, MOST])
def test_improvement_far_from_hope(away: float, utility: Utility, process: surrogate.GaussianProcess) -> None:
    """So many standard deviations below the best value the logarithm and its slope are still right."""
    X = np.random.default_rng(2).random((1, 2))
    posterior = process.posterior(X, gradients=True)
    r, sign = utility.response, utility.of(1.0)
    mean, sd = posterior.mean()[0, r], np.sqrt(posterior.variance("latent")[0, r])
    best = sign * mean + away * sd
    u = (sign * mean - best) / sd
    h, slope = log_h(u)
    value, gradient = recommend.LogExpectedImprovement(utility, best).evaluate(posterior, gradients=True)
    assert value[0] == pytest.approx(np.log(sd) + h, rel=1e-9)
    by_sd = (1.0 - u * slope) / sd
    expected = sign * slope / sd * posterior.mean_gradient(r) + by_sd / (2.0 * sd) * posterior.variance_gradient(r)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


@pytest.mark.parametrize("exponent", [12, 30, 60, 100])
def test_nothing_is_lost_beyond_all_measure(exponent: int, process: surrogate.GaussianProcess) -> None:
    """Best values and bounds of 1e±100 of any sign: finite, or minus infinity where that is so, never NaN."""
    posterior = process.posterior(np.random.default_rng(2).random((5, 2)), gradients=True)
    for size in (10.0**exponent, 10.0**-exponent, -(10.0**exponent)):
        for utility in (LEAST, MOST, Utility(0, "target", size)):
            value, gradient = recommend.LogExpectedImprovement(utility, -abs(size)).evaluate(posterior, gradients=True)
            assert np.isfinite(value).all()
            assert np.isfinite(gradient).all()
        for bound in (OutcomeBound(0, upper=size), OutcomeBound(0, lower=size)):
            for acquisition in (recommend.LogProbabilityFeasible([bound]), recommend.ExpectedExcess([bound])):
                value, gradient = acquisition.evaluate(posterior, gradients=True)
                assert np.isfinite(value).all()
                assert np.isfinite(gradient).all()


def test_the_greatest_of_the_negative_is_the_least() -> None:
    dataset = data()
    up, down = fit(dataset), fit(dataset.with_responses(-dataset.Y))
    X = np.random.default_rng(3).random((12, 2))
    turned = [OutcomeBound(b.response, lower=-b.upper, upper=-b.lower, calibration=b.calibration) for b in BOUNDS]
    least, most = Utility(0, "minimize"), Utility(0, "maximize")
    pairs: list[tuple[recommend.AcquisitionFunction, recommend.AcquisitionFunction]] = [
        (recommend.BestMean(least, 1.0), recommend.BestMean(most, 1.0)),
        (recommend.UpperConfidenceBound(least, 4.0), recommend.UpperConfidenceBound(most, 4.0)),
        (
            recommend.LogExpectedImprovement(least, -4.6, BOUNDS),
            recommend.LogExpectedImprovement(most, -4.6, turned),
        ),
        (recommend.LogProbabilityFeasible(BOUNDS), recommend.LogProbabilityFeasible(turned)),
        (recommend.ExpectedExcess(BOUNDS), recommend.ExpectedExcess(turned)),
        (recommend.MaxValueEntropy(least, MAXIMA), recommend.MaxValueEntropy(most, MAXIMA)),
    ]
    for one, other in pairs:
        a = one.evaluate(up.posterior(X, gradients=True), gradients=True)
        b = other.evaluate(down.posterior(X, gradients=True), gradients=True)
        np.testing.assert_allclose(a[0], b[0], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(a[1], b[1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_the_layout_of_arrays_does_not_matter(name: str, process: surrogate.GaussianProcess) -> None:
    X = np.random.default_rng(5).random((6, 2)).astype(np.float32).astype(np.float64)
    acquisition, _ = CASES[name]
    expected, _ = acquisition.evaluate(process.posterior(X))
    wide = np.zeros((12, 4))
    wide[::2, ::2] = X
    for other in (np.asfortranarray(X), X.astype(np.float32), wide[::2, ::2], X[::-1][::-1], X.tolist()):
        value, _ = acquisition.evaluate(process.posterior(other))
        assert value.dtype == np.float64
        np.testing.assert_array_equal(value, expected)


def test_samples_of_joint_acquisitions_come_from_their_seed(process: surrogate.GaussianProcess) -> None:
    X = np.random.default_rng(6).random((3, 2))
    beside = recommend.beside(process, np.random.default_rng(7).random((4, 2)))
    posterior = beside.posterior(X)
    draws = process.posterior(X, joint=True).sample(200_000, seed=1)[:, :, 0]
    exact = np.log(np.maximum(4.6 - draws.min(axis=1), 0.0).mean())

    def value(seed: int, samples: int) -> float:
        joint = recommend.JointLogExpectedImprovement(beside, LEAST, -4.6, q=3, samples=samples, seed=seed)
        return joint.evaluate(posterior)[0]

    assert value(1, 128) == value(1, 128)
    assert value(1, 128) != value(2, 128)
    assert value(1, 128) == pytest.approx(exact, abs=0.2)
    assert value(1, 4096) == pytest.approx(exact, abs=0.03)
