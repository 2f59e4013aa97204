"""A guess as a commented process file."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from luban._intake.convert import number_text
from luban._intake.header_words import LARGER, SMALLER, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from luban._intake.guess import ColumnGuess, Guess

__all__ = ["Draft", "process_name", "write_draft"]

_PLAIN = re.compile(r"^[A-Za-z_][\w./ -]*$")
_PARAMETERS = "what you set; low and high: where settings may be proposed (here: as seen)"
_OF_RUNS = {"start_time", "end_time", "reading_time", "run_id", "repeat"}  # an import looks for these by name


class Draft(NamedTuple):
    """Text of a process file, and how many of its lines are marked as doubtful."""

    text: str
    doubtful: int


class _Lines:
    """Lines of the file; a comment with a doubt begins with ``?``."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.doubtful = 0

    def add(self, entry: str, comment: str = "", doubts: Sequence[str] = ()) -> None:
        """``entry`` in front, then why, then the doubts; without an entry the line is a comment."""
        said = "; ".join(" ".join(text.split()) for text in (comment, *doubts) if text)
        self.doubtful += bool(doubts)
        mark = "? " if doubts else ""
        self.lines.append(f"{entry}  # {mark}{said}" if entry else f"# {mark or '  '}{said}")

    def plain(self, *lines: str) -> None:
        self.lines += lines


def process_name(stem: str) -> str:
    """Name of a process after a file's name."""
    return re.sub(r"\W+", "-", stem).strip("-") or "process"


def write_draft(guess: Guess, name: str, source: str) -> Draft:
    """Text of a process file that loads; what was guessed stands beside it, and what is doubtful is marked."""
    out = _Lines()
    _section(
        out,
        guess,
        "parameters",
        "parameter",
        _PARAMETERS,
    )
    if guess.of("parameter"):
        out.plain("  # what the machine may ever be told is yours to say:  limits: {low: …, high: …}")
    for text in guess.mixtures:
        out.add("  ", text, ["a sum that does not change"])
    _section(out, guess, "context", "context", "known before a run and not yours to choose")
    _section(out, guess, "noise", "noise", "varies and is not known before the run")
    _identifiers(out, guess)
    _section(out, guess, "responses", "response", "what is measured and should get better")
    _objectives(out, guess)
    _runs(out, guess)
    if guess.groups:
        text = ", ".join(_scalar(group) for group in guess.groups)
        doubts = [guess.groups_doubt] if guess.groups_doubt else []
        out.plain("")
        out.add(f"groups: [{text}]", f"never split between training and test: {guess.groups_why}", doubts)
    _left_out(out, guess)
    marked = "# No line is marked as doubtful."
    if out.doubtful:
        lines = "1 line is" if out.doubtful == 1 else f"{out.doubtful} lines are"
        marked = f"# {lines} doubtful: a question mark begins the comment, and the doubt stands at its end."
    head = [
        f"# First process file for {' '.join(source.split())}: "
        f"{guess.rows:,} rows looked at, taken for {guess.runs:,} runs.",
        "# Everything here was guessed from the table. Read it line by line; what is wrong, correct or move.",
        marked,
        "luban: 1",
        f"process: {_scalar(name)}",
    ]
    return Draft("\n".join([*head, *out.lines]) + "\n", out.doubtful)


def _section(out: _Lines, guess: Guess, key: str, role: str, comment: str) -> None:
    columns = guess.of(role)
    if not columns:
        return
    out.plain("", f"{key}:  # {comment}")
    for column in columns:
        out.add(f"  {_scalar(column.name)}: {{{', '.join(_fields(column, guess))}}}", _comment(column), column.doubts)


def _identifiers(out: _Lines, guess: Guess) -> None:
    """Names; and what an import would take for the run's own by its header, but cannot read as that."""
    columns = guess.of("identifier")
    own = _own(guess)
    if not columns and not own:
        return
    out.plain("", "identifiers:  # names; kept, never learned from")
    for column in columns:
        fields = ", ".join(_fields(column, guess))
        out.add(f"  {_scalar(column.name)}: {{{fields}}}", _comment(column), column.doubts)
    for column in own:
        fields = ", ".join(_fields(dataclasses.replace(column, role="identifier"), guess))
        out.add(
            f"  {_scalar(column.name)}: {{{fields}}}", column.why, ["kept as a text, not read as what its name says"]
        )


def _own(guess: Guess) -> list[ColumnGuess]:
    from luban import units

    found = [c for c in guess.of("time", "constant", "auxiliary") if units.parse_header(c.header)[0] in _OF_RUNS]
    return [column for column in found if not column.zoned or column.empty]


def _fields(column: ColumnGuess, guess: Guess) -> list[str]:
    fields = []
    if column.unit and column.role != "identifier":
        fields.append(f"unit: {_scalar(column.unit)}")
    if column.role == "parameter" and column.numeric:
        fields += [f"low: {number_text(column.low)}", f"high: {number_text(column.high)}"]
        if column.whole and not column.unit and column.high <= 20:
            fields.append("integer: true")
    elif column.role in ("parameter", "context", "noise") and column.categories:
        fields.append(f"categories: [{', '.join(_scalar(text) for text in column.categories)}]")
    if column.role == "response" and column.empty:
        fields.append("optional: true")
    reference = _reference(column, guess)
    return [*fields, *([f"column: {reference}"] if reference else [])]


