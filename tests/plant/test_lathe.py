"""The simulated lathe: its numbers, noise, drift, and that there is something to learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban.errors import ConfigurationError
from luban.history import History
from luban.plant import Drift, Lathe, LatheNoise
from luban.plant.lathe import DIAMETERS, POSITIONS, TOOL_WEAR

SETTINGS = {"cutting_speed": 280.0, "feed": 0.1, "depth_of_cut": 0.95}
CONTEXT = {"diameter": "D30", "tool_wear": "New"}
QUIET = LatheNoise(between_shafts=0.0, within_shaft=0.0, per_measure=0.0)


def best(lathe: Lathe, diameter: float, wear: float) -> tuple[float, float]:
    speed, feed = np.meshgrid(np.linspace(179, 381, 80), np.linspace(0.07, 0.13, 80))
    ra = lathe.expected_roughness(speed, feed, 0.53, diameter=diameter, flank_wear=wear, number=10).mean(axis=-1)
    at = int(ra.argmin())
    return float(speed.flat[at]), float(feed.flat[at])


def test_one_shaft_has_36_readings() -> None:
    shafts = Lathe().run_shaft(SETTINGS, CONTEXT)
    assert {name: values.shape for name, values in shafts.responses.items()} == dict.fromkeys(
        ("roughness", "peak_to_valley", "root_mean_square", "total_height", "mean_spacing"), (1, 36)
    )
    assert [shafts.position.count(name) for name in POSITIONS] == [12, 12, 12]


def test_magnitudes_are_those_of_the_measured_data(turning: History) -> None:
    """Medians of each diameter and wear within a factor of two: a simulator of the same kind, not a fit."""
    measured = turning.read(columns=["diameter", "tool_wear", "cutting_speed", "feed", "depth_of_cut", "roughness"])
    for (diameter, wear), rows in measured.groupby(["diameter", "tool_wear"], observed=True):
        settings = {name: rows[name].to_numpy() for name in SETTINGS}
        shafts = Lathe().run_shafts(
            settings, diameter=DIAMETERS[diameter], flank_wear=TOOL_WEAR[wear], number=np.arange(len(rows))
        )
        assert 0.5 < np.median(shafts.responses["roughness"]) / rows["roughness"].median() < 2.0
        assert shafts.responses["roughness"].min() > 0.3
        assert shafts.responses["roughness"].max() < 12.0


@given(seed=st.integers(0, 2**32), number=st.integers(0, 2**31), others=st.integers(1, 4))
def test_a_shaft_does_not_depend_on_its_company(seed: int, number: int, others: int) -> None:
    lathe = Lathe(seed=seed)
    alone = lathe.run_shaft(SETTINGS, CONTEXT, number=number)
    numbers = np.array([number + 7 * step for step in range(others)][::-1])
    many = lathe.run_shafts(
        {name: np.full(others, value) for name, value in SETTINGS.items()},
        diameter=30.0, flank_wear=TOOL_WEAR["New"], number=numbers,
    )  # fmt: skip
    for name, values in alone.responses.items():
        np.testing.assert_array_equal(values[0], many.responses[name][-1])


def test_noise_is_on_two_levels() -> None:
    lathe = Lathe(noise=LatheNoise(between_shafts=0.1, within_shaft=0.02))
    shafts = lathe.run_shafts(
        {name: np.full(3000, value) for name, value in SETTINGS.items()},
        diameter=50.0, flank_wear=0.1, number=np.arange(3000),
    )  # fmt: skip
    expected = np.log(lathe.expected_roughness(*SETTINGS.values(), diameter=50.0, flank_wear=0.1))
    logs = np.log(shafts.responses["roughness"]) - np.repeat(expected, 12)
    assert logs.mean(axis=1).std() == pytest.approx(np.hypot(0.1, 0.02 / 6), rel=0.05)
    assert (logs - logs.mean(axis=1, keepdims=True)).std() == pytest.approx(0.02, rel=0.05)


def test_gross_errors_are_off_until_they_are_asked_for() -> None:
    clean = Lathe(seed=3).run_shaft(SETTINGS, CONTEXT).responses["roughness"]
    spoiled = Lathe(seed=3, noise=LatheNoise(gross_error_rate=0.2)).run_shaft(SETTINGS, CONTEXT).responses["roughness"]
    ratio = spoiled / clean
    assert set(np.round(ratio.ravel(), 6)) == {1.0, 10.0}
    assert 1 <= (ratio > 5).sum() <= 18


def test_the_best_settings_depend_on_context_and_move_with_drift() -> None:
    quiet = Lathe()
    slender_new, slender_worn = best(quiet, 30.0, 0.08), best(quiet, 30.0, 0.25)
    thick_new = best(quiet, 50.0, 0.08)
    assert thick_new[0] > slender_new[0] + 20  # a thick shaft shakes less: faster is better
    assert slender_worn != slender_new
    shaken = Lathe(drifts=(Drift("imbalance", 1.5),))
    assert best(shaken, 30.0, 0.08)[0] < slender_new[0] - 40
    hard = Lathe(drifts=(Drift("hardness", 0.4),))
    assert best(hard, 30.0, 0.08)[0] > slender_new[0] + 10


def test_drift_begins_when_it_is_said() -> None:
    step, ramp = Drift("hardness", 0.3, start=5), Drift("hardness", 0.3, start=5, shape="ramp", length=10)
    assert step.at([4, 5, 50]).tolist() == [0.0, 0.3, 0.3]
    assert ramp.at([4, 5, 10, 15, 99]).tolist() == pytest.approx([0.0, 0.0, 0.15, 0.3, 0.3])
    lathe = Lathe(noise=QUIET, drifts=(step,))
    before, after = (lathe.run_shaft(SETTINGS, CONTEXT, number=number) for number in (4, 5))
    assert after.power[0] == pytest.approx(1.3 * before.power[0])
    assert after.life_used[0] == pytest.approx(1.3**3 * before.life_used[0])


def test_wear_and_slenderness_make_it_rough() -> None:
    lathe = Lathe(noise=QUIET)
    means = {
        (d, w): lathe.run_shaft(SETTINGS, {"diameter": d, "tool_wear": w}).responses["roughness"].mean()
        for d in DIAMETERS
        for w in TOOL_WEAR
    }
    assert means["D30", "New"] > means["D50", "New"]
    assert means["D50", "Worn"] > means["D50", "New"]
    assert means["D30", "Worn"] == max(means.values())


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="D30, D50"):
        Lathe().run_shaft(SETTINGS, {"diameter": "D40", "tool_wear": "New"})
    with pytest.raises(ConfigurationError):
        Lathe(seed=-1)
