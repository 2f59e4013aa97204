"""The steps of the main job, each timed: import, look, fit, recommend."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from luban import datasets, ingest
from luban.history import History
from luban.plots.runs import run_inputs
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd

    from luban.campaign import Campaign, ParetoFront, Recommendations
    from luban.features import Dataset, Inspection
    from luban.fitting import Model
    from luban.ingest import ImportReport
    from luban.parallel import Progress

__all__ = ["Advised", "Imported", "advise", "finding_table", "import_packaged", "most_run_settings"]


@dataclass(frozen=True)
class Imported:
    """The packaged data as a history file, and what a first look at it found."""

    history: History
    report: ImportReport
    inspection: Inspection
    gross: pd.DataFrame
    inconsistent: pd.DataFrame
    import_s: float


@dataclass(frozen=True)
class Advised:
    """Per context: what to run instead of ``running``, and what two objectives allow together."""

    running: dict[str, float]
    answers: list[Recommendations]
    fronts: list[ParetoFront]
    over_measured: list[float]  # per context: how far the recommendation is expected below the best setting run there
    propose_ms: float  # median over the contexts, one recommendation each

    @property
    def largest_gain(self) -> Recommendations:
        """The answer with the largest gain that is no "stay"; the first when all are."""
        moving = [answer for answer in self.answers if not answer.stay]
        return max(moving, key=lambda answer: float(answer[0].gain), default=self.answers[0])


def import_packaged(path: Path, progress: Progress | None) -> Imported:
    """Import the packaged turning data into a new history file at ``path`` and look at it.

    A history that stands there is replaced when the new one is complete.

    Raises: IoError when the package lacks its data or the disk refuses; KeyboardInterrupt on Ctrl-C.
    """
    files = datasets.turning_files()
    process = Process.from_yaml(files.process)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    started = time.perf_counter()
    try:
        report = ingest.import_csv(process, files.csv, fresh, progress=progress)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    seconds = time.perf_counter() - started
    report.path = str(path)
    history = History.open(path)
    inspection = history.inspect(progress=progress)
    tables = [finding_table(history, inspection, kind) for kind in ("gross_error", "inconsistent_reading")]
    return Imported(history, report, inspection, tables[0], tables[1], seconds)


def finding_table(history: History, inspection: Inspection, kind: str) -> pd.DataFrame:
    """Return findings of one kind: response, column and place in the source, where it was read, value, expected.

    ``source_row`` counts rows of data from 0, ``line`` lines of the file from 1 (line 1 is the header); ``guess`` is
    the slip that would explain the value, "" when none does.
    """
    import pandas as pd

    process = history.process
    where = [variable.name for variable in (*process.context, *process.noise)]
    readings = history.read(columns=["run_id", "repeat", *where]).set_index(["run_id", "repeat"])
    found = inspection.findings
    rows = []
    for finding in found[found["kind"] == kind].to_dict(orient="records"):
        here = readings.loc[(finding["run_id"], finding["repeat"])]
        value, expected = float(finding["value"]), float(finding["expected"])
        place = {"source_row": int(finding["source_row"]), "line": int(finding["source_row"]) + 2}
        at = {name: str(here[name]) for name in where}
        column = process.source_columns[finding["column"]].column
        known = {"response": finding["column"], "column": column, **place, **at, "value": value, "expected": expected}
        rows.append(known | {"guess": slip(value, expected)})
    names = ["response", "column", "source_row", "line", *where, "value", "expected", "guess"]
    return pd.DataFrame(rows, columns=names).sort_values(["response", "source_row"], ignore_index=True)


def slip(value: float, expected: float) -> str:
    """Name the slip of the pen that turns what is expected into ``value``; "" when none comes within a third."""
    for factor, text in ((10.0, "decimal point one place off"), (100.0, "decimal point two places off")):
        if expected > 0.0 and 2 / 3 < value / (factor * expected) < 3 / 2:
            return f"{text}: {value / factor:.3g}?"
    return ""


def most_run_settings(data: Dataset) -> dict[str, float]:
    """Return the settings with most runs: what the line runs when nobody changes it."""
    names = [variable.name for variable in data.encoder.variables if variable.role.name == "parameter"]
    settings, runs = np.unique(run_inputs(data)[names].to_numpy(dtype=float), axis=0, return_counts=True)
    return dict(zip(names, settings[runs.argmax()].tolist(), strict=True))


def advise(
    campaign: Campaign, model: Model, *, points: int, progress: Progress | None, contexts: int | None = None
) -> Advised:
    """Ask for the best settings and the front of the two objectives in every context.

    ``points`` along each front; ``contexts`` limits how many fronts are computed.

    Raises: InfeasibleError when no settings are admissible; KeyboardInterrupt on Ctrl-C.
    """
    running = most_run_settings(model.dataset)
    answers, fronts, seconds = [], [], []
    places = _contexts(model.process)
    for done, context in enumerate(places):
        _tell(progress, "Recommending settings", done, len(places))
        started = time.perf_counter()
        answers.append(campaign.recommend(1, context=context, kind="best_mean", running=running))
        seconds.append(time.perf_counter() - started)
    _tell(progress, "Recommending settings", len(places), len(places))
    chosen = places[:contexts]
    for done, context in enumerate(chosen):
        _tell(progress, "Searching the fronts", done, len(chosen))
        fronts.append(campaign.pareto(context=context, points=points, running=running))
    _tell(progress, "Searching the fronts", len(chosen), len(chosen))
    over_measured = [_over_measured(model, answer) for answer in answers]
    return Advised(running, answers, fronts, over_measured, 1000.0 * float(np.median(seconds)))


def _over_measured(model: Model, answer: Recommendations) -> float:
    """Return how far the recommendation is expected below the best setting that was run in the same context."""
    response = model.process.objectives[0].response
    runs = run_inputs(model.dataset).drop_duplicates()
    context = dict(answer[0].context)
    here = runs[np.logical_and.reduce([runs[name] == value for name, value in context.items()])]
    return float(model.posterior(here).mean[response].min() - answer[0].predictions[response].mean)


def _contexts(process: Process) -> list[dict[str, Any]]:
    names = [variable.name for variable in process.context]
    return [dict(zip(names, row, strict=True)) for row in itertools.product(*(v.categories for v in process.context))]


def _tell(progress: Progress | None, phase: str, done: int, total: int) -> None:
    if progress is not None:
        progress(phase, done, total)


def settings_text(settings: Mapping[str, float | str], process: Process) -> str:
    """Return settings in one line: 280 m/min, 0.10 mm/rev, 0.95 mm."""
    from luban.plots.text import number, unit_text

    parts = []
    for name, value in settings.items():
        text = value if isinstance(value, str) else number(float(value), 3)
        parts.append(f"{text} {unit_text(process.unit(name))}")
    return ", ".join(parts)
