"""Some rows of a source as they stand there, column by column: what conversions ask of any kind of table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from luban._times import NO_TIME, times_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    import pandas as pd
    from numpy.typing import NDArray

    from luban._times import Times

__all__ = [
    "NO_TIME",
    "Cells",
    "Codes",
    "FrameCells",
    "Plain",
    "RawChunk",
    "first_places",
    "number_text",
    "number_texts",
    "numbers_of",
    "taken",
    "texts_of",
]

Numbers = tuple["NDArray[np.float64]", "NDArray[np.bool_]", "NDArray[np.bool_]"]


@dataclass
class Codes:
    """Texts as codes into a list; −1 is missing."""

    codes: NDArray[np.int32]
    categories: list[str]

    def texts(self, rows: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.object_]:
        """Return the texts themselves, missing as ""."""
        lookup = np.array([*self.categories, ""], dtype=object)
        out: NDArray[np.object_] = lookup[self.codes[rows]]
        return out


@dataclass
class Plain:
    """Texts that all are numbers which lose nothing as float64, and how to get the texts when another chunk has others.

    ``values`` are NaN where nothing stands.
    """

    values: NDArray[np.float64]
    codes: Callable[[], Codes]


class Cells(Protocol):
    """Columns of some rows of a source, by header."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def numbers(self, header: str, decimal: str) -> Numbers:
        """Values (n), where nothing stands, and where something stands that is no finite number."""
        ...

    def codes(self, header: str) -> Codes:
        """Texts without surrounding blanks; "" and NaN are missing."""
        ...

    def times(self, header: str, timezone: ZoneInfo | None = None) -> Times:
        """UTC nanoseconds, and what is refused for which reason; times without a zone are those of ``timezone``."""
        ...

    def free(self, header: str) -> NDArray[np.float64] | Codes | Plain:
        """Numbers or texts, as they stand: for a column that nobody described."""
        ...

    def shown(self, header: str, at: NDArray[np.int64]) -> list[str]:
        """Texts of some rows as written, for the quarantine; "" where nothing stands."""
        ...

    def frame(self) -> pd.DataFrame:
        """All of it as a DataFrame."""
        ...

    def slice(self, begin: int, end: int) -> Cells:
        """Rows from ``begin`` to before ``end``."""
        ...


@dataclass
class RawChunk:
    """Some rows of a source as they stand there; ``rows`` are their numbers in the source, from 0."""

    cells: Cells
    rows: NDArray[np.int64]
    malformed: list[tuple[int, str]] = field(default_factory=list)  # rows with too many or too few fields
    progress: tuple[int, int] | None = (
        None  # how far the source has been read, and how far there is, in its own measure
    )

    @property
    def end(self) -> int:
        """Number of the row after the last one."""
        last = [number for number, _ in self.malformed] + ([int(self.rows[-1])] if len(self.rows) else [])
        return max(last, default=-1) + 1

    def before(self, number: int) -> RawChunk:
        """Rows with numbers below ``number``."""
        at = int(np.searchsorted(self.rows, number))
        return RawChunk(self.cells.slice(0, at), self.rows[:at], [row for row in self.malformed if row[0] < number])

    def since(self, number: int) -> RawChunk:
        """Rows from ``number`` on."""
        at = int(np.searchsorted(self.rows, number))
        rest = [row for row in self.malformed if row[0] >= number]
        return RawChunk(self.cells.slice(at, len(self.rows)), self.rows[at:], rest, self.progress)


