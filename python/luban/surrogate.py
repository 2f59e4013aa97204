"""Learned maps from inputs to a posterior: Gaussian processes, baselines, averages over noise, artefacts.

Everything here takes and gives coded inputs (``surrogate.encoder``) and plain arrays; :func:`luban.fit` is the door
for tables. A surrogate is immutable; its answer, a :class:`Posterior`, knows three kinds of variance: ``latent`` (of
the expected response), ``run_mean`` (+ between runs) and ``reading`` (+ within a run).

Surrogates are written in C++; one written in Python cannot be handed to C++ by this version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from luban import _core
from luban._core import (
    Artefact,
    AveragedSurrogate,
    FitReport,
    GaussianProcess,
    GaussianProcessOptions,
    NoiseLevels,
    Posterior,
    Preset,
    Surrogate,
    available_simd_levels,
    presets,
    simd_level,
)
from luban.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy.typing as npt

    from luban.features import Dataset
    from luban.parallel import Progress

__all__ = [
    "Artefact",
    "AveragedSurrogate",
    "FitReport",
    "GaussianProcess",
    "GaussianProcessOptions",
    "NoiseLevels",
    "Posterior",
    "Preset",
    "Surrogate",
    "available_simd_levels",
    "average_over_noise",
    "fit_gaussian_process",
    "fit_ridge",
    "fit_trivial",
    "observed_noise_levels",
    "preset_descriptions",
    "presets",
    "simd_level",
]

#: Values of context variables by name, as in the process; a variable left out may have any value.
Context = Mapping[str, str | float]


def fit_gaussian_process(
    data: Dataset,
    options: GaussianProcessOptions | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> GaussianProcess:
    """Fit one exact Gaussian process per response, hyperparameters by maximum a posteriori.

    Repeated readings enter by an exact reduction to one weighted mean per run and input point; gross errors get weight
    0 first (``options.robust``). The same for any number of threads.

    Raises: ConfigurationError (unknown preset, option out of range), DataError (a response without a usable reading),
    NumericalError (no usable covariance), KeyboardInterrupt on Ctrl-C.
    Reference: Rasmussen and Williams 2006, chapters 2 and 5.
    """
    return GaussianProcess.fit(data, options or GaussianProcessOptions(), seed=seed, progress=progress)


def fit_trivial(data: Dataset) -> Surrogate:
    """Return the mean of the training runs with their spread: what every model must beat.

    Raises: DataError when a response has fewer than two runs.
    """
    return _core.fit_trivial(data)


def fit_ridge(data: Dataset, *, quadratic: bool = False) -> Surrogate:
    """Fit a ridge regression on the one-hot encoding, the penalty chosen by leave-one-out over runs.

    ``quadratic`` adds squares and products of the numeric inputs.

    Raises: DataError when a response has fewer than two runs.
    """
    return _core.fit_ridge(data, quadratic=quadratic)


def preset_descriptions() -> dict[str, str]:
    """Return every preset of a Gaussian process by name with one sentence on it; the default comes first."""
    return {preset.name: preset.description for preset in presets(1, 1)}


def _coded_context(data: Dataset, context: Context | Sequence[float] | npt.NDArray[np.float64]) -> list[float]:
    if not isinstance(context, Mapping):
        return [float(value) for value in context]
    encoder = data.encoder
    columns = encoder.columns_of(_core.Role.context)
    names = [encoder.variables[column].name for column in columns]
    unknown = [name for name in context if name not in names]
    if unknown:
        raise ConfigurationError(
            where="surrogate.observed_noise_levels",
            expected=f"context variables among {', '.join(names) or '(none)'}",
            received=repr(unknown[0]),
            place="argument context",
            hint=_core.nearest_hint(unknown[0], names),
        )
    return [
        encoder.encode_value(column, context[name]) if name in context else math.nan
        for column, name in zip(columns, names, strict=True)
    ]


def observed_noise_levels(
    data: Dataset, context: Context | Sequence[float] | npt.NDArray[np.float64], *, min_runs: int = 10
) -> NoiseLevels:
    """Return the joint levels of the noise variables and how often each was observed, each run counting once.

    Counted within ``context`` (values by name, or coded values in the encoder's order with NaN = any) when at least
    ``min_runs`` runs have it, else over all runs. Continuous noise variables: at most 16 representative levels.

    Raises: ConfigurationError on an unknown context variable, DataError on an unknown category or a wrong length.
    """
    return _core.observed_noise_levels(data, np.asarray(_coded_context(data, context), dtype=np.float64), min_runs)


def average_over_noise(surrogate: Surrogate, data: Dataset, context: Context) -> AveragedSurrogate:
    """Return the surrogate's average over the noise variables as observed in ``context``.

    A surrogate of parameters and context alone: mean w'μ, variance w'Σw of the joint posterior.

    Raises: as :func:`observed_noise_levels`.
    """
    return AveragedSurrogate(surrogate, observed_noise_levels(data, context))
