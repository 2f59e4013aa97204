"""Which rows are one run, and what must not be split between training and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from luban._intake.header_words import group_rank, names_run
from luban._intake.table import ColumnGuess, Table, joint

__all__ = ["RunNames", "name_runs", "propose_groups"]

_FOLDS = 5  # groups that a cross-validation wants


class RunNames(NamedTuple):
    """Names of the columns that name a run (none: each row is one), the number of runs, what is doubtful."""

    columns: list[str]
    runs: int
    doubt: str = ""


def name_runs(table: Table) -> RunNames:
    """Find what names a run: the fewest inputs under which no repeat occurs twice; what varies in it is noise."""
    inputs = table.of("context", "parameter")
    identifiers = table.of("identifier")
    repeats = table.of("repeat")
    for extra in repeats[1:]:
        extra.take("auxiliary", f"a second numbering beside {repeats[0].header}")
    unique = [column for column in identifiers if column.distinct == table.rows and not column.empty]
    if repeats:
        key = [] if repeats[0].empty else _smallest_key(repeats[0], [*identifiers, *inputs], table)
        if not key:
            repeats[0].take("identifier", "occurs twice under the same settings")
            return RunNames([], table.rows)
        run = joint([table.codes[column.header] for column in key])
        for column in inputs:
            if not table.decides(key, column):
                column.take("noise", "varies between the readings of a run")
        return RunNames([column.name for column in table.columns if column in key], len(np.unique(run)))
    if unique:
        return RunNames([unique[0].name], table.rows)
    return _several_readings(table, identifiers, inputs)


def _several_readings(table: Table, identifiers: Sequence[ColumnGuess], inputs: Sequence[ColumnGuess]) -> RunNames:
    """Take a batch in several rows, all with the same settings, for one run with several readings."""
    parameters = [column for column in inputs if column.role == "parameter"]
    for column in identifiers:
        if column.empty or not names_run(column.header) or column.distinct < 3 or not parameters:
            continue
        if all(table.decides([column], other) for other in inputs) and table.combinations(parameters) > 2:
            column.doubts.append("its rows share all settings: taken for readings of one run")
            return RunNames([column.name], column.distinct, f"if each row is a run of its own, take {column.name} out")
    return RunNames([], table.rows)


def propose_groups(table: Table, names: RunNames) -> tuple[list[str], str, str]:
    """Names of groups, why, and what is doubtful: rows of a source or lot stay together, or else repeated settings."""
    parameters = table.of("parameter")
    setpoints = table.combinations(parameters)
    repeated = bool(parameters) and 1 < setpoints < names.runs
    ranked = [(group_rank(c.header, text=not c.numeric), c) for c in table.of("identifier", "context")]
    ranked = [(rank, c) for rank, c in ranked if rank and 1 < c.distinct < names.runs and not c.empty]
    if ranked:
        rank, column = min(ranked, key=lambda pair: pair[0])
        if column.distinct >= _FOLDS or (rank == 1 and not repeated):
            why = "what comes from one source or lot resembles itself"
            mixed = repeated and not all(table.decides(parameters, other) for other in [column])
            doubt = "its settings come back in other groups" if mixed and rank > 1 else ""
            doubt = doubt or (f"only {column.distinct} groups" if column.distinct < _FOLDS else "")
            return [column.name], why, doubt
    if repeated:
        few = f"only {setpoints} groups" if setpoints < _FOLDS else ""
        return [column.name for column in parameters], "settings that were repeated", few
    return [], "", ""


def _smallest_key(repeat: ColumnGuess, candidates: Sequence[ColumnGuess], table: Table) -> list[ColumnGuess]:
    """Leave out one candidate after the other, categories first, while (key, repeat) stays unique in every row."""

    def unique(key: Sequence[ColumnGuess]) -> bool:
        return table.combinations([*key, repeat]) == table.rows

    key = [column for column in candidates if column.empty == 0]
    if not key or not unique(key):
        return []
    for column in [*(c for c in reversed(candidates) if c.categories), *reversed(candidates)]:
        rest = [other for other in key if other is not column]
        if rest and len(rest) < len(key) and unique(rest):
            key = rest
    return key
