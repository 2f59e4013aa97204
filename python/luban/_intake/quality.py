"""What a source says of the quality of a value: its own words, then those and the codes of OPC UA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["QUALITY_BAD", "QUALITY_GOOD", "QUALITY_UNCERTAIN", "QUALITY_UNKNOWN", "Quality", "opc_quality"]

QUALITY_GOOD, QUALITY_UNCERTAIN, QUALITY_BAD = 0, 1, 2  # as a history stores them
QUALITY_UNKNOWN = -1
_WORDS = {"good": QUALITY_GOOD, "uncertain": QUALITY_UNCERTAIN, "bad": QUALITY_BAD}
_SMALLEST_STATUS = 0x10000  # of OPC UA, other than Good: the low 16 bits hold further information only


@dataclass(frozen=True)
class Quality:
    """The column that tells the quality of a response, and the source's own words, which go before those of OPC UA."""

    response: str
    header: str
    words: Mapping[str, int] = field(default_factory=dict)

    def code(self, text: str) -> int:
        """Return the stored code of a text; QUALITY_UNKNOWN when nobody explained it."""
        return self.words[text] if text in self.words else opc_quality(text)


def opc_quality(text: str) -> int:
    """Read a quality as OPC UA writes it: ``Good``, ``BadSensorFailure``, a status code (decimal or 0x…), or 0, 1, 2.

    The two highest bits of a status code are its severity (OPC UA Part 4, StatusCode).
    """
    word = text.strip().lower()
    for start, code in _WORDS.items():
        if word.startswith(start):
            return code
    try:
        number = int(word, 16) if word.startswith("0x") else int(float(word))
    except (ValueError, OverflowError):
        return QUALITY_UNKNOWN
    if number in (QUALITY_GOOD, QUALITY_UNCERTAIN, QUALITY_BAD):
        return number
    if not _SMALLEST_STATUS <= number <= 0xFFFFFFFF:
        return QUALITY_UNKNOWN
    return min(number >> 30, QUALITY_BAD)
