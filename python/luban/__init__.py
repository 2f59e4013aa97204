"""Luban learns a process from its history and recommends its settings.

Ten names stand at the door; each is loaded when it is first used, so that ``import luban`` is quick and loads no
heavy package. Everything else is in the submodules.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luban.campaign import Campaign
    from luban.fitting import fit
    from luban.history import History
    from luban.process import ContextVariable, Objective, OutcomeConstraint, Parameter, Process, Response
    from luban.registry import load

__all__ = [
    "Campaign",
    "ContextVariable",
    "History",
    "Objective",
    "OutcomeConstraint",
    "Parameter",
    "Process",
    "Response",
    "__version__",
    "build_info",
    "fit",
    "load",
]

# Where each name at the door is defined.
_DOOR = {
    "Campaign": "campaign",
    "ContextVariable": "process",
    "History": "history",
    "Objective": "process",
    "OutcomeConstraint": "process",
    "Parameter": "process",
    "Process": "process",
    "Response": "process",
    "fit": "fitting",
    "load": "registry",
}

_SUBMODULES = frozenset(
    {
        "campaign",
        "control",
        "datasets",
        "demo",
        "errors",
        "evaluation",
        "features",
        "fitting",
        "history",
        "ingest",
        "journal",
        "monitor",
        "parallel",
        "plant",
        "plots",
        "process",
        "recommend",
        "registry",
        "report",
        "surrogate",
        "testing",
        "training",
        "units",
    }
)


def build_info() -> dict[str, object]:
    """Return what was built: version, compiler, options and library versions."""
    from luban import _core

    return dict(_core.build_info())


def __getattr__(name: str) -> object:
    if name == "__version__":
        return build_info()["version"]
    if name in _DOOR:
        value = getattr(importlib.import_module(f"luban.{_DOOR[name]}"), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"luban.{name}")
    message = f"module 'luban' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBMODULES})
