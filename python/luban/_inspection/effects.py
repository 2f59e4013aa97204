"""What the settings and the context explain of a response, robustly: the rest is what checks look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._core import Dataset
    from luban._inspection.options import InspectOptions

__all__ = ["Effects", "robust_sd"]

_BLOCK = 65_536
_HUBER = 1.345  # robust standard deviations beyond which a reading counts less (Huber 1964)


def robust_sd(values: NDArray[np.float64]) -> float:
    """Return 1.4826 × the median absolute deviation; of no values NaN. Half equal values give 0."""
    if not len(values):
        return float("nan")
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


class Effects:
    """A least-squares surface with Huber weights: categories as offsets, numbers up to their square.

    It is no model to predict with; it takes away most of what is intended, so that one million-row column can be
    judged in a second. Fitted to a sample of rows, applied to all.
    """

    def __init__(self, data: Dataset, X: NDArray[np.float64], options: InspectOptions) -> None:
        self._X = X
        self._numeric: list[tuple[int, float, float]] = []  # column, centre, scale
        self._categorical: list[tuple[int, int]] = []  # column, categories
        cell = np.zeros(len(X), dtype=np.int64)
        for j, variable in enumerate(data.encoder.variables):
            if variable.is_numeric:
                scale = float(X[:, j].std())
                if scale > 0.0:
                    self._numeric.append((j, float(X[:, j].mean()), scale))
            else:
                self._categorical.append((j, len(variable.categories)))
                if variable.role.name == "context":
                    cell = cell * (len(variable.categories) + 1) + X[:, j].astype(np.int64)
        self.cell = np.unique(cell, return_inverse=True)[1].ravel()  # combination of context of each reading
        rng = np.random.default_rng(options.seed)
        few = min(len(X), options.sample_rows)
        self._sample = np.sort(rng.choice(len(X), few, replace=False))

    def residuals(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is left of y (n, NaN = missing); its median is near 0."""
        present = self._sample[np.isfinite(y[self._sample])]
        squares = True
        design = self._design(present, squares=squares)
        if len(present) < 5 * design.shape[1]:
            squares = False
            design = self._design(present, squares=squares)
        if len(present) < 5 * design.shape[1]:
            return y - float(np.nanmedian(y)) if len(present) else y
        beta = _huber(design, y[present])
        out = np.empty(len(y))
        for begin in range(0, len(y), _BLOCK):
            rows = np.arange(begin, min(len(y), begin + _BLOCK))
            out[rows] = y[rows] - self._design(rows, squares=squares) @ beta
        return out

    def _design(self, rows: NDArray[np.int64], *, squares: bool) -> NDArray[np.float64]:
        columns = [np.ones(len(rows))]
        for j, centre, scale in self._numeric:
            z = np.clip((self._X[rows, j] - centre) / scale, -4.0, 4.0)  # one mistyped setting must not bend the rest
            columns += [z, z * z] if squares else [z]
        for j, count in self._categorical:
            codes = self._X[rows, j]
            columns += [(codes == k).astype(np.float64) for k in range(1, count)]
        return np.column_stack(columns)


def _huber(design: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    ridge = 1e-8 * len(y) * np.eye(design.shape[1])
    weight: NDArray[np.float64] = np.ones(len(y))
    beta: NDArray[np.float64] = np.zeros(design.shape[1])
    beta[0] = float(np.median(y))
    for _ in range(8):
        away = np.abs(y - design @ beta)
        scale = 1.4826 * float(np.median(away))
        if scale > 0.0:
            weight = np.asarray(1.0 / np.maximum(1.0, away / (_HUBER * scale)), dtype=np.float64)
        weighted = design * weight[:, None]
        solved = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ y)
        beta = np.asarray(solved, dtype=np.float64)
    return beta
