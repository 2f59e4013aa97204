"""Tables in memory as a source: pandas, polars, pyarrow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from luban import _core
from luban._intake.cells import FrameCells, RawChunk
from luban._intake.sources.base import Header, refuse_twice
from luban.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FrameSource", "as_pandas", "require_plain"]


class FrameSource:
    """A DataFrame; its ``attrs["units"]`` are the units of its columns, ``attrs["timezone"]`` of its local times.

    ``own_runs``: its run ids are those of a history.
    """

    where = "ingest.import_frame"

    def __init__(self, frame: object, name: str, *, own_names: bool = True, own_runs: bool = False) -> None:
        self._frame = as_pandas(frame)
        require_plain(self._frame, name)
        self.name = name
        self.place = name
        self._notes: list[str] = []
        self._own_names = own_names
        self._own_runs = own_runs

    def digest(self) -> str:
        """SHA-256 over column names, dtypes, units and a hash of each row (its index left out)."""
        import pandas as pd

        frame = self._frame
        hashed = hashlib.sha256()
        hashed.update(repr([(str(name), str(kind)) for name, kind in frame.dtypes.items()]).encode())
        hashed.update(repr(sorted(dict(frame.attrs.get("units", {})).items())).encode())
        if "timezone" in frame.attrs:
            hashed.update(repr(str(frame.attrs["timezone"])).encode())
        hashed.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        return hashed.hexdigest()

    def header(self, wanted: Sequence[str]) -> Header:
        """Columns and their units. Raises: DataError for a unit under a misspelt column, which nobody would heed."""
        units = {str(column): str(unit) for column, unit in dict(self._frame.attrs.get("units", {})).items()}
        names = [str(column) for column in self._frame.columns]
        # Frames keep the units of columns that were dropped; what a history gave out names its own.
        strange = [name for name in units if name not in names and name not in wanted]
        for name in strange:
            near = _core.nearest_name(name, [column for column in names if column not in units])
            if near and "run_id" not in names:
                raise DataError(
                    where="ingest.import_frame",
                    expected='units of columns in attrs["units"]',
                    received=repr(name),
                    place=self.name,
                    hint=f'did you mean "{near}"?',
                )
        self._notes = [f"Units of columns that are not there: {', '.join(strange)}."] if strange else []
        timezone = str(self._frame.attrs.get("timezone", ""))
        return Header(
            names,
            units,
            own_names=self._own_names,
            own_runs=self._own_runs,
            nothing="an empty frame",
            timezone=timezone,
        )

    def notes(self, times: Sequence[str]) -> list[str]:
        """Sentences for the report: units that are of no column."""
        return self._notes

    def chunks(self, header: Header, numeric: Sequence[str]) -> Iterator[RawChunk]:
        """Return all rows at once: they are in memory already."""
        if len(self._frame):
            plain = self._frame.set_axis(header.names, axis=1)
            yield RawChunk(FrameCells(plain), np.arange(len(plain), dtype=np.int64), progress=(len(plain), len(plain)))


def as_pandas(frame: object) -> pd.DataFrame:
    """Return a pandas frame of any table that can become one (polars, pyarrow). Raises: DataError."""
    import pandas as pd

    converted = frame if isinstance(frame, pd.DataFrame) else getattr(frame, "to_pandas", lambda: None)()
    if isinstance(converted, pd.DataFrame):
        return converted
    raise DataError(
        where="ingest.import_frame",
        expected="a DataFrame (pandas, polars) or a table (pyarrow)",
        received=f"a {type(frame).__name__}",
    )


def require_plain(frame: pd.DataFrame, name: str, where: str = "ingest.import_frame") -> None:
    """Refuse frames whose columns cannot be told apart or hold containers. Raises: DataError."""
    refuse_twice([str(header) for header in frame.columns], where, name)
    for header, column in frame.items():
        if column.dtype == object and column.map(lambda cell: isinstance(cell, list | dict | set | np.ndarray)).any():
            raise DataError(
                where=where,
                expected="numbers, texts or times",
                received="lists or mappings",
                place=f"{name}, column {str(header)!r}",
                hint="one value in each cell: explode or drop the column before",
            )
