"""Writing a history: columns in memory to a closed file."""

import time
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
from _rows import Row, make_row
from numpy.typing import NDArray

from . import data

COMMAND = "make bench-history"
LEVEL = 3
CHUNK = 131072  # rows: the chunks that we write


def write_h5py(truth: dict[str, NDArray[np.float64]], path: Path) -> float:
    """Write the columns with the same filters, chunks and level; return the seconds."""
    began = time.perf_counter()
    with h5py.File(path, "w", libver=("v110", "latest")) as file:
        for name, values in truth.items():
            file.create_dataset(
                f"parameters/{name}/value",
                data=values,
                chunks=(min(CHUNK, len(values)),),
                shuffle=True,
                fletcher32=True,
                **hdf5plugin.Zstd(clevel=LEVEL),
            )
    return time.perf_counter() - began


def rows(truth: dict[str, NDArray[np.float64]], folder: Path, repeats: int, kind: str) -> list[Row]:
    """Measure; ours also hashes, reads back, seals and syncs, and writes the other columns that a history has."""
    made = data.content(truth)
    ours, peer = [], []
    for repeat in range(repeats):
        for seconds, path in ((ours, folder / f"ours-{repeat}.h5"), (peer, folder / f"peer-{repeat}.h5")):
            seconds.append(data.write(made, path, "zstd", LEVEL) if seconds is ours else write_h5py(truth, path))
            path.unlink()
    gb = data.raw_gb(truth)
    return [
        make_row(
            "history_write_zstd",
            f"{len(truth)} columns of {len(next(iter(truth.values()))):,} float64 in memory to a closed file, "
            f"zstd {LEVEL}; ours digested, read back, sealed and synced",
            gb / min(ours),
            gb / min(ours) - gb / max(ours),
            "GB/s",
            COMMAND,
            peer=gb / min(peer),
            peer_name=f"h5py + hdf5plugin {hdf5plugin.version}, same filters, chunks and level; nothing checked",
            sense="ge",
        )
    ]
