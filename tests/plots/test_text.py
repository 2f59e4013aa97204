"""Names, units and numbers as people read them."""

from __future__ import annotations

import pytest

from luban.plots.text import context_text, name_text, number, unit_text


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("um", "µm"),
        ("cm3/min", "cm³/min"),
        ("mm/rev", "mm/rev"),
        ("m/s^2", "m/s²"),
        ("degC", "°C"),
        ("m-1", "m⁻¹"),
        ("", "–"),
        ("1", "–"),
        ("1/min", "1/min"),
        ("rpm", "rpm"),
        ("uA", "µA"),
    ],
)
def test_units(unit: str, text: str) -> None:
    assert unit_text(unit) == text


def test_names_of_the_plant_stay_as_they_are() -> None:
    assert name_text("cutting_speed") == "Cutting speed"
    assert name_text("TIC-101.PV") == "TIC-101.PV"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0"),
        (1.23456, 3, "1.23"),
        (123.456, 3, "123"),
        (12345.6, 3, "12,346"),
        (-0.01234, 2, "−0.012"),
        (0.9999, 3, "1.00"),
        (float("nan"), 3, "–"),
        (float("inf"), 3, "–"),
    ],
)
def test_numbers(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_contexts() -> None:
    assert context_text({"diameter": "D30", "tool_wear": "Worn"}) == "D30 · Worn"
    assert context_text({"hardness": 180}) == "Hardness 180"
