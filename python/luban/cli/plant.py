"""``luban plant``: look at an OPC UA server, make a first binding file, serve a simulated lathe."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luban.cli.app import JsonFlag, SeedOption, family, verb
from luban.cli.paths import ForceFlag, ProcessPath, require_free
from luban.cli.plant_access import (
    AcceptedOption,
    AccessOptions,
    CertificateOption,
    EndpointArgument,
    KeyOption,
    PasswordOption,
    PolicyOption,
    ServerOption,
    UriOption,
    UserCertificateOption,
    UserKeyOption,
    UserOption,
    VariableOption,
    access_to,
)
from luban.errors import ConfigurationError

if TYPE_CHECKING:
    from luban.plant import BindingDraft, BrowsedNode, Drift, ServerInfo
    from luban.process import Process

__all__ = ["bind_plant", "browse_plant", "simulate_plant"]

_GROUP = "Closed loop"

family("plant", group=_GROUP, says="Machines over OPC UA: browse, bind, simulate.")


@verb("plant browse", group=_GROUP, example="luban plant browse var/lathe/binding.yaml --path Lathe --path Run")
def browse_plant(
    endpoint: EndpointArgument,
    path: Annotated[
        list[str] | None, typer.Option("--path", metavar="NAME", help="Only below this browse name; repeat to go down.")
    ] = None,
    depth: Annotated[int, typer.Option("--depth", min=1, max=32, help="How far down.")] = 8,
    certificate: CertificateOption = None,
    private_key: KeyOption = None,
    server_certificate: ServerOption = None,
    policy: PolicyOption = None,
    application_uri: UriOption = None,
    user: UserOption = None,
    password_file: PasswordOption = None,
    password_variable: VariableOption = None,
    user_certificate: UserCertificateOption = None,
    user_key: UserKeyOption = None,
    accepted_by: AcceptedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the variables of an OPC UA server as a tree: value, unit, range, and whether this user may write it."""
    from luban import console
    from luban.cli.plant_tree import node_object, node_tree
    from luban.plant import browse

    options = AccessOptions(
        certificate, private_key, server_certificate, policy, application_uri, user, password_file,
        password_variable, user_certificate, user_key, accepted_by,
    )  # fmt: skip
    access = access_to(endpoint, options, "plant browse")
    nodes = browse(
        access.endpoint,
        security=access.security,
        user=access.user,
        unencrypted_accepted_by=access.unencrypted_accepted_by,
        depth=depth,
    )
    chosen = _below(nodes, path or ())
    if as_json:
        console.emit_json({"endpoint": access.endpoint, "nodes": [node_object(node) for node in chosen]})
        return
    console.out(node_tree(access.endpoint, chosen))


