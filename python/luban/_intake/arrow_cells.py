"""Cells of a CSV block that Arrow has parsed: numbers, texts and times without a Python object for each row."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._intake.cells import Codes, FrameCells, Numbers, Plain, merged_texts, numbers_of
from luban._times import NO_TIME, YEARS_WITHIN, Times

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import pandas as pd
    from numpy.typing import NDArray

    from luban._intake.cells import Cells

__all__ = ["ArrowCells", "joined"]

# Numbers that a float64 holds whatever way they are read; others go the slow way, cell by cell.
_NUMBER = r"^-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$"
_NUMBER_COMMA = r"^-?(?:\d+|\d*,\d+)(?:[eE][-+]?\d+)?$"
# As tables.py has it: no leading zeros (007 is a name).
_PLAIN = r"^[-+]?(?:(?:0|[1-9]\d*)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?$"
_TIME = "^" + YEARS_WITHIN + r"-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[-+]\d\d:\d\d)$"
_MOST_DIGITS = 15
_BOOLEANS = {"True", "TRUE", "true", "False", "FALSE", "false"}


class ArrowCells:
    """Columns of float64 or of text; ``as_text(header)`` reads a column of numbers again as it is written."""

    def __init__(self, table: Any, as_text: Callable[[str], Any]) -> None:
        self._table = table
        self._as_text = as_text

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def numbers(self, header: str, decimal: str) -> Numbers:
        """See :class:`Cells`."""
        column = self._table.column(header)
        if not _is_float(column):
            return _numbers_of_texts(column, decimal)
        values = _float64(column)
        none = np.zeros(len(values), dtype=bool)
        # A NaN that was written down has sent the column the way of texts.
        return values, np.isnan(values) if column.null_count else none, none

    def codes(self, header: str) -> Codes:
        """See :class:`Cells`."""
        return _codes(self._text(header))

    def times(self, header: str, timezone: ZoneInfo | None = None) -> Times:
        """See :class:`Cells`."""
        places, texts = _distinct(self._text(header))
        return _times(texts, header, timezone).take(places)

    def free(self, header: str) -> NDArray[np.float64] | Codes | Plain:
        """See :class:`Cells`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self._text(header)
        places, texts = _distinct(column)
        texts = pc.utf8_trim_whitespace(texts)
        texts = pc.if_else(pc.equal(texts, ""), None, texts)
        if texts.null_count == len(texts) or not _are_plain(texts):
            return _codes(column)
        values = _float64(pc.replace_substring_regex(texts, r"^\+", "", max_replacements=1).cast(pa.float64()))
        return Plain(np.append(values, np.nan)[places], lambda: _codes(column))

    def shown(self, header: str, at: NDArray[np.int64]) -> list[str]:
        """See :class:`Cells`."""
        import pyarrow.compute as pc

        column = self._text(header)
        return [text or "" for text in pc.utf8_ltrim(column.take(at), " ").to_pylist()]

    def frame(self) -> pd.DataFrame:
        """See :class:`Cells`."""
        frame: pd.DataFrame = self._table.to_pandas()
        return frame

    def slice(self, begin: int, end: int) -> ArrowCells:
        """See :class:`Cells`."""
        count = end - begin
        return ArrowCells(self._table.slice(begin, count), lambda header: self._as_text(header).slice(begin, count))

    def fits(self, other: Cells) -> bool:
        """Whether both can be joined: the same columns are numbers in both."""
        return isinstance(other, ArrowCells) and bool(self._table.schema.equals(other._table.schema))

    def _text(self, header: str) -> Any:
        column = self._table.column(header)
        return self._as_text(header) if _is_float(column) else column


class _JoinedCells(ArrowCells):
    """Several of them, one below the other: columns of numbers and texts are taken as one."""

    def __init__(self, parts: Sequence[ArrowCells]) -> None:
        import pyarrow as pa

        # Not by a method: a piece that refers to itself would stay in memory until somebody collects garbage.
        super().__init__(pa.concat_tables([part._table for part in parts]), functools.partial(_joined_texts, parts))
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])

    def numbers(self, header: str, decimal: str) -> Numbers:
        """See :class:`Cells`."""
        if _is_float(self._table.column(header)):
            return super().numbers(header, decimal)
        # What a part holds besides numbers decides how it is read.
        values, empty, bad = zip(*(part.numbers(header, decimal) for part in self._parts), strict=True)
        return np.concatenate(values), np.concatenate(empty), np.concatenate(bad)

    def shown(self, header: str, at: NDArray[np.int64]) -> list[str]:
        """See :class:`Cells`; of parts with such rows alone, for numbers are read again."""
        out = []
        for part, end in zip(self._parts, self._ends, strict=True):
            begin = end - len(part)
            own = at[(at >= begin) & (at < end)]
            out += part.shown(header, own - begin) if len(own) else []
        return out


