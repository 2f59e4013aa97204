"""The simulated lathe as nodes of an OPC UA server, and what happens when they are read or written."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from luban.plant.machine import LATHE_OUTPUTS, LATHE_RESPONSES, LatheMachine
from luban.plant.opcua.asyncua_access import asyncua_module
from luban.plant.opcua.unece import NAMESPACE, id_of_unit
from luban.plant.state import DataValue, FinishedRun, PlantVariable, StatusCode

__all__ = ["URI", "LatheNodes", "add_lathe", "browse_name"]

#: Namespace of the nodes of the simulated lathe.
URI = "urn:luban:simulated-lathe"


def browse_name(name: str) -> str:
    """Return the name of a node for one of ours: cutting_speed → CuttingSpeed."""
    return "".join(part.capitalize() for part in name.split("_"))


@dataclass
class LatheNodes:
    """The nodes of a lathe: what is computed when it is read, and what a write does."""

    machine: LatheMachine
    units: Mapping[str, str]
    outputs: dict[Any, str] = field(default_factory=dict)  # node id → name
    values: dict[Any, str] = field(default_factory=dict)  # node id → name, outputs among them
    computed: dict[Any, Callable[[], Any]] = field(default_factory=dict)  # node id → variant
    ids: dict[str, Any] = field(default_factory=dict)  # heartbeat, lease, command nodes by name
    command_id: str = ""
    holder: str = ""
    lease_s: float = 10.0
    loop_count: int = 0
    valid_until: int | None = None
    sign_ns: int = 0  # when the holder of the lease last showed itself

    def snapshot(self) -> dict[Any, Any]:
        """Return the DataValue of every node, all of one moment."""
        ua = asyncua_module().ua
        now = datetime.datetime.now(datetime.UTC)
        found = {}
        values = self.machine.values()
        for node_id, name in self.values.items():
            found[node_id] = _data_value(ua, values[name])
        for node_id, compute in self.computed.items():
            found[node_id] = ua.DataValue(compute(), ServerTimestamp=now, SourceTimestamp=now)
        return found

    def command_holds(self) -> bool:
        """Whether the command of this request may still be done; a request without one is a person's."""
        return self.valid_until is None or self.machine.heartbeat <= self.valid_until

    def write(self, node_id: Any, variant: Any) -> int:
        """Do what a write of one node means. Returns its status."""
        ua = asyncua_module().ua
        if node_id in self.outputs:
            if variant.VariantType != ua.VariantType.Double:
                return int(ua.StatusCodes.BadTypeMismatch)
            variable = LATHE_OUTPUTS[self.outputs[node_id]]
            if not variable.low <= variant.Value <= variable.high:
                return StatusCode.BAD_OUT_OF_RANGE
            if not self.command_holds():
                return StatusCode.BAD_TIMEOUT
            return self.machine.apply(self.outputs[node_id], float(variant.Value), self.command_id)
        if node_id == self.ids["LoopHeartbeat"]:
            self.loop_count = int(variant.Value)
            self.machine.beat(self.loop_count)
            self.sign_ns = self.machine.clock.monotonic_ns()
        elif node_id == self.ids["Lease"]:
            return self._lease(str(variant.Value or ""))
        elif node_id == self.ids["CommandId"]:
            self.command_id = str(variant.Value or "")
        elif node_id == self.ids["CommandValidUntil"]:
            self.valid_until = int(variant.Value)
        else:
            return int(ua.StatusCodes.BadNotWritable)
        return StatusCode.GOOD

    def _lease(self, holder: str) -> int:
        """Take the lease when it is free or its holder has been silent, or give it back."""
        now = self.machine.clock.monotonic_ns()
        silent = now - self.sign_ns > self.lease_s * 1e9
        if holder and self.holder and holder != self.holder and not silent:
            return int(asyncua_module().ua.StatusCodes.BadUserAccessDenied)
        self.holder, self.sign_ns = holder, now
        return StatusCode.GOOD


def _data_value(ua: Any, value: DataValue) -> Any:
    kind = ua.VariantType.String if isinstance(value.value, str) else ua.VariantType.Double
    return ua.DataValue(
        ua.Variant(value.value, kind),
        ua.StatusCode(value.status),
        SourceTimestamp=_moment(value.source_time),
        ServerTimestamp=_moment(value.server_time),
    )


def _moment(nanoseconds: int) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=nanoseconds // 1000)


async def add_lathe(
    server: Any,
    machine: LatheMachine,
    units: Mapping[str, str],
    ranges: Mapping[str, tuple[float, float]],
    lease_s: float,
) -> LatheNodes:
    """Add the object ``Lathe``. ``units`` and ``ranges`` state other ones than the lathe really has (for tests)."""
    index = await server.register_namespace(URI)
    lathe = await server.nodes.objects.add_object(index, "Lathe")
    nodes = LatheNodes(machine, units, lease_s=lease_s)
    await _add_values(nodes, lathe, index, ranges)
    await _add_signals(nodes, lathe, index)
    await _add_run(nodes, await lathe.add_object(index, "Run"), index)
    return nodes


