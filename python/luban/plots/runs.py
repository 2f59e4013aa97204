"""Runs as points of a plot: inputs decoded, responses as means over the readings that are no gross errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from luban.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import pandas as pd

    from luban._core import Dataset, DerivedResponse
    from luban.process import Process

__all__ = ["computed", "in_context", "run_inputs", "run_means"]


def run_inputs(data: Dataset) -> pd.DataFrame:
    """Return parameters and context of each run, in the units of the process, indexed by run_id."""
    import pandas as pd

    first = np.unique(np.asarray(data.run), return_index=True)[1]
    rows = np.asarray(data.X)[first]
    columns: dict[str, Any] = {}
    for j, variable in enumerate(data.encoder.variables):
        if variable.role.name != "noise":
            columns[variable.name] = [data.encoder.decode_value(j, value) for value in rows[:, j]]
    return pd.DataFrame(columns, index=pd.Index(data.run_ids, name="run_id"))


def computed(derived: DerivedResponse, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return values (n) of a derived response, NaN or infinite where a power has none; columns are parameters."""
    out = np.zeros(len(frame))
    with np.errstate(invalid="ignore", divide="ignore"):
        for term in derived.sum:
            powers = [frame[name].to_numpy(dtype=float) ** exponent for name, exponent in term.product.items()]
            out += term.factor * np.prod([np.ones(len(frame)), *powers], axis=0)
    return out


def run_means(process: Process, data: Dataset, name: str) -> pd.DataFrame:
    """Return :func:`run_inputs` with a column ``name``: a response as mean per run, or a derived response computed.

    Raises: ConfigurationError when the process has no such response.
    """
    from luban import features

    frame = run_inputs(data)
    derived = next((d for d in process.derived if d.name == name), None)
    if derived is not None:
        return frame.assign(**{name: computed(derived, frame)})
    known = [response.name for response in data.responses]
    if name not in known:
        from luban import _core

        raise ConfigurationError(
            where="plots.run_means",
            expected="a response of the process",
            received=repr(name),
            hint=_core.nearest_hint(name, known),
        )
    index = data.response_index(name)
    value = np.asarray(data.Y[:, index])
    usual = (features.robust_weights(data, index) > 0.0) & ~np.isnan(value)
    run = np.asarray(data.run)
    number = np.bincount(run[usual], minlength=len(data.run_ids)).astype(float)
    total = np.bincount(run[usual], weights=value[usual], minlength=len(data.run_ids))
    mean = np.divide(total, number, out=np.full(len(number), np.nan), where=number > 0)
    return frame.assign(**{name: mean})


def in_context(frame: pd.DataFrame, context: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows with these values of context."""
    chosen = np.ones(len(frame), dtype=bool)
    for name, value in context.items():
        if name in frame.columns:
            chosen &= (frame[name] == value).to_numpy()
    return frame[chosen]
