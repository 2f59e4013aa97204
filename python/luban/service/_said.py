"""What was learned, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Lesson", "sentence_of"]

#: Standard errors beyond which a mean departure is worth a sentence.
_WORTH_SAYING = 2.0


@dataclass(frozen=True)
class Lesson:
    """What the last runs say of one response against the fitted model, and what is counted on now.

    ``residuals`` are observed minus expected by the model as fitted, ``expected`` what it said, ``noise`` the standard
    deviation of one of them; ``correction`` is what is added to predictions at the settings that are proposed, in the
    present context.
    """

    response: str
    unit: str
    residuals: Sequence[float]
    expected: Sequence[float]
    noise: float
    correction: float
    where: str = ""


def sentence_of(lesson: Lesson) -> str:
    """Return one sentence; empty when there is nothing to say."""
    count = len(lesson.residuals)
    if count == 0:
        return ""
    mean = float(np.mean(lesson.residuals))
    runs = f"the last {count} runs" if count > 1 else "the last run"
    if abs(mean) <= _WORTH_SAYING * lesson.noise / count**0.5 and abs(lesson.correction) <= lesson.noise:
        return f"{lesson.response}: {runs}{lesson.where} came out as the model says, within their scatter."
    unit = f" {lesson.unit}" if lesson.unit else ""
    said = float(np.mean(lesson.expected))
    share = f" ({abs(mean / said):.0%})" if abs(mean) < abs(said) else ""
    were, more = ("was" if count == 1 else "were"), ("higher" if mean > 0.0 else "lower")
    return (
        f"{lesson.response}: {lesson.correction:+.3g}{unit} is added to what the fitted model says of these settings, "
        f"by what it missed lately, the latest most; at their own settings {runs}{lesson.where} {were} "
        f"{abs(mean):.3g}{unit}{share} {more} on average."
    )
