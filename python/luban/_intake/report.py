"""What an import did: every row and value is either in the history or counted here with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from luban._times import TIME_REASONS
from luban._words import counted
from luban.errors import IntegrityError

__all__ = ["EXAMPLES", "REASONS", "ImportReport"]

EXAMPLES = 3  # of each reason, that a report shows

#: What each reason of the quarantine means.
REASONS: Mapping[str, str] = {
    "missing": "an input (parameter, context, noise variable or part of the run id) is empty",
    "not_a_number": "not a finite number",
    "category_never_seen": "a category that the process file does not list",
    "outside_valid": "outside the `valid` range of the response",
    "duplicate": "the same run and repeat stands earlier in this import",
    "unknown_run": "values of a run that the history does not have",
    "run_disagrees": "differs from the rest of its run in a parameter, a context variable or the status",
    "repeat_not_whole": "the number of the reading is not a whole number",
    **TIME_REASONS,
    "malformed_row": "more or fewer fields than the header",
    "disagrees_with_stored_run": "differs in a parameter or context variable from the run that is stored",
    "disagrees_with_stored_reading": "differs in a noise variable from the reading that is stored",
    "only_responses_are_corrected": "another auxiliary value, or another time, lot, equipment … of a stored run",
    "status_unknown": "a word for the status that the process file does not explain; the run is stored as running",
    "quality_never_seen": "a word for the quality that neither the process file nor OPC UA explains; "
    "the value is kept as uncertain",
}


@dataclass
class ImportReport:
    """Counts of one import.

    ``rows == readings + rows quarantined`` and, for each response,
    ``readings == values + missing + values quarantined``; :meth:`check` proves both.
    """

    source: str
    digest: str
    path: str = "memory"
    rows: int = 0
    runs: int = 0
    readings: int = 0  # rows that passed: new readings and repeated ones
    runs_added: int = 0
    readings_added: int = 0
    values_added: int = 0
    values_corrected: int = 0
    values_unchanged: int = 0
    values_kept: dict[str, int] = field(default_factory=dict)  # of each response
    missing: dict[str, int] = field(default_factory=dict)  # of each response: nothing stood there
    bad_without_value: dict[str, int] = field(default_factory=dict)  # of each response: a bad quality beside no value
    rows_quarantined: dict[str, int] = field(default_factory=dict)  # by reason
    values_quarantined: dict[str, dict[str, int]] = field(default_factory=dict)  # by column, by reason
    auxiliary: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    already_imported: bool = False
    traces: dict[str, int] = field(default_factory=dict)  # samples by channel
    genealogy: int = 0  # rows of the lots that came with it
    recipes: int = 0  # rows of the recipes that came with it
    traces_added: int = 0  # runs that got the samples of a channel
    refused_before: int = 0  # refusals that the quarantine held before, of a source that was read once more
    examples: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)  # row from 0, column, text
    rows_known: int = 0  # rows of pieces that an interrupted import had brought before
    seconds: float = 0.0

    @property
    def rows_per_s(self) -> float:
        """Rows of the source per second."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0

    @property
    def changed(self) -> bool:
        """Whether the history is another one than before."""
        added = self.runs_added + self.readings_added + self.values_added + self.values_corrected + self.traces_added
        refused = self.quarantined - self.refused_before
        return self.genealogy + self.recipes > 0 or (not self.already_imported and added + refused > 0)

    @property
    def quarantined(self) -> int:
        """Rows and values refused."""
        values = sum(sum(reasons.values()) for reasons in self.values_quarantined.values())
        return sum(self.rows_quarantined.values()) + values

    def add(self, part: ImportReport) -> None:
        """Add what one piece of the source brought."""
        for name in ("rows", "runs", "readings", "runs_added", "readings_added", "values_added", "values_corrected",
                     "values_unchanged", "traces_added", "refused_before"):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(part, name))
        for name in ("values_kept", "missing", "bad_without_value", "rows_quarantined", "traces"):
            _add_counts(getattr(self, name), getattr(part, name))
        for column, reasons in part.values_quarantined.items():
            _add_counts(self.values_quarantined.setdefault(column, {}), reasons)
        for reason, examples in part.examples.items():
            own = self.examples.setdefault(reason, [])
            own += examples[: EXAMPLES - len(own)]
        for name in ("auxiliary", "notes"):
            mine = getattr(self, name)
            mine += [text for text in getattr(part, name) if text not in mine]

    def check(self) -> None:
        """Prove that nothing was dropped in silence. Raises: IntegrityError naming the sum that does not hold."""
        if self.already_imported:
            return
        refused = sum(self.rows_quarantined.values())
        if self.rows != self.readings + refused:
            raise _lost(self.source, f"{self.rows} rows", f"{self.readings} kept and {refused} quarantined")
        for response, kept in self.values_kept.items():
            bad = sum(self.values_quarantined.get(response, {}).values())
            if self.readings != kept + self.missing[response] + bad:
                counted = f"{kept} values, {self.missing[response]} empty and {bad} quarantined"
                raise _lost(f"{self.source}, {response}", f"{self.readings} readings", counted)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        names = [name for name in self.__dataclass_fields__ if name != "seconds"]
        return {name: getattr(self, name) for name in names} | {
            "changed": self.changed,
            "quarantined": self.quarantined,
            "warnings": self.warnings,
            "seconds": round(self.seconds, 3),
        }

    def lines(self) -> list[str]:
        """Return the report in words, one sentence a line."""
        if self.already_imported:
            changed = "its rows changed nothing" if self.changed else "nothing changed"
            hint = "--again (Python: again=True) reads it once more."
            return [f"{self.source} was imported before (same bytes): {changed}. {hint}", *self._beside(), *self.notes]
        out = [
            f"{self.source}: {counted(self.rows, 'row')}, {counted(self.runs, 'run')}, "
            f"{counted(self.readings, 'reading')}, {counted(sum(self.values_kept.values()), 'value')} "
            f"({self.seconds:.2f} s, {self.rows_per_s:,.0f} rows/s)."
        ]
        if self.traces:
            channels = ", ".join(f"{name} {counted(count, 'sample')}" for name, count in self.traces.items())
            out.append(f"Traces: {channels}; new to {counted(self.traces_added, 'run')}.")
        out += self._beside()
        if self.rows_known:
            out.append(f"{counted(self.rows_known, 'row')} had come before the import was interrupted.")
        if not self.changed:
            out.append("Everything in it was known already: nothing changed.")
        elif self.values_corrected or self.values_unchanged or self.readings > self.readings_added:
            out.append(
                f"Against what is stored: {counted(self.runs_added, 'new run')}, "
                f"{counted(self.readings_added, 'new reading')}, {counted(self.values_added, 'new value')}, "
                f"{counted(self.values_corrected, 'value')} corrected, {self.values_unchanged:,} unchanged."
            )
        out += self._refused()
        out += [f"Warning: {text}" for text in self.warnings]
        gaps = {name: count for name, count in self.missing.items() if count}
        if gaps:
            out.append(
                "Empty: " + ", ".join(f"{name} in {counted(count, 'reading')}" for name, count in gaps.items()) + "."
            )
        if self.auxiliary:
            out.append("Kept as auxiliary columns: " + ", ".join(self.auxiliary) + ".")
        return out + self.notes

    def _beside(self) -> list[str]:
        """Say what tables beside the source brought."""
        out = []
        if self.genealogy:
            out.append(f"Lots: {counted(self.genealogy, 'row')} of what was made of what.")
        if self.recipes:
            out.append(f"Recipes: {counted(self.recipes, 'row')} of what they ask for.")
        return out

    def _refused(self) -> list[str]:
        """Say what was refused, with examples."""
        if self.quarantined == 0:
            return ["Nothing was quarantined."]
        out = []
        for reason, count in self.rows_quarantined.items():
            out.append(f"Quarantined rows: {count:,} — {REASONS.get(reason, reason)} ({reason}).")
        for column, reasons in self.values_quarantined.items():
            for reason, count in reasons.items():
                out.append(f"Quarantined values of {column}: {count:,} — {REASONS.get(reason, reason)} ({reason}).")
        for reason, examples in self.examples.items():
            told = ", ".join(
                f"data row {row + 1:,}{f', {column}' if column else ''}: {text!r}" for row, column, text in examples
            )
            out.append(f"  {reason}, for example {told}.")
        if self.refused_before:
            out.append(f"{self.refused_before:,} of them stood in the quarantine before.")
        return out

    @property
    def warnings(self) -> list[str]:
        """Say of what nothing is left, the source or a response, and which bad qualities took nothing back."""
        if self.rows and not self.readings:
            return [f"all {counted(self.rows, 'row')} of {self.source} were refused."]
        out = []
        for response, kept in self.values_kept.items():
            refused = sum(self.values_quarantined.get(response, {}).values())
            if refused and not kept:
                out.append(f"all {counted(refused, 'value')} of {response} were refused.")
        if self.readings > self.readings_added:  # of new readings there is nothing to take back
            for response, count in self.bad_without_value.items():
                qualities, own = ("quality", "its own") if count == 1 else ("qualities", "their own")
                out.append(
                    f"{count:,} bad {qualities} of {response} without a value of {own}: nothing was taken back "
                    "(bring the number again with its quality)."
                )
        return out

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return "<p>" + "<br>".join(escape(line) for line in self.lines()) + "</p>"


def _add_counts(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count


def _lost(place: str, expected: str, received: str) -> IntegrityError:
    return IntegrityError(
        where="ingest.report",
        expected=f"{expected}, each of them accounted for",
        received=received,
        place=place,
        hint="this is an error of the import, not of the data; nothing was written",
    )
