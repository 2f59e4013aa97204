"""The honest check: worlds whose truth is known, choices judged there, and what would be dishonest."""

import dataclasses
import json
from itertools import product

import numpy as np
import pytest

from luban import _core, datasets, features, surrogate
from luban._demo.honest import HonestCheck, Mean, WorldResult, run_honest_check
from luban._demo.honest_choice import RULES, Choices, Outcome, choose, judge
from luban._demo.honest_design import Design
from luban._demo.honest_worlds import KINDS, FittedWorlds, QuadraticWorlds, ResampledWorlds, make_worlds
from luban.errors import ConfigurationError, DataError

CATEGORIES = {"wear": ["New", "Worn"], "position": ["Chuck", "End"]}
UNITS = {"speed": "m/min", "feed": "mm/rev", "roughness": "um"}
SETTINGS = [(x, y) for x, y in product((0.0, 0.5, 1.0), repeat=2)]
CENTRE = SETTINGS.index((0.5, 0.5))
SHAFT_SD, READING_SD = 0.3, 0.2


def simulated(*, without: tuple[int, int] | None = None, gross: float | None = None) -> features.Dataset:
    """Nine settings × two tool states, the centre turned three times; four readings at each of two positions."""
    random = np.random.default_rng(5)
    runs = [(s, w) for s in range(9) for w in range(2) for _ in range(3 if s == CENTRE else 1) if (s, w) != without]
    rows = [(k, s, w, p) for k, (s, w) in enumerate(runs) for p in range(2) for _ in range(4)]
    run, setting, wear, position = (np.array(column) for column in zip(*rows, strict=True))
    x = np.array(SETTINGS)[setting]
    shaft = SHAFT_SD * random.standard_normal(len(runs))[run]
    y = 3.0 + np.sin(3.0 * x[:, 0]) - x[:, 1] * (1.0 + wear) + 0.2 * position + shaft
    y += READING_SD * random.standard_normal(len(y))
    if gross is not None:
        y[0] = gross
    columns = {
        "run_id": np.array([f"shaft {k}" for k in run], dtype=object),
        "repeat": np.arange(len(run)).astype(float),
        "speed": 100.0 + 200.0 * x[:, 0],
        "feed": 0.05 + 0.1 * x[:, 1],
        "wear": wear.astype(np.int32),
        "position": position.astype(np.int32),
        "roughness": y,
    }
    source = _core.MemorySource(_core.Table.from_dict(columns, units=UNITS, categories=CATEGORIES))
    return features.make_dataset(_core.Process.from_json(json.dumps(PROCESS)), source)


PROCESS = {
    "luban": 1,
    "process": "simulated turning",
    "parameters": [
        {"name": "speed", "unit": "m/min", "kind": "continuous", "low": 100, "high": 300},
        {"name": "feed", "unit": "mm/rev", "kind": "continuous", "low": 0.05, "high": 0.15},
    ],
    "context": [{"name": "wear", "kind": "categorical", "categories": CATEGORIES["wear"]}],
    "noise": [{"name": "position", "kind": "categorical", "categories": CATEGORIES["position"]}],
    "responses": [{"name": "roughness", "unit": "um"}],
}


@pytest.fixture(scope="module")
def data() -> features.Dataset:
    return simulated()


@pytest.fixture(scope="module")
def design(data: features.Dataset) -> Design:
    return Design.of(data)


@pytest.fixture(scope="module")
def model(data: features.Dataset) -> surrogate.GaussianProcess:
    return surrogate.fit_gaussian_process(data)


@pytest.fixture(scope="module")
def check(data: features.Dataset) -> HonestCheck:
    return run_honest_check(data, worlds=12, repeats=5, seed=3, threads=2)


