"""The card of a fit: what it was made of and judged by, and the sentences that are to be known first."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luban import _core, features, training
from luban._fitting import contest, transforms
from luban._fitting.artefact import Kept
from luban._fitting.networks import VALIDATION_MEMBERS
from luban._words import with_row
from luban.evaluation import Evaluation, ModelCard, make_card

if TYPE_CHECKING:
    from luban._fitting.choice import Plan
    from luban._fitting.contest import Contest
    from luban.process import Process
    from luban.training import NeuralEnsembleFit, NeuralEnsembleOptions

__all__ = ["Fitted", "card_of_fit"]

#: What the card calls the groups where the process states none.
_UNSTATED = {"points": "runs with the same parameters and categories of context", "runs": "a run"}


@dataclass(frozen=True)
class Fitted:
    """What was learned from all runs: a Gaussian process, or networks with how they came about."""

    surrogate: Kept
    networks: NeuralEnsembleFit | None = None
    options: NeuralEnsembleOptions | None = None


def card_of_fit(
    process: Process,
    data: _core.Dataset,
    fitted: Fitted,
    evaluation: Evaluation,
    *,
    plan: Plan,
    held: Contest | None,
    seed: int,
    folds_asked: int,
    notes: Sequence[str],
    timed: bool,
) -> ModelCard:
    """Describe a fit; ``timed`` adds the time of making, without which equal models are equal files."""
    build = _core.build_info()
    card = make_card(
        data,
        evaluation,
        process=process.name,
        process_digest=process.digest,
        code_version=f"{build['version']} ({build['revision']})",
        created_time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds") if timed else "",
    ).to_dict()
    validation = card["validation"]
    validation["grouped_by"] = ", ".join(process.core.groups) or _UNSTATED[data.grouping.name]
    validation |= {"seed": seed, "folds_asked": folds_asked}
    card["choice"] = {
        "asked": plan.asked,
        "tried": plan.contenders,
        "contest": None if held is None else held.to_dict(),
    }
    if plan.transforms:
        card["choice"]["transforms"] = transforms.asked_by_response(data, plan.transforms)
    chosen = [] if held is None else contest.sentences(held)
    card["why"] += [*chosen, *plan.notes, *notes, *_on_folds(data, evaluation.folds, folds_asked), *_split_points(data)]
    learned = fitted.surrogate
    if isinstance(learned, _core.TransformedSurrogate):
        card["why"] += transforms.sentences(data, learned)
        card["transforms"] = transforms.described(data, learned)
        learned = transforms.process_inside(learned)
    if isinstance(learned, _core.GaussianProcess | _core.LocalGaussianProcess):
        card["why"] += [*_gross_errors(data), *_set_aside(data, learned)]
        _describe_gaussian_process(card, learned)
    else:
        card["why"] += [*_networks_of_folds(fitted), *_gross_errors(data)]
        card["networks"] = _networks(fitted)
    return ModelCard(card)


def _describe_gaussian_process(
    card: dict[str, Any], fitted: _core.GaussianProcess | _core.LocalGaussianProcess
) -> None:
    for response, report in zip(card["responses"], fitted.reports, strict=True):
        values: dict[str, Any] = dict(
            zip(report.hyperparameter_names, (float(value) for value in report.hyperparameters), strict=True)
        )
        response["hyperparameters"] = values
        response["gross_errors"] += len(report.set_aside)


def _networks(fitted: Fitted) -> dict[str, Any]:
    """Options, and what became of each member."""
    if fitted.networks is None or fitted.options is None:
        return {}
    return {
        "options": training.option_values(fitted.options),
        "members_in_validation": min(fitted.options.members, VALIDATION_MEMBERS),
        "members": [
            {
                "epochs": report.epochs,
                "best_epoch": report.best_epoch,
                "validation_log_density": float(report.validation_log_density),
                "validation_groups": list(report.validation_groups),
            }
            for report in fitted.networks.reports
        ],
    }


def _networks_of_folds(fitted: Fitted) -> list[str]:
    if fitted.options is None or fitted.options.members <= VALIDATION_MEMBERS:
        return []
    return [
        f"In the check each ensemble had {VALIDATION_MEMBERS} networks, the model has {fitted.options.members}: it is "
        "somewhat better than its scores, and its calibrated intervals are somewhat wide."
    ]


def _on_folds(data: _core.Dataset, folds: int, asked: int) -> list[str]:
    """Say when there were fewer groups than folds asked for, or what more folds would bring."""
    groups = len(data.group_labels)
    if folds < asked:
        return [f"Only {groups} groups: each was left out once, {asked} folds are not possible."]
    if folds == groups:
        return []
    return [
        f"In the check each model learned from about {100 * (folds - 1) // folds} % of the groups. With more folds (up "
        f"to {groups}, one for each group) it learns from more, as the model itself does, and calibrated intervals get "
        "narrower."
    ]


def _split_points(data: _core.Dataset) -> list[str]:
    """Say so when runs of one point stand in training and test."""
    if data.grouping != features.Grouping.runs:
        return []
    return [
        "No groups are stated and there are fewer than three points (parameters and context): each run was left out on "
        "its own. Scores say how well known points are predicted, not new ones."
    ]


def _gross_errors(data: _core.Dataset, most: int = 20) -> list[str]:
    """Sentences that name gross errors; what is beyond ``most`` is counted."""
    suspicious = [finding for finding in features.find_suspicious(data) if finding.kind == "gross_error"]
    found = [with_row(finding.message, finding.source_row) for finding in suspicious]
    shown = [f"Gross error: {message}" for message in found[:most]]
    return shown + ([f"{len(found) - most} more gross errors."] if len(found) > most else [])


def _set_aside(
    data: _core.Dataset, fitted: _core.GaussianProcess | _core.LocalGaussianProcess, most: int = 20
) -> list[str]:
    """Sentences that name the readings that the fit itself gave no weight; beyond ``most`` per response counted."""
    out = []
    for index, (column, report) in enumerate(zip(data.responses, fitted.reports, strict=True)):
        rows = list(report.set_aside)
        for row in rows[:most]:
            value = f"{float(data.Y[row, index]):.4g} {column.unit}".rstrip()
            out.append(
                f"{column.name}: {value} in run {data.run_ids[int(data.run[row])]} (row {int(data.source_row[row])}) "
                "lies outside what the model and its noise allow; it got no weight."
            )
        if len(rows) > most:
            out.append(f"{column.name}: {len(rows) - most} more readings got no weight for the same reason.")
        if rows:
            out.append(
                f"{column.name}: nothing is repeated, so only a model can tell such readings; all scores and the "
                "calibration of intervals include them, those without gross errors too."
            )
    return out
