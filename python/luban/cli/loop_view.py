"""What a person sees of a running loop in a terminal: modes and why, settings, trends, alarms; and its keys."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from luban import control

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["KEYS", "Lines", "keys_read", "view"]

#: Key, what it does, in words.
KEYS = {
    " ": ("stop", "SPACE stops the loop (trip)"),
    "l": ("lower", "l lowers to advisory"),
    "u": ("raise", "u raises one step"),
    "a": ("approve", "a approves the offer"),
    "r": ("reset", "r resets a trip"),
    "q": ("quit", "q leaves; outputs stay as they are"),
}

_COLOURS = {
    "closed": "bold white on green4",
    "advisory": "bold black on sky_blue1",
    "shadow": "bold black on grey70",
    "off": "bold white on grey37",
    "hold": "bold black on gold1",
    "fallback": "bold black on orange1",
    "tripped": "bold white on red3",
}
_GOOD = ("connected", "alive", "written")
_PRIORITIES = {"high": "bold red", "medium": "yellow", "low": "cyan"}
_BARS = "▁▂▃▄▅▆▇█"
_TREND = 48


def view(shown: Mapping[str, Any], trend: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return the picture of a loop's board."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    if "achieved" not in shown:
        return Panel(Text("Waiting for the first cycle …"), title=str(shown.get("loop", "")))
    keys = "   ".join(words for _, words in KEYS.values())
    return Panel(
        Group(  # what must be seen on a small terminal stands first
            _modes(shown),
            Text(keys, style="dim"),
            *_alarms(shown),
            *_offers(shown),
            _settings(shown, trend),
            _responses(shown, trend),
            *_reasons(shown),
        ),
        title=f"{shown['loop']} · {shown.get('process', '')} · cycle {shown.get('cycle', 0)}",
        subtitle="simulated clock" if shown.get("simulated") else None,
    )


def _modes(shown: Mapping[str, Any]) -> RenderableType:
    from rich.text import Text

    achieved, requested = shown["achieved"], shown["requested"]
    line = Text()
    line.append(f" {achieved.upper()} ", _COLOURS.get(achieved, "bold"))
    if requested != achieved:
        line.append(f"  asked for: {requested}", "dim")
    states = {name: shown.get(name) or "" for name in ("plant", "optimizer", "journal")}
    for name, state in states.items():
        good = state in _GOOD
        line.append(f"   {name}: ", "dim")
        line.append(state, "green" if good else "bold yellow")
    writes = shown.get("writes", {})
    line.append(f"   writes: {writes.get('confirmed', 0)} confirmed, {writes.get('failed', 0)} not", "dim")
    return line


def _settings(shown: Mapping[str, Any], trend: Sequence[Mapping[str, Any]]) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("parameter")
    table.add_column("now", justify="right")
    table.add_column("recommended", justify="right")
    table.add_column("")
    table.add_column("trend", ratio=1)
    for row in shown.get("parameters", []):
        series = [point["outputs"].get(row["name"]) for point in trend]
        table.add_row(
            Text(row["name"]),
            Text(_number(row["value"])),
            Text(_number(row["recommended"])),
            Text(f"{row['unit']}{'  yours' if row['released'] else ''}", "yellow" if row["released"] else "dim"),
            Text(_sparkline(series)),
        )
    return table


def _responses(shown: Mapping[str, Any], trend: Sequence[Mapping[str, Any]]) -> RenderableType:
    from rich.text import Text

    found = shown.get("recommendation") or {}
    expected = {one["response"]: one for one in found.get("predictions", [])}
    context = ", ".join(f"{name} {value}" for name, value in shown.get("context", {}).items())
    out = Text()
    out.append(f"next: {context}\n" if context else "", "dim")
    for name, value in list(shown.get("responses", {}).items())[:3]:
        out.append(f"{name:<20}{_number(value):>10}")
        if name in expected:
            one = expected[name]
            out.append(f"   expected next {_number(one['mean'])} ({_number(one['low'])} to {_number(one['high'])})")
        out.append("   " + _sparkline([point["responses"].get(name) for point in trend]) + "\n")
    return out


def _reasons(shown: Mapping[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    for title, names in (("mode", "achieved_reasons"), ("no write", "no_write_reasons")):
        words = " ".join(control.sentence(control.ControlReason[code]) for code in shown.get(names, []))
        if words:
            yield Text(f"{title}: {words}")
    if shown.get("verdict"):
        yield Text("guard: " + " ".join(shown["verdict"]))
    why = (shown.get("recommendation") or {}).get("why", [])
    if why:
        yield Text("why: " + " ".join(why[:6]), "dim")
    if shown.get("optimizer_trouble"):
        yield Text("optimizer: " + shown["optimizer_trouble"], "yellow")


def _offers(shown: Mapping[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    if shown.get("achieved") == "advisory" and shown.get("offered"):
        yield Text(f"on offer: {shown['offered']} (a approves it)", "bold")


def _alarms(shown: Mapping[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    for alarm in list(shown.get("alarms", []))[-3:]:
        yield Text(f"cycle {alarm['cycle']}: {alarm['text']}", _PRIORITIES.get(alarm["priority"], ""))


def _sparkline(values: Sequence[Any]) -> str:
    numbers = [value for value in values if isinstance(value, float | int)][-_TREND:]
    if len(numbers) < 2:
        return ""
    low, high = min(numbers), max(numbers)
    if high == low:
        return _BARS[3] * len(numbers)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in numbers)


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)


class Lines:
    """What a loop says where there is no terminal: a line when something changes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._mode = ""
        self._states: dict[str, str] = {}
        self._seen: tuple[Any, ...] = ()

    def show(self, shown: Mapping[str, Any]) -> None:
        """Say what has changed since the last time."""
        cycle = f"cycle {shown['cycle']}"
        if shown["achieved"] != self._mode:
            self._mode = shown["achieved"]
            why = " ".join(control.sentence(control.ControlReason[code]) for code in shown["achieved_reasons"])
            self._say(f"{cycle}: {self._mode}. {why}")
        for name in ("plant", "optimizer", "journal"):
            state = str(shown.get(name) or "")
            if state and state != self._states.get(name, state if state in _GOOD else ""):
                self._say(f"{cycle}: {name}: {state}")
            self._states[name] = state
        alarms = shown.get("alarms", [])
        for alarm in alarms:
            key = (alarm["time"], alarm["code"])
            if key not in self._seen:
                self._seen = (*self._seen[-50:], key)
                self._say(f"{cycle}: alarm ({alarm['priority']}): {alarm['text']}")
        if shown.get("last_write"):
            values = ", ".join(f"{one['name']} {_number(one['value'])} {one['unit']}" for one in shown["parameters"])
            self._say(f"{cycle}: write {shown['last_write']}: {values}")


@contextlib.contextmanager
def keys_read(pressed: Callable[[str], None]) -> Iterator[None]:
    """Read single keys of the terminal in a thread of their own; the terminal is as before at the end."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    done_read, done_write = os.pipe()

    def read() -> None:
        while True:
            ready = select.select([descriptor, done_read], [], [])[0]
            if done_read in ready:
                return
            text = os.read(descriptor, 256).decode(errors="replace")
            if not text:
                return  # the terminal has gone
            if len(text) == 1:  # arrow keys and pasted text come as several, and mean nothing here
                pressed(text)

    reader = threading.Thread(target=read, name="keys", daemon=True)
    tty.setcbreak(descriptor)
    reader.start()
    try:
        yield
    finally:
        os.write(done_write, b"x")
        reader.join(1.0)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        os.close(done_read)
        os.close(done_write)
