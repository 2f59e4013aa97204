"""Pictures of an inspection: readings, runs over time, distributions, missing values, noise, coverage, contexts."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from luban.plots import style
from luban.plots.text import name_text, number, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from luban._inspection.tables import ColumnFacts
    from luban.features import Inspection

__all__ = ["by_context", "column_label", "coverage", "distributions", "dot_size", "missing_values", "noise_shares",
           "readings", "runs_over_time", "shortened", "time_ticks", "whole_places"]  # fmt: skip

_WIDTH = 9.6
_MOST_RESPONSES = 8
_MOST_PARAMETERS = 6
_FEW_DOF = 6  # degrees of freedom below which a standard deviation is known to a third at best
_ROLE_COLOURS = {"parameter": "#0b5fa5", "context": "#6b6b6b", "noise": "#6b6b6b", "response": "#1d7a4c",
                 "auxiliary": "#8a6fb0", "identifier": "#b9c3cd"}  # fmt: skip


def column_label(seen: Inspection, name: str, most: int = 28) -> str:
    """Return a column's name and unit, shortened in the middle where it is long."""
    view = next((one.view for one in seen.facts if one.view.name == name), None)
    words = shortened(name_text(name), most)
    return f"{words} ({unit_text(view.unit)})" if view is not None and view.kind == "number" else words


def shortened(text: str, most: int) -> str:
    """Return text of at most ``most`` signs: the ends of a long name tell more than its middle."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def dot_size(count: int, least: float = 2.4) -> float:
    """Return the size of a dot: few must be seen, many must not run together."""
    return min(6.5, max(least, 60.0 / math.sqrt(max(1, count))))


def _plain(width: float, height: float) -> style.Plot:
    """Return a figure whose margins are set by hand: a layout engine takes seconds for sixty small axes."""
    return style.Plot(figsize=(width, height), layout=None)


def time_ticks(axes: Axes, low: int, high: int, most: int = 7, *, vertical: bool = False) -> None:
    """Label an axis of UTC nanoseconds with dates, or with hours where it is short."""
    from matplotlib import dates as of_matplotlib
    from matplotlib.ticker import FixedFormatter, FixedLocator

    dates: Any = of_matplotlib  # without types
    day = 86_400e9
    locator = dates.AutoDateLocator(minticks=2, maxticks=most)
    bounds = [dates.num2date(value / day) for value in (low, max(high, low + int(1e9)))]
    marks = [float(v) for v in locator.tick_values(*bounds) if low / day <= v <= high / day]
    texts = dates.ConciseDateFormatter(locator).format_ticks(marks) if marks else []
    axis = axes.yaxis if vertical else axes.xaxis
    axis.set_major_locator(FixedLocator([mark * day for mark in marks]))
    axis.set_major_formatter(FixedFormatter(texts))
    room = 0.05 * (high - low) if vertical else 0.0
    (axes.set_ylim if vertical else axes.set_xlim)(low - room, high + room)


@style.styled
def readings(seen: Inspection) -> Figure:
    """Draw readings of the first eight responses in their order, gross errors marked, from the sample."""
    names = list(seen.responses["name"])[:_MOST_RESPONSES]
    plot = style.figure(_WIDTH, 1.4 * len(names) + 0.7)
    rows: Any = np.atleast_1d(plot.subplots(len(names), 1, sharex=True))
    sample = seen.sample
    gross = seen.findings[seen.findings["kind"].isin(["gross_error", "inconsistent_reading"])]
    for axes, name in zip(rows, names, strict=True):
        values = sample.values[name]
        marked = np.isin(sample.row, gross["source_row"][gross["column"] == name])
        usual = np.isfinite(values) & ~marked
        axes.plot(sample.place[usual], values[usual], linestyle="none", marker=".", markersize=dot_size(len(values)),
                  markeredgewidth=0.0, color=style.ACCENT, alpha=0.55, rasterized=True)  # fmt: skip
        _fit_axis(axes, values[usual])
        _mark(axes, sample.place[marked], values[marked])
        words, _, unit = column_label(seen, name, 60).rpartition(" (")
        axes.set_title(words, loc="left")  # long names have room there
        axes.set_ylabel(f"({unit}")
        style.gridded(axes, "y")
    rows[-1].set_xlabel(f"Reading, in order of {'time' if sample.timed else 'the source'} (count)")
    whole_places(rows[-1], sample.n)
    return plot


def whole_places(axes: Axes, n: int, ticks: int = 7) -> None:
    """Set an axis of rows, which are counted in whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(-0.012 * n - 0.3, 1.012 * n - 0.7)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=ticks, integer=True))


