"""Time as the journal wants it: a label for people (UTC), and a count that only goes forward, of one boot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

__all__ = ["Clock", "SystemClock"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What a journal asks for the time; a simulated loop brings its own."""

    def utc_ns(self) -> int:
        """UTC nanoseconds since 1970."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since some instant, never going back."""

    def boot_id(self) -> str:
        """Name of what ``monotonic_ns`` counts from: only times of one name compare."""


@dataclass(frozen=True)
class SystemClock:
    """The clocks of this machine."""

    def utc_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Nanoseconds since the machine started."""
        return time.monotonic_ns()

    def boot_id(self) -> str:
        """Name of this start of the machine; empty where the system has none."""
        return _boot_id()


@cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:  # not Linux: the records say that it is not known
        return ""
