"""``luban doctor``: what works on this machine, what does not, and the remedy."""

from __future__ import annotations

from luban.cli.app import JsonFlag, verb

__all__ = ["examine"]

_COLOURS = {"works": "green", "absent": "dim", "caution": "yellow", "broken": "bold red"}


@verb("doctor", group="Help", example="luban doctor")
def examine(as_json: JsonFlag = False) -> int:
    """Show versions, CPU budget, torch, TBB, HDF5, MPI, GPUs and Slurm: what works, what does not, the remedy.

    Exit code 1 when the package itself is broken; what is merely absent is not a fault.
    """
    from luban import console
    from luban.cli.checks import all_checks

    checks = all_checks()
    broken = [check.name for check in checks if check.state == "broken"]
    code = console.ExitCode.FAILED if broken else console.ExitCode.DONE
    if as_json:
        console.emit_json({"ok": not broken, "checks": [check.to_dict() for check in checks]})
        return code
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("part", "state", "found", "remedy"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        state = Text(check.state, style=_COLOURS[check.state])
        table.add_row(Text(check.name), state, Text(check.found), Text(check.remedy))
    console.out(table)
    console.out(f"Broken: {', '.join(broken)}." if broken else "The package works.")
    return code
