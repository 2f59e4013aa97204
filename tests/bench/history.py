"""Histories against h5py, PyTorch's DataLoader, Parquet and pandas: bytes in and out, windows, minibatches, growth.

``python tests/bench/history.py [--quick] [--only NAMES] [--json PATH]``; needs hdf5plugin beside h5py (the extra
``dev``), pyarrow, and torch for the minibatches.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from _rows import Row, write_rows

import ingest
import journal
from history import data, growth, many_chunks, scan, window, write
from luban.process import Process

RUNS, QUICK_RUNS = 4_000_000, 1_000_000
SIZES, QUICK_SIZES = [100_000, 1_000_000, 10_000_000], [100_000, 300_000, 1_000_000]
PARTS = ("scan", "window", "minibatches", "write", "chunks", "import", "append", "growth")
APPEND_REACH = 3.0


def of_columns(kind: str, folder: Path, runs: int, repeats: int, parts: list[str]) -> Iterator[Row]:
    """Measure what reads and writes 16 columns."""
    truth = data.columns(runs, kind)
    plain = kind == "walks"
    if "write" in parts:
        yield from write.rows(truth, folder, max(2, repeats // 2), kind)
    if not {"scan", "window", "minibatches"} & set(parts):
        return
    files = {compression: folder / f"{compression}.h5" for compression, _, _ in scan.CASES}
    made = data.content(truth)
    for compression, level, _ in scan.CASES:
        data.write(made, files[compression], compression, level)
    del made
    if "scan" in parts:
        yield from scan.rows(truth, files, repeats, kind)
    if "window" in parts and plain:
        yield from window.rows(truth, files, folder, repeats)
    if "minibatches" in parts and plain:
        from history import minibatches  # torch weighs on the memory of the other parts

        yield from minibatches.rows(truth, files["deflate"], max(2, repeats // 2))
    for path in files.values():
        path.unlink()


def run(quick: bool, parts: list[str]) -> Iterator[Row]:
    """Measure, row by row."""
    repeats = 3 if quick else 7
    runs = QUICK_RUNS if quick else RUNS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("walks",) if quick else ("walks", "mixed"):
            yield from of_columns(kind, folder, runs, repeats, parts)
        if "chunks" in parts:
            yield from many_chunks.rows(folder, repeats)
        if "import" in parts:
            yield from ingest.measure_long(folder, ingest.ROWS if quick else ingest.LONG_ROWS)
        if "append" in parts:
            process = Process.from_dict(journal.PROCESS)
            yield from journal.appends(folder, process, 10 if quick else 50, reach=APPEND_REACH)
        if "growth" in parts:
            yield from growth.rows(folder, QUICK_SIZES if quick else SIZES)


def show(row: Row) -> str:
    """One line of the table: how many times better than the peer, whichever way the unit goes."""
    against = ""
    if row["ratio"] is not None:
        times = row["ratio"] if row["sense"] == "ge" else 1 / row["ratio"]
        against = f"{times:9.2f} × {row['peer_name']}"
    reach = ""
    if row["reach"] is not None:
        reach = f"  (reach {row['reach']:.3g} {row['unit']}: {'yes' if row['ok'] else 'no'})"
    return f"{row['name']:30} {row['ours']:10.3f} {row['unit']:6} {against}{reach}\n"


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS:,} runs and three repetitions")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, separated by commas; of {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--growth", nargs=2, metavar=("FOLDER", "RUNS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.growth:
        sys.stdout.write(json.dumps(growth.measure(Path(options.growth[0]), int(options.growth[1]))) + "\n")
        return 0
    parts = options.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    sys.stdout.write(f"columns: {data.STATED['walks']}; load before: {data.machine_load()}\n")
    rows: list[Row] = []
    for row in run(options.quick, parts):
        rows.append(row)
        sys.stdout.write(show(row))
        sys.stdout.flush()
    sys.stdout.write(f"load after: {data.machine_load()}\n")
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
