"""Nodes of a server: finding them by browse names, asking for their units and ranges, reading and writing them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luban.errors import ConfigurationError, UnitError
from luban.plant.binding import BrowseName, TagEntry
from luban.plant.checks import check_unit
from luban.plant.opcua.asyncua_access import asyncua_module
from luban.plant.opcua.unece import unit_of
from luban.plant.state import MISSING_TIME, DataValue, PlantVariable, StatusCode, VariableRole

__all__ = ["Answer", "BoundNode", "find_nodes", "path_text", "read_nodes", "variables_of", "write_nodes"]

Path = Sequence[str | BrowseName]
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
#: Properties of an AnalogItem (OPC UA Part 8 §5.3), in the order in which they are asked for.
_PROPERTIES = ("EngineeringUnits", "EURange", "InstrumentRange")


@dataclass(frozen=True)
class BoundNode:
    """A variable and its node."""

    variable: PlantVariable
    node_id: Any
    variant_type: Any
    categories: tuple[str, ...] = ()  # the node holds the number of one

    def decoded(self, value: Any) -> float | str:
        """Return a value of the node as one of ours; NaN or "" when it is none."""
        text = bool(self.categories) or self.variant_type.name == "String"
        if isinstance(value, bool | int | float):
            if self.categories:
                number = int(value)
                return self.categories[number] if number == value and 0 <= number < len(self.categories) else ""
            return "" if text else float(value)
        if isinstance(value, str):
            return value if text else math.nan
        return "" if text else math.nan

    def encoded(self, value: float | str) -> Any:
        """Return the variant that a value is written as."""
        ua = asyncua_module().ua
        if self.categories:
            value = self.categories.index(str(value))
        whole = self.variant_type.name in _WHOLE
        return ua.Variant(int(value) if whole else value, self.variant_type)


_WHOLE = {"SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"}


@dataclass(frozen=True)
class Answer:
    """One node's answer to a read: value as it is, status code, server time (UTC ns)."""

    value: Any
    status: int
    server_time: int


def path_text(path: Path) -> str:
    """Return a path for people."""
    return "/".join(part if isinstance(part, str) else part.name for part in path)


async def find_nodes(client: Any, paths: Sequence[Path], namespace: str, *, missing_ok: bool = False) -> list[Any]:
    """Return the node id of each path from Objects on, in one request; None for one that is missing, if allowed.

    Raises: ConfigurationError naming a namespace or path that the server does not have.
    """
    ua = asyncua_module().ua
    indices = await _namespaces(client)
    requests = []
    for path in paths:
        relative = ua.RelativePath()
        for part in path:
            uri, name = (namespace, part) if isinstance(part, str) else (part.namespace, part.name)
            relative.Elements.append(_element(ua, name, _index(indices, uri, path)))
        requests.append(ua.BrowsePath(StartingNode=ua.NodeId(ua.ObjectIds.ObjectsFolder), RelativePath=relative))
    answers = await client.uaclient.session.translate_browsepaths_to_nodeids(requests) if requests else []
    found = []
    for path, answer in zip(paths, answers, strict=True):
        good = answer.StatusCode.is_good() and len(answer.Targets) == 1
        if not good and not missing_ok:
            raise ConfigurationError(
                where="plant.bind",
                expected="one node at each path of the binding",
                received="none" if not answer.Targets else "several",
                place=path_text(path),
                hint="luban plant browse shows what there is",
            )
        found.append(answer.Targets[0].TargetId if good else None)
    return found


async def _namespaces(client: Any) -> dict[str, int]:
    ua = asyncua_module().ua
    answers = await read_nodes(client, [ua.NodeId(ua.ObjectIds.Server_NamespaceArray)])
    return {uri: index for index, uri in enumerate(answers[0].value or [])}


def _index(indices: Mapping[str, int], uri: str, path: Path) -> int:
    if uri not in indices:
        raise ConfigurationError(
            where="plant.bind",
            expected="a namespace that the server has: " + ", ".join(list(indices)[1:]),
            received=repr(uri),
            place=path_text(path),
        )
    return indices[uri]


