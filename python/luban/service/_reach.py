"""What one move may reach from the settings that run."""

from __future__ import annotations

import math
from collections.abc import Mapping

from luban.process import Process

__all__ = ["within_one_move"]


def within_one_move(
    process: Process, running: Mapping[str, float | str], move_every_s: float = math.inf
) -> tuple[Process, str]:
    """Return the process with search ranges cut to what the rates allow around the running settings, and a sentence.

    That is ``max_rate``, or the part of it that ``move_every_s`` is of the time that the rate is stated for.

    A parameter whose search range lies farther than that from where it runs keeps its whole range: the guard leads it
    back step by step. Without such rates it is the process itself and no sentence.
    """
    content = process.to_dict()
    cut = []
    for parameter in process.parameters:
        limits, here = parameter.limits, running[parameter.name]
        stated = limits.max_rate_per_s > 0.0
        rate = limits.max_rate * (min(1.0, move_every_s / limits.max_rate_per_s) if stated else 1.0)
        if isinstance(here, str) or not math.isfinite(rate):
            continue
        low, high = max(parameter.low, here - rate), min(parameter.high, here + rate)
        if low < high and (low, high) != (parameter.low, parameter.high):
            content["parameters"][parameter.name] |= {"low": low, "high": high}
            cut.append(f"{parameter.name} {low:.4g} to {high:.4g} {parameter.unit}".rstrip())
    if not cut:
        return process, ""
    return Process.from_dict(content), f"Looked at is what one move may reach: {', '.join(cut)}."
