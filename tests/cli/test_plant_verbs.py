"""plant: browse, bind and simulate, against the server that simulate starts."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import Cli, call

REASON = "the optional package asyncua is not installed (pip install 'luban[opcua]')"
VERBS = ("browse", "bind", "simulate")
PROGRAM = [sys.executable, "-c", "from luban.cli import main; main()"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [*PROGRAM, "plant", "simulate", *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(server: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str]:
    server.send_signal(number)
    _, err = server.communicate(timeout=20)
    return server.returncode, err


@pytest.fixture(scope="module")
def turning(repository: Path) -> Path:
    return repository / "configs/process/turning.yaml"


@pytest.fixture(scope="module")
def site(turning: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a simulated lathe that is served as long as the tests run."""
    pytest.importorskip("asyncua", reason=REASON)
    folder = tmp_path_factory.mktemp("plant") / "var/lathe"
    server = start(turning, "--folder", folder, "--port", str(free_port()), "--shaft-s", "0.5")
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line.startswith("ready: opc.tcp://127.0.0.1:"), (line, server.communicate())
    yield folder
    code, err = end(server)
    assert (code, "Traceback" in err) == (0, False), err
    assert "Stopped after" in err


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches_by_an_example(luban: Cli, verb: str) -> None:
    outcome = luban("plant", verb, "--help")
    assert outcome.code == 0
    assert f"Example: luban plant {verb}" in outcome.out
    assert "--json" in outcome.out


def test_browse_by_the_binding_file(luban: Cli, site: Path) -> None:
    shown = luban("plant", "browse", site / "binding.yaml")
    assert shown.code == 0, shown.err
    assert "CuttingSpeed  280  m/min  (50 to 500)  Double  writable" in shown.out
    assert "36 in all" in shown.out or "[" in shown.out
    below = luban("plant", "browse", site / "binding.yaml", "--path", "Lathe", "--path", "Run", "--json").object
    assert {node["path"][1]["name"] for node in below["nodes"]} == {"Run"}
    by_text = {node["text"]: node for node in below["nodes"]}
    assert (by_text["Lathe/Run/Roughness"]["unit"], by_text["Lathe/Run/RunCount"]["low"]) == ("um", None)
    missed = luban("plant", "browse", site / "binding.yaml", "--path", "Lath")
    assert (missed.code, 'did you mean "Lathe"?' in missed.err) == (2, True)


