"""What everything that proposes points for plain arrays must do, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._conformance.violations import Violations
from luban.errors import DataError, Error

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["check_recommender"]

_LOW, _HIGH = np.array([-2.0, 10.0]), np.array([3.0, 40.0])
_BEST = np.array([1.0, 30.0])


def check_recommender(propose: Callable[..., Any], *, steps: int = 12) -> None:
    """Check ``propose(X, Y, bounds, q, seed) -> points (q, d)``, smaller Y being better, against its contract.

    q points within the bounds; the same bits for a seed; nothing that was given is changed; units of the columns and of
    Y do not matter; answers for one run, repeated runs, a constant response, tiny and huge scales; arrays that do not
    fit or are not finite are refused with a typed error; and it gets somewhere: after ``steps`` steps on a bowl in two
    dimensions, better than random points.

    Raises: AssertionError listing everything that did not hold.
    """
    check = _Recommender(propose, steps)
    check.run()
    if check.violations:
        raise AssertionError("recommender: " + "; ".join(check.violations))


def _bowl(X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    out: npt.NDArray[np.float64] = (((X - _BEST) / (_HIGH - _LOW)) ** 2).sum(axis=1)
    return out


class _Recommender(Violations):
    def __init__(self, propose: Callable[..., Any], steps: int) -> None:
        super().__init__()
        self.propose = propose
        self.steps = steps
        self.bounds = np.stack([_LOW, _HIGH])
        self.X = self.random(8, 1)
        self.Y = _bowl(self.X)

    def run(self) -> None:
        self.shapes()
        if self.violations:  # nothing else can be compared
            return
        self.determinism()
        self.units()
        self.awkward_data()
        self.refusals()
        self.progress()

    def random(self, n: int, seed: int) -> npt.NDArray[np.float64]:
        return np.random.default_rng(seed).uniform(_LOW, _HIGH, (n, 2))

    def ask(self, X: Any, Y: Any, q: int = 1, seed: int = 0) -> npt.NDArray[np.float64]:
        return np.asarray(self.propose(X, Y, self.bounds, q, seed), dtype=np.float64)

    def inside(self, points: npt.NDArray[np.float64], where: str) -> None:
        slack = 1e-9 * (_HIGH - _LOW)
        holds = np.isfinite(points).all() and (points >= _LOW - slack).all() and (points <= _HIGH + slack).all()
        self.expect(holds, f"points leave the bounds {where}")

    def shapes(self) -> None:
        for q in (1, 3):
            points = self.ask(self.X, self.Y, q)
            self.expect(points.shape == (q, 2), f"points are not (q, d) for q = {q} but {points.shape}")
            self.inside(points, f"for q = {q}")
            apart = len(np.unique(np.round((points - _LOW) / (_HIGH - _LOW), 6), axis=0)) == q
            self.expect(apart, "two of q points are the same")

    def determinism(self) -> None:
        X, Y = self.X.copy(), self.Y.copy()
        first = self.ask(X, Y, 2, seed=3)
        self.expect(np.array_equal(first, self.ask(X, Y, 2, seed=3)), "the same seed gives other points")
        self.expect(np.array_equal(X, self.X) and np.array_equal(Y, self.Y), "what was given has been changed")

    def units(self) -> None:
        first = self.ask(self.X, self.Y)
        for scale in (1e-6, 1e6):
            there = self.ask(self.X, scale * self.Y + scale)
            near = np.abs(there - first) <= 1e-2 * (_HIGH - _LOW)
            self.expect(near.all(), f"Y in a unit {scale:g} times as large leads elsewhere")

    def awkward_data(self) -> None:
        twice = np.vstack([self.X, self.X])
        cases = {
            "one run": (self.X[:1], self.Y[:1]),
            "repeated runs": (twice, np.concatenate([self.Y, self.Y])),
            "one point only": (np.repeat(self.X[:1], 5, axis=0), self.Y[:5]),
            "a constant response": (self.X, np.full(8, 2.5)),
            "a constant response of 0": (self.X, np.zeros(8)),
            "scale 1e-12": (self.X, 1e-12 * self.Y),
            "scale 1e12": (self.X, 1e12 * self.Y),
            "a far outlier": (self.X, np.where(np.arange(8) == 3, 1e9, self.Y)),
        }
        for name, (X, Y) in cases.items():
            try:
                points = self.ask(X, Y)
            except Error as error:
                self.violations.append(f"{name}: {type(error).__name__} instead of points")
                continue
            self.inside(points, f"with {name}")

    def refusals(self) -> None:
        for value in (np.nan, np.inf):
            wrong = self.X.copy()
            wrong[0, 0] = value
            self.refuses(DataError, lambda X=wrong: self.ask(X, self.Y), f"a setting {value} was accepted")  # type: ignore[misc]
        infinite = self.Y.copy()
        infinite[0] = np.inf
        self.refuses(DataError, lambda: self.ask(self.X, infinite), "a response inf was accepted")
        self.refuses(DataError, lambda: self.ask(self.X[:5], self.Y), "fewer settings than responses were accepted")
        self.refuses(DataError, lambda: self.ask(self.X[:, :1], self.Y), "a column too few was accepted")
        self.refuses(DataError, lambda: self.ask(self.X[:0], self.Y[:0]), "no runs were accepted")

    def progress(self) -> None:
        X, Y = self.random(4, 2), _bowl(self.random(4, 2))
        for step in range(self.steps):
            new = self.ask(X, Y, 1, seed=step)
            self.inside(new, f"in step {step}")
            X, Y = np.vstack([X, new]), np.concatenate([Y, _bowl(new)])
        by_chance = [_bowl(self.random(self.steps, 100 + seed)).min() for seed in range(50)]
        usual, found = float(np.median(by_chance)), float(Y[4:].min())
        self.expect(found < usual, f"in {self.steps} steps {found:.3g}, random points {usual:.3g}")
