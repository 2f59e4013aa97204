"""The simulated plant: a lathe in this process, behind the same protocol as a real one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from luban.errors import IoError, LifecycleError
from luban.plant import gate
from luban.plant.checks import bound_variables
from luban.plant.machine import LATHE_RESPONSES, LatheMachine
from luban.plant.state import (
    DataValue,
    FinishedRun,
    PlantState,
    PlantVariable,
    VariableRole,
    WriteOutcome,
    WriteReason,
    WriteResult,
)

if TYPE_CHECKING:
    from luban.plant.clock import Clock
    from luban.plant.faults import PlantFaults
    from luban.plant.protocol import WritableSetpoint
    from luban.process import Process

__all__ = ["SimulatedPlant"]

_PLACE = "the simulated lathe"


class SimulatedPlant:
    """A lathe that is only simulated; see :class:`luban.plant.LatheMachine` for its time and :attr:`faults`.

    ``process`` must name its parameters and responses as ``configs/process/turning.yaml`` does, in the same units.
    """

    is_real = False

    def __init__(self, process: Process, machine: LatheMachine | None = None) -> None:
        self.machine = LatheMachine() if machine is None else machine
        self._process = process
        self._variables: dict[str, PlantVariable] = {}
        self._connection = 0
        self._connected = self._closed = self._lost = False
        self._delivered = 0

    @property
    def clock(self) -> Clock:
        """The machine's clock."""
        return self.machine.clock

    @property
    def faults(self) -> PlantFaults:
        """Faults that can be switched on."""
        return self.machine.faults

    @property
    def variables(self) -> Mapping[str, PlantVariable]:
        """All variables of the lathe by name."""
        return self._variables

    @property
    def notes(self) -> tuple[str, ...]:
        """Always the same one."""
        return ("simulated plant",)

    def connect(self) -> None:
        """Take the machine and check the process against it. Runs that it finished before are not delivered.

        Raises: UnitError, ConfigurationError, LifecycleError, IoError as the protocol says.
        """
        if self._connected or self._closed:
            raise _lifecycle("connect", "a plant that was not connected before", self._state())
        variables = bound_variables(self._process, self.machine.variables, LATHE_RESPONSES, _PLACE)
        if self.faults.disconnected:
            raise _down("connect")
        self.machine.lease.take()
        self.machine.advance()
        self._variables = variables
        self._delivered = self.machine.shafts
        self._connected, self._connection = True, 1

    def read(self) -> PlantState:
        """Read everything. Raises: IoError while the line is down, LifecycleError when not connected."""
        self._require_line("read")
        values = self.machine.values()
        now = self.clock.monotonic_ns()
        return PlantState(
            inputs=self._of_role(values, VariableRole.input),
            outputs=self._of_role(values, VariableRole.output),
            context=self._of_role(values, VariableRole.context),
            heartbeat=self.machine.heartbeat,
            connection=self._connection,
            request_ns=now,
            receipt_ns=now,
            receipt_time=self.clock.utc_ns(),
            finished=self._finished(),
        )

    def _of_role(self, values: Mapping[str, DataValue], role: VariableRole) -> dict[str, DataValue]:
        return {name: values[name] for name, variable in self._variables.items() if variable.role is role}

    def _finished(self) -> tuple[FinishedRun, ...]:
        runs = self.machine.runs_since(self._delivered)
        self._delivered = self.machine.shafts
        wanted = {entry.name for entry in self._process.responses} | {entry.name for entry in self._process.noise}
        return tuple(
            dataclasses.replace(run, readings={name: run.readings[name] for name in run.readings if name in wanted})
            for run in runs
        )

    def write(self, setpoint: WritableSetpoint, *, roll_back: bool = False) -> WriteResult:
        """Write a group and read it back; see the protocol."""
        self._require_connected("write")
        write = gate.examine(setpoint, self._variables)
        if self.faults.disconnected:
            return write.refused(WriteReason.disconnected)
        write.compare(self._present(), self._variables)
        if self.clock.monotonic_ns() >= write.deadline:
            return write.refused(WriteReason.late)
        if write.faults:
            return write.refused()
        sent = self.clock.monotonic_ns()
        statuses = {n: self.machine.apply(n, float(v), write.command_id) for n, v in write.values.items()}
        results = gate.judge(write, statuses, self._present(), self._variables)
        outcome = gate.outcome_of(results)
        if roll_back and outcome in (WriteOutcome.partial, WriteOutcome.unknown):
            for name, value in gate.to_restore(results).items():
                self.machine.apply(name, float(value), f"{write.command_id} rolled back")
            results = gate.restored(results, self._present(), self._variables)
            outcome = gate.outcome_of(results)
        return WriteResult(write.command_id, outcome, results, write.deadline, sent, self.clock.monotonic_ns())

    def _present(self) -> dict[str, float | str]:
        return gate.usable(self._of_role(self.machine.values(), VariableRole.output))

    def read_back(self) -> Mapping[str, DataValue]:
        """Read the outputs alone. Raises: as :meth:`read`."""
        self._require_line("read_back")
        return self._of_role(self.machine.values(), VariableRole.output)

    def beat(self, counter: int) -> None:
        """Show the machine the loop's counter. Raises: as :meth:`read`."""
        self._require_line("beat")
        self.machine.beat(counter)

    def close(self) -> None:
        """Give the machine back; again is nothing."""
        if self._connected:
            self.machine.lease.give_back()
        self._connected, self._closed = False, True

    def _state(self) -> str:
        return "one that is connected" if self._connected else "one that was closed" if self._closed else "a new one"

    def _require_connected(self, call: str) -> None:
        if not self._connected:
            raise _lifecycle(call, "a connected plant", self._state())

    def _require_line(self, call: str) -> None:
        self._require_connected(call)
        if self.faults.disconnected:
            self._lost = True
            raise _down(call)
        if self._lost:
            self._lost, self._connection = False, self._connection + 1


def _lifecycle(call: str, expected: str, received: str) -> LifecycleError:
    return LifecycleError(where=f"plant.{call}", expected=expected, received=received)


def _down(call: str) -> IoError:
    return IoError(where=f"plant.{call}", expected="a line to the plant", received="none (switched off as a fault)")
