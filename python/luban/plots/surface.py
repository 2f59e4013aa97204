"""What a response does over two parameters, and how sure the model is of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from luban.errors import ConfigurationError
from luban.plots import style
from luban.plots.model import first_response
from luban.plots.runs import in_context, run_inputs
from luban.plots.text import context_text, name_text, number, unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from luban.fitting import Model
    from luban.process import Parameter

__all__ = ["response_surface"]


@dataclass(frozen=True)
class _Slice:
    """Where the surface lies: two parameters that vary, everything else fixed."""

    a: Parameter
    b: Parameter
    fixed: dict[str, Any]  # the other parameters
    context: dict[str, Any]
    response: str


@style.styled
def response_surface(
    model: Model,
    a: str,
    b: str,
    *,
    context: Mapping[str, object] | None = None,
    response: str | None = None,
    at: Mapping[str, object] | None = None,
    running: Mapping[str, float] | None = None,
    recommended: Mapping[str, float] | None = None,
    points: int = 61,
) -> Figure:
    """Draw the expected response over two parameters, and beside it the standard deviation of that expectation.

    ``context`` fixes every context variable; ``at`` the other parameters (default: as recommended, as running, or the
    middle of their search ranges). Noise variables are averaged over as observed. Dots are settings that were run in
    this context: full where the other parameters are near the plane (within a tenth of their ranges), open elsewhere.
    Hatched: parameter constraints forbid it. ``points`` per axis, 11 … 301.

    Raises: ConfigurationError on an unknown name or category, a missing context, or ``points`` out of range.
    """
    if not 11 <= points <= 301:
        raise ConfigurationError(where="plots.response_surface", expected="points in 11 … 301", received=str(points))
    plane = _slice(model, (a, b), context, first_response(model, response), at or recommended or running or {})
    x, y = (np.linspace(parameter.low, parameter.high, points) for parameter in (plane.a, plane.b))
    mean, sd = _posterior(model, plane, x, y)
    plot = style.figure(9.6, 4.3)
    left, right = plot.subplots(1, 2, sharex=True, sharey=True)
    unit = unit_text(model.process.unit(plane.response))
    name = name_text(plane.response)
    _contours(plot, left, (x, y, mean), ("viridis", f"Expected {name.lower()} ({unit})"))
    _contours(plot, right, (x, y, sd), ("cividis", f"Standard deviation of it ({unit})"))
    for axes in (left, right):
        _draw_forbidden(axes, model, plane, x, y)
        _draw_runs(axes, model, plane)
        _mark(axes, plane, running, ("D", "white", "Running"))
        _mark(axes, plane, recommended, ("*", "#ffd23f", "Recommended"))
        axes.set_xlabel(f"{name_text(a)} ({unit_text(plane.a.unit)})")
        axes.set_xlim(plane.a.low, plane.a.high)
        axes.set_ylim(plane.b.low, plane.b.high)
    for axes in (left, right):
        axes.set_ylabel(f"{name_text(b)} ({unit_text(plane.b.unit)})")
    left.set_title(f"{name}: expected")
    right.set_title("How sure the model is")
    handles, texts = left.get_legend_handles_labels()
    plot.legend(handles, texts, loc="outside lower center", ncols=max(1, len(texts)))
    plot.suptitle(_headline(model, plane), x=0.01, ha="left", fontsize=10.0)
    return plot


def _slice(
    model: Model,
    names: tuple[str, str],
    context: Mapping[str, object] | None,
    response: str,
    at: Mapping[str, object],
) -> _Slice:
    process = model.process
    known = {parameter.name: parameter for parameter in process.parameters}
    for name in (*names, *at):
        if name not in known:
            raise _wrong("a parameter of the process", name, list(known))
    if names[0] == names[1] or any(known[name].categories for name in names):
        raise ConfigurationError(
            where="plots.response_surface", expected="two different numeric parameters", received=" and ".join(names)
        )
    given = dict(context or {})
    for name in given:
        if name not in [variable.name for variable in process.context]:
            raise _wrong("a context variable of the process", name, [v.name for v in process.context])
    for variable in process.context:
        if variable.name not in given:
            among = f" of {', '.join(variable.categories)}" if variable.categories else ""
            raise ConfigurationError(
                where="plots.response_surface", expected=f"context[{variable.name!r}]{among}", received="nothing"
            )
        if variable.categories and given[variable.name] not in variable.categories:
            raise _wrong(f"a category of {variable.name}", str(given[variable.name]), list(variable.categories))
    fixed = {
        name: at.get(name, parameter.categories[0] if parameter.categories else 0.5 * (parameter.low + parameter.high))
        for name, parameter in known.items()
        if name not in names
    }
    return _Slice(known[names[0]], known[names[1]], fixed, given, response)


def _wrong(expected: str, received: str, known: list[str]) -> ConfigurationError:
    from luban import _core

    return ConfigurationError(
        where="plots.response_surface",
        expected=expected,
        received=repr(received),
        hint=_core.nearest_hint(received, known),
    )


def _posterior(
    model: Model, plane: _Slice, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import pandas as pd

    grid_x, grid_y = np.meshgrid(x, y)
    frame = pd.DataFrame({plane.a.name: grid_x.ravel(), plane.b.name: grid_y.ravel()})
    frame = frame.assign(**plane.fixed, **plane.context)
    posterior = model.posterior(frame)
    mean = np.asarray(posterior.mean[plane.response], dtype=float)
    variance = np.asarray(posterior.variance(of="latent")[plane.response], dtype=float)
    return mean.reshape(grid_x.shape), np.sqrt(variance).reshape(grid_x.shape)


def _contours(plot: Any, axes: Axes, surface: tuple[Any, Any, Any], look: tuple[str, str]) -> None:
    x, y, z = surface
    colours, text = look
    filled = axes.contourf(x, y, z, levels=14, cmap=colours)
    filled.set_rasterized(True)
    lines = axes.contour(x, y, z, levels=np.asarray(filled.levels)[::2], colors="white", linewidths=0.5, alpha=0.7)
    axes.clabel(lines, fontsize=7.5, fmt=lambda value: number(value, 3))
    bar = plot.colorbar(filled, ax=axes, pad=0.02, aspect=28)
    bar.set_label(text)
    bar.outline.set_visible(False)


def _draw_forbidden(axes: Axes, model: Model, plane: _Slice, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    grid = dict(zip((plane.a.name, plane.b.name), np.meshgrid(x, y), strict=True))
    excess = np.full((len(y), len(x)), -np.inf)
    for constraint in model.process.core.parameter_constraints:
        total: Any = 0.0
        for name, coefficient in constraint.sum.items():
            total = total + coefficient * (grid[name] if name in grid else float(plane.fixed[name]))
        excess = np.maximum(excess, np.maximum(constraint.lower - total, total - constraint.upper))
    if (excess > 0.0).any():
        bounds = [0.0, float(excess.max())]
        shade = axes.contourf(x, y, excess, levels=bounds, colors=["#ffffff"], alpha=0.55, hatches=["////"])
        shade.set_edgecolor(style.MUTED)
        axes.contour(x, y, excess, levels=[0.0], colors=[style.INK], linewidths=0.9)


def _draw_runs(axes: Axes, model: Model, plane: _Slice) -> None:
    runs = in_context(run_inputs(model.dataset), plane.context)
    if not len(runs):
        return
    near = np.ones(len(runs), dtype=bool)
    for parameter in model.process.parameters:
        if parameter.name not in plane.fixed:
            continue
        value = runs[parameter.name].to_numpy()
        if parameter.categories:
            near &= value == plane.fixed[parameter.name]
        else:
            span = parameter.high - parameter.low
            near &= np.abs(value.astype(float) - float(plane.fixed[parameter.name])) <= 0.1 * span
    for chosen, fill, text in ((near, style.INK, "Run near this plane"), (~near, "none", "Run elsewhere")):
        if chosen.any():
            axes.scatter(
                runs[plane.a.name][chosen],
                runs[plane.b.name][chosen],
                s=26,
                facecolors=fill,
                edgecolors="white" if fill != "none" else style.INK,
                linewidths=0.9,
                label=text,
                zorder=4,
                clip_on=False,
            )


def _mark(axes: Axes, plane: _Slice, setting: Mapping[str, float] | None, look: tuple[str, str, str]) -> None:
    if setting is None:
        return
    marker, colour, text = look
    axes.plot(
        setting[plane.a.name],
        setting[plane.b.name],
        linestyle="none",
        marker=marker,
        markersize=15 if marker == "*" else 9,
        markerfacecolor=colour,
        markeredgecolor=style.INK,
        markeredgewidth=1.1,
        label=text,
        zorder=6,
        clip_on=False,
    )


def _headline(model: Model, plane: _Slice) -> str:
    fixed = [
        f"{name_text(name).lower()} {number(float(value), 3)} {unit_text(model.process.unit(name))}"
        if isinstance(value, int | float)
        else f"{name_text(name).lower()} {value}"
        for name, value in plane.fixed.items()
    ]
    noise = [name_text(variable.name).lower() for variable in model.process.noise]
    parts = [context_text(plane.context), *fixed, *([f"averaged over {', '.join(noise)}"] if noise else [])]
    return ", ".join(part for part in parts if part)
