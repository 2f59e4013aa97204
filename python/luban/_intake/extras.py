"""What format 1.1 of a history adds to an import: achieved settings, qualities, traces, lots.

A build of the history module that keeps only format 1.0 says so when a source brings such things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from luban._intake.convert import Codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from luban import _core, _history
    from luban._intake.build import Addition
    from luban._intake.convert import Columns
    from luban._intake.report import ImportReport
    from luban._intake.traces import Recorded
    from luban.process import Process

__all__ = ["add_achieved", "add_traces", "add_with_quality", "mean_of_runs", "report_traces"]


def add_with_quality(
    content: _history.Content,
    response: _core.Response,
    reading: NDArray[np.int64],
    values: NDArray[np.float64],
    now: int,
    quality: NDArray[np.int32],
) -> None:
    """Add values with the quality of each (0 good, 1 uncertain, 2 bad)."""
    content.add_response(response.name, response.unit, reading, values, now, quality=quality)


def add_achieved(
    content: _history.Content,
    process: Process,
    columns: Columns,
    kept: NDArray[np.int64],
    run: NDArray[np.int64],
    runs: int,
) -> None:
    """Add what each run reached: the mean of its readings' numbers, the first known name."""
    from luban import _core

    table = []
    for parameter in process.parameters:
        if parameter.name not in columns.achieved:
            continue
        values = columns.achieved[parameter.name]
        if isinstance(values, Codes):
            codes = _first_known(values.codes[kept], run, runs)
            column = _core.Column.code(parameter.name, values.categories, codes)
        else:
            column = _core.Column.float64(parameter.name, parameter.unit, mean_of_runs(values[kept], run, runs))
        table.append(column)
    if table:
        content.set_achieved(_core.Table(table))


def mean_of_runs(values: NDArray[np.float64], run: NDArray[np.int64], runs: int) -> NDArray[np.float64]:
    """Mean of the known values of each run, NaN where none is known; equal values keep their last digit."""
    there = np.flatnonzero(~np.isnan(values))
    out = np.full(runs, np.nan)
    if not len(there):
        return out
    count = np.bincount(run[there], minlength=runs)
    first = np.full(runs, np.nan)
    first[run[there][::-1]] = values[there][::-1]
    # Sums of differences from the first value: no digits are lost where all are equal.
    total = np.bincount(run[there], weights=values[there] - first[run[there]], minlength=runs)
    known = count > 0
    out[known] = first[known] + total[known] / count[known]
    return out


def _first_known(codes: NDArray[np.int32], run: NDArray[np.int64], runs: int) -> NDArray[np.int32]:
    out = np.full(runs, -1, dtype=np.int32)
    there = np.flatnonzero(codes >= 0)[::-1]
    out[run[there]] = codes[there]
    return out


def add_traces(addition: Addition, traces: Sequence[Recorded], report: ImportReport) -> bool:
    """Add the samples of these runs, channel by channel; whether there are any. Raises: DataError."""
    some = False
    for trace in traces:
        order, total = addition.order_of_runs()
        own = trace.of(addition.run_ids, order, total)
        if addition.known is not None:
            first = addition.source_rows[np.unique(addition.run, return_index=True)[1]]
            own, refused = addition.known.without_samples(own, addition.run_ids, first)
            addition.refused_before += [(own.name, "only_responses_are_corrected", "value")] * refused
            report.refused_before += refused
        times = np.empty(0, dtype=np.int64) if own.times is None else own.times
        addition.content.add_trace(
            own.name, own.unit, own.samples, own.offsets, own.period_ns, start_time=own.start_time, times=times
        )
        some = some or len(own.samples) > 0
    return some


def report_traces(traces: Sequence[Recorded], report: ImportReport) -> None:
    """Say of each channel how many samples came, and how many recorded runs are not in the source."""
    for trace in traces:
        report.traces[trace.name] = trace.samples
        if trace.strange:
            report.notes.append(f"Trace {trace.name}: {trace.strange:,} recorded runs are not in the source; left out.")
