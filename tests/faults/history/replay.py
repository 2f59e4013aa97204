"""What a power cut may leave on the disk, from the record that recorded_calls.c makes.

A name lasts from the last sync of its folder on, a content from the last sync of its file on. What came after may be
on the disk too, in any order: the states here are the corners of that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Names: TypeAlias = Mapping[str, int]  # of one folder: name → inode
Files: TypeAlias = dict[str, bytes | None]  # path → content; None = a folder

# Which names of a folder a cut leaves, of those at its last sync and those of now.
NAMES: Mapping[str, Callable[[Names, Names], Names]] = {
    "names as synced": lambda synced, _: synced,
    "all names": lambda _, now: now,
    "new names, nothing removed": lambda synced, now: {**synced, **now},
    "names replaced, none new": lambda synced, now: {name: now.get(name, synced[name]) for name in synced},
    "removed names, nothing new": lambda synced, now: {name: synced[name] for name in synced if name in now},
}
IN_ORDER = ("names as synced", "all names")  # file systems with a journal: the names of a folder change in order


@dataclass(frozen=True)
class Call:
    """A call that was recorded, and the names after it."""

    number: int
    kind: str
    inode: int
    path: str
    folders: Mapping[int, Names]
    content: bytes | None = None  # of a file that was synced

    def __str__(self) -> str:
        return f"call {self.number}, {self.kind} {self.path}"


def read_calls(log: Path) -> list[Call]:
    """The record, in order."""
    return [_read_call(file) for file in sorted(log.iterdir()) if not file.suffix]


def _read_call(file: Path) -> Call:
    first, *lines = file.read_text().splitlines()
    kind, inode, path = first.split(" ", 2)
    folders: dict[int, dict[str, int]] = {}
    for line in lines:
        form, folder, number, name = line.split(" ", 3)
        folders.setdefault(int(folder), {})[name] = int(number)
        if form == "d":
            folders.setdefault(int(number), {})
    content = file.with_suffix(".content").read_bytes() if kind == "sync-file" else None
    return Call(int(file.name), kind, int(inode), path, folders, content)


@dataclass
class Disk:
    """What lasts: the names of each folder and the content of each file at its last sync."""

    root: int
    names: dict[int, Names] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    folders: set[int] = field(default_factory=set)
    now: Mapping[int, Names] = field(default_factory=dict)

    @classmethod
    def at_first(cls, call: Call, root: int, base: Path) -> "Disk":
        """Everything that was there before the first call lasts."""
        disk = cls(root, dict(call.folders), folders=set(call.folders), now=call.folders)
        for path, inode in disk._walk(call.folders, root, ""):
            if inode not in disk.folders:
                disk.contents[inode] = (base / path).read_bytes()
        return disk

    def take(self, call: Call) -> None:
        """Bring it forward by a call."""
        self.now = call.folders
        self.folders |= call.folders.keys()
        if call.content is not None:
            self.contents[call.inode] = call.content
        elif call.kind == "sync-folder":
            self.names[call.inode] = call.folders.get(call.inode, {})

    def left_by_a_cut(self, coming: Call | None, orders: Iterable[str]) -> Iterator[tuple[str, Files]]:
        """The states that a cut may leave now; during the sync that is ``coming``, its file may hold anything."""
        contents = [("contents as synced", self.contents)]
        if coming is not None and coming.content is not None:
            old, new = self.contents.get(coming.inode, b""), coming.content
            contents.append(("half a sync", {**self.contents, coming.inode: _torn(old, new)}))
            contents.append(("a sync not acknowledged", {**self.contents, coming.inode: new}))
        for names in orders:
            tree = {
                folder: NAMES[names](self.names.get(folder, {}), self.now.get(folder, {}))
                for folder in self.names.keys() | self.now.keys()
            }
            for what, held in contents:
                yield f"{names}, {what}", self._files(tree, held)

    def _files(self, tree: Mapping[int, Names], contents: Mapping[int, bytes]) -> Files:
        """Files of these names and contents; one that was never synced is empty."""
        found = self._walk(tree, self.root, "")
        return {path: None if inode in self.folders else contents.get(inode, b"") for path, inode in found}

    def _walk(self, tree: Mapping[int, Names], folder: int, prefix: str) -> Iterator[tuple[str, int]]:
        for name, inode in tree.get(folder, {}).items():
            yield prefix + name, inode
            if inode in self.folders:
                yield from self._walk(tree, inode, f"{prefix}{name}/")


def _torn(old: bytes, new: bytes) -> bytes:
    """The first half of the change, then zeros where the file grows."""
    middle = (min(len(old), len(new)) + len(new)) // 2 if len(new) > len(old) else len(new) // 2
    return new[:middle] + old[middle : len(new)] + bytes(max(0, len(new) - max(middle, len(old))))


def put(files: Files, place: Path) -> None:
    """Make these files."""
    place.mkdir(parents=True)
    for path, content in files.items():  # a folder comes before what is in it
        if content is None:
            (place / path).mkdir()
        else:
            (place / path).write_bytes(content)
