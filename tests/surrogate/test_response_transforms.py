"""Transforms of responses as Python sees them: there and back, the Jacobian, surrogates that learn them."""

import json
import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from luban import _core, features, surrogate, testing
from luban.errors import ConfigurationError, DataError

POSITIVE = ["log", "box_cox", "log+standardise"]
ANY = [
    "none",
    "standardise",
    "shifted_log",
    "yeo_johnson",
    "bilog",
    "winsorise",
    "winsorise_deviations",
    "winsorise+yeo_johnson",
    "bilog+standardise",
]
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
UNITS = st.sampled_from([1e-12, 1e-3, 1.0, 1e6, 1e12])


def test_every_transform_is_described() -> None:
    described = surrogate.response_transform_descriptions()
    parts = {part for name in [*POSITIVE, *ANY, "log_warp_high", "log_warp_low"] for part in name.split("+")}
    assert set(described) == parts
    assert all(text.endswith(".") for text in described.values())


@given(st.lists(NUMBERS, min_size=1, max_size=40), st.sampled_from(ANY), UNITS)
@example([-563.0], "shifted_log", 1e12)  # one value: its rounding is more than a unit
def test_there_and_back(values: list[float], name: str, unit: float) -> None:
    y = unit * np.array(values)
    transform = surrogate.fit_response_transform(name, y)
    z = transform.forward(y)
    assert np.isfinite(z).all()
    scale = np.abs(y).max() + np.ptp(y) if np.ptp(y) > 1e-200 else 1.0 + np.abs(y).max()  # constant: the unit itself
    np.testing.assert_allclose(transform.inverse(z), y, rtol=1e-7, atol=1e-9 * scale)


@given(st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=40), st.sampled_from(POSITIVE), UNITS)
def test_there_and_back_of_positive_values(values: list[float], name: str, unit: float) -> None:
    y = unit * np.array(values)
    transform = surrogate.fit_response_transform(name, y)
    np.testing.assert_allclose(transform.inverse(transform.forward(y)), y, rtol=1e-7)
    assert np.isnan(transform.forward(np.array([-unit, math.nan]))).all()


@given(st.lists(NUMBERS, min_size=6, max_size=40), st.sampled_from([*ANY, "log_warp_high", "log_warp_low"]), NUMBERS)
def test_increasing_and_the_jacobian_is_its_slope(values: list[float], name: str, at: float) -> None:
    y = np.array(values)
    assume(np.ptp(y) > 1e-3)
    transform = surrogate.fit_response_transform(name, y)
    jacobian = float(np.exp(transform.log_jacobian(at)))
    step = 1e-5 / jacobian  # z moves by 1e-5: its unit is the spread of the data
    assume(step > 1e-8 * abs(at))  # also false where the domain has ended
    low, middle, high = (float(transform.forward(at + shift)) for shift in (-step, 0.0, step))
    assume(not math.isnan(low + high))
    assert low < middle < high
    rounding = 1e-14 * (abs(low) + abs(high) + jacobian * abs(at)) / step
    assert (high - low) / (2.0 * step) == pytest.approx(jacobian, rel=1e-3, abs=rounding)
    assert float(transform.inverse_slope(middle)) == pytest.approx(1.0 / jacobian, rel=1e-6)


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.sampled_from([*ANY, "log_warp_high"]))
def test_json_keeps_every_bit(values: list[float], name: str) -> None:
    y = np.array(values)
    transform = surrogate.fit_response_transform(name, y)
    again = _core.ResponseTransform.from_json(transform.to_json())
    assert again.name == transform.name == name
    np.testing.assert_array_equal(again.forward(y), transform.forward(y))
    np.testing.assert_array_equal(again.training_value(y), transform.training_value(y))


def test_shapes_of_arrays_are_kept_and_missing_values_stay_missing() -> None:
    transform = surrogate.fit_response_transform("yeo_johnson", [1.0, math.nan, 2.0, 4.0, 9.0, 30.0])
    y = np.array([[1.0, math.nan, 3.0], [2.0, 5.0, 7.0]])
    assert transform.forward(y).shape == (2, 3)
    assert np.isnan(transform.forward(y)[0, 1])
    assert np.isnan(transform.training_value(y)[0, 1])


def test_errors_name_row_and_response() -> None:
    with pytest.raises(DataError, match=r"row 1, response \"Ra\""):
        surrogate.fit_response_transform("log", [1.0, 0.0, 2.0], response="Ra")
    with pytest.raises(DataError, match="row 0"):
        surrogate.fit_response_transform("bilog", [math.inf])
    with pytest.raises(ConfigurationError, match="yeo_johnson"):
        surrogate.fit_response_transform("yeo_jonson", [1.0])
    with pytest.raises(ConfigurationError, match="winsorise_share"):
        surrogate.fit_response_transform("winsorise", [1.0], surrogate.ResponseTransformOptions(winsorise_share=0.7))
    with pytest.raises(DataError):
        _core.ResponseTransform.from_json(json.dumps({"name": "bilog", "scale": -1.0}))


@pytest.mark.parametrize(
    "transforms",
    ["log", "yeo_johnson", "box_cox", "bilog", "winsorise+yeo_johnson", "log_warp_low", ["none", "log"]],
    ids=str,
)
def test_surrogates_of_transformed_responses_conform(data: features.Dataset, transforms: str | list[str]) -> None:
    fitted = surrogate.fit_transformed(data, transforms, seed=1)
    assert fitted.kind == "transformed gaussian_process"
    assert [column.unit for column in fitted.responses] == ["um", "N"]
    assert isinstance(fitted.inner, surrogate.GaussianProcess)
    testing.check_surrogate(fitted)


def test_averages_over_noise_conform(data: features.Dataset) -> None:
    fitted = surrogate.fit_transformed(data, "log", seed=1)
    testing.check_surrogate(surrogate.average_over_noise(fitted, data, {"material": "B"}))


def test_automatic_says_what_it_tried(data: features.Dataset) -> None:
    options = surrogate.TransformedOptions(choice=surrogate.TransformChoiceOptions(candidates=["log"], folds=3))
    fitted = surrogate.fit_transformed(data, ["auto", "log"], options=options, seed=1)
    first, second = fitted.choices
    assert [trial.name for trial in first.trials] == ["none", "log"]
    assert first.trials[0].lead == 0.0
    assert first.chosen == fitted.transforms[0].name
    assert not second.trials
    again = surrogate.choose_response_transforms(data, options=options.choice, seed=1)
    assert [trial.name for trial in again[1].trials] == ["none", "log"]
    with pytest.raises(ConfigurationError, match="clip"):
        surrogate.choose_response_transforms(data, options=surrogate.TransformChoiceOptions(candidates=["winsorise"]))
