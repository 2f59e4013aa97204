"""A small history, in memory and as a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban.history import History
from luban.process import Process

SMALL = {
    "luban": 1,
    "process": "small",
    "parameters": {"TIC-101/PV": {"unit": "degC", "low": 20, "high": 90, "column": "T"}},
    "context": {"grade": {"categories": ["A", "B"]}},
    "noise": {"shift": {"categories": ["day", "night"]}},
    "identifiers": {"order": {}},
    "responses": {"yield": {"unit": "%"}, "power": {"unit": "kW", "late": True}},
    "runs": {"id": ["order"], "repeat": {"column": "sample"}},
}


@pytest.fixture
def process() -> Process:
    return Process.from_dict(SMALL)


@pytest.fixture
def frame() -> pd.DataFrame:
    """5 runs of 3 readings."""
    run = np.repeat(np.arange(5), 3)
    return pd.DataFrame(
        {
            "order": [f"PO-{number:03}" for number in run],
            "sample": np.tile([1, 2, 3], 5),
            "T": 20.0 + 10 * run,
            "grade": np.where(run % 2 == 0, "A", "B"),
            "shift": np.tile(["day", "night", "day"], 5),
            "yield": 80 + 0.1 * np.arange(15),
            "remark": "ok",
        }
    )


@pytest.fixture
def history(process: Process, frame: pd.DataFrame, tmp_path: Path) -> History:
    return History.from_frame(process, frame, tmp_path / "h.h5")
