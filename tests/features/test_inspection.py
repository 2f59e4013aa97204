"""What an inspection returns, on histories of any size and with anything missing."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban import History, Process, datasets, features, report
from luban._inspection.kinds import FINDING_COLUMNS, KINDS, weigh
from luban._inspection.rows import ColumnView
from luban._inspection.tables import column_facts

from .simulated import clean, process

PROCESS = process()


@pytest.fixture(scope="module")
def seen() -> features.Inspection:
    plant = clean(5, 120, 2)
    plant.columns["oven"][50] *= 10.0
    plant.columns["temperature"][150:] = np.nan
    plant.columns["gloss"][:] = np.round(plant.columns["gloss"], 2)
    return features.inspect(PROCESS, plant.source())


def test_findings_are_a_frame_heaviest_first(seen: features.Inspection) -> None:
    assert list(seen.findings.columns) == list(FINDING_COLUMNS)
    assert seen.findings["weight"].is_monotonic_decreasing
    assert seen.findings["weight"].between(0.1, 1.0).all()
    assert set(seen.findings["kind"]) == {"gross_error", "dead_sensor"}
    assert seen.summary["kind"].tolist() == list(dict.fromkeys(seen.findings["kind"]))
    assert seen.summary["count"].sum() == len(seen.findings)


def test_every_column_has_a_line(seen: features.Inspection) -> None:
    columns = seen.columns.set_index("name")
    assert columns.loc["speed", ["role", "kind", "unit"]].tolist() == ["parameter", "number", "m/min"]
    assert columns.loc["material", ["role", "kind", "distinct"]].tolist() == ["context", "category", 3]
    assert columns.loc["gloss", "resolution"] == 0.01
    assert columns.loc["temperature", ["role", "missing", "findings"]].tolist() == ["auxiliary", 90, 1]
    assert columns.loc["oven", "within_sd"] > 0.0
    assert columns["missing"].sum() == sum(one.missing for one in seen.facts)


def test_json_holds_the_tables(seen: features.Inspection) -> None:
    read = json.loads(seen.to_json())
    assert len(read["findings"]) == len(seen.findings)
    assert [row["name"] for row in read["columns"]] == seen.columns["name"].tolist()
    assert read["space"]["within_reach"] == seen.space.within_reach
    assert {row["level"] for row in read["summary"]} <= {"mend", "check", "know"}


def test_a_notebook_shows_it_in_short(seen: features.Inspection) -> None:
    shown = seen._repr_html_()
    assert len(shown) < 120_000
    assert 3 <= shown.count("<svg") <= 40
    assert "Gross error" in shown
    assert not re.search(r"(src|href)=", shown)
    assert shown.count("<table") == shown.count("</table>")


def test_it_opens_its_own_page(seen: features.Inspection) -> None:
    page = report.of_inspection(seen)
    assert page.html().startswith("<!DOCTYPE html>")
    assert "Dead sensor" in page.html()


def test_the_same_twice(seen: features.Inspection) -> None:
    plant = clean(5, 120, 2)
    again = [features.inspect(PROCESS, plant.source()).to_json() for _ in range(2)]
    assert again[0] == again[1]


def test_a_dataset_is_looked_at_like_its_source() -> None:
    plant = clean(8, 200, 1)
    plant.columns["oven"][50] *= 10.0
    data = features.make_dataset(PROCESS, plant.source())
    of_data, of_source = (features.inspect(PROCESS, one) for one in (data, plant.source()))
    assert of_data.counts == of_source.counts
    assert of_data.findings["message"].tolist() == of_source.findings["message"].tolist()
    pd.testing.assert_frame_equal(of_data.noise, of_source.noise)


def test_a_sample_of_a_large_history_has_the_rows_of_findings() -> None:
    plant = clean(3, 3000, 1)
    plant.columns["oven"][[1234, 2345]] *= 10.0
    seen = features.inspect(PROCESS, plant.source(), options=features.InspectOptions(sample_rows=200))
    assert {1234, 2345} <= set(seen.sample.row)
    assert len(seen.sample.row) <= 204
    assert not seen.sample.is_all
    assert (
        sum(one.counts.sum() for one in seen.facts if one.view.name == "oven")
        + sum(sum(one.beyond) for one in seen.facts if one.view.name == "oven")
        == 3000
    )


def test_the_turning_data_as_they_are() -> None:
    seen = datasets.turning().inspect()
    assert seen.summary.set_index("kind")["count"].to_dict() == {
        "gross_error": 7, "inconsistent_reading": 11, "duplicate_reading": 7,
    }  # fmt: skip
    assert seen.space.settings == 15
    assert 0.98 < seen.space.within_reach <= 1.0


DEFINITION = Process.from_dict(
    {
        "luban": 1, "process": "tiny",
        "parameters": {"x": {"unit": "mm", "low": 0, "high": 1}, "mode": {"categories": ["A", "B"]}},
        "responses": {"y": {"unit": "um"}, "z": {"unit": "degC", "optional": True}},
        "identifiers": {"k": {}}, "runs": {"id": ["k"], "start_time": {"column": "t"}},
    }
)  # fmt: skip
NUMBER = st.one_of(st.just(math.nan), st.floats(-1e12, 1e12).map(lambda v: v if abs(v) > 1e-200 else 0.0),
                   st.sampled_from([0.0, 1.0, 1e-150, 5.0]))  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 100).map(lambda k: k / 100),
            st.sampled_from("AB"),
            NUMBER,
            NUMBER,
            NUMBER,
            st.integers(0, 2**31),
        ),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_anything_can_be_looked_at(rows: list[tuple[object, ...]], timed: bool) -> None:
    frame = pd.DataFrame(rows, columns=["x", "mode", "y", "z", "aux", "t"]).assign(k=range(len(rows)))
    frame.loc[0, "y"] = 1.0
    frame["t"] = pd.to_datetime(frame["t"], unit="s", utc=True).astype(str) if timed else None
    seen = History.from_frame(DEFINITION, frame).inspect()
    assert set(seen.findings["kind"]) <= set(KINDS)
    assert seen.findings["message"].str.endswith((".", "?", ")")).all(), seen.findings["message"].tolist()
    json.loads(seen.to_json())
    assert seen._repr_html_()


@pytest.mark.parametrize("constant", [True, False])
def test_one_row_makes_a_page(constant: bool) -> None:
    frame = pd.DataFrame({"x": [0.5], "mode": ["A"], "y": [1.0], "z": [math.nan], "t": [None], "k": [1], "aux": [2.0]})
    if constant:
        frame = pd.concat([frame.assign(k=k) for k in range(30)])
    seen = History.from_frame(DEFINITION, frame).inspect()
    assert "<figure>" in report.of_inspection(seen).html()


@given(st.lists(NUMBER, min_size=1, max_size=200))
def test_facts_of_a_column_count_every_value(values: list[float]) -> None:
    facts = column_facts(ColumnView("x", "response", "um", "number"), np.array(values))
    assert facts.missing + int(facts.counts.sum()) + sum(facts.beyond) == len(values)
    present = [value for value in values if not math.isnan(value)]
    assert facts.distinct == len(set(present))


def test_the_page_of_the_documentation_names_every_kind_and_option() -> None:
    page = (Path(__file__).parents[2] / "docs/inspect.md").read_text(encoding="utf-8")
    said = set(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    for kind, about in KINDS.items():
        assert (kind, about.level) in said
    for option in fields(features.InspectOptions):
        assert (option.name, str(option.default)) in said


@given(st.sampled_from(sorted(KINDS)), st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_weights_keep_the_levels_apart(kind: str, a: float, b: float) -> None:
    assert 0.0 < weigh(kind, a) <= 1.0
    assert (a <= b) <= (weigh(kind, a) <= weigh(kind, b))
    lowest_wrong = min(weigh(k, 0.0) for k, about in KINDS.items() if about.level == "mend")
    if KINDS[kind].level != "mend":
        assert weigh(kind, a) <= lowest_wrong


def test_readings_without_a_response_are_said_to_be_left_out() -> None:
    bare = Process.from_dict(
        {
            "luban": 1,
            "process": "bare",
            "parameters": {"T": {"unit": "degC", "low": 0, "high": 100}},
            "responses": {"yield": {"unit": "%"}},
        }
    )
    frame = pd.DataFrame({"T": np.arange(40.0), "yield": 50 + np.arange(40.0)})
    assert History.from_frame(bare, frame).inspect().left_out() == ""
    frame.loc[[3, 7], "yield"] = np.nan
    seen = History.from_frame(bare, frame).inspect()
    assert (seen.counts["readings"], seen.counts["left_out"]) == (38, 2)
    assert seen.left_out().startswith("2 of 40 stored readings cannot be learned from")
