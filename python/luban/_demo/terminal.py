"""The result of the main job on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from luban._demo.loop_section import loop_text
from luban._demo.words import answers_frame, found_text, front_frame, gain_text, skill_text, timing_text
from luban.plots.text import context_text, name_text, number, unit_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from luban.demo import DemoResult

__all__ = ["render"]


def render(result: DemoResult, console: Console) -> None:
    """Print findings, skill, settings, fronts, files and, last, the honest check and the loops."""
    from rich.text import Text

    process = result.model.process
    objective = process.objectives[0].response
    _heading(console, "Import")
    for line in result.imported.report.lines():
        console.print(Text(line))
    console.print(Text(found_text(result)))
    console.print(_table(result.imported.gross, names={"guess": "looks like", "source_row": "row (from 0)"}))
    _heading(console, "Skill on settings not seen, gross errors set aside")
    console.print(_skill_table(result))
    console.print(Text(skill_text(result)))
    _heading(console, f"Recommended settings for {name_text(objective).lower()}, averaged over position")
    names = {"interval": "next shaft, 90 %", "gain_interval": "gain, 90 %", "change": "answer"}
    names |= {"probability_better": "P(better)", "probability_feasible": "P(bounds kept)"}
    console.print(_table(answers_frame(result.advised.answers, objective), names))
    console.print(Text(gain_text(result)))
    first, second = result.advised.fronts[0].objectives
    _heading(console, f"{name_text(first)} and {name_text(second).lower()}: settings none of which is better in both")
    names = {"interval": "next shaft, 90 %"}
    for front in result.advised.fronts:
        console.print(_table(front_frame(front, most=4), names, title=context_text(dict(front[0].context))))
    _heading(console, "Files")
    console.print(Text(f"{result.report}  (and {len(result.files) - 1} more in {result.folder})"))
    console.print(Text(timing_text(result)))
    console.print()
    console.print(Text(result.honest.text()))
    console.print()
    console.print(Text(loop_text(result.loop)))


def _heading(console: Console, text: str) -> None:
    from rich.text import Text

    console.print()
    console.print(Text(text, style="bold"))


def _skill_table(result: DemoResult) -> Table:
    table = result.model.skill()
    names = ["response", "unit", "contender", "rmse", "rmse_se", "r2", "coverage_90", "calibrated_coverage_90"]
    shown = table[[*names, "ceiling_rmse"]].copy()
    shown["unit"] = shown["unit"].map(unit_text)
    shown["r2"] = shown["r2"].round(3) + 0.0
    headings = {"contender": "model", "rmse": "RMSE", "rmse_se": "± SE", "r2": "R²", "coverage_90": "in 90 %"}
    return _table(shown, headings | {"calibrated_coverage_90": "calibrated", "ceiling_rmse": "noise alone"})


def _table(frame: pd.DataFrame, names: dict[str, str] | None = None, title: str = "") -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    units = frame.attrs.get("units", {})
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="", pad_edge=False)
    for name in map(str, frame.columns):
        heading = (names or {}).get(name, name.replace("_", " "))
        unit = f"\n{unit_text(units[name])}" if units.get(name) else ""
        table.add_column(Text(heading + unit), justify="right" if frame[name].dtype.kind in "fiu" else "left")
    for row in frame.itertuples(index=False, name=None):
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
