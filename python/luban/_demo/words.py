"""Sentences and tables that the report and the terminal share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luban.plots.text import context_text, name_text, number, unit_text

if TYPE_CHECKING:
    import pandas as pd

    from luban.campaign import ParetoFront, Recommendations
    from luban.demo import DemoResult

__all__ = ["answers_frame", "found_text", "front_frame", "gain_text", "skill_text", "timing_text", "why_sentences"]


def found_text(result: DemoResult) -> str:
    """Return what was imported and what looks mistyped, in one sentence."""
    counts, gross = result.imported.inspection.counts, result.imported.gross
    by_column = gross.groupby("column", sort=False).size()
    errors = ", ".join(f"{count} in {column}" for column, count in by_column.items())
    return (
        f"{counts['readings']:,} readings of {counts['runs']} shafts at {counts['groups']} settings were imported; "
        f"{len(gross)} readings are gross entry errors ({errors}), and "
        f"{len(result.imported.inconsistent)} more contradict the other responses of their reading."
    )


def skill_text(result: DemoResult) -> str:
    """Return what the model achieves for the first objective, in one sentence."""
    objective = result.model.process.objectives[0].response
    table = result.model.skill()
    rows = table[table["response"] == objective]
    model, unit = rows.iloc[0], unit_text(str(rows.iloc[0]["unit"]))
    others = [
        f"{name_text(str(row['contender'])).lower()} {number(float(row['rmse']))}"
        for row in rows.iloc[1:].to_dict(orient="records")
    ]
    return (
        f"{name_text(objective)} of settings never seen is predicted with an RMSE of {number(model['rmse'])} {unit} "
        f"({', '.join(others)}; noise alone {number(model['ceiling_rmse'])} {unit})."
    )


def gain_text(result: DemoResult) -> str:
    """Return the range of expected gains over the contexts, in one sentence."""
    objective = result.model.process.objectives[0].response
    unit = unit_text(result.model.process.unit(objective))
    moving = [answer[0] for answer in result.advised.answers if not answer.stay]
    if not moving:
        return "In every context the answer is to stay with the running settings."
    gains = [float(one.gain) for one in moving]
    staying = len(result.advised.answers) - len(moving)
    stay = f" In {staying} of {len(result.advised.answers)} the answer is to stay." if staying else ""
    span = number(gains[0]) if len(gains) == 1 else f"{number(min(gains))} to {number(max(gains))}"
    measured = result.advised.over_measured
    return (
        f"Recommended settings lower the expected {name_text(objective).lower()} by {span} {unit} against the centre, "
        "which ran most and is taken as running, depending on context. Against the best settings that were run in the "
        f"same context it is {number(min(measured))} to {number(max(measured))} {unit}.{stay}"
    )


def timing_text(result: DemoResult) -> str:
    """Return what the steps took, in one sentence."""
    return (
        f"Import {result.imported.import_s:.2f} s; fit with cross-validation {result.seconds['fit']:.1f} s; one "
        f"recommendation {result.advised.propose_ms:.0f} ms; honest check {result.seconds['honest_check']:.1f} s; all "
        f"{sum(result.seconds.values()):.1f} s."
    )


def answers_frame(answers: list[Recommendations], response: str) -> pd.DataFrame:
    """Return the first recommendation of each context as a row; ``change`` says "stay" or "move"."""
    import pandas as pd

    tables = []
    for answer in answers:
        table = answer.table().head(1)
        table.insert(0, "context", context_text(dict(answer[0].context)))
        tables.append(table)
    rows = pd.concat(tables, ignore_index=True)
    rows["change"] = rows["stay"].map({True: "stay", False: "move"})
    settings = list(answers[0][0].settings)
    derived = [name for name in rows.columns if name in answers[0][0].predictions and f"{name}_low" not in rows]
    rows["interval"] = _intervals(rows, response)
    rows["gain_interval"] = _intervals(rows, "gain")
    about = ["interval", *derived, "gain", "gain_interval", "probability_better", "probability_feasible"]
    out = rows[["context", "change", *settings, response, *about]]
    out.attrs["units"] = tables[0].attrs.get("units", {})
    return out


def _intervals(table: pd.DataFrame, name: str) -> list[str]:
    """Write the 90 % intervals of a column as text."""
    bounds = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
    return [f"{number(low)} to {number(high)}" for low, high in bounds]


def front_frame(front: ParetoFront, most: int = 6) -> pd.DataFrame:
    """Return the front's points, at most ``most`` spread along it: settings and both expectations with interval."""
    import numpy as np

    table = front.table()
    places = np.unique(np.linspace(0, len(table) - 1, min(most, len(table))).round().astype(int))
    first, second = front.objectives
    table["interval"] = _intervals(table, first)
    out = table.iloc[places][[*front[0].settings, second, first, "interval"]].reset_index(drop=True)
    out.attrs["units"] = table.attrs.get("units", {})
    return out


def why_sentences(result: DemoResult) -> list[str]:
    """Return, per context, what matters most, what limits, and which real runs are near."""
    beginnings = ("What matters most", "Limited", "Nearest", "Stay")
    return [
        f"{context_text(dict(answer[0].context))}: {sentence}"
        for answer in result.advised.answers
        for sentence in answer[0].why
        if sentence.startswith(beginnings)
    ]
