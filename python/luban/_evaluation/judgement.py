"""How sure a pooled error is, and whether a model is better than the mean.

Readings of one group share what a model gets wrong about them, so groups are what is counted: the pooled error is
computed anew without each group in turn (the delete-one jackknife; Efron and Stein 1981, Annals of Statistics 9).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban import _core

__all__ = ["FEWEST_GROUPS", "Judgement", "Skill", "judge", "pooled_standard_errors", "sentence"]

Skill = Literal["better", "no_better", "worse", "unknown"]

#: With fewer groups a standard error over groups says next to nothing.
FEWEST_GROUPS = 6
#: Baselines that use no numeric input: a model that does not beat them has learned nothing from the settings.
_MEANS = ("trivial", "context_mean")


@dataclass(frozen=True)
class Judgement:
    """Whether the model of one response is better than the better of the two means, and by how much.

    ``gain`` is the pooled RMSE of that mean minus the model's, in the response's unit, with its standard error.
    """

    skill: Skill
    against: str
    gain: float
    standard_error: float
    groups: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values; numbers that are missing are None."""
        return {
            "against": self.against,
            "rmse_gain": self.gain if math.isfinite(self.gain) else None,
            "standard_error": self.standard_error if math.isfinite(self.standard_error) else None,
            "groups": self.groups,
        }


def judge(data: _core.Dataset, evaluation: _core.Evaluation, response: int) -> Judgement:
    """Judge the first contender on readings that are no gross errors, out of fold, from the first repeat."""
    names = [entry.name for entry in evaluation.contenders]
    errors = _errors(data, evaluation, response, np.asarray(evaluation.weights[response]))
    rivals = [names.index(name) for name in _MEANS if name in names[1:]]
    groups = len(errors.count)
    if not rivals or not groups:
        return Judgement("unknown", "", math.nan, math.nan, groups)
    rmse, without = errors.pooled(), errors.without_each_group()
    rival = min(rivals, key=lambda at: float(rmse[at]))
    gain = float(rmse[rival] - rmse[0])
    error = float(_jackknife(without[rival] - without[0]))
    skill: Skill = "unknown"
    if groups >= FEWEST_GROUPS and math.isfinite(gain) and math.isfinite(error):
        skill = "better" if gain > 2.0 * error else "worse" if gain < -2.0 * error else "no_better"
    return Judgement(skill, names[rival], gain, error, groups)


def pooled_standard_errors(
    data: _core.Dataset, evaluation: _core.Evaluation, response: int, weights: NDArray[np.float64]
) -> list[float]:
    """Return the standard error of each contender's pooled RMSE, on the readings whose weight is above 0."""
    errors = _errors(data, evaluation, response, weights)
    return [float(value) for value in _jackknife(errors.without_each_group())]


def sentence(response: Mapping[str, Any]) -> str:
    """Say the judgement on one response of a card in words; "" where the model is better, or nothing was compared."""
    name, skill, found = response["name"], response.get("skill", "unknown"), response.get("skill_evidence")
    if skill == "better" or not found or not found["against"]:
        return ""
    if skill == "unknown":
        return (
            f"{name}: its readings lie in {found['groups']} groups, too few groups to say whether the model is better "
            "than the mean."
        )
    unit = f" {response['unit']}" if response["unit"] else ""
    more = "more" if found["rmse_gain"] <= 0.0 else "less"
    amount = f"its RMSE is {abs(found['rmse_gain']):.2g} ± {found['standard_error']:.1g}{unit} {more}"
    verdict = "worse than" if skill == "worse" else "no better than"
    if found["against"] == "trivial":
        return f"{name}: no skill shown. On groups not seen the model is {verdict} the mean: {amount}."
    return (
        f"{name}: no skill about the settings shown. On groups not seen the model is {verdict} the mean of each "
        f"context: {amount}. What it tells apart may be the contexts alone."
    )


@dataclass(frozen=True)
class _Errors:
    """Squared errors of each contender, summed by group; groups without a reading are left out."""

    squares: NDArray[np.float64]  # (contenders, groups)
    count: NDArray[np.float64]  # (groups) readings

    def pooled(self) -> NDArray[np.float64]:
        """RMSE of each contender."""
        out: NDArray[np.float64] = np.sqrt(self.squares.sum(axis=1) / self.count.sum())
        return out

    def without_each_group(self) -> NDArray[np.float64]:
        """RMSE (contenders, groups) when one group is left out."""
        left = self.count.sum() - self.count
        squares = np.maximum(self.squares.sum(axis=1, keepdims=True) - self.squares, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            out: NDArray[np.float64] = np.sqrt(squares / left)
        return out


def _errors(data: _core.Dataset, evaluation: _core.Evaluation, response: int, weights: NDArray[np.float64]) -> _Errors:
    y = np.asarray(data.Y[:, response])
    away = np.array([y - np.asarray(entry.out_of_fold.mean)[:, response] for entry in evaluation.contenders])
    scored = (weights > 0.0) & ~np.isnan(away).any(axis=0)
    group = np.asarray(data.group)[np.asarray(data.run)[scored]]
    total = len(data.group_labels)
    squares = np.array([np.bincount(group, row[scored] ** 2, minlength=total) for row in away])
    count = np.bincount(group, minlength=total).astype(np.float64)
    there = count > 0.0
    return _Errors(squares[:, there], count[there])


def _jackknife(left_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard error of an estimate from its values without each group, along the last axis."""
    groups = left_out.shape[-1]
    if groups < 2:
        return np.full(left_out.shape[:-1], np.nan)
    away = left_out - left_out.mean(axis=-1, keepdims=True)
    out: NDArray[np.float64] = np.sqrt((groups - 1.0) / groups * (away**2).sum(axis=-1))
    return out
