"""What a model answers: labels, units, the three kinds of spread, averages over noise, novelty, clear refusals."""

import json

import numpy as np
import pandas as pd
import pytest

from luban import _core
from luban._fitting.inputs import coded_inputs
from luban.errors import ConfigurationError, DataError, UnitError
from luban.fitting import Model, fit
from luban.history import History
from luban.process import NoiseVariable, Parameter, Process, Response


@pytest.fixture
def points() -> pd.DataFrame:
    return pd.DataFrame(
        {"speed": [150.0, 250.0, 220.0], "feed": [0.08, 0.12, 0.1], "wear": ["New", "Worn", "New"]},
        index=["a", "b", "c"],
    )


def test_the_answer_is_labelled_and_in_the_process_s_units(model: Model, points: pd.DataFrame) -> None:
    posterior = model.posterior(points)
    assert list(posterior.mean.columns) == ["roughness", "height"]
    assert list(posterior.mean.index) == ["a", "b", "c"]
    assert posterior.mean.attrs["units"] == {"roughness": "um", "height": "um"}
    assert posterior.variance().attrs["units"]["roughness"] == "(um)²"
    assert posterior.interval(0.8).attrs == {
        "units": {"roughness": "um", "height": "um"},
        "level": 0.8,
        "of": "reading",
    }
    assert "roughness [um]" in posterior._repr_html_()
    assert "3 rows" in repr(posterior)


def test_spreads_grow_from_latent_to_run_mean_to_reading(model: Model, points: pd.DataFrame) -> None:
    posterior = model.posterior(points)
    latent, run_mean, reading = (posterior.variance(of).to_numpy() for of in ("latent", "run_mean", "reading"))
    assert (latent < run_mean).all()
    assert (run_mean < reading).all()
    np.testing.assert_allclose(posterior.sd("latent").to_numpy() ** 2, latent)


def test_intervals_are_calibrated_and_nested(model: Model, points: pd.DataFrame) -> None:
    posterior = model.posterior(points)
    narrow, wide = posterior.interval(0.5, of="run_mean"), posterior.interval(0.9, of="run_mean")
    assert (wide["roughness", "low"] < narrow["roughness", "low"]).all()
    assert (wide["roughness", "high"] > narrow["roughness", "high"]).all()
    half = (wide["roughness", "high"] - wide["roughness", "low"]).to_numpy() / 2.0
    ratio = model.interval_ratio("roughness", 0.9, "run_mean")
    np.testing.assert_allclose(half, 1.6448536 * ratio * posterior.sd("run_mean")["roughness"], rtol=1e-6)


def test_intervals_of_a_reading_hold_where_nobody_says_where_it_was_taken() -> None:
    """Two positions that differ far more than readings do: the next reading may be taken at either."""
    random = np.random.default_rng(8)

    def measured(runs: int) -> pd.DataFrame:
        speed = np.repeat(random.uniform(0.0, 1.0, runs), 4)
        position = np.tile(["near", "near", "far", "far"], runs)
        value = 5.0 + speed + np.where(position == "near", -1.0, 1.0) + 0.1 * random.standard_normal(4 * runs)
        run = np.repeat(np.arange(runs), 4)
        return pd.DataFrame({"shaft": run, "speed": speed, "position": position, "gap": value})

    process = Process(
        "line",
        parameters=[Parameter("speed", unit="m/s", low=0.0, high=1.0)],
        noise=[NoiseVariable("position", categories=["near", "far"])],
        identifiers=["shaft"],
        responses=[Response("gap", unit="mm")],
        runs={"id": ["shaft"]},
    )
    model = fit(process, History.from_frame(process, measured(30)))
    fresh = measured(100)
    bounds = model.posterior(fresh[["speed"]]).interval(0.9)["gap"]
    covered = fresh["gap"].between(bounds["low"], bounds["high"]).mean()
    assert 0.85 < covered <= 1.0


def test_a_noise_variable_that_is_absent_is_averaged_as_observed(model: Model, points: pd.DataFrame) -> None:
    averaged = model.posterior(points)
    both = [model.posterior(points.assign(position=name)) for name in ("Chuck", "End")]
    expected = (both[0].mean + both[1].mean) / 2.0  # both were read equally often
    np.testing.assert_allclose(averaged.mean, expected, rtol=1e-9)
    assert (averaged.variance("latent") <= (both[0].variance("latent") + both[1].variance("latent")) / 2).all().all()


