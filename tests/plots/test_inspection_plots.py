"""Pictures of an inspection: labelled, of three columns and of sixty, with and without times."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from luban import History, Process, plots, report
from luban.features import Inspection

from .labels import faults


def make(columns: int, *, timed: bool, parameters: int = 2, repeats: bool = True) -> Inspection:
    """A history with faults of several kinds and ``columns`` auxiliary columns."""
    rng = np.random.default_rng(columns)
    n = 240
    content = {
        "luban": 1, "process": "wide",
        "parameters": {f"setting_{k}": {"unit": "mm", "low": 0, "high": 1} for k in range(parameters)},
        "context": {"tool": {"categories": ["New", "Worn"]}},
        "responses": {"roughness": {"unit": "um"}, "yield_of_the_second_stage": {"unit": "%"}},
        "identifiers": {"order": {}},
        "runs": {"id": ["order"], **({"repeat": {"column": "reading"}} if repeats else {}),
                 **({"start_time": {"column": "begun"}} if timed else {})},
    }  # fmt: skip
    run = np.arange(n) // 3 if repeats else np.arange(n)
    frame = pd.DataFrame({f"setting_{k}": rng.random(n)[run].round(2) for k in range(parameters)})
    frame = frame.assign(tool=np.array(["New", "Worn"])[run % 2], order=run)
    frame["roughness"] = 2.0 + frame["setting_0"] + rng.normal(0, 0.1, n)
    frame["yield_of_the_second_stage"] = 90.0 + rng.normal(0, 1, n)
    if repeats:
        frame["reading"] = np.arange(n) % 3 + 1
    if timed:
        hours = run + np.where(run > run.max() // 2, 900, 0)
        frame["begun"] = (pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(hours, unit="h")).astype(str)
    for k in range(columns):
        frame[f"S{k}_SomeRatherLongChannelName_mean"] = rng.normal(k, 1, n)
    frame.loc[100, "roughness"] *= 100
    if columns:
        frame.loc[120:, "S0_SomeRatherLongChannelName_mean"] = np.nan
    return History.from_frame(Process.from_dict(content), frame).inspect()


@pytest.fixture(scope="module", params=[(0, True), (0, False), (60, True)], ids=["3", "3 without times", "60"])
def seen(request: pytest.FixtureRequest) -> Inspection:
    columns, timed = request.param
    return make(columns, timed=timed, parameters=2 if columns == 0 else 5)


def test_every_axis_has_a_label_with_its_unit(seen: Inspection) -> None:
    drawn = [
        plots.readings,
        plots.runs_over_time,
        plots.missing_values,
        plots.noise_shares,
        plots.coverage,
        plots.by_context,
    ]
    figures = {make.__name__: make(seen) for make in drawn}
    for k, one in enumerate(seen.findings.to_dict(orient="records")):
        figures[f"{one['kind']} {k}"] = plots.finding(seen, one)
    found = {name: list(faults(figure)) for name, figure in figures.items() if figure is not None}
    assert not any(found.values()), found


def test_pictures_are_left_out_where_there_is_nothing_to_show() -> None:
    seen = make(0, timed=False, parameters=1, repeats=False)
    assert plots.runs_over_time(seen) is None
    assert plots.missing_values(seen) is None
    assert plots.noise_shares(seen) is None or len(seen.noise)
    assert plots.coverage(seen) is None
    assert "Search space" in report.of_inspection(seen).html()


def test_a_histogram_for_each_column_and_none_runs_into_the_next(seen: Inspection) -> None:
    figure = plots.distributions(seen)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    shown = [one for one in seen.facts if one.view.kind != "text" and one.view.role != "identifier"]
    assert len(figure.axes) == len(shown)
    renderer = canvas.get_renderer()
    for a, b in itertools.pairwise(figure.axes):
        first, second = (axes.title.get_window_extent(renderer) for axes in (a, b))
        assert not first.overlaps(second), (a.get_title(), b.get_title())
    edge = figure.bbox.width
    for axes in figure.axes:
        assert axes.get_tightbbox(renderer).x1 <= edge + 1.0, axes.title.get_text()


def test_the_same_inspection_gives_the_same_page(seen: Inspection) -> None:
    assert report.of_inspection(seen).html() == report.of_inspection(seen).html()


def test_the_silence_is_shaded_and_the_dead_sensor_drawn() -> None:
    seen = make(3, timed=True)
    kinds = set(seen.findings["kind"])
    assert {"silence", "dead_sensor", "gross_error"} <= kinds
    rate = plots.runs_over_time(seen)
    assert rate is not None
    assert len(rate.axes[0].patches) == len(seen.rate.counts) + 1
    missing = plots.missing_values(seen)
    assert missing is not None
    assert [text.get_text() for text in missing.axes[0].get_yticklabels()] == ["S0_SomeRatherLongChannelName_mean"]
