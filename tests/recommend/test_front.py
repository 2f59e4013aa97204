"""Which rows nothing dominates, and the volume they dominate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban import recommend
from luban.errors import DataError


def drawn(seed: int, n: int, m: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 6, (n, m)).astype(float)


def dominates(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a <= b).all() and (a < b).any())


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 12), m=st.integers(1, 5))
def test_kept_rows_are_those_that_no_row_dominates(seed: int, n: int, m: int) -> None:
    Y = drawn(seed, n, m)
    expected = [not any(dominates(other, row) for other in Y) for row in Y]
    assert recommend.non_dominated(Y).tolist() == expected
    assert recommend.non_dominated(-Y, maximize=True).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 12), m=st.integers(1, 4))
def test_hypervolume_counts_the_cells_of_a_grid(seed: int, n: int, m: int) -> None:
    Y = drawn(seed, n, m)
    cells = np.stack(np.meshgrid(*[np.arange(5)] * m, indexing="ij"), axis=-1).reshape(-1, m)
    dominated = (Y[None] <= cells[:, None]).all(axis=2).any(axis=1).sum()
    assert recommend.hypervolume(Y, np.full(m, 5.0)) == pytest.approx(dominated)
    front = Y[recommend.non_dominated(Y)]
    assert recommend.hypervolume(front, np.full(m, 5.0)) == pytest.approx(dominated)


def test_each_objective_has_its_own_sense() -> None:
    Y = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 1.0]])
    assert recommend.non_dominated(Y, maximize=[False, True]).tolist() == [True, True, False]
    assert recommend.hypervolume(Y, [4.0, 0.0], maximize=[False, True]) == pytest.approx(3 * 2 + 2 * 1)


@pytest.mark.parametrize(
    ("Y", "reference", "maximize"),
    [
        (np.zeros((2, 3)), np.zeros(2), False),
        (np.zeros(3), np.zeros(3), False),
        (np.zeros((2, 2)), np.zeros((2, 2)), False),
        (np.zeros((2, 2)), np.zeros(2), [True]),
        ([[np.nan, 1.0]], np.zeros(2), False),
        ([[1.0, 1.0]], [np.inf, 1.0], False),
        ([["a", "b"]], np.zeros(2), False),
        (np.zeros((2, 0)), np.zeros(0), False),
    ],
)
def test_what_does_not_fit_is_refused(Y: object, reference: object, maximize: object) -> None:
    with pytest.raises(DataError, match="recommend"):
        recommend.hypervolume(Y, reference, maximize=maximize)  # type: ignore[arg-type]


def test_front_of_what_has_no_order_is_refused() -> None:
    for bad in ([[np.nan, 1.0]], np.zeros(3), np.zeros((2, 0))):
        with pytest.raises(DataError, match="non_dominated"):
            recommend.non_dominated(bad)  # type: ignore[arg-type]
