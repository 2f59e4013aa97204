"""The mapping file of foreign HDF5 files: which dataset is which column, in which unit, and what counts the runs."""

from __future__ import annotations

import json
import sys
from os import PathLike
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BeforeValidator, Field

from luban import _document
from luban._document import ContradictionError
from luban._process.file import Name, Number, Unit, _Entry, _version

__all__ = ["Mapping", "json_schema", "read_mapping"]


class MappedColumn(_Entry):
    """One column: a dataset, or a part of one."""

    dataset: Name = Field(description="path in the file, such as /results/roughness")
    unit: Unit | None = Field(default=None, description="default: the attribute `unit` or `units` of the dataset")
    field: Name | None = Field(default=None, description="member of a compound dataset")
    index: Annotated[int, Field(ge=0)] | None = Field(default=None, description="place in the last dimension")
    per: Literal["row", "run"] = Field(default="row", description="one value for each row, or for each run")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: object) -> object:
        return {"dataset": value} if isinstance(value, str) else value


class MappedTrace(_Entry):
    """A channel: a dataset of runs × samples, or all samples in a row with offsets (runs + 1)."""

    dataset: Name
    unit: Unit | None = None
    period_ms: Annotated[Number, Field(gt=0)] | None = Field(default=None, description="default: of the process file")
    offsets: Name | None = Field(default=None, description="dataset of where each run begins, with the end at last")


class RunOfRow(_Entry):
    """Dataset that holds the number of each row's run."""

    dataset: Name
    first: Annotated[int, Field(ge=0)] = Field(default=0, description="number of the first run, 0 or 1")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: object) -> object:
        return {"dataset": value} if isinstance(value, str) else value


class Mapping(_Entry):
    """A mapping file, version 1."""

    luban: Annotated[Literal[1], BeforeValidator(_version)] = Field(description="version of the file format")
    mapping: Name = Field(description="name of the kind of file")
    columns: Annotated[dict[Name, MappedColumn], Field(min_length=1)] = Field(
        description="by the name that the process file looks for"
    )
    run_of_row: RunOfRow | None = Field(
        default=None,
        description="the run of each row, for columns that are per run; "
        "without it row datasets have the dimensions runs × repeats",
    )
    repeat: Name = Field(default="repeat", description="column that numbers the repeats, made of runs × repeats")
    traces: dict[Name, MappedTrace] = Field(default={}, description="channels, by the names of the process file")

    @pydantic.model_validator(mode="after")
    def _has_rows(self) -> Mapping:
        if all(column.per == "run" for column in self.columns.values()) and self.run_of_row is not None:
            raise ContradictionError("a column that is per row beside `run_of_row`", "columns per run alone")
        return self


def read_mapping(path: str | PathLike[str]) -> Mapping:
    """Read a mapping file. Raises: IoError when it cannot be read, ConfigurationError with file and line."""
    return _document.validated(Mapping, _document.read_yaml(str(path)), "ingest.read_mapping")


def json_schema() -> dict[str, Any]:
    """JSON Schema of the mapping file (draft 2020-12)."""
    schema = Mapping.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Luban mapping file"}


if __name__ == "__main__":  # python -m luban._intake.mapping > configs/schema/mapping.schema.json
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
