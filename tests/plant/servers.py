"""A lathe server in another process, and setpoints as the guard would give them out."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PROGRAM = Path(__file__).with_name("lathe_server.py")


@dataclass
class Setpoint:
    """What the guard's Setpoint looks like from here."""

    values: Sequence[tuple[str, float | str, str]]
    deadline: int
    command_id: str = "c-1"
    expected_previous: Mapping[str, float | str] = field(default_factory=dict)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LatheServer:
    """The process; its folder holds certificates and the binding file."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.options = {"folder": str(folder), "port": free_port(), **options}
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(self.options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.endpoint = json.loads(line)["endpoint"]
        self.binding = Path(json.loads(line)["binding"])

    def tell(self, do: str, **rest: Any) -> Any:
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **rest}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self._forget()

    def close(self) -> None:
        if self.process is None:
            return
        self.signal(signal.SIGCONT)
        self.process.kill()
        self._forget()

    def _forget(self) -> None:
        assert self.process is not None
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        self.process = None

    def binding_with(self, name: str = "other.yaml", **changes: Any) -> Path:
        """A binding file beside the server's own, with keys changed; None takes a key out."""
        content = yaml.safe_load(self.binding.read_text(encoding="utf-8"))
        for key, value in changes.items():
            content[key] = value
        path = self.folder / name
        path.write_text(yaml.safe_dump({k: v for k, v in content.items() if v is not None}), encoding="utf-8")
        return path
