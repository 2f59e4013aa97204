"""Units of measure: one registry on pint; conversion happens here, at import and at bind, and nowhere else.

``rev``, ``piece``, ``cycle`` and currency codes count as 1, so that 1 mm/rev · 1 rev/min is 1 mm/min. An angle is a
dimension of its own: ``rpm`` and ``rad/s`` do not mix in silence. Exponents may be written ``cm3/min`` or ``s-1``.
All factors are exact rationals until the last step.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from fractions import Fraction
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from luban import _core
from luban.errors import UnitError

if TYPE_CHECKING:
    import pint
    from numpy.typing import ArrayLike, NDArray

__all__ = ["commensurable", "convert", "is_unit", "parse_header", "product_factor", "registry"]

_COUNTS = ("revolution = 1 = rev", "turn = 1", "cycle = 1", "circle = 1", "piece = 1 = pcs = pc", "tooth = 1")
# fmt: off
_CURRENCIES = (  # ISO 4217
    "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP", "HKD",
    "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "KZT", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PKR",
    "PLN", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "UZS", "VND", "ZAR",
)
# fmt: on
# What pint reads otherwise than a plant does: Nm is a torque, not a yarn number; Cel is UCUM's degree Celsius.
_OTHER = ("radian = [angle] = rad", "newton_meter = newton * meter = Nm", "@alias degree_Celsius = Cel")

_HEADER = re.compile(r"^\s*(?P<name>.*?\S)\s*\[(?P<unit>[^\[\]]*)\]\s*$")
_WORD = re.compile(r"(?<!\w)(?P<name>[^\W\d]\w*?)(?P<power>-?\d+)?(?![\w.])")
_DOT = re.compile(r"(?<=\w)\.(?=[^\W\d])")  # UCUM writes a product as N.m
# Python's operators that no unit has: a power of a number (it may be endless) and whole division.
_NO_UNIT = re.compile(r"\d\s*(\*\*|\^)|//")
_LONGEST = 64  # characters of a unit
_HIGHEST_POWER = 12


class _Conversion(NamedTuple):
    """value in target = value in source · factor + offset."""

    factor: Fraction
    offset: Fraction


@functools.cache
def registry() -> pint.UnitRegistry[Any]:
    """Return the one registry (made on first use, about half a second)."""
    import pint

    # Loaded after an empty start, so that no cache of pint's holds the definitions replaced below.
    made: pint.UnitRegistry[Any] = pint.UnitRegistry(None, non_int_type=Fraction, on_redefinition="ignore")
    with resources.as_file(resources.files("pint")) as folder:
        made.load_definitions(folder / "default_en.txt")
    for definition in (*_COUNTS, *_OTHER, *(f"{code} = 1" for code in _CURRENCIES)):
        made.define(definition)
    return made


def is_unit(text: str) -> bool:
    """Whether ``text`` is a unit of measure; the empty text is one (dimensionless)."""
    try:
        _parse(text)
    except UnitError:
        return False
    return True


def commensurable(a: str, b: str) -> bool:
    """Whether values in unit ``a`` can be converted to unit ``b``. Raises: UnitError when either is no unit."""
    return a == b or _dimensions(a) == _dimensions(b)


def convert(values: ArrayLike, source: str, target: str, *, difference: bool = False) -> NDArray[np.float64]:
    """Return ``values`` (any shape, in ``source``) in unit ``target``, as float64 of the same shape.

    ``difference=True`` converts differences, spreads and rates: 10 degC of difference are 10 K, not 283.15 K.

    Raises: UnitError when either is no unit or they do not measure the same thing.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if source == target:
        return numbers.copy()
    factor, offset = _conversion(source, target)
    scaled = _times(numbers, factor)
    return scaled if difference or offset == 0 else scaled + float(offset)


def product_factor(units: Sequence[str], target: str, exponents: Sequence[float] | None = None) -> float:
    """Return the factor that brings a product of powers of numbers in ``units`` to unit ``target``.

    ``product_factor(["m/min", "mm/rev", "mm"], "cm3/min")`` is 1.0. Without ``exponents`` each of them is 1.

    Raises: UnitError when a unit has an offset (degC) or the product does not measure what ``target`` does.
    """
    product = registry().Quantity(Fraction(1))
    for text, exponent in zip(units, exponents or [1.0] * len(units), strict=True):
        _require_no_offset(text)
        product = product * registry().Quantity(Fraction(1), _parse(text)) ** _exact(exponent)
    _require_no_offset(target)
    dimensions = product.dimensionality, _dimensions(target)
    if dimensions[0] != dimensions[1]:
        raise _mismatch("units.product_factor", _product_text(units, exponents), target, dimensions)
    return float(product.to(_parse(target)).magnitude)


