"""``luban new``: a first process file from a look at the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luban.cli.app import JsonFlag, verb
from luban.cli.paths import require_file
from luban.cli.sources import (
    DecimalOption,
    DelimiterOption,
    DimensionOption,
    EncodingOption,
    MappingOption,
    QueryOption,
    SheetOption,
    SourceArgument,
    TableOption,
    default_stem,
    is_database,
    shown_source,
)

__all__ = ["draft_process"]


@verb("new", group="Data", example="luban new production.csv -o process.yaml")
def draft_process(
    source: SourceArgument,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Process file to write, never replaced. Default: SOURCE with .yaml"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the process. Default: after SOURCE")] = None,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    table: TableOption = None,
    query: QueryOption = None,
    dimension: DimensionOption = None,
    mapping: MappingOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Look at data and write a first process file: units, roles, categories, groups.

    It loads as it stands, and says beside each line what was guessed; where the guess is doubtful, the comment begins
    with a question mark. What a column means, a person must say: read it before importing.
    """
    from luban import console, ingest

    if not is_database(source):
        require_file(Path(source), what="a file, a folder or the URL of a database", verb="new")
    target = out if out is not None else Path(default_stem(source) + ".yaml")
    options = ingest.SourceOptions(
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        sheet=sheet,
        table=table,
        query=query,
        dimension=dimension,
        mapping=mapping,
    )
    named = name or (default_stem(source) if is_database(source) else None)
    draft = ingest.new_process(source, target, name=named, options=options)
    if as_json:
        console.emit_json(draft.to_dict())
        return
    console.out(f"{shown_source(source)}: {draft.rows:,} rows looked at, taken for {draft.runs:,} runs.")
    shown = draft.columns[["header", "name", "role", "unit", "why"]].copy()
    doubtful = draft.columns["doubt"] != ""
    shown.loc[doubtful, "why"] = "? " + shown["why"] + "; " + draft.columns["doubt"]
    console.out(console.frame_table(shown, "What was guessed"))
    if draft.doubtful:
        console.out(f"{draft.doubtful} doubtful lines: each comment begins with a question mark. Look at them first.")
    console.out(f"{target} written: read it line by line, then luban import {target} {shown_source(source)}")
