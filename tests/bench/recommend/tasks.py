"""What all are asked: noisy readings of Hartmann's function, of several objectives and of categories; unknown ones."""

import json

import numpy as np
from regret.problems import hartmann

from luban import _core, features

D = 6
LEVELS = 5
Array = np.ndarray


def tried(n: int, seed: int) -> tuple[Array, Array]:
    """Return points in the unit cube and their values with noise of standard deviation 0.05."""
    random = np.random.default_rng(seed)
    X = random.random((n, D))
    return X, hartmann(X) + 0.05 * random.standard_normal(n)


def several(n: int, seed: int, objectives: int) -> tuple[Array, Array]:
    """Return points in the unit cube and 2 or 3 noisy values that cannot all be small at once."""
    random = np.random.default_rng([3, seed])
    X = random.random((n, D))
    values = [hartmann(X), hartmann(1.0 - X), ((X - 0.6) ** 2).sum(axis=1)]
    return X, np.column_stack(values[:objectives]) + 0.05 * random.standard_normal((n, objectives))


def mixed(n: int, seed: int) -> tuple[Array, Array]:
    """Return 4 numbers in 0 … 1 and 3 categories of 5 levels, and noisy values; effects of levels do not add up."""
    random = np.random.default_rng([4, seed])
    effect = np.random.default_rng(4).standard_normal((3, LEVELS))
    X = np.column_stack([random.random((n, 4)), random.integers(LEVELS, size=(n, 3))]).astype(float)
    a, b, c = (effect[j, X[:, 4 + j].astype(int)] for j in range(3))
    y = ((X[:, :4] - 0.5 - 0.2 * np.tanh(np.column_stack([a, b, c, a * b]))) ** 2).sum(axis=1) + 0.3 * (a + b * c)
    return X, y + 0.05 * random.standard_normal(n)


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
