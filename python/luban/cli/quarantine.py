"""``luban quarantine``: what imports refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luban._words import counted
from luban.cli.app import JsonFlag, verb
from luban.cli.paths import ForceFlag, HistoryPath, require_free

__all__ = ["show_quarantine"]

_SHOWN = 50


@verb("quarantine", group="Data", example="luban quarantine turning.h5 --out refused.csv")
def show_quarantine(
    history: HistoryPath,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write all of it to this CSV file.")] = None,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Show what imports refused, each row and value: source, row (from 0), column, value as written, reason, scope.

    The scope says whether the whole row was refused or the value alone.
    """
    from luban import History, _core, console
    from luban.ingest import REASONS

    refused = History.open(history).quarantine
    if out is not None:
        require_free(out, force=force, verb="quarantine")
        with _core.DurableFile(out, "cli.quarantine") as file:
            file.write(refused.to_csv(index=False, lineterminator="\n").encode())
            file.commit(replace=True)
    if as_json:
        path = None if out is None else str(out)
        console.emit_json({"history": str(history), "count": len(refused), "refused": refused, "path": path})
        return
    if refused.empty:
        console.out(f"{history}: nothing was refused.")
        return
    for reason, count in refused["reason"].value_counts().items():
        console.out(f"{reason}: {count:,}, {REASONS.get(str(reason), reason)}.")
    if out is not None:
        console.out(f"{out}: {counted(len(refused), 'refusal')}.")
        return
    console.out(console.frame_table(refused.head(_SHOWN), "Refused at import (quarantine)"))
    if len(refused) > _SHOWN:
        console.out(f"… and {len(refused) - _SHOWN:,} more; --out or --json lists them.")
