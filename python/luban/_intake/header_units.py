"""Units of measure that headers state: in brackets, in parentheses, behind a slash or a comma, or as last words.

What is written out is believed. A last word is believed when it can hardly mean anything else; a single letter only
beside a word of its quantity (``laser_power_W``, not ``series_A``). Everything less certain comes with its doubt.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from luban import units
from luban._intake.header_words import QUANTITIES, words

__all__ = ["HeaderUnit", "name_and_unit"]


class HeaderUnit(NamedTuple):
    """A header taken apart. ``unit`` is "" where none is seen or claimed; ``doubt`` is "" where there is none."""

    base: str
    unit: str = ""
    doubt: str = ""


class _Reading(NamedTuple):
    unit: str
    doubt: str = ""


def _each(text: str) -> set[str]:
    return set(text.split())


_NORMAL = "a temperature, pressure and humidity of reference are left out"
_ALIASES: dict[str, _Reading] = {
    **dict.fromkeys(("°c", "degc", "deg c", "deg_c", "celsius", "grad c", "gradc", "摄氏度"), _Reading("degC")),
    **dict.fromkeys(("°f", "degf", "deg f", "deg_f", "fahrenheit"), _Reading("degF")),
    **dict.fromkeys(("pct", "percent", "perc", "prozent", "百分比"), _Reading("%")),
    **dict.fromkeys(
        ("mol%", "mol_%", "mol_pct", "wt%", "wt_%", "wt_pct", "w%", "vol%", "vol_%", "vol_pct", "at%", "at_pct", "%rh",
         "%_rh", "rh%", "ma%", "pct_rh", "rh_pct"),
        _Reading("%"),
    ),
    **dict.fromkeys(("sec", "secs", "second", "seconds", "sek", "秒"), _Reading("s")),
    **dict.fromkeys(("mins", "minute", "minutes", "分钟", "分"), _Reading("min")),
    **dict.fromkeys(("hr", "hrs", "hour", "hours", "std", "小时"), _Reading("h")),
    **dict.fromkeys(("day", "days", "tage", "天"), _Reading("day")),
    **dict.fromkeys(("barg", "bar_g", "bara", "bar_a", "bar(g)", "bar(a)"), _Reading("bar", "gauge or absolute")),
    **dict.fromkeys(("psig", "psia"), _Reading("psi", "gauge or absolute")),
    "kvarh": _Reading("kVA*h", "reactive energy, written in volt-amperes"),
    "kvar": _Reading("kVA", "reactive power, written in volt-amperes"),
    "torr": _Reading("torr"),
    "sccm": _Reading("cm3/min", _NORMAL),
    **dict.fromkeys(("slm", "slpm", "nlpm"), _Reading("L/min", _NORMAL)),
    "lpm": _Reading("L/min"),
    "gpm": _Reading("gal/min"),
    "ipm": _Reading("in/min"),
    **dict.fromkeys(("sfm", "fpm"), _Reading("ft/min")),
    **dict.fromkeys(("u/min", "r/min", "转/分", "转/分钟"), _Reading("rpm")),
    "米/分": _Reading("m/min"),
    "毫米": _Reading("mm"),
    "微米": _Reading("um"),
    "千瓦时": _Reading("kWh"),
    "千瓦": _Reading("kW"),
    "度": _Reading("degC", "degrees, of temperature or of an angle"),
    **dict.fromkeys(("$", "us$"), _Reading("USD")),
    "€": _Reading("EUR"),
    "tco2": _Reading("t", "tonnes of CO2"),
    "kgco2": _Reading("kg", "kilograms of CO2"),
    **dict.fromkeys(("stk", "stück", "pcs.", "个", "件"), _Reading("pcs")),
    **dict.fromkeys(("hv", "hrc", "hrb", "hb", "hbw", "ph", "ntu", "brix", "-", "–", "1", "ratio"), _Reading("")),
}  # fmt: skip
#: Symbols that are believed; two letters and more in any case of letters where that is not another unit.
_SYMBOLS = _each(
    "m cm mm um nm km inch in ft mil s ms us ns min h d g kg mg ug t lb oz l L ml mL ul uL mol mmol umol W mW kW MW "
    "Wh kWh MWh J kJ MJ N kN MN Nm kNm Pa hPa kPa MPa GPa bar mbar psi atm V mV kV A mA uA kA Hz kHz MHz GHz rpm rev "
    "rad deg degC degF K ppm ppb S mS uS ohm kohm mtorr cP cSt mPas lx lm dB hp VA kVA EUR USD CNY pcs piece cycle "
    "tooth cfm cal kcal M mM C F torr"
)
_PAIRS = _each("mm cm kg kW Pa Hz")
_TWO_PREFIXES = _each("mpa mw mwh mj mhz mpas")  # milli or mega
_ANY_CASE = {text.lower(): text for text in _SYMBOLS if len(text) > 2 or text in _PAIRS}
_ANY_CASE = {key: text for key, text in _ANY_CASE.items() if key not in _TWO_PREFIXES}
_OF_QUANTITY = {
    "s": "time", "h": "time", "d": "time", "C": "temperature", "K": "temperature", "F": "temperature", "A": "current",
    "V": "voltage", "W": "power", "N": "force", "J": "energy", "m": "length", "g": "mass", "t": "mass", "l": "volume",
    "L": "volume",
}  # fmt: skip
_LETTERS = {"C": "degC", "F": "degF"}
_FLOWING = _each("m cm mm um nm km in inch ft g kg mg ug t l L ml mL ul uL mol mmol rev pcs m3 cm3 mm3 piece")
_UPPER = _FLOWING | _each("J kJ MJ W kW kWh Wh N kN V mV A mA K degC pct S mS uS Pa bar EUR USD")
_LOWER = _each("s sec min h hr d day rev m mm cm um m2 m3 cm2 cm3 mm2 mm3 s2 l L ml mL kg g mg t mol K tooth piece U")
_STATISTICS = _each("min max mean avg average std sd rms peak set sp pv act actual ist soll")
_NEVER_LAST = {"in", "M", "S", "cycle", "piece", "tooth", "rev", "mil", "cal", "oz"}  # last words, but hardly units

_BRACKETS = re.compile(r"^(?P<name>.*?\S)\s*\[(?P<unit>[^\[\]]*)\]$")
_PARENTHESES = re.compile(r"^(?P<name>.*?\S)\s*\((?P<unit>[^()]*(\([^()]*\))?[^()]*)\)$")
_BEHIND = re.compile(r"^(?P<name>.*?\S)(\s+/\s+|\s*,\s+|\s+in\s+)(?P<unit>\S{1,12})$")
_SYMBOL = re.compile(r"[^\W\d_]+")
_CAMEL_TAIL = re.compile(r"^(?P<name>.*[a-zäöü])(?P<unit>[A-Z]\w+)$")


def name_and_unit(header: str) -> HeaderUnit:
    """Take ``Vc [m/min]``, ``Vc (m/min)``, ``Vc / m/min``, ``Vc_m_min`` or ``Vc m/min`` apart.

    The unit parses with luban.units, or is "".
    """
    text = unicodedata.normalize("NFKC", header).replace("μ", "u").replace("µ", "u").strip()
    if (match := _BRACKETS.match(text)) is not None:
        return _written(match["name"], match["unit"], match["name"], brackets=True)
    for pattern in (_PARENTHESES, _BEHIND):
        match = pattern.match(text)
        if match is None:
            continue
        found = _written(match["name"], match["unit"], text, brackets=False)
        if found.unit or found.doubt:
            return found
        if _read(match["unit"]) is not None:  # a scale, such as HV
            return HeaderUnit(match["name"])
    return _last_words(text)


def _written(base: str, text: str, otherwise: str, *, brackets: bool) -> HeaderUnit:
    """Read a unit that is set apart. Brackets hold nothing else; parentheses may hold any word."""
    spelled = text.strip()
    if spelled in _OF_QUANTITY:
        fits = QUANTITIES[_OF_QUANTITY[spelled]].search(words(base)) is not None
        unit = _LETTERS.get(spelled, spelled)
        return HeaderUnit(base, unit, "" if fits else f"{spelled} is read as {unit}; no word of its quantity")
    if spelled.lower() == "min" and not (QUANTITIES["time"].search(words(base)) or brackets):
        return HeaderUnit(otherwise, "", "min may be minutes or a minimum")
    reading = _read(spelled)
    if reading is not None:
        return HeaderUnit(base, reading.unit, f"{spelled}: {reading.doubt}" if reading.doubt else "")
    if brackets and spelled and units.is_unit(spelled):
        return HeaderUnit(base, spelled, f"{spelled} is a rare unit")
    return HeaderUnit(otherwise, "", f"{spelled!r} is no unit known here" if brackets and spelled else "")


def _read(text: str) -> _Reading | None:
    """Return the unit of a text that is set apart, or None."""
    plain = text.strip().replace("°C", "degC").replace("°F", "degF").replace("·", "*").replace("⋅", "*")
    plain = plain.replace("€", "EUR").replace("$", "USD")
    plain = plain.replace("Ω", "ohm").replace("Ohm", "ohm").replace("ohms", "ohm").replace("^", "")
    if plain.startswith("Nm3"):  # a normal cubic metre, not a cubed torque
        plain, doubt = plain[1:], _NORMAL
    else:
        doubt = ""
    alias = _ALIASES.get(re.sub(r"\s+", "_", text.strip().lower())) or _ALIASES.get(text.strip().lower())
    if alias is not None:
        return alias
    plain = re.sub(r"\b(per|pro)\b", "/", plain).replace(" /", "/").replace("/ ", "/")
    known = [word in _SYMBOLS or word.lower() in _ANY_CASE for word in _SYMBOL.findall(plain)]
    if not all(known) or not (known or plain == "%"):
        alone = re.fullmatch(r"(?P<upper>[^/]+)/(?P<lower>[^/]+)", plain)
        parts = [_read(alone["upper"]), _read(alone["lower"])] if alone else []
        if len(parts) != 2 or not all(part is not None and part.unit for part in parts):
            return None
        plain = "/".join(part.unit for part in parts if part is not None)
    else:
        plain = _SYMBOL.sub(lambda word: word[0] if word[0] in _SYMBOLS else _ANY_CASE[word[0].lower()], plain)
    plain = re.sub(r"(?<=\w) (?=\w)", "*", plain).replace("mPas", "mPa*s")
    return _Reading(plain, doubt) if units.is_unit(plain) else None


def _last_words(text: str) -> HeaderUnit:
    """Read a unit from the last one, two or three words of a header without brackets."""
    tokens = list(re.finditer(r"[^_\s.\-]+", text))
    if len(tokens) < 2:
        return _camel(text)
    for count in (4, 3, 2):
        if len(tokens) > count or (len(tokens) == count and count == 2):
            tail = [token[0] for token in tokens[-count:]]
            base = text[: tokens[-count].start()].rstrip("_ .-")
            found = _compound(tail, base) if base else None
            if found is not None:
                return found
    if tokens[-2][0].lower() in ("of", "von"):  # a share of the last word, not measured in it
        return HeaderUnit(text)
    last, base = tokens[-1][0], text[: tokens[-1].start()].rstrip("_ .-")
    if last.lower() == "min" and not QUANTITIES["time"].search(words(base)):
        inner = _last_words(base)
        return HeaderUnit(text, inner.unit, "min may be minutes or a minimum")
    if last.lower() == "std" and QUANTITIES["time"].search(words(base)):
        return HeaderUnit(base, "h")
    if last.lower() in _STATISTICS - {"min"}:
        inner = _last_words(base)
        return HeaderUnit(text, inner.unit, inner.doubt)
    if last in _OF_QUANTITY:
        unit = _LETTERS.get(last, last)
        if QUANTITIES[_OF_QUANTITY[last]].search(words(base)):
            return HeaderUnit(base, unit)
        return HeaderUnit(text, "", f"its last letter may mean {unit}")
    if last == "deg" and QUANTITIES["temperature"].search(words(base)):
        return HeaderUnit(base, "degC", "deg is read as degrees Celsius")
    reading = None if last in _NEVER_LAST or (len(last) < 2 and last != "%") else _read(last)
    if reading is None or not reading.unit:
        return _camel(text) if reading is None else HeaderUnit(text)
    return HeaderUnit(base, reading.unit, f"{last}: {reading.doubt}" if reading.doubt else "")


def _compound(tail: list[str], base: str) -> HeaderUnit | None:
    """``mm s``, ``mm per s``, ``mol pct``, ``W m2 K``: what the last words mean together."""
    joined = "_".join(tail)
    alias = _ALIASES.get(joined.lower()) if len(tail) == 2 else None
    if alias is not None and alias.unit:
        return HeaderUnit(base, alias.unit, f"{joined}: {alias.doubt}" if alias.doubt else "")
    if len(tail) == 2 and joined in ("kW_h", "W_h", "MW_h"):
        return HeaderUnit(base, joined.replace("_", ""))
    if len(tail) == 2 and joined in ("Pa_s", "mPa_s"):
        return HeaderUnit(base, joined.replace("_", "*"))
    if joined == "N_m":
        torque = QUANTITIES["torque"].search(words(base)) is not None
        return HeaderUnit(base, "Nm" if torque else "N/m", "" if torque else "force per length, or a torque")
    said = "per" in tail[1:]
    parts = [part for part in tail if part != "per"]
    if len(parts) < 2 or len(parts) > 3 or (len(tail) - len(parts)) > 1:
        return None
    upper, lower = parts[0], parts[1:]
    if upper not in _UPPER or any(part not in _LOWER for part in lower):
        return None
    rate = QUANTITIES["rate"].search(words(base)) is not None
    spelled = "/".join("rev" if part == "U" else _ALIASES.get(part, _Reading(part)).unit for part in parts)
    if lower == ["min"] and upper not in _FLOWING and not (rate or said):
        unit = _ALIASES.get(upper, _Reading(upper)).unit
        return HeaderUnit(f"{base}_min", unit, "min is read as a minimum, not as per minute")
    if not units.is_unit(spelled):
        return None
    unsure = not (rate or said) and ((len(upper) == 1 and all(len(part) == 1 for part in lower)) or len(lower) > 1)
    return HeaderUnit(base, spelled, f"{' '.join(tail)} is read as {spelled}" if unsure else "")


def _camel(text: str) -> HeaderUnit:
    """``SpeedRPM``, ``TempC``: a unit grown together with its word is a guess."""
    match = _CAMEL_TAIL.match(text)
    reading = _read(match["unit"]) if match is not None and match["unit"] not in _NEVER_LAST else None
    if match is None or reading is None or not reading.unit:
        return HeaderUnit(text)
    return HeaderUnit(match["name"], reading.unit, f"the end of the header is read as {reading.unit}")
