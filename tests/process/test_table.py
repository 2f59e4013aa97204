"""Tables cross the border between Python and C++ unchanged, or are refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban import _core
from luban.errors import DataError
from luban.process import Column, MemorySource, Table


def test_kinds_follow_the_values() -> None:
    times = np.array(["2026-11-24T10:00", "NaT"], dtype="datetime64[ns]")
    table = Table.from_dict(
        {"speed": [1, 2], "start": times, "wear": [0, -1], "lot": ["a", ""]},
        units={"speed": "m/min"},
        categories={"wear": ["New", "Worn"]},
    )
    assert len(table) == 2
    assert table.names == ["speed", "start", "wear", "lot"]
    assert table.units == {"speed": "m/min"}
    assert table.categories == {"wear": ["New", "Worn"]}
    assert table["speed"].dtype == np.float64
    assert table["wear"].dtype == np.int32
    np.testing.assert_array_equal(table["start"], times)
    assert list(table["lot"]) == ["a", ""]
    assert "lot" in table
    assert "lott" not in table


def test_ragged_samples_keep_their_rows() -> None:
    column = Column.ragged("current", "A", np.arange(4, dtype=np.float32), [0, 1, 1, 4])
    values, offsets = column.values
    assert len(column) == 3
    np.testing.assert_array_equal(values, [0, 1, 2, 3])
    np.testing.assert_array_equal(offsets, [0, 1, 1, 4])


@pytest.mark.parametrize(
    "columns",
    [
        {"a": [1.0, 2.0], "b": [1.0]},
        {"a": [1 + 2j]},
        {"a": [[1.0, 2.0]]},
        {"a": ["text", None]},
        {"a": np.array(["x", 1.5], dtype=object)},
        {"a": [["x"], ["y"]]},
    ],
)
def test_refuses_columns_that_are_none(columns: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        Table.from_dict(columns)


def test_refuses_codes_without_a_category() -> None:
    with pytest.raises(DataError, match="codes from -1 to 1"):
        Table.from_dict({"wear": [0, 2]}, categories={"wear": ["New", "Worn"]})


def test_names_the_nearest_column() -> None:
    table = Table.from_dict({"speed": [1.0]})
    with pytest.raises(DataError) as caught:
        table["sped"]
    assert caught.value.hint == 'did you mean "speed"?'


def test_arrays_share_the_memory_of_their_table_and_keep_it() -> None:
    values = np.array([1.0, 2.0])
    table = Table.from_dict({"x": values, "label": ["a", "b"]})
    values[0] = 9.0
    out, column = table["x"], table.column("x")
    with pytest.raises(ValueError, match="read-only"):
        out[1] = 9.0
    assert np.shares_memory(out, column.values)
    for number in range(100):  # the columns move; what they own does not
        table.add(Column.float64(f"x{number}", "", [0.0, 1.0]))
    assert np.shares_memory(out, table.to_dict()["x"])
    assert (column.name, column.unit, len(column), column.info.kind.name) == ("x", "", 2, "float64")
    assert table["label"].tolist() == ["a", "b"]
    copy = column.copy()
    del table, column
    np.testing.assert_array_equal(out, [1.0, 2.0])
    np.testing.assert_array_equal(copy.values, [1.0, 2.0])
    assert not np.shares_memory(out, copy.values)


@given(st.lists(st.floats(), max_size=20), st.data())
def test_a_source_reads_any_rows(numbers: list[float], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(numbers)))
    end = data.draw(st.integers(begin, len(numbers)))
    source = MemorySource(Table.from_dict({"x": np.array(numbers)}), _core.Grain.runs)
    assert source.row_count() == len(numbers)
    part = source.read(["x"], begin, end)["x"]
    np.testing.assert_array_equal(part, numbers[begin:end])
    with pytest.raises(DataError):
        source.read(["x"], 0, len(numbers) + 1)
