"""Which kind of source something is: by its URL, its suffix, or what it is."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from luban._intake.sources.csv import CsvSource
from luban._intake.sources.excel import ExcelSource
from luban._intake.sources.frame import FrameSource
from luban._intake.sources.parquet import ParquetSource
from luban._intake.sources.sql import SqlSource, is_url
from luban.errors import ConfigurationError, IoError

if TYPE_CHECKING:
    from luban._intake.sources.base import Source

__all__ = ["SourceOptions", "find_source"]

_PARQUET = (".parquet", ".pq")
_EXCEL = (".xlsx", ".xlsm")
_NETCDF = (".nc", ".nc4", ".cdf")
_HDF5 = (".h5", ".hdf5", ".hdf", ".nxs")


@dataclass(frozen=True)
class SourceOptions:
    """What may be said of a source; each belongs to one kind.

    CSV: ``delimiter``, ``decimal``, ``encoding``; Excel: ``sheet``; databases: ``query`` or ``table``; NetCDF:
    ``dimension``; foreign HDF5: ``mapping`` (a file). ``name`` is of tables in memory.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    query: str | None = None
    table: str | None = None
    dimension: str | None = None
    mapping: str | PathLike[str] | None = None
    name: str | None = None


_OF_KIND = {
    "a CSV file": {"delimiter", "decimal", "encoding"},
    "an Excel file": {"sheet"},
    "a database": {"query", "table"},
    "a NetCDF file": {"dimension"},
    "an HDF5 file": {"mapping"},
    "a Parquet file": set[str](),
    "a table in memory": {"name", "dimension"},
}


def find_source(source: object, options: SourceOptions | None = None) -> Source:
    """Return the source that a path, a URL or a table in memory is.

    Raises: ConfigurationError for an option of another kind, IoError when there is no such file, NotBuiltError when its
    reader is not installed, DataError for what is no table.
    """
    options = options or SourceOptions()
    if isinstance(source, str) and is_url(source):
        _require_options(options, "a database")
        return SqlSource(source, query=options.query, table=options.table)
    if not isinstance(source, str | PathLike):
        return _in_memory(source, options)
    path = Path(source)
    suffix = path.suffix.lower()
    if not path.exists():
        raise IoError(where="ingest", expected="a file or folder", received="no such file", place=str(path))
    if path.is_dir() or suffix in _PARQUET:
        _require_options(options, "a Parquet file")
        return ParquetSource(path)
    if suffix in _EXCEL:
        _require_options(options, "an Excel file")
        return ExcelSource(path, options.sheet)
    if suffix in _NETCDF:
        _require_options(options, "a NetCDF file")
        from luban._intake.sources.netcdf import NetcdfSource

        return NetcdfSource(path, dimension=options.dimension)
    if suffix in _HDF5 or options.mapping is not None:
        _require_options(options, "an HDF5 file")
        return _hdf5(path, options)
    _require_options(options, "a CSV file")
    return CsvSource(path, delimiter=options.delimiter, decimal=options.decimal, encoding=options.encoding)


def _in_memory(source: object, options: SourceOptions) -> Source:
    _require_options(options, "a table in memory")
    if type(source).__module__.partition(".")[0] == "xarray":
        from luban._intake.sources.netcdf import NetcdfSource

        return NetcdfSource(source, options.name or "dataset", dimension=options.dimension)
    return FrameSource(source, options.name or "frame")


def _hdf5(path: Path, options: SourceOptions) -> Source:
    from luban._intake.mapping import read_mapping
    from luban._intake.sources.hdf5 import Hdf5Source

    if options.mapping is None:
        raise ConfigurationError(
            where="ingest.import_hdf5",
            expected="a mapping file beside an HDF5 file",
            received="none",
            place=str(path),
            hint="--mapping MAPPING.yaml says which dataset is which column; example: configs/mapping/recorder.yaml",
        )
    return Hdf5Source(path, read_mapping(options.mapping))


def _require_options(options: SourceOptions, kind: str) -> None:
    given = {name for name in SourceOptions.__dataclass_fields__ if getattr(options, name) is not None}
    strange = sorted(given - _OF_KIND[kind])
    if strange:
        owner = next(other for other, names in _OF_KIND.items() if strange[0] in names)
        raise ConfigurationError(
            where="ingest",
            expected=f"options of {kind}",
            received=f"{strange[0]!r}, which is of {owner}",
            hint="leave it out, or give the source a name with the suffix of its kind",
        )
