"""When a rank is killed the launcher ends the others within a second: time enough to write down who is missing.

The main thread may wait for that rank in a collective call then, so a thread of its own looks.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from luban.errors import LifecycleError

if TYPE_CHECKING:
    from luban.parallel import Communicator
    from luban.registry import Job

__all__ = ["watched_ranks"]

_LOOK_EVERY_S = 0.05


@contextmanager
def watched_ranks(group: Communicator, job: Job | None, asked: Callable[[], bool]) -> Iterator[None]:
    """While the block runs, end the job as failed when this process is asked to end and a rank of this host is gone.

    ``asked``: whether a signal asked this process to end. All ranks call this; only the one with the job looks. Ranks
    of other hosts cannot be looked at: the status of their job reads as lost.
    """
    own = [group.rank, socket.gethostname(), os.getpid()]
    ranks = [json.loads(text) for text in group.all_gather(json.dumps(own).encode())]
    here = [(rank, pid) for rank, host, pid in ranks if host == own[1] and pid != own[2]]
    if job is None or not here:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_look, args=(here, job, asked, over), name="rank-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _look(ranks: list[tuple[int, int]], job: Job, asked: Callable[[], bool], over: threading.Event) -> None:
    while not over.wait(_LOOK_EVERY_S):
        gone = [(rank, pid) for rank, pid in ranks if not _lives(pid)] if asked() else []
        if gone:
            rank, pid = gone[0]
            why = f"rank {rank} on {socket.gethostname()} (process {pid}) is gone; its launcher ended the others"
            with suppress(LifecycleError):  # when the main thread was first to say how the job ended
                job.failed(why)
            return


def _lives(pid: int) -> bool:
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return line[line.rindex(")") + 2] not in "ZX"
