"""Foreign HDF5 files by way of a mapping file, read by a process of their own that may be ended."""

from __future__ import annotations

import hashlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._intake.mapping import Mapping
from luban._intake.source import file_digest
from luban._intake.sources.base import Header
from luban._intake.sources.rows import CHUNK_ROWS, chunks_of_frames
from luban.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban._intake.cells import RawChunk

__all__ = ["ForeignLimits", "Hdf5Source"]

_WHERE = "ingest.import_hdf5"
_ANSWER = 1 << 20  # bytes of the longest line of an answer


@dataclass(frozen=True)
class ForeignLimits:
    """What the process that reads a foreign file may use: address space in bytes, seconds for one answer, of CPU."""

    memory: int = 4 << 30
    answer_s: float = 60.0
    cpu_s: int = 3600


class Hdf5Source:
    """An HDF5 file that other software wrote. A file that is made to do harm can end the reader, not the caller."""

    where = _WHERE

    def __init__(self, path: Path, mapping: Mapping, limits: ForeignLimits | None = None) -> None:
        self._path = path
        self._mapping = mapping
        self._limits = limits or ForeignLimits()

    @property
    def name(self) -> str:
        """Name of the file."""
        return self._path.name

    @property
    def place(self) -> str:
        """Path of the file."""
        return str(self._path)

    @property
    def channels(self) -> dict[str, float | None]:
        """Traces of the mapping: name and period in milliseconds, where it states one."""
        return {name: trace.period_ms for name, trace in self._mapping.traces.items()}

    def digest(self) -> str:
        """SHA-256 of the file's bytes and of what the mapping says."""
        return hashlib.sha256(f"{file_digest(self._path)}\0{self._mapping.model_dump_json()}".encode()).hexdigest()

    def header(self, wanted: Sequence[str]) -> Header:
        """Columns of the mapping; a column of repeats is made where datasets have the dimensions runs × repeats."""
        with _Child(self._path, self._mapping, self._limits) as child:
            names = list(self._mapping.columns)
            if child.repeats and self._mapping.repeat not in names:
                names.append(self._mapping.repeat)
            stated = {name: column.unit for name, column in self._mapping.columns.items()}
            units = {name: unit or child.units.get(name, "") for name, unit in stated.items()}
            return Header(names, {name: unit for name, unit in units.items() if unit}, nothing="datasets without rows")

    def chunks(self, header: Header, numeric: Sequence[str]) -> Iterator[RawChunk]:
        """Read in pieces of 50,000 rows."""
        yield from chunks_of_frames(self._frames(header))

    def _frames(self, header: Header) -> Iterator[tuple[pd.DataFrame, tuple[int, int]]]:
        import pandas as pd

        with _Child(self._path, self._mapping, self._limits) as child:
            for begin in range(0, child.rows, CHUNK_ROWS):
                end = min(begin + CHUNK_ROWS, child.rows)
                columns = child.read(begin, end)
                repeat = self._mapping.repeat
                if repeat in header.names and repeat not in columns:
                    columns[repeat] = np.arange(begin, end) % child.repeats + 1
                yield pd.DataFrame(columns, columns=header.names), (end, child.rows)

    def traces(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.int64], str]:
        """Read the samples of all runs in a row, their offsets (runs + 1), and the unit. Raises: DataError."""
        values: list[NDArray[np.float32]] = []
        lengths: list[NDArray[np.int64]] = []
        with _Child(self._path, self._mapping, self._limits) as child:
            runs = child.traces[name]
            for begin in range(0, runs, 256):
                part, counts = child.trace(name, begin, min(begin + 256, runs))
                values.append(part)
                lengths.append(counts)
            unit = self._mapping.traces[name].unit or child.units.get(name, "")
        counts = np.concatenate(lengths) if lengths else np.empty(0, dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return np.concatenate(values) if values else np.empty(0, dtype=np.float32), offsets, unit


class _Child:
    """The reading process, from the opening of the file to its end."""

    def __init__(self, path: Path, mapping: Mapping, limits: ForeignLimits) -> None:
        self._path = path
        self._limits = limits
        arguments = [str(limits.memory), str(limits.cpu_s)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(text for text in sys.path if text)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "luban._intake.sources.hdf5_child", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        try:
            described, _ = self._ask({"path": str(path.absolute()), **mapping.model_dump(mode="json")})
        except BaseException:
            self.__exit__()
            raise
        self.rows = int(described["rows"])
        self.repeats = int(described["repeats"])
        self.units: dict[str, str] = described["units"]
        self.traces: dict[str, int] = described["traces"]

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def read(self, begin: int, end: int) -> dict[str, Any]:
        """Columns of some rows."""
        answer, payload = self._ask({"begin": begin, "end": end})
        out: dict[str, Any] = {}
        for (name, kind), data in zip(answer["kinds"].items(), payload, strict=True):
            out[name] = np.array(json.loads(data), dtype=object) if kind == "text" else np.frombuffer(data, dtype=kind)
            if len(out[name]) != end - begin:
                raise self._refused(f"{end - begin:,} values of {name!r}", f"{len(out[name]):,}")
        return out

    def trace(self, name: str, begin: int, end: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Read the samples of some runs, and how many each has."""
        _, (values, lengths) = self._ask({"trace": name, "begin": begin, "end": end})
        return np.frombuffer(values, dtype=np.float32), np.frombuffer(lengths, dtype=np.int64)

    def _ask(self, question: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        deadline = time.monotonic() + self._limits.answer_s
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise self._refused("a reader that listens", "none")
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        buffer = b""
        while b"\n" not in buffer:
            buffer += self._some(deadline)
            if len(buffer) > _ANSWER and b"\n" not in buffer[:_ANSWER]:
                raise self._refused("an answer of the reader", "a line without an end")
        line, _, rest = buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        parts = [rest]
        there, total = len(rest), sum(answer["sizes"])
        while there < total:
            parts.append(self._some(deadline))
            there += len(parts[-1])
        if "refused" in answer:
            expected, received, place = answer["refused"]
            raise self._refused(expected, received, place)
        data, payload, begin = b"".join(parts), [], 0
        for size in answer["sizes"]:
            payload.append(data[begin : begin + size])
            begin += size
        return answer, payload

    def _some(self, deadline: float) -> bytes:
        """Return what the reader has written by now. Raises: DataError when it died or takes too long."""
        stdout = self._process.stdout
        if stdout is None:
            raise self._died()
        if not select.select([stdout], [], [], max(deadline - time.monotonic(), 0.0))[0]:
            self._process.kill()
            limit = f"{self._limits.answer_s:g} s"
            raise self._refused(f"an answer of the reader within {limit}", "none: it was ended")
        data = os.read(stdout.fileno(), 1 << 20)
        if not data:
            raise self._died()
        return data

    def _died(self) -> DataError:
        code = self._process.wait()
        what = f"signal {-code}" if code < 0 else f"exit code {code}"
        return self._refused("an HDF5 file that can be read", f"the end of its reader ({what})")

    def _refused(self, expected: str, received: str, place: str = "") -> DataError:
        return DataError(
            where=_WHERE,
            expected=expected,
            received=received,
            place=", ".join(text for text in (str(self._path), place) if text),
            hint="foreign files are read in a process of their own; nothing was imported",
        )
