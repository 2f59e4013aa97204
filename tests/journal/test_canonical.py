"""Canonical JSON: everything comes back, and no two payloads have one text."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban.errors import DataError
from luban.journal.canonical import decode, encode

KEYS = st.one_of(st.text(max_size=6), st.sampled_from(["$", "$number", "$$number", "$a", "a"]))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=8),
    st.sampled_from(["NaN", "Infinity", 0, 0.0, -0.0, 1, 1.0, True]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
PAYLOADS = st.dictionaries(KEYS, VALUES, max_size=5)


def identity(value: Any) -> Any:
    """A value with its type at every level: equal exactly when two values are the same."""
    if isinstance(value, dict):
        return ("mapping", sorted((key, identity(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", [identity(item) for item in value])
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value.hex())
    return (type(value).__name__, repr(value))


@given(PAYLOADS)
def test_everything_comes_back(payload: dict[str, Any]) -> None:
    text = encode(payload)
    assert identity(decode(text)) == identity(payload)
    assert text.isascii()
    assert encode(decode(text)) == text
    json.loads(text, parse_constant=pytest.fail)  # no NaN that other readers would not know


@given(PAYLOADS, PAYLOADS)
def test_no_two_payloads_have_one_text(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (encode(one) == encode(other)) == (identity(one) == identity(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": True}),
        ({"a": 0.0}, {"a": -0.0}),
        ({"a": math.nan}, {"a": {"$number": "NaN"}}),
        ({"a": math.inf}, {"a": "Infinity"}),
        ({"$a": 1}, {"$$a": 1}),
        ({"a": None}, {}),
    ],
)
def test_what_is_nearly_the_same_is_not(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert encode(one) != encode(other)


def test_order_of_keys_does_not_matter() -> None:
    assert encode({"b": 1, "a": 2}) == encode({"a": 2, "b": 1}) == '{"a":2,"b":1}'


def test_numpy_scalars_and_arrays_are_numbers() -> None:
    payload = {"a": np.float64(1.5), "b": np.int32(3), "c": np.array([1.0, np.nan]), "d": np.bool_(True), "e": (1, 2)}
    assert encode(payload) == '{"a":1.5,"b":3,"c":[1.0,{"$number":"NaN"}],"d":true,"e":[1,2]}'


def nested(levels: int) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for _ in range(levels):
        payload = {"a": payload}
    return payload


@pytest.mark.parametrize(
    "payload",
    [[1], {"a": object()}, {"a": b"x"}, {1: 2}, {"a": {2: 3}}, {"a": 2**64}, nested(80), {"a": {1, 2}}],
    ids=["list", "object", "bytes", "number_as_key", "deep_key", "2**64", "nested", "set"],
)
def test_what_json_does_not_know_is_refused(payload: Any) -> None:
    with pytest.raises(DataError, match=r"\[journal.append\] expected .* \(payload"):
        encode(payload)


def test_a_payload_may_not_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luban.journal.canonical.LARGEST_PAYLOAD", 20)
    encode({"a": "x" * 10})
    with pytest.raises(DataError, match="at most 20 characters"):
        encode({"a": "x" * 20})
