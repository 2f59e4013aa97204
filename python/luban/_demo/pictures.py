"""The plots of the main job: drawn once, written as PNG and put into the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from luban import plots
from luban._demo.honest_choice import RULES
from luban._demo.loop_section import draw_loop
from luban.plots import style
from luban.plots.text import unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from luban._demo.honest import HonestCheck
    from luban._demo.loop import LoopComparison
    from luban._demo.steps import Advised, Imported
    from luban.fitting import Model

__all__ = ["draw_all", "honest_check"]

_NAMES = {
    "choice": "Luban's choice",
    "raw_cells": "Lowest raw cell mean",
    "best_single": "Best single setting",
    "centre": "Centre",
}


def draw_all(
    imported: Imported, model: Model, advised: Advised, honest: HonestCheck, loop: LoopComparison
) -> dict[str, Figure]:
    """Return every plot by the name of its file."""
    parameters = [parameter.name for parameter in model.process.parameters]
    pictures = {
        "history": plots.history_overview(imported.history),
        "skill": plots.skill(model),
        "parity": plots.parity(model),
        "intervals": plots.intervals(model),
        "settings": plots.recommended_settings(model.process, advised.answers, running=advised.running),
        "front": plots.pareto(advised.fronts, history=imported.history),
        "honest_check": honest_check(honest),
        "loop": draw_loop(model.process, loop),
    }
    for answer in advised.answers:
        first = answer[0]
        name = "surface_" + "_".join(str(value) for value in first.context.values())
        pictures[name] = plots.response_surface(
            model,
            parameters[0],
            parameters[1],
            context=first.context,
            running=advised.running,
            recommended=first.settings,
        )
    return pictures


@style.styled
def honest_check(check: HonestCheck) -> Figure:
    """Draw the true expected response of every way to choose in each kind of world, and how far promised gains miss."""
    plot = style.figure(9.6, 3.5)
    left, right = plot.subplots(1, 2, width_ratios=[1.55, 1.0])
    _draw_expected(left, check)
    _draw_gains(right, check)
    return plot


def _draw_expected(axes: Axes, check: HonestCheck) -> None:
    colours = (style.ACCENT, "#d55e00", style.MUTED, style.PALE)
    places = np.arange(len(check.worlds), dtype=float)
    width = 0.19
    for k, (rule, colour) in enumerate(zip(RULES, colours, strict=True)):
        values = [world.expected[rule].value for world in check.worlds]
        shift = (k - 1.5) * (width + 0.02)
        bars = axes.bar(places + shift, values, width, color=colour, label=_NAMES[rule], zorder=2)
        axes.bar_label(bars, fmt="%.2f", padding=4, fontsize=8.0)
    for place, world in zip(places, check.worlds, strict=True):
        axes.hlines(
            world.best.value,
            place - 0.46,
            place + 0.46,
            color=style.INK,
            linewidth=1.2,
            linestyle=(0, (2, 2)),
            zorder=3,
            label="Best possible" if place == 0 else "_nolegend_",
        )
    axes.set_xticks(places, [f"{world.kind}\n({world.worlds} worlds)" for world in check.worlds])
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("Kind of world in which the truth is known")
    axes.set_ylabel(f"True expected {check.response} ({unit_text(check.unit)})")
    axes.set_ylim(0.0, 1.42 * max(world.expected["centre"].value for world in check.worlds))
    axes.legend(loc="upper left", ncols=3, fontsize=8.0)
    axes.set_title("What each way to choose truly gives")
    style.gridded(axes, "y")


def _draw_gains(axes: Axes, check: HonestCheck) -> None:
    """Draw what each kind of world says about the gain that was promised: above 0 is a winner's curse."""
    places = np.arange(len(check.worlds), dtype=float)
    shown = {
        "choice": ([world.gain_error for world in check.worlds], style.ACCENT, "o", -0.12),
        "raw_cells": ([world.raw_gain_error for world in check.worlds], "#d55e00", "s", 0.12),
    }
    axes.axhline(0.0, color=style.MUTED, linewidth=1.0)
    for rule, (errors, colour, marker, shift) in shown.items():
        axes.errorbar(
            places + shift,
            [mean.value for mean in errors],
            yerr=[2.0 * mean.standard_error for mean in errors],
            marker=marker,
            markersize=6.5,
            color=colour,
            elinewidth=1.3,
            linestyle="none",
            label=_NAMES[rule],
            zorder=3,
        )
    axes.set_xticks(places, [world.kind for world in check.worlds])
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.2)
    axes.set_xlabel("Kind of world")
    axes.set_ylabel(f"Promised − true gain ({unit_text(check.unit)})")
    axes.set_title("Does the promised gain come true? (± 2 SE)")
    axes.legend(loc="upper left", fontsize=8.0)
    style.gridded(axes, "y")
