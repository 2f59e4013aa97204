"""Reading delimited text: encoding, delimiter, decimal sign, header; rows that do not fit are set aside, not lost."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from luban._intake.cells import FrameCells, RawChunk
from luban.errors import ConfigurationError, DataError, IoError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dialect", "exact_rows", "file_digest", "not_text", "read_chunks", "sniff"]

_WHERE = "ingest.import_csv"
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE = 1 << 16  # bytes looked at to find delimiter and decimal sign
_READ_BYTES = 1 << 20
_CHUNK_ROWS = 100_000
_DECIMAL_COMMA = re.compile(r"^\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")
_DECIMAL_POINT = re.compile(r"^\s*[-+]?\d*\.\d+([eE][-+]?\d+)?\s*$")


@dataclass(frozen=True)
class Dialect:
    """How a text file is written."""

    encoding: str
    delimiter: str
    decimal: str
    header: list[str]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes; a piece is read while the one before it is hashed. Raises: IoError."""
    hashed = hashlib.sha256()
    try:
        with path.open("rb", buffering=0) as stream, ThreadPoolExecutor(1, "luban-read") as pool:
            now, ahead = bytearray(_READ_BYTES), bytearray(_READ_BYTES)
            count = stream.readinto(now)
            while count:
                reading = pool.submit(stream.readinto, ahead)
                hashed.update(memoryview(now)[:count])
                count, now, ahead = reading.result(), ahead, now
        return hashed.hexdigest()
    except OSError as error:
        raise IoError(
            where=_WHERE, expected="a file that can be read", received=str(error.strerror), place=str(path)
        ) from error


def sniff(
    path: Path, wanted: Sequence[str], *, delimiter: str | None, decimal: str | None, encoding: str | None
) -> Dialect:
    """Find out how a file is written; ``wanted`` are the column names that the process file looks for.

    Raises: DataError when the file is empty, has no header that fits, or is not text in the encoding.
    """
    head = _head(path)
    chosen_encoding = encoding or _encoding(head)
    if delimiter is not None and len(delimiter) != 1:
        raise ConfigurationError(where=_WHERE, expected="a delimiter of one character", received=repr(delimiter))
    try:
        codecs.lookup(chosen_encoding)
    except LookupError:
        raise ConfigurationError(
            where=_WHERE,
            expected="the name of an encoding",
            received=repr(chosen_encoding),
            hint="such as utf-8, cp1252, gb18030",
        ) from None
    # A character may be cut at the end of the sample; anything else wrong is said when the file is read.
    text = codecs.getincrementaldecoder(chosen_encoding)("replace").decode(head)
    if not text.strip():
        raise DataError(where=_WHERE, expected="a header and rows", received="an empty file", place=str(path))
    if "\0" in text:
        raise DataError(
            where=_WHERE,
            expected="delimited text",
            received="a binary file",
            place=str(path),
            hint="Parquet files are read by import_parquet; save other tables as CSV",
        )
    lines = [row for row in text.splitlines() if row.strip()]
    chosen = delimiter or _delimiter(lines, wanted, path)
    header = [name.strip() for name in next(csv.reader([lines[0]], delimiter=chosen))]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(
            where=_WHERE,
            expected="each column name once",
            received=f"{twice[0]!r} twice",
            place=f"{path}, line 1",
            hint="rename one of them in the file",
        )
    return Dialect(chosen_encoding, chosen, decimal or _decimal(lines[1:-1] or lines[1:], chosen), header)


