"""Opening a file whose columns have very many chunks."""

import time
from pathlib import Path

import h5py
import numpy as np
from _rows import Row, make_row

from luban import _core, _history

from . import data

COMMAND = "make bench-history"
CHUNKS = 20_000
REACH = 1 / 50


def cut_chunks(path: Path, chunks: int) -> None:
    """Give one column of a history as many chunks, by h5py: the same data otherwise."""
    with h5py.File(path, "r+") as file:
        group = file["parameters/s00"]
        old = group["value"]
        values, attributes = old[...], dict(old.attrs)
        del group["value"]
        new = group.create_dataset(
            "value",
            data=values,
            chunks=(max(1, len(values) // chunks),),
            shuffle=True,
            compression="gzip",
            compression_opts=4,
            fletcher32=True,
        )
        new.attrs.update(attributes)


def ours(path: Path, rows: int) -> float:
    """Open, and read the last row: what an index of chunks is for."""
    began = time.perf_counter()
    source = _history.open(str(path)).view(_core.Grain.runs)
    _history.read_arrays(source, ["s00"], rows - 1, rows)
    return time.perf_counter() - began


def by_iteration(path: Path, rows: int) -> float:
    """Open, list where every chunk lies in one pass, and read the last row."""
    began = time.perf_counter()
    with h5py.File(path) as file:
        column = file["parameters/s00/value"]
        places: list[object] = []
        column.id.chunk_iter(places.append)
        column[rows - 1 :]
    return time.perf_counter() - began


def by_number(path: Path, rows: int) -> float:
    """Open, ask for each chunk by its number (each call counts from the first), and read the last row."""
    began = time.perf_counter()
    with h5py.File(path) as file:
        column = file["parameters/s00/value"]
        for number in range(column.id.get_num_chunks()):
            column.id.get_chunk_info(number)
        column[rows - 1 :]
    return time.perf_counter() - began


def rows(folder: Path, repeats: int) -> list[Row]:
    """Measure."""
    count = CHUNKS * 50
    path = folder / "chunks.h5"
    data.write(data.content(data.columns(count)), path, "deflate")
    cut_chunks(path, CHUNKS)
    check(path, count)
    mine = [1e3 * ours(path, count) for _ in range(3 * repeats)]
    peers = (
        ("", by_number, 1, "open, get_chunk_info of each chunk, last row of that one column", REACH),
        ("_iterated", by_iteration, repeats, "open, chunk_iter, last row of that one column", None),
    )
    return [
        make_row(
            f"history_open_chunks{name}",
            f"a history with a column of {CHUNKS:,} chunks opened, and its last row read",
            min(mine),
            max(mine) - min(mine),
            "ms",
            COMMAND,
            peer=min(1e3 * peer(path, count) for _ in range(times)),
            peer_name=f"h5py {h5py.__version__}: {peer_name}",
            ratio_reach=reach,
        )
        for name, peer, times, peer_name, reach in peers
    ]


def check(path: Path, rows: int) -> None:
    """Both read the same last row."""
    source = _history.open(str(path)).view(_core.Grain.runs)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(
            _history.read_arrays(source, ["s00"], rows - 1, rows)["s00"], file["parameters/s00/value"][rows - 1 :]
        )
