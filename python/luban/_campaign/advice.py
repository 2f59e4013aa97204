"""From a fitted model, or none yet, to answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from luban import recommend as engine
from luban._campaign.answers import ParetoFront, Recommendation, Recommendations
from luban._campaign.cautions import doubts, strange_context, strange_running
from luban.errors import ConfigurationError

if TYPE_CHECKING:
    from luban.fitting import Model
    from luban.parallel import Progress
    from luban.process import NamedValue, Process, Recipe

__all__ = ["Advice", "Question", "initial_design"]


#: Share of left-out groups that lay nearer to the other runs: beyond it the model guesses.
_KNOWN = 0.99


@dataclass(frozen=True)
class Question:
    """One question, with everything converted and checked by name."""

    context: Sequence[NamedValue]
    running: Recipe | None
    moves: engine.MoveLimits | None
    objective: str
    level: float
    novelty: float | None
    seed: int
    progress: Progress | None


class Advice:
    """A process and a model with the runs behind it, ready to answer."""

    def __init__(self, process: Process, model: Model):
        self._process = process
        self._model = model

    def recommend(self, question: Question, n: int, kind: engine.Kind, **options: Any) -> Recommendations:
        """Answer with settings to run next. ``options``: pending, stay, search."""
        objective = _objective(self._process, question.objective)
        question, warnings = self._with_comparable_running(question)
        found = doubts(self._model, self._process, [objective])
        decisive = [doubt for doubt in found if doubt.decisive]
        if decisive and kind != "explore":
            options["reason_to_stay"] = f"{decisive[0].reason}, so nothing it says is a reason to change"
        proposals = engine.recommend(
            self._basis(question.level),
            kind=kind,
            q=n,
            context=question.context,
            objective=objective,
            running=question.running,
            moves=question.moves,
            interval_level=question.level,
            seed=question.seed,
            novelty=question.novelty,
            not_judged=next((doubt.reason for doubt in decisive if doubt.response == objective), ""),
            warnings=[*(doubt.warning for doubt in found), *warnings],
            progress=question.progress,
            **options,
        )
        return Recommendations(
            [Recommendation(item.recommendation, item.explanation) for item in proposals],
            objective=objective,
            unit=self._process.unit(objective),
            units=_units(self._process),
            level=question.level,
        )

    def pareto(self, question: Question, points: int, objectives: Sequence[str], **options: Any) -> ParetoFront:
        """Answer with the front of two objectives. ``options``: search."""
        question, warnings = self._with_comparable_running(question)
        concerned = [*objectives] or [objective.response for objective in self._process.objectives][:2]
        found = doubts(self._model, self._process, concerned)
        front = engine.pareto(
            self._basis(question.level),
            context=question.context,
            objectives=objectives,
            points=points,
            running=question.running,
            moves=question.moves,
            interval_level=question.level,
            seed=question.seed,
            novelty=question.novelty,
            not_judged=next((d.reason for d in found if d.decisive and d.response == concerned[0]), ""),
            warnings=[*(doubt.warning for doubt in found), *warnings],
            progress=question.progress,
            **options,
        )
        return ParetoFront(
            [Recommendation(item.recommendation, item.explanation) for item in front.points],
            unit=self._process.unit(front.objectives[0]),
            units=_units(self._process),
            level=question.level,
            front=front,
        )

    def _with_comparable_running(self, question: Question) -> tuple[Question, list[str]]:
        """Leave out running settings of which the model knows nothing; with what must be said first.

        They have a category that no run had, or lie outside the search range and further from all runs than runs do
        from one another. A prediction there falls back to the average of all, which may look like a reason to stay.
        """
        known = {item.name for item in question.context}
        if any(variable.name not in known for variable in self._process.context):
            return question, []
        warnings = strange_context(self._model, question.context)
        if question.running is None:
            return question, warnings
        if strange := strange_running(self._model, self._process, question.running):
            return replace(question, running=None), [strange, *warnings]
        settings = question.running.to_dict()
        if all(p.categories or p.low <= settings[p.name] <= p.high for p in self._process.parameters):
            return question, warnings
        import pandas as pd

        row = {**settings, **{item.name: item.value for item in question.context}}
        novelty = self._model.posterior(pd.DataFrame([row])).novelty
        if not (novelty["quantile"] > _KNOWN).any():
            return question, warnings
        note = (
            "The running settings lie outside the search range and are unlike all runs so far: what comes of them "
            "cannot be predicted, so these settings are not compared with them, and staying is not weighed."
        )
        return replace(question, running=None), [note, *warnings]

    def _basis(self, level: float) -> engine.Basis:
        calibration = self._model.calibration
        return engine.Basis(
            self._process.core,
            self._model.surrogate,
            data=self._model.dataset,
            envelope=self._model.envelope,
            interval_ratios={name: item.run_mean.ratio(level) for name, item in calibration.items()},
            # an interval of level 2p - 1 leaves 1 - p on the one side that the bound is about
            bound_ratios=[
                calibration[bound.response].run_mean.ratio(2.0 * bound.probability - 1.0)
                if bound.response in calibration
                else 1.0
                for bound in self._process.core.outcome_constraints
            ],
        )


def initial_design(process: Process, question: Question, n: int, skip: int, why: str) -> Recommendations:
    """Answer while there is no model: settings that spread the first runs evenly, ``why`` said first."""
    objective = _objective(process, question.objective)
    design = engine.initial_design(
        process, context=question.context, q=n, skip=skip, moves=question.moves, seed=question.seed
    )
    return Recommendations(
        [Recommendation(item, notes=[why]) for item in design],
        objective=objective,
        unit=process.unit(objective),
        units=_units(process),
        level=question.level,
    )


def _objective(process: Process, name: str) -> str:
    names = [objective.response for objective in process.objectives]
    if not names:
        raise ConfigurationError(
            where="campaign.recommend",
            expected="a process with an objective",
            received="none",
            hint="name what to improve under `objectives:` in the process file",
        )
    return name or names[0]


def _units(process: Process) -> dict[str, str]:
    named: list[Any] = [*process.parameters, *process.context, *process.responses, *process.derived]
    return {item.name: item.unit for item in named}
