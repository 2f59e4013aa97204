"""Looking at a server and making a first binding of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luban.errors import ConfigurationError, IoError
from luban.plant import OpcuaPlant, SecurityEntry, UserEntry, bind, browse, read_binding
from luban.plant.opcua.unece import code_of_id, id_of_code, id_of_unit, unit_of
from luban.process import Process

from .servers import LatheServer, free_port

asyncua = pytest.importorskip("asyncua", reason="the optional package asyncua is not installed")


def access(server: LatheServer) -> dict[str, Any]:
    read = read_binding(server.binding)
    return {"security": read.security, "user": read.user}


def test_shows_every_variable_with_unit_and_range(server: LatheServer) -> None:
    nodes = {node.text: node for node in browse(server.endpoint, **access(server))}
    speed = nodes["Lathe/CuttingSpeed"]
    assert (speed.unit, speed.low, speed.high, speed.writable, speed.data_type) == (
        "m/min",
        50.0,
        500.0,
        True,
        "Double",
    )
    assert speed.value == 280.0
    assert (nodes["Lathe/Feed"].unit, nodes["Lathe/Roughness"].writable) == ("mm/rev", False)
    assert nodes["Lathe/Diameter"].data_type == "String"
    assert "Lathe/Run/Roughness" in nodes
    assert not [text for text in nodes if "EURange" in text or text.startswith("Server")]


def test_a_first_binding_connects(
    server: LatheServer, process: Process, connected: Callable[..., OpcuaPlant], tmp_path: Path
) -> None:
    draft = bind(process, server.endpoint, **access(server))
    assert draft.unmatched == ()
    path = tmp_path / "draft.yaml"
    path.write_text(draft.to_yaml(), encoding="utf-8")
    assert read_binding(path) == draft.binding
    plant = connected(path)
    assert set(plant.variables) >= {"cutting_speed", "feed", "depth_of_cut", "diameter", "tool_wear", "roughness"}
    assert plant.read().heartbeat is not None
    written = read_binding(server.binding)
    assert draft.binding.run is not None
    assert written.run is not None
    assert set(draft.binding.run.readings) == set(written.run.readings)
    assert draft.binding.command is None  # never guessed


def test_what_is_not_there_is_named(server: LatheServer, process: Process) -> None:
    content = process.to_dict()
    content["parameters"]["coolant_flow"] = {"unit": "L/min", "low": 1, "high": 2}
    content["parameters"]["feed"]["unit"] = "um/rev"  # the same name in another unit is no match
    content.pop("derived")
    content["objectives"] = []
    draft = bind(Process.from_dict(content), server.endpoint, **access(server))
    assert set(draft.unmatched) == {"coolant_flow", "feed"}
    assert "feed" not in draft.binding.outputs


def test_nobody_there() -> None:
    nowhere = f"opc.tcp://127.0.0.1:{free_port()}/x"
    with pytest.raises(IoError, match="connection refused"):
        browse(nowhere, security="none", unencrypted_accepted_by="A. Person")
    with pytest.raises(ConfigurationError, match="unencrypted_accepted_by"):
        browse(nowhere, security="none")
    missing = SecurityEntry(certificate="/none.der", private_key="/none.pem", server_certificate="/none.der")
    with pytest.raises(IoError, match="no file"):
        browse(nowhere, security=missing, user=UserEntry(certificate="/none.der", private_key="/none.pem"))


@pytest.mark.parametrize(
    ("code", "number", "unit"),
    [("CEL", 4408652, "degC"), ("BAR", 4342098, "bar"), ("C62", 4404786, ""), ("4H", 13384, "um")],
)
def test_unit_codes_as_opc_ua_packs_them(code: str, number: int, unit: str) -> None:
    """The first two are the examples of OPC UA Part 8 and OPC 40540; the id of "one" is in Part 8's table."""
    assert id_of_code(code) == number
    assert code_of_id(number) == code
    assert id_of_unit(unit) == number
    assert unit_of("http://www.opcfoundation.org/UA/units/un/cefact", number, "whatever is displayed") == unit


def test_units_without_a_code() -> None:
    assert id_of_unit("mm/rev") == -1
    assert unit_of("http://www.opcfoundation.org/UA/units/un/cefact", -1, "mm/rev") == "mm/rev"
    assert unit_of("urn:own", 4408652, "°F") == "degF"  # an id of another table means nothing here
    assert unit_of("urn:own", 5, "furlongs per fortnite") is None
    assert code_of_id(0) is None
