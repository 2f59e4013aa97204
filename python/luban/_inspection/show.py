"""An inspection as a notebook shows it: a few small pictures drawn in plain SVG, and short tables."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from luban._inspection.kinds import KINDS
from luban._inspection.tables import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from luban._inspection.result import Inspection
    from luban._inspection.tables import ColumnFacts

__all__ = ["notebook_html"]

_MOST_FINDINGS = 12
_MOST_COLUMNS = 24
_COLOURS = {"mend": "#c2371f", "check": "#b2741a", "know": "#5c6873"}
_CELL = 'style="text-align:left;padding:2px 10px 2px 0;vertical-align:top"'


def notebook_html(seen: Inspection) -> str:
    """Return HTML for a notebook: headline, runs over time, findings, columns with their distributions, noise."""
    parts = [f"<p><b>{escape(seen.headline())}</b></p>"]
    if seen.rate is not None:
        bars = _bars(seen.rate.counts.tolist(), 560, 42)
        parts.append(f"<div>{bars}<br><small>Runs per {seen.rate.each}</small></div>")
    parts.append(_findings(seen))
    parts.append(_columns(seen))
    for title, frame in (("Noise within and between runs (gross errors set aside)", seen.noise),
                         ("Runs per context", seen.coverage), ("Longest pauses", seen.gaps)):  # fmt: skip
        if len(frame):
            parts.append(_folded(title, frame.head(40)))
    if math.isfinite(seen.space.within_reach):
        parts.append(
            f"<p>{100 * seen.space.within_reach:.0f} % of the search space lies within reach of a run; "
            f"{seen.space.settings:,} different settings of {seen.space.parameters} parameters.</p>"
        )
    page = "<code>luban.report.of_inspection(…)</code> is the whole page, <code>.findings</code> the table."
    parts.append(f"<p><small>{page}</small></p>")
    return "\n".join(part for part in parts if part)


def _folded(title: str, frame: pd.DataFrame) -> str:
    body = frame.to_html(index=False, border=0, na_rep="–", float_format=short)
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def _findings(seen: Inspection) -> str:
    if seen.findings.empty:
        return "<p>Nothing looks wrong.</p>"
    rows = []
    records: Any = seen.findings.head(_MOST_FINDINGS).itertuples(index=False)
    for one in records:
        kind = KINDS[one.kind]
        mark = f'<span style="color:{_COLOURS[kind.level]}">●</span> {escape(kind.title)}'
        rows.append(f"<tr><td {_CELL}>{mark}</td><td {_CELL}>{escape(one.message)}</td></tr>")
    left = len(seen.findings) - _MOST_FINDINGS
    more = f"<p><small>{left:,} more in <code>.findings</code></small></p>" if left > 0 else ""
    title = "What to look at, heaviest first"
    return f"<details open><summary>{title}</summary><table>{''.join(rows)}</table>{more}</details>"


def _columns(seen: Inspection) -> str:
    heads = ["Column", "Role", "Unit", "Distribution", "Missing", "Low … median … high"]
    rows = ["<tr>" + "".join(f"<th {_CELL}>{head}</th>" for head in heads) + "</tr>"]
    for one in seen.facts[:_MOST_COLUMNS]:
        picture = _bars(one.counts.tolist(), 120, 20) if one.view.kind != "text" and len(one.counts) else ""
        cells = [escape(one.view.name), one.view.role, escape(one.view.unit), picture, _missing(seen, one), _range(one)]
        rows.append("<tr>" + "".join(f"<td {_CELL}>{cell}</td>" for cell in cells) + "</tr>")
    left = len(seen.facts) - _MOST_COLUMNS
    more = f"<p><small>{left:,} more in <code>.columns</code></small></p>" if left > 0 else ""
    return f"<details open><summary>Columns</summary><table>{''.join(rows)}</table>{more}</details>"


def _missing(seen: Inspection, one: ColumnFacts) -> str:
    return f"{_strip(seen.missing[one.view.name].tolist())} {one.missing:,}" if one.missing else "0"


def _range(one: ColumnFacts) -> str:
    if one.view.kind != "number":
        return f"{one.distinct:,} different"
    return " … ".join(short(value) if math.isfinite(value) else "–" for value in (one.low, one.median, one.high))


def _bars(counts: Sequence[float], width: int, height: int) -> str:
    """Return a bar chart; the tallest bar fills the height."""
    top = max(counts, default=0) or 1
    step = width / max(1, len(counts))
    bars = "".join(
        f'<rect x="{k * step:.1f}" y="{height * (1 - count / top):.1f}" width="{max(0.6, step - 0.5):.1f}" '
        f'height="{height * count / top:.1f}"/>'
        for k, count in enumerate(counts)
        if count
    )
    return f'<svg width="{width}" height="{height}" fill="#0b5fa5" role="img">{bars}</svg>'


def _strip(shares: Sequence[float], width: int = 80, height: int = 10) -> str:
    """Return a strip of time: the darker, the more is missing."""
    step = width / max(1, len(shares))
    cells = "".join(
        f'<rect x="{k * step:.1f}" y="0" width="{step + 0.2:.1f}" height="{height}" fill-opacity="{share:.2f}"/>'
        for k, share in enumerate(shares)
        if share
    )
    frame = f'<rect width="{width}" height="{height}" fill="none" stroke="#b9c3cd"/>'
    return f'<svg width="{width}" height="{height}" fill="#c2371f" role="img">{cells}{frame}</svg>'
