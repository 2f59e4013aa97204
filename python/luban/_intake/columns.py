"""Which column of a source is what: names, units and roles of the process file against a header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from luban import _core, units
from luban._intake.quality import QUALITY_BAD, QUALITY_GOOD, QUALITY_UNCERTAIN, Quality
from luban._process.definition import SHARING
from luban.errors import DataError, UnitError

if TYPE_CHECKING:
    from luban._process.file import AchievedEntry, QualityEntry
    from luban.process import Process

__all__ = ["HOUSEKEEPING", "Found", "Match", "match_columns", "wanted_names"]

#: Columns that every history has: recognised by name in what history.read gave out.
HOUSEKEEPING = (
    "run_id",
    "repeat",
    "reading_time",
    "start_time",
    "end_time",
    "status",
    "equipment",
    "material_lot",
    "recipe",
)
#: Made anew at import.
_MADE_ANEW = ("group", "source")


@dataclass(frozen=True)
class Found:
    """One name of the process and the column of the source that holds it."""

    name: str
    role: str  # parameter, context, noise, identifier, response
    header: str  # the column as it stands in the source
    unit: str  # of the process
    source_unit: str
    categories: tuple[str, ...] = ()
    valid: tuple[float, float] = (float("-inf"), float("inf"))

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers."""
        return not self.categories and self.role != "identifier"


@dataclass(frozen=True)
class Match:
    """A whole header, matched."""

    found: dict[str, Found]  # by name of the process
    housekeeping: dict[str, str]  # name → header
    auxiliary: dict[str, tuple[str, str]]  # name → header, unit
    absent: list[str]  # optional responses that the source does not have
    left_out: list[str]  # columns that are made anew
    achieved: dict[str, Found] = field(default_factory=dict)  # what parameters reached, by name of the parameter
    quality: list[Quality] = field(default_factory=list)  # the worst counts where a response has several
    status: Mapping[str, str] | None = None  # what the words of the source mean; None: the process file states none
    run_id_counts: bool = True  # a column run_id names runs; otherwise other columns do
    notes: list[str] = field(default_factory=list)  # sentences for the report

    @property
    def numeric_headers(self) -> list[str]:
        """Columns that a reader should parse as numbers."""
        numbers = [found.header for found in self.found.values() if found.numeric]
        numbers += [found.header for found in self.achieved.values() if found.numeric]
        return numbers + [header for name, header in self.housekeeping.items() if name == "repeat"]


def wanted_names(process: Process) -> list[str]:
    """Every column name that an import of this process looks for."""
    columns = process.source_columns.values()
    beside = [entry.column.name for _, entry in _achieved_entries(process)]
    beside += [entry.column.name for _, entry in _quality_entries(process)]
    return [column.column for column in columns] + [column.name for column in columns] + beside


def match_columns(
    process: Process,
    header: Sequence[str],
    place: str,
    header_units: Mapping[str, str] | None = None,
    *,
    inputs_required: bool = True,
    own_names: bool = False,
    own_runs: bool = False,
) -> Match:
    """Match a header with a process. ``header_units`` are units known besides the header (``attrs`` of a frame).

    A column that the process file states under another name (``column: Ra``) is looked for under that name. The name
    of the process will do instead in a table that a history gave out (it has run ids), and with ``own_names``.
    ``own_runs``: its run ids are those of a history, and count whatever the process file makes run ids of.

    Raises: DataError for a column that is missing (with the nearest name) or that stands twice; UnitError when the
    source's unit does not fit the process's.
    """
    finder = _Finder(header, place, header_units or {})
    found: dict[str, Found] = {}
    absent: list[str] = []
    responses = {response.name: response for response in process.responses}
    categories = _categories(process)
    housekeeping: dict[str, str] = {}
    # Whoever names runs himself may bring some of their columns now and the others later.
    named_runs = finder.has("run_id")
    for column in process.source_columns.values():
        if column.role == "trace":
            continue
        also = [column.name] if own_names or named_runs else []
        shared = column.name in SHARING  # a time may be part of what names the run, too
        at = finder.find(column.column, *also, shared=shared)
        if column.role == "run":
            if at is not None:
                housekeeping[column.name] = at
            elif column.name != "repeat" and named_runs:
                absent.append(column.name)
            elif inputs_required:
                raise finder.missing(column.column)
            continue
        if at is None:
            response = responses.get(column.name)
            may_lack = response is not None and (response.optional or response.late)
            later = named_runs and column.role in ("response", "identifier")
            if not may_lack and not later and inputs_required:
                raise finder.missing(column.column)
            absent.append(column.name)
            continue
        if column.role == "identifier" or categories.get(column.name):
            source_unit = column.unit  # names are in no unit, whatever stands in brackets
        else:
            whole = at == column.column
            source_unit = finder.unit(at, column.source_unit, column.unit, column.name, whole=whole)
        valid = (float("-inf"), float("inf"))
        if column.role == "response":
            valid = (responses[column.name].valid_low, responses[column.name].valid_high)
        found[column.name] = Found(
            column.name, column.role, at, column.unit, source_unit, categories.get(column.name, ()), valid
        )
    for name in HOUSEKEEPING:
        if name not in housekeeping and (at := finder.find(name)) is not None:
            housekeeping[name] = at
    achieved = _match_achieved(process, finder)
    quality = _match_quality(process, finder)
    # Only a table that a history gave out has these of ours; elsewhere they are somebody's own columns.
    given_out = "run_id" in housekeeping
    left_out = [name for name in _MADE_ANEW if given_out and finder.find(name) is not None]
    rest = finder.rest(set(process.source_columns) | _beside(process))
    # A table of a history lacks the qualities where all are good.
    notes = [] if own_runs else _lacking_qualities(process, found, quality, list(rest))
    made_of = process.core.run_id
    counts = own_runs or not made_of or not all(name in found for name in made_of)
    return Match(found, housekeeping, rest, absent, left_out, achieved, quality, _status_words(process), counts, notes)


