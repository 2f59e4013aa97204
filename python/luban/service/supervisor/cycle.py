"""One cycle of a loop, in the order that keeps a line unhurt.

Read, learn what has finished, ask, judge, decide, record, and only then write; confirm, and record that. Every step
that fails leaves the outputs as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from luban import control, guard
from luban.control import GoldenState, GuardDecision, InputQuality, OptimizerState, RecommendationState, WriteKind
from luban.control import WriteOutcome as ControlWrite
from luban.errors import Error
from luban.plant import DataValue, Plant, WriteOutcome, WriteReason, WriteResult
from luban.process import NamedValue, Process, Recipe
from luban.service.messages import Answer, Recommendation, RunReport
from luban.service.supervisor.observe import Observation

__all__ = [
    "Command",
    "CycleReport",
    "Offer",
    "control_write",
    "copied",
    "effect_of",
    "golden_state",
    "guard_decision",
    "input_quality",
    "optimizer_state",
    "read_back",
    "recipe_of",
    "recommendation_state",
    "report_of_record",
    "run_report",
    "watched",
    "went_there_and_back",
]

_NOTHING_TO_MOVE = {guard.Reason.within_deadband, guard.Reason.within_dwell}
#: Why a proposal was changed: no reason to worry by itself, and none when nothing is left to move.
_CHANGED = {
    guard.Reason.below_low, guard.Reason.above_high, guard.Reason.constraint_broken, guard.Reason.not_whole,
    guard.Reason.held,
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A setpoint on its way to the plant. Made of what the guard let through, and of nothing else.

    Released variables are left out: they are in the operator's hands.
    """

    setpoint: guard.Setpoint
    released: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.setpoint, guard.Setpoint):
            raise TypeError("a command is made of a guard's setpoint")

    @property
    def values(self) -> list[tuple[str, float | str, str]]:
        """Name, value and unit of each variable."""
        return [(one.name, one.value, one.unit) for one in self.setpoint.values if one.name not in self.released]

    @property
    def command_id(self) -> str:
        """Name of the command."""
        return self.setpoint.command_id

    @property
    def deadline(self) -> int:
        """End of its validity, monotonic nanoseconds."""
        return self.setpoint.deadline_ns

    @property
    def expected_previous(self) -> dict[str, float | str]:
        """What was confirmed when it was judged."""
        return {one.name: one.value for one in self.setpoint.expected if one.name not in self.released}


@dataclass(frozen=True)
class Offer:
    """A recommendation under the name that people approve it by; ``since_ns``: when it was first made."""

    name: str
    recommendation: Recommendation
    context: Mapping[str, float | str]
    since_ns: int


@dataclass
class CycleReport:
    """What happened in one cycle; ``steps_ns`` says how long each step took.

    ``offer`` is what was judged and shown; in advisory it may stand since before the ``answer`` of this cycle.
    """

    number: int
    began_ns: int
    observation: Observation | None = None
    answer: Answer | None = None
    offer: Offer | None = None
    judgement: guard.Judgement | None = None
    fallback: guard.Judgement | None = None
    facts: control.Cycle | None = None
    decision: control.ControlDecision | None = None
    command: Command | None = None
    result: WriteResult | None = None
    recorded: bool = False
    plant_trouble: str = ""
    steps_ns: dict[str, int] = field(default_factory=dict)

    @property
    def answered(self) -> Recommendation | None:
        """The recommendation that came in time."""
        return None if self.answer is None else self.answer.recommendation

    @property
    def recommendation_id(self) -> str:
        """Name of what was judged; empty for nothing."""
        return "" if self.offer is None else self.offer.name


def recipe_of(process: Process, settings: Mapping[str, float | str]) -> Recipe:
    """Return settings as the guard takes them: every parameter of the process that is named, with its unit."""
    units = {parameter.name: parameter.unit for parameter in process.parameters}
    return Recipe([NamedValue(name, value, units.get(name, "")) for name, value in settings.items()])


def run_report(run: Any) -> RunReport:
    """Return a plant's finished run as the optimizer gets it."""
    return RunReport(
        run_id=run.run_id,
        settings=dict(run.settings),
        context=dict(run.context),
        readings={name: list(column) for name, column in run.readings.items()},
        start_time=run.start_time,
        end_time=run.end_time,
    )


def guard_decision(judgement: guard.Judgement | None) -> GuardDecision:
    """Return the guard's answer as the mode machine takes it.

    A hold because the line stands where the guard lets it stand, or moved a moment ago, is a stay: also when the
    proposal had to be changed to where the line stands.
    """
    if judgement is None:
        return GuardDecision.none
    verdict = judgement.verdict
    if verdict.decision is guard.Decision.hold:
        reasons = {finding.reason for finding in verdict.findings}
        stays = reasons & _NOTHING_TO_MOVE and reasons <= _NOTHING_TO_MOVE | _CHANGED | {guard.Reason.too_fast}
        return GuardDecision.stay if stays else GuardDecision.hold
    return GuardDecision[verdict.decision.name]


