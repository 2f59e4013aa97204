"""The loop file and its golden sets: what stands in them, checked; nothing is opened or started here."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from luban import _document
from luban._process.file import Name, Number
from luban.control import ControlMode, ControlOptions, PersonRole
from luban.errors import ConfigurationError
from luban.guard import GoldenSet, GuardOptions, InputRule
from luban.plant.configuration import PlantEntry
from luban.process import NamedValue, Process, Recipe
from luban.service.supervisor.plan import CycleTimes, DriftWatch

__all__ = ["GoldenFile", "LoopFile", "golden_sets", "json_schema", "read_golden", "read_loop", "read_roles"]

_GUARD, _CONTROL, _TIMES, _DRIFT = GuardOptions(), ControlOptions(), CycleTimes(), DriftWatch()
Positive = Annotated[Number, Field(gt=0)]
Part = Annotated[Number, Field(ge=0, le=1)]
NotNegative = Annotated[Number, Field(ge=0)]
Count = Annotated[int, Field(strict=True, ge=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CycleEntry(_Entry):
    """How often the loop decides, and how long a decision may take."""

    period_s: Positive = Field(default=_TIMES.period_s, description="time from one cycle to the next")
    deadline_s: Positive = Field(default=_TIMES.deadline_s, description="what is not sent so long after is not sent")
    reread_s: Positive = Field(default=_TIMES.reread_s, description="outputs older than this are read again first")
    silence_s: Positive = Field(default=_TIMES.silence_s, description="a plant whose counter stands so long is lost")
    offer_s: NotNegative = Field(default=_TIMES.offer_s, description="a recommendation stays on offer for so long")


class InputEntry(_Entry):
    """What is expected of one input beyond being fresh, good and finite."""

    unit: str = ""
    low: Number | None = None
    high: Number | None = None
    stuck_after_s: NotNegative = Field(default=0.0, description="without any change for so long it is frozen; 0: never")
    accept_uncertain: bool = False


class GuardEntry(_Entry):
    """How strict the guard is; defaults are those of ``luban.guard.GuardOptions``."""

    golden: Name | None = Field(default=None, description="file of golden sets; without one fallback is hold")
    novelty: Part = _GUARD.novelty
    dwell_s: NotNegative = _GUARD.dwell_s
    max_input_age_s: Positive = _GUARD.max_input_age_s
    max_output_age_s: Positive = _GUARD.max_output_age_s
    max_skew_s: Positive = _GUARD.max_skew_s
    deadband: NotNegative = _GUARD.deadband
    parameter_deadband: dict[Name, NotNegative] = {}
    written_tolerance: NotNegative = _GUARD.written_tolerance
    accept_uncertain: bool = _GUARD.accept_uncertain
    return_to_limits: bool = _GUARD.return_to_limits
    inputs: dict[Name, InputEntry] = {}

    def options(self) -> GuardOptions:
        """Return them as the guard takes them. Raises: ConfigurationError when the guard refuses them."""
        rules = [InputRule(name, **rule.model_dump(exclude_none=True)) for name, rule in self.inputs.items()]
        given = self.model_dump(exclude={"golden", "inputs"})
        return GuardOptions(**given, inputs=rules)


class ModesEntry(_Entry):
    """When authority is given and taken away; defaults are those of ``luban.control.ControlOptions``."""

    dwell_s: NotNegative = _CONTROL.dwell.total_seconds()
    missed_cycles: Count = _CONTROL.missed_cycles
    troubled_cycles: Count = _CONTROL.troubled_cycles
    hold_cycles: Count = _CONTROL.hold_cycles
    failed_writes_to_hold: Count = _CONTROL.failed_writes_to_hold
    failed_writes_to_trip: Count = _CONTROL.failed_writes_to_trip
    shadow_cycles: Annotated[int, Field(strict=True, ge=0)] = _CONTROL.shadow_cycles
    critical: list[Name] = Field(default=[], description="parameters that take the whole loop along when moved")

    def options(self) -> ControlOptions:
        """Return them as the mode machine takes them."""
        given = self.model_dump(exclude={"dwell_s", "critical"})
        return ControlOptions(dwell=timedelta(seconds=self.dwell_s), **given)


class WatchEntry(_Entry):
    """How drift is watched for."""

    run_length: Annotated[Number, Field(ge=10)] = Field(
        default=_DRIFT.run_length, description="runs to a false alarm of one detector, on average"
    )
    allowance: NotNegative = Field(default=_DRIFT.allowance, description="standard deviations that are no drift")
    quiet_runs: Count = Field(default=_DRIFT.quiet_runs, description="runs as expected that end an alarm")


class LearningEntry(_Entry):
    """What the optimizer does with finished runs."""

    enabled: bool = Field(default=True, description="false: the model stays as it was trained")
    min_gain: NotNegative = Field(default=0.0, description="of the objective, in its unit; less is not worth a move")


class LoopFile(_Entry):
    """A loop: process, model, plant, times, guard, modes, journal."""

    luban: Literal[1]
    process: Name = Field(description="process file")
    model: Name = Field(description="model file, or a name of the registry")
    history: Name | None = Field(default=None, description="what a missing model is trained from")
    objective: str = Field(default="", description="response to improve; default: the first objective")
    plant: PlantEntry
    cycle: CycleEntry = CycleEntry()
    mode: Literal["off", "shadow", "advisory", "closed"] = Field(default="shadow", description="a request")
    guard: GuardEntry = GuardEntry()
    modes: ModesEntry = ModesEntry()
    drift: WatchEntry = WatchEntry()
    learning: LearningEntry = LearningEntry()
    journal: Name = Field(description="SQLite file of the journal; state and socket are beside it")
    journal_key: Name | None = Field(default=None, description="PEM file that signs the journal's checkpoints")
    fold_into: Name | None = Field(default=None, description="HDF5 history that takes the runs when the loop ends")
    roles: Name | None = Field(default=None, description="file that says who may do what")
    seed: Annotated[int, Field(strict=True, ge=0)] = 0

    @property
    def requested(self) -> ControlMode:
        """The mode that the file asks for."""
        return ControlMode[self.mode]


class GoldenEntry(_Entry):
    """Settings that are known to work in a context (a context that is not named fits all)."""

    settings: dict[Name, Number | str]
    context: dict[Name, Number | str] = {}
    source: str = Field(default="", description="how it is known: a run, a date, a person")


class GoldenFile(_Entry):
    """Golden sets of one process; kept outside the model, changed by people alone."""

    luban: Literal[1]
    process: Name
    sets: list[GoldenEntry]


class RolesFile(_Entry):
    """Who may do what: people by the names that the system knows them by."""

    luban: Literal[1]
    people: dict[Name, Literal["operator", "engineer", "supervisor"]]


def read_loop(path: str | Path) -> LoopFile:
    """Read a loop file. Raises: IoError, ConfigurationError with file, line and the nearest known key."""
    return _document.validated(LoopFile, _document.read_yaml(path), "service.loop_file")


def read_golden(path: str | Path, process: Process) -> list[GoldenSet]:
    """Read golden sets and check them against the process.

    Raises: IoError, ConfigurationError for another process, an unknown or missing parameter, or a setting outside the
    limits of the process.
    """
    document = _document.read_yaml(path)
    file = _document.validated(GoldenFile, document, "service.golden")
    if file.process != process.name:
        raise ConfigurationError(
            where="service.golden", expected=f"golden sets of {process.name!r}", received=repr(file.process),
            place=str(path),
        )  # fmt: skip
    return golden_sets(file, process, str(path))


def golden_sets(file: GoldenFile, process: Process, place: str = "") -> list[GoldenSet]:
    """Return the sets as the guard takes them. Raises: ConfigurationError as :func:`read_golden`."""
    parameters = {parameter.name: parameter for parameter in process.parameters}
    context = {variable.name: variable.unit for variable in process.context}
    out = []
    for number, entry in enumerate(file.sets, 1):
        where = f"{place}, set {number}"
        _require_names(entry.settings, parameters, where, complete=True)
        _require_names(entry.context, context, where, complete=False)
        for name, value in entry.settings.items():
            _require_within(parameters[name], value, where)
        recipe = Recipe([NamedValue(name, value, parameters[name].unit) for name, value in entry.settings.items()])
        given = [NamedValue(name, value, context[name]) for name, value in entry.context.items()]
        out.append(GoldenSet(recipe, given, entry.source))
    return out


def read_roles(path: str | Path) -> dict[str, PersonRole]:
    """Read who may do what. Raises: IoError, ConfigurationError."""
    file = _document.validated(RolesFile, _document.read_yaml(path), "service.roles")
    return {name: PersonRole[role] for name, role in file.people.items()}


def json_schema() -> dict[str, Any]:
    """JSON Schema of the loop file, for editors."""
    schema = LoopFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Luban loop file", **schema}


def _require_names(given: Mapping[str, object], known: Mapping[str, object], place: str, *, complete: bool) -> None:
    from luban import _core

    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        raise ConfigurationError(
            where="service.golden",
            expected="a name among " + ", ".join(known),
            received=repr(unknown),
            place=place,
            hint=_core.nearest_hint(unknown, list(known)),
        )
    missing = next((name for name in known if name not in given), None) if complete else None
    if missing is not None:
        raise ConfigurationError(
            where="service.golden", expected="a setting of every parameter", received=f"none of {missing!r}",
            place=place,
        )  # fmt: skip


def _require_within(parameter: Any, value: float | str, place: str) -> None:
    if parameter.categories:
        if value not in parameter.categories:
            raise ConfigurationError(
                where="service.golden", expected=f"{parameter.name} among {', '.join(parameter.categories)}",
                received=repr(value), place=place,
            )  # fmt: skip
        return
    limits = parameter.limits
    if isinstance(value, str) or not limits.low <= value <= limits.high:
        raise ConfigurationError(
            where="service.golden",
            expected=f"{parameter.name} within its limits, {limits.low:g} to {limits.high:g} {parameter.unit}",
            received=repr(value),
            place=place,
        )


if __name__ == "__main__":  # python -m luban.service.loop_file > configs/schema/loop.schema.json
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