def read_chunks(
    path: Path,
    dialect: Dialect,
    numeric: Sequence[str],
    skip: int = 0,
) -> Iterator[RawChunk]:
    """Yield the rows of a file from number ``skip`` on, by pandas and where that fails by Python's own csv reader.

    Columns in ``numeric`` are numbers where all of a chunk are, the others text. Rows with more or fewer fields than
    the header are set aside. Each chunk says how many bytes have been read, of how many.

    Raises: DataError when the bytes are not text in the encoding, or a quotation mark is never closed.
    """
    import pandas as pd

    done = 0
    size = path.stat().st_size
    counted = False
    try:
        with path.open("rb") as stream:
            for frame in _parse(stream, dialect, numeric, header=0):
                # What pandas fills up ends in an empty cell: only then the fields of the file are counted.
                if not counted and frame.iloc[:, -1].isna().any():
                    if _has_short_rows(path, dialect):
                        yield from _read_file_carefully(path, dialect, numeric, max(done, skip))
                        return
                    counted = True
                first = max(skip - done, 0)
                if first < len(frame) or len(frame) == 0:
                    rest = frame.iloc[first:].reset_index(drop=True) if first else frame
                    numbers = np.arange(done + first, done + len(frame))
                    yield RawChunk(FrameCells(rest), numbers, progress=(stream.tell(), size))
                done += len(frame)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        if "EOF inside string" in str(error):
            raise _open_quote(path) from None
        # Some row has more fields than the header: read again, slowly, setting such rows aside.
        yield from _read_file_carefully(path, dialect, numeric, max(done, skip))
    except UnicodeDecodeError as error:
        raise not_text(path, dialect) from error


def exact_rows(block: bytes, dialect: Dialect, numeric: Sequence[str], first: int) -> Iterator[RawChunk]:
    """Yield the rows of a piece of a file in UTF-8 without its header, by Python's own csv reader.

    ``first`` is the number of its first row. Raises: UnicodeDecodeError when it is not UTF-8; DataError.
    """
    utf8 = Dialect("utf-8", dialect.delimiter, dialect.decimal, dialect.header)
    text = io.StringIO(block.decode("utf-8"), newline="")
    yield from _read_carefully(text, utf8, numeric, first, first, header=False)


def _parse(
    source: IO[bytes] | IO[str], dialect: Dialect, numeric: Sequence[str], *, header: int | None
) -> Iterator[pd.DataFrame]:
    import pandas as pd

    text_columns = {name: str for name in dialect.header if name not in set(numeric)}
    with pd.read_csv(
        source,
        sep=dialect.delimiter,
        decimal=dialect.decimal,
        encoding=dialect.encoding,
        header=header,
        names=dialect.header,
        index_col=False,
        dtype=text_columns,
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=True,
        chunksize=_CHUNK_ROWS,
        low_memory=False,
        **_exact_numbers(),
    ) as reader:
        while True:
            # Too many fields in the first row of a chunk are only warned of, and would be cut off.
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = next(reader, None)
            if frame is None:
                return
            yield frame


def _exact_numbers() -> dict[str, Any]:
    """Return the option under which pandas reads decimal numbers to the last digit; since 3.1 it always does."""
    import pandas as pd

    major, minor = (int(part) for part in pd.__version__.split(".")[:2])
    return {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}


def _has_short_rows(path: Path, dialect: Dialect) -> bool:
    """Whether some row of a file has fewer fields than the header."""
    least = _least_fields(dialect.header)
    try:
        with path.open(encoding=dialect.encoding, newline="") as text:
            rows = csv.reader(text, delimiter=dialect.delimiter, skipinitialspace=True)
            if not any(0 < len(fields) < least for fields in rows):
                return False
        with path.open(encoding=dialect.encoding, newline="") as text:  # or it was a line of blanks
            return any(len(fields) < least for fields in _records(text, dialect))
    except (csv.Error, DataError):  # a field too long to be counted: pandas says whether its quotation mark is open
        return False


def _least_fields(header: Sequence[str]) -> int:
    """Return how many fields a row has at least; a column without a name at the end may lack."""
    return max((at for at, name in enumerate(header, 1) if name), default=1)


def _records(stream: IO[str], dialect: Dialect) -> Iterator[list[str]]:
    """Fields of each row by Python's own csv reader, without blank lines, which pandas passes over as well.

    Raises: DataError for a field that is longer than that reader takes.
    """
    lines: list[str] = []

    def kept() -> Iterator[str]:
        for line in stream:
            lines.append(line)
            yield line

    try:
        for fields in csv.reader(kept(), delimiter=dialect.delimiter, skipinitialspace=True):
            blank = not fields or (len(fields) == 1 and not any(map(str.strip, lines)))
            lines.clear()
            if not blank:
                yield fields
    except csv.Error as error:
        raise DataError(
            where=_WHERE,
            expected="rows of as many fields as the header, or none that is longer than 131,072 characters",
            received=str(error),
            hint='look for a single " in the file',
        ) from None


