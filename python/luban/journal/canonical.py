"""One text for one payload: JSON with sorted keys, no blanks, ASCII alone, and numbers that are no numbers spelled out.

Two payloads have the same text exactly when they are the same (1 is not 1.0 and not true; a tuple is a list). NaN and
the infinities, which JSON does not have, are ``{"$number": "NaN"}``; a key that itself begins with ``$`` gets a second
one, so that nothing else can be mistaken for that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from luban.errors import DataError

__all__ = ["LARGEST_PAYLOAD", "decode", "encode"]

#: Characters of one payload.
LARGEST_PAYLOAD = 16 * 1024 * 1024
_DEEPEST = 64
_LARGEST_INTEGER = 2**64
_NUMBER = "$number"
#: Where a value stands: the place of what holds it, and its key or number there. Made a text in an error alone.
_Place = tuple[Any, ...]
_SPELLED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(payload: Mapping[str, Any]) -> str:
    """Return the text of a payload.

    Raises: DataError for a value that JSON does not know, a key that is no text, an integer of more than 64 bits, more
    than 64 levels, or more than 16 MiB; nothing is converted in silence but tuples, numpy scalars and arrays.
    """
    if not isinstance(payload, Mapping):
        raise _refused("a mapping", f"a {type(payload).__name__}", ())
    plain = _plain(payload, (), 0)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    if len(text) > LARGEST_PAYLOAD:
        raise _refused(f"at most {LARGEST_PAYLOAD:,} characters", f"{len(text):,}", ())
    return text


def decode(text: str) -> dict[str, Any]:
    """Return the payload of a text that :func:`encode` made. Raises: ValueError when it is no JSON object."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"a {type(value).__name__}")
    found = _restored(value)
    if not isinstance(found, dict):
        raise ValueError("a number")
    return found


def _plain(value: Any, place: _Place, depth: int) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_NUMBER: _spelling(value)}
    if isinstance(value, int):
        if abs(value) >= _LARGEST_INTEGER:
            raise _refused("an integer of at most 64 bits", f"one of {value.bit_length()}", place)
        return int(value)
    if depth > _DEEPEST:
        raise _refused(f"at most {_DEEPEST} levels", "more", place)
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(item, (place, key), depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (place, i), depth + 1) for i, item in enumerate(value)]
    if hasattr(value, "dtype") and hasattr(value, "tolist"):  # numpy, without importing it
        return _plain(value.tolist(), place, depth + 1)
    raise _refused("numbers, texts, booleans, null, lists and mappings", f"a {type(value).__name__}", place)


def _spelling(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _key(key: Any, place: _Place) -> str:
    if not isinstance(key, str):
        raise _refused("keys that are texts", f"a {type(key).__name__}, {key!r}", place)
    return f"${key}" if key.startswith("$") else str(key)


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_NUMBER}:
        return _SPELLED[value[_NUMBER]]
    return {key[1:] if key.startswith("$") else key: _restored(item) for key, item in value.items()}


def _refused(expected: str, received: str, place: _Place) -> DataError:
    steps = []
    while place:
        place, step = place
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    text = "payload" + "".join(reversed(steps))
    return DataError(where="journal.append", expected=expected, received=received, place=text)
