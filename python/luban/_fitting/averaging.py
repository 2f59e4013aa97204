"""Posteriors at stated inputs, averaged over the noise variables that nobody states, as they were observed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from luban import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._fitting.inputs import Inputs

__all__ = ["Averager"]

_VARIANCES = ("latent", "run_mean", "reading")
_BLOCK = 4096  # rows at a time: what they need beside the answer stays small


@dataclass(frozen=True)
class _Part:
    """Rows that share their noise levels: row i of them owns rows i·L … i·L + L − 1 of X."""

    rows: NDArray[np.int64]
    X: NDArray[np.float64]
    weights: NDArray[np.float64]


class Averager:
    """One surrogate at some inputs: moments and joint samples, rows in the inputs' order."""

    def __init__(self, surrogate: _core.Surrogate, dataset: _core.Dataset, inputs: Inputs) -> None:
        self._surrogate = surrogate
        self._q = len(inputs.X)
        self._parts = list(_parts(dataset, inputs)) if inputs.absent else [_whole(inputs.X)]

    def moments(self) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
        """Mean (q, m), and variance (q, m) of the latent response, of a run mean and of a reading."""
        m = len(self._surrogate.responses)
        mean = np.empty((self._q, m))
        variance = {of: np.empty((self._q, m)) for of in _VARIANCES}
        for part in self._parts:
            levels = len(part.weights)
            for begin in range(0, len(part.rows), _BLOCK):
                rows = part.rows[begin : begin + _BLOCK]
                X = part.X[begin * levels : (begin + len(rows)) * levels]
                posterior = self._surrogate.average(X, part.weights)
                mean[rows] = posterior.mean()
                for of in _VARIANCES:
                    variance[of][rows] = posterior.variance(of)
        return mean, variance

    def sample(self, n: int, seed: int, of: str) -> NDArray[np.float64]:
        """Draw joint samples (n, q, m)."""
        if len(self._parts) == 1:
            part = self._parts[0]
            drawn = self._surrogate.average(part.X, part.weights, joint=True).sample(n, seed, of)
            out = np.empty_like(drawn)
            out[:, part.rows] = drawn
            return out
        return self._sample_across(n, seed, of)

    def _sample_across(self, n: int, seed: int, of: str) -> NDArray[np.float64]:
        """Rows of different noise levels, jointly: samples of all levels' latent values, averaged row by row."""
        X = np.vstack([part.X for part in self._parts])
        drawn = self._surrogate.posterior(X, joint=True).sample(n, seed, "latent")
        out = np.empty((n, self._q, drawn.shape[2]))
        at = 0
        for part in self._parts:
            levels = len(part.weights)
            of_part = drawn[:, at : at + len(part.X)].reshape(n, len(part.rows), levels, -1)
            out[:, part.rows] = np.einsum("nqlm,l->nqm", of_part, part.weights)
            at += len(part.X)
        if of != "latent":
            _, variance = self.moments()
            more = np.sqrt(np.maximum(variance[of] - variance["latent"], 0.0))
            out += more * np.random.default_rng(seed).standard_normal(out.shape)
        return out


def _whole(X: NDArray[np.float64]) -> _Part:
    return _Part(np.arange(len(X)), X, np.ones(1))


def _parts(dataset: _core.Dataset, inputs: Inputs) -> Iterator[_Part]:
    """Group rows by their categorical context: numeric context is too fine to have noise levels of its own."""
    encoder = dataset.encoder
    noise = np.array(encoder.columns_of(_core.Role.noise))
    columns = encoder.columns_of(_core.Role.context)
    numeric = [encoder.variables[j].is_numeric for j in columns]
    context = inputs.X[:, columns].copy()
    context[:, numeric] = 0.0
    keys, part_of = np.unique(context, axis=0, return_inverse=True)
    keys[:, numeric] = np.nan  # any value
    alike: dict[tuple[bytes, bytes], list[int]] = {}
    levels_of: dict[tuple[bytes, bytes], _core.NoiseLevels] = {}
    for number, key in enumerate(keys):
        levels = _core.observed_noise_levels(dataset, key)
        same = (levels.levels.tobytes(), levels.weights.tobytes())
        alike.setdefault(same, []).append(number)
        levels_of[same] = levels
    for same, numbers in alike.items():
        levels = levels_of[same]
        rows = np.flatnonzero(np.isin(part_of.ravel(), numbers))
        X = np.repeat(inputs.X[rows], len(levels.weights), axis=0)
        tiled = np.tile(levels.levels, (len(rows), 1))
        for position, j in enumerate(noise):
            if j in inputs.absent:
                X[:, j] = tiled[:, position]
        yield _Part(rows, X, levels.weights)