def _exact(exponent: float) -> Fraction | int:
    """Return an exponent as a fraction: a third may be written as 0.3333333333333333."""
    near = Fraction(exponent).limit_denominator(10_000)
    found = near if float(near) == exponent else Fraction(exponent)
    return int(found) if found.denominator == 1 else found


def _product_text(units: Sequence[str], exponents: Sequence[float] | None) -> str:
    powers = ["" if e == 1 else f"^{e:g}" for e in exponents or [1.0] * len(units)]
    return " · ".join(
        (f"({text})" if power and "/" in text else text or "1") + power
        for text, power in zip(units, powers, strict=True)
    )


def parse_header(text: str) -> tuple[str, str | None]:
    """Split a column header: ``"Vc [m/min]"`` is ``("Vc", "m/min")``, ``"Vc"`` is ``("Vc", None)``."""
    match = _HEADER.match(text)
    if match is None:
        return text.strip(), None
    return match["name"], match["unit"].strip()


@functools.lru_cache(maxsize=1024)
def _parse(text: str) -> pint.Unit:
    """Return the unit of a text. Raises: UnitError naming the nearest known unit."""
    import tokenize

    import pint

    if len(text) > _LONGEST or _NO_UNIT.search(text):
        raise _no_unit(text)
    try:
        unit = registry().parse_units(_normalised(text))
    except pint.UndefinedUnitError as error:
        names: Any = error.unit_names  # one name or several
        raise _no_unit(text, names if isinstance(names, str) else next(iter(names), "")) from None
    except (
        pint.PintError,
        ArithmeticError,
        ValueError,
        TypeError,
        AssertionError,
        KeyError,
        SyntaxError,
        tokenize.TokenError,
    ):
        raise _no_unit(text) from None
    powers: Any = unit._units.values()
    if any(abs(power) > _HIGHEST_POWER for power in powers):
        raise _no_unit(text)
    return unit


def _normalised(text: str) -> str:
    known = registry()

    def power(match: re.Match[str]) -> str:
        name, exponent = match["name"], match["power"]
        if exponent is None or ("-" not in exponent and match[0] in known):  # such as a unit named inch_H2O
            return match[0]
        return f"{name}**({exponent})"

    return _WORD.sub(power, _DOT.sub("*", text.strip()))


def _no_unit(text: str, unknown: str = "") -> UnitError:
    spoken = [name for name in sorted(map(str, registry())) if "_" not in name] if unknown else []
    near = _core.nearest_name(unknown, spoken)
    return UnitError(
        where="units",
        expected="a unit of measure",
        received=repr(text),
        hint=f"did you mean {near}?" if near else "write it as m/min, cm3/min, degC or %",
    )


@functools.lru_cache(maxsize=1024)
def _dimensions(text: str) -> Any:
    return _parse(text).dimensionality


@functools.lru_cache(maxsize=1024)
def _conversion(source: str, target: str) -> _Conversion:
    first, second = _parse(source), _parse(target)
    if first.dimensionality != second.dimensionality:
        raise _mismatch("units.convert", source, target, (first.dimensionality, second.dimensionality))

    def at(value: int) -> Fraction:
        return Fraction(registry().Quantity(Fraction(value), first).to(second).magnitude)

    try:
        offset, one, two = at(0), at(1), at(2)
    except (TypeError, ZeroDivisionError):  # a logarithm of a rational
        offset, one, two = Fraction(0), Fraction(0), Fraction(1)
    if two - one != one - offset:
        raise UnitError(
            where="units.convert",
            expected="units on a linear scale",
            received=f"{source!r} to {target!r}",
            hint="convert logarithmic units (dB, pH) before",
        )
    return _Conversion(factor=one - offset, offset=offset)


def _times(numbers: NDArray[np.float64], factor: Fraction) -> NDArray[np.float64]:
    """Multiply by a rational with as few roundings as it allows: 25.4 um is 0.0254 mm to the last digit."""
    exact = 2**53
    if factor.denominator < exact and abs(factor.numerator) < exact:
        return numbers * float(factor.numerator) / float(factor.denominator)
    return numbers * float(factor)


def _require_no_offset(text: str) -> None:
    unit = _parse(text)
    if not registry().Quantity(Fraction(1), unit)._is_multiplicative:
        raise UnitError(
            where="units.product_factor",
            expected="units that start at zero",
            received=repr(text),
            hint="a product of degC depends on where its zero is; use K",
        )


def _mismatch(where: str, source: str, target: str, dimensions: tuple[Any, Any]) -> UnitError:
    angle = ("[angle]" in dimensions[0]) != ("[angle]" in dimensions[1])
    return UnitError(
        where=where,
        expected=f"a unit that fits {target!r}",
        received=repr(source),
        hint="an angle (rad, deg) is not a number of revolutions: convert it before" if angle else "",
    )
