"""The mode machine of a loop: events in, decisions and leave to write out; and the words for its reasons.

:class:`Controller` keeps the state; :func:`transition` is the same rules as a pure function. Times are nanoseconds of a
monotonic clock that the caller reads. ``docs/modes.md`` says what each mode means for an operator.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

from luban._core import (
    AlarmPriority,
    ApproveRequest,
    ControlActions,
    ControlAlarm,
    ControlDecision,
    ControlEntry,
    ControlledVariable,
    Controller,
    ControllerState,
    ControlMode,
    ControlOptions,
    ControlPlan,
    ControlReason,
    Cycle,
    EngageRequest,
    EntryKind,
    FileRequest,
    GoldenState,
    GuardDecision,
    InputQuality,
    LowerRequest,
    OptimizerState,
    PersonRole,
    PlantKind,
    Privilege,
    RaiseRequest,
    RecommendationState,
    ResetRequest,
    Restarted,
    TripRequest,
    WriteKind,
    WriteOutcome,
    WritePermission,
    damaged_state,
    least_role,
    may_lower,
    permitted,
)
from luban._core import control_transition as transition
from luban.errors import ConfigurationError

__all__ = [
    "AlarmPriority",
    "ApproveRequest",
    "ControlActions",
    "ControlAlarm",
    "ControlDecision",
    "ControlEntry",
    "ControlMode",
    "ControlOptions",
    "ControlPlan",
    "ControlReason",
    "ControlledVariable",
    "Controller",
    "ControllerState",
    "Cycle",
    "EngageRequest",
    "EntryKind",
    "Event",
    "FileRequest",
    "GoldenState",
    "GuardDecision",
    "InputQuality",
    "LowerRequest",
    "OptimizerState",
    "PersonRole",
    "PlantKind",
    "Privilege",
    "RaiseRequest",
    "RecommendationState",
    "ResetRequest",
    "Restarted",
    "TripRequest",
    "WriteKind",
    "WriteOutcome",
    "WritePermission",
    "damaged_state",
    "entry_dict",
    "least_role",
    "may_lower",
    "permitted",
    "restored",
    "sentence",
    "sentences",
    "state_dict",
    "transition",
]

Event = (
    Cycle
    | RaiseRequest
    | LowerRequest
    | TripRequest
    | ResetRequest
    | ApproveRequest
    | EngageRequest
    | FileRequest
    | Restarted
)

Language = Literal["en", "zh"]

# Words of every reason: English, Chinese.
_WORDS: dict[str, tuple[str, str]] = {
    "first_start": ("The loop has not run before.", "回路首次启动。"),
    "as_requested": ("This is the mode that was asked for.", "与请求的模式一致。"),
    "requested_by_file": ("The loop file asks for it.", "由回路配置文件请求。"),
    "requested_by_person": ("A person asked for it.", "由人员请求。"),
    "lowered_by_person": ("A person lowered the mode.", "由人员降低模式。"),
    "tripped_by_person": ("A person stopped the loop.", "由人员停止回路。"),
    "reset_by_person": ("A person reset the trip.", "由人员复位跳闸。"),
    "restarted": ("The supervising process was restarted.", "监督进程已重新启动。"),
    "armed_itself": ("No person was needed for this step.", "此步无需人员确认。"),
    "needs_person": ("Only people can raise the mode from here.", "只有人员才能从这里提升模式。"),
    "no_cycle_yet": ("No cycle has been seen yet.", "尚未经历任何周期。"),
    "inputs_bad": ("Inputs are bad, missing or too old.", "输入质量差、缺失或过期。"),
    "recommendation_late": ("The recommendation came too late.", "推荐值到达过晚。"),
    "recommendation_none": ("There is no recommendation.", "没有推荐值。"),
    "optimizer_late": ("The optimizer's heartbeat is late.", "优化器心跳延迟。"),
    "optimizer_dead": ("The optimizer does not answer.", "优化器无响应。"),
    "guard_silent": ("The guard was not asked.", "未经守卫检查。"),
    "nothing_to_move": (
        "The line stands where it should, or moved a moment ago.",
        "产线已在应处的位置，或刚刚调整过。",
    ),
    "guard_hold": ("The guard says: do not move.", "守卫要求保持不动。"),
    "guard_reject": ("The guard rejects the move.", "守卫拒绝该动作。"),
    "journal_not_writable": ("The journal cannot be written.", "日志无法写入。"),
    "plant_disconnected": ("There is no connection to the plant.", "与现场的连接已断开。"),
    "plant_trip": ("The plant asks the loop to let go.", "现场要求回路退出。"),
    "cycle_gap": ("Cycles were missed: the supervising process stood still.", "周期缺失：监督进程曾停顿。"),
    "drift": ("The process no longer behaves as the model expects.", "过程行为已偏离模型预期。"),
    "write_unconfirmed": ("The last write was not confirmed.", "上次写入未得到确认。"),
    "write_partial": ("The last write reached only some variables.", "上次写入只到达部分变量。"),
    "write_rejected": ("The plant rejected the last write.", "现场拒绝了上次写入。"),
    "no_golden_set": ("There is no golden set for the present recipe.", "当前配方没有黄金设定组。"),
    "golden_reached": ("The golden set has been reached.", "已到达黄金设定组。"),
    "troubled_cycles": ("Too many cycles in a row had nothing to write.", "连续多个周期没有可写的内容。"),
    "write_failures": ("Too many writes in a row were not confirmed.", "连续多次写入未得到确认。"),
    "variable_released": (
        "Somebody else set a variable; it was given to the operator.",
        "变量被他人设定，已交还操作员。",
    ),
    "critical_variable_released": (
        "A critical variable is in the operator's hands.",
        "关键变量由操作员掌握。",
    ),
    "all_variables_released": ("All variables are in the operator's hands.", "全部变量由操作员掌握。"),
    "state_damaged": ("The kept state of the loop is missing or was altered.", "回路保存的状态缺失或被改动。"),
    "model_changed": ("The model is another one; its shadow record begins anew.", "模型已更换，影子记录重新开始。"),
    "not_a_cycle": ("Writes happen in cycles only.", "只在周期内写入。"),
    "mode_changed": ("The mode changed in this cycle.", "本周期模式发生变化。"),
    "mode_off": ("The loop is off.", "回路已关闭。"),
    "mode_shadow": ("The loop only watches.", "回路仅在旁观察。"),
    "mode_hold": ("Outputs are held.", "输出保持不变。"),
    "mode_tripped": ("The loop is tripped.", "回路已跳闸。"),
    "not_approved": ("Nobody approved this recommendation.", "该推荐值尚未有人批准。"),
    "approval_needs_accept": (
        "The guard would change what was approved; approve it anew.",
        "守卫将改动已批准的值，需重新批准。",
    ),
    "not_a_step_up": ("The mode cannot be raised to that one from here.", "不能从当前模式提升到该模式。"),
    "not_a_step_down": ("The mode cannot be lowered to that one from here.", "不能从当前模式降低到该模式。"),
    "not_tripped": ("The loop is not tripped.", "回路未跳闸。"),
    "cause_present": ("The cause of the trip is still there.", "跳闸原因仍然存在。"),
    "person_missing": ("It is not known who asks.", "请求人身份未知。"),
    "role_missing": ("The person's role does not allow it.", "该人员的角色无此权限。"),
    "second_person_missing": ("A second person must agree.", "需要第二人同意。"),
    "second_person_same": ("The second person must be somebody else.", "第二人必须是另一人。"),
    "second_role_missing": ("The second person's role does not allow it.", "第二人的角色无此权限。"),
    "dwell_not_over": ("Conditions have not been right for long enough.", "条件满足的时间还不够长。"),
    "shadow_record_short": ("The loop has not watched for long enough.", "影子运行的记录还不够长。"),
    "variable_not_released": ("The variable is not released.", "该变量未被交还。"),
    "recommendation_not_offered": ("That recommendation is not on offer now.", "该推荐值当前不可批准。"),
}


def sentence(reason: ControlReason, language: Language = "en") -> str:
    """Return the sentence for a reason in English (``"en"``) or Chinese (``"zh"``).

    Raises: ConfigurationError for another language.
    """
    if language not in ("en", "zh"):
        raise ConfigurationError(where="control.sentence", expected="language 'en' or 'zh'", received=repr(language))
    return _WORDS[reason.name][0 if language == "en" else 1]


def sentences(reasons: Iterable[ControlReason], language: Language = "en") -> list[str]:
    """Return the sentence of each reason, in order."""
    return [sentence(reason, language) for reason in reasons]


def restored(state_text: str | bytes, plan: ControlPlan, options: ControlOptions | None = None) -> Controller:
    """Return the controller of a loop that ran before, from the text that it kept; at most advisory.

    Bytes may be anything that was found: what cannot be read, was altered or is empty gives a tripped loop, and
    ``controller.damage`` says what was wrong. Only for a loop that has never run is ``Controller(plan)`` right.

    Raises: ConfigurationError when the plan or the options are wrong.
    """
    text = state_text.encode("utf-8", "surrogatepass") if isinstance(state_text, str) else state_text
    return Controller.restored(text, plan, options or ControlOptions())


def state_dict(state: ControllerState) -> dict[str, Any]:
    """Return a state as plain values: modes and reasons by name, durations in nanoseconds (-1: does not hold)."""
    content: dict[str, Any] = json.loads(state.to_json())
    return content


def entry_dict(entry: ControlEntry) -> dict[str, Any]:
    """Return an entry for the journal as plain values."""
    content: dict[str, Any] = json.loads(entry.to_json())
    return content
