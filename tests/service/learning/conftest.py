"""A small line that drifts: its process, a model fitted before it did, runs as a plant delivers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luban import _core
from luban.fitting import Model, fit
from luban.history import History
from luban.process import Process
from luban.service.messages import RunReport

DEFINITION: dict[str, Any] = {
    "luban": 1,
    "process": "coating",
    "parameters": {
        "speed": {
            "unit": "m/min", "low": 100, "high": 300,
            "limits": {"low": 80, "high": 320, "max_rate": {"value": 30, "per": "min"}},
        },
        "gap": {"unit": "mm", "low": 0.1, "high": 0.5},
    },
    "context": {"web": {"categories": ["Film", "Paper"]}, "humidity": {"unit": "%", "low": 20, "high": 80}},
    "noise": {"place": {"categories": ["Left", "Right"]}},
    "responses": {
        "waviness": {"unit": "um", "valid": {"low": 0, "high": 50}},
        "load": {"unit": "kW", "late": True},
    },
    "derived": {"area": {"unit": "m*mm/min", "product": ["speed", "gap"]}},
    "objectives": [{"response": "waviness", "goal": "minimize"}, {"response": "area", "goal": "maximize"}],
    "outcome_constraints": [{"response": "waviness", "upper": 4.0, "probability": 0.9}],
}  # fmt: skip


def true_waviness(settings: dict[str, float], context: dict[str, Any], place: str) -> float:
    """Expected waviness before any drift."""
    s, g, h = (settings["speed"] - 100) / 200, (settings["gap"] - 0.1) / 0.4, (context["humidity"] - 20) / 60
    out = 2.0 + 2.0 * (s - 0.6) ** 2 + 1.5 * (g - 0.3) ** 2 + 0.5 * h + (0.8 + 0.4 * s) * (context["web"] == "Paper")
    return out + (0.15 if place == "Left" else -0.15)


def make_run(number: int, drift: float = 0.0, **given: Any) -> RunReport:
    """Run number ``number``: settings, context and noise drawn from it; ``drift`` is added to the waviness."""
    random = np.random.default_rng([7, number])
    settings = given.get("settings") or {"speed": random.uniform(100, 300), "gap": random.uniform(0.1, 0.5)}
    context = given.get("context") or {"web": ("Film", "Paper")[number % 2], "humidity": random.uniform(20, 80)}
    shift = 0.08 * random.standard_normal() + drift
    places = ["Left", "Right"] * 4
    waviness = [true_waviness(settings, context, p) + shift + 0.1 * random.standard_normal() for p in places]
    load = [1.0 + 0.01 * settings["speed"] + 0.02 * random.standard_normal() for _ in places]
    return RunReport(f"run-{number}", settings, context, {"place": places, "waviness": waviness, "load": load}, 0, 0)


def by_row(run: RunReport) -> list[dict[str, Any]]:
    """Readings of a run as one mapping each."""
    return [dict(zip(run.readings, row, strict=True)) for row in zip(*run.readings.values(), strict=True)]


@pytest.fixture(scope="session")
def process() -> Process:
    return Process.from_dict(DEFINITION)


@pytest.fixture(scope="session")
def history(process: Process) -> History:
    rows = []
    for number in range(1000, 1040):
        run = make_run(number)
        rows += [{"run_id": run.run_id, **run.settings, **run.context, **row} for row in by_row(run)]
    return History.from_frame(process, pd.DataFrame(rows))


@pytest.fixture(scope="session")
def model(process: Process, history: History) -> Model:
    return fit(process, history, seed=1)


@pytest.fixture(scope="session")
def network(model: Model) -> Model:
    """The model with an ensemble of networks for its surrogate: straight lines, as good as least squares makes them."""
    data = model.dataset
    encoder = data.encoder
    ones = encoder.one_hot(data.X)
    mean, scale = ones.mean(axis=0), np.maximum(ones.std(axis=0), 1e-3)
    z = np.column_stack([np.ones(len(ones)), (ones - mean) / scale])
    location, spread = np.nanmean(data.Y, axis=0), np.nanstd(data.Y, axis=0)
    artefact = _core.Artefact()
    tensors = {
        "input_mean": mean,
        "input_scale": scale,
        "output_location": location,
        "output_scale": spread,
        "between_share": np.full(data.m, 0.5),
    }
    width = ones.shape[1]
    random = np.random.default_rng(2)
    for member in range(4):
        rows = random.integers(len(z), size=len(z))
        weights = np.linalg.lstsq(z[rows], ((data.Y - location) / spread)[rows], rcond=1e-9)[0]
        head = np.vstack([weights[1:].T, np.zeros((data.m, width))])
        tensors |= {
            f"{member}/input/weight": np.eye(width),
            f"{member}/input/bias": np.zeros(width),
            f"{member}/head/weight": head,
            f"{member}/head/bias": np.concatenate([weights[0], np.full(data.m, -2.0)]),
        }
    artefact.tensors = {f"neural_ensemble/{name}": np.asarray(value, dtype=float) for name, value in tensors.items()}
    responses = [{"name": column.name, "unit": column.unit} for column in data.responses]
    import json

    about = {"members": 4, "blocks": 0, "encoder": json.loads(encoder.to_json()), "responses": responses}
    artefact.metadata = json.dumps({"neural_ensemble": about})
    return Model(
        model.process,
        _core.NeuralEnsemble.read(artefact),
        data,
        model.cross_validation,
        model.envelope,
        model.card,
    )


@pytest.fixture(scope="session")
def drifting() -> Callable[[int, float], list[RunReport]]:
    """Runs 0, 1, …, the waviness of all of them shifted."""
    return lambda count, drift: [make_run(number, drift) for number in range(count)]
