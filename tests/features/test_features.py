"""The features as Python sees them."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban import _core, features
from luban.errors import ConfigurationError, DataError

CATEGORIES = {"wear": ["New", "Worn"], "position": ["Chuck", "Middle", "End"]}
UNITS = {"speed": "m/min", "feed": "mm/rev", "roughness": "um"}


def make_process(groups: list[str] | None = None) -> _core.Process:
    def categorical(name: str) -> dict[str, object]:
        return {"name": name, "kind": "categorical", "categories": CATEGORIES[name]}

    return _core.Process.from_json(
        json.dumps(
            {
                "luban": 1,
                "process": "turning",
                "parameters": [
                    {"name": "speed", "unit": "m/min", "kind": "continuous", "low": 100, "high": 300},
                    {"name": "feed", "unit": "mm/rev", "kind": "continuous", "low": 0.05, "high": 0.15},
                ],
                "context": [categorical("wear")],
                "noise": [categorical("position")],
                "responses": [{"name": "roughness", "unit": "um"}],
                "groups": groups or [],
            }
        )
    )


def make_columns(settings: int = 8, runs: int = 2, readings: int = 6, seed: int = 0) -> dict[str, np.ndarray]:
    """Settings × wear × runs × positions × readings; the spread is 5 % of the level."""
    random = np.random.default_rng(seed)
    s, w, r, p, k = (a.ravel() for a in np.indices((settings, 2, runs, 3, readings)))
    level = (1.0 + s) * (1.0 + 0.5 * w)
    run_id = np.array([f"{a}/{b}/{c}" for a, b, c in zip(s, w, r, strict=True)], dtype=object)
    return {
        "run_id": run_id,
        "repeat": (p * readings + k + 1).astype(float),
        "speed": 100.0 + 10.0 * s,
        "feed": 0.05 + 0.01 * s,
        "wear": w.astype(np.int32),
        "position": p.astype(np.int32),
        "roughness": level * (1.0 + 0.05 * random.standard_normal(len(s))),
    }


def make_source(columns: dict[str, np.ndarray]) -> _core.MemorySource:
    return _core.MemorySource(_core.Table.from_dict(columns, units=UNITS, categories=CATEGORIES))


def make_data(columns: dict[str, np.ndarray] | None = None, groups: list[str] | None = None) -> features.Dataset:
    return features.make_dataset(make_process(groups), make_source(columns or make_columns()))


ENCODER = make_data().encoder


def test_a_dataset_keeps_readings_runs_and_groups() -> None:
    data = make_data(groups=["speed", "feed"])
    assert (data.n, data.p, data.m) == (8 * 2 * 2 * 3 * 6, 4, 1)
    assert len(data.run_ids) == 32
    assert len(data.group_labels) == 8
    assert data.X.shape == (data.n, 4)
    assert np.isnat(data.run_time).all()
    data.X[:] = 7.0  # a copy: what is inside cannot be reached
    assert data.X.max() < 7.0


def test_times_arrive_as_datetimes() -> None:
    columns = make_columns()
    columns["start_time"] = np.datetime64("2026-01-01T00:00:00", "ns") + np.zeros(len(columns["speed"]), dtype="m8[ns]")
    assert make_data(columns).run_time[0] == np.datetime64("2026-01-01")


def test_errors_name_what_is_wrong() -> None:
    columns = make_columns()
    columns["sped"] = columns.pop("speed")
    with pytest.raises(DataError, match="sped"):
        make_data(columns)
    with pytest.raises(ConfigurationError):
        features.find_suspicious(make_data(), most=0)


@given(
    st.lists(
        st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 1).map(float), st.integers(0, 2).map(float)),
        min_size=1,
        max_size=30,
    )
)
def test_decode_then_encode_is_identity(rows: list[tuple[float, float, float, float]]) -> None:
    X = np.array(rows)
    np.testing.assert_allclose(ENCODER.encode(ENCODER.decode(X)), X, rtol=0, atol=1e-12)


@given(st.text(max_size=12).filter(lambda name: name not in CATEGORIES["wear"]))
def test_an_unknown_category_is_refused(name: str) -> None:
    with pytest.raises(DataError):
        ENCODER.encode_value(ENCODER.find("wear"), name)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_number_encodes_when_it_is_finite(value: float) -> None:
    if math.isfinite(value):
        coded = ENCODER.encode_value(0, value)
        assert coded == pytest.approx((value - 100.0) / 200.0)
    else:
        with pytest.raises(DataError):
            ENCODER.encode_value(0, value)


def test_the_encoder_survives_json() -> None:
    assert features.Encoder.from_json(ENCODER.to_json()).to_json() == ENCODER.to_json()


@given(folds=st.integers(2, 8), seed=st.integers(0, 2**64 - 1))
def test_folds_never_split_a_group(folds: int, seed: int) -> None:
    group = DATA.group
    tested = []
    for fold in features.group_folds(DATA, folds, seed):
        assert not set(group[fold.train]) & set(group[fold.test])
        assert sorted([*fold.train, *fold.test]) == list(range(len(group)))
        tested.extend(fold.test)
    assert sorted(tested) == list(range(len(group)))


DATA = make_data(groups=["speed"])


def test_the_reduction_equals_a_groupby() -> None:
    columns = make_columns()
    columns["roughness"][10] = math.nan
    reduction = features.reduce(make_data(columns), "roughness")
    frame = pd.DataFrame(columns)
    cells = frame.groupby(["run_id", "position"])["roughness"]
    np.testing.assert_allclose(np.sort(reduction.mean), np.sort(cells.mean()), rtol=1e-12)
    within = ((frame["roughness"] - cells.transform("mean")) ** 2).sum()
    assert reduction.within_ss == pytest.approx(within, rel=1e-10)
    assert reduction.n == len(frame) - 1
    assert reduction.weight.sum() == reduction.n


def test_noise_is_that_of_the_simulation() -> None:
    random = np.random.default_rng(5)
    columns = make_columns(settings=40, runs=4, readings=4)
    _, run = np.unique(columns["run_id"], return_inverse=True)
    n = len(run)
    columns["roughness"] = 10.0 + 0.4 * random.standard_normal(run.max() + 1)[run] + 0.2 * random.standard_normal(n)
    noise = features.estimate_noise(make_data(columns), "roughness")
    assert noise.within_sd == pytest.approx(0.2, rel=0.1)
    assert noise.between_sd == pytest.approx(0.4, rel=0.15)
    assert noise.between_dof == 40 * 2 * 3


def planted() -> dict[str, np.ndarray]:
    columns = make_columns()
    columns["roughness"][100] *= 10.0
    columns["roughness"][198:210] = 3.21  # two whole cells
    return columns


def test_inspect_finds_what_was_planted() -> None:
    inspection = features.inspect(make_process(["speed"]), make_source(planted()))
    findings = inspection.findings.set_index("kind")
    assert findings.loc[["gross_error"], "source_row"].tolist() == [100]
    assert findings.loc[["stuck_value"], "source_row"].tolist() == [198]
    assert inspection.counts["readings"] == 576
    assert inspection.counts["points_run_more_than_once"] == 16
    assert inspection.noise["gross_errors"].tolist() == [1]
    assert inspection.noise["within_dof"].tolist() == [576 - 96 - 1]
    assert inspection.coverage["runs"].tolist() == [16, 16]
    assert inspection.inputs.set_index("name").loc["speed", "seen"] == "100 … 170"


def test_an_inspection_shows_itself() -> None:
    inspection = features.inspect(make_process(), make_source(planted()))
    read = json.loads(inspection.to_json())
    assert read["counts"] == inspection.counts
    assert read["findings"][0]["kind"] == "gross_error"
    assert "robust standard deviations" in inspection._repr_html_()
    assert "576 readings of 32 runs" in str(inspection)


def test_inspect_escapes_what_the_file_says() -> None:
    columns = planted()
    columns["run_id"][columns["run_id"] == columns["run_id"][100]] = "<script>"
    shown = features.inspect(make_process(), make_source(columns))._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_inspect_names_the_longest_pause() -> None:
    columns = make_columns(readings=1)
    _, run = np.unique(columns["run_id"], return_inverse=True)
    hours = run + np.where(run >= 20, 500, 0)
    columns["run_time"] = np.datetime64("2026-01-01T00:00:00", "ns") + hours.astype("m8[h]").astype("m8[ns]")
    inspection = features.inspect(make_process(), make_source(columns))
    assert inspection.gaps["hours"].tolist() == [501.0]
    assert inspection.span["first"].startswith("2026-01-01")


def test_the_envelope_knows_what_is_far() -> None:
    envelope = features.make_envelope(make_data())
    assert envelope.names == ["speed", "feed"]
    assert envelope.combinations == [["New"], ["Worn"]]
    far = envelope.distance([300.0, 0.05])
    assert far > envelope.distance_quantiles[-1] > envelope.distance([135.0, 0.085])
