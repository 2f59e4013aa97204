"""A small line whose truth is known: roughness over speed and feed, worse with a worn tool and at the free end."""

from typing import Any

import numpy as np
import pandas as pd

DEFINITION: dict[str, Any] = {
    "luban": 1,
    "process": "small-line",
    "parameters": {
        "speed": {"unit": "m/min", "low": 100, "high": 300},
        "feed": {"unit": "mm/rev", "low": 0.05, "high": 0.15, "limits": {"low": 0.02, "high": 0.2}},
    },
    "context": {"tool": {"categories": ["New", "Worn"]}, "bar": {"categories": ["D30", "D50"]}},
    "noise": {"position": {"categories": ["Chuck", "End"]}},
    "identifiers": {"order": {}},
    "responses": {"roughness": {"unit": "um", "valid": {"low": 0, "high": 50}}, "power": {"unit": "kW", "late": True}},
    "derived": {"rate": {"unit": "m*mm/min/rev", "product": ["speed", "feed"]}},
    "objectives": [{"response": "roughness", "goal": "minimize"}, {"response": "rate", "goal": "maximize"}],
    "outcome_constraints": [{"response": "roughness", "upper": 4.0, "probability": 0.9}],
    "parameter_constraints": [{"sum": {"speed": 1.0, "feed": 1000}, "upper": 400}],
}


def true_roughness(speed: Any, feed: Any, worn: Any) -> Any:
    """Mean over the positions."""
    s, f = (speed - 100.0) / 200.0, (feed - 0.05) / 0.10
    return 1.0 + 1.5 * (s - 0.6) ** 2 + 2.0 * (f - 0.25) ** 2 + 0.4 * f * s + worn * (0.5 + 0.5 * f)


def readings(runs: int, seed: int = 0, bars: tuple[str, ...] = ("D30", "D50"), first: int = 0) -> pd.DataFrame:
    """Runs at random settings, new and worn in turn, read twice at each position."""
    random = np.random.default_rng(seed)
    speed, feed = random.uniform(100, 300, runs), random.uniform(0.05, 0.15, runs)
    rows = []
    for i in range(runs):
        worn = i % 2
        shift = 0.03 * random.standard_normal()
        rows += [
            {
                "run_id": f"r{first + i}",
                "order": f"o{first + i}",
                "speed": speed[i],
                "feed": feed[i],
                "tool": ("New", "Worn")[worn],
                "bar": bars[(i // 2) % len(bars)],
                "position": position,
                "roughness": true_roughness(speed[i], feed[i], worn)
                + (-0.1 if position == "Chuck" else 0.1)
                + shift
                + 0.02 * random.standard_normal(),
                "power": 2.0 + 0.01 * speed[i] + 0.05 * random.standard_normal(),
            }
            for position in ("Chuck", "End")
            for _ in range(2)
        ]
    return pd.DataFrame(rows)
