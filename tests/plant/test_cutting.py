"""The relations of turning against values computed by hand or by another way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban.plant import cutting


def test_ideal_roughness_is_the_mean_deviation_of_parabolas() -> None:
    """Ra of the profile itself, integrated: y = x²/(2r) over one feed, r = 0.4 mm, f = 0.1 mm."""
    x = np.linspace(-0.05, 0.05, 200_001)
    y = x**2 / 0.8
    by_integration = 1000.0 * np.abs(y - y.mean()).mean()
    assert float(cutting.kinematic_roughness(0.1, 0.4)) == pytest.approx(by_integration, rel=1e-4)
    assert by_integration == pytest.approx(1000.0 * 0.01 / (18.0 * math.sqrt(3.0) * 0.4), rel=1e-4)


def test_a_least_chip_makes_small_feeds_rough_again() -> None:
    feeds = np.linspace(0.02, 0.2, 400)
    ra = cutting.kinematic_roughness(feeds, 0.4, 5.0)
    best = feeds[ra.argmin()]
    assert best == pytest.approx(math.sqrt(2.0 * 0.4 * 0.005), abs=1e-3)  # where the derivative is 0: f⁴ = 4·r²·h²
    assert ra[0] > ra.min() < ra[-1]


def test_forces_and_power() -> None:
    force = float(cutting.cutting_force(0.1, 1.0, 1500.0, 0.25, cutting_edge_angle=90.0))
    assert force == pytest.approx(1500.0 * 1.0 * 0.1**0.75)
    assert float(cutting.cutting_power(600.0, 100.0)) == pytest.approx(1.0)  # 600 N at 100 m/min


def test_tool_life_and_wear() -> None:
    options = {"reference": (20.0, 280.0, 0.1, 1.0), "exponents": (4.0, 1.5, 0.5)}
    assert float(cutting.tool_life(280.0, 0.1, 1.0, **options)) == 20.0
    assert float(cutting.tool_life(560.0, 0.1, 1.0, **options)) == pytest.approx(20.0 / 16.0)
    assert float(cutting.flank_wear(1.0, 0.3)) == pytest.approx(0.3, rel=1e-6)


@given(st.floats(0.001, 0.5))
def test_wear_and_life_are_inverse(wear: float) -> None:
    assert float(cutting.flank_wear(cutting.life_of_wear(wear, 0.3), 0.3)) == pytest.approx(wear, abs=1e-9)


def test_times_and_speeds() -> None:
    minutes = float(cutting.cutting_time(100.0, 0.1, 100.0 / math.pi, 100.0))
    assert minutes == pytest.approx(0.1 * 100.0 / (100.0 * 0.1))
    turns = float(cutting.spindle_speed(300.0, 30.0))
    assert turns * 0.1 * float(cutting.cutting_time(300.0, 0.1, 30.0, 200.0)) == pytest.approx(200.0)


def test_the_shaft_bends_as_a_propped_beam() -> None:
    """Against a finite-difference solution of E·I·y'''' = load with y, y' = 0 at the chuck and y, y'' = 0 there."""
    length, diameter, place = 300.0, 30.0, 0.6
    rigidity = 205_000.0 * math.pi * diameter**4 / 64.0
    a, b = place * length, (1.0 - place) * length
    reaction = a**2 * (3.0 * length - a) / (2.0 * length**3)  # of the centre, by superposition of cantilevers
    deflection = (a**3 / 3.0 - reaction * a**2 * (3.0 * length - a) / 6.0) / rigidity
    stiff = cutting.shaft_compliance(diameter, place, length=length, chuck=1e12, centre=1e12)
    assert b > 0
    assert float(stiff) == pytest.approx(1000.0 * deflection, rel=1e-6)
    ends = cutting.shaft_compliance(diameter, np.array([0.0, 1.0]), length=length, chuck=50.0, centre=10.0)
    assert ends == pytest.approx([1 / 50.0, 1 / 10.0])
