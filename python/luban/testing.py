"""Conformance: what every surrogate, acquisition, recommender and plant must do, whoever wrote it.

:func:`check_surrogate`, :func:`check_acquisition`, :func:`check_joint_acquisition`, :func:`check_recommender` and
:func:`check_plant` are for test suites; they raise ``AssertionError`` with everything that did not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban._conformance.acquisition import Acquisition, check_acquisition, check_joint_acquisition
from luban._conformance.plant import check_plant
from luban._conformance.recommender import check_recommender
from luban._conformance.violations import Violations
from luban.errors import DataError, LifecycleError

if TYPE_CHECKING:
    import numpy.typing as npt

    from luban._core import Posterior, Surrogate

__all__ = [
    "Acquisition",
    "check_acquisition",
    "check_joint_acquisition",
    "check_plant",
    "check_recommender",
    "check_surrogate",
    "random_inputs",
]

_OF = ("latent", "run_mean", "reading")
_STEP = 1e-5
_SAMPLES = 4000


def random_inputs(encoder: _core.Encoder, q: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Draw coded inputs (q, p): numeric ones uniform in [0, 1], categories uniform."""
    generator = np.random.default_rng(seed)
    columns = [
        generator.random(q) if variable.is_numeric else generator.integers(len(variable.categories), size=q)
        for variable in encoder.variables
    ]
    return np.column_stack(columns).astype(np.float64) if columns else np.zeros((q, 0))


def check_surrogate(
    surrogate: Surrogate, X: npt.NDArray[np.float64] | None = None, *, seed: int = 0, tolerance: float = 1e-4
) -> None:
    """Check a surrogate against the contract of ``Surrogate`` and ``Posterior``.

    Shapes; the same answer twice and point by point; latent ≤ run_mean ≤ reading variance; symmetric positive joint
    covariance; gradients against finite differences (relative ``tolerance``); quantiles against densities; moments of
    samples; averages as linear functionals of the joint posterior; the same beside fixed points; errors for what cannot
    be answered. ``X`` (q, p) are coded inputs away from kinks, by default random ones.

    Raises: AssertionError listing everything that did not hold.
    """
    points = random_inputs(surrogate.encoder, 7, seed) if X is None else np.asarray(X, dtype=np.float64)
    check = _Conformance(surrogate, points, seed, tolerance)
    check.run()
    if check.violations:
        raise AssertionError(f"{surrogate.kind}: " + "; ".join(check.violations))


