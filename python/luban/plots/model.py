"""What plots read from a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from luban.errors import ConfigurationError
from luban.plots.text import context_text

if TYPE_CHECKING:
    import pandas as pd

    from luban.fitting import Model
    from luban.process import Process

__all__ = ["categorical_context", "first_response", "interval_ratio", "out_of_fold", "skill_table"]


def first_response(model: Model, response: str | None) -> str:
    """Return ``response``, or the first objective that the model predicts. Raises: ConfigurationError when unknown."""
    known = list(model.responses)
    if response is None:
        goals = [objective.response for objective in model.process.objectives]
        return next((name for name in goals if name in known), known[0])
    if response not in known:
        from luban import _core

        raise ConfigurationError(
            where="plots",
            expected="a response of the model",
            received=repr(response),
            hint=_core.nearest_hint(response, known),
        )
    return response


def out_of_fold(model: Model, response: str) -> pd.DataFrame:
    """Return one row per reading: what was measured, and what a model that had not seen its group predicted."""
    return model.cross_validation.frame(response)


def skill_table(model: Model) -> pd.DataFrame:
    """Return scores of the model and its baselines per response."""
    return model.skill()


def interval_ratio(model: Model, response: str, of: Literal["reading", "run_mean"], level: float) -> float:
    """Return the factor on standard deviations that calibration asks for."""
    calibration = model.calibration[response]
    return float((calibration.run_mean if of == "run_mean" else calibration.reading).ratio(level))


def categorical_context(process: Process, frame: pd.DataFrame) -> pd.Series:
    """Return the combination of context categories of each row as text."""
    names = [v.name for v in process.context if v.categories and v.name in frame.columns]
    if not names:
        import pandas as pd

        return pd.Series("All runs", index=frame.index)
    return frame[names].apply(lambda row: context_text(dict(row)), axis=1)
