"""What kinds of findings there are, in which words, and how much each weighs."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["FINDING_COLUMNS", "KINDS", "Found", "Kind", "weigh"]

_LEVELS = {"mend": 0.7, "check": 0.4, "know": 0.1}  # the lowest weight of each


@dataclass(frozen=True)
class Kind:
    """A kind of finding: its title, how urgent it is, and what a person does about it."""

    title: str
    level: str  # mend: wrong data, mend before learning; check: may be right; know: a limit of what can be learned
    advice: str


KINDS = {
    "unfinished_import": Kind("Unfinished import", "mend", "Run the same import again: it goes on where it stopped."),
    "gross_error": Kind("Gross error", "mend", "Correct the entry, or leave it: a fit gives it weight 0."),
    "inconsistent_reading": Kind("Contradicting reading", "mend", "Compare with the protocol of the measurement."),
    "unit_slip": Kind("Unit mix-up", "mend", "Convert these rows and import them again as a correction."),
    "stuck_value": Kind("Stuck sensor", "mend", "Take these values out, or find what held them."),
    "dead_sensor": Kind(
        "Dead sensor", "mend", "Mend or replace the sensor; say that it is optional if it was given up."
    ),
    "clock_step": Kind("Clock step", "mend", "Store times in UTC; order what follows by another column."),
    "impossible_time": Kind("Impossible time", "mend", "A clock that was not set: correct or empty these times."),
    "duplicate_run": Kind("Repeated run", "mend", "Take the copy out: it counts the same evidence twice."),
    "duplicate_reading": Kind("Repeated reading", "mend", "Take the copies out, unless they were measured again."),
    "outside_stated": Kind("Outside the stated range", "check", "Widen the range, or mend the unit."),
    "not_whole": Kind("Not whole", "check", "Take “integer: true” away, or mend the values."),
    "digits_lost": Kind("Digits lost", "check", "Make it an identifier."),
    "drift": Kind("Drift", "check", "Find what changed; make it a context, or learn from the newer part."),
    "group_shift": Kind("Difference between sources", "check", "Make the equipment or source a context."),
    "silence": Kind("Silence", "check", "Ask what happened: a stop, or a logger that was off."),
    "low_rate": Kind("Few runs", "check", "Ask what happened: less production, or lost records."),
    "missing_stretch": Kind("Stretch of missing values", "check", "Ask what happened to the sensor in that time."),
    "overlap": Kind("Overlapping runs", "check", "State the equipment of each run, or mend its end."),
    "collinear": Kind("Parameters that move together", "check", "Vary one of them alone in some runs."),
    "unordered": Kind("Rows not in order of time", "know", "Steps of the clock cannot be judged."),
    "constant_column": Kind("Constant", "know", "Nothing to do unless it should have varied."),
    "empty_combination": Kind("Combination never run", "know", "Do not ask for recommendations there."),
    "empty_corner": Kind("Empty corners", "know", "What a model says there is extrapolation."),
    "thin_coverage": Kind("Little of the search space seen", "know", "Narrow the space, or spread the next runs."),
    "missing_values": Kind("Missing values", "know", "Responses may be missing; too few values teach little."),
}

FINDING_COLUMNS = (
    "kind", "column", "run_id", "source_row", "repeat", "value", "expected", "deviations", "message",
    "weight", "rows", "last_row", "from_time", "until_time",
)  # fmt: skip


@dataclass
class Found:
    """One finding. Rows count from 0 in the source; −1 when it concerns no row."""

    kind: str
    message: str
    column: str = ""
    run_id: str = ""
    source_row: int = -1
    repeat: int = -1
    value: float = math.nan
    expected: float = math.nan
    deviations: float = math.nan
    strength: float = 1.0  # 1 = just worth naming; only compared within a kind's level
    rows: int = 0
    last_row: int = -1
    from_time: str = ""
    until_time: str = ""

    @property
    def ends(self) -> tuple[int, ...]:
        """The first and the last row concerned; none when it concerns no row."""
        return tuple(row for row in dict.fromkeys((self.source_row, self.last_row)) if row >= 0)


def weigh(kind: str, strength: float) -> float:
    """Return the weight of a finding in (0, 1]: first its level, within it how strong it is."""
    share = strength / (1.0 + strength) if math.isfinite(strength) else 1.0
    return _LEVELS[KINDS[kind].level] + 0.3 * max(0.0, share)
