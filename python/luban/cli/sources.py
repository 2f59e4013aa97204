"""Sources that verbs are given, and what may be said of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DecimalOption",
    "DelimiterOption",
    "DimensionOption",
    "EncodingOption",
    "MappingOption",
    "QueryOption",
    "SheetOption",
    "SourceArgument",
    "TableOption",
    "default_stem",
    "is_database",
    "shown_source",
]

_CSV, _OTHERS = "Of CSV files", "Of other sources"

SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help="File, folder or URL of a database; one row is one reading.")
]
DelimiterOption = Annotated[
    str | None, typer.Option(help="Between the columns. Default: found out", rich_help_panel=_CSV)
]
DecimalOption = Annotated[
    str | None, typer.Option(help="Decimal sign, . or a comma. Default: found out", rich_help_panel=_CSV)
]
EncodingOption = Annotated[str | None, typer.Option(help="Of the text. Default: found out", rich_help_panel=_CSV)]
SheetOption = Annotated[str | None, typer.Option(help="Of an Excel file with several.", rich_help_panel=_OTHERS)]
TableOption = Annotated[str | None, typer.Option(help="Of a database, also SCHEMA.TABLE.", rich_help_panel=_OTHERS)]
QueryOption = Annotated[
    str | None, typer.Option(help="Of a database: a SELECT, with an ORDER BY.", rich_help_panel=_OTHERS)
]
DimensionOption = Annotated[
    str | None, typer.Option(help="Of a NetCDF file: its places are the rows.", rich_help_panel=_OTHERS)
]
MappingOption = Annotated[
    Path | None,
    typer.Option(help="Of a foreign HDF5 file: which dataset is which column (YAML).", rich_help_panel=_OTHERS),
]


def is_database(source: str) -> bool:
    """Whether a source is the URL of a database."""
    return "://" in source


def default_stem(source: str) -> str:
    """Return the name that a result gets: of the file without its suffix, or of the database."""
    if not is_database(source):
        return Path(source).stem
    database = re.split(r"[?#]", source.rsplit("/", 1)[1])[0]
    return Path(database).stem or "database"


def shown_source(source: str) -> str:
    """Return a source as it may be printed: the URL of a database without its password and what stands behind a ?."""
    if not is_database(source):
        return source
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", re.split(r"[?#]", source)[0])
