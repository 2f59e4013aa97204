"""Rows by runs: what borders say is what a look at every row says."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd

from luban._intake.cells import first_places, number_text, number_texts, taken
from luban._intake.row_runs import RowRuns, expanded, starts_of

KEYS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3)), max_size=8).map(
    lambda stretches: np.array([key for key, length in stretches for _ in range(length)], dtype=np.int64)
)


@hypothesis.given(keys=KEYS, seed=st.integers(0, 99))
def test_runs_of_rows(keys: np.ndarray, seed: int) -> None:
    runs = RowRuns.of(keys)
    names = list(dict.fromkeys(keys.tolist()))
    assert runs.keys.tolist() == names
    assert runs.run.tolist() == [names.index(key) for key in keys.tolist()]
    assert runs.first.tolist() == [keys.tolist().index(name) for name in names]
    frame = pd.DataFrame({"key": keys})
    assert runs.counted().tolist() == (frame.groupby("key").cumcount() + 1).tolist()
    random = np.random.default_rng(seed)
    for values in (random.integers(0, 2, len(keys)), random.integers(0, 9, 5)[keys], runs.counted()):
        frame["value"] = values
        assert runs.constant(values) == all(len(set(part)) == 1 for _, part in frame.groupby("key")["value"])
        assert runs.again(values).tolist() == frame.duplicated().tolist()


@hypothesis.given(columns=st.lists(st.lists(st.integers(0, 1), min_size=6, max_size=6), min_size=1, max_size=3))
def test_starts(columns: list[list[int]]) -> None:
    rows = list(zip(*columns, strict=True))
    starts = starts_of([np.array(column) for column in columns])
    assert starts.tolist() == [place for place in range(6) if place == 0 or rows[place] != rows[place - 1]]
    assert [rows[start] for start in expanded(starts, starts, 6)] == rows


@hypothesis.given(st.lists(st.integers(-1, 5)))
def test_first_places(codes: list[int]) -> None:
    expected = [codes.index(code) if code in codes else len(codes) for code in range(6)]
    assert first_places(np.array(codes, dtype=np.int32), 6).tolist() == expected


@hypothesis.given(st.lists(st.floats(allow_infinity=False) | st.integers(-(2**60), 2**60).map(float)))
def test_texts_of_numbers(values: list[float]) -> None:
    expected = ["" if value != value else number_text(value) for value in values]
    assert number_texts(np.array(values, dtype=np.float64)) == expected


def test_taken() -> None:
    values = np.arange(4)
    assert taken(values, np.arange(4)) is values
    assert taken(values, np.array([1, 3])).tolist() == [1, 3]
