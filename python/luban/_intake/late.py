"""Late values: a source that names runs and brings results gets the inputs of those runs from what is stored."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban._intake.build import run_keys
from luban._intake.cells import NO_TIME, Codes, FrameCells, RawChunk
from luban._intake.columns import Found, Match, match_columns
from luban._intake.convert import convert_chunk
from luban._intake.row_runs import RowRuns
from luban._reading import RunFilter, or_none, table_frame
from luban.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from luban import _history
    from luban._intake.convert import Columns, Refusals
    from luban._intake.sink import Sink
    from luban._intake.sources.base import Header, Source
    from luban.process import Process

__all__ = ["LateValues", "find_late", "stored_runs_of"]

_INPUTS = ("parameter", "context", "noise")
_WHOLE = re.compile(r"(^|\|)([-+]?\d+)\.0+(?=\||$)")


def find_late(process: Process, source: Source, header: Header, sink: Sink) -> LateValues | None:
    """Return how to complete a source of late values, None where a source brings its inputs.

    Late values name their runs (the columns of ``runs.id``, or ``run_id``), and bring a response and no parameter;
    a table in memory with ``run_id`` may bring some of the inputs. Raises: DataError for late values without a history.
    """
    match = match_columns(
        process,
        header.names,
        source.place,
        header.units,
        inputs_required=False,
        own_names=header.own_names,
        own_runs=header.own_runs,
    )
    roles = {found.role for found in match.found.values()}
    named = "run_id" in match.housekeeping
    by_names = bool(process.core.run_id) and all(name in match.found for name in process.core.run_id)
    lacking = [name for name, column in process.source_columns.items()
               if column.role in _INPUTS and name not in match.found]  # fmt: skip
    results_only = (named or by_names) and "response" in roles and "parameter" not in roles
    if not lacking or not (results_only or (named and header.own_names)):
        return None
    stored = sink.source()
    if stored is not None:
        return LateValues(process, source, match, stored, _stored_inputs(process, stored, lacking, source))
    if results_only:
        raise DataError(
            where="ingest.columns",
            expected=f"a history of process {process.name!r} that has these runs, or the inputs beside the results",
            received=f"a source of results only, without {', '.join(map(repr, lacking))}, for a history without runs",
            place=source.place,
            hint="import the records of the runs first; late values then go into the same history",
        )
    return None


@dataclasses.dataclass(frozen=True)
class LateValues:
    """A source of late values: ``source_match`` is of its own header, ``inputs`` are read from ``stored``."""

    process: Process
    source: Source
    source_match: Match
    stored: _history.HistorySource
    inputs: Mapping[str, Found]

    @property
    def match(self) -> Match:
        """The columns that there are after :meth:`complete`. What only names runs has done its work."""
        named = set(self.process.core.run_id)
        own = {name: found for name, found in self.source_match.found.items()
               if not (found.role == "identifier" and name in named)}  # fmt: skip
        return dataclasses.replace(self.source_match, found=own | dict(self.inputs), run_id_counts=True)

    @property
    def notes(self) -> list[str]:
        """Sentences for the report."""
        return [f"Late values: {', '.join(self.inputs)} of the runs were taken from what is stored."]

    def complete(self, columns: Columns, refusals: Refusals, digest: str) -> None:
        """Fill in the inputs of rows whose runs are stored, and refuse the other rows.

        Raises: DataError when runs have several readings and the source does not say which.
        """
        keys, ids = run_keys(self.process, columns, self.source_match, refusals, digest)
        good = np.flatnonzero(columns.good)
        runs = RowRuns.of(keys[good])
        texts = ids(runs.keys)
        wanted = [*texts, *(_WHOLE.sub(r"\1\2", text) for text in texts if _WHOLE.search(text))]
        known = self._read(list(dict.fromkeys(wanted)))
        number = {str(run_id): place for place, run_id in enumerate(known["run_id"].unique())}
        place = np.array(
            [number.get(text, number.get(_WHOLE.sub(r"\1\2", text), -1)) for text in texts], dtype=np.int64
        )
        of_row = place[runs.run] if len(good) else np.empty(0, dtype=np.int64)
        lost = np.flatnonzero(of_row < 0)
        refusals.add(
            columns.rows[good[lost]], self._naming, [texts[run] for run in runs.run[lost]], "unknown_run", "row"
        )
        columns.good[good[lost]] = False
        rows, of_row = np.delete(good, lost), np.delete(of_row, lost)
        codes = np.full(len(columns.rows), -1, dtype=np.int32)
        codes[rows] = of_row
        columns.codes["run_id"] = Codes(codes, list(number))
        self._fill(columns, rows, self._inputs_of(known, of_row, self._repeats(columns, known, rows)), refusals)

    @property
    def _naming(self) -> str:
        """The header, or headers, of what names a run."""
        if "run_id" in self.source_match.housekeeping:
            return self.source_match.housekeeping["run_id"]
        return ", ".join(self.source_match.found[name].header for name in self.process.core.run_id)

    def _read(self, run_ids: list[str]) -> pd.DataFrame:
        """Read the inputs of the readings of some runs."""
        chosen = RunFilter(run_id=or_none(run_ids)).to_core({})
        return table_frame(self.stored.view(_core.Grain.readings, NO_TIME, chosen), ["run_id", "repeat", *self.inputs])

    def _repeats(self, columns: Columns, known: pd.DataFrame, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the reading of each of these rows."""
        if "repeat" in columns.numbers:
            return columns.numbers["repeat"][rows].astype(np.int64)
        if (known["repeat"] != 1).any() or known["run_id"].duplicated().any():
            stated = None
            if "run_id" not in self.source_match.housekeeping:  # else it bears the names of a history
                stated = self.process.source_columns.get("repeat")
            raise DataError(
                where=self.source.where,
                expected=f"a column {'repeat' if stated is None else stated.column!r} beside {self._naming!r}",
                received="runs without the number of the reading",
                place=self.source.place,
                hint="runs of this history have several readings",
            )
        return np.ones(len(rows), dtype=np.int64)

    def _inputs_of(self, known: pd.DataFrame, of_row: NDArray[np.int64], repeat: NDArray[np.int64]) -> pd.DataFrame:
        """Return the inputs of rows: of a run those of its first reading, noise variables of the very reading."""
        import pandas as pd

        run, _ = pd.factorize(known["run_id"])
        first = np.flatnonzero(~known["run_id"].duplicated().to_numpy())
        stored = pd.DataFrame({"run": run, "repeat": known["repeat"].to_numpy(), "at": np.arange(len(known))})
        asked = pd.DataFrame({"run": of_row, "repeat": repeat})
        reading = asked.merge(stored, on=["run", "repeat"], how="left")["at"].fillna(-1).to_numpy(dtype=np.int64)
        data: dict[str, Any] = {}
        for name, found in self.inputs.items():
            at = reading if found.role == "noise" else first[of_row] if len(of_row) else reading
            data[name] = pd.api.extensions.take(known[name].array, at, allow_fill=True)
        return pd.DataFrame(data)

    def _fill(self, columns: Columns, rows: NDArray[np.int64], inputs: pd.DataFrame, refusals: Refusals) -> None:
        """Put the inputs of ``rows`` into the columns, by the categories and units of the process as it is now."""
        match = Match(dict(self.inputs), {}, {}, [], [])
        part = convert_chunk(RawChunk(FrameCells(inputs), columns.rows[rows]), match, ".", refusals)
        columns.good[rows[~part.good]] = False
        for name in self.inputs:
            if name in part.codes:
                codes = np.full(len(columns.rows), -1, dtype=np.int32)
                codes[rows] = part.codes[name].codes
                columns.codes[name] = Codes(codes, part.codes[name].categories)
            else:
                columns.numbers[name] = np.full(len(columns.rows), np.nan)
                columns.numbers[name][rows] = part.numbers[name]


def stored_runs_of(history: _history.HistorySource, run_ids: list[str]) -> set[str]:
    """Return which of these runs a history has."""
    if not run_ids:
        return set()
    view = history.view(_core.Grain.runs, NO_TIME, RunFilter(run_id=run_ids).to_core({}))
    return set(table_frame(view, ["run_id"])["run_id"])


def _stored_inputs(
    process: Process, stored: _history.HistorySource, lacking: list[str], source: Source
) -> dict[str, Found]:
    """Return where these inputs are in what is stored. Raises: DataError for one that is not there."""
    units = {info.name: info.unit for info in stored.schema()}
    variables = {one.name: one for one in (*process.parameters, *process.context, *process.noise)}
    out = {}
    for name in lacking:
        if name not in units:
            raise DataError(
                where="ingest.columns",
                expected=f"a column {name!r}",
                received="neither the source nor the history has it",
                place=source.place,
            )
        role, unit = process.source_columns[name].role, variables[name].unit
        categories = tuple(variables[name].categories or ())
        out[name] = Found(name, role, name, unit, units[name] or unit, categories)
    return out
