"""From what a surrogate believes to settings: proposals, choices among given settings, Pareto fronts, trials.

:class:`luban.Campaign` is the comfortable way; here are the parts it is made of, and ask and tell for plain arrays.
An :class:`AcquisitionFunction` judges points one by one from a :class:`~luban.surrogate.Posterior`, a
:class:`JointAcquisition` several together from what is believed :func:`beside` fixed ones; larger is better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from luban import _core
from luban._argument_kinds import require_kinds
from luban._arrays import (
    Column,
    Goal,
    Monomial,
    Proposed,
    Relation,
    SignomialRelation,
    Wish,
    columns_of,
    encoded,
    floats,
    labelled,
    of_dimensions,
    outcome_bounds_of,
    parameters_of,
    relations_of,
    risks_of,
    tolerances_of,
    whole,
    wishes,
    without_wish,
)
from luban._core import (
    AcquisitionFunction,
    Basis,
    BestMean,
    Choice,
    Driver,
    ExpectedExcess,
    Explanation,
    Front,
    GaussianProcessOptions,
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

    from luban.features import Dataset
    from luban.parallel import Progress
    from luban.process import NamedValue, OutcomeConstraint, Process, Recipe, Recommendation

__all__ = [
    "Acquisition",
    "AcquisitionFunction",
    "Basis",
    "BestMean",
    "Choice",
    "Column",
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
    "Monomial",
    "MoveLimits",
    "NearRun",
    "OutcomeBound",
    "PendingRun",
    "Proposal",
    "Proposed",
    "Relation",
    "SearchOptions",
    "SignomialRelation",
    "StayRule",
    "UpperConfidenceBound",
    "Utility",
    "Wish",
    "array_dataset",
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

Acquisition = Literal[
    "automatic",
    "log_expected_improvement",
    "log_noisy_expected_improvement",
    "upper_confidence_bound",
    "upper_confidence_bound_pure_exploration",
    "max_value_entropy",
    "thompson",
    "log_expected_hypervolume_improvement",
    "log_noisy_expected_hypervolume_improvement",
    "parego",
]
Kind = Literal["explore", "best_mean"]


def array_dataset(X: npt.ArrayLike, Y: npt.ArrayLike, bounds: npt.ArrayLike, *, first: int = 0) -> Dataset:
    """Return arrays as the dataset that :func:`propose` fits: inputs x1, x2, …, responses y1, y2, ….

    Inputs are scaled by ``bounds``. Shapes as for :func:`propose`; each row is a run of its own, named by its number,
    the first one ``first``: so runs that come later, ``array_dataset(X[n:], Y[n:], bounds, first=n)``, can be told from
    earlier ones.

    Raises: DataError on shapes that do not fit or values that are not finite.
    """
    x, _ = encoded(X, columns_of(bounds, None), "X")
    y = floats(Y, "Y", "propose")
    y = of_dimensions(y[:, None] if y.ndim == 1 else y, "Y (n) or (n, m)", 2)
    return _core.array_dataset(x, y, floats(bounds, "bounds", "propose"), first=first)


def propose(
    X: npt.ArrayLike,
    Y: npt.ArrayLike,
    bounds: npt.ArrayLike | None = None,
    q: int = 1,
    seed: int = 0,
    *,
    columns: Sequence[Column | Mapping[str, Any]] | None = None,
    relations: Sequence[Relation | SignomialRelation] = (),
    maximize: bool = False,
    objectives: Sequence[Wish] | None = None,
    outcome_bounds: npt.ArrayLike | None = None,
    pending: npt.ArrayLike | None = None,
    reference: npt.ArrayLike | None = None,
    cost: int | None = None,
    tolerances: Mapping[str, float | Mapping[str, float]] | npt.ArrayLike | None = None,
    risk: Mapping[str, float] | Sequence[Mapping[str, float] | None] | None = None,
    acquisition: Acquisition = "automatic",
    beta: float = 4.0,
    preset: str = "matern",
    surrogate: _core.Surrogate | None = None,
    trust_region: bool | None = None,
    threads: int = 0,
    search: SearchOptions | None = None,
    progress: Progress | None = None,
) -> Proposed:
    """Refit a surrogate to arrays and return the q points (q, d) to try next: ask and tell for plain numbers.

    ``X`` (n, d) and ``Y`` (n) or (n, m) are what was tried and what came of it, NaN where a response is missing, all in
    units of your own. Columns are continuous between ``bounds`` (2, d), or what ``columns`` says of each
    (:class:`Column`). An array of numbers holds a category by its place, from 0; any other array the level itself, and
    the answer comes in the same form. ``relations`` tie numeric columns together: linear ones (:class:`Relation`),
    which every point keeps up to rounding, and sums of products of powers (:class:`SignomialRelation`), which it keeps
    up to 1e-6 of the bound.

    ``objectives`` name a goal for each response: ``"minimize"``, ``"maximize"``, ``("target", value)``, or None. Left
    out, every response without a bound is minimised, or maximised with ``maximize``. ``outcome_bounds`` (2, m) are the
    least and the greatest value that a response may take, infinite where there is none. ``reference`` holds one value
    per objective that is just not worth having (default: a tenth of the front's range beyond its worst values).
    ``cost`` is the column of Y that says what a run costs: improvements then count per expected cost.
    ``pending`` (p, d) are runs whose result is not there yet; rows of X without any value do not count as such. The q
    points come one after the other, each as if those before it were pending too.

    ``tolerances`` say what the machine does not hold: standard deviations, in the unit of the column, with which the
    applied value scatters around the one that is set, from run to run; by numeric column (``{"feed": 0.002}``, or as in
    a process file ``{"feed": {"sd": 0.002}}``) or one for each column (d). X holds what was applied. Points are then
    judged by what comes of setting them: by the expectation over the scatter, in closed form where the covariance has
    one, or by a ``risk`` of the objectives, ``{"conditional_value_at_risk": 0.8}`` (mean of the worst 20 %) or
    ``{"value_at_risk": 0.8}`` (what only 20 % come out worse than), one for all or one per response with None where
    there is none; the bad side is that of the goal. ``outcome_bounds`` are kept by what a run gives, relations and
    ranges by what is set; ``reference`` then holds risks where these are asked for. Of the answer, ``expected`` and
    ``sd`` are of that expectation, ``risk`` and ``risk_sd`` of the risk. 0 is no tolerance.

    ``acquisition="automatic"`` takes the log expected improvement for one objective, and the log expected hypervolume
    improvement for two to four, the noisy forms of both where noise is seen or there are tolerances, and ParEGO for
    more; as long as nothing measured keeps the bounds, the log probability of keeping them. Others have their full
    name; ``upper_confidence_bound`` takes ``beta`` (square of the standard deviations added) and, like
    ``max_value_entropy`` and ``upper_confidence_bound_pure_exploration``, keeps each bound at even odds; ``thompson``
    takes the best of a function drawn from the posterior for each point (averaged over tolerances, or of its risk), its
    bounds kept by drawn functions, too.

    With a ``surrogate`` that has learned from these runs (:func:`array_dataset`; continuous columns, no outcome
    bounds), nothing is fitted and ``preset`` not looked at: see :class:`luban.surrogate.Updating`. With tolerances it
    must be one that averages over inputs with gradients, as Gaussian processes do.

    With a ``trust_region`` the runs, in their order and q of them a round, say where to search: a box around the best
    of them that grows with success, shrinks with failure, and starts anew elsewhere, at points that no seed changes,
    when it has collapsed. Each one begins with 2 d runs of a design that spreads over everything, whatever the
    ``acquisition``. None takes one for a single objective in more than 20 columns or after more than 1,000 runs.
    With tolerances the best run is the one that is judged best.

    The same seed gives the same bits with any number of ``threads`` (0 = the CPU budget).

    Raises: DataError on shapes that do not fit, values that are not finite or no level of their column, and a response
    without any value; ConfigurationError on options, columns, objectives, tolerances, risks or a surrogate that do not
    fit; InfeasibleError naming the ranges and relations that contradict each other; KeyboardInterrupt on Ctrl-C.
    References: Ament et al. 2023 (arXiv 2310.20708), Daulton et al. 2021 (arXiv 2105.08195), Knowles 2006,
    Cakmak et al. 2020 (arXiv 2007.05554), Eriksson et al. 2019 (arXiv 1910.01739),
    Eriksson and Poloczek 2021 (arXiv 2002.08526).
    """
    require_kinds(
        acquisition=acquisition,
        beta=beta,
        preset=preset,
        surrogate=surrogate,
        trust_region=trust_region,
        search=search,
        progress=progress,
    )
    described = columns_of(bounds, columns)
    x, labels = encoded(X, described, "X")
    waits = pending is not None and np.size(pending) > 0
    waiting = encoded(pending, described, "pending")[0] if waits else np.empty((0, len(described)))  # type: ignore[arg-type]
    y = floats(Y, "Y", "propose")
    y = of_dimensions(y[:, None] if y.ndim == 1 else y, "Y (n) or (n, m)", 2)
    ends = outcome_bounds_of(outcome_bounds, y.shape[1])
    if cost is not None:
        cost = whole(cost, "cost", 0, 2**31 - 1)
    if surrogate is not None:
        _require_inputs(surrogate, described, y.shape[1], bool(np.isfinite(ends).any()))
    wanted = wishes(objectives, maximize, y.shape[1], without_wish(ends, cost))
    parameters, grids = parameters_of(described)
    linear, signomials = relations_of(relations, described)
    problem = _core.ArrayProblem(
        parameters=parameters,
        relations=linear,
        signomials=signomials,
        grids=grids,
        X=x,
        Y=y,
        objectives=wanted,
        outcome_bounds=ends,
        pending=waiting,
        reference=floats(reference if reference is not None else (), "reference", "propose").ravel(),
        cost=cost,
        tolerances=tolerances_of(tolerances, described),
        risks=risks_of(risk, wanted, y.shape[1]),
    )
    made = _core.propose(
        problem,
        q=whole(q, "q", 1, 100),
        acquisition=acquisition,
        beta=beta,
        fit=GaussianProcessOptions(preset=preset, starts=1, robust=False, threads=threads),
        search=search or SearchOptions(threads=threads),
        surrogate=surrogate,
        trust_region=trust_region,
        seed=whole(seed, "seed", 0, 2**64 - 1),
        progress=progress,
    )
    return Proposed.of(labelled(made.X, described) if labels else made.X, made)


def _require_inputs(surrogate: _core.Surrogate, columns: Sequence[Column], m: int, bounded: bool) -> None:
    seen = [(v.name, v.low, v.high) for v in surrogate.encoder.variables if v.is_numeric]
    wanted = [(column.name, column.low, column.high) for column in columns]
    plain = all(column.kind == "continuous" for column in columns) and not bounded
    inputs = len(surrogate.encoder.variables)
    if plain and seen == wanted and inputs == len(seen) and len(surrogate.responses) == m:
        return
    raise DataError(
        where="recommend.propose",
        expected=f"a surrogate of {m} responses and the continuous inputs {', '.join(c.name for c in columns)}, scaled "
        "by their ends, and no outcome bounds",
        received=f"{len(surrogate.responses)} responses of {', '.join(v.name for v in surrogate.encoder.variables)}"
        + (", with outcome bounds" if bounded else ""),
        place="argument surrogate",
    )


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
    corner = _utilities(np.atleast_2d(floats(reference, "reference", "hypervolume")), maximize, "hypervolume")
    if len(corner) != 1:
        raise DataError(
            where="recommend.hypervolume", expected="one reference (m)", received=f"shape {np.shape(reference)}"
        )
    return _core.hypervolume(utilities, corner[0])


def _utilities(Y: npt.ArrayLike, maximize: bool | Sequence[bool], function: str) -> npt.NDArray[np.float64]:
    """Values whose larger ones are better."""
    values = floats(Y, "Y", function)
    signs = np.where(np.asarray(maximize, dtype=np.bool_), 1.0, -1.0)
    if values.ndim != 2 or signs.shape not in ((), (values.shape[1],)):
        raise DataError(
            where=f"recommend.{function}",
            expected="Y (n, m), and one answer to maximize or m of them",
            received=f"shapes {values.shape} and {signs.shape}",
        )
    return values * signs
