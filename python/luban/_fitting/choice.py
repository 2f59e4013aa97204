"""Which responses, folds and surrogate a fit works with, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from luban import _core
from luban.errors import ConfigurationError, DataError
from luban.evaluation import Contender

if TYPE_CHECKING:
    from luban.process import Process

__all__ = ["Plan", "plan_folds", "plan_surrogate", "usable_responses"]

_NOT_YET = "neural_ensemble"


@dataclass(frozen=True)
class Plan:
    """The surrogate to fit: its name among the contenders and its options."""

    name: str
    options: _core.GaussianProcessOptions

    @property
    def contender(self) -> Contender:
        """The same as a contender of an evaluation."""
        return Contender.gaussian_process(self.name, self.options)


def plan_surrogate(surrogate: str | _core.GaussianProcessOptions, data: _core.Dataset) -> Plan:
    """Turn what the caller named into options.

    Raises: ConfigurationError on an unknown name, with the nearest known one.
    """
    if isinstance(surrogate, _core.GaussianProcessOptions):
        return Plan(surrogate.preset, surrogate)
    if surrogate in ("automatic", "gaussian_process"):
        options = _core.GaussianProcessOptions()
        return Plan(options.preset, options)
    numeric = sum(variable.is_numeric for variable in data.encoder.variables)
    known = [preset.name for preset in _core.presets(numeric, data.encoder.p - numeric)]
    if surrogate not in known:
        names = ["automatic", "gaussian_process", *known]
        raise ConfigurationError(
            where="fitting.fit",
            expected="one of " + ", ".join(names),
            received=repr(surrogate),
            hint="neural ensembles are not part of this version"
            if surrogate == _NOT_YET
            else _core.nearest_hint(surrogate, names),
        )
    return Plan(surrogate, _core.GaussianProcessOptions(preset=surrogate))


def plan_folds(data: _core.Dataset, folds: int, repeats: int) -> int:
    """Return how many folds the groups allow; at least two groups and two training runs in every fold are needed.

    Raises: ConfigurationError on an option out of range, DataError when there is too little to check a model on.
    """
    if folds < 2 or repeats < 1:
        raise ConfigurationError(
            where="fitting.fit",
            expected="at least 2 folds and 1 repeat",
            received=f"{folds} folds and {repeats} repeats",
        )
    groups, runs = len(data.group_labels), len(data.run_ids)
    largest = int(np.bincount(data.group).max()) if groups else 0
    usable = min(folds, groups)
    left_out = -(-groups // usable) if usable else 0  # groups of the largest fold
    if usable < 2 or (groups - left_out < 2 and runs - largest < 2):
        raise DataError(
            where="fitting.fit",
            expected="runs of at least 3 groups, so that a model can be checked on runs it has not seen",
            received=f"{runs} {'run' if runs == 1 else 'runs'} in {groups} {'group' if groups == 1 else 'groups'}",
            hint="what must not be split is set by `groups` of the process; an initial design needs no model: "
            "Campaign(process).recommend(n)",
        )
    return usable


def usable_responses(process: Process, data: _core.Dataset) -> tuple[list[str], list[str]]:
    """Split the responses into those that can be modelled and sentences on those that cannot.

    A response needs values in at least five groups, or in all groups where there are fewer.

    Raises: DataError when an objective or an outcome constraint is among those that cannot, or none is left.
    """
    Y, group = data.Y, data.group[data.run]
    total = len(data.group_labels)
    needed = min(5, total)
    kept, left = [], []
    for r, column in enumerate(data.responses):
        present = len(np.unique(group[~np.isnan(Y[:, r])]))
        if present >= needed:
            kept.append(column.name)
            continue
        reason = f"{column.name}: values in {present} of {total} groups are too few for a model"
        if column.name in _needed(process):
            raise DataError(
                where="fitting.fit",
                expected=f"values of {column.name!r}, which an objective or constraint names, in {needed} groups",
                received=f"values in {present} of {total} groups",
            )
        left.append(f"{reason}; it was left out.")
    if not kept:
        raise DataError(where="fitting.fit", expected="a response with values", received="none")
    return kept, left


def _needed(process: Process) -> set[str]:
    objectives = {objective.response for objective in process.objectives}
    return objectives | {constraint.response for constraint in process.core.outcome_constraints}
