"""What comes with the package is there, whole, and named with its source."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from luban import datasets
from luban.errors import IoError
from luban.process import Process


def test_the_files_are_packaged(repository: Path) -> None:
    files = datasets.turning_files()
    assert hashlib.sha256(files.csv.read_bytes()).hexdigest() == (
        "0b3f3dc7b2424d53c1b00cf08e63f62a48a17cb7793dc20f301b51671d9299f0"
    )
    assert files.process.read_text() == (repository / "configs/process/turning.yaml").read_text()
    attribution = files.attribution.read_text()
    assert "10.5281/zenodo.17438392" in attribution
    assert "CC BY 4.0" in attribution


def test_turning_is_a_history() -> None:
    history = datasets.turning()
    assert history.path is None
    assert history.process == Process.from_yaml(datasets.turning_files().process)
    readings, runs = history.read(), history.read(rows="runs")
    assert (len(readings), len(runs)) == (2448, 68)
    assert set(runs["readings"]) == {36}
    assert len(history.quarantine) == 0
    assert readings["roughness"].max() == 20.3
    assert readings["total_height"].max() == 144.17  # gross entry errors are left in: findings name them
    assert history.provenance["input_name"].tolist() == ["turning.csv"]
    setpoints = readings[["cutting_speed", "feed", "depth_of_cut"]].drop_duplicates()
    assert len(setpoints) == 15
    np.testing.assert_array_equal(np.unique(readings["feed"]), [0.07, 0.08, 0.10, 0.12, 0.13])


def test_an_installation_without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.resources, "files", lambda package: tmp_path)
    with pytest.raises(IoError, match=r"expected the packaged data.*turning.csv.*Hint: install the package again"):
        datasets.turning_files()
