"""New runs and observations as the frames that histories take in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from luban._campaign.inputs import known_names
from luban.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from luban.process import Process, Trial

__all__ = ["Observation", "Run", "frame_of_observation", "frame_of_runs"]

#: Values by name (a list = one per reading), a sequence of such mappings (one per reading), or a frame of readings.
Observation = "Mapping[str, Any] | Sequence[Mapping[str, Any]] | pd.DataFrame"


@dataclass(frozen=True)
class Run:
    """One execution of the process: settings and context by name, readings as mappings of noise levels and responses.

    Values are in the process's units; ``start_time`` is ISO 8601 with a zone, empty = unknown.
    """

    run_id: str
    settings: Mapping[str, float | str]
    context: Mapping[str, float | str] = field(default_factory=dict)
    readings: Sequence[Mapping[str, float | str]] = ()
    start_time: str = ""


def frame_of_runs(process: Process, runs: Sequence[Run]) -> pd.DataFrame:
    """Return the readings of runs as one frame. Raises: DataError for a run without readings, or no run at all."""
    import pandas as pd

    frames = []
    for run in runs:
        if not isinstance(run, Run):
            raise DataError(
                where="campaign.add_runs", expected="a DataFrame or a list of Run", received=type(run).__name__
            )
        inputs = {**run.settings, **run.context}
        if run.start_time:
            inputs["start_time"] = run.start_time
        frames.append(_completed(process, pd.DataFrame(list(run.readings)), inputs, run.run_id))
    if not frames:
        raise DataError(where="campaign.add_runs", expected="at least one run", received="an empty list")
    return pd.concat(frames, ignore_index=True)


def frame_of_observation(process: Process, trial: Trial, observation: Any, run_id: str) -> pd.DataFrame:
    """Return what was observed of a trial as readings of one run, made with the trial's settings and context.

    A column of the observation that is a parameter overrides it: that is what was really applied.

    Raises: ConfigurationError for a name the process does not have, DataError for readings without a response or
    without a noise variable.
    """
    import pandas as pd

    if isinstance(observation, pd.DataFrame):
        readings = observation.copy()
        readings.attrs = dict(observation.attrs)
    else:
        readings = _readings(observation)
        known_names([str(name) for name in readings.columns], _observable(process), "a response or input", _TELL)
    recommendation = trial.recommendation
    inputs = recommendation.recipe.to_dict() | {item.name: item.value for item in recommendation.context}
    return _completed(process, readings, inputs, run_id, as_given=isinstance(observation, pd.DataFrame))


_TELL = "campaign.tell"


def _readings(observation: Any) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(observation, Mapping):
        return pd.DataFrame(list(observation))
    sizes = {len(value) for value in observation.values() if isinstance(value, Sequence) and not isinstance(value, str)}
    if len(sizes) > 1:
        raise DataError(
            where=_TELL, expected="as many values of each name", received=f"lists of {sorted(sizes)} values"
        )
    return pd.DataFrame(dict(observation) if sizes else [dict(observation)])


def _observable(process: Process) -> list[str]:
    variables: list[Any] = [*process.responses, *process.noise, *process.parameters, *process.context]
    names = [variable.name for variable in variables]
    return [*names, *process.source_columns, "start_time", "end_time", "repeat"]


def _completed(
    process: Process, readings: pd.DataFrame, inputs: Mapping[str, Any], run_id: str, *, as_given: bool = False
) -> pd.DataFrame:
    """Add to readings what an import wants beside them; ``as_given``: their own columns are as a source has them."""
    names = [response.name for response in process.responses]
    if len(readings) == 0 or not any(name in readings.columns for name in names):
        raise DataError(
            where=_TELL,
            expected="readings with at least one response: " + ", ".join(names),
            received="none" if len(readings) == 0 else "only " + ", ".join(str(name) for name in readings.columns),
            place=f"run {run_id!r}",
        )
    lacking = [variable.name for variable in process.noise if variable.name not in readings.columns]
    if lacking:
        raise DataError(
            where=_TELL,
            expected="the noise variables of each reading: " + ", ".join(lacking),
            received="readings without them",
            place=f"run {run_id!r}",
            hint="predictions are averages over them as observed, so every reading must say its own",
        )
    units = dict(readings.attrs.get("units", {}))
    identifiers = [name for name, column in process.source_columns.items() if column.role == "identifier"]
    defaults: dict[str, Any] = {"run_id": run_id, **inputs, **dict.fromkeys(identifiers, run_id)}
    missing = {
        response.name: float("nan") for response in process.responses if not (response.optional or response.late)
    }
    added = {name: value for name, value in (defaults | missing).items() if name not in readings}
    ours = [*added, *(() if as_given else readings.columns)]
    out = _in_source_units(process, readings.assign(**added), [str(name) for name in ours])
    if "repeat" not in out.columns:
        out["repeat"] = range(1, len(out) + 1)
    out.attrs = {"units": units} if units else {}
    return out


def _in_source_units(process: Process, frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Write columns of ours as the process file says that its source does: imports convert them back."""
    from luban import units

    columns = process.source_columns
    for name in names:
        column = columns.get(name)
        if column is not None and column.source_unit not in (None, column.unit) and column.role != "identifier":
            frame[name] = units.convert(frame[name].to_numpy(), column.unit, str(column.source_unit))
    return frame
