"""What an inspection returns, and how it shows itself."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from luban._inspection.kinds import KINDS
from luban._inspection.tables import short
from luban._words import counted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban._inspection.pictures import Rate, Sample
    from luban._inspection.space import Space
    from luban._inspection.tables import ColumnFacts

__all__ = ["Inspection"]


@dataclass(frozen=True)
class Inspection:
    """What is in a history, and what a person should look at before anything is learned from it.

    Attributes (DataFrames unless said): ``counts`` (dict: readings to learn from and those left out, runs, groups,
    readings per run, points run more than once), ``span`` (dict: first and last start, "" when unknown), ``findings``
    (heaviest first: kind, where, how far, a sentence, its weight), ``columns`` (every column in one line), ``inputs``
    (range stated and seen per variable), ``responses`` (values present, range), ``noise`` (standard deviations within
    and between runs with their degrees of freedom, gross errors set aside), ``coverage`` (runs per combination of
    context categories), ``space`` (share of the search space within reach of a run, pairs of parameters),
    ``by_context`` (quartiles of the responses), ``gaps`` (the longest pauses between runs). ``facts``, ``missing``,
    ``rate`` and ``sample`` are what its pictures are drawn from.
    """

    process: str
    counts: dict[str, int]
    span: dict[str, str]
    inputs: pd.DataFrame
    responses: pd.DataFrame
    noise: pd.DataFrame
    coverage: pd.DataFrame
    gaps: pd.DataFrame
    findings: pd.DataFrame
    columns: pd.DataFrame
    space: Space
    by_context: pd.DataFrame
    facts: list[ColumnFacts] = field(repr=False)
    missing: dict[str, NDArray[np.float64]] = field(repr=False)
    rate: Rate | None = field(repr=False)
    sample: Sample = field(repr=False)

    @property
    def summary(self) -> pd.DataFrame:
        """One row per kind of finding, heaviest first: how urgent, how many, in which columns, and what to do."""
        import pandas as pd

        rows = []
        for kind, found in self.findings.groupby("kind", sort=False):
            about = KINDS[str(kind)]
            names = list(dict.fromkeys(name for joined in found["column"] if joined for name in joined.split(", ")))
            columns = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            rows.append((kind, about.title, about.level, len(found), columns, about.advice))
        return pd.DataFrame(rows, columns=["kind", "title", "level", "count", "columns", "advice"])

    def to_json(self) -> str:
        """Return everything but the pictures as one JSON object; missing numbers are null."""
        names = ("summary", "findings", "columns", "inputs", "responses", "noise", "coverage", "by_context", "gaps")
        share = self.space.within_reach
        space = {
            "parameters": self.space.parameters,
            "settings": self.space.settings,
            "within_reach": share if math.isfinite(share) else None,
            "reach": self.space.reach,
            "pairs": _records(self.space.pairs),
        }
        return json.dumps(
            {"process": self.process, "counts": self.counts, "span": self.span, "space": space}
            | {name: _records(getattr(self, name)) for name in names}
        )

    def __str__(self) -> str:
        return "\n".join([self.headline(), *(f"\n{title}\n{_text(frame)}" for title, frame in self.tables())])

    def _repr_html_(self) -> str:
        from luban._inspection.show import notebook_html

        return notebook_html(self)

    def headline(self) -> str:
        """Say in one line what it is."""
        c = self.counts
        span = (
            f", {self.span['first'][:19]} to {self.span['last'][:19]}".replace("T", " ") if self.span["first"] else ""
        )
        return (
            f"{self.process}: {counted(c['readings'], 'reading')} of {counted(c['runs'], 'run')} in "
            f"{counted(c['groups'], 'group')}{span}; {counted(len(self.findings), 'finding')}"
        )

    def left_out(self) -> str:
        """Say which readings are counted in the columns alone; nothing where all can be learned from."""
        out = self.counts["left_out"]
        if not out:
            return ""
        whole = out + self.counts["readings"]
        share = f"{out:,} of {counted(whole, 'stored reading')}"
        return f"{share} cannot be learned from: no usable response, or an input missing."

    def tables(self) -> list[tuple[str, pd.DataFrame]]:
        """Return the tables that are not empty, with their titles."""
        tables = [
            ("What to look at", self.summary.drop(columns="title")),
            ("Inputs", self.inputs),
            ("Responses", self.responses),
            ("Noise within and between runs (gross errors set aside)", self.noise),
            ("Runs per context", self.coverage),
            ("Longest pauses", self.gaps),
            ("Findings", self.findings[["kind", "source_row", "message"]]),
        ]
        return [(title, frame) for title, frame in tables if len(frame)]


def _text(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, na_rep="–", float_format=short, max_colwidth=120)


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    def plain(value: object) -> object:
        if isinstance(value, float | np.floating):
            return float(value) if math.isfinite(value) else None
        return value.item() if isinstance(value, np.generic) else value

    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict(orient="records")]
