"""From a loop file to a loop that can run: process, model, guard, plant, optimizer, supervisor.

Everything that needs a model is done here, before the first cycle: the supervisor gets the training envelope as a
value, pinned by its digest, and never looks into a model file.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban import _document, guard, registry
from luban._core import nearest_hint
from luban.control import ControlMode, PersonRole, PlantKind
from luban.errors import ConfigurationError
from luban.journal import Journal
from luban.plant import SimulatedClock, SystemClock, open_plant
from luban.process import Process
from luban.service import loop_file
from luban.service.loop_file import LoopFile
from luban.service.supervisor.optimizer_port import OptimizerProcess
from luban.service.supervisor.people import user_name
from luban.service.supervisor.plan import CycleTimes, DriftWatch, LoopPlan
from luban.service.supervisor.supervisor import Supervisor

if TYPE_CHECKING:
    from luban.fitting import Model
    from luban.parallel import Progress

__all__ = ["Loop", "make_plan", "open_loop"]

#: The optimizer searches so far within what the guard lets through: quantiles of the novelty.
_WITHIN = 0.02
_KINDS = {"simulated": PlantKind.simulated, "replay": PlantKind.replayed, "opcua": PlantKind.real}
Say = Callable[[str], None]


@dataclass
class Loop:
    """A loop that was made of a file: its supervisor, not yet started, and what it was made of."""

    supervisor: Supervisor
    file: LoopFile
    path: Path
    process: Process
    model_path: Path


def open_loop(
    path: str | Path,
    *,
    mode: ControlMode | None = None,
    simulated_clock: bool = False,
    say: Say = lambda text: None,
    progress: Progress | None = None,
) -> Loop:
    """Read a loop file and make everything that it names; trains the model first when there is none.

    ``mode`` is requested in place of the file's. ``simulated_clock``: time passes as fast as the cycles are done; only
    for plants that are not real. ``say`` is told in words what is done besides.

    Raises: IoError, ConfigurationError, DataError, IntegrityError for the files; NotBuiltError without an optional
    package; InfeasibleError, NumericalError when a model has to be trained and cannot be.
    """
    place = Path(path)
    file = loop_file.read_loop(place)
    real = file.plant.kind == "opcua"
    if simulated_clock and real:
        raise ConfigurationError(
            where="service.open_loop", expected="a real clock for a real plant", received="a simulated one",
            place=str(place),
        )  # fmt: skip
    process = Process.from_yaml(_document.resolve_path(file.process, place))
    _require_objective(file, process, place)
    model, model_path = _model(file, place, process, say, progress)
    if model.process.digest != process.digest:
        say(
            "The process file is another one than when the model was trained: objectives, constraints and ranges are "
            "those of the file."
        )
    model_digest = registry.verified_digest(model_path)
    plan = make_plan(file, place, process, model, model_digest)
    if mode is not None:
        plan = replace(plan, mode=mode)
    before = Past.of_journal(plan.journal)
    clock = SimulatedClock(before.goes_on_at(plan.times)) if simulated_clock else SystemClock()
    plant = open_plant(process, file.plant, clock=clock, beside=place, runs_before=before.runs)
    optimizer = OptimizerProcess(
        _command(file, process, model_path, model_digest),
        log=plan.journal.with_name(plan.journal.name + ".optimizer.log"),
        late_after_s=max(2.0, plan.times.deadline_s),
        dead_after_s=max(2 * plan.times.period_s, 10.0) if not simulated_clock else 120.0,
    )
    return Loop(Supervisor(plan, plant, optimizer), file, place, process, model_path)


@dataclass(frozen=True)
class Past:
    """What a journal tells of a simulated world before this start: runs made, and when it was left (UTC ns)."""

    runs: int = 0
    left_at: int | None = None

    @classmethod
    def of_journal(cls, path: Path) -> Past:
        """Read it; nothing for a loop that has never run. Raises: IntegrityError, IoError."""
        if not path.exists():
            return cls()
        journal = Journal.open(path, read_only=True)
        finished = sum(record.payload["event"] == "finished" for record in journal.records(kinds=("run",)))
        ended = [record.utc_ns for record in journal.records(kinds=("started", "decision", "closed"), last=1)]
        return cls(finished, ended[0] if ended else None)

    def goes_on_at(self, times: CycleTimes) -> int:
        """Return when simulated time goes on: one period after it stood."""
        if self.left_at is None:
            return SimulatedClock().utc_ns()
        return self.left_at + round(times.period_s * 1e9)


def make_plan(file: LoopFile, place: Path, process: Process, model: Model, model_digest: str) -> LoopPlan:
    """Return what the supervisor is told. Raises: IoError, ConfigurationError for golden sets, roles, options."""
    digest = guard.envelope_digest(model.envelope)
    options = file.guard.options()
    golden = [] if file.guard.golden is None else loop_file.read_golden(_beside(file.guard.golden, place), process)
    times = CycleTimes(**file.cycle.model_dump())
    kind = _KINDS[file.plant.kind]
    return LoopPlan(
        name=place.stem,
        process=process,
        guard=guard.make_guard(process, model.envelope, digest, options),
        journal=_beside(file.journal, place),
        journal_key=None if file.journal_key is None else _beside(file.journal_key, place),
        times=times,
        golden=golden,
        control=file.modes.options(),
        plant_kind=kind,
        critical=frozenset(file.modes.critical),
        mode=file.requested,
        model=model_digest,
        drift=DriftWatch(**file.drift.model_dump(), seed=file.seed),
        roles=_roles(file, place, kind),
        about={"loop_file": file.model_dump(mode="json"), "envelope": digest, "model": model_digest},
    )


def _beside(path: str, place: Path) -> Path:
    return _document.resolve_path(path, place)


def _roles(file: LoopFile, place: Path, kind: PlantKind) -> Mapping[str, PersonRole]:
    """Who may do what; on a plant that is not real the user who starts the loop may do everything."""
    if file.roles is not None:
        return loop_file.read_roles(_beside(file.roles, place))
    return {} if kind is PlantKind.real else {user_name(os.getuid()): PersonRole.supervisor}


def _require_objective(file: LoopFile, process: Process, place: Path) -> None:
    """Refuse an objective that the process has not. Raises: ConfigurationError naming the nearest."""
    known = [objective.response for objective in process.objectives]
    if file.objective and file.objective not in known:
        raise ConfigurationError(
            where="service.open_loop",
            expected="an objective among " + ", ".join(known),
            received=repr(file.objective),
            place=f"{place}, objective",
            hint=nearest_hint(file.objective, known),
        )


def _command(file: LoopFile, process: Process, model_path: Path, model_digest: str) -> list[str]:
    """Return the optimizer's command line; the model is pinned by its digest, whatever its file becomes."""
    options: dict[str, Any] = {
        "learning": file.learning.enabled,
        "objective": file.objective,
        "min_gain": file.learning.min_gain,
        "move_every_s": max(file.cycle.period_s, file.guard.dwell_s),
        "seed": file.seed,
        "novelty": max(file.guard.novelty - _WITHIN, 0.5),
        "process": process.to_dict(),
    }
    arguments = ["--fd", "{fd}", "--model", str(model_path), "--digest", model_digest, "--options", json.dumps(options)]
    return [sys.executable, "-m", "luban.service.optimizer", *arguments]


