"""How ``luban train`` runs: as a job that may be stopped and goes on, on as many ranks as there are."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from luban import _core
from luban.cli.paths import require_free, require_writable
from luban.cli.rank_watch import watched_ranks
from luban.errors import ConfigurationError, StoppedError

if TYPE_CHECKING:
    from luban import History, Process
    from luban._fitting.training_file import TrainingFile
    from luban.fitting import Model
    from luban.parallel import Communicator, Progress
    from luban.registry import Job

__all__ = ["Outcome", "Task", "run_training"]

#: Where the networks of a job are kept, beside its status.
_NETWORKS = "networks"


@dataclass(frozen=True)
class Task:
    """One training: its file (or what the options of the command line make of one) and where the model goes."""

    file: TrainingFile
    target: Path
    jobs: Path | None
    """Folder of jobs; None leaves nothing behind but the model."""
    force: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a training on this rank."""

    first: bool
    """Whether this rank is the one that tells."""
    job_id: str = ""
    model: Model | None = None
    path: Path | None = None
    fit_s: float | None = None
    """None for a model that stood there already."""
    checkpointed: str = ""
    """Why it stopped; the same command goes on."""


class _Asked:
    """USR1 and TERM as a flag: the handlers set it and do nothing else."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> bool:
        return self.number != 0

    def _note(self, number: int, _: FrameType | None) -> None:
        self.number = number

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the block runs."""
        before = {number: signal.signal(number, self._note) for number in (signal.SIGUSR1, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_training(task: Task, show: Progress) -> Outcome:
    """Train and save.

    Raises: whatever reading and fitting raise, after the job's status says so; KeyboardInterrupt likewise.
    """
    from luban import History, Process, parallel
    from luban._fitting.ranks import together

    group = parallel.communicator(task.file.parallel.ranks)
    asked = _Asked()
    with ExitStack() as stack:
        if task.jobs is not None:  # without a job nothing could be kept: a signal ends it as it would any program
            stack.enter_context(asked.listening())
        stack.enter_context(together(group))
        process = Process.from_yaml(task.file.process)
        outcome = _Run(task, group, asked, process, History.open(task.file.history), show).outcome()
        if not outcome.checkpointed:
            group.barrier()  # until the first one has written
        return outcome


class _Run:
    def __init__(
        self, task: Task, group: Communicator, asked: _Asked, process: Process, history: History, show: Progress
    ) -> None:
        self._task, self._group, self._asked = task, group, asked
        self._process, self._history, self._show = process, history, show
        self._first = group.rank == 0
        self._id = _job_id(task.file, process, history) if task.jobs is not None else ""

    def outcome(self) -> Outcome:
        kept = self._kept() if self._first else None
        if self._group.any(kept is not None):
            return Outcome(self._first, self._id, kept, self._task.target)
        if self._task.jobs is None:
            with tempfile.TemporaryDirectory(prefix="luban-train-") as folder:
                return self._trained(Path(folder), None)
        job = self._begin(self._task.jobs) if self._first else None
        return self._followed(self._task.jobs / self._id / _NETWORKS, job)

    def _kept(self) -> Model | None:
        """Return the model at the target when this very training made it; refuse a target that may not be replaced."""
        target = self._task.target
        if self._id and target.is_file() and (found := _made_by(target, self._id)) is not None:
            return found
        if not target.is_dir():
            require_free(target, force=self._task.force, verb="train")
        require_writable(target if target.is_dir() else target.parent, verb="train")
        return None

    def _begin(self, jobs: Path) -> Job:
        from luban import registry

        file = self._task.file
        what = {"process": file.process, "history": file.history, **file.what_decides()}
        return registry.Job.begin(jobs, self._id, kind="train", what=what, ranks=self._group.size)

    def _followed(self, networks: Path, job: Job | None) -> Outcome:
        """Train; the status says how it ends."""
        try:
            with watched_ranks(self._group, job, self._asked):
                outcome = self._trained(networks, job)
        except StoppedError:
            why = f"asked to stop ({signal.Signals(self._asked.number).name})" if self._asked() else "asked to stop"
            if job is not None:
                job.checkpointed(why)
            return Outcome(self._first, self._id, checkpointed=why)
        except KeyboardInterrupt:
            if job is not None:
                job.checkpointed("interrupted")
            raise
        except Exception as error:
            if job is not None:
                job.failed(str(error) or type(error).__name__)
            raise
        if job is not None and outcome.path is not None and self._task.jobs is not None:
            job.done(outcome.path)
            _tidy(self._task.jobs, self._task.file.checkpoint.keep)
        return outcome

    def _trained(self, networks: Path, job: Job | None) -> Outcome:
        from luban import fit
        from luban.evaluation import ModelCard
        from luban.fitting import Workplace

        file = self._task.file
        started = time.monotonic()
        model = fit(
            self._process,
            self._history,
            file.asked(),
            file.seed,
            file.validation.folds,
            file.validation.repeats,
            _both(self._show, job),
            transforms=file.surrogate.transforms,
            neural=file.network(),
            workplace=Workplace(networks, file.checkpoint.every_s, self._group, self._asked),
            timed=not (self._id and file.parallel.reproducible),
        )
        if not self._first:
            return Outcome(False, self._id)
        if self._id:
            model.card = ModelCard({**model.card.to_dict(), "training": {"job": self._id}})
        path = model.save(self._task.target)
        return Outcome(True, self._id, model, path, time.monotonic() - started)


def _both(show: Progress, job: Job | None) -> Callable[[str, int, int], None]:
    def tell(phase: str, done: int, total: int) -> None:
        show(phase, done, total)
        if job is not None:
            job.progress(phase, done, total)

    return tell


def _job_id(file: TrainingFile, process: Process, history: History) -> str:
    """Return a short digest of all that the model depends on, so that the same command finds its checkpoint."""
    from luban import evaluation, features

    data = evaluation.data_digest(features.make_dataset(process.core, history.source))
    build = _core.build_info()  # bits are promised of one build: another one makes a training of its own
    made_by = [build["version"], build["revision"], build.get("torch", "")]
    decides: list[Any] = [process.digest, data, file.what_decides(), file.network() is not None, made_by]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]


def _made_by(path: Path, job_id: str) -> Model | None:
    """Return the model of a file when this job made it."""
    from luban import load
    from luban.errors import IntegrityError
    from luban.fitting import Model

    try:
        found = load(path)
    except IntegrityError:
        return None  # whatever it is, it is not that; whether it may be replaced is decided next
    if not isinstance(found, Model):
        raise ConfigurationError(where="cli.train", expected="a model file", received="a campaign", place=str(path))
    return found if (found.card.to_dict().get("training") or {}).get("job") == job_id else None


def _tidy(jobs: Path, keep: int) -> None:
    """Remove the networks of finished trainings but the ``keep`` that ended last."""
    from luban import registry

    table = registry.jobs(jobs)
    ended = table[(table["state"] == "done") & (table["kind"] == "train")]
    for folder in list(ended["folder"])[keep:]:  # the one that spoke last stands first
        shutil.rmtree(Path(folder) / _NETWORKS, ignore_errors=True)
