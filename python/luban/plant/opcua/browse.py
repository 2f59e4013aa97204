"""Looking at a server, and a first binding file made from what it shows.

Nodes are matched by names (without case, blanks and underscores) and units; a person looks over the result.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from luban import _document
from luban.errors import Error
from luban.plant.binding import BindingFile, BrowseName, SecurityEntry, UserEntry
from luban.plant.checks import same_unit
from luban.plant.opcua.asyncua_access import asyncua_module
from luban.plant.opcua.connection import credentials_of, drop_client, open_client
from luban.plant.opcua.nodes import Answer, find_nodes, path_text, read_nodes
from luban.plant.opcua.refusals import as_error
from luban.plant.opcua.unece import unit_of

if TYPE_CHECKING:
    from luban.process import Process

__all__ = ["BindingDraft", "BrowsedNode", "bind", "browse"]

_MOST = 20_000  # nodes; a server may be endless
_STANDARD = "http://opcfoundation.org/UA/"


@dataclass(frozen=True)
class BrowsedNode:
    """One variable of a server. ``unit`` is None when it states none; ranges are infinite then."""

    path: tuple[BrowseName, ...]
    value: Any
    status: int
    data_type: str
    unit: str | None
    low: float
    high: float
    writable: bool

    @property
    def name(self) -> str:
        """The last browse name."""
        return self.path[-1].name

    @property
    def text(self) -> str:
        """The path for people."""
        return path_text(self.path)


@dataclass(frozen=True)
class BindingDraft:
    """A binding made by matching, and the names of the process for which nothing was found."""

    binding: BindingFile
    unmatched: tuple[str, ...]

    def to_yaml(self) -> str:
        """Return the binding file as text; what stands at its default is left out."""
        content = self.binding.model_dump(mode="json", exclude_defaults=True)
        return _document.dump_yaml({"luban": 1, **content})


def browse(
    endpoint: str,
    *,
    security: SecurityEntry | Literal["none"],
    user: UserEntry | None = None,
    unencrypted_accepted_by: str | None = None,
    depth: int = 8,
    environment: Callable[[str], str | None] = os.environ.get,
) -> list[BrowsedNode]:
    """Return all variables below ``Objects``, without the standard ones of every server, sorted by path.

    Raises: IoError when the server cannot be reached or refuses us; ConfigurationError for what was given.
    """
    access = _access(endpoint, security, user, unencrypted_accepted_by)
    return _on_a_loop(_Browser(access, depth).run(credentials_of(access, environment)), access)


def _access(
    endpoint: str,
    security: SecurityEntry | Literal["none"],
    user: UserEntry | None,
    accepted_by: str | None,
    namespace: str = "urn:unknown",
) -> BindingFile:
    content: dict[str, Any] = {"luban": 1, "endpoint": endpoint, "namespace": namespace, "security": security}
    if user is not None:
        content["user"] = user
    if accepted_by is not None:
        content["unencrypted_accepted_by"] = accepted_by
    return _document.validated(BindingFile, _document.Document(content, "the connection"), "plant.browse")


def _on_a_loop(work: Any, access: BindingFile) -> list[BrowsedNode]:
    async def whole() -> tuple[list[BrowsedNode] | None, BaseException | None]:
        task = asyncio.ensure_future(work)
        await asyncio.wait([task])
        fault = task.exception()
        return (task.result() if fault is None else None), fault

    found, fault = asyncio.run(whole())
    if found is None and fault is not None:
        raise fault if isinstance(fault, Error) else as_error(fault, "browse", access.endpoint) from fault
    return found or []


class _Browser:
    def __init__(self, access: BindingFile, depth: int) -> None:
        self._access, self._depth = access, depth

    async def run(self, credentials: Any) -> list[BrowsedNode]:
        client = await open_client(self._access, credentials)
        try:
            ua = asyncua_module().ua
            uris = (await read_nodes(client, [ua.NodeId(ua.ObjectIds.Server_NamespaceArray)]))[0].value
            variables = await self._variables(client, uris)
            return await self._described(client, variables)
        finally:
            await client.uaclient.close_session(True)
            drop_client(client)

    async def _variables(self, client: Any, uris: Sequence[str]) -> dict[Any, tuple[BrowseName, ...]]:
        """Breadth first, each node once; properties are no variables of a process."""
        ua = asyncua_module().ua
        found: dict[Any, tuple[BrowseName, ...]] = {}
        level: dict[Any, tuple[BrowseName, ...]] = {ua.NodeId(ua.ObjectIds.ObjectsFolder): ()}
        seen = set(level)
        for _ in range(self._depth):
            following: dict[Any, tuple[BrowseName, ...]] = {}
            for node_id, path in level.items():
                for reference in await _children(client, node_id):
                    if reference.NodeId in seen or reference.BrowseName.NamespaceIndex == 0 or len(seen) > _MOST:
                        continue
                    seen.add(reference.NodeId)
                    name = BrowseName(
                        namespace=uris[reference.BrowseName.NamespaceIndex], name=reference.BrowseName.Name
                    )
                    following[reference.NodeId] = (*path, name)
                    if reference.NodeClass == ua.NodeClass.Variable:
                        found[reference.NodeId] = (*path, name)
            level = following
        return found

    async def _described(self, client: Any, variables: dict[Any, tuple[BrowseName, ...]]) -> list[BrowsedNode]:
        ua = asyncua_module().ua
        ids = list(variables)
        values = await read_nodes(client, ids)
        access = await read_nodes(client, ids, ua.AttributeIds.UserAccessLevel)
        kinds = await read_nodes(client, ids, ua.AttributeIds.DataType)
        names = ("EngineeringUnits", "EURange")
        paths = [[*variables[i], BrowseName(namespace=_STANDARD, name=name)] for i in ids for name in names]
        property_ids = await find_nodes(client, paths, _STANDARD, missing_ok=True)
        facts = iter(await read_nodes(client, [i for i in property_ids if i is not None]))
        said = [next(facts).value if i is not None else None for i in property_ids]
        nodes = [
            _node(variables[ids[at]], values[at], access[at], kinds[at], said[2 * at], said[2 * at + 1])
            for at in range(len(ids))
        ]
        return sorted(nodes, key=lambda node: node.text)


async def _children(client: Any, node_id: Any) -> list[Any]:
    ua = asyncua_module().ua
    description = ua.BrowseDescription(
        NodeId=node_id,
        BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
        IncludeSubtypes=True,
        NodeClassMask=ua.NodeClass.Object | ua.NodeClass.Variable,
        ResultMask=ua.BrowseResultMask.All,
    )
    session = client.uaclient.session
    results = await session.browse(ua.BrowseParameters(NodesToBrowse=[description]))
    found = list(results[0].References or [])
    while results[0].ContinuationPoint:
        more = ua.BrowseNextParameters(ContinuationPoints=[results[0].ContinuationPoint])
        results = await session.browse_next(more)
        found += list(results[0].References or [])
    return found


def _node(
    path: tuple[BrowseName, ...], value: Answer, access: Answer, kind: Answer, information: Any, span: Any
) -> BrowsedNode:
    unit = None
    if information is not None:
        display = None if information.DisplayName is None else information.DisplayName.Text
        unit = unit_of(information.NamespaceUri, int(information.UnitId), display)
    low, high = (float("-inf"), float("inf")) if span is None else (float(span.Low), float(span.High))
    return BrowsedNode(
        path, value.value, value.status, _type_name(kind.value), unit, low, high, bool(int(access.value or 0) & 2)
    )


def _type_name(data_type: Any) -> str:
    ua = asyncua_module().ua
    if data_type is not None and data_type.NamespaceIndex == 0 and data_type.Identifier in range(1, 26):
        return str(ua.VariantType(data_type.Identifier).name)
    return "other"


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

    Raises: as :func:`browse`.
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
    access = _access(endpoint, security, user, unencrypted_accepted_by, namespace)
    return _Matcher(nodes, namespace).draft(process, access)


class _Matcher:
    def __init__(self, nodes: Sequence[BrowsedNode], namespace: str) -> None:
        self._namespace = namespace
        self._single = [node for node in nodes if not isinstance(node.value, list)]
        self._arrays = [node for node in nodes if isinstance(node.value, list)]
        self._unmatched: list[str] = []

    def draft(self, process: Process, access: BindingFile) -> BindingDraft:
        counts = [node for node in self._single if _plain(node.name) == "runcount"]
        below = [node for node in self._single if not counts or node.path[:-1] != counts[0].path[:-1]]
        inside = [node for node in self._single if counts and node.path[:-1] == counts[0].path[:-1]]
        content: dict[str, Any] = {
            "outputs": self._tags(process.parameters, [node for node in below if node.writable]),
            "context": self._tags(process.context, below),
            "inputs": self._tags(process.responses, below, needed=False),
        }
        signals = {key: self._one(key, below) for key in ("heartbeat", "loopheartbeat", "lease")}
        beats = {"plant": signals["heartbeat"], "loop": signals["loopheartbeat"]}
        content["heartbeat"] = {key: self._path(node) for key, node in beats.items() if node is not None}
        if signals["lease"] is not None:
            content["lease"] = self._path(signals["lease"])
        if counts:
            content["run"] = {
                "count": self._path(counts[0]),
                "settings": {n: t["path"] for n, t in self._tags(process.parameters, inside, needed=False).items()},
                "context": self._tags(process.context, inside, needed=False),
                "readings": self._tags([*process.noise, *process.responses], self._arrays),
            }
        base = access.model_dump(mode="json", exclude_defaults=True)
        whole = {"luban": 1, **base, **{key: value for key, value in content.items() if value}}
        document = _document.Document(whole, "the draft")
        binding = _document.validated(BindingFile, document, "plant.bind")
        return BindingDraft(binding, tuple(self._unmatched))

    def _tags(self, entries: Sequence[Any], nodes: Sequence[BrowsedNode], *, needed: bool = True) -> dict[str, Any]:
        found = {}
        for entry in entries:
            node = self._one(_plain(entry.name), nodes, entry.unit)
            if node is not None:
                unit = {"unit": entry.unit} if entry.unit and node.unit is not None else {}
                found[entry.name] = {"path": self._path(node), **unit}
            elif needed:
                self._unmatched.append(entry.name)
        return found

    def _one(self, name: str, nodes: Sequence[BrowsedNode], unit: str = "") -> BrowsedNode | None:
        same = [node for node in nodes if _plain(node.name) == name]
        fitting = [node for node in same if node.unit is None or same_unit(node.unit, unit)]
        return fitting[0] if len(fitting) == 1 else None

    def _path(self, node: BrowsedNode) -> list[Any]:
        return [
            part.name if part.namespace == self._namespace else {"namespace": part.namespace, "name": part.name}
            for part in node.path
        ]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