def test_the_plan_is_recognised(design: Design) -> None:
    assert (design.shape, design.runs, design.centre) == ((2, 9, 2), 22, CENTRE)
    np.testing.assert_allclose(design.weights, 0.5)
    first = design.cell[0], design.setting[0], design.level[0]
    np.testing.assert_array_equal(design.grid[first], design.data.X[0])
    members = (design.cell == 1) & (design.setting == 4)
    assert members.sum() == 24
    assert design.cell_means(design.y, design.usable)[1, 4] == pytest.approx(design.y[members].mean())


def test_the_same_for_any_number_of_threads(data: features.Dataset, check: HonestCheck) -> None:
    assert run_honest_check(data, worlds=12, repeats=5, seed=3, threads=1).to_dict() == check.to_dict()
    assert run_honest_check(data, worlds=12, repeats=5, seed=4, threads=1).to_dict() != check.to_dict()


def test_nobody_is_better_than_the_truth(check: HonestCheck) -> None:
    assert [result.kind for result in check.worlds] == list(KINDS)
    for result in check.worlds:
        for rule in RULES:
            assert result.best.value <= result.expected[rule].value + 1e-12
        assert result.expected["centre"].value > result.expected["choice"].value


def test_numbers_for_machines(check: HonestCheck) -> None:
    out = json.loads(json.dumps(check.to_dict(), allow_nan=False))
    for rule in RULES:
        by_kind = [out["worlds"][kind][f"{rule}_expected_um"] for kind in KINDS]
        assert out[f"{rule}_expected_um"] == pytest.approx(np.mean(by_kind))
    assert out["choice_readings_um"] < out["centre_readings_um"]
    assert out["worlds_per_kind"] == 12


def test_words_say_what_the_numbers_cannot(check: HonestCheck) -> None:
    text = check.text()
    assert "not 176 runs" in text
    assert "share their shafts with those used" in text
    assert "QUICK" not in text
    assert "QUICK" in dataclasses.replace(check, quick=True).text()
    for result in check.worlds:
        assert f"{result.expected['choice'].value:.4f}" in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_quick_does_less(data: features.Dataset) -> None:
    check = run_honest_check(data, quick=True)
    assert (check.quick, check.worlds[0].worlds, check.left_out.repeats) == (True, 20, 10)


# -- the worlds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(KINDS))
def test_readings_are_right_on_average(design: Design, model: surrogate.GaussianProcess, kind: str) -> None:
    make = make_worlds(design, model)[kind]
    worlds = [make(np.random.default_rng([1, k])) for k in range(300)]
    errors = np.array([design.cell_means(w.y, design.usable) - w.truth for w in worlds])
    standard_error = errors.std(axis=0, ddof=1) / np.sqrt(len(worlds))
    assert (np.abs(errors.mean(axis=0)) < 5 * standard_error).all()
    assert errors.std() > 0.1  # one shaft per setting: its difference from others stays in the average


def test_quadratic_worlds_are_quadratic(design: Design) -> None:
    truth = QuadraticWorlds(design)(np.random.default_rng(0)).truth
    x = np.array(SETTINGS)
    basis = np.column_stack([np.ones(9), x, x**2, x[:, 0] * x[:, 1]])
    for cell in truth:
        fitted = basis @ np.linalg.lstsq(basis, cell, rcond=None)[0]
        np.testing.assert_allclose(fitted, cell, atol=1e-9)


def test_resampled_runs_differ_as_much_as_runs_do(design: Design, model: surrogate.GaussianProcess) -> None:
    effects = ResampledWorlds(design, model).of_runs
    np.testing.assert_allclose(effects.mean(axis=0), 0.0, atol=1e-12)
    spread = np.sqrt(model.between_sd(0) ** 2 + model.between_points_sd(0) ** 2)
    assert effects.std() == pytest.approx(spread, rel=0.3)


def test_gross_errors_do_not_reach_the_worlds() -> None:
    design = Design.of(simulated(gross=200.0))
    assert (~design.usable).sum() == 1
    model = surrogate.fit_gaussian_process(design.data)
    for make in make_worlds(design, model).values():
        assert make(np.random.default_rng(2)).y.max() < 20.0


