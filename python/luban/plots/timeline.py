"""What a loop did, cycle after cycle: modes, settings, and what came of them beside other ways to choose."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from luban.errors import ConfigurationError, DataError
from luban.plots import style
from luban.plots.text import context_text, label, name_text, unit_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from luban.process import Process

__all__ = ["TimelineLook", "loop_timeline"]

#: Colours of bands, by the words that stand in a column: modes and what the guard said.
_WORD_COLOURS = {
    "closed": "#cfe3f3",
    "accept": "#cfe3f3",
    "clamp": "#8fbfe3",
    "stay": "#eef1f4",
    "advisory": "#fbe6c8",
    "shadow": "#eef1f4",
    "hold": "#f3c9bf",
    "reject": "#f3c9bf",
    "fallback": "#f3c9bf",
    "tripped": "#c2371f",
}
_CONTEXT_COLOURS = ("#e3ecf4", "#f7ead9", "#b7cfe4", "#ecc997", "#d8e8dd", "#a9cfb7")


@dataclass(frozen=True)
class TimelineLook:
    """What a timeline is drawn of.

    ``cycle`` is the column that counts; ``measured`` and ``expected`` those of the ``response``; ``objective`` a column
    that is drawn below it, ``best`` one of what was possible. ``words`` are columns drawn as bands (modes, decisions),
    ``limit`` a line for the response, ``marks`` texts at cycles.
    """

    response: str
    cycle: str = "cycle"
    cycle_name: str = "Cycle"
    measured: str = "measured"
    expected: str = ""
    objective: str = ""
    best: str = ""
    words: tuple[str, ...] = ("mode",)
    limit: float | None = None
    marks: Mapping[int, str] = field(default_factory=dict)


@style.styled
def loop_timeline(process: Process, arms: Mapping[str, pd.DataFrame], look: TimelineLook) -> Figure:
    """Draw what happened under each arm, a row per cycle in each frame; the first arm is the one that it is about.

    Frames have the columns of ``look``, the parameters of the process and, of the first arm, its context. Points are
    what was measured under the first arm, lines what was expected or set.

    Raises: DataError without a row; ConfigurationError naming a column that is not there.
    """
    if not arms or not all(len(rows) for rows in arms.values()):
        raise DataError(where="plots.loop_timeline", expected="at least one arm with cycles", received="none")
    parameters = [parameter for parameter in process.parameters if not parameter.categories]
    wanted = [look.cycle, look.measured, look.expected, look.objective, look.best, *(p.name for p in parameters)]
    for name, rows in arms.items():
        lacking = [column for column in wanted if column and column not in rows]
        if lacking:
            raise ConfigurationError(
                where="plots.loop_timeline", expected=f"a column {lacking[0]!r} of arm {name!r}", received="none"
            )
    first = next(iter(arms.values()))
    words = [column for column in look.words if column in first]
    bands = 1 + len(words)
    panels = 1 + bool(look.objective) + len(parameters)
    heights = [0.16] * bands + [1.35, *([1.15] * bool(look.objective)), *([0.72] * len(parameters))]
    plot = style.figure(9.6, 1.0 + sum(heights) * 1.18)
    axes = plot.subplots(bands + panels, 1, sharex=True, height_ratios=heights)
    _draw_bands(axes[:bands], process, first, look, words)
    _draw_response(axes[bands], process, arms, look)
    if look.objective:
        _draw_lines(axes[bands + 1], arms, look, look.objective)
        axes[bands + 1].set_ylabel(label(process, look.objective).replace(" (", "\n("))
    for cell, parameter in zip(axes[bands + panels - len(parameters) :], parameters, strict=True):
        _draw_lines(cell, arms, look, parameter.name, step=True)
        cell.set_ylabel(label(process, parameter.name).replace(" (", "\n("))
    begin, end = float(first[look.cycle].min()), float(first[look.cycle].max())
    _draw_marks(axes[bands:], {at: text for at, text in look.marks.items() if begin <= at <= end})
    axes[-1].set_xlabel(f"{look.cycle_name} (count)")
    axes[-1].set_xlim(begin - 0.5, end + 0.5)
    plot.align_ylabels(axes[bands:])
    handles, texts = axes[bands + bool(look.objective)].get_legend_handles_labels()
    more = axes[bands].get_legend_handles_labels()
    known = dict(zip([*texts, *more[1]], [*handles, *more[0]], strict=True))
    plot.legend(list(known.values()), list(known), loc="outside upper left", ncols=min(len(known), 6))
    return plot


def _draw_bands(axes: np.ndarray, process: Process, rows: pd.DataFrame, look: TimelineLook, words: list[str]) -> None:
    names = [variable.name for variable in process.context if variable.categories and variable.name in rows]
    contexts = [context_text(dict(zip(names, row, strict=True))) for row in rows[names].itertuples(index=False)]
    kinds = list(dict.fromkeys(contexts))
    colours = {text: _CONTEXT_COLOURS[k % len(_CONTEXT_COLOURS)] for k, text in enumerate(kinds)}
    _draw_band(axes[0], rows[look.cycle].to_numpy(float), contexts, colours)
    _name_band(axes[0], "Context")
    for cell, column in zip(axes[1:], words, strict=True):
        said = [str(value).split(":")[0] for value in rows[column]]
        _draw_band(cell, rows[look.cycle].to_numpy(float), said, {**dict.fromkeys(said, "white"), **_WORD_COLOURS})
        _name_band(cell, name_text(column))


def _draw_band(axes: Axes, at: np.ndarray, texts: list[str], colours: Mapping[str, str]) -> None:
    """One colour per stretch of equal texts, the text in it where it fits."""
    begins = [0, *(k for k in range(1, len(texts)) if texts[k] != texts[k - 1]), len(texts)]
    for begin, end in itertools.pairwise(begins):
        axes.axvspan(at[begin] - 0.5, at[end - 1] + 0.5, color=colours[texts[begin]], linewidth=0)
        if (end - begin) * 1.9 >= len(texts[begin]):
            middle = 0.5 * (at[begin] + at[end - 1])
            axes.text(middle, 0.46, texts[begin], ha="center", va="center", fontsize=7.5, color=style.INK)
    axes.set_ylim(0.0, 1.0)
    axes.tick_params(axis="both", length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _name_band(axes: Axes, text: str) -> None:
    axes.set_yticks([])
    axes.set_ylabel(text, rotation=0.0, ha="right", va="center", fontsize=8.5)


def _draw_response(axes: Axes, process: Process, arms: Mapping[str, pd.DataFrame], look: TimelineLook) -> None:
    first = next(iter(arms.values()))
    axes.plot(
        first[look.cycle],
        first[look.measured],
        linestyle="none",
        marker="o",
        markersize=3.4,
        markerfacecolor="white",
        markeredgecolor=style.SERIES[0][0],
        label=f"Measured, {next(iter(arms))}",
        zorder=4,
    )
    _draw_lines(axes, arms, look, look.expected or look.measured, best=False)
    if look.limit is not None:
        axes.axhline(look.limit, color=style.ALARM, linewidth=1.1, linestyle=(0, (5, 3)), label="Limit", zorder=2)
    axes.set_ylabel(f"{name_text(look.response)}\n({unit_text(process.unit(look.response))})")


def _draw_lines(
    axes: Axes,
    arms: Mapping[str, pd.DataFrame],
    look: TimelineLook,
    column: str,
    *,
    step: bool = False,
    best: bool = True,
) -> None:
    for k, (name, rows) in enumerate(arms.items()):
        colour = style.SERIES[k][0] if k < 2 else style.MUTED
        axes.plot(
            rows[look.cycle],
            rows[column],
            drawstyle="steps-mid" if step else "default",
            color=colour,
            linewidth=1.6 if k == 0 else 1.1,
            label=name_text(name),
            zorder=3 - 0.1 * k,
        )
    if best and look.best and column == look.objective:
        first = next(iter(arms.values()))
        axes.plot(
            first[look.cycle],
            first[look.best],
            color=style.INK,
            linewidth=1.0,
            linestyle=(0, (2, 2)),
            label="Possible, knowing the truth",
            zorder=2,
        )
    axes.margins(y=0.12)
    style.gridded(axes, "y")


def _draw_marks(axes: np.ndarray, marks: Mapping[int, str]) -> None:
    for at, text in marks.items():
        for cell in axes:
            cell.axvline(at, color=style.MUTED, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
        written = axes[0].annotate(
            text,
            (at, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -2),
            textcoords="offset points",
            va="top",
            fontsize=7.8,
            color=style.MUTED,
        )
        written.set_in_layout(False)  # a text near the end makes no axes narrower
