"""Ready reports: of a history, and of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luban import plots
from luban.plots.text import name_text, number, unit_text
from luban.report.blocks import Block, Facts, Note, Picture, Points, Section, Text, Wide
from luban.report.inspection import of_inspection
from luban.report.page import Report

if TYPE_CHECKING:
    import pandas as pd

    from luban.features import Inspection
    from luban.fitting import Model
    from luban.history import History

__all__ = ["SKILL_NAMES", "model_sections", "of_history", "of_model", "skill_frame"]

#: Headings of the table of skill.
SKILL_NAMES = {
    "contender": "Model",
    "rmse": "RMSE (pooled)",
    "rmse_se": "± SE over groups",
    "r2": "R²",
    "coverage_90": "In 90 % interval",
    "calibrated_coverage_90": "calibrated",
    "width_ratio_90": "Widths ×",
    "ceiling_rmse": "Noise alone",
}


def of_history(history: History, inspection: Inspection | None = None) -> Report:
    """Make a report of what is in a history; ``inspection`` spares looking again.

    Raises: DataError when the history cannot be read as a dataset; KeyboardInterrupt on Ctrl-C.
    """
    seen = history.inspect() if inspection is None else inspection
    return of_inspection(seen, footer=f"History {history.uuid}, content {history.digest}.")


def of_model(model: Model) -> Report:
    """Make a report of what a model claims: skill beside baselines, intervals, errors by group, its card.

    Raises: DataError when the model was not cross-validated.
    """
    card = model.card.to_dict()
    data = card["data"]
    return Report(
        title=f"Model of {model.process.name}",
        subtitle=f"Surrogate {card['surrogate']}, fitted to {data['runs']:,} runs in {data['groups']:,} groups",
        sections=model_sections(model),
        footer=f"Made {card['created_time']} by Luban {card['code_version']}.",
    )


def skill_frame(model: Model) -> pd.DataFrame:
    """Return the table of skill as reports show it, gross errors set aside."""
    table = model.skill()
    shown = table[["response", "unit", *SKILL_NAMES]].copy()
    shown["response"] = shown["response"].map(name_text)
    shown["unit"] = shown["unit"].map(unit_text)
    shown["contender"] = shown["contender"].map(name_text)
    shown["r2"] = shown["r2"].round(3) + 0.0  # no "-0.000" for what is 0
    repeated = shown["response"].duplicated()
    shown["response"] = shown["response"].mask(repeated, "")
    shown["unit"] = shown["unit"].mask(repeated, "")
    return shown


def model_sections(model: Model, response: str | None = None) -> list[Section]:
    """Return the sections about a model. Raises: ConfigurationError on an unknown response."""
    card = model.card.to_dict()
    first = plots.first_response(model, response)
    validation = card["validation"]
    frame = skill_frame(model)
    how = (
        f"Each model predicts runs whose group ({validation['grouped_by']}) it has not seen: "
        f"{validation['folds']} folds"
        + (f", {validation['repeats']} times" if validation["repeats"] > 1 else "")
        + ". Gross errors are set aside in the scores. RMSE and R² are of all readings of all folds together; R² is "
        "against the mean of the training runs. Widths ×: what calibration widens 90 % intervals by."
    )
    skill: list[Block] = [
        Text(how),
        Picture(
            plots.skill(model), "Error on groups not seen, with its spread over groups, beside baselines and noise."
        ),
        Wide(frame, names=SKILL_NAMES, strong=[k for k, name in enumerate(frame["response"]) if name]),
        *(Note(text, "warning", "Know before you use it:") for text in model.card.skill_warnings),
        Points(card["why"][len(model.card.skill_warnings) :]),
    ]
    trust: list[Block] = [
        Picture(plots.parity(model, first), "Out-of-fold predictions of run means, and the errors by group left out."),
        Picture(plots.intervals(model, first), "What intervals promise and what they hold, on groups not seen."),
    ]
    about = Facts(
        {
            "Data digest": card["data"]["digest"],
            "Process digest": card["process_digest"],
            "Split": f"{validation['split']}, by {validation['grouped_by']}, seed {validation['seed']}",
            "Code version": card["code_version"],
            "Made": card["created_time"],
        }
    )
    return [
        Section("Skill", skill),
        Section(f"{name_text(first)}: predictions put to the test", trust),
        Section("About this model", [_hyperparameters(model, first), about]),
    ]


def _hyperparameters(model: Model, response: str) -> Block:
    """Say in one line what the fit found."""
    found = next(one for one in model.card.to_dict()["responses"] if one["name"] == response)
    values = found.get("hyperparameters") or {}
    items = values.items() if isinstance(values, dict) else values
    text = ", ".join(f"{name} {number(float(value), 3)}" for name, value in items)
    return Text(f"Hyperparameters of {name_text(response).lower()}: {text}." if text else "")
