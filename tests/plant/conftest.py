"""Fixtures: the turning process, and one lathe server in another process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luban.history import History
from luban.process import Process

from .servers import LatheServer

REASON = "the optional package asyncua is not installed (pip install 'luban[opcua]')"


@pytest.fixture(scope="session")
def process(repository: Path) -> Process:
    return Process.from_yaml(repository / "configs/process/turning.yaml")


@pytest.fixture(scope="session")
def turning() -> History:
    from luban import datasets

    return datasets.turning()


@pytest.fixture
def with_unit(process: Process) -> Callable[[str, str], Process]:
    """The process with another unit for one of its parameters or responses."""

    def change(name: str, unit: str) -> Process:
        content = process.to_dict()
        content.pop("derived", None)
        content["objectives"] = [{"response": "roughness", "goal": "minimize"}]
        for section in ("parameters", "responses"):
            if name in content[section]:
                content[section][name]["unit"] = unit
        return Process.from_dict(content)

    return change


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LatheServer]:
    pytest.importorskip("asyncua", reason=REASON)
    server = LatheServer(tmp_path_factory.mktemp("server"))
    yield server
    server.close()


@pytest.fixture
def server(shared_server: LatheServer) -> LatheServer:
    """The shared server without faults, its setpoints where they were at first."""
    shared_server.tell("clear")
    for name, value in {"cutting_speed": 280.0, "feed": 0.1, "depth_of_cut": 0.95}.items():
        shared_server.tell("set", name=name, value=value)
    return shared_server


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., LatheServer]]:
    """Servers of one's own, closed at the end."""
    pytest.importorskip("asyncua", reason=REASON)
    made: list[LatheServer] = []

    def make(**options: Any) -> LatheServer:
        made.append(LatheServer(tmp_path / f"server{len(made)}", **options))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def connected(process: Process, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Plants behind OPC UA, connected, and closed at the end."""
    made: list[Any] = []

    def connect(binding: Path, **options: Any) -> Any:
        from luban.plant import OpcuaPlant

        plant = OpcuaPlant(options.pop("process", process), binding, leases=tmp_path / "leases", **options)
        made.append(plant)
        plant.connect()
        return plant

    yield connect
    for plant in made:
        plant.close()
