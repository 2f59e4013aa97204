"""The recommenders for plain arrays against one contract; and the contract sees faults."""

from typing import Any

import numpy as np
import pytest

from luban import recommend, testing
from luban.errors import DataError


def test_propose_conforms() -> None:
    testing.check_recommender(recommend.propose)


class Broken:
    """A recommender with one fault, around a right one."""

    def __init__(self, fault: str) -> None:
        self._fault = fault
        self._calls = 0

    def __call__(self, X: Any, Y: Any, bounds: np.ndarray, q: int, seed: int) -> np.ndarray:
        self._calls += 1
        if self._fault == "credulous":
            X, Y = np.nan_to_num(X), np.nan_to_num(Y)
        if self._fault == "restless":
            seed = self._calls
        out = np.array(recommend.propose(X, Y, bounds, q, seed))
        if self._fault == "outside":
            out[0] = bounds[1] + 1.0
        if self._fault == "twice":
            out[:] = out[0]
        if self._fault == "units":
            out = np.clip(out * (1.0 + 1e-3 * np.max(np.abs(Y))), bounds[0], bounds[1])
        return out


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("outside", "leave the bounds"),
        ("twice", "are the same"),
        ("restless", "same seed"),
        ("units", "in a unit"),
        ("credulous", "was accepted"),
    ],
)
def test_the_conformance_suite_sees_faults(fault: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        testing.check_recommender(Broken(fault), steps=1)


def test_chance_gets_nowhere() -> None:
    def by_chance(X: Any, Y: Any, bounds: np.ndarray, q: int, seed: int) -> np.ndarray:
        if not (np.isfinite(X).all() and np.isfinite(Y).all()) or len(X) != len(Y) or not len(X) or X.shape[1] != 2:
            raise DataError(where="chance", expected="arrays that fit", received="others")
        return bounds[0] + 0.01 * np.random.default_rng(seed).random((q, 2)) * (bounds[1] - bounds[0])

    with pytest.raises(AssertionError, match="random points"):
        testing.check_recommender(by_chance)
