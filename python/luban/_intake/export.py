"""Histories as CSV, Parquet and NetCDF, block by block, with columns chosen and names replaced on request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban._intake.cells import number_text
from luban._intake.quality import QUALITY_BAD
from luban._intake.sources.base import require
from luban._reading import column_infos
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pandas as pd

    from luban._intake.pseudonyms import Pseudonyms
    from luban.process import Process

__all__ = ["ExportOptions", "Exporter", "kind_of", "run_columns"]

_SPARSE = ("reading_time", "start_time", "end_time", "equipment", "material_lot", "recipe", "group")
_OF_RUNS = ("start_time", "end_time", "status", "group", "equipment", "material_lot", "recipe", "source")
_BLOCK_ROWS = 131_072
_SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".nc": "netcdf"}


@dataclass(frozen=True)
class ExportOptions:
    """What of a history goes out: ``columns`` (None: all), channels where they fit, and what under pseudonyms."""

    columns: Sequence[str] | None = None
    traces: bool = False  # the format holds channels, too
    pseudonymise: Sequence[str] = ()
    pseudonyms: Pseudonyms | None = None


def kind_of(path: Path) -> str:
    """Return csv, parquet or netcdf, by the suffix. Raises: ConfigurationError for another, NotBuiltError."""
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise ConfigurationError(
            where="ingest.export",
            expected="a name that ends in .csv, .parquet or .nc",
            received=repr(path.name),
        )
    if kind == "parquet":
        require(["pyarrow"], "arrow", "Parquet files", "ingest")
    if kind == "netcdf":
        require(["xarray", "h5netcdf"], "netcdf", "NetCDF files", "ingest")
    return kind


class Exporter:
    """The columns of one export, and its rows."""

    def __init__(self, process: Process, source: _core.TableSource, options: ExportOptions) -> None:
        self._source = source
        self._options = options
        # A column of somebody's own that is called so hides the quality.
        listed = {info.name for info in source.schema()}
        self._qualities = {f"{response.name}.quality" for response in process.responses} - listed
        self._infos = self._columns(source)
        self._periods = {name: entry.period_ms for name, entry in process.definition.traces.items()}
        self._hidden = self._hidden_columns(process)
        self.names = self._chosen()
        self.units = {name: self._infos[name].unit for name in self.names if self._infos[name].unit}

    @property
    def rows(self) -> int:
        """Number of readings."""
        return self._source.row_count()

    @property
    def hidden(self) -> list[str]:
        """Columns that go out under pseudonyms."""
        return [name for name in self.names if name in self._hidden]

    def _columns(self, source: _core.TableSource) -> dict[str, _core.ColumnInfo]:
        """Columns by their names: those of the schema, and the quality of a response after it."""
        names: list[str] = []
        for info in source.schema():
            names += [info.name, *self._qualities.intersection([f"{info.name}.quality"])]
        infos = column_infos(source, names)
        return {name: infos[name] for name in names}

    def _known(self, names: Sequence[str], option: str) -> list[str]:
        for name in names:
            if name not in self._infos:
                raise DataError(
                    where="ingest.export",
                    expected="columns of this history",
                    received=repr(name),
                    place=option,
                    hint=_core.nearest_hint(name, list(self._infos)),
                )
        return list(dict.fromkeys(names))

    def _chosen(self) -> list[str]:
        if self._options.columns is not None:
            traces = self._traces() if self._options.traces else []
            return self._known([name for name in self._options.columns if name not in traces], "columns")
        names = list(self._infos)
        sparse = [name for name in names if name in _SPARSE or name in self._qualities]
        there: set[str] = set()
        for begin in range(0, self.rows, _BLOCK_ROWS):
            left = [name for name in sparse if name not in there]
            if not left:
                break
            table = self._source.read(left, begin, min(begin + _BLOCK_ROWS, self.rows))
            there |= {name for name in left if self._is_there(name, np.asarray(table.column(name).values))}
        return [name for name in names if name not in sparse or name in there]

    def _is_there(self, name: str, values: Any) -> bool:
        """Whether a column says anything: of a quality that something is not good."""
        return bool((values > 0).any()) if name in self._qualities else _holds_anything(values)

    def _hidden_columns(self, process: Process) -> set[str]:
        """Columns under pseudonyms; what is made of such a column is hidden too: run ids, groups, sources.

        Raises: ConfigurationError for numbers that are measured or set, and times: they are no names.
        """
        asked = self._known(self._options.pseudonymise, "pseudonymise")
        variables = [*process.parameters, *process.context, *process.noise]
        numbers = {variable.name for variable in variables if not variable.categories}
        numbers |= {response.name for response in process.responses}
        for name in asked:
            if name in numbers or name in ("repeat",) or self._infos[name].kind == _core.ColumnKind.time:
                raise ConfigurationError(
                    where="ingest.export",
                    expected="columns of names to pseudonymise",
                    received=f"{name!r}, which holds numbers or times",
                    hint="leave such a column out: --columns",
                )
        hidden = set(asked)
        if hidden & set(process.core.run_id):
            hidden.add("run_id")
        if hidden:  # the names of files and the texts of groups are made of what else there is
            hidden |= {"source", "group"} & set(self._infos)
        return hidden

    def frames(self) -> Iterator[pd.DataFrame]:
        """Blocks of rows as frames; names that are hidden are texts."""
        for begin in range(0, max(self.rows, 1), _BLOCK_ROWS):
            yield self._frame(self._source, self.names, begin, min(begin + _BLOCK_ROWS, self.rows))

    def frame_of_runs(self, names: Sequence[str]) -> pd.DataFrame:
        """Columns of runs, one row for each run."""
        runs = self._source_of_runs()
        return self._frame(runs, names, 0, runs.row_count())

    def _source_of_runs(self) -> _core.TableSource:
        view: _core.TableSource = self._source.view(_core.Grain.runs)  # type: ignore[attr-defined]
        return view

    def _frame(self, source: _core.TableSource, names: Sequence[str], begin: int, end: int) -> pd.DataFrame:
        import pandas as pd

        stated = self._stated(names)
        table = source.read([*names, *stated.values()], begin, end)
        data: dict[str, Any] = {}
        for name in names:
            column = table.column(name)
            values = column.values  # noqa: PD011 (a column of ours)
            if column.info.kind == _core.ColumnKind.code:
                codes = np.asarray(values, dtype=np.int32)
                data[name] = self._categories(name, codes, list(column.info.categories))
            elif name in self._hidden:
                data[name] = self._pseudonyms(values)
            elif name == "repeat" and not np.isnan(values).any():
                data[name] = values.astype(np.int64)
            elif name in stated:  # a number beside the word bad takes a value back where it is imported
                bad = np.asarray(table.column(f"{name}.quality").values) == QUALITY_BAD
                data[name] = np.where(bad, table.column(stated[name]).values, values)
            else:
                data[name] = values
        return pd.DataFrame(data)

    def _stated(self, names: Sequence[str]) -> dict[str, str]:
        """Return the columns of values as they came, bad ones too, of responses that go out with their quality."""
        qualities = self._qualities.intersection(names)
        return {name: f"/responses/{name}/value" for name in names if f"{name}.quality" in qualities}

    def _categories(self, name: str, codes: Any, categories: list[str]) -> Any:
        import pandas as pd

        if name in self._hidden:
            texts = np.array([*self._pseudonyms(categories), ""], dtype=object)  # their order would tell, too
            return texts[codes]
        return pd.Categorical.from_codes(codes, categories=pd.Index(categories, dtype="str"))

    def _pseudonyms(self, values: Any) -> list[str]:
        if self._options.pseudonyms is None:
            raise ConfigurationError(where="ingest.export", expected="a key for pseudonyms", received="none")
        texts = [_text(value) for value in np.asarray(values).tolist()]
        return self._options.pseudonyms.of_all(texts)

    def write_csv(self, path: Path) -> None:
        """Write text with units in the header, ``cutting_speed [m/min]``."""
        with path.open("w", encoding="utf-8", newline="") as stream:
            for number, frame in enumerate(self.frames()):
                times = [name for name in frame.columns if frame[name].dtype.kind == "M"]
                shown = frame.assign(**{name: _iso(frame[name]) for name in times})
                shown.columns = [
                    f"{name} [{self.units[name]}]" if name in self.units else name for name in shown.columns
                ]
                if number == 0:
                    shown.to_csv(stream, index=False)
                else:
                    shown.to_csv(stream, index=False, header=False)

    def write_parquet(self, path: Path) -> None:
        """Write a table with the units where pandas and an import find them."""
        import pyarrow as pa
        from pyarrow import parquet

        fields = [pa.field(name, self._arrow_type(name)) for name in self.names]
        attributes = json.dumps({"units": self.units}).encode()
        schema = pa.schema(fields, metadata={b"PANDAS_ATTRS": attributes})
        with parquet.ParquetWriter(path, schema) as writer:
            for frame in self.frames():
                table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
                writer.write_table(table.replace_schema_metadata(schema.metadata))

    def _arrow_type(self, name: str) -> Any:
        import pyarrow as pa

        kind = self._infos[name].kind
        if name in self._hidden:
            return pa.string()
        if name == "repeat":
            return pa.int64()
        if kind == _core.ColumnKind.code:
            return pa.dictionary(pa.int32(), pa.string())
        plain = {
            _core.ColumnKind.float64: pa.float64(),
            _core.ColumnKind.time: pa.timestamp("ns", tz="UTC"),
        }
        return plain.get(kind, pa.string())

    def write_netcdf(self, path: Path, of_runs: Sequence[str]) -> None:
        """Write the dimensions run and reading; ``run_of_reading`` joins them. ``of_runs`` are columns of runs."""
        import pandas as pd
        import xarray

        from luban._intake.sources.netcdf import RUN_OF_READING

        runs = self.frame_of_runs(
            [name for name in dict.fromkeys(["run_id", *of_runs]) if name in (*self.names, "run_id")]
        )
        place = pd.Series(np.arange(len(runs)), index=runs["run_id"])
        variables: dict[str, Any] = {}
        for name in runs.columns:
            if name in self.names:
                variables[name] = ("run", _plain(runs[name]), self._attributes(name))
        for name in self._traces():
            if self._options.columns is None or name in self._options.columns:
                variables |= self._trace(name)
        of_reading = [name for name in self.names if name not in runs.columns]
        frames = [self._frame(self._source, [*of_reading, "run_id"], begin, min(begin + _BLOCK_ROWS, self.rows))
                  for begin in range(0, max(self.rows, 1), _BLOCK_ROWS)]  # fmt: skip
        readings = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
        for name in of_reading:
            variables[name] = ("reading", _plain(readings[name]), self._attributes(name))
        number = place.loc[readings["run_id"]].to_numpy(dtype=np.int64)
        variables[RUN_OF_READING] = ("reading", number, {"long_name": "place of the reading's run along run"})
        dataset = xarray.Dataset(variables, attrs={"Conventions": "CF-1.10", "title": "production history"})
        dataset.to_netcdf(path, engine="h5netcdf", encoding={name: _encoding(variables[name][1]) for name in variables})

    def _traces(self) -> list[str]:
        kinds = [(info.name, info.kind) for info in self._source_of_runs().schema()]
        return [name for name, kind in kinds if kind == _core.ColumnKind.ragged_float32]

    def _trace(self, name: str) -> dict[str, Any]:
        """Return the samples of all runs (run, sample), filled up with NaN, and how many each run has."""
        runs = self._source_of_runs()
        column = runs.read([name], 0, runs.row_count()).column(name)
        samples, offsets = column.values  # noqa: PD011 (a column of ours)
        lengths = np.diff(offsets)
        longest = int(lengths.max(initial=0))
        filled = np.full((len(lengths), longest), np.nan, dtype=np.float32)
        filled[np.arange(longest) < lengths[:, None]] = samples
        attributes = {"units": column.unit} if column.unit else {}
        if name in self._periods:
            attributes["sampling_period_ms"] = repr(self._periods[name])
        count = {"long_name": f"samples of {name} in each run"}
        return {
            name: (("run", f"sample_of_{name}"), filled, attributes),
            f"{name}_count": ("run", lengths.astype(np.int64), count),
        }

    def _attributes(self, name: str) -> dict[str, str]:
        return {"units": self.units[name]} if name in self.units else {}


def run_columns(process: Process) -> list[str]:
    """Names of what belongs to a run."""
    described = [*process.parameters, *process.context]
    achieved = [f"{parameter.name}.achieved" for parameter in process.parameters]
    return ["run_id", *(one.name for one in described), *achieved, *process.core.identifiers, *_OF_RUNS]


def _holds_anything(values: Any) -> bool:
    if values.dtype.kind == "M":
        return bool((~np.isnat(values)).any())
    if values.dtype.kind in "OU":
        return any(text not in ("", None) for text in values.tolist())
    return bool(len(values))


def _iso(series: Any) -> Any:
    """Return times in ISO 8601 with their zone, to the nanosecond; "" where unknown."""
    stamps = series.dt.tz_localize(None) if getattr(series.dtype, "tz", None) else series
    texts = np.datetime_as_string(stamps.to_numpy(dtype="datetime64[ns]"), unit="ns").astype(object)
    return np.where(series.isna().to_numpy(), "", texts + "Z")


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else number_text(value)
    return "" if value is None else str(value)


def _plain(series: Any) -> Any:
    """Values that NetCDF knows: numbers, times, texts."""
    if series.dtype.kind == "M":
        return series.dt.tz_localize(None).to_numpy() if getattr(series.dtype, "tz", None) else series.to_numpy()
    if series.dtype.kind in "fiu":
        return series.to_numpy()
    return np.array([_text(value) for value in series.tolist()], dtype=object)


def _encoding(values: Any) -> dict[str, Any]:
    if values.dtype.kind == "M":
        return {"units": "nanoseconds since 1970-01-01", "dtype": "int64", "_FillValue": np.iinfo(np.int64).min}
    if values.dtype == object:
        return {"dtype": str}
    return {"zlib": True, "complevel": 4, "shuffle": True}
