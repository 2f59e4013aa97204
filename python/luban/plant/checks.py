"""Checks when a process meets a plant: names, units and ranges must fit before anything is read or written.

Nothing is converted here. A unit that differs is refused even when it could be converted: whoever set 100 °F where
100 °C was meant has made a mistake that a conversion would hide.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from luban import _core, units
from luban.errors import ConfigurationError, UnitError
from luban.plant.state import PlantVariable, VariableRole

if TYPE_CHECKING:
    from luban.process import Process

__all__ = ["bound_variables", "check_unit", "same_unit"]

_WHERE = "plant.bind"


def same_unit(a: str, b: str) -> bool:
    """Whether two spellings mean one unit. Raises: UnitError when either is no unit."""
    if a == b:
        return True
    if not units.commensurable(a, b):
        return False
    zero, one = units.convert([0.0, 1.0], a, b)
    return bool(zero == 0.0 and one == 1.0)


def check_unit(name: str, expected: str, received: str, place: str) -> None:
    """Raise UnitError unless both are one unit."""
    if not units.is_unit(received) or not same_unit(expected, received):
        raise UnitError(
            where=_WHERE,
            expected=f"unit {expected!r} for {name!r}",
            received=repr(received),
            place=place,
            hint="change the process file or the plant: nothing is converted between them",
        )


def bound_variables(
    process: Process, offered: Mapping[str, PlantVariable], responses: Mapping[str, str], place: str
) -> dict[str, PlantVariable]:
    """Return the variables of a plant as a process sees them, in the spelling of its units.

    Every parameter must be an output, every context variable a context, and every response that is neither optional
    nor late one of ``responses`` (unit by name). Inputs need no counterpart in the process.

    Raises: ConfigurationError for a name that is missing, categories or ranges that do not fit; UnitError for units.
    """
    bound = {name: variable for name, variable in offered.items() if variable.role is VariableRole.input}
    for parameter in process.parameters:
        variable = _offered(parameter.name, VariableRole.output, offered, place)
        check_unit(parameter.name, parameter.unit, variable.unit, place)
        _check_range(parameter, variable, place)
        bound[parameter.name] = dataclasses.replace(
            variable,
            unit=parameter.unit,
            categories=tuple(parameter.categories),
            integer=variable.integer or parameter.kind.name == "integer",
        )
    for entry in process.context:
        variable = _offered(entry.name, VariableRole.context, offered, place)
        check_unit(entry.name, entry.unit, variable.unit, place)
        _check_categories(entry, variable, place)
        bound[entry.name] = dataclasses.replace(variable, unit=entry.unit, categories=tuple(entry.categories))
    for response in process.responses:
        if response.name in responses:
            check_unit(response.name, response.unit, responses[response.name], place)
        elif not (response.optional or response.late):
            raise _missing(
                f"the response {response.name!r} among the readings of a run", response.name, responses, place
            )
    return bound


def _offered(name: str, role: VariableRole, offered: Mapping[str, PlantVariable], place: str) -> PlantVariable:
    known = [other for other, variable in offered.items() if variable.role is role]
    if name not in known:
        what = "parameter" if role is VariableRole.output else "context variable"
        raise _missing(f"the {what} {name!r} among its {role.value}s", name, known, place)
    return offered[name]


def _missing(expected: str, name: str, known: Any, place: str) -> ConfigurationError:
    names = list(known)
    return ConfigurationError(
        where=_WHERE,
        expected=expected,
        received=", ".join(names) or "nothing",
        place=place,
        hint=_core.nearest_hint(name, names),
    )


def _check_range(parameter: Any, variable: PlantVariable, place: str) -> None:
    """Operating limits (without: the search range) must lie in the range that the equipment states."""
    if parameter.categories or variable.categories:
        _check_categories(parameter, variable, place)
        return
    limits = parameter.limits
    low = limits.low if math.isfinite(limits.low) else parameter.low
    high = limits.high if math.isfinite(limits.high) else parameter.high
    if low < variable.low or high > variable.high:
        raise ConfigurationError(
            where=_WHERE,
            expected=f"operating limits of {parameter.name!r} in the range of the equipment, "
            f"{variable.low:g} to {variable.high:g} {variable.unit}",
            received=f"{low:g} to {high:g} {parameter.unit}",
            place=place,
        )


def _check_categories(entry: Any, variable: PlantVariable, place: str) -> None:
    known = set(entry.categories)
    strange = [category for category in variable.categories if category not in known]
    if strange or bool(known) != bool(variable.categories):
        raise ConfigurationError(
            where=_WHERE,
            expected=f"{entry.name!r} with the categories of the process: {', '.join(entry.categories) or 'a number'}",
            received=", ".join(variable.categories) or "a number",
            place=place,
        )
