"""From what a surrogate believes to settings: proposals, choices among given settings, Pareto fronts, trials.

:class:`luban.Campaign` is the comfortable way; here are the parts it is made of, and ask and tell for plain arrays.
An :class:`AcquisitionFunction` judges points one by one from a :class:`~luban.surrogate.Posterior`, a
:class:`JointAcquisition` several together from what is believed :func:`beside` fixed ones; larger is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from luban import _core
from luban._core import (
    AcquisitionFunction,
    Basis,
    BestMean,
    Choice,
    Driver,
    ExpectedExcess,
    Explanation,
    Front,
    JointAcquisition,
    JointLogExpectedImprovement,
    JointLogNoisyExpectedImprovement,
    JointUpperConfidenceBound,
    Ledger,
    LogExpectedImprovement,
    LogProbabilityFeasible,
    MaxValueEntropy,
    MeasuredReference,
    MoveLimits,
    NearRun,
    OutcomeBound,
    PendingRun,
    Proposal,
    SearchOptions,
    StayRule,
    UpperConfidenceBound,
    Utility,
    beside,
    gumbel_maxima,
)
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from luban.parallel import Progress
    from luban.process import NamedValue, OutcomeConstraint, Process, Recipe, Recommendation

__all__ = [
    "AcquisitionFunction",
    "Basis",
    "BestMean",
    "Choice",
    "Driver",
    "ExpectedExcess",
    "Explanation",
    "Front",
    "Goal",
    "JointAcquisition",
    "JointLogExpectedImprovement",
    "JointLogNoisyExpectedImprovement",
    "JointUpperConfidenceBound",
    "Kind",
    "Ledger",
    "LogExpectedImprovement",
    "LogProbabilityFeasible",
    "MaxValueEntropy",
    "MeasuredReference",
    "MoveLimits",
    "NearRun",
    "OutcomeBound",
    "PendingRun",
    "Proposal",
    "SearchOptions",
    "StayRule",
    "UpperConfidenceBound",
    "Utility",
    "beside",
    "choose",
    "gumbel_maxima",
    "hypervolume",
    "initial_design",
    "non_dominated",
    "pareto",
    "propose",
    "recommend",
]

Goal = Literal["minimize", "maximize", "target"]
Kind = Literal["explore", "best_mean"]


def propose(
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    bounds: npt.ArrayLike,
    q: int = 1,
    seed: int = 0,
    *,
    maximize: bool = False,
    preset: str = "luban",
    threads: int = 0,
    progress: Progress | None = None,
) -> npt.NDArray[np.float64]:
    """Refit a surrogate to arrays and return the q points (q, d) to try next, by log expected improvement.

    ``X`` (n, d) and ``Y`` (n) or (n, 1) are what was tried and what came of it, smaller is better unless ``maximize``;
    ``bounds`` (2, d) hold the low and the high end of each column; all in units of your own. The same seed gives the
    same bits with any number of ``threads`` (0 = the CPU budget).

    Raises: DataError on shapes that do not fit or values that are not finite, ConfigurationError on an option out of
    range, KeyboardInterrupt on Ctrl-C.
    """
    from luban._core import GaussianProcessOptions

    x, y, box = _arrays(X, Y, bounds)
    fit = GaussianProcessOptions(preset=preset, starts=1, robust=False, threads=threads)
    search = SearchOptions(threads=threads)
    proposed = _core.propose(x, y, box, q=q, maximize=maximize, fit=fit, search=search, seed=seed, progress=progress)
    return proposed.X


def _arrays(
    X: npt.ArrayLike, Y: npt.ArrayLike, bounds: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x, y, box = (_floats(array, name, "propose") for array, name in ((X, "X"), (Y, "Y"), (bounds, "bounds")))
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    for array, name, ndim in ((x, "X (n, d)", 2), (y, "Y (n)", 1), (box, "bounds (2, d)", 2)):
        if array.ndim != ndim:
            raise DataError(
                where="recommend.propose", expected=f"{name}: {ndim} dimensions", received=f"shape {array.shape}"
            )
    return x, y, box


def _floats(array: npt.ArrayLike, name: str, function: str) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            where=f"recommend.{function}", expected=f"an array of numbers for {name}", received=str(error)
        ) from None


def recommend(
    basis: Basis,
    *,
    kind: Kind = "explore",
    q: int = 1,
    context: Sequence[NamedValue] = (),
    objective: str = "",
    running: Recipe | None = None,
    moves: MoveLimits | None = None,
    pending: Sequence[PendingRun] = (),
    stay: StayRule | None = None,
    interval_level: float = 0.9,
    novelty: float | None = None,
    reason_to_stay: str = "",
    not_judged: str = "",
    warnings: Sequence[str] = (),
    search: SearchOptions | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Proposal]:
    """Propose settings for one context, averaged over the noise variables as observed there.

    ``kind="explore"`` improves and learns (log expected improvement, constrained), ``"best_mean"`` gives what is
    believed best now. ``pending`` are runs without a result yet. When ``running`` settings are given, leaving them
    alone may be the answer: one proposal with ``recommendation.stay``; with a ``reason_to_stay`` it is.
    ``moves`` limit how far from given settings a proposal may be.

    ``best_mean`` keeps within the training data's reach: ``novelty`` is the share of left-out groups that lay nearer
    to the others (0.5 to 0.999, default 0.99; 1 = anywhere). ``not_judged`` says why no probability of a gain may be
    stated, ``warnings`` stand before all that is said.

    Raises: ConfigurationError on a wrong context, objective or option; InfeasibleError naming the ranges and
    constraints that contradict each other; KeyboardInterrupt on Ctrl-C.
    """
    return _core.recommend(
        basis,
        kind=_known_kind(kind),
        q=q,
        context=list(context),
        objective=objective,
        running=running,
        moves=moves,
        pending=list(pending),
        stay=stay or StayRule(),
        interval_level=interval_level,
        novelty=novelty,
        reason_to_stay=reason_to_stay,
        not_judged=not_judged,
        warnings=list(warnings),
        search=search or SearchOptions(),
        seed=seed,
        progress=progress,
    )


def _known_kind(kind: str) -> str:
    known = list(get_args(Kind))
    if kind not in known:
        raise ConfigurationError(
            where="recommend.recommend",
            expected=f"a kind among {', '.join(known)}",
            received=repr(kind),
            hint=_core.nearest_hint(kind, known),
        )
    return kind


def pareto(
    basis: Basis,
    *,
    context: Sequence[NamedValue] = (),
    objectives: Sequence[str] = (),
    points: int = 16,
    running: Recipe | None = None,
    moves: MoveLimits | None = None,
    interval_level: float = 0.9,
    novelty: float | None = None,
    not_judged: str = "",
    warnings: Sequence[str] = (),
    search: SearchOptions | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Front:
    """Return the front of two objectives by posterior means, best first objective first.

    Each level of the second objective is a bound under which the first is optimised (ε-constraint, Haimes et al. 1971).
    The front keeps within the training data's reach; ``novelty``, ``moves``, ``not_judged``, ``warnings`` as
    :func:`recommend`.

    Raises: as :func:`recommend`; ConfigurationError when there are not two objectives.
    """
    return _core.pareto(
        basis,
        context=list(context),
        objectives=list(objectives),
        points=points,
        running=running,
        moves=moves,
        interval_level=interval_level,
        novelty=novelty,
        not_judged=not_judged,
        warnings=list(warnings),
        search=search or SearchOptions(),
        seed=seed,
        progress=progress,
    )


def initial_design(
    process: Process,
    *,
    context: Sequence[NamedValue] = (),
    q: int = 1,
    skip: int = 0,
    moves: MoveLimits | None = None,
    seed: int = 0,
) -> list[Recommendation]:
    """Return settings that spread the first runs evenly over what may be proposed; no model is needed.

    The points of a seed are one sequence, ``skip`` of which have been used. ``moves`` limit how far from given settings
    they may be.

    Raises: ConfigurationError on a wrong context or count, InfeasibleError naming what contradicts each other.
    """
    return _core.initial_design(process.core, context=list(context), q=q, skip=skip, moves=moves, seed=seed)


def choose(
    surrogate: _core.Surrogate,
    X: npt.ArrayLike,
    *,
    response: str | int = 0,
    goal: Goal = "minimize",
    target: float = 0.0,
    reference: int | None = None,
    constraints: Sequence[OutcomeConstraint] = (),
) -> Choice:
    """Choose among given settings X (k, p), coded, by posterior mean.

    That is a shrunken estimate, hence free of the winner's luck that the best of several raw means carries. Give an
    ``AveragedSurrogate`` when noise variables are not to be chosen. ``reference`` is a row of X to compare with;
    settings that break an outcome constraint are chosen only when all do.

    Raises: ConfigurationError on no candidates, an unknown response or goal, or a reference outside.
    """
    names = [column.name for column in surrogate.responses]
    if isinstance(response, str) and response not in names:
        raise ConfigurationError(
            where="recommend.choose",
            expected="a response of the model",
            received=repr(response),
            hint=_core.nearest_hint(response, names),
        )
    index = names.index(response) if isinstance(response, str) else response
    return _core.choose_among(
        surrogate,
        np.asarray(X, dtype=np.float64),
        response=index,
        goal=goal,
        target=target,
        reference=reference,
        constraints=list(constraints),
    )


def non_dominated(Y: npt.ArrayLike, *, maximize: bool | Sequence[bool] = False) -> npt.NDArray[np.bool_]:
    """Return which rows of Y (n, m) no other row dominates, (n): as good in every objective and better in one.

    Smaller is better in the objectives that ``maximize`` does not name: one answer for all or one each. Equal rows do
    not dominate each other.

    Raises: DataError on shapes that do not fit or values that are not finite.
    """
    utilities = _utilities(Y, maximize, "non_dominated")
    kept = np.zeros(len(utilities), dtype=np.bool_)
    kept[_core.non_dominated(utilities)] = True
    return kept


def hypervolume(Y: npt.ArrayLike, reference: npt.ArrayLike, *, maximize: bool | Sequence[bool] = False) -> float:
    """Return the volume that the rows of Y (n, m) dominate up to the reference (m), exactly.

    Smaller is better in the objectives that ``maximize`` does not name: one answer for all or one each. The reference
    holds values that are just not worth having; rows that are not better in every objective add nothing.

    Raises: DataError on shapes that do not fit or values that are not finite.
    """
    utilities = _utilities(Y, maximize, "hypervolume")
    corner = _utilities(np.atleast_2d(_floats(reference, "reference", "hypervolume")), maximize, "hypervolume")
    if len(corner) != 1:
        raise DataError(
            where="recommend.hypervolume", expected="one reference (m)", received=f"shape {np.shape(reference)}"
        )
    return _core.hypervolume(utilities, corner[0])


def _utilities(Y: npt.ArrayLike, maximize: bool | Sequence[bool], function: str) -> npt.NDArray[np.float64]:
    """Values whose larger ones are better."""
    values = _floats(Y, "Y", function)
    signs = np.where(np.asarray(maximize, dtype=np.bool_), 1.0, -1.0)
    if values.ndim != 2 or signs.shape not in ((), (values.shape[1],)):
        raise DataError(
            where=f"recommend.{function}",
            expected="Y (n, m), and one answer to maximize or m of them",
            received=f"shapes {values.shape} and {signs.shape}",
        )
    return values * signs
