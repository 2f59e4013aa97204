"""What a supervisor is told once, before the first cycle; nothing of it changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from luban.control import ControlledVariable, ControlMode, ControlOptions, ControlPlan, PersonRole, PlantKind
from luban.errors import ConfigurationError
from luban.guard import GoldenSet, Guard
from luban.process import Process

__all__ = ["CycleTimes", "DriftWatch", "LoopPlan", "socket_of"]


@dataclass(frozen=True)
class CycleTimes:
    """``period_s`` between the beginnings of cycles; what is not sent ``deadline_s`` after a beginning is not sent.

    ``reread_s``: outputs older than this are read again before they are judged. ``silence_s``: a plant whose own
    counter stands still for so long counts as disconnected. ``offer_s``: in advisory a recommendation stays on offer
    for so long, while the context is the same.
    """

    period_s: float = 60.0
    deadline_s: float = 2.0
    reread_s: float = 0.1
    silence_s: float = 1.5
    offer_s: float = 120.0

    def __post_init__(self) -> None:
        if not (0 < self.deadline_s <= self.period_s and self.reread_s > 0 and self.silence_s > 0):
            raise ConfigurationError(
                where="service.cycle",
                expected="0 < deadline_s <= period_s, reread_s > 0, silence_s > 0",
                received=f"period {self.period_s}, deadline {self.deadline_s}, {self.reread_s}, {self.silence_s}",
            )


@dataclass(frozen=True)
class DriftWatch:
    """How drift is watched for: CUSUM and Page-Hinkley of each response's standardised innovations.

    ``run_length``: runs to a false alarm of one detector, on average. ``residuals``: standardised residuals of a
    stable stretch by response, to calibrate on (at least 100 of them; else independent normal values).
    ``quiet_runs``: an alarm ends when the mean of so many latest innovations is back within ``allowance``.
    """

    run_length: float = 1000.0
    allowance: float = 0.5
    quiet_runs: int = 10
    residuals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class LoopPlan:
    """One loop: its process, its guard, its modes and its times.

    ``model``: digest of the artefact that the optimizer works with; another one begins a new shadow record.
    ``roles``: people by the names that the system knows them by. ``about``: what the journal should state of it.
    """

    name: str
    process: Process
    guard: Guard
    journal: Path
    journal_key: Path | None = None
    times: CycleTimes = field(default_factory=CycleTimes)
    golden: Sequence[GoldenSet] = ()
    control: ControlOptions = field(default_factory=ControlOptions)
    plant_kind: PlantKind = PlantKind.real
    critical: frozenset[str] = frozenset()
    mode: ControlMode = ControlMode.shadow
    model: str = ""
    drift: DriftWatch = field(default_factory=DriftWatch)
    roles: Mapping[str, PersonRole] = field(default_factory=dict)
    about: Mapping[str, object] = field(default_factory=dict)

    def control_plan(self) -> ControlPlan:
        """Return what the mode machine needs to know of it. Raises: ConfigurationError for unknown critical names."""
        names = [parameter.name for parameter in self.process.parameters]
        unknown = sorted(self.critical - set(names))
        if unknown:
            raise ConfigurationError(
                where="service.plan", expected="critical variables among " + ", ".join(names), received=unknown[0]
            )
        return ControlPlan(
            [ControlledVariable(name, critical=name in self.critical) for name in names],
            plant=self.plant_kind,
            cycle=timedelta(seconds=self.times.period_s),
            model=self.model,
        )

    @property
    def state_path(self) -> Path:
        """Where the mode is kept over restarts."""
        return self.journal.with_name(self.journal.name + ".state")

    @property
    def socket_path(self) -> Path:
        """Where people reach the running loop."""
        return socket_of(self.journal)


def socket_of(journal: Path) -> Path:
    """Return where people reach the loop that writes a journal."""
    return journal.with_name(journal.name + ".sock")
