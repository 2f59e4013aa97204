"""Which responses, folds and surrogates a fit works with, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from luban import _core, training
from luban._words import counted
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from luban.process import Process
    from luban.training import NeuralEnsembleOptions

__all__ = ["LOCAL", "NETWORK", "Plan", "ProcessOptions", "Split", "Transforms", "kept_name", "plan_folds"]
__all__ += ["plan_surrogate", "plan_transforms", "require_transform", "usable_responses"]

#: What networks, and a Gaussian process of nearest points, are called among the contenders.
NETWORK = "neural_ensemble"
LOCAL = "local_gaussian_process"

#: Options of an exact Gaussian process, or of one whose answers come from the nearest points.
ProcessOptions = _core.GaussianProcessOptions | _core.LocalGaussianProcessOptions

#: Weighted means of readings, one for each run and input point, from which on networks had a chance in the comparison
#: of docs/training.md: with 100 they lost, with 204 and 233 they won.
_LEAST_POINTS = 150
#: Fewer groups leave a standard error over groups that says nothing.
_LEAST_GROUPS = 8
#: The time of an exact Gaussian process grows with the cube of the number of points: here five folds of one response
#: take ten minutes on two cores.
_MOST_POINTS = 2500


#: One transform for all responses, or by response; those not named have none.
Transforms = str | Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """The surrogates to compare: the options of each, None for one that is not tried; ``notes`` say why.

    ``transforms`` name what the Gaussian process learns of each response; empty for the responses themselves.
    """

    asked: str
    gaussian_process: ProcessOptions | None
    network: NeuralEnsembleOptions | None
    notes: tuple[str, ...] = ()
    transforms: tuple[str, ...] = ()

    @property
    def contenders(self) -> list[str]:
        """Names of those that are tried."""
        names = [] if self.gaussian_process is None else [self.process_name]
        return names if self.network is None else [*names, NETWORK]

    @property
    def process_name(self) -> str:
        """What the Gaussian process is called among the contenders; empty without one."""
        if isinstance(self.gaussian_process, _core.LocalGaussianProcessOptions):
            return LOCAL
        return "" if self.gaussian_process is None else self.gaussian_process.preset


class Split(TypedDict):
    """How a fit is checked."""

    seed: int
    folds: int
    repeats: int


def plan_surrogate(
    surrogate: str | ProcessOptions | NeuralEnsembleOptions,
    data: _core.Dataset,
    network: NeuralEnsembleOptions | None = None,
) -> Plan:
    """Turn what the caller named into what is tried; ``network`` are options for networks that are named or chosen.

    Raises: ConfigurationError on an unknown name, with the nearest known one; NotBuiltError when networks are named and
    cannot be trained.
    """
    if isinstance(surrogate, _core.GaussianProcessOptions):
        return Plan(surrogate.preset, surrogate, None)
    if isinstance(surrogate, _core.LocalGaussianProcessOptions):
        return Plan(LOCAL, surrogate, None)
    if data.noise_variance is not None and surrogate == "automatic":
        note = "Networks were not tried: they cannot take known variances of readings."
        return Plan(surrogate, _core.GaussianProcessOptions(), None, (note,))
    if data.noise_variance is not None and (surrogate in (LOCAL, NETWORK) or not isinstance(surrogate, str)):
        raise ConfigurationError(
            where="fitting.fit",
            expected="an exact Gaussian process, which takes known variances of readings",
            received="a local one" if surrogate == LOCAL else "networks",
            hint='surrogate="gaussian_process", or no noise_variances',
        )
    if not isinstance(surrogate, str):
        return Plan(NETWORK, None, surrogate)
    if surrogate == "automatic":
        return _automatic(data, network)
    if surrogate == "gaussian_process":
        return Plan(surrogate, _core.GaussianProcessOptions(), None)
    if surrogate == LOCAL:
        return Plan(surrogate, _core.LocalGaussianProcessOptions(), None)
    if surrogate == NETWORK:
        return Plan(surrogate, None, network or training.NeuralEnsembleOptions())
    numeric = sum(variable.is_numeric for variable in data.encoder.variables)
    known = [preset.name for preset in _core.presets(numeric, data.encoder.p - numeric)]
    if surrogate not in known:
        names = ["automatic", "gaussian_process", LOCAL, NETWORK, *known]
        raise ConfigurationError(
            where="fitting.fit",
            expected="one of " + ", ".join(names),
            received=repr(surrogate),
            hint=_core.nearest_hint(surrogate, names),
        )
    return Plan(surrogate, _core.GaussianProcessOptions(preset=surrogate), None)


def require_transform(name: str) -> None:
    """Refuse an unknown transform. Raises: ConfigurationError with the nearest known one."""
    if name != "auto":
        _core.require_response_transform(name)


def plan_transforms(plan: Plan, transforms: Transforms, data: _core.Dataset, known: Sequence[str]) -> Plan:
    """Return the plan with the transform of each modelled response; ``known`` are the names of all responses.

    Raises: ConfigurationError on an unknown transform or response, or when no Gaussian process is to learn them.
    """
    named = dict.fromkeys(known, transforms) if isinstance(transforms, str) else dict(transforms)
    for response, transform in named.items():
        require_transform(transform)
        if response not in known:
            raise ConfigurationError(
                where="fitting.fit",
                expected="transforms of " + ", ".join(known),
                received=repr(response),
                place="argument transforms",
                hint=_core.nearest_hint(response, list(known)),
            )
    each = tuple(named.get(column.name, "none") for column in data.responses)
    if all(name == "none" for name in each):
        return plan
    if not isinstance(plan.gaussian_process, _core.GaussianProcessOptions):
        raise ConfigurationError(
            where="fitting.fit",
            expected="an exact Gaussian process to learn transformed responses",
            received=plan.process_name or plan.asked,
            place="argument transforms",
            hint='surrogate="gaussian_process" learns them',
        )
    return replace(plan, transforms=each)


def kept_name(plan: Plan, keep: str) -> str:
    """Return the contender that ``keep`` names, empty for none. Raises: ConfigurationError for another name."""
    known = ["gaussian_process", NETWORK]
    if not keep:
        return ""
    if keep not in known:
        raise ConfigurationError(
            where="fitting.fit",
            expected="keep among " + ", ".join(known),
            received=repr(keep),
            hint=_core.nearest_hint(keep, known),
        )
    if keep == NETWORK:
        return NETWORK
    return plan.process_name


def _automatic(data: _core.Dataset, network: NeuralEnsembleOptions | None) -> Plan:
    """Try all that can be tried: of Gaussian processes the exact one as long as its time allows."""
    points = len(np.unique(np.column_stack([data.run, data.X]), axis=0))
    groups = len(data.group_labels)
    process: ProcessOptions = _core.GaussianProcessOptions()
    notes = []
    if points > _MOST_POINTS:
        process = _core.LocalGaussianProcessOptions()
        notes.append(
            f"An exact Gaussian process was not tried: with {points:,} points its check takes much longer than ten "
            f"minutes. The local one answers from the {process.neighbours} nearest points. "
            'surrogate="gaussian_process" insists.'
        )
    tried = None
    if (lacking := training.lacking()) is not None:
        reason = f"this installation has {lacking.received}, expected {lacking.expected} ({lacking.hint})"
        if lacking.received == "one without":
            reason = f"this installation was built without training ({lacking.hint})"
        notes.append(f"Networks were not tried: {reason}.")
    elif points < _LEAST_POINTS or groups < _LEAST_GROUPS:
        there = f"{counted(points, 'point')} in {counted(groups, 'group')}"
        needed = f"{_LEAST_POINTS} points and {_LEAST_GROUPS} groups"
        notes.append(f"Networks were not tried: {there}; below {needed} they rarely win.")
    else:
        tried = network or training.NeuralEnsembleOptions()
    return Plan("automatic", process, tried, tuple(notes))


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
