"""A small process whose model fits in a moment, for every plot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from luban import Campaign, History, Process
from luban.fitting import Model, fit

CONTENT = {
    "luban": 1,
    "process": "milling-7075",
    "parameters": {
        "spindle_speed": {"unit": "1/min", "low": 4000, "high": 12000},
        "feed": {"unit": "mm/rev", "low": 0.05, "high": 0.2},
        "depth": {"unit": "mm", "low": 0.5, "high": 2.5},
    },
    "context": {"tool": {"categories": ["New", "Worn"]}},
    "noise": {"place": {"categories": ["Left", "Right"]}},
    "responses": {"roughness": {"unit": "um"}, "force": {"unit": "N"}},
    "derived": {"removal": {"unit": "mm2/min", "product": ["spindle_speed", "feed", "depth"]}},
    "objectives": [
        {"response": "roughness", "goal": "minimize"},
        {"response": "removal", "goal": "maximize"},
    ],
    "outcome_constraints": [{"response": "roughness", "upper": 9.0, "probability": 0.9}],
    "parameter_constraints": [{"sum": {"spindle_speed": 1.0, "feed": 20000}, "upper": 15500}],
    "groups": ["spindle_speed", "feed", "depth"],
    "runs": {"id": ["setting", "tool"], "repeat": {"column": "reading"}},
    "identifiers": {"setting": {}},
}


def make_frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for setting in range(14):
        speed, feed, depth = rng.uniform([4000, 0.05, 0.5], [11000, 0.2, 2.5])
        if setting == 0:
            speed, feed, depth = 8000.0, 0.12, 1.5
        for tool in ("New", "Worn"):
            between = rng.normal(0, 0.15)
            for reading, place in enumerate(["Left", "Right"] * 4, start=1):
                base = 1.0 + 25 * feed + (speed - 8500) ** 2 / 1.5e7 + 0.8 * (tool == "Worn") + 0.2 * (place == "Left")
                rough = base + between + rng.normal(0, 0.1)
                force = 120 + 900 * feed * depth + rng.normal(0, 4)
                rows.append(
                    (setting, round(speed), round(feed, 3), round(depth, 2), tool, place, reading, rough, force)
                )
    columns = ["setting", "spindle_speed", "feed", "depth", "tool", "place", "reading", "roughness", "force"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.loc[37, "roughness"] *= 10.0  # one decimal point gone astray
    return frame


@pytest.fixture(scope="session")
def process() -> Process:
    return Process.from_dict(CONTENT)


@pytest.fixture(scope="session")
def history(process: Process) -> History:
    return History.from_frame(process, make_frame())


@pytest.fixture(scope="session")
def model(process: Process, history: History) -> Model:
    return fit(process, history, seed=1, folds=4)


@pytest.fixture(scope="session")
def campaign(process: Process, history: History, model: Model) -> Campaign:
    return Campaign(process, history, seed=1, model=model)
