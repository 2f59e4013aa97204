"""What two objectives allow together: predicted fronts beside the runs that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from luban.errors import ConfigurationError, DataError
from luban.plots import style
from luban.plots.runs import in_context, run_inputs, run_means
from luban.plots.text import context_text, label, name_text, number, unit_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from luban._core import Dataset
    from luban.campaign import Campaign, ParetoFront
    from luban.history import History
    from luban.process import Process

__all__ = ["pareto"]

_MOST_PANELS = 6


@style.styled
def pareto(
    source: Campaign | ParetoFront | Sequence[ParetoFront],
    *,
    context: Mapping[str, object] | None = None,
    points: int = 16,
    history: History | None = None,
    process: Process | None = None,
) -> Figure:
    """Draw predicted fronts of two objectives, one panel for each context, beside the measured runs.

    ``source`` is a campaign, which computes the front of ``context`` (default: of every combination of context that
    was run, at most six) with ``points`` levels; or fronts that are known already. The band is the 90 % interval of
    the next run's mean; dots are means of measured runs, gross errors set aside, drawn when ``history`` is known.
    Points outside what the training data covered are hollow.

    Raises: ConfigurationError on a wrong context, or when neither history nor process is known; DataError without a
    front; InfeasibleError when no settings are admissible.
    """
    fronts, history, process = _resolve(source, context, points, history, process)
    data = _dataset(history)
    columns = 1 if len(fronts) == 1 else 2
    rows = -(-len(fronts) // columns)
    plot = style.figure(5.9 if columns == 1 else 9.6, 4.2 if rows == 1 else 0.6 + 3.1 * rows)
    cells = plot.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, front in zip(cells.flat, fronts, strict=False):
        _draw(axes, process, front, data)
    for axes in cells.flat[len(fronts) :]:
        axes.remove()
    first, second = fronts[0].objectives
    for axes in cells[-1, :]:
        axes.set_xlabel(label(process, second))
    for axes in cells[:, 0]:
        axes.set_ylabel(label(process, first))
    said: dict[str, Any] = {}
    for axes in cells.flat[: len(fronts)]:
        handles, names = axes.get_legend_handles_labels()
        said = dict(zip(names, handles, strict=True)) | said
    columns_of_legend = 2 if columns == 1 else min(len(said), 4)
    plot.legend(list(said.values()), list(said), loc="outside upper center", ncols=columns_of_legend)
    return plot


def _resolve(
    source: Any,
    context: Mapping[str, object] | None,
    points: int,
    history: History | None,
    process: Process | None,
) -> tuple[list[ParetoFront], History | None, Process]:
    if hasattr(source, "pareto"):
        history = source.history if history is None else history
        process = source.process
        contexts = [dict(context)] if context is not None else _contexts(process, history)
        fronts = [source.pareto(context=one, points=points) for one in contexts]
    else:
        fronts = [source] if hasattr(source, "objectives") else list(source)
        process = process or (history.process if history is not None else None)
    if process is None:
        raise ConfigurationError(
            where="plots.pareto", expected="a campaign, or a front with history= or process=", received="a front alone"
        )
    if not fronts or not all(len(front) for front in fronts):
        raise DataError(where="plots.pareto", expected="a front with at least one point", received="an empty one")
    return fronts, history, process


def _contexts(process: Process, history: History | None) -> list[dict[str, object]]:
    """Every combination of context that was run."""
    if not process.context:
        return [{}]
    data = _dataset(history)
    if data is None:
        raise ConfigurationError(
            where="plots.pareto",
            expected="context={" + ", ".join(variable.name for variable in process.context) + "}",
            received="none, and no history to take it from",
        )
    names = [variable.name for variable in process.context]
    seen = run_inputs(data)[names].drop_duplicates().sort_values(names)
    return [dict(zip(names, row, strict=True)) for row in seen.itertuples(index=False, name=None)][:_MOST_PANELS]


def _dataset(history: History | None) -> Dataset | None:
    if history is None:
        return None
    from luban import features

    return features.make_dataset(history.process.core, history.source)


def _draw(axes: Axes, process: Process, front: ParetoFront, data: Dataset | None) -> None:
    first, second = front.objectives
    table = front.table().sort_values(second)
    context = dict(front[0].context)
    if data is not None:
        _draw_measured(axes, process, data, (first, second), context)
    x = table[second].to_numpy(dtype=float)
    if f"{first}_low" in table:
        low, high = (table[f"{first}_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
        axes.fill_between(x, low, high, color=style.ACCENT, alpha=0.14, linewidth=0, label="90 % of next run's mean")
    axes.plot(
        x, table[first], color=style.ACCENT, marker="o", markersize=4.0, zorder=3, label="Predicted front (expected)"
    )
    outside = (table["coverage"] == "outside").to_numpy()
    if outside.any():
        axes.plot(
            x[outside],
            table[first].to_numpy(dtype=float)[outside],
            linestyle="none",
            marker="o",
            markersize=4.0,
            markerfacecolor="white",
            markeredgecolor=style.ACCENT,
            label="Outside what the training data covered",
            zorder=4,
        )
    _draw_bound(axes, process, first)
    goals = {objective.response: objective.goal for objective in process.objectives}
    better = {"minimize": "lower", "maximize": "higher"}
    about = ", ".join(
        f"{better[goals[name]]} {name_text(name).lower()}" for name in (first, second) if goals.get(name) in better
    )
    axes.set_title(context_text(context) if context else f"Better: {about}")
    style.gridded(axes)


def _draw_measured(
    axes: Axes, process: Process, data: Dataset, objectives: tuple[str, str], context: Mapping[str, object]
) -> None:
    runs: pd.DataFrame = run_means(process, data, objectives[0])
    runs = runs.assign(**{objectives[1]: run_means(process, data, objectives[1])[objectives[1]]})
    runs = in_context(runs, context)
    axes.scatter(
        runs[objectives[1]],
        runs[objectives[0]],
        s=24,
        facecolors="none",
        edgecolors=style.MUTED,
        linewidths=1.0,
        label="Measured runs (mean)",
        zorder=2,
    )


def _draw_bound(axes: Axes, process: Process, response: str) -> None:
    """Draw the outcome bounds of a response."""
    for constraint in process.definition.outcome_constraints:
        if constraint.response != response:
            continue
        for bound in (constraint.lower, constraint.upper):
            if bound is not None and np.isfinite(bound):
                axes.axhline(bound, color=style.ALARM, linewidth=1.0, linestyle=(0, (5, 3)), label="Bound on it")
                axes.annotate(
                    f"{number(bound, 3)} {unit_text(process.unit(response))}",
                    (1.0, bound),
                    xycoords=("axes fraction", "data"),
                    xytext=(-2, 3),
                    textcoords="offset points",
                    ha="right",
                    fontsize=8.0,
                    color=style.ALARM,
                )
