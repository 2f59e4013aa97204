"""The first history of a simulated line: what is turned on it before a loop has a model to begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from luban.errors import ConfigurationError
from luban.plant import Lathe

if TYPE_CHECKING:
    from luban.history import History
    from luban.process import Process

__all__ = ["commission"]

#: Lathes of commissioning have other noise than those that a loop runs on.
_OTHER_NOISE = 1_000_000


def commission(process: Process, seed: int = 0) -> History:
    """Turn the settings of the packaged data once each, in random order, on a simulated lathe as good as new.

    Every response of the process is read as the lathe reads it; nothing has drifted, tools are New or Worn as the
    design says.

    Raises: ConfigurationError when the lathe has not the process's parameters, context or responses; IoError when the
    package lacks its data.
    """
    import pandas as pd

    from luban import datasets
    from luban.history import History

    parameters = [parameter.name for parameter in process.parameters]
    context = [variable.name for variable in process.context]
    responses = [response.name for response in process.responses]
    source = datasets.turning()
    there = set(source.columns()["name"])
    unknown = [name for name in (*parameters, *context) if name not in there]
    if unknown:
        raise ConfigurationError(
            where="service.commission",
            expected="the parameters and context of the packaged turning process",
            received=unknown[0],
            hint="name a history in the loop file",
        )
    plan = source.read(columns=[*parameters, *context], rows="runs")
    lathe = Lathe(seed=_OTHER_NOISE + seed)
    rows: list[dict[str, Any]] = []
    for number, place in enumerate(np.random.default_rng(seed).permutation(len(plan))):
        run = plan.iloc[int(place)]
        settings = {name: float(run[name]) for name in parameters}
        given = {name: str(run[name]) for name in context}
        shaft = lathe.run_shaft(settings, given, number=number)
        known = {"setting_number": f"commissioning {number + 1}", **settings, **given}
        readings = {name: shaft.responses[name][0] for name in responses if name in shaft.responses}
        rows += [
            {**known, "repeat": repeat + 1, "position": position}
            | {name: float(column[repeat]) for name, column in readings.items()}
            for repeat, position in enumerate(shaft.position)
        ]
    return History.from_frame(process, pd.DataFrame(rows))
