"""Counts as people write them."""

from __future__ import annotations

__all__ = ["counted"]


def counted(count: int, one: str, many: str = "") -> str:
    """Return "1 run", "2 runs", "1,030 rows"; ``many`` where the plural is not made by an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
