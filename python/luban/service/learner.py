"""What the optimizer of a loop thinks: it learns from every finished run and recommends settings for the next one.

A fitted model is never changed in a loop: a new one comes only from a job. What it misses is learned beside it, by a
small Gaussian process on the residuals of runs, for any kind of surrogate. The same runs in the same order give the
same state, so that a process that starts again only reads them again.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from luban import _core
from luban._campaign.advice import Advice, Question
from luban._campaign.inputs import context_values, novelty_limit, recipe_of
from luban.errors import ConfigurationError, DataError
from luban.recommend import SearchOptions
from luban.service._missed import Missed, Residual
from luban.service._observations import Observation, Reader, expected, run_noise
from luban.service._reach import one_move
from luban.service._said import Lesson, sentence_of
from luban.service.messages import Innovation, Prediction, Recommendation, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._campaign.answers import Recommendation as Advised
    from luban.fitting import Model
    from luban.history import History
    from luban.process import Process
    from luban.recommend import StayRule
    from luban.service.messages import RunReport

    Array = NDArray[np.float64]

__all__ = ["Learner", "LearnerOptions"]

#: Of the last runs in the present context, how many are spoken of.
_SPOKEN_OF = 12
#: Least scatter of a run's mean that is believed, as a part of the response's spread in the training data.
_LEAST_SCATTER = 1e-3
#: How long is searched, when options do not say: what one move may reach is a small region.
_RAW_SAMPLES, _RESTARTS = 128, 4
#: Answers that are kept: a frozen model is asked the same again and again.
_ANSWERS = 64


@dataclass(frozen=True)
class LearnerOptions:
    """How a loop learns and decides; the defaults were settled on simulated worlds (``docs/learning.md``).

    ``learning`` off = frozen: the model as fitted decides, innovations are still told. ``objective`` names the response
    to improve (empty: the process's first), ``kind``, ``stay``, ``novelty``, ``interval_level`` and ``search`` are
    those of :meth:`luban.Campaign.recommend`; ``search`` is by default a short one, as fits a cycle.

    Of the process on the residuals, in units of the scatter of a run's mean: ``drift``, the size of departures of a
    context, forgotten within ``drift_runs`` runs; ``local``, that of departures of a region of settings, ``reach`` (in
    ranges) wide, which stay. ``shared`` is the correlation of departures of contexts that differ in one category. The
    sizes are chosen anew when the last ``test_runs`` innovations fail a test that right ones fail with ``test_chance``.
    ``memory`` is the number of runs that are remembered.

    ``one_move`` keeps the search within what one move may reach: parameters change by at most their ``max_rate``, or
    less when moves follow one another after ``move_every_s``, sooner than the time that the rate is stated for. What is
    best there is best for the next run, and the guard need not cut it short.
    """

    learning: bool = True
    objective: str = ""
    kind: Literal["explore", "best_mean"] = "best_mean"
    seed: int = 0
    stay: StayRule | None = None
    novelty: float | None = None
    interval_level: float = 0.9
    search: SearchOptions | None = None
    drift: float = 2.0
    drift_runs: float = 15.0
    local: float = 0.7
    reach: float = 0.5
    shared: float = 0.5
    test_runs: int = 12
    test_chance: float = 0.001
    memory: int = 200
    one_move: bool = True
    move_every_s: float = math.inf

    def __post_init__(self) -> None:
        fits = (
            self.drift > 0.0 and self.drift_runs > 0.0 and self.local >= 0.0 and self.reach > 0.0
            and 0.0 < self.shared < 1.0 and self.test_runs >= 5 and 0.0 < self.test_chance < 0.5 and self.memory >= 1
        )  # fmt: skip
        if not fits or self.kind not in ("explore", "best_mean"):
            raise ConfigurationError(
                where="service.LearnerOptions",
                expected="kind explore or best_mean; drift, drift_runs, reach > 0; local >= 0; 0 < shared < 1; "
                "test_runs >= 5; 0 < test_chance < 0.5; memory >= 1",
                received=repr(self),
            )


@dataclass
class _Known:
    """A run as it was read so far."""

    run: RunReport
    time: float
    points: Array
    values: Array


class Learner:
    """Learns from finished runs beside a fitted model, and recommends settings for the next run.

    ``history``: runs that the model was not fitted on are not taken from it; it must be of the same process.

    Raises: ConfigurationError when model, history or options are not of this process.
    """

    def __init__(
        self,
        process: Process,
        model: Model,
        history: History | None = None,
        options: LearnerOptions = LearnerOptions(),
    ) -> None:
        for what, name in (("a model", model.process.name), ("a history", history and history.process.name)):
            if name is not None and name != process.name:
                raise ConfigurationError(
                    where="service.Learner", expected=f"{what} of process {process.name!r}", received=f"one of {name!r}"
                )
        names = [objective.response for objective in process.objectives]
        if not names or (options.objective and options.objective not in names):
            raise ConfigurationError(
                where="service.Learner",
                expected="an objective among " + ", ".join(names) if names else "a process with an objective",
                received=repr(options.objective) if names else "none",
                hint=_core.nearest_hint(options.objective, names),
            )
        self.process, self.options = process, options
        self.skipped: dict[str, str] = {}
        self._model = model
        self._reader = Reader(model)
        self._columns = list(model.surrogate.responses)
        self._search = options.search or SearchOptions(raw_samples=_RAW_SAMPLES, restarts=_RESTARTS)
        self._ratios = [model.calibration[c.name].run_mean.ratio(options.interval_level) for c in self._columns]
        spread = np.nanstd(model.dataset.Y, axis=0)
        self._scatter = np.maximum(run_noise(model), _LEAST_SCATTER * spread)
        self._missed = [Missed(model.surrogate.encoder, float(value), options) for value in self._scatter]
        self._runs: dict[str, _Known] = {}
        self._count = 0
        self._answers: dict[str, Recommendation] = {}  # to what was asked since something was learned

    @property
    def runs(self) -> int:
        """Number of runs that were learned from, or shown."""
        return self._count

    @property
    def refits(self) -> int:
        """How often a test of the innovations asked for other sizes of departures, over all responses."""
        return sum(missed.refits for missed in self._missed)

    def learn(self, runs: Sequence[RunReport]) -> list[Innovation]:
        """Learn from finished runs, first to last; return what each said against what was expected of it before.

        A run that is known already brings late or corrected values of its first readings, in order; what has not
        changed is nothing new, and a corrected value is learned but is no innovation. Values that are NaN or outside
        the valid range of the process, and gross errors among repeated readings, do not count. A run whose inputs are
        incomplete or unknown to the model is not learned from,
        and :attr:`skipped` says why.
        """
        out: list[Innovation] = []
        for run in runs:
            try:
                out += self._learn(run)
            except DataError as error:
                self.skipped[run.run_id] = str(error)
                _keep_latest(self.skipped, self.options.memory)
        return out

    def recommend(self, context: Mapping[str, Value], running: Mapping[str, Value]) -> Recommendation:
        """Recommend settings for the next run in ``context``, seen from the ``running`` settings.

        Raises: ConfigurationError on a context or setting that is missing or unknown; InfeasibleError naming what
        contradicts each other.
        """
        asked = repr((sorted(context.items()), sorted(running.items())))
        if asked not in self._answers:
            self._answers[asked] = self._recommended(context, running)
        answer = self._answers[asked]
        _keep_latest(self._answers, _ANSWERS)
        return answer

    def _recommended(self, context: Mapping[str, Value], running: Mapping[str, Value]) -> Recommendation:
        options = self.options
        now, moves, limited = recipe_of(self.process, running), None, ""
        if options.one_move:
            moves, limited = one_move(self.process, now.to_dict(), options.move_every_s)
        question = Question(
            context=context_values(self.process, context),
            running=now,
            moves=moves,
            objective=options.objective,
            level=options.interval_level,
            novelty=novelty_limit(options.novelty),
            seed=options.seed,
            progress=None,
        )
        advice = Advice(self.process, self._model_now())
        answer = advice.recommend(question, 1, options.kind, stay=options.stay, search=self._search)[0]
        return self._worded(answer, limited)

    def _learn(self, run: RunReport) -> list[Innovation]:
        values = self._reader.values(run)
        known = self._runs.get(run.run_id)
        if known is None:
            known = _Known(run, float(self._count), self._reader.points(run), np.full_like(values, np.nan))
            self._count += 1
            self._runs[run.run_id] = known
            _keep_latest(self._runs, self.options.memory)
        elif len(known.points) == 0:  # came without any reading, and now brings some
            whole = replace(known.run, readings=run.readings)
            known.points, known.values = self._reader.points(whole), np.full_like(values, np.nan)
        merged = _merged(run.run_id, known.values, values)
        fresh = [r for r in range(merged.shape[1]) if not _equal(merged[:, r], known.values[:, r])]
        known.values = merged
        if self.options.learning:
            self._answers.clear()
        new = np.full_like(merged, np.nan)
        new[:, fresh] = merged[:, fresh]
        return self._taken(run.run_id, known, self._reader.observations(run, new, known.points))

    def _taken(self, run_id: str, known: _Known, observed: dict[int, Observation]) -> list[Innovation]:
        out = []
        for r, model in expected(self._model.surrogate, observed).items():
            missed, point, mean = self._missed[r], known.points[0], observed[r].mean
            shift, doubt = self._correction(missed, point, known.time)
            variance = self._ratios[r] ** 2 * (model.latent + model.between) + model.within + doubt
            least = _LEAST_SCATTER * float(self._scatter[r])
            sd = max(math.sqrt(variance), least) or 1.0
            innovation = Innovation(run_id, self._columns[r].name, mean, model.mean + shift, sd)
            corrected = missed.knows(run_id)  # what was expected then rests on this very run by now
            if not corrected:
                out.append(innovation)
            noise = max(model.noise, least**2)
            if noise > 0.0:
                missed.add(Residual(run_id, known.time, point, mean - model.mean, noise, model.mean))
                if self.options.learning and not corrected:
                    missed.judge(innovation.standardised)
        return out

    def _correction(self, missed: Missed, point: Array, time: float) -> tuple[float, float]:
        """Return what is added to the model's expectation at a point, and its variance."""
        if not self.options.learning:
            return 0.0, 0.0
        if missed.process is None:
            return 0.0, missed.prior_variance()
        mean, variance = missed.process.moments(point[None, :], time)
        return float(mean[0]), float(variance[0])

    def _model_now(self) -> Model:
        """Return the model with what it has missed."""
        corrections: list[Any] = [missed.process for missed in self._missed]  # None: nothing missed yet
        if not self.options.learning or not any(corrections):
            return self._model
        model, now = copy.copy(self._model), float(self._count)
        corrected: Any = _core.CorrectedSurrogate(self._model.surrogate, corrections, now)  # any surrogate will do
        model.surrogate = corrected
        if self._objective in {column.name for column in self._columns}:
            model.dataset = self._restated(corrections, now)
        return model

    def _restated(self, corrections: Sequence[Any], now: float) -> _core.Dataset:
        """Return the measurements that the model was fitted on as they would come out now.

        Recommendations hold the model against what the running settings once gave.
        """
        points, place = self._points
        values = self._model.dataset.Y.copy()
        for r, process in enumerate(corrections):
            if process is not None:
                values[:, r] += process.moments(points, now)[0][place]
        return self._model.dataset.with_responses(values)

    @cached_property
    def _points(self) -> tuple[Array, NDArray[np.int64]]:
        """Input points of the data that the model was fitted on, and which of them each reading has."""
        points, place = np.unique(self._model.dataset.X, axis=0, return_inverse=True)
        return points, place.ravel()

    @property
    def _objective(self) -> str:
        return self.options.objective or self.process.objectives[0].response

    def _worded(self, answer: Advised, limited: str) -> Recommendation:
        level, gain = self.options.interval_level, float(answer.gain)
        predictions = []
        for name, one in answer.predictions.items():
            # computed responses have no interval
            low, high, of = (one.lower, one.upper, level) if one.sd_run_mean > 0.0 else (math.nan, math.nan, math.nan)
            predictions.append(Prediction(name, self.process.unit(name), one.mean, low, high, of))
        said = [text for text in answer.why if not text.startswith(_OF_OLD)]
        return Recommendation(
            settings=dict(answer.settings),
            stay=answer.stay,
            predictions=predictions,
            gain=gain if math.isfinite(gain) else None,
            why=[*self._said(answer), *said, *filter(None, [limited])],
        )

    def _said(self, answer: Advised) -> list[str]:
        """Say what was learned of the responses that matter here."""
        if not self.options.learning:
            return []
        encoder = self._model.surrogate.encoder
        given = {**answer.context, **answer.settings}
        point = np.array([
            encoder.encode_value(j, given[variable.name]) if variable.name in given else 0.0
            for j, variable in enumerate(encoder.variables)
        ])  # fmt: skip
        categories = [j for j in encoder.columns_of(_core.Role.context) if not encoder.variables[j].is_numeric]
        where = ", ".join(str(given[encoder.variables[j].name]) for j in categories)
        sentences = []
        for r in self._concerned():
            here = [one for one in self._missed[r].residuals if (one.point == point)[categories].all()][-_SPOKEN_OF:]
            lesson = Lesson(
                response=self._columns[r].name,
                unit=self._columns[r].unit,
                residuals=[one.value for one in here],
                expected=[one.expected for one in here],
                noise=float(self._scatter[r]),
                correction=self._correction(self._missed[r], point, float(self._count))[0],
                where=f" with {where}" if where else "",
            )
            sentences.append(sentence_of(lesson))
        return [sentence for sentence in sentences if sentence]

    def _concerned(self) -> list[int]:
        """Columns of the objective and of the constrained responses, as far as they are modelled."""
        names = {self._objective, *(bound.response for bound in self.process.core.outcome_constraints)}
        return [r for r, column in enumerate(self._columns) if column.name in names]


#: Sentences about measurements of the training data, which are restated here and would not be found there.
_OF_OLD = "Nearest real runs"


def _merged(run_id: str, known: Array, values: Array) -> Array:
    """Return known readings with new values over them."""
    if len(values) > len(known):
        raise DataError(
            where="service.learn",
            expected=f"late values of at most {len(known)} readings",
            received=str(len(values)),
            place=f"run {run_id!r}",
        )
    out = known.copy()
    head = out[: len(values)]
    head[np.isfinite(values)] = values[np.isfinite(values)]
    return out


def _keep_latest(kept: dict[str, Any], most: int) -> None:
    """Drop what came first until ``most`` are left."""
    for name in list(kept)[:-most]:
        del kept[name]


def _equal(a: Array, b: Array) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))