@verb("plant bind", group=_GROUP, example="luban plant bind process.yaml opc.tcp://lathe-1:4840 -o lathe/binding.yaml")
def bind_plant(
    process: ProcessPath,
    endpoint: EndpointArgument,
    out: Annotated[Path, typer.Option("-o", "--out", help="Binding file to write.")] = Path("binding.yaml"),
    certificate: CertificateOption = None,
    private_key: KeyOption = None,
    server_certificate: ServerOption = None,
    policy: PolicyOption = None,
    application_uri: UriOption = None,
    user: UserOption = None,
    password_file: PasswordOption = None,
    password_variable: VariableOption = None,
    user_certificate: UserCertificateOption = None,
    user_key: UserKeyOption = None,
    accepted_by: AcceptedOption = None,
    force: ForceFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a first binding file: for each variable of the process the node of the same name and unit.

    What is doubtful stands in it as a comment that begins with a question mark: a variable without a node, one with
    two, a node without a unit. A person must read it before a loop uses it. Secrets are named, never copied.
    """
    from luban import Process, console
    from luban.plant import bind

    options = AccessOptions(
        certificate, private_key, server_certificate, policy, application_uri, user, password_file,
        password_variable, user_certificate, user_key, accepted_by,
    )  # fmt: skip
    definition = Process.from_yaml(process)
    require_free(out, force=force, verb="plant bind")
    access = access_to(endpoint, options, "plant bind")
    draft = bind(
        definition,
        access.endpoint,
        security=access.security,
        user=access.user,
        unencrypted_accepted_by=access.unencrypted_accepted_by,
    )
    _write(out, draft, force)
    binding = draft.binding
    names = {key: list(getattr(binding, key)) for key in ("outputs", "inputs", "context")}
    if as_json:
        doubts = [{field.name: getattr(doubt, field.name) for field in fields(doubt)} for doubt in draft.doubts]
        console.emit_json({"binding": str(out), **names, "unmatched": list(draft.unmatched), "doubts": doubts})
        return
    console.out(f"{out}: {', '.join(f'{len(found)} {key}' for key, found in names.items())}.")
    for doubt in draft.doubts:
        console.out(f"? {doubt.section}, {doubt.name}: {doubt.why}")
    console.out(f"Read it; then luban plant browse {out} shows the nodes with its connection.")


@verb("plant simulate", group=_GROUP, example="luban plant simulate process.yaml --drift hardness:0.2:20")
def simulate_plant(
    process: ProcessPath,
    folder: Annotated[
        Path, typer.Option("--folder", metavar="FOLDER", help="Gets certificates, password and binding.yaml.")
    ] = Path("var/lathe"),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")] = 4840,
    host: Annotated[str, typer.Option("--host", help="Name or address to listen at.")] = "127.0.0.1",
    shaft_s: Annotated[float, typer.Option("--shaft-s", min=0.1, help="Seconds that one shaft takes.")] = 60.0,
    drift: Annotated[
        list[str] | None,
        typer.Option(
            "--drift",
            metavar="QUANTITY:SIZE:START[:LENGTH]",
            help="hardness or imbalance changes by SIZE from shaft START on, over LENGTH shafts; repeat.",
        ),
    ] = None,
    watchdog_s: Annotated[
        float,
        typer.Option("--watchdog-s", min=0.0, help="Without a loop's heartbeat for so long it goes back. 0: never"),
    ] = 0.0,
    seed: SeedOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Serve the simulated lathe over OPC UA until Ctrl-C: encrypted, with a password, as a machine to try things on.

    One line says that it listens, at once, so that scripts can wait for it; certificates, password and binding file
    are made on first use. Its shafts, wear and scatter follow the seed.
    """
    from luban import Process, console
    from luban.plant import Lathe, LatheMachine, SystemClock, simulate_server

    definition = Process.from_yaml(process)
    drifts = tuple(_drift(text) for text in drift or ())
    machine = LatheMachine(Lathe(seed=seed, drifts=drifts), clock=SystemClock(), shaft_s=shaft_s, watchdog_s=watchdog_s)
    _require_lathe(definition)
    _write_roles(folder / "roles.yaml")
    stop = threading.Event()
    with _ended_by_signals(stop):
        simulate_server(
            folder,
            machine=machine,
            host=host,
            port=port,
            started=lambda info: _listening(info, process, as_json),
            stop=stop,
        )
    console.say(f"Stopped after {machine.shafts:,} shafts.")


def _write_roles(path: Path) -> None:
    """Write who may raise the mode of a loop on this machine, when there is no such file: whoever serves it."""
    if path.exists():
        return
    from luban.service.supervisor.people import user_name

    path.parent.mkdir(parents=True, exist_ok=True)
    text = (
        "# Who may do what with a loop on this machine (roles: operator, engineer, supervisor).\n"
        "# Closing it takes two people: add a second one.\n"
        f"luban: 1\npeople: {{{user_name(os.getuid())}: engineer}}\n"
    )
    path.write_text(text, encoding="utf-8")


def _below(nodes: Sequence[BrowsedNode], path: Sequence[str]) -> list[BrowsedNode]:
    """Return the nodes below a list of browse names; names are compared, never parsed."""
    from luban import _core

    chosen = list(nodes)
    for level, name in enumerate(path):
        deeper = [node for node in chosen if len(node.path) > level and node.path[level].name == name]
        if not deeper:
            known = sorted({node.path[level].name for node in chosen if len(node.path) > level})
            raise ConfigurationError(
                where="cli.plant browse",
                expected=f"a browse name below {'/'.join(path[:level]) or 'Objects'}",
                received=repr(name),
                place="--path",
                hint=_core.nearest_hint(name, known) or f"there are {', '.join(known[:20])}",
            )
        chosen = deeper
    return chosen


def _write(out: Path, draft: BindingDraft, force: bool) -> None:
    """Write the draft, the files that it names relative to itself. Raises: IoError."""
    from luban import _core
    from luban.plant import BindingDraft

    def beside(name: str | None) -> str | None:
        if name is None:
            return None
        shown = os.path.relpath(name, out.parent)
        return shown if shown.startswith(".") else f"./{shown}"

    changes: dict[str, Any] = {}
    for key, names in (
        ("security", ("certificate", "private_key", "server_certificate")),
        ("user", ("password_file", "certificate", "private_key")),
    ):
        entry = getattr(draft.binding, key)
        if entry is not None and entry != "none":
            changes[key] = entry.model_copy(update={name: beside(getattr(entry, name)) for name in names})
    placed = BindingDraft(draft.binding.model_copy(update=changes), draft.unmatched, draft.doubts)
    with _core.DurableFile(out, "cli.plant bind") as file:
        file.write(placed.to_yaml().encode())
        file.commit(replace=force)


def _drift(text: str) -> Drift:
    """Read QUANTITY:SIZE:START[:LENGTH]. Raises: ConfigurationError."""
    from luban.plant import Drift

    quantity, *numbers = text.split(":")
    try:
        size, start, length = (float(numbers[0]), *(int(number) for number in [*numbers[1:], "1"][:2]))
        whole = quantity in ("hardness", "imbalance") and len(numbers) in (2, 3) and start >= 0 and length >= 1
    except (ValueError, IndexError):
        whole = False
    if not whole:
        raise ConfigurationError(
            where="cli.plant simulate",
            expected="QUANTITY:SIZE:START or QUANTITY:SIZE:START:LENGTH with hardness or imbalance",
            received=repr(text),
            place="--drift",
            hint="hardness:0.2:20 is 20 % harder material from shaft 20 on",
        )
    return Drift(quantity, size, start, "ramp" if len(numbers) == 3 else "step", length)  # type: ignore[arg-type]


def _require_lathe(process: Process) -> None:
    """Refuse a process that the lathe cannot serve. Raises: ConfigurationError, UnitError."""
    from luban.plant import LatheMachine
    from luban.plant.checks import bound_variables
    from luban.plant.machine import LATHE_RESPONSES

    bound_variables(process, LatheMachine().variables, LATHE_RESPONSES, "the simulated lathe")


@contextmanager
def _ended_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and TERM set ``stop``; a second Ctrl-C interrupts."""

    def ended(number: int, frame: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ended) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listening(info: ServerInfo, process: Path, as_json: bool) -> None:
    import json
    import sys

    said = {
        "ready": True, "endpoint": info.endpoint, "folder": str(info.folder), "binding": str(info.binding),
        "user": info.user, "password_file": str(info.password_file),
    }  # fmt: skip
    if as_json:
        text = json.dumps(said)
    else:
        text = (
            f"ready: {info.endpoint} with {info.binding}\n"
            f"Look at it:         luban plant browse {info.binding}\n"
            f"A binding by names: luban plant bind {process} {info.binding} -o binding.yaml\n"
            f"In a loop file:     plant: {{kind: opcua, binding: {info.binding}}}\n"
            "Ctrl-C ends it."
        )
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
