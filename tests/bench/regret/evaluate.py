"""Evaluations to a target: targets, paired ratios with intervals, Holm's correction, mean ranks.

**Target** of a problem, from peers' traces alone, so that nothing of ours moves it: the value that the best peer (by
the median of its last values) has reached at the median over seeds half way through the evaluations after the initial
design, but no closer to the optimum than a thousandth of the way that was left after the initial design: polishing
digits is not what a process needs. Half of the evaluations are thus left to arrive late. Where nothing feasible is
known there at the median, it is the first median value after; where there is none, any feasible value.

**Evaluations to the target** count the initial ones. A run that never gets there is right-censored and counts as twice
the budget for either side, so that a pair of two such runs says nothing (ratio 1). **Ratio**: the geometric mean over
seeds of ours / best peer, where the best peer is the one of the smallest geometric mean, chosen per problem in its
favour; percentile interval by a bootstrap over seeds. **Losing** means a ratio above 1.2: its p-value is the share of
bootstrap ratios at or below 1.2, corrected by Holm over the problems at 2.5 %, one side of a 95 % interval; with fewer
than five seeds nothing is judged (p = 1). **Rank**: among all methods by evaluations to the target, censored runs by
their last value after all others; ties share. Our mean rank is tied with another when the interval of their gap
holds 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from .problems import Problem
from .traces import Trace

LOSS = 1.2
LEVEL = 0.025
RESAMPLES = 20_000
FEWEST = 5
CENSORED = 2.0
CLOSEST = 1e-3
Traces = Mapping[str, Mapping[int, Trace]]  # method → seed → trace


def numbers(trace: Trace) -> np.ndarray:
    """A trace with infinity before anything is feasible."""
    return np.array([np.inf if value is None else value for value in trace.best])


def target_of(problem: Problem, peers: Traces) -> float:
    """The value to reach, by the rule above."""
    curves = {name: np.median([numbers(t) for t in traces.values()], axis=0) for name, traces in peers.items()}
    best = min(curves.values(), key=lambda curve: curve[-1])
    half = problem.initial + (len(best) - problem.initial) // 2
    start = np.median([numbers(t)[problem.initial - 1] for traces in peers.values() for t in traces.values()])
    if not np.isfinite(start):  # nothing feasible among the initial points: the way from the first value that is
        start = best[np.isfinite(best)][0] if np.isfinite(best).any() else problem.best_value
    known = best[half - 1 :][np.isfinite(best[half - 1 :])]
    if len(known) == 0:
        return float(np.finfo(np.float64).max)
    return float(max(known[0], problem.best_value + CLOSEST * (start - problem.best_value)))


def evaluations(trace: Trace, target: float) -> float:
    """Evaluations until the target; twice the budget where it is never reached."""
    reached = np.flatnonzero(numbers(trace) <= target)
    return float(reached[0] + 1) if len(reached) else CENSORED * len(trace.best)


@dataclass(frozen=True)
class Comparison:
    """One problem: ours beside the best peer."""

    problem: str
    target: float
    peer: str
    seeds: int
    reached: dict[str, int]
    typical: dict[str, float]  # geometric mean of evaluations per method
    ratio: float
    low: float
    high: float
    p: float  # of a ratio of at most 1.2
    ranks: dict[str, np.ndarray]  # per seed


def geometric(values: Sequence[float] | np.ndarray) -> float:
    """The geometric mean."""
    return float(np.exp(np.mean(np.log(values))))


def compare(problem: Problem, traces: Traces, ours: str, peers: Sequence[str]) -> Comparison:
    """Compare on the seeds that all methods have."""
    seeds = sorted(set.intersection(*(set(of) for of in traces.values())))
    target = target_of(problem, {name: traces[name] for name in peers})
    needed = {name: np.array([evaluations(of[s], target) for s in seeds]) for name, of in traces.items()}
    peer = min(peers, key=lambda name: geometric(needed[name]))
    logs = np.log(needed[ours] / needed[peer])
    draws = np.random.default_rng(0).integers(len(seeds), size=(RESAMPLES, len(seeds)))
    ratios = np.exp(logs[draws].mean(axis=1))
    low, high = np.quantile(ratios, [LEVEL, 1 - LEVEL])
    last = {name: np.array([numbers(of[s])[-1] for s in seeds]) for name, of in traces.items()}
    budget = len(traces[ours][seeds[0]].best)
    return Comparison(
        problem=problem.name,
        target=target,
        peer=peer,
        seeds=len(seeds),
        reached={name: int((n <= budget).sum()) for name, n in needed.items()},
        typical={name: geometric(n) for name, n in needed.items()},
        ratio=geometric(np.exp(logs)),
        low=float(low),
        high=float(high),
        p=float((1 + (ratios <= LOSS).sum()) / (1 + RESAMPLES)) if len(seeds) >= FEWEST else 1.0,
        ranks=_ranks(needed, last, budget),
    )


def _ranks(needed: Mapping[str, np.ndarray], last: Mapping[str, np.ndarray], budget: int) -> dict[str, np.ndarray]:
    """Ranks per method (seeds); what never arrived is parted by its last value."""
    names = list(needed)
    ranks = np.empty((len(names), len(needed[names[0]])))
    for s in range(ranks.shape[1]):
        keys = [(needed[n][s], last[n][s] if needed[n][s] > budget else 0.0) for n in names]
        order = sorted(set(keys))
        ranks[:, s] = rankdata([order.index(key) for key in keys])
    return dict(zip(names, ranks, strict=True))


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979)."""
    order = np.argsort(p)
    corrected = np.empty(len(p))
    worst = 0.0
    for place, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - place) * p[i]))
        corrected[i] = worst
    return corrected.tolist()


def rank_gap(compared: Sequence[Comparison], ours: str) -> tuple[str, float, float, float]:
    """Who of the others has the least mean rank, and our mean rank less theirs with its 95 % interval.

    The problems are as they are; seeds are drawn again within each.
    """
    means = {name: np.mean([c.ranks[name].mean() for c in compared]) for name in compared[0].ranks if name != ours}
    other = min(means, key=lambda name: means[name])
    generator = np.random.default_rng(1)
    total = np.zeros(RESAMPLES)
    for c in compared:
        gap = c.ranks[ours] - c.ranks[other]
        total += gap[generator.integers(len(gap), size=(RESAMPLES, len(gap)))].mean(axis=1)
    low, high = np.quantile(total / len(compared), [LEVEL, 1 - LEVEL])
    mean = np.mean([(c.ranks[ours] - c.ranks[other]).mean() for c in compared])
    return other, float(mean), float(low), float(high)
