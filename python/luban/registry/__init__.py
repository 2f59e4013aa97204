"""What was made and what is being made: models in folders, the loader of what was saved, and jobs with their status.

Names are loaded when they are first used: to follow a job needs neither a model's reader nor pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luban.registry.alias_file import AliasChange
    from luban.registry.check import verified_digest
    from luban.registry.folder import ModelFolder, is_model_folder, resolve
    from luban.registry.loading import load, models
    from luban.registry.status import Job, JobState, job_status, jobs, jobs_folder

__all__ = [
    "AliasChange",
    "Job",
    "JobState",
    "ModelFolder",
    "is_model_folder",
    "job_status",
    "jobs",
    "jobs_folder",
    "load",
    "models",
    "resolve",
    "verified_digest",
]

# Where each name is defined; no module is called as a name at this door is.
_HOME = {
    "AliasChange": "alias_file",
    **dict.fromkeys(("ModelFolder", "is_model_folder", "resolve"), "folder"),
    **dict.fromkeys(("load", "models"), "loading"),
    "verified_digest": "check",
    **dict.fromkeys(("Job", "JobState", "job_status", "jobs", "jobs_folder"), "status"),
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        value = getattr(importlib.import_module(f"luban.registry.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    message = f"module 'luban.registry' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
