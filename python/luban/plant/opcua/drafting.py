"""A first binding file made from what a server shows.

Nodes are matched by names (without case, blanks and underscores) and units; a person looks over the result, above all
over what is marked as doubtful.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from luban import _document
from luban.plant.binding import BindingFile, SecurityEntry, UserEntry
from luban.plant.checks import same_unit
from luban.plant.opcua.browse import BrowsedNode, access_of, browse

if TYPE_CHECKING:
    from luban.process import Process

__all__ = ["BindingDoubt", "BindingDraft", "bind"]

_TAGS = ("outputs", "inputs", "context")
_NUMBERS = ("Byte", "SByte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double")


@dataclass(frozen=True)
class BindingDoubt:
    """What a person must decide about a draft. ``taken``: a node stands there nevertheless."""

    section: str
    name: str
    why: str
    taken: bool


@dataclass(frozen=True)
class BindingDraft:
    """A binding made by matching, the names of the process for which nothing was found, and what is doubtful."""

    binding: BindingFile
    unmatched: tuple[str, ...]
    doubts: tuple[BindingDoubt, ...] = ()

    def to_yaml(self) -> str:
        """Return the binding file as text; what stands at its default is left out.

        A doubt is a comment that begins with a question mark, where its variable stands or would stand.
        """
        content = {"luban": 1, **self.binding.model_dump(mode="json", exclude_defaults=True)}
        lines = [
            "# Made by names and units from what the server showed: read it before a loop uses it.",
            "# A command gate is never guessed: its nodes are written by hand, where the plant has them.",
        ]
        if self.doubts:
            lines.append(f"# Doubtful, marked by a question mark: {len(self.doubts)}.")
        missing = [section for section in _TAGS if section not in content]
        for section, value in [*content.items(), *((name, {}) for name in missing)]:
            if section in _TAGS:
                lines += self._section(section, value)
                continue
            lines += [f"# ? {doubt.name}: {doubt.why}" for doubt in self.doubts if doubt.section == section]
            lines += _document.dump_yaml({section: value}).splitlines()
        placed = {*content, *missing}
        lines += [f"# ? {doubt.section}: {doubt.why}" for doubt in self.doubts if doubt.section not in placed]
        return "\n".join(lines) + "\n"

    def _section(self, section: str, tags: dict[str, Any]) -> list[str]:
        doubts = [doubt for doubt in self.doubts if doubt.section == section]
        absent = [f"  # ? {doubt.name}: {doubt.why}" for doubt in doubts if not doubt.taken]
        if not tags:
            return [f"# {section}:", *absent] if absent else []
        lines = [f"{section}:"]
        for name, tag in tags.items():
            lines += [f"  # ? {doubt.why}" for doubt in doubts if doubt.taken and doubt.name == name]
            lines += [f"  {line}" for line in _document.dump_yaml({name: tag}).splitlines()]
        return lines + absent


def bind(
    process: Process,
    endpoint: str,
    *,
    security: SecurityEntry | Literal["none"],
    user: UserEntry | None = None,
    unencrypted_accepted_by: str | None = None,
    environment: Callable[[str], str | None] = os.environ.get,
) -> BindingDraft:
    """Make a first binding: a node of the same name and unit for each variable of a process.

    Parameters want nodes that may be written; responses are looked for as arrays beside a node ``RunCount``. Heartbeat
    (``Heartbeat``, ``LoopHeartbeat``) and lease (``Lease``) are found by their names. Where two nodes would do, none
    is taken. A ``command`` gate is never guessed: its heartbeat period cannot be seen.

    Raises: as :func:`luban.plant.browse`.
    """
    nodes = browse(
        endpoint,
        security=security,
        user=user,
        unencrypted_accepted_by=unencrypted_accepted_by,
        environment=environment,
    )
    uris = Counter(part.namespace for node in nodes for part in node.path)
    namespace = uris.most_common(1)[0][0] if uris else "urn:unknown"
    access = access_of(endpoint, security, user, unencrypted_accepted_by, namespace)
    return draft_binding(process, nodes, access)


def draft_binding(process: Process, nodes: Sequence[BrowsedNode], access: BindingFile) -> BindingDraft:
    """Match nodes that were seen; ``access`` says how the server is reached. Raises: ConfigurationError."""
    return _Matcher(nodes, access.namespace).draft(process, access)


class _Matcher:
    def __init__(self, nodes: Sequence[BrowsedNode], namespace: str) -> None:
        self._namespace = namespace
        self._single = [node for node in nodes if not isinstance(node.value, list)]
        self._arrays = [node for node in nodes if isinstance(node.value, list)]
        self._unmatched: list[str] = []
        self._doubts: list[BindingDoubt] = []

    def draft(self, process: Process, access: BindingFile) -> BindingDraft:
        counts = [node for node in self._single if _is_called(node, "RunCount")]
        below = [node for node in self._single if not counts or node.path[:-1] != counts[0].path[:-1]]
        content: dict[str, Any] = {
            "outputs": self._tags("outputs", process.parameters, below),
            "context": self._tags("context", process.context, below),
            "inputs": self._tags("inputs", process.responses, below),
            **self._signals(below),
        }
        if counts:
            inside = [node for node in self._single if node.path[:-1] == counts[0].path[:-1]]
            content["run"] = self._run(process, counts[0], inside)
        else:
            self._doubt("run", "count", "no node RunCount: a loop learns nothing from this plant", False)
        base = access.model_dump(mode="json", exclude_defaults=True)
        whole = {"luban": 1, **base, **{key: value for key, value in content.items() if value}}
        document = _document.Document(whole, "the draft")
        binding = _document.validated(BindingFile, document, "plant.bind")
        return BindingDraft(binding, tuple(self._unmatched), tuple(self._doubts))

    def _signals(self, nodes: Sequence[BrowsedNode]) -> dict[str, Any]:
        beats = {"plant": self._one("Heartbeat", nodes), "loop": self._one("LoopHeartbeat", nodes)}
        lease = self._one("Lease", nodes)
        content: dict[str, Any] = {
            "heartbeat": {key: self._path(node) for key, node in beats.items() if node is not None}
        }
        if beats["plant"] is None:
            self._doubt("heartbeat", "plant", "no one node Heartbeat: nobody sees when the plant stands still", False)
        if beats["loop"] is None:
            self._doubt("heartbeat", "loop", "no one node LoopHeartbeat: the plant cannot see when we stand", False)
        if lease is not None:
            content["lease"] = self._path(lease)
        return content

    def _run(self, process: Process, count: BrowsedNode, inside: Sequence[BrowsedNode]) -> dict[str, Any]:
        settings = self._tags("", process.parameters, inside)
        readings = self._tags("", [*process.noise, *process.responses], self._arrays)
        for response in process.responses:
            if response.name not in readings and not (response.optional or response.late):
                self._doubt("run", response.name, "no array of its readings was found", False)
        return {
            "count": self._path(count),
            "settings": {name: tag["path"] for name, tag in settings.items()},
            "context": self._tags("", process.context, inside),
            "readings": readings,
        }

    def _tags(self, section: str, entries: Sequence[Any], nodes: Sequence[BrowsedNode]) -> dict[str, Any]:
        """Return tags by name; without a ``section`` nothing is doubted."""
        found = {}
        needed = section in ("outputs", "context")
        for entry in entries:
            usable = [node for node in nodes if node.writable] if section == "outputs" else nodes
            node = self._one(entry.name, usable, entry.unit)
            if node is not None:
                unit = {"unit": entry.unit} if entry.unit and node.unit is not None else {}
                found[entry.name] = {"path": self._path(node), **unit}
                for why in _doubts_about(entry, node) if section else ():
                    self._doubt(section, entry.name, why, True)
                continue
            if needed:
                self._unmatched.append(entry.name)
            if needed or (section and sum(_is_called(n, entry.name) and _fits(n, entry.unit) for n in nodes) > 1):
                self._doubt(section, entry.name, _why_none(entry, nodes, section), False)
        return found

    def _doubt(self, section: str, name: str, why: str, taken: bool) -> None:
        self._doubts.append(BindingDoubt(section, name, " ".join(why.split()), taken))

    def _one(self, name: str, nodes: Sequence[BrowsedNode], unit: str = "") -> BrowsedNode | None:
        fitting = [node for node in nodes if _is_called(node, name) and _fits(node, unit)]
        return fitting[0] if len(fitting) == 1 else None

    def _path(self, node: BrowsedNode) -> list[Any]:
        return [
            part.name if part.namespace == self._namespace else {"namespace": part.namespace, "name": part.name}
            for part in node.path
        ]


def _is_called(node: BrowsedNode, name: str) -> bool:
    return _plain(node.name) == _plain(name)


def _fits(node: BrowsedNode, unit: str) -> bool:
    return node.unit is None or same_unit(node.unit, unit)


def _why_none(entry: Any, nodes: Sequence[BrowsedNode], section: str) -> str:
    """Return why no node was taken for a variable."""
    same = [node for node in nodes if _is_called(node, entry.name)]
    if not same:
        return "no node is called so"
    fitting = [node for node in same if _fits(node, entry.unit)]
    if not fitting:
        return f"{same[0].text} is in {same[0].unit or 'no unit'}, the process in {entry.unit or 'no unit'}"
    usable = [node for node in fitting if node.writable or section != "outputs"]
    if not usable:
        return f"{fitting[0].text} may not be written by this user"
    return f"{' and '.join(node.text for node in usable)} would both do: take one"


def _doubts_about(entry: Any, node: BrowsedNode) -> list[str]:
    """Return what would be refused when the plant is connected, or was taken on trust."""
    found = []
    if entry.unit and node.unit is None:
        found.append(
            f"the server states no unit: add unit: {entry.unit} and unit_assumed: true if a person knows that it is"
        )
    categories = list(getattr(entry, "categories", ()) or ())
    if categories and node.data_type in _NUMBERS:
        found.append(f"holds a number ({node.data_type}): add categories: in the order of its numbers, from 0")
    elif not categories and node.data_type not in _NUMBERS:
        found.append(f"holds {node.data_type}, where the process has a number")
    limits = getattr(entry, "limits", None)
    if limits is not None and not categories:
        low = limits.low if math.isfinite(limits.low) else entry.low
        high = limits.high if math.isfinite(limits.high) else entry.high
        if low < node.low or high > node.high:
            found.append(
                f"operating limits {low:g} to {high:g} reach beyond the node's range {node.low:g} to {node.high:g}"
            )
    return found


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
