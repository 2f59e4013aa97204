"""One epoch of shuffled minibatches, against PyTorch's DataLoader over h5py."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from _rows import Row, make_row
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from luban.history import History

COMMAND = "make bench-history"
SIZE, WORKERS, REACH = 256, 2, 10.0
BLOCK = 131_072
#: Minibatches of the peer that are measured; its epoch is scaled from them.
SAMPLE = 2 * WORKERS


class Rows(Dataset[Any]):
    """One row a call, as tutorials show it; each worker opens the file for itself."""

    def __init__(self, path: Path, names: list[str], count: int) -> None:
        """Remember the file."""
        self.path, self.names, self.count = path, names, count
        self.columns: list[h5py.Dataset] = []

    def __len__(self) -> int:
        """Rows of the file."""
        return self.count

    def __getitem__(self, row: int) -> torch.Tensor:
        """Read one row."""
        if not self.columns:
            file = h5py.File(self.path)
            self.columns = [file[f"parameters/{name}/value"] for name in self.names]
        return torch.tensor([float(column[row]) for column in self.columns], dtype=torch.float32)


class Blocks(IterableDataset[Any]):
    """Whole blocks in random order, their rows shuffled: what one comes to after the first epoch."""

    def __init__(self, path: Path, names: list[str], count: int) -> None:
        """Remember the file."""
        self.path, self.names, self.count = path, names, count

    def __iter__(self) -> Iterator[torch.Tensor]:
        """Give the minibatches of this worker's blocks."""
        worker = get_worker_info()
        random = np.random.default_rng(1)
        starts = random.permutation(np.arange(0, self.count, BLOCK))[worker.id :: worker.num_workers]
        with h5py.File(self.path) as file:
            for start in starts:
                block = np.empty((min(BLOCK, self.count - start), len(self.names)), dtype=np.float32)
                for number, name in enumerate(self.names):
                    block[:, number] = file[f"parameters/{name}/value"][start : start + BLOCK]
                block = block[random.permutation(len(block))]
                for first in range(0, len(block), SIZE):
                    yield torch.from_numpy(block[first : first + SIZE])


def ours(path: Path, names: list[str], count: int, truth: float) -> float:
    """One epoch; the values are summed up, and the sum checked. Rows a second."""
    began = time.perf_counter()
    seen, total = 0, 0.0
    for rows in History.open(path).minibatches(names, SIZE, rows="runs", seed=1):
        seen += len(rows)
        total += float(torch.from_numpy(rows).sum())
    seconds = time.perf_counter() - began
    if seen != count or abs(total - truth) > 1e-4 * abs(truth):
        raise RuntimeError(f"{seen} rows with a sum of {total}, expected {count} and {truth}")
    return count / seconds


def loader_of_rows(path: Path, names: list[str], count: int) -> float:
    """Rows a second of the first minibatches, without the start of the workers."""
    loader = DataLoader(Rows(path, names, count), batch_size=SIZE, shuffle=True, num_workers=WORKERS)
    iterator = iter(loader)
    began = time.perf_counter()
    rows = sum(len(next(iterator)) for _ in range(SAMPLE))
    return rows / (time.perf_counter() - began)


def loader_of_blocks(path: Path, names: list[str], count: int) -> float:
    """Rows a second of a whole epoch."""
    began = time.perf_counter()
    seen = sum(len(rows) for rows in DataLoader(Blocks(path, names, count), batch_size=None, num_workers=WORKERS))
    if seen != count:
        raise RuntimeError(f"{seen} rows, expected {count}")
    return count / (time.perf_counter() - began)


def rows(truth: dict[str, NDArray[np.float64]], path: Path, repeats: int) -> list[Row]:
    """Measure ours and the block reader in turns, the reader of rows once."""
    names, count = list(truth), len(next(iter(truth.values())))
    total = float(sum(values.sum() for values in truth.values()))
    torch.set_num_threads(1)
    mine, blocks = [], []
    for _ in range(repeats):
        mine.append(ours(path, names, count, total))
        blocks.append(loader_of_blocks(path, names, count))
    single = loader_of_rows(path, names, count)
    what = f"minibatches of {SIZE} of {count:,} runs of {len(names)} columns, shuffled, one epoch, deflate 4"
    peers = (
        ("rows", single, f"DataLoader, {WORKERS} workers, rows by h5py; {SAMPLE} minibatches, scaled", REACH),
        ("blocks", max(blocks), f"DataLoader, {WORKERS} workers, shuffled blocks by h5py", None),
    )
    return [
        make_row(
            f"history_minibatches_{name}",
            what,
            max(mine) / 1e6,
            (max(mine) - min(mine)) / 1e6,
            "Mrow/s",
            COMMAND,
            peer=peer / 1e6,
            peer_name=f"torch {torch.__version__} {peer_name}",
            sense="ge",
            ratio_reach=reach,
        )
        for name, peer, peer_name, reach in peers
    ]
