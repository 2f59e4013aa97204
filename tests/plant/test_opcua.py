"""A plant behind a real OPC UA server in another process, when all goes well."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luban.errors import ConfigurationError, LifecycleError, UnitError
from luban.plant import OpcuaPlant, Plant, WriteReason
from luban.process import Process
from luban.testing import check_plant

from .servers import LatheServer, Setpoint

asyncua = pytest.importorskip("asyncua", reason="the optional package asyncua is not installed")


def soon(seconds: float = 2.0) -> int:
    return time.monotonic_ns() + round(seconds * 1e9)


def test_conforms(
    process: Process, server: LatheServer, tmp_path: Path, with_unit: Callable[[str, str], Process]
) -> None:
    def make(of: Process = process) -> OpcuaPlant:
        return OpcuaPlant(of, server.binding, leases=tmp_path)

    def inject(_plant: Any, fault: str, name: str) -> None:
        if fault == "clear":
            server.tell("clear")
        else:
            server.tell("fault", fault=fault, name=name)

    check_plant(
        make,
        make_rival=lambda _: make(),
        make_mismatched=lambda: make(with_unit("cutting_speed", "ft/min")),
        inject=inject,
    )


def test_reads_what_the_lathe_has(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    plant = connected(server.binding)
    assert isinstance(plant, Plant)
    assert plant.is_real
    server.tell("set", name="feed", value=0.0812)
    state = plant.read()
    assert {name: value.value for name, value in state.outputs.items()} == server.tell("setpoints")
    assert state.severity == "good"
    assert state.context["diameter"].value in ("D30", "D50")
    assert abs(state.receipt_time - state.outputs["feed"].server_time) < 10**9  # and not in the year 9999
    assert state.receipt_ns - state.request_ns < 10**9


@pytest.mark.slow
def test_runs_come_once(make_server: Callable[..., LatheServer], connected: Callable[..., OpcuaPlant]) -> None:
    server = make_server(shaft_s=0.4)
    plant = connected(server.binding)
    runs: list[Any] = []
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        runs += plant.read().finished
        time.sleep(0.02)
    assert len(runs) in (3, 4)
    counts = [int(run.run_id.removeprefix("run-")) for run in runs]
    assert counts == list(range(counts[0], counts[0] + len(runs)))
    assert all(len(run.rows()) == 36 and run.settings["feed"] == 0.1 for run in runs)
    assert {row["position"] for row in runs[0].rows()} == {"Chuck", "Middle", "Live centre"}
    assert set(runs[0].context) == {"diameter", "tool_wear"}


def test_an_operator_moved_it(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    plant = connected(server.binding)
    server.tell("set", name="feed", value=0.07)
    result = plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon(), expected_previous={"feed": 0.1}))
    assert result.outcome == "refused"
    assert result.variables["feed"].reason is WriteReason.moved
    assert result.variables["feed"].previous == 0.07
    assert server.tell("setpoints")["feed"] == 0.07


def test_the_plants_own_limits_are_asked_first(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    plant = connected(server.binding)
    before = len(server.tell("log"))
    result = plant.write(Setpoint([("feed", 0.4, "mm/rev")], soon()))
    assert result.variables["feed"].reason is WriteReason.out_of_range
    assert len(server.tell("log")) == before


def test_commands_bear_their_name(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    plant = connected(server.binding)
    assert plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon(), command_id="c-77")).ok
    assert server.tell("log")[-1][1:] == ["feed", 0.09, "c-77"]


def test_a_rolled_back_group_is_seen_at_the_plant(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    plant = connected(server.binding)
    before = server.tell("setpoints")
    server.tell("fault", fault="reject", name="depth_of_cut")
    group = [("cutting_speed", 300.0, "m/min"), ("depth_of_cut", 1.0, "mm"), ("feed", 0.09, "mm/rev")]
    result = plant.write(Setpoint(group, soon(), command_id="g"), roll_back=True)
    assert result.outcome == "rolled_back"
    assert {name: item.reason for name, item in result.variables.items()} == {
        "cutting_speed": WriteReason.restored,
        "depth_of_cut": WriteReason.rejected,
        "feed": WriteReason.restored,
    }
    assert server.tell("setpoints") == before
    names = [(entry[1], entry[3]) for entry in server.tell("log")[-4:]]
    assert names == [
        ("cutting_speed", "g"),
        ("feed", "g"),
        ("cutting_speed", "g rolled back"),
        ("feed", "g rolled back"),
    ]


def test_too_little_time_for_a_gated_plant(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    """A command that ends before the plant's counter has surely moved on is not sent."""
    plant = connected(server.binding)
    result = plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon(0.09)))
    assert result.variables["feed"].reason is WriteReason.late
    assert result.sent_ns is None


@pytest.mark.slow
def test_heartbeats_go_both_ways(make_server: Callable[..., LatheServer], connected: Callable[..., OpcuaPlant]) -> None:
    server = make_server(watchdog_s=0.5)
    plant = connected(server.binding)
    first = plant.read().heartbeat
    assert plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon())).ok
    for counter in range(8):
        plant.beat(counter)
        time.sleep(0.1)
    later = plant.read().heartbeat
    assert first is not None
    assert later is not None
    assert later >= first + 7
    assert not server.tell("tripped")
    assert server.tell("setpoints")["feed"] == 0.09
    time.sleep(0.8)  # the loop is silent: the plant goes back to its own setpoints
    assert server.tell("tripped")
    assert plant.read().outputs["feed"].value == 0.1


