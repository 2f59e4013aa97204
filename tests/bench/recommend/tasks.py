"""What all are asked: noisy readings of Hartmann's function, and random functions to fit."""

import json

import numpy as np
from regret.problems import hartmann

from luban import _core, features

D = 6
Array = np.ndarray


def tried(n: int, seed: int) -> tuple[Array, Array]:
    """Return points in the unit cube and their values with noise of standard deviation 0.05."""
    random = np.random.default_rng(seed)
    X = random.random((n, D))
    return X, hartmann(X) + 0.05 * random.standard_normal(n)


def unknown(seed: int) -> tuple[Array, Array]:
    """Return one of many data sets that no default was tuned on: 20 to 200 points, 1 to 10 inputs, noise 1 to 60 %."""
    random = np.random.default_rng([2026, seed])
    n, d = int(random.integers(20, 201)), int(random.integers(1, 11))
    X = random.random((n, d))
    weight = 10.0 ** random.uniform(-1.5, 0.5, d)
    phase = random.uniform(0.0, 2.0 * np.pi, d)
    shape = int(random.integers(4))
    if shape == 0:  # waves along the axes
        f = np.sin(3.0 * weight * X + phase).sum(axis=1)
    elif shape == 1:  # one wave across
        f = np.sin(5.0 * X @ weight + phase[0])
    elif shape == 2:  # a bowl
        f = (weight * (X - phase / (2.0 * np.pi)) ** 2).sum(axis=1)
    else:  # a straight line with a kink
        f = np.abs(X @ weight - 0.5 * weight.sum()) + X @ weight
    noise = 10.0 ** random.uniform(-2.0, -0.2)
    spread = f.std() if f.std() > 0.0 else 1.0
    return X, f + noise * spread * random.standard_normal(n)


def dataset(X: Array, Y: Array) -> features.Dataset:
    """The arrays as readings of a process whose parameters x1, x2, … range from 0 to 1."""
    names = [f"x{j + 1}" for j in range(X.shape[1])]
    parameters = [{"name": name, "unit": "1", "kind": "continuous", "low": 0.0, "high": 1.0} for name in names]
    process = {"luban": 1, "process": "arrays", "parameters": parameters, "responses": [{"name": "y", "unit": "1"}]}
    columns = {name: np.ascontiguousarray(X[:, j]) for j, name in enumerate(names)}
    columns |= {"run_id": np.array([str(i) for i in range(len(Y))], dtype=object), "y": Y}
    table = _core.Table.from_dict(columns, units=dict.fromkeys([*names, "y"], "1"), categories={})
    return features.make_dataset(_core.Process.from_json(json.dumps(process)), _core.MemorySource(table))
