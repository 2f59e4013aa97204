"""The columns of an unknown table as they look: name, unit, range, distinct values, categories, times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import units
from luban._intake.header_units import name_and_unit
from luban._intake.header_words import names_code, words

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["ColumnGuess", "Table", "decides", "joint", "look"]

_FEW_CATEGORIES = 30
_ARE_NUMBERS = 0.9  # share of a column's cells from which on the others are taken for bad cells
_RESERVED = {"run_id", "run", "repeat", "time", "start_time", "end_time", "reading_time", "status", "group", "source",
             "equipment", "material_lot", "recipe", "lot"}  # fmt: skip
_DATE = r"\d{4}(?P<a>[-/.])\d\d?(?P=a)\d\d?|\d\d?(?P<b>[-/.])\d\d?(?P=b)(\d{4}|\d\d)"
_CLOCK = r"\d\d?:\d\d(:\d\d([.,]\d+)?)?\s*([AaPp][Mm])?"
_TIME = re.compile(rf"^(({_DATE})([T ]\s*{_CLOCK}\s*([zZ]|[-+]\d\d:?\d\d)?)?|{_CLOCK})$")
_LOCAL = re.compile(r"^\d{4}([-/])\d\d?\1\d\d?[T ]\d\d?:\d\d[\d:.,]*$")  # as an import reads it, without a zone
_ZONED = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*([zZ]|[-+]\d\d:?\d\d)$")


@dataclass
class ColumnGuess:
    """One column: what it is taken for, why, and what makes that doubtful."""

    header: str
    name: str
    unit: str = ""
    role: str = "auxiliary"  # parameter, context, noise, identifier, response, repeat, constant, time or auxiliary
    why: str = ""
    doubts: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    low: float = float("nan")
    high: float = float("nan")
    whole: bool = False
    time: bool = False
    zoned: bool = False  # a time with its zone
    local: bool = False  # a time that an import reads when it knows its zone
    outcome: bool = False  # classes that look like a result
    distinct: int = 0
    empty: int = 0

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return math.isfinite(self.low)

    @property
    def words(self) -> str:
        """The small words of its header."""
        return words(self.header)

    def take(self, role: str, why: str, *doubts: str) -> None:
        """Settle the role."""
        self.role, self.why = role, why
        self.doubts += [doubt for doubt in doubts if doubt]


@dataclass
class Table:
    """All columns in their order, with codes of equal values, (rows,), and the numbers, (rows,), NaN where none."""

    columns: list[ColumnGuess]
    codes: dict[str, NDArray[np.int64]]
    numbers: dict[str, NDArray[np.float64]]
    times: dict[str, pd.Series[Any]]
    rows: int

    def of(self, *roles: str) -> list[ColumnGuess]:
        """Columns of these roles."""
        return [column for column in self.columns if column.role in roles]

    def decides(self, keys: Iterable[ColumnGuess], value: ColumnGuess) -> bool:
        """Whether rows that agree in all ``keys`` agree in ``value``."""
        return decides(joint([self.codes[key.header] for key in keys]), self.codes[value.header])

    def combinations(self, columns: Sequence[ColumnGuess]) -> int:
        """Count the different combinations of values."""
        return len(np.unique(joint([self.codes[column.header] for column in columns]))) if columns else 1


def look(frame: pd.DataFrame) -> Table:
    """Look at each column alone. ``frame`` holds numbers where a whole column is numbers, texts elsewhere.

    ``frame.attrs["units"]`` states units that do not stand in the headers.
    """
    import pandas as pd

    names = set(_RESERVED)
    stated = {str(text): unit for text, unit in frame.attrs.get("units", {}).items() if units.is_unit(unit)}
    table = Table([], {}, {}, {}, len(frame))
    for header in frame.columns:
        series, text = frame[header], str(header)
        taken = name_and_unit(text)
        column = ColumnGuess(
            text,
            _free_name(taken.base, names),
            stated.get(text) or taken.unit,
            doubts=[taken.doubt] if taken.doubt else [],
        )
        series = _numbers_among_texts(series, column)
        there = series.dropna()
        column.empty = len(series) - len(there)
        column.distinct = int(there.nunique())
        if series.dtype.kind in "fiu" and len(there) and not (series.dtype.kind in "iu" and _are_names(column)):
            values = series.to_numpy(dtype=np.float64, na_value=np.nan)
            _numbers(column, values)
            table.numbers[text] = values
        elif series.dtype.kind == "M" or (len(there) and all(_TIME.match(str(value).strip()) for value in there[:100])):
            column.time = True
            column.zoned = series.dtype.kind == "M" or all(_ZONED.search(str(value).strip()) for value in there[:100])
            if series.dtype.kind == "M":
                column.local = getattr(series.dtype, "tz", None) is None
            else:
                column.local = all(_LOCAL.match(str(value).strip()) for value in there[:100])
            table.times[text] = series
        elif column.distinct <= _most_categories(column, len(there)):
            column.categories = sorted({_text(value) for value in there} - {""})
        if not column.numeric:  # only numbers are measured in units
            column.unit, column.doubts = "", []
            column.name = column.name if taken.base == text else _free_name(text, names)
        table.columns.append(column)
        table.codes[text] = pd.factorize(series)[0].astype(np.int64)
    return table


def _numbers_among_texts(series: pd.Series[Any], column: ColumnGuess) -> pd.Series[Any]:
    """Texts as numbers when nearly all are: the others are bad cells, which an import sets aside."""
    import pandas as pd

    if series.dtype.kind not in "OUS" and not pd.api.types.is_string_dtype(series):
        return series
    texts = series.where(series.notna(), "").astype(str).str.strip()
    there = texts[texts != ""]
    if len(there) == 0 or (names_code(column.header) and there.nunique() <= _FEW_CATEGORIES):
        return series
    numbers = pd.to_numeric(there, errors="coerce").replace([np.inf, -np.inf], np.nan)
    bad = there[numbers.isna()]
    if len(bad) > (1 - _ARE_NUMBERS) * len(there) or len(bad) == len(there):
        return series
    if len(bad):
        shown = ", ".join(repr(text[:20]) for text in sorted(set(bad))[:3])
        column.doubts.append(f"{len(bad):,} cells are no numbers ({shown}) and will be set aside at import")
    return numbers.reindex(series.index)


def _numbers(column: ColumnGuess, values: NDArray[np.float64]) -> None:
    """Range of a column of numbers; a unit that they contradict is not claimed."""
    values = values[np.isfinite(values)]
    if not len(values):
        return
    column.low, column.high = float(values.min()), float(values.max())
    column.whole = bool((values == np.round(values)).all())
    if column.unit == "degC" and column.low < -273.15:
        column.unit = ""
        column.doubts.append("colder than degC can be")
    elif column.unit == "%" and column.distinct > 2 and column.low >= 0 and column.high <= 1:
        column.doubts.append("headed %, but all values lie between 0 and 1")


def _are_names(column: ColumnGuess) -> bool:
    """Whether whole numbers are names, such as those of machines."""
    return names_code(column.header) and column.distinct <= _FEW_CATEGORIES


def _most_categories(column: ColumnGuess, there: int) -> int:
    """Categories are few, and each stands in several rows; of equipment and the like there may be more."""
    from luban._intake.header_words import CIRCUMSTANCE

    if CIRCUMSTANCE.search(column.words) and column.distinct * 8 <= there:
        return 2 * _FEW_CATEGORIES
    return _FEW_CATEGORIES if column.distinct * 2 <= there or column.distinct <= 3 else 0


def _text(value: object) -> str:
    return (
        str(int(value)) if isinstance(value, int | np.integer) and not isinstance(value, bool) else str(value).strip()
    )


def _free_name(base: str, names: set[str]) -> str:
    """Return the header's own word where it is one, otherwise made of its letters and digits; never twice.

    A name that a history needs for itself gets ``my_`` in front.
    """
    plain = base if re.fullmatch(r"[^\W\d]\w*", base) else re.sub(r"\W+", "_", base).strip("_")
    if not plain or plain[0].isdigit():
        plain = f"column_{plain}".rstrip("_")
    if plain in _RESERVED:
        plain = f"my_{plain}"
    name, number = plain, 2
    while name in names:
        name, number = f"{plain}_{number}", number + 1
    names.add(name)
    return name


def decides(key: NDArray[np.int64], value: NDArray[np.int64]) -> bool:
    """Whether rows of equal key have equal value; both (rows,)."""
    return len(np.unique(key * (value.max() + 2) + value + 1)) == len(np.unique(key))


def joint(columns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the combination of several columns as one number per row."""
    out = np.zeros(len(columns[0]), dtype=np.int64)
    for codes in columns:
        out = np.unique(out * (codes.max() + 2) + codes + 1, return_inverse=True)[1].astype(np.int64)
    return out
