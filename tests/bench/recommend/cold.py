"""Cold refit and one proposal from arrays, beside BoTorch and Optuna, each at its better number of threads."""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _rows import Row, make_row

from luban import recommend
from recommend import peers
from recommend.tasks import Array, D, tried

COMMAND = "make bench-recommend"
SIZES = (50, 100, 300, 1000)
# What is asked for: so many times the peer's speed.
REACH = {"botorch": (200, 90, 15, 9), "optuna": (75, 30, 10, 8)}
TURNS = 5  # of one thread, two threads and two processes
BOX = np.array([[0.0] * D, [1.0] * D])
Data = Callable[[int, int], tuple[Array, Array]]  # of a number of runs and a seed
PRESET = "hvarfner"  # the prior of BoTorch's default, so that the same model is fitted


def proposal_seconds(data: Data, n: int, repetitions: int, **options: Any) -> float:
    """The median time of a proposal by Luban; a call before them warms up."""
    times = []
    for seed in range(-1, repetitions):
        X, Y = data(n, max(seed, 0))
        began = time.perf_counter()
        recommend.propose(X, Y, seed=max(seed, 0), **options)
        if seed >= 0:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def seconds(n: int, repetitions: int, threads: int, preset: str = PRESET) -> float:
    """The median time of one point for noisy Hartmann."""
    return proposal_seconds(
        tried, n, repetitions, bounds=BOX, preset=preset, threads=threads, acquisition="log_expected_improvement"
    )


def rows(repetitions: int, peer_repetitions: int, sizes: tuple[int, ...] = SIZES) -> Iterator[Row]:
    """A row per size and peer, and one of each size with the default preset."""
    for at, n in enumerate(SIZES):
        if n not in sizes:
            continue
        repeats = max(3, repetitions if n < 1000 else repetitions // 3)
        own = min(seconds(n, repeats, 1), seconds(n, repeats, 2))
        what = f"cold refit and one proposal, n = {n}, d = {D}, noisy Hartmann"
        for peer, reach in REACH.items():
            more = peers.beside(peer, n, peer_repetitions, reach[at])
            if more:
                yield make_row(f"propose_{n}_{peer}", what, 1e3 * own, 0.0, "ms", COMMAND, **more)
        default = min(seconds(n, repeats, threads, "luban") for threads in (1, 2))
        yield make_row(f"propose_{n}_luban", what + ", preset luban", 1e3 * default, 0.0, "ms", COMMAND)


def thread_rows(repetitions: int) -> Iterator[Row]:
    """What a second thread brings, beside what a second process brings on this machine.

    All in processes of the same kind, by turns: a machine's speed changes within minutes.
    """
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(seconds, [(20, 1, 1)] * 2, chunksize=1)
        for n in (50, 300, 1000):
            repeats = max(3, repetitions if n < 1000 else repetitions // 3)
            threads, processes = [], []
            for _ in range(TURNS):
                one, two = (pool.apply(seconds, (n, repeats, count)) for count in (1, 2))
                threads.append(one / two)
                if n == 50:
                    continue
                together = pool.starmap(seconds, [(n, repeats, 1)] * 2, chunksize=1)
                processes.append(sum(one / each for each in together))  # proposals per second over those of one
            ours, spread = statistics.median(threads), max(threads) - min(threads)
            what = f"1 -> 2 threads, n = {n}"
            if n == 50:
                # The second thread is not woken: what is left is the timer's noise.
                yield make_row("threads_50", what + ": no slower than the timer's noise", ours, spread, "1", COMMAND,
                               sense="ge", reach=0.95)  # fmt: skip
                continue
            yield make_row(
                f"threads_{n}", what + "; peer: two processes of one thread", ours, spread, "1", COMMAND, sense="ge",
                peer=statistics.median(processes), peer_name="two independent processes", ratio_reach=0.85,
            )  # fmt: skip
