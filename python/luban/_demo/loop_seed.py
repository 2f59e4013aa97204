"""One seed of the comparison of loops: a lathe is commissioned, then run for an hour in each of three ways."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luban import fitting
from luban._demo.loop_line import Line, Turned, count_outside
from luban.plant import Drift, Lathe
from luban.process import Process
from luban.service.commissioning import commission

if TYPE_CHECKING:
    import pandas as pd

    from luban.fitting import Model
    from luban.service import Innovation, Recommendation, RunReport
    from luban.service.learner import Learner

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

    ``innovations`` and ``why`` (what the last recommendation said) are of the arm that learns, ``recommend_s`` and
    ``learn_s`` what its calls took. ``journal_records`` of the loops' journals, of which ``journals_whole`` were found
    whole; ``slowest_ms`` by step of a cycle.
    """

    rows: pd.DataFrame
    writes: dict[str, tuple[int, int]]
    innovations: pd.DataFrame
    why: list[str]
    recommend_s: list[float]
    learn_s: list[float]
    journal_records: int
    journals_whole: int
    slowest_ms: dict[str, float]


class Watched:
    """A learner with its times and innovations noted."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self.innovations: list[Innovation] = []
        self.why: list[str] = []
        self.recommend_s: list[float] = []
        self.learn_s: list[float] = []

    def learn(self, runs: Sequence[RunReport]) -> list[Innovation]:
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
    turned: dict[str, Turned] = {}
    writes = {}
    for arm in ARMS:
        line = Line(process, model.envelope, lathe, START)
        turned[arm] = line.turn(job.shafts, choosers[arm]) if arm in choosers else line.turn_fixed(job.shafts)
        writes[arm] = len(line.log), count_outside(process, line.log, START)
    watched = choosers["learning"]
    innovations = pd.DataFrame(
        [
            {"run_id": one.run_id, "response": one.response, "standardised": one.standardised}
            for one in watched.innovations
        ]
    )
    rows = pd.concat([one.rows.assign(arm=arm, seed=job.seed) for arm, one in turned.items()], ignore_index=True)
    loops = [one for arm, one in turned.items() if arm in choosers]
    return SeedResult(
        rows=rows,
        writes=writes,
        innovations=innovations,
        why=watched.why,
        recommend_s=watched.recommend_s,
        learn_s=watched.learn_s,
        journal_records=sum(one.records for one in loops),
        journals_whole=sum(one.whole for one in loops),
        slowest_ms={name: max(one.slowest_ms.get(name, 0.0) for one in loops) for name in loops[0].slowest_ms},
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
