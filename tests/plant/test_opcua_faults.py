"""Servers that die, hang, come back, refuse, or are somebody else. What the plant did is asked at the server."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from luban.errors import Error, IoError
from luban.plant import OpcuaPlant, WriteOutcome, WriteReason
from luban.plant.opcua import writer as writer_module
from luban.process import Process

from .servers import LatheServer, Setpoint, free_port

asyncua = pytest.importorskip("asyncua", reason="the optional package asyncua is not installed")

QUICK = {"connect_s": 2.0, "request_s": 0.5, "confirm_s": 0.2, "retry_s": 0.3}


def soon(seconds: float = 2.0) -> int:
    return time.monotonic_ns() + round(seconds * 1e9)


def until_read(plant: OpcuaPlant, seconds: float = 5.0) -> Any:
    """Read until the line is back."""
    end = time.monotonic() + seconds
    while True:
        try:
            return plant.read()
        except IoError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def stop(server: LatheServer) -> None:
    """Stop the server and wait until it stands: a signal is not there at once."""
    server.signal(signal.SIGSTOP)
    assert server.process is not None
    stat = Path(f"/proc/{server.process.pid}/stat")
    while stat.read_text(encoding="ascii").rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)


@pytest.fixture
def stopped_in_flight(monkeypatch: pytest.MonkeyPatch) -> Callable[[LatheServer], None]:
    """Let a server stop right before a write goes out, after it has answered everything before."""

    def arrange(server: LatheServer) -> None:
        send = writer_module.write_nodes
        armed = [True]

        async def hooked(client: Any, items: Any) -> list[int]:
            if armed and armed.pop():
                stop(server)
            return await send(client, items)

        monkeypatch.setattr(writer_module, "write_nodes", hooked)

    return arrange


@pytest.mark.parametrize("fault", ["reject", "clamp", "ignore", "asynchronous"])
def test_what_is_not_done_is_no_success(server: LatheServer, connected: Callable[..., OpcuaPlant], fault: str) -> None:
    plant = connected(server.binding_with(timeouts=QUICK))
    server.tell("fault", fault=fault, name="feed")
    result = plant.write(Setpoint([("feed", 0.08, "mm/rev"), ("cutting_speed", 300.0, "m/min")], soon()))
    assert result.outcome is WriteOutcome.partial
    assert result.variables["cutting_speed"].reason is WriteReason.applied
    assert result.variables["feed"].reason == {
        "reject": "rejected", "clamp": "clamped", "ignore": "ignored", "asynchronous": "incomplete",
    }[fault]  # fmt: skip
    assert server.tell("setpoints")["feed"] == {"clamp": pytest.approx(0.09)}.get(fault, 0.1)


@pytest.mark.slow
def test_killed_and_back(make_server: Callable[..., LatheServer], connected: Callable[..., OpcuaPlant]) -> None:
    server = make_server()
    plant = connected(server.binding_with(timeouts=QUICK))
    assert plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon())).ok
    server.kill()
    began = time.monotonic()
    with pytest.raises(IoError):
        plant.read()
    result = plant.write(Setpoint([("feed", 0.08, "mm/rev")], soon(60.0)))
    assert time.monotonic() - began < 1.0
    assert result.outcome is WriteOutcome.refused
    assert result.variables["feed"].reason is WriteReason.disconnected
    server.start()
    state = until_read(plant)
    assert state.connection == 2
    assert state.outputs["feed"].value == 0.1
    time.sleep(0.3)
    assert server.tell("log") == []  # the write that was refused is not made up for
    assert plant.write(Setpoint([("feed", 0.08, "mm/rev")], soon())).ok


@pytest.mark.slow
def test_a_server_that_hangs_in_a_read(
    make_server: Callable[..., LatheServer], connected: Callable[..., OpcuaPlant]
) -> None:
    server = make_server()
    plant = connected(server.binding_with(timeouts=QUICK))
    stop(server)
    began = time.monotonic()
    with pytest.raises(IoError, match="none in time"):
        plant.read()
    assert 0.4 < time.monotonic() - began < 1.0
    result = plant.write(Setpoint([("feed", 0.08, "mm/rev")], soon(60.0)))
    assert result.outcome is WriteOutcome.refused
    server.signal(signal.SIGCONT)
    assert until_read(plant).connection == 2
    assert server.tell("log") == []


@pytest.mark.slow
def test_a_write_in_flight_is_never_late_at_a_gated_plant(
    make_server: Callable[..., LatheServer],
    connected: Callable[..., OpcuaPlant],
    stopped_in_flight: Callable[[LatheServer], None],
) -> None:
    """The server stands for 5 s with the write in its own buffer: with `command` nodes it refuses it afterwards."""
    server = make_server()
    plant = connected(server.binding_with(timeouts=QUICK))
    stopped_in_flight(server)
    deadline = soon(1.0)
    result = plant.write(Setpoint([("feed", 0.08, "mm/rev")], deadline))
    assert result.outcome is WriteOutcome.unknown
    assert result.variables["feed"].reason is WriteReason.unconfirmed
    assert time.monotonic_ns() <= deadline
    time.sleep(5.0)
    server.signal(signal.SIGCONT)
    assert until_read(plant).outputs["feed"].value == 0.1
    time.sleep(0.5)
    assert server.tell("log") == []


@pytest.mark.slow
def test_without_a_gate_a_late_write_is_at_least_noticed(
    make_server: Callable[..., LatheServer],
    connected: Callable[..., OpcuaPlant],
    stopped_in_flight: Callable[[LatheServer], None],
) -> None:
    """No client can take back what lies in the server's own buffer; the next write sees that something has moved."""
    server = make_server()
    plant = connected(server.binding_with(timeouts=QUICK, command=None))
    stopped_in_flight(server)
    result = plant.write(Setpoint([("feed", 0.08, "mm/rev")], soon(0.4)))
    assert result.outcome is WriteOutcome.unknown
    time.sleep(1.0)
    server.signal(signal.SIGCONT)
    state = until_read(plant)
    time.sleep(0.3)
    late = [entry for entry in server.tell("log") if entry[1] == "feed"]
    follow = plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon(), expected_previous={"feed": 0.1}))
    assert state.connection == 2
    assert (follow.variables["feed"].reason is WriteReason.moved) == bool(late)