# -- judging -------------------------------------------------------------------------------------------------------


def outcomes(design: Design, model: surrogate.GaussianProcess, believe: str, worlds: int = 200) -> list[Outcome]:
    """Choosers who need no model: one believes raw averages, one has looked at the truth."""
    make = make_worlds(design, model)["fitted"]
    out = []
    for k in range(worlds):
        world = make(np.random.default_rng([9, k]))
        raw = design.cell_means(world.y, design.usable)
        believed = world.truth if believe == "truth" else raw
        out.append(judge(design, world.truth, choose(design, world.y, design.usable, believed)))
    return out


def test_who_believes_averages_is_found_out(design: Design, model: surrogate.GaussianProcess) -> None:
    result = WorldResult.of("fitted", outcomes(design, model, "averages"))
    assert result.promised_gain.value > result.true_gain.value + 3 * result.gain_error.standard_error
    assert not result.gain_is_true
    assert result.standing == "level"


def test_the_best_belief_is_the_posterior_at_the_hyperparameters_of_the_world(
    design: Design, model: surrogate.GaussianProcess
) -> None:
    make = FittedWorlds(design, model)
    means = design.run_means(design.y, design.usable).ravel()
    belief = (make.mean + make.gain @ (means - make.mean)).reshape(design.shape)
    posterior = model.average(design.points, design.weights[0]).mean()[:, 0]
    np.testing.assert_allclose(design.expected(belief).ravel(), posterior, atol=1e-6)


def test_the_best_belief_is_nearer_to_the_truth_than_averages(check: HonestCheck, design: Design) -> None:
    fitted, *others = check.worlds
    assert fitted.averaged is not None
    assert all(result.averaged is None for result in others)
    make = FittedWorlds(design, surrogate.fit_gaussian_process(design.data))
    worlds = [make(np.random.default_rng([2, k])) for k in range(500)]
    believed, raw = [], []
    for world in worlds:
        assert world.best_belief is not None
        believed.append(((world.best_belief - world.truth) ** 2).mean())
        raw.append(((design.cell_means(world.y, design.usable) - world.truth) ** 2).mean())
    assert np.mean(believed) < np.mean(raw)


def test_averaging_over_the_worlds_read_alike_leaves_the_mean_and_takes_chance_away(
    design: Design, model: surrogate.GaussianProcess
) -> None:
    make = FittedWorlds(design, model)
    made = []
    for k in range(2000):
        world = make(np.random.default_rng([3, k]))
        raw = design.cell_means(world.y, design.usable)
        made.append(judge(design, world.truth, choose(design, world.y, design.usable, raw), world.best_belief))
    averaged = np.array([outcome.averaged["choice"] for outcome in made if outcome.averaged is not None])
    true = np.array([outcome.expected["choice"] for outcome in made])
    difference = averaged - true
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(made))
    result = WorldResult.of("fitted", made)
    assert result.averaged is not None
    assert result.averaged.gain_error.standard_error < 0.7 * result.gain_error.standard_error
    assert result.averaged.informed_against_raw.value < 0.0


def test_who_knows_the_truth_is_the_best_possible(design: Design, model: surrogate.GaussianProcess) -> None:
    result = WorldResult.of("fitted", outcomes(design, model, "truth"))
    assert result.expected["choice"].value == result.best.value
    assert result.gain_is_true
    assert result.standing == "below"


def test_choosing_and_judging_on_the_same_readings_flatters(design: Design) -> None:
    random = np.random.default_rng(11)
    flattered, honest = [], []
    for _ in range(100):
        seen = np.zeros(len(design.run), dtype=bool)
        for run, level in product(range(design.runs), range(2)):
            members = np.flatnonzero((design.run == run) & (design.level == level))
            seen[random.permutation(members)[:2]] = True
        raw = design.cell_means(design.y, seen)
        choices = Choices({"raw_cells": raw.argmin(axis=1)}, {})
        flattered.append(judge(design, raw, choices).expected["raw_cells"])
        honest.append(judge(design, design.cell_means(design.y, ~seen), choices).expected["raw_cells"])
    assert np.mean(flattered) < np.mean(honest)


