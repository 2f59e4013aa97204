"""A model as a file: the same model comes back, damage is told."""

import json
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import _core
from luban._fitting import artefact as stored
from luban.errors import IntegrityError, IoError, VersionError
from luban.fitting import Model


@pytest.fixture(scope="module")
def saved(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model.save(tmp_path_factory.mktemp("models"))


def test_the_same_model_comes_back(model: Model, saved: Path, fresh: pd.DataFrame) -> None:
    read = Model.load(saved)
    points = fresh.drop(columns=["position", "roughness", "height", "run_id", "repeat"])
    for of in ("latent", "run_mean", "reading"):
        pd.testing.assert_frame_equal(read.posterior(points).sd(of), model.posterior(points).sd(of))
    pd.testing.assert_frame_equal(read.posterior(points).mean, model.posterior(points).mean)
    pd.testing.assert_frame_equal(read.posterior(points).interval(0.8), model.posterior(points).interval(0.8))
    pd.testing.assert_frame_equal(read.posterior(points).novelty, model.posterior(points).novelty)
    pd.testing.assert_frame_equal(read.skill(), model.skill())
    pd.testing.assert_frame_equal(read.cross_validation.frame("height"), model.cross_validation.frame("height"))
    assert read.process == model.process
    assert str(read.card) == str(model.card)
    assert repr(read) == repr(model)


def test_the_name_is_made_of_the_content(model: Model, saved: Path) -> None:
    assert saved.name.startswith("turning-")
    assert saved.suffix == ".safetensors"
    assert model.save(saved.parent) == saved
    assert Model.load(saved).save(saved.parent) == saved
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_the_file_is_plain_safetensors(model: Model, saved: Path) -> None:
    content = saved.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = json.loads(header.pop("__metadata__")["luban"])
    assert {"process", "gaussian_process", "dataset", "envelope", "card", "content_digest"} <= set(metadata)
    begin, end = header["dataset/Y"]["data_offsets"]
    Y = np.frombuffer(content[8 + length + begin : 8 + length + end]).reshape(header["dataset/Y"]["shape"])
    np.testing.assert_array_equal(Y, model.dataset.Y)


def test_a_path_is_taken_as_it_is(model: Model, tmp_path: Path) -> None:
    assert model.save(tmp_path / "deep" / "my.model") == tmp_path / "deep" / "my.model"
    (tmp_path / "file").write_text("")
    with pytest.raises(IoError):
        model.save(tmp_path / "file" / "my.model")


def test_a_changed_byte_anywhere_is_found(saved: Path, tmp_path: Path) -> None:
    content = bytearray(saved.read_bytes())
    path = tmp_path / "changed.safetensors"
    for at in (len(content) - 9, len(content) // 2, content.index(b"roughness") + 1):
        changed = content.copy()
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(IntegrityError):
            Model.load(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_cut_file_is_found(saved: Path, tmp_path: Path, share: float) -> None:
    content = saved.read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(IntegrityError):
        Model.load(path)


def test_a_newer_format_is_told(saved: Path, tmp_path: Path) -> None:
    artefact = _core.Artefact.load(saved)
    artefact.metadata = json.dumps(json.loads(artefact.metadata) | {"format": 99})
    path = tmp_path / "newer.safetensors"
    artefact.save(path)
    with pytest.raises(VersionError, match="99"):
        Model.load(path)


def test_another_safetensors_file_is_no_model(tmp_path: Path) -> None:
    artefact = _core.Artefact()
    artefact.metadata = "{}"
    path = tmp_path / "other.safetensors"
    artefact.save(path)
    with pytest.raises(IntegrityError, match="model of luban"):
        Model.load(path)


@pytest.mark.parametrize(
    ("part", "value"), [("dataset", 3), ("dataset", {"run_ids": 3}), ("card", 3), ("contenders", 3), ("process", [])]
)
def test_parts_of_another_type_are_damage(saved: Path, tmp_path: Path, part: str, value: object) -> None:
    artefact = _core.Artefact.load(saved)
    metadata = json.loads(artefact.metadata)
    metadata[part] = metadata[part] | value if isinstance(value, dict) else value
    metadata["content_digest"] = stored.content_digest(artefact.tensors, metadata)
    artefact.metadata = json.dumps(metadata)
    path = tmp_path / "other.safetensors"
    artefact.save(path)
    with pytest.raises(IntegrityError):
        Model.load(path)


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(IoError, match="directory"):
        Model.load(tmp_path)
