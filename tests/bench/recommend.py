"""Time of a proposal beside BoTorch and Optuna, and the quality it is not bought with; answers on turning.

``python tests/bench/recommend.py [--quick] [--only PARTS] [--json PATH]``. Each peer runs in processes of its own, at
its better number of threads; a peer that cannot be imported has no rows.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _rows import Row, make_row, write_rows

import luban
from luban import datasets, features, surrogate
from recommend import batches, cold, maxima, peers, quality, streaming

PARTS = ("cold", "threads", "streaming", "batches", "readings", "quality", "turning")


def seconds(call: Callable[[int], object], repetitions: int) -> list[float]:
    """Time the call with the seeds 0, 1, …; a call before them warms up."""
    call(repetitions)
    times = []
    for seed in range(repetitions):
        began = time.perf_counter()
        call(seed)
        times.append(time.perf_counter() - began)
    return times


def row(name: str, what: str, values: list[float], **more: Any) -> Row:
    """The median of ``values`` (seconds) and their range, in milliseconds."""
    spread = 1e3 * (max(values) - min(values))
    return make_row(name, what, 1e3 * statistics.median(values), spread, "ms", cold.COMMAND, **more)


def reading_rows(repetitions: int) -> Iterator[Row]:
    """A fit to every reading of turning: two levels of noise and repeats that reduce, against one level and none."""
    history = datasets.turning()
    data = features.make_dataset(history.process.core, history.source, responses=["roughness"])
    options = surrogate.GaussianProcessOptions(robust=False)
    own = seconds(lambda seed: surrogate.fit_gaussian_process(data, options, seed=seed), repetitions)
    more = peers.beside("botorch_turning", 0, 1, 100.0)
    what = f"cold fit of roughness on turning, {data.n} readings, noise between runs and within; peer: all readings"
    yield row("turning_readings", what, own, **more)


def turning_rows(repetitions: int) -> list[Row]:
    """Answers of a campaign on the packaged history, its model fitted."""
    history = datasets.turning()
    began = time.perf_counter()
    model = luban.fit(history.process, history)
    fit_s = time.perf_counter() - began
    context = {"diameter": "D30", "tool_wear": "Worn"}

    def campaign(seed: int) -> luban.Campaign:
        return luban.Campaign(history.process, history, seed, model=model)

    best = seconds(lambda seed: campaign(seed).recommend(context=context, kind="best_mean"), repetitions)
    explore = seconds(lambda seed: campaign(seed).recommend(context=context), repetitions)
    front = seconds(lambda seed: campaign(seed).pareto(context=context, points=16), min(3, repetitions))
    return [
        row("turning_fit", "fit on turning with cross-validation, 2,448 readings, 5 responses", [fit_s]),
        row("turning_best_mean", "best settings for one context on turning, with reasons", best),
        row("turning_explore", "next settings for one context on turning, with reasons", explore),
        row("turning_pareto", "front of two objectives for one context on turning, 16 levels", front),
    ]


def measured(parts: list[str], quick: bool) -> Iterator[Row]:
    """The rows of the parts, one after the other."""
    repetitions, peer_repetitions = (3, 1) if quick else (15, 3)
    if "cold" in parts:
        yield from cold.rows(repetitions, peer_repetitions, cold.SIZES[:3] if quick else cold.SIZES)
    if "threads" in parts:
        yield from cold.thread_rows(repetitions)
    if "streaming" in parts:
        yield from streaming.rows(repetitions, peer_repetitions, streaming.SIZES[:1] if quick else streaming.SIZES)
    if "batches" in parts:
        yield from batches.rows(repetitions, peer_repetitions)
    if "readings" in parts:
        yield from reading_rows(repetitions)
    if "quality" in parts:
        yield from quality.rows(10 if quick else 100)
        yield from maxima.rows(10 if quick else 100)
    if "turning" in parts:
        yield from turning_rows(repetitions)


def line(entry: Row) -> str:
    """A row of the table for people."""
    text = f"{entry['name']:22} {entry['ours']:10.3f} {entry['unit']:3}"
    if entry["peer"] is not None:
        ratio = entry["peer"] / entry["ours"] if entry["sense"] == "le" else entry["ours"] / entry["peer"]
        text += f" {ratio:8.1f} × {entry['peer_name']} ({entry['peer']:.3f})"
    if entry["reach"] is not None:
        text += f"  reach {entry['reach']:.3f}: {'yes' if entry['ok'] else 'no'}"
    return text


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and data sets, no n = 1000")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts of the table")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    options = parser.parse_args()
    rows = []
    for entry in measured(options.only, options.quick):
        rows.append(entry)
        sys.stdout.write(line(entry) + "\n")
        sys.stdout.flush()
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