def _fit_axis(axes: Axes, usual: NDArray[np.float64]) -> None:
    if len(usual):
        low, high = float(usual.min()), float(usual.max())
        room = (high - low) or abs(high) or 1.0
        axes.set_ylim(low - 0.08 * room, high + 0.15 * room)


def _mark(axes: Axes, x: NDArray[Any], y: NDArray[np.float64]) -> None:
    """Mark readings; those beyond the axis stand at its edge."""
    low, high = axes.get_ylim()
    edge = 0.05 * (high - low)
    inside = np.clip(y, low + edge, high - edge)
    for at, value, true in zip(x, inside, y, strict=True):
        sign = "^" if true > value else ("v" if true < value else "o")
        axes.plot(at, value, marker=sign, markersize=5.5, markerfacecolor="white", markeredgecolor=style.ALARM,
                  markeredgewidth=1.3, linestyle="none", zorder=4)  # fmt: skip


@style.styled
def runs_over_time(seen: Inspection) -> Figure | None:
    """Draw how many runs began in each hour, day, week or month, silences shaded; None when times are unknown."""
    rate = seen.rate
    if rate is None:
        return None
    plot = style.figure(_WIDTH, 2.3)
    axes = plot.subplots()
    axes.bar(rate.edges[:-1], rate.counts, width=np.diff(rate.edges) * 0.92, align="edge", color=style.ACCENT)
    time_ticks(axes, int(rate.edges[0]), int(rate.edges[-1]), 10)
    axes.set_xlabel("Time (UTC)")
    quiet = seen.findings[seen.findings["kind"].isin(["silence", "low_rate"])]
    records: Any = quiet.itertuples(index=False)
    for one in records:
        ends = [int(np.datetime64(t.replace(" ", "T"), "ns").astype(np.int64)) for t in (one.from_time, one.until_time)]
        axes.axvspan(*ends, color=style.ALARM, alpha=0.13, linewidth=0)
    axes.set_ylabel(f"Runs per {rate.each} (count)")
    style.gridded(axes, "y")
    return plot


@style.styled
def distributions(seen: Inspection) -> Figure:
    """Draw every numeric column and every category as a small histogram, the stated range shaded."""
    facts = [one for one in seen.facts if one.view.kind != "text" and one.view.role != "identifier" and len(one.counts)]
    across = min(6, max(3, math.ceil(math.sqrt(len(facts)))))
    down = math.ceil(len(facts) / across)
    plot = _plain(_WIDTH, 1.34 * down + 0.35)
    high = 1.34 * down + 0.35
    plot.subplots_adjust(left=0.015, right=0.985, top=1 - 0.28 / high, bottom=0.30 / high, wspace=0.12, hspace=0.78)
    named = {name for names in seen.findings["column"] for name in names.split(", ")}
    for k, one in enumerate(facts):
        _distribution(
            plot.add_subplot(down, across, k + 1), one, one.view.name in named, {6: 21, 5: 25}.get(across, 30)
        )
    return plot


def _distribution(axes: Axes, one: ColumnFacts, named: bool, most: int) -> None:
    centre, width = 0.5 * (one.edges[1:] + one.edges[:-1]), np.diff(one.edges)
    if one.view.kind == "number" and one.distinct == 1:
        width = 0.06 * width
    low, high = float(one.edges[0]), float(one.edges[-1])
    stated = [bound for bound in (one.view.low, one.view.high) if math.isfinite(bound)]
    if one.view.kind == "number" and len(stated) == 2:
        axes.axvspan(*stated, color="#e6eef6", linewidth=0, zorder=0)
        low, high = min(low, stated[0]), max(high, stated[1])
    axes.bar(centre, one.counts, width=width * (0.96 if one.view.kind == "number" else 0.7),
             color=_ROLE_COLOURS[one.view.role], zorder=2)  # fmt: skip
    room = 0.03 * (high - low) or 0.5
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(0, max(1, int(one.counts.max())) * 1.1)
    unit = f" ({unit_text(one.view.unit)})" if one.view.unit else ""
    title = shortened(name_text(one.view.name), max(8, most - len(unit))) + unit
    axes.set_title(
        title,
        fontsize=8.0 if most > 25 else 7.2,
        fontweight="bold" if most > 25 else "normal",
        pad=3.0,
        color=style.ALARM if named else style.INK,
    )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _range_ticks(axes, one, low, high)
    for side, count in zip(("left", "right"), one.beyond, strict=True):
        if count:
            text = f"◂ {count:,}" if side == "left" else f"{count:,} ▸"
            axes.text(0.01 if side == "left" else 0.99, 0.86, text, transform=axes.transAxes, ha=side, fontsize=7.0,
                      color=style.ALARM)  # fmt: skip


