"""Proposals of several points, of several objectives and among categories, beside BoTorch's, each fit included."""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _rows import Row, make_row

from luban import recommend
from recommend import peers
from recommend.cold import COMMAND, PRESET
from recommend.tasks import LEVELS, Array, D, mixed, several, tried

N = 100
BOX = np.array([[0.0] * D, [1.0] * D])
Data = Callable[[int, int], tuple[Array, Array]]


def _seconds(data: Data, options: dict[str, Any], repetitions: int, threads: int) -> float:
    """The median time of a proposal; a call before them warms up."""
    times = []
    for seed in range(-1, repetitions):
        X, Y = data(N, max(seed, 0))
        began = time.perf_counter()
        recommend.propose(X, Y, seed=max(seed, 0), preset=PRESET, threads=threads, **options)
        if seed >= 0:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def _row(
    name: str, what: str, case: str, reach: float, data: Data, options: dict[str, Any], own: int, theirs: int
) -> Row:
    """One row; the peer's columns where it is installed."""
    best = min(_seconds(data, options, own, threads) for threads in (1, 2))
    more: dict[str, Any] = {}
    if peers.available("botorch"):
        seconds, threads = peers.measured(case, N, theirs)
        of_threads = f"{threads} thread{'s' if threads > 1 else ''}"
        more = {
            "peer": 1e3 * seconds,
            "peer_name": f"{peers.version('botorch')}, {of_threads}",
            "ratio_reach": 1.0 / reach,
        }
    return make_row(name, f"{what}, n = {N}, fit included", 1e3 * best, 0.0, "ms", COMMAND, **more)


def rows(repetitions: int, peer_repetitions: int) -> Iterator[Row]:
    """Two and three objectives, a batch, categories."""
    repeats = max(3, repetitions // 3)
    for count, word in ((2, "two"), (3, "three")):
        yield _row(
            f"objectives_{count}",
            f"{peers.BATCH_OF_SEVERAL} points by log noisy expected hypervolume improvement, {count} objectives",
            f"botorch_{word}",
            10.0,
            lambda n, seed, count=count: several(n, seed, count),
            {
                "bounds": BOX,
                "q": peers.BATCH_OF_SEVERAL,
                "objectives": ["minimize"] * count,
                "acquisition": "log_noisy_expected_hypervolume_improvement",
            },
            repeats,
            peer_repetitions,
        )
    yield _row(
        "batch_8",
        f"{peers.BATCH} points by log noisy expected improvement",
        "botorch_batch",
        15.0,
        tried,
        {"bounds": BOX, "q": peers.BATCH, "acquisition": "log_noisy_expected_improvement"},
        repeats,
        peer_repetitions,
    )
    columns = [recommend.Column(0.0, 1.0)] * 4 + [recommend.Column(kind="categorical", values=list(range(LEVELS)))] * 3
    yield _row(
        "mixed",
        f"a point among 4 numbers and 3 categories of {LEVELS} levels",
        "botorch_mixed",
        20.0,
        mixed,
        {"columns": columns, "acquisition": "log_expected_improvement"},
        repeats,
        peer_repetitions,
    )
