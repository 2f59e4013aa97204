"""Ways to choose among the measured settings, and how good each choice is where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from luban._demo.honest_design import Design, Floats, Integers
from luban.surrogate import GaussianProcess, GaussianProcessOptions, fit_gaussian_process

__all__ = ["RULES", "Choices", "Outcome", "Refit", "choose", "judge"]

#: Rule → what it does, in words. Every rule sees the same readings.
RULES = {
    "choice": "Luban: lowest posterior mean per cell",
    "raw_cells": "raw cell means: lowest average per cell",
    "best_single": "best single setting: lowest average over all cells",
    "centre": "centre of the search range",
}


@dataclass(frozen=True)
class Choices:
    """The setting that each rule takes per cell, (cells) each, and the gain over the centre that it then promises."""

    settings: dict[str, Integers]
    promised: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """Means over the cells in one world: what each rule's choice truly gives, its true and its promised gain.

    ``best`` is the lowest that any choice gives. ``averaged``, where the best belief is known: what the choices give,
    averaged over all worlds in which the same would have been read; ``"informed"`` is the choice of the best belief.
    """

    expected: dict[str, float]
    gained: dict[str, float]
    promised: dict[str, float]
    best: float
    averaged: dict[str, float] | None = None


class Refit:
    """Luban's model of other readings of the same plan: fitted anew, the search started at the history's optimum."""

    def __init__(self, design: Design, model: GaussianProcess) -> None:
        self.design = design
        self.options = GaussianProcessOptions(
            preset=model.preset, starts=1, threads=1, warm_starts=[model.reports[0].hyperparameters]
        )
        cells, settings, levels = design.shape
        self.rows = [design.grid[cell].reshape(settings * levels, -1) for cell in range(cells)]

    def posterior_means(self, y: Floats, seed: int) -> Floats:
        """Posterior mean of the noise average at every measured setting, (cells, settings)."""
        model = fit_gaussian_process(self.design.data.with_responses(y[:, None]), self.options, seed=seed)
        each = zip(self.rows, self.design.weights, strict=True)
        return np.stack([model.average(rows, weights).mean()[:, 0] for rows, weights in each])


def choose(design: Design, y: Floats, use: npt.NDArray[np.bool_], believed: Floats) -> Choices:
    """Let every rule choose; ``believed`` (cells, settings) is what the model expects."""
    cells = np.arange(design.shape[0])
    raw = design.cell_means(y, use)
    settings = {
        "choice": believed.argmin(axis=1),
        "raw_cells": raw.argmin(axis=1),
        "best_single": np.full(len(cells), raw.mean(axis=0).argmin()),
        "centre": np.full(len(cells), design.centre),
    }
    promised = {
        "choice": float((believed[:, design.centre] - believed[cells, settings["choice"]]).mean()),
        "raw_cells": float((raw[:, design.centre] - raw[cells, settings["raw_cells"]]).mean()),
    }
    return Choices(settings, promised)


def judge(design: Design, truth: Floats, choices: Choices, best_belief: Floats | None = None) -> Outcome:
    """Look up what the chosen settings truly give; ``truth`` and ``best_belief`` (cells, settings)."""
    cells = np.arange(design.shape[0])
    expected = {rule: float(truth[cells, setting].mean()) for rule, setting in choices.settings.items()}
    gained = {rule: float(truth[:, design.centre].mean()) - expected[rule] for rule in choices.promised}
    averaged = None
    if best_belief is not None:
        averaged = {rule: float(best_belief[cells, setting].mean()) for rule, setting in choices.settings.items()}
        averaged["informed"] = float(best_belief.min(axis=1).mean())
    return Outcome(expected, gained, choices.promised, float(truth.min(axis=1).mean()), averaged)
