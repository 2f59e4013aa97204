"""The thresholds of an inspection, each with its reason. None is fitted to one data set."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from luban.errors import ConfigurationError

__all__ = ["InspectOptions"]


@dataclass(frozen=True)
class InspectOptions:
    """When something is worth naming. Options of gross errors among repeats are ``RobustWeightOptions``.

    Every check is at least two conditions: *chance* (clean data show it with probability ``chance`` per column) and
    *size* (it is large enough to matter). Chance alone names trifles when there are a million rows, size alone names
    noise when there are ten.
    """

    #: Clean data show a finding with about this probability, per column and check. One false alarm in 1,000 columns
    #: keeps a page of 60 columns quiet.
    chance: float = 1e-3
    #: The farthest of all honest single readings passes the limit with this probability, when it follows Student's t
    #: with three degrees of freedom (as for repeats, see ``RobustWeightOptions.gross_chance``).
    gross_chance: float = 0.05
    #: Single readings beyond the limit are a heavy tail, not errors, when they are more than this share.
    gross_share: float = 0.005
    #: Identical successive values before a sensor may be called stuck: what a person would not put down to chance.
    stuck_runs: int = 8
    #: How many times longer than its usual fellows a stretch must be: stretches of the same value (stuck sensor), of
    #: missing values (dead sensor), pauses (silence). A process that pauses often pauses normally.
    unusual_times: float = 3.0
    #: That many fellows of a third of its length make a long stretch usual.
    usual_fellows: int = 3
    #: A pause is a silence only beyond this many median pauses between runs.
    silence_pauses: float = 20.0
    #: Missing values before a sensor may be called dead.
    dead_rows: int = 8
    #: Up to this share of steps back in time, each is a fault of the clock; beyond it the rows are in another order.
    unordered_share: float = 0.02
    #: A time later than the newest import by more than this many hours lies in the future (zones differ by 14 h).
    future_hours: float = 26.0
    #: A factor between two units must be met this closely, as share of its logarithm (5 % for 10, 15 % for 1,000), by
    #: medians that are themselves known as well: two honest levels agree with one of some ten factors by chance
    #: seldom enough.
    unit_precision: float = 0.02
    #: Fewest rows whose unit can be judged: three values agree on a factor by chance too easily.
    unit_rows: int = 8
    #: A unit slip moves values by more than this many robust standard deviations; less is a difference, not a factor.
    unit_deviations: float = 6.0
    #: Drift and differences between sources count from this share of a response's own scatter.
    drift_share: float = 0.5
    #: Into how many blocks of time a history is cut (fewer when there are not ``block_runs`` for each).
    blocks: int = 20
    #: Runs in a block, at least: the median of fewer says little.
    block_runs: int = 8
    #: A point of the search space is within reach of data when a run lies this near, as share of each range on
    #: average: about as far as a smooth response can be followed.
    reach: float = 0.2
    #: Points drawn to measure how much of the search space is within reach; the share is known to ±1 %.
    space_points: int = 4096
    #: Correlation (of two parameters, or of one with all others) from which effects cannot be told apart: the
    #: variance of an effect is ten times (VIF 10) what it would be.
    collinear: float = 0.95
    #: Findings listed per kind; what is beyond is counted in the last sentence.
    most: int = 1000
    #: Rows kept for pictures, drawn with ``seed``.
    sample_rows: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        shares = ("chance", "gross_chance", "gross_share", "unordered_share", "unit_precision", "reach", "collinear")
        for field in fields(self):
            value = float(getattr(self, field.name))
            high = 1.0 if field.name in shares else math.inf
            low_ok = value >= 0.0 if field.name == "seed" else value > 0.0
            if not (low_ok and value < high):
                raise ConfigurationError(
                    where="features.inspect",
                    expected=f"{field.name} above 0" + (" and below 1" if high == 1.0 else ""),
                    received=repr(getattr(self, field.name)),
                )
