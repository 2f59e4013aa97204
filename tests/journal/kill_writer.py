"""Kills a process that writes a journal, again and again: python kill_writer.py JOURNAL KILLS SEED

After each kill every record that was acknowledged is there once, in order, and the journal verifies. Prints the number
of acknowledged records.
"""

import os
import random
import select
import signal
import sys
import time
from pathlib import Path

from support import SMALL

from luban.journal import Journal, verify
from luban.process import Process


def write(path: Path, number: int, pipe: int) -> None:
    """Append numbers from ``number`` on and acknowledge each when it is on the disk; never returns."""
    with Journal.open(path) as journal:
        while True:
            journal.append_all([("inputs", {"n": number}), ("decision", {"n": number})], cycle=number)
            os.write(pipe, number.to_bytes(8, "big"))
            if number % 7 == 0:
                journal.checkpoint()
            number += 1


def acknowledged(pipe: int) -> list[int]:
    """The numbers that the killed process acknowledged."""
    content = b""
    while block := os.read(pipe, 65536):
        content += block
    return [int.from_bytes(content[at : at + 8], "big") for at in range(0, len(content), 8)]


def check(path: Path, last: int) -> int:
    """Every number up to ``last`` is there once and in order; at most one more, which was not acknowledged."""
    report = verify(path)
    if not report.ok:
        raise SystemExit("\n".join(report.lines()))
    journal = Journal.open(path, read_only=True)
    for kind in ("inputs", "decision"):
        found = [record.payload["n"] for record in journal.records(kinds=[kind])]
        if found != list(range(1, len(found) + 1)) or not last <= len(found) <= last + 1:
            raise SystemExit(f"{len(found)} of {kind}, acknowledged {last}: {found[-3:]}")
    return len(found)


def main(path: Path, kills: int, seed: int) -> None:
    """Kill ``kills`` times, at random moments of opening, writing and making checkpoints."""
    draw = random.Random(seed)
    Journal.create(path, process=Process.from_dict(SMALL)).close()
    there = total = 0
    for _ in range(kills):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            write(path, there + 1, writing)
        os.close(writing)
        if draw.random() < 0.8:  # else: while it is still opening
            select.select([reading], [], [], 10)
        time.sleep(draw.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        numbers = acknowledged(reading)
        os.close(reading)
        there = check(path, numbers[-1] if numbers else there)
        total += len(numbers)
    sys.stdout.write(f"{total}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
