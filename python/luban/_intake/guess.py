"""What the columns of an unknown table may be: numbers, categories, counters, settings, repeats, results.

The order in which things are settled: what a column is alone (table.py), what follows from other columns, counters and
circumstances, then settings against results, then which rows are one run. Numbers are asked before words. Each guess
comes with its reason, and with its doubt where there is one, so that a person can judge it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from luban._intake.evidence import FEW, Formula, computed_from, follows_the_clock
from luban._intake.header_words import (
    AMBIENT,
    CHOSEN,
    CIRCUMSTANCE,
    CLASS_RESULT,
    LARGER,
    REPEAT,
    SET,
    SETPOINT,
    group_rank,
    names_counter,
)
from luban._intake.run_names import name_runs, propose_groups
from luban._intake.settings import settings_and_results
from luban._intake.table import ColumnGuess, Table, look

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnGuess", "Guess", "guess"]

_MOSTLY_EMPTY = 0.2  # share of empty cells above which a column is no input


@dataclass
class Guess:
    """A whole table: its columns in their order, what names a run, what must not be split."""

    columns: list[ColumnGuess]
    run_id: list[str] = field(default_factory=list)  # names
    run_doubt: str = ""
    groups: list[str] = field(default_factory=list)
    groups_why: str = ""
    groups_doubt: str = ""
    mixtures: list[str] = field(default_factory=list)  # sums that are the same in every row
    rows: int = 0
    runs: int = 0

    def of(self, *roles: str) -> list[ColumnGuess]:
        """Columns of these roles."""
        return [column for column in self.columns if column.role in roles]


def guess(frame: pd.DataFrame) -> Guess:
    """Guess roles of all columns. ``frame`` holds numbers where a whole column is numbers, texts elsewhere."""
    table = look(frame)
    _alone(table)
    _counters(table)
    _circumstances(table)
    formulas = _formulas(table)
    settings_and_results(table, set(formulas))
    out = Guess(table.columns, rows=table.rows)
    _computed(table, formulas, out)
    _need_values(table)
    _need_inputs(table)
    _outcomes(table)
    names = name_runs(table)
    out.run_id, out.runs, out.run_doubt = names.columns, names.runs, names.doubt
    out.groups, out.groups_why, out.groups_doubt = propose_groups(table, names)
    return out


def _alone(table: Table) -> None:
    """Constants, times, texts: what needs no other column."""
    for column in table.columns:
        if column.distinct == 0:
            column.take("constant", "empty")
        elif column.distinct == 1:
            column.take("constant", "the same value in every row")
        elif column.time:
            column.take("time", "dates and times")
        elif column.numeric:
            continue
        elif not column.categories or group_rank(column.header, text=True) in (1, 2):
            column.take("identifier", f"{column.distinct:,} different texts")
            column.categories = []
        else:
            _category(column)


def _category(column: ColumnGuess) -> None:
    """Tell names that somebody picks from circumstances, by their words alone."""
    why = f"{column.distinct} categories"
    given = CIRCUMSTANCE.search(column.words) or AMBIENT.search(column.words)
    if given:
        column.take("context", why, "many for a model to learn" if column.distinct > FEW else "")
    elif CLASS_RESULT.search(column.words):
        column.outcome = True
        column.take(
            "auxiliary", f"looks like an outcome in {column.distinct} classes: {', '.join(column.categories[:4])}"
        )
    elif CHOSEN.search(column.words):
        column.take("parameter", f"{why} that are picked, by the name", "given instead, if nobody picks them")
    else:
        column.take("context", why, "" if len(column.name) <= 3 else "a parameter, if somebody picks it")


def _counters(table: Table) -> None:
    """Whole numbers from 0 or 1 without gaps are repeats or identifiers when their name or the table says so."""
    numbers = [column for column in table.columns if column.role == "auxiliary" and column.numeric]
    for column in numbers:
        if not column.whole or column.unit:
            continue
        gapless = column.low in (0, 1) and column.high - column.low + 1 == column.distinct
        settings = [other for other in numbers if other is not column and 1 < other.distinct < column.distinct <= 1000]
        settings = [other for other in settings if other.distinct <= FEW]
        decided = [other for other in settings if table.decides([column], other)]
        if REPEAT.search(column.words):
            column.take("repeat", "numbers the readings of a run")
        elif gapless and column.distinct == table.rows:
            column.take("identifier", "numbers the rows")
        elif group_rank(column.header, text=False):
            column.take("identifier", "whole numbers under the name of a source or lot")
        elif names_counter(column.header):
            column.take("identifier", "whole numbers under the name of a counter")
        elif gapless and len(decided) >= 2 and len(decided) == len(settings):
            column.take("identifier", "numbers the settings")


def _circumstances(table: Table) -> None:
    """Known before a run and not chosen: by the clock, or by words unless they go on to name a setting."""
    for column in table.columns:
        if column.role != "auxiliary" or not column.numeric:
            continue
        clock = follows_the_clock(table, column)
        if clock:
            column.take("context", f"follows from the clock of {clock}")
        elif SETPOINT.search(column.words):
            continue
        elif AMBIENT.search(column.words):
            column.take("context", "a circumstance by its name")
        elif CIRCUMSTANCE.search(column.words) and not SET.search(column.words):
            column.take("context", "a circumstance by its name", "a parameter, if it is chosen for each run")


def _formulas(table: Table) -> dict[str, Formula]:
    """Find columns that others before them give to the last digit, by header."""
    out: dict[str, Formula] = {}
    before: list[ColumnGuess] = []
    for column in table.columns:
        if not column.numeric or column.role not in ("auxiliary", "context"):
            continue
        found = computed_from(table, column, before) if column.role == "auxiliary" else None
        if found is None or found.kind == "mixture":
            before.append(column)
        if found is not None:
            out[column.header] = found
    return out


def _computed(table: Table, formulas: dict[str, Formula], out: Guess) -> None:
    """Settle columns that may be computed: never an input in silence; a result of a result may stay one."""
    role = {column.header: column.role for column in table.columns}
    others = [c for c in table.of("response") if c.header not in formulas]
    for column in table.columns:
        formula = formulas.get(column.header)
        if formula is None:
            continue
        sources = [role[header] for header in formula.sources]
        if formula.kind == "mixture":
            if all(source == "parameter" for source in sources) and column.role == "parameter":
                out.mixtures.append(f"{column.header} is {formula.text}: a mixture, only its parts can be chosen")
                continue
            column.doubts.append(f"may be computed: {formula.text}")
            continue
        doubt = f"may be computed from {formula.text}"
        if formula.kind == "line" and sources == ["identifier"]:
            continue
        from_results = "response" in sources or "noise" in sources
        if not others and column.role == "response":
            column.doubts.append(doubt)
        elif from_results and formula.kind != "line" and LARGER.search(column.words):
            column.take("response", "a result of results", doubt)
        else:
            column.take("auxiliary", "left out", doubt)


def _need_values(table: Table) -> None:
    """Leave out inputs that are often empty: rows without an input are set aside when they are imported."""
    for column in table.of("parameter", "context"):
        if column.empty > _MOSTLY_EMPTY * table.rows:
            column.take(
                "auxiliary", "left out", f"empty in {column.empty:,} of {table.rows:,} rows, too many for an input"
            )
        elif column.empty:
            column.doubts.append("rows without it will be set aside")


def _need_inputs(table: Table) -> None:
    """Take the least unlikely column as an input where none was found: a process needs one."""
    if table.of("parameter", "context"):
        return
    responses = table.of("response")
    spare = [c for c in table.of("noise", "auxiliary") if c.numeric and c.distinct > 1 and not c.empty]
    spare = spare or [c for c in responses[:-1] if not c.empty]
    for column in spare or [c for c in table.of("auxiliary") if c.categories and not c.empty]:
        role = "parameter" if column.numeric or not column.outcome else "context"
        column.take(role, "nothing else could be an input", "looks measured rather than set")


def _outcomes(table: Table) -> None:
    """Say what to do with outcomes in words or in a few numbers: a response is a number."""
    for column in table.columns:
        if column.outcome and column.role == "auxiliary":
            two = len(column.categories) == 2
            ask = "write it as 1 and 0" if two else "write its classes as numbers in their order"
            column.doubts.append(f"a response is a number: {ask} to learn it")
        elif column.role == "response" and column.distinct == 2:
            column.doubts.append("two values only: the model predicts their mean, a rate between them")
        elif column.role == "response" and column.whole and column.distinct <= 7 and not column.unit:
            column.doubts.append("few whole numbers, perhaps classes: learned as numbers in this order")
