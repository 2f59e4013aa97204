"""The CPU budget: how many threads this process may use, and what they are worth."""

from __future__ import annotations

import os
from collections.abc import Callable

from luban import _core
from luban._core import CpuBudget, Speedup
from luban.errors import ConfigurationError

__all__ = ["CpuBudget", "Progress", "Speedup", "cpu_budget", "measure_speedup"]

#: What every long call takes as ``progress``: ``(phase, done, total)``; ``total`` 0 = unknown.
Progress = Callable[[str, int, int], None]


def cpu_budget(user_limit: int | None = None) -> CpuBudget:
    """Return the number of threads that may be used and which limit decided it.

    The smallest of affinity, cgroup quota, Slurm's grant and ``user_limit`` (default: the environment variable
    ``LUBAN_THREADS``; 0 = no limit of your own).

    Raises: ConfigurationError when the limit is negative or no whole number.
    """
    if user_limit is None:
        text = os.environ.get("LUBAN_THREADS", "0")
        try:
            user_limit = int(text)
        except ValueError:
            raise ConfigurationError(
                where="parallel.cpu_budget",
                expected="a whole number in LUBAN_THREADS",
                received=repr(text),
                hint="0 means no limit of your own",
            ) from None
    return _core.cpu_budget(user_limit)


def measure_speedup(threads: int = 0, seconds: float = 0.2, progress: Progress | None = None) -> Speedup:
    """Measure one thread against ``threads`` (0 = the CPU budget), ``seconds`` each.

    A ratio far below the number of threads means that the CPUs are shared or throttled.

    Raises: ConfigurationError on a value out of range; KeyboardInterrupt on Ctrl-C.
    """
    return _core.measure_speedup(threads=threads, seconds=seconds, progress=progress)
