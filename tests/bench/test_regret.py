"""The benchmark of regret: its formulas, its bookkeeping and its statistics."""

from pathlib import Path

import numpy as np
import pytest

from .regret import evaluate, loops, problems, traces
from .regret.traces import Trace

PROBLEMS = problems.problems()


@pytest.mark.parametrize(
    ("name", "x", "published"),
    [
        ("branin", [np.pi, 2.275], 0.397887),
        ("branin", [-np.pi, 12.275], 0.397887),
        ("branin", [9.42478, 2.475], 0.397887),
        ("hartmann-6", [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573], -3.32237),
        ("noisy-ackley-10", [0.0] * 10, 0.0),
        ("welded-beam", [0.205729, 3.470489, 9.036625, 0.20573], 1.724852),
        ("pressure-vessel", [0.8125, 0.4375, 42.0984455, 176.636596], 6059.7143),
    ],
)
def test_published_optima(name: str, x: list[float], published: float) -> None:
    problem = PROBLEMS[name]
    F, G = problem.evaluate(np.array([x]))
    assert F[0, 0] == pytest.approx(published, rel=1e-5, abs=1e-9)
    assert problem.optimum == pytest.approx(published, rel=1e-5, abs=1e-9)
    scale = np.array([13600, 30000, 1, 1, 1, 6000]) if name == "welded-beam" else np.array([1, 1, 1296000, 1])
    assert G.shape[1] == 0 or (G[0] / scale > -1e-5).all()  # the published digits stand on the constraints


# botorch 0.18.1, test_functions of these names: _evaluate_true and _evaluate_slack_true at these points.
BOTORCH = [
    ("branin", [-0.5, 8.25], [20.448529140414045], []),
    ("hartmann-6", [0.8, 0.1, 0.6, 0.35, 0.5, 0.25], [-0.13359190999248802], []),
    ("noisy-ackley-10", [-0.5, 3.25, -2, 5.5, 1.75, 8.5, -0.5, 3.25, -2, 5.5], [13.111212171274811], []),
    (
        "welded-beam",  # the last one, the buckling load, is 36 times as much there less the load of 6000
        [8.025, 1.09, 6.04, 3.565],
        [93.17921053842751],
        [
            12875.456846944073,
            26124.77319927591,
            -4.46,
            -17.375624238489998,
            0.24720550238064,
            836561919.9140785 / 36 - 6e3,
        ],
    ),
    (
        "pressure-vessel",
        [1.875, 3.4375, 18.0, 185.0],
        [9181.1706328125],
        [1.5276, 3.26578, -1083263.9118695136, 55.0],
    ),
    ("vehicle-safety", [1.6, 2.1, 1.4, 2.4, 1.9], [1682.3242381500004, 10.337262, 0.101079], []),
    ("constrained-branin-currin", [0.8, 0.1], [17.335654157995116, 10.393993775723567], [-6.25]),
]


@pytest.mark.parametrize(("name", "x", "objectives", "slacks"), BOTORCH)
def test_numbers_from_botorch(name: str, x: list[float], objectives: list[float], slacks: list[float]) -> None:
    F, G = PROBLEMS[name].evaluate(np.array([x]))
    assert F[0] == pytest.approx(objectives, rel=1e-12)
    assert G[0] == pytest.approx(slacks, rel=1e-12)


def test_reference_volume_is_nearly_reached_by_a_grid() -> None:
    problem = PROBLEMS["constrained-branin-currin"]
    side = np.linspace(0.0, 1.0, 301)
    F, G = problem.evaluate(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2))
    F = F[(G >= 0).all(axis=1)]
    F = F[F[:, 0].argsort(kind="stable")]
    front = F[np.append(True, F[1:, 1] < np.minimum.accumulate(F[:, 1])[:-1])]
    assert problems.hypervolume(front, problem.reference) == pytest.approx(problem.optimum, rel=0.01)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=lambda p: p.name)
def test_settings_that_are_run_are_allowed_ones(problem: problems.Problem) -> None:
    random = np.random.default_rng(0)
    tried = np.empty((0, problem.d))
    for _ in range(30):
        x = problem.realise(random.uniform(*problem.bounds), tried)
        assert (x >= problem.bounds[0]).all()
        assert (x <= problem.bounds[1]).all()
        for value, variable in zip(x, problem.variables, strict=True):
            assert variable.levels is None or np.abs(variable.levels - value).min() < 1e-12
        F, G = problem.evaluate(x[None])
        assert np.isfinite(F).all()
        assert np.isfinite(G).all()
        tried = np.vstack([tried, x])
    if problem.table is not None:
        assert len(np.unique(tried, axis=0)) == len(tried)


def test_replay_runs_each_row_once_and_knows_its_yield() -> None:
    problem = PROBLEMS["reactions-suzuki"]
    assert problem.table is not None
    tried = np.empty((0, problem.d))
    for _ in range(len(problem.table)):
        tried = np.vstack([tried, problem.realise(problem.table[0], tried)])
    assert len(np.unique(tried, axis=0)) == 89
    F, _ = problem.evaluate(tried)
    assert F.min() == -98.7
    first = tried[: (problem.table[:, 0] == problem.table[0, 0]).sum()]
    assert (first[:, 0] == problem.table[0, 0]).all()  # the same ligand while there is one


def test_initial_design_and_noise_are_those_of_the_seed() -> None:
    problem = PROBLEMS["noisy-ackley-10"]
    assert np.array_equal(problem.design(5, 1), problem.design(40, 1)[:5])
    assert not np.array_equal(problem.design(5, 1), problem.design(5, 2))
    x = problem.design(1, 1)[0]
    again = problem.observe(x, 1, 3)
    assert np.array_equal(problem.observe(x, 1, 3)[0], again[0])
    assert problem.observe(x, 1, 4)[0] != again[0]
    assert problem.observe(x, 1, 4)[2] == again[2]