def test_browse_by_options(luban: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = luban("plant", "browse", site / "binding.yaml", "--json").object["endpoint"]
    encrypted = [
        "--certificate", site / "client.der", "--private-key", site / "client.pem", "--server-certificate",
        site / "server.der", "--policy", "Aes256Sha256RsaPss", "--user", "luban",
    ]  # fmt: skip
    assert luban("plant", "browse", endpoint, *encrypted, "--password-file", site / "password").code == 0
    monkeypatch.setenv("LATHE_PASSWORD", (site / "password").read_text())
    assert luban("plant", "browse", endpoint, *encrypted, "--password-variable", "LATHE_PASSWORD").code == 0
    monkeypatch.setenv("LATHE_PASSWORD", "wrong")
    refused = luban("plant", "browse", endpoint, *encrypted, "--password-variable", "LATHE_PASSWORD")
    assert (refused.code, "password" in refused.err) == (1, True)
    assert "wrong" not in refused.err.replace("is wrong", "")
    bare = luban("plant", "browse", endpoint)
    assert (bare.code, "--unencrypted-accepted-by" in bare.err) == (2, True)
    assert luban("plant", "browse", endpoint, "--unencrypted-accepted-by", "A. Person").code == 1
    half = luban("plant", "browse", endpoint, "--certificate", site / "client.der")
    assert (half.code, "private_key" in half.err) == (2, True)
    both = luban("plant", "browse", site / "binding.yaml", "--user", "luban")
    assert (both.code, "--user" in both.err) == (2, True)
    assert luban("plant", "browse", "http://127.0.0.1/").code == 2
    assert luban("plant", "browse", "nothing.yaml").code == 1


def test_a_bound_plant_connects(luban: Cli, site: Path, turning: Path, tmp_path: Path) -> None:
    from luban import Process
    from luban.plant import OpcuaPlant

    out = tmp_path / "made/binding.yaml"
    out.parent.mkdir()
    bound = luban("plant", "bind", turning, site / "binding.yaml", "-o", out)
    assert bound.code == 0, bound.err
    assert "3 outputs, 5 inputs, 2 context" in bound.out
    assert (site / "password").read_text() not in out.read_text()
    plant = OpcuaPlant(Process.from_yaml(turning), out, leases=tmp_path / "leases")
    try:
        plant.connect()
        assert plant.read().outputs["feed"].value == 0.1
    finally:
        plant.close()
    again = luban("plant", "bind", turning, site / "binding.yaml", "-o", out)
    assert (again.code, "--force" in again.err) == (2, True)
    assert luban("plant", "bind", turning, out, "-o", out, "--force").code == 0  # its own connection


def test_what_is_doubtful_is_marked(luban: Cli, site: Path, turning: Path, tmp_path: Path) -> None:
    text = turning.read_text(encoding="utf-8").replace(
        "  feed: ", "  coolant_flow: {unit: L/min, low: 1, high: 2}\n  feed: ", 1
    )
    other = tmp_path / "other.yaml"
    other.write_text(text, encoding="utf-8")
    found = luban("plant", "bind", other, site / "binding.yaml", "--json").object
    assert found["unmatched"] == ["coolant_flow"]
    assert [(doubt["section"], doubt["name"]) for doubt in found["doubts"]] == [("outputs", "coolant_flow")]
    assert "  # ? coolant_flow: no node is called so" in Path("binding.yaml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_simulate_goes_on_in_its_folder(site: Path, turning: Path, tmp_path: Path) -> None:
    """The second start keeps certificates and password, another port changes the binding; TERM ends it as well."""
    folder = tmp_path / "lathe"
    shutil.copytree(site, folder)
    port = free_port()
    server = start(turning, "--folder", folder, "--port", str(port), "--json", "--drift", "hardness:0.2:20")
    assert server.stdout is not None
    said = json.loads(server.stdout.readline())
    assert (said["ready"], said["endpoint"]) == (True, f"opc.tcp://127.0.0.1:{port}/luban")
    assert (folder / "password").read_bytes() == (site / "password").read_bytes()
    assert call("plant", "browse", said["binding"]).code == 0
    busy = start(turning, "--folder", folder, "--port", str(port))
    _, err = busy.communicate(timeout=30)
    assert (busy.returncode, "a port that is free" in err) == (1, True)
    assert end(server, signal.SIGTERM)[0] == 0
    nobody = call("plant", "browse", said["binding"])
    assert (nobody.code, "connection refused" in nobody.err) == (1, True)


@pytest.mark.parametrize(
    "text", ["hardness", "hardness:0.2", "softness:0.2:20", "hardness:x:20", "hardness:0.2:-1", "hardness:0.2:1:0",
             "imbalance:1:2:3:4", "hardness:0.2:1.5", ""],
)  # fmt: skip
def test_drifts_that_are_none(luban: Cli, turning: Path, text: str) -> None:
    outcome = luban("plant", "simulate", turning, "--drift", text)
    assert (outcome.code, "QUANTITY:SIZE:START" in outcome.err) == (2, True)


def test_a_process_that_is_not_the_lathes(luban: Cli, process: Path) -> None:
    outcome = luban("plant", "simulate", process)
    assert (outcome.code, "wheel_speed" in outcome.err) == (2, True)
    assert not Path("var").exists()


@pytest.mark.parametrize("verb", VERBS)
def test_without_asyncua_the_remedy_is_told(
    luban: Cli, turning: Path, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncua", None)
    endpoint = ["opc.tcp://127.0.0.1:1/x"]
    arguments = {"browse": endpoint, "bind": [turning, *endpoint], "simulate": [turning]}[verb]
    outcome = luban("plant", verb, *arguments)
    assert outcome.code == 1
    assert "pip install 'luban[opcua]'" in outcome.err
