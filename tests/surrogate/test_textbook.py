"""Gaussian processes against the textbook: the posterior is the prior, conditioned on what was measured.

Nothing here knows a kernel: the prior says how all points hang together, the rest is the conditional of a normal
distribution (Rasmussen and Williams 2006, chapters 2 and 5). The checks are those of Optuna (posterior, what is added
later), limbo (equal samples, left-out runs) and BoTorch (tasks).
"""

import json

import numpy as np
import pytest

from luban import _core, features, recommend, surrogate, testing
from luban.surrogate import GaussianProcess, GaussianProcessOptions

BOX = np.array([[0.0, 0.0], [1.0, 1.0]])
CHANGES: dict[str, dict[str, object]] = {
    "plain": {},
    "warped": {"warped": True},
    "embedded": {"embedded": True},
    "forgetting": {"forgetting": "a"},
    "noise": {"noise_varies": ["b"]},
    "tasks": {"tasks": "kind"},
}


def numbers(n: int = 18) -> features.Dataset:
    """Two inputs and one response; the last runs repeat the first one."""
    random = np.random.default_rng(2)
    X = random.random((n, 2))
    X[-3:] = X[0]
    Y = np.sin(4.0 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * random.standard_normal(n)
    return recommend.array_dataset(X, 50.0 + 7.0 * Y, BOX)


def with_kinds(n: int = 24) -> features.Dataset:
    """Two numeric inputs, three kinds."""
    random = np.random.default_rng(6)
    a, b, kind = random.random(n), random.random(n), (np.arange(n) % 3).astype(np.int32)
    definition = {
        "luban": 1,
        "process": "made up",
        "parameters": [
            {"name": "a", "kind": "continuous", "low": 0, "high": 1},
            {"name": "b", "kind": "continuous", "low": 0, "high": 1},
            {"name": "kind", "kind": "categorical", "categories": ["x", "y", "z"]},
        ],
        "responses": [{"name": "cost"}],
    }
    columns = {
        "run_id": np.array([f"run {k}" for k in range(n)], dtype=object),
        "a": a,
        "b": b,
        "kind": kind,
        "cost": 3.0 + np.sin(4.0 * a) * (1.0 + 0.3 * kind) + b * b + 0.1 * (1.0 + b) * random.standard_normal(n),
    }
    table = _core.Table.from_dict(columns, categories={"kind": ["x", "y", "z"]})
    return features.make_dataset(_core.Process.from_json(json.dumps(definition)), _core.MemorySource(table))


def fitted(data: features.Dataset, preset: str, **changes: object) -> tuple[GaussianProcess, bool]:
    """A short fit, and whether its constant mean is free."""
    model = surrogate.preset(preset, data.encoder, **changes)  # type: ignore[arg-type]
    options = GaussianProcessOptions(model=model, starts=1, max_iterations=15, robust=False)
    return surrogate.fit_gaussian_process(data, options), json.loads(model.model)["mean_variance"] is None


class Textbook:
    """The prior of a process at the data and at X, conditioned on some of the data's rows."""

    def __init__(self, process: GaussianProcess, data: features.Dataset, X: np.ndarray, *, free_mean: bool) -> None:
        prior = process.prior(np.vstack([data.X, X]), joint=True)
        self.n = data.n
        self.y = data.Y[:, 0]
        self.K = prior.covariance(0, "latent")
        between = (prior.variance("run_mean") - prior.variance("latent"))[: self.n, 0]
        known = data.noise_variance
        self.noise = between if known is None else known[:, 0]
        self.level = prior.mean()[0, 0]
        self.free_mean = free_mean

    def given(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Mean and covariance of the latent response at the data and at X; log likelihood of the rows."""
        C = self.K[np.ix_(rows, rows)] + np.diag(self.noise[rows])
        y, ones = self.y[rows], np.ones(len(rows))
        level = ones @ np.linalg.solve(C, y) / (ones @ np.linalg.solve(C, ones)) if self.free_mean else self.level
        gain = np.linalg.solve(C, self.K[rows]).T
        mean = level + gain @ (y - level)
        covariance = self.K - gain @ self.K[rows]
        away = y - level
        log_likelihood = -0.5 * (away @ np.linalg.solve(C, away) + np.linalg.slogdet(2.0 * np.pi * C)[1])
        return mean, covariance, log_likelihood


def same(process: GaussianProcess, X: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> None:
    posterior = process.posterior(X, joint=True)
    unit = float(np.sqrt(process.prior(X).variance("latent").max()))
    np.testing.assert_allclose(posterior.mean()[:, 0], mean, rtol=0, atol=1e-7 * unit)
    np.testing.assert_allclose(posterior.covariance(0, "latent"), covariance, rtol=0, atol=1e-7 * unit**2)
    np.testing.assert_allclose(posterior.variance("latent")[:, 0], np.diag(covariance), rtol=0, atol=1e-7 * unit**2)


def check(data: features.Dataset, preset: str, **changes: object) -> None:
    process, free_mean = fitted(data, preset, **changes)
    X = testing.random_inputs(data.encoder, 6, 3)
    book = Textbook(process, data, X, free_mean=free_mean)
    mean, covariance, log_likelihood = book.given(np.arange(data.n))
    same(process, X, mean[data.n :], covariance[data.n :, data.n :])
    assert process.reports[0].log_likelihood == pytest.approx(log_likelihood, rel=1e-6)
    if data.noise_variance is None:
        check_left_out(process, data, book)


def check_left_out(process: GaussianProcess, data: features.Dataset, book: Textbook) -> None:
    left = process.left_out()[0]
    for i in range(0, data.n, 5):
        mean, covariance, _ = book.given(np.delete(np.arange(data.n), i))
        (at,) = (k for k, run in enumerate(left.runs) if run == data.run_ids[data.run[i]])
        assert left.mean[at] == pytest.approx(mean[i], rel=1e-6)
        assert left.variance[at] == pytest.approx(covariance[i, i] + book.noise[i], rel=1e-6)


@pytest.mark.parametrize("preset", surrogate.preset_descriptions())
def test_posterior_of_every_preset(preset: str) -> None:
    check(numbers(), preset)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("preset", ["luban", "hvarfner"])
def test_posterior_of_every_change(change: str, preset: str) -> None:
    check(with_kinds(), preset, **CHANGES[change])


def test_posterior_with_known_noise() -> None:
    data = numbers()
    variances = np.random.default_rng(1).uniform(0.1, 4.0, data.n)
    check(surrogate.with_noise_variances(data, variances), "hvarfner")


@pytest.mark.parametrize("preset", ["luban", "matern"])
def test_runs_added_later_count_as_if_known_before(preset: str) -> None:
    data = numbers()
    process, free_mean = fitted(data.subset(list(range(10))), preset)
    X = testing.random_inputs(data.encoder, 6, 3)
    now = process
    for run in range(10, data.n):
        now = now.condition_on(data.subset([run]))
    mean, covariance, _ = Textbook(process, data, X, free_mean=free_mean).given(np.arange(data.n))
    same(now, X, mean[data.n :], covariance[data.n :, data.n :])
    for run in (0, 12, 3):
        now = now.forget([data.run_ids[run]])
    kept = np.delete(np.arange(data.n), [0, 12, 3])
    mean, covariance, _ = Textbook(process, data, X, free_mean=free_mean).given(kept)
    same(now, X, mean[data.n :], covariance[data.n :, data.n :])


@pytest.mark.parametrize("copies", [1, 5, 60])
def test_equal_samples_count_as_their_mean(copies: int) -> None:
    """With v what the prior says and s the noise of one: v s / (copies v + s) is left."""
    x = np.array([[0.4, 0.7]])
    y = 20.0 + np.random.default_rng(3).standard_normal(copies)
    process, free_mean = fitted(numbers(), "hvarfner")
    assert free_mean
    alone = process.condition_on(recommend.array_dataset(np.repeat(x, copies, axis=0), y, BOX, first=18))
    alone = alone.forget([str(k) for k in range(18)])
    prior = process.prior(x)
    v = prior.variance("latent")[0, 0]
    s = prior.variance("reading")[0, 0] - v
    posterior = alone.posterior(x)
    assert posterior.mean()[0, 0] == pytest.approx(y.mean(), rel=1e-9)
    assert posterior.variance("latent")[0, 0] == pytest.approx(v * s / (copies * v + s), rel=1e-6)


@pytest.mark.parametrize("preset", ["luban", "hvarfner"])
def test_beliefs_beside_fixed_points_are_one_joint_posterior(preset: str) -> None:
    data = numbers()
    process, free_mean = fitted(data, preset)
    X = testing.random_inputs(data.encoder, 9, 3)
    mean, covariance, _ = Textbook(process, data, X, free_mean=free_mean).given(np.arange(data.n))
    one, other = np.arange(data.n, data.n + 5), np.arange(data.n + 5, data.n + 9)
    beside = recommend.beside(process, X[5:]).posterior(X[:5])
    unit = float(np.sqrt(covariance.max()))
    np.testing.assert_allclose(beside.mean()[:, 0], mean[one], rtol=0, atol=1e-7 * unit)
    np.testing.assert_allclose(beside.cross_covariance(0), covariance[np.ix_(one, other)], rtol=0, atol=1e-7 * unit**2)


@pytest.mark.parametrize("change", ["plain", "warped", "tasks"])
def test_paths_go_through_what_was_measured_all_but_exactly(change: str) -> None:
    data = with_kinds()
    model = surrogate.preset("matern_legacy", data.encoder, **CHANGES[change])  # type: ignore[arg-type]
    options = GaussianProcessOptions(model=model, starts=1, max_iterations=15, robust=False)
    process = surrogate.fit_gaussian_process(data, options, noise_variances=np.full(data.n, 1e-8))
    paths = process.paths(50, seed=2, features=256)
    away = paths.values(data.X)[:, :, 0] - data.Y[:, 0]
    assert np.abs(away).max() < 1e-3
    assert paths.values(testing.random_inputs(data.encoder, 20, 1)).std(axis=0).max() > 0.05


def test_tasks_share_one_course() -> None:
    """Differences between inputs covary as one matrix of inputs times one of tasks; the noise is each task's own.

    Levels, each task's own too, drop out of differences.
    """
    data = with_kinds()
    process, _ = fitted(data, "matern_legacy", tasks="kind")
    points = np.random.default_rng(4).random((7, 2))
    X = np.vstack([np.column_stack([points, np.full(7, float(kind))]) for kind in range(3)])
    prior = process.prior(X, joint=True)
    K = prior.covariance(0, "latent").reshape(3, 7, 3, 7)
    rows = K[:, 1:] - K[:, :1]
    differences = (rows[:, :, :, 1:] - rows[:, :, :, :1]).transpose(0, 2, 1, 3).reshape(9, 36)
    tasks, strength, inputs = np.linalg.svd(differences)
    assert strength[1] < 1e-9 * strength[0]
    of_inputs = inputs[0].reshape(6, 6) * np.sign(inputs[0, 0])  # of a difference with itself: above 0
    of_tasks = tasks[:, 0].reshape(3, 3) * np.sign(tasks[0, 0])
    assert (of_tasks > 0.0).all()  # no negative correlation
    for matrix in (of_inputs, of_tasks):
        np.testing.assert_allclose(matrix, matrix.T, rtol=1e-7, atol=1e-12)
        assert np.linalg.eigvalsh(matrix).min() > 0.0
    noise = (prior.variance("run_mean") - prior.variance("latent"))[:, 0].reshape(3, 7)
    np.testing.assert_allclose(noise, noise[:, :1] * np.ones(7), rtol=1e-9)
    assert len(np.unique(noise[:, 0].round(9))) == 3


def test_correlated_responses_are_one_process_of_all_values() -> None:
    """Each response standardised by itself; then the conditional of one normal distribution over all that was seen."""
    random = np.random.default_rng(9)
    X = random.random((16, 2))
    course = np.sin(4.0 * X[:, 0]) + X[:, 1]
    Y = np.column_stack([course, 300.0 - 20.0 * X[:, 1] + 50.0 * course]) + 0.1 * random.standard_normal((16, 2))
    Y[5:12, 1] = np.nan
    options = GaussianProcessOptions(preset="matern_legacy", starts=1, max_iterations=15, robust=False)
    together = surrogate.fit_correlated_responses(recommend.array_dataset(X, Y, BOX), options)
    artefact = surrogate.Artefact()
    together.write(artefact)
    inside = GaussianProcess.read(artefact)  # of one response more as an input, in its standard deviations
    location, scale = np.nanmean(Y, axis=0), np.nanstd(Y, axis=0)
    seen = np.argwhere(np.isfinite(Y))
    values = ((Y - location) / scale)[seen[:, 0], seen[:, 1]]
    new = random.random((4, 2))
    rows = [np.column_stack([X[seen[:, 0]], seen[:, 1]]), *[np.column_stack([new, np.full(4, r)]) for r in (0, 1)]]
    prior = inside.prior(np.vstack(rows), joint=True)
    K, n = prior.covariance(0, "latent"), len(seen)
    C = K[:n, :n] + np.diag((prior.variance("reading") - prior.variance("latent"))[:n, 0])
    ones = np.ones(n)
    level = ones @ np.linalg.solve(C, values) / (ones @ np.linalg.solve(C, ones))
    gain = np.linalg.solve(C, K[:n, n:]).T
    mean = level + gain @ (values - level)
    variance = np.diag(K[n:, n:] - gain @ K[:n, n:])
    posterior = together.posterior(new)
    np.testing.assert_allclose(posterior.mean(), location + scale * mean.reshape(2, 4).T, rtol=1e-7)
    np.testing.assert_allclose(posterior.variance("latent"), scale**2 * variance.reshape(2, 4).T, rtol=1e-6)
