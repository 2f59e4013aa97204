"""What recipes ask for: a table of recipe, parameter, value and unit; values are numbers or categories."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from luban import _core, units
from luban._intake.sources.base import refuse_malformed
from luban.errors import DataError, UnitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from luban._intake.build import Author
    from luban._intake.sink import Sink
    from luban._intake.sources.base import Source
    from luban.process import Process

__all__ = ["Recipes", "add_recipes", "read_recipes"]

_WHERE = "ingest.read_recipes"


@dataclass(frozen=True)
class Recipes:
    """One row for each parameter of a recipe (k): a ``value`` in ``unit``, or a ``category`` and NaN."""

    recipe: list[str]
    parameter: list[str]
    value: NDArray[np.float64]
    category: list[str]
    unit: list[str]


def read_recipes(process: Process, source: Source) -> Recipes:
    """Read the recipes of any source; numbers are converted to the unit of the process, ``unit`` may be left out.

    Raises: DataError on a missing column, a parameter that the process does not have, a value that it cannot take;
    UnitError when units do not fit; IoError.
    """
    header = source.header(["recipe", "parameter", "value", "unit"])
    header.require(("recipe", "parameter", "value"), _WHERE, source.place)
    out = Recipes([], [], np.empty(0), [], [])
    values: list[float] = []
    known = {parameter.name: parameter for parameter in process.parameters}
    for chunk in source.chunks(header, []):
        refuse_malformed(chunk, header.names, _WHERE, source.place)
        cells = chunk.cells
        texts = {name: cells.codes(name).texts().tolist() for name in ("recipe", "parameter", "value")}
        stated = cells.codes("unit").texts().tolist() if "unit" in header.names else [""] * len(cells)
        for row, name, parameter, text, unit in zip(chunk.rows, *texts.values(), stated, strict=True):
            place = f"{source.place}, data row {int(row) + 1}"
            number, category, own = _value(known, parameter, text, unit, place)
            if not name:
                raise DataError(where=_WHERE, expected="a recipe in each row", received="none", place=place)
            out.recipe.append(name)
            out.parameter.append(parameter)
            out.category.append(category)
            out.unit.append(own)
            values.append(number)
    return Recipes(out.recipe, out.parameter, np.array(values, dtype=np.float64), out.category, out.unit)


def _value(
    known: Mapping[str, _core.Parameter], parameter: str, text: str, unit: str, place: str
) -> tuple[float, str, str]:
    """Return a number in the process's unit, or a category. Raises: DataError, UnitError."""
    if parameter not in known:
        raise DataError(
            where=_WHERE,
            expected="a parameter of the process",
            received=repr(parameter),
            place=place,
            hint=_core.nearest_hint(parameter, list(known)),
        )
    own = known[parameter]
    if own.categories:
        if text not in own.categories:
            raise DataError(
                where=_WHERE,
                expected=f"a category of {parameter!r}",
                received=repr(text),
                place=place,
                hint=_core.nearest_hint(text, list(own.categories)),
            )
        return float("nan"), text, ""
    try:
        number = float(text)
    except ValueError:
        raise DataError(
            where=_WHERE, expected=f"a number for {parameter!r}", received=repr(text), place=place
        ) from None
    if unit and not units.commensurable(unit, own.unit):
        raise UnitError(
            where=_WHERE, expected=f"a unit that can be converted to {own.unit!r}", received=repr(unit), place=place
        )
    return float(units.convert([number], unit or own.unit, own.unit)[0]), "", own.unit


def add_recipes(sink: Sink, process: Process, source: Source, author: Author) -> int:
    """Import recipes into a sink, as an import of their own; returns the new rows, 0 when these bytes came before.

    Raises: as :func:`read_recipes`.
    """
    from luban._intake.build import content_of

    digest = source.digest()
    if sink.imports_of(digest):
        return 0
    recipes = read_recipes(process, source)
    content = content_of(process, author, source.name, digest, len(recipes.recipe), time.time_ns())
    content.set_recipes(recipes.recipe, recipes.parameter, recipes.value, recipes.category, recipes.unit)
    merged = sink.append(content, np.empty(0, dtype=np.int64))
    return int(merged.material_added)
