"""What every acquisition must do, whether it judges points one by one or several together, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from luban import _core
from luban._conformance.violations import Violations
from luban.errors import DataError, LifecycleError

if TYPE_CHECKING:
    import numpy.typing as npt

    from luban._core import Surrogate

__all__ = ["Acquisition", "check_acquisition", "check_joint_acquisition"]

_FAR = 10.0  # coded inputs are in [0, 1]


class Acquisition(Protocol):
    """What :func:`check_acquisition` can check: ``evaluate`` of a posterior, C++ or Python."""

    def evaluate(self, posterior: Any, *, gradients: bool = False) -> tuple[Any, Any]:
        """Return the value and, when asked for, its gradient by the coded inputs, else None."""


def check_acquisition(
    acquisition: Acquisition,
    surrogate: Surrogate,
    X: npt.NDArray[np.float64],
    *,
    tolerance: float = 1e-4,
    step: float = 1e-6,
) -> None:
    """Check an acquisition of single points against its contract, on any surrogate.

    One value per point; the same answer twice, and for a point alone; no NaN, neither far outside the data nor on
    repeated points; gradients against finite differences (relative ``tolerance``; a larger ``step`` for surrogates in
    single precision), zero by categories; no points, no values; gradients refused from a posterior asked for without.
    ``X`` (q, p) are coded inputs away from kinks.

    Raises: AssertionError listing everything that did not hold.
    """
    _Pointwise(acquisition, surrogate, X, tolerance, step).judge()


def check_joint_acquisition(
    make: Callable[[_core.SurrogateBeside, int], Acquisition],
    surrogate: Surrogate,
    X: npt.NDArray[np.float64],
    fixed: npt.NDArray[np.float64],
    *,
    tolerance: float = 1e-4,
    step: float = 1e-6,
) -> None:
    """Check an acquisition of several points together, made by ``make(beside, q)``, against its contract.

    One value; the same twice and for another acquisition made alike; not changed by the order of the points beyond what
    samples explain; no NaN far outside and on repeated points; gradients (q, p) against finite differences; another
    number of points refused. ``X`` (q, p) and the ``fixed`` points (b, p) are coded inputs.

    Raises: AssertionError listing everything that did not hold.
    """
    _Joint(make, surrogate, X, fixed, tolerance, step).judge()


class _Gradients(Violations):
    """Finite differences of one number per row of X, by each numeric column."""

    def __init__(
        self, name: str, surrogate: Surrogate, X: npt.NDArray[np.float64], tolerance: float, step: float, of_all: bool
    ) -> None:
        super().__init__()
        self.name = name
        self.surrogate = surrogate
        self.X = np.asarray(X, dtype=np.float64)
        self.tolerance = tolerance
        self.step = step
        self.of_all = of_all  # every value depends on all rows: they are moved one after the other

    def judge(self) -> None:
        self.run()
        if self.violations:
            raise AssertionError(f"{self.name}: " + "; ".join(self.violations))

    def run(self) -> None:
        raise NotImplementedError

    def value(self, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        raise NotImplementedError

    def compare(self, gradient: Any) -> None:
        got = np.asarray(gradient, dtype=np.float64)
        if got.shape != self.X.shape:
            self.violations.append(f"the gradient is not (q, p) but {got.shape}")
            return
        self.expect(np.isfinite(got).all(), "a gradient is not finite")
        for column, variable in enumerate(self.surrogate.encoder.variables):
            if variable.is_numeric:
                self.near(got[:, column], self.slope(column), variable.name)
            elif variable.kind.name == "categorical":
                self.expect(not got[:, column].any(), f"the gradient by the category {variable.name} is not 0")

    def slope(self, column: int) -> npt.NDArray[np.float64]:
        def difference(rows: Any) -> npt.NDArray[np.float64]:
            shift = np.zeros_like(self.X)
            shift[rows, column] = self.step
            return (self.value(self.X + shift) - self.value(self.X - shift)) / (2.0 * self.step)

        if not self.of_all:
            return difference(slice(None))
        return np.array([difference(row)[0] for row in range(len(self.X))])

    def near(self, got: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], name: str) -> None:
        rounding = 1e-14 * float(np.abs(self.value(self.X)).max(initial=1.0)) / self.step
        allowed = self.tolerance * float(np.abs(wanted).max(initial=0.0)) + 100.0 * rounding
        worst = float(np.abs(got - wanted).max(initial=0.0))
        self.expect(worst <= allowed, f"the gradient by {name} misses the finite difference by {worst:.3g}")

    def far_outside(self) -> npt.NDArray[np.float64]:
        out = self.X.copy()
        for column, variable in enumerate(self.surrogate.encoder.variables):
            if variable.is_numeric:
                out[:, column] += _FAR
        return out


class _Pointwise(_Gradients):
    def __init__(
        self,
        acquisition: Acquisition,
        surrogate: Surrogate,
        X: npt.NDArray[np.float64],
        tolerance: float,
        step: float,
    ) -> None:
        super().__init__(type(acquisition).__name__, surrogate, X, tolerance, step, of_all=False)
        self.acquisition = acquisition

    def value(self, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        value, gradient = self.acquisition.evaluate(self.surrogate.posterior(X))
        self.expect(gradient is None, "a gradient came that was not asked for")
        return np.asarray(value, dtype=np.float64)

    def run(self) -> None:
        values = self.value(self.X)
        if values.shape != (len(self.X),):
            self.violations.append(f"values are not (q) but {values.shape}")
            return
        self.expect(not np.isnan(values).any(), "a value is NaN")
        self.expect(np.array_equal(values, self.value(self.X)), "the same question has another answer")
        alone = np.concatenate([self.value(self.X[i : i + 1]) for i in range(len(self.X))])
        close = np.abs(alone - values) <= 1e-6 * (1.0 + np.abs(values))
        self.expect(close.all(), "a point's value depends on its neighbours")
        self.expect(self.value(self.X[:0]).shape == (0,), "no points have values")
        twice = np.repeat(self.X[:1], 2, axis=0)
        self.expect(not np.isnan(self.value(twice)).any(), "a value is NaN where a point is repeated")
        self.expect(not np.isnan(self.value(self.far_outside())).any(), "a value is NaN far outside")
        again, gradient = self.acquisition.evaluate(self.surrogate.posterior(self.X, gradients=True), gradients=True)
        self.expect(np.allclose(again, values, rtol=1e-12, atol=0.0), "with gradients the value is another")
        self.compare(gradient)
        plain = self.surrogate.posterior(self.X)
        self.refuses(
            LifecycleError,
            lambda: self.acquisition.evaluate(plain, gradients=True),
            "gradients came from a posterior asked for without",
        )


class _Joint(_Gradients):
    def __init__(
        self,
        make: Callable[[_core.SurrogateBeside, int], Acquisition],
        surrogate: Surrogate,
        X: npt.NDArray[np.float64],
        fixed: npt.NDArray[np.float64],
        tolerance: float,
        step: float,
    ) -> None:
        self.beside = _core.beside(surrogate, np.asarray(fixed, dtype=np.float64))
        self.make = make
        self.acquisition = make(self.beside, len(X))
        super().__init__(type(self.acquisition).__name__, surrogate, X, tolerance, step, of_all=True)

    def value(self, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        value, gradient = self.acquisition.evaluate(self.beside.posterior(X))
        self.expect(gradient is None, "a gradient came that was not asked for")
        return np.array([value], dtype=np.float64)

    def run(self) -> None:
        value = self.value(self.X)
        self.expect(not np.isnan(value).any(), "the value is NaN")
        self.expect(np.array_equal(value, self.value(self.X)), "the same question has another answer")
        self.acquisition = self.make(self.beside, len(self.X))
        self.expect(np.array_equal(value, self.value(self.X)), "another acquisition made alike has another answer")
        turned = self.value(self.X[::-1].copy())
        self.expect(abs(turned - value)[0] <= 0.3 * (1.0 + abs(value[0])), "the order of the points matters")
        twice = np.repeat(self.X[:1], len(self.X), axis=0)
        self.expect(not np.isnan(self.value(twice)).any(), "the value is NaN where a point is repeated")
        self.expect(not np.isnan(self.value(self.far_outside())).any(), "the value is NaN far outside")
        again, gradient = self.acquisition.evaluate(self.beside.posterior(self.X, gradients=True), gradients=True)
        self.expect(np.isclose(again, value[0], rtol=1e-9), "with gradients the value is another")
        self.compare(gradient)
        more = np.vstack([self.X, self.X[:1]])
        self.refuses(
            DataError,
            lambda: self.acquisition.evaluate(self.beside.posterior(more)),
            "a point too many was accepted",
        )
