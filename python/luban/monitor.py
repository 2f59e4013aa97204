"""What tells that a process or a model has changed: drift, control charts, capability, coverage of intervals.

Detectors watch standardised residuals, (observed − predicted) / standard deviation. A threshold is stated as the
average run length to a false alarm, and calibrated on normal values or on the plant's own stable history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from luban import _core
from luban._core import (
    CapabilityIndex,
    ChartLimits,
    CoverageState,
    CoverageTracker,
    Cusum,
    DriftCalibration,
    DriftDetector,
    DriftDirection,
    DriftState,
    IndividualsChart,
    PageHinkley,
    ProcessCapability,
    RunLength,
    SubgroupChart,
    cusum_run_length,
    cusum_threshold,
    detection_delay,
    ewma_chart,
    individuals_chart,
    process_capability,
    siegmund_run_length,
    subgroup_chart,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from luban.parallel import Progress

__all__ = [
    "CapabilityIndex",
    "ChartLimits",
    "CoverageState",
    "CoverageTracker",
    "Cusum",
    "DriftCalibration",
    "DriftDetector",
    "DriftDirection",
    "DriftState",
    "IndividualsChart",
    "PageHinkley",
    "ProcessCapability",
    "RunLength",
    "SubgroupChart",
    "calibrated",
    "cusum_run_length",
    "cusum_threshold",
    "detection_delay",
    "ewma_chart",
    "individuals_chart",
    "process_capability",
    "siegmund_run_length",
    "subgroup_chart",
]


def calibrated(
    detector: DriftDetector,
    residuals: npt.ArrayLike | None = None,
    *,
    run_length: float | None = None,
    runs: int | None = None,
    block: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[DriftDetector, DriftCalibration]:
    """Return the detector with the threshold that alarms falsely once in ``run_length`` values, and what it keeps.

    ``residuals`` (n) are standardised residuals of a stretch that people call stable, NaN where one is missing; they
    are resampled in blocks of ``block`` values (0: from their correlations). Without them: independent normal values.
    Options left out are those of the C++ ``DriftCalibrationOptions``.
    ``standard_error`` of the answer holds what the simulation and the length of the series leave open.

    Raises: DataError when there are fewer than 100 residuals or all are the same, ConfigurationError on an option out
    of range, KeyboardInterrupt on Ctrl-C.
    """
    values = None if residuals is None else np.asarray(residuals, dtype=np.float64)
    given = {"run_length": run_length, "runs": runs, "block": block}
    options = {name: value for name, value in given.items() if value is not None}
    answer = _core.calibrate_drift(detector, values, **options, seed=seed, progress=progress)
    return detector.with_threshold(answer.threshold), answer
