"""What was turned: cells × settings × levels of the noise variables, and which reading belongs where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from luban.errors import DataError
from luban.features import Dataset, Role, robust_weights
from luban.surrogate import observed_noise_levels

__all__ = ["Design"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """A full plan: every setting measured in every cell (combination of contexts), at every level of the noise.

    ``grid`` (cells, settings, levels, p) are coded inputs; ``cell``, ``setting``, ``level``, ``run`` (n) place each
    reading; ``run_cell``, ``run_setting`` (runs) place each run; ``weights`` (cells, levels) are the frequencies over
    which expectations are taken; ``usable`` (n) is False for missing readings and gross errors.
    """

    data: Dataset
    grid: Floats
    cell: Integers
    setting: Integers
    level: Integers
    run: Integers
    run_cell: Integers
    run_setting: Integers
    weights: Floats
    usable: npt.NDArray[np.bool_]
    centre: int
    cell_labels: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of cells, settings and levels."""
        cells, settings, levels, _ = self.grid.shape
        return cells, settings, levels

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.run_cell)

    @property
    def y(self) -> Floats:
        """Readings (n) as stored, gross errors and all."""
        return self.data.Y[:, 0]

    @property
    def points(self) -> Floats:
        """The grid as rows (cells · settings · levels, p)."""
        return self.grid.reshape(-1, self.grid.shape[-1])

    def point_of(self, values: Floats) -> Floats:
        """Values on the grid (cells, settings, levels) at each reading (n)."""
        out: Floats = values[self.cell, self.setting, self.level]
        return out

    def expected(self, values: Floats) -> Floats:
        """Average over the noise as observed: (cells, settings, levels) to (cells, settings)."""
        out: Floats = np.einsum("csl,cl->cs", values, self.weights)
        return out

    def cell_means(self, y: Floats, use: npt.NDArray[np.bool_]) -> Floats:
        """Plain means of the readings in ``use``, (cells, settings)."""
        cells, settings, _ = self.shape
        at = (self.cell * settings + self.setting)[use]
        count = np.bincount(at, minlength=cells * settings)
        total = np.bincount(at, weights=y[use], minlength=cells * settings)
        return (total / count).reshape(cells, settings)

    def run_means(self, y: Floats, use: npt.NDArray[np.bool_]) -> Floats:
        """Means per run and level, (runs, levels)."""
        levels = self.shape[2]
        at = (self.run * levels + self.level)[use]
        count = np.bincount(at, minlength=self.runs * levels)
        return (np.bincount(at, weights=y[use], minlength=self.runs * levels) / count).reshape(self.runs, levels)

    @classmethod
    def of(cls, data: Dataset) -> Design:
        """Recognise the plan in a dataset of one response.

        Raises: DataError when there are several responses, no parameter or no context, or the plan has holes.
        """
        if data.m != 1:
            raise _refusal("a dataset of one response", f"{data.m} responses")
        encoder, X = data.encoder, data.X
        parameters, context, noise = (encoder.columns_of(r) for r in (Role.parameter, Role.context, Role.noise))
        if not parameters or not context:
            raise _refusal("parameters and context", "a process without one of them")
        settings, setting = _distinct(X[:, parameters])
        cells, cell = _distinct(X[:, context])
        levels, level = _distinct(X[:, noise])
        run = np.asarray(data.run, dtype=np.int64)
        usable = robust_weights(data, 0) > 0.0
        runs = len(data.run_ids)
        seen = np.zeros((runs, len(levels)), dtype=np.int64)
        np.add.at(seen, (run[usable], level[usable]), 1)
        placed = np.zeros((len(cells), len(settings)), dtype=np.int64)
        first = np.unique(run, return_index=True)[1]
        np.add.at(placed, (cell[first], setting[first]), 1)
        if (placed == 0).any() or (seen < 2).any():
            raise _refusal(
                "every setting measured in every cell, each run at every level of the noise at least twice",
                "a plan with holes",
            )
        grid = np.zeros((len(cells), len(settings), len(levels), encoder.p))
        grid[..., context] = cells[:, None, None, :]
        grid[..., parameters] = settings[None, :, None, :]
        grid[..., noise] = levels[None, None, :, :]
        return cls(
            data=data,
            grid=grid,
            cell=cell,
            setting=setting,
            level=level,
            run=run,
            run_cell=cell[first],
            run_setting=setting[first],
            weights=np.stack([_level_weights(data, values, levels) for values in cells]),
            usable=usable,
            centre=int(np.argmin(((settings - 0.5) ** 2).sum(axis=1))),
            cell_labels=tuple(_label(data, context, values) for values in cells),
        )


def _refusal(expected: str, received: str) -> DataError:
    return DataError(where="demo.honest_check", expected=expected, received=received)


def _distinct(rows: Floats) -> tuple[Floats, Integers]:
    """Distinct rows in ascending order, and which of them each row is; one empty row when there are no columns."""
    if rows.shape[1] == 0:
        return np.zeros((1, 0)), np.zeros(len(rows), dtype=np.int64)
    values, place = np.unique(rows, axis=0, return_inverse=True)
    return values, place.reshape(-1).astype(np.int64)


def _level_weights(data: Dataset, context: Floats, levels: Floats) -> Floats:
    observed = observed_noise_levels(data, context)
    out = np.zeros(len(levels))
    for row, weight in zip(observed.levels, observed.weights, strict=True):
        match = np.flatnonzero((levels == row).all(axis=1))
        if len(match) != 1:
            raise _refusal("noise variables with few levels", "a continuous noise variable")
        out[match[0]] = weight
    return out


def _label(data: Dataset, columns: list[int], values: Floats) -> str:
    return " ".join(
        str(data.encoder.decode_value(column, value)) for column, value in zip(columns, values, strict=True)
    )
