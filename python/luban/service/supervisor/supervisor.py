"""The supervisor: steps the cycle, keeps the mode, owns the outputs, and answers people at any time.

One thread does all of it. What may be slow (the optimizer) is another process; what may fail (journal, plant) leads to
outputs that stay as they are. :class:`Supervisor` takes any plant and any optimizer, under the real or a simulated
clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from luban import control, guard
from luban.control import WriteKind
from luban.control import WriteOutcome as ControlWrite
from luban.errors import ConfigurationError, DataError, Error
from luban.plant import Plant, PlantState, SimulatedClock, VariableRole
from luban.process import Recipe
from luban.service.messages import Answer, Innovation, Question, Recommendation
from luban.service.supervisor import cycle as steps
from luban.service.supervisor.cycle import Command, CycleReport, Offer
from luban.service.supervisor.kept_state import KeptState
from luban.service.supervisor.observe import Observation, Observer, run_record
from luban.service.supervisor.optimizer_port import OptimizerPort
from luban.service.supervisor.plan import LoopPlan
from luban.service.supervisor.record import JournalClock, Recorder
from luban.service.supervisor.snapshot import Board
from luban.service.supervisor.watch import Watch

__all__ = ["Supervisor"]

#: How long a simulated cycle waits, in real time, for an optimizer that is a process.
_PATIENCE_S = 60.0
_CHECKPOINT_NS = 60_000_000_000
#: Modes in which the outputs are the loop's: what others move is noticed.
_OWNING = (control.ControlMode.closed, control.ControlMode.hold, control.ControlMode.fallback)


class Supervisor:
    """One loop. Made, then :meth:`start`, then :meth:`cycle` as often as wanted, then :meth:`close`.

    ``attend``: called while there is time, with the seconds that are left, and without any right before a decision and
    a write; it answers people and returns early when something happened. Without it the loop only waits.

    Raises: ConfigurationError for a real plant under a plan that takes it for another one.
    """

    def __init__(self, plan: LoopPlan, plant: Plant, optimizer: OptimizerPort) -> None:
        if plant.is_real and plan.plant_kind is not control.PlantKind.real:
            raise ConfigurationError(
                where="service.supervisor", expected="a plan for a real plant", received=plan.plant_kind.name
            )
        self.plan, self.plant, self.optimizer = plan, plant, optimizer
        self.clock = plant.clock
        self.simulated = isinstance(self.clock, SimulatedClock)
        self.attend: Callable[[float], None] = lambda seconds: self.optimizer.wait(seconds)
        self._journal_clock = JournalClock(self.clock, simulated=self.simulated)
        self.record = Recorder(plan.journal, plan.process, self._journal_clock, about=plan.about, key=plan.journal_key)
        self._kept = KeptState(plan.state_path)
        options = plan.guard.options
        self._observer = Observer(
            plan.process,
            rules={rule.name: rule for rule in options.inputs},
            max_input_age_ns=round(options.max_input_age_s * 1e9),
            accept_uncertain=options.accept_uncertain,
            written_tolerance=options.written_tolerance,
        )
        self.watch = Watch(plan.drift, steps.watched(plan.process))
        self.board = Board(plan)
        self.controller: control.Controller
        self._number = self._sequence = self._counter = self._beats = 0
        self._last_write = ControlWrite.none
        self._offer: Offer | None = None
        self._waiting_innovations: list[Innovation] = []
        self._counted: set[tuple[str, str]] = set()  # run and response of the innovations that were
        self._before: frozenset[str] = frozenset()  # runs of earlier starts: they were watched then
        self._next_checkpoint = 0
        self._journaled = 0

    @property
    def journal_failure(self) -> str:
        """Why a decision could not be kept now, in journal and state; empty when it can."""
        return self.record.failure or self._kept.failure

    def start(self) -> None:
        """Open the journal, take up the mode where it was left, connect the plant, ask for the mode of the file.

        Raises: what :meth:`Journal.open`, :meth:`Plant.connect` and the value types raise; nothing is held then.
        """
        self.record.open()
        connected = False
        try:
            has_run = self.record.has_run()
            self.controller = self._kept.wake(self.plan.control_plan(), self.plan.control, has_run=has_run)
            self._kept.keep(self.controller)
            self._number = self._sequence = self.record.last_cycle()
            runs, unfinished = self.record.runs(), self.record.unfinished()
            self.plant.connect()
            connected = True
            self._require_inputs()
            self._begin(runs, unfinished)
        except BaseException:
            if connected:
                self.plant.close()
            self.record.close("it could not start")
            raise

    def _require_inputs(self) -> None:
        """Refuse input rules of the guard for inputs that the plant has not. Raises: ConfigurationError."""
        known = [name for name, one in self.plant.variables.items() if one.role is VariableRole.input]
        unknown = [rule.name for rule in self.plan.guard.options.inputs if rule.name not in known]
        if unknown:
            raise ConfigurationError(
                where="service.supervisor",
                expected="guard.inputs among " + ", ".join(known),
                received=repr(unknown[0]),
                place=self.plan.name,
            )

    def _begin(self, runs: list[dict[str, Any]], unfinished: str) -> None:
        now = self.clock.monotonic_ns()
        self._observer.moved_at(now)
        self._next_checkpoint = now + _CHECKPOINT_NS
        notes: list[dict[str, Any]] = []
        if self.plant.notes:
            notes.append({"event": "plant", "notes": list(self.plant.notes)})
        if self.controller.damage:
            notes.append({"event": "state damaged", "why": self.controller.damage})
        if unfinished:
            notes.append({"event": "outcome unknown", "command": unfinished})
        self.record.write([("note", note) for note in notes])
        self._follow(self.controller.latest)
        self._before = frozenset(run["run_id"] for run in runs)
        self.optimizer.learn([steps.report_of_record(run) for run in runs])
        self.step(control.FileRequest(mode=self.plan.mode))

    def step(self, event: control.Event) -> control.ControlActions:
        """Let the mode machine take an event: its entries go into the journal, its alarms on the board."""
        actions = self.controller.step(event, now=self.clock.monotonic_ns())
        self._follow(actions.decision)
        return actions

    def cycle(self) -> CycleReport:
        """Do one cycle. Never raises for a plant, an optimizer or a journal that fails: the report says what failed."""
        self._number += 1
        report = CycleReport(self._number, self.clock.monotonic_ns())
        self._timed(report, "read", self._read)
        self._timed(report, "ask", self._ask)
        self._timed(report, "judge", self._judge)
        actions = self._timed(report, "decide", self._decide)
        self._timed(report, "record", lambda one: self._record(one, actions))
        if actions.permission is not None:
            self._timed(report, "write", lambda one: self._write(one, actions))
        self._after(report)
        return report

    def close(self, reason: str = "") -> None:
        """End the loop: outputs stay as they are, the journal is closed, the plant is given back.

        Raises: IoError when records that had to wait could not be written.
        """
        try:
            self.optimizer.close()
        finally:
            try:
                self.plant.close()
            finally:
                self.record.close(reason)

    def note(self, event: str, **content: Any) -> None:
        """Write a note into the journal."""
        self.record.write([("note", {"event": event, **content})])

    def optimizer_gone(self) -> None:
        """Hold at once when the optimizer was lost between cycles."""
        if self._achieved() is control.ControlMode.closed:
            self._between(optimizer=control.OptimizerState.dead)

    def keep_in_touch(self) -> None:
        """Show the plant between cycles that this loop is alive; when its line is down, hold at once."""
        self._beats += 1
        try:
            self.plant.beat(self._beats)
        except Error:
            if self._achieved() in (control.ControlMode.closed, control.ControlMode.fallback):
                self._between(plant_connected=False)

    def _between(self, **worse: Any) -> None:
        """Step between cycles with the last facts made worse: authority can only be lost, and nothing is written."""
        if self.board.facts is not None:
            self.step(
                steps.copied(
                    self.board.facts,
                    **worse,
                    guard=control.GuardDecision.none,
                    recommendation=control.RecommendationState.none,
                    write=ControlWrite.none,
                    journal_writable=self._can_be_kept(),
                    moved=[],
                )
            )

    # --- the steps of a cycle -------------------------------------------------------------------------------------

    def _read(self, report: CycleReport) -> None:
        self._counter += 1
        try:
            state = self.plant.read()
        except Error as error:
            report.plant_trouble = str(error)
            return
        now = self.clock.monotonic_ns()
        if self._observer.was_lost(state):
            report.plant_trouble = "the line was lost, and made again"
        if self._observer.silent_ns(state, now) > max(self.plan.times.silence_s * 1e9, 0.0):
            report.plant_trouble = "the plant's own counter stands still"
        report.observation = self._observer.observe(state, now)
        try:
            self._beats += 1
            self.plant.beat(self._beats)
        except Error as error:
            report.plant_trouble = str(error)
        self._learn(state, report)  # whatever the plant takes: a run is told of once

    def _learn(self, state: PlantState, report: CycleReport) -> None:
        """Write finished runs into the journal, then tell the optimizer of them."""
        reports = []
        for run in state.finished:
            try:
                content = run_record(run)
            except DataError as error:
                self.record.write([("note", {"event": "run refused", "why": str(error)})], cycle=report.number)
                continue
            name = self.record.write_run(content, cycle=report.number)
            if name:
                reports.append(replace(steps.run_report(run), run_id=name))
        self.optimizer.learn(reports)
        self.board.finished(state.finished)

    def _ask(self, report: CycleReport) -> None:
        observation = report.observation
        if observation is None:
            self._drain(None)
            return
        question = Question(
            cycle=report.number,
            counter=self._counter,
            budget_ns=round(self.plan.times.deadline_s * 1e9),
            outputs={name: value.value for name, value in observation.state.outputs.items()},
            context={value.name: value.value for value in observation.context},
            inputs={one: value.value for one, value in observation.state.inputs.items()},
        )
        self._drain(None)
        if self.optimizer.ask(question):
            report.answer = self._await(question, report.began_ns)

    def _await(self, question: Question, began_ns: int) -> Answer | None:
        """Wait for the answer, answering people meanwhile; a late one is taken off the line in a later cycle."""
        end = time.monotonic() + _PATIENCE_S
        while True:
            answer = self._drain(question)
            if answer is not None or self.optimizer.state() is control.OptimizerState.dead:
                return answer
            if self.simulated:
                left = end - time.monotonic()
            else:
                left = (began_ns + question.budget_ns - self.clock.monotonic_ns()) / 1e9
            if left <= 0:
                return None
            self.attend(min(left, 0.05))

    def _drain(self, wanted: Question | None) -> Answer | None:
        """Collect answers: what they tell of runs is kept from all, the recommendation from the wanted one alone.

        An optimizer that was started again learns all runs anew; what it tells of them then was counted before.
        """
        while (answer := self.optimizer.collect()) is not None:
            for one in answer.innovations:
                if one.run_id not in self._before and (one.run_id, one.response) not in self._counted:
                    self._counted.add((one.run_id, one.response))
                    self._waiting_innovations.append(one)
            if wanted is not None and (answer.cycle, answer.counter) == (wanted.cycle, wanted.counter):
                return answer
        return None

    def _judge(self, report: CycleReport) -> None:
        observation = report.observation
        if observation is None:
            return
        now = self.clock.monotonic_ns()
        outputs = observation.state.outputs
        if now - observation.state.receipt_ns > self.plan.times.reread_s * 1e9:
            again = steps.read_back(self.plant)
            if again is None:
                report.plant_trouble = "the outputs could not be read again"
                return
            outputs, now = again, self.clock.monotonic_ns()
        # What somebody has just moved is released in this cycle: the rest is moved as if it were so already.
        held = {*self.controller.state.released, *observation.moved}
        proposal = self._proposed(report, observation, now)
        request = guard.GuardRequest(
            cycle=report.number,
            now_ns=now,
            deadline_ns=report.began_ns + round(self.plan.times.deadline_s * 1e9),
            sequence=self._sequence + 1,
            last_sequence=self._sequence,
            last_move_ns=self._observer.last_move_ns,
            proposal=Recipe([]) if proposal is None else proposal,
            inputs=list(observation.inputs),
            outputs=self._observer.confirmed(outputs, held, now),
            context=list(observation.context),
        )
        if proposal is not None:
            report.judgement = self.plan.guard.judge(request)
            self._offer_step(report)
        report.fallback = self.plan.guard.fallback(list(self.plan.golden), request)

    def _proposed(self, report: CycleReport, observation: Observation, now: int) -> Recipe | None:
        """Return what is to be judged; None without a recommendation, or for one with a name that is none."""
        if report.answer is None or report.answer.recommendation is None:
            return None
        offer = self._offered(report.number, report.answer.recommendation, observation.context, now)
        try:
            proposal = steps.recipe_of(self.plan.process, offer.recommendation.settings)
        except Error as error:
            report.answer = replace(report.answer, recommendation=None, trouble=str(error))
            return None
        report.offer = self._offer = offer
        return proposal

    def _offered(self, number: int, found: Recommendation, context: Any, now: int) -> Offer:
        """Return what people are offered; in advisory it stands for a while, so that they can read and approve it."""
        new = Offer(f"R{number}", found, {one.name: one.value for one in context}, now)
        old = self._offer
        if old is None or old.context != new.context:
            return new
        if old.recommendation.settings == found.settings:
            return replace(old, recommendation=found)
        if self._achieved() is not control.ControlMode.advisory:
            return new
        fresh = now - old.since_ns < self.plan.times.offer_s * 1e9
        return old if fresh or self.controller.state.approved == old.name else new

    def _offer_step(self, report: CycleReport) -> None:
        """Offer people in advisory what can be written: of a way that is too far, the step that the guard allows.

        What is expected of the whole way is not what is expected of the step, so it is left out.
        """
        setpoint = None if report.judgement is None else report.judgement.setpoint
        if setpoint is None or self._offer is None or self._achieved() is not control.ControlMode.advisory:
            return
        if steps.guard_decision(report.judgement) is control.GuardDecision.clamp:
            why = (
                f"A step of the way to {self._offer.name}, as far as the guard allows now; "
                "what was predicted was of the whole way."
            )
            step = Recommendation({one.name: one.value for one in setpoint.values}, why=[why])
            report.offer = self._offer = replace(self._offer, name=f"R{report.number}.1", recommendation=step)

    def _achieved(self) -> control.ControlMode:
        return self.controller.state.achieved

    def _can_be_kept(self) -> bool:
        return self.record.writable and not self._kept.failure

    def _decide(self, report: CycleReport) -> control.ControlActions:
        self.attend(0.0)
        new = self.watch.follow(self._waiting_innovations)
        self._waiting_innovations.clear()
        for alarm in new:
            self.record.write([("alarm", {"kind": "drift", **vars(alarm)})], cycle=report.number)
            self.board.alarm("medium", "drift", alarm.sentence, self.clock.utc_ns(), report.number)
        ramping = self._achieved() is control.ControlMode.fallback
        judgement = report.fallback if ramping else report.judgement
        optimizer = steps.optimizer_state(self.optimizer.state(), report.answer)
        late = report.answer is None and optimizer is not control.OptimizerState.dead
        report.facts = control.Cycle(
            inputs=steps.input_quality(report.observation, report.judgement),
            recommendation=steps.recommendation_state(report.answer, late),
            recommendation_id=report.recommendation_id,
            guard=steps.guard_decision(judgement),
            write=self._last_write,
            optimizer=optimizer,
            golden=steps.golden_state(report.fallback),
            journal_writable=self._can_be_kept(),
            plant_connected=report.observation is not None and not report.plant_trouble,
            drift=self.watch.drift,
            moved=[] if report.observation is None else list(report.observation.moved),
        )
        actions = self.controller.step(report.facts, now=self.clock.monotonic_ns())
        report.decision = actions.decision
        if report.observation is not None and not report.plant_trouble and self._achieved() in _OWNING:
            self._observer.adopt(report.observation.state.outputs, self.controller.state.released)
        return actions

    def _record(self, report: CycleReport, actions: control.ControlActions) -> None:
        """Write the decision down, whole, in one flush; the kept state as well. Without both nothing goes out."""
        decision = actions.decision
        if actions.permission is not None:
            report.command = self._command(report, actions)
        entries = self.board.journal_entries(report, self.watch)
        last = max((entry.number for entry in decision.entries), default=0)
        kept = self._kept.keep(self.controller)
        report.recorded = self.record.write(entries, cycle=report.number) and kept
        if report.recorded:
            self._journaled = max(self._journaled, last)
        self._raise(decision, report.number)

    def _command(self, report: CycleReport, actions: control.ControlActions) -> Command | None:
        golden = actions.decision.write is WriteKind.golden
        judgement = report.fallback if golden else report.judgement
        setpoint = None if judgement is None else judgement.setpoint
        return None if setpoint is None else Command(setpoint, tuple(actions.decision.released))

    def _write(self, report: CycleReport, actions: control.ControlActions) -> None:
        command = report.command
        self._last_write = ControlWrite.none
        if command is None or not command.values:
            return
        self.attend(0.0)  # somebody may have pressed stop since the decision: then the permission has ended
        if not report.recorded:
            self._withdraw(report, command, "the decision is not on the disk")
        elif not self.controller.redeem(actions.permission, journaled=self._journaled):
            self._withdraw(report, command, "somebody spoke after the decision")
        else:
            self._send(report, command, actions.decision.write)

    def _withdraw(self, report: CycleReport, command: Command, why: str) -> None:
        outcome = {"command": command.command_id, "outcome": "not sent", "why": why}
        self.record.write([("outcome", outcome)], cycle=report.number)

    def _send(self, report: CycleReport, command: Command, kind: WriteKind) -> None:
        self._sequence += 1
        try:
            report.result = result = self.plant.write(command, roll_back=True)
        except Error as error:
            outcome = {"command": command.command_id, "outcome": "error", "why": str(error)}
            self.record.write([("outcome", outcome)], cycle=report.number)
            self._last_write = ControlWrite.unconfirmed
            before = command.expected_previous
            doubtful = {name: (before.get(name, value), value) for name, value, _ in command.values}
            self._observer.wrote({}, doubtful, self.clock.monotonic_ns())
            return
        self._observer.wrote(*steps.effect_of(result), self.clock.monotonic_ns())
        if steps.went_there_and_back(result):
            self._observer.moved_at(self.clock.monotonic_ns())
        self._last_write = steps.control_write(result, kind)
        self.record.write([("outcome", self.board.outcome(result))], cycle=report.number)

    def _after(self, report: CycleReport) -> None:
        if report.command is None:
            self._last_write = ControlWrite.none
        self.board.cycled(report, self)
        now = self.clock.monotonic_ns()
        if now >= self._next_checkpoint:
            self.record.checkpoint()
            self._next_checkpoint = now + _CHECKPOINT_NS

    # --- what follows from an event ---------------------------------------------------------------------------------

    def _follow(self, decision: control.ControlDecision) -> None:
        """Record and keep what an event outside a cycle led to."""
        entries = [self.board.entry(entry) for entry in decision.entries]
        last = max((entry.number for entry in decision.entries), default=0)
        kept = self._kept.keep(self.controller)
        if entries and self.record.write(entries) and kept:
            self._journaled = max(self._journaled, last)
        self._raise(decision, self._number)
        self.board.follow(self)

    def _raise(self, decision: control.ControlDecision, number: int) -> None:
        for alarm in decision.alarms:
            words = control.sentence(alarm.reason)
            self.board.alarm(alarm.priority.name, alarm.reason.name, words, self.clock.utc_ns(), number)

    def _timed(self, report: CycleReport, name: str, step: Callable[[CycleReport], Any]) -> Any:
        began = time.perf_counter_ns()
        out = step(report)
        report.steps_ns[name] = time.perf_counter_ns() - began
        return out
