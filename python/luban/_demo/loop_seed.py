"""One seed of the comparison of loops: a lathe is commissioned, then run for an hour in each of three ways."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban import fitting
from luban._demo.loop_line import count_outside, turn
from luban.journal import verify
from luban.plant import Drift, Lathe
from luban.process import Process
from luban.service.commissioning import commission

if TYPE_CHECKING:
    import pandas as pd

    from luban.fitting import Model
    from luban.service.learner import Learner
    from luban.service.messages import Innovation, Recommendation, RunReport

__all__ = ["ARMS", "RESPONSE", "START", "Job", "SeedResult", "roughness_only", "run_seed"]

#: Ways to choose settings: by the model and what it has missed since, by the model as commissioned, not at all.
ARMS = ("learning", "frozen", "fixed")
RESPONSE = "roughness"
START = {"cutting_speed": 280.0, "feed": 0.1, "depth_of_cut": 0.95}  # run most in the packaged data

_OBJECTIVE = "removal_rate"
_MIN_GAIN = 0.5  # cm3/min: less is not worth a move


@dataclass(frozen=True)
class Job:
    """One seed to run: the process as plain values, since processes are handed from one program to another."""

    definition: Mapping[str, Any]
    seed: int
    shafts: int
    drifts: tuple[Drift, ...]


@dataclass(frozen=True)
class SeedResult:
    """Rows of every arm and shaft; by arm, writes in the machine's own log and those of them that broke a promise.

    ``records`` are those of the journals, ``faults`` what the verifier found wrong with them. ``innovations`` and
    ``why`` (what the last recommendation said) are of the arm that learns, ``recommend_s`` and ``learn_s`` what its
    calls took. ``slowest_ms``: by step of a cycle.
    """

    rows: pd.DataFrame
    writes: dict[str, tuple[int, int]]
    records: int
    faults: list[str]
    innovations: pd.DataFrame
    why: list[str]
    recommend_s: list[float]
    learn_s: list[float]
    slowest_ms: dict[str, float]


class Watched:
    """A learner with its times and innovations noted."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self.innovations: list[Innovation] = []
        self.why: list[str] = []
        self.recommend_s: list[float] = []
        self.learn_s: list[float] = []

    def learn(self, runs: Sequence[RunReport]) -> Sequence[Innovation]:
        """Take in what was turned."""
        started = time.perf_counter()
        found = self._learner.learn(runs)
        if runs:
            self.learn_s.append(time.perf_counter() - started)
        self.innovations += found
        return found

    def recommend(self, context: Mapping[str, float | str], running: Mapping[str, float | str]) -> Recommendation:
        """Choose for the next shaft."""
        started = time.perf_counter()
        proposal = self._learner.recommend(context, running)
        self.recommend_s.append(time.perf_counter() - started)
        self.why = list(proposal.why)
        return proposal


def roughness_only(process: Process) -> dict[str, Any]:
    """Return the definition with one response: what a line with one measuring station has."""
    content = process.to_dict()
    content["responses"] = {RESPONSE: content["responses"][RESPONSE]}
    return content


def run_seed(job: Job) -> SeedResult:
    """Commission one lathe and run every arm on it. Raises: IoError when the package lacks its data."""
    import pandas as pd

    process = Process.from_dict(dict(job.definition))
    model = fitting.fit(process, commission(process, job.seed), "gaussian_process", seed=job.seed)
    lathe = Lathe(seed=job.seed, drifts=job.drifts)
    choosers = {
        "learning": _chooser(process, model, job.seed, True),
        "frozen": _chooser(process, model, job.seed, False),
    }
    frames, writes, records, faults = [], {}, 0, []
    slowest: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="luban-loop-") as folder:
        for arm in ARMS:
            journal = Path(folder) / f"{arm}.sqlite"
            advisor = choosers.get(arm)
            hour = turn(process, model.envelope, lathe, job.shafts, start=START, advisor=advisor, journal=journal)
            frames.append(hour.rows.assign(arm=arm, seed=job.seed))
            writes[arm] = len(hour.log), count_outside(process, hour.log, START)
            if advisor is not None:
                audit = verify(journal)
                records += audit.records
                faults += [fault.what for fault in audit.faults]
                slowest |= {name: max(ms, slowest.get(name, 0.0)) for name, ms in hour.slowest_ms.items()}
    watched = choosers["learning"]
    innovations = pd.DataFrame([vars(one) | {"standardised": one.standardised} for one in watched.innovations])
    rows = pd.concat(frames, ignore_index=True)
    return SeedResult(
        rows, writes, records, faults, innovations, watched.why, watched.recommend_s, watched.learn_s, slowest
    )


def _chooser(process: Process, model: Model, seed: int, learning: bool) -> Watched:
    from luban.recommend import SearchOptions, StayRule
    from luban.service.learner import Learner, LearnerOptions

    options = LearnerOptions(
        learning=learning,
        objective=_OBJECTIVE,
        seed=seed,
        stay=StayRule(min_gain=_MIN_GAIN),
        search=SearchOptions(threads=1),  # seeds run beside one another
    )
    return Watched(Learner(process, model, options=options))
