"""Times as UTC nanoseconds: texts in ISO 8601, typed columns, and local times by the zone in which they were written.

A time that 64 bits of nanoseconds cannot hold, a text that is no time and a local time that was twice or never are told
apart by reasons; nothing wraps around.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "NO_TIME",
    "TIME_REASONS",
    "YEARS_WITHIN",
    "Times",
    "nearest_zone",
    "out_of_range",
    "require_in_range",
    "text_out_of_range",
    "times_of",
    "zone_of",
]

NO_TIME = np.iinfo(np.int64).min

#: Why a time is refused, in words.
TIME_REASONS: Mapping[str, str] = {
    "not_a_time": "not a time in ISO 8601, such as 2026-11-24T10:15:00+01:00",
    "time_without_zone": "a time without a zone; `timezone` under `runs` in the process file says where it was written",
    "time_out_of_range": "a time before 1677-09-22 or after 2262-04-10, which nanoseconds in 64 bits cannot hold",
    "time_ambiguous": "a local time that was twice in its zone, as when summer time ends",
    "time_never_was": "a local time that never was in its zone, as when summer time begins",
}

_TEXT = re.compile(
    r"^(?=\d{8}[T ]|\d{4}[-/])(\d{4})([-/]?)(\d\d?)\2(\d\d?)"
    r"(?:[T ](\d\d?)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?"
    r" ?([zZ]|[-+]\d\d(?::?\d\d(?::?\d\d)?)?)?)?$",
    re.ASCII,
)
# Years that 64 bits of nanoseconds hold from end to end: there pandas and Arrow do not wrap around.
YEARS_WITHIN = r"(?:16(?:7[89]|[89][0-9])|1[789][0-9]{2}|2[01][0-9]{2}|22[0-5][0-9]|226[01])"
_USUAL = (
    YEARS_WITHIN + r"-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
    r"(?:Z|[-+](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
_SECOND = 10**9
_DAY = 86_400
# The first and the last whole second, and how much of them 64 bits hold; the smallest number means no time.
_FIRST, _FIRST_NS = -9_223_372_037, 145_224_193
_LAST, _LAST_NS = 9_223_372_036, 854_775_807
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class Times:
    """UTC times of some rows (n), ``NO_TIME`` where there is none; ``bad`` marks by reason what is refused (n each).

    ``naive``: they come from a typed column without a zone.
    """

    nanoseconds: NDArray[np.int64]
    bad: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    naive: bool = False

    def take(self, places: NDArray[Any]) -> Times:
        """Return the times at these places; −1 is none."""
        bad = {reason: np.append(mask, False)[places] for reason, mask in self.bad.items()}
        return Times(np.append(self.nanoseconds, NO_TIME)[places], bad, self.naive)

    @property
    def refused(self) -> NDArray[np.bool_]:
        """Where something stands that was refused, for whatever reason (n)."""
        out = np.zeros(len(self.nanoseconds), dtype=bool)
        for mask in self.bad.values():
            out |= mask
        return out


def zone_of(name: str, where: str, place: str) -> zoneinfo.ZoneInfo:
    """Return the zone of that IANA name. Raises: ConfigurationError with the nearest name."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            where=where,
            expected="the name of a time zone, such as Europe/Berlin",
            received=repr(name),
            place=place,
            hint=nearest_zone(name),
        ) from error


def nearest_zone(name: str) -> str:
    """Return a hint at the zone whose name is nearest."""
    known = sorted(zoneinfo.available_timezones())
    return _core.nearest_hint(name, known) if known else "this computer knows no zones: pip install tzdata"


def times_of(series: pd.Series[Any], timezone: zoneinfo.ZoneInfo | None = None) -> Times:
    """Take any column as times. Texts have their zone or, with ``timezone``, are local times there.

    Typed columns without a zone are local times too, and UTC without ``timezone``.
    """
    import pandas as pd

    if isinstance(series.dtype, pd.ArrowDtype) and series.dtype.kind == "M":
        series = pd.Series(series.array.__arrow_array__().to_pandas())
    if series.dtype.kind == "M" or isinstance(series.dtype, pd.DatetimeTZDtype):
        return _of_typed(series, timezone)
    texts = series.astype(object).where(~series.isna().to_numpy(dtype=bool), "").astype(str).str.strip()
    usual, found = _of_usual_texts(texts, timezone)
    if usual.all():
        return found
    rest = np.flatnonzero(~usual)
    places, distinct = pd.factorize(texts.iloc[rest])
    others = _of_texts(pd.Series(np.asarray(distinct, dtype=object), dtype=object), timezone).take(places)
    found.nanoseconds[rest] = others.nanoseconds
    bad = {reason: found.bad.get(reason, _nowhere(found.nanoseconds)) for reason in TIME_REASONS}
    for reason, mask in others.bad.items():
        bad[reason][rest] = mask
    return Times(found.nanoseconds, {reason: mask for reason, mask in bad.items() if mask.any()})


