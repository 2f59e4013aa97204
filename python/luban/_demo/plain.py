"""The result of the main job as plain values."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from luban.demo import DemoResult

__all__ = ["demo_dict"]


def demo_dict(result: DemoResult) -> dict[str, Any]:
    """Return everything that a program may ask for; what is not known is None."""
    seen = result.imported
    out = (
        result.honest.to_dict()
        | result.loop.to_dict()
        | {
            "import_s": seen.import_s,
            "fit_s": result.seconds["fit"],
            "propose_ms": result.advised.propose_ms,
            "seconds": dict(result.seconds),
            "total_s": sum(result.seconds.values()),
            "folder": str(result.folder),
            "report": str(result.report),
            "files": [str(path) for path in result.files],
            "data": {"digest": seen.history.digest, **seen.inspection.counts},
            "gross_readings": _records(seen.gross),
            "inconsistent_readings": _records(seen.inconsistent),
            "skill": _records(result.model.skill()),
            "running": result.advised.running,
            "recommendations": [answer.to_dict() for answer in result.advised.answers],
            "front": [front.to_dict() for front in result.advised.fronts],
            "seed": result.seed,
            "quick": result.quick,
        }
    )
    finite: dict[str, Any] = _finite(out)
    json.dumps(finite, allow_nan=False)  # what is not plain shows here, not at the reader
    return finite


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict(orient="records")]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
