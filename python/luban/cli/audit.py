"""``luban audit``: what a loop decided, whether the record of it is whole, and a copy for others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luban.cli.app import JsonFlag, family, verb
from luban.cli.paths import ForceFlag, require_file, require_free

if TYPE_CHECKING:
    from luban.journal import Record

__all__ = ["export_journal", "show_journal", "verify_journal"]

_GROUP = "Closed loop"
_LONGEST = 110

family("audit", group=_GROUP, says="The journal of a loop: show, verify, export.")

JournalPath = Annotated[Path, typer.Argument(metavar="JOURNAL", help="Journal file (SQLite) of a loop.")]
CycleOption = Annotated[int | None, typer.Option("--cycle", min=0, help="Records of this cycle alone.")]
KindOption = Annotated[
    list[str] | None, typer.Option("--kind", help="Records of this kind alone (may be given again).")
]
RunOption = Annotated[str | None, typer.Option("--run", help="Records of this run alone.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="Not before this time (2026-11-25T08:00:00Z), or after record N.")
]


class ExportFormat(StrEnum):
    """Endings of an export."""

    jsonl = ".jsonl"
    csv = ".csv"


def _chosen(
    journal: Path, cycle: int | None, kinds: list[str] | None, run: str | None, since: str | None, last: int | None
) -> Iterator[Record]:
    from luban import _core
    from luban.journal import Journal

    number = int(since) if since is not None and since.isdecimal() else 0
    time = _core.parse_time(since) if since is not None and not since.isdecimal() else None
    source = Journal.open(journal, read_only=True)
    return source.records(
        kinds=tuple(kinds) if kinds else None, cycle=cycle, run_id=run, since=number, since_time=time, last=last
    )


@verb("audit show", group=_GROUP, example="luban audit show var/turning.sqlite --kind decision --kind outcome")
def show_journal(
    journal: JournalPath,
    cycle: CycleOption = None,
    kind: KindOption = None,
    run: RunOption = None,
    since: SinceOption = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="So many records, the newest.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Show the last records of a journal, of a loop that runs as well.

    Each record is checked against its hash as it is read; `luban audit verify` checks the whole.
    """
    from luban import console

    require_file(journal, what="a journal", verb="audit show")
    records = list(_chosen(journal, cycle, kind, run, since, last))
    if as_json:
        console.emit_json({"journal": str(journal), "records": [record.to_dict() for record in records]})
        return
    if not records:
        console.out(f"{journal}: no such records.")
        return
    console.out(_table(journal, records))


