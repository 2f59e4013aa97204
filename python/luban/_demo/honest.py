"""The honest check: how good the chosen settings are, on readings left out and in worlds where the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from luban._demo.honest_choice import RULES, Outcome, Refit, choose, judge
from luban._demo.honest_design import Design, Floats
from luban._demo.honest_text import check_text
from luban._demo.honest_worlds import WorldMaker, make_worlds
from luban.errors import ConfigurationError
from luban.features import Dataset, estimate_noise, make_dataset
from luban.parallel import cpu_budget
from luban.surrogate import GaussianProcess, GaussianProcessOptions, fit_gaussian_process

if TYPE_CHECKING:
    from luban.history import History
    from luban.parallel import Progress

__all__ = ["HonestCheck", "LeftOut", "Mean", "Reach", "WorldResult", "run_honest_check"]

_QUICK_WORLDS, _QUICK_REPEATS = 20, 10
_LARGEST_ERROR_OF_GAIN = 0.10


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error."""

    value: float
    standard_error: float

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> Mean:
        """Mean of independent values."""
        array = np.asarray(values, dtype=np.float64)
        error = float(array.std(ddof=1) / np.sqrt(len(array))) if len(array) > 1 else float("nan")
        return cls(float(array.mean()), error)

    @property
    def standing(self) -> str:
        """Of a difference: below or above 0 by more than two standard errors, or level."""
        if abs(self.value) <= 2.0 * self.standard_error:
            return "level"
        return "below" if self.value < 0.0 else "above"


@dataclass(frozen=True)
class LeftOut:
    """(a) What the chosen settings read where they were not looked at: rule → mean over cells and repeats."""

    repeats: int
    readings: dict[str, float]


@dataclass(frozen=True)
class Averaged:
    """The same comparison with less chance in it, where it is known how the worlds were made.

    Given the readings of a world, what a choice gives is averaged over all worlds in which the same would have been
    read (Rao and Blackwell): the same on average as the truth of that one world, with a smaller standard error.
    ``informed_against_raw`` is the least that any rule can have.
    """

    against_raw: Mean
    informed_against_raw: Mean
    gain_error: Mean

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Averaged | None:
        """Summarise worlds; None where the best belief is not known."""
        rows = [(outcome.averaged, outcome.promised["choice"]) for outcome in outcomes if outcome.averaged is not None]
        if len(rows) < len(outcomes):
            return None
        return cls(
            against_raw=Mean.of([of["choice"] - of["raw_cells"] for of, _ in rows]),
            informed_against_raw=Mean.of([of["informed"] - of["raw_cells"] for of, _ in rows]),
            gain_error=Mean.of([promised - (of["centre"] - of["choice"]) for of, promised in rows]),
        )


@dataclass(frozen=True)
class WorldResult:
    """(b) One kind of world: true expected response of each rule's choice, and promised against true gain."""

    kind: str
    worlds: int
    expected: dict[str, Mean]
    best: Mean
    against_raw: Mean
    averaged: Averaged | None
    promised_gain: Mean
    true_gain: Mean
    gain_error: Mean
    raw_promised_gain: Mean
    raw_gain_error: Mean

    @property
    def relative_gain_error(self) -> float:
        """Promised over true gain, minus 1."""
        return self.promised_gain.value / self.true_gain.value - 1.0

    @property
    def standing(self) -> str:
        """Luban's choice against the raw cell means': below, above, or level."""
        return self.against_raw.standing

    @property
    def gain_is_true(self) -> bool:
        """Within two standard errors in fitted worlds, within 10 % in the others."""
        if self.kind == "fitted":
            return abs(self.gain_error.value) <= 2.0 * self.gain_error.standard_error
        return abs(self.relative_gain_error) <= _LARGEST_ERROR_OF_GAIN

    @classmethod
    def of(cls, kind: str, outcomes: Sequence[Outcome]) -> WorldResult:
        """Summarise the worlds of one kind."""

        def mean(value: Callable[[Outcome], float]) -> Mean:
            return Mean.of([value(outcome) for outcome in outcomes])

        return cls(
            kind=kind,
            worlds=len(outcomes),
            expected={rule: Mean.of([o.expected[rule] for o in outcomes]) for rule in RULES},
            best=mean(lambda o: o.best),
            against_raw=mean(lambda o: o.expected["choice"] - o.expected["raw_cells"]),
            averaged=Averaged.of(outcomes),
            promised_gain=mean(lambda o: o.promised["choice"]),
            true_gain=mean(lambda o: o.gained["choice"]),
            gain_error=mean(lambda o: o.promised["choice"] - o.gained["choice"]),
            raw_promised_gain=mean(lambda o: o.promised["raw_cells"]),
            raw_gain_error=mean(lambda o: o.promised["raw_cells"] - o.gained["raw_cells"]),
        )