def golden_state(judgement: guard.Judgement | None) -> GoldenState:
    """Return whether there is a golden set for the present context, and whether the line stands there.

    It does when nothing that is ours to move is left to be moved.
    """
    if judgement is None:
        return GoldenState.none
    reasons = {finding.reason for finding in judgement.verdict.findings}
    if guard.Reason.no_golden_set in reasons:
        return GoldenState.none
    there = guard.Reason.within_deadband in reasons and reasons <= {guard.Reason.within_deadband} | _CHANGED
    return GoldenState.reached if there else GoldenState.available


def recommendation_state(answer: Answer | None, late: bool) -> RecommendationState:
    """Return whether there is a fresh recommendation."""
    if answer is not None and answer.recommendation is not None:
        return RecommendationState.fresh
    return RecommendationState.late if late else RecommendationState.none


def input_quality(observation: Observation | None, judgement: guard.Judgement | None) -> InputQuality:
    """Return whether what was read may be decided upon: also when it is the guard that says so."""
    if observation is None or observation.trouble:
        return InputQuality.bad
    read = {guard.Subject.input, guard.Subject.context, guard.Subject.output}
    rejected = judgement is not None and judgement.verdict.decision is guard.Decision.reject
    if judgement is not None and rejected and any(one.subject in read for one in judgement.verdict.findings):
        return InputQuality.bad
    return InputQuality.good


def control_write(result: WriteResult | None, kind: WriteKind) -> ControlWrite:
    """Return what became of a write as the mode machine takes it.

    What was refused because it was too late, or because somebody else had moved the variable in this very moment, is no
    fault of the line: nothing was sent, and the next reading says what there is.
    """
    if result is None or kind is WriteKind.none:
        return ControlWrite.none
    if result.outcome is WriteOutcome.applied:
        return ControlWrite.confirmed
    if result.outcome is WriteOutcome.partial:
        return ControlWrite.partial
    if result.outcome is WriteOutcome.unknown:
        return ControlWrite.unconfirmed
    reasons = {one.reason for one in result.variables.values()} - {WriteReason.not_sent}
    if result.outcome is WriteOutcome.refused and reasons <= {WriteReason.late, WriteReason.moved}:
        return ControlWrite.none
    return ControlWrite.rejected


def effect_of(result: WriteResult) -> tuple[dict[str, float | str], dict[str, tuple[float | str, ...]]]:
    """Return what is in force after a write, and of the variables of which nobody knows the values it may have.

    What was refused with a bad status and reads as before, and what was put back, is where it was.
    """
    applied: dict[str, float | str] = {}
    doubtful: dict[str, tuple[float | str, ...]] = {}
    if result.sent_ns is None:
        return applied, doubtful
    for name, one in result.variables.items():
        if one.reason is WriteReason.applied:
            applied[name] = one.value if one.read_back is None else one.read_back
        elif one.reason not in (WriteReason.restored, WriteReason.rejected, WriteReason.not_sent):
            known = (one.previous, one.value, one.read_back)
            doubtful[name] = tuple(value for value in known if value is not None)
    return applied, doubtful


def went_there_and_back(result: WriteResult) -> bool:
    """Whether something was moved and put back."""
    return any(one.reason is WriteReason.restored for one in result.variables.values())


def read_back(plant: Plant) -> Mapping[str, DataValue] | None:
    """Read the outputs again; None when the line is down."""
    try:
        return plant.read_back()
    except Error:
        return None


def optimizer_state(state: OptimizerState, answer: Answer | None) -> OptimizerState:
    """Return alive for one that answered this cycle, whatever its beats say."""
    return OptimizerState.alive if answer is not None else state


def watched(process: Process) -> list[str]:
    """Return the responses that an objective or an outcome constraint names."""
    wanted = {objective.response for objective in process.objectives}
    wanted |= {constraint.response for constraint in process.core.outcome_constraints}
    return [response.name for response in process.responses if response.name in wanted]


def report_of_record(run: dict[str, Any]) -> RunReport:
    """Return a finished run of the journal as the optimizer gets it: readings as columns again."""
    rows = [reading["values"] for reading in run["readings"]]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return RunReport(
        run_id=run["run_id"],
        settings=run["settings"],
        context=run["context"],
        readings={name: [row.get(name, float("nan")) for row in rows] for name in names},
        start_time=int(run["start_time"] or 0),
        end_time=int(run["end_time"] or 0),
    )


def copied(facts: control.Cycle, **changes: Any) -> control.Cycle:
    """Return the facts of a cycle with some of them changed."""
    names = ("inputs", "recommendation", "recommendation_id", "guard", "write", "optimizer", "golden",
             "journal_writable", "plant_connected", "plant_trip", "drift", "moved")  # fmt: skip
    return control.Cycle(**{name: getattr(facts, name) for name in names} | changes)
