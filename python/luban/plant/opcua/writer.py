"""One write to a server, from the look at what is there to the confirmation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luban.errors import IoError
from luban.plant import gate
from luban.plant.binding import Timeouts
from luban.plant.clock import Clock
from luban.plant.opcua.asyncua_access import asyncua_module
from luban.plant.opcua.connection import Connection
from luban.plant.opcua.nodes import Answer, BoundNode, data_values, read_nodes, write_nodes
from luban.plant.opcua.runs import RunNodes
from luban.plant.state import PlantVariable, StatusCode, VariableRole, WriteOutcome, WriteReason, WriteResult

__all__ = ["PlantNodes", "Writer", "WriterSettings"]

_POLL_S = 0.02
_UINT32 = 2**32


@dataclass(frozen=True)
class PlantNodes:
    """The nodes of a plant as they were found at the latest connect.

    ``extra``: heartbeats (``plant``, ``loop``), ``lease``, and the command nodes ``id`` and ``valid_until``.
    """

    all: Mapping[str, BoundNode] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    run: RunNodes | None = None

    @property
    def variables(self) -> dict[str, PlantVariable]:
        """The variables by name."""
        return {name: node.variable for name, node in self.all.items()}

    @property
    def outputs(self) -> dict[str, BoundNode]:
        """The nodes that may be written."""
        return {name: node for name, node in self.all.items() if node.variable.role is VariableRole.output}

    async def read_all(self, client: Any) -> dict[str, Answer]:
        """Read everything in one request, heartbeat and number of runs with it."""
        wanted = {name: node.node_id for name, node in self.all.items()}
        if "plant" in self.extra:
            wanted["plant heartbeat"] = self.extra["plant"]
        if self.run is not None:
            wanted["run count"] = self.run.count
        return dict(zip(wanted, await read_nodes(client, wanted.values()), strict=True))

    async def read_outputs(self, client: Any) -> dict[str, Answer]:
        """Read the outputs in one request, heartbeat and lease with them."""
        wanted = {name: node.node_id for name, node in self.outputs.items()}
        for key, name in (("plant", "plant heartbeat"), ("lease", "lease holder")):
            if key in self.extra:
                wanted[name] = self.extra[key]
        return dict(zip(wanted, await read_nodes(client, wanted.values()), strict=True))


@dataclass(frozen=True)
class WriterSettings:
    """Our name in the lease node, how long we wait, and the period of the plant's heartbeat."""

    name: str
    timeouts: Timeouts
    period_s: float | None


