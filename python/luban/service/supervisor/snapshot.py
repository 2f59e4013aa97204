"""What a loop shows: its present state for people, its recent past for trends, its decisions for the journal."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from luban import control
from luban.plant import FinishedRun, WriteResult
from luban.service.supervisor.cycle import CycleReport
from luban.service.supervisor.plan import LoopPlan
from luban.service.supervisor.watch import Watch

if TYPE_CHECKING:
    from luban.service.supervisor.supervisor import Supervisor

__all__ = ["Board"]

_TREND = 240
_ALARMS = 200
#: Entries of the mode machine by the kind of record that they become.
_KINDS = {"request": "request", "approval": "request", "write": "decision"}


class Board:
    """Collects what is shown and recorded of a loop. :attr:`shown` is a plain dictionary, made anew in every cycle."""

    def __init__(self, plan: LoopPlan) -> None:
        self._plan = plan
        self.facts: control.Cycle | None = None
        self.alarms: deque[dict[str, Any]] = deque(maxlen=_ALARMS)
        self.trend: deque[dict[str, Any]] = deque(maxlen=_TREND)
        self.writes = {"confirmed": 0, "failed": 0}
        self.cycles = 0
        self.slowest_ns: dict[str, int] = {}
        self._means: dict[str, float] = {}
        self._run_id = ""
        self.shown: dict[str, Any] = {"loop": plan.name, "cycle": 0}

    def finished(self, runs: Sequence[FinishedRun]) -> None:
        """Take the means of the latest run."""
        if not runs:
            return
        self._run_id = runs[-1].run_id
        names = {response.name for response in self._plan.process.responses}
        for name, column in runs[-1].readings.items():
            values = [value for value in column if isinstance(value, float) and not math.isnan(value)]
            if name in names and values:
                self._means[name] = sum(values) / len(values)

    def alarm(self, priority: str, code: str, words: str, utc_ns: int, cycle: int) -> None:
        """Put an alarm on the list."""
        self.alarms.append({"time": utc_ns, "cycle": cycle, "priority": priority, "code": code, "text": words})

    def refused(self, words: str, utc_ns: int) -> None:
        """Show that a request from the live view was refused, and why."""
        self.alarm("low", "refused", f"Refused. {words}", utc_ns, int(self.shown.get("cycle", 0)))
        self.shown = {**self.shown, "alarms": list(self.alarms)[-20:]}

    def entry(self, entry: control.ControlEntry) -> tuple[str, dict[str, Any]]:
        """Return an entry of the mode machine as a record."""
        content = control.entry_dict(entry)
        return _KINDS.get(entry.kind.name, "mode"), content

    def journal_entries(self, report: CycleReport, watch: Watch) -> list[tuple[str, dict[str, Any]]]:
        """Return the records of a cycle's decision, in order; a loop that is off records what changes alone."""
        decision = report.decision
        if decision is None:
            return []
        entries = [self.entry(entry) for entry in decision.entries if entry.kind.name != "write"]
        if decision.achieved is control.ControlMode.off and decision.before is control.ControlMode.off:
            return entries
        out: list[tuple[str, dict[str, Any]]] = []
        if report.observation is not None:
            out.append(("inputs", report.observation.record()))
        if report.offer is not None:
            judged = report.offer.recommendation
            content = {"id": report.offer.name, **judged.to_dict(), "watch": watch.record()}
            if report.answered is not None and report.answered != judged:
                content["newer"] = report.answered.to_dict()
            out.append(("recommendation", content))
        judgement = report.fallback if decision.write is control.WriteKind.golden else report.judgement
        if judgement is not None:
            out.append(("verdict", judgement.verdict.to_dict()))
        out.extend(entries)
        out.append(("decision", self._decision(report, decision)))
        return out

    def _decision(self, report: CycleReport, decision: control.ControlDecision) -> dict[str, Any]:
        command = report.command
        writes = [control.entry_dict(entry) for entry in decision.entries if entry.kind.name == "write"]
        return {
            "mode": decision.achieved.name,
            "requested": decision.requested.name,
            "write": decision.write.name,
            "why_not": [reason.name for reason in decision.no_write_reasons],
            "entry": writes[0] if writes else None,
            "command": None if command is None else command.command_id,
            "values": None if command is None else {name: value for name, value, _ in command.values},
            "before": None if command is None else command.expected_previous,
            "released": list(decision.released),
            "plant": report.plant_trouble,
        }

    def outcome(self, result: WriteResult) -> dict[str, Any]:
        """Return what came of a write as a record; counts it."""
        self.writes["confirmed" if result.ok else "failed"] += 1
        return {
            "command": result.command_id,
            "outcome": result.outcome.value,
            "confirmed": result.ok,
            "variables": {
                name: {
                    "value": one.value,
                    "unit": one.unit,
                    "reason": one.reason.value,
                    "status": one.status,
                    "previous": one.previous,
                    "read_back": one.read_back,
                }
                for name, one in result.variables.items()
            },
            "detail": result.detail,
        }

    def cycled(self, report: CycleReport, loop: Supervisor) -> None:
        """Take a finished cycle in."""
        self.cycles += 1
        self.facts = report.facts
        for name, took in report.steps_ns.items():
            self.slowest_ns[name] = max(self.slowest_ns.get(name, 0), took)
        observation = report.observation
        if observation is not None:
            outputs = {name: value.value for name, value in observation.state.outputs.items()}
            if report.result is not None:
                outputs |= {n: o.read_back for n, o in report.result.variables.items() if o.read_back is not None}
            self.trend.append(
                {
                    "cycle": report.number,
                    "time": observation.state.receipt_time,
                    "run_id": self._run_id,
                    "mode": loop.controller.state.achieved.name,
                    "outputs": outputs,
                    "responses": dict(self._means),
                    "context": {one.name: one.value for one in observation.context},
                }
            )
        self.shown = self._made(loop, report)

    def follow(self, loop: Supervisor) -> None:
        """Take in what happened between cycles."""
        self.shown = {**self.shown, **_mode(loop), "alarms": list(self.alarms)[-20:]}

    def _made(self, loop: Supervisor, report: CycleReport) -> dict[str, Any]:
        found = None if report.offer is None else report.offer.recommendation
        judgement = report.judgement
        released = set(loop.controller.state.released)
        values = {} if report.observation is None else self.trend[-1]["outputs"]
        made: dict[str, Any] = {
            "loop": self._plan.name,
            "process": self._plan.process.name,
            "cycle": report.number,
            "cycles": self.cycles,
            "time": loop.clock.utc_ns(),
            "simulated": loop.simulated,
            **_mode(loop),
            "parameters": [
                {
                    "name": parameter.name,
                    "unit": parameter.unit,
                    "value": values.get(parameter.name),
                    "recommended": None if found is None else found.settings.get(parameter.name),
                    "released": parameter.name in released,
                }
                for parameter in self._plan.process.parameters
            ],
            "context": self.trend[-1]["context"] if self.trend else {},
            "responses": dict(self._means),
            "recommendation": None if found is None else {"id": report.recommendation_id, **found.to_dict()},
            "verdict": [] if judgement is None else judgement.verdict.sentences("en"),
            "optimizer": "" if report.facts is None else report.facts.optimizer.name,
            "optimizer_trouble": _trouble(report, loop),
            "plant": report.plant_trouble or "connected",
            "journal": loop.journal_failure or "written",
            "drift": [alarm.sentence for alarm in loop.watch.standing],
            "last_write": None if report.result is None else report.result.outcome.value,
            "writes": dict(self.writes),
            "alarms": list(self.alarms)[-20:],
            "steps_ms": {name: took / 1e6 for name, took in report.steps_ns.items()},
            "slowest_ms": {name: took / 1e6 for name, took in self.slowest_ns.items()},
        }
        return {name: _plain(value) for name, value in made.items()}


def _plain(value: Any) -> Any:
    """Return a value as people's programs can be sent it: there is no NaN in a message."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _mode(loop: Supervisor) -> dict[str, Any]:
    latest = loop.controller.latest
    state = loop.controller.state
    return {
        "requested": latest.requested.name,
        "achieved": latest.achieved.name,
        "requested_reasons": [reason.name for reason in latest.requested_reasons],
        "achieved_reasons": [reason.name for reason in latest.achieved_reasons],
        "no_write_reasons": [reason.name for reason in latest.no_write_reasons],
        "unmet": [reason.name for reason in state.unmet],
        "offered": state.offered,
        "released": list(state.released),
    }


def _trouble(report: CycleReport, loop: Supervisor) -> str:
    if report.answer is not None and report.answer.trouble:
        return report.answer.trouble
    return str(getattr(loop.optimizer, "trouble", ""))
