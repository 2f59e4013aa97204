"""From a history to a model that says what it knows: fit, check on groups not seen, calibrate, describe, keep.

``fit`` is the whole way; :class:`Model` answers in the process's units and carries the evidence for its claims.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban import _core, features
from luban._fitting import artefact, choice, scoring
from luban._fitting.averaging import Averager
from luban._fitting.cross_validation import CrossValidation, calibrations_of_card
from luban._fitting.inputs import coded_inputs
from luban._fitting.posterior import LabelledPosterior, ResponseCalibration, VarianceOf, novelty_frame, ratio_of
from luban.errors import ConfigurationError, DataError, IntegrityError
from luban.evaluation import Evaluation, ModelCard, evaluate, make_card
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd

    from luban.history import History
    from luban.parallel import Progress

__all__ = ["CrossValidation", "LabelledPosterior", "Model", "ResponseCalibration", "VarianceOf", "fit"]


class Model:
    """A surrogate of all modelled responses, with what it learned from and what it may claim.

    Made by :func:`fit` or :meth:`load`. Attributes: ``process``, ``surrogate`` (the C++ Gaussian process), ``dataset``
    (what it learned from), ``cross_validation`` (predictions of readings of groups not seen), ``calibration`` (by
    response), ``envelope`` (the region learned from), ``card``.
    """

    def __init__(
        self,
        process: Process,
        surrogate: _core.GaussianProcess,
        dataset: _core.Dataset,
        cross_validation: CrossValidation,
        envelope: _core.TrainingEnvelope,
        card: ModelCard,
    ) -> None:
        self.process = process
        self.surrogate = surrogate
        self.dataset = dataset
        self.cross_validation = cross_validation
        self.envelope = envelope
        self.card = card
        self.calibration: dict[str, ResponseCalibration] = calibrations_of_card(card["responses"])

    @property
    def responses(self) -> list[str]:
        """Names of the modelled responses."""
        return [column.name for column in self.surrogate.responses]

    def posterior(self, frame: pd.DataFrame) -> LabelledPosterior:
        """Return what the model believes about the rows of a frame.

        Columns are the process's (or the source's) names of parameters, context and noise variables; units that differ
        stand in ``frame.attrs["units"]`` or in the header. A noise variable that the frame does not have is averaged
        over as it was observed in the row's context. Rows beyond what was learned from are marked in ``.novelty``.

        Raises: DataError on a missing or unknown column, an unknown category or a missing value; UnitError.
        """
        inputs = coded_inputs(self.process, self.surrogate.encoder, frame, "fitting.posterior")
        return LabelledPosterior(
            Averager(self.surrogate, self.dataset, inputs),
            frame.index,
            {column.name: column.unit for column in self.surrogate.responses},
            self.calibration,
            novelty_frame(self.envelope, self.surrogate.encoder, inputs.X, frame.index),
        )

    def interval_ratio(self, response: str, level: float, of: VarianceOf = "run_mean") -> float:
        """Return the factor by which calibration widens an interval. Raises: DataError on an unknown response."""
        self.dataset.response_index(response)
        return ratio_of(self.calibration[response], level, of)

    def skill(self, *, without_gross: bool = True) -> pd.DataFrame:
        """Return the cross-validated skill beside baselines and noise ceiling; see :meth:`ModelCard.skill`."""
        return self.card.skill(without_gross=without_gross)

    def score(self, history: History, *, per_group: bool = False, progress: Progress | None = None) -> pd.DataFrame:
        """Score the model on a history, beside the mean of the training readings ("trivial").

        One row per response and contender (``group`` is "" there) and, with ``per_group``, one for each group of the
        history. Every reading counts, gross errors too; ``coverage_*`` and ``width_*`` are of the calibrated intervals
        of a reading. ``attrs["notes"]`` says in words when runs were seen in training.

        Raises: ConfigurationError when the history is of another process; DataError when it has none of the responses
        or a category that the model does not know.
        """
        scoring.require_same_process(self.process, history.process, self.responses)
        data = features.make_dataset(history.process.core, history.source, responses=self.responses, progress=progress)
        scoring.require_responses(self.dataset, data)
        out = scoring.score_frame(self.surrogate, self.calibration, self.dataset, data, per_group)
        seen = scoring.seen_runs(self.dataset, data)
        notes = []
        if seen:
            notes.append(
                f"{seen} of {len(data.run_ids)} runs were learned from: their scores say how well the model fits, not "
                "how well it predicts; model.skill() is the honest table."
            )
        out.attrs["notes"] = notes
        out.attrs["units"] = {column.name: column.unit for column in self.surrogate.responses}
        return out

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the model as one safetensors file and return its path; a folder gets a name made of the content.

        Raises: IoError when the disk refuses.
        """
        arrays, dataset = artefact.stored_dataset(self.dataset)
        content = {
            "process": self.process.to_dict(),
            "dataset": dataset,
            "contenders": self.cross_validation.contenders,
            "envelope": json.loads(self.envelope.to_json()),
            "card": self.card.to_dict(),
        }
        return artefact.write(self.surrogate, {**arrays, **self.cross_validation.tensors()}, content, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Model:
        """Read what :meth:`save` wrote.

        Raises: IoError when it cannot be read, IntegrityError when it is damaged or no model, VersionError when a
        newer program wrote it.
        """
        contents = artefact.read(path)
        metadata = contents.metadata
        dataset = artefact.restored_dataset(contents)
        try:
            card = ModelCard.from_json(json.dumps(metadata["card"]))
            calibration = calibrations_of_card(card["responses"])
            surrogate = _core.GaussianProcess.read(contents.artefact)
            if [response.name for response in surrogate.responses] != [one["name"] for one in card["responses"]]:
                raise ValueError("a card of other responses than the model's")
            return cls(
                Process.from_dict(metadata["process"], place=f"{path}, process"),
                surrogate,
                dataset,
                CrossValidation.of_tensors(dataset, metadata["contenders"], contents.tensors, calibration),
                _core.TrainingEnvelope.from_json(json.dumps(metadata["envelope"])),
                card,
            )
        except (KeyError, TypeError, ValueError, ConfigurationError, DataError) as error:
            raise IntegrityError(
                where="fitting.load", expected="all parts of a model", received=str(error), place=str(path)
            ) from error

    def __repr__(self) -> str:
        data = self.card["data"]
        return (
            f"<luban.Model of {self.process.name}: {', '.join(self.responses)}; {self.card.surrogate}, "
            f"{data['runs']} runs>"
        )

    def _repr_html_(self) -> str:
        return self.card._repr_html_()


#: What the card calls the groups where the process states none.
_UNSTATED = {"points": "runs with the same parameters and categories of context", "runs": "a run"}


def fit(
    process: Process,
    history: History,
    surrogate: str | _core.GaussianProcessOptions = "automatic",
    seed: int = 0,
    folds: int = 5,
    repeats: int = 1,
    progress: Progress | None = None,
) -> Model:
    """Learn every response of a history, check the model on groups it has not seen, calibrate its intervals.

    Folds never split what ``groups`` of the process names (else runs with the same parameters and categories of
    context); with fewer groups than ``folds`` each group is left out once. Scores stand beside the mean, a linear model
    and the noise ceiling. The model itself then learns from all runs; gross errors get no weight in it and are named in
    ``model.card``.

    ``surrogate`` is ``"automatic"``, ``"gaussian_process"``, the name of a preset (``luban.surrogate.presets``) or
    ``GaussianProcessOptions``. Automatic takes the default preset: on the packaged data cross-validation of five
    presets takes five times as long and chooses the default for every response.

    Raises: DataError when there is too little to learn from or to check on, ConfigurationError on a wrong option or a
    history of another process, NumericalError, KeyboardInterrupt on Ctrl-C.
    """
    names = [response.name for response in process.responses]
    present = {info.name for info in history.source.schema()}
    scoring.require_same_process(process, history.process, [name for name in names if name in present])
    data = features.make_dataset(process.core, history.source, progress=progress)
    kept, left_out = choice.usable_responses(process, data)
    if left_out:
        data = features.make_dataset(process.core, history.source, responses=kept, progress=progress)
    plan = choice.plan_surrogate(surrogate, data)
    usable_folds = choice.plan_folds(data, folds, repeats)
    evaluation = evaluate(data, [plan.contender], seed=seed, folds=usable_folds, repeats=repeats, progress=progress)
    fitted = _core.GaussianProcess.fit(data, plan.options, seed=seed, progress=progress)
    notes = left_out
    if usable_folds < folds:
        notes = [f"Only {usable_folds} groups: each was left out once, {folds} folds are not possible.", *notes]
    return Model(
        process,
        fitted,
        data,
        CrossValidation.of_evaluation(data, evaluation),
        features.make_envelope(data),
        _card(process, data, fitted, evaluation, seed, notes),
    )


def _card(
    process: Process,
    data: _core.Dataset,
    fitted: _core.GaussianProcess,
    evaluation: Evaluation,
    seed: int,
    notes: Sequence[str],
) -> ModelCard:
    build = _core.build_info()
    card = make_card(
        data,
        evaluation,
        process=process.name,
        process_digest=process.digest,
        code_version=f"{build['version']} ({build['revision']})",
        created_time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    ).to_dict()
    card["validation"]["grouped_by"] = ", ".join(process.core.groups) or _UNSTATED[data.grouping.name]
    card["validation"]["seed"] = seed
    for response, report in zip(card["responses"], fitted.reports, strict=True):
        values: dict[str, Any] = dict(
            zip(report.hyperparameter_names, (float(value) for value in report.hyperparameters), strict=True)
        )
        response["hyperparameters"] = values
        response["gross_errors"] += len(report.set_aside)
    card["why"] += [*notes, *_split_points(data), *_gross_errors(data), *_set_aside(data, fitted)]
    return ModelCard(card)


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
    found = [finding.message for finding in features.find_suspicious(data) if finding.kind == "gross_error"]
    shown = [f"Gross error: {message}" for message in found[:most]]
    return shown + ([f"{len(found) - most} more gross errors."] if len(found) > most else [])


def _set_aside(data: _core.Dataset, fitted: _core.GaussianProcess, most: int = 20) -> list[str]:
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
