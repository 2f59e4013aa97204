"""Translation between the process file and the canonical definition that C++ reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from luban import units
from luban._document import Document, Location
from luban.errors import ConfigurationError, UnitError

if TYPE_CHECKING:
    from luban._process.file import MonomialEntry, ParameterEntry, ProcessFile, ResponseEntry, VariableEntry

__all__ = ["SHARING", "check_sources", "core_definition"]

_WHERE = "process.Process"
#: Times of a run, whose column may be an identifier, too.
SHARING = ("start_time", "end_time")


def core_definition(file: ProcessFile, document: Document) -> dict[str, Any]:
    """Return the canonical definition of a process file, without what only imports need.

    Raises: ConfigurationError when the units of a derived response do not fit.
    """
    out: dict[str, Any] = {"luban": file.luban, "process": file.process}
    equipment = {key: value for key, value in file.equipment.model_dump().items() if value}
    groups = [{"lot": "material_lot", "run": "run_id"}.get(name, name) for name in file.groups]
    sections: dict[str, Any] = {
        "equipment": equipment,
        "parameters": [_parameter(name, entry) for name, entry in file.parameters.items()],
        "context": [_variable(name, entry) for name, entry in file.context.items()],
        "noise": [_variable(name, entry) for name, entry in file.noise.items()],
        "identifiers": list(file.identifiers),
        "responses": [_response(name, entry) for name, entry in file.responses.items()],
        "derived": [_derived(file, name, document) for name in file.derived],
        "objectives": [entry.model_dump(exclude_none=True) for entry in file.objectives],
        "outcome_constraints": [_given(entry.model_dump()) for entry in file.outcome_constraints],
        "parameter_constraints": [_given(entry.model_dump()) for entry in file.parameter_constraints],
        "tolerances": [{"parameter": name, "sd": entry.sd} for name, entry in file.tolerances.items()],
        "run_id": [] if file.runs is None else list(file.runs.id),
        "repeat": "repeat" if file.runs is not None and file.runs.repeat is not None else "",
        "groups": groups,
    }
    if file.cost is not None:
        sections["cost"] = {"currency": file.cost.currency, "per_response": dict(file.cost.__pydantic_extra__ or {})}
    return out | {key: value for key, value in sections.items() if value}


def check_sources(file: ProcessFile, document: Document) -> None:
    """Check what only imports read. Raises: ConfigurationError on a column read twice or a unit that does not fit."""
    from luban._process.file import source_entries

    taken: dict[str, str] = {}
    for role, name, column, unit in source_entries(file):
        location = _location(role, name)
        if role == "run" and name in SHARING and taken.get(column.name) in file.identifiers:
            continue
        if column.name in taken:
            raise ConfigurationError(
                where=_WHERE,
                expected="each source column for one name",
                received=f"{column.name!r} for {taken[column.name]!r} and for {name!r}",
                place=document.place(location),
            )
        taken[column.name] = name
        if column.unit is not None and not units.commensurable(column.unit, unit):
            raise ConfigurationError(
                where=_WHERE,
                expected=f"a source unit that can be converted to {unit!r}",
                received=repr(column.unit),
                place=document.place((*location, "column", "unit")),
            )
    _check_beside(file, document, taken)


def _check_beside(file: ProcessFile, document: Document, taken: dict[str, str]) -> None:
    """Check the columns that stand beside others: what was achieved, the quality of a value."""
    beside = [
        ("parameters", name, "achieved", entry.achieved.column, entry.unit)
        for name, entry in file.parameters.items()
        if entry.achieved is not None
    ]
    for section, name, key, column, unit in beside:
        if column.unit is not None and not units.commensurable(column.unit, unit):
            raise ConfigurationError(
                where=_WHERE,
                expected=f"a source unit that can be converted to {unit!r}",
                received=repr(column.unit),
                place=document.place((section, name, key, "column", "unit")),
            )
    qualities = [(name, entry.quality) for name, entry in file.responses.items()]
    beside += [("responses", name, "quality", entry.column, "") for name, entry in qualities if entry is not None]
    for section, name, key, column, _ in beside:
        # One column may tell the quality of several responses.
        shared = key == "quality" and taken.get(column.name, "").startswith("quality of ")
        if column.name in taken and not shared:
            raise ConfigurationError(
                where=_WHERE,
                expected="each source column for one name",
                received=f"{column.name!r} for {taken[column.name]!r} and for {key} of {name!r}",
                place=document.place((section, name, key)),
            )
        taken[column.name] = f"{key} of {name}"


def _location(role: str, name: str) -> Location:
    sections = {"parameter": "parameters", "identifier": "identifiers", "response": "responses", "trace": "traces"}
    return ("runs" if role == "run" else sections.get(role, role), name)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _variable(name: str, entry: VariableEntry) -> dict[str, Any]:
    return _given(
        {
            "name": name,
            "unit": entry.unit,
            "kind": entry.kind,
            "low": entry.low,
            "high": entry.high,
            "categories": entry.categories,
        }
    )


def _parameter(name: str, entry: ParameterEntry) -> dict[str, Any]:
    out = _variable(name, entry)
    if entry.limits is None:
        return out
    limits = _given({"low": entry.limits.low, "high": entry.limits.high})
    if entry.limits.max_rate is not None:
        seconds = float(units.convert(1.0, entry.limits.max_rate.per, "s"))
        limits |= {"max_rate": entry.limits.max_rate.value, "max_rate_per_ns": round(seconds * 1e9)}
    return out | {"limits": limits}


def _response(name: str, entry: ResponseEntry) -> dict[str, Any]:
    valid = entry.valid
    return _given(
        {
            "name": name,
            "unit": entry.unit,
            "valid_low": None if valid is None else valid.low,
            "valid_high": None if valid is None else valid.high,
            "optional": entry.optional,
            "late": entry.late,
        }
    )


def _derived(file: ProcessFile, name: str, document: Document) -> dict[str, Any]:
    entry = file.derived[name]
    out = {"name": name, "unit": entry.unit}
    if entry.sum is None:
        return out | _monomial(file, entry.terms[0], entry.unit, document.place(("derived", name, "unit")))
    place = document.place(("derived", name, "sum"))
    return out | {"sum": [_monomial(file, term, entry.unit, place) for term in entry.sum]}


def _monomial(file: ProcessFile, entry: MonomialEntry, unit: str, place: str) -> dict[str, Any]:
    """Return a product with its factor: the stated one, or what converts it to ``unit``. Raises: ConfigurationError."""
    product = entry.product or []
    out: dict[str, Any] = {} if not product else {"product": product}
    if entry.factor is not None:
        return out | {"factor": entry.factor}
    known = [file.parameters[parameter].unit for parameter in product if parameter in file.parameters]
    if len(known) < len(product):
        return out  # C++ names what is no parameter
    try:
        exponents = list(product.values()) if isinstance(product, dict) else None
        return out | {"factor": units.product_factor(known, unit, exponents)}
    except UnitError as error:
        raise ConfigurationError(
            where=_WHERE, expected=error.expected, received=error.received, place=place, hint=error.hint
        ) from error
