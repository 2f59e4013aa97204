"""A small process whose truth is known, and one way to call the command line."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luban.cli import main

PROCESS = """\
luban: 1
process: grinding
parameters:
  wheel_speed: {unit: m/s, low: 20, high: 40, limits: {low: 15, high: 45}, column: vs}
  feed: {unit: mm/min, low: 1, high: 5, limits: {low: 0.5, high: 6}}
context:
  material: {categories: [steel, brass]}
responses:
  roughness: {unit: um, column: Ra, valid: {low: 0, high: 20}}
derived:
  load: {unit: m*mm/s/min, product: [wheel_speed, feed]}
objectives:
  - {response: roughness, goal: minimize}
  - {response: load, goal: maximize}
runs: {id: [number], repeat: {column: repeat}}
identifiers:
  number: {}
groups: [wheel_speed, feed]
"""

READINGS_PER_RUN = 3


@dataclass(frozen=True)
class Outcome:
    """What a command line left behind."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Cli = Callable[..., Outcome]


def call(*arguments: str | Path) -> Outcome:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    assert isinstance(left.value.code, int)
    return Outcome(left.value.code, out.getvalue(), err.getvalue())


def readings(seed: int = 1) -> pd.DataFrame:
    """Sixteen settings in two materials, three readings a run: roughness falls with speed and rises with feed."""
    random = np.random.default_rng(seed)
    rows = []
    number = 0
    for speed in (20.0, 26.0, 33.0, 40.0):
        for feed in (1.0, 2.0, 3.5, 5.0):
            for material in ("steel", "brass"):
                number += 1
                level = 1.0 + 0.4 * feed - 0.02 * speed + (0.5 if material == "brass" else 0.0) + random.normal(0, 0.05)
                rows += [
                    (number, speed, feed, material, repeat, round(level + random.normal(0, 0.05), 4))
                    for repeat in range(1, READINGS_PER_RUN + 1)
                ]
    return pd.DataFrame(rows, columns=["number", "vs", "feed", "material", "repeat", "Ra"])
