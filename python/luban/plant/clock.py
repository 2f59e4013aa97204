"""Clocks that plants and loops share: a real one, and one that only goes on when it is told to.

Durations and deadlines are on the monotonic clock; UTC is a label.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol, runtime_checkable

from luban.errors import ConfigurationError

__all__ = ["Clock", "SimulatedClock", "SystemClock"]

_START_TIME = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


@runtime_checkable
class Clock(Protocol):
    """What a loop needs to know of time; nanoseconds."""

    def monotonic_ns(self) -> int:
        """Time that only goes forward."""
        ...

    def utc_ns(self) -> int:
        """Time of day, since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC."""
        return time.monotonic_ns()

    def utc_ns(self) -> int:
        """Return the system's time of day."""
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """Wait. An event's wait, since ``time.sleep`` fails under libfaketime."""
        threading.Event().wait(max(seconds, 0.0))


class SimulatedClock:
    """A clock that stands until :meth:`advance` or :meth:`sleep`; both its times go together."""

    def __init__(self, start_time: int = _START_TIME, start_ns: int = 0) -> None:
        self._offset = start_time - start_ns
        self._now_ns = start_ns

    def monotonic_ns(self) -> int:
        """Return the simulated monotonic time."""
        return self._now_ns

    def utc_ns(self) -> int:
        """Return the simulated time of day."""
        return self._now_ns + self._offset

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises: ConfigurationError for a negative time."""
        if not seconds >= 0:
            raise ConfigurationError(
                where="plant.clock.advance", expected="a time that is not negative", received=f"{seconds} s"
            )
        self._now_ns += round(seconds * 1e9)

    def sleep(self, seconds: float) -> None:
        """Advance by ``seconds``; none when they are negative."""
        self.advance(max(seconds, 0.0))
