"""A small process, its histories and one model that many tests look at."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luban import fitting, training
from luban.history import History
from luban.process import ContextVariable, NoiseVariable, Objective, Parameter, Process, Response

Simulate = Callable[..., pd.DataFrame]


def roughness(frame: pd.DataFrame) -> np.ndarray:
    """The truth: a bowl in speed, a slope in feed, worse when worn, a little by position."""
    speed = (frame["speed"].to_numpy() - 200.0) / 100.0
    feed = (frame["feed"].to_numpy() - 0.1) / 0.05
    worn = (frame["wear"] == "Worn").to_numpy()
    end = (frame["position"] == "End").to_numpy()
    return np.asarray(2.0 + 0.8 * speed**2 + 0.5 * feed + 0.6 * worn + 0.2 * end, dtype=float)


def simulate(
    settings: int = 20, wears: tuple[str, ...] = ("New", "Worn"), readings: int = 3, seed: int = 0, runs: int = 1
) -> pd.DataFrame:
    """Settings × wear × runs × two positions × readings; noise between runs 0.05, of a reading 0.1."""
    random = np.random.default_rng(seed)
    points = random.uniform(size=(settings, 2))
    rows = [
        (f"{s}-{w}-{r}", 100.0 + 200.0 * points[s, 0], 0.05 + 0.1 * points[s, 1], w, p, 10 * at + k)
        for s in range(settings)
        for w in wears
        for r in range(runs)
        for at, p in enumerate(("Chuck", "End"))
        for k in range(readings)
    ]
    frame = pd.DataFrame(rows, columns=["run_id", "speed", "feed", "wear", "position", "repeat"])
    of_run = dict(zip(frame["run_id"].unique(), random.normal(0.0, 0.05, frame["run_id"].nunique()), strict=True))
    noise = frame["run_id"].map(of_run).to_numpy(float) + random.normal(0.0, 0.1, len(frame))
    frame["roughness"] = roughness(frame) + noise
    frame["height"] = 4.0 * frame["roughness"] + random.normal(0.0, 0.2, len(frame))
    return frame


def make_process(**changes: object) -> Process:
    content: dict[str, object] = {
        "parameters": [
            Parameter("speed", unit="m/min", low=100.0, high=300.0),
            Parameter("feed", unit="mm/rev", low=0.05, high=0.15),
        ],
        "context": [ContextVariable("wear", categories=["New", "Worn"])],
        "noise": [NoiseVariable("position", categories=["Chuck", "End"])],
        "responses": [Response("roughness", unit="um"), Response("height", unit="um", optional=True)],
        "objectives": [Objective("roughness", "minimize")],
        "groups": ["speed", "feed"],
    }
    return Process("turning", **{**content, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session", name="simulate")
def simulate_fixture() -> Simulate:
    return simulate


@pytest.fixture(scope="session")
def process() -> Process:
    return make_process()


@pytest.fixture(scope="session")
def make() -> Callable[..., Process]:
    return make_process


@pytest.fixture(scope="session")
def history(process: Process) -> History:
    return History.from_frame(process, simulate())


@pytest.fixture(scope="session")
def model(process: Process, history: History) -> fitting.Model:
    return fitting.fit(process, history, seed=1)


@pytest.fixture(scope="session")
def fresh() -> pd.DataFrame:
    """Readings of settings that no fixture model has seen."""
    return simulate(settings=20, seed=9, readings=1)


@pytest.fixture(scope="session")
def small() -> Any:
    """Options of networks that learn in a second or two."""
    return training.NeuralEnsembleOptions(members=3, hidden=[16], epochs=40)


@pytest.fixture(scope="session")
def large(process: Process) -> History:
    """160 points, with noise that grows twentyfold along the feed: a Gaussian process has one noise for all."""
    frame = simulate(settings=40)
    share = (frame["feed"].to_numpy() - 0.05) / 0.1
    noise = (0.02 + 0.4 * share**2) * np.random.default_rng(3).normal(size=len(frame))
    frame["roughness"] += noise
    frame["height"] += 4.0 * noise
    return History.from_frame(process, frame)


@pytest.fixture(scope="session")
def both(process: Process, large: History, small: Any) -> fitting.Model:
    """A model of which automatic tried both kinds."""
    return fitting.fit(process, large, seed=1, neural=small)
