"""Proposals of several points, of several objectives and among categories, beside BoTorch's, each fit included."""

from collections.abc import Iterator
from typing import Any

from _rows import Row, make_row

from luban import recommend
from recommend import peers
from recommend.cold import BOX, COMMAND, PRESET, Data, proposal_seconds
from recommend.tasks import LEVELS, mixed, several, tried

N = 100


def _row(
    name: str, what: str, case: str, reach: float, data: Data, options: dict[str, Any], own: int, theirs: int
) -> Row:
    """One row; the peer's columns where it is installed."""
    best = min(proposal_seconds(data, N, own, preset=PRESET, threads=threads, **options) for threads in (1, 2))
    more = peers.beside(case, N, theirs, reach)
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
