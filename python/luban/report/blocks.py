"""What a report is made of: paragraphs, tables, figures, cards. Each renders itself as escaped HTML."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal, Protocol

from luban.plots import style
from luban.plots.text import name_text, number, unit_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = [
    "Block",
    "Card",
    "Cards",
    "Facts",
    "Folded",
    "Gallery",
    "Note",
    "Picture",
    "Points",
    "Section",
    "Shown",
    "Text",
    "Verbatim",
    "Wide",
]

Tone = Literal["plain", "good", "warning"]


class Block(Protocol):
    """Something that stands in a section."""

    def html(self) -> str:
        """Return it as HTML, everything from outside escaped."""
        ...


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str

    def html(self) -> str:
        """Return a ``<p>``."""
        return f"<p>{escape(self.text)}</p>"


@dataclass(frozen=True)
class Points:
    """A list of short statements."""

    items: Sequence[str]

    def html(self) -> str:
        """Return a ``<ul>``; nothing when empty."""
        body = "".join(f"<li>{escape(item)}</li>" for item in self.items)
        return f"<ul>{body}</ul>" if body else ""


@dataclass(frozen=True)
class Note:
    """A statement that must not be overlooked."""

    text: str
    tone: Tone = "plain"
    title: str = ""

    def html(self) -> str:
        """Return an ``<aside>``."""
        title = f"<strong>{escape(self.title)}</strong> " if self.title else ""
        return f'<aside class="note {self.tone}">{title}{escape(self.text)}</aside>'


@dataclass(frozen=True)
class Verbatim:
    """Text as a terminal prints it."""

    text: str

    def html(self) -> str:
        """Return a ``<pre>``."""
        return f"<pre>{escape(self.text)}</pre>"


@dataclass(frozen=True)
class Facts:
    """Names and values in two columns."""

    items: Mapping[str, str]

    def html(self) -> str:
        """Return a ``<dl>``."""
        body = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in self.items.items())
        return f'<dl class="facts">{body}</dl>'


@dataclass(frozen=True)
class Card:
    """One number or answer with its name, its unit and a line about it."""

    name: str
    value: str
    unit: str = ""
    about: str = ""
    lines: Sequence[tuple[str, str]] = ()
    tone: Tone = "plain"

    def html(self) -> str:
        """Return a ``<div class="card">``."""
        unit = f' <span class="unit">{escape(self.unit)}</span>' if self.unit else ""
        about = f'<p class="about">{escape(self.about)}</p>' if self.about else ""
        rows = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in self.lines)
        more = f"<dl>{rows}</dl>" if rows else ""
        name = f'<p class="name">{escape(self.name)}</p>'
        return f'<div class="card {self.tone}">{name}<p class="value">{escape(self.value)}{unit}</p>{more}{about}</div>'


@dataclass(frozen=True)
class Cards:
    """Cards side by side."""

    cards: Sequence[Card]

    def html(self) -> str:
        """Return a grid of cards."""
        return f'<div class="cards">{"".join(card.html() for card in self.cards)}</div>'


@dataclass(frozen=True)
class Picture:
    """A plot with its caption; drawn as SVG, or as PNG where there are very many marks."""

    plot: Figure
    caption: str
    alt: str = ""
    kind: Literal["svg", "png"] = "svg"

    def html(self) -> str:
        """Return a ``<figure>`` that holds the picture itself."""
        content = style.svg(self.plot).encode("utf-8") if self.kind == "svg" else style.png(self.plot, dpi=180)
        media = "image/svg+xml" if self.kind == "svg" else "image/png"
        source = f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"
        width = round(self.plot.get_size_inches()[0] * 110)
        image = f'<img src="{source}" alt="{escape(self.alt or self.caption)}" width="{width}">'
        return f'<figure><div class="plate">{image}</div><figcaption>{escape(self.caption)}</figcaption></figure>'


@dataclass(frozen=True)
class Shown:
    """Something worth a look: what, where, a sentence, what to do, and a small picture."""

    name: str
    where: str
    text: str
    advice: str = ""
    level: Literal["mend", "check", "know"] | str = "know"
    plot: Figure | None = None

    def html(self) -> str:
        """Return a ``<div class="shown">``."""
        image = ""
        if self.plot is not None:
            source = base64.b64encode(style.png(self.plot, dpi=150)).decode("ascii")
            image = f'<div class="small"><img src="data:image/png;base64,{source}" alt="{escape(self.text)}"></div>'
        where = f' <span class="where">{escape(self.where)}</span>' if self.where else ""
        advice = f'<p class="advice">{escape(self.advice)}</p>' if self.advice else ""
        head = f'<p class="name">{escape(self.name)}{where}</p>'
        return f'<div class="shown {escape(self.level)}">{head}{image}<p>{escape(self.text)}</p>{advice}</div>'


@dataclass(frozen=True)
class Gallery:
    """Things worth a look, side by side."""

    items: Sequence[Shown]

    def html(self) -> str:
        """Return a grid."""
        return f'<div class="gallery">{"".join(item.html() for item in self.items)}</div>'


@dataclass(frozen=True)
class Folded:
    """What is long and rarely wanted: its title, and the rest when it is opened."""

    title: str
    blocks: Sequence[Block]

    def html(self) -> str:
        """Return a ``<details>``."""
        body = "".join(block.html() for block in self.blocks)
        return f"<details><summary>{escape(self.title)}</summary>{body}</details>"


@dataclass(frozen=True)
class Wide:
    """A DataFrame as a table: units under the names, numbers right-aligned.

    ``names`` gives other headings, ``digits`` the significant digits (per column or for all), ``strong`` the rows that
    stand out, by position.
    """

    frame: pd.DataFrame
    caption: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    digits: int | Mapping[str, int] = 3
    strong: Sequence[int] = ()

    def html(self) -> str:
        """Return a ``<table>`` that scrolls when the page is narrow."""
        units = {**self.frame.attrs.get("units", {}), **self.units}
        heads = []
        for column in map(str, self.frame.columns):
            unit = f'<span class="unit">{escape(unit_text(units[column]))}</span>' if units.get(column) else ""
            kind = ' class="number"' if self._is_number(column) else ""
            heads.append(f"<th{kind}>{escape(self.names.get(column, name_text(column)))}{unit}</th>")
        rows = []
        for place, row in enumerate(self.frame.itertuples(index=False, name=None)):
            cells = "".join(self._cell(str(c), v) for c, v in zip(self.frame.columns, row, strict=True))
            rows.append(f"<tr{' class=strong' if place in self.strong else ''}>{cells}</tr>")
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        head, body = "".join(heads), "".join(rows)
        many = ' class="many"' if len(heads) > 9 else ""
        table = f"<table{many}>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div class="scroll">{table}</div>'

    def _is_number(self, column: str) -> bool:
        return self.frame[column].dtype.kind in "fiu"

    def _cell(self, column: str, value: Any) -> str:
        kind = ' class="number"' if self._is_number(column) else ""
        return f"<td{kind}>{escape(self._text(column, value))}</td>"

    def _text(self, column: str, value: Any) -> str:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return "–"
        kind = self.frame[column].dtype.kind
        if kind == "f":
            digits = self.digits if isinstance(self.digits, int) else self.digits.get(column, 3)
            return number(float(value), digits)
        if kind in "iu":
            return f"{int(value):,}".replace("-", "−")
        if kind == "b":
            return "yes" if value else "no"
        return str(value)


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it."""

    title: str
    blocks: Sequence[Block]
    anchor: str = ""

    def html(self) -> str:
        """Return a ``<section>``."""
        body = "\n".join(block.html() for block in self.blocks)
        return f'<section id="{escape(self.key)}">\n<h2>{escape(self.title)}</h2>\n{body}\n</section>'

    @property
    def key(self) -> str:
        """What links within the page lead to."""
        words = "".join(c if c.isalnum() else " " for c in (self.anchor or self.title).lower()).split()
        return "-".join(words) or "section"
