"""A small process and tables for it."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban.process import Process

SMALL = """
luban: 1
process: small
parameters:
  speed: {unit: m/min, low: 100, high: 300, column: Vc}
  feed: {unit: mm/rev, low: 0.05, high: 0.2}
context:
  tool: {categories: [New, Worn]}
noise:
  position: {categories: [Chuck, Middle]}
identifiers:
  shaft: {}
responses:
  roughness: {unit: um, column: Ra, valid: {low: 0, high: 50}}
  power: {unit: kW, optional: true, late: true}
runs: {id: [shaft, tool], repeat: {column: Replicate}}
groups: [speed, feed]
"""


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Process:
    path = tmp_path_factory.mktemp("process") / "small.yaml"
    path.write_text(SMALL)
    return Process.from_yaml(path)


@pytest.fixture
def frame() -> pd.DataFrame:
    """4 shafts x 2 tools, 4 readings each; Ra is known to three digits."""
    rows = []
    random = np.random.default_rng(5)
    for shaft, tool in itertools.product(range(1, 5), ("New", "Worn")):
        speed, feed = (120, 180, 240, 300)[shaft - 1], (0.08, 0.1)[shaft % 2]
        for replicate in range(1, 5):
            position = "Chuck" if replicate <= 2 else "Middle"
            value = round(float(random.uniform(1, 9)), 3)
            rows.append((shaft, speed, feed, tool, position, replicate, value))
    return pd.DataFrame(rows, columns=["shaft", "Vc", "feed", "tool", "position", "Replicate", "Ra"])


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write a frame or a text as a file of bytes."""

    def write(content: pd.DataFrame | str | bytes, name: str = "data.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        text = content.to_csv(index=False, lineterminator="\n") if isinstance(content, pd.DataFrame) else content
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write
