"""From readings to what models learn from: datasets, grouped splits, noise, findings, envelopes.

A :class:`Dataset` keeps repeated readings within runs and runs within groups; averages are never taken in silence.
``inspect`` looks at a whole history before anything is learned from it.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import _core
from luban._core import (
    Dataset,
    EncodedVariable,
    Encoder,
    Finding,
    Fold,
    Grouping,
    NoiseEstimate,
    Reduction,
    ResponseColumn,
    RobustWeightOptions,
    Role,
)
from luban._words import counted

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from luban.parallel import Progress

__all__ = [
    "Dataset",
    "EncodedVariable",
    "Encoder",
    "Finding",
    "Fold",
    "Grouping",
    "Inspection",
    "NoiseEstimate",
    "Reduction",
    "ResponseColumn",
    "RobustWeightOptions",
    "Role",
    "estimate_noise",
    "find_suspicious",
    "findings_frame",
    "group_folds",
    "inspect",
    "make_dataset",
    "make_envelope",
    "reduce",
    "robust_weights",
    "time_block_folds",
]


def make_dataset(
    process: _core.Process,
    source: _core.TableSource,
    *,
    responses: Sequence[str] = (),
    progress: Progress | None = None,
) -> Dataset:
    """Read a source of readings into a :class:`Dataset`.

    Columns are named as in the process; ``run_id`` names the run, ``repeat`` the reading (optional), ``run_time`` or
    ``start_time`` when the run began (optional). ``responses`` limits what is read; empty = all that the source has.
    Readings without any response value are left out.

    Raises: DataError (a missing column, a run whose readings disagree in an input, no reading left), UnitError,
    KeyboardInterrupt on Ctrl-C.
    """
    return _core.make_dataset(process, source, responses=list(responses), progress=progress)


def group_folds(data: Dataset, folds: int, seed: int) -> list[Fold]:
    """Deal the groups to ``folds`` folds of even run counts; no group is on both sides of a fold.

    Raises: DataError when there are fewer groups than folds.
    """
    return _core.group_folds(data, folds, seed)


def time_block_folds(data: Dataset, blocks: int) -> list[Fold]:
    """Cut the runs into contiguous blocks of time; a group that spans a border goes whole to the earlier block.

    Raises: DataError when there are fewer groups than blocks, or a block is left without a run.
    """
    return _core.time_block_folds(data, blocks)


def _response_index(data: Dataset, response: str | int) -> int:
    return data.response_index(response) if isinstance(response, str) else response


def robust_weights(
    data: Dataset, response: str | int, options: RobustWeightOptions | None = None
) -> npt.NDArray[np.float64]:
    """Return the weight of each reading (n): 1 counts fully, 0 is a gross error or missing.

    A reading is compared with the others of its run at the same input point (its cell): how far from their median,
    in a robust standard deviation that borrows from all cells. Fewer than three readings in a cell cannot tell.

    Raises: ConfigurationError on an option out of range.
    """
    return _core.robust_weights(data, _response_index(data, response), options or RobustWeightOptions())


def reduce(data: Dataset, response: str | int, weights: npt.ArrayLike | None = None) -> Reduction:
    """Reduce a response's readings exactly to weighted means per run and input point.

    ``weights`` (n) default to :func:`robust_weights`. Given the weights, the Gaussian likelihood of all readings is
    that of the means times a factor in ``within_ss``, ``n`` and ``log_weight_sum``.

    Raises: DataError when nothing remains or the weights do not fit.
    """
    index = _response_index(data, response)
    w = robust_weights(data, index) if weights is None else np.asarray(weights, dtype=np.float64)
    return _core.reduce(data, index, w)


def estimate_noise(data: Dataset, response: str | int, weights: npt.ArrayLike | None = None) -> NoiseEstimate:
    """Estimate the noise within a run and between runs from repeats alone, in the response's unit.

    NaN with 0 degrees of freedom where nothing was repeated. Method of moments: no model of the inputs enters.
    """
    return _core.estimate_noise(reduce(data, response, weights))


def find_suspicious(
    data: Dataset,
    *,
    robust: RobustWeightOptions | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> list[Finding]:
    """List what a person should look at.

    Gross errors, values that contradict the other responses of their reading, duplicate runs, stuck values, constant
    columns, combinations of context without a run.

    Options: ``inconsistent_factor``, ``stuck_runs``, ``stuck_chance``, ``duplicate_values``, ``most``, ``threads``
    (``FindingOptions`` of the C++ header says what they mean).

    Raises: ConfigurationError on an option out of range, KeyboardInterrupt on Ctrl-C.
    """
    return _core.find_suspicious(data, robust=robust or RobustWeightOptions(), progress=progress, **options)


def findings_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return findings as a DataFrame, one row each."""
    import pandas as pd

    columns = ["kind", "column", "run_id", "source_row", "repeat", "value", "expected", "deviations", "message"]
    return pd.DataFrame([[getattr(f, c) for c in columns] for f in findings], columns=columns)