def _model(file: LoopFile, place: Path, process: Process, say: Say, progress: Progress | None) -> tuple[Model, Path]:
    """Load the model of the loop, or train it. Raises: ConfigurationError when it is of another process."""
    from luban.fitting import Model

    target = _beside(file.model, place)
    if not target.exists() and "@" not in target.name:
        _train(file, place, process, target, say, progress)
    path = registry.resolve(file.model, beside=place)
    model = Model.load(path)
    if model.process.name != process.name or _inputs(model.process) != _inputs(process):
        raise ConfigurationError(
            where="service.open_loop",
            expected=f"a model of {process.name!r} with the inputs of its file: names, units, categories",
            received=f"one of {model.process.name!r} with {', '.join(name for name, *_ in _inputs(model.process))}",
            place=str(path),
            hint="luban train makes one for the process as it is now",
        )
    return model, path


def _inputs(process: Process) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what a model takes in: name, unit and categories of parameters, context and noise variables."""
    entries = (*process.parameters, *process.context, *process.noise)
    return [(one.name, one.unit, tuple(one.categories)) for one in entries]


def _train(file: LoopFile, place: Path, process: Process, target: Path, say: Say, progress: Progress | None) -> None:
    """Train the model that is not there yet, into a file or a folder of the registry, and say so."""
    from luban import fitting
    from luban.history import History
    from luban.service.commissioning import commission

    if file.plant.kind != "simulated":
        raise ConfigurationError(
            where="service.open_loop",
            expected="the model",
            received="none",
            place=str(target),
            hint="luban train PROCESS HISTORY -o MODEL makes one; only a simulated line is given one by itself",
        )
    if file.history is not None:
        source = _beside(file.history, place)
        say(f"There is no model at {target}: training it from {source}.")
        history = History.open(source)
    else:
        say(f"There is no model at {target}: commissioning the simulated lathe, and training from that.")
        history = commission(process, file.plant.seed)
    # What learns in a loop was studied beside a Gaussian process (docs/learning.md); it takes seconds.
    model = fitting.fit(process, history, "gaussian_process", seed=file.seed, progress=progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".safetensors":
        model.save(target)
    else:
        with tempfile.TemporaryDirectory(prefix="luban-model-") as folder:
            made = model.save(Path(folder))
            registry.ModelFolder(target).add(made, alias="champion", why=f"first start of {place.name}")
    say(f"{target} is there now.")
