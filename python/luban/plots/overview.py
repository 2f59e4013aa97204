"""What a history holds, at a glance: every reading in order, what looks mistyped, and which settings were run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from luban.errors import ConfigurationError
from luban.plots import style
from luban.plots.runs import run_inputs
from luban.plots.text import context_text, label, name_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from luban._core import Dataset
    from luban.history import History
    from luban.process import Process

__all__ = ["history_overview"]

_MOST_DOTS = 20_000
_MOST_RESPONSES = 8
_MOST_LABELS = 8


@dataclass(frozen=True)
class _Readings:
    """One response: where each reading stands, its value, and whether it is a gross error."""

    name: str
    position: NDArray[np.float64]  # (n) run, counted from 1, plus the place of the reading within its run
    value: NDArray[np.float64]  # (n)
    gross: NDArray[np.bool_]  # (n)
    source_row: NDArray[np.int64]  # (n) from 0; -1 unknown


@style.styled
def history_overview(history: History, responses: Sequence[str] | None = None) -> Figure:
    """Draw every reading of each response by run, gross errors marked, and below it which settings were run.

    ``responses`` chooses some; default: the first eight that the history has. A gross error is a reading that its
    repeats contradict (weight 0 in :func:`luban.features.robust_weights`); those beyond the axis stand at its edge
    with their value and their row in the source (the first row of data is row 0).

    Raises: ConfigurationError on an unknown response or none; DataError when the history cannot be read as a dataset.
    """
    from luban import features

    process = history.process
    data = features.make_dataset(process.core, history.source)
    names = _chosen(data, responses)
    every_pair = list(combinations([p for p in process.parameters if not p.categories], 2))
    pairs = every_pair[:3]
    height = 1.45 * len(names) + (2.75 if pairs or process.context else 0.0) + 0.7
    plot = style.figure(9.6, height)
    plot.suptitle(_headline(process, data), x=0.01, ha="left")
    parts: Any = plot.subfigures(2, 1, height_ratios=[1.45 * len(names) + 0.3, 2.75]) if pairs else [plot]
    rows: Any = np.atleast_1d(parts[0].subplots(len(names), 1, sharex=True))
    for axes, name in zip(rows, names, strict=True):
        _draw_readings(axes, process, _readings(data, name), last=axes is rows[-1], timed=_is_timed(data))
    if pairs:
        left_out = len(every_pair) - len(pairs)
        _draw_coverage(parts[1], process, data, [(a.name, b.name) for a, b in pairs], left_out)
    return plot


def _chosen(data: Dataset, responses: Sequence[str] | None) -> list[str]:
    known = [response.name for response in data.responses]
    if responses is None:
        return known[:_MOST_RESPONSES]
    chosen = list(responses)
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        from luban import _core

        raise ConfigurationError(
            where="plots.history_overview",
            expected="responses of this history",
            received=repr(unknown[0]) if unknown else "none",
            hint=_core.nearest_hint(unknown[0], known) if unknown else "",
        )
    return chosen


def _headline(process: Process, data: Dataset) -> str:
    return f"{process.name}: {data.n:,} readings of {len(data.run_ids):,} runs"


def _is_timed(data: Dataset) -> bool:
    return len(data.run_time) > 0 and not bool(np.isnat(data.run_time).all())


def _run_order(data: Dataset) -> NDArray[np.int64]:
    """Place of each run in time, or in the order of the file where times are unknown."""
    order = np.argsort(data.run_time, kind="stable") if _is_timed(data) else np.arange(len(data.run_ids))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place


def _readings(data: Dataset, name: str) -> _Readings:
    from luban import features

    index = data.response_index(name)
    value = np.asarray(data.Y[:, index])
    weights = features.robust_weights(data, index)
    run = np.asarray(data.run)
    # Readings of one run stand side by side within its unit of the axis.
    order = np.argsort(run, kind="stable")
    first = np.searchsorted(run[order], np.arange(len(data.run_ids)))
    within = np.empty(len(run))
    within[order] = np.arange(len(run)) - first[run[order]]
    size = np.bincount(run, minlength=len(data.run_ids))
    position = _run_order(data)[run] + 1.0 + 0.8 * ((within + 0.5) / size[run] - 0.5)
    known = ~np.isnan(value)
    gross = (weights == 0.0) & known
    return _Readings(name, position[known], value[known], gross[known], np.asarray(data.source_row)[known])


def _draw_readings(axes: Axes, process: Process, readings: _Readings, *, last: bool, timed: bool) -> None:
    usual = np.flatnonzero(~readings.gross)
    step = max(1, -(-len(usual) // _MOST_DOTS))
    shown = usual[::step]
    axes.plot(
        readings.position[shown],
        readings.value[shown],
        linestyle="none",
        marker=".",
        markersize=3.0,
        markeredgewidth=0.0,
        color=style.ACCENT,
        alpha=0.55,
        rasterized=True,
    )
    top = _limit_axis(axes, readings.value[usual])
    _mark_gross(axes, readings, top)
    few = int(readings.gross.sum())
    note = {0: "no gross error", 1: "1 gross error"}.get(few, f"{few} gross errors")
    note += f"; every {step}th reading drawn" if step > 1 else ""
    axes.set_title(note, loc="right", fontsize=8.5, fontweight="normal", color=style.ALARM if few else style.MUTED)
    axes.set_ylabel(label(process, readings.name).replace(" (", "\n("))
    style.gridded(axes, "y")
    axes.margins(x=0.01)
    axes.set_xlabel(f"Run, in order of {'time' if timed else 'the source'} (count)" if last else "")


def _limit_axis(axes: Axes, usual: NDArray[np.float64]) -> float:
    """Scale to the usual readings, with room above for marks."""
    if not len(usual):
        return float(axes.get_ylim()[1])
    low, high = float(usual.min()), float(usual.max())
    room = (high - low) or abs(high) or 1.0
    bottom = min(0.0, low) if low < 0.35 * high or low < 0.0 else low - 0.08 * room
    top = high + 0.34 * room
    axes.set_ylim(bottom, top)
    return top


def _mark_gross(axes: Axes, readings: _Readings, top: float) -> None:
    marked = np.flatnonzero(readings.gross)
    marked = marked[np.argsort(readings.position[marked], kind="stable")]
    low = axes.get_ylim()[0]
    edge = top - 0.06 * (top - low)
    for i in marked:
        beyond = readings.value[i] > edge
        axes.plot(
            readings.position[i],
            edge if beyond else readings.value[i],
            marker="^" if beyond else "o",
            markersize=6.5,
            markerfacecolor="white",
            markeredgecolor=style.ALARM,
            markeredgewidth=1.5,
            linestyle="none",
            clip_on=False,
            zorder=4,
        )
    end = float(readings.position.max()) if len(readings.position) else 1.0
    for k, i in enumerate(marked[:_MOST_LABELS]):
        at_right = readings.position[i] > 0.8 * end
        row = f", row {readings.source_row[i]:,}" if readings.source_row[i] >= 0 else ""
        axes.annotate(
            f"{readings.value[i]:.5g}{row}",
            (readings.position[i], min(float(readings.value[i]), edge)),
            xytext=(-7 if at_right else 7, _level(readings.position[marked], k, end)),
            textcoords="offset points",
            ha="right" if at_right else "left",
            va="center",
            fontsize=8.0,
            color=style.ALARM,
            zorder=5,
        )


def _level(positions: NDArray[np.float64], k: int, end: float) -> float:
    """Height of the k-th label in points: labels that would run into their neighbour step down."""
    level = 0
    for earlier in range(k - 1, -1, -1):
        if positions[k] - positions[earlier] < 0.17 * end:
            level += 1
        else:
            break
    return -11.0 * (level % 3)


def _draw_coverage(part: Any, process: Process, data: Dataset, pairs: list[tuple[str, str]], left_out: int) -> None:
    """Draw settings pair by pair, area = number of runs, and the runs of each combination of context."""
    has_context = bool(process.context)
    cells = part.subplots(1, len(pairs) + has_context, squeeze=False)[0]
    settings = run_inputs(data)
    largest = 1
    counted = []
    for a, b in pairs:
        points, runs = np.unique(settings[[a, b]].to_numpy(dtype=float), axis=0, return_counts=True)
        counted.append((points, runs))
        largest = max(largest, int(runs.max()))
    for axes, (a, b), (points, runs) in zip(cells, pairs, counted, strict=False):
        area = 18.0 + 130.0 * runs / largest
        axes.scatter(points[:, 0], points[:, 1], s=area, color=style.ACCENT, alpha=0.75, linewidth=0)
        axes.set_xlabel(label(process, a))
        axes.set_ylabel(label(process, b))
        axes.margins(0.14)
        style.gridded(axes)
    more = f"; {left_out} other pairs of parameters are not drawn" if left_out else ""
    cells[0].set_title(f"Settings that were run (area: number of runs{more})")
    if has_context:
        _draw_context_counts(cells[-1], process, settings)


def _draw_context_counts(axes: Axes, process: Process, runs: Any) -> None:
    names = [variable.name for variable in process.context if variable.categories]
    counts = runs.groupby(names, observed=True).size() if names else None
    if counts is None or not len(counts):
        axes.axis("off")
        return
    keys = [key if isinstance(key, tuple) else (key,) for key in counts.index]
    texts = [context_text(dict(zip(names, key, strict=True))) for key in keys][:12]
    values = counts.to_numpy()[:12]
    bars = axes.barh(np.arange(len(texts)), values, color=style.PALE, height=0.62)
    axes.bar_label(bars, labels=[f"{v:,}" for v in values], padding=3, fontsize=8.5)
    axes.set_yticks(np.arange(len(texts)), texts)
    axes.invert_yaxis()
    axes.set_xlabel("Runs (count)")
    axes.set_ylabel(" · ".join(name_text(name) for name in names))
    axes.margins(x=0.16)
    axes.set_title("Runs per context")
