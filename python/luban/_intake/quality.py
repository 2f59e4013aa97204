"""What a source says of the quality of a value: its own words, then those and the codes of OPC UA."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from luban.errors import ConfigurationError

if TYPE_CHECKING:
    from luban._intake.cells import RawChunk

__all__ = [
    "QUALITY_BAD",
    "QUALITY_GOOD",
    "QUALITY_UNCERTAIN",
    "QUALITY_UNKNOWN",
    "Quality",
    "opc_quality",
    "require_all_explained",
]

QUALITY_GOOD, QUALITY_UNCERTAIN, QUALITY_BAD = 0, 1, 2  # as a history stores them
QUALITY_UNKNOWN = -1
_MOST_SHOWN = 8
_LONGEST_NUMBER = 32  # characters: no code of a quality is longer
_BARE = re.compile(r"[^\W\d][\w.]*")  # a name that needs no quotation marks in a process file
_CLASSIC_SEVERITIES = (QUALITY_BAD, QUALITY_UNCERTAIN, QUALITY_BAD, QUALITY_GOOD)  # the third is not in use
_WORDS = {"good": QUALITY_GOOD, "uncertain": QUALITY_UNCERTAIN, "bad": QUALITY_BAD}
_CLASSIC_LIMIT = 0xFF  # of OPC Classic: one byte, whose two highest bits are 0 bad, 1 uncertain, 3 good
_SMALLEST_STATUS = 0x10000  # of OPC UA, other than Good: the low 16 bits hold further information only


@dataclass(frozen=True)
class Quality:
    """The column that tells the quality of a response, and the source's own words, which go before those of OPC UA."""

    response: str
    header: str
    words: Mapping[str, int] = field(default_factory=dict)
    stated: bool = True  # by the process file; otherwise its name alone says so

    def code(self, text: str) -> int:
        """Return the stored code of a text; QUALITY_UNKNOWN when nobody explained it."""
        if (own := self._own(text)) is not None:
            return own
        # Beside explained codes of OPC Classic a 0 is not the Good of OPC UA: there it is bad.
        number = _whole(text)
        classic = number is not None and number <= QUALITY_BAD and any(map(_is_classic, self.words))
        return QUALITY_UNKNOWN if classic else opc_quality(text)

    def require_explained(self, texts: Sequence[str]) -> None:
        """Refuse numbers that only OPC Classic has: it counts from bad to good. Raises: ConfigurationError."""
        classic = self.unexplained(texts)
        if not classic:
            return
        words = {code: [word for word, own in self.words.items() if own == code] for code in _WORDS.values()}
        lacking = [_whole(text) or 0 for text in ("192", "64", "0", *classic[:_MOST_SHOWN]) if self._own(text) is None]
        for number in dict.fromkeys(lacking):
            words[_CLASSIC_SEVERITIES[number >> 6]].append(str(number))
        stated = ", ".join(f"{name}: [{', '.join(words[code])}]" for name, code in _WORDS.items())
        column = _scalar(self.header)
        hint = f"if these are qualities of OPC Classic, say so: quality: {{column: {column}, {stated}}}"
        if not self.stated:
            name = re.sub(r"\W+", "_", self.header).strip("_")
            own = f"identifiers: {{{name}: {{column: {column}}}}}"
            hint += f"; if they are no qualities, give the column a name of its own: {own}"
        raise ConfigurationError(
            where="ingest.quality",
            expected=f"qualities of {self.response} in words, as status codes of OPC UA, or 0, 1, 2",
            received=", ".join(classic[:_MOST_SHOWN]) + (" …" if len(classic) > _MOST_SHOWN else ""),
            place=f"column {self.header!r}",
            hint=hint,
        )

    def unexplained(self, texts: Sequence[str]) -> list[str]:
        """Return the numbers that only OPC Classic has and that the process file does not explain."""
        return [text for text in texts if _is_classic(text) and self._own(text) is None]

    def _own(self, text: str) -> int | None:
        """Return what the process file says of a text, or of the number that it is."""
        number = _whole(text)
        return self.words.get(text, None if number is None else self.words.get(str(number)))


def require_all_explained(qualities: Sequence[Quality], chunks: Iterable[RawChunk]) -> None:
    """Look over the qualities of a whole source: a 0 is good in OPC UA, and bad where 192 stands further down.

    Raises: ConfigurationError for the numbers of OPC Classic where the process file does not explain them.
    """
    found: list[dict[str, None]] = [{} for _ in qualities]
    for chunk in chunks:
        for quality, texts in zip(qualities, found, strict=True):
            texts.update(dict.fromkeys(quality.unexplained(chunk.cells.codes(quality.header).categories)))
    for quality, texts in zip(qualities, found, strict=True):
        quality.require_explained(list(texts))


def opc_quality(text: str) -> int:
    """Read a quality as OPC UA writes it: ``Good``, ``BadSensorFailure``, a status code (decimal or 0x…), or 0, 1, 2.

    The two highest bits of a status code are its severity (OPC UA Part 4, StatusCode).
    """
    word = text.strip().lower()
    for start, code in _WORDS.items():
        if word.startswith(start):
            return code
    number = _whole(word)
    if number is None:
        return QUALITY_UNKNOWN
    if number in (QUALITY_GOOD, QUALITY_UNCERTAIN, QUALITY_BAD):
        return number
    if not _SMALLEST_STATUS <= number <= 0xFFFFFFFF:
        return QUALITY_UNKNOWN
    return min(number >> 30, QUALITY_BAD)


def _whole(text: str) -> int | None:
    """Return the whole number that a text of up to 32 characters is, decimal or 0x…; None for any other text."""
    word = text.strip().lower()
    if len(word) > _LONGEST_NUMBER:  # Python refuses to write down numbers of thousands of digits
        return None
    try:
        return int(word, 16) if word.startswith("0x") else int(word)
    except ValueError:
        pass
    try:
        number = float(word)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


def _scalar(name: str) -> str:
    """Return a name as a process file reads it back."""
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _is_classic(text: str) -> bool:
    number = _whole(text)
    return number is not None and QUALITY_BAD < number <= _CLASSIC_LIMIT
