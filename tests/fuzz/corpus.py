"""Makes what `make fuzz` begins with: python corpus.py FOLDER

Histories of every codec, a folder of segments, the files of tests/history/golden, copies by h5py without any checksum
(a changed number there is looked at by our code and not refused by HDF5's), chunks and JSON.
"""

import json
import shutil
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np

from luban import _core, _history
from luban._intake.build import process_document
from luban.process import Process

REPOSITORY = Path(__file__).resolve().parents[2]
SECOND = 1_000_000_000
PROCESS = {
    "luban": 1,
    "process": "fuzzed",
    "parameters": {"feed": {"unit": "mm/rev", "low": 0, "high": 1}},
    "context": {"tool": {"categories": ["New", "Worn"]}},
    "noise": {"side": {"categories": ["left", "right"]}},
    "responses": {"roughness": {"unit": "um"}, "power": {"unit": "kW", "late": True}},
}


def addition(process: Process, number: int, runs: int, repeats: int, names: str) -> _history.Content:
    """One import with everything that a history can hold."""
    random, time = np.random.default_rng(number), 1000 + number
    entry = _history.Provenance()
    entry.who, entry.what, entry.tool, entry.input_name = "fuzz", "import", "luban test", f"{number}.csv"
    entry.input_digest, entry.time, entry.rows = "a" * 64, time, runs * repeats
    out = _history.Content()
    out.add_process(_history.ProcessVersion(process.core.to_json(), process_document(process), 1000))
    out.add_provenance(entry)
    run_ids = [f"{names}{run}" for run in range(runs)]
    feed = _core.Table([_core.Column.float64("feed", "mm/rev", random.random(runs))])
    codes = random.integers(-1, 2, runs).astype(np.int32)
    tool = _core.Table([_core.Column.code("tool", ["New", "Worn"], codes)])
    starts = np.arange(runs, dtype=np.int64) * SECOND
    columns = {"start_time": starts, "end_time": starts + SECOND, "recipe": ["R1"] * runs, "equipment": ["a/b"] * runs}
    out.set_runs(run_ids, run_ids, columns, feed, tool, _core.Table())
    out.set_achieved(_core.Table([_core.Column.float64("feed", "mm/rev", random.random(runs))]))
    readings = runs * repeats
    run = np.repeat(np.arange(runs, dtype=np.int64), repeats)
    repeat = np.tile(np.arange(1, repeats + 1, dtype=np.int64), runs)
    side = _core.Table([_core.Column.code("side", ["left", "right"], random.integers(0, 2, readings).astype(np.int32))])
    out.set_readings(run, repeat, np.full(readings, time, dtype=np.int64), side, _core.Table())
    every = np.arange(readings, dtype=np.int64)
    out.add_response("roughness", "um", every, random.random(readings), time)
    out.add_response("power", "kW", every[::3].copy(), random.random(len(every[::3])), time)
    samples = random.random(runs * 20).astype(np.float32)
    out.add_trace("vibration", "mm/s", samples, 20 * np.arange(runs + 1, dtype=np.int64), 1000)
    times = np.arange(runs * 20, dtype=np.int64)
    out.add_trace("force", "N", samples, 20 * np.arange(runs + 1, dtype=np.int64), 0, times=times)
    out.set_genealogy(["child"], ["parent"], np.array([1.5]), ["kg"], np.array([5], dtype=np.int64))
    out.set_recipes(["R1"], ["feed"], np.array([0.2]), [""], ["mm/rev"])
    return out


def unchecked(source: Path, path: Path) -> None:
    """The same history without filters and without a seal: what is changed reaches whoever reads it."""
    with h5py.File(source) as old, h5py.File(path, "w", libver=("v110", "v110")) as new:
        new.attrs.update(old.attrs)

        def copied(name: str, item: h5py.Group | h5py.Dataset) -> None:
            made = (
                new.create_dataset(name, data=item[...], dtype=item.dtype)
                if isinstance(item, h5py.Dataset)
                else new.require_group(name)
            )
            for key, value in item.attrs.items():
                made.attrs[key] = value

        old.visititems(copied)


def write_chunks(folder: Path) -> None:
    """Stored chunks; the first four bytes choose filters and size, see targets.cpp."""
    folder.mkdir()
    raw = (np.arange(64) ** 2).astype("<i8").tobytes()
    planes = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 8).T.tobytes()
    size = bytes([len(raw) // 16 - 1, 15])  # 1 + 16 * a + b
    streams = {"deflate": zlib.compress(planes), "plain": planes}
    block = len(planes).to_bytes(8, "big") + len(planes).to_bytes(4, "big")
    streams["lz4"] = block + len(planes).to_bytes(4, "big") + planes
    frame = bytes.fromhex("28b52ffd6000010110000000") + planes[:16]
    streams["zstd"] = frame
    number = {"deflate": 0, "zstd": 1, "lz4": 2, "plain": 3}
    for name, stream in streams.items():
        for shuffled in (0, 1):
            for summed in (0, 8):
                choice = bytes([shuffled | number[name] << 1 | summed, 7])
                checksum = b"\0\0\0\0" if summed else b""
                (folder / f"{name}-{shuffled}-{summed}.chunk").write_bytes(choice + size + stream + checksum)


def main(root: Path) -> None:
    root.mkdir(parents=True)
    process = Process.from_dict(PROCESS)
    for codec in ("deflate", "zstd", "lz4", "none"):
        for names in ("run-", "x" * 400):
            content = _history.Content()
            for number in (1, 2):
                part = addition(process, number, 6, 3, names + str(number % 2))
                _history.merge(content, part, np.arange(18, dtype=np.int64))
            path = root / f"{codec}-{len(names)}.h5"
            _history.write(content, str(path), compression=codec)
            if codec == "none":  # h5py knows zstd and lz4 by plugins alone
                unchecked(path, root / f"unchecked-{len(names)}.h5")
    appender = _history.Appender(str(root / "line"))
    for number in range(3):
        part = addition(process, number, 4, 2, f"run-{number % 2}-")
        appender.append(part, np.arange(8, dtype=np.int64))
    del appender
    for path in sorted((REPOSITORY / "tests/history/golden").rglob("*.h5")):
        if path.stat().st_size < 1 << 18 and "luban-history.json" not in [p.name for p in path.parent.iterdir()]:
            shutil.copy(path, root / f"golden-{path.name}")
    write_chunks(root / "chunks")
    (root / "process.json").write_text(json.dumps(process.to_dict(), indent=1))
    (root / "numbers.json").write_text(json.dumps({"a": [1, -2.5e10, None, True, "ü\n"], "b": {"c": [[[]]]}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
