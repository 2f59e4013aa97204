"""Writing a history: columns in memory to a closed file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from _rows import Row, make_row
from numpy.typing import NDArray

from luban import _history

from . import data

COMMAND = "make bench-history"
CASES = (
    # compression, level, reach of the ratio
    ("zstd", 3, 5.0),
    ("deflate", 4, None),
)
PEERS: dict[str, Callable[[int], dict[str, Any]]] = {
    "zstd": lambda level: dict(hdf5plugin.Zstd(clevel=level)),
    "deflate": lambda level: {"compression": "gzip", "compression_opts": level},
}
CHUNK = 131072  # rows: the chunks that we write


def write_h5py(truth: dict[str, NDArray[np.float64]], path: Path, filters: dict[str, Any]) -> None:
    """Write the columns with the same filters, chunks and level."""
    with h5py.File(path, "w", libver=("v110", "latest")) as file:
        for name, values in truth.items():
            file.create_dataset(
                f"parameters/{name}/value",
                data=values,
                chunks=(min(CHUNK, len(values)),),
                shuffle=True,
                fletcher32=True,
                **filters,
            )


def write_ours(made: _history.Content, path: Path, compression: str, level: int, proven: bool) -> None:
    """Write the history."""
    _history.write(made, str(path), compression=compression, level=level, proven=proven)


def rows(truth: dict[str, NDArray[np.float64]], folder: Path, repeats: int, kind: str) -> list[Row]:
    """Measure in turns; ours also digests, and writes names, start times and what else a history has.

    The first form is what h5py does: bytes in a closed file. The second is what we do: read back, compared, sealed and
    synced to the disk, too.
    """
    made = data.content(truth)
    ends = "" if kind == "walks" else f"_{kind}"
    path = folder / "written.h5"
    out = []
    for compression, level, reach in CASES:
        filters = PEERS[compression](level)

        def call(what: Callable[[], object]) -> Callable[[], object]:
            def timed() -> object:
                path.unlink(missing_ok=True)
                return what()

            return timed

        plain, whole, peer = data.best_of(
            repeats,
            call(lambda c=compression, at=level: write_ours(made, path, c, at, False)),  # type: ignore[misc]
            call(lambda c=compression, at=level: write_ours(made, path, c, at, True)),  # type: ignore[misc]
            call(lambda given=filters: write_h5py(truth, path, given)),  # type: ignore[misc]
        )
        theirs = path.stat().st_size
        path.unlink()
        write_ours(made, path, compression, level, True)
        size = stored_bytes(path, list(truth)) / theirs
        path.unlink()
        for seconds, name, does, wanted in (
            (plain, "", "to a closed file", reach),
            (whole, "_proven", "to a file that is read back, compared, sealed and synced, too", None),
        ):
            out.append(
                row(
                    truth,
                    seconds,
                    peer,
                    f"history_write_{compression}{name}{ends}",
                    does,
                    (compression, level),
                    size,
                    wanted,
                )
            )
    return out


def stored_bytes(path: Path, wanted: list[str]) -> int:
    """Bytes of the columns alone, as stored."""
    with h5py.File(path) as file:
        return sum(file[f"parameters/{name}/value"].id.get_storage_size() for name in wanted)


def row(
    truth: dict[str, NDArray[np.float64]],
    seconds: list[float],
    peer: list[float],
    name: str,
    does: str,
    how: tuple[str, int],
    size: float,
    reach: float | None,
) -> Row:
    """One row of the table."""
    gb = data.raw_gb(truth)
    plugin = f" + hdf5plugin {hdf5plugin.version}" if how[0] == "zstd" else ""
    return make_row(
        name,
        f"{len(truth)} columns of {len(next(iter(truth.values()))):,} float64 in memory {does}, {how[0]} {how[1]}; "
        f"their bytes {size:.3f} of the peer's file",
        gb / min(seconds),
        gb / min(seconds) - gb / max(seconds),
        "GB/s",
        COMMAND,
        peer=gb / min(peer),
        peer_name=f"h5py{plugin}, same filters, chunks and level; nothing checked",
        sense="ge",
        ratio_reach=reach,
    )
