"""What must be said before a recommendation: doubts about the model, the circumstances, what runs now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from luban.fitting import Model
    from luban.process import NamedValue, Process, Recipe

__all__ = ["Doubt", "doubts", "strange_context", "strange_running"]

#: Share of a context's seen range beyond which it counts as another circumstance.
_BEYOND = 0.01

_WORDS = {
    ("no_better", "trivial"): "the model predicts {} no better than its mean",
    ("worse", "trivial"): "the model predicts {} worse than its mean",
    ("no_better", "context_mean"): "the model was not found to predict {} better than the mean of each {} does",
    ("worse", "context_mean"): "the model predicts {} worse than the mean of each {} does",
}
_UNKNOWN = "whether the model predicts {} better than its mean is not known"


@dataclass(frozen=True)
class Doubt:
    """A response that the model was not found to predict better than a mean.

    ``decisive``: what the model says is then no reason to change anything. It is not when there were too few groups to
    say, or when the model stands beside the means of the contexts: those know the contexts, and what is in doubt is how
    much the settings add.
    """

    response: str
    reason: str
    decisive: bool

    @property
    def warning(self) -> str:
        """The sentence that a recommendation begins with."""
        after = (
            f"what is said of {self.response} here is no ground for a decision."
            if self.decisive
            else f"try what is said of {self.response} here before you rely on it."
        )
        return f"{self.reason[0].upper()}{self.reason[1:]}: {after}"


def doubts(model: Model, process: Process, objectives: Sequence[str]) -> list[Doubt]:
    """Return the doubts about the objectives and the constrained responses; none where the card says nothing of it."""
    concerned = dict.fromkeys([*objectives, *(bound.response for bound in process.core.outcome_constraints)])
    cards = {one["name"]: one for one in model.card["responses"]}
    alike = "context" if process.core.context else "combination of categories"
    out = []
    for name in concerned:
        skill = cards.get(name, {}).get("skill")
        if skill in (None, "better"):
            continue
        against = (cards[name].get("skill_evidence") or {}).get("against") or "trivial"
        words = _WORDS.get((skill, against), _UNKNOWN).format(name, alike)
        out.append(Doubt(name, words, skill == "worse" or (skill == "no_better" and against == "trivial")))
    return out


def strange_context(model: Model, context: Sequence[NamedValue]) -> list[str]:
    """Return a warning for each number of the context outside the range of all runs."""
    sentences = []
    for item in context:
        if isinstance(item.value, str):
            continue
        values = _seen(model, item.name)
        low, high = float(values.min()), float(values.max())
        margin = _BEYOND * (high - low)
        if low - margin <= item.value <= high + margin:
            continue
        unit = f" {item.unit}" if item.unit else ""
        sentences.append(
            f"Caution: {item.name} {item.value:.4g}{unit} lies outside what all runs had, "
            f"{low:.4g} to {high:.4g}{unit}: what is said here is extrapolated."
        )
    return sentences


def strange_running(model: Model, process: Process, running: Recipe | None) -> str:
    """Return the warning for running settings with a category that no run had; empty when there is none."""
    if running is None:
        return ""
    settings = running.to_dict()
    strange = []
    for parameter in process.parameters:
        if not parameter.categories:
            continue
        encoder = model.dataset.encoder
        known = encoder.variables[encoder.find(parameter.name)].categories
        if not (_seen(model, parameter.name) == known.index(str(settings[parameter.name]))).any():
            strange.append(f"{parameter.name} {settings[parameter.name]}")
    if not strange:
        return ""
    return (
        f"Caution: no run had {' and '.join(strange)}, which runs now: what comes of the running settings cannot be "
        "predicted, so these settings are not compared with them, and staying is not weighed."
    )


def _seen(model: Model, name: str) -> NDArray[np.float64]:
    """Values of an input over all readings: numbers in their unit, categories as codes."""
    encoder = model.dataset.encoder
    column = encoder.find(name)
    variable = encoder.variables[column]
    coded: NDArray[np.float64] = model.dataset.X[:, column]
    if not variable.is_numeric:
        return coded
    width = variable.high - variable.low if variable.high > variable.low else 1.0
    return variable.low + width * coded
