"""One loader for what was saved, and the models of a folder."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import luban
from luban import fitting, registry
from luban.errors import IntegrityError, IoError
from luban.history import History
from luban.process import Objective, Parameter, Process, Response


@pytest.fixture(scope="module")
def model() -> fitting.Model:
    process = Process(
        "line",
        parameters=[Parameter("feed", unit="mm/rev", low=0.0, high=1.0)],
        responses=[Response("roughness", unit="um")],
        objectives=[Objective("roughness", "minimize")],
    )
    feed = np.linspace(0.0, 1.0, 10)
    frame = pd.DataFrame({"feed": feed, "roughness": 1.0 + feed + 0.1 * np.sin(40.0 * feed)})
    return fitting.fit(process, History.from_frame(process, frame))


def test_a_model_is_loaded_by_the_common_door(model: fitting.Model, tmp_path: Path) -> None:
    read = luban.load(model.save(tmp_path))
    assert isinstance(read, fitting.Model)
    assert read.card.to_dict() == model.card.to_dict()


def test_nothing_and_anything_else_are_told(tmp_path: Path) -> None:
    with pytest.raises(IoError, match=r"no\.model"):
        luban.load(tmp_path / "no.model")
    (tmp_path / "text.safetensors").write_text("this is no model")
    with pytest.raises(IntegrityError):
        luban.load(tmp_path / "text.safetensors")


def test_models_of_a_folder_are_listed_the_damaged_too(model: fitting.Model, tmp_path: Path) -> None:
    saved = model.save(tmp_path)
    (tmp_path / "cut.safetensors").write_bytes(saved.read_bytes()[:100])
    table = registry.models(tmp_path)
    good, bad = table[table["status"] == "ok"], table[table["status"] != "ok"]
    assert list(good["path"]) == [str(saved)]
    assert good["skill"].item().startswith("roughness R²")
    assert list(bad["path"]) == [str(tmp_path / "cut.safetensors")]


def test_an_empty_folder_and_none(tmp_path: Path) -> None:
    assert registry.models(tmp_path).empty
    with pytest.raises(IoError, match="folder"):
        registry.models(tmp_path / "none")
