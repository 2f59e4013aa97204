"""All checks in their order, and what they found put together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from luban import _core
from luban._core import Role
from luban._inspection import clock, levels, tables
from luban._inspection.effects import Effects
from luban._inspection.kinds import FINDING_COLUMNS, Found, weigh
from luban._inspection.pictures import missing_blocks, put_sample_together, rate_of, some_rows
from luban._inspection.result import Inspection
from luban._inspection.rows import ColumnView, Rows, make_rows
from luban._inspection.space import look_at_space
from luban._inspection.stretches import find_missing, find_stuck
from luban._inspection.tables import ColumnFacts, column_facts
from luban._inspection.unit_slips import find_stated_slip, find_unit_slip

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from luban._core import Dataset
    from luban._inspection.options import InspectOptions
    from luban.parallel import Progress

__all__ = ["look_at"]

_EACH = 3  # combinations never run that are named one by one
_SURFACE = 200_000  # readings up to which repeated single readings are looked for among all


def look_at(
    process: _core.Process,
    source: _core.TableSource | Dataset,
    robust: _core.RobustWeightOptions,
    options: InspectOptions,
    progress: Progress | None,
) -> Inspection:
    """Look at a history; see :func:`luban.features.inspect`."""
    if isinstance(source, _core.Dataset):
        data, source = source, _as_source(source)
    else:
        data = _core.make_dataset(process, source, progress=progress)
    X, Y = np.asarray(data.X), np.asarray(data.Y)
    run = np.asarray(data.run)
    first = np.unique(run, return_index=True)[1]  # one reading of each run
    of_runs = X[first]
    rows = make_rows(process, source)
    weights = [np.asarray(_core.robust_weights(data, r, robust)) for r in range(data.m)]
    found = [*_unfinished(source), *_of_core(data, _core.find_suspicious(data, robust=robust, progress=progress))]
    found += _repeats(rows, data, X, Y, {one.run_id for one in found if one.kind == "duplicate_run"}, options)
    facts, missing = [], {}
    some = some_rows(rows, options)
    shown: dict[str, NDArray[np.float64]] = {}
    for view in rows.columns:
        values = rows.values(view)
        if view.kind != "text":
            shown[view.name] = values[some]
        facts.append(column_facts(view, values))
        missing[view.name] = missing_blocks(rows, values)
        found += _of_column(process, rows, view, values, facts[-1], options)
    found = _together(found, {one.view.name for one in facts if one.view.role == "auxiliary"})
    found += _of_responses(rows, data, X, Y, weights, options)
    of_clock, usable = clock.find_clock(rows, options)
    found += of_clock
    space, of_space = look_at_space(data, of_runs, options)
    found += of_space
    findings = _frame(found, options)
    noise = tables.noise_frame(data, Y, weights)
    sample = put_sample_together(rows, some, shown, [(one.column, row) for one in found for row in one.ends])
    times = np.asarray(data.run_time)
    times = times[~np.isnat(times) & usable[np.asarray(data.source_row)[first]]]
    return Inspection(
        process=process.name,
        counts=_counts(data, of_runs, run) | {"left_out": source.row_count() - data.n},
        span={"first": str(times.min()) if len(times) else "", "last": str(times.max()) if len(times) else ""},
        inputs=tables.inputs_frame(data.encoder, X),
        responses=tables.responses_frame(data, Y),
        noise=noise,
        coverage=tables.coverage_frame(data.encoder, of_runs),
        gaps=tables.gaps_frame(times),
        findings=findings,
        columns=tables.columns_frame(facts, noise, tables.usual_sd(data, Y, weights), findings),
        space=space,
        by_context=tables.context_frame(data, X, Y, weights),
        facts=facts,
        missing=missing,
        rate=rate_of(times.astype("datetime64[ns]").view(np.int64)),
        sample=sample,
    )


def _counts(data: Dataset, of_runs: NDArray[np.float64], run: NDArray[np.int32]) -> dict[str, int]:
    per_run = np.bincount(run, minlength=len(data.run_ids))
    chosen = [*data.encoder.columns_of(Role.parameter), *data.encoder.columns_of(Role.context)]
    repeats = np.unique(of_runs[:, chosen], axis=0, return_counts=True)[1] if chosen else np.array([len(of_runs)])
    return {
        "readings": data.n,
        "runs": len(data.run_ids),
        "groups": len(data.group_labels),
        "readings_per_run_min": int(per_run.min()),
        "readings_per_run_max": int(per_run.max()),
        "points": len(repeats),
        "points_run_more_than_once": int((repeats > 1).sum()),
    }


def _as_source(data: Dataset) -> _core.TableSource:
    """Put a dataset into columns again, so that it is looked at like any source."""
    columns: dict[str, object] = {"run_id": np.array(data.run_ids, dtype=object)[np.asarray(data.run)]}
    units, categories = {}, {}
    columns["repeat"] = np.asarray(data.repeat, dtype=np.float64)
    columns["start_time"] = np.asarray(data.run_time)[np.asarray(data.run)]
    for j, v in enumerate(data.encoder.variables):
        coded = data.X[:, j]
        columns[v.name] = v.low + (v.high - v.low) * coded if v.is_numeric else coded.astype(np.int32)
        units[v.name] = v.unit
        if not v.is_numeric:
            categories[v.name] = list(v.categories)
    for r, response in enumerate(data.responses):
        columns[response.name] = np.ascontiguousarray(data.Y[:, r])
        units[response.name] = response.unit
    return _core.MemorySource(_core.Table.from_dict(columns, units=units, categories=categories))


def _unfinished(source: _core.TableSource) -> Iterator[Found]:
    """Name imports that were interrupted: nothing else is worth mending before all rows are there."""
    from luban import _history
    from luban._intake.pieces import unfinished

    if isinstance(source, _history.HistorySource):
        for one in unfinished(source.provenance):
            yield Found("unfinished_import", f"{one}.", strength=math.inf, rows=one.row)


def _of_core(data: Dataset, suspicious: list[_core.Finding]) -> list[Found]:
    found: list[Found] = []
    never: list[Found] = []
    for one in suspicious:
        row = int(one.source_row)
        strength = {"constant_column": 1.0, "empty_combination": 0.3}.get(one.kind, 2.0)
        if one.kind == "gross_error":
            strength = abs(one.deviations) / 20.0
        (never if one.kind == "empty_combination" else found).append(
            Found(
                one.kind, one.message, one.column, one.run_id, row, int(one.repeat), one.value, one.expected,
                one.deviations, strength, int(row >= 0), row,
            )
        )  # fmt: skip
    if len(never) <= _EACH:
        return found + never
    sizes = [len(v.categories) for v in data.encoder.variables if v.name in never[0].column.split(", ")]
    share = f"{len(never):,} of {math.prod(sizes):,} combinations"
    message = f"{share} of {never[0].column} were never run. One: {never[0].message}"
    return [*found, Found("empty_combination", message, never[0].column, rows=len(never), strength=0.5)]


def _together(found: list[Found], auxiliary: set[str]) -> list[Found]:
    """Say in one sentence that many auxiliary columns never change."""
    still = [one for one in found if one.kind == "constant_column" and one.column in auxiliary]
    if len(still) <= _EACH:
        return found
    names = [one.column for one in still]
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    text = f"{len(names)} auxiliary columns never change: {', '.join(names[:6])}{more}."
    chosen = [one for one in found if one not in still]
    return [*chosen, Found("constant_column", text, ", ".join(names), strength=0.2)]


def _repeats(
    rows: Rows,
    data: Dataset,
    X: NDArray[np.float64],
    Y: NDArray[np.float64],
    named: set[str],
    options: InspectOptions,
) -> Iterator[Found]:
    """Find runs that say the same as an earlier one, and single readings that do in runs that differ."""
    from luban._intake.repeats import repeated_runs

    run = np.asarray(data.run)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers too small to be rounded
        original = repeated_runs(run.astype(np.int64), X, Y)
    first = np.unique(run, return_index=True)[1]
    copies = np.flatnonzero(original >= 0)
    names, source_row = data.run_ids, np.asarray(data.source_row)
    for k in copies:
        if names[k] in named:
            continue
        row, earlier = int(source_row[first[k]]), int(source_row[first[original[k]]])
        yield Found(
            "duplicate_run",
            f"run {names[k]} (row {row:,}) repeats run {names[original[k]]} (row {earlier:,}) to the last digit, "
            "inputs and all values.",
            run_id=names[k],
            source_row=row,
            strength=2.0,
            rows=int((run == k).sum()) if len(copies) < 100 else 1,
            last_row=row,
        )
    if data.n == len(data.run_ids) or data.m < 2 or data.n > _SURFACE:
        return
    yield from _repeated_readings(rows, data, X, Y, {*copies.tolist(), *_indices(data, named)}, options)


def _indices(data: Dataset, named: set[str]) -> list[int]:
    return [k for k, name in enumerate(data.run_ids) if name in named] if named else []


def _repeated_readings(
    rows: Rows,
    data: Dataset,
    X: NDArray[np.float64],
    Y: NDArray[np.float64],
    of_copies: set[int],
    options: InspectOptions,
) -> Iterator[Found]:
    from luban._intake.repeats import repeated_runs

    run = np.asarray(data.run)
    with np.errstate(over="ignore", invalid="ignore"):
        original = repeated_runs(np.arange(data.n), X, Y)
    at = np.flatnonzero(original >= 0)
    at = at[[int(run[k]) not in of_copies for k in at]] if len(at) else at
    names, source_row = data.run_ids, np.asarray(data.source_row)
    for k in at[: options.most]:
        row, earlier = int(source_row[k]), int(source_row[original[k]])
        yield Found(
            "duplicate_reading",
            f"the reading in {rows.place(row)} repeats all {data.m} values of the reading in row {earlier:,} (run "
            f"{names[run[original[k]]]}).",
            run_id=names[run[k]],
            source_row=row,
            repeat=int(data.repeat[k]),
            strength=1.0,
            rows=1,
            last_row=row,
        )


def _of_column(
    process: _core.Process,
    rows: Rows,
    view: ColumnView,
    values: NDArray[np.float64],
    facts: ColumnFacts,
    options: InspectOptions,
) -> Iterator[Found]:
    """Make the checks that one column answers alone."""
    if view.role != "identifier":
        yield from find_missing(rows, view, values, options)
    if view.kind != "number":
        return
    if view.role in ("parameter", "context", "noise"):
        yield from find_stated_slip(rows, view, values, options)
        yield from _stated(process, rows, view, values)
        return
    yield from _digits(rows, view, values)
    if view.role == "auxiliary" and facts.distinct == 1 and rows.n > 1 and facts.missing < rows.n - 1:
        unit = f" {view.unit}" if view.unit else ""
        text = f"{view.name} is {facts.low:.4g}{unit} in all {rows.n - facts.missing:,} rows."
        yield Found("constant_column", text, view.name, value=facts.low, strength=0.2)
    if view.role == "identifier" or facts.distinct < 3:
        return
    yield from find_stuck(rows, view, values, options)
    if view.role == "auxiliary":
        slips = [*find_unit_slip(rows, view, values, np.arange(rows.n), None, options)]
        yield from slips
        if slips:
            return
        none = np.zeros(rows.n, dtype=np.int64)
        yield from _far(rows, view, values, values - np.nanmedian(values), none, options)


def _far(
    rows: Rows,
    view: ColumnView,
    values: NDArray[np.float64],
    residual: NDArray[np.float64],
    cell: NDArray[np.int64],
    options: InspectOptions,
    at: NDArray[np.int64] | None = None,
) -> Iterator[Found]:
    unit = f" {view.unit}" if view.unit else ""
    far = levels.find_far(values, residual, cell, options)
    listed = far[: options.most]
    for number, (k, deviations, expected) in enumerate(listed, start=1):
        beyond = len(far) - len(listed) if number == len(listed) else 0
        more = f" ({beyond:,} more of this kind are not listed.)" if beyond else ""
        row = k if at is None else int(at[k])
        yield Found(
            "gross_error",
            f"{view.name} of {values[k]:.4g}{unit} stands {abs(deviations):.4g} robust standard deviations "
            f"{'above' if deviations > 0 else 'below'} {expected:.4g}{unit}, what other readings of its context "
            f"{'' if at is None else 'and setting '}say, in {rows.place(row)}; by chance {options.gross_chance:g} such "
            f"readings are expected in the column.{more}",
            column=view.name,
            run_id=rows.run_id(row),
            source_row=row,
            value=float(values[k]),
            expected=expected,
            deviations=deviations,
            strength=abs(deviations) / 20.0,
            rows=1,
            last_row=row,
        )


def _stated(process: _core.Process, rows: Rows, view: ColumnView, values: NDArray[np.float64]) -> Iterator[Found]:
    from luban._intake.stated import remarks

    variable = next(v for v in (*process.parameters, *process.context, *process.noise) if v.name == view.name)
    for one in remarks(variable, values):
        yield _remark(rows, one.kind, one.column, one.message, one.row, one.value)


def _digits(rows: Rows, view: ColumnView, values: NDArray[np.float64]) -> Iterator[Found]:
    from luban._intake.stated import digits_lost

    for one in digits_lost(view.name, values):
        yield _remark(rows, one.kind, one.column, one.message, one.row, one.value)


def _remark(rows: Rows, kind: str, column: str, message: str, row: int, value: float) -> Found:
    run_id = rows.run_id(row)
    message = f"{message} First in run {run_id} (row {row:,})."
    return Found(kind, message, column, run_id, row, value=value, strength=1.0, rows=1, last_row=row)


def _of_responses(
    rows: Rows,
    data: Dataset,
    X: NDArray[np.float64],
    Y: NDArray[np.float64],
    weights: list[NDArray[np.float64]],
    options: InspectOptions,
) -> Iterator[Found]:
    """Check responses after settings and context have been taken out."""
    effects = Effects(data, X, options)
    alone = levels.alone_in_cell(data, X)
    at = np.asarray(data.source_row)
    first = np.unique(np.asarray(data.run), return_index=True)[1]
    views = {view.name: view for view in rows.columns}
    for r, response in enumerate(data.responses):
        y = Y[:, r]
        if not np.isfinite(y).any():
            continue
        view = views[response.name]
        slips = [*find_unit_slip(rows, view, y, at, effects, options)]
        yield from slips
        if slips:
            continue  # levels that move and readings far out are the same slip
        residual = effects.residuals(y)
        judged = np.where(alone, residual, np.nan)
        yield from _far(rows, view, y, judged, effects.cell, options, at)
        usual = np.where(weights[r] > 0.0, residual, np.nan)
        means = levels.run_means(data, usual)
        timed = rows.times is not None
        usual_y = np.where(weights[r] > 0.0, y, np.nan)
        moves = means if timed else levels.within_points(data, X[first], levels.run_means(data, usual_y))
        yield from levels.find_drift(response.name, response.unit, data, moves, options)
        yield from levels.find_shift(response.name, response.unit, data, rows, means, options)


def _frame(found: list[Found], options: InspectOptions) -> pd.DataFrame:
    """Order by weight, and count what is beyond ``most`` of a kind."""
    import pandas as pd

    found = sorted(found, key=lambda one: -weigh(one.kind, one.strength))
    listed: dict[str, list[Found]] = {}
    for one in found:
        listed.setdefault(one.kind, []).append(one)
    for several in listed.values():
        if len(several) > options.most:
            last = several[options.most - 1]
            last.message += f" ({len(several) - options.most:,} more of this kind are not listed.)"
    kept = {id(one) for several in listed.values() for one in several[: options.most]}
    rows = []
    for one in found:
        if id(one) not in kept:
            continue
        record = vars(one) | {"weight": round(weigh(one.kind, one.strength), 4)}
        rows.append([record[name] for name in FINDING_COLUMNS])
    out = pd.DataFrame(rows, columns=list(FINDING_COLUMNS))
    for name in ("value", "expected", "deviations", "weight"):
        out[name] = out[name].astype(np.float64) if len(out) else pd.Series(dtype=np.float64)
    return out
