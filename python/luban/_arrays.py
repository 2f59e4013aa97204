"""The words of ask and tell for plain arrays: columns, relations, objectives in; proposed points out."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np

from luban import _core
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import numpy.typing as npt

Goal = Literal["minimize", "maximize", "target"]
ColumnKind = Literal["continuous", "integer", "ordinal", "categorical"]
#: What to do with one response: a goal, ``("target", value)``, or None where it is no objective.
Wish = Goal | tuple[str, float] | None

WHERE = "recommend.propose"
_GOALS = get_args(Goal)
_KINDS = get_args(ColumnKind)


@dataclass(frozen=True)
class Column:
    """One column of X: a range from ``low`` to ``high``, or some ``values``.

    Continuous and integer columns have a range, ordinal and categorical ones values. Ordinal values are numbers, whose
    distances count; categorical ones are labels without order, of which one is enough. A column whose ends are equal is
    fixed.

    Raises: ConfigurationError on an unknown kind, or ends and values that do not fit it.
    """

    low: float | None = None
    high: float | None = None
    kind: ColumnKind = "continuous"
    values: Sequence[Any] = ()
    name: str = ""

    def __post_init__(self) -> None:
        """Check what was given."""
        if self.kind not in _KINDS:
            hint = _core.nearest_hint(str(self.kind), list(_KINDS))
            raise _refused(f"a kind among {', '.join(_KINDS)}", repr(self.kind), self.name, hint)
        ranged = self.kind in ("continuous", "integer")
        if ranged != (len(self.values) == 0):
            raise _refused(
                f"{'no values' if ranged else 'values'} for kind {self.kind!r}", repr(self.values), self.name
            )
        if ranged and not (_is_number(self.low) and _is_number(self.high) and float(self.low) <= float(self.high)):  # type: ignore[arg-type]
            raise _refused("finite ends, low <= high", f"{self.low!r} and {self.high!r}", self.name)
        if not ranged and (self.low is not None or self.high is not None):
            raise _refused(f"values alone for kind {self.kind!r}", f"{self.low!r} and {self.high!r}", self.name)
        if self.kind == "integer" and math.ceil(self.low or 0.0) > math.floor(self.high or 0.0):
            raise _refused("a whole number between low and high", f"{self.low!r} and {self.high!r}", self.name)
        if self.kind == "ordinal" and not all(_is_number(value) for value in self.values):
            raise _refused("finite numbers for kind 'ordinal'", repr(self.values), self.name)
        if self.kind == "categorical" and len({str(value) for value in self.values}) != len(self.values):
            raise _refused("each level once", repr(self.values), self.name)


@dataclass(frozen=True)
class Relation:
    """``low <= sum of weights * x <= high`` over the columns of X, one weight each (0 for categorical ones).

    Equal ends demand equality, as of shares that sum to 1.
    """

    weights: Sequence[float]
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Monomial:
    """``factor`` times a product of powers of columns of X; without columns a constant.

    ``product`` holds an exponent for each column (0 for what takes no part, and for categorical ones), or exponents by
    name. An exponent below 0 needs a column above 0, a broken one a column not below 0.
    """

    product: Sequence[float] | Mapping[str, float] = ()
    factor: float = 1.0


@dataclass(frozen=True)
class SignomialRelation:
    """``low <= sum of monomials <= high`` over the columns of X, as of an energy density or a volume.

    Equal ends demand equality.
    """

    sum: Sequence[Monomial]
    low: float = -math.inf
    high: float = math.inf


class Proposed(np.ndarray[Any, np.dtype[Any]]):
    """Points to try next (q, d), an array like any other, with what is believed of them.

    Slices and results of arithmetic carry none of it.
    """

    #: (q, m) what each response is expected to be; with tolerances over what is applied when the point is set.
    expected: npt.NDArray[np.float64]
    #: (q, m) standard deviation of that expectation, noise and the tolerances' scatter left out.
    sd: npt.NDArray[np.float64]
    #: (q, m) risk over the tolerances, of a target that of the distance from it; NaN where none is asked for.
    risk: npt.NDArray[np.float64]
    #: (q, m) standard deviation of that risk, noise left out; NaN where none is asked for.
    risk_sd: npt.NDArray[np.float64]
    #: (q) what was maximised, a logarithm where its name says so; each as if the points before had been measured.
    acquisition: npt.NDArray[np.float64]
    #: The full name of what was maximised.
    acquisition_name: str
    #: (q) probability that the next run keeps all outcome bounds, tolerances counted; 1 without bounds.
    probability_feasible: npt.NDArray[np.float64]
    #: Sentences: what to know before the points are trusted.
    warnings: list[str]

    @classmethod
    def of(cls, X: npt.NDArray[Any], core: _core.Proposed) -> Self:
        """Return points in the caller's form with what the engine says of them."""
        self = X.view(cls)
        self.expected = core.mean
        self.sd = core.sd
        self.risk = core.risk
        self.risk_sd = core.risk_sd
        self.acquisition = core.acquisition
        self.acquisition_name = core.acquisition_name
        self.probability_feasible = core.probability_feasible
        self.warnings = core.warnings
        return self


