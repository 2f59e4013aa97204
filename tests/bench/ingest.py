"""Time and memory of imports: the packaged history, a million rows, and ten million rows of twenty columns.

``python tests/bench/ingest.py [--quick] [--json PATH]``; each import runs in a process of its own, whose peak memory
is what the operating system reports. The long one goes into a folder of segments; its peer reads the file with pandas
and writes each column with h5py, gzip 4 and shuffle. ``--quick`` takes a million rows for it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _rows import Row, make_row, peak_mib, write_rows

ROWS = 1_000_000
REACH_S = 20.0
COMMAND = "make bench-ingest"
LONG_ROWS = 10_000_000
LONG_REACH_MIB = 1024.0
LONG_TURNS = 3
RUN_READINGS = 36
LONG_PROCESS = {
    "luban": 1,
    "process": "long",
    "parameters": {
        name: {"unit": unit, "low": low, "high": high}
        for name, unit, low, high in (
            ("cutting_speed", "m/min", 180, 380), ("feed", "mm/rev", 0.05, 0.2), ("depth_of_cut", "mm", 0.5, 1.4),
            ("coolant_temperature", "degC", 18, 32), ("coolant_pressure", "bar", 10, 70),
        )
    },
    "context": {"diameter": {"categories": ["D30", "D50"]}, "tool_wear": {"categories": ["New", "Worn"]}},
    "noise": {"position": {"categories": ["Chuck", "Middle", "Live centre"]}},
    "identifiers": {"shaft": {}},
    "responses": {f"roughness_{number}": {"unit": "um"} for number in range(10)},
    "runs": {"id": ["shaft"], "repeat": {"column": "replicate"}},
    "groups": ["cutting_speed", "feed"],
}  # fmt: skip


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


def write_long_table(path: Path, rows: int) -> None:
    """Write a table of 20 columns, a million rows at a time."""
    piece = 1_000_000
    with path.open("w") as stream:
        for first in range(0, rows, piece):
            long_piece(first, min(piece, rows - first)).to_csv(stream, index=False, header=first == 0)


def long_piece(first: int, rows: int) -> pd.DataFrame:
    """Rows from ``first`` on; settings are a function of the run, so that pieces fit together."""
    random = np.random.default_rng(first)
    row = first + np.arange(rows)
    run = row // RUN_READINGS
    columns: dict[str, Any] = {"shaft": run + 1}
    for place, (name, entry) in enumerate(LONG_PROCESS["parameters"].items()):  # type: ignore[attr-defined]
        share = (run * (40_503 + 1_000 * place) % 9_973) / 9_973
        columns[name] = (entry["low"] + (entry["high"] - entry["low"]) * share).round(3)
    columns["diameter"] = np.array(["D30", "D50"])[run % 2]
    columns["tool_wear"] = np.array(["New", "Worn"])[run // 2 % 2]
    columns["position"] = np.array(["Chuck", "Middle", "Live centre"])[row % 3]
    columns["replicate"] = row % RUN_READINGS + 1
    for number in range(10):
        columns[f"roughness_{number}"] = random.gamma(6, (number + 1) / 1.5, rows).round(3)
    return pd.DataFrame(columns)


def import_long(csv: str, out: str) -> dict[str, Any]:
    """Import into a folder of segments, and say where the time went."""
    from luban import _history, ingest
    from luban._intake import run as stages
    from luban._intake import sink
    from luban.process import Process

    spent: dict[str, float] = {}

    def watched(owner: Any, name: str) -> None:
        plain = getattr(owner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return plain(*arguments, **named)
            finally:
                spent[name] = spent.get(name, 0.0) + time.perf_counter() - began

        setattr(owner, name, call)

    for name in ("convert_piece", "build", "look_again"):
        watched(stages, name)
    watched(sink.SegmentSink, "append")
    target = out + "/" if hasattr(_history, "Appender") else out
    began = time.perf_counter()
    report = ingest.import_csv(Process.from_dict(LONG_PROCESS), csv, target)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_mib": peak_mib(), "rows": report.rows, "stages": spent}


def copy_with_h5py(csv: str, out: str) -> dict[str, Any]:
    """What people do without us: pandas reads, h5py writes; nothing is judged, nothing verified."""
    import h5py

    began = time.perf_counter()
    frame = pd.read_csv(csv)
    with h5py.File(out, "w") as file:
        for name in frame:
            values = frame[name].to_numpy()
            values = values if values.dtype.kind in "fiu" else values.astype("S")
            file.create_dataset(name, data=values, chunks=True, compression="gzip", compression_opts=4, shuffle=True)
    return {"seconds": time.perf_counter() - began, "peak_mib": peak_mib(), "rows": len(frame)}


CHILDREN = {"import": "import_once", "long": "import_long", "peer": "copy_with_h5py"}


def in_child(what: str, csv: Path, out: Path) -> dict[str, Any]:
    """Run one of them in a process of its own."""
    os.sync()  # what others left to be written is not this one's to wait for
    command = [sys.executable, __file__, "--child", what, str(csv), str(out)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, Any] = json.loads(text)
    return result


def measure_long(folder: Path, rows: int) -> list[Row]:
    """Import a long file beside its peer, in turns."""
    table = folder / "long.csv"
    write_long_table(table, rows)
    ours, peer = [], []
    for turn in range(LONG_TURNS):
        peer.append(in_child("peer", table, folder / f"peer-{turn}.h5"))
        ours.append(in_child("long", table, folder / f"long-{turn}"))
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in ours[-1]["stages"].items())
    peer_s = statistics.median(each["seconds"] for each in peer)
    return [
        row(
            "ingest_long",
            f"import of a CSV file of {rows:,} rows and 20 columns into segments; of the last {stages} s",
            [each["seconds"] for each in ours],
            "s",
            reach=peer_s / 2,
            peer=peer_s,
            peer_name=f"pandas {pd.__version__} read_csv and h5py, gzip 4 and shuffle",
        ),
        row(
            "ingest_long_memory",
            "peak memory of that process",
            [each["peak_mib"] for each in ours],
            "MiB",
            reach=LONG_REACH_MIB,
            peer=statistics.median(each["peak_mib"] for each in peer),
            peer_name="the peer's",
        ),
    ]


def import_once(csv: str, out: str) -> dict[str, Any]:
    """Import one file and say how long it took, and how much memory the process had at most."""
    from luban import datasets, ingest
    from luban.process import Process

    process = Process.from_yaml(datasets.turning_files().process)
    steps: list[str] = []
    before = peak_mib()
    began, cpu = time.perf_counter(), time.process_time()
    report = ingest.import_csv(process, csv, out, progress=lambda phase, done, total: steps.append(phase))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return {
        "seconds": seconds,
        "cpu_s": cpu_s,
        "peak_mib": peak_mib(),
        "before_mib": before,
        "rows": report.rows,
        "progress_calls": len(steps),
    }


def measure(csv: Path, folder: Path, repetitions: int) -> list[dict[str, Any]]:
    """Import a file several times, each in a new process."""
    results = []
    for repetition in range(repetitions):
        out = folder / f"{csv.stem}-{repetition}.h5"
        results.append(in_child("import", csv, out))
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
        table.unlink()
        long = measure_long(folder, ROWS if quick else LONG_ROWS)
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
        *long,
    ]


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repetition")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--child", nargs=3, metavar=("WHAT", "CSV", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, *paths = options.child
        sys.stdout.write(json.dumps(globals()[CHILDREN[what]](*paths)) + "\n")
        return 0
    rows = run(options.quick)
    for entry in rows:
        reach = "" if entry["reach"] is None else f"  (reach {entry['reach']:g}: {'yes' if entry['ok'] else 'no'})"
        sys.stdout.write(f"{entry['name']:24} {entry['ours']:10.3f} {entry['unit']}{reach}\n")
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