@dataclass(frozen=True)
class Reach:
    """Whether the check reached what it is meant to reach."""

    below_raw: bool
    gain_is_true: bool

    @property
    def met(self) -> bool:
        """Both."""
        return self.below_raw and self.gain_is_true


@dataclass(frozen=True)
class HonestCheck:
    """Result of :func:`run_honest_check`; means are over the cells, in ``unit``."""

    response: str
    unit: str
    preset: str
    seed: int
    quick: bool
    settings: int
    cells: int
    cell_variables: tuple[str, ...]
    readings_per_run: int
    runs: int
    readings: int
    centre_runs: int
    centre_sd: float
    gross_errors: int
    left_out: LeftOut
    worlds: tuple[WorldResult, ...]

    def reach(self) -> Reach:
        """Judge: below the raw cell means in at least two kinds and above in none; gains without winner's curse."""
        standings = [result.standing for result in self.worlds]
        below = standings.count("below") >= 2 and "above" not in standings
        return Reach(below_raw=below, gain_is_true=all(result.gain_is_true for result in self.worlds))

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON: means over the kinds of world at the top, each kind under ``worlds``."""
        unit = self.unit
        out: dict[str, Any] = {f"{rule}_readings_{unit}": v for rule, v in self.left_out.readings.items()}
        for rule in RULES:
            out[f"{rule}_expected_{unit}"] = float(np.mean([r.expected[rule].value for r in self.worlds]))
        out["worlds"] = {result.kind: _world_dict(result, unit) for result in self.worlds}
        reach = self.reach()
        out["reach"] = {"below_raw": reach.below_raw, "gain_is_true": reach.gain_is_true, "met": reach.met}
        out |= {"worlds_per_kind": self.worlds[0].worlds, "left_out_repeats": self.left_out.repeats}
        return out | {"quick": self.quick, "seed": self.seed, "preset": self.preset, "gross_errors": self.gross_errors}

    def text(self) -> str:
        """Return it in words and numbers, as printed at the end of the main job."""
        return check_text(self)


def _world_dict(result: WorldResult, unit: str) -> dict[str, Any]:
    out: dict[str, Any] = {f"{rule}_expected_{unit}": result.expected[rule].value for rule in RULES}
    out[f"best_possible_expected_{unit}"] = result.best.value
    named = {
        "choice_minus_raw_cells": result.against_raw,
        "promised_gain": result.promised_gain,
        "true_gain": result.true_gain,
        "gain_error": result.gain_error,
        "raw_cells_promised_gain": result.raw_promised_gain,
        "raw_cells_gain_error": result.raw_gain_error,
    }
    if result.averaged is not None:
        named["averaged_choice_minus_raw_cells"] = result.averaged.against_raw
        named["averaged_best_belief_minus_raw_cells"] = result.averaged.informed_against_raw
        named["averaged_gain_error"] = result.averaged.gain_error
    for name, mean in named.items():
        out[f"{name}_{unit}"] = mean.value
        out[f"{name}_standard_error_{unit}"] = mean.standard_error
    out |= {"relative_gain_error": result.relative_gain_error, "standing": result.standing}
    return out | {"gain_is_true": result.gain_is_true, "worlds": result.worlds}


def run_honest_check(
    data: History | Dataset,
    model: GaussianProcess | None = None,
    *,
    response: str = "roughness",
    worlds: int = 200,
    repeats: int = 100,
    seed: int = 0,
    threads: int = 0,
    quick: bool = False,
    progress: Progress | None = None,
) -> HonestCheck:
    """Check choices among the measured settings, per cell (combination of contexts), for the lowest response.

    (a) On readings left out when choosing from a random half of each run's readings, ``repeats`` times. (b) In
    ``worlds`` worlds of each kind, where the truth is known. Each time the model is fitted anew to what it may see,
    robust weights and hyperparameters included, the search for these starting at the history's own. ``model`` gives
    the preset (default: the package's). The same for any number of ``threads`` (0 = the CPU budget); ``quick`` does
    less of both and says so.

    Raises: DataError when the history is no full plan of settings × contexts with repeats; ConfigurationError on an
    option out of range; KeyboardInterrupt on Ctrl-C.
    """
    worlds, repeats = (min(worlds, _QUICK_WORLDS), min(repeats, _QUICK_REPEATS)) if quick else (worlds, repeats)
    if worlds < 2 or repeats < 1 or threads < 0:
        raise ConfigurationError(
            where="demo.honest_check",
            expected="at least 2 worlds, 1 repeat and 0 threads",
            received=f"{worlds} worlds, {repeats} repeats, {threads} threads",
        )
    if not isinstance(data, Dataset):
        data = make_dataset(data.process.core, data.source, responses=[response])
    design = Design.of(data)
    fitted = fit_gaussian_process(data, _options(data, model), seed=seed)
    refit = Refit(design, fitted)
    makers = make_worlds(design, fitted)
    jobs = _Jobs(threads or cpu_budget().threads, progress)
    left = [jobs.add(_left_out, design, refit, [seed, 0, k]) for k in range(repeats)]
    known = {
        kind: [jobs.add(_in_a_world, design, refit, maker, [seed, place, k]) for k in range(worlds)]
        for place, (kind, maker) in enumerate(makers.items(), start=1)
    }
    jobs.finish()
    return _result(
        design,
        fitted,
        seed,
        quick,
        _mean_of_dicts([job.result() for job in left]),
        {kind: [job.result() for job in of_kind] for kind, of_kind in known.items()},
    )


def _options(data: Dataset, model: GaussianProcess | None) -> GaussianProcessOptions:
    if model is None:
        return GaussianProcessOptions()
    names = [one.name for one in model.responses]
    if data.responses[0].name not in names:
        raise ConfigurationError(
            where="demo.honest_check", expected=f"a model of {data.responses[0].name}", received=f"one of {names}"
        )
    found = model.reports[names.index(data.responses[0].name)].hyperparameters
    return GaussianProcessOptions(preset=model.preset, starts=1, warm_starts=[found])


class _Jobs:
    """Independent jobs on a few threads; what runs long inside them holds no GIL."""

    def __init__(self, threads: int, progress: Progress | None) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads)
        self._progress = progress
        self._jobs: list[Future[Any]] = []

    def add(self, call: Callable[..., Any], *arguments: object) -> Future[Any]:
        self._jobs.append(self._pool.submit(call, *arguments))
        return self._jobs[-1]

    def finish(self) -> None:
        """Wait for all; an error or Ctrl-C leaves out what has not begun."""
        try:
            for done, job in enumerate(as_completed(self._jobs), start=1):
                job.result()
                if self._progress is not None:
                    self._progress("honest check", done, len(self._jobs))
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _left_out(design: Design, refit: Refit, key: Sequence[int]) -> dict[str, float]:
    generator = np.random.default_rng(key)
    levels = design.shape[2]
    order = generator.permutation(len(design.run))
    at = (design.run * levels + design.level)[order]
    by_point = order[np.argsort(at, kind="stable")]  # readings of a point beside one another, in random order
    seen = np.zeros(len(order), dtype=bool)
    seen[by_point[_rank_within(np.sort(at)) % 2 == 0]] = True
    y, present = design.y, ~np.isnan(design.y)
    believed = refit.posterior_means(np.where(seen, y, np.nan), key[-1])
    choices = choose(design, y, seen & present, believed)
    unseen = design.cell_means(y, ~seen & present)  # as recorded: what looks wrong is not taken out of the judgement
    return judge(design, unseen, choices).expected


def _rank_within(sorted_places: np.ndarray) -> np.ndarray:
    """Return the number of each entry within its group of equal ones: 0, 1, …."""
    begins = np.concatenate([[0], np.flatnonzero(np.diff(sorted_places)) + 1])
    lengths = np.diff(np.concatenate([begins, [len(sorted_places)]]))
    out: np.ndarray = np.arange(len(sorted_places)) - np.repeat(begins, lengths)
    return out


def _in_a_world(design: Design, refit: Refit, maker: WorldMaker, key: Sequence[int]) -> Outcome:
    world = maker(np.random.default_rng(key))
    y = np.where(np.isnan(design.y), np.nan, world.y)
    believed = refit.posterior_means(y, key[-1])
    return judge(design, world.truth, choose(design, y, ~np.isnan(y), believed), world.best_belief)


def _mean_of_dicts(rows: Sequence[Mapping[str, float]]) -> LeftOut:
    return LeftOut(len(rows), {rule: float(np.mean([row[rule] for row in rows])) for rule in RULES})


def _result(
    design: Design,
    fitted: GaussianProcess,
    seed: int,
    quick: bool,
    left_out: LeftOut,
    outcomes: Mapping[str, Sequence[Outcome]],
) -> HonestCheck:
    data = design.data
    names = tuple(v.name for v in data.encoder.variables if v.role.name == "context")
    return HonestCheck(
        response=data.responses[0].name,
        unit=data.responses[0].unit,
        preset=fitted.preset,
        seed=seed,
        quick=quick,
        settings=design.shape[1],
        cells=design.shape[0],
        cell_variables=names,
        readings_per_run=round(len(design.run) / design.runs),
        runs=design.runs,
        readings=len(design.run),
        centre_runs=int((design.run_setting == design.centre).sum() // design.shape[0]),
        centre_sd=estimate_noise(data, 0).between_sd,
        gross_errors=int((~design.usable & ~np.isnan(design.y)).sum()),
        left_out=left_out,
        worlds=tuple(WorldResult.of(kind, of_kind) for kind, of_kind in outcomes.items()),
    )
