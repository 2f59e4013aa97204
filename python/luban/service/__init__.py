"""The closed loop as processes: a supervisor that owns the outputs, and an optimizer that is only asked.

``open_loop("loop.yaml")`` makes a loop of its file, ``run`` turns it; ``Supervisor`` can be stepped by hand with any
plant and any optimizer, which is what simulations do. Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luban.service.launch import Loop, open_loop
    from luban.service.loop_file import LoopFile, read_loop
    from luban.service.messages import Answer, Innovation, Question, Recommendation, RunReport
    from luban.service.supervisor.optimizer_port import InProcess, OptimizerProcess
    from luban.service.supervisor.people import People, ask_loop
    from luban.service.supervisor.plan import CycleTimes, DriftWatch, LoopPlan
    from luban.service.supervisor.running import Ending, run
    from luban.service.supervisor.supervisor import Supervisor

__all__ = [
    "Answer",
    "CycleTimes",
    "DriftWatch",
    "Ending",
    "InProcess",
    "Innovation",
    "Loop",
    "LoopFile",
    "LoopPlan",
    "OptimizerProcess",
    "People",
    "Question",
    "Recommendation",
    "RunReport",
    "Supervisor",
    "ask_loop",
    "open_loop",
    "read_loop",
    "run",
]

_HOME = {
    **dict.fromkeys(("Loop", "open_loop"), "launch"),
    **dict.fromkeys(("LoopFile", "read_loop"), "loop_file"),
    **dict.fromkeys(("Answer", "Innovation", "Question", "Recommendation", "RunReport"), "messages"),
    **dict.fromkeys(("InProcess", "OptimizerProcess"), "supervisor.optimizer_port"),
    **dict.fromkeys(("People", "ask_loop"), "supervisor.people"),
    **dict.fromkeys(("CycleTimes", "DriftWatch", "LoopPlan"), "supervisor.plan"),
    **dict.fromkeys(("Ending", "run"), "supervisor.running"),
    "Supervisor": "supervisor.supervisor",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        value = getattr(importlib.import_module(f"luban.service.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    message = f"module 'luban.service' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
