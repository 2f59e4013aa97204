"""The small line of line.py as a process, a history and a fitted campaign."""

from collections.abc import Callable
from typing import Any

import pytest

from luban import Campaign, Process
from luban.fitting import Model
from luban.history import History

from .line import DEFINITION, readings


@pytest.fixture(scope="session")
def process() -> Process:
    return Process.from_dict(DEFINITION)


@pytest.fixture(scope="session")
def changed() -> Callable[..., Process]:
    """Make the process with other sections."""

    def make(**sections: Any) -> Process:
        return Process.from_dict({**DEFINITION, **sections})

    return make


@pytest.fixture(scope="session")
def history(process: Process) -> History:
    return History.from_frame(process, readings(40))


@pytest.fixture(scope="session")
def model(process: Process, history: History) -> Model:
    return Campaign(process, history).fit()


@pytest.fixture
def campaign(process: Process, history: History, model: Model) -> Campaign:
    return Campaign(process, history, model=model)
