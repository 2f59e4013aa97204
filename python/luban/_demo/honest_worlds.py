"""Worlds where the truth is known, made from a real history in three ways.

Each world has a true expected response at every point of the plan, and readings of the same runs, at the same points,
as often as in the history. None holds gross errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
import numpy.typing as npt

from luban._demo.honest_design import Design, Floats
from luban.features import Role
from luban.surrogate import GaussianProcess

__all__ = ["KINDS", "World", "WorldMaker", "make_worlds"]


@dataclass(frozen=True)
class World:
    """``truth`` (cells, settings): expected response, averaged over the noise; ``y`` (n): what was read there.

    ``best_belief`` (cells, settings), where it can be said: the posterior mean of who knows how the world was made.
    """

    truth: Floats
    y: Floats
    best_belief: Floats | None = None


class WorldMaker(Protocol):
    """Makes the worlds of one kind."""

    def __call__(self, generator: np.random.Generator) -> World:
        """Draw one world."""
        ...


class FittedWorlds:
    """Surfaces drawn from the fitted Gaussian process before data, with its noise of runs, points and readings."""

    def __init__(self, design: Design, model: GaussianProcess) -> None:
        self.design = design
        self.mean = float(model.prior(design.points[:1]).mean()[0, 0])
        kernel = model.prior(design.points, joint=True).covariance(0, "latent")
        self.root = np.linalg.cholesky(kernel + 1e-9 * np.trace(kernel) / len(kernel) * np.eye(len(kernel)))
        self.noise = _Noise(model.between_sd(0), model.between_points_sd(0), model.within_sd(0))
        self.read = ~np.isnan(design.y)  # who believes best has seen no more than the others
        places = _places(design).ravel()
        total = kernel[np.ix_(places, places)] + self.noise.of_run_means(design, self.read)
        self.gain = np.linalg.solve(total, kernel[places]).T

    def __call__(self, generator: np.random.Generator) -> World:
        design = self.design
        surface = (self.mean + self.root @ generator.standard_normal(len(self.root))).reshape(design.shape)
        y = self.noise.readings(design, surface, generator)
        belief = self.mean + self.gain @ (design.run_means(y, self.read).ravel() - self.mean)
        return World(design.expected(surface), y, design.expected(belief.reshape(design.shape)))


class QuadraticWorlds:
    """A full quadratic per cell and level, by least squares on run means, with noise as its residuals have it."""

    def __init__(self, design: Design) -> None:
        self.design = design
        cells, _, levels = design.shape
        means = design.run_means(design.y, design.usable)
        self.surface = np.zeros(design.shape)
        residual = np.zeros_like(means)
        freedom = 0
        for cell in range(cells):
            runs = np.flatnonzero(design.run_cell == cell)
            basis = _quadratic(design.grid[cell, :, 0, :][:, design.data.encoder.columns_of(Role.parameter)])
            rows = basis[design.run_setting[runs]]
            coefficients, _, rank, _ = np.linalg.lstsq(rows, means[runs], rcond=1e-10)
            freedom += len(runs) - int(rank)
            self.surface[cell] = basis @ coefficients
            residual[runs] = means[runs] - rows @ coefficients
        within = _within_variance(design)
        readings = _readings_per_point(design)
        # Mean squares of a run's average residual and of its points around it, what the level below adds taken off.
        point = 0.0
        if levels > 1:
            around = residual - residual.mean(axis=1, keepdims=True)
            point = max((around**2).sum() / (max(freedom, 1) * (levels - 1)) - within / readings, 0.0)
        between = (residual.mean(axis=1) ** 2).sum() / max(freedom, 1) - (point + within / readings) / levels
        self.noise = _Noise(np.sqrt(max(between, 0.0)), np.sqrt(point), np.sqrt(within))

    def __call__(self, generator: np.random.Generator) -> World:
        return World(self.design.expected(self.surface), self.noise.readings(self.design, self.surface, generator))


class ResampledWorlds:
    """The posterior mean as truth, with residuals of whole runs and of readings within a run drawn again.

    A run takes the residuals of some run at all levels together; a reading those of its own run and level. Fits take
    up part of the noise, so residuals are first scaled by their leverage (Davison and Hinkley 1997, section 6.2.3).
    """

    def __init__(self, design: Design, model: GaussianProcess) -> None:
        self.design = design
        self.surface = model.posterior(design.points).mean()[:, 0].reshape(design.shape)
        means = design.run_means(design.y, design.usable)
        residual = means - self.surface[design.run_cell, design.run_setting]
        scaled = np.stack([a @ r for a, r in zip(_leverage_scales(design, model), residual, strict=True)])
        self.of_runs = scaled - scaled.mean(axis=0)
        self.of_readings = list(_residuals_by_point(design, means))

    def __call__(self, generator: np.random.Generator) -> World:
        design = self.design
        effects = self.of_runs[generator.integers(design.runs, size=design.runs)]
        y = design.point_of(self.surface) + effects[design.run, design.level]
        for rows, residuals in self.of_readings:
            y[rows] += generator.choice(residuals, size=len(rows))
        return World(design.expected(self.surface), y)


@dataclass(frozen=True)
class _Noise:
    """Normal noise of runs, of points within a run, of readings: standard deviations."""

    run: float
    point: float
    reading: float

    def readings(self, design: Design, surface: Floats, generator: np.random.Generator) -> Floats:
        levels = design.shape[2]
        effects = self.run * generator.standard_normal((design.runs, 1))
        effects = effects + self.point * generator.standard_normal((design.runs, levels))
        single = self.reading * generator.standard_normal(len(design.run))
        return design.point_of(surface) + effects[design.run, design.level] + single

    def of_run_means(self, design: Design, use: npt.NDArray[np.bool_]) -> Floats:
        """Covariance of the means of the readings in ``use``, (runs · levels) squared."""
        levels = design.shape[2]
        count = np.bincount((design.run * levels + design.level)[use], minlength=design.runs * levels)
        effects = np.kron(np.eye(design.runs), self.of_effects(levels))
        return np.asarray(effects + np.diag(self.reading**2 / count), dtype=np.float64)

    def of_effects(self, levels: int) -> Floats:
        """Covariance of what the readings of a run share, (levels, levels)."""
        out: Floats = self.run**2 * np.ones((levels, levels)) + self.point**2 * np.eye(levels)
        return out


#: Kind of world → what it is, in words.
KINDS = {
    "fitted": "surfaces and noise drawn from the fitted two-level model",
    "quadratic": "a quadratic per context with the two-level noise of its residuals",
    "resampled": "the fitted surface with residuals of runs and readings drawn again",
}


def make_worlds(design: Design, model: GaussianProcess) -> dict[str, WorldMaker]:
    """Return a maker for each kind of world; ``model`` is fitted to the design's readings."""
    return {
        "fitted": FittedWorlds(design, model),
        "quadratic": QuadraticWorlds(design),
        "resampled": ResampledWorlds(design, model),
    }