def _refused(expected: str, received: str, name: str = "", hint: str = "") -> ConfigurationError:
    place = f"column {name}" if name else ""
    return ConfigurationError(where=WHERE, expected=expected, received=received, place=place, hint=hint)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and math.isfinite(float(value))


def floats(array: npt.ArrayLike, name: str, function: str) -> npt.NDArray[np.float64]:
    """Return numbers in double precision. Raises: DataError."""
    try:
        if np.iscomplexobj(array):
            raise TypeError("complex numbers")
        if isinstance(array, np.ma.MaskedArray):  # what is masked is missing
            return np.asarray(np.ma.filled(array.astype(np.float64), np.nan))
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            where=f"recommend.{function}", expected=f"an array of numbers for {name}", received=str(error)
        ) from None


def of_dimensions(array: npt.NDArray[Any], name: str, ndim: int) -> npt.NDArray[Any]:
    """Return the array when it has that many dimensions. Raises: DataError."""
    if array.ndim != ndim:
        raise DataError(where=WHERE, expected=f"{name}: {ndim} dimensions", received=f"shape {array.shape}")
    return array


def _require_ends(ends: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], what: str, expected: str) -> None:
    """Name the first column of pairs (2, k) that are not right. Raises: DataError."""
    if right.all():
        return
    first = int(np.argmin(right))
    low, high = ends[:, first].tolist()
    raise DataError(
        where=WHERE,
        expected=expected,
        received=f"{low!r} and {high!r}",
        place=f"{what} {first + 1}",
        hint="the first row holds all low ends, the second one all high ones",
    )


def columns_of(bounds: npt.ArrayLike | None, columns: Sequence[Column | Mapping[str, Any]] | None) -> list[Column]:
    """Return columns from bounds (2, d) or as given, named. Raises: ConfigurationError, DataError."""
    if (bounds is None) == (columns is None):
        raise _refused("either bounds or columns", "neither" if bounds is None else "both")
    if columns is None:
        box = of_dimensions(floats(bounds if bounds is not None else (), "bounds", "propose"), "bounds (2, d)", 2)
        expected = "bounds (2, d), finite, low <= high in every column"
        if box.shape[0] != 2:
            hint = "two numbers a row: transposed, perhaps" if box.shape[1] == 2 else ""
            raise DataError(where=WHERE, expected=expected, received=f"shape {box.shape}", hint=hint)
        _require_ends(box, np.isfinite(box).all(axis=0) & (box[0] <= box[1]), "column", expected)
        return [Column(low, high, name=f"x{j + 1}") for j, (low, high) in enumerate(box.T.tolist())]
    if isinstance(columns, Column | Mapping):
        raise _refused("a sequence of columns", repr(columns))
    made = [column if isinstance(column, Column) else _column_from(column) for column in columns]
    names = [column.name or f"x{j + 1}" for j, column in enumerate(made)]
    if len(set(names)) != len(names):
        raise _refused("each column under its own name", ", ".join(names))
    return [
        Column(column.low, column.high, column.kind, tuple(column.values), name)
        for column, name in zip(made, names, strict=True)
    ]


def _column_from(told: Mapping[str, Any]) -> Column:
    known = [one.name for one in fields(Column)]
    for key in told:
        if key not in known:
            raise _refused(f"of a column {', '.join(known)}", repr(key), hint=_core.nearest_hint(str(key), known))
    return Column(**told)


