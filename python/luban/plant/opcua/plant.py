"""A plant behind an OPC UA server."""

from __future__ import annotations

import math
import os
import socket
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban.errors import Error, IoError, LifecycleError
from luban.plant import gate
from luban.plant.binding import BindingFile, read_binding
from luban.plant.checks import bound_variables
from luban.plant.clock import Clock, SystemClock
from luban.plant.lease import FileLease
from luban.plant.opcua.asyncua_access import asyncua_module
from luban.plant.opcua.connection import Connection, ConnectionState, credentials_of
from luban.plant.opcua.nodes import Answer, BoundNode, data_values, find_nodes, read_nodes, variables_of, write_nodes
from luban.plant.opcua.runs import RunNodes, find_run
from luban.plant.state import (
    DataValue,
    FinishedRun,
    PlantState,
    PlantVariable,
    StatusCode,
    VariableRole,
    WriteOutcome,
    WriteReason,
    WriteResult,
)

if TYPE_CHECKING:
    from luban.plant.protocol import WritableSetpoint
    from luban.process import Process

__all__ = ["OpcuaPlant"]

_POLL_S = 0.02
_UINT32 = 2**32


class OpcuaPlant:
    """A plant that a binding file describes: ``OpcuaPlant(process, "binding.yaml")``.

    A write is: read the outputs (shows that the server answers, and what is there), compare with what is expected,
    look at the clock, send one request, read back. A server that has stopped may still hold a request that it got in
    time; then the outcome is ``unknown``, and only a plant with ``command`` nodes can refuse it itself.

    Raises: IoError, ConfigurationError for the binding file; NotBuiltError without asyncua.
    """

    is_real = True

    def __init__(
        self,
        process: Process,
        binding: BindingFile | str | Path,
        *,
        clock: Clock | None = None,
        leases: Path | None = None,
        environment: Callable[[str], str | None] = os.environ.get,
        channel_s: float = 3600.0,
    ) -> None:
        asyncua_module()
        self._process = process
        self._binding = binding if isinstance(binding, BindingFile) else read_binding(binding)
        self._clock: Clock = SystemClock() if clock is None else clock
        self._lease = FileLease(self._binding.endpoint, leases)
        self._name = f"luban {socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"
        self._environment, self._channel_ms = environment, round(channel_s * 1000)
        self._connection: Connection | None = None
        self._nodes: dict[str, BoundNode] = {}
        self._variables: dict[str, PlantVariable] = {}
        self._extra: dict[str, Any] = {}
        self._run: RunNodes | None = None
        self._count: int | None = None
        self._notes: list[str] = []
        self._closed = False
        self._lock = threading.Lock()

    @property
    def clock(self) -> Clock:
        """The clock of deadlines; only a real one makes sense for a real plant."""
        return self._clock

    @property
    def variables(self) -> Mapping[str, PlantVariable]:
        """All variables by name; empty before :meth:`connect`."""
        return self._variables

    @property
    def notes(self) -> Sequence[str]:
        """What an audit should record: no encryption and who accepted it, units taken on our word."""
        accepted = self._binding.unencrypted_accepted_by
        return [*([f"connection without encryption, accepted by {accepted}"] if accepted else []), *self._notes]

    @property
    def state(self) -> ConnectionState:
        """Where the connection is."""
        return ConnectionState.new if self._connection is None else self._connection.state

    def connect(self) -> None:
        """Take the lease, connect, and check names, units and ranges.

        Raises: IoError when the server cannot be reached or refuses us; UnitError, ConfigurationError when it does not
        fit; LifecycleError when another loop holds the plant, or after close.
        """
        if self._connection is not None or self._closed:
            raise self._wrong_time("connect", "a plant that was not connected before")
        credentials = credentials_of(self._binding, self._environment)
        self._lease.take()
        connection = Connection(self._binding, credentials, self._clock, self._bind, self._channel_ms)
        try:
            connection.open()
        except Error:
            self._lease.give_back()
            raise
        self._connection = connection

    async def _bind(self, client: Any) -> None:
        """Find nodes and check them; after every connect, since a server may have changed while it was away."""
        binding = self._binding
        roles = (
            (VariableRole.output, binding.outputs),
            (VariableRole.input, binding.inputs),
            (VariableRole.context, binding.context),
        )
        tags = {name: (role, tag) for role, entries in roles for name, tag in entries.items()}
        nodes, notes = await variables_of(client, tags, binding.namespace)
        run = await find_run(client, binding)
        offered = {name: self._with_categories(node) for name, node in nodes.items()}
        responses = {response.name: response.unit for response in self._process.responses} if run is None else run.units
        variables = bound_variables(self._process, offered, responses, binding.endpoint)
        extra = await self._find_extra(client)
        await self._take_lease_node(client, extra)
        count = None if run is None else await run.read_count(client)
        nodes = {
            name: BoundNode(variables[name], node.node_id, node.variant_type, node.categories)
            for name, node in nodes.items()
            if name in variables
        }
        self._nodes, self._variables, self._extra, self._run, self._notes = nodes, variables, extra, run, notes
        if self._count is None:
            self._count = count  # runs that finished before are not ours

    def _with_categories(self, node: BoundNode) -> PlantVariable:
        """Give a text node, which states no categories, those of the process: it is checked value by value."""
        variable = node.variable
        if node.variant_type.name != "String":
            return variable
        known = {entry.name: entry.categories for entry in (*self._process.parameters, *self._process.context)}
        return PlantVariable(variable.name, variable.role, categories=tuple(known.get(variable.name, ())))

    async def _find_extra(self, client: Any) -> dict[str, Any]:
        binding = self._binding
        wanted = {
            "plant": binding.heartbeat.plant,
            "loop": binding.heartbeat.loop,
            "lease": binding.lease,
            "id": None if binding.command is None else binding.command.id,
            "valid_until": None if binding.command is None else binding.command.valid_until,
        }
        paths = {key: path for key, path in wanted.items() if path is not None}
        found = await find_nodes(client, list(paths.values()), binding.namespace)
        return dict(zip(paths, found, strict=True))

    async def _take_lease_node(self, client: Any, extra: Mapping[str, Any]) -> None:
        if "lease" not in extra:
            return
        ua = asyncua_module().ua
        await write_nodes(client, [(extra["lease"], ua.Variant(self._name, ua.VariantType.String))])
        holder = (await read_nodes(client, [extra["lease"]]))[0].value
        if holder != self._name:
            raise self._held("connect", repr(holder))

    def _held(self, call: str, holder: str) -> LifecycleError:
        return LifecycleError(
            where=f"plant.{call}",
            expected="a plant that no other loop holds",
            received=f"one that {holder} holds",
            place=self._binding.endpoint,
            hint="one plant, one loop: stop the other one first",
        )

    def read(self) -> PlantState:
        """Read everything in one request; a run that has finished takes a second one.

        Raises: IoError while the line is down (it is made again in the background); LifecycleError when not connected.
        """
        connection = self._line("read")
        with self._lock:
            begun = self._clock.monotonic_ns()
            answers = connection.call("read", self._read_all, self._binding.timeouts.request_s)
            receipt, receipt_time = self._clock.monotonic_ns(), self._clock.utc_ns()
            finished = self._finished(connection, answers.get("run count"))
        values = data_values(self._nodes, answers, receipt)
        beat = answers.get("plant heartbeat")
        alive = beat is not None and beat.status >> 30 == 0 and isinstance(beat.value, int)
        return PlantState(
            inputs=self._of_role(values, VariableRole.input),
            outputs=self._of_role(values, VariableRole.output),
            context=self._of_role(values, VariableRole.context),
            heartbeat=int(beat.value) if beat is not None and alive else None,
            connection=connection.count,
            request_ns=begun,
            receipt_ns=receipt,
            receipt_time=receipt_time,
            finished=finished,
        )

    async def _read_all(self, client: Any) -> dict[str, Answer]:
        wanted = {name: node.node_id for name, node in self._nodes.items()}
        if "plant" in self._extra:
            wanted["plant heartbeat"] = self._extra["plant"]
        if self._run is not None:
            wanted["run count"] = self._run.count
        return dict(zip(wanted, await read_nodes(client, wanted.values()), strict=True))

    def _finished(self, connection: Connection, count: Answer | None) -> tuple[FinishedRun, ...]:
        """Fetch the latest run when the plant's count has changed; runs in between are not there any more."""
        run = self._run
        if run is None or count is None or count.status >> 30 != 0 or count.value in (None, 0, self._count):
            return ()
        found = connection.call("read", run.fetch, self._binding.timeouts.request_s)
        if found is None:
            return ()  # it changed while we read: the next read takes it
        self._count, finished = found
        return (finished,)

    def _of_role(self, values: Mapping[str, DataValue], role: VariableRole) -> dict[str, DataValue]:
        return {name: value for name, value in values.items() if self._variables[name].role is role}

    def write(self, setpoint: WritableSetpoint, *, roll_back: bool = False) -> WriteResult:
        """Write a group and confirm it; see the class and the protocol."""
        connection = self._open("write")
        write = gate.examine(setpoint, self._variables)
        if write.faults:
            return write.refused()
        if self._clock.monotonic_ns() >= write.deadline:
            return write.refused(WriteReason.late)
        with self._lock:
            return _Writer(self, connection, write).run(roll_back)

    def read_back(self) -> Mapping[str, DataValue]:
        """Read the outputs alone. Raises: as :meth:`read`."""
        connection = self._line("read_back")
        with self._lock:
            answers = connection.call("read_back", self._read_outputs, self._binding.timeouts.request_s)
        return data_values(self._output_nodes(), answers, self._clock.monotonic_ns())

    def _output_nodes(self) -> dict[str, BoundNode]:
        return {name: node for name, node in self._nodes.items() if node.variable.role is VariableRole.output}

    async def _read_outputs(self, client: Any) -> dict[str, Answer]:
        nodes = self._output_nodes()
        wanted = {name: node.node_id for name, node in nodes.items()}
        for key, name in (("plant", "plant heartbeat"), ("lease", "lease holder")):
            if key in self._extra:
                wanted[name] = self._extra[key]
        return dict(zip(wanted, await read_nodes(client, wanted.values()), strict=True))

    def beat(self, counter: int) -> None:
        """Write our counter (modulo 2³²) and renew the lease.

        Raises: IoError when the plant does not take the counter, or the line is down; LifecycleError when another loop
        holds the plant by now.
        """
        connection = self._line("beat")
        ua = asyncua_module().ua
        variants = {
            "lease": ua.Variant(self._name, ua.VariantType.String),
            "loop": ua.Variant(counter % _UINT32, ua.VariantType.UInt32),
        }
        items = {key: (self._extra[key], variant) for key, variant in variants.items() if key in self._extra}
        if not items:
            return
        with self._lock:
            answers = connection.call(
                "beat", lambda client: write_nodes(client, list(items.values())), self._binding.timeouts.request_s
            )
        statuses = dict(zip(items, answers, strict=True))
        if statuses.get("lease", 0) >> 30 != 0:
            raise self._held("beat", "another loop")
        if statuses.get("loop", 0) >> 30 != 0:
            raise IoError(
                where="plant.beat",
                expected="a plant that takes our counter",
                received=f"status {statuses['loop']:#010x}",
                place=self._binding.endpoint,
            )

    def close(self) -> None:
        """Give both leases back and disconnect; again is nothing."""
        connection, self._closed = self._connection, True
        if connection is not None and connection.state is not ConnectionState.closed:
            if connection.state is ConnectionState.connected and "lease" in self._extra:
                self._give_lease_node_back(connection)
            connection.close()
        self._lease.give_back()

    def _give_lease_node_back(self, connection: Connection) -> None:
        node, ua = self._extra["lease"], asyncua_module().ua

        async def give(client: Any) -> None:
            if (await read_nodes(client, [node]))[0].value == self._name:
                await write_nodes(client, [(node, ua.Variant("", ua.VariantType.String))])

        try:
            connection.call("close", give, self._binding.timeouts.request_s)
        except IoError as error:
            self._notes.append(f"the lease node could not be given back: {error.received}")

    def _open(self, call: str) -> Connection:
        if self._connection is None or self._closed:
            raise self._wrong_time(call, "a connected plant")
        return self._connection

    def _line(self, call: str) -> Connection:
        connection = self._open(call)
        _ = connection.client  # raises while the line is down
        return connection

    def _wrong_time(self, call: str, expected: str) -> LifecycleError:
        received = "one that was closed" if self._closed else "one that is" if self._connection else "a new one"
        return LifecycleError(where=f"plant.{call}", expected=expected, received=received)


