"""The ``plant`` section of a loop file, and the plant that it means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from luban import _document
from luban._process.file import Name, Number
from luban.errors import ConfigurationError
from luban.plant.clock import Clock, SimulatedClock
from luban.plant.lathe import Drift, Lathe, LatheNoise

if TYPE_CHECKING:
    from luban.plant.protocol import Plant
    from luban.process import Process

__all__ = ["DriftEntry", "OpcuaEntry", "PlantEntry", "ReplayEntry", "SimulatedEntry", "open_plant"]

_NOISE, _DRIFT = LatheNoise(), Drift("hardness", 0.0)
Whole = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[Number, Field(gt=0)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DriftEntry(_Entry):
    """A change of the simulated world, counted in shafts."""

    quantity: Literal["hardness", "imbalance"]
    size: Number
    start: Whole = _DRIFT.start
    shape: Literal["step", "ramp"] = _DRIFT.shape
    length: Annotated[int, Field(strict=True, ge=1)] = _DRIFT.length


class SimulatedEntry(_Entry):
    """A simulated machine."""

    kind: Literal["simulated"]
    name: Literal["lathe"] = "lathe"
    seed: Whole = 0
    shaft_s: Positive = Field(default=60.0, description="time that one shaft takes")
    lot_size: Annotated[int, Field(strict=True, ge=1)] = Field(
        default=10, description="shafts of one diameter in a row"
    )
    between_shafts: Annotated[Number, Field(ge=0)] = _NOISE.between_shafts
    within_shaft: Annotated[Number, Field(ge=0)] = _NOISE.within_shaft
    gross_error_rate: Annotated[Number, Field(ge=0, le=1)] = _NOISE.gross_error_rate
    drifts: list[DriftEntry] = []


class ReplayEntry(_Entry):
    """The measured runs of a history."""

    kind: Literal["replay"]
    history: Name = Field(description="history file")
    seed: Whole = 0
    resample: bool = Field(default=False, description="use runs again when all of a setting are used")
    tolerance: Positive = Field(default=1e-6, description="part of a parameter's range")
    run_s: Positive = 60.0


class OpcuaEntry(_Entry):
    """A server that a binding file describes."""

    kind: Literal["opcua"]
    binding: Name = Field(description="binding file")


#: What stands under ``plant`` in a loop file.
PlantEntry = Annotated[SimulatedEntry | ReplayEntry | OpcuaEntry, Field(discriminator="kind")]


def open_plant(
    process: Process,
    entry: SimulatedEntry | ReplayEntry | OpcuaEntry,
    *,
    clock: Clock | None = None,
    beside: str | Path = "",
    runs_before: int = 0,
) -> Plant:
    """Return the plant that a loop file means, not yet connected.

    ``clock``: the loop's; a simulated or replayed plant without one gets a :class:`luban.plant.SimulatedClock`.
    ``beside``: the loop file, for paths that begin with a dot. ``runs_before``: a simulated machine goes on after so
    many runs.

    Raises: IoError, ConfigurationError, DataError for the files it names; NotBuiltError without an optional package.
    """
    if isinstance(entry, SimulatedEntry):
        return _simulated(process, entry, clock, runs_before)
    if isinstance(entry, ReplayEntry):
        return _replayed(process, entry, clock, beside)
    if isinstance(clock, SimulatedClock):
        raise ConfigurationError(
            where="plant.open_plant", expected="a real clock for a real plant", received="a simulated one"
        )
    from luban.plant.opcua.plant import OpcuaPlant

    return OpcuaPlant(process, _document.resolve_path(entry.binding, beside), clock=clock)


def _simulated(process: Process, entry: SimulatedEntry, clock: Clock | None, runs_before: int) -> Plant:
    from luban.plant.machine import LatheMachine
    from luban.plant.simulated import SimulatedPlant

    noise = LatheNoise(entry.between_shafts, entry.within_shaft, _NOISE.per_measure, entry.gross_error_rate)
    drifts = tuple(Drift(d.quantity, d.size, d.start, d.shape, d.length) for d in entry.drifts)
    lathe = Lathe(seed=entry.seed, noise=noise, drifts=drifts)
    machine = LatheMachine(
        lathe, clock=clock, shaft_s=entry.shaft_s, lot_size=entry.lot_size, shafts_before=runs_before
    )
    return SimulatedPlant(process, machine)


def _replayed(process: Process, entry: ReplayEntry, clock: Clock | None, beside: str | Path) -> Plant:
    from luban.history import History
    from luban.plant.replay import ReplayPlant

    options: dict[str, Any] = entry.model_dump(include={"seed", "resample", "tolerance", "run_s"})
    return ReplayPlant(process, History.open(_document.resolve_path(entry.history, beside)), clock=clock, **options)
