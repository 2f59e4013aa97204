"""``luban demo``: the whole way, on the packaged turning history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luban.cli.app import JsonFlag, SeedOption, verb

__all__ = ["run_demo"]


@verb("demo", group="Help", example="luban demo --out demo --quick")
def run_demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the report and its pictures.")] = Path("demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Fewer folds and simulated worlds: a look, no proof.")] = False,
    seed: SeedOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Take a real production history from the raw file to recommended settings, and write a report.

    Import and findings, a model judged on settings it did not see, recommendations per diameter and tool wear, and an
    honest check of what they are worth. Every number is computed in the run.
    """
    from luban import console, demo

    with console.progress() as progress:
        result = demo.run(out, quick=quick, seed=seed, progress=progress)
    if as_json:
        console.emit_json(result.to_json())
        return
    console.render(result)
