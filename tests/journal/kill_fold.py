"""Kills a process that folds, again and again: python kill_fold.py JOURNAL HISTORY KILLS SEED

Between kills new runs and late responses are told; the last fold is left alone.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from support import SMALL

# Loaded before the children are made, so that a fold takes its own time and not that of the imports.
import luban.ingest
from luban._intake.sink import SegmentSink
from luban.journal import Journal, fold
from luban.process import Process


def tell(path: Path, number: int) -> None:
    """One more run, and a late response of this one or of one before; each value differs from all others."""
    with Journal.open(path) as journal:
        journal.append_run(
            {
                "run_id": f"r{number}",
                "settings": {"T": 30.0 + number % 50},
                "context": {"grade": "AB"[number % 2]},
                "readings": [{"yield": number + 0.25}, {"yield": number + 0.5}],
            }
        )
    with Journal.open(path) as journal:
        journal.append_responses(f"r{number - number % 2}", 1 + number % 2, {"power": number + 0.125})


def forked(path: Path, out: Path, process: Process) -> int:
    """Begin a fold in a child."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            fold(path, out, process)
            code = 0
        finally:
            os._exit(code)
    return child


def main(path: Path, out: Path, kills: int, seed: int) -> None:
    """Kill ``kills`` times at random moments of folding."""
    draw = random.Random(seed)
    SegmentSink.__init__.__defaults__ = (2,)  # every fold is beyond a piece of an import
    process = Process.from_dict(SMALL)
    Journal.create(path, process=process).close()
    longest = 0.3
    for number in range(kills):
        tell(path, number)
        child = forked(path, out, process)
        time.sleep(draw.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if number % 10 == 9:  # how long one takes that is left alone
            began = time.monotonic()
            os.waitpid(forked(path, out, process), 0)
            longest = 1.2 * (time.monotonic() - began)
    tell(path, kills)
    if os.waitstatus_to_exitcode(os.waitpid(forked(path, out, process), 0)[1]) != 0:
        raise SystemExit("the last fold failed")


if __name__ == "__main__":
    assert luban.ingest
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