class _Writer:
    """One write from the look at what is there to the confirmation."""

    def __init__(self, plant: OpcuaPlant, connection: Connection, write: gate.Write) -> None:
        self._plant, self._connection, self._write = plant, connection, write
        self._clock, self._variables = plant.clock, plant.variables
        self._timeouts = plant._binding.timeouts
        self._heartbeat: tuple[int, int] | None = None
        self._holder: str | None = None

    def run(self, roll_back: bool) -> WriteResult:
        write = self._write
        try:
            write.compare(self._outputs(self._left_s()), self._variables)
        except IoError as error:
            late = self._clock.monotonic_ns() >= write.deadline
            return write.refused(WriteReason.late if late else WriteReason.disconnected, error.received)
        if self._holder not in (None, self._plant._name):
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

    def _left_s(self) -> float:
        left = (self._write.deadline - self._clock.monotonic_ns()) / 1e9
        return max(min(self._timeouts.request_s, left), 0.001)

    def _outputs(self, timeout_s: float) -> dict[str, float | str]:
        answers = self._connection.call("write", self._plant._read_outputs, timeout_s)
        now = self._clock.monotonic_ns()
        beat = answers.get("plant heartbeat")
        self._heartbeat = None if beat is None or not isinstance(beat.value, int) else (beat.value, now)
        if "lease holder" in answers:
            self._holder = str(answers["lease holder"].value)
        return gate.usable(data_values(self._plant._output_nodes(), answers, now))

    def _send(
        self, values: Mapping[str, float | str], command_id: str, deadline: int
    ) -> tuple[int | None, dict[str, int] | None, str]:
        """Send values once. Returns when they went out (None: never), the status of each (None: no answer), why."""
        gate_nodes = self._command(command_id, deadline)
        if gate_nodes is None:
            return None, None, ""
        items = [(self._plant._nodes[name].node_id, self._plant._nodes[name].encoded(v)) for name, v in values.items()]
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
        extra, period_s = self._plant._extra, self._plant._binding.heartbeat.period_s
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
