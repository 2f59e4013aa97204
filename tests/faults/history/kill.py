"""Kills a process that writes histories, again and again: python kill.py FOLDER KILLS SEED

The worker appends runs, late values, corrections and readings to a folder, merges its segments, appends to a single
file, folds a journal. After each kill everything that it acknowledged is there exactly once, the operation that was hit
whole or not at all, every file verifies, and the next worker goes on. Prints the counts so far as a line
of JSON after each round.
"""

import json
import os
import random
import select
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from operations import Line, Places, Worker, check

ROUND = 40  # kills after which it begins anew with empty folders


def work(places: Places, seed: int, begin: int, end: int | None, pipe: int) -> None:
    """Do operations from ``begin`` on, and acknowledge each by its number when it is on the disk."""
    line, worker = Line(seed), Worker(places)
    while end is None or line.drawn < end:
        operation = line.next()
        if operation.number < begin:
            continue
        worker.do(operation)
        os.write(pipe, operation.number.to_bytes(8, "big"))
    worker.close()


def forked(action: "object", *arguments: object) -> int:
    """Begin a function in a child of its own; this process itself stays without threads."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action(*arguments)  # type: ignore[operator]
            code = 0
        except BaseException:  # noqa: BLE001  the child ends here, whatever it was
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def outcome(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def acknowledged(pipe: int) -> list[int]:
    """The numbers that the process that ended had acknowledged."""
    block, out = b"", b""
    while block := os.read(pipe, 65536):
        out += block
    os.close(pipe)
    return [int.from_bytes(out[at : at + 8], "big") for at in range(0, len(out), 8)]


def checked(places: Places, seed: int, done: int) -> Counter[str]:
    """Check in a child, so that this process never starts the threads that read."""
    reading, writing = os.pipe()

    def report() -> None:
        os.write(writing, json.dumps(check(places, seed, done)).encode())

    child = forked(report)
    os.close(writing)
    text = os.read(reading, 65536)
    os.close(reading)
    if outcome(child) != 0:
        raise SystemExit(f"after {done} acknowledged operations of seed {seed}: see above; files in {places.root}")
    return Counter(json.loads(text))


def begin_work(places: Places, seed: int, begin: int, end: int | None) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = forked(work, places, seed, begin, end, writing)
    os.close(writing)
    return child, reading


def one_round(places: Places, kills: int, seed: int, draw: random.Random, total: Counter[str]) -> None:
    """Kill so many times; at last let one worker finish, and look for what the killed ones left."""
    done, pace = 0, 0.15
    for _ in range(kills):
        child, reading = begin_work(places, seed, done, None)
        began = time.monotonic()
        if draw.random() < 0.7:  # else: while it begins
            select.select([reading], [], [], 60)
        time.sleep(draw.uniform(0, 4 * pace))
        ended, _ = os.waitpid(child, os.WNOHANG)
        if ended:
            raise SystemExit(f"a worker ended by itself after {done} operations of seed {seed}: see above")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        numbers = acknowledged(reading)
        assert numbers == list(range(done, done + len(numbers)))
        done += len(numbers)
        if numbers:
            pace = 0.8 * pace + 0.2 * (time.monotonic() - began) / (len(numbers) + 1)
        line = Line(seed)
        for _ in range(done):
            line.next()
        total["kills"] += 1
        total[f"hit {line.next().kind}"] += 1
        total["acknowledged"] += len(numbers)
        total.update(checked(places, seed, done))
    child, reading = begin_work(places, seed, done, done + 12)
    numbers = acknowledged(reading)
    if outcome(child) != 0:
        raise SystemExit(f"the last worker failed after {done} operations of seed {seed}: see above")
    total["acknowledged"] += len(numbers)
    total.update(checked(places, seed, done + len(numbers)))
    left = [str(path) for path in places.root.rglob("*.partial")]
    if left:
        raise SystemExit(f"left behind: {left}")


def main(root: Path, kills: int, seed: int) -> None:
    draw, total = random.Random(seed), Counter[str]()
    for number in range(0, kills, ROUND):
        places = Places(root / f"round-{number}", fold_into_segments=number // ROUND % 2 == 0)
        places.root.mkdir(parents=True)
        one_round(places, min(ROUND, kills - number), seed + number, draw, total)
        shutil.rmtree(places.root)
        sys.stdout.write(json.dumps(dict(sorted(total.items()))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
