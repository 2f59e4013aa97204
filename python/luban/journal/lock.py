"""One writer at a time: a lock that the system gives back when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from luban.errors import IoError, LifecycleError

__all__ = ["FileLock"]


class FileLock:
    """An exclusive lock on a file of its own, which stays there: removing it would let two processes hold "the" lock.

    The lock is local to the machine: a journal belongs on a local disk.
    """

    def __init__(self, path: Path, *, where: str, what: str) -> None:
        """Take the lock. Raises: LifecycleError when another has it, IoError when the system refuses the file."""
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _io_error(error, where, path) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 200, 0).decode("utf-8", "replace").strip()
            os.close(self._file)
            raise LifecycleError(
                where=where,
                expected=f"{what} that no other process has",
                received=holder or "one that another process has",
                place=str(path),
                hint="stop the other one first; the lock goes with its process, however that ends",
            ) from None
        except OSError as error:
            os.close(self._file)
            raise _io_error(error, where, path) from error
        self._sign(where)

    def _sign(self, where: str) -> None:
        text = f"process {os.getpid()}, since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n".encode()
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text, 0)
        except OSError as error:
            self.release()
            raise _io_error(error, where, self.path) from error

    def release(self) -> None:
        """Give the lock back; again does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _io_error(error: OSError, where: str, path: Path) -> IoError:
    return IoError(
        where=where,
        expected="a folder that can be written, for the lock",
        received=str(error.strerror or error),
        place=str(path),
    )
