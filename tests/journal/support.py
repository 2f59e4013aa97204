"""What the tests of the journal share."""

import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMALL: Mapping[str, Any] = {
    "luban": 1,
    "process": "small",
    "parameters": {"T": {"unit": "degC", "low": 20, "high": 90}},
    "context": {"grade": {"categories": ["A", "B"]}},
    "noise": {},
    "responses": {"yield": {"unit": "%"}, "power": {"unit": "kW", "late": True}},
}

SECOND = 1_000_000_000


@dataclass
class ToldClock:
    """A clock that goes on by a millisecond each time it is asked, and can be stepped."""

    utc: int = 1_800_000_000 * SECOND
    monotonic: int = 5 * SECOND
    boot: str = "told"

    def utc_ns(self) -> int:
        return self.utc

    def monotonic_ns(self) -> int:
        self.utc += 1_000_000
        self.monotonic += 1_000_000
        return self.monotonic

    def boot_id(self) -> str:
        return self.boot


def tampered(path: Path, *statements: str) -> None:
    """Run statements on a journal as somebody would who wants to change it: its triggers dropped and made again."""
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()


def mount(*arguments: str) -> None:
    """Mount, as root."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
