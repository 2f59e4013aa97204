"""Reading whole columns of a history: ours against h5py on the same datasets."""

from pathlib import Path
from typing import Any

import hdf5plugin
import numpy as np
from _rows import Row, make_row
from numpy.typing import NDArray

from luban.history import History

from . import data

COMMAND = "make bench-history"
CASES = (
    # compression, level, reach of the ratio
    ("deflate", 4, 3.0),
    ("zstd", 3, 5.0),
    ("lz4", -1, None),
    ("none", -1, 1.0),
)


def read_ours(path: Path, wanted: list[str]) -> Any:
    """Read the columns as a user of Luban does, into a DataFrame."""
    return History.open(path).read(columns=wanted, rows="runs")


def same(path: Path, truth: dict[str, NDArray[np.float64]]) -> None:
    """Check both readers against what was written."""
    ours, peer = read_ours(path, list(truth)), data.read_h5py(path, list(truth))
    for name, values in truth.items():
        np.testing.assert_array_equal(ours[name].to_numpy(), values)
        np.testing.assert_array_equal(peer[name], values)


def rows(truth: dict[str, NDArray[np.float64]], files: dict[str, Path], repeats: int, kind: str) -> list[Row]:
    """Measure every compression; interleaved, the best of the repeats, page cache warm."""
    gb, count = data.raw_gb(truth), len(next(iter(truth.values())))
    out = []
    for compression, level, reach in CASES:
        path = files[compression]
        same(path, truth)
        ours, peer = data.best_of(
            repeats,
            lambda at=path: read_ours(at, list(truth)),  # type: ignore[misc]
            lambda at=path: data.read_h5py(at, list(truth)),  # type: ignore[misc]
        )
        shown = f"{compression} {level}" if level >= 0 else {"none": "no compression"}.get(compression, compression)
        plugin = f" + hdf5plugin {hdf5plugin.version}" if compression in ("zstd", "lz4") else ""
        size = path.stat().st_size / 2**20
        out.append(
            make_row(
                f"history_scan_{compression}" + ("" if kind == "walks" else f"_{kind}"),
                f"{count:,} runs of {len(truth)} float64 ({kind}), {shown} ({size:,.0f} MiB), "
                "checksums checked, into a DataFrame",
                gb / min(ours),
                gb / min(ours) - gb / max(ours),
                "GB/s",
                COMMAND,
                peer=gb / min(peer),
                peer_name=f"h5py{plugin}, the same datasets",
                sense="ge",
                ratio_reach=reach,
            )
        )
    return out
