"""``luban import`` and ``luban export``: files into a history, and back out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from luban.cli.app import JsonFlag, verb
from luban.cli.paths import (
    CompressionChoice,
    CompressionOption,
    ForceFlag,
    HistoryPath,
    ProcessPath,
    require_file,
    require_free,
)
from luban.cli.sources import (
    DecimalOption,
    DelimiterOption,
    DimensionOption,
    EncodingOption,
    MappingOption,
    QueryOption,
    SheetOption,
    SourceArgument,
    TableOption,
    default_stem,
    is_database,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from luban.ingest import ImportReport
    from luban.process import Process

__all__ = ["export_history", "import_file"]


class OnBadChoice(StrEnum):
    """What becomes of bad values and rows."""

    quarantine = "quarantine"
    reject = "reject"


@verb("import", group="Data", example="luban import configs/process/turning.yaml turning.csv -o turning.h5")
def import_file(
    process: ProcessPath,
    source: SourceArgument,
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            metavar="HISTORY",
            help="To make or to add to; NAME/ is a folder of segments. Default: SOURCE with .h5",
        ),
    ] = None,
    on_bad: Annotated[
        OnBadChoice, typer.Option(help="Put bad values and rows aside, with the reason, or refuse the whole source.")
    ] = OnBadChoice.quarantine,
    delimiter: DelimiterOption = None,
    decimal: DecimalOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    table: TableOption = None,
    query: QueryOption = None,
    dimension: DimensionOption = None,
    mapping: MappingOption = None,
    trace: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Samples of a channel: one run a line; run_id,time,value; or NetCDF."),
    ] = None,
    genealogy: Annotated[
        Path | None, typer.Option(help="Table of lots: child_lot, parent_lot, quantity, unit, time.")
    ] = None,
    recipes: Annotated[
        Path | None, typer.Option(help="Table of what recipes ask for: recipe, parameter, value, unit.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read the source once more though it was imported: with other options, say.")
    ] = False,
    compression: CompressionOption = CompressionChoice.deflate,
    as_json: JsonFlag = False,
) -> int:
    """Import a file, a folder of Parquet files or a database into a history.

    CSV, Parquet, Excel (.xlsx), NetCDF (.nc), foreign HDF5 with --mapping, the URL of a database with --table or
    --query. The journal of a loop (.sqlite) may be given too: its runs that are not yet in the history are folded in.
    Nothing is dropped in silence: what is refused goes to the quarantine, and is counted here with the reason. The
    same source again changes nothing but traces, lots and recipes that are new, unless --again reads it once more; a
    later one adds runs or corrects values. A source that names runs and brings results, but no parameter, adds late
    values to runs that the history has. Exit code 1 when every row was refused.
    """
    from luban import console, ingest
    from luban.process import Process

    definition = Process.from_yaml(process)
    if not is_database(source):
        require_file(Path(source), what="a file, a folder or the URL of a database", verb="import")
    target = out if out is not None else default_stem(source) + ".h5"
    if Path(source).suffix.lower() in (".sqlite", ".db") and not is_database(source):
        _fold(definition, Path(source), target, as_json)
        return console.ExitCode.DONE
    options = ingest.SourceOptions(
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        sheet=sheet,
        table=table,
        query=query,
        dimension=dimension,
        mapping=mapping,
    )
    with console.progress() as progress:
        report = ingest.import_data(
            definition,
            source,
            target,
            options=options,
            on_bad=on_bad.value,
            traces=console.key_values(trace or [], "--trace"),
            genealogy=genealogy,
            recipes=recipes,
            again=again,
            compression=compression.value,
            progress=progress,
        )
    if as_json:
        console.emit_json(report.to_dict() | {"unused_keys": definition.unused_keys})
    else:
        _show(report, target, definition.unused_keys)
    return console.ExitCode.FAILED if report.rows and not report.readings else console.ExitCode.DONE


def _show(report: ImportReport, target: str, unused_keys: Sequence[str]) -> None:
    from luban import console

    console.out("\n".join(report.lines()))
    if report.quarantined:
        console.out(f"luban quarantine {target} lists all of it.")
    if unused_keys:
        console.out(f"Of the process file, kept but not used yet: {', '.join(unused_keys)}.")
    console.out(f"{target}: luban inspect {target} shows what is in it.")


def _fold(definition: Process, journal: Path, target: str, as_json: bool) -> None:
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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Name that ends in .csv, .parquet or .nc.")],
    columns: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="What goes out, in this order. Default: everything")
    ] = None,
    pseudonymise: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of names that go out as keyed hashes; may be given again."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(help="Key of the hashes, for the same ones again; made when missing. Default: none is kept"),
    ] = None,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write all readings of a history as CSV, Parquet or NetCDF.

    The headers of a CSV file carry the units: importing it with the same process file gives the same history.
    --pseudonymise hides names, also in run ids and groups that are made of them; not what values, times and orders
    tell of a name.
    """
    from luban import History, console, ingest

    source = History.open(history)
    require_free(file, force=force, verb="export")
    chosen = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
    rows = ingest.export(source, file, columns=chosen, pseudonymise=pseudonymise or (), key_file=key_file)
    if as_json:
        console.emit_json({"history": str(history), "path": str(file), "rows": rows})
        return
    console.out(f"{file}: {rows:,} readings.")
