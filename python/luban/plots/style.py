"""How every plot looks: one style, one palette, figures that show themselves in a notebook.

Figures are made with matplotlib's object interface. The style is applied while a figure is made and again while it is
drawn, so that the caller's own settings are neither needed nor changed.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.figure import Figure

from luban.errors import ConfigurationError, IoError
from luban.plots import fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase

__all__ = [
    "ACCENT",
    "ALARM",
    "GRID",
    "INK",
    "MUTED",
    "PALE",
    "SERIES",
    "Plot",
    "figure",
    "png",
    "save",
    "styled",
    "svg",
]

INK = "#1c2530"
MUTED = "#5c6873"
GRID = "#dde2e7"
PALE = "#b9c3cd"
ACCENT = "#0b5fa5"
ALARM = "#c2371f"

#: Colour and marker of the k-th series. The colours keep apart for the colour-blind (after Okabe and Ito 2008) and in
#: grey print; the markers say it a second time.
SERIES = (
    ("#0072b2", "o"),
    ("#d55e00", "s"),
    ("#009e73", "^"),
    ("#a3508a", "D"),
    ("#c98f00", "v"),
    ("#3f9fd6", "P"),
    ("#6b6b6b", "X"),
    ("#7a3b12", "h"),
)

_STYLE: dict[Any, Any] = {
    "font.family": ["sans-serif"],
    "font.size": 9.0,
    "text.color": INK,
    "text.usetex": False,
    "figure.facecolor": "white",
    "figure.titlesize": 11.5,
    "figure.titleweight": "bold",
    "savefig.facecolor": "white",
    "savefig.edgecolor": "white",
    "savefig.transparent": False,
    "axes.facecolor": "white",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.linewidth": 0.8,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 5.0,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "luban",
}

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def _style() -> Iterator[None]:
    with mpl.rc_context(rc={**_STYLE, "font.sans-serif": list(fonts.families())}):
        yield


def styled(make: Callable[P, R]) -> Callable[P, R]:
    """Run a function that makes a figure under the style of this package."""

    @wraps(make)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with _style():
            return make(*args, **kwargs)

    return call


class Plot(Figure):
    """A matplotlib figure that draws itself in this package's style and shows itself in a notebook."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw under the style: ticks are made while drawing. Warns of signs that no installed font has."""
        with _style():
            fonts.drawable(self)
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        return png(self, dpi=110)


def figure(width: float, height: float) -> Plot:
    """Return an empty figure of a size in inches, laid out so that nothing overlaps."""
    return Plot(figsize=(width, height), layout="constrained")


def png(plot: Figure, dpi: int = 160) -> bytes:
    """Return the figure as PNG. Raises: ConfigurationError when ``dpi`` is not in 40 … 1200."""
    if not 40 <= dpi <= 1200:
        raise ConfigurationError(where="plots.png", expected="dpi in 40 … 1200", received=str(dpi))
    return _written(plot, "png", dpi)


def svg(plot: Figure) -> str:
    """Return the figure as SVG text, the same for the same figure."""
    return _written(plot, "svg", 200).decode("utf-8")


def _written(plot: Figure, kind: str, dpi: int) -> bytes:
    stream = io.BytesIO()
    # No date and no version of the program that drew it: the same figure gives the same file.
    empty: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    }
    with _style():
        plot.savefig(stream, format=kind, dpi=dpi, metadata=empty[kind])
    return stream.getvalue()


def save(plot: Figure, path: str | os.PathLike[str], dpi: int = 200) -> Path:
    """Write the figure as .png, .svg or .pdf; an existing file is replaced when the new one is complete.

    Raises: ConfigurationError on another suffix or a ``dpi`` outside 40 … 1200; IoError when the disk refuses.
    """
    place = Path(path)
    kind = place.suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise ConfigurationError(
            where="plots.save", expected="a file name that ends in .png, .svg or .pdf", received=repr(str(place))
        )
    content = png(plot, dpi) if kind == "png" else _written(plot, kind, 200)
    write_whole(place, content)
    return place


def write_whole(place: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it and rename it. Raises: IoError."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as stream:
            temporary = Path(stream.name)
            try:
                stream.write(content)
                stream.flush()
                temporary.chmod(0o644)
                temporary.replace(place)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise IoError(
            where="plots.save", expected="a place to write to", received=str(error.strerror), place=str(place)
        ) from error


def gridded(axes: Axes, which: str = "both") -> None:
    """Put a light grid behind the data."""
    axes.grid(visible=True, axis=which, color=GRID, linewidth=0.7)  # type: ignore[arg-type]
