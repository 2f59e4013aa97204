"""What the columns of an unknown table may be: numbers, categories, counters, settings, repeats, results.

Every guess rests on what can be seen (distinct values, what varies within what) and on a few words in headers; each
comes with its reason, so that a person can judge it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import units

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["ColumnGuess", "Guess", "guess"]

_FEW = 12  # distinct values of something that is set
_FEW_CATEGORIES = 30
_COUNTER = re.compile(
    r"(^|[\W_])(number|no|nr|num|id|idx|index|run|sample|setting|trial|part|piece|shaft|wafer|row|serial)\d*([\W_]|$)|#"
)
_REPEAT = re.compile(r"(^|[\W_])(rep|repeat|repeats|repetition|replicate|replication|replica|reading|measurement)s?$")
_CIRCUMSTANCE = re.compile(
    r"ambient|humid|room|weather|wear|age|lot|material|supplier|operator|shift|machine|line|product|grade|size|diameter"
)
_RESULT = re.compile(
    r"yield|strength|rough|purity|quality|defect|scrap|hardness|thickness|power|energy|response|result|cost|loss|error"
    r"|concentration|viscosity|density|output"
)
_PARENTHESES = re.compile(r"^(?P<name>.*?\S)\s*\((?P<unit>[^()]+)\)$")
_SUFFIX = re.compile(
    r"^(?P<name>.+)_(?P<unit>mm|cm|um|nm|s|min|h|degC|K|kW|W|kWh|bar|mbar|kPa|MPa|A|V|N|Nm|kg|g|rpm|Hz|pct)$"
)
_TIME = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_ZONE = re.compile(r"([zZ]|[-+]\d\d:?\d\d)$")
_SPELLED = {"°C": "degC", "ºC": "degC", "℃": "degC", "pct": "%"}


@dataclass
class ColumnGuess:
    """One column: what it is taken for, and why."""

    header: str
    name: str
    unit: str = ""
    role: str = "auxiliary"  # parameter, context, noise, identifier, response, repeat, constant, time or auxiliary
    why: str = ""
    categories: list[str] = field(default_factory=list)
    low: float = float("nan")
    high: float = float("nan")
    whole: bool = False
    time: bool = False
    zoned: bool = False  # a time with its zone
    distinct: int = 0
    empty: int = 0

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return math.isfinite(self.low)


@dataclass
class Guess:
    """A whole table: its columns in their order, what names a run, what must not be split."""

    columns: list[ColumnGuess]
    run_id: list[str] = field(default_factory=list)  # names
    groups: list[str] = field(default_factory=list)
    rows: int = 0
    runs: int = 0

    def of(self, *roles: str) -> list[ColumnGuess]:
        """Columns of these roles."""
        return [column for column in self.columns if column.role in roles]


def guess(frame: pd.DataFrame) -> Guess:
    """Guess roles of all columns. ``frame`` holds numbers where a whole column is numbers, texts elsewhere."""
    names: set[str] = set()
    columns = [_look(frame[header], str(header), names) for header in frame.columns]
    out = Guess(columns, rows=len(frame))
    codes = {column.header: _codes(frame[column.header]) for column in columns}
    _simple_roles(columns)
    _counters(out, codes)
    _settings_and_results(columns)
    _runs(out, codes)
    return out


def _look(series: pd.Series[Any], header: str, names: set[str]) -> ColumnGuess:
    """Name, unit, range or categories of one column."""
    base, unit = _name_and_unit(header)
    column = ColumnGuess(header, _free_name(base, names), unit)
    there = series.dropna()
    column.empty = len(series) - len(there)
    column.distinct = int(there.nunique())
    if series.dtype.kind in "fiu" and len(there):
        values = there.to_numpy(dtype=np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            column.low, column.high = float(values.min()), float(values.max())
            column.whole = bool((values == np.round(values)).all())
    elif series.dtype.kind == "M" or (len(there) and all(_TIME.match(str(value)) for value in there[:100])):
        column.time = True
        column.zoned = series.dtype.kind == "M" or all(_ZONE.search(str(value)) for value in there[:100])
    elif column.distinct <= _FEW_CATEGORIES:
        column.categories = sorted({str(value).strip() for value in there} - {""})
    return column


def _name_and_unit(header: str) -> tuple[str, str]:
    """Name and unit of ``Vc [m/min]``, ``Vc (m/min)`` or ``length_mm``."""
    base, unit = units.parse_header(header)
    if unit is None:
        match = _PARENTHESES.match(header) or _SUFFIX.match(header)
        if match is not None:
            base, unit = match["name"], match["unit"]
    if unit is None:
        return base, ""
    spelled = _SPELLED.get(unit, unit).replace("µ", "u").replace("μ", "u").replace("³", "3").replace("²", "2")
    return (base, spelled) if units.is_unit(spelled) else (header.strip(), "")


def _free_name(base: str, names: set[str]) -> str:
    """Return the header's own word where it is one, otherwise made of its letters and digits; never twice."""
    plain = base if re.fullmatch(r"[^\W\d]\w*", base) else re.sub(r"\W+", "_", base).strip("_")
    if not plain or plain[0].isdigit():
        plain = f"column_{plain}".rstrip("_")
    name, number = plain, 2
    while name in names:
        name, number = f"{plain}_{number}", number + 1
    names.add(name)
    return name


def _codes(series: pd.Series[Any]) -> NDArray[np.int64]:
    import pandas as pd

    return pd.factorize(series)[0].astype(np.int64)


