"""Counts and places as people write them."""

from __future__ import annotations

__all__ = ["counted", "with_row"]


def counted(count: int, one: str, many: str = "") -> str:
    """Return "1 run", "2 runs", "1,030 rows"; ``many`` where the plural is not made by an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def with_row(sentence: str, row: int) -> str:
    """Add to a sentence where in the source it was seen, unless it says so; rows count from 0, −1 is unknown."""
    if row < 0 or "row " in sentence:
        return sentence
    return f"{sentence.removesuffix('.')}; row {row:,} of its source."
