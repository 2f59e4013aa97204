"""Units of OPC UA servers: EUInformation with the codes of UNECE Recommendation 20, as OPC UA Part 8 §5.6.4 packs them.

The id of a unit is its code's characters, one byte each, most significant first: CEL is 4408652.
"""

from __future__ import annotations

from luban import units

__all__ = ["NAMESPACE", "code_of_id", "id_of_code", "id_of_unit", "unit_of"]

NAMESPACE = "http://www.opcfoundation.org/UA/units/un/cefact"

#: UNECE common code → the unit as ``luban.units`` writes it.
_UNITS = {
    "C62": "", "P1": "%",
    "CEL": "degC", "FAH": "degF", "KEL": "K",
    "BAR": "bar", "MBR": "mbar", "PAL": "Pa", "KPA": "kPa", "MPA": "MPa", "PS": "psi",
    "MTR": "m", "CMT": "cm", "MMT": "mm", "4H": "um", "INH": "inch", "FOT": "ft",
    "MTS": "m/s", "2X": "m/min", "FR": "ft/min", "C16": "mm/s", "H81": "mm/min",
    "SEC": "s", "MIN": "min", "HUR": "h", "C26": "ms",
    "WTT": "W", "KWT": "kW", "MAW": "MW", "JOU": "J", "KWH": "kWh",
    "NEW": "N", "B47": "kN", "NU": "Nm",
    "AMP": "A", "4K": "mA", "VLT": "V", "HTZ": "Hz", "KHZ": "kHz",
    "RPM": "rev/min", "RPS": "rev/s", "C81": "rad", "DD": "deg",
    "KGM": "kg", "GRM": "g", "TNE": "tonne", "KGS": "kg/s", "E93": "kg/h",
    "LTR": "L", "L2": "L/min", "MTQ": "m3", "MQH": "m3/h", "CMQ": "cm3", "MMQ": "mm3",
}  # fmt: skip


def id_of_code(code: str) -> int:
    """Pack a UNECE code."""
    return int.from_bytes(code.encode("ascii"), "big")


def code_of_id(unit_id: int) -> str | None:
    """Unpack an id; None when it is no UNECE code (−1: not a UNECE unit)."""
    if not 0 < unit_id < 2**32:
        return None
    text = unit_id.to_bytes(4, "big").lstrip(b"\0")
    return text.decode("ascii") if text.isalnum() else None


def id_of_unit(unit: str) -> int:
    """Return the id of a unit in our spelling, −1 when no code is known for it."""
    return next((id_of_code(code) for code, known in _UNITS.items() if known == unit), -1)


def unit_of(namespace: str | None, unit_id: int, display: str | None) -> str | None:
    """Return what EUInformation says in our spelling: by its code where that is known, else by its display name.

    None when it says nothing that is a unit. A known code counts, whatever is displayed beside it.
    """
    if namespace in (NAMESPACE, NAMESPACE.rpartition("/un")[0], None, ""):
        code = code_of_id(unit_id)
        if code in _UNITS:
            return _UNITS[code]
    text = (display or "").strip()
    text = {"°C": "degC", "°F": "degF", "µm": "um", "μm": "um"}.get(text, text)
    return text if text and units.is_unit(text) else None
