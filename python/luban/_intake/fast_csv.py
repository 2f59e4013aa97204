"""Reading CSV files by blocks of whole lines, parsed by Arrow on all its threads.

A block goes to Arrow when its quotation marks are where they belong; one in which some row has another number of fields
goes the exact way of ``source``. From the first block on whose quotation marks nobody can read, all the rest does.
"""

from __future__ import annotations

import codecs
import csv
import importlib.util
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._intake.arrow_cells import ArrowCells
from luban._intake.cells import RawChunk
from luban._intake.source import Dialect, exact_rows, not_text, read_chunks

if TYPE_CHECKING:
    from io import BufferedReader

    from numpy.typing import NDArray

__all__ = ["FastOptions", "has_arrow", "is_fast", "read_csv"]


@dataclass(frozen=True)
class FastOptions:
    """How a file is cut: bytes of a block, of what one thread parses, and of the longest line that is looked for."""

    block: int = 16 << 20
    part: int = 2 << 20
    longest: int = 256 << 20


def has_arrow() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def is_fast(dialect: Dialect) -> bool:
    """Whether Arrow reads text that is written so: signs of one byte, and no blanks between columns."""
    signs = dialect.delimiter + dialect.decimal
    apart = dialect.delimiter != dialect.decimal and dialect.delimiter not in " \"'\r\n"
    return signs.isascii() and len(signs) == 2 and apart


def read_csv(
    path: Path,
    dialect: Dialect,
    numeric: Sequence[str],
    options: FastOptions | None = None,
) -> Iterator[RawChunk]:
    """Yield the rows of a file; what stands in them is what :func:`luban._intake.source.read_chunks` gives.

    Each chunk says how many bytes have been read, of how many.

    Raises: DataError when the bytes are not text in the encoding, or a quotation mark is never closed.
    """
    options = options or FastOptions()
    size = path.stat().st_size
    parser = _Parser(dialect, numeric, options)
    done = 0
    try:
        with path.open("rb") as stream:
            for block in _blocks(stream, dialect, options):
                if block is None:
                    yield from read_chunks(path, dialect, numeric, skip=done)
                    return
                for chunk in parser.chunks(block, done):
                    chunk.progress = (stream.tell(), size)
                    done = max(done, chunk.end)
                    yield chunk
    except UnicodeDecodeError as error:
        raise not_text(path, dialect) from error


@dataclass(frozen=True)
class _Block:
    """Whole lines in UTF-8; ``inner``: some of its line ends stand between quotation marks."""

    text: memoryview
    inner: bool = False


class _Memory:
    """Memory of blocks, taken again as soon as nobody looks into it any more: new memory costs as much as reading."""

    def __init__(self) -> None:
        self._buffers: list[bytearray] = []

    def take(self, size: int) -> bytearray:
        """Return so many bytes, whatever they are."""
        for buffer in self._buffers:
            try:
                buffer.append(0)  # no bytearray changes its size while there is a memoryview of it
            except BufferError:
                continue
            buffer.extend(bytes(max(size - len(buffer), 0)))
            del buffer[size:]
            return buffer
        self._buffers.append(bytearray(size))
        return self._buffers[-1]


def _read_behind(rest: bytes, stream: BufferedReader, most: int, memory: _Memory) -> bytearray:
    """Return ``rest`` and up to ``most`` further bytes of a file, read to where they stay."""
    left = os.fstat(stream.fileno()).st_size - stream.tell()
    out = memory.take(len(rest) + min(most, max(left, 1)))
    out[: len(rest)] = rest
    got = stream.readinto(memoryview(out)[len(rest) :])
    del out[len(rest) + got :]
    return out


def _blocks(stream: BufferedReader, dialect: Dialect, options: FastOptions) -> Iterator[_Block | None]:
    """Cut a file into blocks at line ends; None when what follows cannot be cut."""
    decoder = None if dialect.encoding in ("utf-8", "utf-8-sig") else codecs.getincrementaldecoder(dialect.encoding)()
    memory = _Memory()
    rest, first, ended = b"", True, False
    while not ended:
        if decoder is None:
            pending = _read_behind(rest, stream, options.block, memory)
            ended = len(pending) == len(rest)
        else:
            raw = stream.read(options.block)
            pending, ended = bytearray(rest + decoder.decode(raw, final=not raw).encode("utf-8")), not raw
        if first and pending.startswith(codecs.BOM_UTF8, len(rest)):
            del pending[len(rest) : len(rest) + len(codecs.BOM_UTF8)]
        cut = _cut(pending, dialect.delimiter, last=ended)
        if cut is None or (cut == 0 and len(pending) > options.longest):
            yield None
            return
        begin = 0
        if first and cut:
            behind = _after_header(pending, cut, dialect)
            if behind is None:
                yield None
                return
            begin, first = behind, False
        rest = bytes(memoryview(pending)[cut:])
        if begin < cut:
            yield _Block(memoryview(pending)[begin:cut], _inner_ends(pending, begin, cut))