def _beside(process: Process) -> set[str]:
    """Names by which a history gives out what stands beside a parameter or a response."""
    achieved = {f"{parameter.name}.achieved" for parameter in process.parameters}
    return achieved | {f"{response.name}.quality" for response in process.responses}


def _status_words(process: Process) -> Mapping[str, str] | None:
    runs = process.definition.runs
    return None if runs is None or runs.status is None else runs.status.values


def _achieved_entries(process: Process) -> list[tuple[str, AchievedEntry]]:
    entries = process.definition.parameters.items()
    return [(name, entry.achieved) for name, entry in entries if entry.achieved is not None]


def _quality_entries(process: Process) -> list[tuple[str, QualityEntry]]:
    entries = process.definition.responses.items()
    return [(name, entry.quality) for name, entry in entries if entry.quality is not None]


def _match_achieved(process: Process, finder: _Finder) -> dict[str, Found]:
    """Find what the machine reached beside its settings; a source may lack such a column."""
    out: dict[str, Found] = {}
    stated = dict(_achieved_entries(process))
    for parameter in process.parameters:
        entry = stated.get(parameter.name)
        # As a history gives it out, whatever the source called it.
        names = [f"{parameter.name}.achieved"] if entry is None else [entry.column.name, f"{parameter.name}.achieved"]
        at = finder.find(*names)
        if at is None:
            continue
        unit = parameter.unit
        if not parameter.categories:
            given = None if entry is None else entry.column.unit
            whole = entry is not None and at == entry.column.name
            unit = finder.unit(at, given, parameter.unit, parameter.name, whole=whole)
        out[parameter.name] = Found(
            parameter.name, "achieved", at, parameter.unit, unit, tuple(parameter.categories or ())
        )
    return out


def _match_quality(process: Process, finder: _Finder) -> list[Quality]:
    """Find what tells the qualities of responses: the stated column, and those named after the response.

    A history gives out ``roughness.quality``; ``Ra.quality`` is the same by the name of the source, and anybody's
    column where the process file states another one.
    """
    out: list[Quality] = []
    stated = dict(_quality_entries(process))
    places: dict[str, str | None] = {}  # one column may tell the quality of several responses
    for response in process.responses:
        entry = stated.get(response.name)
        words = {} if entry is None else _words(entry)
        own = None if entry is None else entry.column.name
        given_out = f"{response.name}.quality"
        names = [given_out] if own is None else [own, given_out]
        column = units.parse_header(process.source_columns[response.name].column)[0]
        if own is None and column not in process.source_columns:  # otherwise it is of another response
            names.append(f"{column}.quality")
        for name in dict.fromkeys(names):
            if name not in places:
                places[name] = finder.find(name)
            at = places[name]
            if at is not None:
                is_own = name == own
                out.append(Quality(response.name, at, words if is_own else {}, stated=is_own))
    return out


def _lacking_qualities(
    process: Process, found: Mapping[str, Found], quality: Sequence[Quality], others: Sequence[str]
) -> list[str]:
    """Say of which responses of the source nothing tells the quality, though the process file states a column."""
    read = {one.response for one in quality}
    notes = []
    for name, entry in _quality_entries(process):
        if name in found and name not in read:
            near = _core.nearest_hint(entry.column.name, list(others)) if others else ""
            hint = f"; {near}" if near.startswith("did you mean") else ""
            notes.append(
                f"Not in the source: the qualities of {name} (column {entry.column.name!r}{hint}); "
                "its new values count as good."
            )
    return notes