async def _add_values(nodes: LatheNodes, lathe: Any, index: int, ranges: Mapping[str, tuple[float, float]]) -> None:
    ua = asyncua_module().ua
    for name, variable in nodes.machine.variables.items():
        text = bool(variable.categories)
        initial = ua.Variant("", ua.VariantType.String) if text else ua.Variant(0.0, ua.VariantType.Double)
        node = await lathe.add_variable(index, browse_name(name), initial)
        if not text:
            low, high = ranges.get(name, (variable.low, variable.high))
            await _describe(node, nodes.units.get(name, variable.unit), low, high, variable)
        nodes.values[node.nodeid] = name
        if name in LATHE_OUTPUTS:
            await node.set_writable()
            nodes.outputs[node.nodeid] = name


async def _describe(node: Any, unit: str, low: float, high: float, variable: PlantVariable) -> None:
    """Add the properties of an AnalogItem (OPC UA Part 8 §5.3)."""
    ua = asyncua_module().ua
    await node.add_property(0, "EngineeringUnits", ua.Variant(_information(unit), ua.VariantType.ExtensionObject))
    for name, span in (("EURange", (low, high)), ("InstrumentRange", (min(low, variable.low), 2 * max(high, 1.0)))):
        await node.add_property(0, name, ua.Variant(ua.Range(*span), ua.VariantType.ExtensionObject))


def _information(unit: str) -> Any:
    ua = asyncua_module().ua
    return ua.EUInformation(
        NamespaceUri=NAMESPACE,
        UnitId=id_of_unit(unit),
        DisplayName=ua.LocalizedText(unit),
        Description=ua.LocalizedText(unit),
    )


async def _add_signals(nodes: LatheNodes, lathe: Any, index: int) -> None:
    ua = asyncua_module().ua
    number, text = ua.VariantType.UInt32, ua.VariantType.String
    machine = nodes.machine
    signals: dict[str, tuple[Any, bool, Callable[[], Any]]] = {
        "Heartbeat": (number, False, lambda: ua.Variant(machine.heartbeat % 2**32, number)),
        "LoopHeartbeat": (number, True, lambda: ua.Variant(nodes.loop_count, number)),
        "Lease": (text, True, lambda: ua.Variant(nodes.holder, text)),
        "CommandId": (text, True, lambda: ua.Variant(nodes.command_id, text)),
        "CommandValidUntil": (number, True, lambda: ua.Variant(nodes.valid_until or 0, number)),
        "WatchdogTripped": (
            ua.VariantType.Boolean, False, lambda: ua.Variant(machine.watchdog_tripped, ua.VariantType.Boolean),
        ),
    }  # fmt: skip
    for name, (_, writable, compute) in signals.items():
        node = await lathe.add_variable(index, name, compute())
        nodes.computed[node.nodeid] = compute
        nodes.ids[name] = node.nodeid
        if writable:
            await node.set_writable()


async def _add_run(nodes: LatheNodes, run: Any, index: int) -> None:
    ua = asyncua_module().ua
    machine = nodes.machine
    double, text = ua.VariantType.Double, ua.VariantType.String

    def latest() -> FinishedRun | None:
        found = machine.runs_since(machine.shafts - 1) if machine.shafts else []
        return found[-1] if found else None

    def column(name: str, kind: Any) -> Callable[[], Any]:
        def compute() -> Any:
            done = latest()
            return ua.Variant(list(done.readings[name]) if done is not None else [], kind, is_array=True)

        return compute

    def setting(name: str) -> Callable[[], Any]:
        def compute() -> Any:
            done = latest()
            return ua.Variant(float(done.settings[name]) if done is not None else 0.0, double)

        return compute

    def given(name: str) -> Callable[[], Any]:
        def compute() -> Any:
            done = latest()
            return ua.Variant(str(done.context[name]) if done is not None else "", text)

        return compute

    computed: dict[str, Callable[[], Any]] = {
        "RunCount": lambda: ua.Variant(machine.shafts, ua.VariantType.UInt32),
        **{browse_name(name): setting(name) for name in LATHE_OUTPUTS},
        **{browse_name(name): given(name) for name in ("diameter", "tool_wear")},
        "Position": column("position", text),
        **{browse_name(name): column(name, double) for name in LATHE_RESPONSES},
    }
    for name, compute in computed.items():
        node = await run.add_variable(index, name, compute())
        nodes.computed[node.nodeid] = compute
        unit = {browse_name(key): unit for key, unit in LATHE_RESPONSES.items()}.get(name)
        if unit is not None:
            await node.add_property(
                0, "EngineeringUnits", ua.Variant(_information(unit), ua.VariantType.ExtensionObject)
            )