def _cut(text: bytearray, delimiter: str, *, last: bool) -> int | None:
    """Return where the last whole line ends (0: nowhere yet); None for text that only the exact way can read."""
    if b"\0" in text or (b"\r" in text and _lone_returns(text, last=last)):
        return None
    if b'"' not in text:
        return len(text) if last else text.rfind(b"\n") + 1
    if delimiter.encode() + b" " in text or (not text.isascii() and len(delimiter.encode()) > 1):
        return None  # a quotation mark may stand behind the blank
    marks = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord('"'))
    if not _well_placed(text, marks, delimiter, last=last):
        return None
    if last:
        return len(text)
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n"))
    outside = np.flatnonzero(np.searchsorted(marks, ends) % 2 == 0)
    return int(ends[outside[-1]]) + 1 if len(outside) else 0


def _lone_returns(text: bytearray, *, last: bool) -> bool:
    """Whether a carriage return stands without its line feed, which may still come behind a piece."""
    return text.count(b"\r") != text.count(b"\r\n") + (not last and text.endswith(b"\r"))


def _well_placed(text: bytearray, marks: NDArray[np.int64], delimiter: str, *, last: bool) -> bool:
    """Whether each quotation mark opens a field, closes one, or is one of two within a field."""
    if last and len(marks) % 2:
        return False
    data = np.frombuffer(text, dtype=np.uint8)
    border = np.isin(np.arange(256), [*delimiter.encode(), *b"\r\n"])
    opening, closing = marks[::2], marks[1::2]
    before = data[np.maximum(opening - 1, 0)]
    good_open = border[before] | (opening == 0)
    # The second of two marks within a field counts as opening: the one before it closes.
    good_open[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
    at_end = closing == len(data) - 1
    after = data[np.minimum(closing + 1, len(data) - 1)]
    good_close = border[after] | at_end
    paired = closing[: len(opening) - 1] + 1 == opening[1:]
    good_close[: len(paired)] |= paired
    return bool(good_open.all() and good_close.all())


def _inner_ends(text: bytearray, begin: int, end: int) -> bool:
    """Whether some line end between two places stands between quotation marks."""
    if text.find(b'"', begin, end) < 0:
        return False
    data = np.frombuffer(text, dtype=np.uint8)[begin:end]
    marks, ends = np.flatnonzero(data == ord('"')), np.flatnonzero(data == ord("\n"))
    return bool((np.searchsorted(marks, ends) % 2).any())


def _after_header(text: bytearray, end: int, dialect: Dialect) -> int | None:
    """Return where the first row begins; None when the first line is not the header that was sniffed."""
    begin = 0
    while begin < end:
        behind = text.find(b"\n", begin, end) + 1 or end
        line = text[begin:behind].decode("utf-8").strip("\r\n")
        if line.strip():
            fields = next(csv.reader([line], delimiter=dialect.delimiter), [])
            return behind if [name.strip() for name in fields] == dialect.header else None
        begin = behind
    return None


class _Parser:
    """Parses blocks one after the other, and remembers which columns of numbers hold other things too."""

    def __init__(self, dialect: Dialect, numeric: Sequence[str], options: FastOptions) -> None:
        self._dialect = dialect
        self._numeric = [name for name in numeric if name in dialect.header]
        self._options = options
        self._texts: set[str] = set()

    def chunks(self, block: _Block, first: int) -> Iterator[RawChunk]:
        """Rows of a block, the first of them with number ``first``."""
        import pyarrow as pa

        try:
            table = self._table(block)
        except pa.ArrowInvalid:
            text = bytes(block.text)
            text.decode("utf-8")  # says where it is not text
            yield from exact_rows(text, self._dialect, self._numeric, first)
            return
        cells = ArrowCells(table, lambda header: self._read(block, [header], {header}).column(header))
        yield RawChunk(cells, np.arange(first, first + len(cells)))

    def _table(self, block: _Block) -> Any:
        """Return the table with numbers where a whole column is numbers. Raises: ArrowInvalid on unequal rows."""
        import pyarrow as pa

        while True:
            try:
                table = self._read(block, self._dialect.header, self._texts)
            except pa.ArrowInvalid as error:
                bad = self._bad_column(str(error))
                if bad is None:
                    raise
                self._texts.add(bad)
                continue
            strange = {name for name in self._numeric if name not in self._texts and _not_finite(table.column(name))}
            if not strange:
                return table
            self._texts |= strange

    def _bad_column(self, message: str) -> str | None:
        """Name the column in which something is no number, where that is what Arrow says."""
        import re

        found = re.match(r"In CSV column #(\d+): CSV conversion error to double", message)
        return self._dialect.header[int(found[1])] if found else None

    def _read(self, block: _Block, headers: Sequence[str], texts: set[str]) -> Any:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        numbers = {name for name in self._numeric if name not in texts}
        dialect = self._dialect
        return arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(block.text)),
            read_options=arrow_csv.ReadOptions(
                column_names=dialect.header, block_size=max(self._options.part, 1 << 16), use_threads=True
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=block.inner),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.float64() if name in numbers else pa.string() for name in headers},
                include_columns=list(headers),
                null_values=[""],
                strings_can_be_null=True,
                decimal_point=dialect.decimal,
            ),
            memory_pool=pa.system_memory_pool(),  # the default one gives its pages back after each block
        )


def _not_finite(column: Any) -> bool:
    """Whether a column of numbers holds one that is written as NaN or inf, or too large."""
    import pyarrow.compute as pc

    total = pc.sum(column).as_py()  # quick, and finite only where all are
    return not (total is None or math.isfinite(total)) and pc.all(pc.is_finite(column)).as_py() is False