def test_rows_come_back_in_their_order_when_contexts_have_different_noise(process: Process, simulate) -> None:
    frame = simulate()
    worn_ends = (frame["wear"] == "Worn") & (frame["position"] == "Chuck")
    history = History.from_frame(process, frame[~worn_ends])
    from luban.fitting import fit

    model = fit(process, history)
    points = pd.DataFrame({"speed": 200.0, "feed": [0.1, 0.1, 0.1], "wear": ["New", "Worn", "New"]})
    posterior = model.posterior(points)
    end = model.posterior(points.assign(position="End"))
    np.testing.assert_allclose(posterior.mean["roughness"][1], end.mean["roughness"][1])
    assert posterior.mean["roughness"][0] == pytest.approx(posterior.mean["roughness"][2])
    assert posterior.mean["roughness"][0] < end.mean["roughness"][0]
    for of in ("latent", "reading"):
        drawn = posterior.sample(4000, seed=3, of=of)
        np.testing.assert_allclose(drawn.mean(axis=0), posterior.mean, atol=0.1)
        np.testing.assert_allclose(drawn.std(axis=0), posterior.sd(of), rtol=0.1)
        same = np.corrcoef(drawn[:, 0, 0], drawn[:, 2, 0])[0, 1]
        assert same > 0.99 if of == "latent" else same < 0.95


def test_large_frames_are_predicted_block_by_block(
    model: Model, fresh: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = fresh.drop(columns="position")
    expected = model.posterior(points)
    mean, sd = expected.mean, expected.sd()
    monkeypatch.setattr("luban._fitting.averaging._BLOCK", 7)
    blocks = model.posterior(points)
    np.testing.assert_allclose(blocks.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(blocks.sd(), sd, rtol=1e-9)


def test_samples_are_joint_and_repeatable(model: Model, points: pd.DataFrame) -> None:
    posterior = model.posterior(points)
    drawn = posterior.sample(2000, seed=5)
    assert drawn.shape == (2000, 3, 2)
    np.testing.assert_array_equal(drawn, posterior.sample(2000, seed=5))
    assert np.abs(drawn - posterior.sample(2000, seed=6)).max() > 0.0
    np.testing.assert_allclose(drawn.std(axis=0), posterior.sd("latent"), rtol=0.1)


def test_what_lies_beyond_the_data_is_marked(model: Model, points: pd.DataFrame) -> None:
    inside = model.posterior(points).novelty
    assert not inside["new"].any()
    far = model.posterior(points.assign(speed=600.0)).novelty
    assert far["new"].all()
    assert (far["quantile"] == 1.0).all()
    assert not far["new_combination"].any()


def test_units_are_converted(model: Model, points: pd.DataFrame) -> None:
    expected = model.posterior(points).mean
    inches = points.assign(feed=points["feed"] / 25.4)
    inches.attrs["units"] = {"feed": "in/rev"}
    np.testing.assert_allclose(model.posterior(inches).mean, expected, rtol=1e-9)
    headers = points.rename(columns={"speed": "speed [m/s]"}).assign(**{"speed [m/s]": points["speed"] / 60.0})
    np.testing.assert_allclose(model.posterior(headers).mean, expected, rtol=1e-9)
    wrong = points.copy()
    wrong.attrs["units"] = {"feed": "kg"}
    with pytest.raises(UnitError, match="feed"):
        model.posterior(wrong)


def test_frames_of_a_history_are_understood(model: Model, history: History) -> None:
    assert len(model.posterior(history.read()).mean) == len(history)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"feeed": 1.0}, "feed"),
        ({"wear": ["New", "worn", "New"]}, "Worn"),
        ({"wear": ["New", None, "New"]}, "row 1"),
        ({"speed": [150.0, np.nan, 220.0]}, "row 1"),
        ({"speed": ["fast", "slow", "fast"]}, "numbers"),
    ],
)
def test_mistakes_are_named(model: Model, points: pd.DataFrame, change: dict[str, object], text: str) -> None:
    with pytest.raises(DataError, match=text):
        model.posterior(points.assign(**change))


def test_a_missing_column_and_an_empty_frame_are_named(model: Model, points: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="'speed'"):
        model.posterior(points.drop(columns="speed"))
    with pytest.raises(DataError, match="at least one row"):
        model.posterior(points.iloc[:0])


def test_wrong_arguments_are_named(model: Model, points: pd.DataFrame) -> None:
    posterior = model.posterior(points)
    with pytest.raises(ConfigurationError, match="latent"):
        posterior.variance("run")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="level"):
        posterior.interval(90)
    with pytest.raises(ConfigurationError, match="1 sample"):
        posterior.sample(0)


def test_whole_numbers_are_coded_like_the_data(process: Process) -> None:
    # The range ends between whole numbers: decoded ends are rounded and say nothing about low and width.
    variable = {"name": "passes", "unit": "", "role": "parameter", "kind": "integer", "low": 0.4, "high": 3.4}
    encoder = _core.Encoder.from_json(json.dumps({"variables": [variable]}))
    coded = coded_inputs(process, encoder, pd.DataFrame({"passes": [1, 2, 3]}), "test").X[:, 0]
    assert coded.tolist() == [encoder.encode_value(0, float(value)) for value in (1, 2, 3)]
