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
    CorrelatedResponses,
    FitReport,
    GaussianProcess,
    GaussianProcessOptions,
    Innovations,
    LeftOut,
    LocalGaussianProcess,
    LocalGaussianProcessOptions,
    NoiseLevels,
    Posterior,
    PosteriorPaths,
    Preset,
    RefitAdvice,
    RefitReason,
    ResponseTransform,
    ResponseTransformOptions,
    Surrogate,
    TransformChoice,
    TransformChoiceOptions,
    TransformedOptions,
    TransformedSurrogate,
    TransformTrial,
    Updating,
    UpdatingOptions,
    available_simd_levels,
    presets,
    simd_level,
)
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from luban.features import Dataset, Encoder
    from luban.parallel import Progress

__all__ = [
    "Artefact",
    "AveragedSurrogate",
    "CorrelatedResponses",
    "FitReport",
    "GaussianProcess",
    "GaussianProcessOptions",
    "Innovations",
    "LeftOut",
    "LocalGaussianProcess",
    "LocalGaussianProcessOptions",
    "NoiseLevels",
    "Posterior",
    "PosteriorPaths",
    "Preset",
    "RefitAdvice",
    "RefitReason",
    "ResponseTransform",
    "ResponseTransformOptions",
    "Surrogate",
    "TransformChoice",
    "TransformChoiceOptions",
    "TransformTrial",
    "TransformedOptions",
    "TransformedSurrogate",
    "Updating",
    "UpdatingOptions",
    "available_simd_levels",
    "average_over_noise",
    "choose_response_transforms",
    "fit_correlated_responses",
    "fit_gaussian_process",
    "fit_local_gaussian_process",
    "fit_response_transform",
    "fit_ridge",
    "fit_transformed",
    "fit_trivial",
    "observed_noise_levels",
    "preset",
    "preset_descriptions",
    "presets",
    "response_transform_descriptions",
    "simd_level",
    "with_noise_variances",
]

#: Values of context variables by name, as in the process; a variable left out may have any value.
Context = Mapping[str, str | float]


def preset(
    name: str,
    encoder: Encoder,
    *,
    warped: bool = False,
    embedded: bool = False,
    embedding_rank: int = 0,
    forgetting: str = "",
    forgotten: float = 0.0,
    noise_varies: bool | Sequence[str] = False,
    tasks: str = "",
) -> Preset:
    """Return a preset for the inputs of an encoder, with what is added to it: ``GaussianProcessOptions(model=...)``.

    ``warped`` bends numeric inputs by 1 - (1 - x^a)^b, a and b learned (Snoek et al. 2014). ``embedded`` gives every
    category a learned place in ``embedding_rank`` dimensions (0: two, at most categories - 1) instead of one length per
    input (Zhang et al. 2020). ``forgetting`` names a numeric input, the time: covariances are multiplied by
    (1 - e)^(abs(t - t') / 2), e being ``forgotten`` in one unit of that input, 0 = learned (Bogunovic et al. 2016).
    ``noise_varies`` lets the noise change log-linearly with all inputs or with those named. ``tasks`` names a
    categorical input, products or machines say, whose categories share their course as far as the data say
    (intrinsic coregionalisation, no negative correlations), each with its own level and noise.

    Raises: ConfigurationError on an unknown preset (the nearest is named) or an option out of range. Whether the named
    inputs exist shows when it is fitted.
    """
    numeric = sum(variable.kind.name != "categorical" for variable in encoder.variables)
    known = {one.name: one for one in presets(numeric, encoder.p - numeric)}
    if name not in known:
        raise ConfigurationError(
            where="surrogate.preset",
            expected="one of " + ", ".join(known),
            received=repr(name),
            hint=_core.nearest_hint(name, list(known)),
        )
    return _core.changed_preset(
        known[name],
        warped=warped,
        embedded=embedded,
        embedding_rank=embedding_rank,
        forgetting=forgetting,
        forgotten=forgotten,
        noise_varies=noise_varies if isinstance(noise_varies, bool) else bool(list(noise_varies)),
        noise_inputs=[] if isinstance(noise_varies, bool) else list(noise_varies),
        tasks=tasks,
    )


def with_noise_variances(data: Dataset, variances: npt.ArrayLike) -> Dataset:
    """Return the dataset with known variances of its readings, (n) for all responses alike or (n, m).

    Raises: DataError on another shape.
    """
    values = np.asarray(variances, dtype=np.float64)
    if values.ndim == 1:
        values = np.repeat(values[:, np.newaxis], data.m, axis=1)
    if values.ndim != 2:
        raise DataError(
            where="surrogate.with_noise_variances",
            expected=f"variances ({data.n}) or ({data.n}, {data.m})",
            received=f"an array of {values.ndim} dimensions",
        )
    return data.with_noise_variance(values)


