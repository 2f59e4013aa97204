"""A server that is not asyncua: node-opcua, strict about certificates, with picoseconds in its time stamps.

Needs Node and the npm package node-opcua in the folder that LUBAN_NODE_MODULES names (…/node_modules).
"""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from luban.errors import IoError, UnitError
from luban.plant import OpcuaPlant
from luban.process import Parameter, Process, Response

from .servers import Setpoint, free_port

asyncua = pytest.importorskip("asyncua", reason="the optional package asyncua is not installed")
MODULES = os.environ.get("LUBAN_NODE_MODULES", "")
NODE = shutil.which("node")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None, reason="Node is not installed"),
    pytest.mark.skipif(not Path(MODULES, "node-opcua").is_dir(), reason="LUBAN_NODE_MODULES has no node-opcua"),
]


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    from luban.plant.opcua.certificates import make_certificate

    folder = tmp_path_factory.mktemp("node")
    make_certificate(folder, "client", "urn:luban:client", "127.0.0.1")
    make_certificate(folder, "stranger", "urn:luban:client", "127.0.0.1")
    der, _ = make_certificate(folder, "own", "urn:node:server", "127.0.0.1")
    pem = x509.load_der_x509_certificate(der.read_bytes()).public_bytes(serialization.Encoding.PEM)
    (folder / "node-server.pem").write_bytes(pem)
    (folder / "password").write_text("geheim", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def node_server(node_folder: Path) -> Iterator[dict[str, Any]]:
    options = {
        "folder": str(node_folder), "port": free_port(), "password": "geheim", "key": str(node_folder / "own.pem"),
        "trust": str(node_folder / "client.der"),
    }  # fmt: skip
    program = str(Path(__file__).with_name("node_server.js"))
    environment = {**os.environ, "NODE_PATH": MODULES, "HOME": str(node_folder)}
    with subprocess.Popen(
        [str(NODE), program, json.dumps(options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        line = next((line for line in process.stdout if line.startswith("{")), None)
        if line is None:
            pytest.fail(process.stderr.read())
        said = json.loads(line)
        (node_folder / "server.der").write_bytes(base64.b64decode(said["certificate"]))
        yield {"endpoint": f"opc.tcp://127.0.0.1:{options['port']}", "uri": said["uri"]}
        process.kill()


def plant_of(folder: Path, server: dict[str, Any], temperature: str = "degC", **security: str) -> OpcuaPlant:
    content = {
        "luban": 1,
        "endpoint": server["endpoint"],
        "namespace": server["uri"],
        "security": {
            "certificate": "./client.der", "private_key": "./client.pem", "server_certificate": "./server.der",
            **security,
        },
        "user": {"name": "luban", "password_file": "./password"},
        "outputs": {"speed": {"path": ["Lathe", "Speed"], "unit": "m/min"}},
        "inputs": {"temperature": {"path": ["Lathe", "Temperature"], "unit": temperature}},
        "heartbeat": {"plant": ["Lathe", "Heartbeat"]},
    }  # fmt: skip
    path = folder / "binding.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    process = Process(
        "node",
        parameters=[Parameter("speed", unit="m/min", low=100.0, high=400.0)],
        responses=[Response("roughness", unit="um", late=True)],
    )
    return OpcuaPlant(process, path, leases=folder / "leases")


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes256Sha256RsaPss"])
def test_reads_and_writes(node_folder: Path, node_server: dict[str, Any], policy: str) -> None:
    plant = plant_of(node_folder, node_server, policy=policy)
    plant.connect()
    states = [plant.read() for _ in range(20)]
    for state in states:
        for value in (*state.outputs.values(), *state.inputs.values()):
            assert abs(value.server_time - state.receipt_time) < 5 * 10**9  # not the year 9999
    assert (states[0].inputs["temperature"].unit, states[0].inputs["temperature"].value) == ("degC", 20.0)
    result = plant.write(Setpoint([("speed", 300.0, "m/min")], time.monotonic_ns() + 2 * 10**9))
    assert result.ok, result
    assert plant.read_back()["speed"].value == 300.0
    assert plant.write(Setpoint([("speed", 280.0, "m/min")], time.monotonic_ns() + 2 * 10**9)).ok
    plant.close()


def test_celsius_is_not_fahrenheit(node_folder: Path, node_server: dict[str, Any]) -> None:
    plant = plant_of(node_folder, node_server, temperature="degF")
    with pytest.raises(UnitError, match="unit 'degF' for 'temperature', received 'degC'"):
        plant.connect()
    plant.close()


def test_an_untrusted_certificate(node_folder: Path, node_server: dict[str, Any]) -> None:
    plant = plant_of(node_folder, node_server, certificate="./stranger.der", private_key="./stranger.pem")
    with pytest.raises(IoError) as caught:
        plant.connect()
    assert "certificate" in f"{caught.value.received} {caught.value.hint}".lower()
    plant.close()
