"""From what stands in a source to numbers, codes and texts; every refusal is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import units

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban._intake.columns import Found, Match
    from luban._intake.source import RawChunk

__all__ = ["Codes", "Columns", "Refusals", "convert_chunk", "join", "number_text"]

NO_TIME = np.iinfo(np.int64).min
_LONGEST_KEPT = 10_000  # characters of a refused value: enough to find it again


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
class Refusals:
    """The quarantine of one import, as columns."""

    row: list[NDArray[np.int64]] = field(default_factory=list)
    column: list[str] = field(default_factory=list)
    value: list[str] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)
    scope: list[str] = field(default_factory=list)

    def add(self, rows: NDArray[np.int64], column: str, values: Sequence[str], reason: str, scope: str) -> None:
        """Refuse ``rows`` (numbers in the source)."""
        if len(rows) == 0:
            return
        self.row.append(np.asarray(rows, dtype=np.int64))
        self.column += [column] * len(rows)
        self.value += [str(value).replace("\0", "")[:_LONGEST_KEPT] for value in values]
        self.reason += [reason] * len(rows)
        self.scope += [scope] * len(rows)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Source rows, one for each refusal."""
        return np.concatenate(self.row) if self.row else np.empty(0, dtype=np.int64)

    def drop_values(self, rows: NDArray[np.int64]) -> None:
        """Forget values refused in ``rows``: those rows were refused whole, and count once."""
        stays = np.array([scope == "row" for scope in self.scope], dtype=bool) | ~np.isin(self.rows, rows)
        if stays.all():
            return
        kept = np.flatnonzero(stays)
        self.row = [self.rows[kept]]
        for name in ("column", "value", "reason", "scope"):
            values = getattr(self, name)
            setattr(self, name, [values[i] for i in kept])

    def __len__(self) -> int:
        return len(self.reason)


@dataclass
class Columns:
    """A source (or some rows of it) in types: numbers, codes, times; ``good`` marks rows that passed so far."""

    rows: NDArray[np.int64]
    good: NDArray[np.bool_]
    numbers: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    codes: dict[str, Codes] = field(default_factory=dict)
    times: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    empty: dict[str, NDArray[np.bool_]] = field(default_factory=dict)  # of responses: nothing stood there


def number_text(value: float) -> str:
    """Shortest text of a number; whole numbers without a point."""
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def convert_chunk(chunk: RawChunk, match: Match, decimal: str, refusals: Refusals) -> Columns:
    """Convert some rows. Rows without a usable input are refused whole, responses value by value."""
    frame = chunk.frame
    out = Columns(chunk.rows, np.ones(len(frame), dtype=bool))
    for number, text in chunk.malformed:
        refusals.add(np.array([number]), "", [text], "malformed_row", "row")
    for found in match.found.values():
        series = frame[found.header]
        if found.role == "response":
            _response(out, found, series, decimal, refusals)
        elif found.role == "identifier":
            out.codes[found.name] = _texts(series)
        elif found.categories:
            _category(out, found, series, refusals)
        else:
            values, empty, bad = _numbers(series, decimal)
            _refuse_rows(out, found.header, series, empty, "missing", refusals)
            _refuse_rows(out, found.header, series, bad, "not_a_number", refusals)
            out.numbers[found.name] = _in_unit(values, found)
    for name, header in match.housekeeping.items():
        _housekeeping(out, name, header, frame[header], decimal, refusals)
    for name, (header, _) in match.auxiliary.items():
        series = frame[header]
        if series.dtype.kind in "fiub" and not _too_long(series):
            out.numbers[name] = series.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            out.codes[name] = _texts(series)
    return out


def _too_long(series: pd.Series[Any]) -> bool:
    """Whether a column holds whole numbers that a float64 cannot: as texts they keep their digits."""
    return series.dtype.kind in "iu" and len(series) > 0 and bool((series.abs() > 2**53).any())


def _response(out: Columns, found: Found, series: pd.Series[Any], decimal: str, refusals: Refusals) -> None:
    values, empty, bad = _numbers(series, decimal)
    values = _in_unit(values, found)
    with np.errstate(invalid="ignore"):
        outside = ~empty & ~bad & ((values < found.valid[0]) | (values > found.valid[1]))
    for mask, reason in ((bad, "not_a_number"), (outside, "outside_valid")):
        at = np.flatnonzero(mask & out.good)
        refusals.add(out.rows[at], found.header, [str(text) for text in series.iloc[at]], reason, "value")
    values[empty | bad | outside] = np.nan
    out.numbers[found.name] = values
    out.empty[found.name] = empty


def _category(out: Columns, found: Found, series: pd.Series[Any], refusals: Refusals) -> None:
    texts = _texts(series)
    position = {category: code for code, category in enumerate(found.categories)}
    lookup = np.array([*(position.get(text, -2) for text in texts.categories), -1], dtype=np.int32)
    codes = lookup[texts.codes]
    _refuse_rows(out, found.header, series, codes == -1, "missing", refusals)
    _refuse_rows(out, found.header, series, codes == -2, "category_never_seen", refusals)
    out.codes[found.name] = Codes(np.maximum(codes, -1).astype(np.int32), list(found.categories))