def _read_file_carefully(path: Path, dialect: Dialect, numeric: Sequence[str], skip: int) -> Iterator[RawChunk]:
    """Rows of a file from number ``skip`` on, as :func:`_read_carefully`. Raises: DataError, UnicodeDecodeError."""
    try:
        with path.open(encoding=dialect.encoding, newline="") as text:
            yield from _read_carefully(text, dialect, numeric, skip, 0, header=True)
    except UnicodeDecodeError as error:
        raise not_text(path, dialect) from error


def _read_carefully(
    stream: IO[str], dialect: Dialect, numeric: Sequence[str], skip: int, first: int, *, header: bool
) -> Iterator[RawChunk]:
    """Rows from number ``skip`` on, by Python's own csv reader; ``first`` is the number of the stream's first row."""
    width, least = len(dialect.header), _least_fields(dialect.header)
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=dialect.delimiter)
    writer.writerow(dialect.header)
    kept: list[int] = []
    malformed: list[tuple[int, str]] = []
    records = _records(stream, dialect)
    if header:
        next(records, None)
    for number, fields in enumerate(records, first):
        if number < skip:
            continue
        if len(fields) < least or any(fields[width:]):
            malformed.append((number, dialect.delimiter.join(fields)))
        else:
            kept.append(number)
            writer.writerow(fields[:width] + [""] * (width - len(fields)))
    buffer.seek(0)
    begin = 0
    rows = np.asarray(kept, dtype=np.int64)
    for frame in _parse(buffer, dialect, numeric, header=0):
        yield RawChunk(FrameCells(frame), rows[begin : begin + len(frame)], malformed)
        begin, malformed = begin + len(frame), []
    if malformed:
        import pandas as pd

        empty = FrameCells(pd.DataFrame(columns=dialect.header))
        yield RawChunk(empty, np.empty(0, dtype=np.int64), malformed)


def _open_quote(path: Path) -> DataError:
    return DataError(
        where=_WHERE,
        expected="every quotation mark closed",
        received="one that is open to the end of the file",
        place=str(path),
        hint='look for a single " in the file',
    )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_SAMPLE)
    except OSError as error:
        raise IoError(
            where=_WHERE, expected="a file that can be read", received=str(error.strerror), place=str(path)
        ) from error


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


def not_text(path: Path, dialect: Dialect) -> DataError:
    """Return the error of bytes that are not text in the encoding."""
    return DataError(
        where=_WHERE,
        expected=f"text in {dialect.encoding}",
        received="bytes that are not",
        place=str(path),
        hint='name the encoding, such as cp1252 or gb18030: --encoding cp1252, in Python encoding="cp1252"',
    )


def _delimiter(lines: Sequence[str], wanted: Sequence[str], path: Path) -> str:
    """Return the delimiter under which the header holds most of the wanted names; a tie goes to more columns."""
    from luban import units

    names = set(wanted)

    def score(delimiter: str) -> tuple[int, int]:
        fields = [field.strip() for field in next(csv.reader([lines[0]], delimiter=delimiter))]
        hits = sum(field in names or units.parse_header(field)[0] in names for field in fields)
        return hits, len(fields)

    best = max(_DELIMITERS, key=score)
    if score(best)[1] == 1 and len(names) > 1:
        raise DataError(
            where=_WHERE,
            expected="columns separated by " + ", ".join(_DELIMITERS.values()),
            received=f"a header without any of them: {lines[0][:80]!r}",
            place=f"{path}, line 1",
            hint="name the delimiter: --delimiter ' ', in Python delimiter=' '",
        )
    return best


def _decimal(lines: Sequence[str], delimiter: str) -> str:
    """Return a comma when numbers are written with one and none with a point; not in a comma-separated file."""
    if delimiter == ",":
        return "."
    cells = [cell for row in csv.reader(lines[:500], delimiter=delimiter) for cell in row]
    commas = any(_DECIMAL_COMMA.match(cell) for cell in cells)
    points = any(_DECIMAL_POINT.match(cell) for cell in cells)
    return "," if commas and not points else "."
