"""The columns that are written and read: what sensors of a plant give, and a history that holds them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from luban import _core, _history
from luban._intake.build import empty_content
from luban.process import Process

COLUMNS = 16
#: Runs start so far apart.
STEP_NS = 30_000_000_000
FIRST_NS = 1_577_836_800_000_000_000
STATED = {
    "walks": "random walks rounded to 1/1000, as sensors give them",
    "mixed": "4 random walks, 4 setpoints of 12 values held for 500 runs, 2 ramps, 4 of 2 digits, 2 of noise",
}


def names() -> list[str]:
    """Names of the columns."""
    return [f"s{number:02}" for number in range(COLUMNS)]


def walks(rows: int, count: int, random: np.random.Generator) -> list[NDArray[np.float64]]:
    """Make random walks rounded to 1/1000."""
    return [np.round(20.0 + 10 * number + np.cumsum(random.normal(0, 0.02, rows)), 3) for number in range(count)]


def columns(rows: int, kind: str = "walks", seed: int = 7) -> dict[str, NDArray[np.float64]]:
    """Make the columns (each of ``rows`` float64); see ``STATED``."""
    random = np.random.default_rng(seed)
    if kind == "walks":
        return dict(zip(names(), walks(rows, COLUMNS, random), strict=True))
    made = walks(rows, 4, random)
    for _ in range(4):
        levels = np.round(random.uniform(50, 400, 12), 1)
        made.append(np.repeat(random.choice(levels, rows // 500 + 1), 500)[:rows])
    made += [np.arange(rows) * 0.25, 1.7e9 + np.arange(rows) * 30.0]
    for scale in (0.5, 3.0, 12.0, 80.0):
        made.append(np.round(random.normal(100, scale, rows), 2))
    made += [random.normal(0, 1, rows), random.lognormal(0, 1, rows)]
    return dict(zip(names(), made, strict=True))


def process(wanted: list[str]) -> Process:
    """Make the process whose parameters are the columns."""
    return Process.from_dict(
        {
            "luban": 1,
            "process": "bench",
            "parameters": {name: {"unit": "1", "low": -1e12, "high": 1e12} for name in wanted},
            "responses": {"y": {"unit": "1"}},
        }
    )


def content(data: dict[str, NDArray[np.float64]], first: int = 0) -> _history.Content:
    """Make the history in memory: the columns as parameters, one run per row, no readings.

    ``first`` is the number of the first run.
    """
    rows = len(next(iter(data.values())))
    made = empty_content(process(list(data)))
    entry = _history.Provenance()
    entry.who, entry.what, entry.tool, entry.time = "bench", "import", "bench", time.time_ns()
    entry.input_name, entry.input_digest, entry.rows = "bench", "0" * 64, rows
    made.add_provenance(entry)
    ids = [f"R{number:09}" for number in range(first, first + rows)]
    table = _core.Table([_core.Column.float64(name, "1", values) for name, values in data.items()])
    began = FIRST_NS + STEP_NS * np.arange(first, first + rows, dtype=np.int64)
    made.set_runs(ids, [""] * rows, {"start_time": began}, table, _core.Table(), _core.Table())
    return made


def write(made: _history.Content, path: Path, compression: str, level: int = -1) -> float:
    """Write the history; return the seconds."""
    began = time.perf_counter()
    _history.write(made, str(path), compression=compression, level=level)
    return time.perf_counter() - began


def raw_gb(data: dict[str, NDArray[np.float64]]) -> float:
    """Bytes of the columns in memory, in 10⁹."""
    return sum(values.nbytes for values in data.values()) / 1e9


def read_h5py(path: Path, wanted: list[str]) -> dict[str, Any]:
    """Read the columns as a user of h5py does."""
    with h5py.File(path) as file:
        return {name: file[f"parameters/{name}/value"][...] for name in wanted}


def best_of(repeats: int, *calls: Callable[[], Any]) -> list[list[float]]:
    """Time the calls in turns; what they return is freed outside the time. Seconds of each."""
    out: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for seconds, call in zip(out, calls, strict=True):
            began = time.perf_counter()
            result = call()
            seconds.append(time.perf_counter() - began)
            del result
    return out


def machine_load() -> str:
    """Load of the machine, beside which a figure is to be seen."""
    return Path("/proc/loadavg").read_text(encoding="utf-8").split()[0]
