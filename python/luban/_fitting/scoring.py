"""A model on a history: skill and coverage, in all and per group, with the trivial baseline beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban._fitting.overlap import recoded
from luban._fitting.posterior import ResponseCalibration
from luban.errors import ConfigurationError, DataError
from luban.evaluation import normal_half_width, score, score_levels

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban.process import Process

__all__ = ["require_responses", "require_same_process", "score_frame"]

_COLUMNS = ["group", "response", "unit", "contender", "readings", "rmse", "mae", "r2", "log_density", "crps"]
_COLUMNS += ["coverage_50", "coverage_80", "coverage_90", "width_50", "width_80", "width_90"]


def require_same_process(own: Process, other: Process, responses: list[str]) -> None:
    """Refuse a history whose inputs or responses mean something else. Raises: ConfigurationError naming the first."""
    variables = [*own.parameters, *own.context, *own.noise]
    known = {variable.name: variable for variable in (*other.parameters, *other.context, *other.noise)}
    for variable in variables:
        twin = known.get(variable.name)
        if twin is None or (twin.unit, list(twin.categories)) != (variable.unit, list(variable.categories)):
            raise _other_process(own, other, f"{variable.name!r} with unit {variable.unit!r} and the same categories")
    units = {response.name: response.unit for response in other.responses}
    for name in responses:
        if units.get(name) != own.unit(name):
            raise _other_process(own, other, f"response {name!r} in {own.unit(name)!r}")


def _other_process(own: Process, other: Process, expected: str) -> ConfigurationError:
    return ConfigurationError(
        where="fitting.score",
        expected=f"a history of process {own.name!r}: {expected}",
        received=f"a history of process {other.name!r}",
        hint="import the data with the process file that the model was trained with",
    )


def score_frame(
    surrogate: _core.Surrogate,
    calibration: Mapping[str, ResponseCalibration],
    training: _core.Dataset,
    data: _core.Dataset,
    per_group: bool,
) -> pd.DataFrame:
    """Score the model and the trivial baseline on every reading of a dataset, gross errors included."""
    import pandas as pd

    points, point_of = np.unique(recoded(surrogate.encoder, data), axis=0, return_inverse=True)
    posteriors = [("model", surrogate.posterior(points)), ("trivial", _core.fit_trivial(training).posterior(points))]
    groups = [("", np.ones(data.n))]
    if per_group:
        of_reading = data.group[data.run]
        groups += [(label, (of_reading == g).astype(float)) for g, label in enumerate(data.group_labels)]
    rows: list[dict[str, Any]] = []
    for column in data.responses:
        at, r = data.response_index(column.name), training.response_index(column.name)
        for name, posterior in posteriors:
            ratios = calibration[column.name] if name == "model" else None
            arrays = _predictions(posterior, r, point_of.ravel(), data.Y[:, at], ratios)
            arrays["training_mean"] = np.full(data.n, np.nanmean(training.Y[:, r]))
            for label, weights in groups:
                scores = score(data.Y[:, at], **arrays, weights=weights).to_dict()
                rows.append({"group": label, "response": column.name, "unit": column.unit, "contender": name} | scores)
    out = pd.DataFrame(rows)[_COLUMNS]
    out["readings"] = out["readings"].astype(int)
    return out[out["readings"] > 0].reset_index(drop=True)


def _predictions(
    posterior: _core.Posterior,
    index: int,
    point_of: NDArray[np.int64],
    y: NDArray[np.float64],
    calibration: ResponseCalibration | None,
) -> dict[str, NDArray[np.float64]]:
    """Predictions of readings y (n) at the posterior's points, as the scores want them."""
    mean = posterior.mean()[point_of, index]
    sd = np.sqrt(posterior.variance("reading")[point_of, index])
    half = np.column_stack(list(_half_widths(sd, calibration)))
    with np.errstate(divide="ignore", invalid="ignore"):  # a response that never varied has no density
        log_density = -0.5 * (np.log(2.0 * np.pi * sd**2) + ((y - mean) / sd) ** 2)
    return {
        "mean": mean,
        "sd": sd,
        "log_density": log_density,
        "lower": mean[:, None] - half,
        "upper": mean[:, None] + half,
    }


def _half_widths(sd: NDArray[np.float64], calibration: ResponseCalibration | None) -> Iterator[NDArray[np.float64]]:
    for level in score_levels:
        yield normal_half_width(level) * (calibration.reading.ratio(level) if calibration else 1.0) * sd


def require_responses(training: _core.Dataset, data: _core.Dataset) -> None:
    """Refuse a history without any of the model's responses. Raises: DataError."""
    if np.isnan(data.Y).all():
        names = ", ".join(column.name for column in training.responses)
        raise DataError(where="fitting.score", expected=f"measured values of {names}", received="none")
