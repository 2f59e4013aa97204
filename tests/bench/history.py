"""Bytes in and out of histories against h5py.

``python tests/bench/history.py [--quick] [--json PATH]``; needs hdf5plugin beside h5py (the extra ``dev``).
"""

import argparse
import sys
import tempfile
from pathlib import Path

from _rows import Row, write_rows

from history import data, many_chunks, scan, write

RUNS, QUICK_RUNS = 4_000_000, 1_000_000


def run(quick: bool) -> list[Row]:
    """Measure everything."""
    repeats = 3 if quick else 7
    truth = data.columns(QUICK_RUNS if quick else RUNS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {compression: folder / f"{compression}.h5" for compression, _, _ in scan.CASES}
        made = data.content(truth)
        for compression, level, _ in scan.CASES:
            data.write(made, files[compression], compression, level)
        del made
        rows = scan.rows(truth, files, repeats)
        for path in files.values():
            path.unlink()
        rows += write.rows(truth, folder, max(2, repeats // 2))
        rows += many_chunks.rows(folder, repeats)
    return rows


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS:,} runs and three repetitions")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    options = parser.parse_args()
    sys.stdout.write(f"columns: {data.STATED}; load before: {data.machine_load()}\n")
    rows = run(options.quick)
    for entry in rows:
        ratio = "" if entry["ratio"] is None else f"{entry['ratio']:6.2f} × {entry['peer_name']}"
        reach = "" if entry["reach"] is None else f"  (reach {entry['reach']:.3g}: {'yes' if entry['ok'] else 'no'})"
        sys.stdout.write(f"{entry['name']:24} {entry['ours']:10.3f} {entry['unit']:5} {ratio}{reach}\n")
    sys.stdout.write(f"load after: {data.machine_load()}\n")
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
