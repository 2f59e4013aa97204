"""How cost grows with the number of runs: histories in folders, added piece by piece."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _rows import Row, make_row, peak_mib

from luban import _core, _history
from luban.history import History, RunFilter, verify

from . import data

COMMAND = "make bench-history"
COLUMNS = 8
PIECE = 100_000
WINDOW = 1_000
ONE_MORE = 1_000
#: Exponent of n in the time, from the second largest history to the largest; 1 = linear.
REACH = 1.1
MODEL = 100_000_000


def piece(first: int, rows: int) -> _history.Content:
    """Make runs ``first`` to ``first + rows``."""
    random = np.random.default_rng(first)
    return data.content(dict(zip(data.names(), data.walks(rows, COLUMNS, random), strict=False)), first)


def timed(call: Callable[[], Any]) -> float:
    """Time one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def write(folder: Path, runs: int) -> tuple[float, float]:
    """Write so many runs, and a few more; seconds of both, without the making of the data."""
    appender = _history.Appender(str(folder), compression="zstd", level=3)
    writing = 0.0
    for first in range(0, runs, PIECE):
        made = piece(first, min(PIECE, runs - first))
        began = time.perf_counter()
        appender.append(made, [])
        writing += time.perf_counter() - began
    made = piece(runs, ONE_MORE)
    began = time.perf_counter()
    appender.append(made, [])
    return writing, time.perf_counter() - began


def measure(folder: Path, runs: int) -> dict[str, float]:
    """Write a history of so many runs into a folder, and use it."""
    writing, appended = write(folder, runs)
    since = data.FIRST_NS + data.STEP_NS * (runs // 2)
    window = RunFilter(since=np.datetime64(since, "ns"), before=np.datetime64(since + data.STEP_NS * WINDOW, "ns"))
    names = data.names()[:COLUMNS]
    found = len(History.open(folder).read(names, runs=window, rows="runs"))
    if found != WINDOW:
        raise RuntimeError(f"{found} runs in a window of {WINDOW}")

    def scan() -> None:
        source = _history.open(str(folder)).view(_core.Grain.runs)
        for block in range(0, source.row_count(), PIECE):
            _history.read_arrays(source, names, block, min(source.row_count(), block + PIECE))

    return {
        "write": writing,
        "append": appended,
        "open": min(timed(lambda: History.open(folder)) for _ in range(5)),
        "window": min(timed(lambda: History.open(folder).read(names, runs=window, rows="runs")) for _ in range(5)),
        "scan": min(timed(scan) for _ in range(2)),
        "verify": timed(lambda: verify(folder)),
        "bytes": float(sum(path.stat().st_size for path in folder.iterdir())),
        "peak_mib": peak_mib(),
    }


def in_child(folder: Path, runs: int) -> dict[str, float]:
    """Measure in a process of its own, whose peak memory is its alone."""
    os.sync()  # what others left to be written is not this one's to wait for
    front = Path(__file__).parent.parent / "history.py"
    command = [sys.executable, str(front), "--growth", str(folder), str(runs)]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Slope of the logarithm of the time over that of the size, between the two largest sizes."""
    return float(np.log(seconds[-1] / seconds[-2]) / np.log(sizes[-1] / sizes[-2]))


def rows(folder: Path, sizes: list[int]) -> list[Row]:
    """Measure each size; rows for the largest, and how they came to it."""
    points = [in_child(folder / f"growth-{runs}", runs) for runs in sizes]
    shown = ", ".join(f"{runs:,}" for runs in sizes)
    out = []
    for name, what in (
        ("write", f"written in pieces of {PIECE:,}, each durable"),
        ("scan", "read whole"),
        ("verify", "verified"),
    ):
        seconds = [point[name] for point in points]
        growth = exponent(sizes, seconds)
        each = " / ".join(f"{1e6 * s / n:.3f}" for s, n in zip(seconds, sizes, strict=True))
        model = seconds[-1] * (MODEL / sizes[-1]) ** max(1.0, growth)
        text = f"{sizes[-1]:,} runs of {COLUMNS} columns {what}: exponent of growth; {each} µs a run at {shown}"
        if sizes[-1] == MODEL // 10:
            text += f"; model for {MODEL:,} runs, not measured: {model:.0f} s"
        out.append(make_row(f"history_growth_{name}", text, growth, 0.0, "1", COMMAND, reach=REACH))
    for name, what in (
        ("append", f"append of a segment of {ONE_MORE:,} runs, durable"),
        ("open", "open"),
        ("window", f"open, and read a window of {WINDOW:,} runs"),
    ):
        each = " / ".join(f"{1e3 * point[name]:.1f}" for point in points)
        text = f"{what}: {each} ms at {shown} runs"
        out.append(make_row(f"history_growth_{name}", text, 1e3 * points[-1][name], 0.0, "ms", COMMAND))
    peak = " / ".join(f"{point['peak_mib']:.0f}" for point in points)
    text = f"peak memory of all of it: {peak} MiB at {shown} runs"
    out.append(make_row("history_growth_memory", text, points[-1]["peak_mib"], 0.0, "MiB", COMMAND, reach=1024.0))
    return out
