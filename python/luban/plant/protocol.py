"""What every plant does, whoever wrote it; ``luban.testing.check_plant`` tests it.

A write takes a *setpoint*: whatever has the four attributes of :class:`WritableSetpoint`. In a loop that is the
guard's ``Setpoint``, which only the guard can make. Nothing here turns a candidate or a recommendation into one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from luban.plant.clock import Clock
from luban.plant.state import DataValue, PlantState, PlantVariable, WriteResult

__all__ = ["Plant", "WritableSetpoint"]


class WritableSetpoint(Protocol):
    """Values that may be written, as the guard gives them out.

    ``values``: (name, value, unit) each; ``command_id`` names the command (a retry bears the same one); ``deadline``:
    nanoseconds on the monotonic clock of the plant after which it must not be applied any more; ``expected_previous``:
    what is believed to be there now, by name or as (name, value, …), for all or some of the names; may be empty.
    """

    @property
    def values(self) -> Sequence[tuple[str, float | str, str]]:
        """Name, value and unit of each variable."""
        ...

    @property
    def command_id(self) -> Any:
        """Name of the command."""
        ...

    @property
    def deadline(self) -> int:
        """End of its validity, monotonic nanoseconds."""
        ...

    @property
    def expected_previous(self) -> Mapping[str, float | str] | Sequence[tuple[Any, ...]] | None:
        """Values that are believed to be in force."""
        ...


@runtime_checkable
class Plant(Protocol):
    """A plant that a loop reads and writes, from one thread at a time; all calls return within stated times."""

    @property
    def is_real(self) -> bool:
        """Whether people must arm a loop on it; simulated and replayed plants may arm themselves."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock of deadlines and receipts."""
        ...

    @property
    def variables(self) -> Mapping[str, PlantVariable]:
        """All variables by name; complete once connected."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What an audit should record of this connection, such as that it is not encrypted."""
        ...

    def connect(self) -> None:
        """Connect, take the lease and check units and ranges.

        Raises: IoError when it cannot be reached or refuses us; UnitError or ConfigurationError when units, ranges or
        names do not fit; LifecycleError when another loop holds the lease, or after close.
        """
        ...

    def read(self) -> PlantState:
        """Read everything in one request. Raises: IoError when the line is down; LifecycleError when not connected."""
        ...

    def write(self, setpoint: WritableSetpoint, *, roll_back: bool = False) -> WriteResult:
        """Write a group and confirm it by status and read-back.

        Nothing is sent after the deadline, nothing is kept for later, nothing is sent twice. ``roll_back`` puts what
        was applied of a partly successful group back to what was there before.

        Raises: LifecycleError when not connected or closed; DataError when ``setpoint`` is none. Everything else is in
        the result.
        """
        ...

    def read_back(self) -> Mapping[str, DataValue]:
        """Read the outputs alone. Raises: as :meth:`read`."""
        ...

    def beat(self, counter: int) -> None:
        """Show the plant that the loop that decides is alive: a counter that grows. Raises: as :meth:`read`."""
        ...

    def close(self) -> None:
        """Give the lease back and disconnect; again is nothing. What was in flight is dropped."""
        ...
