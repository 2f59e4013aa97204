"""Time of durable appends beside the disk's own flush, and of verifying a million records.

``python tests/bench/journal.py [--quick] [--json PATH] [--folder PATH]``; the folder names the disk that is measured.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _rows import Row, make_row, write_rows

from luban.journal import Journal, verify
from luban.process import Process

RECORDS = 1_000_000
VERIFY_REACH_S = 10.0
COMMAND = "make bench-journal"
PROCESS = {
    "luban": 1,
    "process": "bench",
    "parameters": {f"p{i}": {"unit": "degC", "low": 0, "high": 1} for i in range(10)},
    "responses": {"y": {"unit": "um"}},
}
#: A decision of ten setpoints; with the other fields a record of about half a kilobyte.
DECISION = {
    "command": "c-000123",
    "deadline_ns": 1_795_631_065_515_895_714,
    "setpoints": {f"p{i}": 0.1234567 + i for i in range(10)},
    "expected": {f"p{i}": 0.1234 + i for i in range(10)},
}
#: What a cycle writes before its setpoints go out.
CYCLE = [(kind, DECISION) for kind in ("inputs", "recommendation", "verdict", "decision")]


def times_ms(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Duration of each call, a hundred a round, in turns: all of them meet the same disk and the same neighbours."""
    out: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            for _ in range(100):
                began = time.perf_counter()
                call()
                if turn:  # the first round is not counted
                    out[name].append(1e3 * (time.perf_counter() - began))
    return out


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of them lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def rows_of(
    name: str, what: str, ours: list[float], peer: list[float], peer_name: str, reach: float | None = None
) -> list[Row]:
    """A row for the median (with a reach, as a multiple of the peer) and one for the 99th percentile."""
    spread = percentile(ours, 0.75) - percentile(ours, 0.25)
    return [
        make_row(
            f"{name}_p{share:.0f}",
            f"{what}, {share:.0f}th percentile",
            percentile(ours, share / 100),
            spread,
            "ms",
            COMMAND,
            peer=percentile(peer, share / 100),
            peer_name=peer_name,
            ratio_reach=reach if share == 50 else None,
        )
        for share in (50, 99)
    ]


def appends(folder: Path, process: Process, rounds: int, reach: float | None = None) -> list[Row]:
    """Single records (``reach``: of their median, as a multiple of the disk's) and groups of four, the disk between."""
    file = os.open(folder / "raw", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    block = os.urandom(512)

    def raw() -> None:
        os.write(file, block)
        os.fdatasync(file)

    with Journal.create(folder / "appends.sqlite", process=process) as journal:
        calls = {
            "raw": raw,
            "single": lambda: journal.append("decision", DECISION, cycle=1),
            "group": lambda: journal.append_all(CYCLE, cycle=1),
        }
        times = times_ms(calls, rounds)
    os.close(file)
    peer = "append of 512 B + fdatasync"
    return [
        *rows_of("journal_append", "durable append of one record", times["single"], times["raw"], peer, reach),
        *rows_of("journal_cycle", "durable append of a cycle's four records", times["group"], times["raw"], peer),
    ]


def million(folder: Path, process: Process, repetitions: int) -> list[Row]:
    """Write a million records, verify them."""
    path = folder / "million.sqlite"
    began = time.perf_counter()
    with Journal.create(path, process=process) as journal:
        for _ in range(RECORDS // 4000):
            journal.append_all(CYCLE * 1000, cycle=1)
    written_s = time.perf_counter() - began
    seconds: list[float] = []
    cpu: list[float] = []
    for _ in range(repetitions):
        began, used = time.perf_counter(), time.process_time()
        report = verify(path)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        if not report.ok or report.records < RECORDS:
            raise RuntimeError("\n".join(report.lines()))
    size = path.stat().st_size / 2**20
    return [
        make_row(
            "journal_verify_million",
            f"verification of 10^6 records ({size:,.0f} MiB), pages, hashes, links, anchor",
            statistics.median(seconds),
            max(seconds) - min(seconds),
            "s",
            COMMAND,
            reach=VERIFY_REACH_S,
        ),
        make_row(
            "journal_verify_million_cpu",
            "CPU time of that verification, one thread",
            statistics.median(cpu),
            max(cpu) - min(cpu),
            "s",
            COMMAND,
        ),
        make_row("journal_write_million", "the same records written in groups of 4,000", written_s, 0.0, "s", COMMAND),
        make_row("journal_size", "size of a record of ten setpoints", size * 2**20 / RECORDS, 0.0, "B", COMMAND),
    ]


def run(quick: bool, folder: Path | None) -> list[Row]:
    """Measure everything."""
    process = Process.from_dict(PROCESS)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        return appends(place, process, 10 if quick else 50) + million(place, process, 1 if quick else 3)


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer appends, one verification")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--folder", type=Path, help="where the journals are made. Default: the temporary folder")
    options = parser.parse_args()
    rows = run(options.quick, options.folder)
    for entry in rows:
        peer = "" if entry["peer"] is None else f"  ({entry['peer_name']}: {entry['peer']:.3f})"
        reach = "" if entry["reach"] is None else f"  (reach {entry['reach']:g}: {'yes' if entry['ok'] else 'no'})"
        sys.stdout.write(f"{entry['name']:28} {entry['ours']:10.3f} {entry['unit']}{peer}{reach}\n")
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
