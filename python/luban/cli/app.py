"""The typer application: which verbs there are, and how wrong usage is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from luban import _core
from luban.errors import ConfigurationError

__all__ = ["Interrupted", "JsonFlag", "SeedOption", "app", "run", "verb"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout instead of tables.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of everything random.")]

#: What typer makes of Ctrl-C inside a verb.
Interrupted = typer.Abort

# typer raises its own copy of click's classes, or click's, depending on its version: both stand above BadParameter.
_Usage: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = typer.Typer(
    name="luban",
    help="Luban learns a process from its production history and recommends the settings that make it better.",
    epilog="luban VERB --help shows an example. A first look, on a packaged history: [bold]luban demo[/bold]",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def verb(name: str, *, group: str, example: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a verb; ``group`` is its place in ``luban --help``, ``example`` closes its own help.

    A name of two words, "audit show", is a verb of the family that :func:`family` made. The function returns its exit
    code, or None for 0.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        shown = example.replace("[", r"\[")
        first, _, second = name.partition(" ")
        owner = _families[first] if second else app
        owner.command(second or first, epilog=f"Example: [bold]{shown}[/bold]", rich_help_panel=group)(function)
        return function

    return register


_families: dict[str, typer.Typer] = {}
_alone: dict[str, str] = {}


def family(name: str, *, group: str, says: str, alone: str = "") -> None:
    """Make a verb that has verbs of its own, ``luban NAME VERB``; :func:`verb` adds them.

    ``alone``: which of them ``luban NAME`` without one means; its options may follow.
    """
    if alone:
        _alone[name] = alone
    if name not in _families:
        _families[name] = typer.Typer(name=name, help=says, rich_markup_mode="rich")
        app.add_typer(_families[name], rich_help_panel=group)


@app.callback(invoke_without_command=True)
def _door(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks (may stand anywhere).")] = False,
) -> None:
    if version:
        typer.echo(f"luban {_core.build_info()['version']}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def run(arguments: Sequence[str]) -> int:
    """Run one command line. Returns its exit code.

    Raises: ConfigurationError on wrong usage; Interrupted on Ctrl-C; whatever the verb raises.
    """
    _register_verbs()
    arguments = _completed(arguments)
    try:
        code: Any = app(args=list(arguments), prog_name="luban", standalone_mode=False)
    except _Usage as problem:
        raise _explained(problem, arguments) from None
    return code if isinstance(code, int) else 0


def _completed(arguments: Sequence[str]) -> Sequence[str]:
    """Return the command line with the verb that a family means when it stands alone."""
    first, *rest = arguments or ("",)
    if first not in _alone or (rest and (not rest[0].startswith("-") or rest[0] in ("-h", "--help"))):
        return arguments
    return [first, _alone[first], *rest]


def _register_verbs() -> None:
    """Import the modules of the verbs, in the order of ``--help``."""
    from luban.cli import (  # noqa: F401, I001
        new, transfer, look, quarantine, keep, learn, recommend, models, jobs, loop, mode, plant, audit, doctor, demo,
    )  # fmt: skip


def _explained(problem: Exception, arguments: Sequence[str]) -> ConfigurationError:
    """Wrong usage in the words of this project, with the nearest right name."""
    context = getattr(problem, "ctx", None)
    path = context.command_path if context is not None else "luban"
    verb_given = path.removeprefix("luban").strip()
    where = f"cli.{verb_given}" if verb_given else "cli"
    hint = f"{path} --help shows how it is used"
    option = getattr(problem, "option_name", None)
    if option and type(problem).__name__ == "NoSuchOption":
        options = _options(context)
        near = _core.nearest_name(option, options)
        known = f"{path} knows {', '.join(options)}" if options else hint
        return ConfigurationError(
            where=where,
            expected="an option that it knows",
            received=option,
            hint=f"did you mean {near}?" if near else known,
        )
    given = [text for text in arguments if not text.startswith("-")]
    verbs = [command.name or "" for command in app.registered_commands] + list(_families)
    if verb_given in _families:
        verbs, given = [command.name or "" for command in _families[verb_given].registered_commands], given[1:]
    first = next(iter(given), "")
    if (not verb_given or verb_given in _families) and first and first not in verbs:
        near = _core.nearest_name(first, verbs)
        return ConfigurationError(
            where=where,
            expected="a verb",
            received=repr(first),
            hint=f"did you mean {near}?" if near else f"{path} knows {', '.join(verbs)}",
        )
    message = problem.format_message() if hasattr(problem, "format_message") else str(problem)
    received = " ".join(message.split()).rstrip(".")
    return ConfigurationError(where=where, expected="a complete command line", received=received, hint=hint)


def _options(context: Any) -> list[str]:
    if context is None:
        return []
    return [text for parameter in context.command.get_params(context) for text in parameter.opts if text[:2] == "--"]
