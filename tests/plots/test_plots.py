"""Every plot: axes labelled with units, the same picture each time, clear errors, no trace in global settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from luban import Campaign, History, Process, plots
from luban.errors import ConfigurationError, DataError, IoError
from luban.fitting import Model
from luban.plots.parity import _binomial_band

from .labels import faults

CENTRE = {"spindle_speed": 8000.0, "feed": 0.12, "depth": 1.5}


LOOK = plots.TimelineLook(
    "roughness",
    expected="expected",
    objective="removal",
    best="best",
    limit=4.0,
    marks={4: "new lot", 40: "never reached"},
)


def loop_rows() -> dict[str, pd.DataFrame]:
    """Nine cycles under two arms."""
    cycle = np.arange(1, 10)
    rows = pd.DataFrame({"cycle": cycle, "tool": ["New"] * 5 + ["Worn"] * 4, "mode": ["shadow"] * 2 + ["closed"] * 7})
    rows = rows.assign(spindle_speed=8000.0 + 100 * cycle, feed=0.1, depth=1.5, measured=3.0 + 0.1 * cycle)
    rows = rows.assign(expected=3.0 + 0.09 * cycle, removal=1000.0 + cycle, best=1010.0 + cycle)
    return {"learning": rows, "fixed": rows.assign(spindle_speed=8000.0)}


@pytest.fixture(scope="session")
def figures(model: Model, history: History, campaign: Campaign) -> dict[str, Figure]:
    context = {"tool": "Worn"}
    answers = [
        campaign.recommend(1, context={"tool": tool}, kind="best_mean", running=CENTRE) for tool in ("New", "Worn")
    ]
    return {
        "history_overview": plots.history_overview(history),
        "parity": plots.parity(model),
        "intervals": plots.intervals(model, "force"),
        "skill": plots.skill(model),
        "response_surface": plots.response_surface(
            model, "spindle_speed", "feed", context=context, running=CENTRE, recommended=answers[1][0].settings
        ),
        "pareto": plots.pareto(campaign, points=4),
        "pareto of one context": plots.pareto(campaign, context=context, points=4),
        "recommended_settings": plots.recommended_settings(campaign.process, answers, running=CENTRE),
        "loop_timeline": plots.loop_timeline(campaign.process, loop_rows(), LOOK),
    }


def test_every_axis_has_a_label_with_its_unit(figures: dict[str, Figure]) -> None:
    found = {name: list(faults(figure)) for name, figure in figures.items()}
    assert not any(found.values()), {name: texts for name, texts in found.items() if texts}


def test_the_check_of_labels_sees_a_bare_axis() -> None:
    figure = Figure()
    figure.subplots().plot([1, 2], [3, 4])
    assert len(list(faults(figure))) == 2
    figure.axes[0].set_xlabel("Feed")
    figure.axes[0].set_ylabel("Roughness (µm)")
    assert list(faults(figure)) == ["axes 0: x label 'Feed' has no unit"]


def test_names_and_units_are_written_for_people(figures: dict[str, Figure]) -> None:
    surface = figures["response_surface"]
    assert surface.axes[0].get_xlabel() == "Spindle speed (1/min)"
    assert surface.axes[0].get_ylabel() == "Feed (mm/rev)"
    bars = [axes.get_ylabel() for axes in surface.axes[2:]]
    assert bars == ["Expected roughness (µm)", "Standard deviation of it (µm)"]
    front = figures["pareto of one context"].axes[0]
    assert (front.get_xlabel(), front.get_ylabel()) == ("Removal (mm²/min)", "Roughness (µm)")


def test_the_gross_error_is_named_with_its_row(figures: dict[str, Figure]) -> None:
    texts = [text.get_text() for text in figures["history_overview"].findobj(mpl.text.Text)]
    assert any("row 37" in text for text in texts)


def test_measured_runs_of_the_front_are_those_of_its_context(figures: dict[str, Figure], history: History) -> None:
    axes = figures["pareto of one context"].axes[0]
    measured = next(c for c in axes.collections if c.get_label() == "Measured runs (mean)")
    runs = history.read(rows="runs")
    assert len(measured.get_offsets()) == (runs["tool"] == "Worn").sum()


@pytest.mark.parametrize("novelty", [None, "any"])
def test_points_outside_what_was_measured_are_hollow(campaign: Campaign, novelty: Literal["any"] | None) -> None:
    context = {"tool": "Worn"}
    front = campaign.pareto(context=context, points=4, novelty=novelty)
    answer = campaign.recommend(context=context, kind="best_mean", novelty=novelty)
    drawn = {
        plots.pareto(front, process=campaign.process): front,
        plots.recommended_settings(campaign.process, [answer]): answer,
    }
    for figure, shown in drawn.items():
        texts = {text.get_text() for text in figure.findobj(mpl.text.Text)}
        is_outside = (shown.table()["coverage"] == "outside").any()
        assert ("Outside what the training data covered" in texts) == is_outside
    assert (front.table()["coverage"] == "outside").any() == (novelty == "any")


def test_parity_points_are_means_of_readings(figures: dict[str, Figure], history: History) -> None:
    axes = figures["parity"].axes[0]
    drawn = np.concatenate([line.get_ydata() for line in axes.lines if line.get_linestyle() == "None"])
    assert len(drawn) == 2 * history.read(rows="runs").shape[0]  # two places in each run
    assert drawn.max() < 9.0  # the reading with the lost decimal point is set aside


def test_pictures_are_the_same_each_time(model: Model) -> None:
    once, again = plots.skill(model), plots.skill(model)
    assert plots.svg(once) == plots.svg(again)
    assert plots.png(once, dpi=60) == plots.png(again, dpi=60)


def test_the_caller_s_settings_are_neither_used_nor_changed(model: Model) -> None:
    before = dict(mpl.rcParams)
    usual = plots.svg(plots.skill(model))
    with mpl.rc_context({"font.size": 30.0, "axes.facecolor": "black", "savefig.transparent": True}):
        assert plots.svg(plots.skill(model)) == usual
    assert dict(mpl.rcParams) == before


def test_pyplot_is_not_loaded() -> None:
    code = "import sys, luban.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_save_writes_a_whole_file(figures: dict[str, Figure], tmp_path: Path, suffix: str) -> None:
    path = plots.save(figures["skill"], tmp_path / "new" / f"skill.{suffix}")
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert path.read_bytes().startswith(magic[suffix])
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_save_refuses_what_it_cannot_write(figures: dict[str, Figure], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.png, \.svg or \.pdf"):
        plots.save(figures["skill"], tmp_path / "skill.bmp")
    with pytest.raises(ConfigurationError, match="dpi"):
        plots.save(figures["skill"], tmp_path / "skill.png", dpi=5)
    (tmp_path / "file").write_text("")
    with pytest.raises(IoError, match="place to write"):
        plots.save(figures["skill"], tmp_path / "file" / "skill.png")


def test_a_figure_shows_itself_in_a_notebook(model: Model) -> None:
    assert plots.skill(model)._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("spindle_sped", "feed", {"tool": "New"}), "spindle_speed"),
        (("feed", "feed", {"tool": "New"}), "two different"),
        (("spindle_speed", "feed", {}), "tool"),
        (("spindle_speed", "feed", {"tool": "Old"}), "category of tool"),
        (("spindle_speed", "feed", {"tol": "New"}), "context variable"),
    ],
)
def test_wrong_surfaces_are_refused_by_name(model: Model, arguments: tuple[str, str, dict], message: str) -> None:
    a, b, context = arguments
    with pytest.raises(ConfigurationError, match=message):
        plots.response_surface(model, a, b, context=context)


def test_unknown_responses_are_refused_by_name(model: Model, history: History) -> None:
    for draw in (plots.parity, plots.intervals):
        with pytest.raises(ConfigurationError, match="roughness"):
            draw(model, "roughnes")
    with pytest.raises(ConfigurationError, match="roughness"):
        plots.history_overview(history, ["roughnes"])
    with pytest.raises(ConfigurationError, match="none"):
        plots.history_overview(history, [])


def test_nothing_to_draw_is_said(process: Process) -> None:
    with pytest.raises(DataError, match="at least one"):
        plots.recommended_settings(process, [])
    with pytest.raises(DataError, match="empty"):
        plots.pareto([], process=process)


def test_a_timeline_says_which_column_is_lacking(process: Process) -> None:
    rows = loop_rows()
    texts = {text.get_text() for text in plots.loop_timeline(process, rows, LOOK).findobj(mpl.text.Text)}
    assert {"closed", "new lot", "Learning", "Limit"} <= texts
    assert "never reached" not in texts
    with pytest.raises(ConfigurationError, match="'removal' of arm 'fixed'"):
        plots.loop_timeline(process, {**rows, "fixed": rows["fixed"].drop(columns="removal")}, LOOK)
    with pytest.raises(DataError, match="at least one arm"):
        plots.loop_timeline(process, {}, LOOK)


def test_the_binomial_band_agrees_with_counting() -> None:
    from scipy.stats import binom

    levels = np.linspace(0.05, 0.95, 19)
    low, high = _binomial_band(levels, 15)
    assert np.allclose(low, binom.ppf(0.05, 15, levels) / 15)
    assert np.allclose(high, binom.ppf(0.95, 15, levels) / 15)