def test_best_so_far_counts_what_is_feasible() -> None:
    problem = PROBLEMS["welded-beam"]
    F, G = np.array([[1.0], [5.0], [4.0], [6.0]]), np.array([[-1.0], [0.0], [2.0], [1.0]])
    assert problem.best_so_far(F, G) == [None, 5.0, 4.0, 4.0]
    front = PROBLEMS["constrained-branin-currin"]
    assert front.best_so_far(np.array([[70.0, 10.0], [79.0, 11.0]]), np.array([[1.0], [1.0]])) == [-20.0, -20.0]


def test_methods_are_told_nothing_but_what_was_seen(tmp_path: Path) -> None:
    problem = PROBLEMS["constrained-branin-currin"]
    for name, method in loops.OURS.items():
        trace = traces.solve(problem, method, 0, problem.initial + 3)
        assert len(trace.best) == problem.initial + 3
        store = traces.Store(tmp_path)
        store.put(problem.name, name, 0, trace, {"versions": {}})
        assert store.get(problem.name, name, 0, problem.initial + 3) == trace
        assert store.get(problem.name, name, 0, problem.initial + 4) is None
        assert store.get(problem.name, name, 1, 1) is None


def trace(*best: float | None) -> Trace:
    return Trace(best, 0.0)


def test_evaluations_of_a_censored_run_are_twice_the_budget() -> None:
    assert evaluate.evaluations(trace(None, 3.0, 2.0, 2.0), 2.5) == 3
    assert evaluate.evaluations(trace(None, 3.0, 2.0, 2.0), 1.0) == 8


def test_target_is_what_the_best_peer_has_half_way() -> None:
    problem = PROBLEMS["branin"]  # 5 initial points
    good = [5.0] * 5 + [4.0, 3.0, 2.0, 1.0, 0.9, 0.8, 0.7, 0.6]
    poor = [5.0] * 13
    assert evaluate.target_of(problem, {"a": {0: trace(*poor)}, "b": {0: trace(*good)}}) == 1.0
    near = [5.0] * 5 + [0.3978874] * 8  # no nearer than a thousandth of the way from the start
    expected = problem.optimum + 1e-3 * (5.0 - problem.optimum)
    assert evaluate.target_of(problem, {"b": {0: trace(*near)}}) == pytest.approx(expected)


def test_target_where_little_is_feasible() -> None:
    problem = PROBLEMS["welded-beam"]  # 7 initial points of 15: half way is the eleventh
    late = {0: trace(*[None] * 12, 5.0, 4.0, 3.0), 1: trace(*[None] * 7, *[6.0] * 8)}
    assert evaluate.target_of(problem, {"a": late}) == 5.5  # the first that the median knows
    never = {0: trace(*[None] * 15)}
    target = evaluate.target_of(problem, {"a": never})
    assert evaluate.evaluations(never[0], target) == 30
    assert evaluate.evaluations(late[0], target) == 13


def made(reach: dict[str, list[int]], budget: int = 30) -> dict[str, dict[int, Trace]]:
    """Traces that reach 0.5 at the given evaluation, or never (above the budget)."""
    return {
        name: {s: trace(*[2.0] * min(at - 1, budget), *[0.5] * max(0, budget - at + 1)) for s, at in enumerate(ats)}
        for name, ats in reach.items()
    }


def test_comparison_is_paired_and_with_the_best_peer() -> None:
    problem = PROBLEMS["branin"]
    reach = {"ours": [10, 12, 14, 16, 18], "a": [8, 9, 10, 11, 12], "b": [5, 6, 7, 8, 9]}
    compared = evaluate.compare(problem, made(reach), "ours", ["a", "b"])
    assert compared.peer == "b"
    assert compared.target == 0.5
    assert compared.ratio == pytest.approx(2.0)
    assert compared.low == pytest.approx(2.0)
    assert compared.p < 1e-3
    assert compared.ranks["ours"].tolist() == [3.0] * 5
    same = evaluate.compare(problem, made({"ours": [6, 5, 40], "b": [5, 6, 40]}), "ours", ["b"])
    assert same.ratio == pytest.approx(1.0)
    assert same.low < 1.0 < same.high
    assert same.p == 1.0  # three seeds judge nothing
    assert same.reached == {"ours": 2, "b": 2}
    assert same.ranks["b"].tolist() == [1.0, 2.0, 1.5]


def test_gap_of_ranks_is_with_the_best_of_the_others() -> None:
    problem = PROBLEMS["branin"]
    reach = {"ours": [5, 6, 7, 8], "a": [6, 7, 8, 9], "b": [7, 8, 9, 10]}
    compared = [evaluate.compare(problem, made(reach), "ours", ["a", "b"])] * 2
    assert evaluate.rank_gap(compared, "ours") == ("a", -1.0, -1.0, -1.0)
    name, gap, low, high = evaluate.rank_gap(
        [evaluate.compare(problem, made({"ours": [5, 9, 6, 7], "a": [6, 7, 5, 8]}), "ours", ["a"])], "ours"
    )
    assert (name, gap) == ("a", 0.0)
    assert low < 0 < high


def test_holm_is_stepwise_and_monotone() -> None:
    assert evaluate.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert evaluate.holm([0.5, 0.9]) == [1.0, 1.0]
    assert evaluate.holm([]) == []
