"""``luban verify`` and ``luban compact``: whether a history is whole, and fewer files for the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from luban._words import counted
from luban.cli.app import JsonFlag, verb
from luban.cli.paths import CompressionChoice, CompressionOption, HistoryPath

__all__ = ["compact_history", "verify_history"]

HeadOption = Annotated[
    Path | None,
    typer.Option(help="File of heads, which proves the end of a folder's chain. Default: NAME.head beside the folder"),
]


@verb("verify", group="Data", example="luban verify turning.h5 && echo whole")
def verify_history(history: HistoryPath, head: HeadOption = None, as_json: JsonFlag = False) -> int:
    """Read every byte of a history: structure, checksums, digests and the chain of its imports and segments.

    Of a folder the first bad segment, segments in each other's place, a removed tail and an end that was written anew
    are named. Exit code 3, and a list, when something is wrong. An import that was interrupted is noted.
    """
    from luban import History, console
    from luban.history import verify

    with console.progress() as progress:
        report = verify(history, head=head, progress=progress)
    code = console.ExitCode.DONE if report.ok else console.ExitCode.NOT_VERIFIED
    notes = [*report.notes, *(f"Note: {text}." for text in (History.open(history).notes if report.ok else []))]
    if as_json:
        console.emit_json(
            {
                "path": report.path,
                "ok": report.ok,
                "damages": [{"object": where, "what": what} for where, what in report.damages],
                "notes": notes,
                "runs": report.runs,
                "readings": report.readings,
                "events": report.events,
                "datasets": report.datasets,
                "segments": report.segments,
                "content_digest": report.content_digest,
            }
        )
        return code
    if report.ok:
        segments = f"{counted(report.segments, 'segment')}, " if report.segments else ""
        console.out(
            f"{report.path}: whole. {segments}{counted(report.runs, 'run')}, {counted(report.readings, 'reading')}, "
            f"{counted(report.events, 'value')} in {report.datasets:,} columns; digest {report.content_digest}."
        )
    else:
        console.out(f"{report.path}: did not verify, {len(report.damages)} faults:")
        for where, what in report.damages:
            console.out(f"  {where or 'the file'}: {what}")
        console.say("Take it from a backup, or import its sources again.", "yellow")
    for note in notes:
        console.out(note)
    return code


@verb("compact", group="Data", example="luban compact line-1")
def compact_history(
    history: HistoryPath,
    most_readings: Annotated[
        int | None, typer.Option(min=1, help="Readings that one segment may hold. Default: 2 million")
    ] = None,
    compression: CompressionOption = CompressionChoice.deflate,
    head: HeadOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Merge neighbouring segments of a folder, so that it opens and reads faster.

    Who reads the folder meanwhile goes on reading what was there; nothing that was known at some time is lost. Stopped
    with Ctrl-C, what was merged stays merged: run it again to go on.
    """
    from luban import console
    from luban.history import compact

    with console.progress() as progress:
        report = compact(
            history, most_readings=most_readings, head=head, compression=compression.value, progress=progress
        )
    if as_json:
        names = ("segments_before", "segments_after", "bytes_before", "bytes_after", "files_left")
        values = {name: getattr(report, name) for name in names}
        console.emit_json({"path": str(history), **values, "digest": report.content_digest})
        return
    saved = f"{report.bytes_before / 1e6:,.1f} to {report.bytes_after / 1e6:,.1f} MB"
    console.out(f"{history}: {report.segments_before:,} to {counted(report.segments_after, 'segment')}, {saved}.")
    if report.files_left:
        console.out(
            f"{counted(report.files_left, 'replaced file')} stay until nobody reads the folder; the next import or "
            "compact removes them."
        )
