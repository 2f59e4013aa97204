"""``luban mode``: what mode a running loop is in and why; raise it, lower it, stop it, reset it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luban.cli.app import JsonFlag, family, verb
from luban.cli.loop import RequestedMode
from luban.cli.paths import require_file

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["acknowledge", "approve", "engage", "lower_mode", "raise_mode", "reset_mode", "show_mode", "stop_loop"]

_GROUP = "Closed loop"

family("mode", group=_GROUP, says="The mode of a running loop: show, raise, lower, stop, reset.")

LoopPath = Annotated[Path, typer.Argument(metavar="LOOP", help="Loop file of the loop that runs.")]


class Lowered(StrEnum):
    """Modes that anybody may lower to."""

    off = "off"
    shadow = "shadow"
    advisory = "advisory"
    hold = "hold"
    fallback = "fallback"


@verb("mode show", group=_GROUP, example="luban mode show configs/loop/turning-simulated.yaml")
def show_mode(loop: LoopPath, as_json: JsonFlag = False) -> int:
    """Show the mode of a running loop, what was asked for, and the reasons."""
    return _ask(loop, {"do": "show"}, as_json)


@verb("mode raise", group=_GROUP, example="luban mode raise configs/loop/turning-opcua.yaml closed")
def raise_mode(
    loop: LoopPath,
    mode: Annotated[RequestedMode, typer.Argument(metavar="MODE", help="shadow, advisory or closed.")],
    as_json: JsonFlag = False,
) -> int:
    """Ask for more authority, one step at a time. Who you are is what the system says; the role file says what you may.

    Closing a real plant takes two people: both type this within two minutes.
    """
    return _ask(loop, {"do": "raise", "mode": mode.value}, as_json)


@verb("mode lower", group=_GROUP, example="luban mode lower configs/loop/turning-opcua.yaml advisory")
def lower_mode(
    loop: LoopPath,
    mode: Annotated[Lowered, typer.Argument(metavar="MODE", help="off, shadow, advisory, hold or fallback.")],
    as_json: JsonFlag = False,
) -> int:
    """Take authority away; anybody may, at once."""
    return _ask(loop, {"do": "lower", "mode": mode.value}, as_json)


@verb("mode stop", group=_GROUP, example="luban mode stop configs/loop/turning-opcua.yaml")
def stop_loop(loop: LoopPath, as_json: JsonFlag = False) -> int:
    """Stop the loop so that it stays stopped (trip); anybody may. An engineer resets it when the cause is gone."""
    return _ask(loop, {"do": "stop"}, as_json)


@verb("mode reset", group=_GROUP, example="luban mode reset configs/loop/turning-opcua.yaml")
def reset_mode(loop: LoopPath, as_json: JsonFlag = False) -> int:
    """Acknowledge a trip whose cause is gone."""
    return _ask(loop, {"do": "reset"}, as_json)


@verb("mode approve", group=_GROUP, example="luban mode approve configs/loop/turning-opcua.yaml R17")
def approve(
    loop: LoopPath,
    recommendation: Annotated[str, typer.Argument(metavar="ID", help="The one on offer; luban mode show names it.")],
    as_json: JsonFlag = False,
) -> int:
    """Approve the recommendation that is on offer in advisory; it is written in the next cycle, once."""
    return _ask(loop, {"do": "approve", "recommendation": recommendation}, as_json)


@verb("mode engage", group=_GROUP, example="luban mode engage configs/loop/turning-opcua.yaml feed")
def engage(
    loop: LoopPath,
    variable: Annotated[str, typer.Argument(metavar="VARIABLE", help="A variable that was released to you.")],
    as_json: JsonFlag = False,
) -> int:
    """Give a released variable back to the loop."""
    return _ask(loop, {"do": "engage", "variable": variable}, as_json)


@verb("mode acknowledge", group=_GROUP, example="luban mode acknowledge configs/loop/turning-opcua.yaml")
def acknowledge(loop: LoopPath, as_json: JsonFlag = False) -> int:
    """Say that the drift which stands is known: the watch begins anew. It does not raise the mode."""
    return _ask(loop, {"do": "acknowledge"}, as_json)


def _ask(loop: Path, request: Mapping[str, Any], as_json: bool) -> int:
    from luban import _document, console
    from luban.service import ask_loop, read_loop
    from luban.service.supervisor.plan import socket_of

    require_file(loop, what="a loop file", verb=f"mode {request['do']}")
    journal = _document.resolve_path(read_loop(loop).journal, loop)
    answer = ask_loop(socket_of(journal), request)
    if as_json:
        console.emit_json(answer)
    else:
        _tell(answer, request)
    return console.ExitCode.DONE if answer["accepted"] or answer.get("noted") else console.ExitCode.FAILED


def _tell(answer: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    from luban import console, control

    if request["do"] != "show":
        words = " ".join(answer["sentences"])
        console.out("Done." if answer["accepted"] else words if answer.get("noted") else f"Refused. {words}")
    shown = answer["loop"]
    for title, mode, reasons in (
        ("Mode", "achieved", "achieved_reasons"),
        ("Asked for", "requested", "requested_reasons"),
    ):
        words = " ".join(control.sentence(control.ControlReason[code]) for code in shown.get(reasons, []))
        console.out(f"{title}: {shown.get(mode, 'not known yet')}. {words}")
    if shown.get("no_write_reasons") not in (None, [], ["not_a_cycle"]):
        words = " ".join(control.sentence(control.ControlReason[code]) for code in shown["no_write_reasons"])
        console.out(f"Nothing is written: {words}")
    if shown.get("offered"):
        console.out(f"On offer: {shown['offered']}")
    if shown.get("released"):
        console.out(f"In the operator's hands: {', '.join(shown['released'])}")
    for alarm in list(shown.get("alarms", []))[-3:]:
        console.out(f"Alarm in cycle {alarm['cycle']}: {alarm['text']}")
