"""What models that had not seen a reading's group said about it, kept with the model that was then fitted to all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban._fitting.posterior import ResponseCalibration
from luban.errors import ConfigurationError
from luban.evaluation import Calibration, out_of_fold_frame

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Answer", "CrossValidation", "calibrations", "calibrations_of_card"]

_ARRAYS = ("mean", "sd_latent", "sd_run_mean", "sd_reading")


@dataclass(frozen=True)
class Answer:
    """Out-of-fold predictions of one contender, as arrays (n, m); ``fold`` (n), −1 = in none."""

    mean: NDArray[np.float64]
    sd_latent: NDArray[np.float64]
    sd_run_mean: NDArray[np.float64]
    sd_reading: NDArray[np.float64]
    fold: NDArray[np.int64]


class CrossValidation:
    """Out-of-fold predictions of every contender for every reading, from the first repeat."""

    def __init__(
        self,
        dataset: _core.Dataset,
        answers: Mapping[str, Answer],
        weights: NDArray[np.float64],
        calibration: Mapping[str, ResponseCalibration],
    ) -> None:
        self._dataset = dataset
        self._answers = dict(answers)
        self._weights = weights
        self._calibration = dict(calibration)

    @classmethod
    def of_evaluation(cls, dataset: _core.Dataset, evaluation: _core.Evaluation) -> CrossValidation:
        """Take what an evaluation of this dataset holds."""
        answers = {}
        for entry in evaluation.contenders:
            arrays = {name: getattr(entry.out_of_fold, name) for name in _ARRAYS}
            answers[entry.name] = Answer(**arrays, fold=entry.out_of_fold.fold.astype(np.int64))
        weights = np.column_stack([np.asarray(column) for column in evaluation.weights])
        return cls(dataset, answers, weights, calibrations(dataset, evaluation.contenders[0].responses))

    @property
    def contenders(self) -> list[str]:
        """Names of those that were compared; the model first."""
        return list(self._answers)

    def frame(self, response: str, contender: str | None = None, *, level: float = 0.9) -> pd.DataFrame:
        """Return one row per reading: who it was, what was measured, what was predicted without having seen its group.

        See :func:`luban.evaluation.out_of_fold_frame` for the columns. ``contender`` defaults to the model; intervals
        are calibrated for it and plain for the others.

        Raises: DataError on an unknown response; ConfigurationError on an unknown contender or level.
        """
        name = contender or self.contenders[0]
        if name not in self._answers:
            raise ConfigurationError(
                where="fitting.cross_validation",
                expected="one of " + ", ".join(self.contenders),
                received=repr(name),
                hint=_core.nearest_hint(name, self.contenders),
            )
        index = self._dataset.response_index(response)
        calibration = self._calibration[response].reading if name == self.contenders[0] else None
        return out_of_fold_frame(
            self._dataset,
            self._answers[name],
            response,
            calibration=calibration,
            weights=self._weights[:, index],
            level=level,
        )

    def gross_errors(self, response: str) -> NDArray[np.bool_]:
        """Which readings (n) the scores set aside. Raises: DataError on an unknown response."""
        index = self._dataset.response_index(response)
        gross: NDArray[np.bool_] = (self._weights[:, index] == 0.0) & ~np.isnan(self._dataset.Y[:, index])
        return gross

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name, for an artefact."""
        out: dict[str, NDArray[Any]] = {"cross_validation/weights": self._weights}
        for number, answer in enumerate(self._answers.values()):
            for name in (*_ARRAYS, "fold"):
                out[f"cross_validation/{number}/{name}"] = np.ascontiguousarray(getattr(answer, name))
        return out

    @classmethod
    def of_tensors(
        cls,
        dataset: _core.Dataset,
        contenders: Sequence[str],
        tensors: Mapping[str, NDArray[Any]],
        calibration: Mapping[str, ResponseCalibration],
    ) -> CrossValidation:
        """Undo :meth:`tensors`. A missing array raises KeyError."""
        answers = {
            name: Answer(**{key: tensors[f"cross_validation/{number}/{key}"] for key in (*_ARRAYS, "fold")})
            for number, name in enumerate(contenders)
        }
        return cls(dataset, answers, tensors["cross_validation/weights"], calibration)


def calibrations(
    dataset: _core.Dataset, evaluated: Sequence[_core.ResponseEvaluation]
) -> dict[str, ResponseCalibration]:
    """Return the calibration of every response of an evaluated contender."""
    return {
        column.name: ResponseCalibration(entry.reading, entry.run_mean)
        for column, entry in zip(dataset.responses, evaluated, strict=True)
    }


def calibrations_of_card(responses: Sequence[Mapping[str, Any]]) -> dict[str, ResponseCalibration]:
    """Read the same from the responses of a model card."""

    def read(content: Any) -> Calibration:
        return Calibration.from_json(json.dumps(content))

    return {
        entry["name"]: ResponseCalibration(
            read(entry["calibration_of_readings"]), read(entry["calibration_of_run_means"])
        )
        for entry in responses
    }
