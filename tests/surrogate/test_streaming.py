"""Gaussian processes that take new runs and leave old ones out, as Python sees them."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luban import features, surrogate, testing
from luban.errors import ConfigurationError, DataError

OPTIONS = surrogate.GaussianProcessOptions(starts=1, max_iterations=15, robust=False)
FIRST = 15


def _runs(data: features.Dataset, first: int, end: int) -> features.Dataset:
    return data.subset(list(range(first, end)))


@pytest.fixture(scope="module")
def process(data: features.Dataset) -> surrogate.GaussianProcess:
    return surrogate.fit_gaussian_process(_runs(data, 0, FIRST), OPTIONS)


def _same(a: surrogate.GaussianProcess, b: surrogate.GaussianProcess) -> None:
    X = testing.random_inputs(a.encoder, 20)
    scale = np.sqrt(a.prior(X).variance("latent"))
    one, two = a.posterior(X), b.posterior(X)
    np.testing.assert_array_less(np.abs(one.mean() - two.mean()) / scale, 1e-8)
    np.testing.assert_array_less(np.abs(one.variance("latent") - two.variance("latent")) / scale**2, 1e-8)


def test_a_conditioned_process_conforms(process: surrogate.GaussianProcess, data: features.Dataset) -> None:
    now = process.condition_on(_runs(data, FIRST, 27))
    assert isinstance(now, surrogate.GaussianProcess)
    assert now.run_ids() == data.run_ids
    assert [report.runs for report in process.reports] == [FIRST, FIRST]
    testing.check_surrogate(now)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(FIRST, 27)), cuts=st.sets(st.integers(1, 11)))
def test_pieces_and_order_change_nothing(
    process: surrogate.GaussianProcess, data: features.Dataset, order: list[int], cuts: set[int]
) -> None:
    now = process
    edges = [0, *sorted(cuts), 12]
    for first, end in itertools.pairwise(edges):
        now = now.condition_on(data.subset(sorted(order[first:end])))
    _same(now, process.condition_on(_runs(data, FIRST, 27)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(leaving=st.sets(st.integers(0, 26), min_size=1, max_size=26), hidden=st.integers(0, 2**12 - 1))
def test_what_was_forgotten_comes_back(
    process: surrogate.GaussianProcess, data: features.Dataset, leaving: set[int], hidden: int
) -> None:
    Y = data.Y
    for run in range(FIRST, 27):  # some runs without a force
        if hidden >> (run - FIRST) & 1:
            Y[data.run == run, 1] = np.nan
    partly = data.with_responses(Y)
    now = process.condition_on(_runs(partly, FIRST, 27))
    names = [data.run_ids[run] for run in leaving]
    if not set(now.run_ids(1)) - set(names):
        with pytest.raises(DataError, match="one run that stays"):
            now.forget(names)
        return
    less = now.forget(names)
    assert set(less.run_ids()) == set(data.run_ids) - set(names)
    _same(less.condition_on(partly.subset(sorted(leaving))), now)


def test_left_out_runs_are_predicted_by_the_others(process: surrogate.GaussianProcess) -> None:
    runs = process.run_ids()
    left = process.left_out([runs[:3]])[0]
    among = np.isin(left.runs, runs[:3])
    rest = process.forget(runs[:3]).posterior(left.X[among])
    np.testing.assert_allclose(left.mean[among], rest.mean()[:, 0], rtol=1e-8)
    np.testing.assert_allclose(left.latent_variance[among], rest.variance("latent")[:, 0], rtol=1e-7)
    assert (left.variance > left.latent_variance).all()
    assert left.readings.sum() == process.reports[0].readings
    with pytest.raises(ConfigurationError, match="twice"):
        process.left_out([runs[:2], runs[1:3]])


def test_innovations_are_about_one(process: surrogate.GaussianProcess, data: features.Dataset) -> None:
    for one in process.innovations(_runs(data, FIRST, 27)):
        assert len(one.runs) == len(one.standardised) == 36
        assert 0.4 < np.sqrt(np.mean(one.standardised**2)) < 2.5


def test_paths_are_functions(process: surrogate.GaussianProcess) -> None:
    X = testing.random_inputs(process.encoder, 6)
    paths = process.paths(400, seed=3, features=512)
    values = paths.values(X)
    assert (paths.count, paths.m, values.shape) == (400, 2, (400, 6, 2))
    posterior = process.posterior(X)
    sd = np.sqrt(posterior.variance("latent"))
    assert (np.abs(values.mean(axis=0) - posterior.mean()) < 4.5 * sd / 20.0).all()
    step = np.zeros_like(X)
    step[:, 0] = 1e-6
    slope = (paths.values(X + step) - paths.values(X - step))[7, :, 1] / 2e-6
    np.testing.assert_allclose(paths.gradient(X, 7, 1)[:, 0], slope, rtol=1e-4, atol=1e-4)
    with pytest.raises(ConfigurationError, match="count"):
        process.paths(0, seed=1)


def test_a_fit_goes_on_from_an_earlier_one(process: surrogate.GaussianProcess, data: features.Dataset) -> None:
    options = surrogate.GaussianProcessOptions(robust=False)
    warm = surrogate.fit_gaussian_process(data, options, start_from=surrogate.fit_gaussian_process(data, options))
    cold = surrogate.fit_gaussian_process(data, options)
    for a, b in zip(warm.reports, cold.reports, strict=True):
        assert a.log_posterior == pytest.approx(b.log_posterior, abs=0.01)
        assert a.evaluations < b.evaluations / 2
    assert surrogate.fit_gaussian_process(data, start_from=process).preset == process.preset


def test_updating_says_when_a_refit_is_due(data: features.Dataset) -> None:
    options = surrogate.UpdatingOptions(fit=OPTIONS, look_back=9, refit_after=4, window=20)
    now = surrogate.Updating.fit(_runs(data, 0, FIRST), options)
    assert not now.advice.due
    for run in range(FIRST, FIRST + 4):
        now = now.add(_runs(data, run, run + 1))
    assert (now.advice.due, now.advice.reason, now.advice.runs) == (True, surrogate.RefitReason.runs, 4)
    assert now.advice.sentence == "A refit is due: 4 runs came since the last fit."
    again = now.refit()
    assert not again.advice.due
    assert again.surrogate.reports[0].runs == 19
    moved = _runs(data, 20, 22)
    moved = moved.with_responses(moved.Y + np.array([3.0, 0.0]))
    shifted = again.add(moved)
    assert shifted.data.run_ids == data.run_ids[1:19] + data.run_ids[20:22]
    assert shifted.advice.reason is surrogate.RefitReason.innovations
    assert shifted.advice.response == "roughness"
    assert shifted.advice.p_value < options.level
    assert len(shifted.innovations[0].runs) == 6
    back = shifted.forget(data.run_ids[20:22])
    assert back.data.run_ids == data.run_ids[1:19]
    with pytest.raises(ConfigurationError, match="look_back"):
        surrogate.Updating(now.surrogate, now.data, surrogate.UpdatingOptions(look_back=0))