def result_of(kind: str, difference: float, promised: float) -> WorldResult:
    random = np.random.default_rng(1)
    made = []
    for noise in 0.01 * random.standard_normal(100):
        expected = {"choice": 1.0 + difference + noise, "raw_cells": 1.0, "best_single": 1.2, "centre": 2.0}
        gained = {"choice": 1.0, "raw_cells": 1.0}
        made.append(Outcome(expected, gained, {"choice": promised + noise, "raw_cells": 1.3}, 0.9))
    return WorldResult.of(kind, made)


@pytest.mark.parametrize(
    ("differences", "met"),
    [
        ((-0.1, -0.1, 0.0), True),
        ((-0.1, -0.1, -0.1), True),
        ((-0.1, 0.0, 0.0), False),
        ((-0.1, -0.1, 0.1), False),
    ],
)
def test_the_reach_is_as_stated(check: HonestCheck, differences: tuple[float, ...], met: bool) -> None:
    worlds = tuple(result_of(kind, d, 1.0) for kind, d in zip(KINDS, differences, strict=True))
    judged = dataclasses.replace(check, worlds=worlds)
    assert judged.reach().below_raw == met
    assert ("above in none: met" in judged.text()) == met


@pytest.mark.parametrize(
    ("kind", "promised", "right"),
    [("fitted", 1.0, True), ("fitted", 1.01, False), ("quadratic", 1.09, True), ("quadratic", 1.12, False)],
)
def test_the_gain_is_judged_as_stated(kind: str, promised: float, right: bool) -> None:
    assert result_of(kind, 0.0, promised).gain_is_true == right


def test_a_mean_has_its_standard_error() -> None:
    mean = Mean.of([1.0, 2.0, 3.0, 4.0])
    assert (mean.value, mean.standard_error) == (2.5, pytest.approx(np.sqrt(5 / 3 / 4)))


# -- what is refused -----------------------------------------------------------------------------------------------


def test_a_plan_with_holes_is_refused() -> None:
    with pytest.raises(DataError, match="holes"):
        run_honest_check(simulated(without=(3, 1)))


@pytest.mark.parametrize("options", [{"worlds": 1}, {"repeats": 0}, {"threads": -1}])
def test_options_out_of_range_are_refused(data: features.Dataset, options: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="at least"):
        run_honest_check(data, **options)


def test_a_model_of_something_else_is_refused(data: features.Dataset) -> None:
    class OfForce:
        responses = (type("Named", (), {"name": "force"}),)

    with pytest.raises(ConfigurationError, match="force"):
        run_honest_check(data, OfForce())  # type: ignore[arg-type]


def test_stopping_leaves_out_what_has_not_begun(data: features.Dataset) -> None:
    seen: list[int] = []

    def stop(phase: str, done: int, total: int) -> None:
        seen.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_honest_check(data, worlds=200, progress=stop, threads=1)
    assert seen == [1]


def test_the_packaged_history() -> None:
    """Sixty settings in cells, one shaft each but for the centre; the centre holds the gross entry error."""
    check = run_honest_check(datasets.turning(), worlds=2, repeats=4, threads=2)
    assert (check.settings, check.cells, check.runs, check.centre_runs) == (15, 4, 68, 3)
    assert check.gross_errors == 1
    assert check.centre_sd == pytest.approx(0.14, abs=0.02)
    readings = check.left_out.readings
    assert readings["choice"] == pytest.approx(1.07, abs=0.03)
    assert readings["raw_cells"] == pytest.approx(1.07, abs=0.03)
    assert readings["best_single"] == pytest.approx(1.36, abs=0.03)
    assert readings["centre"] == pytest.approx(2.31, abs=0.06)