def _element(ua: Any, name: str, index: int) -> Any:
    return ua.RelativePathElement(
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
        IsInverse=False,
        IncludeSubtypes=True,
        TargetName=ua.QualifiedName(name, index),
    )


async def read_nodes(client: Any, node_ids: Iterable[Any], attribute: Any = None) -> list[Answer]:
    """Read many nodes in one request, with the status of each.

    Only server times are asked for: asyncua reads picoseconds in the wrong order when both are sent (server times in
    the year 9999 from servers that send them).
    """
    ua = asyncua_module().ua
    which = ua.AttributeIds.Value if attribute is None else attribute
    items = [ua.ReadValueId(NodeId=node_id, AttributeId=which) for node_id in node_ids]
    if not items:
        return []
    request = ua.ReadParameters(MaxAge=0, TimestampsToReturn=ua.TimestampsToReturn.Server, NodesToRead=items)
    values = await client.uaclient.session.read(request)
    return [_answer(value) for value in values]


def _answer(value: Any) -> Answer:
    status = StatusCode.GOOD if value.StatusCode is None else int(value.StatusCode.value)
    inner = None if value.Value is None else value.Value.Value
    return Answer(inner, status, _nanoseconds(value.ServerTimestamp))


def _nanoseconds(moment: datetime.datetime | None) -> int:
    if moment is None:
        return MISSING_TIME
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
    passed = aware - _EPOCH
    return (passed.days * 86400 + passed.seconds) * 10**9 + passed.microseconds * 1000


async def write_nodes(client: Any, items: Sequence[tuple[Any, Any]]) -> list[int]:
    """Write (node id, variant) pairs in one request; return the status of each."""
    ua = asyncua_module().ua
    values = [
        ua.WriteValue(NodeId=node_id, AttributeId=ua.AttributeIds.Value, Value=ua.DataValue(variant))
        for node_id, variant in items
    ]
    answers = await client.uaclient.session.write(ua.WriteParameters(NodesToWrite=values))
    return [int(answer.value) for answer in answers]


async def variables_of(
    client: Any, tags: Mapping[str, tuple[VariableRole, TagEntry]], namespace: str
) -> tuple[dict[str, BoundNode], list[str]]:
    """Find the nodes of all tags and what the server says of them: type, unit, ranges, whether we may write.

    Returns the nodes and notes for the audit. Raises: ConfigurationError, UnitError for what does not fit.
    """
    ua = asyncua_module().ua
    names = list(tags)
    paths: list[Path] = [tags[name][1].path for name in names]
    node_ids = await find_nodes(client, paths, namespace)
    standard = [BrowseName(namespace=_UA, name=name) for name in _PROPERTIES]
    property_paths = [[*path, part] for path in paths for part in standard]
    property_ids = await find_nodes(client, property_paths, namespace, missing_ok=True)
    known = [node_id for node_id in property_ids if node_id is not None]
    facts = iter(await read_nodes(client, known))
    said = [next(facts).value if node_id is not None else None for node_id in property_ids]
    kinds = await read_nodes(client, node_ids, ua.AttributeIds.DataType)
    values = await _variants(client, node_ids)
    access = await read_nodes(client, node_ids, ua.AttributeIds.UserAccessLevel)
    bound, notes = {}, []
    for at, name in enumerate(names):
        role, tag = tags[name]
        unit, low, high, note = _range(name, tag, said[3 * at : 3 * at + 3])
        notes += [note] if note else []
        if role is VariableRole.output and not int(access[at].value or 0) & 0b10:
            raise _read_only(name, tag)
        kind = _variant_type(ua, kinds[at].value, values[at])
        bound[name] = BoundNode(
            _variable(name, role, tag, kind, (unit, low, high)), node_ids[at], kind, _categories(tag)
        )
    return bound, notes


def _categories(tag: TagEntry) -> tuple[str, ...]:
    return tuple(tag.categories or ())