def whole(value: object, name: str, low: int, high: int) -> int:
    """Return a whole number of that range. Raises: ConfigurationError."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise ConfigurationError(
            where=WHERE, expected=f"{name}: a whole number from {low} to {high}", received=repr(value)
        )
    return number


def parameters_of(columns: Sequence[Column]) -> tuple[list[_core.Parameter], list[tuple[str, list[float]]]]:
    """Return columns as parameters, and the grids of those that take some values alone."""
    parameters, grids = [], []
    for column in columns:
        if column.kind == "categorical":
            parameters.append(_core.Parameter(column.name, categories=[str(value) for value in column.values]))
        elif column.kind == "ordinal":
            values = sorted({float(value) for value in column.values})
            parameters.append(_core.Parameter(column.name, low=values[0], high=values[-1]))
            grids.append((column.name, values))
        else:
            low, high = float(column.low or 0.0), float(column.high or 0.0)  # a column that has been checked has both
            parameters.append(_core.Parameter(column.name, low=low, high=high, integer=column.kind == "integer"))
    return parameters, grids


def relations_of(
    relations: Sequence[Relation | SignomialRelation], columns: Sequence[Column]
) -> tuple[list[_core.ParameterConstraint], list[_core.SignomialConstraint]]:
    """Return linear and nonlinear relations by the names of columns. Raises: ConfigurationError."""
    linear, signomials = [], []
    if isinstance(relations, Relation | SignomialRelation):
        relations = [relations]
    for relation in relations:
        if not isinstance(relation, Relation | SignomialRelation):
            raise _refused("relations that are Relation or SignomialRelation", repr(relation))
        if math.isnan(relation.low) or math.isnan(relation.high) or relation.low > relation.high:
            raise _refused("low <= high of a relation", f"{relation.low!r} and {relation.high!r}")
        if isinstance(relation, SignomialRelation):
            if not all(isinstance(monomial, Monomial) for monomial in relation.sum):
                raise _refused("a sequence of Monomial for a SignomialRelation", repr(relation.sum))
            monomials = [_monomial(monomial, columns) for monomial in relation.sum]
            signomials.append(_core.SignomialConstraint(monomials, lower=relation.low, upper=relation.high))
            continue
        if len(relation.weights) != len(columns) or not all(_is_number(weight) for weight in relation.weights):
            raise _refused(f"a finite weight for each of {len(columns)} columns", repr(relation.weights))
        if not any(relation.weights):
            raise _refused("a weight that is not 0", repr(relation.weights))
        terms = {
            column.name: float(weight)
            for column, weight in zip(columns, relation.weights, strict=True)
            if weight != 0.0
        }
        linear.append(_core.ParameterConstraint(terms, lower=relation.low, upper=relation.high))
    return linear, signomials


def _monomial(monomial: Monomial, columns: Sequence[Column]) -> _core.Monomial:
    product = monomial.product
    if isinstance(product, Mapping):
        named = dict(product)
        names = [column.name for column in columns]
        for name in named:
            if name not in names:
                raise _refused("a column in a product", repr(name), hint=_core.nearest_hint(str(name), names))
    else:
        if len(product) not in (0, len(columns)):
            raise _refused(f"an exponent for each of {len(columns)} columns, or none", repr(product))
        named = {column.name: exponent for column, exponent in zip(columns, product, strict=False)}
    if not all(_is_number(exponent) for exponent in named.values()) or not _is_number(monomial.factor):
        raise _refused("finite exponents and a finite factor", repr(monomial))
    return _core.Monomial({name: float(e) for name, e in named.items() if e != 0.0}, factor=float(monomial.factor))


def _require_order(X: object, columns: Sequence[Column], name: str) -> None:
    """Refuse a data frame that has the same columns in another order. Raises: DataError."""
    theirs = [str(column) for column in getattr(X, "columns", ())]
    ours = [column.name for column in columns]
    if theirs != ours and sorted(theirs) == sorted(ours):
        raise DataError(
            where=WHERE,
            expected=f"{name} with the columns in the order {', '.join(ours)}",
            received=", ".join(theirs),
            hint=f"{name}[{ours!r}]",
        )


def encoded(X: npt.ArrayLike, columns: Sequence[Column], name: str) -> tuple[npt.NDArray[np.float64], bool]:
    """Return X (n, d) with categories by their places, and whether it held labels. Raises: DataError."""
    _require_order(X, columns, name)
    array = np.asanyarray(X)
    if array.dtype.kind in "biufc" or not any(column.kind == "categorical" for column in columns):
        return of_dimensions(floats(array, name, "propose"), f"{name} (n, d)", 2), False
    rows = of_dimensions(np.asarray(X, dtype=object), f"{name} (n, d)", 2)
    if rows.shape[1] != len(columns):
        raise DataError(where=WHERE, expected=f"{name} of {len(columns)} columns", received=f"shape {rows.shape}")
    out = np.empty(rows.shape, dtype=np.float64)
    for j, column in enumerate(columns):
        if column.kind != "categorical":
            out[:, j] = floats(rows[:, j], f"column {column.name} of {name}", "propose")
            continue
        places = {str(value): place for place, value in enumerate(column.values)}
        for i, value in enumerate(rows[:, j]):
            if str(value) not in places:
                raise DataError(
                    where=WHERE,
                    expected=f"a level of column {column.name}",
                    received=repr(value),
                    place=f"{name}, row {i}",
                    hint=_core.nearest_hint(str(value), list(places)),
                )
            out[i, j] = places[str(value)]
    return out, True


def labelled(X: npt.NDArray[np.float64], columns: Sequence[Column]) -> npt.NDArray[Any]:
    """Return points (q, d) with the levels of categories in the place of their numbers."""
    out = X.astype(object)
    for j, column in enumerate(columns):
        if column.kind == "categorical":
            out[:, j] = [column.values[int(place)] for place in X[:, j]]
        elif column.kind == "integer":
            out[:, j] = [int(value) for value in X[:, j]]
    return out


def wishes(
    objectives: Sequence[Wish] | None, maximize: bool, m: int, bounded: npt.NDArray[np.bool_]
) -> list[tuple[int, str, float]]:
    """Return objectives by response. Raises: ConfigurationError."""
    if objectives is None:
        goal = "maximize" if maximize else "minimize"
        return [(j, goal, math.nan) for j in range(m) if not bounded[j]]
    if maximize:
        raise _refused("objectives or maximize", "both")
    if len(objectives) != m:
        raise _refused(f"an objective, or None, for each of {m} responses", f"{len(objectives)}")
    made = []
    for j, wish in enumerate(objectives):
        if wish is None:
            continue
        goal, aim = wish if isinstance(wish, tuple) and len(wish) == 2 else (wish, math.nan)
        if goal not in _GOALS or (goal == "target") != _is_number(aim):
            hint = "" if goal in _GOALS else _core.nearest_hint(str(goal), list(_GOALS))
            raise _refused('"minimize", "maximize", ("target", value) or None', repr(wish), hint=hint)
        made.append((j, str(goal), float(aim)))
    return made


def tolerances_of(
    tolerances: Mapping[str, float | Mapping[str, float]] | npt.ArrayLike | None, columns: Sequence[Column]
) -> list[tuple[str, float]]:
    """Return standard deviations by the names of columns. Raises: ConfigurationError, DataError."""
    if tolerances is None:
        return []
    if not isinstance(tolerances, Mapping):
        each = floats(tolerances, "tolerances", "propose")
        if each.shape != (len(columns),):
            raise DataError(
                where=WHERE,
                expected=f"tolerances by column, or a standard deviation for each of {len(columns)} columns",
                received=f"shape {each.shape}",
                hint="0 = held exactly, and for categorical columns",
            )
        pairs = zip(columns, each.tolist(), strict=True)
        return [(column.name, sd) for column, sd in pairs if column.kind != "categorical" or sd != 0.0]
    made = []
    for name, entry in tolerances.items():
        if isinstance(entry, Mapping) and set(entry) != {"sd"}:
            received = ", ".join(map(repr, entry)) or "nothing"
            raise _refused("a standard deviation, or {'sd': number}", received, str(name))
        sd = entry["sd"] if isinstance(entry, Mapping) else entry
        if not isinstance(sd, int | float | np.number):
            raise _refused("a standard deviation, or {'sd': number}", repr(sd), str(name))
        made.append((str(name), float(sd)))
    return made


def risks_of(
    risk: Mapping[str, float] | Sequence[Mapping[str, float] | None] | None,
    objectives: Sequence[tuple[int, str, float]],
    m: int,
) -> list[Mapping[str, float] | None]:
    """Return the risk measure of each objective, None where it is the expectation. Raises: ConfigurationError."""
    if risk is None:
        return []
    if isinstance(risk, Mapping):
        return [_measure(risk)] * len(objectives)
    if len(risk) != m:
        expected = f"a risk such as {{'value_at_risk': 0.8}}, or one, or None, for each of {m} responses"
        raise _refused(expected, repr(risk))
    for j in {j for j, entry in enumerate(risk) if entry is not None} - {j for j, _, _ in objectives}:
        raise _refused("a risk of objectives alone", f"one of response {j + 1}, which is none")
    return [_measure(risk[j]) for j, _, _ in objectives]


def _measure(entry: Mapping[str, float] | None) -> Mapping[str, float] | None:
    fits = isinstance(entry, Mapping) and all(isinstance(level, int | float) for level in entry.values())
    if entry is None or fits:
        return entry
    raise _refused("a risk such as {'value_at_risk': 0.8}", repr(entry))


def without_wish(ends: npt.NDArray[np.float64], cost: int | None) -> npt.NDArray[np.bool_]:
    """Return (m) whether a response has a bound or is the cost, and so no goal of its own accord."""
    out = np.asarray(np.isfinite(ends).any(axis=0))
    if cost is not None and 0 <= cost < len(out):
        out[cost] = True
    return out


def outcome_bounds_of(bounds: npt.ArrayLike | None, m: int) -> npt.NDArray[np.float64]:
    """Return the ends (2, m), infinite where there is none. Raises: DataError."""
    if bounds is None:
        return np.array([[-np.inf] * m, [np.inf] * m])
    ends = floats(bounds, "outcome_bounds", "propose")
    expected = f"outcome_bounds (2, {m}), low < high, infinite where there is none"
    if ends.shape != (2, m):
        raise DataError(where=WHERE, expected=expected, received=f"shape {ends.shape}")
    _require_ends(ends, np.asarray(ends[0] < ends[1]), "response", expected)
    return ends
