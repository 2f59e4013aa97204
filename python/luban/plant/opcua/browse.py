"""Looking at a server: every variable that it shows, with unit, range and value."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from luban import _document
from luban.errors import Error
from luban.plant.binding import BindingFile, BrowseName, SecurityEntry, UserEntry
from luban.plant.opcua.asyncua_access import asyncua_module
from luban.plant.opcua.connection import credentials_of, drop_client, open_client
from luban.plant.opcua.nodes import Answer, find_nodes, path_text, read_nodes
from luban.plant.opcua.refusals import as_error
from luban.plant.opcua.unece import unit_of

__all__ = ["BrowsedNode", "access_of", "browse"]

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
    access = access_of(endpoint, security, user, unencrypted_accepted_by)
    return _on_a_loop(_Browser(access, depth).run(credentials_of(access, environment)), access)


def access_of(
    endpoint: str,
    security: SecurityEntry | Literal["none"],
    user: UserEntry | None,
    accepted_by: str | None,
    namespace: str = "urn:unknown",
) -> BindingFile:
    """Return a binding that only says how a server is reached. Raises: ConfigurationError."""
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