class Relay:
    """A line that can go dark: it takes everything and passes nothing on, then heals."""

    def __init__(self, port: int) -> None:
        self.dark = False
        self.passed = 0
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b, a is near), daemon=True).start()

    def _pump(self, a: socket.socket, b: socket.socket, upward: bool) -> None:
        with contextlib.suppress(OSError):
            while True:
                while self.dark:  # as a cable that is out: nothing is taken from the sender's buffers
                    time.sleep(0.005)
                    if _is_reset(a):
                        b.close()
                        return
                a.settimeout(0.05)
                try:
                    data = a.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    break
                if self.dark:
                    continue
                b.sendall(data)
                self.passed += len(data) if upward else 0
        b.close()

    def close(self) -> None:
        self._listener.close()
        for item in self._sockets:
            item.close()


def _is_reset(a: socket.socket) -> bool:
    return a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 or a.fileno() < 0


@pytest.fixture
def relay(server: LatheServer) -> Iterator[Relay]:
    made = Relay(int(server.endpoint.rpartition(":")[2].partition("/")[0]))
    yield made
    made.dark = False
    made.close()


@pytest.mark.slow
def test_a_dark_line_delivers_nothing_later(
    server: LatheServer, relay: Relay, connected: Callable[..., OpcuaPlant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even without a gate: what did not leave before the deadline is dropped with its socket."""
    endpoint = f"opc.tcp://127.0.0.1:{relay.port}/luban"
    plant = connected(server.binding_with(timeouts=QUICK, endpoint=endpoint, command=None))
    before = len(server.tell("log"))
    send = writer_module.write_nodes

    async def darkened(client: Any, items: Any) -> list[int]:
        relay.dark = True
        return await send(client, items)

    monkeypatch.setattr(writer_module, "write_nodes", darkened)
    result = plant.write(Setpoint([("feed", 0.08, "mm/rev")], soon(0.4)))
    monkeypatch.setattr(writer_module, "write_nodes", send)
    assert result.outcome is WriteOutcome.unknown
    time.sleep(2.0)
    relay.dark = False
    assert until_read(plant).outputs["feed"].value == 0.1
    time.sleep(0.5)
    assert len(server.tell("log")) == before


@pytest.mark.slow
def test_a_loop_that_is_killed_takes_its_write_with_it(process: Process, server: LatheServer, relay: Relay) -> None:
    """The kernel must not deliver for a dead process: SO_LINGER 0 resets the connection instead."""
    endpoint = f"opc.tcp://127.0.0.1:{relay.port}/luban"
    binding = server.binding_with(timeouts={**QUICK, "request_s": 30.0}, endpoint=endpoint, command=None, lease=None)
    before = len(server.tell("log"))
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom luban.plant import OpcuaPlant\n"
        "from luban.process import Process\nfrom luban.plant.opcua import writer as module\n"
        "from tests.plant.servers import Setpoint\n"
        "plant = OpcuaPlant(Process.from_yaml(sys.argv[1]), sys.argv[2], leases=Path(sys.argv[3]))\n"
        "plant.connect()\nsend = module.write_nodes\n"
        "async def slow(client, items):\n"
        "    print('now', flush=True); sys.stdin.readline()\n"
        "    return await send(client, items)\n"
        "module.write_nodes = slow\n"
        "plant.write(Setpoint([('feed', 0.08, 'mm/rev')], time.monotonic_ns() + 20 * 10**9))\n"
    )
    repository = Path(__file__).resolve().parents[2]
    arguments = [str(repository / "configs/process/turning.yaml"), str(binding), str(server.folder / "leases")]
    environment = {**os.environ, "PYTHONPATH": f"{repository}:{os.environ.get('PYTHONPATH', '')}"}
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment,
    ) as loop:  # fmt: skip
        assert loop.stdin is not None
        assert loop.stdout is not None
        assert loop.stdout.readline() == "now\n"
        relay.dark = True
        time.sleep(0.1)
        loop.stdin.write("go\n")
        loop.stdin.flush()
        time.sleep(0.5)
        loop.kill()
    time.sleep(0.5)
    relay.dark = False
    time.sleep(1.0)
    assert len(server.tell("log")) == before


def test_nobody_there(process: Process, server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    nowhere = f"opc.tcp://127.0.0.1:{free_port()}/luban"
    with pytest.raises(IoError, match="connection refused"):
        connected(server.binding_with(endpoint=nowhere, timeouts=QUICK))


def test_somebody_who_says_nothing(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"opc.tcp://127.0.0.1:{silent.getsockname()[1]}/luban"
        began = time.monotonic()
        with pytest.raises(IoError, match="none in time"):
            connected(server.binding_with(endpoint=endpoint, timeouts=QUICK))
        assert time.monotonic() - began < 3.0


@pytest.mark.parametrize(
    "words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b"ACKF\xff\xff\xff\xff" + b"x" * 40]
)
def test_somebody_who_talks_nonsense(server: LatheServer, connected: Callable[..., OpcuaPlant], words: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(words)
                    peer.recv(4096)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        endpoint = f"opc.tcp://127.0.0.1:{listener.getsockname()[1]}/luban"
        with pytest.raises(Error):
            connected(server.binding_with(endpoint=endpoint, timeouts=QUICK))
    thread.join(timeout=3.0)


def test_a_line_that_is_cut_for_a_moment(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    plant = connected(server.binding_with(timeouts=QUICK))
    server.tell("disconnect", on=True)
    time.sleep(0.3)
    with pytest.raises(IoError):
        plant.read()
    server.tell("disconnect", on=False)
    began = time.monotonic()
    state = until_read(plant)
    assert state.connection >= 2
    assert time.monotonic() - began < 2.0  # link back → fresh data
    assert plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon())).ok


def test_closing_while_the_line_is_down(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    plant = connected(server.binding_with(timeouts=QUICK, lease=None))
    server.tell("disconnect", on=True)
    time.sleep(0.2)
    began = time.monotonic()
    plant.close()
    plant.close()
    assert time.monotonic() - began < 3.0
    server.tell("disconnect", on=False)
    again = connected(server.binding_with(timeouts=QUICK, lease=None))
    assert again.read().connection == 1
