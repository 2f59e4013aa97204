"""Whether predictions of settings that were never seen come true: parity, errors by group, coverage of intervals."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from luban.errors import DataError
from luban.plots import style
from luban.plots.model import categorical_context, first_response, interval_ratio, out_of_fold, skill_table
from luban.plots.text import label, name_text, unit_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from luban.fitting import Model

__all__ = ["intervals", "parity"]

_MOST_GROUPS = 24
_MOST_LINES = 60


@style.styled
def parity(model: Model, response: str | None = None) -> Figure:
    """Draw what was measured against what a model predicted that had not seen the group, and the errors by group.

    One point is the mean reading of a run at one level of the noise variables, gross errors set aside; bars are its
    90 % interval, calibrated. ``response``: default the first objective that is measured.

    Raises: ConfigurationError on an unknown response; DataError when the model was not cross-validated.
    """
    response = first_response(model, response)
    points = _points(model, response)
    plot = style.figure(9.6, 4.4)
    left, right = plot.subplots(1, 2, width_ratios=[1.0, 1.05])
    context = categorical_context(model.process, points)
    _draw_parity(left, model, response, points, context)
    _draw_errors(right, model, response, points, context)
    handles, names = left.get_legend_handles_labels()
    plot.legend(handles, names, loc="outside upper center", ncols=min(len(names), 6))
    return plot


def _points(model: Model, response: str) -> pd.DataFrame:
    """Mean reading per run and level of the noise variables, with mean and interval predicted for it."""
    readings = out_of_fold(model, response)
    readings = readings[~readings["gross"] & readings["measured"].notna() & readings["mean"].notna()]
    if not len(readings):
        raise DataError(
            where="plots.parity", expected="readings predicted by a model that had not seen them", received="none"
        )
    noise = [variable.name for variable in model.process.noise if variable.name in readings]
    keys = ["run_id", *noise]
    first = readings.groupby(keys, observed=True, sort=False).first()
    first["measured"] = readings.groupby(keys, observed=True, sort=False)["measured"].mean()
    number = readings.groupby(keys, observed=True, sort=False).size()
    # What averaging the readings of one run leaves of the noise within it.
    within = (first["sd_reading"] ** 2 - first["sd_run_mean"] ** 2).clip(lower=0.0) / number
    ratio = interval_ratio(model, response, "run_mean", 0.9)
    first["half"] = ratio * NormalDist().inv_cdf(0.95) * np.sqrt(first["sd_run_mean"] ** 2 + within)
    return first.reset_index()


def _draw_parity(axes: Axes, model: Model, response: str, points: pd.DataFrame, context: pd.Series) -> None:
    low = float(min(points["measured"].min(), (points["mean"] - 0.5 * points["half"]).min()))
    high = float(max(points["measured"].max(), (points["mean"] + 0.5 * points["half"]).max()))
    pad = 0.05 * (high - low)
    low, high = (max(0.0, low - pad) if low >= 0.0 else low - pad), high + pad
    axes.plot([low, high], [low, high], color=style.MUTED, linewidth=1.0, zorder=1)
    for k, (name, rows) in enumerate(points.groupby(context, sort=True)):
        colour, marker = style.SERIES[k % len(style.SERIES)]
        axes.hlines(
            rows["measured"],
            (rows["mean"] - rows["half"]).clip(lower=low),
            (rows["mean"] + rows["half"]).clip(upper=high),
            color=colour,
            linewidth=0.6,
            alpha=0.28,
            zorder=2,
        )
        axes.plot(
            rows["mean"],
            rows["measured"],
            linestyle="none",
            marker=marker,
            markersize=4.6,
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.4,
            label=str(name),
            zorder=3,
        )
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel(label(model.process, response, before="Predicted"))
    axes.set_ylabel(label(model.process, response, before="Measured"))
    axes.set_title("Predicted for groups not seen")
    style.gridded(axes)


def _draw_errors(axes: Axes, model: Model, response: str, points: pd.DataFrame, context: pd.Series) -> None:
    error = points["measured"] - points["mean"]
    by_group = error.groupby(points["group"], sort=False)
    order = list(by_group.mean().sort_values().index)
    if len(order) > _MOST_GROUPS:  # those that are missed most
        worst = by_group.mean().abs().sort_values(ascending=False).index[:_MOST_GROUPS]
        order = [group for group in order if group in set(worst)]
    row = {group: k for k, group in enumerate(order)}
    axes.axvline(0.0, color=style.MUTED, linewidth=1.0, zorder=1)
    spread = np.linspace(-0.24, 0.24, max(1, context.nunique()))
    for k, (_, rows) in enumerate(points.groupby(context, sort=True)):
        colour, marker = style.SERIES[k % len(style.SERIES)]
        shown = rows[rows["group"].isin(row)]
        heights = shown["group"].map(row).to_numpy(dtype=float) + spread[k]
        axes.plot(
            error[shown.index], heights, linestyle="none", marker=marker, markersize=3.4, color=colour, alpha=0.85
        )
    means = by_group.mean()
    for group, height in row.items():
        axes.plot([means[group]] * 2, [height - 0.38, height + 0.38], color=style.INK, linewidth=1.8, zorder=4)
    axes.set_yticks(np.arange(len(order)), [_group_text(model, points, group) for group in order])
    axes.tick_params(axis="y", length=0, labelsize=8.0)
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlabel(f"Measured − predicted ({unit_text(model.process.unit(response))})")
    axes.set_ylabel(_group_heading(model))
    axes.set_title("Error by group left out (bar: mean)")
    style.gridded(axes, "x")


def _grouping(model: Model) -> list[str]:
    return [name for name in model.process.definition.groups if name]


def _group_heading(model: Model) -> str:
    names = _grouping(model)
    if not names:
        return "Group"
    units = {name: unit_text(model.process.unit(name)) for name in names if name in _variables(model)}
    return " · ".join(name_text(name) for name in names) + f"\n({' · '.join(units.values())})" if units else "Group"


def _variables(model: Model) -> set[str]:
    process = model.process
    return {variable.name for variable in (*process.parameters, *process.context, *process.noise)}


def _group_text(model: Model, points: pd.DataFrame, group: object) -> str:
    """Name a group by the values that make it, where the readings have them; else as it is."""
    names = [name for name in _grouping(model) if name in points.columns]
    if not names or len(names) != len(_grouping(model)):
        return str(group)[-24:]
    first = points[points["group"] == group].iloc[0]
    return " · ".join(f"{first[name]:.3g}" if isinstance(first[name], float) else str(first[name]) for name in names)


@style.styled
def intervals(model: Model, response: str | None = None) -> Figure:
    """Draw how often intervals kept their promise on groups that were not seen, against the promise.

    Left: share of readings inside central intervals of every level, as predicted and as calibrated (each group judged
    by the calibration of the others); the band is where 90 % of the shares of as many independent groups would lie
    if the promise holds (binomial). Right: the 90 % interval group by group.

    Raises: ConfigurationError on an unknown response; DataError when the model was not cross-validated.
    """
    response = first_response(model, response)
    readings = out_of_fold(model, response)
    readings = readings[~readings["gross"] & readings["measured"].notna() & readings["mean"].notna()]
    if not len(readings):
        raise DataError(
            where="plots.intervals", expected="readings predicted by a model that had not seen them", received="none"
        )
    plot = style.figure(9.6, 4.2)
    left, right = plot.subplots(1, 2, width_ratios=[1.0, 1.05])
    _draw_coverage(left, model, response, readings)
    _draw_by_group(right, model, response, readings)
    return plot


def _draw_coverage(axes: Axes, model: Model, response: str, readings: pd.DataFrame) -> None:
    size = ((readings["measured"] - readings["mean"]).abs() / readings["sd_reading"]).to_numpy()
    group = readings["group"].to_numpy()
    levels = np.linspace(0.02, 0.98, 49)
    limits = np.array([NormalDist().inv_cdf(0.5 + 0.5 * level) for level in levels])
    names = list(dict.fromkeys(group))
    shares = np.array([[(size[group == name] <= limit).mean() for limit in limits] for name in names])
    low, high = _binomial_band(levels, len(names))
    axes.fill_between(levels, low, high, color=style.GRID, alpha=0.8, linewidth=0, label=f"Chance, {len(names)} groups")
    axes.plot([0, 1], [0, 1], color=style.MUTED, linewidth=1.0, label="As promised")
    for k, line in enumerate(shares[:_MOST_LINES]):
        axes.plot(
            levels, line, color=style.PALE, linewidth=0.6, zorder=2, label="Each group" if k == 0 else "_nolegend_"
        )
    axes.plot(levels, shares.mean(axis=0), color=style.ACCENT, linewidth=2.0, zorder=3, label="As predicted")
    rows = skill_table(model)
    calibrated = float(rows.loc[rows["response"] == response, "calibrated_coverage_90"].iloc[0])
    if math.isfinite(calibrated):
        axes.plot(
            0.9,
            calibrated,
            linestyle="none",
            marker="o",
            markersize=7.5,
            markerfacecolor="white",
            markeredgecolor="#d55e00",
            markeredgewidth=1.8,
            zorder=4,
            label="90 %, calibrated on the others",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlabel("Promised coverage (share)")
    axes.set_ylabel("Readings inside the interval (share)")
    axes.set_title(f"Intervals of {name_text(response).lower()}, groups not seen")
    axes.legend(loc="lower right", fontsize=8.0)
    style.gridded(axes)


def _draw_by_group(axes: Axes, model: Model, response: str, readings: pd.DataFrame) -> None:
    ratio = interval_ratio(model, response, "reading", 0.9)
    limit = ratio * NormalDist().inv_cdf(0.95) * readings["sd_reading"]
    inside = (readings["measured"] - readings["mean"]).abs() <= limit
    shares = inside.groupby(readings["group"], sort=False).mean().sort_values()
    if len(shares) > _MOST_GROUPS:
        shares = shares.iloc[:_MOST_GROUPS]
    rows = np.arange(len(shares))
    axes.axvline(0.9, color=style.MUTED, linewidth=1.0)
    axes.hlines(rows, np.minimum(shares, 0.9), np.maximum(shares, 0.9), color=style.PALE, linewidth=1.4)
    low = shares.to_numpy() < 0.9
    for chosen, colour in ((low, style.ALARM), (~low, style.ACCENT)):
        axes.plot(shares.to_numpy()[chosen], rows[chosen], linestyle="none", marker="o", markersize=5.5, color=colour)
    axes.set_yticks(rows, [_group_text(model, readings, group) for group in shares.index])
    axes.tick_params(axis="y", length=0, labelsize=8.0)
    axes.set_xlim(max(-0.02, min(0.5, float(shares.min()) - 0.06)), 1.02)
    axes.set_xlabel("Readings inside the 90 % interval (share)")
    axes.set_ylabel(_group_heading(model))
    axes.set_title("90 % interval, group by group")
    style.gridded(axes, "x")


def _binomial_band(levels: NDArray[np.float64], groups: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles 5 % and 95 % of the share of ``groups`` independent trials that succeed with each level."""
    k = np.arange(groups + 1)
    log_choose = np.array([math.lgamma(groups + 1) - math.lgamma(j + 1) - math.lgamma(groups - j + 1) for j in k])
    log_mass = log_choose + np.outer(np.log(levels), k) + np.outer(np.log1p(-levels), groups - k)
    cumulative = np.cumsum(np.exp(log_mass), axis=1)
    low = np.array([np.searchsorted(row, 0.05) for row in cumulative]) / groups
    high = np.array([np.searchsorted(row, 0.95) for row in cumulative]) / groups
    return low, np.minimum(high, 1.0)
