"""``luban run``: the closed loop of a loop file, with a view of it in the terminal."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luban.cli.app import JsonFlag, verb
from luban.cli.paths import require_file

if TYPE_CHECKING:
    from luban.service import Ending, Loop, People

__all__ = ["run_loop"]

_GROUP = "Closed loop"
_START_S = 60.0
_NOT_FOLDED = "not folded:"
_STEPS = {"off": "shadow", "shadow": "advisory", "advisory": "closed"}


class RequestedMode(StrEnum):
    """What a command line, or a person, may ask for."""

    shadow = "shadow"
    advisory = "advisory"
    closed = "closed"


@verb("run", group=_GROUP, example="luban run configs/loop/turning-simulated.yaml --cycles 60 --simulated-clock")
def run_loop(
    loop: Annotated[Path, typer.Argument(metavar="LOOP", help="Loop file (YAML).")],
    mode: Annotated[
        RequestedMode | None, typer.Option("--mode", help="Ask for this mode in place of the file's. It is a request.")
    ] = None,
    cycles: Annotated[int | None, typer.Option("--cycles", min=1, help="End after so many. Default: never.")] = None,
    simulated_clock: Annotated[
        bool, typer.Option("--simulated-clock", help="Time passes as fast as cycles are done (simulated plants only).")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines in place of the live view.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """Run a closed loop: read the plant, ask the optimizer, judge, decide, record, write, confirm.

    A file or --mode only asks for a mode: a real plant is closed by two people (luban mode raise closed), a simulated
    one arms itself. A simulated loop whose model is missing trains it first. Every decision stands in the journal
    before it is written (luban audit show). SPACE stops the loop at once, q or Ctrl-C leaves it; outputs stay as they
    are, and the next start is at most in advisory.
    """
    from luban import console
    from luban.control import ControlMode
    from luban.service import Ending, People, open_loop

    require_file(loop, what="a loop file", verb="run")
    with console.progress() as progress:
        opened = open_loop(
            loop,
            mode=None if mode is None else ControlMode[mode.value],
            simulated_clock=simulated_clock,
            say=console.say,
            progress=progress,
        )
    supervisor = opened.supervisor
    ending = Ending()
    began = time.monotonic()
    people: People | None = None
    try:
        supervisor.start()
        people = People(supervisor, supervisor.plan.socket_path)
        with _signals(ending, people):
            _turn(opened, people, ending, cycles, plain=plain or as_json or not sys.stdout.isatty())
    except BaseException as error:
        ending.ask(ending.reason or f"{type(error).__name__}: {error}")
        raise
    finally:
        if people is not None:
            people.close()
        supervisor.close(ending.reason or "the cycles asked for are done")
    summary = _summary(opened, time.monotonic() - began)
    folded = _fold(opened)
    summary["folded"] = folded
    if as_json:
        console.emit_json(summary)
    else:
        _tell(summary)
    if folded.startswith(_NOT_FOLDED):
        return console.ExitCode.FAILED
    return console.ExitCode.INTERRUPTED if ending.reason == "Ctrl-C" else console.ExitCode.DONE


def _turn(opened: Loop, people: People, ending: Ending, cycles: int | None, *, plain: bool) -> None:
    """Turn the loop behind the live view, or behind lines."""
    from luban import console
    from luban.cli import loop_view
    from luban.service import run

    supervisor = opened.supervisor
    if supervisor.simulated:
        supervisor.optimizer.wait_ready(_START_S)  # simulated time would not wait for it
    if plain:
        lines = loop_view.Lines(console.say)
        run(supervisor, cycles=cycles, people=people, ending=ending, shown=lines.show)
        return
    from rich.live import Live

    def picture() -> Any:
        return loop_view.view(supervisor.board.shown, list(supervisor.board.trend))

    pressed = _key_handler(supervisor, people, ending)
    with (
        loop_view.keys_read(pressed),
        Live(get_renderable=picture, refresh_per_second=4, screen=True, redirect_stderr=False),
    ):
        run(supervisor, cycles=cycles, people=people, ending=ending)


def _key_handler(supervisor: Any, people: People, ending: Ending) -> Any:
    """Return what a key does; it runs in the thread that reads keys, so it only hands requests over."""
    from luban.cli.loop_view import KEYS

    def pressed(key: str) -> None:
        action = KEYS.get(key, ("", ""))[0]
        shown = supervisor.board.shown
        if action == "quit":
            ending.ask("q was pressed")
            people.wake()
        elif action == "lower":
            people.request_own({"do": "lower", "mode": "advisory"})
        elif action == "raise" and shown.get("achieved") in _STEPS:
            people.request_own({"do": "raise", "mode": _STEPS[shown["achieved"]]})
        elif action == "approve" and shown.get("offered"):
            people.request_own({"do": "approve", "recommendation": shown["offered"]})
        elif action in ("stop", "reset"):
            people.request_own({"do": action})

    return pressed


@contextlib.contextmanager
def _signals(ending: Ending, people: People) -> Iterator[None]:
    """Ctrl-C and TERM end the loop after the cycle in hand."""

    def end(number: int, frame: Any) -> None:
        ending.ask("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)
        people.wake()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(opened: Loop, took_s: float) -> dict[str, Any]:
    supervisor = opened.supervisor
    shown = supervisor.board.shown
    return {
        "loop": str(opened.path),
        "cycles": supervisor.board.cycles,
        "writes": supervisor.board.writes["confirmed"],
        "writes_failed": supervisor.board.writes["failed"],
        "mode": shown.get("achieved"),
        "alarms": [alarm["text"] for alarm in supervisor.board.alarms],
        "slowest_ms": shown.get("slowest_ms", {}),
        "journal": str(supervisor.plan.journal),
        "model": str(opened.model_path),
        "took_s": round(took_s, 3),
    }


def _fold(opened: Loop) -> str:
    """Bring the runs into the history that the loop file names, as a job of its own. Returns what it said."""
    if opened.file.fold_into is None:
        return ""
    from luban import _document

    target = _document.resolve_path(opened.file.fold_into, opened.path)
    process = _document.resolve_path(opened.file.process, opened.path)
    journal = opened.supervisor.plan.journal
    command = [sys.executable, "-m", "luban.cli", "import", str(process), str(journal), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"{_NOT_FOLDED} {done.stderr.strip()}"


def _tell(summary: dict[str, Any]) -> None:
    from luban import console

    slowest = max(summary["slowest_ms"].items(), key=lambda item: item[1], default=("", 0.0))
    console.out(
        f"{summary['cycles']} cycles, {summary['writes']} writes confirmed, {summary['writes_failed']} not; "
        f"mode at the end: {summary['mode']}. Slowest step of a cycle: {slowest[0]}, {slowest[1]:.1f} ms."
    )
    console.out(f"Journal: {summary['journal']} (luban audit show, luban audit verify).")
    if summary["folded"]:
        console.out(summary["folded"])
