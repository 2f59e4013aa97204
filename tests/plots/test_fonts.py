"""Signs that the style's font does not have: drawn by another font where one is there, else as their numbers."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib.font_manager
import pandas as pd
import pytest

from luban import History, Process, plots
from luban.plots import fonts

PROCESS = {
    "luban": 1,
    "process": "milling",
    "parameters": {"feed": {"unit": "mm/rev", "low": 0.0, "high": 1.0}, "speed": {"unit": "m/s", "low": 0, "high": 9}},
    "context": {"machine": {"categories": ["铣床一号", "Dreher Süd"]}},
    "responses": {"roughness": {"unit": "um"}},
}


@pytest.fixture
def history() -> History:
    frame = pd.DataFrame(
        {"feed": [0.1, 0.5, 0.9, 0.3], "speed": [1.0, 4.0, 8.0, 2.0], "machine": ["铣床一号", "Dreher Süd"] * 2}
    )
    return History.from_frame(Process.from_dict(PROCESS), frame.assign(roughness=[1.0, 2.0, 3.0, 2.5]))


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    fonts.families.cache_clear()
    yield
    fonts.families.cache_clear()


def test_without_a_font_signs_become_numbers_and_it_is_said_once(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "_EAST_ASIAN", ())
    plot = plots.history_overview(history)
    with pytest.warns(UserWarning, match=r"No installed font has .*铣.*\\u4e00") as heard:
        plots.save(plot, tmp_path / "one.png")
    assert len(heard) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.save(plot, tmp_path / "two.png")
    shown = [label.get_text() for axes in plot.get_axes() for label in axes.get_yticklabels()]
    assert "\\u94e3\\u5e8a\\u4e00\\u53f7" in shown
    assert "Dreher Süd" in shown


def test_with_a_font_signs_stay(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed family of the list is asked for each sign that the own font does not have."""
    monkeypatch.setattr(fonts, "_EAST_ASIAN", ("STIXGeneral", "No Such Font"))
    assert fonts.families() == ("DejaVu Sans", "STIXGeneral")
    only_there = fonts._signs("STIXGeneral") - fonts._signs("DejaVu Sans")
    assert fonts.escaped(chr(max(only_there))) == chr(max(only_there))
    assert "DejaVu Sans" in {font.name for font in matplotlib.font_manager.fontManager.ttflist}


def test_the_command_line_says_it_in_one_line(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from luban.cli import look

    monkeypatch.setattr(fonts, "_EAST_ASIAN", ())
    said: list[str] = []
    monkeypatch.setattr("luban.console.say", lambda text, style="": said.append(text))
    look._draw(history, history.inspect(), tmp_path / "out.svg")
    [line] = said
    assert line.startswith("No installed font has")
