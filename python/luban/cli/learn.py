"""``luban train`` and ``luban evaluate``: a model, and how far it can be trusted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from luban.cli.app import JsonFlag, SeedOption, verb
from luban.cli.paths import ForceFlag, HistoryPath, ProcessPath, require_free, require_writable

if TYPE_CHECKING:
    from luban import History, Process
    from luban.fitting import Model

__all__ = ["evaluate_model", "train_model"]

_GROUP = "Models and settings"


@verb("train", group=_GROUP, example="luban train configs/process/turning.yaml turning.h5 -o turning.safetensors")
def train_model(
    process: ProcessPath,
    history: HistoryPath,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Model file to write. Default: HISTORY with .safetensors")
    ] = None,
    surrogate: Annotated[str, typer.Option(help="What to learn with; automatic is the default preset.")] = (
        "automatic"
    ),
    folds: Annotated[int, typer.Option(min=2, help="Parts of the cross-validation; groups are never split.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Times the groups are dealt anew.")] = 1,
    seed: SeedOption = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep a model that was made of the same data with the same options.")
    ] = False,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Learn a model from a history, and judge it on groups that it did not see.

    Writes one model file, whose card says what it claims and what the claim rests on. Ctrl-C leaves nothing behind.
    A Gaussian process takes seconds, so an interrupted training begins anew; --resume skips one that is finished.
    """
    from luban import History, Process, console, fit

    definition = Process.from_yaml(process)
    source = History.open(history)
    target = out if out is not None else Path(history.stem + ".safetensors")
    if not target.is_dir():
        require_free(target, force=force or resume, verb="train")
    require_writable(target if target.is_dir() else target.parent, verb="train")
    options = {"folds": folds, "repeats": repeats, "seed": seed}
    if resume and (kept := _finished(target, definition, source, surrogate, options)) is not None:
        _show_model(kept, target, None, as_json)
        return
    started = time.monotonic()
    with console.progress() as progress:
        model = fit(definition, source, surrogate=surrogate, folds=folds, repeats=repeats, seed=seed, progress=progress)
    fit_s = time.monotonic() - started
    _show_model(model, model.save(target), fit_s, as_json)


def _finished(
    path: Path, process: Process, history: History, surrogate: str, options: Mapping[str, int]
) -> Model | None:
    """Return the model that stands at ``path`` when it is what this training would make anew."""
    if not path.is_file():
        return None
    from luban import evaluation, features

    model = _model(path, "train")
    card = model.card.to_dict()
    digest = evaluation.data_digest(features.make_dataset(process.core, history.source))
    same_data = (card["process_digest"], card["data"]["digest"]) == (process.digest, digest)
    found = card["validation"] | {"folds": card["validation"].get("folds_asked", card["validation"]["folds"])}
    same_options = {name: found[name] for name in options} == dict(options)
    same_surrogate = surrogate in ("automatic", card["surrogate"])
    return model if same_data and same_options and same_surrogate else None


def _model(path: Path, verb: str) -> Model:
    from luban import load
    from luban.errors import ConfigurationError
    from luban.fitting import Model

    loaded = load(path)
    if isinstance(loaded, Model):
        return loaded
    raise ConfigurationError(where=f"cli.{verb}", expected="a model file", received="a campaign", place=str(path))


def _show_model(model: Model, path: Path, fit_s: float | None, as_json: bool) -> None:
    """Tell what a model claims; ``fit_s`` is None for one that was kept."""
    from luban import console

    if as_json:
        console.emit_json(
            {
                "model": str(path),
                "kept": fit_s is None,
                "fit_s": None if fit_s is None else round(fit_s, 3),
                "card": model.card.to_dict(),
                "skill": model.skill(),
            }
        )
        return
    console.out(str(model.card))
    if fit_s is None:
        console.out(f"{path} was finished before, of the same data with the same options: kept.")
    else:
        console.out(f"{path} written after {fit_s:.1f} s.")


@verb("evaluate", group=_GROUP, example="luban evaluate turning.safetensors next-month.h5")
def evaluate_model(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model file, or FOLDER@ALIAS of a folder of models.")],
    history: Annotated[Path, typer.Argument(metavar="HISTORY", help="A history that the model did not learn from.")],
    groups: Annotated[bool, typer.Option("--groups", help="Show the scores of every group as well.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Score a model on a history that it did not see, with the trivial baseline beside it.

    Error and coverage of the intervals, per response and per group.
    """
    from luban import History, console, registry

    path = registry.resolve(model)
    learned = _model(path, "evaluate")
    source = History.open(history)
    with console.progress() as progress:
        rows = learned.score(source, per_group=True, progress=progress)
    notes = [*learned.card.skill_warnings, *rows.attrs["notes"]]
    scores = rows[rows["group"] == ""].drop(columns="group")
    by_group = rows[rows["group"] != ""]
    if as_json:
        found = {"model": str(path), "history": str(history), "scores": scores, "groups": by_group, "notes": notes}
        console.emit_json(found | {"overlap": rows.attrs["overlap"], "skill": learned.card.judgements})
        return
    shown = ["response", "unit", "contender", "readings", "rmse", "mae", "r2", "coverage_90", "width_90"]
    console.out(console.frame_table(scores[shown], f"{path} on {history}, all readings"))
    if groups:
        console.out(console.frame_table(by_group[["group", *shown]], "By group", most=1000))
    for note in notes:
        console.out(f"Note: {note}")
