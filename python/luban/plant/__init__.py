"""Plants: what a loop reads and writes. Simulated, replayed from measured runs, or real over OPC UA.

``SimulatedPlant(process)`` is a lathe in this process; ``ReplayPlant(process, history)`` answers from measured runs
only; ``OpcuaPlant(process, "binding.yaml")`` is a machine on the network. All three do what :class:`Plant` says.
Names are loaded when they are first used: the edge needs neither HDF5 nor, without a server, asyncua.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luban.plant.binding import BindingFile, SecurityEntry, UserEntry, read_binding
    from luban.plant.clock import Clock, SimulatedClock, SystemClock
    from luban.plant.configuration import PlantEntry, open_plant
    from luban.plant.faults import PlantFaults
    from luban.plant.lathe import Drift, Lathe, LatheConstants, LatheNoise
    from luban.plant.machine import LatheMachine
    from luban.plant.opcua.browse import BrowsedNode, browse
    from luban.plant.opcua.drafting import BindingDoubt, BindingDraft, bind
    from luban.plant.opcua.plant import OpcuaPlant
    from luban.plant.opcua.server import ServerInfo, simulate_server
    from luban.plant.protocol import Plant, WritableSetpoint
    from luban.plant.replay import ReplayPlant
    from luban.plant.simulated import SimulatedPlant
    from luban.plant.state import (
        DataValue,
        FinishedRun,
        PlantState,
        PlantVariable,
        Severity,
        StatusCode,
        VariableResult,
        VariableRole,
        WriteOutcome,
        WriteReason,
        WriteResult,
    )

__all__ = [
    "BindingDoubt",
    "BindingDraft",
    "BindingFile",
    "BrowsedNode",
    "Clock",
    "DataValue",
    "Drift",
    "FinishedRun",
    "Lathe",
    "LatheConstants",
    "LatheMachine",
    "LatheNoise",
    "OpcuaPlant",
    "Plant",
    "PlantEntry",
    "PlantFaults",
    "PlantState",
    "PlantVariable",
    "ReplayPlant",
    "SecurityEntry",
    "ServerInfo",
    "Severity",
    "SimulatedClock",
    "SimulatedPlant",
    "StatusCode",
    "SystemClock",
    "UserEntry",
    "VariableResult",
    "VariableRole",
    "WritableSetpoint",
    "WriteOutcome",
    "WriteReason",
    "WriteResult",
    "bind",
    "browse",
    "open_plant",
    "read_binding",
    "simulate_server",
]

# Where each name is defined. The state of a plant, its protocol and its clocks are light; so are their modules.
_HOME = {
    **dict.fromkeys(("BindingFile", "SecurityEntry", "UserEntry", "read_binding"), "binding"),
    **dict.fromkeys(("Clock", "SimulatedClock", "SystemClock"), "clock"),
    **dict.fromkeys(("PlantEntry", "open_plant"), "configuration"),
    **dict.fromkeys(("Drift", "Lathe", "LatheConstants", "LatheNoise"), "lathe"),
    **dict.fromkeys(("BrowsedNode", "browse"), "opcua.browse"),
    **dict.fromkeys(("BindingDoubt", "BindingDraft", "bind"), "opcua.drafting"),
    **dict.fromkeys(("ServerInfo", "simulate_server"), "opcua.server"),
    **dict.fromkeys(("Plant", "WritableSetpoint"), "protocol"),
    "LatheMachine": "machine",
    "OpcuaPlant": "opcua.plant",
    "PlantFaults": "faults",
    "ReplayPlant": "replay",
    "SimulatedPlant": "simulated",
}


def __getattr__(name: str) -> object:
    if name in __all__:
        value = getattr(importlib.import_module(f"luban.plant.{_HOME.get(name, 'state')}"), name)
        globals()[name] = value
        return value
    message = f"module 'luban.plant' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
