"""Parquet files, and folders of them in which ``key=value`` folders are columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban._intake.source import file_digest
from luban._intake.sources.base import Header, refuse_twice, require
from luban._intake.sources.rows import chunks_of_frames
from luban.errors import DataError, IoError

if TYPE_CHECKING:
    import pandas as pd

    from luban._intake.cells import RawChunk

__all__ = ["ParquetSource"]

_CHUNK_ROWS = 100_000


class ParquetSource:
    """One Parquet file, or a folder of them (all files that end in .parquet or .pq, in the order of their paths)."""

    where = "ingest.import_parquet"

    def __init__(self, path: Path) -> None:
        require(["pyarrow"], "arrow", "Parquet files", "ingest")
        self._path = path
        self._opened: Any = None

    @property
    def name(self) -> str:
        """Name of the file or folder."""
        return self._path.name

    @property
    def place(self) -> str:
        """Path of the file or folder."""
        return str(self._path)

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        found = [path for path in self._path.rglob("*") if path.suffix.lower() in (".parquet", ".pq")]
        found = [path for path in found if not path.name.startswith((".", "_")) and path.is_file()]
        if not found:
            raise DataError(
                where=self.where,
                expected="a folder of Parquet files",
                received="one without files that end in .parquet or .pq",
                place=self.place,
            )
        return sorted(found)

    def digest(self) -> str:
        """SHA-256 of the file's bytes; of a folder over the paths and digests of its files."""
        if not self._path.is_dir():
            return file_digest(self._path)
        hashed = hashlib.sha256()
        for path in self._files():
            hashed.update(f"{path.relative_to(self._path).as_posix()}\0{file_digest(path)}\n".encode())
        return hashed.hexdigest()

    def _dataset(self) -> Any:
        import pyarrow as pa
        from pyarrow import dataset, parquet

        if self._opened is None:
            files = self._files()
            try:
                schemas = [parquet.read_schema(path) for path in files]
                whole = pa.unify_schemas(schemas, promote_options="permissive")
                keys = dataset.HivePartitioning.discover(infer_dictionary=False)
                folder = self._path.is_dir()
                found = dataset.dataset(
                    [str(path) for path in files],
                    format="parquet",
                    partitioning=keys if folder else None,
                    partition_base_dir=str(self._path) if folder else None,
                )
                known = {field.name for field in whole}
                extra = [field for field in found.schema if field.name not in known]
                self._opened = found.replace_schema(pa.schema([*whole, *extra], metadata=schemas[0].metadata))
            except (OSError, pa.ArrowException) as error:
                raise self._unreadable(error) from error
        return self._opened

    def _unreadable(self, error: Exception) -> IoError:
        return IoError(
            where=self.where, expected="a Parquet file", received=" ".join(str(error).split()), place=self.place
        )

    def header(self, wanted: Sequence[str]) -> Header:
        """Columns of all files together; units where pandas has kept them."""
        import pyarrow as pa

        schema = self._dataset().schema
        metadata = schema.metadata or {}
        index = [name for name in json.loads(metadata.get(b"pandas", b"{}")).get("index_columns", [])
                 if isinstance(name, str)]  # fmt: skip
        fields = [field for field in schema if field.name not in index or not field.name.startswith("__index_level_")]
        refuse_twice([field.name for field in fields], self.where, self.place)
        for field in fields:
            if pa.types.is_nested(field.type):
                raise DataError(
                    where=self.where,
                    expected="numbers, texts or times",
                    received="lists or mappings",
                    place=f"{self.place}, column {field.name!r}",
                    hint="one value in each cell: explode or drop the column before",
                )
        attrs = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}"))
        names, timezone = [field.name for field in fields], str(attrs.get("timezone", ""))
        return Header(names, attrs.get("units", {}), nothing="a table without rows", timezone=timezone)

    def chunks(self, header: Header, numeric: Sequence[str]) -> Iterator[RawChunk]:
        """Read in pieces of 100,000 rows."""
        yield from chunks_of_frames(self._frames(header))

    def _frames(self, header: Header) -> Iterator[tuple[pd.DataFrame, tuple[int, int] | None]]:
        import pyarrow as pa

        found = self._dataset()
        try:
            total, done = found.count_rows(), 0
            options = {"batch_size": _CHUNK_ROWS, "batch_readahead": 2, "fragment_readahead": 1}
            for part in found.to_batches(columns=header.names, **options):
                done += len(part)
                yield part.to_pandas(), (done, total)
        except (OSError, pa.ArrowException) as error:
            raise self._unreadable(error) from error
