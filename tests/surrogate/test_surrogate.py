"""The surrogates as Python sees them."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban import features, recommend, surrogate, testing
from luban.errors import ConfigurationError, DataError, IntegrityError, IoError


@pytest.fixture(scope="module")
def process(data: features.Dataset) -> surrogate.GaussianProcess:
    return surrogate.fit_gaussian_process(data, seed=1)


@pytest.fixture(scope="module", params=["luban", "hvarfner", "trivial", "ridge", "quadratic", "averaged"])
def fitted(request: pytest.FixtureRequest, data: features.Dataset) -> surrogate.Surrogate:
    kind = request.param
    if kind == "trivial":
        return surrogate.fit_trivial(data)
    if kind in ("ridge", "quadratic"):
        return surrogate.fit_ridge(data, quadratic=kind == "quadratic")
    if kind == "averaged":
        return surrogate.average_over_noise(surrogate.fit_gaussian_process(data), data, {"material": "B"})
    return surrogate.fit_gaussian_process(data, surrogate.GaussianProcessOptions(preset=kind))


def test_every_surrogate_conforms(fitted: surrogate.Surrogate) -> None:
    testing.check_surrogate(fitted)


class Broken:
    """A surrogate with one fault, around a right one."""

    def __init__(self, right: surrogate.Surrogate, fault: str) -> None:
        self._right = right
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._right, name)

    def posterior(self, X: np.ndarray, *, gradients: bool = False, joint: bool = False) -> Any:
        right = self._right.posterior(X, gradients=gradients, joint=joint)
        return BrokenPosterior(right, self._fault)


class BrokenPosterior:
    def __init__(self, right: surrogate.Posterior, fault: str) -> None:
        self._right = right
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._right, name)

    def mean(self) -> np.ndarray:
        return self._right.mean()[:, :1] if self._fault == "shape" else self._right.mean()

    def variance(self, of: str = "reading") -> np.ndarray:
        swapped = {"latent": "reading", "reading": "latent"} if self._fault == "kinds" else {}
        return self._right.variance(swapped.get(of, of))

    def mean_gradient(self, response: int) -> np.ndarray:
        return self._right.mean_gradient(response) * (1.01 if self._fault == "gradient" else 1.0)

    def sample(self, s: int, seed: int, of: str = "latent") -> np.ndarray:
        drawn = self._right.sample(s, seed, of)
        return drawn + 1.0 if self._fault == "samples" else drawn


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("shape", "mean is not"),
        ("kinds", "latent variance exceeds"),
        ("gradient", "misses the finite difference"),
        ("samples", "mean of samples"),
    ],
)
def test_the_conformance_suite_sees_faults(process: surrogate.GaussianProcess, fault: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        testing.check_surrogate(Broken(process, fault))  # type: ignore[arg-type]


def test_a_fit_says_what_it_did(process: surrogate.GaussianProcess, data: features.Dataset) -> None:
    report = process.reports[0]
    assert (report.readings, report.points, report.runs, report.gross_errors) == (data.n, 81, 27, 0)
    assert len(report.hyperparameters) == len(report.hyperparameter_names)
    assert process.kind == "gaussian_process"
    assert process.within_sd(0) == pytest.approx(0.1, rel=0.25)
    assert [one.unit for one in process.responses] == ["um", "N"]


def test_a_fit_is_the_same_for_any_number_of_threads(data: features.Dataset) -> None:
    fits = [surrogate.fit_gaussian_process(data, surrogate.GaussianProcessOptions(threads=k), seed=4) for k in (1, 2)]
    for a, b in zip(fits[0].reports, fits[1].reports, strict=True):
        np.testing.assert_array_equal(a.hyperparameters, b.hyperparameters)


def test_a_warm_start_finds_the_same_optimum(process: surrogate.GaussianProcess, data: features.Dataset) -> None:
    warm = surrogate.GaussianProcessOptions(starts=1, warm_starts=[r.hyperparameters for r in process.reports])
    again = surrogate.fit_gaussian_process(data, warm)
    for a, b in zip(process.reports, again.reports, strict=True):
        assert b.log_posterior == pytest.approx(a.log_posterior, abs=1e-3)
        assert b.evaluations < a.evaluations


def test_the_prior_is_wider_than_the_posterior(process: surrogate.GaussianProcess) -> None:
    X = testing.random_inputs(process.encoder, 9)
    assert (process.prior(X).variance("latent") > process.posterior(X).variance("latent")).all()


def test_progress_is_told(data: features.Dataset) -> None:
    told: list[tuple[str, int, int]] = []
    surrogate.fit_gaussian_process(data, progress=lambda *now: told.append(now))
    assert told[-1] == ("fit responses", 2, 2)


def test_presets_describe_themselves() -> None:
    described = surrogate.preset_descriptions()
    assert next(iter(described)) == surrogate.GaussianProcessOptions().preset
    assert all(text.endswith(".") for text in described.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [({"preset": "lubann"}, "luban"), ({"starts": 0}, "starts"), ({"warm_starts": [np.zeros(3)]}, "warm")],
)
def test_wrong_options_are_refused(data: features.Dataset, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        surrogate.fit_gaussian_process(data, surrogate.GaussianProcessOptions(**options))


def test_a_response_without_values_is_refused(data: features.Dataset) -> None:
    Y = data.Y
    Y[:, 1] = np.nan
    with pytest.raises(DataError):
        surrogate.fit_gaussian_process(data.with_responses(Y))


def test_wrong_questions_are_refused(process: surrogate.GaussianProcess) -> None:
    posterior = process.posterior(testing.random_inputs(process.encoder, 2), joint=True)
    with pytest.raises(ConfigurationError, match="run_mean"):
        posterior.variance("total")
    with pytest.raises(ConfigurationError, match="probability"):
        posterior.quantile(1.0)
    with pytest.raises(ConfigurationError, match="samples"):
        posterior.sample(-1, seed=0)
    with pytest.raises(DataError, match="values"):
        posterior.log_density(np.zeros((3, 2)))


def test_other_responses_of_the_same_readings(data: features.Dataset) -> None:
    other = data.with_responses(2.0 * data.Y)
    np.testing.assert_array_equal(other.Y, 2.0 * data.Y)
    np.testing.assert_array_equal(other.X, data.X)
    with pytest.raises(DataError, match="324, 2"):
        data.with_responses(data.Y[:, :1])


def test_noise_levels_are_those_observed(data: features.Dataset) -> None:
    named = surrogate.observed_noise_levels(data, {"material": "A"}, min_runs=5)
    coded = surrogate.observed_noise_levels(data, [0.0], min_runs=5)
    np.testing.assert_array_equal(named.levels, coded.levels)
    np.testing.assert_allclose(named.weights, 1 / 3)
    with pytest.raises(ConfigurationError, match="material"):
        surrogate.observed_noise_levels(data, {"materiel": "A"})
    with pytest.raises(DataError):
        surrogate.observed_noise_levels(data, {"material": "Z"})


@given(weights=st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3))
def test_an_average_is_within_its_parts(process: surrogate.GaussianProcess, weights: list[float]) -> None:
    X = testing.random_inputs(process.encoder, 3)
    w = np.array(weights) / sum(weights)
    parts, average = process.posterior(X), process.average(X, w)
    assert (average.mean() >= parts.mean().min(axis=0) - 1e-9).all()
    assert (average.mean() <= parts.mean().max(axis=0) + 1e-9).all()
    assert (average.variance("latent") <= parts.variance("latent").max(axis=0) * (1 + 1e-9)).all()


@pytest.fixture
def stored(process: surrogate.GaussianProcess, tmp_path: Path) -> Path:
    artefact = surrogate.Artefact()
    process.write(artefact)
    artefact.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The published layout, by struct alone: header length, JSON header, raw little-endian arrays."""
    blob = path.read_bytes()
    (length,) = struct.unpack_from("<Q", blob)
    header = json.loads(blob[8 : 8 + length])
    types = {"F64": "<f8", "F32": "<f4", "I64": "<i8"}
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            raw = blob[8 + length + begin : 8 + length + end]
            arrays[name] = np.frombuffer(raw, dtype=types[entry["dtype"]]).reshape(entry["shape"])
    return arrays, header["__metadata__"]


