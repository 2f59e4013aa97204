"""From a history to a model that says what it knows: fit, check on groups not seen, calibrate, describe, keep.

``fit`` is the whole way; :class:`Model` answers in the process's units and carries the evidence for its claims.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban import _core, features
from luban._fitting import artefact, choice, contest, scoring
from luban._fitting.averaging import Averager
from luban._fitting.card import Fitted, card_of_fit
from luban._fitting.cross_validation import CrossValidation, calibrations_of_card
from luban._fitting.inputs import coded_inputs
from luban._fitting.networks import Networks, Workplace
from luban._fitting.overlap import find_overlap
from luban._fitting.posterior import LabelledPosterior, ResponseCalibration, VarianceOf, novelty_frame, ratio_of
from luban._fitting.ranks import require_same, together
from luban.errors import ConfigurationError, DataError, IntegrityError
from luban.evaluation import Contender, Evaluation, ModelCard, data_digest, evaluate
from luban.process import Process
from luban.surrogate import with_noise_variances

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from luban.history import History
    from luban.parallel import Progress
    from luban.training import NeuralEnsembleFit, NeuralEnsembleOptions

__all__ = ["CrossValidation", "LabelledPosterior", "Model", "ResponseCalibration", "VarianceOf", "Workplace", "fit"]


class Model:
    """A surrogate of all modelled responses, with what it learned from and what it may claim.

    Made by :func:`fit` or :meth:`load`. Attributes: ``process``, ``surrogate`` (the C++ Gaussian process, exact or
    local, around it its transforms where the responses were transformed, or the ensemble of networks), ``dataset``
    (what it learned from), ``cross_validation`` (predictions of readings of groups not seen), ``calibration`` (by
    response), ``envelope`` (the region learned from), ``card``.
    """

    def __init__(
        self,
        process: Process,
        surrogate: artefact.Kept,
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
        of a reading. ``attrs["overlap"]`` counts the runs, readings, points and groups that the model learned from,
        found by run id and by content; ``attrs["notes"]`` says it in words.

        Raises: ConfigurationError when the history is of another process; DataError when it has none of the responses
        or a category that the model does not know.
        """
        _require_kinds(self.process, history, "fitting.score")
        scoring.require_same_process(self.process, history.process, self.responses)
        data = features.make_dataset(history.process.core, history.source, responses=self.responses, progress=progress)
        scoring.require_responses(self.dataset, data)
        out = scoring.score_frame(self.surrogate, self.calibration, self.dataset, data, per_group)
        overlap = find_overlap(self.dataset, data)
        out.attrs["notes"] = overlap.notes()
        out.attrs["overlap"] = overlap.to_dict()
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
            surrogate = artefact.surrogate_of(contents)
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


