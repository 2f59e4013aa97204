"""Clean production histories of many shapes: nothing in them is wrong, so that every finding is a false alarm."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luban import _core

MATERIALS = ["steel", "brass", "alu"]
POSITIONS = ["left", "right"]
UNITS = {"speed": "m/min", "feed": "mm", "force": "N", "gloss": "um", "oven": "degC", "level": "1", "load": "kW"}
DAY = 86_400_000_000_000


@dataclass
class Plant:
    """Columns of a history by reading; a test spoils some of them before it makes a source."""

    columns: dict[str, NDArray]
    run: NDArray[np.int64]

    @property
    def n(self) -> int:
        return len(self.run)

    def source(self) -> _core.MemorySource:
        categories = {"material": MATERIALS, "position": POSITIONS, "source": ["a.csv", "b.csv"]}
        return _core.MemorySource(_core.Table.from_dict(self.columns, units=UNITS, categories=categories))


def process() -> _core.Process:
    """Two parameters, one context, one noise variable, three responses."""

    def number(name: str, low: float, high: float) -> dict[str, object]:
        return {"name": name, "unit": UNITS[name], "kind": "continuous", "low": low, "high": high}

    def category(name: str, values: list[str]) -> dict[str, object]:
        return {"name": name, "kind": "categorical", "categories": values}

    content = {
        "luban": 1,
        "process": "simulated",
        "parameters": [number("speed", 100.0, 300.0), number("feed", 0.1, 0.5)],
        "context": [category("material", MATERIALS)],
        "noise": [category("position", POSITIONS)],
        "responses": [{"name": name, "unit": UNITS[name]} for name in ("force", "gloss", "oven")],
    }
    return _core.Process.from_json(json.dumps(content))


def starts(rng: np.random.Generator, runs: int) -> NDArray[np.int64]:
    """Times of runs on weekdays from 6 to 22 h, irregular, with a longer pause now and then."""
    pause = rng.exponential(1.0, runs) * 0.2 + 0.02  # hours
    hours = np.cumsum(pause)
    day, within = np.divmod(hours, 16.0)
    week, weekday = np.divmod(day, 5)
    first = np.datetime64("2025-01-06", "ns").astype(np.int64)
    return (first + ((week * 7 + weekday) * 24 + 6 + within) * 3.6e12).astype(np.int64)


def clean(seed: int, runs: int = 300, readings: int | None = None) -> Plant:
    """Draw a clean history: design, noise, tails, resolution and equipment differ from seed to seed."""
    rng = np.random.default_rng(seed)
    each = int(rng.integers(1, 4)) if readings is None else readings
    run = np.repeat(np.arange(runs), each)
    n = len(run)
    speed = rng.uniform(100, 300, runs) if seed % 2 else rng.choice([100.0, 150.0, 200.0, 250.0, 300.0], runs)
    feed = rng.uniform(0.1, 0.5, runs) if seed % 3 else rng.choice([0.1, 0.2, 0.5], runs)
    material = rng.integers(0, 3, runs)
    level = 20.0 + 0.05 * speed + 30.0 * feed + 4.0 * material + rng.normal(0, 0.5, runs)
    tails = [rng.standard_normal(n), rng.standard_t(4, n), rng.gamma(2.0, 1.0, n) - 2.0][seed % 3]
    force = level[run] + tails
    gloss = np.exp(0.5 + 2.0 * feed[run] + 0.3 * material[run] + 0.12 * rng.standard_normal(n))
    slow = np.zeros(n)
    noise = rng.normal(0, 0.3, n)
    for k in range(1, n):
        slow[k] = 0.97 * slow[k - 1] + noise[k]
    columns: dict[str, NDArray] = {
        "run_id": run.astype(str).astype(object),
        "repeat": (np.arange(n) % each + 1).astype(np.float64),
        "start_time": starts(rng, runs)[run].astype("datetime64[ns]"),
        "equipment": np.array(["m1", "m2"], dtype=object)[rng.integers(0, 2, runs)][run],
        "source": (run >= runs // 2).astype(np.int32),
        "speed": np.round(speed[run], int(rng.integers(0, 3))),
        "feed": np.round(feed[run], 3),
        "material": material[run].astype(np.int32),
        "position": rng.integers(0, 2, n).astype(np.int32),
        "force": np.round(force, int(rng.integers(0, 3))),
        "gloss": np.round(gloss, 3),
        "oven": np.round(180.0 + rng.normal(0, 2.0, runs)[run] + rng.normal(0, 1.0, n), 1),
        "temperature": np.round(21.0 + slow, 1),  # slow, in coarse steps
        "level": rng.choice([10.0, 100.0], runs)[run],  # set so: two levels, a factor of ten apart
        "load": np.where(rng.random(n) < 0.4, rng.normal(2.0, 0.1, n), rng.normal(27.0, 2.0, n)),  # idle and at work
        "door": np.repeat(rng.random(n // 20 + 1) < 0.3, 20)[:n].astype(np.float64),
    }
    columns["gloss"][rng.random(n) < 0.05] = np.nan  # not measured now and then
    return Plant(columns, run)
