"""What a line makes and how: parameters, context, noise, responses, goals and limits of one process.

The value types are C++ and check themselves; ``Process`` puts a process file (or the same content as Python values)
in front of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luban import _core
from luban._core import (
    Column,
    ContextVariable,
    MemorySource,
    NamedValue,
    NoiseVariable,
    Objective,
    OperatingLimits,
    OutcomeConstraint,
    Parameter,
    ParameterConstraint,
    Prediction,
    Recipe,
    Recommendation,
    Response,
    Table,
    TableSource,
    TrainingEnvelope,
    Trial,
    TrialStatus,
    Variable,
    VariableKind,
)
from luban.errors import ConfigurationError

if TYPE_CHECKING:
    from os import PathLike

    from luban._document import Document
    from luban._process.file import ProcessFile

__all__ = [
    "Column",
    "ContextVariable",
    "MemorySource",
    "NamedValue",
    "NoiseVariable",
    "Objective",
    "OperatingLimits",
    "OutcomeConstraint",
    "Parameter",
    "ParameterConstraint",
    "Prediction",
    "Process",
    "Recipe",
    "Recommendation",
    "Response",
    "SourceColumn",
    "Table",
    "TableSource",
    "TrainingEnvelope",
    "Trial",
    "TrialStatus",
    "Variable",
    "VariableKind",
]


@dataclass(frozen=True)
class SourceColumn:
    """Where an import finds one name: its role, the column of the source, and both units."""

    name: str
    role: str  # parameter, context, noise, identifier, response, trace or run
    column: str
    unit: str  # of the process
    source_unit: str | None  # of the source where the process file states it


class Process:
    """A validated, immutable process.

    ``Process.from_yaml(path)`` reads a process file; the constructor takes the same content as values::

        Process(
            "turning",
            parameters=[Parameter("feed", unit="mm/rev", low=0.07, high=0.13)],
            responses=[Response("roughness", unit="um")],
            objectives=[Objective("roughness", "minimize")],
        )

    ``derived``, ``tolerances``, ``traces``, ``runs``, ``cost`` and ``equipment`` are written as in the file;
    ``columns`` names the source column of a name that has another one.

    Raises: ConfigurationError for the first contradiction, with the place where it stands.
    """

    __slots__ = ("_core", "_file")

    def __init__(
        self,
        name: str,
        *,
        parameters: Sequence[Parameter],
        responses: Sequence[Response],
        context: Sequence[ContextVariable] = (),
        noise: Sequence[NoiseVariable] = (),
        identifiers: Sequence[str] = (),
        derived: Mapping[str, Mapping[str, Any]] | None = None,
        objectives: Sequence[Objective] = (),
        outcome_constraints: Sequence[OutcomeConstraint] = (),
        parameter_constraints: Sequence[ParameterConstraint] = (),
        tolerances: Mapping[str, Mapping[str, Any]] | None = None,
        traces: Mapping[str, Mapping[str, Any]] | None = None,
        runs: Mapping[str, Any] | None = None,
        groups: Sequence[str] = (),
        cost: Mapping[str, Any] | None = None,
        equipment: Mapping[str, str] | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        sections: dict[str, dict[str, dict[str, Any]]] = {
            "parameters": _by_name(parameters, _parameter_entry),
            "context": _by_name(context, _variable_entry),
            "noise": _by_name(noise, _variable_entry),
            "identifiers": {identifier: {} for identifier in identifiers},
            "responses": _by_name(responses, _response_entry),
        }
        for column_of, column in (columns or {}).items():
            _entry_of(sections, column_of)["column"] = column
        content: dict[str, Any] = {
            **sections,
            "derived": derived,
            "objectives": [_objective_entry(item) for item in objectives],
            "outcome_constraints": [_bounds(item, "response", "probability") for item in outcome_constraints],
            "parameter_constraints": [_bounds(item, "sum") for item in parameter_constraints],
            "tolerances": tolerances,
            "traces": traces,
            "runs": runs,
            "groups": list(groups),
            "cost": cost,
            "equipment": equipment,
        }
        given = {key: value for key, value in content.items() if value}
        self._file, self._core = _build({"luban": 1, "process": name, "responses": {}, **given}, "Process(…)")

    @classmethod
    def from_yaml(cls, path: str | PathLike[str]) -> Process:
        """Read a process file. Raises: IoError when it cannot be read, ConfigurationError with file and line."""
        from luban import _document

        return cls._from_document(_document.read_yaml(str(path)))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], *, place: str = "the mapping") -> Process:
        """Take the content of a process file as plain values. Raises: ConfigurationError naming ``place``."""
        from luban import _document

        return cls._from_document(_document.Document(dict(content), place))

    @classmethod
    def _from_document(cls, document: Document) -> Process:
        made = cls.__new__(cls)
        made._file, made._core = _validated(document)
        return made

    def to_yaml(self) -> str:
        """Return the process file as text; ``from_yaml`` of it is an equal process."""
        from luban import _document

        return _document.dump_yaml(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the process file as plain values; what stands at its default is left out."""
        return self._file.plain()

    @property
    def definition(self) -> ProcessFile:
        """The process file, with what only imports need (source columns, runs, traces)."""
        return self._file

    @property
    def core(self) -> _core.Process:
        """The C++ process, which other modules take."""
        return self._core

    @property
    def name(self) -> str:
        """Name of the process."""
        return self._core.name

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical definition (source columns left out), 64 digits."""
        return self._core.digest

    @property
    def parameters(self) -> list[Parameter]:
        """Adjustable quantities."""
        return self._core.parameters

    @property
    def context(self) -> list[ContextVariable]:
        """Known before the run and not ours to choose."""
        return self._core.context

    @property
    def noise(self) -> list[NoiseVariable]:
        """Varies, not known before the run."""
        return self._core.noise

    @property
    def responses(self) -> list[Response]:
        """Measured results."""
        return self._core.responses

    @property
    def derived(self) -> list[_core.DerivedResponse]:
        """Quantities computed exactly from parameters."""
        return self._core.derived

    @property
    def objectives(self) -> list[Objective]:
        """What to improve, most important first."""
        return self._core.objectives

    @property
    def source_columns(self) -> dict[str, SourceColumn]:
        """Where an import finds each name; the keys of ``runs`` (repeat, start_time, end_time, status) among them."""
        from luban._process import file

        return {
            name: SourceColumn(name=name, role=role, column=column.name, unit=unit, source_unit=column.unit)
            for role, name, column, unit in file.source_entries(self._file)
        }

    @property
    def unused_keys(self) -> list[str]:
        """Keys of the file that are validated and kept, but that this version does not act on yet."""
        from luban._process import file

        return [key for key in file.NOT_USED_YET if getattr(self._file, key)]

    def unit(self, name: str) -> str:
        """Return the unit of a variable or response. Raises: ConfigurationError on an unknown name."""
        return self._core.unit(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Process) and self._file == other._file

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[object, ...]:
        return (Process.from_dict, (self.to_dict(),))

    def __repr__(self) -> str:
        counts = f"{len(self.parameters)} parameters, {len(self.context)} context, {len(self.responses)} responses"
        return f"<luban.Process {self.name!r}: {counts}>"


def _build(content: Mapping[str, Any], place: str) -> tuple[ProcessFile, _core.Process]:
    from luban import _document

    return _validated(_document.Document(dict(content), place))


def _validated(document: Document) -> tuple[ProcessFile, _core.Process]:
    from luban import _document
    from luban._process import definition, file

    content = _document.validated(file.ProcessFile, document, "process.Process")
    canonical = definition.core_definition(content, document)
    try:
        core = _core.Process.from_json(json.dumps(canonical))
    except ConfigurationError as error:
        place = ", ".join(part for part in (document.name, error.place) if part)
        raise ConfigurationError(
            where=error.where, expected=error.expected, received=error.received, place=place, hint=error.hint
        ) from None
    definition.check_sources(content, document)
    return content, core


def _by_name(items: Iterable[Any], entry: Any) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for item in items:
        if item.name in out:
            raise ConfigurationError(
                where="process.Process", expected="each name once", received=f"{item.name!r} twice", place="Process(…)"
            )
        out[item.name] = entry(item)
    return out


def _entry_of(sections: Mapping[str, dict[str, dict[str, Any]]], name: str) -> dict[str, Any]:
    for entries in sections.values():
        if name in entries:
            return entries[name]
    known = [known for entries in sections.values() for known in entries]
    raise ConfigurationError(
        where="process.Process",
        expected="a declared name in `columns`",
        received=repr(name),
        place="Process(…)",
        hint=_core.nearest_hint(name, known),
    )


def _finite(**values: float) -> dict[str, float]:
    return {key: value for key, value in values.items() if math.isfinite(value)}


def _variable_entry(variable: Variable) -> dict[str, Any]:
    out: dict[str, Any] = {"unit": variable.unit, **_finite(low=variable.low, high=variable.high)}
    if variable.categories:
        out["categories"] = list(variable.categories)
    out["ordered"] = variable.kind == VariableKind.ordinal
    out["integer"] = variable.kind == VariableKind.integer
    return out


def _parameter_entry(parameter: Parameter) -> dict[str, Any]:
    limits: dict[str, Any] = dict(_finite(low=parameter.limits.low, high=parameter.limits.high))
    if math.isfinite(parameter.limits.max_rate):
        seconds = parameter.limits.max_rate_per_s
        per = {1.0: "s", 60.0: "min", 3600.0: "h"}.get(seconds)
        value = parameter.limits.max_rate if per else parameter.limits.max_rate / seconds
        limits["max_rate"] = {"value": value, "per": per or "s"}
    return _variable_entry(parameter) | ({"limits": limits} if limits else {})


def _response_entry(response: Response) -> dict[str, Any]:
    valid = _finite(low=response.valid_low, high=response.valid_high)
    out: dict[str, Any] = {"unit": response.unit, "optional": response.optional, "late": response.late}
    return out | ({"valid": valid} if valid else {})


def _objective_entry(objective: Objective) -> dict[str, Any]:
    out = {"response": objective.response, "goal": objective.goal, **_finite(target=objective.target)}
    return out if objective.risk is None else out | {"risk": dict(objective.risk)}


def _bounds(item: Any, *keys: str) -> dict[str, Any]:
    return {key: getattr(item, key) for key in keys} | _finite(lower=item.lower, upper=item.upper)