def _reference(column: ColumnGuess, guess: Guess) -> str:
    """Column of the source, where the name alone would not find it; with its unit where brackets spell it otherwise."""
    from luban import units

    base, written = units.parse_header(column.header)
    if written is None:
        return "" if base == column.name else _scalar(base)
    measured = column.numeric and column.role != "identifier"
    if measured and not (units.is_unit(written) and units.commensurable(written, column.unit)):
        return f"{{name: {_scalar(column.header)}, unit: {_scalar(column.unit)}}}"
    alone = sum(units.parse_header(other.header)[0] == base for other in guess.columns) == 1
    return "" if base == column.name and alone else _scalar(column.header)


def _comment(column: ColumnGuess) -> str:
    seen = f"; {number_text(column.low)} to {number_text(column.high)}" if column.numeric else ""
    empty = f"; empty in {column.empty:,} rows" if column.empty else ""
    unit = "; unit of measure not seen" if column.numeric and not column.unit and column.role != "identifier" else ""
    return f"{column.why}{seen}{empty}{unit}"


def _objectives(out: _Lines, guess: Guess) -> None:
    """One objective, the surest; the others as comments."""
    out.plain("", "objectives:  # minimize, maximize, or target with its value; the most important first")
    guessed: list[tuple[str, str, list[str]]] = []
    for column in guess.of("response"):
        smaller, larger = SMALLER.search(words(column.header)), LARGER.search(words(column.header))
        if smaller or larger:
            goal = "maximize" if larger else "minimize"
            classes = column.distinct > 2 and column.whole and column.distinct <= 7
            doubts = ["the best class may lie between: goal target"] if classes else []
            doubts += ["its name says both"] if smaller and larger else []
            guessed.append((f"{{response: {_scalar(column.name)}, goal: {goal}}}", "guessed from its name", doubts))
    if not guessed:
        first = min(guess.of("response"), key=lambda column: len(column.doubts))
        text = f"{{response: {_scalar(first.name)}, goal: minimize}}"
        guessed = [(text, "is smaller better?", ["it cannot be seen"])]
    out.add(f"  - {guessed[0][0]}", guessed[0][1], guessed[0][2])
    out.plain(*(f"  # - {entry}  # {why}" for entry, why, _ in guessed[1:]))


def _timezone(out: _Lines, guess: Guess) -> None:
    """Say how an import comes to know the zone of local times."""
    local = [column.header for column in guess.columns if column.local]
    if local:
        headers = " ".join(", ".join(local).split())
        out.plain(f"# Without a zone: times in {headers}. Where they were written is yours to say, for start_time,",
                  "# end_time and reading_time alike:  runs: {…, timezone: Europe/Berlin}")  # fmt: skip


def _runs(out: _Lines, guess: Guess) -> None:
    out.plain("")
    _timezone(out, guess)
    start = [f"start_time: {{column: {_scalar(column.header)}}}" for column in _start(guess)]
    if not guess.run_id:
        out.plain("# runs: each row is taken for a run of one reading; if a run has more, say what names it:",
                  f"# runs: {{{', '.join(['id: […], repeat: {column: …}', *start])}}}")  # fmt: skip
        if start:
            out.add(f"runs: {{{start[0]}}}", "each row is a run")
        return
    fields = [f"id: [{', '.join(_scalar(name) for name in guess.run_id)}]"]
    fields += [f"repeat: {{column: {_scalar(column.header)}}}" for column in guess.of("repeat")]
    fields += start
    several = guess.runs < guess.rows or guess.of("repeat")
    readings = f"{guess.rows:,} rows are readings of {guess.runs:,} runs" if several else "each row is a run"
    out.add(f"runs: {{{', '.join(fields)}}}", readings, [guess.run_doubt] if guess.run_doubt else [])


def _start(guess: Guess) -> list[ColumnGuess]:
    """Return the first column of times that an import reads, and that does not say by its header what else it is."""
    from luban import units

    times = [c for c in guess.of("time") if c.zoned and not c.empty]
    return [c for c in times if units.parse_header(c.header)[0] not in ("end_time", "reading_time")][:1]


def _left_out(out: _Lines, guess: Guess) -> None:
    rest = [c for c in guess.of("constant", "time", "auxiliary") if c not in _start(guess)]
    own = _own(guess)
    rest = [column for column in rest if column not in own]
    if not rest:
        return
    out.plain("", "# Kept as auxiliary columns, not learned from:")
    for column in rest:
        out.add("", f"{column.header}: {column.why}", column.doubts if column.role == "auxiliary" else [])


def _scalar(text: str) -> str:
    """Text as YAML reads it back: bare where that is safe, otherwise in quotes."""
    import yaml

    if _PLAIN.match(text) and text == text.strip() and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)
