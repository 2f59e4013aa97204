"""The binding file, and the plant section of a loop file."""

import json
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml

from luban import _document
from luban.errors import ConfigurationError, IoError
from luban.history import History
from luban.plant import SimulatedClock, binding, open_plant, read_binding
from luban.plant.configuration import OpcuaEntry, PlantEntry, ReplayEntry, SimulatedEntry
from luban.plant.lathe import LatheNoise
from luban.process import Process

CONTENT: dict[str, Any] = {
    "luban": 1,
    "endpoint": "opc.tcp://lathe-1:4840/server",
    "namespace": "urn:lathe",
    "security": {"certificate": "./client.der", "private_key": "./client.pem", "server_certificate": "/etc/server.der"},
    "user": {"name": "loop", "password_file": "./password"},
    "outputs": {"feed": {"path": ["Lathe", {"namespace": "urn:other", "name": "TIC-101.PV"}], "unit": "mm/rev"}},
    "heartbeat": {"plant": ["Lathe", "Heartbeat"]},
}


def write(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "binding.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_is_read_with_paths_beside_it(tmp_path: Path) -> None:
    read = read_binding(write(tmp_path, CONTENT))
    assert isinstance(read.security, binding.SecurityEntry)
    assert read.security.policy == "Basic256Sha256"
    assert read.security.certificate == str(tmp_path / "client.der")
    assert read.security.server_certificate == "/etc/server.der"
    assert read.user is not None
    assert read.user.password_file == str(tmp_path / "password")
    assert read.outputs["feed"].path[0] == "Lathe"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"security": "none"}, "unencrypted_accepted_by"),
        ({"unencrypted_accepted_by": "A. Person"}, "only with it"),
        ({"security": {**CONTENT["security"], "policy": "Basic128Rsa15"}}, "Basic256Sha256"),
        ({"user": {"name": "loop"}}, "password_file"),
        ({"user": {"name": "loop", "password_file": "a", "certificate": "b", "private_key": "c"}}, "password_file"),
        ({"endpoint": "opc.tcp://loop:secret@lathe-1:4840"}, "pattern"),
        ({"endpoint": "http://lathe-1"}, "pattern"),
        ({"inputs": {"feed": {"path": ["Lathe", "Feed"]}}}, "'feed' twice"),
        ({"command": {"id": ["A"], "valid_until": ["B"]}}, "period_s"),
        ({"outputs": {"feed": {"path": []}}}, "at least 1 item"),
        ({"outputs": {"feed": {"path": ["A"], "unit": "mm/reef"}}}, "unit of measure"),
        ({"outputs": {"feed": {"path": ["A"], "unit_assumed": True}}}, "unit_assumed"),
        ({"outputs": {"feed": {"path": ["A"], "unti": "mm/rev"}}}, "unit"),
        ({"timeouts": {"request_s": 0}}, "greater than 0"),
        ({"luban": 2}, "version 1"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_binding(write(tmp_path, {**CONTENT, **changes}))
    assert "binding.yaml" in caught.value.place


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(IoError):
        read_binding(tmp_path / "none.yaml")


def test_the_schema_is_the_one_that_the_code_generates(repository: Path) -> None:
    """Made anew by: python -m luban.plant.binding > configs/schema/binding.schema.json."""
    kept = json.loads((repository / "configs/schema/binding.schema.json").read_text(encoding="utf-8"))
    assert kept == binding.json_schema()


def test_every_key_is_explained(repository: Path) -> None:
    page = (repository / "docs/plants.md").read_text(encoding="utf-8")
    fields = [key for kind in vars(binding).values() if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)
              for key in kind.model_fields]  # fmt: skip
    fields += [key for kind in (SimulatedEntry, ReplayEntry, OpcuaEntry) for key in kind.model_fields]
    assert len(fields) > 40
    assert not [key for key in fields if f"`{key}`" not in page]


class Section(pydantic.BaseModel):
    plant: PlantEntry


def section(**plant: Any) -> Any:
    return _document.validated(Section, _document.Document({"plant": plant}, "loop.yaml"), "test").plant


def test_a_simulated_plant_of_a_loop_file(process: Process) -> None:
    entry = section(kind="simulated", name="lathe", seed=3, shaft_s=30, drifts=[{"quantity": "hardness", "size": 0.3}])
    clock = SimulatedClock()
    plant: Any = open_plant(process, entry, clock=clock)
    assert plant.clock is clock
    assert plant.machine.lathe.seed == 3
    assert plant.machine.lathe.drifts[0].size == 0.3
    plant.connect()
    clock.advance(61.0)
    assert len(plant.read().finished) == 2


def test_defaults_stand_once() -> None:
    entry, noise = section(kind="simulated"), LatheNoise()
    for name in ("between_shafts", "within_shaft", "gross_error_rate"):
        assert getattr(entry, name) == getattr(noise, name)


def test_a_replayed_plant_of_a_loop_file(process: Process, turning: History, tmp_path: Path) -> None:
    turning.save(tmp_path / "turning.h5")
    plant = open_plant(
        process, section(kind="replay", history="./turning.h5", resample=True), beside=tmp_path / "loop.yaml"
    )
    plant.connect()
    plant.read()
    assert len(plant.read().finished) == 1


def test_a_real_plant_wants_a_real_clock(process: Process) -> None:
    with pytest.raises(ConfigurationError, match="a real clock"):
        open_plant(process, section(kind="opcua", binding="./b.yaml"), clock=SimulatedClock())


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        ({"kind": "simulated", "name": "mill"}, "lathe"),
        ({"kind": "simulated", "sede": 1}, "seed"),
        ({"kind": "opc"}, "simulated"),
        ({"kind": "replay"}, "history"),
    ],
)
def test_a_section_that_is_wrong(plant: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        section(**plant)
