"""What a model has missed since it was fitted, of one response: residuals of runs, and the small process on them.

Two kinds of departure are believed in. A *drift* belongs to a context, partly to all of them, and is forgotten with
time: wear, a new lot, the weather. A *local* one belongs to a region of settings and stays: what the model never knew.
Their sizes begin as multiples of the scatter of a run's mean. They are chosen anew, by the evidence of the residuals,
only after a test of the innovations says that they are wrong.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from luban import _core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban.service.learner import LearnerOptions

    Array = NDArray[np.float64]

__all__ = ["Missed", "Residual"]

#: Factors on drift and local departures among which evidence chooses, and how unlikely a factor of 2 is, as a
#: standard deviation of the logarithm to base 2. Local ones reach where nothing was run: they stay small.
_DRIFT_FACTORS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
_LOCAL_FACTORS = (0.5, 1.0, 2.0)
_USUAL = (1.0, 1.0)
_SPREAD_OF_FACTORS = 1.0


@dataclass
class Residual:
    """What was missed in one run: observed less ``expected`` by the model, at coded inputs, with its noise variance."""

    run_id: str
    time: float
    point: Array
    value: float
    noise: float
    expected: float


class Missed:
    """Residuals of one response, and the sizes of departures that are believed in now."""

    def __init__(self, encoder: _core.Encoder, scatter: float, options: LearnerOptions) -> None:
        self._encoder = encoder
        self._scatter = scatter
        self._options = options
        self._lengths = _lengths(encoder, options)
        self.factors = _USUAL
        self.refits = 0
        self.residuals: list[Residual] = []
        self._innovations: list[float] = []
        self._process: _core.ResidualProcess | None = None

    @property
    def process(self) -> _core.ResidualProcess | None:
        """The process on the residuals as they stand; None before the first one."""
        if self._process is None and self.residuals and self._scatter > 0.0:
            self._process = self._made(self.factors)
        return self._process

    def prior_variance(self) -> float:
        """Variance of a departure that nothing was seen of yet."""
        return sum(term.variance for term in self._terms(self.factors))

    def knows(self, run_id: str) -> bool:
        """Whether a residual of this run is there."""
        return any(one.run_id == run_id for one in self.residuals)

    def add(self, residual: Residual) -> None:
        """Take in a residual; one of a run that is there already replaces it."""
        known = [k for k, one in enumerate(self.residuals) if one.run_id == residual.run_id]
        if known:
            self.residuals[known[0]] = residual
        else:
            self.residuals.append(residual)
            self.residuals.sort(key=lambda one: one.time)  # a late response takes the time of its run
            del self.residuals[: -self._options.memory]
        self._process = None

    def judge(self, standardised: float) -> bool:
        """Count an innovation; choose the sizes anew when the last ones are wider or narrower than they claim.

        Sizes other than the usual ones are chosen anew after every window, so that one upset is not believed in for
        ever. Returns whether the sizes changed.
        """
        window = self._options.test_runs
        self._innovations = [*self._innovations[1 - window :], standardised]
        if len(self._innovations) < window or self._scatter <= 0.0:
            return False
        total = sum(value * value for value in self._innovations)
        low, high = chi_square_bounds(window, self._options.test_chance)
        if low <= total <= high and self.factors == _USUAL:
            return False
        self._innovations.clear()  # the next test is of the new sizes
        return self._refit()

    def _refit(self) -> bool:
        scores = {pair: self._evidence(pair) for pair in itertools.product(_DRIFT_FACTORS, _LOCAL_FACTORS)}
        best = max(scores, key=lambda pair: scores[pair])
        self.refits += 1
        if best == self.factors:
            return False
        self.factors, self._process = best, None
        return True

    def _evidence(self, factors: tuple[float, float]) -> float:
        prior = sum((math.log2(factor) / _SPREAD_OF_FACTORS) ** 2 for factor in factors)
        return float(self._made(factors).log_likelihood) - 0.5 * prior

    def _made(self, factors: tuple[float, float]) -> _core.ResidualProcess:
        return _core.ResidualProcess(
            encoder=self._encoder,
            points=np.array([one.point for one in self.residuals]),
            times=np.array([one.time for one in self.residuals]),
            residuals=np.array([one.value for one in self.residuals]),
            noise_variances=np.array([one.noise for one in self.residuals]),
            terms=self._terms(factors),
        )

    def _terms(self, factors: tuple[float, float]) -> Sequence[_core.ResidualTerm]:
        drift, local = self._lengths
        options = self._options
        return [
            _core.ResidualTerm(
                variance=(factors[0] * options.drift * self._scatter) ** 2,
                lengths=drift,
                time_constant=options.drift_runs,
            ),
            _core.ResidualTerm(variance=(factors[1] * options.local * self._scatter) ** 2, lengths=local),
        ]


def _lengths(encoder: _core.Encoder, options: LearnerOptions) -> tuple[Array, Array]:
    """Lengths of the drift and of the local term: the one differs by context, the other by parameters too."""
    of_category = -1.0 / math.log(options.shared)
    drift = np.full(encoder.p, math.inf)
    local = np.full(encoder.p, math.inf)
    for j, variable in enumerate(encoder.variables):
        if variable.role is _core.Role.noise:
            continue
        length = options.reach if variable.is_numeric else of_category
        local[j] = length
        if variable.role is _core.Role.context:
            drift[j] = length
    return drift, local


def chi_square_bounds(count: int, chance: float) -> tuple[float, float]:
    """Return the ends between which the sum of ``count`` squared normal values lies but for ``chance``, half each side.

    By the cube-root transformation (Wilson and Hilferty 1931), good to about 1 % from ten values on.
    """
    step = 2.0 / (9.0 * count)
    z = NormalDist().inv_cdf(1.0 - chance / 2.0)
    low, high = ((1.0 - step + sign * z * math.sqrt(step)) for sign in (-1.0, 1.0))
    return count * max(low, 0.0) ** 3, count * high**3
