"""Jobs: a training that runs, or ran, as a folder with a small file that says how far it is.

``JOBS/ID/status.json`` is replaced as a whole (temporary file, fsync, rename): a reader finds the state before a change
or after it, also when the writer is killed in between.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban import _core
from luban.errors import ConfigurationError, IntegrityError, IoError, LifecycleError, VersionError
from luban.plant.clock import Clock, SystemClock

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STATUS", "Job", "JobState", "job_status", "jobs", "jobs_folder"]

STATUS = "status.json"
FORMAT = "luban-job"
VERSION = 1
_DEFAULT_FOLDER = Path("var/jobs")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_TEMPORARY = re.compile(rf"\.{re.escape(STATUS)}\.[0-9]+-[0-9]+\.partial")
_NEW_PHASE_S = 0.1  # a phase that begins is told sooner than progress within one
_COLUMNS = (
    "id", "kind", "state", "why", "phase", "done", "total", "started_time", "updated_time", "worked_s", "ranks",
    "starts", "host", "pid", "slurm_job", "output", "folder",
)  # fmt: skip
_WHOLE = ("done", "total", "ranks", "starts", "pid")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "id": str, "kind": str, "why": str, "what": dict, "started_time": str, "updated_time": str, "host": str,
    "pid": int, "process_start": str, "ranks": int, "slurm_job": (str, type(None)), "phase": str, "done": int,
    "total": int, "output": (str, type(None)), "starts": int, "worked_s": (int, float),
}  # fmt: skip


class JobState(StrEnum):
    """How a job stands. The first four are written by the job; ``lost`` and ``damaged`` are what readers find."""

    running = "running"
    checkpointed = "checkpointed"
    done = "done"
    failed = "failed"
    lost = "lost"
    damaged = "damaged"


_WRITTEN = (JobState.running, JobState.checkpointed, JobState.done, JobState.failed)


class Job:
    """A job that this process works on; :meth:`begin` makes one. Several threads may report progress.

    A job of many ranks has one of them that writes. When another process has taken the job over meanwhile, every call
    raises LifecycleError, so that two never write one folder for long.
    """

    def __init__(self, folder: Path, status: dict[str, Any], clock: Clock, every_s: float) -> None:
        self._folder, self._status, self._clock, self._every_s = folder, status, clock, every_s
        self._guard = threading.Lock()
        self._begun_ns = self._written_ns = clock.monotonic_ns()
        self._written_phase = ""
        self._worked_before: float = status["worked_s"]

    @classmethod
    def begin(
        cls,
        jobs: str | os.PathLike[str],
        job_id: str,
        *,
        kind: str,
        what: Mapping[str, Any],
        ranks: int = 1,
        clock: Clock | None = None,
        every_s: float = 1.0,
    ) -> Job:
        """Make the folder ``jobs/job_id``, or go on in it: ``starts`` counts how often that happened.

        ``kind``: a lower-case word, "train". ``what``: what it works on, values that JSON knows. ``every_s``: shortest
        time between two reports of progress that are written.

        Raises: ConfigurationError for an id, kind, ranks or content that cannot be written; LifecycleError when the
        job runs in another process of this host; IoError when the folder cannot be written. A damaged status is
        replaced.
        """
        place = Path(jobs) / _checked_id(job_id)
        if not _KIND.fullmatch(kind) or ranks < 1:
            raise ConfigurationError(
                where="registry.Job.begin",
                expected="kind as a lower-case word and at least one rank",
                received=f"{kind!r}, {ranks}",
            )
        content = _json_content(what)
        try:
            place.mkdir(parents=True, exist_ok=True)
            with _core.FileLock(place / STATUS, "registry.Job.begin"):
                before = _status_before(place)
                for path in place.iterdir():
                    if _TEMPORARY.fullmatch(path.name):  # of a process that was killed in a write
                        path.unlink(missing_ok=True)
                times = SystemClock() if clock is None else clock
                job = cls(place, _first_status(job_id, kind, content, ranks, before, times), times, every_s)
                job._write()
        except OSError as error:
            raise _refused("registry.Job.begin", place, error) from error
        return job

    @property
    def folder(self) -> Path:
        """Folder of the job; what it keeps beside ``status.json`` is its own affair."""
        return self._folder

    @property
    def starts(self) -> int:
        """How often the job was begun, this time included."""
        return int(self._status["starts"])

    def progress(self, phase: str, done: int, total: int) -> None:
        """Say how far it is (``total`` 0 = unknown); a :data:`luban.parallel.Progress`. Most calls write nothing.

        Raises: LifecycleError after the end, IoError.
        """
        with self._guard:
            self._require_running("progress")
            self._status |= {"phase": phase, "done": int(done), "total": int(total)}
            pause_s = self._every_s if phase == self._written_phase else min(self._every_s, _NEW_PHASE_S)
            if self._clock.monotonic_ns() - self._written_ns >= pause_s * 1e9:
                self._write_own()

    def checkpointed(self, why: str) -> None:
        """End for now: the same command goes on later. Raises: LifecycleError after the end, IoError."""
        self._end(JobState.checkpointed, why, None)

    def done(self, output: str | os.PathLike[str]) -> None:
        """End with a result at ``output``. Raises: LifecycleError after the end, IoError."""
        self._end(JobState.done, "", os.fspath(output))

    def failed(self, why: str) -> None:
        """End without one. Raises: LifecycleError after the end, IoError."""
        self._end(JobState.failed, why, None)

    def _end(self, state: JobState, why: str, output: str | None) -> None:
        with self._guard:
            self._require_running(state.value)
            before = dict(self._status)
            self._status |= {"state": state.value, "why": why, "output": output}
            try:
                self._write_own()
            except BaseException:
                self._status = before  # so that another end can be told
                raise

    def _require_running(self, call: str) -> None:
        if self._status["state"] != JobState.running:
            raise LifecycleError(
                where=f"registry.Job.{call}",
                expected="a job that runs",
                received=f"one that is {self._status['state']}",
                place=str(self._folder),
                hint="Job.begin goes on with it",
            )

    def _write_own(self) -> None:
        """Write, unless the job belongs to another process by now."""
        try:
            found = _read(self._folder)
        except (IntegrityError, IoError):
            found = self._status  # damaged or removed by others: what is known here is written again
        owner = ("host", "pid", "process_start", "starts")
        if any(found[key] != self._status[key] for key in owner):
            raise LifecycleError(
                where="registry.Job",
                expected="a job that is still this process's",
                received=f"start {found['starts']} of it, in process {found['pid']} on {found['host']}",
                place=str(self._folder),
                hint="end this process: the other one goes on with the job",
            )
        self._write()

    def _write(self) -> None:
        now = self._clock.monotonic_ns()
        worked = self._worked_before + (now - self._begun_ns) / 1e9
        self._status |= {"updated_time": _core.time_text(self._clock.utc_ns()), "worked_s": round(worked, 3)}
        text = json.dumps(self._status, ensure_ascii=False, indent=1) + "\n"
        with _core.DurableFile(self._folder / STATUS, "registry.Job") as file:
            file.write(text.encode("utf-8", "replace"))
            file.commit(replace=True)
        self._written_ns, self._written_phase = now, self._status["phase"]


def jobs_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of jobs: the one given, else the environment's LUBAN_JOBS, else ``var/jobs``."""
    return Path(given) if given is not None else Path(os.environ.get("LUBAN_JOBS") or _DEFAULT_FOLDER)