def _quadratic(x: Floats) -> Floats:
    """Columns 1, x_i, x_i², x_i x_j."""
    columns = [np.ones(len(x)), *x.T, *(x**2).T]
    columns += [x[:, i] * x[:, j] for i, j in combinations(range(x.shape[1]), 2)]
    return np.column_stack(columns)


def _deviations(design: Design, means: Floats) -> Floats:
    return design.y - means[design.run, design.level]


def _within_variance(design: Design) -> float:
    deviations = _deviations(design, design.run_means(design.y, design.usable))[design.usable]
    points = design.runs * design.shape[2]
    return float((deviations**2).sum() / (len(deviations) - points))


def _readings_per_point(design: Design) -> float:
    return float(design.usable.sum()) / (design.runs * design.shape[2])


def _residuals_by_point(design: Design, means: Floats) -> Iterator[tuple[np.ndarray, Floats]]:
    """For each run and level: its rows, and the residuals of its usable readings."""
    deviations = _deviations(design, means)
    at = design.run * design.shape[2] + design.level
    for point in range(design.runs * design.shape[2]):
        rows = np.flatnonzero(at == point)
        residuals = deviations[rows[design.usable[rows]]]
        yield rows, residuals * np.sqrt(len(residuals) / (len(residuals) - 1))


def _places(design: Design) -> npt.NDArray[np.int64]:
    """Row of the grid of each run and level, (runs, levels)."""
    levels = design.shape[2]
    return (design.run_cell * design.shape[1] + design.run_setting)[:, None] * levels + np.arange(levels)


def _leverage_scales(design: Design, model: GaussianProcess) -> Iterator[Floats]:
    """For each run the matrix (levels, levels) that gives its residuals the covariance of run and point noise.

    Residuals of a Gaussian process with covariance C = K + N have covariance N C⁻¹ N.
    """
    levels = design.shape[2]
    noise = _Noise(model.between_sd(0), model.between_points_sd(0), model.within_sd(0))
    of_means = noise.of_run_means(design, design.usable)
    places = _places(design).ravel()
    kernel = model.prior(design.points, joint=True).covariance(0, "latent")
    half = of_means @ np.linalg.inv(np.linalg.cholesky(kernel[np.ix_(places, places)] + of_means)).T
    wanted = _power(noise.of_effects(levels), 0.5)
    for run in range(design.runs):
        rows = half[run * levels : (run + 1) * levels]
        yield wanted @ _power(rows @ rows.T, -0.5)


def _power(matrix: Floats, exponent: float) -> Floats:
    """Return a power of a symmetric positive matrix; eigenvalues that are 0 to rounding stay 0."""
    values, vectors = np.linalg.eigh(matrix)
    positive = values > 1e-12 * values.max()
    powers = np.where(positive, np.where(positive, values, 1.0) ** exponent, 0.0)
    out: Floats = (vectors * powers) @ vectors.T
    return out
