"""``luban import`` and ``luban export``: files into a history, and back out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from luban.cli.app import JsonFlag, verb
from luban.cli.paths import ForceFlag, HistoryPath, ProcessPath, require_file, require_free

if TYPE_CHECKING:
    from luban.process import Process

__all__ = ["export_history", "import_file"]


class OnBadChoice(StrEnum):
    """What becomes of bad values and rows."""

    quarantine = "quarantine"
    reject = "reject"


@verb("import", group="Data", example="luban import configs/process/turning.yaml turning.csv -o turning.h5")
def import_file(
    process: ProcessPath,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or Parquet file, one row is one reading; or a journal.")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="History to make or to add to. Default: FILE with .h5")
    ] = None,
    on_bad: Annotated[
        OnBadChoice, typer.Option(help="Put bad values and rows aside, with the reason, or refuse the whole file.")
    ] = OnBadChoice.quarantine,
    delimiter: Annotated[str | None, typer.Option(help="Between the columns of a CSV file. Default: found out")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign, . or a comma. Default: found out")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the text. Default: found out")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Import a file into a history.

    The journal of a loop (.sqlite) may be given too: its runs that are not yet in the history are folded into it.
    Nothing is dropped in silence: what is refused goes to the quarantine, and is counted here with the reason. The
    same file again changes nothing; a later file adds runs or corrects values.
    """
    from luban import console, ingest
    from luban.process import Process

    definition = Process.from_yaml(process)
    require_file(file, what="a CSV or Parquet file", verb="import")
    target = out if out is not None else Path(file.stem + ".h5")
    if file.suffix.lower() in (".sqlite", ".db"):
        _fold(definition, file, target, as_json)
        return
    with console.progress() as progress:
        if file.suffix.lower() == ".parquet":
            report = ingest.import_parquet(definition, file, target, on_bad=on_bad.value, progress=progress)
        else:
            report = ingest.import_csv(
                definition,
                file,
                target,
                on_bad=on_bad.value,
                delimiter=delimiter,
                decimal=decimal,
                encoding=encoding,
                progress=progress,
            )
    if as_json:
        console.emit_json(report.to_dict() | {"unused_keys": definition.unused_keys})
        return
    console.out("\n".join(report.lines()))
    if definition.unused_keys:
        console.out(f"Of the process file, kept but not used yet: {', '.join(definition.unused_keys)}.")
    console.out(f"{target}: luban inspect {target} shows what is in it.")


def _fold(definition: Process, journal: Path, target: Path, as_json: bool) -> None:
    from luban import console
    from luban.journal import fold

    with console.progress() as progress:
        done = fold(journal, target, definition, progress=progress)
    if as_json:
        console.emit_json(done.to_dict())
        return
    console.out("\n".join(done.lines()))


@verb("export", group="Data", example="luban export turning.h5 turning.csv")
def export_history(
    history: HistoryPath,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Name that ends in .csv or .parquet.")],
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write all readings of a history as CSV or Parquet.

    The headers of a CSV file carry the units: importing it with the same process file gives the same history.
    """
    from luban import History, console, ingest

    source = History.open(history)
    require_free(file, force=force, verb="export")
    rows = ingest.export(source, file)
    if as_json:
        console.emit_json({"history": str(history), "path": str(file), "rows": rows})
        return
    console.out(f"{file}: {rows:,} readings.")
