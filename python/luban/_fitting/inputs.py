"""From a user's frame to coded inputs: names, units, categories and what is missing, checked with clear errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core, units
from luban.errors import DataError, UnitError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from luban.process import Process

__all__ = ["Inputs", "coded_inputs"]

#: Columns of a history that are no input and no mistake either.
_HOUSEKEEPING = {"run_id", "repeat", "readings", "reading_time", "start_time", "end_time", "status", "group"}
_HOUSEKEEPING |= {"equipment", "material_lot", "recipe", "source", "source_row"}


@dataclass(frozen=True)
class Inputs:
    """Rows of a frame as a surrogate wants them."""

    X: NDArray[np.float64]  # (q, p) coded; columns of absent noise variables are NaN
    absent: tuple[int, ...]  # columns of noise variables that the frame does not state


def coded_inputs(process: Process, encoder: _core.Encoder, frame: pd.DataFrame, where: str) -> Inputs:
    """Code the rows of a frame.

    Columns bear the names of the process or of its source, with or without a unit in the header (``feed [mm/rev]``);
    ``frame.attrs["units"]`` and headers give units that differ. Noise variables may be absent. Responses and the
    housekeeping of a history are passed over; any other column is taken for a mistake.

    Raises: DataError on a missing or unknown column, an unknown category, a missing value (with its row); UnitError.
    """
    if len(frame) == 0:
        raise DataError(where=where, expected="at least one row", received="an empty frame")
    headers = _headers(process, encoder, frame, where)
    X = np.full((len(frame), encoder.p), np.nan)
    absent = []
    for j, variable in enumerate(encoder.variables):
        if variable.name in headers:
            X[:, j] = _column(encoder, j, frame, *headers[variable.name], where)
        elif variable.role == _core.Role.noise:
            absent.append(j)
        else:
            raise DataError(
                where=where,
                expected=f"a column {variable.name!r} ({variable.role.name})",
                received="a frame without it",
                hint=_core.nearest_hint(variable.name, [str(name) for name in frame.columns]),
            )
    return Inputs(X, tuple(absent))


def _headers(
    process: Process, encoder: _core.Encoder, frame: pd.DataFrame, where: str
) -> dict[str, tuple[str, str | None]]:
    """Name of each variable that the frame has → its column and the unit stated for it."""
    by_text = {variable.name: variable.name for variable in encoder.variables}
    others = set(_HOUSEKEEPING)
    for column in process.source_columns.values():
        if column.name in by_text:
            by_text.setdefault(column.column, column.name)
        else:
            others |= {column.name, column.column}
    others |= {derived.name for derived in process.derived} | {response.name for response in process.responses}
    stated = dict(frame.attrs.get("units", {}))
    found: dict[str, tuple[str, str | None]] = {}
    for text in frame.columns:
        base, unit = (text, None) if text in by_text else units.parse_header(str(text))
        if base in by_text:
            name = by_text[base]
            if name in found:
                raise DataError(
                    where=where, expected=f"{name!r} once", received=f"columns {found[name][0]!r} and {text!r}"
                )
            found[name] = (text, stated.get(text, stated.get(name, unit)))
        elif base not in others:
            raise DataError(
                where=where,
                expected="inputs of the process",
                received=f"a column {text!r}",
                hint=_core.nearest_hint(str(base), sorted(by_text)) or "drop it: the model does not know it",
            )
    return found


def _column(
    encoder: _core.Encoder, j: int, frame: pd.DataFrame, header: str, unit: str | None, where: str
) -> NDArray[np.float64]:
    variable = encoder.variables[j]
    if variable.is_numeric:
        return _numbers(encoder, j, frame, header, unit, where)
    values = frame[header]
    codes = _codes(variable, values.astype(object).tolist())
    bad = np.flatnonzero(codes < 0)
    if len(bad):
        known = list(variable.categories)
        received = values.iloc[bad[0]]
        raise DataError(
            where=where,
            expected=f"a category of {variable.name!r}: " + ", ".join(known),
            received=repr(received),
            place=f"row {bad[0]}",
            hint=_core.nearest_hint(str(received), known),
        )
    return codes


def _codes(variable: _core.EncodedVariable, values: Sequence[Any]) -> NDArray[np.float64]:
    index = {name: code for code, name in enumerate(variable.categories)}
    return np.array([index.get(value if isinstance(value, str) else str(value), -1) for value in values], float)


def _numbers(
    encoder: _core.Encoder, j: int, frame: pd.DataFrame, header: str, unit: str | None, where: str
) -> NDArray[np.float64]:
    variable = encoder.variables[j]
    try:
        values = np.asarray(frame[header], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            where=where, expected=f"numbers in {variable.name!r}", received=str(error), place=f"column {header!r}"
        ) from None
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise DataError(
            where=where,
            expected=f"a finite value of {variable.name!r}",
            received=repr(float(values[bad[0]])),
            place=f"row {bad[0]}",
        )
    if unit is not None and unit != variable.unit:
        try:
            values = units.convert(values, unit, variable.unit)
        except UnitError as error:
            raise UnitError(
                where=where,
                expected=error.expected,
                received=error.received,
                place=f"column {header!r}",
                hint=f"{variable.name!r} is in {variable.unit!r} here",
            ) from None
    return encoder.encode_column(j, values)
