"""Time of a Gaussian process on the packaged history: fit, fit again, predict, average.

``python tests/bench/surrogate.py [--quick] [--json PATH]``; 2,448 readings of 68 runs, read at three positions each.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _rows import Row, make_row, write_rows

from luban import datasets, features, surrogate, testing

COMMAND = "make bench-surrogate"
REACH_FIT_S = 1.0


def seconds(call: Callable[[], object], repetitions: int) -> list[float]:
    """Wall times of a call, after one that is not counted."""
    call()
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return times


def row(name: str, what: str, times: list[float], unit: str = "s", reach: float | None = None) -> Row:
    """The median of the times, and half the distance between the quartiles."""
    scale = {"s": 1.0, "ms": 1e3, "us": 1e6}[unit]
    low, ours, high = (float(np.quantile(times, q)) * scale for q in (0.25, 0.5, 0.75))
    return make_row(name, what, ours, (high - low) / 2, unit, COMMAND, reach=reach)


def measure(repetitions: int) -> list[Row]:
    """All rows."""
    history = datasets.turning()
    data = features.make_dataset(history.process.core, history.source, responses=["roughness"])
    everything = features.make_dataset(history.process.core, history.source)
    options = surrogate.GaussianProcessOptions()
    model = surrogate.fit_gaussian_process(data, options)
    warm = surrogate.GaussianProcessOptions(starts=1, threads=1, warm_starts=[model.reports[0].hyperparameters])
    other = data.with_responses(data.Y + 0.05 * np.random.default_rng(1).standard_normal(data.Y.shape))
    X = testing.random_inputs(data.encoder, 1000)
    thirds = np.full(3, 1 / 3)
    fit, again = surrogate.fit_gaussian_process, max(repetitions, 5)
    size = f"{data.n:,} readings as {model.reports[0].points} means"
    return [
        row("fit_cold", f"{size}, one response", seconds(lambda: fit(data, options), repetitions), reach=REACH_FIT_S),
        row("fit_cold_all", f"{size}, {everything.m} responses", seconds(lambda: fit(everything), repetitions)),
        row("fit_warm", f"{size}, new values, one thread", seconds(lambda: fit(other, warm), repetitions)),
        row("predict_1000", "mean and variance of 1,000 points", seconds(lambda: model.posterior(X), again), "ms"),
        row("predict_1", "mean and variance of one point", seconds(lambda: model.posterior(X[:1]), 20 * again), "us"),
        row(
            "average_333",
            "333 points averaged over 3 levels, with gradients",
            seconds(lambda: model.average(X[:999], thirds, gradients=True), again),
            "ms",
        ),
    ]


def main() -> int:
    """Print the rows as a table; write them as JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--quick", action="store_true", help="three repetitions instead of fifteen")
    arguments = parser.parse_args()
    rows = measure(3 if arguments.quick else 15)
    width = max(len(r["what"]) for r in rows)
    for r in rows:
        reach = "" if r["reach"] is None else f"   reach {r['reach']:g} {r['unit']}: {'ok' if r['ok'] else 'MISSED'}"
        sys.stdout.write(
            f"{r['name']:<14} {r['what']:<{width}} {r['ours']:10.3g} {r['unit']:<3} ± {r['spread']:.2g}{reach}\n"
        )
    return write_rows(rows, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
