"""Writes docs/command-line.md from the command line itself: python tests/docs/command_line.py > docs/command-line.md"""

import enum
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = """# Command line

<!-- Written by tests/docs/command_line.py from the help of the verbs; a test compares. Do not edit. -->

`luban VERB` does one thing and leaves with an exit code. Results go to stdout, progress and remarks to stderr. Every
verb takes `--json` (one object on stdout instead of tables) and `--help`. `--debug` anywhere shows the traceback of an
error instead of its one line.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | failed |
| 2 | wrong usage or configuration |
| 3 | stored data did not verify |
| 4 | nothing admissible to recommend |
| 75 | checkpointed: run again |
| 130 | interrupted |
"""


def plain(text: str | None) -> str:
    """Help text without markup and on one line per paragraph."""
    without = re.sub(r"(?<!\\)\[/?(bold|dim|italic)[^\]]*\]", "", text or "").replace("\\[", "[")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in without.split("\n\n"))


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return " ".join(plain(text).split()).replace("|", "\\|")


@dataclass(frozen=True)
class Parameter:
    """An argument or option of a verb, as its function declares it."""

    is_argument: bool
    names: tuple[str, ...]
    value: str  # what stands for its value; "" for a flag
    said: str
    default: object

    def row(self) -> str:
        """Its row of the table."""
        shown = f" {self.value}" if self.value and not self.is_argument else ""
        left = ", ".join(f"`{name}{shown}`" for name in self.names).replace("|", "\\|")
        right = cell(self.said)
        if self.value and self.default not in (None, inspect.Parameter.empty):
            ending = "" if right.endswith(".") else "."
            right += f"{ending} Default: {getattr(self.default, 'value', self.default)}"
        return f"| {left} | {right} |"


def value_name(kind: Any) -> str:
    """What stands for a value of this type."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union, list):
        kind = next(inner for inner in typing.get_args(kind) if inner is not types.NoneType)
        return value_name(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "|".join(str(member.value) for member in kind)
    return {bool: "", int: "N", float: "X", Path: "PATH"}.get(kind, "TEXT")


def parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    """Arguments and options of a verb, in its order."""
    import typer

    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, info = typing.get_args(hints[name])[:2]
        is_argument = isinstance(info, type(typer.Argument()))
        value = info.metavar or value_name(kind)
        # Inside Annotated the first name stands where the default would.
        declared = tuple(text for text in (info.default, *(info.param_decls or ())) if isinstance(text, str))
        names = (value or name.upper(),) if is_argument else declared or (f"--{name.replace('_', '-')}",)
        yield Parameter(is_argument, names, value, info.help or "", parameter.default)


def section(name: str, function: Callable[..., Any], example: str) -> str:
    """One verb."""
    known = sorted(parameters(function), key=lambda parameter: not parameter.is_argument)
    usage = " ".join(["luban", name, *(item.names[0] for item in known if item.is_argument), "[OPTIONS]"])
    parts = [f"## {name}", plain(inspect.getdoc(function)), f"```text\n{usage}\n```"]
    parts.append("\n".join(["| argument or option | meaning |", "| --- | --- |", *(item.row() for item in known)]))
    if example:
        parts.append(f"```sh\n{example}\n```")
    return "\n\n".join(parts)


def page() -> str:
    """The whole page."""
    from luban.cli import app as application

    application._register_verbs()
    families = {info.typer_instance.info.name: info.typer_instance for info in application.app.registered_groups}
    verbs = [(verb.name, verb) for verb in application.app.registered_commands]
    verbs += [(f"{name} {verb.name}", verb) for name, owner in families.items() for verb in owner.registered_commands]
    table = ["| verb | does |", "| --- | --- |"]
    sections = []
    for name, verb in verbs:
        assert name
        assert verb.callback
        table.append(
            f"| [{name}](#{name.replace(' ', '-')}) | {cell(plain(inspect.getdoc(verb.callback)).splitlines()[0])} |"
        )
        example = plain(verb.epilog).removeprefix("Example:").strip()
        sections.append(section(name, verb.callback, example))
    return "\n\n".join([HEAD.rstrip(), "\n".join(table), *sections]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
