"""The page of an inspection: what to look at first, then everything that was looked at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from luban import plots
from luban._inspection.kinds import KINDS
from luban._words import counted, with_row
from luban.plots.text import unit_text
from luban.report.blocks import Block, Card, Cards, Folded, Gallery, Note, Picture, Section, Shown, Text, Wide
from luban.report.page import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from luban.features import Inspection

__all__ = ["inspection_sections", "of_inspection"]

_MOST_SHOWN = 24
_EACH = 3  # of one kind, before the other kinds have had their turn
_MOST_LISTED = 200
_WORDS = {"mend": "mend first", "check": "check", "know": "good to know"}


def of_inspection(seen: Inspection, *, footer: str = "") -> Report:
    """Make the page of an inspection, complete in one file."""
    counts = seen.counts
    span = f", {seen.span['first'][:10]} to {seen.span['last'][:10]}" if seen.span["first"] else ""
    return Report(
        title=f"History of {seen.process}",
        subtitle=f"{counted(counts['readings'], 'reading')} of {counted(counts['runs'], 'run')}{span}. What is in it, "
        f"and what to look at before anything is learned from it. {seen.left_out()}".rstrip(),
        sections=inspection_sections(seen),
        footer=footer,
    )


def inspection_sections(seen: Inspection) -> list[Section]:
    """Return the sections of the page: first, findings, order, columns, missing, noise, contexts, space, details."""
    sections = [
        Section("Look at this first", _first(seen)),
        Section("Findings", _findings(seen)),
        Section("Readings in order", _order(seen)),
        Section("Columns", _columns(seen)),
        Section("Missing values", _missing(seen)),
        Section("Noise", _noise(seen)),
        Section("Contexts", _contexts(seen)),
        Section("Search space", _space(seen)),
        Section("Every column in numbers", _details(seen), anchor="numbers"),
    ]
    return [section for section in sections if section.blocks]


def _first(seen: Inspection) -> list[Block]:
    counts = seen.counts
    low, high = counts["readings_per_run_min"], counts["readings_per_run_max"]
    each = f"{low} of each run" if low == high else f"{low} to {high} of each run"
    levels = [KINDS[kind].level for kind in seen.findings["kind"]]
    wrong = levels.count("mend")
    cards = [
        Card("Runs", f"{counts['runs']:,}", about=f"{counted(counts['readings'], 'reading')}, {each}"),
        Card(
            "Different points",
            f"{counts['points']:,}",
            about=f"{counts['points_run_more_than_once']:,} run more than once",
        ),
        Card(
            "To mend",
            f"{wrong:,}",
            about=f"looks like wrong data; {len(levels) - wrong:,} more to check or to know",
            tone="warning" if wrong else "good",
        ),
    ]
    if math.isfinite(seen.space.within_reach):
        share = seen.space.within_reach
        about = f"of the search space, with {seen.space.settings:,} different settings"
        cards.append(
            Card("Within reach", f"{100 * share:.0f}", "%", about, tone="plain" if share >= 0.5 else "warning")
        )
    blocks: list[Block] = [Cards(cards)]
    summary = seen.summary
    if summary.empty:
        return [*blocks, Note("Nothing looks wrong.", "good")]
    shown = summary.assign(level=summary["level"].map(_WORDS))[["title", "level", "count", "columns", "advice"]]
    names = {"title": "Finding", "level": "How urgent", "count": "Times", "columns": "Where", "advice": "What to do"}
    strong = [k for k, level in enumerate(summary["level"]) if level == "mend"]
    return [*blocks, Wide(shown, "Heaviest first.", names=names, strong=strong)]


def _findings(seen: Inspection) -> list[Block]:
    """Show the heaviest as cards with pictures, no more than a few of a kind, and list all."""
    if seen.findings.empty:
        return []
    records = seen.findings.to_dict(orient="records")
    first: list[dict[Any, Any]] = []
    later: list[dict[Any, Any]] = []
    number_of: dict[str, int] = {}
    for one in records:
        number_of[one["kind"]] = number_of.get(one["kind"], 0) + 1
        (first if number_of[one["kind"]] <= _EACH else later).append(one)
    shown = (first + later)[:_MOST_SHOWN] if len(first) < 6 else first[:_MOST_SHOWN]
    blocks: list[Block] = [Gallery([_shown(seen, one) for one in shown])]
    if len(records) > len(shown):
        listed = seen.findings.head(_MOST_LISTED)[["kind", "column", "source_row", "message"]]
        more = f" The first {_MOST_LISTED}." if len(records) > _MOST_LISTED else ""
        title = f"All {len(records):,} findings, heaviest first; rows count from 0.{more}"
        blocks.append(Folded(title, [Wide(listed, names={"source_row": "Row"})]))
    return blocks


def _shown(seen: Inspection, one: dict[Any, Any]) -> Shown:
    kind = KINDS[one["kind"]]
    text = with_row(str(one["message"]), int(one["source_row"]))
    return Shown(kind.title, _where(one), text, kind.advice, kind.level, plots.finding(seen, one))


def _where(one: dict[Any, Any]) -> str:
    names = str(one["column"]).split(", ")
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _order(seen: Inspection) -> list[Block]:
    blocks: list[Block] = []
    rate = plots.runs_over_time(seen)
    if rate is not None:
        blocks.append(Picture(rate, "When runs began (UTC). Shaded: silences, and weeks with few runs.", kind="png"))
    some = "" if seen.sample.is_all else f" A sample of {len(seen.sample.row):,} rows, drawn with a fixed seed."
    more = len(seen.responses) - 8
    left = f" {counted(more, 'further response')} not drawn." if more > 0 else ""
    text = "Readings in their order; gross errors and contradicting readings are marked, at the edge when beyond it."
    blocks.append(Picture(plots.readings(seen), text + some + left, kind="png"))
    if len(seen.gaps):
        blocks.append(Wide(seen.gaps.assign(after=_minutes(seen.gaps["after"]), until=_minutes(seen.gaps["until"])),
                           "Longest pauses", names={"hours": "Hours"}))  # fmt: skip
    return blocks


def _minutes(times: Any) -> Any:
    return times.str.slice(0, 16).str.replace("T", " ")


def _columns(seen: Inspection) -> list[Block]:
    text = (
        "All values. Blue parameters, grey context and noise variables, green responses, violet auxiliary columns; "
        "shaded: what the process file states; a red name has a finding; a red count lies beyond the axis."
    )
    return [Picture(plots.distributions(seen), text)]


def _missing(seen: Inspection) -> list[Block]:
    picture = plots.missing_values(seen)
    if picture is None:
        return [Note("No value is missing.", "good")]
    return [
        Picture(picture, "Share of missing values along the rows; columns that are complete are not drawn.", kind="png")
    ]


def _noise(seen: Inspection) -> list[Block]:
    picture = plots.noise_shares(seen)
    if picture is None:
        text = (
            "No run has repeated readings and no point was run twice: noise cannot be told from the effect of settings."
        )
        return [Note(text, "warning")]
    text = (
        "From repeats alone, gross errors set aside. Within a run: between its readings at one point. Between equal "
        "runs: between runs at the same settings and context (pure error). No model gets below the two."
    )
    names = {
        "within_sd": "Within (SD)",
        "within_dof": "its dof",
        "between_sd": "Between (SD)",
        "between_dof": "its dof",
    }
    return [Picture(picture, text), Wide(seen.noise.assign(unit=seen.noise["unit"].map(unit_text)), names=names)]


def _contexts(seen: Inspection) -> list[Block]:
    picture: Figure | None = plots.by_context(seen)
    if picture is None:
        return []
    count = int(seen.by_context.attrs.get("combinations", 0))
    shown = seen.by_context["context"].nunique()
    more = f" The {shown} most frequent of {count:,} combinations." if count > shown else ""
    names = " · ".join(str(name) for name in seen.coverage.columns[:-1])
    blocks: list[Block] = [Picture(picture, f"Median and middle half of the readings in each context ({names}).{more}")]
    if len(seen.coverage.columns) > 1 and len(seen.coverage) <= 40:
        blocks.append(Wide(seen.coverage, "Runs per context"))
    return blocks


def _space(seen: Inspection) -> list[Block]:
    blocks: list[Block] = []
    space = seen.space
    if math.isfinite(space.within_reach):
        blocks.append(
            Text(
                f"{100 * space.within_reach:.0f} % of the search space lies within reach of a run: on average over the "
                f"parameters, {100 * space.reach:.0f} % of each range away or less, in the same categories. "
                f"{counted(space.settings, 'different setting')} of {counted(space.parameters, 'parameter')}."
            )
        )
    picture = plots.coverage(seen)
    if picture is not None:
        more = " The first six parameters." if space.parameters > 6 else ""
        text = f"Settings that were run, larger where run more often; dashed: what the process file states.{more}"
        blocks.append(Picture(picture, text, kind="png"))
    pairs = space.pairs.head(40)
    if len(pairs) > 1:
        shown = pairs.assign(correlation=[f"{r + 0.0:+.2f}".replace("-", "−") for r in pairs["correlation"].round(2)])
        title = "Pairs of parameters; corners are the outer thirds of both ranges"
        blocks.append(
            Folded(title, [Wide(shown, names={"which": "Empty are"})]) if len(pairs) > 6 else Wide(shown, title)
        )
    return blocks


def _details(seen: Inspection) -> list[Block]:
    frame = seen.columns.drop(columns=["kind", "within_sd", "between_sd", "usual_sd"])
    digits = dict.fromkeys(("low", "median", "high"), 4) | {"resolution": 1}
    frame["unit"] = frame["unit"].map(unit_text)
    return [Wide(frame, digits=digits)]
