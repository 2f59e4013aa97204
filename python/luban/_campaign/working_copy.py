"""The runs of a campaign: the history it was given, and a copy of its own from the first new run on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from luban.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from luban.history import History, ImportReport
    from luban.parallel import Progress
    from luban.process import Process

__all__ = ["WorkingCopy"]


class WorkingCopy:
    """Copies on the first change, so that a history of millions of readings costs nothing while it is only read."""

    def __init__(self, process: Process, history: History | None = None) -> None:
        from luban.history import History

        if history is not None and not isinstance(history, History):
            raise ConfigurationError(where="campaign", expected="a History", received=type(history).__name__)
        self._process = process
        self._history = history
        self._is_own = False

    @classmethod
    def of_file(cls, process: Process, path: Path) -> WorkingCopy:
        """Read a file whole: it may be replaced later."""
        from luban.history import History

        runs = cls(process, History.open(path).copy())
        runs._is_own = True
        return runs

    @property
    def history(self) -> History | None:
        """The runs so far; None before the first one."""
        return self._history

    def add(
        self,
        frame: pd.DataFrame,
        *,
        only_if: Callable[[ImportReport], bool] | None = None,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Merge readings into the campaign's own copy, and keep that only if the report pleases ``only_if``.

        Raises: DataError, UnitError.
        """
        from luban.history import History

        history = self._history
        if history is None:
            history = History.empty(self._process)
        elif not self._is_own or only_if is not None:
            history = history.copy()
        report = history.append(frame, progress=progress)
        if len(history) > 0 and (only_if is None or only_if(report)):
            self._history, self._is_own = history, True
        return report

    def group_count(self) -> int:
        """Count the groups of runs with a result: those that the process states, else the different settings.

        Like in a dataset, runs with equal parameters and equal categories of the context are one group then.
        """
        if self._history is None:
            return 0
        labels = ["group"] if any(self._process.core.groups) else self._settings()
        responses = self._responses()
        frame = self._history.read(columns=[*labels, *responses], rows="runs")
        return len(frame.loc[frame[responses].notna().any(axis=1), labels].drop_duplicates())

    def run_count(self) -> int:
        """Count the runs, with a result or without."""
        return 0 if self._history is None else len(self._history.read(columns=["run_id"], rows="runs"))

    def measured_run_ids(self) -> set[str]:
        """Return the runs that have a value of any response."""
        if self._history is None:
            return set()
        frame = self._history.read(columns=["run_id", *self._responses()], rows="runs")
        return set(frame[frame.drop(columns="run_id").notna().any(axis=1)]["run_id"].astype(str))

    def free_run_id(self, wanted: str) -> str:
        """Return ``wanted``, or with a number behind it when a run of that name exists."""
        taken: set[str] = set()
        if self._history is not None:
            taken = set(self._history.read(columns=["run_id"], rows="runs")["run_id"].astype(str))
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        return name

    def _settings(self) -> list[str]:
        """Return the parameters and the categorical context variables."""
        categorical = [variable.name for variable in self._process.context if variable.categories]
        return [parameter.name for parameter in self._process.parameters] + categorical

    def _responses(self) -> list[str]:
        """Return the responses that the history has."""
        if self._history is None:
            return []
        there = set(self._history.columns()["name"])
        return [response.name for response in self._process.responses if response.name in there]
