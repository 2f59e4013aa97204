"""Time and memory of imports: the packaged history, and a million rows.

``python tests/bench/ingest.py [--quick] [--json PATH]``; each import runs in a process of its own, whose peak memory
is what the operating system reports.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _rows import Row, make_row, write_rows

ROWS = 1_000_000
REACH_S = 20.0
COMMAND = "make bench-ingest"


def write_table(path: Path, rows: int) -> None:
    """Write a table of turning's columns: runs of 36 readings, values as a measuring device writes them."""
    random = np.random.default_rng(12)
    runs = np.arange(rows) // 36
    per_run = runs.max() + 1
    frame = pd.DataFrame(
        {
            "Number": runs + 1,
            "Vc": random.uniform(180, 380, per_run).round(2)[runs],
            "f": random.choice([0.07, 0.08, 0.1, 0.12, 0.13], per_run)[runs],
            "d": random.uniform(0.53, 1.37, per_run).round(2)[runs],
            "diameter": random.choice(["D30", "D50"], per_run)[runs],
            "VB": random.choice(["New", "Worn"], per_run)[runs],
            "P": np.array(["Chuck", "Middle", "Live centre"])[np.arange(rows) % 3],
            "Replicate": np.arange(rows) % 36 + 1,
        }
    )
    for name, scale in (("Ra", 4), ("Rz", 17), ("Rq", 5), ("Rt", 20), ("Sm", 180)):
        frame[name] = random.gamma(6, scale / 6, rows).round(2)
    frame.to_csv(path, index=False)


def import_once(csv: str, out: str) -> dict[str, Any]:
    """Import one file and say how long it took, and how much memory the process had at most."""
    from luban import datasets, ingest
    from luban.process import Process

    process = Process.from_yaml(datasets.turning_files().process)
    steps: list[str] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    report = ingest.import_csv(process, csv, out, progress=lambda phase, done, total: steps.append(phase))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": seconds,
        "cpu_s": cpu_s,
        "peak_mib": peak / 1024,
        "before_mib": before / 1024,
        "rows": report.rows,
        "progress_calls": len(steps),
    }


def measure(csv: Path, folder: Path, repetitions: int) -> list[dict[str, Any]]:
    """Import a file several times, each in a new process."""
    results = []
    for repetition in range(repetitions):
        out = folder / f"{csv.stem}-{repetition}.h5"
        text = subprocess.run(
            [sys.executable, __file__, "--child", str(csv), str(out)], check=True, capture_output=True, text=True
        ).stdout
        results.append(json.loads(text))
        results[-1]["file_mib"] = out.stat().st_size / 2**20
        out.unlink()
    return results


def row(name: str, what: str, values: list[float], unit: str, **more: Any) -> Row:
    """The median of the values, and their range."""
    return make_row(name, what, statistics.median(values), max(values) - min(values), unit, COMMAND, **more)


def run(quick: bool) -> list[Row]:
    """Measure everything."""
    from luban import datasets

    repetitions = 1 if quick else 3
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        turning = measure(datasets.turning_files().csv, folder, max(3, repetitions))
        table = folder / "million.csv"
        write_table(table, ROWS)
        million = measure(table, folder, repetitions)
        began = time.perf_counter()
        pd.read_csv(table)
        pandas_s = time.perf_counter() - began
    return [
        row("ingest_turning", "import of the packaged CSV file, 2,448 rows", [r["seconds"] for r in turning], "s"),
        row(
            "ingest_million",
            "import of a CSV file of 10^6 rows and 13 columns: read, judged, written, verified",
            [r["seconds"] for r in million],
            "s",
            reach=REACH_S,
            peer=pandas_s,
            peer_name=f"pandas {pd.__version__} read_csv alone",
        ),
        row("ingest_million_cpu", "CPU time of that import, all threads", [r["cpu_s"] for r in million], "s"),
        row("ingest_million_memory", "peak memory of that process", [r["peak_mib"] for r in million], "MiB"),
        row("ingest_million_file", "size of the history made of it", [r["file_mib"] for r in million], "MiB"),
    ]


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repetition")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--child", nargs=2, metavar=("CSV", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        sys.stdout.write(json.dumps(import_once(*options.child)) + "\n")
        return 0
    rows = run(options.quick)
    for entry in rows:
        reach = "" if entry["reach"] is None else f"  (reach {entry['reach']:g}: {'yes' if entry['ok'] else 'no'})"
        sys.stdout.write(f"{entry['name']:24} {entry['ours']:10.3f} {entry['unit']}{reach}\n")
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
