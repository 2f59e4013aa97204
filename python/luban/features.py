"""From readings to what models learn from: datasets, grouped splits, noise, findings, envelopes.

A :class:`Dataset` keeps repeated readings within runs and runs within groups; averages are never taken in silence.
``inspect`` looks at a whole history before anything is learned from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from luban._inspection.look import look_at
from luban._inspection.options import InspectOptions
from luban._inspection.result import Inspection

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
    "InspectOptions",
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

    Gross errors among repeats, values that contradict the other responses of their reading, duplicate runs, constant
    columns, combinations of context without a run. :func:`inspect` looks at much more.

    Options: ``inconsistent_factor``, ``duplicate_values``, ``duplicate_factor``, ``most``, ``threads``
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


def inspect(
    process: _core.Process,
    source: _core.TableSource | Dataset,
    *,
    robust: RobustWeightOptions | None = None,
    options: InspectOptions | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Look at a history: what is in it, and what a person should look at before anything is learned from it.

    Gaps, dead and stuck sensors, repeats, gross errors, steps of the clock, unit mix-ups, noise within and between
    runs, drift, coverage of the search space. ``options`` are the thresholds; nothing is changed or left out.

    Raises: DataError and UnitError as :func:`make_dataset`; KeyboardInterrupt on Ctrl-C.
    """
    return look_at(process, source, robust or RobustWeightOptions(), options or InspectOptions(), progress)
