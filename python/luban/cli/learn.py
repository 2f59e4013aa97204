"""``luban train`` and ``luban evaluate``: a model, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luban.cli.app import JsonFlag, verb
from luban.cli.paths import ForceFlag
from luban.cli.training import Outcome, Task, run_training

if TYPE_CHECKING:
    from luban.fitting import Model

__all__ = ["evaluate_model", "train_model"]

_GROUP = "Models and settings"


@verb("train", group=_GROUP, example="luban train configs/process/turning.yaml turning.h5 -o turning.safetensors")
def train_model(
    process: Annotated[
        Path, typer.Argument(metavar="PROCESS|TRAINING", help="Process file, or a training file on its own (YAML).")
    ],
    history: Annotated[
        Path | None, typer.Argument(metavar="[HISTORY]", help="History file (HDF5); a training file names its own.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Model file to write. Default: HISTORY or TRAINING with .safetensors"),
    ] = None,
    surrogate: Annotated[
        str | None,
        typer.Option(
            help="What to learn with: automatic, gaussian_process, local_gaussian_process, neural_ensemble or a "
            "preset. Default: automatic",
        ),
    ] = None,
    transform: Annotated[
        str | None,
        typer.Option(
            help="What a Gaussian process learns of every response: none, auto, log, yeo_johnson, ... A training file "
            "names it by response. Default: none",
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Parts of the cross-validation; groups are never split. Default: 5"),
    ] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Times the groups are dealt anew. Default: 1")] = (None),
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Seed of everything random. Default: 0")
    ] = None,
    jobs: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep status and checkpoint of the training there. A training file does so without being told: in "
            "LUBAN_JOBS, else var/jobs.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep a model that was made of the same data with the same options.")
    ] = False,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> int | None:
    """Learn a model from a history, and judge it on groups that it did not see.

    Writes one model file, whose card says what it claims and what the claim rests on. PROCESS and HISTORY alone leave
    nothing else behind. A training file is a job: USR1, TERM or Ctrl-C keep what was trained (exit code 75, or 130),
    and the same command goes on to the same model, also on another number of ranks (mpirun -n N luban train ...).
    """
    from luban import console

    options = {"surrogate": surrogate, "transform": transform, "folds": folds, "repeats": repeats, "seed": seed}
    task = _task(process, history, out, jobs, {name: value for name, value in options.items() if value is not None})
    if history is not None and resume and (kept := _finished(task)) is not None:
        _show_model(kept, task.target, None, as_json)
        return None
    with console.progress() as progress:
        outcome = run_training(replace(task, force=force or (resume and history is not None)), progress)
    return _told(outcome, as_json)


def _task(process: Path, history: Path | None, out: Path | None, jobs: Path | None, given: dict[str, Any]) -> Task:
    """Return the training that a command line means. Raises: ConfigurationError, IoError."""
    from luban import registry
    from luban._fitting.training_file import is_training_file, of_options, read_training_file
    from luban.errors import ConfigurationError

    if history is not None:
        target = out if out is not None else Path(history.stem + ".safetensors")
        return Task(of_options(process, history, **given), target, jobs)
    if not is_training_file(process):
        raise ConfigurationError(
            where="cli.train",
            expected="a history beside the process file, or a training file",
            received=f"{str(process)!r} alone",
            hint="luban train PROCESS HISTORY, or luban train TRAINING",
        )
    if given:
        raise ConfigurationError(
            where="cli.train",
            expected="a training file that says everything",
            received=f"--{next(iter(given))} beside it",
            hint="write it into the file",
        )
    target = out if out is not None else Path(process.stem + ".safetensors")
    return Task(read_training_file(process), target, registry.jobs_folder(jobs))


def _told(outcome: Outcome, as_json: bool) -> int | None:
    """Tell what became of a training; returns the exit code."""
    from luban import console

    if outcome.checkpointed:
        if outcome.first and as_json:
            console.emit_json({"job": outcome.job_id, "state": "checkpointed", "why": outcome.checkpointed})
        elif outcome.first:
            console.say(f"Job {outcome.job_id}: {outcome.checkpointed}. The same command goes on from here.", "yellow")
        return console.ExitCode.RUN_AGAIN
    if outcome.first and outcome.model is not None and outcome.path is not None:
        _show_model(outcome.model, outcome.path, outcome.fit_s, as_json, outcome.job_id)
    return None


def _finished(task: Task) -> Model | None:
    """Return the model that stands at the target when it is what this training would make anew."""
    if not task.target.is_file():
        return None
    from luban import History, Process, evaluation, features

    process, history = Process.from_yaml(task.file.process), History.open(task.file.history)
    model = _model(task.target, "train")
    card = model.card.to_dict()
    digest = evaluation.data_digest(features.make_dataset(process.core, history.source))
    same_data = (card["process_digest"], card["data"]["digest"]) == (process.digest, digest)
    found = card["validation"] | {"folds": card["validation"].get("folds_asked", card["validation"]["folds"])}
    options = {"folds": task.file.validation.folds, "repeats": task.file.validation.repeats, "seed": task.file.seed}
    same_options = {name: found[name] for name in options} == options
    asked = (card.get("choice") or {}).get("asked", card["surrogate"])
    same_surrogate = task.file.asked() in ("automatic", asked, card["surrogate"])
    transforms = set((card.get("choice") or {}).get("transforms", {}).values()) or {"none"}
    same_surrogate = same_surrogate and list(transforms) == [task.file.surrogate.transforms]
    return model if same_data and same_options and same_surrogate else None


def _model(path: Path, verb: str) -> Model:
    from luban import load
    from luban.errors import ConfigurationError
    from luban.fitting import Model

    loaded = load(path)
    if isinstance(loaded, Model):
        return loaded
    raise ConfigurationError(where=f"cli.{verb}", expected="a model file", received="a campaign", place=str(path))


def _show_model(model: Model, path: Path, fit_s: float | None, as_json: bool, job_id: str = "") -> None:
    """Tell what a model claims; ``fit_s`` is None for one that was kept."""
    from luban import console

    if as_json:
        job = {"job": job_id} if job_id else {}
        console.emit_json(
            job
            | {
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
