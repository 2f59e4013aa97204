"""Units of measure: conversion, products, headers, and what must be refused."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from luban import units
from luban.errors import UnitError


def test_a_removal_rate_from_speed_feed_and_depth() -> None:
    """220 m/min · 0.08 mm/rev · 0.7 mm: the revolution counts as 1, so nothing is divided by 2 pi."""
    factor = units.product_factor(["m/min", "mm/rev", "mm"], "cm3/min")
    assert 220 * 0.08 * 0.7 * factor == pytest.approx(12.32, rel=1e-14)


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1.0, "m/min", "mm/s", 1000 / 60),
        (25.4, "um", "mm", 0.0254),
        (1.0, "in", "mm", 25.4),
        (1.0, "cm3/min", "mm3/s", 1000 / 60),
        (1.0, "cm^3", "mm**3", 1000.0),
        (2.0, "s-1", "1/min", 120.0),
        (3.0, "N.m", "N*m", 3.0),
        (3.0, "Nm", "N*m", 3.0),
        (1.0, "mm/rev", "mm", 1.0),
        (7.0, "piece/h", "pcs/h", 7.0),
        (60.0, "cycle/min", "1/s", 1.0),
        (1.0, "kEUR", "EUR", 1000.0),
        (50.0, "%", "", 0.5),
        (180.0, "deg", "rad", math.pi),
        (20.0, "degC", "K", 293.15),
        (20.0, "Cel", "degC", 20.0),
        (212.0, "degF", "degC", 100.0),
        (1.0, "bar", "kPa", 100.0),
    ],
)
def test_converts(value: float, source: str, target: str, expected: float) -> None:
    assert units.convert(value, source, target) == pytest.approx(expected, rel=1e-14)


def test_differences_have_no_zero_point() -> None:
    assert units.convert(10.0, "degC", "K", difference=True) == 10.0
    assert units.convert(9.0, "degF", "K", difference=True) == pytest.approx(5.0, rel=1e-14)


def test_keeps_shape_and_missing_values_and_does_not_alias() -> None:
    values = np.array([[1.0, np.nan], [np.inf, -2.0]])
    out = units.convert(values, "m", "mm")
    np.testing.assert_array_equal(out, [[1000.0, np.nan], [np.inf, -2000.0]])
    same = units.convert(values, "m", "m")
    same[0, 0] = 7.0
    assert values[0, 0] == 1.0


def test_decimal_factors_round_once() -> None:
    """0.001 is no binary number, so a plain product would leave 0.025400000000000002."""
    assert units.convert(25.4, "um", "mm") == 0.0254
    assert units.convert(0.3, "um", "nm") == 300.0


@pytest.mark.parametrize(
    ("source", "target"),
    [("m", "s"), ("mm/rev", "mm/min"), ("kg", "N"), ("", "mm"), ("degC", "W"), ("rpm", "rad/s"), ("EUR", "kg")],
)
def test_refuses_what_does_not_measure_the_same(source: str, target: str) -> None:
    assert not units.commensurable(source, target)
    with pytest.raises(UnitError) as caught:
        units.convert(1.0, source, target)
    assert caught.value.received == repr(source)
    assert repr(target) in caught.value.expected


def test_an_angle_is_not_a_revolution() -> None:
    with pytest.raises(UnitError, match="angle"):
        units.convert(1.0, "rad/s", "rpm")


@pytest.mark.parametrize(
    "text", ["metre/minn", "mm//rev", "furlong/", "3 mm", "mm +", "(", "9**9**9", "m" * 65, "m**13"]
)
def test_refuses_what_is_no_unit(text: str) -> None:
    assert not units.is_unit(text)
    with pytest.raises(UnitError):
        units.convert(1.0, text, "mm")


def test_names_the_nearest_unit() -> None:
    with pytest.raises(UnitError) as caught:
        units.convert(1.0, "metr", "mm")
    assert "meter" in caught.value.hint or "metre" in caught.value.hint


def test_a_product_needs_units_that_start_at_zero() -> None:
    with pytest.raises(UnitError, match="start at zero"):
        units.product_factor(["degC", "mm"], "mm*K")
    with pytest.raises(UnitError, match="fits 'cm3/min'"):
        units.product_factor(["m/min", "mm"], "cm3/min")
    assert units.product_factor([], "") == 1.0


def test_refuses_logarithms() -> None:
    with pytest.raises(UnitError, match="linear scale"):
        units.convert(3.0, "dBm", "mW")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Vc [m/min]", ("Vc", "m/min")),
        ("  Vc  [ m/min ]  ", ("Vc", "m/min")),
        ("Vc", ("Vc", None)),
        ("a [b] [mm]", ("a [b]", "mm")),
        ("[mm]", ("[mm]", None)),
        ("share []", ("share", "")),
        ("TIC-101.PV [degC]", ("TIC-101.PV", "degC")),
    ],
)
def test_splits_a_header(header: str, expected: tuple[str, str | None]) -> None:
    assert units.parse_header(header) == expected


UNITS = st.sampled_from(
    ["mm", "um", "m", "in", "ft", "m/min", "ft/min", "mm/s", "s", "min", "h", "kg", "lb", "N", "kN", "bar", "Pa", "kW",
     "hp", "mm/rev", "in/rev", "cm3/min", "in3/min", "degC", "degF", "K", "rpm", "1/s", "EUR", "piece", "%", ""]
)  # fmt: skip
NUMBERS = st.floats(-1e9, 1e9)


@given(NUMBERS, UNITS, UNITS)
def test_there_and_back_is_where_one_was(value: float, source: str, target: str) -> None:
    assume(units.commensurable(source, target))
    back = units.convert(units.convert(value, source, target), target, source)
    assert back == pytest.approx(value, rel=1e-12, abs=1e-9)


@given(NUMBERS, UNITS, UNITS, UNITS)
def test_a_detour_changes_nothing(value: float, source: str, between: str, target: str) -> None:
    assume(units.commensurable(source, between) and units.commensurable(between, target))
    direct = units.convert(value, source, target)
    detour = units.convert(units.convert(value, source, between), between, target)
    assert detour == pytest.approx(direct, rel=1e-12, abs=1e-9)


@given(st.text(max_size=20))
@example("0/0")
def test_no_text_crashes_the_reader_of_units(text: str) -> None:
    if units.is_unit(text):
        assert units.commensurable(text, text)
    else:
        with pytest.raises(UnitError):
            units.commensurable(text, "mm")
