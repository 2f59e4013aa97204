"""A Gaussian process against networks: which of the two a fit keeps, by what they said of groups not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban import _core

__all__ = ["Contest", "hold", "sentences"]

#: Standard errors by which the networks must lead: a difference that chance makes rarely.
_BEYOND_CHANCE = 2.0


@dataclass(frozen=True)
class Contest:
    """The lead of ``challenger`` over ``holder``: log density of a left-out reading in nats, mean over the responses.

    ``standard_error`` is the larger of the one over folds and the one over groups (jackknife); ``folds`` holds the lead
    in each fold, ``by_response`` each response's own lead with its standard error. ``kept``: the one to keep whatever
    came out, when that was asked for.
    """

    holder: str
    challenger: str
    lead: float
    standard_error: float
    folds: tuple[float, ...]
    by_response: dict[str, tuple[float, float]]
    kept: str = ""

    @property
    def chosen(self) -> str:
        """The one that is kept."""
        return self.kept or self.winner

    @property
    def winner(self) -> str:
        """The challenger when it leads by more than noise; what is not known is no lead."""
        leads = math.isfinite(self.standard_error) and self.lead > _BEYOND_CHANCE * self.standard_error
        return self.challenger if leads else self.holder

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the card; numbers that are missing are None."""
        return {
            "chosen": self.chosen,
            "winner": self.winner,
            "holder": self.holder,
            "challenger": self.challenger,
            "lead": _known(self.lead),
            "standard_error": _known(self.standard_error),
            "folds": [_known(value) for value in self.folds],
            "by_response": {
                name: {"lead": _known(lead), "standard_error": _known(error)}
                for name, (lead, error) in self.by_response.items()
            },
        }


def hold(data: _core.Dataset, evaluation: _core.Evaluation, holder: str, challenger: str, kept: str = "") -> Contest:
    """Compare two contenders of an evaluation on the readings that are no gross errors, from the first repeat."""
    answers = {entry.name: entry.out_of_fold for entry in evaluation.contenders}
    lead = np.asarray(answers[challenger].log_density) - np.asarray(answers[holder].log_density)
    lead[~(np.column_stack([np.asarray(column) for column in evaluation.weights]) > 0.0)] = np.nan
    fold = np.asarray(answers[holder].fold)
    group = np.asarray(data.group)[np.asarray(data.run)]
    by_fold = _means(lead, fold, np.unique(fold[fold >= 0]))
    pooled = _pooled(lead)
    error = _larger(_standard_error(by_fold.mean(axis=1)), _jackknife(lead, group))
    return Contest(
        holder,
        challenger,
        float(pooled.mean()),
        error,
        tuple(float(value) for value in by_fold.mean(axis=1)),
        {
            column.name: (
                float(pooled[r]),
                _larger(_standard_error(by_fold[:, r]), _jackknife(lead[:, [r]], group)),
            )
            for r, column in enumerate(data.responses)
        },
        kept,
    )


def sentences(contest: Contest) -> list[str]:
    """Say what was chosen and why, and where a response alone would have chosen otherwise."""
    names = {contest.holder: "the Gaussian process", contest.challenger: "the networks"}
    chosen = names[contest.chosen]
    amount = f"{contest.lead:+.2g} ± {contest.standard_error:.1g}"
    if contest.winner == contest.challenger:
        verdict = f"the networks lead by {amount}, more than {_BEYOND_CHANCE:g} standard errors"
    elif contest.lead > 0.0:
        verdict = f"the networks' lead of {amount} is no more than noise, and on a tie the Gaussian process is kept"
    else:
        verdict = f"the networks' lead is {amount}"
    how = "Kept, as asked" if contest.kept else "Chosen"
    said = [
        f"{how}: {chosen}. In the log density of readings of groups not seen (nats a reading, mean of all responses) "
        f"{verdict}."
    ]
    others = []
    for name, (lead, error) in contest.by_response.items():
        favours = lead > 0.0 if contest.chosen == contest.holder else lead < 0.0
        if favours and math.isfinite(error) and abs(lead) > _BEYOND_CHANCE * error:
            others.append(f"{name} ({lead:+.2g} ± {error:.1g})")
    if others:
        other = names[contest.challenger if contest.chosen == contest.holder else contest.holder]
        said.append(
            f"All responses are learned by one kind of model. Alone, {other} would have been chosen for "
            f"{', '.join(others)}."
        )
    return said


def _means(lead: NDArray[np.float64], label: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Mean lead (labels, m) of the readings that bear each label; a response without any there counts 0."""
    return np.array([np.nan_to_num(_pooled(lead[label == one])) for one in labels])


def _pooled(lead: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the readings (m), NaN where there is none."""
    there = ~np.isnan(lead)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: NDArray[np.float64] = np.where(there, lead, 0.0).sum(axis=0) / there.sum(axis=0)
    return out


def _standard_error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _jackknife(lead: NDArray[np.float64], group: NDArray[Any]) -> float:
    """Return the standard error of the mean over responses, each group left out in turn."""
    there = ~np.isnan(lead)
    total = int(group.max()) + 1
    values = np.where(there, lead, 0.0)
    sums = np.array([np.bincount(group, column, minlength=total) for column in values.T])
    counts = np.array([np.bincount(group, column, minlength=total) for column in there.T.astype(float)])
    used = counts.sum(axis=0) > 0.0
    groups = int(used.sum())
    if groups < 2:
        return math.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        without = (sums.sum(axis=1, keepdims=True) - sums) / (counts.sum(axis=1, keepdims=True) - counts)
    left_out = without[:, used].mean(axis=0)
    return float(np.sqrt((groups - 1.0) / groups * ((left_out - left_out.mean()) ** 2).sum()))


def _larger(one: float, other: float) -> float:
    return math.nan if math.isnan(one) or math.isnan(other) else max(one, other)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
