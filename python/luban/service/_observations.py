"""What finished runs say, as a model takes it: one mean per response, where it was taken and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban.fitting import Model
    from luban.service.messages import RunReport

    Array = NDArray[np.float64]

__all__ = ["Expectation", "Observation", "Reader", "expected", "run_noise"]

#: Runs of the training data that the usual noise of a run's mean is taken from, spread evenly over all.
_MOST_RUNS = 200


@dataclass(frozen=True)
class Observation:
    """The mean of one response over the readings of one run.

    ``levels`` (u, p) are the input points that were read, coded, ``weights`` (u) their shares; ``readings`` counts
    what the mean rests on, gross errors left out.
    """

    mean: float
    levels: Array
    weights: Array
    readings: float


@dataclass(frozen=True)
class Expectation:
    """What a surrogate expects of an :class:`Observation`: mean, and variances of what it averages.

    ``latent`` is of the expected response, ``between`` what runs differ by, ``within`` what is left of the readings.
    """

    mean: float
    latent: float
    between: float
    within: float

    @property
    def noise(self) -> float:
        """Variance of the observed mean around the true expected response."""
        return self.between + self.within


class Reader:
    """Reads runs for one model: codes inputs, sets invalid and gross readings aside, averages the rest."""

    def __init__(self, model: Model) -> None:
        self._encoder = model.surrogate.encoder
        self._responses = [(column.name, column.unit) for column in model.surrogate.responses]
        valid = {response.name: (response.valid_low, response.valid_high) for response in model.process.responses}
        self._valid = [valid[name] for name, _ in self._responses]

    def values(self, run: RunReport) -> Array:
        """Return the readings (n, m), NaN where a response is missing or outside its valid range.

        Raises: DataError when the columns of the run have different lengths.
        """
        lengths = {name: len(column) for name, column in run.readings.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(
                where="service.learn",
                expected="as many readings of each name",
                received=", ".join(f"{name}: {count}" for name, count in lengths.items()),
                place=f"run {run.run_id!r}",
            )
        count = max(lengths.values(), default=0)
        out = np.full((count, len(self._responses)), np.nan)
        for j, ((name, _), (low, high)) in enumerate(zip(self._responses, self._valid, strict=True)):
            if name in run.readings:
                column = np.asarray(run.readings[name], dtype=np.float64)
                out[:, j] = np.where(np.isfinite(column) & (column >= low) & (column <= high), column, np.nan)
        return out

    def points(self, run: RunReport) -> Array:
        """Return the coded inputs (n, p) of the readings of a run.

        Raises: DataError when an input is missing, is no number or a category that the model does not know.
        """
        given: dict[str, Any] = {**run.context, **run.settings}
        count = max((len(column) for column in run.readings.values()), default=0)
        out = np.empty((count, self._encoder.p))
        for j, variable in enumerate(self._encoder.variables):
            if variable.role is _core.Role.noise:
                column = run.readings.get(variable.name)
                if column is None:
                    raise _missing(run, variable.name)
                codes = {value: self._encoder.encode_value(j, value) for value in dict.fromkeys(column)}
                out[:, j] = [codes[value] for value in column]
                continue
            value = given.get(variable.name)
            if value is None or (isinstance(value, float) and not math.isfinite(value)):
                raise _missing(run, variable.name)
            out[:, j] = self._encoder.encode_value(j, value)
        if not np.isfinite(out).all():
            raise _missing(run, "a noise variable")
        return out

    def observations(self, run: RunReport, values: Array, points: Array) -> dict[int, Observation]:
        """Return what a run says of each response (by index) that it has a usable reading of."""
        read = np.isfinite(values).any(axis=1)
        if not read.any():
            return {}
        data = self._dataset(run.run_id, values[read], points[read])
        out: dict[int, Observation] = {}
        for r in range(len(self._responses)):
            weights = np.asarray(_core.robust_weights(data, r))
            if not (weights[np.isfinite(data.Y[:, r])] > 0).any():
                continue
            reduced = _core.reduce(data, r, weights)
            share = reduced.weight / reduced.weight.sum()
            out[r] = Observation(float(share @ reduced.mean), reduced.X, share, float(reduced.weight.sum()))
        return out

    def _dataset(self, run_id: str, values: Array, points: Array) -> _core.Dataset:
        count = len(values)
        return _core.Dataset.from_parts(
            encoder=self._encoder,
            X=points,
            Y=values,
            responses=self._responses,
            run=[0] * count,
            run_ids=[run_id],
            group=[0],
            group_labels=[run_id],
            grouping=_core.Grouping.runs,
            run_time=[-(2**63)],
            source_row=list(range(count)),
            repeat=list(range(1, count + 1)),
        )


def expected(surrogate: _core.Surrogate, observed: Mapping[int, Observation]) -> dict[int, Expectation]:
    """Return what a surrogate expects of observations of one run, by response."""
    out: dict[int, Expectation] = {}
    known: dict[bytes, tuple[Any, Any]] = {}  # responses read at the same points share one question
    for r, one in observed.items():
        key = one.levels.tobytes() + one.weights.tobytes()
        if key not in known:
            known[key] = surrogate.average(one.levels, one.weights), surrogate.posterior(one.levels)
        average, each = known[key]
        latent = float(average.variance("latent")[0, r])
        within = (each.variance("reading") - each.variance("run_mean"))[:, r]
        out[r] = Expectation(
            float(average.mean()[0, r]),
            latent,
            max(float(average.variance("run_mean")[0, r]) - latent, 0.0),
            max(float(one.weights @ within), 0.0) / one.readings,
        )
    return out


def run_noise(model: Model) -> Array:
    """Return, by response, the standard deviation of a run's mean around its expectation, as in the training data."""
    data, surrogate = model.dataset, model.surrogate
    runs = np.unique(np.linspace(0, len(data.run_ids) - 1, _MOST_RUNS).round().astype(int))
    data = data.subset(runs.tolist()) if len(runs) < len(data.run_ids) else data
    run = np.asarray(data.run)
    out = np.zeros(data.m)
    points, point_of = np.unique(data.X, axis=0, return_inverse=True)
    posterior = surrogate.posterior(points)
    between = (posterior.variance("run_mean") - posterior.variance("latent"))[point_of.ravel()]
    within = (posterior.variance("reading") - posterior.variance("run_mean"))[point_of.ravel()]
    for r in range(data.m):
        read = np.isfinite(data.Y[:, r])
        count = np.bincount(run[read], minlength=len(data.run_ids)).astype(float)
        share = 1.0 / np.maximum(count[run], 1.0)  # of a reading in its run
        of_run = np.bincount(run[read], weights=((between + within * share[:, None])[:, r] * share)[read])
        out[r] = math.sqrt(float(of_run[of_run > 0].mean())) if (of_run > 0).any() else 0.0
    return out


def _missing(run: RunReport, name: str) -> DataError:
    return DataError(
        where="service.learn",
        expected=f"a value of {name!r}",
        received="none",
        place=f"run {run.run_id!r}",
        hint="a run is learned from only when all inputs of the model are known",
    )
