"""Columns of an import as the tables of a history: what belongs to a run, what to a reading."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban._intake.cells import taken, texts_of
from luban._intake.convert import NO_TIME, Codes, Columns
from luban._intake.status import stored_status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from luban._intake.columns import Match
    from luban._intake.report import ImportReport
    from luban._intake.row_runs import RowRuns

__all__ = ["ReadingTables", "RunTables", "free_numbers", "number_codes", "reading_tables", "run_tables"]

# Numbers that lose nothing as float64: no leading zeros (007 is a name), at most 15 digits.
_PLAIN_NUMBER = re.compile(r"^[-+]?(?=\.?\d)(0|[1-9]\d*)?(\.\d+)?([eE][-+]?\d+)?$")
_TEXTS_OF_RUNS = ("equipment", "material_lot", "recipe")


@dataclass
class RunTables:
    """What is known of each run; ``varying`` are columns that turned out to differ between readings of a run."""

    parameters: _core.Table = field(default_factory=_core.Table)
    context: _core.Table = field(default_factory=_core.Table)
    identifiers: _core.Table = field(default_factory=_core.Table)
    housekeeping: dict[str, Any] = field(default_factory=dict)
    varying: list[str] = field(default_factory=list)


@dataclass
class ReadingTables:
    """What is known of each reading."""

    noise: _core.Table = field(default_factory=_core.Table)
    auxiliary: _core.Table = field(default_factory=_core.Table)
    auxiliary_names: list[str] = field(default_factory=list)


def run_tables(
    columns: Columns,
    match: Match,
    kept: NDArray[np.int64],
    runs: RowRuns,
    report: ImportReport,
) -> RunTables:
    """Tables of the runs, each run by its first row. An identifier that varies within a run becomes auxiliary.

    Identifiers are texts, as the source has them, also where all are numbers: 007 is a name, and so is 7.
    """
    out = RunTables()
    first = kept[runs.first]
    for found in match.found.values():
        if found.role == "parameter":
            out.parameters.add(_variable(columns, found.name, found.unit, first))
        elif found.role == "context":
            out.context.add(_variable(columns, found.name, found.unit, first))
        elif found.role == "identifier":
            names = columns.codes[found.name]
            if runs.constant(taken(names.codes, kept)):
                out.identifiers.add(_core.Column.string(found.name, names.texts(first).tolist()))
            else:
                out.varying.append(found.name)
                report.notes.append(f"{found.header} varies within runs: kept for each reading.")
    for name in ("start_time", "end_time"):
        if name in columns.times:
            out.housekeeping[name] = _first_known(columns.times[name][kept], runs.run, len(first)).tolist()
    for name in _TEXTS_OF_RUNS:
        if name in columns.codes and runs.constant(taken(columns.codes[name].codes, kept)):
            out.housekeeping[name] = columns.codes[name].texts(first).tolist()
        elif name in columns.codes:
            out.varying.append(name)
            report.notes.append(f"{match.housekeeping[name]} varies within runs: kept for each reading.")
    if columns.status:
        out.housekeeping["status"] = stored_status(columns, first)
    elif "status" in columns.codes:
        out.varying.append("status")
    return out


def reading_tables(
    columns: Columns, match: Match, kept: NDArray[np.int64], varying: list[str], report: ImportReport
) -> ReadingTables:
    """Noise variables and auxiliary columns of the readings."""
    out = ReadingTables()
    for found in match.found.values():
        if found.role == "noise":
            out.noise.add(_variable(columns, found.name, found.unit, kept))
    units = {name: unit for name, (_, unit) in match.auxiliary.items()}
    for name in (*match.auxiliary, *varying):
        # A name of ours or of the process cannot be the name of an auxiliary column.
        shown = f"auxiliary.{name}" if name in varying else name
        out.auxiliary_names.append(shown)
        unit = units.get(name, "")
        if name in varying:
            out.auxiliary.add(_core.Column.string(shown, columns.codes[name].texts(kept).tolist()))
        elif name in columns.numbers:
            out.auxiliary.add(_core.Column.float64(shown, unit, taken(columns.numbers[name], kept)))
        else:
            out.auxiliary.add(_free_column(shown, unit, columns.codes[name], kept))
    return out


def _variable(columns: Columns, name: str, unit: str, rows: NDArray[np.int64]) -> _core.Column:
    if name in columns.numbers:
        return _core.Column.float64(name, unit, taken(columns.numbers[name], rows))
    codes = columns.codes[name]
    return _core.Column.code(name, codes.categories, taken(codes.codes, rows))


def _free_column(name: str, unit: str, texts: Codes, rows: NDArray[np.int64]) -> _core.Column:
    """Texts as numbers when each of them is one and loses nothing by it, otherwise as texts."""
    values, bad = free_numbers(texts)
    if texts.categories and not bad.any():
        return _core.Column.float64(name, unit, taken(values, rows))
    return _core.Column.string(name, texts.texts(rows).tolist())


def free_numbers(texts: Codes) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values (n), NaN where missing, and where a text stands that is no number or loses digits as one."""
    plain = np.array([_is_plain(text) for text in texts.categories] + [True], dtype=bool)
    values = [float(text) if good else np.nan for text, good in zip(texts.categories, plain, strict=False)]
    return np.array([*values, np.nan])[texts.codes], ~plain[texts.codes]


def number_codes(values: NDArray[np.float64]) -> Codes:
    """Numbers as the texts of a column of texts."""
    import pandas as pd

    return texts_of(pd.Series(values))


def _is_plain(text: str) -> bool:
    return _PLAIN_NUMBER.match(text) is not None and _digits(text) <= 15


def _digits(text: str) -> int:
    return len(text) if len(text) <= 15 else sum(letter.isdigit() for letter in text)


def _first_known(times: NDArray[np.int64], run: NDArray[np.int64], runs: int) -> NDArray[np.int64]:
    """Earliest row's time of each run among those that have one."""
    out = np.full(runs, NO_TIME, dtype=np.int64)
    there = np.flatnonzero(times != NO_TIME)[::-1]  # later rows first: the earliest row is written last
    out[run[there]] = times[there]
    return out
