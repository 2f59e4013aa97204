"""One new run: taken into a fitted model, and the next proposal after it, beside BoTorch, which fits again."""

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from _rows import Row, make_row

from luban import features, recommend, surrogate
from recommend import peers
from recommend.cold import BOX, COMMAND, PRESET
from recommend.tasks import D, tried

CONDITION_SIZE = 1000
CONDITION_REACH = 500.0  # times the speed of a refit that is asked for
SIZES = (300, 1000)
NEXT_REACH = {300: 50.0, 1000: 30.0}  # times the speed of a refit and a proposal
STEPS = 10  # runs in a row, as a stream brings them


def _stream(n: int, seed: int) -> tuple[surrogate.GaussianProcess, list[features.Dataset], np.ndarray, np.ndarray]:
    """A fit to n runs of noisy Hartmann, then single runs, and the arrays of them all."""
    X, Y = tried(n + STEPS, seed)
    data = recommend.array_dataset(X, Y, BOX)
    options = surrogate.GaussianProcessOptions(preset=PRESET, starts=1, robust=False)
    fitted = surrogate.fit_gaussian_process(data.subset(list(range(n))), options, seed=seed)
    return fitted, [data.subset([n + step]) for step in range(STEPS)], X, Y


def _timed(n: int, repetitions: int, after: Callable[[surrogate.GaussianProcess, int, int], object]) -> float:
    """The median seconds of taking in one run and doing what comes after it; the first run of a stream warms up."""
    times = []
    for seed in range(repetitions):
        now, runs, _, _ = _stream(n, seed)
        for step, run in enumerate(runs):
            began = time.perf_counter()
            now = now.condition_on(run)
            after(now, seed, step)
            if step > 0:
                times.append(time.perf_counter() - began)
    return statistics.median(times)


def condition_seconds(n: int, repetitions: int) -> float:
    """Seconds of ``condition_on`` with one run."""
    return _timed(n, repetitions, lambda now, seed, step: None)


def next_seconds(n: int, repetitions: int) -> float:
    """Seconds from one new run to the next proposal, hyperparameters kept."""

    def propose(now: surrogate.GaussianProcess, seed: int, step: int) -> object:
        X, Y = tried(n + STEPS, seed)
        told = n + step + 1
        return recommend.propose(
            X[:told], Y[:told], BOX, seed=step, surrogate=now, acquisition="log_expected_improvement"
        )

    return _timed(n, repetitions, propose)


def refit_seconds(n: int, repetitions: int) -> float:
    """Seconds of a refit from the last hyperparameters after the runs of a stream."""
    options = surrogate.GaussianProcessOptions(preset=PRESET, robust=False)
    times = []
    for seed in range(repetitions):
        fitted, _, X, Y = _stream(n, seed)
        grown = recommend.array_dataset(X, Y, BOX)
        began = time.perf_counter()
        surrogate.fit_gaussian_process(grown, options, start_from=fitted, seed=seed)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def rows(repetitions: int, peer_repetitions: int, sizes: tuple[int, ...] = SIZES) -> Iterator[Row]:
    """A row of condition_on, one of a warm refit, and one of the next proposal for each size."""
    repeats = max(1, repetitions // 5)
    n = CONDITION_SIZE
    if n in sizes:
        more = peers.beside("botorch_refit", n, peer_repetitions, CONDITION_REACH)
        what = f"condition_on one run, n = {n}, d = {D}, noisy Hartmann; peer: a refit"
        yield make_row(f"condition_{n}", what, 1e3 * condition_seconds(n, repeats), 0.0, "ms", COMMAND, **more)
    for n in sizes:
        what = f"warm refit after {STEPS} new runs, n = {n}, d = {D}; peer: a refit"
        more = peers.beside("botorch_refit", n, peer_repetitions, 1.0)
        yield make_row(f"refit_{n}", what, 1e3 * refit_seconds(n, repeats), 0.0, "ms", COMMAND, **more)
        what = f"next proposal after one new run, n = {n}, d = {D}; peer: a refit and one proposal"
        more = peers.beside("botorch", n, peer_repetitions, NEXT_REACH[n])
        yield make_row(f"next_{n}", what, 1e3 * next_seconds(n, repeats), 0.0, "ms", COMMAND, **more)