def _range_ticks(axes: Axes, one: ColumnFacts, low: float, high: float) -> None:
    if one.view.kind == "number" and one.distinct == 1:
        axes.set_xticks([one.low], [number(one.low, 3)], fontsize=7.0)
        return
    if one.view.kind == "number":
        axes.set_xticks([low, high], [number(low, 3), number(high, 3)], fontsize=7.0)
        first, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
        return
    names = list(one.view.categories)
    fits = sum(len(name) for name in names) <= 18
    axes.set_xticks(range(len(names)), names if fits else [""] * len(names), fontsize=7.0)
    if not fits:
        axes.set_xlabel(f"{len(names)} categories", fontsize=7.0, labelpad=1.0)


@style.styled
def missing_values(seen: Inspection, most: int = 40) -> Figure | None:
    """Draw what is missing, columns by blocks of rows in order; None when nothing is."""
    counts = {one.view.name: one.missing for one in seen.facts if one.missing and one.view.role != "identifier"}
    if not counts:
        return None
    kept = sorted(counts, key=lambda name: -counts[name])[:most]
    names = [one.view.name for one in seen.facts if one.view.name in kept]
    shares = np.array([seen.missing[name] for name in names])
    plot = style.figure(_WIDTH, 0.95 + 0.21 * len(names))
    axes = plot.subplots()
    picture = axes.imshow(shares, aspect="auto", cmap="YlOrBr", vmin=0.0, vmax=1.0, interpolation="nearest",
                          extent=(0.0, float(seen.sample.n), len(names) - 0.5, -0.5))  # fmt: skip
    axes.set_yticks(range(len(names)), [shortened(name_text(name), 34) for name in names])
    axes.set_ylabel("Column")
    axes.set_xlabel(f"Row, in order of {'time' if seen.sample.timed else 'the source'} (count)")
    bar = plot.colorbar(picture, ax=axes, fraction=0.02, pad=0.01, ticks=[0.0, 0.5, 1.0])
    bar.ax.set_yticklabels(["0", "half", "all"])
    bar.set_label("Missing")
    axes.spines[:].set_visible(False)
    return plot


@style.styled
def noise_shares(seen: Inspection) -> Figure | None:
    """Draw which part of each response's scatter is noise: within a run, between equal runs, and the rest."""
    usual = seen.columns.set_index("name")["usual_sd"]
    frame = seen.noise.assign(total_sd=usual.reindex(seen.noise["response"]).to_numpy())
    frame = frame[frame["total_sd"] > 0.0]
    frame = frame[(frame["within_dof"] > 0) | (frame["between_dof"] > 0)]
    if frame.empty:
        return None
    total = frame["total_sd"].to_numpy() ** 2
    within = np.nan_to_num(frame["within_sd"].to_numpy()) ** 2 / total
    between = np.nan_to_num(frame["between_sd"].to_numpy()) ** 2 / total
    scale = np.maximum(1.0, within + between)
    within, between = within / scale, between / scale
    plot = style.figure(_WIDTH, 0.95 + 0.3 * len(frame))
    axes = plot.subplots()
    places = np.arange(len(frame))
    rest = 1.0 - within - between
    left = np.zeros(len(frame))
    for share, colour, words in ((within, "#d55e00", "within a run"), (between, "#e9a15c", "between equal runs"),
                                 (rest, "#c9d8e6", "settings, context and the rest")):  # fmt: skip
        axes.barh(places, share, left=left, height=0.66, color=colour, label=words)
        left = left + share
    names = [shortened(name_text(name), 34) for name in frame["response"]]
    axes.set_yticks(places, names)
    axes.set_ylabel("Response")
    axes.invert_yaxis()
    for place, dof in zip(places, np.maximum(frame["within_dof"], frame["between_dof"]), strict=True):
        if dof < _FEW_DOF:
            axes.text(
                0.995, float(place), f"rests on {dof} repeat{'s' * (dof != 1)}", ha="right", va="center", fontsize=7.5
            )
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100"])
    axes.set_xlabel("Share of the variance of all readings (%)")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)
    return plot