def make_envelope(data: Dataset) -> _core.TrainingEnvelope:
    """Return the region that the runs cover: what is outside it is new.

    Raises: DataError when there is no run.
    """
    return _core.make_envelope(data)


@dataclass(frozen=True)
class Inspection:
    """What is in a history, and what a person should look at before anything is learned from it.

    Attributes (DataFrames unless said): ``counts`` (dict: readings, runs, groups, readings per run, points run more
    than once), ``span`` (dict: first and last start, "" when unknown), ``inputs`` (range stated and seen per variable),
    ``responses`` (values present, range), ``noise`` (standard deviations within and between runs with their degrees of
    freedom, gross errors set aside), ``coverage`` (runs per combination of context categories), ``gaps`` (the longest
    pauses between runs), ``findings``.
    """

    process: str
    counts: dict[str, int]
    span: dict[str, str]
    inputs: pd.DataFrame
    responses: pd.DataFrame
    noise: pd.DataFrame
    coverage: pd.DataFrame
    gaps: pd.DataFrame
    findings: pd.DataFrame

    def to_json(self) -> str:
        """Return everything as one JSON object; missing numbers are null."""
        tables = ("inputs", "responses", "noise", "coverage", "gaps", "findings")
        return json.dumps(
            {"process": self.process, "counts": self.counts, "span": self.span}
            | {name: _records(getattr(self, name)) for name in tables}
        )

    def __str__(self) -> str:
        return "\n".join([self._headline(), *(f"\n{title}\n{_text(frame)}" for title, frame in self._tables())])

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{html.escape(self._headline())}</b></p>"]
        for title, frame in self._tables():
            body = frame.to_html(index=False, border=0, na_rep="–", float_format=_short)
            parts.append(f"<details open><summary>{html.escape(title)}</summary>{body}</details>")
        return "\n".join(parts)

    def _headline(self) -> str:
        c = self.counts
        span = f", {self.span['first']} to {self.span['last']}" if self.span["first"] else ""
        return (
            f"{self.process}: {counted(c['readings'], 'reading')} of {counted(c['runs'], 'run')} in "
            f"{counted(c['groups'], 'group')}{span}; {counted(len(self.findings), 'finding')}"
        )

    def _tables(self) -> list[tuple[str, pd.DataFrame]]:
        tables = [
            ("Inputs", self.inputs),
            ("Responses", self.responses),
            ("Noise within and between runs (gross errors set aside)", self.noise),
            ("Runs per context", self.coverage),
            ("Longest pauses", self.gaps),
            ("Findings", self.findings[["kind", "source_row", "message"]]),
        ]
        return [(title, frame) for title, frame in tables if len(frame)]


def _short(value: float) -> str:
    return f"{value:.4g}"


def _text(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, na_rep="–", float_format=_short, max_colwidth=120)


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    def plain(value: object) -> object:
        if isinstance(value, float | np.floating):
            return float(value) if math.isfinite(value) else None
        return value.item() if isinstance(value, np.generic) else value

    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict(orient="records")]


