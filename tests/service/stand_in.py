"""Program of the tests: an optimizer process that learns nothing and behaves as it is told.

``python stand_in.py --fd N FOLDER``. FOLDER/behaviour.json says how, and is read anew at every question: ``settings``,
``slow_s``, ``learn_s``, ``die`` (at a question), ``garbage``, ``foreign`` (answers to another question), ``child`` (one
that outlives it), ``ready_s``. FOLDER/pids gets its number; FOLDER/two appears when another one is alive.
"""

import fcntl
import json
import os
import random
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from luban.service import Answer, Innovation, Recommendation, RunReport
from luban.service.optimizer import serve
from luban.service.wire import Channel, framed


class Told:
    """An advisor that does what the file says."""

    def __init__(self, folder: Path, connection: socket.socket) -> None:
        self.folder, self.connection = folder, connection
        self.draw = random.Random(1)

    @property
    def behaviour(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "behaviour.json").read_text(encoding="utf-8"))
        return found

    def learn(self, runs: Sequence[RunReport]) -> Sequence[Innovation]:
        time.sleep(self.behaviour.get("learn_s", 0.0))
        with (self.folder / "learned").open("a", encoding="utf-8") as file:
            file.writelines(f"{os.getpid()} {run.run_id}\n" for run in runs)
        return [Innovation(run.run_id, "roughness", 1.0, 0.5, 1.0) for run in runs]

    def recommend(self, context: Any, running: Any) -> Recommendation:
        told = self.behaviour
        time.sleep(told.get("slow_s", 0.0))
        if told.get("die"):
            os._exit(3)
        if told.get("garbage"):
            self.connection.setblocking(True)
            self.connection.sendall(b"\xff" * 64)
        if told.get("foreign"):
            self.connection.setblocking(True)
            found = Recommendation({**running, "feed": 0.149})
            for cycle in (0, 10**6):
                self.connection.sendall(framed(Answer(cycle, cycle, found).to_dict()))
            self.connection.setblocking(False)
        if told.get("settings"):
            return Recommendation(told["settings"])
        feed = self.draw.uniform(0.06, 0.12)
        return Recommendation({**running, "feed": feed, "depth_of_cut": self.draw.uniform(0.5, 1.4)})


def main() -> None:
    descriptor, folder = int(sys.argv[2]), Path(sys.argv[3])
    with (folder / "pids").open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        (folder / "two").touch()
    connection = socket.socket(fileno=descriptor)
    channel = Channel(connection, patience_s=30.0)
    advisor = Told(folder, connection)
    if advisor.behaviour.get("child") and os.fork() == 0:
        (folder / "child").write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(600)
    time.sleep(advisor.behaviour.get("ready_s", 0.0))
    channel.send({"kind": "ready"})
    serve(channel, advisor)


if __name__ == "__main__":
    main()
