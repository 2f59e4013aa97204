"""What a fit tells of the transforms of its responses."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from luban import _core
from luban.errors import DataError

__all__ = ["asked_by_response", "described", "process_inside", "sentences"]


def asked_by_response(data: _core.Dataset, names: Sequence[str]) -> dict[str, str]:
    """Return the transform asked for, by response."""
    return {column.name: name for column, name in zip(data.responses, names, strict=True)}


def process_inside(surrogate: _core.TransformedSurrogate) -> _core.GaussianProcess:
    """Return the Gaussian process of the transformed responses. Raises: DataError when it is another surrogate."""
    inner = surrogate.inner
    if isinstance(inner, _core.GaussianProcess):
        return inner
    raise DataError(where="fitting.fit", expected="a Gaussian process inside", received=inner.kind)


def described(data: _core.Dataset, surrogate: _core.TransformedSurrogate) -> dict[str, Any]:
    """By response: the transform with its numbers, and what "auto" tried."""
    out: dict[str, Any] = {}
    choices: list[_core.TransformChoice | None] = [*surrogate.choices] or [None] * len(data.responses)
    for column, transform, choice in zip(data.responses, surrogate.transforms, choices, strict=True):
        trials = [] if choice is None else choice.trials
        out[column.name] = {
            "transform": json.loads(transform.to_json()),
            "trials": [
                {
                    "name": trial.name,
                    "log_density": _known(trial.log_density),
                    "lead": _known(trial.lead),
                    "bounded_lead": _known(trial.bounded_lead),
                    "standard_error": _known(trial.standard_error),
                    "refused": trial.refused,
                }
                for trial in trials
            ],
        }
    return out


def sentences(data: _core.Dataset, surrogate: _core.TransformedSurrogate) -> list[str]:
    """Say what each response was learned as, and why where the data chose."""
    out = []
    choices: list[_core.TransformChoice | None] = [*surrogate.choices] or [None] * len(data.responses)
    for column, transform, choice in zip(data.responses, surrogate.transforms, choices, strict=True):
        trials = [] if choice is None else choice.trials
        if not trials and transform.name == "none":
            continue
        tried = ", ".join(
            f"{trial.name} {trial.bounded_lead:+.2g} ± {trial.standard_error:.1g}"
            if not trial.refused
            else f"{trial.name} (cannot be fitted)"
            for trial in trials[1:]
        )
        why = f" Leads over no transform, nats a left-out reading, each within ±2: {tried}." if tried else ""
        out.append(f"{column.name} was learned with the transform {transform.name}.{why}")
    return out


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
