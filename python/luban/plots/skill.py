"""How good a model is beside what costs nothing, and beside what noise allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from luban.plots import style
from luban.plots.model import skill_table
from luban.plots.text import name_text, unit_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from luban.fitting import Model

__all__ = ["skill"]


@style.styled
def skill(model: Model, responses: Sequence[str] | None = None) -> Figure:
    """Draw the error on groups that were not seen: of the model, of the baselines, and what noise alone leaves.

    Bars are root mean square errors of all readings together (gross errors set aside) with their standard error over
    groups; the line is what replicate noise alone would leave.

    Raises: ConfigurationError on an unknown response; DataError when the model was not cross-validated.
    """
    table = skill_table(model)
    names = list(dict.fromkeys(table["response"])) if responses is None else list(responses)
    columns = min(len(names), 5)
    rows = -(-len(names) // columns)
    contenders = list(dict.fromkeys(table["contender"]))
    plot = style.figure(max(3.4, 1.92 * columns), 0.55 + rows * (1.0 + 0.34 * len(contenders)))
    cells = plot.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, name in zip(cells.flat, names, strict=False):
        _draw(axes, table[table["response"] == name], name)
    for axes in cells.flat[len(names) :]:
        axes.remove()
    for axes in cells[:, 0]:
        axes.set_ylabel("Model")
    handles, texts = cells[0, 0].get_legend_handles_labels()
    plot.legend(handles, texts, loc="outside upper left", ncols=len(texts))
    return plot


def _draw(axes: Axes, rows: pd.DataFrame, response: str) -> None:
    places = np.arange(len(rows))
    colours = [style.ACCENT] + [style.PALE] * (len(rows) - 1)
    axes.barh(places, rows["rmse"], height=0.62, color=colours, zorder=2)
    axes.errorbar(
        rows["rmse"],
        places,
        xerr=rows["rmse_se"].fillna(0.0),
        fmt="none",
        ecolor=style.INK,
        elinewidth=1.1,
        capsize=2.5,
        zorder=3,
        label="± standard error over groups",
    )
    ceiling = float(rows["ceiling_rmse"].iloc[0])
    if np.isfinite(ceiling):
        axes.axvline(ceiling, color="#d55e00", linewidth=1.4, linestyle=(0, (5, 2)), zorder=4, label="Noise alone")
    axes.set_yticks(places, [name_text(str(name)) for name in rows["contender"]])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0.0, 1.15 * float((rows["rmse"] + rows["rmse_se"].fillna(0.0)).max()))
    axes.set_xlabel(f"RMSE ({unit_text(str(rows['unit'].iloc[0]))})")
    axes.set_title(name_text(response))
    style.gridded(axes, "x")
