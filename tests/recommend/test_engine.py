"""Proposals for mixed columns, relations, several responses, pending runs; and input that is bad or strange."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban import recommend, surrogate
from luban.errors import ConfigurationError, DataError, InfeasibleError
from luban.recommend import Column, Relation, SearchOptions, propose

FAST = SearchOptions(raw_samples=64, restarts=4)
BOX = np.array([[0.0, 0.0], [1.0, 1.0]])
COLUMNS = [
    Column(-1.0, 2.0),
    Column(0, 5, kind="integer"),
    Column(kind="ordinal", values=[0.5, 1.0, 4.0]),
    Column(kind="categorical", values=["oil", "water", "none"], name="coolant"),
]


def mixed(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [rng.uniform(-1, 2, n), rng.integers(0, 6, n), rng.choice([0.5, 1.0, 4.0], n), rng.integers(0, 3, n)]
    )


def cost(X: np.ndarray) -> np.ndarray:
    """Least at (0.5, 4, 1, water)."""
    return (X[:, 0] - 0.5) ** 2 + 0.3 * (X[:, 1] - 4) ** 2 + (X[:, 2] - 1) ** 2 + 2.0 * (X[:, 3] != 1)


def uniform(n: int, d: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(n, d))


def two(X: np.ndarray) -> np.ndarray:
    """Two objectives whose front is the line from (0.2, 0.2) to (0.8, 0.8)."""
    return np.stack([((X - 0.2) ** 2).sum(axis=1), ((X - 0.8) ** 2).sum(axis=1)], axis=1)


def test_mixed_columns_find_their_optimum() -> None:
    X = mixed(8)
    for seed in range(14):
        X = np.vstack([X, propose(X, cost(X), columns=COLUMNS, seed=seed, search=FAST)])
    assert cost(X).min() < 1e-2


def test_labels_in_labels_out() -> None:
    X = mixed(8)
    rows = [[x, int(k), v, COLUMNS[3].values[int(c)]] for x, k, v, c in X]
    numbers = propose(X, cost(X), columns=COLUMNS, q=2, search=FAST)
    labels = propose(rows, cost(X), columns=COLUMNS, q=2, search=FAST)
    assert labels.dtype == object
    assert [row[3] for row in labels] == [COLUMNS[3].values[int(c)] for c in numbers[:, 3]]
    assert np.array_equal(labels[:, :3].astype(float), numbers[:, :3])


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 8), q=st.integers(1, 2))
def test_proposals_are_what_columns_allow(seed: int, n: int, q: int) -> None:
    X = mixed(n, seed)
    relation = Relation([1.0, 0.5, 0.0, 0.0], high=2.0)
    x = propose(X, cost(X), columns=COLUMNS, relations=[relation], q=q, seed=seed, search=FAST)
    assert ((x[:, 0] >= -1) & (x[:, 0] <= 2)).all()
    assert set(x[:, 1]) <= {0, 1, 2, 3, 4, 5}
    assert set(x[:, 2]) <= {0.5, 1.0, 4.0}
    assert set(x[:, 3]) <= {0, 1, 2}
    assert (x[:, 0] + 0.5 * x[:, 1] <= 2.0 + 1e-9).all()


def test_a_mixture_sums_to_one() -> None:
    X = np.random.default_rng(0).dirichlet(np.ones(3), 6)
    best = np.array([0.2, 0.5, 0.3])
    bounds = np.array([[0.0] * 3, [1.0] * 3])
    whole = Relation([1.0, 1.0, 1.0], low=1.0, high=1.0)
    for seed in range(8):
        x = propose(X, ((X - best) ** 2).sum(axis=1), bounds, relations=[whole], seed=seed, search=FAST)
        assert x.sum() == pytest.approx(1.0, abs=1e-9)
        X = np.vstack([X, x])
    assert ((X - best) ** 2).sum(axis=1).min() < 1e-3


def test_contradictory_relations_are_named() -> None:
    relations = [Relation([1.0, 1.0], low=1.5), Relation([1.0, 0.0], high=0.2), Relation([1.0, -1.0], high=3.0)]
    with pytest.raises(InfeasibleError) as caught:
        propose(uniform(4), np.arange(4.0), BOX, relations=relations)
    assert "x1 + x2" in str(caught.value)
    assert "x1 - x2" not in str(caught.value)


def test_several_objectives_widen_the_front() -> None:
    X = uniform(6)
    volume = [recommend.hypervolume(two(X), [1.0, 1.0])]
    for seed in range(8):
        x = propose(X, two(X), BOX, seed=seed, reference=[1.0, 1.0], search=FAST)
        assert x.acquisition_name.endswith("hypervolume_improvement")
        X = np.vstack([X, x])
    volume.append(recommend.hypervolume(two(X), [1.0, 1.0]))
    assert volume[1] > 0.6  # of 0.665 for the whole front
    assert volume[1] > volume[0]


def test_five_objectives_are_scalarised() -> None:
    X = uniform(8)
    Y = np.stack([((X - c) ** 2).sum(axis=1) for c in np.linspace(0, 1, 5)], axis=1)
    x = propose(X, Y, BOX, q=2, search=FAST)
    assert x.acquisition_name == "parego"
    assert x.shape == (2, 2)
    with pytest.raises(ConfigurationError, match="2 to 4 objectives"):
        propose(X, Y, BOX, acquisition="log_expected_hypervolume_improvement")


def test_bounds_of_a_response_are_kept() -> None:
    X = uniform(6)

    def respond(X: np.ndarray) -> np.ndarray:
        return np.stack([X.sum(axis=1), X[:, 0] * X[:, 1]], axis=1)

    ends = [[-np.inf, 0.25], [np.inf, np.inf]]  # least sum with product >= 0.25: (0.5, 0.5)
    for seed in range(12):
        X = np.vstack([X, propose(X, respond(X), BOX, seed=seed, outcome_bounds=ends, search=FAST)])
    Y = respond(X)
    assert Y[Y[:, 1] >= 0.25, 0].min() < 1.02


def test_nothing_feasible_yet_looks_for_what_is() -> None:
    X = uniform(8)
    Y = np.stack([X[:, 0], X.sum(axis=1)], axis=1)
    x = propose(X, Y, BOX, q=2, outcome_bounds=[[-np.inf, 1.9], [np.inf, np.inf]], search=FAST)
    assert x.acquisition_name == "log_probability_feasible"
    assert x.warnings
    assert x[0].sum() > Y[:, 1].max()
    assert (x.probability_feasible > 0).all()
    assert (x.probability_feasible < 1).all()


def test_a_target_is_approached_from_both_sides() -> None:
    X = uniform(6)
    for seed in range(6):
        Y = X.sum(axis=1)
        X = np.vstack([X, propose(X, Y, BOX, seed=seed, objectives=[("target", 1.3)], search=FAST)])
    assert np.abs(X.sum(axis=1) - 1.3).min() < 1e-3


def test_pending_runs_are_kept_away_from() -> None:
    X = uniform(8)
    Y = ((X - 0.6) ** 2).sum(axis=1)
    first = propose(X, Y, BOX, search=FAST)
    second = propose(X, Y, BOX, pending=first, search=FAST)
    assert np.linalg.norm(second - first) > 1e-3
    together = propose(X, Y, BOX, q=2, search=FAST)
    assert np.array_equal(together[0], first[0])


def test_missing_responses_are_left_out_one_by_one() -> None:
    X = uniform(8)
    Y = two(X)
    Y[2, 0] = Y[5, 1] = np.nan
    x = propose(X, Y, BOX, search=FAST)
    assert np.isfinite(x.expected).all()
    with pytest.raises(DataError, match="response 2"):
        propose(X, np.where([False, True], np.nan, Y), BOX)


@pytest.mark.parametrize("acquisition", get_args(recommend.Acquisition))
@pytest.mark.parametrize(("seed", "d", "n"), [(37, 1, 85), (98, 2, 113), (9, 3, 104)])
def test_smooth_values_without_noise_are_no_trouble(
    acquisition: recommend.Acquisition, seed: int, d: int, n: int
) -> None:
    """What is believed of the measured points themselves is then little more than rounding."""
    random = np.random.default_rng(seed)
    X = random.random((n, d))
    Y = np.column_stack([np.exp(X @ random.normal(size=d)), (X**2).sum(axis=1)])
    several = "hypervolume" in acquisition or acquisition == "parego"
    box = np.array([[0.0] * d, [1.0] * d])
    found = propose(X, Y if several else Y[:, 0], box, q=3, acquisition=acquisition)
    assert np.isfinite(found).all()


def test_a_repaired_covariance_is_told() -> None:
    X = np.random.default_rng(0).random((12, 2))
    box = np.array([[0.0, 0.0], [1.0, 1.0]])
    Y = ((X - 0.4) ** 2).sum(axis=1)
    artefact = surrogate.Artefact()
    surrogate.fit_gaussian_process(recommend.array_dataset(X, Y, box)).write(artefact)
    artefact.metadata = artefact.metadata.replace('"degraded":false', '"degraded":true')
    marked = surrogate.GaussianProcess.read(artefact)
    found = recommend.propose(X, Y, box, surrogate=marked)
    assert any("the covariance of y1 was nearly singular" in sentence for sentence in found.warnings)


def test_the_answer_says_what_is_believed() -> None:
    X = uniform(8)
    x = propose(X, np.column_stack([two(X), X[:, 0]]), BOX, q=2, outcome_bounds=[[-np.inf] * 3, [np.inf, np.inf, 0.7]])
    assert isinstance(x, np.ndarray)
    assert x.expected.shape == x.sd.shape == (2, 3)
    assert np.abs(x.expected[:, 2] - x[:, 0]).max() < 0.2
    assert np.mean(x) == pytest.approx(np.asarray(x).mean())
    assert x.acquisition.shape == x.probability_feasible.shape == (2,)


@pytest.mark.parametrize(
    "acquisition",
    [
        "log_expected_improvement",
        "log_noisy_expected_improvement",
        "upper_confidence_bound",
        "upper_confidence_bound_pure_exploration",
        "thompson",
        "max_value_entropy",
    ],
)
@pytest.mark.parametrize("bounded", [False, True])
def test_every_acquisition_finds_the_bottom_of_a_bowl(acquisition: recommend.Acquisition, bounded: bool) -> None:
    X = uniform(6)
    ends = [[-np.inf, -np.inf], [np.inf, 0.9]] if bounded else None

    def respond(X: np.ndarray) -> np.ndarray:
        bowl = ((X - 0.4) ** 2).sum(axis=1)
        return np.stack([bowl, X.sum(axis=1)], axis=1) if bounded else bowl[:, None]

    for seed in range(8):
        x = propose(X, respond(X), BOX, seed=seed, acquisition=acquisition, beta=1.0, outcome_bounds=ends, search=FAST)
        assert x.acquisition_name == acquisition
        X = np.vstack([X, x])
    assert respond(X)[:, 0].min() < 0.02


@pytest.mark.parametrize("acquisition", ["automatic", "log_noisy_expected_hypervolume_improvement", "parego"])
def test_same_seed_same_bits_for_any_number_of_threads(acquisition: recommend.Acquisition) -> None:
    X = mixed(9)
    Y = np.stack([cost(X), X[:, 0], X[:, 1]], axis=1)
    ends = [[-np.inf] * 3, [np.inf, np.inf, 4.5]]
    answers = [
        propose(X, Y, columns=COLUMNS, q=2, acquisition=acquisition, outcome_bounds=ends, threads=threads,
                search=SearchOptions(raw_samples=64, restarts=4, threads=threads))
        for threads in (1, 2, 3)
    ]  # fmt: skip
    for other in answers[1:]:
        assert np.array_equal(answers[0], other)
        assert np.array_equal(answers[0].acquisition, other.acquisition)


def strange(n: int, seed: int = 3) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    X = uniform(n, seed=seed)
    Y = ((X - 0.4) ** 2).sum(axis=1)
    return {
        "duplicates": (np.vstack([X, X, X]), np.tile(Y, 3)),
        "contradicting duplicates": (np.vstack([X, X]), np.concatenate([Y, Y + 1.0])),
        "constant": (X, np.full(n, 7.0)),
        "zero": (X, np.zeros(n)),
        "one run": (X[:1], Y[:1]),
        "two equal runs": (X[[0, 0]], Y[[0, 0]]),
        "tiny": (X, 1e-12 * Y),
        "huge": (X, 1e12 * Y),
        "offset": (X, 1e12 + Y),
        "one giant": (X, np.append(Y[:-1], 1e15)),
        "close points": (0.5 + 1e-10 * X, Y),
    }


@pytest.mark.parametrize("case", list(strange(4)))
@pytest.mark.parametrize("several", [False, True])
def test_strange_data_still_give_points(case: str, several: bool) -> None:
    X, Y = strange(6)[case]
    for bounded in (False, True):
        columns = [Y, Y[::-1]] if several else [Y]
        ends = None
        if bounded:
            columns.append(X[:, 0])
            ends = [[-np.inf] * len(columns), [np.inf] * (len(columns) - 1) + [0.8]]
        x = propose(X, np.stack(columns, axis=1), BOX, q=2, outcome_bounds=ends, search=FAST)
        assert ((x >= 0) & (x <= 1)).all()
        assert np.isfinite(x.expected).all()
        assert np.isfinite(x.sd).all()
        assert np.isfinite(x.acquisition).all()


def test_what_never_varies_is_warned_of() -> None:
    X = uniform(5)
    assert "never varies" in " ".join(propose(X, np.ones(5), BOX, search=FAST).warnings)
    assert propose(X, X[:, 0], BOX, search=FAST).warnings == []


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_scale_of_columns_does_not_matter(scale: float) -> None:
    X = uniform(8)
    Y = ((X - 0.4) ** 2).sum(axis=1)
    x = propose(X, Y, BOX, search=FAST)
    assert propose(scale * X, Y, scale * BOX, search=FAST) / scale == pytest.approx(np.asarray(x), abs=1e-6)


def test_fixed_columns_stay() -> None:
    columns = [Column(0.0, 1.0), Column(3.0, 3.0), Column(kind="categorical", values=["only"])]
    X = np.column_stack([uniform(6, 1), np.full(6, 3.0), np.zeros(6)])
    x = propose(X, X[:, 0], columns=columns, q=2, search=FAST)
    assert (x[:, 1] == 3.0).all()
    assert (x[:, 2] == 0.0).all()
    everything = propose(X[:, 1:], X[:, 0], columns=columns[1:], search=FAST)
    assert everything.tolist() == [[3.0, 0.0]]


Call = Callable[[], object]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Column(0.0, 1.0, kind="real"), ConfigurationError, "kind"),  # type: ignore[arg-type]
        (lambda: Column(1.0, 0.0), ConfigurationError, "low <= high"),
        (lambda: Column(0.0, np.inf), ConfigurationError, "finite"),
        (lambda: Column(0.2, 0.8, kind="integer"), ConfigurationError, "whole number"),
        (lambda: Column(kind="ordinal"), ConfigurationError, "values"),
        (lambda: Column(kind="ordinal", values=["a"]), ConfigurationError, "numbers"),
        (lambda: Column(kind="categorical", values=["a", "a"]), ConfigurationError, "once"),
        (lambda: Column(0.0, kind="categorical", values=["a"]), ConfigurationError, "values alone"),
        (lambda: propose(uniform(3), [1, 2, 3]), ConfigurationError, "either bounds or columns"),
        (lambda: propose(uniform(3), [1, 2, 3], BOX, columns=[Column(0, 1)] * 2), ConfigurationError, "both"),
        (lambda: propose(uniform(3), [1, 2, 3], BOX, relations=[Relation([1.0])]), ConfigurationError, "weight"),
        (lambda: propose(uniform(3), [1, 2, 3], BOX, relations=[Relation([1, 1], 2, 1)]), ConfigurationError, "low"),
        (lambda: propose(uniform(3), [1, 2, 3], BOX, acquisition="ei"), ConfigurationError, "acquisition"),  # type: ignore[arg-type]
        (lambda: propose(uniform(3), [1, 2, 3], BOX, beta=-1.0), ConfigurationError, "beta"),
        (lambda: propose(uniform(3), [1, 2, 3], BOX, objectives=["least"]), ConfigurationError, "minimize"),  # type: ignore[list-item]
        (lambda: propose(uniform(3), [1, 2, 3], BOX, objectives=[None]), ConfigurationError, "objective"),
        (lambda: propose(uniform(3), [1, 2, 3], BOX, outcome_bounds=[[0.0], [1.0]]), ConfigurationError, "objective"),
        (lambda: propose(uniform(3), [1, 2, 3], BOX, outcome_bounds=[[1.0], [0.0]]), DataError, "low < high"),
        (lambda: propose(uniform(3), two(uniform(3)), BOX, reference=[1.0]), DataError, "reference"),
        (lambda: propose(uniform(3), [1, 2, 3], BOX, pending=[[np.nan, 0.0]]), DataError, "pending"),
        (lambda: propose([[0.0], [1.0], [3.0]], [1, 2, 3], columns=[COLUMNS[3]]), DataError, "category"),
        (lambda: propose([["oil"], ["watr"]], [1, 2], columns=[COLUMNS[3]]), DataError, "water"),
    ],
)
def test_what_does_not_fit_is_refused(call: Call, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_steep_objective_is_told_in_its_own_units() -> None:
    X = uniform(14)

    def steep(X: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(9 * X[:, 0]) + X[:, 1])

    x = propose(X, steep(X), BOX, search=FAST)
    assert steep(np.asarray(x))[0] < 10.0
    assert x.expected[0, 0] == pytest.approx(steep(np.asarray(x))[0], abs=20.0)  # of a range of 8,000
    both = propose(X, np.stack([steep(X), steep(1 - X)], axis=1), BOX, search=FAST)
    assert np.isfinite(both.expected).all()


def test_what_runs_cost_counts() -> None:
    X = uniform(10)
    gain = np.cos(9.0 * (X[:, 0] - 0.5)) + 0.3 * X[:, 1]  # two equal valleys, at both ends
    price = 1.0 + 50.0 * X[:, 0]
    both = np.stack([gain, price], axis=1)
    free = propose(X, gain[:, None], BOX, search=FAST)
    cheap = propose(X, both, BOX, cost=1, search=FAST)
    assert cheap.expected.shape == (1, 2)
    assert cheap[0, 0] <= free[0, 0] + 1e-6
    assert cheap[0, 0] < 0.5
    for wrong, match in (({"cost": 5}, "among 2"), ({"cost": 1, "acquisition": "thompson"}, "weighed")):
        with pytest.raises(ConfigurationError, match=match):
            propose(X, both, BOX, **wrong)
    with pytest.raises(ConfigurationError, match="no objective"):
        propose(X, both, BOX, cost=1, objectives=["minimize", "minimize"])
    with pytest.raises(DataError, match="above 0"):
        propose(X, np.stack([gain, price - 30.0], axis=1), BOX, cost=1)
