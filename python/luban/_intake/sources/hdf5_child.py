"""The process that opens foreign HDF5 files: it reads what it is asked for, writes nothing, and may die.

Questions are lines of JSON on stdin; an answer is a line of JSON on stdout, then the bytes that it announces. Links
that leave the file, data kept in other files and filters that are loaded at run time are refused.
"""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any

__all__ = ["main"]

_LONGEST_WAY = 16  # soft links that are followed


class _RefusedError(Exception):
    """What the caller is told: expected, received, place."""


def main() -> int:
    """Limit this process, then answer until stdin ends. Arguments: bytes of memory, seconds of CPU."""
    import resource

    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # no filters from elsewhere
    import h5py

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    out = sys.stdout.buffer
    reader: _Reader | None = None
    for line in sys.stdin.buffer:
        question = json.loads(line)
        try:
            if reader is None:
                reader = _Reader(h5py.File(question["path"], "r"), question)
                _answer(out, reader.described(), [])
            elif "trace" in question:
                _answer(out, *reader.trace(question["trace"], question["begin"], question["end"]))
            else:
                _answer(out, *reader.rows(question["begin"], question["end"]))
        except _RefusedError as refusal:
            _answer(out, {"refused": refusal.args}, [])
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
            what = "out of memory" if isinstance(error, MemoryError) else " ".join(str(error).split())
            _answer(out, {"refused": ["an HDF5 file as the mapping describes it", what[:500], ""]}, [])
    return 0


def _answer(out: IO[bytes], answer: dict[str, Any], payload: list[bytes]) -> None:
    out.write(json.dumps(answer | {"sizes": [len(part) for part in payload]}).encode() + b"\n")
    for part in payload:
        out.write(part)
    out.flush()