def _variable(name: str, role: VariableRole, tag: TagEntry, kind: Any, said: tuple[str, float, float]) -> PlantVariable:
    unit, low, high = said
    tolerance = _tolerance(tag, kind, low, high)
    whole = kind.name in _WHOLE and not tag.categories
    return PlantVariable(name, role, unit, low, high, _categories(tag), tolerance, whole)


def _read_only(name: str, tag: TagEntry) -> ConfigurationError:
    return ConfigurationError(
        where="plant.bind",
        expected=f"a node that this user may write for {name!r}",
        received="one that may only be read",
        place=path_text(tag.path),
    )


_UA = "http://opcfoundation.org/UA/"


async def _variants(client: Any, node_ids: Sequence[Any]) -> list[Any]:
    ua = asyncua_module().ua
    items = [ua.ReadValueId(NodeId=node_id, AttributeId=ua.AttributeIds.Value) for node_id in node_ids]
    request = ua.ReadParameters(MaxAge=0, TimestampsToReturn=ua.TimestampsToReturn.Server, NodesToRead=items)
    return [value.Value for value in await client.uaclient.session.read(request)] if items else []


def _variant_type(ua: Any, data_type: Any, variant: Any) -> Any:
    """Return the built-in type of a node: its DataType when that is one, else the type of its present value."""
    if data_type is not None and data_type.NamespaceIndex == 0 and data_type.Identifier in range(1, 26):
        return ua.VariantType(data_type.Identifier)
    return ua.VariantType.Double if variant is None else variant.VariantType


def _range(name: str, tag: TagEntry, said: Sequence[Any]) -> tuple[str, float, float, str]:
    """Return unit and range of a variable and perhaps a note; EURange must lie within InstrumentRange."""
    information, normal, instrument = said
    note = ""
    unit = None
    if information is not None:
        display = None if information.DisplayName is None else information.DisplayName.Text
        unit = unit_of(information.NamespaceUri, int(information.UnitId), display)
        if unit is None:
            raise UnitError(
                where="plant.bind",
                expected=f"a unit that is known for {name!r}",
                received=f"{display!r} (id {information.UnitId})",
                place=path_text(tag.path),
            )
    if unit is not None and tag.unit is not None:
        check_unit(name, tag.unit, unit, f"the binding and the server, {path_text(tag.path)}")
    if unit is None and tag.unit_assumed:
        unit = tag.unit
        note = f"{name}: the server states no unit; taken as {tag.unit!r} as the binding says"
    if unit is None and tag.unit not in (None, ""):
        raise UnitError(
            where="plant.bind",
            expected=f"EngineeringUnits {tag.unit!r} at the node of {name!r}",
            received="none",
            place=path_text(tag.path),
            hint="`unit_assumed: true` takes the binding's word; it is recorded",
        )
    low, high = (-math.inf, math.inf) if normal is None else (float(normal.Low), float(normal.High))
    if normal is not None and instrument is not None and not instrument.Low <= low <= high <= instrument.High:
        raise ConfigurationError(
            where="plant.bind",
            expected=f"EURange of {name!r} within its InstrumentRange {instrument.Low:g} to {instrument.High:g}",
            received=f"{low:g} to {high:g}",
            place=path_text(tag.path),
        )
    return unit or "", low, high, note


def _tolerance(tag: TagEntry, variant_type: Any, low: float, high: float) -> float:
    """How far a read-back may be off: as stated, else the rounding of the node's type over its range."""
    if tag.tolerance is not None:
        return tag.tolerance
    reach = max(abs(low), abs(high)) if math.isfinite(low) and math.isfinite(high) else 1.0
    return reach * (1e-6 if variant_type.name == "Float" else 1e-12)


def data_values(nodes: Mapping[str, BoundNode], answers: Mapping[str, Answer], receipt_ns: int) -> dict[str, DataValue]:
    """Return answers as values of ours; a good status without a value is bad."""
    found = {}
    for name, node in nodes.items():
        answer = answers[name]
        value = node.decoded(answer.value)
        status = answer.status
        if answer.value is None and status >> 30 == 0:
            status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA
        found[name] = DataValue(name, value, node.variable.unit, status, answer.server_time, receipt_ns)
    return found
