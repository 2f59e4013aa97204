"""Does a loop that learns turn better shafts? Three ways to choose settings on the same simulated line, many seeds.

Each seed is a lathe of its own: first commissioned (the settings of the packaged data, turned once each before anything
has drifted, and a model fitted to them), then run for an hour with tool wear and drift. The objective is one that an
engineer would sign: as much removal as the roughness limit of the process file allows.
"""

from __future__ import annotations

import math
import multiprocessing
import signal
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._demo.honest import Mean
from luban._demo.loop_seed import ARMS, Job, SeedResult, roughness_only, run_seed
from luban.errors import ConfigurationError
from luban.parallel import cpu_budget
from luban.plant import Drift, Lathe
from luban.plant.lathe import DIAMETERS
from luban.process import Process

if TYPE_CHECKING:
    import pandas as pd

    from luban.parallel import Progress

__all__ = ["DRIFTS", "ArmResult", "LoopComparison", "Measure", "compare_loops"]

#: What happens to the world in the hour: the steel gets harder, later the spindle gets out of balance.
DRIFTS = (Drift("hardness", 0.3, start=15, shape="ramp", length=30), Drift("imbalance", 0.5, start=30))

_QUICK_SEEDS = 4
_GRID = 16  # steps per parameter of the settings among which the truth is searched


@dataclass(frozen=True)
class Measure:
    """One number of an hour, over seeds: its mean with standard error, and how far seeds differ."""

    mean: Mean
    sd: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Measure:
        """Summarise one value per seed."""
        array = np.asarray(values, dtype=np.float64)
        sd = float(array.std(ddof=1)) if len(array) > 1 else math.nan
        return cls(Mean.of(array), sd, float(array.min()), float(array.max()))


@dataclass(frozen=True)
class ArmResult:
    """What one way to choose gave, mean over the shafts of each seed.

    ``net_removal``: removal rate in cm3/min, a shaft above the limit costing what a good one earns; ``good_removal``:
    the same, such a shaft counting 0; ``removal``: of all shafts; ``over_limit``: share of shafts above the limit;
    ``roughness``: expected (um). Whether a shaft is above the limit is its chance, given the truth, so that luck is not
    in it; ``measured_over_limit`` counts those that were. ``moves`` and ``held`` (moves that the guard did not let
    through) count cycles.
    """

    net_removal: Measure
    good_removal: Measure
    removal: Measure
    over_limit: Measure
    roughness: Measure
    measured_over_limit: Measure
    moves: Measure
    held: Measure
    lowered: Measure
    writes: int
    writes_outside_limits: int


@dataclass(frozen=True)
class LoopComparison:
    """Result of :func:`compare_loops`.

    ``gains`` and ``over_limit``: by the other arm, learning less that arm in net removal and in the share above the
    limit, paired by seed. ``timeline`` holds the first seed, a row per arm and shaft, with ``best_removal``: what who
    knows the truth would choose for that shaft. ``innovations`` are those of all seeds that learned, ``why`` is what
    the last recommendation of the timeline said; times are medians of one call. ``records`` stand in the journals of
    all loops, ``faults`` is what the verifier found wrong with them. ``slowest_ms``: by step of a cycle.
    """

    arms: Mapping[str, ArmResult]
    gains: Mapping[str, Mean]
    over_limit: Mapping[str, Mean]
    limit: float
    probability: float
    shafts: int
    seeds: int
    drifts: tuple[Drift, ...]
    timeline: pd.DataFrame
    innovations: pd.DataFrame
    why: list[str]
    records: int
    faults: list[str]
    slowest_ms: Mapping[str, float]
    recommend_ms: float
    learn_ms: float
    seconds: float
    quick: bool

    @property
    def cycles(self) -> int:
        """Cycles of loops, all seeds together; fixed settings have none."""
        return self.shafts * self.seeds * sum(arm != "fixed" for arm in self.arms)

    @property
    def writes_outside_limits(self) -> int:
        """Writes that the machines' own logs hold against the process file; 0 is the rule."""
        return sum(arm.writes_outside_limits for arm in self.arms.values())

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        out: dict[str, Any] = {
            "loop_cycles": self.cycles,
            "writes_outside_limits": self.writes_outside_limits,
            "loop_records": self.records,
            "loop_audit_faults": len(self.faults),
            "loop_slowest_ms": dict(self.slowest_ms),
            "loop_s": self.seconds,
            "loop_seeds": self.seeds,
            "loop_shafts": self.shafts,
            "loop_recommend_ms": self.recommend_ms,
            "loop_learn_ms": self.learn_ms,
        }
        for name, arm in self.arms.items():
            for key in ("net_removal", "good_removal", "removal", "over_limit", "roughness"):
                measure: Measure = getattr(arm, key)
                out[f"loop_{name}_{key}"] = measure.mean.value
                out[f"loop_{name}_{key}_sd"] = measure.sd
        for name, gain in self.gains.items():
            out[f"loop_gain_over_{name}"] = gain.value
            out[f"loop_gain_over_{name}_standard_error"] = gain.standard_error
        return out


