"""The comparison of loops as a section of the report, as a picture, and in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from luban import plots
from luban.plots.text import number, unit_text
from luban.report.blocks import Block, Card, Cards, Note, Picture, Points, Section, Text, Wide

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from luban._demo.honest import Mean
    from luban._demo.loop import LoopComparison, Measure
    from luban.plant import Drift
    from luban.process import Process

__all__ = ["draw_loop", "loop_section", "loop_text"]

_ARMS = {
    "learning": "the loop, learning",
    "frozen": "the same loop, its model frozen",
    "fixed": "fixed settings",
}
_UNIT = "cm3/min"
_QUANTITIES = {"hardness": "the steel gets harder", "imbalance": "the spindle gets out of balance"}


def draw_loop(process: Process, comparison: LoopComparison) -> Figure:
    """Draw the hour of the first seed: what was set, what came of it, beside the other arms and what was possible."""
    rows = comparison.timeline.rename(columns={"removal": "removal_rate"})
    arms = {arm: rows[rows["arm"] == arm] for arm in _ARMS}
    look = plots.TimelineLook(
        response="roughness",
        cycle="shaft",
        cycle_name="Shaft",
        expected="expected",
        objective="removal_rate",
        best="best_removal",
        words=("mode", "decision"),
        limit=comparison.limit,
        marks={drift.start + 1: _QUANTITIES[drift.quantity] for drift in comparison.drifts},
    )
    return plots.loop_timeline(process, arms, look)


def loop_section(comparison: LoopComparison, picture: Figure) -> Section:
    """Return the section of the report on the loop."""
    unit, limit = unit_text(_UNIT), f"{number(comparison.limit, 2)} {unit_text('um')}"
    blocks: list[Block] = [
        Text(
            f"{comparison.seeds} simulated lathes, {comparison.shafts} shafts each, one a minute. Each was "
            "commissioned with the settings of the packaged data, turned once on the simulated lathe before anything "
            f"had drifted; the model was fitted to that. Then tools wear, and {_drift_words(comparison)}. Settings are "
            f"chosen for as much removal as the limit allows: the next shaft's mean roughness at most {limit} with "
            "probability "
            f"{comparison.probability:.0%}. Each loop is a whole one: supervisor with guard, modes, "
            "drift watch and journal; only the clock is simulated. It arms itself within the first shafts."
        ),
        Cards(_cards(comparison)),
        Picture(
            picture,
            "One seed, shaft after shaft. Top: what was given, and what the guard said of the loop's moves. Points "
            "were measured, lines are true expectations. Dotted: what somebody who knows the truth would have set.",
        ),
        Wide(_table(comparison), caption="Mean over shafts, then over seeds; ± is the spread (SD) between seeds."),
        Points(list(_sentences(comparison))),
        Note(
            "It is a simulator: it shows that the loop works as it should, and is no evidence about a real lathe.",
            title="Simulated.",
        ),
    ]
    if comparison.quick:
        blocks.append(Note(f"Only {comparison.seeds} seeds: the numbers are rough.", "warning", "Quick run."))
    if comparison.why:
        blocks += [Text("What the loop said at the end of that hour:"), Points(comparison.why)]
    return Section(f"A loop that learns ({unit} within {limit})", blocks)


def loop_text(comparison: LoopComparison) -> str:
    """Return the comparison as lines of at most 110 characters."""
    title = (
        f"The loop: {comparison.seeds} simulated lathes, {comparison.shafts} shafts each, tool wear, and "
        f"{_drift_words(comparison)}"
    )
    lines = [
        *textwrap.wrap(title, 108, subsequent_indent=4 * " "),
        f"    {'mean ± spread between seeds':<32}{'net removal':>16}{'removal':>16}{'above limit':>18}   {_UNIT}",
    ]
    for name, words in _ARMS.items():
        arm = comparison.arms[name]
        share = f"{100 * arm.over_limit.mean.value:.1f} ± {100 * arm.over_limit.sd:.1f} %"
        lines.append(f"    {words:<32}{_spread(arm.net_removal):>16}{_spread(arm.removal):>16}{share:>18}")
    for sentence in _sentences(comparison):
        lines += textwrap.wrap(sentence, 106, initial_indent=4 * " ", subsequent_indent=4 * " ")
    return "\n".join(lines)


def _cards(comparison: LoopComparison) -> list[Card]:
    learning, frozen = comparison.arms["learning"], comparison.arms["frozen"]
    gain = comparison.gains["frozen"]
    outside = comparison.writes_outside_limits
    return [
        Card(
            "Net removal, learning",
            number(learning.net_removal.mean.value),
            unit_text(_UNIT),
            f"{_signed(gain)} against the frozen model, {_signed(comparison.gains['fixed'])} against fixed settings",
            tone="good" if gain.standing == "above" else "warning",
        ),
        Card(
            "Shafts above the limit",
            f"{learning.over_limit.mean.value:.1%}",
            "",
            f"frozen {frozen.over_limit.mean.value:.1%}, fixed {comparison.arms['fixed'].over_limit.mean.value:.1%}",
        ),
        Card(
            "Writes outside limits",
            f"{outside}",
            f"of {sum(arm.writes for arm in comparison.arms.values()):,}",
            "by the machines' own logs: limits, rates, constraints",
            tone="good" if outside == 0 else "warning",
        ),
        Card(
            "One decision",
            number(comparison.recommend_ms, 2),
            "ms",
            f"one run learned in {number(comparison.learn_ms, 2)} ms; {comparison.cycles:,} cycles in "
            f"{number(comparison.seconds, 2)} s",
        ),
    ]


def _table(comparison: LoopComparison) -> pd.DataFrame:
    import pandas as pd

    columns = {"net_removal": "Net removal", "good_removal": "Good removal", "removal": "Removal"}
    rows = []
    for name, words in _ARMS.items():
        arm = comparison.arms[name]
        row = {"Settings by": words}
        row |= {f"{title} ({unit_text(_UNIT)})": _spread(getattr(arm, key)) for key, title in columns.items()}
        row["Above the limit"] = f"{arm.over_limit.mean.value:.1%} ± {arm.over_limit.sd:.1%}"
        row["Expected roughness (µm)"] = _spread(arm.roughness, 2)
        row["Moves"], row["Held by the guard"] = _spread(arm.moves, 0), _spread(arm.held, 0)
        row["Cycles lowered"] = _spread(arm.lowered, 0)
        rows.append(row)
    return pd.DataFrame(rows)


def _sentences(comparison: LoopComparison) -> Iterator[str]:
    yield (
        "Net removal is the removal rate with a shaft above the limit costing what a good one earns. Learning less "
        f"frozen: {_signed(comparison.gains['frozen'])} {_UNIT}; less fixed: {_signed(comparison.gains['fixed'])} "
        f"{_UNIT}; paired by seed, ± standard error."
    )
    frozen, fixed = (100.0 * comparison.over_limit[arm].value for arm in ("frozen", "fixed"))
    errors = [100.0 * comparison.over_limit[arm].standard_error for arm in ("frozen", "fixed")]
    yield (
        f"Shafts above the limit, learning less frozen: {frozen:+.1f} ± {errors[0]:.1f} points; less fixed: "
        f"{fixed:+.1f} ± {errors[1]:.1f} points. {100 * (1 - comparison.probability):.0f} % are asked for."
    )
    yield (
        f"{comparison.writes_outside_limits} of {sum(arm.writes for arm in comparison.arms.values()):,} writes lay "
        "outside limits, rates or constraints, by the machines' own logs."
    )
    lowered = comparison.arms["frozen"].lowered.mean.value
    yield (
        f"A drift alarm takes a loop to advisory. Nobody answers there in this simulation, so the settings stay until "
        f"the alarm is over, good or bad: {comparison.arms['learning'].lowered.mean.value:.0f} cycles of "
        f"{comparison.shafts} where the loop learns, {lowered:.0f} where its model is frozen."
    )
    wrong = "; ".join(comparison.faults[:3])
    state = f"{len(comparison.faults)} faults: {wrong}" if comparison.faults else "a verifier found every one whole"
    yield f"Audit: {comparison.records:,} records stand in {2 * comparison.seeds} journals; {state}."
    slowest = max(comparison.slowest_ms.items(), key=lambda item: item[1], default=("", math.nan))
    yield f"The slowest step of any of the {comparison.cycles:,} cycles was to {slowest[0]}, {slowest[1]:.0f} ms."


def _drift_words(comparison: LoopComparison) -> str:
    texts = [_drift_text(drift) for drift in comparison.drifts]
    return " and ".join(texts) if texts else "nothing else changes"


def _drift_text(drift: Drift) -> str:
    how = f"from shaft {drift.start + 1} on"
    if drift.shape == "ramp":
        how = f"over shafts {drift.start + 1} to {drift.start + drift.length + 1}"
    size = f" by {drift.size:.0%}" if drift.quantity == "hardness" else ""
    return f"{_QUANTITIES[drift.quantity]}{size} {how}"


def _spread(measure: Measure, digits: int = 1) -> str:
    return f"{measure.mean.value:.{digits}f} ± {measure.sd:.{digits}f}"


def _signed(mean: Mean) -> str:
    return f"{mean.value:+.1f} ± {mean.standard_error:.1f}"
