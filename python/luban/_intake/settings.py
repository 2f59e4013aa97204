"""Which numbers were set and which are results: the numbers first, then words, then the order of the columns.

Each column gets a score, positive when it looks set. It adds what its values say (evidence.py), whether it varies while
the clear settings are equal, a few points for words, and its place before or after the first sure result. A guess that
rests on little, or whose parts contradict each other, says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from luban._intake.evidence import FEW, set_or_measured, varies_within
from luban._intake.header_words import CLASS_RESULT, MEASURED, RESULT, RESULT_OR_NOT, SET, SETPOINT
from luban._intake.table import ColumnGuess, Table, joint

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["settings_and_results"]

_CLEARLY_SET = 1.5
_SURE = 1.0
_CLASSES = 7  # whole numbers that may be classes of a result


def settings_and_results(table: Table, computed: set[str]) -> None:
    """Settle the open numbers as parameters, responses or noise. ``computed`` headers do not vote."""
    numbers = [column for column in table.columns if column.role == "auxiliary" and column.numeric]
    if not numbers:
        return
    says = {column.header: set_or_measured(table.numbers[column.header]) for column in numbers}
    score = {column.header: says[column.header] + _words(column) for column in numbers}
    voters = [column for column in numbers if column.header not in computed] or numbers
    _equal_settings(table, numbers, score, computed)
    sure = [column for column in voters if _named(column)]
    sure = sure or [column for column in numbers if _named(column)]
    for header, points in _order(table, numbers, voters, sure, score).items():
        score[header] += points
    if all(score[column.header] > 0 for column in numbers):
        # Something must be a result, and results stand at the end; unless the results are classes in words.
        if sure:
            score[sure[0].header] = -_SURE
        elif len(numbers) > 1 and not any(column.outcome for column in table.columns):
            score[voters[-1].header] = -0.5
    inputs = bool(table.of("parameter", "context"))
    if len(numbers) > 1 and not inputs and all(score[column.header] <= 0 for column in numbers):
        keep = sure if sure and len(sure) < len(numbers) else [numbers[-1]]
        for column in numbers:
            score[column.header] = score[column.header] if column in keep else 0.25
    _settle(table, numbers, score, says, bool(sure))


def _named(column: ColumnGuess) -> bool:
    """Whether the name is that of a result, or of classes such as passed or quality where there are only a few."""
    if SETPOINT.search(column.words):
        return False
    classes = column.whole and column.distinct <= _CLASSES and not column.unit
    return RESULT.search(column.words) is not None or (classes and CLASS_RESULT.search(column.words) is not None)


def _words(column: ColumnGuess) -> float:
    """Points for words: positive for settings."""
    points = 3.0 if SETPOINT.search(column.words) else 0.0
    points += 1.0 if SET.search(column.words) else 0.0
    points -= 3.0 if _named(column) else 1.0 if RESULT_OR_NOT.search(column.words) else 0.0
    return points - (2.0 if MEASURED.search(column.words) else 0.0)


def _equal_settings(table: Table, numbers: list[ColumnGuess], score: dict[str, float], computed: set[str]) -> None:
    """Weigh whether a column varies while everything that is clearly set is equal."""
    clear = [c for c in numbers if score[c.header] >= _CLEARLY_SET and c.header not in computed]
    if not clear:
        return
    given = [c for c in table.of("parameter", "context") if c.categories or c.numeric]
    key: NDArray[np.int64] = joint([table.codes[column.header] for column in [*clear, *given]])
    for column in numbers:
        if column in clear:
            continue
        share = varies_within(key, table.codes[column.header])
        if share is not None and share > 0.5:
            score[column.header] -= 1.5
        elif share is not None and share < 0.02:
            score[column.header] += 1.5


def _order(
    table: Table,
    numbers: list[ColumnGuess],
    voters: list[ColumnGuess],
    sure: list[ColumnGuess],
    score: dict[str, float],
) -> dict[str, float]:
    """Points for the place: settings stand before results, unless the first column is a result already."""
    place = {column.header: at for at, column in enumerate(table.columns)}
    if sure:
        first = place[sure[0].header]
        if not any(place[column.header] < first for column in voters):
            return {}
        blank = [c for c in numbers if not (_named(c) or MEASURED.search(c.words))]
        return {c.header: 2.0 if place[c.header] < first else -1.0 for c in blank}
    votes = np.array([score[column.header] for column in voters])
    if len(votes) < 2:
        return {}
    # The border that fits the scores best; the last column is a result.
    fewest = 0 if table.of("parameter", "context") else 1
    fits = [votes[:k].sum() - votes[k:].sum() for k in range(fewest, len(votes))]
    border = place[voters[len(votes) - 1 - int(np.argmax(fits[::-1]))].header]
    return {c.header: 0.75 if place[c.header] < border else -0.75 for c in numbers}


def _settle(
    table: Table, numbers: list[ColumnGuess], score: dict[str, float], says: dict[str, float], sure: bool
) -> None:
    place = {column.header: at for at, column in enumerate(table.columns)}
    settings = [c for c in numbers if score[c.header] > 0]
    comes_back = table.rows < 50 or table.combinations(settings) < 0.95 * table.rows
    last_set = max((place[c.header] for c in settings), default=-1)
    for column in numbers:
        points, values = score[column.header], says[column.header]
        seen = f"{column.distinct:,} distinct numbers"
        if points > 0:
            doubt = "looks measured rather than set" if values <= -_SURE else ""
            doubt = doubt or ("little speaks for it" if points < _SURE else "")
            if not doubt and not comes_back and column.distinct > FEW:
                doubt = "no combination of these numbers comes back: set, or measured?"
            column.take("parameter", seen, doubt)
        elif _named(column) or place[column.header] > last_set or not sure:
            few = values >= _CLEARLY_SET and not _named(column)
            weak = "few distinct numbers: a setting?" if few else ""
            weak = weak or ("little speaks for it" if points > -_SURE else "")
            column.take("response", f"{seen}, a result by its name or its place", weak)
        else:
            column.take("noise", f"{seen} among the settings", "reads as measured during the run, not set")
