"""Late responses: a frame that names runs and brings values gets the inputs of those runs from what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luban._intake.columns import match_columns
from luban.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from luban.process import Process

__all__ = ["with_inputs"]


def with_inputs(
    process: Process, frame: pd.DataFrame, read: Callable[[list[str], list[str]], pd.DataFrame]
) -> pd.DataFrame:
    """Return a frame of late responses with the inputs of its runs and readings joined.

    ``read(run_ids, columns)`` gives what is stored of these runs. A frame that has all inputs, or no run ids, comes
    back as it is. Raises: DataError when runs have several readings and the frame does not say which.
    """
    inputs = [variable.name for variable in (*process.parameters, *process.context, *process.noise)]
    if "run_id" not in frame.columns:
        return frame
    headers = [str(name) for name in frame.columns]
    match = match_columns(process, headers, "frame", inputs_required=False, own_names=True)
    lacking = [name for name in inputs if name not in match.found]
    if not lacking:
        return frame
    keys = ["run_id", "repeat"] if "repeat" in frame.columns else ["run_id"]
    known = read([str(run) for run in frame["run_id"].unique()], ["run_id", "repeat", *lacking])
    if keys == ["run_id"] and known["run_id"].duplicated().any():
        raise DataError(
            where="history.append",
            expected="a column 'repeat' beside 'run_id'",
            received="run_id alone",
            hint="runs of this history have several readings",
        )
    joined = frame.assign(run_id=frame["run_id"].astype(str)).merge(known, on=keys, how="left")
    joined.attrs = dict(frame.attrs)
    return joined
