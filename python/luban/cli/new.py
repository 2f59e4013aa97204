"""``luban new``: a first process file from a look at the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luban.cli.app import JsonFlag, verb
from luban.cli.paths import require_file

__all__ = ["draft_process"]


@verb("new", group="Data", example="luban new production.csv -o process.yaml")
def draft_process(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet file; one row is one reading.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Process file to write, never replaced. Default: FILE with .yaml")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the process. Default: after FILE")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between the columns of a CSV file. Default: found out")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign, . or a comma. Default: found out")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the text. Default: found out")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Look at a data file and write a first process file: units, roles, categories, groups.

    It loads as it stands, and says beside each line what was guessed; where the guess is doubtful, the comment begins
    with a question mark. What a column means, a person must say: read it before importing.
    """
    from luban import console, ingest

    require_file(file, what="a CSV or Parquet file", verb="new")
    target = out if out is not None else Path(file.stem + ".yaml")
    draft = ingest.new_process(file, target, name=name, delimiter=delimiter, decimal=decimal, encoding=encoding)
    if as_json:
        console.emit_json(draft.to_dict())
        return
    console.out(f"{file}: {draft.rows:,} rows looked at, taken for {draft.runs:,} runs.")
    shown = draft.columns[["header", "name", "role", "unit", "why"]].copy()
    doubtful = draft.columns["doubt"] != ""
    shown.loc[doubtful, "why"] = "? " + shown["why"] + "; " + draft.columns["doubt"]
    console.out(console.frame_table(shown, "What was guessed"))
    if draft.doubtful:
        console.out(f"{draft.doubtful} doubtful lines: each comment begins with a question mark. Look at them first.")
    console.out(f"{target} written: read it line by line, then luban import {target} {file}")
