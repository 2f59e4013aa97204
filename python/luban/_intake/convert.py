"""From what stands in a source to numbers, codes and texts; every refusal is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import units
from luban._intake.arrow_cells import ArrowCells, joined
from luban._intake.cells import NO_TIME, Codes, Plain, RawChunk, number_text, texts_of
from luban._intake.quality import QUALITY_GOOD, QUALITY_UNCERTAIN, QUALITY_UNKNOWN
from luban._intake.status import translated

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from luban._intake.cells import Cells
    from luban._intake.columns import Found, Match
    from luban._intake.quality import Quality

__all__ = [
    "NO_TIME",
    "Codes",
    "Columns",
    "Refusals",
    "convert_chunk",
    "convert_piece",
    "join",
    "join_codes",
    "number_text",
]

_LONGEST_KEPT = 10_000  # characters of a refused value: enough to find it again


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

    def take_over(self, other: Refusals, ends: NDArray[np.int64]) -> None:
        """Add what ``other`` refused, those before the first of the source rows ``ends`` first, and so on."""
        rows = other.rows
        order = np.argsort(np.searchsorted(ends, rows, side="right"), kind="stable")
        if not len(order):
            return
        self.row.append(rows[order])
        for name in ("column", "value", "reason", "scope"):
            values = getattr(other, name)
            getattr(self, name).extend(values[i] for i in order)

    def drop_values(self, rows: NDArray[np.int64]) -> None:
        """Forget values refused in ``rows``: those rows were refused whole, and count once."""
        if not len(self):
            return
        stays = np.array([scope == "row" for scope in self.scope], dtype=bool) | ~np.isin(self.rows, rows)
        if stays.all():
            return
        chosen = self.chosen(stays)
        for name in ("row", "column", "value", "reason", "scope"):
            setattr(self, name, getattr(chosen, name))

    def chosen(self, stays: NDArray[np.bool_]) -> Refusals:
        """Return some of them."""
        at = np.flatnonzero(stays)
        texts = ([values[i] for i in at] for values in (self.column, self.value, self.reason, self.scope))
        return Refusals([self.rows[at]], *texts)

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
    empty: dict[str, NDArray[np.bool_]] = field(default_factory=dict)  # of responses with gaps: nothing stood there
    complete: set[str] = field(default_factory=set)  # responses with a number in each row
    plain: dict[str, Plain] = field(default_factory=dict)  # auxiliary texts that all are numbers, of one chunk
    achieved: dict[str, NDArray[np.float64] | Codes] = field(default_factory=dict)  # beside a parameter
    quality: dict[str, NDArray[np.int32]] = field(default_factory=dict)  # of responses
    naive: dict[str, str] = field(default_factory=dict)  # typed times without a zone: header → the zone taken
    status: bool = False  # the column of that name says how the runs ended


def convert_piece(
    chunks: Sequence[RawChunk], match: Match, decimal: str, refusals: Refusals, timezone: ZoneInfo | None = None
) -> Columns:
    """Convert all rows of some chunks, a column of several of them at once; refusals stand chunk by chunk.

    ``timezone`` is where times without a zone were written.
    """
    parts = []
    for group in _groups(chunks):
        whole = RawChunk(joined([chunk.cells for chunk in group]), np.concatenate([chunk.rows for chunk in group]))
        whole.malformed = [row for chunk in group for row in chunk.malformed]
        own = Refusals()
        parts.append(convert_chunk(whole, match, decimal, own, timezone))
        refusals.take_over(own, np.maximum.accumulate([chunk.end for chunk in group]))
    return join(parts)


def _groups(chunks: Sequence[RawChunk]) -> list[list[RawChunk]]:
    """Chunks one after the other whose cells can be joined."""
    out: list[list[RawChunk]] = []
    for chunk in chunks:
        if out and isinstance(chunk.cells, ArrowCells) and chunk.cells.fits(out[-1][-1].cells):
            out[-1].append(chunk)
        else:
            out.append([chunk])
    return out


def convert_chunk(
    chunk: RawChunk, match: Match, decimal: str, refusals: Refusals, timezone: ZoneInfo | None = None
) -> Columns:
    """Convert some rows. Rows without a usable input are refused whole, responses value by value."""
    cells = chunk.cells
    out = Columns(chunk.rows, np.ones(len(cells), dtype=bool))
    for number, text in chunk.malformed:
        refusals.add(np.array([number]), "", [text], "malformed_row", "row")
    for found in match.found.values():
        if found.role == "response":
            _response(out, found, cells, decimal, refusals)
        elif found.role == "identifier":
            out.codes[found.name] = cells.codes(found.header)
        elif found.categories:
            _category(out, found, cells, refusals)
        else:
            values, empty, bad = cells.numbers(found.header, decimal)
            _refuse_rows(out, found.header, cells, empty, "missing", refusals)
            _refuse_rows(out, found.header, cells, bad, "not_a_number", refusals)
            out.numbers[found.name] = _in_unit(values, found)
    for name, header in match.housekeeping.items():
        if name in ("start_time", "end_time", "reading_time"):
            _time(out, name, header, cells, timezone, refusals)
        elif name == "status" and match.status is not None:
            _status(out, header, match.status, cells, refusals)
        elif name == "run_id" and not match.run_id_counts:
            out.codes[name] = cells.codes(header)
        else:
            _housekeeping(out, name, header, cells, decimal, refusals)
    for found in match.achieved.values():
        _achieved(out, found, cells, decimal, refusals)
    for quality in match.quality:
        _quality(out, quality, cells, refusals)
    for name, (header, _) in match.auxiliary.items():
        values_or_texts = cells.free(header)
        if isinstance(values_or_texts, Codes):
            out.codes[name] = values_or_texts
        elif isinstance(values_or_texts, Plain):
            out.plain[name] = values_or_texts
        else:
            out.numbers[name] = values_or_texts
    return out


def _response(out: Columns, found: Found, cells: Cells, decimal: str, refusals: Refusals) -> None:
    values, empty, bad = cells.numbers(found.header, decimal)
    values = _in_unit(values, found)
    outside = _outside(values, found.valid)
    for mask, reason in ((bad, "not_a_number"), (outside & ~empty & ~bad, "outside_valid")):
        _refuse_values(out, found.header, cells, mask, reason, refusals)
    gaps = empty | bad | outside
    if gaps.any():
        values[gaps] = np.nan
    else:
        out.complete.add(found.name)
    out.numbers[found.name] = values
    if empty.any():
        out.empty[found.name] = empty


def _outside(values: NDArray[np.float64], valid: tuple[float, float]) -> NDArray[np.bool_]:
    """Where a number lies outside of what is possible."""
    low, high = valid
    everything = low == -np.inf and high == np.inf
    if everything or not len(values) or (low <= values.min() and values.max() <= high):  # not where one is missing
        return np.zeros(len(values), dtype=bool)
    with np.errstate(invalid="ignore"):
        return (values < low) | (values > high)


def _known_codes(found: Found, texts: Codes) -> NDArray[np.int32]:
    """Codes into the categories of the process; −1 is missing, −2 unknown."""
    position = {category: code for code, category in enumerate(found.categories)}
    lookup = [position.get(text, -2) for text in texts.categories]
    if lookup == list(range(len(lookup))):
        return texts.codes
    return np.array([*lookup, -1], dtype=np.int32)[texts.codes]


def _of_process(found: Found, codes: NDArray[np.int32]) -> Codes:
    """Codes as a column, unknown ones as missing."""
    return Codes(np.where(codes == -2, np.int32(-1), codes) if (codes == -2).any() else codes, list(found.categories))


def _category(out: Columns, found: Found, cells: Cells, refusals: Refusals) -> None:
    codes = _known_codes(found, cells.codes(found.header))
    _refuse_rows(out, found.header, cells, codes == -1, "missing", refusals)
    _refuse_rows(out, found.header, cells, codes == -2, "category_never_seen", refusals)
    out.codes[found.name] = _of_process(found, codes)


def _achieved(out: Columns, found: Found, cells: Cells, decimal: str, refusals: Refusals) -> None:
    """Read what a parameter reached; where that is unknown or no value, the row stays."""
    if found.categories:
        codes = _known_codes(found, cells.codes(found.header))
        _refuse_values(out, found.header, cells, codes == -2, "category_never_seen", refusals)
        out.achieved[found.name] = _of_process(found, codes)
        return
    values, _, bad = cells.numbers(found.header, decimal)
    _refuse_values(out, found.header, cells, bad, "not_a_number", refusals)
    values = _in_unit(values, found)
    values[bad] = np.nan
    out.achieved[found.name] = values


def _quality(out: Columns, quality: Quality, cells: Cells, refusals: Refusals) -> None:
    """Read the quality of a response; a text that nobody explained makes its value uncertain, the worst word counts.

    Raises: ConfigurationError for the numbers of OPC Classic where the process file does not explain them.
    """
    texts = cells.codes(quality.header)
    quality.require_explained(texts.categories)
    lookup = np.array([*(quality.code(text) for text in texts.categories), QUALITY_GOOD], dtype=np.int32)
    codes = lookup[texts.codes]
    unknown = codes == QUALITY_UNKNOWN
    _refuse_values(out, quality.header, cells, unknown, "quality_never_seen", refusals)
    codes = np.where(unknown, QUALITY_UNCERTAIN, codes).astype(np.int32)
    before = out.quality.get(quality.response)
    out.quality[quality.response] = codes if before is None else np.maximum(before, codes)


def _time(out: Columns, name: str, header: str, cells: Cells, timezone: ZoneInfo | None, refusals: Refusals) -> None:
    found = cells.times(header, timezone)
    for reason, bad in found.bad.items():
        _refuse_values(out, header, cells, bad, reason, refusals)
    out.times[name] = found.nanoseconds
    if found.naive:
        out.naive[header] = "UTC" if timezone is None else timezone.key


def _status(out: Columns, header: str, words: Mapping[str, str], cells: Cells, refusals: Refusals) -> None:
    """Read how runs ended, by the words of the process file."""
    out.codes["status"], unknown = translated(cells.codes(header), words)
    _refuse_values(out, header, cells, unknown, "status_unknown", refusals)


def _housekeeping(out: Columns, name: str, header: str, cells: Cells, decimal: str, refusals: Refusals) -> None:
    if name == "repeat":
        values, empty, bad = cells.numbers(header, decimal)
        _refuse_rows(out, header, cells, empty, "missing", refusals)
        with np.errstate(invalid="ignore"):
            bad = bad | (~empty & ((values != np.round(values)) | (np.abs(values) >= 2.0**53)))
        _refuse_rows(out, header, cells, bad, "repeat_not_whole", refusals)
        out.numbers[name] = values
    else:
        out.codes[name] = cells.codes(header)
        if name == "run_id":
            _refuse_rows(out, header, cells, out.codes[name].codes < 0, "missing", refusals)


def _refuse_rows(
    out: Columns, header: str, cells: Cells, bad: NDArray[np.bool_], reason: str, refusals: Refusals
) -> None:
    out.good[_refuse(out, header, cells, bad, reason, refusals, "row")] = False


def _refuse_values(
    out: Columns, header: str, cells: Cells, bad: NDArray[np.bool_], reason: str, refusals: Refusals
) -> None:
    _refuse(out, header, cells, bad, reason, refusals, "value")


def _refuse(
    out: Columns, header: str, cells: Cells, bad: NDArray[np.bool_], reason: str, refusals: Refusals, scope: str
) -> NDArray[np.int64]:
    """Refuse what is bad in rows that were good so far; return their places."""
    at = np.flatnonzero(bad & out.good) if bad.any() else np.empty(0, dtype=np.int64)
    if len(at):
        refusals.add(out.rows[at], header, cells.shown(header, at), reason, scope)
    return at


def _in_unit(values: NDArray[np.float64], found: Found) -> NDArray[np.float64]:
    return values if found.source_unit == found.unit else units.convert(values, found.source_unit, found.unit)


def join(chunks: Sequence[Columns]) -> Columns:
    """All chunks of a source as one; a column that is text in any chunk is text."""
    first = chunks[0]
    out = Columns(_in_one([chunk.rows for chunk in chunks]), _in_one([chunk.good for chunk in chunks]))
    for name in first.numbers.keys() | first.codes.keys() | first.plain.keys():
        if all(name in chunk.numbers for chunk in chunks):
            out.numbers[name] = _in_one([chunk.numbers[name] for chunk in chunks])
        elif all(name in chunk.plain or (name in chunk.codes and _nothing(chunk.codes[name])) for chunk in chunks):
            out.numbers[name] = _in_one([_plain_values(chunk, name) for chunk in chunks])
        else:
            out.codes[name] = join_codes([_as_codes(chunk, name) for chunk in chunks])
    for name in first.times:
        out.times[name] = _in_one([chunk.times[name] for chunk in chunks])
    out.complete = set.intersection(*(chunk.complete for chunk in chunks))
    for name in set.union(*(set(chunk.empty) for chunk in chunks)):
        none = [np.zeros(len(chunk.rows), dtype=bool) for chunk in chunks]
        out.empty[name] = _in_one([chunk.empty.get(name, full) for chunk, full in zip(chunks, none, strict=True)])
    out.naive = {header: zone for chunk in chunks for header, zone in chunk.naive.items()}
    for name in first.quality:
        out.quality[name] = _in_one([chunk.quality[name] for chunk in chunks])
    for name in first.achieved:
        parts = [chunk.achieved[name] for chunk in chunks]
        codes = [part for part in parts if isinstance(part, Codes)]
        numbers = [part for part in parts if not isinstance(part, Codes)]
        out.achieved[name] = join_codes(codes) if codes else _in_one(numbers)
    return out


def _in_one(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _nothing(codes: Codes) -> bool:
    return not codes.categories


def _plain_values(chunk: Columns, name: str) -> NDArray[np.float64]:
    return chunk.plain[name].values if name in chunk.plain else np.full(len(chunk.rows), np.nan)


def _as_codes(chunk: Columns, name: str) -> Codes:
    import pandas as pd

    if name in chunk.plain:
        return chunk.plain[name].codes()
    return chunk.codes[name] if name in chunk.codes else texts_of(pd.Series(chunk.numbers[name]))


def join_codes(parts: Sequence[Codes]) -> Codes:
    """Codes of several chunks as codes into one list, in the order in which texts appear."""
    if len(parts) == 1:
        return parts[0]
    position: dict[str, int] = {}
    codes = []
    for part in parts:
        lookup = np.array([*(position.setdefault(text, len(position)) for text in part.categories), -1], dtype=np.int32)
        codes.append(lookup[part.codes])
    return Codes(np.concatenate(codes), list(position))
