"""A small production history, simulated: settings × materials × positions, runs with repeated readings."""

import json

import numpy as np
import pytest

from luban import _core, features

CATEGORIES = {"material": ["A", "B", "C"], "position": ["Chuck", "Middle", "End"]}
UNITS = {"speed": "m/min", "feed": "mm/rev", "roughness": "um", "force": "N"}


def _process() -> _core.Process:
    def categorical(name: str) -> dict[str, object]:
        return {"name": name, "kind": "categorical", "categories": CATEGORIES[name]}

    return _core.Process.from_json(
        json.dumps(
            {
                "luban": 1,
                "process": "simulated",
                "parameters": [
                    {"name": "speed", "unit": "m/min", "kind": "continuous", "low": 100, "high": 300},
                    {"name": "feed", "unit": "mm/rev", "kind": "continuous", "low": 0.05, "high": 0.15},
                ],
                "context": [categorical("material")],
                "noise": [categorical("position")],
                "responses": [{"name": "roughness", "unit": "um"}, {"name": "force", "unit": "N"}],
            }
        )
    )


@pytest.fixture(scope="session")
def data() -> features.Dataset:
    random = np.random.default_rng(3)
    run, position, repeat = (a.ravel() for a in np.indices((27, 3, 4)))
    speed, feed = random.uniform(100, 300, 27)[run], random.uniform(0.05, 0.15, 27)[run]
    level = 2.0 + np.sin(speed / 60.0) + 8.0 * feed + 0.3 * (run % 3) + 0.1 * position
    noise = 0.1 * random.standard_normal(27)[run] + 0.05 * random.standard_normal((27, 3))[run, position]
    columns = {
        "run_id": np.array([f"run {k:02d}" for k in run], dtype=object),
        "repeat": (position * 4 + repeat + 1).astype(float),
        "speed": speed,
        "feed": feed,
        "material": (run % 3).astype(np.int32),
        "position": position.astype(np.int32),
        "roughness": level + noise + 0.1 * random.standard_normal(len(run)),
        "force": 100.0 * feed * level + random.standard_normal(len(run)),
    }
    source = _core.MemorySource(_core.Table.from_dict(columns, units=UNITS, categories=CATEGORIES))
    return features.make_dataset(_process(), source)