def _housekeeping(
    out: Columns, name: str, header: str, series: pd.Series[Any], decimal: str, refusals: Refusals
) -> None:
    if name in ("start_time", "end_time", "reading_time"):
        times, bad = _times(series)
        at = np.flatnonzero(bad & out.good)
        refusals.add(out.rows[at], header, [str(text) for text in series.iloc[at]], "time_without_zone", "value")
        out.times[name] = times
    elif name == "repeat":
        values, empty, bad = _numbers(series, decimal)
        _refuse_rows(out, header, series, empty, "missing", refusals)
        with np.errstate(invalid="ignore"):
            bad = bad | (~empty & ((values != np.round(values)) | (np.abs(values) >= 2.0**53)))
        _refuse_rows(out, header, series, bad, "repeat_not_whole", refusals)
        out.numbers[name] = values
    else:
        out.codes[name] = _texts(series)
        if name == "run_id":
            _refuse_rows(out, header, series, out.codes[name].codes < 0, "missing", refusals)


def _refuse_rows(
    out: Columns, header: str, series: pd.Series[Any], bad: NDArray[np.bool_], reason: str, refusals: Refusals
) -> None:
    at = np.flatnonzero(bad & out.good)
    refusals.add(out.rows[at], header, _shown(series, at), reason, "row")
    out.good[at] = False


def _shown(series: pd.Series[Any], at: NDArray[np.int64]) -> list[str]:
    import pandas as pd

    return ["" if pd.isna(value) else str(value) for value in series.iloc[at]]


def _in_unit(values: NDArray[np.float64], found: Found) -> NDArray[np.float64]:
    return values if found.source_unit == found.unit else units.convert(values, found.source_unit, found.unit)


def _numbers(series: pd.Series[Any], decimal: str) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Values, where nothing stands, and where something stands that is no finite number."""
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


def _texts(series: pd.Series[Any]) -> Codes:
    """Any column as texts without surrounding blanks; "" and NaN are missing."""
    import pandas as pd

    codes, uniques = pd.factorize(series, use_na_sentinel=True)
    texts = [_text(value) for value in uniques]
    kept: dict[str, int] = {}
    for text in texts:
        if text:
            kept.setdefault(text, len(kept))
    lookup = np.array([*(kept.get(text, -1) for text in texts), -1], dtype=np.int32)
    return Codes(lookup[codes], list(kept))


def _text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))  # not by way of a float: a long number of a part keeps its digits
    if isinstance(value, float | np.floating):
        return number_text(float(value)) if np.isfinite(value) else ""
    return str(value).strip()


def _times(series: pd.Series[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """UTC nanoseconds and where something stands that is no time with a zone (datetime64 is UTC by definition)."""
    import pandas as pd

    if series.dtype.kind == "M" or isinstance(series.dtype, pd.DatetimeTZDtype):
        stamps = pd.to_datetime(series, utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
        return stamps.view(np.int64), np.zeros(len(series), dtype=bool)
    texts = series.astype(object).where(~series.isna().to_numpy(dtype=bool), "").astype(str).str.strip()
    empty = (texts == "").to_numpy(dtype=bool)
    zoned = texts.str.contains(r"(?:[zZ]|[-+]\d\d:?\d\d)$", regex=True).to_numpy(dtype=bool)
    parsed = pd.to_datetime(texts.where(zoned), utc=True, errors="coerce", format="ISO8601")
    stamps = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")
    counts = stamps.view(np.int64)
    return counts, ~empty & (counts == NO_TIME)


def join(chunks: Sequence[Columns]) -> Columns:
    """All chunks of a source as one; a column that is text in any chunk is text."""
    if len(chunks) == 1:
        return chunks[0]
    out = Columns(np.concatenate([chunk.rows for chunk in chunks]), np.concatenate([chunk.good for chunk in chunks]))
    first = chunks[0]
    for name in first.numbers.keys() | first.codes.keys():
        if all(name in chunk.numbers for chunk in chunks):
            out.numbers[name] = np.concatenate([chunk.numbers[name] for chunk in chunks])
        else:
            out.codes[name] = _join_codes([_as_codes(chunk, name) for chunk in chunks])
    for name in first.times:
        out.times[name] = np.concatenate([chunk.times[name] for chunk in chunks])
    for name in first.empty:
        out.empty[name] = np.concatenate([chunk.empty[name] for chunk in chunks])
    return out


def _as_codes(chunk: Columns, name: str) -> Codes:
    import pandas as pd

    return chunk.codes[name] if name in chunk.codes else _texts(pd.Series(chunk.numbers[name]))


def _join_codes(parts: Sequence[Codes]) -> Codes:
    position: dict[str, int] = {}
    codes = []
    for part in parts:
        lookup = np.array([*(position.setdefault(text, len(position)) for text in part.categories), -1], dtype=np.int32)
        codes.append(lookup[part.codes])
    return Codes(np.concatenate(codes), list(position))
