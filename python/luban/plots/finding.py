"""A small picture of one finding: the column it is about, with what was found marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from luban.plots import style
from luban.plots.inspection import column_label, dot_size, shortened, time_ticks, whole_places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from luban.features import Inspection

__all__ = ["finding"]

_SIZE = (3.5, 1.75)
_OF_TIME = ("silence", "low_rate")
_AROUND = 60  # rows drawn on either side of a step of the clock
_OF_CLOCK = ("clock_step", "impossible_time", "unordered", "overlap")


@style.styled
def finding(seen: Inspection, one: Mapping[str, Any]) -> Figure | None:
    """Draw a finding, a row of ``seen.findings``; None where a picture would say nothing."""
    names = [name for name in str(one["column"]).split(", ") if name in seen.sample.values]
    if one["kind"] in _OF_TIME and seen.rate is not None:
        return _rate(seen, one)
    if one["kind"] in ("collinear", "empty_corner") and len(names) == 2:
        return _pair(seen, names)
    if one["kind"] in _OF_CLOCK and seen.sample.time is not None:
        return _clock(seen, one)
    if one["kind"] in ("constant_column", "empty_combination", "thin_coverage") or len(names) != 1:
        return None
    return _column(seen, one, names[0])


def _figure() -> tuple[style.Plot, Axes]:
    plot = style.figure(*_SIZE)
    axes = plot.subplots()
    axes.tick_params(labelsize=7.5)
    return plot, axes


def _rate(seen: Inspection, one: Mapping[str, Any]) -> Figure:
    plot, axes = _figure()
    rate = seen.rate
    if rate is not None:
        axes.bar(rate.edges[:-1], rate.counts, width=np.diff(rate.edges) * 0.95, align="edge", color=style.PALE)
        time_ticks(axes, int(rate.edges[0]), int(rate.edges[-1]), 5)
        ends = [
            int(np.datetime64(one[t].replace(" ", "T"), "ns").astype(np.int64)) for t in ("from_time", "until_time")
        ]
        axes.axvspan(*ends, color=style.ALARM, alpha=0.25, linewidth=0)
        axes.set_ylabel(f"Runs per {rate.each}\n(count)", fontsize=7.5)
        axes.set_xlabel("Time (UTC)", fontsize=7.5)
    return plot


def _clock(seen: Inspection, one: Mapping[str, Any]) -> Figure:
    """Draw times along the rows as they stand in the source, the row of the finding marked."""
    plot, axes = _figure()
    sample = seen.sample
    order = np.argsort(sample.row)
    if one["kind"] == "clock_step":  # what is around it; over years a step of hours is not seen
        at = int(np.searchsorted(sample.row[order], int(one["source_row"])))
        order = order[max(0, at - _AROUND) : at + _AROUND]
    row, time = sample.row[order], np.asarray(sample.time)[order]
    known = time != np.iinfo(np.int64).min
    axes.plot(row[known], time[known], linestyle="none", marker=".", markersize=dot_size(len(row), 2.2),
              markeredgewidth=0.0, color="#8fa3b5", rasterized=True)  # fmt: skip
    marked = known & (row == int(one["source_row"]))
    axes.plot(row[marked], time[marked], linestyle="none", marker="o", markersize=4.5, markerfacecolor="white",
              markeredgecolor=style.ALARM, markeredgewidth=1.2)  # fmt: skip
    if known.any():
        time_ticks(axes, int(time[known].min()), int(time[known].max()), 4, vertical=True)
    axes.set_xlabel("Row of the source (count)", fontsize=7.5)
    axes.set_ylabel("Start (UTC)", fontsize=7.5)
    axes.locator_params(axis="x", nbins=4)
    return plot


def _pair(seen: Inspection, names: list[str]) -> Figure:
    plot, axes = _figure()
    x, y = (seen.sample.values[name] for name in names)
    axes.plot(x, y, linestyle="none", marker=".", markersize=dot_size(len(x), 3.0), markeredgewidth=0.0,
              color=style.ACCENT, alpha=0.5, rasterized=True)  # fmt: skip
    _stated(seen, axes, names)
    axes.set_xlabel(column_label(seen, names[0], 24), fontsize=7.5)
    axes.set_ylabel(column_label(seen, names[1], 14).replace(" (", "\n("), fontsize=7.5)
    axes.locator_params(nbins=4)
    axes.margins(0.08)
    style.gridded(axes)
    return plot


def _stated(seen: Inspection, axes: Axes, names: list[str]) -> None:
    views = {fact.view.name: fact.view for fact in seen.facts}
    lines: Any = (axes.axvspan, axes.axhspan)
    for name, line in zip(names, lines, strict=False):
        view = views[name]
        if np.isfinite(view.low) and np.isfinite(view.high):
            line(view.low, view.high, color="#e6eef6", linewidth=0, zorder=0, alpha=0.6)


def _column(seen: Inspection, one: Mapping[str, Any], name: str) -> Figure:
    """Draw the column in its order in grey, the rows of the finding in red, a stretch shaded."""
    plot, axes = _figure()
    sample = seen.sample
    values = sample.values[name]
    x: Any = sample.place
    known = np.isfinite(values)
    axes.plot(x[known], values[known], linestyle="none", marker=".", markersize=dot_size(len(x), 2.2),
              markeredgewidth=0.0, color="#8fa3b5", alpha=0.6, rasterized=True)  # fmt: skip
    first, last = int(one["source_row"]), int(one["last_row"])
    marked = np.zeros(len(x), dtype=bool)
    if first >= 0 and last > first:
        ends = np.flatnonzero(np.isin(sample.row, [first, last]))
        if len(ends):
            axes.axvspan(x[ends[0]], x[ends[-1]], color=style.ALARM, alpha=0.13, linewidth=0)
        if one["kind"] == "stuck_value":
            marked = values == one["value"]
            marked &= (sample.row >= first) & (sample.row <= last)
    elif first >= 0 and one["kind"] not in ("drift", "group_shift"):
        marked = sample.row == first
    axes.plot(x[marked & known], values[marked & known], linestyle="none", marker="o", markersize=4.0,
              markerfacecolor="white", markeredgecolor=style.ALARM, markeredgewidth=1.2)  # fmt: skip
    if one["kind"] == "drift" and sample.timed:
        _medians(axes, x[known], values[known])
    axes.set_ylabel(shortened(column_label(seen, name, 18), 26).replace(" (", "\n("), fontsize=7.5)
    axes.set_xlabel(f"Row, in order of {'time' if sample.timed else 'the source'} (count)", fontsize=7.5)
    axes.locator_params(axis="y", nbins=4)
    whole_places(axes, sample.n, 4)
    style.gridded(axes, "y")
    return plot


def _medians(axes: Axes, x: Any, values: Any, blocks: int = 20) -> None:
    parts = [part for part in np.array_split(np.arange(len(x)), blocks) if len(part)]
    axes.plot([x[part].mean() for part in parts], [np.median(values[part]) for part in parts], color=style.ALARM,
              linewidth=1.4)  # fmt: skip
