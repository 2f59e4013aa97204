"""The base as Python sees it: errors that arrive whole, digests, times, hints."""

import datetime
import hashlib
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import luban.errors
from luban import _core
from luban.errors import DataError, Error, UnitError

FIELDS = ("where", "expected", "received", "place", "hint")


@pytest.mark.parametrize("name", sorted(_core.error_types()))
def test_every_error_arrives_as_its_class_with_its_fields(name: str) -> None:
    with pytest.raises(Error) as caught:
        _core.throw_error(name)
    error = caught.value
    assert type(error) is getattr(luban.errors, name)
    assert (error.where, error.received, error.place, error.hint) == ("core.throw_error", name, "C++", "none")
    assert str(error) == f"[core.throw_error] expected {error.expected}, received {name} (C++). Hint: none."


def test_an_error_raised_in_python_reads_as_one_from_cpp() -> None:
    error = UnitError(where="units.convert", expected="a length", received="'kg'")
    assert str(error) == "[units.convert] expected a length, received 'kg'."
    assert (error.place, error.hint) == ("", "")
    assert isinstance(error, DataError)


@given(st.fixed_dictionaries({field: st.text(max_size=20) for field in FIELDS}))
def test_an_error_survives_pickling(fields: dict[str, str]) -> None:
    """Worker processes send their errors back pickled."""
    error = DataError(**fields)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is DataError
    assert str(again) == str(error)
    assert {field: getattr(again, field) for field in FIELDS} == fields


@given(st.binary(max_size=300))
def test_sha256_agrees_with_the_standard_library(content: bytes) -> None:
    assert _core.sha256(content) == hashlib.sha256(content).hexdigest()


INSTANTS = st.datetimes(datetime.datetime(1678, 1, 1), datetime.datetime(2261, 12, 31))
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)
EPOCH = datetime.datetime(1970, 1, 1)


def nanoseconds(instant: datetime.datetime) -> int:
    return (instant - EPOCH) // datetime.timedelta(microseconds=1) * 1000


@given(INSTANTS)
def test_times_are_read_as_the_standard_library_reads_them(instant: datetime.datetime) -> None:
    assert _core.parse_time(instant.isoformat() + "Z") == nanoseconds(instant)


@given(INSTANTS, OFFSETS)
def test_zones_are_offsets_from_utc(instant: datetime.datetime, minutes: int) -> None:
    zone = datetime.timezone(datetime.timedelta(minutes=minutes))
    local = instant.replace(tzinfo=zone)
    assert _core.parse_time(local.isoformat()) == nanoseconds(instant) - minutes * 60_000_000_000


@given(st.integers(nanoseconds(datetime.datetime(1678, 1, 1)), nanoseconds(datetime.datetime(2261, 12, 31))))
def test_time_text_reads_back(count: int) -> None:
    assert _core.parse_time(_core.time_text(count)) == count


def test_a_missing_time_says_so() -> None:
    assert _core.time_text(-(2**63)) == "missing"


@given(st.text(max_size=30))
def test_no_text_crashes_the_reader_of_times(text: str) -> None:
    try:
        count = _core.parse_time(text)
    except DataError:  # any other exception fails the test
        return
    assert _core.parse_time(_core.time_text(count)) == count


def test_hints_name_the_nearest() -> None:
    assert _core.nearest_hint("fede", ["speed", "feed"]) == 'did you mean "feed"?'
    assert _core.nearest_name("voltage", ["speed", "feed"]) == ""
    assert _core.nearest_hint("voltage", ["speed", "feed"]) == "known are speed and feed"


@given(st.text(min_size=1, max_size=12), st.lists(st.text(min_size=1, max_size=12), max_size=6))
def test_a_name_is_nearest_to_itself(name: str, others: list[str]) -> None:
    near = _core.nearest_name(name, [*others, name])
    assert near == "" or near in [*others, name]
    if len(name) > 1 and name.isascii():
        assert near.lower() == name.lower()


def test_build_info_states_what_was_built() -> None:
    info = luban.build_info()
    assert info["version"] == luban.__version__
    assert info["pybind11"] == "3.0.4"
    assert info["with_python"] is True
    for library in ("hdf5", "tbb", "eigen", "nlohmann_json"):
        version = info[library]
        assert isinstance(version, str)
        assert version.split(".")[0].isdigit(), library
