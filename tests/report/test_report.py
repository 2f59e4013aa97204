"""Reports are one file that needs nothing else, and that trusts nothing from outside."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from luban import History, report
from luban.errors import IoError
from luban.fitting import Model
from luban.report import (
    Card,
    Cards,
    Facts,
    Folded,
    Gallery,
    Note,
    Picture,
    Points,
    Report,
    Section,
    Shown,
    Text,
    Verbatim,
    Wide,
)

HOSTILE = "<script>alert('x')</script>&\"$title"


class Page(HTMLParser):
    """What a page loads, which elements it has, and whether they are closed."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "data", "poster", "action") or (name == "href" and tag in ("link", "base")):
                self.loaded.append(value or "")
            if name == "href" and tag == "a":
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def check_self_contained(text: str) -> Page:
    page = Page(text)
    assert page.open == []
    assert all(source.startswith("data:image/") for source in page.loaded), [s[:60] for s in page.loaded]
    assert not {"script", "link", "iframe", "object", "embed"}.intersection(page.elements)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "url(" not in style.group(1)
    assert "@import" not in style.group(1)
    assert all(link.removeprefix("#") in page.ids for link in page.links)
    return page


@pytest.fixture
def figure() -> Figure:
    made = Figure(figsize=(2, 1))
    made.subplots().plot([0, 1])
    return made


def test_everything_from_outside_is_escaped(figure: Figure) -> None:
    frame = pd.DataFrame({HOSTILE: [HOSTILE], "value": [1.5]})
    frame.attrs["units"] = {HOSTILE: HOSTILE}
    blocks = [
        Text(HOSTILE),
        Points([HOSTILE]),
        Note(HOSTILE, title=HOSTILE),
        Verbatim(HOSTILE),
        Facts({HOSTILE: HOSTILE}),
        Cards([Card(HOSTILE, HOSTILE, HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)])]),
        Wide(frame, HOSTILE, names={"value": HOSTILE}),
        Picture(figure, HOSTILE, HOSTILE),
        Gallery([Shown(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, figure)]),
        Folded(HOSTILE, [Text(HOSTILE)]),
    ]
    text = Report(HOSTILE, HOSTILE, [Section(HOSTILE, blocks), Section("Second", [])], HOSTILE).html()
    page = check_self_contained(text)
    assert "<script" not in text
    assert len(page.ids) == 2
    assert text.count("alert(") > 15  # it is shown, as text


def test_tables_say_units_and_missing_values() -> None:
    frame = pd.DataFrame(
        {"feed": [0.123456, float("nan")], "runs": [1200, 3], "stay": [True, False], "tool": ["A", None]}
    )
    frame.attrs["units"] = {"feed": "mm/rev"}
    text = Wide(frame, digits={"feed": 2}, strong=[1]).html()
    assert '<th class="number">Feed<span class="unit">mm/rev</span></th>' in text
    assert '<td class="number">0.12</td><td class="number">1,200</td><td>yes</td><td>A</td>' in text
    assert '<tr class=strong><td class="number">–</td><td class="number">3</td><td>no</td><td>–</td></tr>' in text


@pytest.mark.parametrize(("kind", "media"), [("svg", "image/svg+xml"), ("png", "image/png")])
def test_pictures_are_inside(figure: Figure, kind: str, media: str) -> None:
    text = Picture(figure, "Caption", kind=kind).html()  # type: ignore[arg-type]
    assert f'<img src="data:{media};base64,' in text
    assert 'alt="Caption"' in text


def test_a_report_of_a_history(history: History) -> None:
    text = report.of_history(history).html()
    page = check_self_contained(text)
    assert page.elements.count("img") >= 6
    assert "Gross error" in text
    assert "row 37" in text
    assert history.digest in text
    assert text == report.of_history(history, history.inspect()).html()


def test_a_report_of_a_model(model: Model) -> None:
    text = report.of_model(model).html()
    page = check_self_contained(text)
    assert page.elements.count("img") == 3
    assert model.card.to_dict()["data"]["digest"] in text
    assert "Noise alone" in text


def test_save_replaces_a_file_as_a_whole(tmp_path: Path) -> None:
    made = Report("One", "Two", [])
    path = made.save(tmp_path / "deep" / "report.html")
    assert made.save(path) == path
    assert path.read_text(encoding="utf-8") == made.html()
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(IoError):
        made.save(path / "below.html")


def test_a_notebook_gets_the_page_in_a_frame_of_its_own() -> None:
    shown = Report("One", "Two", [Section("<b>", [])])._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "<section" not in shown