def compare_loops(
    process: Process,
    *,
    seeds: int = 20,
    shafts: int = 60,
    drifts: Sequence[Drift] = DRIFTS,
    seed: int = 0,
    quick: bool = False,
    processes: int = 0,
    progress: Progress | None = None,
) -> LoopComparison:
    """Turn ``shafts`` shafts on each of ``seeds`` simulated lathes, once in every way, and compare.

    ``process`` is the turning process of the package; only its roughness is measured and modelled here. The same for
    any number of ``processes`` (0 = as many as the CPU budget has cores). ``quick`` takes fewer seeds.

    Raises: ConfigurationError on numbers out of range; IoError when the package lacks its data; KeyboardInterrupt on
    Ctrl-C.
    """
    seeds = min(seeds, _QUICK_SEEDS) if quick else seeds
    if seeds < 2 or shafts < 1 or processes < 0 or seed < 0:
        raise ConfigurationError(
            where="demo.compare_loops",
            expected="at least 2 seeds and 1 shaft; processes and seed not negative",
            received=f"{seeds} seeds, {shafts} shafts, {processes} processes, seed {seed}",
        )
    started = time.perf_counter()
    definition = roughness_only(process)
    jobs = [Job(definition, 1000 * seed + number, shafts, tuple(drifts)) for number in range(seeds)]
    done = _run(jobs, min(processes or cpu_budget().threads, len(jobs)), progress)
    return _compared(Process.from_dict(definition), jobs, done, quick, started)


def _run(jobs: Sequence[Job], processes: int, progress: Progress | None) -> list[SeedResult]:
    if processes == 1:
        out = []
        for count, job in enumerate(jobs, start=1):
            out.append(run_seed(job))
            if progress is not None:
                progress("loops", count, len(jobs))
        return out
    # Started anew, not forked: threads of the C++ side do not survive a fork. Ctrl-C is for the parent alone.
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        futures = [pool.submit(run_seed, job) for job in jobs]
        for count, future in enumerate(as_completed(futures), start=1):
            future.result()
            if progress is not None:
                progress("loops", count, len(jobs))
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _compared(
    process: Process, jobs: Sequence[Job], done: Sequence[SeedResult], quick: bool, started: float
) -> LoopComparison:
    import pandas as pd

    (bound,) = process.core.outcome_constraints
    tables = [
        _scored(result.rows, Lathe(seed=job.seed, drifts=job.drifts), bound.upper)
        for job, result in zip(jobs, done, strict=True)
    ]
    per_seed = {arm: [table[table["arm"] == arm] for table in tables] for arm in ARMS}
    net = {arm: np.array([rows["net_removal"].mean() for rows in frames]) for arm, frames in per_seed.items()}
    over = {arm: np.array([rows["over_limit"].mean() for rows in frames]) for arm, frames in per_seed.items()}
    first = jobs[0]
    return LoopComparison(
        arms={
            arm: _arm(frames, [result.writes[arm] for result in done], bound.upper) for arm, frames in per_seed.items()
        },
        gains={arm: Mean.of(net["learning"] - net[arm]) for arm in ARMS[1:]},
        over_limit={arm: Mean.of(over["learning"] - over[arm]) for arm in ARMS[1:]},
        limit=float(bound.upper),
        probability=float(bound.probability),
        shafts=first.shafts,
        seeds=len(jobs),
        drifts=first.drifts,
        timeline=_with_best(tables[0], process, Lathe(seed=first.seed, drifts=first.drifts)),
        innovations=pd.concat(
            [r.innovations.assign(seed=j.seed) for j, r in zip(jobs, done, strict=True)], ignore_index=True
        ),
        why=done[0].why,
        records=sum(result.records for result in done),
        faults=[fault for result in done for fault in result.faults],
        slowest_ms={name: max(result.slowest_ms[name] for result in done) for name in done[0].slowest_ms},
        recommend_ms=1000.0 * float(np.median(np.concatenate([result.recommend_s for result in done]))),
        learn_ms=1000.0 * float(np.median(np.concatenate([result.learn_s for result in done]))),
        seconds=time.perf_counter() - started,
        quick=quick,
    )