def fit(
    process: Process,
    history: History,
    surrogate: str | choice.ProcessOptions | NeuralEnsembleOptions = "automatic",
    seed: int = 0,
    folds: int = 5,
    repeats: int = 1,
    progress: Progress | None = None,
    *,
    transforms: choice.Transforms = "none",
    neural: NeuralEnsembleOptions | None = None,
    workplace: Workplace | None = None,
    timed: bool = True,
    keep: str = "",
    noise_variances: npt.ArrayLike | None = None,
) -> Model:
    """Learn every response of a history, check the model on groups it has not seen, calibrate its intervals.

    Folds never split what ``groups`` of the process names (else runs with the same parameters and categories of
    context); with fewer groups than ``folds`` each group is left out once. Scores stand beside the mean, a linear model
    and the noise ceiling. The model itself then learns from all runs; gross errors get no weight in it and are named in
    ``model.card``.

    ``surrogate`` is ``"automatic"``, ``"gaussian_process"``, ``"local_gaussian_process"`` (answers from the nearest
    points, for many of them), ``"neural_ensemble"``, the name of a preset of Gaussian processes
    (``luban.surrogate.presets``), or options of any of them. Automatic compares a Gaussian process, the local one above
    2,500 points (runs × inputs), with networks (``neural``: their options) by the log density of readings left out;
    networks must lead by more than twice the standard error. They are not tried without torch or below 150 points in 8
    groups. The card says what was tried, what not, and why.

    ``transforms`` names what a Gaussian process learns of the responses, one name for all or by response: ``"log"``,
    ``"yeo_johnson"`` and others (``luban.surrogate.response_transform_descriptions``), or ``"auto"``, which takes one
    where it clearly gives readings left out a greater density. Answers are in the responses' units all the same.

    ``noise_variances`` are those of the readings where they are known beforehand: (n) or (n, m), squared units of the
    responses, rows as in ``luban.features.make_dataset(process.core, history.source)``. A Gaussian process takes them
    as they are, networks cannot; see :func:`luban.surrogate.fit_gaussian_process`.

    ``workplace`` keeps unfinished networks in a folder and shares the work over ranks, each of which makes this call
    and gets the same model. ``keep`` names the one of them (``"gaussian_process"``, ``"neural_ensemble"``) that
    automatic keeps whatever the comparison says, which the card tells all the same. ``timed=False`` leaves the time of
    making out of the card, so that equal models are equal files.

    Raises: DataError when there is too little to learn from or to check on, ConfigurationError on a wrong option or a
    history of another process, NotBuiltError when networks are named and this build cannot train them, NumericalError,
    StoppedError when the workplace's ``stop`` says so, KeyboardInterrupt on Ctrl-C.
    """
    _require_kinds(process, history, "fitting.fit")
    with ExitStack() as stack:
        place = workplace or Workplace(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luban-fit-"))))
        place = replace(place, progress=progress if place.first else None)
        stack.enter_context(together(place.group))
        data, left_out = _dataset(process, history, place.progress)
        if noise_variances is not None:
            data = with_noise_variances(data, noise_variances)
        plan = choice.plan_surrogate(surrogate, data, neural)
        plan = choice.plan_transforms(plan, transforms, data, [response.name for response in process.responses])
        split = choice.Split(seed=seed, folds=choice.plan_folds(data, folds, repeats), repeats=repeats)
        task = _Fit(process, data, plan, place, split, choice.kept_name(plan, keep))
        return task.model(folds_asked=folds, notes=left_out, timed=timed)


def _dataset(process: Process, history: History, progress: Progress | None) -> tuple[_core.Dataset, list[str]]:
    """Return what can be learned of a history, and sentences on what cannot."""
    names = [response.name for response in process.responses]
    present = {info.name for info in history.source.schema()}
    scoring.require_same_process(process, history.process, [name for name in names if name in present])
    data = features.make_dataset(process.core, history.source, progress=progress)
    kept, left_out = choice.usable_responses(process, data)
    if left_out:
        data = features.make_dataset(process.core, history.source, responses=kept, progress=progress)
    return data, left_out


class _Fit:
    """One fit, on one rank or on several: every rank trains networks, the first one does the rest and tells."""

    def __init__(
        self,
        process: Process,
        data: _core.Dataset,
        plan: choice.Plan,
        place: Workplace,
        split: choice.Split,
        kept: str = "",
    ) -> None:
        self._kept = kept
        self._process = process
        self._data = data
        self._plan = plan
        self._place = place
        self._split = split
        self._networks = None if plan.network is None else Networks(data, plan.network, place, split)
        if place.group is not None and place.shared:
            what = json.dumps(
                [process.digest, data_digest(data), plan.asked, plan.contenders, plan.transforms, split, kept]
            )
            require_same(place.group, "data and options", what, "fitting.fit")

    def model(self, **card: Any) -> Model:
        """Return the model; the same on all ranks."""
        place = self._place
        networks = None if self._networks is None else self._networks.train_folds()
        evaluated = place.on_first(lambda: self._evaluate(networks))
        chosen = place.told(b"" if evaluated is None else evaluated[0].contenders[0].name.encode()).decode()
        made = self._networks.train() if self._networks is not None and chosen == choice.NETWORK else None
        return self._passed_on(
            place.on_first(lambda: None if evaluated is None else self._assembled(made, evaluated, **card))
        )

    def _passed_on(self, model: Model | None) -> Model:
        """Give all ranks the model of the first one, as the bytes of its file."""
        if model is not None and not self._place.shared:
            return model
        with tempfile.TemporaryDirectory(prefix="luban-fit-") as folder:
            file = Path(folder) / "model.safetensors"
            content = self._place.told(b"" if model is None else model.save(file).read_bytes())
            if model is not None:
                return model
            file.write_bytes(content)
            return Model.load(file)

    def _evaluate(self, networks: Contender | None) -> tuple[Evaluation, contest.Contest | None]:
        """Check all that is tried on the same folds; the one chosen stands first."""
        contenders = [] if networks is None else [networks]
        options = self._plan.gaussian_process
        if options is not None:
            contenders.insert(0, self._process_contender(options))
        evaluation = evaluate(self._data, contenders, **self._split, progress=self._place.watched())
        if networks is None or options is None:
            return evaluation, None
        held = contest.hold(self._data, evaluation, self._plan.process_name, choice.NETWORK, self._kept)
        return evaluation.led_by(held.chosen), held

    def _process_contender(self, options: choice.ProcessOptions) -> Contender:
        if isinstance(options, _core.LocalGaussianProcessOptions):
            return Contender.local_gaussian_process(self._plan.process_name, options)
        return Contender.gaussian_process(self._plan.process_name, options, list(self._plan.transforms))

    def _fitted(self, made: NeuralEnsembleFit | None) -> Fitted:
        """Return what was learned from all runs; networks are trained by then."""
        if made is not None:
            return Fitted(made.ensemble, made, self._plan.network)
        options = self._plan.gaussian_process or _core.GaussianProcessOptions()
        seed, watched = self._split["seed"], self._place.watched()
        if isinstance(options, _core.LocalGaussianProcessOptions):
            return Fitted(_core.LocalGaussianProcess.fit(self._data, options, seed=seed, progress=watched))
        if not self._plan.transforms:
            return Fitted(_core.GaussianProcess.fit(self._data, options, seed=seed, progress=watched))
        names, how = list(self._plan.transforms), _core.TransformedOptions(robust=options.robust)
        return Fitted(_core.TransformedSurrogate.fit(self._data, names, options, how, seed=seed, progress=watched))

    def _assembled(
        self,
        made: NeuralEnsembleFit | None,
        evaluated: tuple[Evaluation, contest.Contest | None],
        **card: Any,
    ) -> Model:
        data, (evaluation, held), fitted = self._data, evaluated, self._fitted(made)
        described = card_of_fit(
            self._process, data, fitted, evaluation, plan=self._plan, held=held, seed=self._split["seed"], **card
        )
        return Model(
            self._process,
            fitted.surrogate,
            data,
            CrossValidation.of_evaluation(data, evaluation),
            features.make_envelope(data),
            described,
        )


def _require_kinds(process: object, history: object, where: str) -> None:
    """Refuse names of files where what they hold is wanted. Raises: ConfigurationError."""
    from luban.history import History

    for value, kind, hint in (
        (process, Process, "luban.Process.from_yaml(path) reads a process file"),
        (history, History, "luban.History.open(path) opens a history file"),
    ):
        if not isinstance(value, kind):
            raise ConfigurationError(
                where=where,
                expected=f"a luban.{kind.__name__}",
                received=f"a {type(value).__name__}, {str(value)[:60]!r}",
                hint=hint,
            )
