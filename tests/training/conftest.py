"""A small history with uneven noise, networks that learn it in a second, and a group of ranks in one process."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from luban import features, training
from luban.features import Dataset
from luban.history import History
from luban.process import ContextVariable, NoiseVariable, Objective, Parameter, Process, Response


def make_process() -> Process:
    return Process(
        "milling",
        parameters=[
            Parameter("speed", unit="m/min", low=0.0, high=1.0),
            Parameter("feed", unit="mm", low=0.0, high=1.0),
        ],
        context=[ContextVariable("wear", categories=["New", "Worn"])],
        noise=[NoiseVariable("position", categories=["A", "B"])],
        responses=[Response("roughness", unit="um"), Response("force", unit="N", optional=True)],
        objectives=[Objective("roughness", "minimize")],
        groups=["speed", "feed"],
    )


def simulate(settings: int = 24, seed: int = 0) -> pd.DataFrame:
    """Settings × wear × two positions × two readings; noise grows fivefold along the feed; some forces are missing."""
    random = np.random.default_rng(seed)
    points = random.uniform(size=(settings, 2))
    rows = [
        (f"{s}-{wear}", points[s, 0], points[s, 1], wear, position, 10 * at + k)
        for s in range(settings)
        for wear in ("New", "Worn")
        for at, position in enumerate("AB")
        for k in range(2)
    ]
    frame = pd.DataFrame(rows, columns=["run_id", "speed", "feed", "wear", "position", "repeat"])
    spread = 0.05 + 0.2 * frame["feed"].to_numpy()
    frame["roughness"] = np.sin(3.0 * frame["speed"]) + frame["feed"] + (frame["wear"] == "Worn")
    frame["roughness"] += spread * random.normal(size=len(frame))
    frame["force"] = 100.0 * frame["roughness"] + random.normal(size=len(frame))
    frame.loc[frame.index % 5 == 0, "force"] = np.nan
    return frame


@pytest.fixture(scope="session")
def process() -> Process:
    return make_process()


@pytest.fixture(scope="session")
def history(process: Process) -> History:
    return History.from_frame(process, simulate())


@pytest.fixture(scope="session")
def data(process: Process, history: History) -> Dataset:
    return features.make_dataset(process.core, history.source)


@pytest.fixture(scope="session")
def frames() -> Callable[..., pd.DataFrame]:
    return simulate


@pytest.fixture(scope="session")
def quick() -> "training.NeuralEnsembleOptions":
    return training.NeuralEnsembleOptions(members=3, hidden=[12, 8], epochs=12)