def test_an_artefact_is_a_safetensors_file(stored: Path, process: surrogate.GaussianProcess) -> None:
    arrays, metadata = read_safetensors(stored)
    loaded = surrogate.Artefact.load(stored)
    assert set(arrays) == set(loaded.tensors)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded.tensors[name], array)
    assert all(isinstance(value, str) for value in metadata.values())
    assert json.loads(metadata["luban"]) == json.loads(loaded.metadata)
    thetas = [array for name, array in arrays.items() if array.shape == process.reports[0].hyperparameters.shape]
    assert any(np.array_equal(theta, process.reports[0].hyperparameters) for theta in thetas)


def test_a_loaded_process_answers_alike(stored: Path, process: surrogate.GaussianProcess) -> None:
    back = surrogate.GaussianProcess.read(surrogate.Artefact.load(stored))
    X = testing.random_inputs(process.encoder, 20)
    np.testing.assert_array_equal(back.posterior(X).mean(), process.posterior(X).mean())
    np.testing.assert_array_equal(back.posterior(X).variance(), process.posterior(X).variance())


@pytest.mark.parametrize("quiet", [0, 1])
def test_a_quiet_response_is_fitted_again_with_a_free_amplitude(quiet: int) -> None:
    random = np.random.default_rng(7)
    X = random.random((40, 2))
    smooth = 50.0 * np.sin(2.0 * X[:, 0]) + 20.0 * X[:, 1] ** 2
    Y = np.column_stack([smooth, smooth + 15.0 * random.standard_normal(40)])[:, [quiet, 1 - quiet]]
    data = recommend.array_dataset(X, Y, np.array([[0.0, 0.0], [1.0, 1.0]]))
    fitted = surrogate.fit_gaussian_process(data, surrogate.GaussianProcessOptions(preset="matern", robust=False))
    for index, report in enumerate(fitted.reports):
        theta = dict(zip(report.hyperparameter_names, report.hyperparameters, strict=True))
        assert (theta["log_variance:signal"] != 0.0) == (index == quiet)
    artefact = surrogate.Artefact()
    fitted.write(artefact)
    back = surrogate.GaussianProcess.read(artefact)
    new = random.random((9, 2))
    np.testing.assert_array_equal(back.posterior(new).mean(), fitted.posterior(new).mean())
    np.testing.assert_array_equal(back.posterior(new).variance(), fitted.posterior(new).variance())
    more = recommend.array_dataset(new, Y[:9], np.array([[0.0, 0.0], [1.0, 1.0]]), first=40)
    np.testing.assert_allclose(
        back.condition_on(more).posterior(X).mean(), fitted.condition_on(more).posterior(X).mean(), rtol=1e-12
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.8, 0.999])
def test_a_tampered_artefact_is_refused(stored: Path, share: float) -> None:
    blob = bytearray(stored.read_bytes())
    blob[int(share * len(blob))] ^= 1
    stored.write_bytes(blob)
    with pytest.raises(IntegrityError):
        surrogate.Artefact.load(stored)


def test_what_is_no_artefact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IoError):
        surrogate.Artefact.load(tmp_path / "absent.safetensors")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(IntegrityError):
        surrogate.Artefact.load(tmp_path / "empty")
    with pytest.raises(IntegrityError):
        surrogate.GaussianProcess.read(surrogate.Artefact())
    with pytest.raises(DataError, match="float64"):
        surrogate.Artefact().tensors = {"a": np.zeros(2, dtype=np.int8)}


def test_variants_of_the_kernels_are_named() -> None:
    assert surrogate.simd_level() in surrogate.available_simd_levels()