class Writer:
    """One write from the look at what is there to the confirmation."""

    def __init__(self, connection: Connection, clock: Clock, nodes: PlantNodes, settings: WriterSettings) -> None:
        self._connection, self._clock, self._nodes, self._settings = connection, clock, nodes, settings
        self._timeouts = settings.timeouts
        self._variables = {name: node.variable for name, node in nodes.outputs.items()}
        self._heartbeat: tuple[int, int] | None = None
        self._holder: str | None = None

    def run(self, write: gate.Write, roll_back: bool) -> WriteResult:
        """Do the write. What goes wrong is in the result."""
        try:
            write.compare(self._outputs(self._left_s(write.deadline)), self._variables)
        except IoError as error:
            late = self._clock.monotonic_ns() >= write.deadline
            return write.refused(WriteReason.late if late else WriteReason.disconnected, error.received)
        if self._holder not in (None, self._settings.name):
            return write.refused(WriteReason.lease_lost, f"the plant is held by {self._holder!r}")
        if write.faults:
            return write.refused()
        sent, statuses, detail = self._send(write.values, write.command_id, write.deadline)
        if sent is None:
            return write.refused(WriteReason.late if not detail else WriteReason.disconnected, detail)
        if statuses is None:
            unknown = dict.fromkeys(write.values, StatusCode.BAD_COMMUNICATION_ERROR)
            results = gate.judge(write, unknown, {}, self._variables)
            return WriteResult(write.command_id, WriteOutcome.unknown, results, write.deadline, sent, None, detail)
        results = gate.judge(write, statuses, self._confirmed(write.values, statuses), self._variables)
        outcome = gate.outcome_of(results)
        if roll_back and outcome in (WriteOutcome.partial, WriteOutcome.unknown):
            old = gate.to_restore(results)
            until = self._clock.monotonic_ns() + round(self._timeouts.request_s * 1e9)
            back = self._send(old, f"{write.command_id} rolled back", until)[1] if old else {}
            after = {} if back is None else self._confirmed(old, back)
            results = gate.restored(results, after, self._variables)
            outcome = gate.outcome_of(results)
        return WriteResult(write.command_id, outcome, results, write.deadline, sent, self._clock.monotonic_ns(), detail)

    def _left_s(self, deadline: int) -> float:
        left = (deadline - self._clock.monotonic_ns()) / 1e9
        return max(min(self._timeouts.request_s, left), 0.001)

    def _outputs(self, timeout_s: float) -> dict[str, float | str]:
        answers = self._connection.call("write", self._nodes.read_outputs, timeout_s)
        now = self._clock.monotonic_ns()
        beat = answers.get("plant heartbeat")
        self._heartbeat = None if beat is None or not isinstance(beat.value, int) else (beat.value, now)
        if "lease holder" in answers:
            self._holder = str(answers["lease holder"].value)
        return gate.usable(data_values(self._nodes.outputs, answers, now))

    def _send(
        self, values: Mapping[str, float | str], command_id: str, deadline: int
    ) -> tuple[int | None, dict[str, int] | None, str]:
        """Send values once. Returns when they went out (None: never), the status of each (None: no answer), why."""
        gate_nodes = self._command(command_id, deadline)
        if gate_nodes is None:
            return None, None, ""
        nodes = self._nodes.outputs
        items = [(nodes[name].node_id, nodes[name].encoded(value)) for name, value in values.items()]
        sent: list[int] = []

        async def send(client: Any) -> list[int]:
            now = self._clock.monotonic_ns()  # on the thread that sends, right before it does
            if now >= deadline:
                return []
            sent.append(now)
            return await write_nodes(client, [*gate_nodes, *items])

        left_s = (deadline - self._clock.monotonic_ns()) / 1e9
        if left_s <= 0:
            return None, None, ""
        try:
            statuses = self._connection.call("write", send, min(self._timeouts.request_s, left_s))
        except IoError as error:
            return (sent[0] if sent else None), None, error.received
        if not sent:
            return None, None, ""
        return sent[0], dict(zip(values, statuses[len(gate_nodes) :], strict=True)), ""

    def _command(self, command_id: str, deadline: int) -> list[tuple[Any, Any]] | None:
        """Nodes by which a plant can refuse the command itself when it is late; None when too little time is left.

        The plant's heartbeat says the time: count h, seen at t, ends at the latest one period after t, and count h + k
        at the latest k + 1 periods after it.
        """
        extra, period_s = self._nodes.extra, self._settings.period_s
        if "id" not in extra or period_s is None:
            return []
        if self._heartbeat is None:
            return None
        count, seen = self._heartbeat
        more = math.floor((deadline - seen) / 1e9 / period_s) - 1
        if more < 0:
            return None
        ua = asyncua_module().ua
        return [
            (extra["id"], ua.Variant(command_id, ua.VariantType.String)),
            (extra["valid_until"], ua.Variant((count + more) % _UINT32, ua.VariantType.UInt32)),
        ]

    def _confirmed(self, values: Mapping[str, float | str], statuses: Mapping[str, int]) -> dict[str, float | str]:
        """Read back until all good ones read as written, or the time to confirm is over; {} when the line is lost."""
        until = self._clock.monotonic_ns() + round(self._timeouts.confirm_s * 1e9)
        good = [name for name in values if statuses[name] == StatusCode.GOOD]
        while True:
            try:
                after = self._outputs(self._timeouts.request_s)
            except IoError:
                return {}
            settled = all(n in after and gate.same_value(after[n], values[n], self._variables[n]) for n in good)
            if settled or self._clock.monotonic_ns() >= until:
                return after
            self._clock.sleep(_POLL_S)
