"""A part of a history: a window of time (one run in a hundred, 4 of 16 columns), and every second run by a category."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from _rows import Row, make_row
from numpy.typing import NDArray

from luban import Process, ingest
from luban.history import History, RunFilter

from . import data

COMMAND = "make bench-history"
WANTED = ["s01", "s05", "s09", "s13"]
SHARE = 100
H5PY_REACH, PARQUET_REACH = 1 / 20, 1.0
SCATTERED_RUNS, SCATTERED_REACH = 200_000, 3.0


def bounds(rows: int) -> tuple[int, int]:
    """Start and end of the window, UTC nanoseconds: from six tenths of the history on."""
    since = data.FIRST_NS + data.STEP_NS * (6 * rows // 10)
    return since, since + data.STEP_NS * (rows // SHARE)


def ours(path: Path, since: int, before: int) -> NDArray[np.float64]:
    """Open the history and read the window as a user does."""
    window = RunFilter(since=np.datetime64(since, "ns"), before=np.datetime64(before, "ns"))
    return History.open(path).read(WANTED, runs=window, rows="runs").to_numpy()


def by_mask(path: Path, since: int, before: int) -> NDArray[np.float64]:
    """Read whole columns by h5py and take what a mask chooses."""
    with h5py.File(path) as file:
        began = file["runs/start_time"][...]
        mask = (began >= since) & (began < before)
        return np.column_stack([file[f"parameters/{name}/value"][...][mask] for name in WANTED])


def by_parquet(path: Path, since: int, before: int) -> NDArray[np.float64]:
    """Let pyarrow filter."""
    table = pq.read_table(path, columns=WANTED, filters=[("start_time", ">=", since), ("start_time", "<", before)])
    return np.column_stack([table[name].to_numpy() for name in WANTED])


def write_parquet(truth: dict[str, NDArray[np.float64]], path: Path, compression: str) -> None:
    """Write the same columns and start times by pyarrow, its defaults otherwise."""
    rows = len(next(iter(truth.values())))
    began = data.FIRST_NS + data.STEP_NS * np.arange(rows, dtype=np.int64)
    pq.write_table(pa.table({"start_time": began, **truth}), path, compression=compression)


def rows(truth: dict[str, NDArray[np.float64]], files: dict[str, Path], folder: Path, repeats: int) -> list[Row]:
    """Measure: the default file against h5py on it, the zstd file against Parquet."""
    count = len(next(iter(truth.values())))
    since, before = bounds(count)
    parquet = {compression: folder / f"{compression}.parquet" for compression in ("snappy", "zstd")}
    for compression, path in parquet.items():
        write_parquet(truth, path, compression)
    begin = 6 * count // 10
    expected = np.column_stack([truth[name][begin : begin + count // SHARE] for name in WANTED])
    calls = {
        "deflate": lambda: ours(files["deflate"], since, before),
        "zstd": lambda: ours(files["zstd"], since, before),
        "h5py": lambda: by_mask(files["deflate"], since, before),
        **{
            f"parquet {compression}": lambda path=path: by_parquet(path, since, before)  # type: ignore[misc]
            for compression, path in parquet.items()
        },
    }
    for call in calls.values():
        np.testing.assert_array_equal(call(), expected)
    seconds = dict(zip(calls, data.best_of(3 * repeats, *calls.values()), strict=True))
    for path in parquet.values():
        path.unlink()
    best = {name: 1e3 * min(times) for name, times in seconds.items()}
    parquet_name = min((name for name in best if name.startswith("parquet")), key=lambda name: best[name])
    what = f"open, and read 1 % of {count:,} runs by a window of time, {len(WANTED)} of {len(truth)} columns, from "
    pairs = (
        ("deflate", "h5py", f"h5py {h5py.__version__} and a mask of numpy, the same file", H5PY_REACH),
        ("zstd", parquet_name, f"pyarrow {pa.__version__}, {parquet_name}, filters", PARQUET_REACH),
    )
    windows = [
        make_row(
            f"history_window_{peer.split()[0]}",
            what + compression,
            best[compression],
            1e3 * (max(seconds[compression]) - min(seconds[compression])),
            "ms",
            COMMAND,
            peer=best[peer],
            peer_name=peer_name,
            ratio_reach=reach,
        )
        for compression, peer, peer_name, reach in pairs
    ]
    return [*windows, scattered(folder, repeats)]


def scattered(folder: Path, repeats: int) -> Row:
    """Measure a response of every second run, chosen by a category, against h5py and a mask on the same file."""
    path = folder / "scattered.h5"
    number = np.arange(SCATTERED_RUNS)
    frame = pd.DataFrame(
        {
            "run_id": [f"R{n:09}" for n in number],
            "feed": 0.5,
            "grade": np.where(number % 2 == 0, "A", "B"),
            "y": np.random.default_rng(7).normal(size=SCATTERED_RUNS),
        }
    )
    process = Process.from_dict(
        {
            "luban": 1,
            "process": "bench",
            "parameters": {"feed": {"unit": "1", "low": 0, "high": 1}},
            "context": {"grade": {"categories": ["A", "B"]}},
            "responses": {"y": {"unit": "1"}},
        }
    )
    ingest.import_frame(process, frame, path, name="bench")

    def filtered() -> NDArray[np.float64]:
        return History.open(path).read(["y"], runs=RunFilter(where={"grade": "A"}), rows="runs")["y"].to_numpy()

    def masked() -> NDArray[np.float64]:
        with h5py.File(path) as file:
            values: NDArray[np.float64] = file["responses/y/value"][...][file["context/grade/value"][...] == 0]
            return values

    for call in (filtered, masked):
        np.testing.assert_array_equal(call(), frame["y"].to_numpy()[::2])
    ours, peer = data.best_of(3 * repeats, filtered, masked)
    path.unlink()
    return make_row(
        "history_window_scattered",
        f"open, and read a response of every second one of {SCATTERED_RUNS:,} runs, chosen by a category",
        1e3 * min(ours),
        1e3 * (max(ours) - min(ours)),
        "ms",
        COMMAND,
        peer=1e3 * min(peer),
        peer_name=f"h5py {h5py.__version__} and a mask of numpy, the same file",
        ratio_reach=SCATTERED_REACH,
    )
