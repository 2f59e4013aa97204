"""Whether every axis of a figure says what it shows and in which unit."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def is_numeric(texts: list[str]) -> bool:
    """Whether tick labels are numbers: then the axis needs a unit."""
    shown = [text.replace("−", "-").replace(",", "") for text in texts if text]
    try:
        [float(text) for text in shown]
    except ValueError:
        return False
    return bool(shown)


def faults(figure: Figure) -> Iterator[str]:
    """Axes whose tick labels are shown without a label, or whose numbers have no unit in parentheses."""
    figure.canvas.draw()
    for number, axes in enumerate(figure.axes):
        for axis, side in ((axes.xaxis, "x"), (axes.yaxis, "y")):
            texts = [tick.get_text() for tick in axis.get_ticklabels() if tick.get_visible()]
            if not axes.axison or not any(texts) or is_inner(axes, side):
                continue
            label = axis.get_label_text()
            if not label:
                yield f"axes {number} {axes.get_title()!r}: no {side} label beside {texts[:3]}"
            elif is_numeric(texts) and not label.rstrip().endswith(")"):
                yield f"axes {number}: {side} label {label!r} has no unit"


def is_inner(axes: Axes, side: str) -> bool:
    """Whether the tick labels of a shared axis stand at another axes."""
    return not axes.xaxis.get_tick_params()["labelbottom"] if side == "x" else not left_labels(axes)


def left_labels(axes: Axes) -> bool:
    parameters = axes.yaxis.get_tick_params()
    return bool(parameters["labelleft"] or parameters.get("labelright"))