def fit_gaussian_process(
    data: Dataset,
    options: GaussianProcessOptions | None = None,
    *,
    start_from: GaussianProcess | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    noise_variances: npt.ArrayLike | None = None,
) -> GaussianProcess:
    """Fit one exact Gaussian process per response, hyperparameters by maximum a posteriori.

    Repeated readings enter by an exact reduction to one weighted mean per run and input point; gross errors get weight
    0 first (``options.robust``). The same for any number of threads. With ``start_from``, an earlier surrogate of the
    same responses, each response climbs once, from the hyperparameters of the same names: the way to refit data that
    grew a little. :class:`Updating` says when that is due.

    ``noise_variances`` are those of the readings where they are known beforehand, in squared units of the responses,
    (n) or (n, m) like ``data.Y``. They are taken as they are; ``options.extra_noise`` learns a variance between runs
    beside them. The variance of a new ``reading`` is then their mean.

    Raises: ConfigurationError (unknown preset, option out of range), DataError (a response without a usable reading),
    NumericalError (no usable covariance), KeyboardInterrupt on Ctrl-C.
    Reference: Rasmussen and Williams 2006, chapters 2 and 5.
    """
    if noise_variances is not None:
        data = with_noise_variances(data, noise_variances)
    if start_from is not None:
        chosen = options or GaussianProcessOptions(preset=start_from.preset)
        return GaussianProcess.fit_from(start_from, data, chosen, seed=seed, progress=progress)
    return GaussianProcess.fit(data, options or GaussianProcessOptions(), seed=seed, progress=progress)


def fit_correlated_responses(
    data: Dataset,
    options: GaussianProcessOptions | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> CorrelatedResponses:
    """Fit one Gaussian process to all responses, which share their course as far as the data say.

    Each response is standardised by itself and has its own level and noise; one with few values (NaN in ``data.Y`` =
    missing) borrows from those with many. No negative correlations: turn a response round that falls where the others
    rise. Noise is independent between responses. Time grows with the cube of all values together.

    Raises: as :func:`fit_gaussian_process`; ConfigurationError when there is one response alone.
    Reference: Bonilla, Chai and Williams 2008.
    """
    return CorrelatedResponses.fit(data, options or GaussianProcessOptions(), seed=seed, progress=progress)


def fit_local_gaussian_process(
    data: Dataset,
    options: LocalGaussianProcessOptions | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> LocalGaussianProcess:
    """Fit a Gaussian process to more points than an exact one can hold, up to some 100,000 means of readings.

    Hyperparameters are found on a random part of the runs (``options.learned_from`` means); each answer comes from the
    ``options.neighbours`` nearest means, as an exact process of these would give it, with exact gradients. Where the
    set of neighbours changes, answers jump a little. Memory grows with the means, and so does the time of an answer.

    Raises: as :func:`fit_gaussian_process`; ConfigurationError too where variances of readings are known.
    Reference: Vecchia 1988; Datta et al. 2016; Gramacy and Apley 2015.
    """
    return LocalGaussianProcess.fit(data, options or LocalGaussianProcessOptions(), seed=seed, progress=progress)


def fit_transformed(
    data: Dataset,
    transforms: str | Sequence[str],
    process: GaussianProcessOptions | None = None,
    options: TransformedOptions | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> TransformedSurrogate:
    """Fit a Gaussian process to transformed responses; it answers in the responses' own units.

    ``transforms`` is one name for all responses or one for each (:func:`response_transform_descriptions`; joined by
    "+" they are applied from left to right), or ``"auto"``: the one that gives left-out readings the greatest log
    density, if it clearly does. The expected response is the mean of a reading; log-normal moments are closed, others
    come from Hermite expansions. Quantiles and densities are exact.

    Raises: ConfigurationError (unknown name, wrong number of names), DataError (a value that a transform cannot take,
    with its row), and as :func:`fit_gaussian_process`.
    """
    names = [transforms] if isinstance(transforms, str) else list(transforms)
    return TransformedSurrogate.fit(
        data,
        names,
        process or GaussianProcessOptions(),
        options or TransformedOptions(),
        seed=seed,
        progress=progress,
    )


def fit_response_transform(
    name: str,
    values: npt.ArrayLike,
    options: ResponseTransformOptions | None = None,
    *,
    response: str = "",
) -> ResponseTransform:
    """Fit one transform to the values (n) of a response, NaN = missing; ``response`` is named in errors.

    Raises: ConfigurationError (unknown name, option out of range), DataError naming the row of a value that is infinite
    or outside the domain, or when there is none.
    """
    array = np.asarray(values, dtype=np.float64)
    return _core.fit_response_transform(name, array, options or ResponseTransformOptions(), response=response)


def choose_response_transforms(
    data: Dataset,
    process: GaussianProcessOptions | None = None,
    options: TransformChoiceOptions | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[TransformChoice]:
    """Return for each response the transform that ``"auto"`` takes, with what was tried.

    Candidates are compared with "none" by the log density of readings of groups left out, the Jacobian included.

    Raises: ConfigurationError (unknown candidate, one that clips, option out of range), and as
    :func:`fit_gaussian_process`.
    """
    return _core.choose_response_transforms(
        data, process or GaussianProcessOptions(), options or TransformChoiceOptions(), seed=seed, progress=progress
    )


def response_transform_descriptions() -> dict[str, str]:
    """Return every transform of a response by name with one sentence on it."""
    return dict(_core.response_transforms())


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