def inspect(
    process: _core.Process,
    source: _core.TableSource | Dataset,
    *,
    robust: RobustWeightOptions | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Look at a history: runs, spans, ranges, gaps, noise within and between runs, what is suspicious.

    Raises: DataError and UnitError as :func:`make_dataset`; KeyboardInterrupt on Ctrl-C.
    """
    data = source if isinstance(source, Dataset) else make_dataset(process, source, progress=progress)
    X, Y = data.X, data.Y
    run = data.run
    first = np.unique(run, return_index=True)[1]  # one reading of each run
    per_run = np.bincount(run, minlength=len(data.run_ids))
    of_run = [*data.encoder.columns_of(Role.parameter), *data.encoder.columns_of(Role.context)]
    repeats = np.unique(X[first][:, of_run], axis=0, return_counts=True)[1]
    counts = {
        "readings": data.n,
        "runs": len(data.run_ids),
        "groups": len(data.group_labels),
        "readings_per_run_min": int(per_run.min()),
        "readings_per_run_max": int(per_run.max()),
        "points": len(repeats),
        "points_run_more_than_once": int((repeats > 1).sum()),
    }
    times = data.run_time[~np.isnat(data.run_time)]
    span = {"first": str(times.min()) if len(times) else "", "last": str(times.max()) if len(times) else ""}
    return Inspection(
        process=process.name,
        counts=counts,
        span=span,
        inputs=_inputs_frame(data.encoder, X),
        responses=_responses_frame(data, Y),
        noise=_noise_frame(data, Y, robust),
        coverage=_coverage_frame(data.encoder, X[first]),
        gaps=_gaps_frame(times),
        findings=_all_findings(process, data, find_suspicious(data, robust=robust, progress=progress)),
    )


def _all_findings(process: _core.Process, data: Dataset, found: list[Finding]) -> pd.DataFrame:
    """Return what the search found, runs that repeat one another, and values that do not fit the process file."""
    import pandas as pd

    from luban._intake.stated import digits_lost, remarks

    out = findings_frame(found)
    rows = [*_repeated_runs(data, set(out.loc[out["kind"] == "duplicate_run", "run_id"]))]
    variables = {one.name: one for one in (*process.parameters, *process.context, *process.noise)}
    said = []
    for j, coded in enumerate(data.encoder.variables):
        if coded.is_numeric and coded.name in variables:  # not by way of decode, which makes whole numbers whole
            said += remarks(variables[coded.name], coded.low + (coded.high - coded.low) * data.X[:, j])
    for r, response in enumerate(data.responses):
        said += digits_lost(response.name, data.Y[:, r])
    for remark in said:
        run_id, row = data.run_ids[int(data.run[remark.row])], int(data.source_row[remark.row])
        message = f"{remark.message} First in run {run_id} (row {row:,})."
        rows.append(_finding(remark.kind, message, column=remark.column, run_id=run_id, row=row, value=remark.value))
    return pd.concat([out, pd.DataFrame(rows, columns=out.columns)], ignore_index=True) if rows else out


def _finding(
    kind: str, message: str, *, run_id: str, row: int, column: str = "", value: float = math.nan
) -> list[object]:
    return [kind, column, run_id, row, -1, value, math.nan, math.nan, message]


def _repeated_runs(data: Dataset, named: set[str], most: int = 1000) -> list[list[object]]:
    """Rows of findings on runs that say the same as an earlier one; those already ``named`` are left out."""
    from luban._intake.repeats import repeated_runs

    original = repeated_runs(np.asarray(data.run), data.X, data.Y)
    first = np.unique(data.run, return_index=True)[1]
    runs = [run for run in np.flatnonzero(original >= 0) if data.run_ids[run] not in named]
    rows = []
    for run in runs[:most]:
        row, earlier = int(data.source_row[first[run]]), int(data.source_row[first[original[run]]])
        message = (
            f"run {data.run_ids[run]} (row {row:,}) repeats run {data.run_ids[original[run]]} (row {earlier:,}) to the "
            "last digit, inputs and all values."
        )
        rows.append(_finding("duplicate_run", message, run_id=data.run_ids[run], row=row))
    if len(runs) > most:
        rows[-1][-1] = f"{rows[-1][-1]} ({len(runs) - most:,} more of this kind are not listed.)"
    return rows


def _inputs_frame(encoder: Encoder, X: npt.NDArray[np.float64]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for j, v in enumerate(encoder.variables):
        codes = np.unique(X[:, j])
        if v.is_numeric:
            low, high = (float(encoder.decode_value(j, codes[end])) for end in (0, -1))
            stated = f"{_short(v.low)} … {_short(v.high)}"
            seen = f"{_short(low)} … {_short(high)}"
        else:
            stated = ", ".join(v.categories)
            seen = ", ".join(str(encoder.decode_value(j, c)) for c in codes)
        rows.append((v.name, v.unit, v.role.name, stated, seen, len(codes)))
    return pd.DataFrame(rows, columns=["name", "unit", "role", "stated", "seen", "distinct"])


def _responses_frame(data: Dataset, Y: npt.NDArray[np.float64]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for r, response in enumerate(data.responses):
        y = Y[:, r][~np.isnan(Y[:, r])]
        low, median, high = np.quantile(y, [0.0, 0.5, 1.0]) if len(y) else [math.nan] * 3
        rows.append((response.name, response.unit, len(y), data.n - len(y), low, median, high))
    return pd.DataFrame(rows, columns=["name", "unit", "values", "missing", "low", "median", "high"])


def _noise_frame(data: Dataset, Y: npt.NDArray[np.float64], robust: RobustWeightOptions | None) -> pd.DataFrame:
    import pandas as pd

    columns = ["response", "unit", "within_sd", "within_dof", "between_sd", "between_dof", "gross_errors"]
    rows = []
    for r, response in enumerate(data.responses):
        weights = robust_weights(data, r, robust)
        if not weights.any():
            rows.append((response.name, response.unit, math.nan, 0, math.nan, 0, 0))
            continue
        noise = estimate_noise(data, r, weights)
        gross = int(((weights == 0.0) & ~np.isnan(Y[:, r])).sum())
        rows.append(
            (
                response.name,
                response.unit,
                noise.within_sd,
                noise.within_dof,
                noise.between_sd,
                noise.between_dof,
                gross,
            )
        )
    return pd.DataFrame(rows, columns=columns)


def _coverage_frame(encoder: Encoder, X: npt.NDArray[np.float64]) -> pd.DataFrame:
    import pandas as pd

    columns = [j for j in encoder.columns_of(Role.context) if not encoder.variables[j].is_numeric]
    names = [encoder.variables[j].name for j in columns]
    if not columns:
        return pd.DataFrame(columns=["runs"])
    combinations, counts = np.unique(X[:, columns], axis=0, return_counts=True)
    rows = [[encoder.decode_value(j, c) for j, c in zip(columns, row, strict=True)] for row in combinations]
    return pd.DataFrame(rows, columns=names).assign(runs=counts)


def _gaps_frame(times: npt.NDArray[np.datetime64], most: int = 5, factor: float = 20.0) -> pd.DataFrame:
    """Pauses of more than ``factor`` times the median pause, longest first."""
    import pandas as pd

    ordered = np.sort(times)
    pauses = np.diff(ordered).astype(np.int64)
    long = np.flatnonzero(pauses > factor * np.median(pauses)) if len(pauses) else np.array([], dtype=np.int64)
    long = long[np.argsort(-pauses[long], kind="stable")][:most]
    rows = [(str(ordered[i]), str(ordered[i + 1]), pauses[i] / 3.6e12) for i in long]
    return pd.DataFrame(rows, columns=["after", "until", "hours"])
