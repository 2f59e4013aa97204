"""What supervisor and optimizer say to each other, as plain values with their checks.

Down goes a :class:`Question` in every cycle; up comes an :class:`Answer` to it, and a beat while the optimizer waits.
Numbers that are not there are null: JSON knows no NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from luban.errors import DataError

__all__ = ["Answer", "Innovation", "Prediction", "Question", "Recommendation", "RunReport", "Value"]

Value = float | str


@dataclass(frozen=True)
class RunReport:
    """A finished run as it goes down to the optimizer: settings, context, readings as columns by name."""

    run_id: str
    settings: Mapping[str, Value]
    context: Mapping[str, Value]
    readings: Mapping[str, Sequence[Value]]
    start_time: int
    end_time: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON; missing readings are null."""
        return {
            "run_id": self.run_id,
            "settings": {name: _json(value) for name, value in self.settings.items()},
            "context": {name: _json(value) for name, value in self.context.items()},
            "readings": {name: [_json(value) for value in column] for name, column in self.readings.items()},
            "start_time": self.start_time,
            "end_time": self.end_time,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> RunReport:
        """Read what :meth:`to_dict` wrote. Raises: DataError."""
        columns = {name: _list(column) for name, column in _of(content, "readings", dict).items()}
        if len({len(column) for column in columns.values()}) > 1:
            raise DataError(where="service.messages", expected="columns of one length", received="several lengths")
        return cls(
            run_id=_of(content, "run_id", str),
            settings=_values(_of(content, "settings", dict)),
            context=_values(_of(content, "context", dict)),
            readings={name: [_value(value) for value in column] for name, column in columns.items()},
            start_time=_of(content, "start_time", int),
            end_time=_of(content, "end_time", int),
        )


@dataclass(frozen=True)
class Question:
    """One cycle's question. ``budget_ns``: time until the answer is of no use; ``outputs`` are confirmed values."""

    cycle: int
    counter: int
    budget_ns: int
    outputs: Mapping[str, Value]
    context: Mapping[str, Value]
    inputs: Mapping[str, Value] = field(default_factory=dict)
    runs: Sequence[RunReport] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kind": "question",
            "cycle": self.cycle,
            "counter": self.counter,
            "budget_ns": self.budget_ns,
            "outputs": {name: _json(value) for name, value in self.outputs.items()},
            "context": {name: _json(value) for name, value in self.context.items()},
            "inputs": {name: _json(value) for name, value in self.inputs.items()},
            "runs": [run.to_dict() for run in self.runs],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Question:
        """Read what :meth:`to_dict` wrote. Raises: DataError."""
        return cls(
            cycle=_of(content, "cycle", int),
            counter=_of(content, "counter", int),
            budget_ns=_of(content, "budget_ns", int),
            outputs=_values(_of(content, "outputs", dict)),
            context=_values(_of(content, "context", dict)),
            inputs=_values(_of(content, "inputs", dict)),
            runs=[RunReport.from_dict(run) for run in _of(content, "runs", list)],
        )


@dataclass(frozen=True)
class Prediction:
    """What is expected of a response at the recommended settings: mean of the run, and an interval of ``level``."""

    response: str
    unit: str
    mean: float
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Recommendation:
    """Settings for the next run, explained: what is expected of them, what is gained, why.

    ``stay``: the settings are those that run now, because nothing better is known. ``gain``: expected improvement of
    the objective against staying, in its unit; None where it is not known.
    """

    settings: Mapping[str, Value]
    stay: bool = False
    predictions: Sequence[Prediction] = ()
    gain: float | None = None
    why: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "settings": {name: _json(value) for name, value in self.settings.items()},
            "stay": self.stay,
            "predictions": [{name: _json(value) for name, value in vars(one).items()} for one in self.predictions],
            "gain": None if self.gain is None else _json(self.gain),
            "why": list(self.why),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Recommendation:
        """Read what :meth:`to_dict` wrote. Raises: DataError."""
        gain = content.get("gain")
        return cls(
            settings=_values(_of(content, "settings", dict)),
            stay=_of(content, "stay", bool),
            predictions=[
                Prediction(
                    response=_of(one, "response", str),
                    unit=_of(one, "unit", str),
                    **{name: _number(one.get(name)) for name in ("mean", "low", "high", "level")},
                )
                for one in _of(content, "predictions", list)
            ],
            gain=None if gain is None else _number(gain),
            why=[_text(line) for line in _of(content, "why", list)],
        )


@dataclass(frozen=True)
class Innovation:
    """What a run's mean was, and what had been predicted of it before it was learned."""

    run_id: str
    response: str
    observed: float
    predicted: float
    standard_deviation: float

    @property
    def standardised(self) -> float:
        """(observed − predicted) ÷ standard deviation; NaN when one of them is missing."""
        if not self.standard_deviation > 0:
            return math.nan
        return (self.observed - self.predicted) / self.standard_deviation


@dataclass(frozen=True)
class Answer:
    """The optimizer's answer. ``trouble``: why there is no recommendation; empty when there is one."""

    cycle: int
    counter: int
    recommendation: Recommendation | None = None
    innovations: Sequence[Innovation] = ()
    trouble: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kind": "answer",
            "cycle": self.cycle,
            "counter": self.counter,
            "recommendation": None if self.recommendation is None else self.recommendation.to_dict(),
            "innovations": [{name: _json(value) for name, value in vars(one).items()} for one in self.innovations],
            "trouble": self.trouble,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Answer:
        """Read what :meth:`to_dict` wrote. Raises: DataError."""
        found = content.get("recommendation")
        return cls(
            cycle=_of(content, "cycle", int),
            counter=_of(content, "counter", int),
            recommendation=None if found is None else Recommendation.from_dict(_of(content, "recommendation", dict)),
            innovations=[
                Innovation(
                    run_id=_of(one, "run_id", str),
                    response=_of(one, "response", str),
                    **{name: _number(one.get(name)) for name in ("observed", "predicted", "standard_deviation")},
                )
                for one in _of(content, "innovations", list)
            ],
            trouble=_of(content, "trouble", str),
        )


def _json(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if isinstance(value, str | bool | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def _of(content: Any, name: str, kind: type) -> Any:
    value = content.get(name) if isinstance(content, Mapping) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise DataError(
            where="service.messages",
            expected=f"{name!r} as {kind.__name__}",
            received="nothing" if value is None else f"a {type(value).__name__}",
        )
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(where="service.messages", expected="a text", received=f"a {type(value).__name__}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(where="service.messages", expected="a list", received=f"a {type(value).__name__}")
    return value


def _value(value: Any) -> Value:
    return value if isinstance(value, str) else _number(value)


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(where="service.messages", expected="a number or null", received=f"a {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise DataError(where="service.messages", expected="a number", received="one beyond doubles") from None


def _values(content: Mapping[str, Any]) -> dict[str, Value]:
    return {str(name): _value(value) for name, value in content.items()}