def _words(column: ColumnGuess) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.name).lower()


def _simple_roles(columns: Sequence[ColumnGuess]) -> None:
    """Constants, times, texts: what needs no other column."""
    for column in columns:
        if column.distinct == 0:
            column.role, column.why = "constant", "empty"
        elif column.distinct == 1:
            column.role, column.why = "constant", "the same value in every row"
        elif column.time:
            column.role, column.why = "time", "dates and times"
        elif column.categories:
            column.role, column.why = "context", f"{column.distinct} categories"
        elif not column.numeric:
            column.role, column.why = "identifier", f"{column.distinct:,} different texts"


def _counters(out: Guess, codes: dict[str, NDArray[np.int64]]) -> None:
    """Whole numbers from 0 or 1 without gaps are repeats or identifiers when their name or the table says so."""
    numbers = [column for column in out.columns if column.role == "auxiliary" and column.numeric]
    for column in numbers:
        gapless = column.whole and column.low in (0, 1) and column.high - column.low + 1 == column.distinct
        settings = [other for other in numbers if other is not column and 1 < other.distinct < column.distinct <= 1000]
        settings = [other for other in settings if other.distinct <= _FEW]
        decides = [other for other in settings if _decides(codes[column.header], codes[other.header])]
        if column.whole and _REPEAT.search(_words(column)):
            column.role, column.why = "repeat", "numbers the readings of a run"
        elif gapless and column.distinct == out.rows:
            column.role, column.why = "identifier", "numbers the rows"
        elif column.whole and _COUNTER.search(_words(column)):
            column.role, column.why = "identifier", "whole numbers under the name of a counter"
        elif gapless and len(decides) >= 2 and len(decides) == len(settings):
            column.role, column.why = "identifier", "numbers the settings"


def _decides(key: NDArray[np.int64], value: NDArray[np.int64]) -> bool:
    """Whether rows of equal key have equal value."""
    return len(np.unique(key * (value.max() + 2) + value)) == len(np.unique(key))


def _settings_and_results(columns: Sequence[ColumnGuess]) -> None:
    """Few distinct numbers were set, many were measured; without that difference, the words and the order decide."""
    numbers = [column for column in columns if column.role == "auxiliary" and column.numeric]
    few = [column for column in numbers if column.distinct <= _FEW and not _RESULT.search(_words(column))]
    for column in numbers:
        if _CIRCUMSTANCE.search(_words(column)):
            column.role, column.why = "context", "a circumstance by its name"
        elif column in few:
            column.role, column.why = "parameter", f"{column.distinct} distinct numbers"
        elif few:
            column.role, column.why = "response", f"{column.distinct:,} distinct numbers"
    open_numbers = [column for column in numbers if column.role == "auxiliary"]
    named = [column for column in open_numbers if _RESULT.search(_words(column))] or open_numbers[-1:]
    for column in open_numbers:
        if column in named:
            column.role, column.why = "response", "a result by its name or its place at the end"
        else:
            column.role, column.why = "parameter", "a number before the results"


def _runs(out: Guess, codes: dict[str, NDArray[np.int64]]) -> None:
    """Find what names a run: the fewest inputs under which no repeat occurs twice; what varies in it is noise."""
    out.runs = out.rows
    inputs = out.of("context", "parameter")
    identifiers = out.of("identifier")
    unique = [column for column in identifiers if column.distinct == out.rows]
    repeats = out.of("repeat")
    for extra in repeats[1:]:
        extra.role, extra.why = "auxiliary", f"a second numbering beside {repeats[0].header}"
    if unique and not repeats:
        out.run_id = [unique[0].name]
    elif repeats:
        key = _smallest_key(repeats[0], [*identifiers, *inputs], codes)
        if not key:
            repeats[0].role, repeats[0].why = "identifier", "occurs twice under the same settings"
        else:
            out.run_id = [column.name for column in out.columns if column in key]
            run = _joint([codes[column.header] for column in key])
            out.runs = len(np.unique(run))
            for column in inputs:
                if not _decides(run, codes[column.header]):
                    column.role, column.why = "noise", "varies between the readings of a run"
    parameters = out.of("parameter")
    if parameters:
        setpoints = len(np.unique(_joint([codes[column.header] for column in parameters])))
        if 1 < setpoints < out.runs:
            out.groups = [column.name for column in parameters]


def _smallest_key(
    repeat: ColumnGuess, candidates: Sequence[ColumnGuess], codes: dict[str, NDArray[np.int64]]
) -> list[ColumnGuess]:
    """Leave out one candidate after the other, categories first, while (key, repeat) stays unique in every row."""

    def unique(key: Sequence[ColumnGuess]) -> bool:
        joint = _joint([codes[column.header] for column in [*key, repeat]])
        return len(np.unique(joint)) == len(joint)

    key = [column for column in candidates if column.empty == 0]
    if not unique(key):
        return []
    for column in [*(c for c in reversed(candidates) if c.categories), *reversed(candidates)]:
        rest = [other for other in key if other is not column]
        if rest and len(rest) < len(key) and unique(rest):
            key = rest
    return key


def _joint(columns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the combination of several columns as one number per row."""
    joint = np.zeros(len(columns[0]), dtype=np.int64)
    for codes in columns:
        joint = np.unique(joint * (codes.max() + 2) + codes + 1, return_inverse=True)[1].astype(np.int64)
    return joint
