"""Recommended settings, context by context, beside what runs now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from luban.errors import DataError
from luban.plots import style
from luban.plots.text import context_text, label, name_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from luban.campaign import Recommendations
    from luban.process import Parameter, Process

__all__ = ["recommended_settings"]


@style.styled
def recommended_settings(
    process: Process,
    recommendations: Sequence[Recommendations],
    *,
    running: Mapping[str, float] | None = None,
    response: str | None = None,
) -> Figure:
    """Draw the first recommendation of each answer: its settings in their search ranges, what is expected, the gain.

    One row per answer (one context each). ``running`` marks the settings that the gain is against; ``response`` is the
    one shown (default: the first objective). Intervals are 90 %. Settings outside what the training data covered are
    hollow.

    Raises: DataError when there is no recommendation; ConfigurationError on an unknown response.
    """
    answers = [answer for answer in recommendations if len(answer)]
    if not answers:
        raise DataError(where="plots.recommended_settings", expected="at least one recommendation", received="none")
    import pandas as pd

    table = pd.concat([answer.table().head(1) for answer in answers], ignore_index=True)
    response = response or process.objectives[0].response
    numeric = [parameter for parameter in process.parameters if not parameter.categories]
    contexts = [context_text(dict(answer[0].context)) or "All runs" for answer in answers]
    names = " · ".join(name_text(variable.name) for variable in process.context)
    plot = style.figure(9.6, 1.5 + 0.42 * len(answers))
    cells = plot.subplots(1, len(numeric) + 2, sharey=True, squeeze=False)[0]
    for axes, parameter in zip(cells, numeric, strict=False):
        _draw_parameter(axes, process, parameter, table, running)
    _draw_expected(cells[-2], process, response, table)
    _draw_gain(cells[-1], process, response, table)
    cells[0].set_yticks(np.arange(len(contexts)), contexts)
    cells[0].set_ylim(len(contexts) - 0.5, -0.5)
    cells[0].set_ylabel(names or "Context")
    handles, texts = cells[0].get_legend_handles_labels()
    plot.legend(handles, texts, loc="outside upper left", ncols=len(texts))
    return plot


def _draw_parameter(
    axes: Axes, process: Process, parameter: Parameter, table: pd.DataFrame, running: Mapping[str, float] | None
) -> None:
    rows = np.arange(len(table))
    span = parameter.high - parameter.low
    axes.barh(
        rows, span, left=parameter.low, height=0.22, color=style.GRID, linewidth=0, label="Search range", zorder=1
    )
    if running is not None and parameter.name in running:
        axes.plot(
            np.full(len(rows), running[parameter.name]),
            rows,
            linestyle="none",
            marker="D",
            markersize=7.0,
            markerfacecolor="none",
            markeredgecolor=style.INK,
            markeredgewidth=1.2,
            label="Running",
            zorder=5,
        )
    axes.plot(
        table[parameter.name],
        rows,
        linestyle="none",
        marker="o",
        markersize=7.5,
        color=style.ACCENT,
        label="Recommended",
        zorder=4,
    )
    outside = (table["coverage"] == "outside").to_numpy()
    if outside.any():
        axes.plot(
            table[parameter.name][outside],
            rows[outside],
            linestyle="none",
            marker="o",
            markersize=7.5,
            markerfacecolor="white",
            markeredgecolor=style.ACCENT,
            label="Outside what the training data covered",
            zorder=4,
        )
    axes.set_xlim(parameter.low - 0.12 * span, parameter.high + 0.12 * span)
    axes.set_xlabel(label(process, parameter.name).replace(" (", "\n("))
    _quiet(axes)


def _draw_expected(axes: Axes, process: Process, response: str, table: pd.DataFrame) -> None:
    rows = np.arange(len(table))
    low, high = table[f"{response}_low"], table[f"{response}_high"]
    axes.hlines(rows, low, high, color=style.ACCENT, linewidth=2.2)
    axes.plot(table[response], rows, linestyle="none", marker="o", markersize=6.5, color=style.ACCENT)
    for constraint in process.definition.outcome_constraints:
        if constraint.response == response and constraint.upper is not None:
            axes.axvline(constraint.upper, color=style.ALARM, linewidth=1.0, linestyle=(0, (5, 3)))
    axes.set_xlabel(label(process, response, before="Next").replace("Next", "Expected").replace(" (", "\n("))
    axes.margins(x=0.12)
    _quiet(axes)


def _draw_gain(axes: Axes, process: Process, response: str, table: pd.DataFrame) -> None:
    from luban.plots.text import unit_text

    rows = np.arange(len(table))
    stay = table["stay"].to_numpy(dtype=bool)
    axes.axvline(0.0, color=style.MUTED, linewidth=0.9)
    axes.hlines(rows, table["gain_low"], table["gain_high"], color="#009e73", linewidth=2.2)
    axes.plot(table["gain"], rows, linestyle="none", marker="o", markersize=6.5, color="#009e73")
    for row in rows[stay]:
        axes.annotate("stay", (0.0, row), xytext=(4, 5), textcoords="offset points", fontsize=8.0, color=style.MUTED)
    axes.set_xlabel(f"Gain in {name_text(response).lower()}\n({unit_text(process.unit(response))})")
    axes.margins(x=0.12)
    _quiet(axes)


def _quiet(axes: Any) -> None:
    style.gridded(axes, "x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
