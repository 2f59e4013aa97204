"""The guard between a recommendation and the line: what it checks, what it answers, in words.

The judging is C++ (``luban::guard``), codes and numbers; here are its words, English and 中文. A :class:`Setpoint`
comes from :meth:`Guard.judge` and :meth:`Guard.fallback` alone. The guard is no protective system: interlocks and
trips stay in the plant.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

from luban import _core
from luban._core import (
    ConfirmedOutput,
    Decision,
    GoldenSet,
    Guard,
    GuardFinding,
    GuardOptions,
    GuardRequest,
    InputRule,
    JudgedInput,
    Judgement,
    Reason,
    Setpoint,
    Subject,
    Verdict,
    envelope_digest,
)
from luban.errors import ConfigurationError

if TYPE_CHECKING:
    from luban.process import Process, TrainingEnvelope

__all__ = [
    "ConfirmedOutput",
    "Decision",
    "GoldenSet",
    "Guard",
    "GuardFinding",
    "GuardOptions",
    "GuardRequest",
    "InputRule",
    "JudgedInput",
    "Judgement",
    "Language",
    "Reason",
    "Setpoint",
    "Subject",
    "Verdict",
    "envelope_digest",
    "make_guard",
    "sentences_of",
]

Language = Literal["en", "zh"]


def make_guard(process: Process, envelope: TrainingEnvelope, digest: str, options: GuardOptions | None = None) -> Guard:
    """Return the guard of a process, for the envelope that ``digest`` pins.

    ``digest`` is what :func:`envelope_digest` gave when the loop was armed; taking it from the envelope at hand would
    check nothing.

    Raises: IntegrityError when the envelope has another digest; ConfigurationError on options out of range, or on an
    envelope that does not cover the parameters and context of the process.
    """
    return _core.Guard(process.core, envelope, digest, options or GuardOptions())


def sentences_of(verdict: Verdict, language: Language = "en") -> list[str]:
    """Return the verdict in complete sentences: the decision first, then a sentence for each finding.

    Raises: ConfigurationError on a language that is not spoken.
    """
    if language not in get_args(Language):
        raise ConfigurationError(where="guard.Verdict.sentences", expected="language en or zh", received=repr(language))
    return [
        _DECISIONS[verdict.decision][language],
        *(_sentence(finding, language) for finding in verdict.findings),
    ]


def _sentence(finding: GuardFinding, language: Language) -> str:
    observed, limit = _numbers(finding.observed, finding.limit)
    unit = f" {finding.unit}" if finding.unit else ""
    words = _REASONS if finding.name else {**_REASONS, **_UNNAMED}
    text = words[finding.reason][language]
    if finding.name:
        about = _SUBJECTS[finding.subject][language].format(name=finding.name)
    else:
        about = _WHOLE[finding.subject][language]
    sentence = text.format(
        about=about,
        name=finding.name,
        observed=f"{observed}{unit}" if observed else _ABSENT[language],
        limit=f"{limit}{unit}" if limit else _ABSENT[language],
        unit=finding.unit or _NO_UNIT[language],
    )
    return sentence[0].upper() + sentence[1:]


def _numbers(observed: float, limit: float) -> tuple[str, str]:
    """Both numbers, short, but never so short that two different ones look alike; "" for an absent one."""
    for digits in (6, 12, 17):
        texts = ["" if math.isnan(value) else f"{value:.{digits}g}" for value in (observed, limit)]
        if texts[0] != texts[1] or observed == limit or math.isnan(observed):
            break
    return texts[0], texts[1]


_ABSENT = {"en": "none", "zh": "无"}
_NO_UNIT = {"en": "no unit", "zh": "无单位"}

_DECISIONS: dict[Decision, dict[Language, str]] = {
    Decision.accept: {"en": "Accepted as proposed.", "zh": "按建议值通过。"},
    Decision.clamp: {
        "en": "Changed to the nearest admissible values.",
        "zh": "已改为最接近的允许值。",
    },
    Decision.hold: {"en": "Held: nothing is written, the line stays as it is.", "zh": "保持：不写入，产线维持现状。"},
    Decision.reject: {"en": "Rejected: this request is not carried out.", "zh": "拒绝：该请求不予执行。"},
}

_SUBJECTS: dict[Subject, dict[Language, str]] = {
    Subject.request: {"en": "the request's {name}", "zh": "请求的“{name}”"},
    Subject.input: {"en": "the input {name}", "zh": "输入“{name}”"},
    Subject.context: {"en": "the context variable {name}", "zh": "工况变量“{name}”"},
    Subject.output: {"en": "the confirmed output {name}", "zh": "已确认输出“{name}”"},
    Subject.proposal: {"en": "the proposed {name}", "zh": "建议的“{name}”"},
    Subject.setpoint: {"en": "the setpoint of {name}", "zh": "“{name}”的设定值"},
}

# When a finding is about no single variable.
_WHOLE: dict[Subject, dict[Language, str]] = {
    Subject.request: {"en": "the request", "zh": "该请求"},
    Subject.input: {"en": "the inputs", "zh": "各输入"},
    Subject.context: {"en": "the context", "zh": "工况"},
    Subject.output: {"en": "the confirmed outputs", "zh": "已确认输出"},
    Subject.proposal: {"en": "the proposal", "zh": "该建议"},
    Subject.setpoint: {"en": "the clamped proposal", "zh": "限幅后的建议"},
}

_REASONS: dict[Reason, dict[Language, str]] = {
    Reason.stale: {
        "en": "{about} is {observed} old; at most {limit} is allowed, and no time in the future.",
        "zh": "{about}的数据龄为 {observed}；最多允许 {limit}，且不得来自未来。",
    },
    Reason.bad_quality: {"en": "{about} has bad quality.", "zh": "{about}的质量为“坏”。"},
    Reason.uncertain_quality: {
        "en": "{about} has uncertain quality, and that is not accepted.",
        "zh": "{about}的质量为“不确定”，不予接受。",
    },
    Reason.stuck: {
        "en": "{about} has not changed at all for {observed}; after {limit} it counts as frozen.",
        "zh": "{about}已有 {observed} 毫无变化；达到 {limit} 即视为信号冻结。",
    },
    Reason.skewed: {
        "en": "{about} is {observed} older than the newest input; at most {limit} is allowed within one decision.",
        "zh": "{about}比最新的输入旧 {observed}；同一次决策内最多允许 {limit}。",
    },
    Reason.unknown_name: {
        "en": "{about} is unknown to the process and to the input rules.",
        "zh": "工艺定义和输入规则中都没有{about}。",
    },
    Reason.missing: {"en": "{about} is missing.", "zh": "缺少{about}。"},
    Reason.given_twice: {"en": "{about} is given twice.", "zh": "{about}重复给出。"},
    Reason.wrong_kind: {
        "en": "{about} is a number where a category belongs, or the other way round.",
        "zh": "{about}的类型不符：应为类别却给了数值，或应为数值却给了类别。",
    },
    Reason.wrong_unit: {
        "en": "{about} is not in its unit, {unit}.",
        "zh": "{about}的单位不符，应为：{unit}。",
    },
    Reason.not_finite: {
        "en": "{about} is {observed} instead of a finite number.",
        "zh": "{about}为 {observed}，不是有限数值。",
    },
    Reason.outside_instrument_range: {
        "en": "{about} is {observed}, beyond {limit}, the end of what its instrument can return.",
        "zh": "{about}为 {observed}，超出仪表量程的端点 {limit}。",
    },
    Reason.unknown_category: {
        "en": "{about} is a category that the process file does not know.",
        "zh": "{about}的类别在工艺文件中不存在。",
    },
    Reason.far_outside: {
        "en": "{about} lies {observed} times its range beyond the limits; beyond {limit} it can only be a mistake.",
        "zh": "{about}超出限值达其量程的 {observed} 倍；超过 {limit} 倍只能是错误。",
    },
    Reason.time_reversed: {
        "en": "{about} lacks the time now or of the last move, or the last move lies in the future.",
        "zh": "{about}缺少当前时间或上次动作的时间，或上次动作时间在未来。",
    },
    Reason.deadline_passed: {
        "en": "the recommendation expired {observed} ago.",
        "zh": "该推荐已过期 {observed}。",
    },
    Reason.sequence_not_increasing: {
        "en": "{about} has sequence number {observed}, and {limit} has been judged already.",
        "zh": "{about}的序号为 {observed}，而序号 {limit} 已经判定过。",
    },
    Reason.far_from_training: {
        "en": "{about} lies at distance {observed} from the training data; beyond {limit} it counts as new.",
        "zh": "{about}与训练数据的距离为 {observed}；超过 {limit} 即视为未知区域。",
    },
    Reason.combination_unseen: {
        "en": "{about} has a combination of categories that the training data does not hold.",
        "zh": "{about}的类别组合在训练数据中从未出现。",
    },
    Reason.changed_by_others: {
        "en": "{about} is {observed}, and {limit} was last written: somebody else has moved it.",
        "zh": "{about}为 {observed}，而上次写入的是 {limit}：已被他人改动。",
    },
    Reason.within_dwell: {
        "en": "the last move was {observed} ago; {limit} must lie between two moves.",
        "zh": "距上次动作仅 {observed}；两次动作之间至少间隔 {limit}。",
    },
    Reason.no_golden_set: {
        "en": "there is no golden set for the present context.",
        "zh": "当前工况没有黄金设定组。",
    },
    Reason.below_low: {
        "en": "{about}, {observed}, is below its lower limit, {limit}.",
        "zh": "{about}为 {observed}，低于下限 {limit}。",
    },
    Reason.above_high: {
        "en": "{about}, {observed}, is above its upper limit, {limit}.",
        "zh": "{about}为 {observed}，高于上限 {limit}。",
    },
    Reason.too_fast: {
        "en": "{about} would change by {observed}; the time since the last move allows {limit}.",
        "zh": "{about}将变化 {observed}；自上次动作以来的时间只允许 {limit}。",
    },
    Reason.constraint_broken: {
        "en": "the proposal breaks the constraint {name}: the sum is {observed}, its bound {limit}.",
        "zh": "该建议违反约束“{name}”：合计为 {observed}，界限为 {limit}。",
    },
    Reason.not_whole: {
        "en": "{about}, {observed}, is no whole number.",
        "zh": "{about}为 {observed}，不是整数。",
    },
    Reason.held: {
        "en": "{about} differs from its confirmed value, where it is held.",
        "zh": "{about}与已确认值不同，而该参数须保持不动。",
    },
    Reason.returning: {
        "en": "the confirmed outputs break {name}, {observed} against {limit}: this is one step back.",
        "zh": "已确认输出违反“{name}”（{observed}，界限 {limit}）：本次为返回的一步。",
    },
    Reason.no_admissible_move: {
        "en": "no admissible move was found, and the confirmed outputs break {name}: {observed} against {limit}.",
        "zh": "找不到允许的动作，且已确认输出违反“{name}”：{observed}，界限 {limit}。",
    },
    Reason.category_with_clamp: {
        "en": "{about} changes a category, and that is done only with numbers that need no change.",
        "zh": "{about}要更改类别，而这只有在各数值无需调整时才执行。",
    },
    Reason.within_deadband: {
        "en": "no change exceeds its deadband; the largest, of {about}, is {observed} of its range, against {limit}.",
        "zh": "所有变化均在死区内；最大的是{about}：为其量程的 {observed}，死区为 {limit}。",
    },
}

# The same without a name, where that needs other words.
_UNNAMED: dict[Reason, dict[Language, str]] = {
    Reason.no_admissible_move: {"en": "no admissible move was found.", "zh": "找不到允许的动作。"},
    Reason.within_deadband: {"en": "nothing would change.", "zh": "没有任何变化。"},
}