def test_units_must_be_the_same(server: LatheServer, connected: Callable[..., OpcuaPlant], with_unit: Any) -> None:
    with pytest.raises(UnitError, match=r"unit 'm/s' for 'cutting_speed', received 'm/min'"):
        connected(server.binding_with(outputs=_outputs(server, cutting_speed={"unit": "m/s"})))
    with pytest.raises(UnitError, match="'um/rev'"):
        connected(server.binding, process=with_unit("feed", "um/rev"))


def _outputs(server: LatheServer, **changes: dict[str, Any]) -> dict[str, Any]:
    import yaml

    outputs = yaml.safe_load(server.binding.read_text(encoding="utf-8"))["outputs"]
    return {name: {**tag, **changes.get(name, {})} for name, tag in outputs.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("stated", "wanted"), [("degF", "degC"), ("bar", "psi"), ("ft/min", "m/min")])
def test_what_the_server_states_counts(
    make_server: Callable[..., LatheServer], connected: Callable[..., OpcuaPlant], stated: str, wanted: str
) -> None:
    server = make_server(units={"cutting_speed": stated})
    binding = server.binding_with(outputs=_outputs(server, cutting_speed={"unit": wanted}))
    with pytest.raises(UnitError, match=f"unit '{wanted}' for 'cutting_speed', received '{stated}'"):
        connected(binding)


@pytest.mark.slow
def test_limits_must_lie_in_the_range_of_the_equipment(
    make_server: Callable[..., LatheServer], connected: Callable[..., OpcuaPlant]
) -> None:
    server = make_server(ranges={"cutting_speed": (100.0, 350.0)})
    with pytest.raises(ConfigurationError, match=r"100 to 350 m/min.*received 150 to 400"):
        connected(server.binding)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("heartbeat", {"plant": ["Lathe", "Pulse"]}, "Lathe/Pulse"),
        ("namespace", "urn:another", "urn:luban:simulated-lathe"),
        ("outputs", {"feed": {"path": ["Lathe", "Roughness"]}}, "may only be read"),
        ("context", {}, "context variable 'diameter'"),
        ("outputs", {}, "parameter 'cutting_speed'"),
    ],
)
def test_a_binding_that_does_not_fit(
    server: LatheServer, connected: Callable[..., OpcuaPlant], key: str, value: Any, words: str
) -> None:
    changes = {key: value, "command": None} if key == "heartbeat" else {key: value}
    with pytest.raises(ConfigurationError, match=words):
        connected(server.binding_with(**changes))


def test_a_unit_on_our_word_is_recorded(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    path = {"path": ["Lathe", "LoopHeartbeat"], "unit": "kW"}
    with pytest.raises(UnitError, match="unit_assumed"):
        connected(server.binding_with(inputs={"load": path}))
    plant = connected(server.binding_with(inputs={"load": {**path, "unit_assumed": True}}))
    assert plant.variables["load"].unit == "kW"
    assert plant.notes == ["load: the server states no unit; taken as 'kW' as the binding says"]


def test_the_lease_node_keeps_other_machines_out(
    process: Process, server: LatheServer, connected: Callable[..., OpcuaPlant], tmp_path: Path
) -> None:
    """Two loops with lease folders of their own, as on two machines."""
    connected(server.binding)
    rival = OpcuaPlant(process, server.binding, leases=tmp_path / "elsewhere")
    with pytest.raises(LifecycleError, match="one that 'luban "):
        rival.connect()
    rival.close()


@pytest.mark.slow
def test_a_loop_that_was_silent_loses_the_plant(
    process: Process, make_server: Callable[..., LatheServer], connected: Callable[..., OpcuaPlant], tmp_path: Path
) -> None:
    server = make_server(lease_s=2.0)
    plant = connected(server.binding)
    for counter in range(4):
        plant.beat(counter)
        time.sleep(0.2)
    rival = OpcuaPlant(process, server.binding, leases=tmp_path / "elsewhere")
    with pytest.raises(LifecycleError):  # the counter is younger than two seconds
        rival.connect()
    time.sleep(2.2)
    heir = OpcuaPlant(process, server.binding, leases=tmp_path / "third")
    heir.connect()
    result = plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon()))
    assert result.variables["feed"].reason is WriteReason.lease_lost
    with pytest.raises(LifecycleError, match="another loop"):
        plant.beat(5)
    assert heir.write(Setpoint([("feed", 0.08, "mm/rev")], soon())).ok
    plant.close()
    assert heir.write(Setpoint([("feed", 0.09, "mm/rev")], soon())).ok  # its lease was not given away
    for other in (heir, rival):
        other.close()


def test_many_channel_renewals(server: LatheServer, connected: Callable[..., OpcuaPlant]) -> None:
    plant = connected(server.binding, channel_s=0.2)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert plant.read().connection == 1
    assert plant._connection is not None
    assert plant._connection.renewals >= 5
    assert plant.write(Setpoint([("feed", 0.09, "mm/rev")], soon())).ok