class _Conformance(Violations):
    def __init__(self, surrogate: Surrogate, X: npt.NDArray[np.float64], seed: int, tolerance: float) -> None:
        self.surrogate = surrogate
        self.X = X
        self.q = len(X)
        self.m = len(surrogate.responses)
        self.seed = seed
        self.tolerance = tolerance
        super().__init__()

    def run(self) -> None:
        self.shapes()
        if self.violations:  # nothing else can be compared
            return
        self.determinism()
        self.variances()
        self.joint()
        self.gradients()
        self.distribution()
        self.samples()
        self.averages()
        self.beside()
        self.errors()

    def close(self, got: Any, wanted: Any, otherwise: str, relative: float = 1e-8) -> None:
        scale = max(float(np.max(np.abs(wanted), initial=0.0)), 1e-12)
        difference = float(np.max(np.abs(np.asarray(got) - np.asarray(wanted)), initial=0.0))
        self.expect(difference <= relative * scale, f"{otherwise} (difference {difference:.3g}, scale {scale:.3g})")

    def shapes(self) -> None:
        self.expect(self.surrogate.kind, "kind is empty")
        self.expect(self.m > 0, "no responses")
        self.expect(self.X.shape[1:] == (self.surrogate.encoder.p,), "the encoder's width is not that of the inputs")
        for rows in (self.q, 1, 0):
            posterior = self.surrogate.posterior(self.X[:rows])
            self.expect((posterior.q, posterior.m) == (rows, self.m), f"q, m are wrong for {rows} points")
            self.expect(posterior.mean().shape == (rows, self.m), f"mean is not (q, m) for {rows} points")
            for of in _OF:
                self.expect(posterior.variance(of).shape == (rows, self.m), f"variance of {of} is not (q, m)")

    def determinism(self) -> None:
        first, second = self.surrogate.posterior(self.X), self.surrogate.posterior(self.X)
        self.expect(np.array_equal(first.mean(), second.mean()), "the same question has another mean")
        self.expect(np.array_equal(first.variance(), second.variance()), "the same question has another variance")
        single = [self.surrogate.posterior(self.X[i : i + 1]) for i in range(self.q)]
        self.close(np.vstack([p.mean() for p in single]), first.mean(), "a point's mean depends on its neighbours")
        alone = np.vstack([p.variance("latent") for p in single])
        self.close(alone, first.variance("latent"), "a point's variance depends on its neighbours", 1e-6)

    def variances(self) -> None:
        posterior = self.surrogate.posterior(self.X)
        latent, run_mean, reading = (posterior.variance(of) for of in _OF)
        self.expect(np.isfinite(posterior.mean()).all(), "a mean is not finite")
        self.expect(np.isfinite(reading).all() and (latent >= 0.0).all(), "a variance is negative or not finite")
        self.expect((latent <= run_mean).all(), "latent variance exceeds that of a run mean")
        self.expect((run_mean <= reading).all(), "variance of a run mean exceeds that of a reading")

    def joint(self) -> None:
        posterior = self.surrogate.posterior(self.X, joint=True)
        self.close(posterior.mean(), self.surrogate.posterior(self.X).mean(), "the joint posterior has another mean")
        for response in range(self.m):
            for of in _OF:
                covariance = posterior.covariance(response, of)
                self.expect(covariance.shape == (self.q, self.q), "covariance is not (q, q)")
                self.close(covariance.T, covariance, "covariance is not symmetric", 1e-10)
                self.close(np.diag(covariance), posterior.variance(of)[:, response], f"diagonal is not variance: {of}")
                lowest, highest = np.linalg.eigvalsh(covariance)[[0, -1]]
                self.expect(lowest >= -1e-7 * abs(highest), f"covariance has the eigenvalue {lowest:.3g}")
        marginal = self.surrogate.posterior(self.X)
        self.refuses(LifecycleError, lambda: marginal.covariance(0), "covariance came without joint=True")

    def gradients(self) -> None:
        posterior = self.surrogate.posterior(self.X, gradients=True)
        numeric = [variable.is_numeric for variable in self.surrogate.encoder.variables]
        for response in range(self.m):
            means, variances = posterior.mean_gradient(response), posterior.variance_gradient(response)
            if means.shape != self.X.shape or variances.shape != self.X.shape:
                self.violations.append("gradients are not (q, p)")
                return
            for column in range(self.X.shape[1]):
                name = self.surrogate.encoder.variables[column].name
                if numeric[column]:
                    mean_slope, variance_slope = self.slopes(response, column)
                    self.near(means[:, column], mean_slope, f"gradient of the mean by {name}")
                    self.near(variances[:, column], variance_slope, f"gradient of the variance by {name}")
                elif self.surrogate.encoder.variables[column].kind.name == "categorical":
                    flat = not means[:, column].any() and not variances[:, column].any()
                    self.expect(flat, f"gradient by the category {name} is not 0")
        marginal = self.surrogate.posterior(self.X)
        self.refuses(LifecycleError, lambda: marginal.mean_gradient(0), "gradients came without gradients=True")

    def slopes(self, response: int, column: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        shift = np.zeros_like(self.X)
        shift[:, column] = _STEP
        above, below = self.surrogate.posterior(self.X + shift), self.surrogate.posterior(self.X - shift)
        mean = (above.mean() - below.mean())[:, response] / (2 * _STEP)
        variance = (above.variance("latent") - below.variance("latent"))[:, response] / (2 * _STEP)
        return mean, variance

    def near(self, got: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], what: str) -> None:
        # Where nothing changes, differences only see rounding of values divided by the step.
        marginal = self.surrogate.posterior(self.X)
        rounding = 1e-15 * float(np.abs(marginal.mean()).max() + marginal.variance().max()) / _STEP
        allowed = self.tolerance * float(np.abs(wanted).max()) + 100 * rounding
        worst = float(np.abs(got - wanted).max())
        self.expect(worst <= allowed, f"{what} misses the finite difference by {worst:.3g}")

    def distribution(self) -> None:
        posterior = self.surrogate.posterior(self.X)
        missing = np.full((self.q, self.m), np.nan)
        self.expect(np.isnan(posterior.log_density(missing)).all(), "density of a missing value is not NaN")
        low, median, high = (posterior.quantile(p) for p in (0.05, 0.5, 0.95))
        self.expect((low < median).all() and (median < high).all(), "quantiles do not ascend")
        grid = np.linspace(0.0, 1.0, 401)[:, None, None]
        values = low + grid * (high - low)
        density = np.exp(np.stack([posterior.log_density(value) for value in values]))
        inside = _trapezoid(density)
        self.close(inside * (high - low), np.full_like(low, 0.9), "quantiles and density disagree", 1e-3)

    def samples(self) -> None:
        posterior = self.surrogate.posterior(self.X, joint=True)
        for of in _OF:
            drawn = posterior.sample(_SAMPLES, seed=self.seed, of=of)
            self.expect(drawn.shape == (_SAMPLES, self.q, self.m), f"samples of {of} are not (s, q, m)")
            for response in range(self.m):
                self.sample_moments(posterior, drawn[:, :, response], response, of)
        again = posterior.sample(3, seed=self.seed)
        self.expect(np.array_equal(again, posterior.sample(3, seed=self.seed)), "the same seed gives other samples")
        self.expect(not np.array_equal(again, posterior.sample(3, seed=self.seed + 1)), "all seeds give one sample")

    def sample_moments(self, posterior: Posterior, drawn: npt.NDArray[np.float64], response: int, of: str) -> None:
        # Six standard errors: a right surrogate fails once in some hundred million comparisons.
        covariance = posterior.covariance(response, of)
        sd = np.sqrt(np.diag(covariance))
        off = np.abs(drawn.mean(axis=0) - posterior.mean()[:, response])
        self.expect((off <= 6 * sd / np.sqrt(_SAMPLES) + 1e-9 * (1 + sd)).all(), f"mean of samples of {of} is off")
        seen = np.atleast_2d(np.cov(drawn.T))
        error = np.sqrt((covariance**2 + np.outer(sd**2, sd**2)) / _SAMPLES)
        right = np.abs(seen - covariance) <= 6 * error + 1e-6 * np.outer(sd, sd) + 1e-18
        self.expect(right.all(), f"covariance of samples of {of} is off")

    def averages(self) -> None:
        pairs = self.q // 2
        weights = np.array([0.3, 0.7])
        rows = self.X[: 2 * pairs]
        average = self.surrogate.average(rows, weights, joint=True)
        whole = self.surrogate.posterior(rows, joint=True)
        functional = np.kron(np.eye(pairs), weights)
        self.close(average.mean(), functional @ whole.mean(), "an average's mean is not w'μ", 1e-7)
        for response in range(self.m):
            wanted = functional @ whole.covariance(response) @ functional.T
            self.close(average.covariance(response), wanted, "an average's covariance is not w'Σw", 1e-6)
        # A reading is taken at one of the levels: law of total variance.
        means, each = whole.mean(), whole.variance("reading")
        around = np.stack([means[i::2] - average.mean() for i in range(2)])
        wanted = np.tensordot(weights, around**2 + np.stack([each[i::2] for i in range(2)]), axes=1)
        self.close(average.variance("reading"), wanted, "an average's reading is not one at one of the levels", 1e-6)

    def beside(self) -> None:
        surrogate: object = self.surrogate
        if not isinstance(surrogate, _core.Surrogate):  # written in Python: there is no such question
            return
        fixed, rest = self.X[: self.q // 2], self.X[self.q // 2 :]
        whole = self.surrogate.posterior(self.X, joint=True)
        around = _core.beside(surrogate, fixed).posterior(rest)
        self.close(around.mean(), whole.mean()[len(fixed) :], "beside fixed points the mean is another", 1e-7)
        for response in range(self.m):
            wanted = whole.covariance(response)[len(fixed) :, : len(fixed)]
            sd = float(np.sqrt(whole.variance("latent")[:, response].max()))
            off = float(np.abs(around.cross_covariance(response) - wanted).max(initial=0.0))
            self.expect(off <= 1e-6 * sd * sd, f"the covariance with fixed points is another by {off:.3g}")

    def errors(self) -> None:
        wide = np.column_stack([self.X, np.zeros(self.q)])
        self.refuses(DataError, lambda: self.surrogate.posterior(wide), "a column too many was accepted")
        for column, variable in enumerate(self.surrogate.encoder.variables):
            for value in (np.nan, np.inf, *(() if variable.is_numeric else (-1.0, 0.5, len(variable.categories)))):
                wrong = self.X.copy()
                wrong[0, column] = value
                what = f"{value} was accepted for {variable.name}"
                self.refuses(DataError, lambda X=wrong: self.surrogate.posterior(X), what)  # type: ignore[misc]


def _trapezoid(density: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Integrate over the first axis of 401 points."""
    out: npt.NDArray[np.float64] = (density.sum(axis=0) - 0.5 * (density[0] + density[-1])) / 400
    return out
