"""Rows by the run that they belong to. Readings of a run mostly follow each other: only borders are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._intake.cells import first_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RowRuns", "expanded", "starts_of"]


@dataclass(frozen=True)
class RowRuns:
    """Runs numbered from 0 as they appear among some rows."""

    run: NDArray[np.int64]  # of each row
    keys: NDArray[np.int64]  # of each run
    first: NDArray[np.int64]  # the first row of each run
    starts: NDArray[np.int64]  # rows that belong to another run than the row before
    run_of_start: NDArray[np.int64]

    @classmethod
    def of(cls, keys: NDArray[np.int64]) -> RowRuns:
        """Return the runs of rows with these keys (rows)."""
        import pandas as pd

        starts = starts_of([keys])
        numbers, unique = pd.factorize(keys[starts])
        numbers = numbers.astype(np.int64)
        first = starts[first_places(numbers, len(unique))]
        return cls(expanded(numbers, starts, len(keys)), np.asarray(unique, dtype=np.int64), first, starts, numbers)

    @property
    def together(self) -> bool:
        """Whether the rows of each run follow each other."""
        return len(self.starts) == len(self.first)

    def constant(self, values: NDArray[Any]) -> bool:
        """Whether all rows of a run have the same of these values (rows)."""
        same = values[1:] == values[:-1]
        same[self.starts[1:] - 1] = True
        if not same.all():
            return False
        return self.together or bool((values[self.starts] == values[self.first[self.run_of_start]]).all())

    def counted(self) -> NDArray[np.int64]:
        """Return the number of each row within its run, from 1 on (rows)."""
        import pandas as pd

        if self.together:
            return np.arange(1, len(self.run) + 1) - expanded(self.starts, self.starts, len(self.run))
        return pd.Series(self.run).groupby(self.run, sort=False).cumcount().to_numpy().astype(np.int64) + 1

    def again(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where a row has the number (rows) of an earlier row of its run."""
        import pandas as pd

        if self.together:
            rising = numbers[1:] > numbers[:-1]
            rising[self.starts[1:] - 1] = True
            if rising.all():
                return np.zeros(len(numbers), dtype=bool)
        return pd.DataFrame({"run": self.run, "number": numbers}).duplicated().to_numpy()


def starts_of(columns: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Rows that differ from the row before in one of some columns (rows) at least; the first row is one of them."""
    starts = np.zeros(len(columns[0]), dtype=bool)
    starts[:1] = True
    for column in columns:
        starts[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(starts)


def expanded(values: NDArray[np.int64], starts: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Return for each row what belongs to the last start before it."""
    return np.repeat(values, np.diff(starts, append=rows))
