"""What stands between results and a terminal: tables, progress, errors, JSON.

Results go to stdout, everything else to stderr, so that ``luban … --json | jq`` works.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from luban import errors

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, RenderableType

    from luban.parallel import Progress

__all__ = [
    "ExitCode",
    "emit_json",
    "error_object",
    "error_text",
    "exit_code",
    "frame_table",
    "key_values",
    "number",
    "out",
    "plain",
    "progress",
    "render",
    "say",
]


class Renderable(Protocol):
    """A result that prints itself."""

    def render(self, console: Console) -> None:
        """Print to ``console``."""


class ExitCode:
    """Exit codes of the command line."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_VERIFIED = 3
    INFEASIBLE = 4
    RUN_AGAIN = 75
    INTERRUPTED = 130


def exit_code(error: BaseException) -> int:
    """Return the exit code that belongs to an error."""
    if isinstance(error, KeyboardInterrupt | errors.StoppedError):
        return ExitCode.INTERRUPTED
    if isinstance(error, errors.ConfigurationError):
        return ExitCode.USAGE
    if isinstance(error, errors.IntegrityError):
        return ExitCode.NOT_VERIFIED
    if isinstance(error, errors.InfeasibleError):
        return ExitCode.INFEASIBLE
    return ExitCode.FAILED


def error_text(error: BaseException, verb: str) -> str:
    """Return the one line that a person sees; a foreign error is named with its type and where to look."""
    if isinstance(error, errors.Error):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted; nothing is half written."
    place = f"cli.{verb}" if verb else "cli"
    return f"[{place}] unexpected {type(error).__name__}: {error}. Hint: --debug shows where it happened."


def error_object(error: BaseException, verb: str) -> dict[str, Any]:
    """Return what ``--json`` says of an error: one key ``error`` with the same fields for every kind."""
    fields = {name: getattr(error, name, "") for name in ("where", "expected", "received", "place", "hint")}
    return {
        "error": {
            "kind": type(error).__name__,
            "message": error_text(error, verb),
            **(fields if isinstance(error, errors.Error) else dict.fromkeys(fields, "")),
            "exit_code": exit_code(error),
        }
    }


def _console(stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(stderr=stderr, highlight=False)
    # Into a file or pipe: no folding at the 80 columns that an unknown terminal would have.
    return Console(stderr=stderr, highlight=False, width=1000)


def out(*parts: RenderableType) -> None:
    """Print results to stdout; rich markup is not interpreted in plain strings."""
    from rich.text import Text

    console = _console(stderr=False)
    for part in parts:
        if isinstance(part, str):
            console.print(Text(part), soft_wrap=not console.is_terminal)
        else:
            console.print(part)


def render(result: Renderable) -> None:
    """Let a result print itself to stdout."""
    result.render(_console(stderr=False))


def say(text: str, style: str = "") -> None:
    """Print a remark to stderr."""
    from rich.text import Text

    console = _console(stderr=True)
    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)


def plain(value: Any) -> Any:
    """Return ``value`` as JSON knows it: missing numbers are null, numpy and pandas types become plain ones."""
    import numpy as np

    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "to_dict"):
        return plain(value.to_dict(orient="records") if hasattr(value, "columns") else value.to_dict())
    return str(value)


def emit_json(value: Any) -> None:
    """Print one JSON object to stdout."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def number(value: Any, digits: int = 4) -> str:
    """Return a cell of a table: ``digits`` significant digits, a dash where nothing is known."""
    import numpy as np

    if value is None:
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}g}" if math.isfinite(value) else "–"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return str(value)


def frame_table(frame: pd.DataFrame, title: str = "", *, digits: int = 4, most: int = 40) -> RenderableType:
    """Return a DataFrame as a rich table; units of ``frame.attrs["units"]`` stand under the column names."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    units = frame.attrs.get("units", {})
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in frame.columns:
        numeric = frame[name].dtype.kind in "fiu"
        unit = units.get(name, "")
        heading = f"{name}\n[{unit}]" if unit else str(name)
        table.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold")
    for row in frame.head(most).itertuples(index=False, name=None):
        table.add_row(*(Text(number(value, digits)) for value in row))
    parts: list[RenderableType] = [Text(title, style="bold")] if title else []
    parts.append(table)
    if len(frame) > most:
        parts.append(Text(f"… and {len(frame) - most:,} more rows"))
    return Group(*parts)


@contextmanager
def progress(shown: bool = True) -> Iterator[Progress]:
    """Give a ``progress(phase, done, total)`` call that draws one bar per phase, with the time left, on stderr.

    Without a terminal each phase is one line when it begins and one every ten seconds, so that a log stays readable;
    ``shown=False`` is silent.
    """
    if not shown:
        yield lambda phase, done, total: None
        return
    if not sys.stderr.isatty():
        yield _phase_lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    left = TimeRemainingColumn(elapsed_when_finished=True)
    with Bars(*columns, left, console=_console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}
        begun: dict[str, float] = {}

        def show(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total or None)
                begun[phase] = time.monotonic()
            rate = _rate(done, time.monotonic() - begun[phase])
            bars.update(tasks[phase], completed=done, total=total or None, description=phase + rate)

        yield show


def _rate(done: int, seconds: float) -> str:
    """Return how many come in a second, where they are many."""
    return f", {done / seconds:,.0f}/s" if seconds > 0 and done >= 10 * seconds else ""


def _phase_lines(every_s: float = 10.0) -> Progress:
    begun: dict[str, float] = {}
    told: dict[str, float] = {}

    def show(phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if phase not in begun:
            begun[phase] = told[phase] = now
            sys.stderr.write(f"{phase} …\n")
        elif now - told[phase] >= every_s and 0 < done < total:
            told[phase] = now
            left = (now - begun[phase]) * (total - done) / done
            rate = _rate(done, now - begun[phase])
            sys.stderr.write(f"{phase}: {done:,} of {total:,}{rate}, about {left:.0f} s left\n")
        sys.stderr.flush()

    return show


def key_values(texts: Sequence[str], option: str) -> dict[str, str]:
    """Read ``NAME=VALUE`` options. Raises: ConfigurationError when one has no equals sign or a name comes twice."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise errors.ConfigurationError(
                where="cli", expected=f"{option} NAME=VALUE", received=repr(text), hint=f"{option} diameter=D30"
            )
        if name.strip() in pairs:
            raise errors.ConfigurationError(
                where="cli", expected="each name once", received=f"{name.strip()!r} twice", place=option
            )
        pairs[name.strip()] = value.strip()
    return pairs
