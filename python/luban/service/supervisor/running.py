"""The loop over time: a cycle in every period, people answered in between, an end that leaves all in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from luban import control
from luban.plant import SimulatedClock
from luban.service.supervisor.people import People
from luban.service.supervisor.supervisor import Supervisor

__all__ = ["Ending", "run"]


@dataclass
class Ending:
    """Set from anywhere (a signal, a key) to end the loop after the cycle in hand."""

    asked: bool = False
    reason: str = ""

    def ask(self, reason: str) -> None:
        """End the loop."""
        self.asked, self.reason = True, reason


def run(
    loop: Supervisor,
    *,
    cycles: int | None = None,
    people: People | None = None,
    ending: Ending | None = None,
    shown: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Do ``cycles`` cycles (None: until ``ending``), one in each period.

    A cycle that takes longer than its period makes the next ones late; what was missed is not made up for. An error
    that nobody foresaw ends the loop: the journal says which, the outputs stay as they are, and it is raised again.
    """
    end = ending or Ending()
    if people is not None:
        loop.attend = people.attend
    period = round(loop.plan.times.period_s * 1e9)
    due = loop.clock.monotonic_ns()
    done = 0
    while not end.asked and (cycles is None or done < cycles):
        try:
            loop.cycle()
        except Exception as error:
            end.ask(f"{type(error).__name__}: {error}")
            loop.note("ended by an error", error=type(error).__name__, why=str(error))
            raise
        done += 1
        if shown is not None:
            shown(loop.board.shown)
        due += period
        now = loop.clock.monotonic_ns()
        if now > due:
            due += (now - due) // period * period + period
        if cycles is None or done < cycles:
            _pass_time(loop, due, end)


def _pass_time(loop: Supervisor, due: int, end: Ending) -> None:
    """Let time pass until the next cycle is due; an optimizer that is lost meanwhile is noticed at once."""
    if isinstance(loop.clock, SimulatedClock):
        loop.attend(0.0)
        loop.clock.sleep((due - loop.clock.monotonic_ns()) / 1e9)
        return
    touch_ns = round(min(loop.plan.times.silence_s / 3, 0.5) * 1e9)
    next_touch = loop.clock.monotonic_ns() + touch_ns
    while not end.asked and (left := (due - loop.clock.monotonic_ns()) / 1e9) > 0:
        loop.attend(min(left, 0.1))
        if loop.clock.monotonic_ns() >= next_touch:
            loop.keep_in_touch()
            next_touch = loop.clock.monotonic_ns() + touch_ns
        if loop.optimizer.state() is control.OptimizerState.dead:
            loop.optimizer_gone()
