"""NetCDF files and xarray datasets: the variables along one dimension are a table, those of runs × time are traces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban._intake.source import file_digest
from luban._intake.sources.base import Header, require
from luban._intake.sources.rows import CHUNK_ROWS, chunks_of_frames
from luban.errors import ConfigurationError, DataError, IoError

if TYPE_CHECKING:
    import pandas as pd

    from luban._intake.cells import RawChunk

__all__ = ["RUN_OF_READING", "NetcdfSource", "open_dataset"]

_WHERE = "ingest.import_netcdf"
RUN_OF_READING = "run_of_reading"  # the variable that joins readings with runs, as an export writes it


def open_dataset(path: Path, where: str = _WHERE) -> Any:
    """Open a NetCDF 4 file lazily; times become UTC. Raises: NotBuiltError, IoError."""
    require(["xarray", "h5netcdf"], "netcdf", "NetCDF files", "ingest")
    import xarray

    try:
        return xarray.open_dataset(path, engine="h5netcdf", decode_timedelta=False)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise IoError(
            where=where,
            expected="a NetCDF 4 file",
            received=" ".join(str(getattr(error, "strerror", None) or error).split()),
            place=str(path),
        ) from error


class NetcdfSource:
    """Variables along one dimension; those along ``run`` are joined to readings by the variable run_of_reading.

    Times without a zone are UTC, as the CF conventions have them.
    """

    where = _WHERE

    def __init__(self, dataset: object, name: str = "dataset", *, dimension: str | None = None) -> None:
        require(["xarray"], "netcdf", "NetCDF files and xarray", "ingest")
        import xarray

        self._path = dataset if isinstance(dataset, Path) else None
        self._given = dataset
        if self._path is None and not isinstance(dataset, xarray.Dataset):
            raise DataError(
                where=_WHERE, expected="a Dataset of xarray", received=f"a {type(dataset).__name__}", place=name
            )
        self.name = name if self._path is None else self._path.name
        self.place = name if self._path is None else str(self._path)
        self._dimension = dimension

    def digest(self) -> str:
        """SHA-256 of the file's bytes; of a dataset in memory over its variables."""
        if self._path is not None:
            return file_digest(self._path)
        hashed = hashlib.sha256()
        for name, variable in sorted(self._given.variables.items(), key=lambda pair: str(pair[0])):  # type: ignore[attr-defined]
            values = np.asarray(variable.values)
            hashed.update(repr((str(name), variable.dims, values.dtype.str, sorted(variable.attrs.items()))).encode())
            hashed.update(repr(values.tolist()).encode() if values.dtype == object else values.tobytes())
        return hashed.hexdigest()

    def header(self, wanted: Sequence[str]) -> Header:
        """Names and units of the variables along the chosen dimension."""
        dataset = self._open()
        try:
            names = self._names(dataset, self._chosen(dataset))
            units = {name: str(dataset[name].attrs["units"]) for name in names if "units" in dataset[name].attrs}
            numeric = {name: unit for name, unit in units.items() if dataset[name].dtype.kind in "fiub"}
            return Header(names, numeric, nothing="a dimension of length 0")
        finally:
            self._close(dataset)

    def chunks(self, header: Header, numeric: Sequence[str]) -> Iterator[RawChunk]:
        """Read in pieces of 50,000 rows."""
        yield from chunks_of_frames(self._frames(header))

    def notes(self, times: Sequence[str]) -> list[str]:
        """Say how times were taken."""
        dataset = self._open()
        try:
            plain = [name for name in times if name in dataset and dataset[name].dtype.kind == "M"]
        finally:
            self._close(dataset)
        return [f"{name}: times without a zone were taken as UTC." for name in plain]

    def _frames(self, header: Header) -> Iterator[tuple[pd.DataFrame, tuple[int, int]]]:
        import pandas as pd

        dataset = self._open()
        try:
            dimension = self._chosen(dataset)
            rows = int(dataset.sizes[dimension])
            for begin in range(0, rows, CHUNK_ROWS):
                part = dataset.isel({dimension: slice(begin, begin + CHUNK_ROWS)})
                of_run = (
                    np.asarray(part[RUN_OF_READING].values, dtype=np.int64) if _joined(dataset, dimension) else None
                )
                columns = {}
                for name in header.names:
                    values = part[name].to_numpy()
                    values = values if part[name].dims == (dimension,) else values[of_run]
                    columns[name] = pd.Series(values).dt.tz_localize("UTC") if values.dtype.kind == "M" else values
                yield pd.DataFrame(columns), (min(begin + CHUNK_ROWS, rows), rows)
        finally:
            self._close(dataset)

    def _open(self) -> Any:
        return self._given if self._path is None else open_dataset(self._path)

    def _close(self, dataset: Any) -> None:
        if self._path is not None:
            dataset.close()

    def _chosen(self, dataset: Any) -> str:
        """Name the dimension whose places are rows."""
        lengths = {str(name) for variable in dataset.variables.values() if len(variable.dims) == 1
                   for name in variable.dims}  # fmt: skip
        if self._dimension is None and _joined(dataset, "reading"):
            return "reading"
        if self._dimension is None and len(lengths) == 1:
            return lengths.pop()
        if self._dimension not in lengths:
            raise ConfigurationError(
                where=_WHERE,
                expected="the name of a dimension: " + ", ".join(sorted(lengths)),
                received="none" if self._dimension is None else repr(self._dimension),
                place=self.place,
                hint="--dimension NAME: its places become rows"
                if self._dimension is None
                else _core.nearest_hint(self._dimension, sorted(lengths)),
            )
        return self._dimension

    def _names(self, dataset: Any, dimension: str) -> list[str]:
        dims = {(dimension,)} | ({("run",)} if _joined(dataset, dimension) else set())
        names = [str(name) for name, variable in dataset.variables.items() if variable.dims in dims]
        return [name for name in names if name != RUN_OF_READING]


def _joined(dataset: Any, dimension: str) -> bool:
    """Whether variables of runs can be joined to this dimension."""
    return RUN_OF_READING in dataset and dataset[RUN_OF_READING].dims == (dimension,) and dimension != "run"