def job_status(folder: str | os.PathLike[str], job_id: str) -> dict[str, Any]:
    """Return what ``status.json`` of a job says; "running" becomes "lost" when its process on this host is gone.

    Raises: ConfigurationError for what is no id, IoError when there is no such job, IntegrityError when its status is
    damaged, VersionError when a newer program wrote it.
    """
    status = _read(Path(folder) / _checked_id(job_id))
    return status | {"state": JobState.lost.value, "why": _gone(status)} if _is_lost(status) else status


def jobs(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """List the jobs of a folder, the one that spoke last first; a damaged one is listed with the reason.

    ``state`` is one of :class:`JobState`. Folders without ``status.json`` are no jobs.

    Raises: IoError when there is no such folder.
    """
    import pandas as pd

    place = Path(folder)
    if not place.is_dir():
        raise IoError(where="registry.jobs", expected="a folder of jobs", received="none", place=str(place))
    rows = []
    for path in sorted(place.iterdir()):
        if not _ID.fullmatch(path.name) or not (path / STATUS).exists():
            continue
        try:
            status = job_status(place, path.name)
        except (IntegrityError, IoError) as error:
            status = {"id": path.name, "state": JobState.damaged.value, "why": str(error)}
        rows.append(_row(status | {"folder": str(path)}))
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    frame = frame.astype(dict.fromkeys(_WHOLE, "Int64") | {"worked_s": float})
    frame.attrs["units"] = {"worked_s": "s"}
    return frame.sort_values("updated_time", ascending=False, ignore_index=True, kind="stable")


def _row(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of a job; of a damaged one little is known."""
    numbers = (*_WHOLE, "worked_s")
    return {name: status.get(name) if name in numbers else status.get(name) or "" for name in _COLUMNS}


def _checked_id(job_id: str) -> str:
    if not _ID.fullmatch(job_id):
        raise ConfigurationError(
            where="registry.Job",
            expected="the id of a job: letters, digits, points, dashes and underscores",
            received=repr(job_id),
        )
    return job_id


def _json_content(what: Mapping[str, Any]) -> dict[str, Any]:
    def plain(value: object) -> str:
        if isinstance(value, os.PathLike):
            return str(os.fspath(value))
        raise TypeError(f"a {type(value).__name__}")

    try:
        content: dict[str, Any] = json.loads(json.dumps(dict(what), allow_nan=False, default=plain))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            where="registry.Job.begin", expected="what as JSON knows it", received=str(error)
        ) from error
    return content


def _status_before(place: Path) -> dict[str, Any]:
    """Return what the job said before, nothing when it is new or damaged. Raises: LifecycleError when it runs."""
    if not (place / STATUS).exists():
        return {}
    try:
        before = _read(place)
    except IntegrityError:
        return {}
    here = before["host"] == socket.gethostname()
    own = before["pid"] == os.getpid()
    if before["state"] == JobState.running and here and not own and not _is_lost(before):
        raise LifecycleError(
            where="registry.Job.begin",
            expected="a job that no process works on",
            received=f"one that runs in process {before['pid']} on {before['host']}",
            place=str(place),
            hint="wait for it, or end that process first",
        )
    return before


def _first_status(
    job_id: str, kind: str, what: dict[str, Any], ranks: int, before: Mapping[str, Any], clock: Clock
) -> dict[str, Any]:
    now = _core.time_text(clock.utc_ns())
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": job_id,
        "kind": kind,
        "state": JobState.running.value,
        "why": "",
        "what": what,
        "started_time": before.get("started_time", now),
        "updated_time": now,
        "worked_s": float(before.get("worked_s", 0.0)),
        "starts": before.get("starts", 0) + 1,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_start": _process_start(os.getpid()) or "",
        "ranks": ranks,
        "slurm_job": _slurm_job(),
        "phase": "",
        "done": 0,
        "total": 0,
        "output": None,
    }


def _slurm_job() -> str | None:
    """Return the id as ``squeue`` shows it, ARRAY_TASK for a task of an array; None outside Slurm."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID") or None


def _read(place: Path) -> dict[str, Any]:
    path = place / STATUS
    try:
        content = json.loads(path.read_bytes().decode())
        json.dumps(content, ensure_ascii=False).encode()  # half a character, escaped, could not be shown
    except OSError as error:
        raise _refused("registry.jobs", path, error) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "JSON", str(error)) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _damaged(path, f'"format": "{FORMAT}"', "another file")
    if content.get("version") != VERSION:
        raise VersionError(
            where="registry.jobs",
            expected=f"version {VERSION}",
            received=repr(content.get("version")),
            place=str(path),
            hint="read it with the version of luban that wrote it",
        )
    content = {"starts": 1, "worked_s": 0.0, "process_start": "", **content}
    for key, kind in _TYPES.items():
        value = content.get(key)
        beyond = isinstance(value, int | float) and not 0 <= value < 2**63
        if not isinstance(value, kind) or isinstance(value, bool) or beyond:
            raise _damaged(path, f"{key!r} as jobs write it", repr(value))
    if content.get("state") not in _WRITTEN:
        raise _damaged(path, f"a state of {', '.join(_WRITTEN)}", repr(content.get("state")))
    return content


