"""A plant behind an OPC UA server."""

from __future__ import annotations

import dataclasses
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
from luban.plant.opcua.runs import find_run
from luban.plant.opcua.writer import PlantNodes, Writer, WriterSettings
from luban.plant.state import (
    DataValue,
    FinishedRun,
    PlantState,
    PlantVariable,
    VariableRole,
    WriteReason,
    WriteResult,
)

if TYPE_CHECKING:
    from luban.plant.protocol import WritableSetpoint
    from luban.process import Process

__all__ = ["OpcuaPlant"]

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
        self._nodes = PlantNodes()
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
        return self._nodes.variables

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
        bound = {n: dataclasses.replace(nodes[n], variable=variable) for n, variable in variables.items()}
        self._nodes, self._notes = PlantNodes(bound, extra, run), notes
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
            answers = connection.call("read", self._nodes.read_all, self._binding.timeouts.request_s)
            receipt, receipt_time = self._clock.monotonic_ns(), self._clock.utc_ns()
            finished = self._finished(connection, answers.get("run count"))
        values = data_values(self._nodes.all, answers, receipt)
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

    def _finished(self, connection: Connection, count: Answer | None) -> tuple[FinishedRun, ...]:
        """Fetch the latest run when the plant's count has changed; runs in between are not there any more."""
        run = self._nodes.run
        if run is None or count is None or count.status >> 30 != 0 or count.value in (None, 0, self._count):
            return ()
        found = connection.call("read", run.fetch, self._binding.timeouts.request_s)
        if found is None:
            return ()  # it changed while we read: the next read takes it
        self._count, finished = found
        return (finished,)

    def _of_role(self, values: Mapping[str, DataValue], role: VariableRole) -> dict[str, DataValue]:
        return {name: value for name, value in values.items() if self._nodes.all[name].variable.role is role}

    def write(self, setpoint: WritableSetpoint, *, roll_back: bool = False) -> WriteResult:
        """Write a group and confirm it; see the class and the protocol."""
        connection = self._open("write")
        write = gate.examine(setpoint, self._nodes.variables)
        if write.faults:
            return write.refused()
        if self._clock.monotonic_ns() >= write.deadline:
            return write.refused(WriteReason.late)
        with self._lock:
            settings = WriterSettings(self._name, self._binding.timeouts, self._binding.heartbeat.period_s)
            return Writer(connection, self._clock, self._nodes, settings).run(write, roll_back)

    def read_back(self) -> Mapping[str, DataValue]:
        """Read the outputs alone. Raises: as :meth:`read`."""
        connection = self._line("read_back")
        with self._lock:
            answers = connection.call("read_back", self._nodes.read_outputs, self._binding.timeouts.request_s)
        return data_values(self._nodes.outputs, answers, self._clock.monotonic_ns())

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
        items = {
            key: (self._nodes.extra[key], variant) for key, variant in variants.items() if key in self._nodes.extra
        }
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
            if connection.state is ConnectionState.connected and "lease" in self._nodes.extra:
                self._give_lease_node_back(connection)
            connection.close()
        self._lease.give_back()

    def _give_lease_node_back(self, connection: Connection) -> None:
        node, ua = self._nodes.extra["lease"], asyncua_module().ua

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
