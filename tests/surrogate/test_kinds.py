"""Kinds of Gaussian process as Python sees them: changed presets, models as data, known variances, many points."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban import _core, features, surrogate, testing
from luban.errors import ConfigurationError, DataError

KINDS = {
    "warped": {"warped": True},
    "embedded": {"embedded": True},
    "forgetting": {"forgetting": "speed"},
    "tasks": {"tasks": "material"},
    "noise": {"noise_varies": True},
    "all": {
        "warped": True,
        "embedded": True,
        "forgetting": "speed",
        "forgotten": 0.01,
        "tasks": "material",
        "noise_varies": ["feed"],
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_conforms(kind: str, data: features.Dataset) -> None:
    changed = surrogate.preset("luban", data.encoder, **KINDS[kind])
    options = surrogate.GaussianProcessOptions(model=changed, starts=1, max_iterations=30)
    fitted = surrogate.fit_gaussian_process(data, options)
    assert fitted.preset == changed.name == options.preset
    testing.check_surrogate(fitted)
    testing.check_surrogate(surrogate.average_over_noise(fitted, data, {"material": "B"}))
    artefact = surrogate.Artefact()
    fitted.write(artefact)
    X = testing.random_inputs(data.encoder, 5, 1)
    again = surrogate.GaussianProcess.read(artefact)
    np.testing.assert_array_equal(again.posterior(X).mean(), fitted.posterior(X).mean())


@given(
    st.sampled_from(["luban", "hebo", "vizier", "optuna", "turbo"]),
    st.fixed_dictionaries(
        {
            "warped": st.booleans(),
            "embedded": st.booleans(),
            "embedding_rank": st.integers(0, 3),
            "forgetting": st.sampled_from(["", "speed"]),
            "forgotten": st.floats(0.0, 0.999),
            "noise_varies": st.one_of(st.booleans(), st.just(["feed"])),
            "tasks": st.sampled_from(["", "material"]),
        }
    ),
)
@settings(max_examples=50)
def test_models_come_back_from_json(data: features.Dataset, name: str, changes: dict[str, object]) -> None:
    changed = surrogate.preset(name, data.encoder, **changes)  # type: ignore[arg-type]
    again = surrogate.Preset(changed.name, changed.model)
    assert json.loads(again.model) == json.loads(changed.model)


def test_a_model_of_ones_own_is_fitted(data: features.Dataset) -> None:
    model = json.loads(surrogate.preset("matern_legacy", data.encoder).model)
    model["factors"][0]["kind"] = "periodic"
    model["factors"][0]["period"] = 3.0
    model["factors"][0]["inputs"] = ["feed"]
    own = surrogate.Preset("mine", json.dumps(model))
    fitted = surrogate.fit_gaussian_process(data, surrogate.GaussianProcessOptions(model=own, starts=1))
    assert fitted.preset == "mine"
    assert fitted.reports[0].hyperparameter_names[:2] == ["log_length:numeric:feed", "log_length:category:material"]


def test_what_cannot_be_is_refused(data: features.Dataset) -> None:
    with pytest.raises(ConfigurationError, match="luban"):
        surrogate.preset("lubam", data.encoder)
    with pytest.raises(ConfigurationError, match="forgotten"):
        surrogate.preset("luban", data.encoder, forgetting="speed", forgotten=1.0)
    wrong = surrogate.GaussianProcessOptions(model=surrogate.preset("luban", data.encoder, tasks="materials"))
    with pytest.raises(ConfigurationError, match="material"):
        surrogate.fit_gaussian_process(data, wrong)
    with pytest.raises(DataError, match="known kernel"):
        surrogate.Preset("mine", surrogate.preset("luban", data.encoder).model.replace('"rbf"', '"rfb"'))


# ---- known variances ----


def test_known_variances_are_taken_as_they_are(data: features.Dataset) -> None:
    options = surrogate.GaussianProcessOptions(preset="matern", starts=1)
    fitted = surrogate.fit_gaussian_process(data, options, noise_variances=np.full(data.n, 0.04))
    X = testing.random_inputs(data.encoder, 4, 1)
    posterior = fitted.posterior(X)
    np.testing.assert_allclose(posterior.variance("reading") - posterior.variance("latent"), 0.04, rtol=1e-9)
    testing.check_surrogate(fitted)
    own = np.tile([0.04, 1.0], (data.n, 1))
    extra = surrogate.GaussianProcessOptions(preset="matern", starts=1, extra_noise=True)
    both = surrogate.fit_gaussian_process(data, extra, noise_variances=own)
    assert [both.within_sd(0), both.within_sd(1)] == pytest.approx([0.2, 1.0])
    assert both.between_sd(0) > 0.0


def test_variances_of_another_shape_are_refused(data: features.Dataset) -> None:
    for wrong in (np.ones(3), np.ones((data.n, 5)), np.ones((data.n, 2, 1)), np.zeros(data.n), np.full(data.n, np.nan)):
        with pytest.raises(DataError):
            surrogate.fit_gaussian_process(data, noise_variances=wrong)


def test_a_dataset_keeps_its_variances(data: features.Dataset) -> None:
    assert data.noise_variance is None
    variance = np.random.default_rng(1).uniform(0.1, 1.0, (data.n, data.m))
    known = surrogate.with_noise_variances(data, variance)
    np.testing.assert_array_equal(known.noise_variance, variance)
    rows = np.isin(known.run, [2, 5])
    np.testing.assert_array_equal(known.subset([2, 5]).noise_variance, variance[rows])
    assert _core.data_digest(known) != _core.data_digest(data)


# ---- many points ----


def test_a_local_process_conforms(data: features.Dataset) -> None:
    options = surrogate.LocalGaussianProcessOptions(neighbours=15, learned_from=50)
    fitted = surrogate.fit_local_gaussian_process(data, options, seed=1)
    testing.check_surrogate(fitted)
    testing.check_surrogate(surrogate.average_over_noise(fitted, data, {"material": "B"}))
    artefact = surrogate.Artefact()
    fitted.write(artefact)
    X = testing.random_inputs(data.encoder, 5, 1)
    again = surrogate.LocalGaussianProcess.read(artefact)
    np.testing.assert_array_equal(again.posterior(X).mean(), fitted.posterior(X).mean())


# ---- responses together ----


def test_correlated_responses_conform(data: features.Dataset) -> None:
    values = data.Y
    values[data.run > 8, 1] = np.nan
    options = surrogate.GaussianProcessOptions(preset="matern", starts=1, max_iterations=40)
    fitted = surrogate.fit_correlated_responses(data.with_responses(values), options, seed=1)
    testing.check_surrogate(fitted)
    testing.check_surrogate(surrogate.average_over_noise(fitted, data, {"material": "B"}))
    correlations = fitted.correlations()
    assert correlations.shape == (2, 2)
    assert 0.0 <= correlations[0, 1] <= 1.0
    artefact = surrogate.Artefact()
    fitted.write(artefact)
    X = testing.random_inputs(data.encoder, 5, 1)
    again = surrogate.CorrelatedResponses.read(artefact)
    np.testing.assert_array_equal(again.posterior(X).mean(), fitted.posterior(X).mean())