def _table(journal: Path, records: list[Record]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from luban import _core

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=str(journal), title_justify="left")
    for name in ("record", "cycle"):
        table.add_column(name, justify="right")
    for name in ("time (UTC)", "kind", "run", "what", "hash"):
        table.add_column(name, overflow="fold" if name == "what" else "ellipsis", no_wrap=name != "what")
    for record in records:
        cells = (
            f"{record.sequence:,}",
            "" if record.cycle is None else f"{record.cycle:,}",
            _core.time_text(record.utc_ns),
            record.kind,
            record.run_id or "",
            told(record.kind, record.to_dict()["payload"]),
            record.hash[:12],
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


def told(kind: str, payload: dict[str, Any]) -> str:
    """Return a record in one line: of a decision and its outcome the mode and what was set, from what to what."""
    if kind == "decision" and "mode" in payload:
        before, values = payload.get("before") or {}, payload.get("values") or {}
        moves = [f"{name} {_short(before.get(name))} → {_short(value)}" for name, value in values.items()]
        why_not = ", ".join(payload.get("why_not") or [])
        return f"{payload['mode']}: " + (f"{', '.join(moves)} ({payload['command']})" if moves else f"none, {why_not}")
    if kind == "outcome" and "variables" in payload:
        read = [f"{name} {_short(one.get('read_back'))}" for name, one in payload["variables"].items()]
        return f"{payload['outcome']}: {', '.join(read)} ({payload['command']})"
    return summary(payload)


def _short(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def summary(payload: dict[str, Any]) -> str:
    """Return the beginning of a payload on one line."""
    parts = []
    for name, value in payload.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
        if shown not in ("", "{}", "[]", "null"):
            parts.append(f"{name}: {shown}")
    text = " ".join("; ".join(parts).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@verb("audit verify", group=_GROUP, example="luban audit verify var/turning.sqlite --public-key journal.pub")
def verify_journal(
    journal: JournalPath,
    anchor: Annotated[
        Path | None, typer.Option("--anchor", help="File of the checkpoints. Default: where the journal says")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="PEM file that the checkpoints must be signed for.")
    ] = None,
    without_anchor: Annotated[
        bool, typer.Option("--without-anchor", help="Check the chain alone: a removed tail cannot be noticed.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Check every record of a journal: pages, hashes, order, links, and the checkpoints outside it.

    Exit code 3, and a list, when something is wrong. The verifier shares no code with what writes the journal.
    """
    from luban import console
    from luban.journal import verify

    checkpoints = anchor if anchor is not None else _stated_anchor(journal)
    report = verify(journal, checkpoints, public_key=public_key, require_anchor=not without_anchor)
    if as_json:
        console.emit_json(report.to_dict())
    else:
        console.out("\n".join(report.lines()))
    return console.ExitCode.DONE if report.ok else console.ExitCode.NOT_VERIFIED


def _stated_anchor(journal: Path) -> Path | None:
    """Return where the journal says that its checkpoints are; None when it cannot be asked."""
    from luban.errors import Error
    from luban.journal import Journal

    try:
        return Journal.open(journal, read_only=True).anchor_path
    except Error:  # what is wrong with it the verifier tells
        return None


@verb("audit export", group=_GROUP, example="luban audit export var/turning.sqlite november.jsonl --since 1200")
def export_journal(
    journal: JournalPath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Name that ends in .jsonl (JSON lines) or .csv.")],
    cycle: CycleOption = None,
    kind: KindOption = None,
    run: RunOption = None,
    since: SinceOption = None,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write records with all their fields as JSON lines or CSV.

    The payload stands as it was hashed: JSON, NaN and infinities spelled {"$number": "NaN"}.
    """
    from luban import console
    from luban.errors import ConfigurationError

    if file.suffix.lower() not in tuple(ExportFormat):
        raise ConfigurationError(
            where="cli.audit export", expected="a name that ends in .jsonl or .csv", received=repr(file.name)
        )
    require_file(journal, what="a journal", verb="audit export")
    require_free(file, force=force, verb="audit export")
    writer = _write_lines if file.suffix.lower() == ExportFormat.jsonl else _write_csv
    count = _written(file, writer, _chosen(journal, cycle, kind, run, since, None))
    if as_json:
        console.emit_json({"journal": str(journal), "path": str(file), "records": count})
        return
    console.out(f"{file}: {count:,} records.")


def _written(file: Path, write: Callable[[Any, Iterator[Record]], int], records: Iterator[Record]) -> int:
    """Write under a temporary name and rename. Raises: IoError."""
    from luban.errors import IoError

    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            count = write(stream, records)
        partial.replace(file)
    except OSError as error:
        received = str(error.strerror or error)
        raise IoError(
            where="cli.audit export", expected="to write the file", received=received, place=str(file)
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return count


def _write_lines(stream: Any, records: Iterator[Record]) -> int:
    count = 0
    for record in records:
        stream.write(json.dumps(record.to_dict(), ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_csv(stream: Any, records: Iterator[Record]) -> int:
    import csv

    from luban import _core

    names = ("sequence", "kind", "cycle", "run_id", "utc_ns", "monotonic_ns", "boot_id", "previous", "hash")
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["time", *names, "payload"])
    count = 0
    for record in records:
        fields = [getattr(record, name) for name in names]
        rows.writerow([_core.time_text(record.utc_ns), *fields, record.text])
        count += 1
    return count
