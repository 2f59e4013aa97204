"""Plots of histories, models and recommendations: matplotlib figures with units on every axis.

Every function returns a figure and keeps no state; :func:`save` writes one as PNG, SVG or PDF.
"""

from __future__ import annotations

from luban.plots.choices import recommended_settings
from luban.plots.finding import finding
from luban.plots.front import pareto
from luban.plots.inspection import (
    by_context,
    coverage,
    distributions,
    missing_values,
    noise_shares,
    readings,
    runs_over_time,
)
from luban.plots.model import first_response
from luban.plots.overview import history_overview
from luban.plots.parity import intervals, parity
from luban.plots.skill import skill
from luban.plots.style import Plot, png, save, svg
from luban.plots.surface import response_surface
from luban.plots.timeline import TimelineLook, loop_timeline

__all__ = [
    "Plot",
    "TimelineLook",
    "by_context",
    "coverage",
    "distributions",
    "finding",
    "first_response",
    "history_overview",
    "intervals",
    "loop_timeline",
    "missing_values",
    "noise_shares",
    "pareto",
    "parity",
    "png",
    "readings",
    "recommended_settings",
    "response_surface",
    "runs_over_time",
    "save",
    "skill",
    "svg",
]