def _words(entry: QualityEntry) -> dict[str, int]:
    codes = ((QUALITY_GOOD, entry.good), (QUALITY_UNCERTAIN, entry.uncertain), (QUALITY_BAD, entry.bad))
    return {text: code for code, texts in codes for text in texts}


def _categories(process: Process) -> dict[str, tuple[str, ...]]:
    variables = [*process.parameters, *process.context, *process.noise]
    return {variable.name: tuple(variable.categories) for variable in variables if variable.categories}


class _Finder:
    """Columns of a header that are not taken yet, by their text and by their name without the unit."""

    def __init__(self, header: Sequence[str], place: str, known_units: Mapping[str, str]) -> None:
        self._header = list(header)
        self._place = place
        self._units = dict(known_units)
        self._taken: set[str] = set()
        self._by_base: dict[str, list[str]] = {}
        for text in header:
            base, unit = units.parse_header(text)
            self._by_base.setdefault(base, []).append(text)
            if unit is not None and text not in self._units:
                self._units[text] = unit

    def find(self, *names: str, shared: bool = False) -> str | None:
        """Return the first column of these names that is not taken; ``shared``: taken or not."""
        taken = set() if shared else self._taken
        for name in names:
            if name in self._header and name not in taken:
                self._taken.add(name)
                return name
            candidates = [text for text in self._by_base.get(name, []) if text not in taken]
            if len(candidates) > 1:
                raise DataError(
                    where="ingest.columns",
                    expected=f"one column {name!r}",
                    received=" and ".join(map(repr, candidates)),
                    place=self._place,
                    hint="name the whole header in the process file: `column: ...`",
                )
            if candidates:
                self._taken.add(candidates[0])
                return candidates[0]
        return None

    def has(self, name: str) -> bool:
        """Whether a column of that name is there, with or without a unit."""
        return name in self._header or name in self._by_base

    def missing(self, name: str) -> DataError:
        return DataError(
            where="ingest.columns",
            expected=f"a column {name!r}",
            received="columns " + ", ".join(self._header[:20]) + (" …" if len(self._header) > 20 else ""),
            place=self._place,
            hint=self._with_unit(name) or _core.nearest_hint(name, list(self._by_base)),
        )

    def _with_unit(self, name: str) -> str:
        """Say what to write for a header that is ``name`` and a unit, as ``Ra (um)`` and ``Ra_um``; "" without one."""
        for text in self._header:
            rest = text.removeprefix(name).strip() if text.startswith(name) else ""
            inner = rest[1:-1].strip() if rest.startswith("(") and rest.endswith(")") else ""
            unit = inner or (rest[1:] if rest.startswith("_") else "")
            known = bool(unit) and units.is_unit(unit)
            if known or inner:
                written = f'{{name: "{text}", unit: "{unit}"}}' if known else f'"{text}"'
                return f"did you mean {text!r}? Then write `column: {written}` in the process file"
        return ""

    def unit(self, header: str, stated: str | None, unit: str, name: str, *, whole: bool) -> str:
        """Return the unit of a column; the source's own statements must fit each other and the process.

        ``whole``: the process file names the header with its brackets. Then it has read them, and what it states
        counts, as for ``Temperature [C]`` or ``hardness [HV]``.
        """
        written = self._units.get(header)
        if stated is not None and whole:
            written = None
        if stated is not None and written is not None and stated != written:
            raise UnitError(
                where="ingest.columns",
                expected=f"the unit {stated!r} that the process file states for the source",
                received=f"{written!r} in the header",
                place=f"{self._place}, column {header!r}",
                hint="correct one of them",
            )
        source = stated if stated is not None else written if written is not None else unit
        if source != unit and not units.commensurable(source, unit):
            raise UnitError(
                where="ingest.columns",
                expected=f"a unit that can be converted to {unit!r} of {name!r}",
                received=repr(source),
                place=f"{self._place}, column {header!r}",
            )
        return source

    def rest(self, names: set[str]) -> dict[str, tuple[str, str]]:
        """Return what nobody asked for, under its own name, or `auxiliary.NAME` when a variable has that name."""
        out: dict[str, tuple[str, str]] = {}
        for text in self._header:
            if text in self._taken:
                continue
            base = units.parse_header(text)[0]
            name = base if len(self._by_base[base]) == 1 else text
            taken = name in names or name in HOUSEKEEPING or name in _MADE_ANEW or name in out or not name
            out[f"auxiliary.{text}" if taken else name] = (text, self._units.get(text, ""))
        return out
