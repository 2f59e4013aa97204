"""The report of the main job."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING

import luban
from luban._demo.loop_section import loop_section
from luban._demo.words import answers_frame, found_text, front_frame, gain_text, skill_text, timing_text, why_sentences
from luban.plots.text import context_text, name_text, number, unit_text
from luban.report import Report
from luban.report.blocks import Block, Card, Cards, Facts, Note, Picture, Points, Section, Text, Verbatim, Wide
from luban.report.standard import SKILL_NAMES, skill_frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from luban.campaign import Recommendations
    from luban.demo import DemoResult

__all__ = ["make_report"]

_SOURCE = (
    "AISI 12L14 Dataset by Matheus Costa Pereira, doi:10.5281/zenodo.17438392, licensed under CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/). The header of one column was renamed; no value was changed."
)

_NOISE_NAMES = {
    "within_sd": "Within a shaft (SD)",
    "within_dof": "its degrees of freedom",
    "between_sd": "Between shafts (SD)",
    "between_dof": "its degrees of freedom",
}


def make_report(result: DemoResult, pictures: Mapping[str, Figure]) -> Report:
    """Return the report of one run of the main job; every number in it comes from that run."""
    import datetime

    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    process = result.model.process
    return Report(
        title="From a production history to recommended settings",
        subtitle=(
            f"{process.name}: turning of slender steel shafts. What the history holds, what can be learned from it, "
            f"what to set for each product and tool state, and how far that can be trusted. {now}."
        ),
        sections=[
            _summary(result),
            _history(result, pictures),
            _skill(result, pictures),
            _settings(result, pictures),
            _front(result, pictures),
            _honest(result, pictures),
            loop_section(result.loop, pictures["loop"]),
            _provenance(result, now),
        ],
        footer=f"Data: {_SOURCE} Made by Luban {luban.__version__}, {now}.",
    )


def _summary(result: DemoResult) -> Section:
    counts = result.imported.inspection.counts
    objective = result.model.process.objectives[0].response
    unit = unit_text(result.model.process.unit(objective))
    skill = result.model.skill()
    row = skill[skill["response"] == objective].iloc[0]
    honest = _mean_expected(result)
    reach = result.honest.reach()
    cards = [
        Card("Runs", f"{counts['runs']}", "shafts", f"{counts['readings']:,} readings, {counts['groups']} settings"),
        Card(
            "Gross entry errors", f"{len(result.imported.gross)}", "readings", "found, named, set aside", tone="warning"
        ),
        Card(
            f"Error on settings not seen: {name_text(objective).lower()}",
            number(float(row["rmse"])),
            unit,
            f"R² {number(float(row['r2']), 2)}; noise alone {number(float(row['ceiling_rmse']))} {unit}",
        ),
        Card(
            "True value of Luban's choices, simulated worlds",
            number(honest["choice"]),
            unit,
            f"lowest raw means {number(honest['raw_cells'])}, centre {number(honest['centre'])} {unit}; "
            "mean over three kinds of world",
            tone="good" if reach.met else "warning",
        ),
    ]
    points = [found_text(result), skill_text(result), gain_text(result), timing_text(result)]
    return Section("Summary", [Cards(cards), Points(points), *_quick_note(result)])


def _mean_expected(result: DemoResult) -> dict[str, float]:
    """Mean over the kinds of world of each rule's true expected response."""
    worlds = result.honest.worlds
    rules = worlds[0].expected
    return {rule: sum(world.expected[rule].value for world in worlds) / len(worlds) for rule in rules}


def _quick_note(result: DemoResult) -> list[Block]:
    if not result.quick:
        return []
    return [Note("Few worlds and coarse fronts: the numbers of the honest check are rough.", "warning", "Quick run.")]


def _noise_frame(result: DemoResult) -> pd.DataFrame:
    noise = result.imported.inspection.noise
    return noise.assign(response=noise["response"].map(name_text), unit=noise["unit"].map(unit_text))