def text_out_of_range(text: str) -> bool:
    """Whether a text is a time that 64 bits of nanoseconds cannot hold."""
    import pandas as pd

    return "time_out_of_range" in _of_texts(pd.Series([text.strip()], dtype=object), None).bad


def require_in_range(seconds: float, received: str, where: str) -> None:
    """Refuse an instant, in seconds since 1970, that 64 bits of nanoseconds cannot hold. Raises: DataError."""
    if not _FIRST + 1 <= seconds < _LAST:
        raise out_of_range(received, where)


def out_of_range(received: str, where: str) -> DataError:
    """Return the error of an instant that 64 bits of nanoseconds cannot hold."""
    return DataError(
        where=where,
        expected="a time from 1677-09-22 to 2262-04-10",
        received=received,
        hint="leave it out where the end is open",
    )


def _of_typed(series: pd.Series[Any], timezone: zoneinfo.ZoneInfo | None) -> Times:
    naive = getattr(series.dtype, "tz", None) is None
    plain = series if naive else series.dt.tz_convert("UTC").dt.tz_localize(None)
    stamps = plain.to_numpy()
    unit = np.datetime_data(stamps.dtype)[0]
    counts = stamps.view(np.int64)
    if unit == "ns" and not (naive and timezone):
        return Times(counts, naive=naive)
    per = _PER_SECOND[unit]
    seconds, rest = np.divmod(counts, per)
    missing = counts == NO_TIME
    seconds[missing] = 0
    return _made(seconds, rest * (_SECOND // per), missing, _nowhere(counts) | naive, timezone, naive=naive)


def _of_usual_texts(texts: pd.Series[Any], timezone: zoneinfo.ZoneInfo | None) -> tuple[NDArray[np.bool_], Times]:
    """Read those texts that pandas reads rightly, quickly; return which they are (n), and times (n)."""
    import pandas as pd

    usual = texts.str.fullmatch(_USUAL).to_numpy(dtype=bool, copy=True)
    values = np.full(len(texts), NO_TIME, dtype=np.int64)
    if not usual.any():
        return usual, Times(values)
    own = texts[usual]
    local = ~(own.str.endswith("Z") | own.str[-6].isin(["+", "-"])).to_numpy(dtype=bool)
    parsed = pd.to_datetime(own.where(~local, own + "Z"), utc=True, errors="coerce", format="ISO8601")
    counts = parsed.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").view(np.int64)
    read = counts != NO_TIME
    at = np.flatnonzero(usual)[read]
    usual[:] = False
    usual[at] = True
    if local.any():
        seconds, rest = np.divmod(counts[read], _SECOND)
        made = _made(seconds, rest, _nowhere(seconds), local[read], timezone)
        values[at] = made.nanoseconds
        bad = {reason: _nowhere(values) for reason in made.bad}
        for reason, mask in made.bad.items():
            bad[reason][at] = mask
        return usual, Times(values, bad)
    values[at] = counts[read]
    return usual, Times(values)


def _of_texts(texts: pd.Series[Any], timezone: zoneinfo.ZoneInfo | None) -> Times:
    """Read texts without surrounding blanks, "" where there is none."""
    parts = texts.str.extract(_TEXT.pattern, flags=re.ASCII, expand=True)
    missing = (texts == "").to_numpy(dtype=bool)
    wrong = parts[0].isna().to_numpy(dtype=bool) & ~missing
    year, month, day, hour, minute, second = (_whole(parts[place]) for place in (0, 2, 3, 4, 5, 6))
    fraction = _whole(parts[7].str.slice(0, 9).str.pad(9, side="right", fillchar="0"))
    offset, bad_offset = _offsets_written(parts[8])
    first = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + np.clip(month - 1, 0, 11)
    begins = first.astype("datetime64[D]").astype(np.int64)
    length = (first + 1).astype("datetime64[D]").astype(np.int64) - begins
    there = ~missing & ~wrong
    outside = (month < 1) | (month > 12) | (day < 1) | (day > length) | (hour > 23) | (minute > 59) | (second > 59)
    wrong |= there & (outside | bad_offset)
    seconds = (begins + day - 1) * _DAY + hour * 3600 + minute * 60 + second - offset
    seconds[wrong | missing] = 0
    local = parts[8].isna().to_numpy(dtype=bool) & ~missing & ~wrong
    return _made(seconds, fraction, missing | wrong, local, timezone, {"not_a_time": wrong})


def _whole(texts: pd.Series[Any]) -> NDArray[np.int64]:
    """Return digits as numbers, 0 where there are none."""
    return texts.where(texts.notna(), "0").to_numpy().astype(np.int64)


def _offsets_written(texts: pd.Series[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return seconds east of UTC, and where an offset is none."""
    import pandas as pd

    places, distinct = pd.factorize(texts)
    seconds, bad = [], []
    for text in distinct:
        digits = re.sub(r"[^0-9]", "", text).ljust(6, "0")
        hours, minutes, rest = (int(digits[at : at + 2]) for at in (0, 2, 4))
        seconds.append((hours * 3600 + minutes * 60 + rest) * (-1 if text.startswith("-") else 1))
        bad.append(hours > 23 or minutes > 59 or rest > 59)
    return np.array([*seconds, 0], dtype=np.int64)[places], np.array([*bad, False], dtype=bool)[places]


def _made(
    seconds: NDArray[np.int64],
    nanoseconds: NDArray[np.int64],
    missing: NDArray[np.bool_],
    local: NDArray[np.bool_],
    timezone: zoneinfo.ZoneInfo | None,
    refused: Mapping[str, NDArray[np.bool_]] | None = None,
    *,
    naive: bool = False,
) -> Times:
    """Put together seconds (n) and what is behind them (n); ``local`` marks those without a zone."""
    bad = dict(refused or {})
    out = _out_of_range(seconds, nanoseconds) & ~missing
    local = local & ~missing & ~out
    if timezone is None:
        if not naive:
            bad["time_without_zone"] = local
    elif local.any():
        at = np.flatnonzero(local)
        offsets, twice, never = _offsets_of_place(seconds[at], timezone)
        seconds = seconds.copy()
        seconds[at] -= offsets
        bad["time_ambiguous"], bad["time_never_was"] = _nowhere(seconds), _nowhere(seconds)
        bad["time_ambiguous"][at], bad["time_never_was"][at] = twice, never
        out |= _out_of_range(seconds, nanoseconds) & ~missing
    bad["time_out_of_range"] = out
    with np.errstate(over="ignore"):  # at the two ends a product leaves int64, and the sum comes back
        values = seconds * _SECOND + nanoseconds
    values[missing] = NO_TIME
    for mask in bad.values():
        values[mask] = NO_TIME
    return Times(values, {reason: mask for reason, mask in bad.items() if mask.any()}, naive)


def _nowhere(like: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.zeros(len(like), dtype=bool)


def _out_of_range(seconds: NDArray[np.int64], nanoseconds: NDArray[np.int64]) -> NDArray[np.bool_]:
    early = (seconds < _FIRST) | ((seconds == _FIRST) & (nanoseconds < _FIRST_NS))
    late = (seconds > _LAST) | ((seconds == _LAST) & (nanoseconds > _LAST_NS))
    return np.asarray(early | late, dtype=bool)


def _offsets_of_place(
    seconds: NDArray[np.int64], timezone: zoneinfo.ZoneInfo
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return seconds east of UTC of local times (n), and where a local time was twice or never.

    A day that begins and ends with one and the same offset has it all through; the times of other days are looked up
    one by one. Two offsets, before and after a step (PEP 495): the first is larger where the clock was put back.
    """
    days, of_row = np.unique(seconds // _DAY, return_inverse=True)
    borders = [(_both(int(day) * _DAY, timezone), _both(int(day + 1) * _DAY, timezone)) for day in days]
    even = np.array([begin == end and begin[0] == begin[1] for begin, end in borders], dtype=bool)
    before = np.array([begin[0] for begin, _ in borders], dtype=np.int64)[of_row]
    after = before.copy()
    rest = np.flatnonzero(~even[of_row])
    if len(rest):
        distinct, places = np.unique(seconds[rest], return_inverse=True)
        looked_up = np.array([_both(int(second), timezone) for second in distinct], dtype=np.int64)
        before[rest], after[rest] = looked_up[places, 0], looked_up[places, 1]
    return before, before > after, before < after


def _both(second: int, timezone: zoneinfo.ZoneInfo) -> tuple[int, int]:
    """Return the offsets of a local time, in seconds, as its first and as its second occurrence."""
    local = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second)
    offsets = (timezone.utcoffset(local.replace(fold=fold)) for fold in (0, 1))
    first, last = (round(offset.total_seconds()) if offset is not None else 0 for offset in offsets)
    return first, last
