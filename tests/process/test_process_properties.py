"""Properties of any process: what is written is read, whatever the names and numbers."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import luban
from luban import _core, _document
from luban.errors import ConfigurationError

TAKEN = {"run_id", "run", "repeat", "time", "start_time", "end_time", "status", "group", "source", "source_row"}
NAMES = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12)
    .filter(lambda name: name == name.strip(" ") and name not in TAKEN)
)  # fmt: skip
NUMBERS = st.floats(-1e12, 1e12)
UNITS = st.sampled_from(["", "mm", "m/min", "degC", "%", "cm3/min", "EUR/piece", "µm"])


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, float]:
    low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    return {"low": low, "high": high}


@st.composite
def categories(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    return {"categories": names, "ordered": draw(st.booleans())}


@st.composite
def parameters(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return draw(categories())
    out = draw(ranges()) | {"unit": draw(UNITS)}
    if draw(st.booleans()):
        margin = draw(st.floats(0, 1e6))
        rate = {"value": draw(st.floats(1e-6, 1e6)), "per": draw(st.sampled_from(["s", "min", "h", "day"]))}
        out["limits"] = {"low": out["low"] - margin, "high": out["high"] + margin, "max_rate": rate}
    return out


@st.composite
def derived_entries(draw: st.DrawFn, name: str) -> dict[str, Any]:
    factor = draw(st.floats(0.001, 1000))
    whole = draw(st.integers(1, 4))
    return draw(
        st.sampled_from(
            [
                {"product": [name, name]},
                {"product": {name: whole}, "factor": factor},
                {"sum": [{"product": {name: whole}, "factor": -factor}, {"product": [name]}, {"factor": factor}]},
            ]
        )
    )


@st.composite
def process_files(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(NAMES, min_size=6, max_size=6, unique=True))
    response, derived = names[3], names[4]
    out: dict[str, Any] = {
        "luban": 1,
        "process": draw(NAMES),
        "parameters": {names[0]: draw(ranges()), names[1]: draw(parameters())},
        "context": {names[2]: draw(st.one_of(categories(), ranges()))},
        "responses": {response: {"unit": draw(UNITS), "optional": draw(st.booleans()), "late": draw(st.booleans())}},
        "derived": {derived: draw(derived_entries(names[0]))},
        "identifiers": {names[5]: {}},
        "objectives": [{"response": response, "goal": draw(st.sampled_from(["minimize", "maximize"]))}],
        "groups": draw(st.sampled_from([[], ["run"], ["lot"], [names[0]], [names[5], names[2]]])),
    }
    if draw(st.booleans()):
        out["objectives"].append({"response": derived, "goal": "target", "target": draw(NUMBERS)})
        bound = draw(NUMBERS)
        out["outcome_constraints"] = [
            {"response": response, "lower": bound, "probability": draw(st.floats(0.01, 0.99))}
        ]
        out["parameter_constraints"] = [{"sum": {names[0]: draw(st.floats(0.1, 10))}, "upper": draw(NUMBERS)}]
        out["tolerances"] = {names[0]: {"sd": draw(st.floats(1e-9, 1e9))}}
        measure = draw(st.sampled_from(["value_at_risk", "conditional_value_at_risk"]))
        out["objectives"][0]["risk"] = {measure: draw(st.floats(0.5, 1.0, exclude_max=True))}
        out["runs"] = {"id": [names[5], names[2]], "repeat": {"column": "the repeat column"}}
        out["cost"] = {"currency": "EUR", response: draw(NUMBERS)} if response != "currency" else None
    return {key: value for key, value in out.items() if value is not None}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(process_files())
def test_a_process_is_read_as_it_is_written(tmp_path: Path, content: dict[str, Any]) -> None:
    process = luban.Process.from_dict(content)
    path = tmp_path / "process.yaml"
    path.write_text(process.to_yaml(), encoding="utf-8", newline="")
    again = luban.Process.from_yaml(path)
    assert again == process
    assert again.to_dict() == process.to_dict()
    assert again.digest == process.digest
    assert hash(again) == hash(process)
    assert pickle.loads(pickle.dumps(process)) == process
    canonical = process.core.to_json()
    assert _core.Process.from_json(canonical).to_json() == canonical
    assert json.loads(canonical)["process"] == content["process"]


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-10, 10), st.floats(), st.text(max_size=5))
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEYS = [
    "luban", "process", "equipment", "parameters", "context", "noise", "identifiers", "responses", "derived",
    "objectives", "outcome_constraints", "parameter_constraints", "tolerances", "traces", "runs", "groups", "cost",
]  # fmt: skip


@settings(max_examples=150)
@given(st.sampled_from(KEYS), ANY_JSON)
def test_any_value_of_any_key_is_taken_or_refused_as_a_configuration_error(key: str, value: Any) -> None:
    content: dict[str, Any] = {
        "luban": 1,
        "process": "p",
        "parameters": {"x": {"low": 0, "high": 1}},
        "responses": {"y": {}},
    }
    try:
        process = luban.Process.from_dict(content | {key: value})
    except ConfigurationError:  # any other exception fails the test
        return
    assert luban.Process.from_dict(process.to_dict()) == process


@settings(max_examples=150)
@given(st.text(max_size=60))
def test_no_text_crashes_the_reader(text: str) -> None:
    try:
        document = _document.parse_yaml(text, "the text")
    except ConfigurationError:  # any other exception fails the test
        return
    assert isinstance(document.content, dict)


YAML_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(st.characters(codec="utf-8"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.dictionaries(st.text(max_size=8), YAML_VALUES, max_size=4))
def test_values_are_read_as_they_are_written(content: dict[str, Any]) -> None:
    assert _document.parse_yaml(_document.dump_yaml(content), "the text").content == content


@pytest.mark.parametrize(
    ("path", "document", "expected"),
    [
        ("../a.yaml", "configs/loop/x.yaml", "configs/loop/../a.yaml"),
        ("./a.yaml", "configs/x.yaml", "configs/a.yaml"),
        ("a.yaml", "configs/x.yaml", "a.yaml"),
        ("/etc/a.yaml", "configs/x.yaml", "/etc/a.yaml"),
    ],
)
def test_a_path_that_begins_with_a_dot_is_relative_to_its_document(path: str, document: str, expected: str) -> None:
    assert _document.resolve_path(path, document) == Path(expected)
