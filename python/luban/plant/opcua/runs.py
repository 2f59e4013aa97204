"""Finished runs at a server: a count, the settings and context of the latest run, and arrays of its readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luban.plant.binding import BindingFile, TagEntry
from luban.plant.opcua.nodes import BoundNode, find_nodes, read_nodes, variables_of
from luban.plant.state import FinishedRun, VariableRole

__all__ = ["RunNodes", "find_run"]


@dataclass(frozen=True)
class RunNodes:
    """Where the latest finished run is shown."""

    count: Any
    settings: Mapping[str, Any]
    context: Mapping[str, BoundNode]
    readings: Mapping[str, BoundNode]

    @property
    def units(self) -> dict[str, str]:
        """Unit of each reading."""
        return {name: node.variable.unit for name, node in self.readings.items()}

    async def read_count(self, client: Any) -> int:
        """Read the number of finished runs."""
        return int((await read_nodes(client, [self.count]))[0].value or 0)

    async def fetch(self, client: Any) -> tuple[int, FinishedRun] | None:
        """Read the latest run in one request; None when it is not whole, or changed in between."""
        ids = [self.count, *self.settings.values(), *(node.node_id for node in self.context.values())]
        answers = await read_nodes(client, [*ids, *(node.node_id for node in self.readings.values())])
        if any(answer.status >> 30 != 0 or answer.value is None for answer in answers):
            return None
        values = [answer.value for answer in answers]
        count = int(values[0])
        settings = dict(zip(self.settings, values[1:], strict=False))
        context = {
            name: node.decoded(value)
            for (name, node), value in zip(self.context.items(), values[1 + len(self.settings) :], strict=False)
        }
        columns = {
            name: [node.decoded(value) for value in column]
            for (name, node), column in zip(self.readings.items(), values[len(ids) :], strict=True)
        }
        if len({len(column) for column in columns.values()}) != 1:
            return None
        end_time = answers[0].server_time
        return count, FinishedRun(f"run-{count:06d}", settings, context, columns, end_time=end_time)


async def find_run(client: Any, binding: BindingFile) -> RunNodes | None:
    """Find the nodes that a binding names for finished runs; None when it names none.

    Raises: as :func:`luban.plant.opcua.nodes.variables_of`.
    """
    entry = binding.run
    if entry is None:
        return None
    (count, *settings) = await find_nodes(client, [entry.count, *entry.settings.values()], binding.namespace)
    context = await _bound(client, entry.context, VariableRole.context, binding.namespace)
    readings = await _bound(client, entry.readings, VariableRole.input, binding.namespace)
    return RunNodes(count, dict(zip(entry.settings, settings, strict=True)), context, readings)


async def _bound(
    client: Any, entries: Mapping[str, TagEntry], role: VariableRole, namespace: str
) -> dict[str, BoundNode]:
    found, _ = await variables_of(client, {name: (role, tag) for name, tag in entries.items()}, namespace)
    return found
