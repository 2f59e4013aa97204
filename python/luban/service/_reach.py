"""What one move may reach from the settings that run."""

from __future__ import annotations

import math
from collections.abc import Mapping

from luban.process import Process
from luban.recommend import MoveLimits

__all__ = ["one_move"]


def one_move(
    process: Process, running: Mapping[str, float | str], move_every_s: float = math.inf
) -> tuple[MoveLimits | None, str]:
    """Return how far the rates allow the next settings to be from the running ones, and a sentence.

    That is ``max_rate``, or the part of it that ``move_every_s`` is of the time that the rate is stated for.

    A parameter whose search range lies farther than that from where it runs is not limited: the guard leads it back
    step by step. Without such rates nothing is, and there is no sentence.
    """
    largest, cut = {}, []
    for parameter in process.parameters:
        limits, here = parameter.limits, running[parameter.name]
        stated = limits.max_rate_per_s > 0.0
        rate = limits.max_rate * (min(1.0, move_every_s / limits.max_rate_per_s) if stated else 1.0)
        if isinstance(here, str) or not math.isfinite(rate):
            continue
        low, high = max(parameter.low, here - rate), min(parameter.high, here + rate)
        if low < high and (low, high) != (parameter.low, parameter.high):
            largest[parameter.name] = rate
            cut.append(f"{parameter.name} {low:.4g} to {high:.4g} {parameter.unit}".rstrip())
    if not cut:
        return None, ""
    numbers = {name: value for name, value in running.items() if not isinstance(value, str)}
    return MoveLimits(numbers, largest), f"Looked at is what one move may reach: {', '.join(cut)}."