def _joined_texts(parts: Sequence[ArrowCells], header: str) -> Any:
    import pyarrow as pa

    columns = [part._text(header) for part in parts]
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type)


def joined(cells: Sequence[Cells]) -> Cells:
    """Return cells that fit each other as one."""
    arrow = [one for one in cells if isinstance(one, ArrowCells)]
    return cells[0] if len(cells) == 1 else _JoinedCells(arrow)


def _is_float(column: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(column.type))


def _float64(column: Any) -> NDArray[np.float64]:
    """Values with NaN for missing, in memory of their own."""
    out = np.empty(len(column), dtype=np.float64)
    begin = 0
    for chunk in column.chunks if hasattr(column, "chunks") else [column]:
        out[begin : begin + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        begin += len(chunk)
    return out


def _distinct(column: Any) -> tuple[NDArray[np.int32], Any]:
    """Return the place of each text among the distinct texts, −1 for missing, and those in the order they appear."""
    encoded = column.combine_chunks().dictionary_encode()
    places = encoded.indices.fill_null(-1) if encoded.indices.null_count else encoded.indices
    return places.to_numpy(), encoded.dictionary


def _codes(column: Any) -> Codes:
    places, texts = _distinct(column)
    return merged_texts(places, [text.strip() for text in texts.to_pylist()])


def _times(column: Any, header: str, timezone: ZoneInfo | None) -> Times:
    """Read times of texts: those of the usual form, with a zone, at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(column)
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    if pc.all(pc.match_substring_regex(texts, _TIME)).as_py() is not False:
        try:
            stamps = texts.cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64())
        except pa.ArrowInvalid:
            pass  # such as the 30th of February: cell by cell below
        else:
            counts = stamps.fill_null(int(NO_TIME)).to_numpy(zero_copy_only=False)
            return Times(counts)
    import pandas as pd

    series = pd.Series(column.to_numpy(zero_copy_only=False), dtype=object)
    return FrameCells(pd.DataFrame({header: series})).times(header, timezone)


def _are_plain(texts: Any) -> bool:
    """Whether each text is a number that loses nothing as float64."""
    import pyarrow.compute as pc

    if pc.all(pc.match_substring_regex(texts, _PLAIN)).as_py() is False:
        return False
    if pc.max(pc.utf8_length(texts)).as_py() <= _MOST_DIGITS:
        return True
    digits = pc.utf8_length(pc.replace_substring_regex(texts, r"\D", ""))
    return bool(pc.max(digits).as_py() <= _MOST_DIGITS)


def _numbers_of_texts(column: Any, decimal: str) -> Numbers:
    """Numbers of a column in which not all cells are numbers: those of the usual form at once, the others slowly."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(column)
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    empty = texts.is_null().to_numpy()
    distinct = texts.unique()
    if len(distinct) <= 3 and set(distinct.to_pylist()) <= _BOOLEANS:  # as pandas takes a column of them alone
        words = pc.utf8_lower(texts).to_pylist()
        return np.array([word == "true" for word in words], dtype=np.float64), empty, np.zeros(len(empty), dtype=bool)
    usual = pc.match_substring_regex(texts, _NUMBER_COMMA if decimal == "," else _NUMBER)
    plain = pc.if_else(usual, texts, None)
    if decimal == ",":
        plain = pc.replace_substring(plain, ",", ".", max_replacements=1)
    values = _float64(plain.cast(pa.float64()))
    bad = ~empty & ~np.isfinite(values)
    others = np.flatnonzero(~empty & ~usual.fill_null(False).to_numpy())
    if len(others):
        rest = pd.Series(texts.take(others).to_pylist(), dtype=object)
        values[others], _, bad[others] = numbers_of(rest, decimal)
    return values, empty, bad
