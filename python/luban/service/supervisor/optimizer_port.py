"""How the supervisor reaches an optimizer: a process of its own at the other end of a socket, or one in this process.

Nothing that an optimizer does, or fails to do, reaches the outputs from here: it is asked, and an answer may come.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from luban.control import OptimizerState
from luban.errors import DataError, Error, IoError
from luban.service.messages import Answer, Innovation, Question, Recommendation, RunReport
from luban.service.wire import LARGEST, Channel, framed

__all__ = ["Advisor", "InProcess", "OptimizerPort", "OptimizerProcess"]

#: Runs of one question; the rest follows with the next ones. A run that no message takes is left out.
_RUNS_AT_ONCE = 200
_RUNS_BYTES = 3 << 18
#: The latest runs, which a process that begins anew learns; older ones say nothing of how the line is now.
_REMEMBERED = 200
_LARGEST_RUN = LARGEST - (1 << 17)
#: Pauses between starts of an optimizer that keeps dying; one that has lived for the longest begins with the first.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
#: What mistakes of an advisor raise; as a process it would have ended.
_MISTAKES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Advisor(Protocol):
    """What an optimizer in this process must offer, as the learner of a loop does."""

    def learn(self, runs: Sequence[RunReport]) -> Sequence[Innovation]:
        """Take finished runs in; return how far each was from what had been expected."""
        ...

    def recommend(self, context: Mapping[str, float | str], running: Mapping[str, float | str]) -> Recommendation:
        """Return settings for the next run."""
        ...


class OptimizerPort(Protocol):
    """An optimizer, wherever it is. All calls return at once."""

    def learn(self, runs: Sequence[RunReport]) -> None:
        """Hand over finished runs; they go out in order with the next questions, each once."""
        ...

    def ask(self, question: Question) -> bool:
        """Ask for this cycle's recommendation. Returns whether an answer may come."""
        ...

    def collect(self) -> Answer | None:
        """Return an answer that has come, the oldest first; whether it is still of use is for the caller to say."""
        ...

    def state(self) -> OptimizerState:
        """Return whether it is there: alive, late (silent), dead (gone, or silent for too long)."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait at most so long for something to collect."""
        ...

    def wait_ready(self, seconds: float) -> bool:
        """Wait at most so long until it can be asked. Returns whether it can."""
        ...

    def descriptor(self) -> int | None:
        """File descriptor that becomes readable when something happens; None for an optimizer in this process."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class InProcess:
    """An optimizer in this process, for simulations: it answers within :meth:`ask`.

    What it says is checked as if it had come from another process. A mistake of it counts as its end: until the next
    question it is dead.
    """

    def __init__(self, advisor: Advisor) -> None:
        self._advisor = advisor
        self._runs: list[RunReport] = []
        self._answers: deque[Answer] = deque()
        self.trouble = ""

    def learn(self, runs: Sequence[RunReport]) -> None:
        """Keep the runs for the next question."""
        self._runs.extend(runs)

    def ask(self, question: Question) -> bool:
        """Learn and answer; an error of Luban becomes an answer without a recommendation."""
        runs, self._runs = self._runs, []
        self.trouble = ""
        try:
            self._answers.append(Answer.from_dict(answered(self._advisor, question, runs).to_dict()))
        except (DataError, *_MISTAKES) as error:
            self.trouble = f"the optimizer was lost: {type(error).__name__}: {error}"
            return False
        return True

    def collect(self) -> Answer | None:
        """Return the answer."""
        return self._answers.popleft() if self._answers else None

    def state(self) -> OptimizerState:
        """Return alive, or dead after a mistake."""
        return OptimizerState.dead if self.trouble else OptimizerState.alive

    def wait(self, seconds: float) -> None:
        """Let the time pass: everything is there already."""
        if seconds > 0:
            time.sleep(seconds)

    def wait_ready(self, seconds: float) -> bool:
        """Return that it is."""
        return True

    def descriptor(self) -> None:
        """Return None."""

    def close(self) -> None:
        """Do nothing."""


def answered(advisor: Advisor, question: Question, runs: Sequence[RunReport]) -> Answer:
    """Return what an advisor says to a question, after it took in ``runs``."""
    innovations: Sequence[Innovation] = ()
    try:
        innovations = advisor.learn(runs) if runs else ()
        found = advisor.recommend(question.context, question.outputs)
    except Error as error:
        return Answer(question.cycle, question.counter, None, innovations, trouble=str(error))
    return Answer(question.cycle, question.counter, found, innovations)


class OptimizerProcess:
    """An optimizer in a process of its own. One that dies is started again, after longer and longer pauses.

    ``command``: what to run; ``{fd}`` in it becomes the number of the socket. ``log``: where its stderr goes.
    ``late_after_s`` and ``dead_after_s``: silence (no answer, no beat) that counts as late and as dead. There are never
    two of them: a killed one that is not gone yet is waited for, without standing still.

    Raises: IoError when it cannot be started at all.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        late_after_s: float = 2.0,
        dead_after_s: float = 10.0,
        start_s: float = 60.0,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._command, self._log, self._now = tuple(command), log, monotonic_ns
        self._late_ns, self._dead_ns = round(late_after_s * 1e9), round(dead_after_s * 1e9)
        self._start_ns = round(start_s * 1e9)
        self._process: subprocess.Popen[bytes] | None = None
        self._going: list[subprocess.Popen[bytes]] = []  # killed, and not gone yet
        self._channel: Channel | None = None
        self._told: list[tuple[RunReport, int]] = []  # everything that a new process must learn, and its bytes
        self._sent = 0  # of these: sent to the present process
        self._answers: deque[Answer] = deque()
        self._heard_ns = self._started_ns = 0
        self._ready = False
        self._pause_s, self._next_start_ns = _FIRST_PAUSE_S, 0
        self.trouble = ""
        try:
            self._start()
        except OSError as error:
            raise IoError(
                where="service.optimizer", expected="a program that can be started", received=str(error.strerror),
                place=self._command[0],
            ) from error  # fmt: skip

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def ready(self) -> bool:
        """Whether it has read its model and waits for questions."""
        return self._ready

    def wait_ready(self, seconds: float) -> bool:
        """Wait until it has read its model, at most so long. Returns whether it has."""
        end = time.monotonic() + seconds
        while not self._ready and self._channel is not None and time.monotonic() < end:
            self._channel.wait(0.1)
            self._listen()
        return self._ready

    def learn(self, runs: Sequence[RunReport]) -> None:
        """Keep runs; they go down in order, a few with each question, and anew to a process that was started again."""
        self._told.extend((run, _size(run)) for run in runs)
        drop = min(self._sent, max(len(self._told) - 2 * _REMEMBERED, 0))
        del self._told[:drop]
        self._sent -= drop

    def ask(self, question: Question) -> bool:
        """Send the question when the process is ready; one that is gone or silent for too long is started again.

        A process that has not yet read the question before is not asked. What it answers while it has not learned all
        runs that there are is no recommendation.
        """
        self._revive()
        self._listen()
        if self._channel is None or not self._ready or self._channel.unsent:
            return False
        runs, sent = self._portion()
        try:
            taken = self._channel.offer(replace(question, runs=tuple(runs)).to_dict())
        except DataError as error:  # nothing went out
            self.trouble = f"the optimizer cannot be asked: {error}"
            return False
        except IoError as error:
            self._lost(str(error))
            return False
        if taken:
            self._sent = sent
            if sent < len(self._told):
                self._behind.add(question.counter)
        return taken

    def collect(self) -> Answer | None:
        """Return the next answer that has come."""
        self._listen()
        return self._answers.popleft() if self._answers else None

    def state(self) -> OptimizerState:
        """Return alive, late or dead."""
        self._listen()
        if self._process is None or self._channel is None:
            return OptimizerState.dead
        silence = self._now() - self._heard_ns
        if not self._ready:
            return OptimizerState.late if silence <= self._start_ns else OptimizerState.dead
        if silence > self._dead_ns:
            return OptimizerState.dead
        return OptimizerState.late if silence > self._late_ns else OptimizerState.alive

    def wait(self, seconds: float) -> None:
        """Wait for bytes, at most ``seconds``."""
        if self._channel is not None:
            self._channel.wait(seconds)
        elif seconds > 0:
            time.sleep(min(seconds, 0.01))

    def descriptor(self) -> int | None:
        """Return the socket."""
        return None if self._channel is None else self._channel.fileno()

    def close(self) -> None:
        """End the process: its socket closes, and after a second it is killed."""
        self._end(patience_s=1.0)
        for process in self._going:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)

    def _start(self) -> None:
        """Start a process. Raises: OSError."""
        ours, theirs = socket.socketpair()
        command = [part.replace("{fd}", str(theirs.fileno())) for part in self._command]
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,  # Ctrl-C at the terminal is for the supervisor
                    env=_environment(),
                )  # fmt: skip
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._channel = Channel(ours)
        self._ready = False
        self._sent = 0
        self._behind: set[int] = set()  # questions that were asked before all runs were handed over
        self._answers.clear()  # nothing that the one before said counts
        del self._told[:-_REMEMBERED]
        self._heard_ns = self._started_ns = self._now()

    def _revive(self) -> None:
        """Start it again when it is gone; end it when it has been silent for too long."""
        if self.state() is OptimizerState.dead and self._channel is not None:
            self._lost("it was silent for too long")
        self._going = [process for process in self._going if process.poll() is None]
        if self._channel is not None or self._going or self._now() < self._next_start_ns:
            return
        try:
            self._start()
        except OSError as error:
            self._lost(f"it cannot be started: {error.strerror}")

    def _listen(self) -> None:
        if self._channel is None:
            return
        gone = _has_ended(self._process)  # before the last that it said is read
        try:
            self._channel.flush()
            while (message := self._channel.receive()) is not None:
                self._hear(message)
        except (DataError, IoError) as error:
            self._lost("its process ended" if gone else str(error))
            return
        if gone or self._channel.ended:
            self._lost("its process ended")

    def _hear(self, message: dict[str, Any]) -> None:
        self._heard_ns = self._now()
        kind = message.get("kind")
        if kind == "ready":
            self._ready, self.trouble = True, ""
        elif kind == "answer":
            answer = Answer.from_dict(message)
            if answer.counter in self._behind:
                self._behind.discard(answer.counter)
                trouble = answer.trouble or "the optimizer is still learning what happened before"
                answer = replace(answer, recommendation=None, trouble=trouble)
            self._answers.append(answer)
        elif kind != "beat":
            raise DataError(where="service.optimizer", expected="ready, beat or answer", received=repr(kind)[:40])

    def _portion(self) -> tuple[list[RunReport], int]:
        """Return the next runs for the present process, as many as one message takes, and how many are sent then."""
        out: list[RunReport] = []
        total, at = 0, self._sent
        for run, size in self._told[self._sent :]:
            if size > _LARGEST_RUN:
                self.trouble = f"run {run.run_id} is not learned: it fits into no message"
            elif len(out) == _RUNS_AT_ONCE or total + size > max(_RUNS_BYTES, size):
                break
            else:
                out.append(run)
                total += size
            at += 1
        return out, at

    def _lost(self, why: str) -> None:
        lived_ns = self._now() - self._started_ns
        self._end(patience_s=0.0)
        self.trouble = f"the optimizer was lost: {why}; its messages are in {self._log}"
        if lived_ns > _LONGEST_PAUSE_S * 1e9:
            self._pause_s = _FIRST_PAUSE_S
        self._next_start_ns = self._now() + round(self._pause_s * 1e9)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def _end(self, patience_s: float) -> None:
        channel, self._channel = self._channel, None
        process, self._process = self._process, None
        self._ready = False
        if channel is not None:
            channel.close()
        if process is None:
            return
        end = time.monotonic() + patience_s
        while not _has_ended(process) and time.monotonic() < end:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # and what it started; ends a stopped process as well
        if process.poll() is None:
            self._going.append(process)


def _size(run: RunReport) -> int:
    """Return the bytes that a run takes in a message; more than any message has for one that cannot be sent."""
    try:
        return len(framed(run.to_dict()))
    except DataError:
        return LARGEST


def _has_ended(process: subprocess.Popen[bytes] | None) -> bool:
    """Whether a process has ended; it keeps its number until it is polled."""
    if process is None or process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _environment() -> dict[str, str]:
    """One thread of BLAS beside our own tasks, and what the parent has."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
