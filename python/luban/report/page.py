"""A report: one HTML file that holds everything it shows and asks nothing of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from os import PathLike
from pathlib import Path
from string import Template

from luban.plots import style
from luban.report.blocks import Section

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """A titled sequence of sections."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    footer: str = ""

    def html(self) -> str:
        """Return the whole page: style and pictures are inside, everything from outside is escaped."""
        folder = resources.files("luban.report")
        contents = "".join(f'<a href="#{escape(s.key)}">{escape(s.title)}</a>' for s in self.sections)
        return Template((folder / "page.html").read_text(encoding="utf-8")).substitute(
            title=escape(self.title),
            subtitle=escape(self.subtitle),
            style=(folder / "page.css").read_text(encoding="utf-8"),
            contents=contents if len(self.sections) > 1 else "",
            body="\n".join(section.html() for section in self.sections),
            footer=escape(self.footer),
        )

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page; an existing file is replaced when the new one is complete. Raises: IoError."""
        place = Path(path)
        style.write_whole(place, self.html().encode("utf-8"))
        return place

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html())}" width="100%" height="720" style="border:0"></iframe>'