def _is_lost(status: Mapping[str, Any]) -> bool:
    """Whether a job says that it runs and its process on this host is gone; other hosts cannot be asked."""
    if status["state"] != JobState.running or status["host"] != socket.gethostname():
        return False
    found = _process_start(status["pid"])
    return found is None or bool(found and status["process_start"] and found != status["process_start"])


def _gone(status: Mapping[str, Any]) -> str:
    return f"process {status['pid']} on {status['host']} is gone; the same command goes on from the last checkpoint"


def _process_start(pid: int) -> str | None:
    """Return "BOOT:TICKS", which no later process of the same number has; None when no such process lives.

    Empty where the system has no /proc: then a number that lives is all that is known.
    """
    if pid <= 0:
        return None
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "" if _answers(pid) else None
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = line[line.rindex(")") + 2 :].split()  # the name before it may hold anything
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _refused(where: str, path: Path, error: OSError) -> IoError:
    return IoError(
        where=where,
        expected="the folder of a job",
        received=error.strerror or str(error),
        place=str(error.filename or path),
    )


def _damaged(path: Path, expected: str, received: str) -> IntegrityError:
    return IntegrityError(
        where="registry.jobs",
        expected=expected,
        received=received,
        place=str(path),
        hint="the same command replaces it and goes on from the last checkpoint",
    )
