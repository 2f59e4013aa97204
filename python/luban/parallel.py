"""The CPU budget, how many threads this process may use; and ranks, processes that work together.

Nothing of MPI is touched before :func:`communicator` is called in a process that a launcher started with others.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from luban import _core
from luban._core import Communicator, CpuBudget, Launcher, Plugin, Speedup
from luban.errors import ConfigurationError

__all__ = [
    "Communicator",
    "CpuBudget",
    "Launcher",
    "Plugin",
    "Progress",
    "Speedup",
    "agree",
    "communicator",
    "cpu_budget",
    "find_plugin",
    "launcher",
    "measure_speedup",
    "thread_communicators",
    "together",
]

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


def communicator(ranks: int | Literal["environment"] = "environment") -> Communicator:
    """Return the group of ranks that this process belongs to.

    ``"environment"``: as many as ``mpirun`` or ``srun`` started; without a launcher a group of one. A number: the
    group must have exactly so many. MPI is initialised by the first call that finds several, and finalised when the
    process ends; every call gives the same group.

    Raises: ParallelError when launcher, MPI and ``ranks`` disagree (never a silent group of one); NotBuiltError
    without the plugin for MPI; IntegrityError, VersionError or IoError when the plugin cannot be used;
    ConfigurationError when ``ranks`` is below 1.
    """
    if ranks == "environment":
        return _core.environment_communicator(0)
    try:
        wanted = operator.index(ranks)
    except TypeError:  # another word, a fraction
        wanted = 0
    if wanted < 1:
        raise ConfigurationError(
            where="parallel.communicator",
            expected="'environment' or a number of ranks of at least 1",
            received=repr(ranks),
        )
    return _core.environment_communicator(wanted)


def thread_communicators(count: int) -> list[Communicator]:
    """Return a group of ``count`` ranks in this process, one for each thread that takes part: for tests.

    Raises: ConfigurationError unless 1 ≤ count ≤ 1024.
    """
    return list(_core.thread_communicators(count))


def agree(ranks: Communicator, error: BaseException | None = None) -> None:
    """Leave a section of work together: every rank says how it went.

    A rank that failed raises its own ``error``; one that did not raises ParallelError when another failed, in
    whatever collective call it is waiting at that time.
    """
    if error is None:
        ranks.agree("")
        return
    text = f"{type(error).__name__}: {error}"
    ranks.agree(text.encode("utf-8", "replace").decode("utf-8"))
    raise error


@contextmanager
def together(ranks: Communicator) -> Iterator[None]:
    """Run a ``with`` block that all ranks leave together, as :func:`agree` says.

    Raises: what the block raises; ParallelError when it went well here and failed on another rank.
    """
    try:
        yield
    except BaseException as error:
        agree(ranks, error)
        raise
    agree(ranks)


def launcher() -> Launcher | None:
    """Return what mpirun, srun or another launcher says of this process, or None.

    Raises: ConfigurationError when the environment contradicts itself.
    """
    return _core.launcher()


def find_plugin(name: Literal["openmpi", "nccl"] = "openmpi") -> Plugin:
    """Look for a plugin and whether it fits; nothing is started."""
    return _core.find_plugin(name)
