"""One loop per plant: a lease that the second one does not get.

A simulated machine and a replayed history carry their lease themselves. A plant on the network: a lock on a file of
this machine, which the kernel gives back when the process ends; loops on other machines are kept out by a lease node,
if the plant has one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
import threading
from pathlib import Path

from luban.errors import IoError, LifecycleError

__all__ = ["FileLease", "Lease", "ObjectLease", "lease_folder"]


class Lease:
    """The right to be the one loop of a plant; :meth:`take` before, :meth:`give_back` after."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.held = False

    def take(self) -> None:
        """Take it. Raises: LifecycleError when another loop holds it."""
        raise NotImplementedError

    def give_back(self) -> None:
        """Give it back; again is nothing."""
        raise NotImplementedError

    def refuse(self) -> LifecycleError:
        """Return the error for the one who came second."""
        return LifecycleError(
            where="plant.connect",
            expected="a plant that no other loop holds",
            received="one that is held",
            place=self.name,
            hint="one plant, one loop: stop the other one first",
        )


class ObjectLease(Lease):
    """A lease that belongs to an object of this process, such as a simulated machine."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._lock = threading.Lock()

    def take(self) -> None:
        """Take it. Raises: LifecycleError when another loop holds it."""
        if not self._lock.acquire(blocking=False):
            raise self.refuse()
        self.held = True

    def give_back(self) -> None:
        """Give it back; again is nothing."""
        if self.held:
            self.held = False
            self._lock.release()


class FileLease(Lease):
    """A lease among the processes of this machine: flock(2) on a file named by the SHA-256 of the plant's address."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        super().__init__(name)
        self._folder = folder
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take it. Raises: LifecycleError when another loop holds it; IoError when the folder cannot be used."""
        folder = lease_folder() if self._folder is None else self._folder
        path = folder / (hashlib.sha256(self.name.encode()).hexdigest()[:32] + ".lease")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise IoError(
                where="plant.connect",
                expected="a folder for leases that can be written",
                received=str(error.strerror),
                place=str(path),
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise self.refuse() from error
        self._descriptor = descriptor
        self.held = True

    def give_back(self) -> None:
        """Give it back; again is nothing. The file stays: removing it would let two hold locks on two files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self.held = False


def lease_folder() -> Path:
    """Return the folder of this user's leases. Raises: IoError when somebody else owns it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "luban"
    folder = Path(tempfile.gettempdir()) / f"luban-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o022:
        raise IoError(
            where="plant.connect",
            expected="a folder for leases that only this user can write",
            received="one that others own or can write",
            place=str(folder),
            hint="remove it, or set XDG_RUNTIME_DIR",
        )
    return folder
