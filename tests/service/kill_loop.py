"""Kills a loop in the middle of its cycles, again and again: python kill_loop.py FOLDER PROCESS KILLS SEED

The loop is a child; what comes into force at its machine is appended to FOLDER/plant.log, as a plant would keep it.
After each kill: the journal verifies, nothing is in force without its decision, no cycle and no command bears the name
of an earlier one, and the mode is taken up at most at advisory. Prints how many setpoints came into force.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.service.support import Line, Script, decided
from tests.service.test_writes import wanders

from luban.control import TripRequest
from luban.journal import Journal, verify
from luban.plant import LatheMachine, SystemClock
from luban.process import Process
from luban.service import CycleTimes


class Logged(LatheMachine):
    """A machine whose log outlives this process."""

    def __init__(self, path: Path, **options: Any) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        super().__init__(**options)

    def _set(self, name: str, value: float, command_id: str) -> None:
        super()._set(name, value, command_id)
        os.write(self._file, f"{json.dumps([command_id, name, value])}\n".encode())


def turn(folder: Path, process: Process, seed: int, pipe: int, *, trips: bool) -> None:
    """Turn the loop as fast as it goes, and say in which mode each cycle began; never returns."""
    machine = Logged(folder / "plant.log", clock=SystemClock(), shaft_s=0.05)
    line = Line(
        process, folder / "loop.sqlite", Script(wanders(seed)), machine=machine, dwell_s=0.0,
        times=CycleTimes(period_s=1.0, deadline_s=1.0),
    )  # fmt: skip
    while True:
        os.write(pipe, f"{line.mode}\n".encode())
        line.loop.cycle()
        if trips and line.mode == "closed":
            line.loop.step(TripRequest(person="anna"))


def check(folder: Path, began: str, was_tripped: bool) -> bool:
    """Look at what is left. Returns whether the loop is tripped by now."""
    journal, log = folder / "loop.sqlite", folder / "plant.log"
    report = verify(journal)
    if not report.ok:
        raise SystemExit("\n".join(report.lines()))
    records = list(Journal.open(journal, read_only=True).records(kinds=("decision",)))
    commands = [record.payload["command"] for record in records if record.payload["command"]]
    cycles = [record.cycle for record in records]
    if len(set(commands)) != len(commands) or cycles != sorted(set(cycles)):
        raise SystemExit("a cycle or a command bears the name of an earlier one")
    known = decided(journal)
    for text in log.read_text(encoding="ascii").splitlines() if log.exists() else []:
        command, name, value = json.loads(text)
        if known.get(command, {}).get(name) != value:
            raise SystemExit(f"{text} is in force, and decided is {known.get(command)}")
    if began in ("closed", "hold", "fallback") or (was_tripped and began not in ("tripped", "")):
        raise SystemExit(f"it woke up in {began}")
    kept = journal.with_name(f"{journal.name}.state")
    return kept.exists() and '"achieved":"tripped"' in kept.read_text(encoding="utf-8").replace(" ", "")


def main(folder: Path, process: Process, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    tripped = False
    for number in range(kills):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            turn(folder, process, seed + number, writing, trips=number >= kills - 2)
        os.close(writing)
        wanted = draw.randint(4, 40)  # cycles, not time: a busy machine kills at the same places
        seen = ""
        while seen.count("\n") < wanted and (chunk := os.read(reading, 1000).decode()):
            seen += chunk
        began = seen.partition("\n")[0]
        time.sleep(draw.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        tripped = check(folder, began, tripped)
    if not tripped:
        raise SystemExit("the trip was not kept")
    log = folder / "plant.log"
    sys.stdout.write(f"{len(log.read_text(encoding='ascii').splitlines()) if log.exists() else 0}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Process.from_yaml(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
