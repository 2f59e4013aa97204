"""How the supervisor reaches an optimizer: a process of its own at the other end of a socket, or one in this process.

Nothing that an optimizer does, or fails to do, reaches the outputs from here: it is asked, and an answer may come.
"""

from __future__ import annotations

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
from luban.service.wire import Channel

__all__ = ["Advisor", "InProcess", "OptimizerPort", "OptimizerProcess"]

#: Runs of one question; the rest follows with the next ones.
_RUNS_AT_ONCE = 20
_RUNS_BYTES = 1 << 19
#: Pauses between starts of an optimizer that keeps dying.
_LONGEST_PAUSE_S = 60.0


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
        """Hand over finished runs; they go out with the next questions, each once it was taken in."""
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
    """An optimizer in this process, for simulations: it answers within :meth:`ask`."""

    def __init__(self, advisor: Advisor) -> None:
        self._advisor = advisor
        self._runs: list[RunReport] = []
        self._answers: deque[Answer] = deque()

    def learn(self, runs: Sequence[RunReport]) -> None:
        """Keep the runs for the next question."""
        self._runs.extend(runs)

    def ask(self, question: Question) -> bool:
        """Learn and answer; an error of Luban becomes an answer without a recommendation."""
        runs, self._runs = self._runs, []
        self._answers.append(answered(self._advisor, question, runs))
        return True

    def collect(self) -> Answer | None:
        """Return the answer."""
        return self._answers.popleft() if self._answers else None

    def state(self) -> OptimizerState:
        """Return alive: it cannot be anything else."""
        return OptimizerState.alive

    def wait(self, seconds: float) -> None:
        """Return: everything is there already."""

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
    ``late_after_s`` and ``dead_after_s``: silence (no answer, no beat) that counts as late and as dead.
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
        self._channel: Channel | None = None
        self._told: list[RunReport] = []  # everything that a new process must learn
        self._sent = self._taken = 0  # of these: sent to, taken in by the present process
        self._heard_ns = self._started_ns = 0
        self._ready = False
        self._pause_s, self._next_start_ns = 1.0, 0
        self.trouble = ""
        self._answers: deque[Answer] = deque()
        self._start()

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
        self._told.extend(runs)

    def ask(self, question: Question) -> bool:
        """Send the question when the process is ready; one that is gone or silent for too long is started again."""
        self._revive()
        self._listen()
        if self._channel is None or not self._ready:
            return False
        runs = self._portion()
        try:
            self._channel.send(replace(question, runs=tuple(runs)).to_dict())
        except (IoError, DataError) as error:
            self._lost(str(error))
            return False
        self._sent = self._taken + len(runs)
        return True

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

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [part.replace("{fd}", str(theirs.fileno())) for part in self._command]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C at the terminal is for the supervisor
                env=_environment(),
            )  # fmt: skip
        theirs.close()
        self._channel = Channel(ours)
        self._ready = False
        self._sent = self._taken = 0
        self._heard_ns = self._started_ns = self._now()

    def _revive(self) -> None:
        """Start it again when it is gone; end it when it has been silent for too long."""
        if self._channel is not None and self.state() is OptimizerState.dead:
            self._lost("it was silent for too long")
        if self._channel is None and self._now() >= self._next_start_ns:
            self._start()

    def _listen(self) -> None:
        if self._channel is None:
            return
        try:
            while (message := self._channel.receive()) is not None:
                self._hear(message)
        except (DataError, IoError) as error:
            self._lost(str(error))
            return
        if self._channel.ended:
            self._lost("its process ended")

    def _hear(self, message: dict[str, Any]) -> None:
        self._heard_ns = self._now()
        kind = message.get("kind")
        if kind == "ready":
            self._ready, self.trouble = True, ""
            self._pause_s = 1.0
        elif kind == "answer":
            self._answers.append(Answer.from_dict(message))
            self._taken = self._sent
        elif kind != "beat":
            raise DataError(where="service.optimizer", expected="ready, beat or answer", received=repr(kind)[:40])

    def _portion(self) -> list[RunReport]:
        """Return the next runs that the present process has not learned, as many as one message takes."""
        out: list[RunReport] = []
        size = 0
        for run in self._told[self._taken : self._taken + _RUNS_AT_ONCE]:
            size += sum(len(column) for column in run.readings.values()) * 24
            if out and size > _RUNS_BYTES:
                break
            out.append(run)
        return out

    def _lost(self, why: str) -> None:
        self._end(patience_s=0.0)
        self.trouble = f"the optimizer was lost: {why}; its messages are in {self._log}"
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
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)  # ends a stopped process as well
            process.wait()


def _environment() -> dict[str, str]:
    """One thread of BLAS beside our own tasks, and what the parent has."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
