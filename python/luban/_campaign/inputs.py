"""What people pass to a campaign, as the named values that C++ takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban.errors import ConfigurationError
from luban.process import NamedValue, Recipe

if TYPE_CHECKING:
    from luban.process import Process, Variable

__all__ = ["context_values", "known_names", "novelty_limit", "recipe_of"]

_WHERE = "campaign.recommend"


def context_values(process: Process, context: Mapping[str, Any] | None) -> list[NamedValue]:
    """Return the context of the next run; whether it is complete and known is judged where it is used.

    Raises: ConfigurationError naming the nearest context variable for a name that is none, and for a number outside
    the range that the process file states.
    """
    given = _mapping(context or {}, "context")
    known_names(given, [variable.name for variable in process.context], "a context variable of the process")
    values = [_named(process, name, value) for name, value in given.items()]
    for item in values:
        _require_stated_range(process, item)
    return values


def _require_stated_range(process: Process, item: NamedValue) -> None:
    """Refuse a number of the context that the process file excludes; an end that is not stated excludes nothing."""
    variable = next(one for one in process.context if one.name == item.name)
    if isinstance(item.value, str) or not (item.value < variable.low or item.value > variable.high):
        return
    raise ConfigurationError(
        where=_WHERE,
        expected=f"{item.name} between {variable.low:g} and {variable.high:g} {item.unit}".rstrip(),
        received=f"{item.value:g}",
        hint="that is its range in the process file; widen it there when such circumstances are real",
    )


def recipe_of(process: Process, settings: Mapping[str, Any] | Recipe) -> Recipe:
    """Return settings as a recipe with a value for every parameter, whole search range or not.

    Raises: ConfigurationError for a parameter that is missing or unknown, or a value of the wrong type.
    """
    if isinstance(settings, Recipe):
        return settings
    given = _mapping(settings, "running")
    names = [parameter.name for parameter in process.parameters]
    known_names(given, names, "a parameter of the process")
    missing = [name for name in names if name not in given]
    if missing:
        raise ConfigurationError(
            where=_WHERE, expected="a value for every parameter", received="settings without " + ", ".join(missing)
        )
    return Recipe([_named(process, name, given[name]) for name in names])


def novelty_limit(novelty: float | str | None) -> float | None:
    """Return how far from all runs settings may lie, as C++ takes it: 1 = anywhere, None = its default.

    Raises: ConfigurationError for what is neither a share below 1 nor ``"any"``.
    """
    if novelty is None:
        return None
    if novelty == "any":
        return 1.0
    if isinstance(novelty, bool | str) or not 0.0 < novelty < 1.0:
        raise ConfigurationError(
            where=_WHERE, expected="a novelty between 0.5 and 0.999, or 'any'", received=repr(novelty)
        )
    return float(novelty)


def known_names(given: Iterable[str], known: list[str], what: str, where: str = _WHERE) -> None:
    """Raise ConfigurationError for the first name that is not known, with the nearest one that is."""
    for name in given:
        if name not in known:
            raise ConfigurationError(
                where=where, expected=what, received=repr(name), hint=_core.nearest_hint(str(name), known)
            )


def _mapping(given: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            where=_WHERE, expected=f"{what} as a mapping of names to values", received=type(given).__name__
        )
    return given


def _named(process: Process, name: str, value: Any) -> NamedValue:
    return NamedValue(name, _plain(process, name, value), process.unit(name))


def _plain(process: Process, name: str, value: Any) -> float | str:
    variables: list[Variable] = [*process.parameters, *process.context]
    variable = next(item for item in variables if item.name == name)
    if variable.categories:
        if str(value) in variable.categories:
            return str(value)
        raise ConfigurationError(
            where=_WHERE,
            expected=f"a category of {name!r}",
            received=repr(value),
            hint=_core.nearest_hint(str(value), list(variable.categories)),
        )
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise ConfigurationError(where=_WHERE, expected=f"a number for {name!r}", received=repr(value))
    return float(value)
