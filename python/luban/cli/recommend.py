"""``luban recommend``: settings for a context, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luban.cli.app import JsonFlag, SeedOption, verb
from luban.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from luban.campaign import Campaign, ParetoFront, Recommendation, Recommendations
    from luban.process import Process

__all__ = ["recommend_settings"]

_EXAMPLE = "luban recommend turning.safetensors --context diameter=D30 --context tool_wear=Worn --kind best_mean"


class KindChoice(StrEnum):
    """What a recommendation is for."""

    explore = "explore"
    best_mean = "best_mean"


@verb("recommend", group="Models and settings", example=_EXAMPLE)
def recommend_settings(
    source: Annotated[
        Path,
        typer.Argument(metavar="MODEL|CAMPAIGN", help="Model file, FOLDER@ALIAS of a folder of models, or a campaign."),
    ],
    context: Annotated[
        list[str] | None, typer.Option("--context", metavar="NAME=VALUE", help="Circumstances of the next run; repeat.")
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", min=1, max=200, help="How many. Default: 1, or 16 along a front")
    ] = None,
    kind: Annotated[
        KindChoice, typer.Option(help="explore improves and learns; best_mean is what is believed best now.")
    ] = KindChoice.explore,
    pareto: Annotated[bool, typer.Option("--pareto", help="The front of the first two objectives instead.")] = False,
    running: Annotated[
        list[str] | None, typer.Option("--running", metavar="NAME=VALUE", help="Setting of the machine now; repeat.")
    ] = None,
    largest_move: Annotated[
        list[str] | None,
        typer.Option(
            "--largest-move",
            metavar="NAME=SIZE",
            help="How far, in the parameter's unit, an answer may be from --running; repeat.",
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            help="Beside a model: a history that must be of the same process. A model keeps the runs it learned from, "
            "so answers and the nearest real runs are the same without it.",
        ),
    ] = None,
    novelty: Annotated[
        str | None,
        typer.Option(
            "--novelty",
            metavar="SHARE|any",
            help="How far from all runs best_mean and the front may go: the share of left-out groups that lay nearer "
            "to the others, 0.5 to 0.999 (default 0.99), or any.",
        ),
    ] = None,
    seed: SeedOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Recommend settings for a context: predictions with intervals, why, what limits, the nearest real runs.

    What must be known first stands first: a model without skill, settings or a context outside what the runs covered,
    runs that contradict the model. "Stay" is an answer, when no change from the running settings is convincing. Exit
    code 4 when the constraints contradict each other, with which ones.
    """
    from luban import console
    from luban.campaign import ParetoFront

    campaign = _campaign(source, history, seed)
    where = _values(campaign.process, "--context", context or (), "context")
    now = _values(campaign.process, "--running", running or (), "parameters") or None
    moves = _values(campaign.process, "--largest-move", largest_move or (), "parameters") or None
    with console.progress() as progress:
        answer: Recommendations
        if pareto:
            answer = campaign.pareto(
                context=where,
                points=n or 16,
                running=now,
                largest_moves=moves,
                novelty=_novelty(novelty),
                progress=progress,
            )
        else:
            answer = campaign.recommend(
                n or 1,
                context=where,
                kind=kind.value,
                running=now,
                largest_moves=moves,
                novelty=_novelty(novelty),
                progress=progress,
            )
    if as_json:
        console.emit_json(answer.to_dict())
        return
    if isinstance(answer, ParetoFront):
        for warning in answer.warnings:
            console.out(warning)
        console.out(console.frame_table(_front(answer), f"Front of {' and '.join(answer.objectives)}", most=200))
        return
    for number, item in enumerate(answer, start=1):
        _show(number, item)


def _campaign(source: Path, history: Path | None, seed: int) -> Campaign:
    import luban

    loaded: Any = luban.load(source)
    if isinstance(loaded, luban.Campaign):
        if history is not None:
            raise ConfigurationError(
                where="cli.recommend",
                expected="--history beside a model file",
                received="a campaign, which has its own history",
                place=str(source),
            )
        return loaded
    runs = None if history is None else luban.History.open(history)
    return luban.Campaign(loaded.process, history=runs, seed=seed, model=loaded)


def _values(process: Process, option: str, texts: Sequence[str], section: str) -> dict[str, Any]:
    """``NAME=VALUE`` texts as values: numbers where the process has a number."""
    from luban import console

    variables = {variable.name: variable for variable in getattr(process, section)}
    values: dict[str, Any] = dict(console.key_values(texts, option))
    for name, text in values.items():
        if name in variables and not variables[name].categories:
            try:
                values[name] = float(text)
            except ValueError:
                raise ConfigurationError(
                    where="cli.recommend", expected=f"a number for {name}", received=repr(text), place=option
                ) from None
    return values


def _novelty(text: str | None) -> Any:
    """Return a share as a number; what is none is judged by the campaign."""
    if text is None or text == "any":
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _front(answer: ParetoFront) -> pd.DataFrame:
    """Return settings, both objectives, the odds of the bounds and novelty: what fits on a screen."""
    from luban.console import number

    table = answer.table()
    shown = table[[*answer[0].settings]].copy()
    for name in answer.objectives:
        shown[name] = table[name]
        if f"{name}_low" in table:
            ends = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
            shown[f"90 % of {name}"] = [f"{number(low, 3)}…{number(high, 3)}" for low, high in ends]
    shown["bounds kept"] = [_share(share) for share in table["probability_feasible"]]
    shown["novelty"] = table["coverage"]
    shown.attrs["units"] = table.attrs["units"]
    return shown


def _show(number: int, item: Recommendation) -> None:
    from luban import console

    context = ", ".join(f"{name} {_plain(value)}" for name, value in item.context.items())
    console.out(f"{number}. {item.title}{' for ' + context if context else ''}")
    for warning in item.warnings:
        console.out(f"   {warning}")
    console.out(_table(item))
    for reason in item.why[len(item.warnings) :]:
        console.out(f"   {reason}")
    console.out("")


def _share(value: float) -> str:
    """Return a probability for people; what is not certain is never 100 %."""
    if not 0.0 <= value <= 1.0:
        return "not judged"
    return "over 99 %" if value > 0.99 else f"{100.0 * value:.0f} %"


def _plain(value: float | str) -> str:
    """Return whole numbers without a point, other values as tables show them."""
    from luban.console import number

    return f"{value:.0f}" if isinstance(value, float) and value == round(value) else number(value)


def _table(item: Recommendation) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from luban.console import number

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "unit", "value", "90 % interval"):
        table.add_column(heading, justify="right" if heading in ("value", "90 % interval") else "left")
    for name, value in item.settings.items():
        table.add_row(Text(name, style="bold"), Text(item.units.get(name, "")), Text(_plain(value)), "")
    table.add_section()
    for name, prediction in item.predictions.items():
        interval = ""
        if prediction.lower < prediction.upper:
            interval = f"{number(prediction.lower)} … {number(prediction.upper)}"
        table.add_row(Text(name), Text(prediction.unit), Text(number(prediction.mean)), Text(interval))
    return table