def _finding_table(gross: pd.DataFrame, result: DemoResult) -> Wide:
    process = result.model.process
    place = ["response", "column", "source_row", "line", "value", "expected", "guess"]
    context = [name for name in gross.columns if name not in place]
    units = [unit_text(process.unit(name)) for name in gross["response"]]
    shown = gross.assign(response=gross["response"].map(name_text), unit=units)
    shown = shown[["response", "column", "line", *context, "value", "expected", "unit", "guess"]]
    if not shown["guess"].any():
        shown = shown.drop(columns="guess")
    names = {"line": "Line of the file", "expected": "Its repeats say", "guess": "Looks like"}
    return Wide(shown, names=names, digits=4)


def _history(result: DemoResult, pictures: Mapping[str, Figure]) -> Section:
    inconsistent = result.imported.inconsistent
    blocks: list[Block] = [
        Points(result.imported.report.lines()),
        Picture(
            pictures["history"],
            "Every reading of every response, run by run. Gross errors are circled, or stand at the edge where they "
            "are beyond the axis. Below: the settings that were run, and the runs of each diameter and tool state.",
            kind="png",
        ),
        Text(
            "Gross errors: readings that their own repeats (same shaft, same position) contradict. They stay in the "
            "history; the model gives them no weight."
        ),
        _finding_table(result.imported.gross, result),
        *_inconsistent(inconsistent, result),
        Note(
            "The readings of one cell come from one shaft: they are repeated readings, not repeated runs. Only the "
            f"centre settings were turned {result.honest.centre_runs} times per cell; those shafts differ by "
            f"{number(result.honest.centre_sd, 2)} {unit_text(result.honest.unit)} (standard deviation).",
            title="Readings are not runs.",
        ),
        Text("Noise within a shaft and between shafts, from repeats alone, gross errors set aside:"),
        Wide(_noise_frame(result), names=_NOISE_NAMES),
    ]
    return Section("The history", blocks)


def _inconsistent(found: pd.DataFrame, result: DemoResult) -> list[Block]:
    if not len(found):
        return []
    text = "Values that contradict the other responses of their own reading; a person should look at them:"
    return [Text(text), _finding_table(found, result)]


def _skill(result: DemoResult, pictures: Mapping[str, Figure]) -> Section:
    model = result.model
    card = model.card.to_dict()
    validation = card["validation"]
    frame = skill_frame(model)
    blocks: list[Block] = [
        Text(
            f"Surrogate: {card['surrogate']}. Scores are of runs at settings that the model has not seen "
            f"({validation['folds']} folds by {validation['grouped_by']}); gross errors are set aside. A random split "
            "would put readings of one shaft on both sides and claim far more."
        ),
        Picture(
            pictures["skill"], "RMSE on settings not seen, beside a linear model, the training mean, and noise alone."
        ),
        Wide(frame, names=SKILL_NAMES, strong=[k for k, name in enumerate(frame["response"]) if name]),
        Points([sentence for sentence in card["why"] if not sentence.startswith("Gross error:")]),
        Picture(pictures["parity"], "Left: mean reading per shaft and position against its prediction. Right: errors."),
        Picture(pictures["intervals"], "What intervals promise and what they hold on settings not seen."),
    ]
    return Section("What the model learned", blocks)


def _settings(result: DemoResult, pictures: Mapping[str, Figure]) -> Section:
    process = result.model.process
    objective = process.objectives[0].response
    advised = result.advised
    running = ", ".join(f"{number(v, 3)} {unit_text(process.unit(k))}" for k, v in advised.running.items())
    names = {
        "interval": "Next shaft, 90 %",
        "gain_interval": "Gain, 90 %",
        objective: "Expected",
        "probability_better": "P(better)",
        "probability_feasible": "P(bounds)",
        "change": "Answer",
    }
    best = advised.largest_gain[0]
    surface = "surface_" + "_".join(str(value) for value in best.context.values())
    blocks: list[Block] = [
        Text(
            f"The settings with the lowest expected {name_text(objective).lower()}, averaged over the positions along "
            f"the shaft as observed, within the search ranges and constraints of the process file. Gains are against "
            f"the centre settings ({running}), which were run most. “Stay” is an answer where a change would not pay."
        ),
        Cards([_answer_card(answer, result) for answer in advised.answers]),
        Picture(pictures["settings"], "Recommended settings in their ranges, what is expected of them, and the gain."),
        Wide(answers_frame(advised.answers, objective), names=names),
        Points(why_sentences(result)),
        Picture(
            pictures[surface],
            f"{context_text(dict(best.context))}: the expected response over two parameters and how sure the model is. "
            "The same for the other contexts is beside this report as PNG.",
        ),
    ]
    return Section("Recommended settings", blocks)


