"""``luban jobs``: trainings that run, and how the others ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from luban.cli.app import JsonFlag, family, verb

__all__ = ["list_jobs", "show_job"]

_GROUP = "Models and settings"

family("jobs", group=_GROUP, says="Trainings that run, and how the others ended: list, show.", alone="list")

JobsOption = Annotated[
    Path | None, typer.Option("--jobs", metavar="FOLDER", help="Folder of jobs. Default: LUBAN_JOBS, else var/jobs")
]


@verb("jobs list", group=_GROUP, example="luban jobs list --jobs var/jobs")
def list_jobs(jobs: JobsOption = None, as_json: JsonFlag = False) -> None:
    """List jobs, the one that spoke last first: running, checkpointed, done, failed, lost, damaged.

    Lost: it says that it runs, and its process on this machine is gone. Checkpointed and lost ones go on when the same
    command is given again. `luban jobs` alone means this.
    """
    from luban import console, registry

    folder = registry.jobs_folder(jobs)
    rows: list[Any] = []
    if jobs is not None or folder.exists():
        rows = registry.jobs(folder).to_dict(orient="records")
    if as_json:
        console.emit_json({"folder": str(folder), "jobs": [_known(row) for row in rows]})
        return
    if not rows:
        console.out(f"No jobs in {folder}. luban train makes one; --jobs names another folder.")
        return
    console.out(_table(rows))


@verb("jobs show", group=_GROUP, example="luban jobs show 3f9a0c52 --json")
def show_job(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the job, as luban jobs shows it.")],
    jobs: JobsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show all that is known of a job: what it works on, how far it is, where it runs, why it ended."""
    from luban import console, registry

    folder = registry.jobs_folder(jobs)
    status = registry.job_status(folder, job_id)
    if as_json:
        console.emit_json(status | {"folder": str(folder / job_id)})
        return
    place = f"process {status['pid']} on {status['host']}"
    said = {
        "job": f"{status['id']} ({status['kind']})",
        "state": status["state"],
        "why": status["why"],
        "progress": progress_text(status),
        "time": f"{duration(status['worked_s'])} of work, begun {_moment(status['started_time'])}, "
        f"last word {_moment(status['updated_time'])}",
        "starts": f"{status['starts']:,}",
        "ranks": f"{status['ranks']:,}",
        "where": place + (f", Slurm job {status['slurm_job']}" if status["slurm_job"] else ""),
        "output": status["output"] or "",
        "folder": str(folder / job_id),
        **{f"  {name}": str(value) for name, value in status["what"].items()},
    }
    width = max(len(name) for name in said)
    for name, text in said.items():
        if text:
            console.out(f"{name:<{width}}  {text}")


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for JSON: what is not known is null."""
    import pandas as pd

    return {name: None if value is pd.NA else value for name, value in row.items()}


def _table(rows: list[dict[str, Any]]) -> Any:
    import pandas as pd
    from rich import box
    from rich.table import Table
    from rich.text import Text

    colours = {"running": "green", "failed": "red", "lost": "yellow", "damaged": "red"}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("job", "kind", "state", "progress", "work", "ranks", "starts", "last word (UTC)", "where", "why"):
        table.add_column(name, justify="right" if name in ("work", "ranks", "starts") else "left", overflow="fold")
    for row in rows:
        if row["state"] == "damaged":
            table.add_row(Text(row["id"]), "", Text("damaged", style=colours["damaged"]), *[""] * 6, Text(row["why"]))
            continue
        where = row["host"] + (f", Slurm {row['slurm_job']}" if row["slurm_job"] else "")
        table.add_row(
            Text(row["id"]),
            Text(row["kind"]),
            Text(row["state"], style=colours.get(row["state"], "")),
            Text(progress_text(row)),
            duration(row["worked_s"]),
            *("" if row[name] is pd.NA else f"{row[name]:,}" for name in ("ranks", "starts")),
            Text(_moment(row["updated_time"])),
            Text(where),
            Text(row["why"] or row["output"]),
        )
    return table


def progress_text(status: Mapping[str, Any]) -> str:
    """Return "folds 3 of 5 (60 %)"; without a total what is done, or the phase alone."""
    phase, done, total = status["phase"], int(status["done"]), int(status["total"])
    if total:
        return f"{phase} {done:,} of {total:,} ({100 * min(done, total) // total} %)".lstrip()
    return f"{phase} {done:,}".lstrip() if done else str(phase)


def duration(seconds: float) -> str:
    """Return a time for people: "8 s", "12 min 5 s", "3 h 20 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _moment(time: str) -> str:
    return f"{time[:19]}Z" if len(time) > 19 else time
