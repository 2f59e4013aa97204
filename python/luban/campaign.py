"""A campaign: everything that is tried on one process, from the first settings to the last.

A :class:`Campaign` is the one stateful object of Luban. It holds a process, the history so far, the model learned from
it and the trials under way, answers which settings to run next, and is saved as a folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from luban import _core
from luban import recommend as engine
from luban._campaign import folder as storage
from luban._campaign.advice import Advice, Question, initial_design
from luban._campaign.answers import ParetoFront, Recommendation, Recommendations
from luban._campaign.folder import is_campaign
from luban._campaign.inputs import context_values, novelty_limit, recipe_of
from luban._campaign.runs import Run, frame_of_observation, frame_of_runs
from luban._campaign.working_copy import WorkingCopy
from luban.errors import ConfigurationError, DataError, LifecycleError
from luban.process import Process, Recipe, Trial, TrialStatus

if TYPE_CHECKING:
    import pandas as pd

    from luban.fitting import Model
    from luban.history import History, ImportReport
    from luban.parallel import Progress

__all__ = ["Campaign", "ParetoFront", "Recommendation", "Recommendations", "Run", "is_campaign"]

Kind = Literal["explore", "best_mean", "pareto"]

#: Groups of runs from which on a model is fitted: enough for its cross-validation, and more than a plane needs.
_LEAST_GROUPS = 5
#: Levels of the second objective at which a front is searched.
_FRONT_LEVELS = 16


class Campaign:
    """Recommends settings for a process, learns from what comes of them, and keeps count of trials.

    ``history`` is what is known so far; it is not changed, new runs go to a copy of the campaign's own. ``model`` is
    one fitted already (by :func:`luban.fit`); without it one is fitted when first needed, and anew after new runs: by
    the automatic choice, which then holds until there are twice as many runs.

    Raises: ConfigurationError on arguments that are no process, history or model, or a history of another process.
    """

    def __init__(
        self, process: Process, history: History | None = None, seed: int = 0, *, model: Model | None = None
    ) -> None:
        if not isinstance(process, Process):
            raise ConfigurationError(where="campaign", expected="a Process", received=type(process).__name__)
        self._process = process
        self._runs = WorkingCopy(process, history)
        if history is not None and history.process.name != process.name:
            raise ConfigurationError(
                where="campaign",
                expected=f"a history of process {process.name!r}",
                received=f"one of process {history.process.name!r}",
            )
        self._seed = seed
        self._model = model
        self._choice = None if model is None else (model.card.surrogate, int(model.card["data"]["runs"]))
        self._ledger = engine.Ledger()

    @property
    def process(self) -> Process:
        """The process whose settings are recommended."""
        return self._process

    @property
    def history(self) -> History | None:
        """The runs so far; None before the first one."""
        return self._runs.history

    @property
    def seed(self) -> int:
        """Seed of everything random: the same state and seed give the same answer."""
        return self._seed

    @property
    def trials(self) -> list[Trial]:
        """All trials as they stand now, first to last."""
        return self._ledger.trials

    @property
    def model(self) -> Model:
        """The model of all runs so far, fitted when there is none yet.

        Raises: LifecycleError while there are too few runs.
        """
        return self.fit()

    def fit(self, *, progress: Progress | None = None) -> Model:
        """Return the model of all runs so far; fits one when runs were added since.

        Raises: LifecycleError while there are too few runs, KeyboardInterrupt on Ctrl-C.
        """
        if self._model is None:
            if (lacking := self._lacking()) or self._runs.history is None:
                raise LifecycleError(
                    where="campaign.model",
                    expected="enough runs to learn from",
                    received=lacking,
                    hint="recommend() proposes the first settings without a model",
                )
            from luban import fitting

            chosen, runs = self._choice or ("automatic", 0)
            surrogate = chosen if self._runs.run_count() < 2 * runs else "automatic"
            model = fitting.fit(self._process, self._runs.history, surrogate, seed=self._seed, progress=progress)
            if surrogate == "automatic":
                self._choice = (model.card.surrogate, int(model.card["data"]["runs"]))
            self._model = model
        return self._model

    def recommend(
        self,
        n: int | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        kind: Kind = "explore",
        running: Mapping[str, Any] | Recipe | None = None,
        largest_moves: Mapping[str, float] | None = None,
        objective: str = "",
        stay: engine.StayRule | None = None,
        search: engine.SearchOptions | None = None,
        interval_level: float = 0.9,
        novelty: float | Literal["any"] | None = None,
        progress: Progress | None = None,
    ) -> Recommendations:
        """Recommend ``n`` settings (default 1) for the next run in one ``context``, best first.

        ``kind``: ``"explore"`` improves and learns, ``"best_mean"`` gives what is believed best now, ``"pareto"`` the
        front of the first two objectives, searched at ``n`` levels (default 16). ``running`` are the settings now:
        gains are against them, and staying with them may be the answer; when they lie outside the search range and are
        unlike all runs so far nothing can be said of them, and the answers say so. ``largest_moves`` say, by parameter
        and in its unit, how far from the running settings an answer may be. ``objective`` names the one to improve
        (default: the first). All kinds but ``"explore"`` keep within what the runs covered: ``novelty`` is the
        share of left-out groups that lay nearer to the other runs (default 0.99, up to 0.999), ``"any"`` lifts it.
        A response that the model was not found to predict better than its mean is warned of first, and then running
        settings are not left, unless to explore. While there are too few runs for a model the settings are those of an
        initial design, and say so.

        Raises: ConfigurationError naming the known names on a wrong context, setting or option; InfeasibleError naming
        what contradicts each other; KeyboardInterrupt on Ctrl-C.
        """
        if kind not in get_args(Kind):
            raise ConfigurationError(
                where="campaign.recommend",
                expected="a kind among " + ", ".join(get_args(Kind)),
                received=repr(kind),
                hint=_core.nearest_hint(str(kind), list(get_args(Kind))),
            )
        question = self._question(context, running, objective, interval_level, novelty, progress, largest_moves)
        if kind == "pareto":
            return self._advice(progress).pareto(question, _FRONT_LEVELS if n is None else n, (), search=search)
        n = 1 if n is None else n
        if self._model is None and (lacking := self._lacking()):
            return initial_design(self._process, question, n, self._design_used(), _while_learning(lacking))
        pending = self._ledger.pending()
        return self._advice(progress).recommend(question, n, kind, pending=pending, stay=stay, search=search)

    def pareto(
        self,
        *,
        context: Mapping[str, Any] | None = None,
        points: int = _FRONT_LEVELS,
        objectives: Sequence[str] = (),
        running: Mapping[str, Any] | Recipe | None = None,
        largest_moves: Mapping[str, float] | None = None,
        search: engine.SearchOptions | None = None,
        interval_level: float = 0.9,
        novelty: float | Literal["any"] | None = None,
        progress: Progress | None = None,
    ) -> ParetoFront:
        """Return settings none of which is better in both ``objectives`` (default: the process's first two).

        ``novelty`` and ``largest_moves`` as :meth:`recommend`.

        Raises: as :meth:`recommend`; LifecycleError while there are too few runs.
        """
        question = self._question(context, running, "", interval_level, novelty, progress, largest_moves)
        return self._advice(progress).pareto(question, points, objectives, search=search)

    def ask(
        self,
        q: int = 1,
        *,
        context: Mapping[str, Any] | None = None,
        kind: Literal["explore", "best_mean"] = "explore",
        running: Mapping[str, Any] | Recipe | None = None,
        largest_moves: Mapping[str, float] | None = None,
        progress: Progress | None = None,
    ) -> list[Trial]:
        """Recommend ``q`` settings and take them on as trials; later questions know that they are under way.

        Raises: as :meth:`recommend`.
        """
        answers = self.recommend(
            q, context=context, kind=kind, running=running, largest_moves=largest_moves, progress=progress
        )
        numbers = self._ledger.ask([item.core for item in answers], time.time_ns())
        return [self._ledger.trial(number) for number in numbers]

    def tell(
        self, trial: Trial | int, observation: Any, *, run_id: str | None = None, progress: Progress | None = None
    ) -> ImportReport:
        """Add what was observed of a trial to the history and complete the trial.

        ``observation``: values by response and noise variable (a list = one value per reading), a list of such
        mappings, or a DataFrame of readings; a parameter among them is what was really applied.

        Raises: LifecycleError when the trial has ended or is unknown; DataError when nothing of the observation could
        be used. Then neither the history nor the trial has changed.
        """
        number = _number(trial)
        known = self._ledger.trial(number)
        trial_run = run_id or known.run_id or self._runs.free_run_id(f"trial-{number}")
        self._require_open(known)
        # All or nothing: what the ledger would refuse it refuses here, before the history changes.
        engine.Ledger.from_json(self._ledger.to_json()).tell(number, trial_run)
        frame = frame_of_observation(self._process, known, observation, trial_run)
        report = self._added(frame, progress, only_if=lambda report: any(report.values_kept.values()))
        if not any(report.values_kept.values()):
            reasons = [*report.rows_quarantined, *(r for by in report.values_quarantined.values() for r in by)]
            raise DataError(
                where="campaign.tell",
                expected="an observation with at least one good value",
                received=", ".join(dict.fromkeys(reasons)) or "no new value",
                place=f"trial {number}",
                hint="nothing was added and the trial waits on: tell it again, or fail() it",
            )
        self._model = None
        self._ledger.tell(number, trial_run)
        return report

    def stage(self, trial: Trial | int) -> Trial:
        """Note that a trial has been accepted for execution. Raises: LifecycleError when it may not be."""
        self._ledger.stage(_number(trial))
        return self._ledger.trial(_number(trial))

    def start(self, trial: Trial | int, run_id: str) -> Trial:
        """Note that a staged trial runs under ``run_id``. Raises: LifecycleError when it may not."""
        self._ledger.start(_number(trial), run_id)
        return self._ledger.trial(_number(trial))

    def fail(self, trial: Trial | int, reason: str) -> Trial:
        """Note that a running trial ended without results. Raises: LifecycleError when it may not."""
        self._ledger.fail(_number(trial), reason)
        return self._ledger.trial(_number(trial))

    def abandon(self, trial: Trial | int, reason: str) -> Trial:
        """Note that a trial will not be run. Raises: LifecycleError when it may not."""
        self._ledger.abandon(_number(trial), reason)
        return self._ledger.trial(_number(trial))

    def add_runs(self, runs: pd.DataFrame | Sequence[Run], *, progress: Progress | None = None) -> ImportReport:
        """Add runs, or late responses by ``run_id``: a DataFrame of readings as an import takes it, or a list of Run.

        Trials that run under a ``run_id`` that now has results are completed. The report counts what was refused.

        Raises: DataError, UnitError as :meth:`luban.History.append`.
        """
        import pandas as pd

        frame = runs if isinstance(runs, pd.DataFrame) else frame_of_runs(self._process, runs)
        report = self._added(frame, progress)
        if report.changed:
            self._model = None
            self._complete_trials()
        return report

    def save(self, folder: str | PathLike[str]) -> Path:
        """Save as a folder of JSON, safetensors and HDF5; a reader sees the old state or the new one, never half.

        Of several saves at once one after the other is done; the last one stays. Other files in the folder are left
        alone. Raises: ConfigurationError when the folder holds something else, LifecycleError when another save does
        not end, IoError when the operating system refuses.
        """
        path = Path(folder)
        state = {
            "process": self._process.to_dict(),
            "seed": self._seed,
            "ledger": json.loads(self._ledger.to_json()),
            "code_version": str(_core.build_info()["version"]),
        }
        writers: dict[str, Any] = {}
        if self._runs.history is not None:
            writers["history"] = self._runs.history.save
        if self._model is not None:
            writers["model"] = self._model.save
        storage.write_folder(path, state, writers)
        return path

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Campaign:
        """Load a saved campaign; the folder itself is not touched until the next :meth:`save`.

        Raises: IoError when there is none, IntegrityError when it was changed since it was saved, VersionError when a
        newer program wrote it.
        """
        place = Path(folder)
        return storage.read_folder(place, lambda state, paths: cls._of_parts(place / storage.INDEX, state, paths))

    @classmethod
    def _of_parts(cls, index: Path, state: Mapping[str, Any], paths: Mapping[str, Path]) -> Campaign:
        process = Process.from_dict(state["process"], place=str(index))
        model = None
        if "model" in paths:
            from luban import fitting

            model = fitting.Model.load(paths["model"])
        campaign = cls(process, seed=int(state["seed"]), model=model)
        if "history" in paths:
            campaign._runs = WorkingCopy.of_file(process, paths["history"])
        campaign._ledger = engine.Ledger.from_json(json.dumps(state["ledger"]))
        return campaign

    def __repr__(self) -> str:
        history = "no runs yet" if self._runs.history is None else f"{len(self._runs.history):,} readings"
        return f"<luban.Campaign {self._process.name!r}: {history}, {len(self.trials)} trials>"

    def _advice(self, progress: Progress | None) -> Advice:
        return Advice(self._process, self.fit(progress=progress))

    def _question(
        self,
        context: Mapping[str, Any] | None,
        running: Mapping[str, Any] | Recipe | None,
        objective: str,
        level: float,
        novelty: float | Literal["any"] | None,
        progress: Progress | None,
        largest_moves: Mapping[str, float] | None,
    ) -> Question:
        now = None if running is None else recipe_of(self._process, running)
        return Question(
            context=context_values(self._process, context),
            running=now,
            moves=_moves(now, largest_moves),
            objective=objective,
            level=level,
            novelty=novelty_limit(novelty),
            seed=self._seed,
            progress=progress,
        )

    def _added(
        self, frame: pd.DataFrame, progress: Progress | None, only_if: Callable[[ImportReport], bool] | None = None
    ) -> ImportReport:
        if self._model is not None and self._runs.history is None:
            raise LifecycleError(
                where="campaign.add_runs",
                expected="the history that the model was fitted on",
                received="a campaign made of a model alone",
                hint="Campaign(process, history, model=model): else the next model would know the new runs only",
            )
        return self._runs.add(frame, only_if=only_if, progress=progress)

    def _lacking(self) -> str:
        """Say what a model still lacks; empty when there are runs enough."""
        least = max(_LEAST_GROUPS, len(self._process.parameters) + 2)
        groups = self._runs.group_count()
        return "" if groups >= least else f"{groups} of {least} different groups of runs"

    def _design_used(self) -> int:
        """Points of the initial design that were run or are under way; settings run again and again count once."""
        asked = sum(trial.recommendation.kind == "initial_design" for trial in self.trials)
        return max(asked, min(self._runs.run_count(), self._runs.group_count()))

    def _require_open(self, trial: Trial) -> None:
        if not any(_core.may_follow(trial.status, step) for step in TrialStatus):
            raise LifecycleError(
                where="campaign.tell",
                expected="a trial that waits for results",
                received=trial.status.name,
                place=f"trial {trial.number}",
                hint="add_runs brings corrected values for its run",
            )

    def _complete_trials(self) -> None:
        measured = self._runs.measured_run_ids()
        for trial in self.trials:
            if trial.status == TrialStatus.running and trial.run_id in measured:
                self._ledger.tell(trial.number, trial.run_id)


def _number(trial: Trial | int) -> int:
    if isinstance(trial, Trial):
        return trial.number
    if isinstance(trial, int):
        return trial
    raise ConfigurationError(where="campaign.trial", expected="a Trial or its number", received=repr(trial))


def _while_learning(lacking: str) -> str:
    return (
        f"Nothing can be predicted yet: the history holds {lacking} that a model needs. Until then settings are spread "
        "evenly over the search range."
    )


def _moves(running: Recipe | None, largest: Mapping[str, float] | None) -> engine.MoveLimits | None:
    if not largest:
        return None
    if running is None:
        raise ConfigurationError(
            where="campaign.recommend",
            expected="the running settings that largest moves start from",
            received="none",
            hint="give running= as well",
        )
    numbers = {name: value for name, value in running.to_dict().items() if not isinstance(value, str)}
    return engine.MoveLimits(numbers, dict(largest))