def _scatter(lathe: Lathe) -> float:
    """Relative standard deviation of a shaft's measured mean around its expectation."""
    return math.hypot(lathe.noise.between_shafts, lathe.noise.within_shaft / math.sqrt(3 * lathe.readings_per_position))


def _keeps(expected: np.ndarray, lathe: Lathe, limit: float) -> np.ndarray:
    """Chance that the measured mean of a shaft keeps the limit."""
    normal = NormalDist()
    z = np.log(limit / np.asarray(expected)) / _scatter(lathe)
    return np.array([normal.cdf(value) for value in z.ravel()]).reshape(z.shape)


def _scored(rows: pd.DataFrame, lathe: Lathe, limit: float) -> pd.DataFrame:
    removal = rows["cutting_speed"] * rows["feed"] * rows["depth_of_cut"]
    keeps = _keeps(rows["expected"].to_numpy(), lathe, limit)
    good, net = removal * keeps, removal * (2.0 * keeps - 1.0)
    return rows.assign(removal=removal, over_limit=1.0 - keeps, good_removal=good, net_removal=net)


def _arm(frames: Sequence[pd.DataFrame], writes: Sequence[tuple[int, int]], limit: float) -> ArmResult:
    def measure(column: str) -> Measure:
        return Measure.of([float(rows[column].mean()) for rows in frames])

    return ArmResult(
        net_removal=measure("net_removal"),
        good_removal=measure("good_removal"),
        removal=measure("removal"),
        over_limit=measure("over_limit"),
        roughness=measure("expected"),
        measured_over_limit=Measure.of([float((rows["measured"] > limit).mean()) for rows in frames]),
        moves=Measure.of([float(rows["decision"].isin(["accept", "clamp"]).sum()) for rows in frames]),
        held=Measure.of([float(rows["decision"].str.contains(":").sum()) for rows in frames]),
        lowered=Measure.of([_lowered(rows["mode"].tolist()) for rows in frames]),
        writes=sum(count for count, _ in writes),
        writes_outside_limits=sum(outside for _, outside in writes),
    )


def _lowered(modes: Sequence[str]) -> float:
    if "closed" not in modes:
        return 0.0
    return float(sum(mode != "closed" for mode in modes[modes.index("closed") :]))


def _with_best(rows: pd.DataFrame, process: Process, lathe: Lathe) -> pd.DataFrame:
    """Add, per row, the largest removal whose true chance to keep the limit is the stated one."""
    (bound,) = process.core.outcome_constraints
    axes = [np.linspace(p.low, p.high, _GRID) for p in process.parameters]
    grid = np.stack([values.ravel() for values in np.meshgrid(*axes, indexing="ij")], axis=1)
    names = [parameter.name for parameter in process.parameters]
    for constraint in process.core.parameter_constraints:
        total = sum(weight * grid[:, names.index(name)] for name, weight in constraint.sum.items())
        grid = grid[(total >= constraint.lower) & (total <= constraint.upper)]
    settings = {name: grid[:, k] for k, name in enumerate(names)}
    removal = np.prod(grid, axis=1)
    highest = bound.upper * math.exp(-NormalDist().inv_cdf(bound.probability) * _scatter(lathe))
    best = []
    for diameter, wear, shaft in zip(rows["diameter"], rows["flank_wear"], rows["shaft"], strict=True):
        expected = lathe.expected_roughness(
            **settings, diameter=DIAMETERS[diameter], flank_wear=wear, number=int(shaft) - 1
        )
        keeps = expected.mean(axis=-1) <= highest
        best.append(float(removal[keeps].max()) if keeps.any() else math.nan)
    return rows.assign(best_removal=best)