@style.styled
def coverage(seen: Inspection) -> Figure | None:
    """Draw pairs of parameters against the stated ranges: each setting a dot, larger where it was run more often.

    Six parameters at most; None with fewer than two that are numbers.
    """
    facts = [one for one in seen.facts if one.view.role == "parameter" and one.view.kind == "number" and one.distinct]
    facts = facts[:_MOST_PARAMETERS]
    if len(facts) < 2:
        return None
    pairs = list(itertools.combinations(facts, 2))
    if len(facts) == 3:
        plot = style.figure(_WIDTH, 2.9)
        grid: Any = plot.subplots(1, 3, squeeze=False)[0]
        cells = list(zip(grid, pairs, strict=True))
    else:
        side = len(facts) - 1
        size = min(_WIDTH / side, 3.4)
        plot = style.figure(_WIDTH if side > 1 else 4.6, size * side * 0.82 + 0.4)
        grid = plot.subplots(side, side, squeeze=False)
        cells = []
        for a, b in itertools.product(range(side), repeat=2):
            if b > a:
                grid[a][b].axis("off")
            else:
                cells.append((grid[a][b], (facts[b], facts[a + 1])))
    for axes, (first, second) in cells:
        _pair(axes, seen, first, second)
    return plot


def _pair(axes: Axes, seen: Inspection, first: ColumnFacts, second: ColumnFacts) -> None:
    x, y = seen.sample.values[first.view.name], seen.sample.values[second.view.name]
    known = np.isfinite(x) & np.isfinite(y)
    points, counts = np.unique(np.column_stack([x[known], y[known]]), axis=0, return_counts=True)
    if len(points) > 3000:
        axes.hexbin(x[known], y[known], gridsize=26, cmap="Blues", bins="log", linewidths=0.1, mincnt=1)
    else:
        plain = dot_size(len(points), 3.0) ** 2
        area = plain + 55.0 * (counts - 1) / counts.max() if counts.max() > 1 else np.full(len(points), plain)
        axes.scatter(points[:, 0], points[:, 1], s=area, color=style.ACCENT, alpha=0.6, linewidth=0)
    box = [first.view.low, first.view.high, second.view.low, second.view.high]
    if all(math.isfinite(edge) for edge in box):
        axes.plot([box[0], box[1], box[1], box[0], box[0]], [box[2], box[2], box[3], box[3], box[2]],
                  color=style.MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)  # fmt: skip
    axes.margins(0.08)
    axes.set_xlabel(column_label(seen, first.view.name, 18))
    axes.set_ylabel(column_label(seen, second.view.name, 18))
    axes.locator_params(nbins=5)
    style.gridded(axes)


@style.styled
def by_context(seen: Inspection, most: int = 6) -> Figure | None:
    """Draw median and quartiles of the first six responses in each combination of context; None without one."""
    frame = seen.by_context
    names = list(dict.fromkeys(frame["response"]))[:most]
    texts = list(dict.fromkeys(frame["context"]))
    if len(texts) < 2 or not names:
        return None
    across = min(3, len(names))
    down = math.ceil(len(names) / across)
    plot = style.figure(_WIDTH, down * (0.75 + 0.2 * len(texts)) + 0.2)
    grid: Any = plot.subplots(down, across, squeeze=False, sharey=True).ravel()
    for axes, name in itertools.zip_longest(grid, names):
        if name is None:
            axes.axis("off")
            continue
        own = frame[frame["response"] == name]
        places = [texts.index(text) for text in own["context"]]
        axes.hlines(places, own["lower_quartile"], own["upper_quartile"], color=style.PALE, linewidth=4.5)
        axes.plot(own["median"], places, linestyle="none", marker="o", markersize=4.5, color=style.ACCENT)
        axes.set_xlabel(column_label(seen, name, 26))
        axes.locator_params(axis="x", nbins=5)
        style.gridded(axes, "x")
        axes.set_yticks(range(len(texts)), [shortened(text, 30) for text in texts])
    grid[0].set_ylim(len(texts) - 0.5, -0.5)
    for axes in grid[::across]:
        axes.set_ylabel("Context")
    return plot