class FrameCells:
    """Cells of a DataFrame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __len__(self) -> int:
        return len(self._frame)

    def numbers(self, header: str, decimal: str) -> Numbers:
        """See :class:`Cells`."""
        return numbers_of(self._frame[header], decimal)

    def codes(self, header: str) -> Codes:
        """See :class:`Cells`."""
        return texts_of(self._frame[header])

    def times(self, header: str, timezone: ZoneInfo | None = None) -> Times:
        """See :class:`Cells`; datetime64 without a zone is UTC where no zone is known."""
        return times_of(self._frame[header], timezone)

    def free(self, header: str) -> NDArray[np.float64] | Codes | Plain:
        """See :class:`Cells`."""
        series = self._frame[header]
        if series.dtype.kind in "fiub" and not _too_long(series):
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        return texts_of(series)

    def shown(self, header: str, at: NDArray[np.int64]) -> list[str]:
        """See :class:`Cells`."""
        import pandas as pd

        return ["" if pd.isna(value) else str(value) for value in self._frame[header].iloc[at]]

    def frame(self) -> pd.DataFrame:
        """See :class:`Cells`."""
        return self._frame

    def slice(self, begin: int, end: int) -> FrameCells:
        """See :class:`Cells`."""
        return FrameCells(self._frame.iloc[begin:end].reset_index(drop=True))


def number_text(value: float) -> str:
    """Shortest text of a number; whole numbers without a point."""
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def number_texts(values: NDArray[np.float64]) -> list[str]:
    """Texts of numbers as :func:`number_text` writes them; "" for NaN."""
    texts = list(map(repr, values.tolist()))
    for place in np.flatnonzero(~np.isfinite(values) | (values == np.round(values))).tolist():
        texts[place] = "" if np.isnan(values[place]) else number_text(values[place])
    return texts


def numbers_of(series: pd.Series[Any], decimal: str) -> Numbers:
    """Values of any column, where nothing stands, and where something stands that is no finite number."""
    import pandas as pd

    if series.dtype.kind in "fiub":
        values = series.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        empty = np.isnan(values)
        return values, empty, np.isinf(values)
    if series.dtype.kind in "mM":
        empty = series.isna().to_numpy()
        return np.full(len(series), np.nan), empty, ~empty
    texts = series.astype(object)
    empty = series.isna().to_numpy(dtype=bool)
    strings = texts.where(~empty, "").astype(str).str.strip()
    empty = empty | (strings == "").to_numpy(dtype=bool)
    if decimal == ",":
        commas = strings.str.fullmatch(r"[-+]?\d*,\d+([eE][-+]?\d+)?").to_numpy(dtype=bool)
        points = strings.str.contains(".", regex=False).to_numpy(dtype=bool)
        strings = strings.where(~commas, strings.str.replace(",", ".", regex=False)).where(~points, "with a point")
    values = pd.to_numeric(strings.where(~empty), errors="coerce").to_numpy(dtype=np.float64, copy=True)
    return values, empty, ~empty & ~np.isfinite(values)


def texts_of(series: pd.Series[Any]) -> Codes:
    """Any column as texts without surrounding blanks; "" and NaN are missing."""
    import pandas as pd

    codes, uniques = pd.factorize(series, use_na_sentinel=True)
    return merged_texts(codes, [_text(value) for value in uniques])


def merged_texts(codes: NDArray[Any], texts: Sequence[str]) -> Codes:
    """Codes into ``texts`` (−1 is missing) as codes into those of them that differ and are not empty."""
    kept: dict[str, int] = {}
    for text in texts:
        if text:
            kept.setdefault(text, len(kept))
    if len(kept) == len(texts) and codes.dtype == np.int32:
        return Codes(codes, list(kept))
    lookup = np.array([*(kept.get(text, -1) for text in texts), -1], dtype=np.int32)
    return Codes(lookup[codes], list(kept))


def taken(values: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the values of ``rows``, which are in order and stand once each; all of them are not copied."""
    return values if len(rows) == len(values) else values[rows]


def first_places(codes: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return where each of ``count`` codes stands first (count), ``len(codes)`` where nowhere; −1 is passed over."""
    first = np.full(count + 1, len(codes), dtype=np.int64)  # the last one is of −1
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # earlier ones are written over later ones
    return first[:count]


def _too_long(series: pd.Series[Any]) -> bool:
    """Whether a column holds whole numbers that a float64 cannot: as texts they keep their digits."""
    return series.dtype.kind in "iu" and len(series) > 0 and bool((series.abs() > 2**53).any())


def _text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))  # not by way of a float: a long number of a part keeps its digits
    if isinstance(value, float | np.floating):
        return number_text(float(value)) if np.isfinite(value) else ""
    return str(value).strip()
