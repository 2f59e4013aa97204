"""Names and units as people read them: "cutting_speed" in "m/min", "um" as µm, "cm3/min" as cm³/min."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luban.process import Process

__all__ = ["context_text", "label", "name_text", "number", "unit_text"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER = re.compile(r"(?<=[A-Za-zµ°])\^?(-?\d+)")
_MICRO = re.compile(r"(?<![A-Za-z])u(?=(m|g|s|A|V|W|L|l|N|J|F|H|mol|Pa)(?![A-Za-z]))")


def unit_text(unit: str) -> str:
    """Return a unit as it is printed: µm, cm³/min, °C; "–" for none."""
    if not unit or unit == "1":
        return "–"
    text = _MICRO.sub("µ", unit.replace("degC", "°C").replace("Cel", "°C"))
    return _POWER.sub(lambda power: power.group(1).translate(_RAISED), text)


def name_text(name: str) -> str:
    """Return a name as it is printed: "cutting_speed" as "Cutting speed"; names of the plant stay as they are."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return name
    words = name.replace("_", " ")
    return words[0].upper() + words[1:]


def label(process: Process, name: str, before: str = "", after: str = "") -> str:
    """Return an axis label with its unit. Raises: ConfigurationError on an unknown name."""
    words = name_text(name)
    if before:
        words = f"{before} {words[0].lower()}{words[1:]}" if name != words else f"{before} {words}"
    return f"{words}{after} ({unit_text(process.unit(name))})"


def number(value: float, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits, never in powers of ten; "–" when nothing is known."""
    if not math.isfinite(value):
        return "–"
    if value == 0.0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")  # 0.9996 to three digits is 1.00
    places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:,.{min(places, 12)}f}".replace("-", "−")


def context_text(context: dict[str, object]) -> str:
    """Return a combination of context as one short text: "D30 · Worn"; numbers keep their names."""
    parts = [text if isinstance(text, str) else f"{name_text(name)} {text}" for name, text in context.items()]
    return " · ".join(parts)