def _answer_card(answer: Recommendations, result: DemoResult) -> Card:
    process = result.model.process
    one = answer[0]
    prediction = one.predictions[answer.objective]
    unit = unit_text(process.unit(answer.objective))
    lines = [
        (
            name_text(name),
            f"{value if isinstance(value, str) else number(float(value))} {unit_text(process.unit(name))}",
        )
        for name, value in one.settings.items()
    ]
    half = 1.645 * one.gain_sd
    gain = f"{number(one.gain)} ({number(one.gain - half)} to {number(one.gain + half)}) {unit}"
    lines.append(("Gain", gain))
    return Card(
        name=context_text(dict(one.context)),
        value="Stay" if one.stay else number(prediction.mean),
        unit="" if one.stay else f"{unit} expected",
        about=f"next shaft's mean: {number(prediction.lower)} to {number(prediction.upper)} {unit}; intervals are 90 %",
        lines=lines,
        tone="plain" if one.stay else "good",
    )


def _front(result: DemoResult, pictures: Mapping[str, Figure]) -> Section:
    fronts = result.advised.fronts
    first, second = fronts[0].objectives
    blocks: list[Block] = [
        Text(
            f"Settings none of which is better in both {name_text(first).lower()} and {name_text(second).lower()}: "
            "what a faster cut costs in surface quality. The second is computed exactly from the settings."
        ),
        Picture(pictures["front"], "Predicted fronts per context, with the 90 % interval of the next shaft's mean."),
    ]
    names = {"interval": "Next shaft, 90 %", first: f"Expected {name_text(first).lower()}"}
    tables = [Wide(front_frame(front), caption=context_text(dict(front[0].context)), names=names) for front in fronts]
    blocks.extend(tables)
    return Section(f"{name_text(first)} and {name_text(second).lower()}", blocks)


def _honest(result: DemoResult, pictures: Mapping[str, Figure]) -> Section:
    reach = result.honest.reach()
    verdict = (
        "Set before it was run: choices below those of raw cell means in two of three kinds of world and above in "
        "none, and promised gains that come true. "
    )
    verdict += "In these worlds that was reached." if reach.met else "In these worlds not all of that was reached."
    if result.honest.quick:
        verdict = "Too few worlds for a verdict: the full check gives one."
    blocks: list[Block] = [
        Text(
            "Does choosing by the model beat choosing by the readings themselves? In worlds where the truth is known, "
            "the same choices are made from simulated readings, the model fitted anew each time, and the truth judges."
        ),
        Picture(
            pictures["honest_check"],
            "Left: true expected response of four ways to choose. Right: promised less true gains.",
        ),
        Note(verdict, "good" if reach.met else "warning"),
        Verbatim(result.honest.text()),
    ]
    return Section("The honest check", blocks)


def _provenance(result: DemoResult, now: str) -> Section:
    history = result.imported.history
    card = result.model.card.to_dict()
    steps = ", ".join(f"{name.replace('_', ' ')} {seconds:.1f} s" for name, seconds in result.seconds.items())
    facts = {
        "Data": _SOURCE,
        "Source file": f"{result.imported.report.source}, SHA-256 {result.imported.report.digest}",
        "History": f"{history.path}, content SHA-256 {history.digest}",
        "Data as learned from": card["data"]["digest"],
        "Process": f"{history.process.name}, SHA-256 {history.process.digest}",
        "Model": f"{card['surrogate']}, made {card['created_time']}",
        "Seed": f"{result.seed}",
        "Time taken": steps,
        "Made": f"{now} on {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "Luban": ", ".join(f"{key} {value}" for key, value in luban.build_info().items()),
    }
    return Section("Provenance", [Facts(facts)])
