"""Work that several processes share: who does what, and how what one of them has reaches all."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from luban import _core
from luban.errors import ConfigurationError, IoError, LifecycleError, ParallelError, StoppedError

__all__ = ["Communicator", "deal", "exchange", "require_same", "together"]


_TOLD = "The other ranks were told of this error."


class Communicator(Protocol):
    """A group of processes that do the same; what is used here of those that ``luban.parallel`` makes."""

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""

    @property
    def size(self) -> int:
        """Number of processes."""

    def broadcast(self, data: bytes, root: int = 0) -> bytes:
        """Return the root's data."""

    def all_gather(self, data: bytes) -> list[bytes]:
        """Return everybody's data, by rank."""

    def any(self, flag: bool) -> bool:
        """Whether anybody's flag is set."""

    def agree(self, error: str) -> None:
        """Tell the others of an error of this rank: wherever they wait, they raise ParallelError."""


@contextmanager
def together(group: Communicator | None) -> Iterator[None]:
    """Tell the other ranks when this one fails: wherever they wait for it, they raise ParallelError.

    A stop that all ranks agreed on and the news of another rank's failure pass as they are; a rank that was interrupted
    leaves, and the others hear of that from the group itself.
    """
    try:
        yield
    except (StoppedError, ParallelError):
        raise
    except Exception as error:
        if group is not None and group.size > 1 and _TOLD not in getattr(error, "__notes__", ()):
            error.add_note(_TOLD)
            with suppress(ParallelError, LifecycleError):  # when the others are gone already
                group.agree(f"{type(error).__name__}: {error}".encode("utf-8", "replace").decode())
        raise


def require_same(group: Communicator, what: str, text: str, where: str) -> None:
    """Refuse to go on when ranks were started for different things. Raises: ConfigurationError on every rank."""
    texts = group.all_gather(text.encode())
    strangers = [rank for rank, other in enumerate(texts) if other != texts[0]]
    if strangers:
        raise ConfigurationError(
            where=where,
            expected=f"the same {what} on all ranks",
            received=f"another one on rank {strangers[0]} than on rank 0",
            hint="start all ranks with the same files and options",
        )


def deal(group: Communicator, names: Sequence[str], mine: Sequence[str]) -> list[str]:
    """Return the names that this rank is to make, of those that no rank has yet; ``mine`` are those it has."""
    known = {name for text in group.all_gather(json.dumps(list(mine)).encode()) for name in json.loads(text)}
    left = [name for name in names if name not in known]
    return left[group.rank :: group.size]


def exchange(group: Communicator, names: Sequence[str], finished: Collection[str], folder: Path) -> None:
    """Give every rank's folder the files that only some have; ``finished`` are those whole here.

    Raises: IoError when a name is nowhere, or on writing.
    """
    here = [name for name in names if name in finished]
    having = [set(json.loads(text)) for text in group.all_gather(json.dumps(here).encode())]
    offers: list[list[str]] = [[] for _ in having]
    for name in names:
        holders = [rank for rank, held in enumerate(having) if name in held]
        if not holders:
            raise IoError(where="fitting.ranks", expected=f"{name} on some rank", received="none", place=str(folder))
        if len(holders) < len(having):
            offers[holders[0]].append(name)
    if not any(offers):
        return
    parcels = group.all_gather(_packed({name: (folder / name).read_bytes() for name in offers[group.rank]}))
    for parcel in parcels:
        for name, content in _unpacked(parcel):
            if name not in having[group.rank]:
                _write_whole(folder / name, content)


def _packed(files: Mapping[str, bytes]) -> bytes:
    head = json.dumps([[name, len(content)] for name, content in files.items()]).encode()
    return head + b"\n" + b"".join(files.values())


def _unpacked(parcel: bytes) -> Iterator[tuple[str, bytes]]:
    head, _, rest = parcel.partition(b"\n")
    at = 0
    for name, length in json.loads(head):
        yield name, rest[at : at + length]
        at += length


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all. Raises: IoError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _core.DurableFile(path, "fitting.ranks") as file:
        file.write(content)
        file.commit(replace=True)