class _Reader:
    """An open file and the columns that a mapping names in it."""

    def __init__(self, file: Any, mapping: dict[str, Any]) -> None:
        self._file = file
        self._columns: dict[str, dict[str, Any]] = mapping["columns"]
        self._sets = {name: self._dataset(column["dataset"], name) for name, column in self._columns.items()}
        self._traces: dict[str, dict[str, Any]] = mapping.get("traces", {})
        self._trace_sets = {name: self._dataset(trace["dataset"], name) for name, trace in self._traces.items()}
        self._run_of_row = mapping.get("run_of_row")
        self._index = None if self._run_of_row is None else self._dataset(self._run_of_row["dataset"], "run_of_row")
        self._shape = self._row_shape()

    def described(self) -> dict[str, Any]:
        """Rows, units of columns and runs of traces."""
        rows = 1
        for length in self._shape:
            rows *= length
        units = {name: _unit(found) for name, found in (*self._sets.items(), *self._trace_sets.items())}
        runs = {name: self._trace_runs(name) for name in self._traces}
        return {"rows": rows, "units": units, "repeats": self._shape[1] if len(self._shape) == 2 else 0, "traces": runs}

    def rows(self, begin: int, end: int) -> tuple[dict[str, Any], list[bytes]]:
        """Values of all columns of some rows."""
        parts = [self._packed(name, self._values(name, begin, end)) for name in self._columns]
        kinds = {name: kind for name, (kind, _) in zip(self._columns, parts, strict=True)}
        return {"kinds": kinds}, [payload for _, payload in parts]

    def trace(self, name: str, begin: int, end: int) -> tuple[dict[str, Any], list[bytes]]:
        """Return the samples (float32) of runs from begin to before end, and their number in each run (int64)."""
        import numpy as np

        found, offsets = self._trace_sets[name], self._traces[name].get("offsets")
        if offsets is None:
            values = np.asarray(found[begin:end], dtype=np.float32)
            lengths = np.full(end - begin, values.shape[1], dtype=np.int64)
        else:
            borders = np.asarray(self._dataset(offsets, name)[begin : end + 1], dtype=np.int64)
            lengths = np.diff(borders)
            if len(borders) and (borders[0] < 0 or (lengths < 0).any() or borders[-1] > found.shape[0]):
                raise _RefusedError("offsets that rise and stay within the values", "others", f"trace {name!r}")
            values = np.asarray(found[int(borders[0]) : int(borders[-1])] if len(borders) else [], dtype=np.float32)
        return {}, [values.tobytes(), lengths.tobytes()]

    def _trace_runs(self, name: str) -> int:
        found, offsets = self._trace_sets[name], self._traces[name].get("offsets")
        if offsets is not None:
            return max(int(self._dataset(offsets, name).shape[0]) - 1, 0)
        if found.ndim != 2:
            raise _RefusedError("a dataset of runs × samples", f"{found.ndim} dimensions", f"trace {name!r}")
        return int(found.shape[0])

    def _dataset(self, path: str, name: str) -> Any:
        """Find a dataset by hard links and soft links of this file alone."""
        import h5py

        here, parts, way = self._file, [part for part in path.split("/") if part], 0
        while parts:
            part = parts.pop(0)
            link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
            if link is None:
                raise _RefusedError(f"a dataset {path!r}", "none of that name", f"column {name!r}")
            if isinstance(link, h5py.SoftLink):
                way += 1
                absolute = link.path.startswith("/")
                parts = [piece for piece in link.path.split("/") if piece] + parts
                here = self._file if absolute else here
                if way > _LONGEST_WAY:
                    raise _RefusedError("links that lead somewhere", "a circle of links", path)
                continue
            if not isinstance(link, h5py.HardLink):
                raise _RefusedError("data of this file", "a link to another file", path)
            here = here[part]
        if not isinstance(here, h5py.Dataset):
            raise _RefusedError(f"a dataset {path!r}", "a group", f"column {name!r}")
        if here.external or here.is_virtual:
            raise _RefusedError("data of this file", "data that lie in other files", path)
        return here

    def _row_shape(self) -> tuple[int, ...]:
        shapes: dict[tuple[int, ...], str] = {}
        for name, column in self._columns.items():
            if column["per"] == "row":
                shapes.setdefault(self._shape_of(name), name)
        if self._index is not None:
            shapes.setdefault(tuple(self._index.shape), "run_of_row")
        if not shapes:  # nothing is per row: each run is one
            shapes = {self._shape_of(name): name for name in self._columns}
        if len(shapes) > 1:
            told = ", ".join(f"{shape} of {name!r}" for shape, name in shapes.items())
            raise _RefusedError("row columns of the same dimensions", told, "")
        shape = next(iter(shapes))
        if len(shape) not in (1, 2) or (len(shape) == 2 and self._index is not None):
            raise _RefusedError(
                "one dimension (rows), or two (runs × repeats)", f"{shape}", next(iter(shapes.values()))
            )
        return shape

    def _shape_of(self, name: str) -> tuple[int, ...]:
        shape = tuple(self._sets[name].shape)
        index = self._columns[name].get("index")
        if index is None:
            return shape
        if len(shape) < 2 or index >= shape[-1]:
            raise _RefusedError(f"an index below the last of dimensions {shape}", str(index), f"column {name!r}")
        return shape[:-1]

    def _values(self, name: str, begin: int, end: int) -> Any:
        import numpy as np

        per_run = self._columns[name]["per"] == "run"
        if len(self._shape) == 2:
            repeats = self._shape[1]
            first, last = begin // repeats, -(-end // repeats)
            block = self._read(name, first, last)
            flat = np.repeat(block, repeats, axis=0) if per_run else block.reshape(-1)
            return flat[begin - first * repeats : end - first * repeats]
        if not per_run or self._index is None or self._run_of_row is None:
            return self._read(name, begin, end)
        runs = np.asarray(self._index[begin:end]).astype(np.int64) - int(self._run_of_row["first"])
        count = self._shape_of(name)[0]
        if len(runs) and (runs.min() < 0 or runs.max() >= count):
            raise _RefusedError(f"numbers of {count} runs", f"{int(runs.max())}", "run_of_row")
        if not len(runs):
            return self._read(name, 0, 0)
        low = int(runs.min())
        return self._read(name, low, int(runs.max()) + 1)[runs - low]

    def _read(self, name: str, begin: int, end: int) -> Any:
        import numpy as np

        column, found = self._columns[name], self._sets[name]
        index, member = column.get("index"), column.get("field")
        if (member is None) != (found.dtype.names is None) or (member and member not in found.dtype.names):
            raise _RefusedError("a plain dataset, or a member of a compound one", str(found.dtype), f"column {name!r}")
        values = found[begin:end] if index is None else found[begin:end, ..., index]
        return np.asarray(values if member is None else values[member])

    def _packed(self, name: str, values: Any) -> tuple[str, bytes]:
        import numpy as np

        if values.dtype.kind == "f":
            return "f8", values.astype("<f8").tobytes()
        if values.dtype.kind in "iub" and values.dtype != np.uint64:
            return "i8", values.astype("<i8").tobytes()
        if values.dtype.kind == "u":
            return "text", json.dumps([str(value) for value in values.tolist()]).encode()
        if values.dtype.kind not in "SO":
            raise _RefusedError("numbers or texts", str(values.dtype), f"column {name!r}")
        texts = [value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values.tolist()]
        return "text", json.dumps([text.rstrip("\0") for text in texts]).encode()


def _unit(found: Any) -> str:
    for name in ("unit", "units"):
        value = found.attrs.get(name)
        if isinstance(value, bytes | str):
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return ""


if __name__ == "__main__":
    sys.exit(main())
