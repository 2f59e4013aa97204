"""A guess as a commented process file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from luban._intake.convert import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from luban._intake.guess import ColumnGuess, Guess

__all__ = ["process_name", "write_draft"]

_PLAIN = re.compile(r"^[A-Za-z_][\w./ -]*$")
_SMALLER = re.compile(r"rough|defect|scrap|cost|loss|error|energy|power|^r[aqzt]$")
_LARGER = re.compile(r"yield|strength|purity|quality|hardness|output")


def process_name(stem: str) -> str:
    """Name of a process after a file's name."""
    return re.sub(r"\W+", "-", stem).strip("-") or "process"


def write_draft(guess: Guess, name: str, source: str) -> str:
    """Text of a process file that loads; what was guessed stands beside it."""
    lines = [
        f"# First process file for {source}: {guess.rows:,} rows looked at, taken for {guess.runs:,} runs.",
        "# Everything here was guessed from the table. Read it line by line; what is wrong, correct or move.",
        "luban: 1",
        f"process: {_scalar(name)}",
    ]
    lines += _section(
        guess, "parameters", "parameter", "what you set; low and high: where settings may be proposed (here: as seen)"
    )
    if guess.of("parameter"):
        lines += ["  # what the machine may ever be told is yours to say:  limits: {low: …, high: …}"]
    lines += _section(guess, "context", "context", "known before a run and not yours to choose")
    lines += _section(guess, "noise", "noise", "varies and is not known before the run")
    lines += _section(guess, "identifiers", "identifier", "names; kept, never learned from")
    lines += _section(guess, "responses", "response", "what is measured and should get better")
    lines += _objectives(guess)
    lines += _runs(guess)
    if guess.groups:
        text = ", ".join(_scalar(group) for group in guess.groups)
        lines += ["", f"groups: [{text}]  # never split between training and test: settings that were repeated"]
    lines += _left_out(guess)
    return "\n".join(lines) + "\n"


def _section(guess: Guess, key: str, role: str, comment: str) -> list[str]:
    columns = guess.of(role)
    if not columns:
        return []
    lines = ["", f"{key}:  # {comment}"]
    for column in columns:
        entry = f"  {_scalar(column.name)}: {{{', '.join(_fields(column))}}}"
        lines.append(f"{entry}  # {_comment(column)}")
    return lines


def _fields(column: ColumnGuess) -> list[str]:
    fields = []
    if column.unit:
        fields.append(f"unit: {_scalar(column.unit)}")
    if column.role == "parameter" and column.numeric:
        fields += [f"low: {number_text(column.low)}", f"high: {number_text(column.high)}"]
        if column.whole and not column.unit and column.high <= 20:
            fields.append("integer: true")
    elif column.role in ("parameter", "context", "noise") and column.categories:
        fields.append(f"categories: [{', '.join(_scalar(text) for text in column.categories)}]")
    if column.role == "response" and column.empty:
        fields.append("optional: true")
    reference = _reference(column)
    return [*fields, *([f"column: {reference}"] if reference else [])]


def _reference(column: ColumnGuess) -> str:
    """Column of the source, where the name alone would not find it."""
    from luban import units

    base = units.parse_header(column.header)[0]
    return "" if base == column.name else _scalar(base if f"{base} [" in column.header else column.header)


def _comment(column: ColumnGuess) -> str:
    seen = f"; {number_text(column.low)} to {number_text(column.high)}" if column.numeric else ""
    empty = f"; empty in {column.empty:,} rows" if column.empty else ""
    unit = "; unit of measure not seen" if column.numeric and not column.unit and column.role != "identifier" else ""
    return " ".join(f"{column.why}{seen}{empty}{unit}".split())


def _objectives(guess: Guess) -> list[str]:
    lines = ["", "objectives:  # minimize, maximize, or target with its value; the most important first"]
    guessed = []
    for column in guess.of("response"):
        smaller, larger = _SMALLER.search(column.name.lower()), _LARGER.search(column.name.lower())
        if smaller or larger:
            goal = "minimize" if smaller else "maximize"
            guessed.append(f"  - {{response: {_scalar(column.name)}, goal: {goal}}}  # guessed from its name")
    if not guessed:
        first = guess.of("response")[0]
        guessed = [f"  - {{response: {_scalar(first.name)}, goal: minimize}}  # is smaller better? It cannot be seen"]
    return [*lines, guessed[0], *(f"  # {line.strip()}" for line in guessed[1:])]


def _runs(guess: Guess) -> list[str]:
    if not guess.run_id:
        return ["", "# runs: each row is taken for a run of one reading; if a run has more, say what names it:",
                "# runs: {id: […], repeat: {column: …}}"]  # fmt: skip
    fields = [f"id: [{', '.join(_scalar(name) for name in guess.run_id)}]"]
    fields += [f"repeat: {{column: {_scalar(column.header)}}}" for column in guess.of("repeat")]
    times = [column for column in guess.of("time") if column.zoned and not column.empty]
    fields += [f"start_time: {{column: {_scalar(column.header)}}}" for column in times[:1]]
    readings = f"{guess.rows:,} rows are readings of {guess.runs:,} runs" if guess.of("repeat") else "each row is a run"
    return ["", f"runs: {{{', '.join(fields)}}}  # {readings}"]


def _left_out(guess: Guess) -> list[str]:
    named = [c for c in guess.of("time") if c.zoned and not c.empty][:1] if guess.run_id else []
    rest: Sequence[ColumnGuess] = [c for c in guess.of("constant", "time", "auxiliary") if c not in named]
    if not rest:
        return []
    lines = ["", "# Kept as auxiliary columns, not learned from:"]
    return [*lines, *(f"#   {' '.join(column.header.split())}: {column.why}" for column in rest)]


def _scalar(text: str) -> str:
    """Text as YAML reads it back: bare where that is safe, otherwise in quotes."""
    import yaml

    if _PLAIN.match(text) and text == text.strip() and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)
