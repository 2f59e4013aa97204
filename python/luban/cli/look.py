"""``luban inspect``: what is in a history."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from luban._words import counted, with_row
from luban.cli.app import JsonFlag, verb
from luban.cli.paths import HistoryPath

if TYPE_CHECKING:
    import pandas as pd

    from luban.features import Inspection
    from luban.history import History

__all__ = ["inspect_history"]

_PICTURES = (".png", ".svg", ".pdf", ".html")


@verb("inspect", group="Data", example="luban inspect turning.h5 --plot turning.png")
def inspect_history(
    history: HistoryPath,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw it as well: .html is the whole page; .png, .svg or .pdf one picture"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what is in a history, and what a person should look at before anything is learned from it.

    Runs and readings, ranges, gaps, dead and stuck sensors, repeats, gross errors, clock steps, unit mix-ups, noise
    within and between runs, drift, coverage of the search space, what was refused. ``--plot page.html`` writes all of
    it with pictures into one file.
    """
    from luban import History, console
    from luban.errors import ConfigurationError

    if plot is not None and plot.suffix.lower() not in _PICTURES:
        raise ConfigurationError(
            where="cli.inspect", expected=f"a picture's name, one of {', '.join(_PICTURES)}", received=repr(plot.name)
        )
    source = History.open(history)
    with console.progress() as progress:
        inspection = source.inspect(progress=progress)
    if plot is not None:
        _draw(source, inspection, plot)
    if as_json:
        console.emit_json(_object(source, inspection, plot))
        return
    _show(source, inspection)
    if plot is not None:
        console.say(f"{plot} written.")


def _object(source: History, inspection: Inspection, plot: Path | None) -> dict[str, object]:
    refused = source.quarantine
    found: dict[str, object] = json.loads(inspection.to_json())
    return found | {
        "path": str(source.path),
        "uuid": source.uuid,
        "digest": source.digest,
        "imports": source.provenance,
        "quarantine": refused.groupby(["reason", "scope", "column"]).size().reset_index(name="count"),
        "plot": None if plot is None else str(plot),
    }


def _show(source: History, inspection: Inspection) -> None:
    from luban import console

    counts, span = inspection.counts, inspection.span
    each = " to ".join(str(k) for k in sorted({counts["readings_per_run_min"], counts["readings_per_run_max"]}))
    console.out(
        f"{inspection.process}: {counted(counts['runs'], 'run')} in {counted(counts['groups'], 'group')}; "
        f"{counted(counts['readings'], 'reading')}, {each} a run; {counted(counts['points'], 'different point')}, "
        f"{counts['points_run_more_than_once']:,} of them run more than once."
    )
    if inspection.left_out():
        console.out(inspection.left_out())
    console.out(f"{span['first']} to {span['last']}." if span["first"] else "When the runs were made is not known.")
    if len(inspection.summary):
        shown = inspection.summary[["title", "level", "count", "columns", "advice"]]
        console.out(console.frame_table(shown, "What to look at, heaviest first"))
    console.out(console.frame_table(inspection.inputs, "Inputs"))
    console.out(console.frame_table(inspection.responses, "Responses"))
    _show_space(inspection)
    console.out(console.frame_table(inspection.noise, "Noise within and between runs, gross errors set aside"))
    if len(inspection.coverage.columns) > 1:
        console.out(console.frame_table(inspection.coverage, "Runs per context"))
    if len(inspection.gaps):
        console.out(console.frame_table(inspection.gaps, "Longest pauses"))
    _show_findings(inspection.findings)
    refused = source.quarantine
    if len(refused):
        reasons = refused.groupby(["reason", "scope", "column"]).size().reset_index(name="count")
        console.out(console.frame_table(reasons, "Refused at import (quarantine)"))


def _show_space(inspection: Inspection) -> None:
    from luban import console

    space = inspection.space
    if math.isfinite(space.within_reach):
        console.out(
            f"{100 * space.within_reach:.0f} % of the search space lies within reach of a run; "
            f"{counted(space.settings, 'different setting')} of {counted(space.parameters, 'parameter')}."
        )


def _show_findings(findings: pd.DataFrame, most: int = 20) -> None:
    """Print sentences, each kind under its name: they are too long for a table."""
    from luban import console

    if findings.empty:
        console.out("No findings.")
    for kind, found in findings.groupby("kind", sort=False):
        console.out(f"Finding: {kind}, {len(found):,}")
        for message, row in zip(found["message"].head(most), found["source_row"], strict=False):
            console.out(f"  {with_row(message, int(row))}")
        if len(found) > most:
            console.out(f"  … and {len(found) - most:,} more; --json lists them.")


def _draw(source: History, inspection: Inspection, path: Path) -> None:
    """Draw into a file; what the drawing warns of, such as a font that is not there, is said on stderr."""
    from luban import console

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UserWarning)
        _save(source, inspection, path)
    for text in dict.fromkeys(str(warning.message) for warning in heard):
        console.say(text, "yellow")


def _save(source: History, inspection: Inspection, path: Path) -> None:
    if path.suffix.lower() == ".html":
        from luban import report

        report.of_history(source, inspection).save(path)
        return
    from luban import plots

    plots.save(plots.history_overview(source), path)
