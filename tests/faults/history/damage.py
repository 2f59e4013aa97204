"""One flipped bit, or a cut, at many places of a history: python damage.py FOLDER BASE EVERY MOST SEED

BASE is a codec (a single file), "folder", "list" or "cut". Whatever is changed, verification finds and names it, and
reading gives the right values or a typed error. What is being tried stands in FOLDER/now, for who finds this process
dead. One byte in EVERY is tried beside the structural places, and of all of them MOST. Prints counts as JSON.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from support import (
    BEGIN,
    SECOND,
    Key,
    Values,
    append,
    content,
    import_of,
    make_folder,
    rows,
    small_process,
    stored,
    whole,
)

from luban import _core, _history
from luban.errors import Error

LONG_NAME = "r-with-a-name-" + "x" * 500  # makes names texts of variable length: a heap
Place = tuple[int, str]  # offset, what lies there


def rich(path: Path, codec: str) -> None:
    """A file of two imports: names in a heap, a trace, corrected and late values."""
    process, merged = small_process(), _history.Content()
    later: dict[Key, Values] = {("r0001-0", 1): {"yield": 77.0, "power": 3.0}}
    for number, readings in enumerate((import_of(1, 5, 3) | {(LONG_NAME, 1): {"yield": 5.0}}, later)):
        addition = content(process, readings, BEGIN + number * SECOND, f"import {number}")
        runs = len({run for run, _ in readings})
        samples = np.arange(40 * runs, dtype=np.float32)
        if number == 0:
            addition.add_trace("vibration", "mm/s", samples, 40 * np.arange(runs + 1), 1_000_000)
        _history.merge(merged, addition, rows(len(readings)))
    _history.write(merged, str(path), compression=codec)


def read_all(path: Path) -> list[object]:
    """What each way of reading gives; an error of ours counts as none."""

    def by_runs() -> object:
        view = _history.open(str(path)).view(_core.Grain.runs)
        names = ["run_id", "readings", "T", "grade", "yield", "power"]
        names += ["vibration"] if any(one.name == "vibration" for one in view.schema()) else []
        table = view.read(names, 0, view.row_count())
        return [[str(value) for value in table.column(name).values] for name in names]

    def texts() -> object:
        source = _history.open(str(path))
        versions = [(one.definition, one.document, one.time) for one in source.process_versions]
        return versions, [(entry.who, entry.input_name, entry.time, entry.link) for entry in source.provenance]

    found: list[object] = []
    for attempt in (
        lambda: stored(_history.open(str(path))),
        lambda: stored(_history.open(str(path)), BEGIN),
        by_runs,
        texts,
        lambda: stored(_history.in_memory(_history.open(str(path)).content())),
    ):
        try:
            found.append(attempt())
        except Error:
            found.append(None)
    return found


def chunks(path: Path, begin: int = 0) -> Iterator[Place]:
    """A place in each stored chunk, and in the header of each object."""
    with h5py.File(path) as file:
        objects: list[str] = ["/"]
        file.visit(objects.append)
        for name in objects:
            found = file[name]
            yield h5py.h5o.get_info(found.id).addr + 20 + begin, ""
            if not isinstance(found, h5py.Dataset):
                continue
            if found.chunks is None:
                continue
            for number in range(found.id.get_num_chunks()):
                chunk = found.id.get_chunk_info(number)
                for step in {0, chunk.size // 2, chunk.size - 1}:
                    yield chunk.byte_offset + step, f"/{name}"


def places(path: Path, every: int, draw: random.Random) -> list[Place]:
    """The structural places by name, and one byte in ``every`` of the whole file."""
    raw = path.read_bytes()
    known = list(chunks(path))
    known += [(offset, "") for offset in range(48)]  # the superblock
    heap = raw.find(b"GCOL")
    known += [(offset, "") for offset in range(heap, min(heap + 64, len(raw))) if heap >= 0]
    known += [(len(raw) - 1 - step, "") for step in range(0, 256, 7)]  # the seal
    return known + [(draw.randrange(len(raw)), "") for _ in range(len(raw) // every)]


def report(damaged: Path, file: Path) -> str:
    found = whole(damaged)
    if damaged != file and found and file.suffix == ".h5":
        assert file.name in found, f"{file.name} is not named: {found}"
    return found


def some(what: list[Place], most: int, draw: random.Random) -> list[Place]:
    return draw.sample(what, min(most, len(what)))


def try_each(history: Path, file: Path, what: list[Place], draw: random.Random, now: Path) -> Counter[str]:
    """Flip a bit at each place of ``file``, a part of ``history``; look at the history; put the bit back."""
    intact, expected, counts = file.read_bytes(), read_all(history), Counter[str]()
    assert None not in expected
    for offset, named in what:
        bit = 1 << draw.randrange(8)
        now.write_text(f"{file.name}, byte {offset}, bit {bit}")
        raw = bytearray(intact)
        raw[offset] ^= bit
        file.write_bytes(raw)
        where = f"{file.name}, byte {offset} of {len(raw)}, bit {bit} {named}"
        found = report(history, file)
        assert found, f"{where}: verification finds nothing"
        assert named in found, f"{where}: {named} is not named: {found}"
        values = read_all(history)
        for kind, (value, right) in enumerate(zip(values, expected, strict=True)):
            assert value is None or value == right, f"{where}: wrong values, reading {kind}: {value}"
        counts["flips"] += 1
        counts["flips in a chunk"] += named != ""
        counts["read without an error"] += None not in values
    file.write_bytes(intact)
    return counts


def cut(history: Path, file: Path, step: int, now: Path) -> Counter[str]:
    intact, expected, counts = file.read_bytes(), read_all(history), Counter[str]()
    for length in range(0, len(intact), step):
        now.write_text(f"{file.name}, cut to {length}")
        file.write_bytes(intact[:length])
        assert report(history, file), f"cut to {length} of {len(intact)}: verification finds nothing"
        for value, right in zip(read_all(history), expected, strict=True):
            assert value is None or value == right, f"cut to {length}: wrong values"
        counts["cuts"] += 1
    file.write_bytes(intact)
    return counts


def list_places(path: Path) -> list[Place]:
    """Every byte of the list of segments but the minor version, which a reader may not mind."""
    raw = path.read_bytes()
    version = raw.index(b'"version"')
    return [(offset, "") for offset in range(len(raw)) if not version <= offset < version + 40]


def main(root: Path, base: str, every: int, most: int, seed: int) -> None:
    root.mkdir(parents=True, exist_ok=True)
    draw, now, counts = random.Random(seed), root / "now", Counter[str]()
    if base in ("folder", "list", "cut"):
        folder = root / "line"
        make_folder(folder, 3)
        late = {("r0000-1", 2): {"yield": 55.5}, ("r0002-0", 1): {"power": 1.5}}
        addition = content(small_process(), late, BEGIN + 9 * SECOND, "late")
        append(_history.Appender(str(folder)), addition, len(late))
        segments = sorted(folder.glob("*.h5"))
        if base == "folder":
            for file in segments:
                tried = some(places(file, every, draw), most // len(segments), draw)
                counts += try_each(folder, file, tried, draw, now)
        elif base == "cut":
            counts += cut(folder, segments[1], every, now)
            rich(root / "single.h5", "deflate")
            counts += cut(root / "single.h5", root / "single.h5", every, now)
        else:
            file = folder / "luban-history.json"
            counts += try_each(folder, file, some(list_places(file), most, draw), draw, now)
    else:
        path = root / "single.h5"
        rich(path, base)
        counts += try_each(path, path, some(places(path, every, draw), most, draw), draw, now)
    sys.stdout.write(json.dumps(dict(counts)) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
