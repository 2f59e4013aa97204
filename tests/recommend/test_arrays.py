"""Ask and tell for plain arrays, and the choice among given settings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban import recommend, surrogate
from luban.errors import ConfigurationError, DataError


def bowl(X: np.ndarray) -> np.ndarray:
    return ((X - np.array([0.3, 70.0])) ** 2 / np.array([1.0, 1e4])).sum(axis=1)


BOUNDS = np.array([[0.0, 0.0], [1.0, 100.0]])


def tried(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(seed).uniform(BOUNDS[0], BOUNDS[1], (n, 2))
    return X, bowl(X)


def test_a_few_rounds_find_the_bottom_of_a_bowl() -> None:
    X, Y = tried(5)
    for seed in range(8):
        x = recommend.propose(X, Y, BOUNDS, seed=seed)
        X, Y = np.vstack([X, x]), np.append(Y, bowl(x))
    assert Y.min() < 1e-3


def test_maximize_is_minimize_of_the_negative() -> None:
    X, Y = tried(8)
    assert np.array_equal(recommend.propose(X, -Y, BOUNDS, maximize=True), recommend.propose(X, Y, BOUNDS))


def test_same_seed_same_bits_for_any_number_of_threads() -> None:
    X, Y = tried(12)
    answers = [recommend.propose(X, Y, BOUNDS, q=3, seed=5, threads=threads) for threads in (1, 2)]
    assert np.array_equal(*answers)
    assert len(np.unique(answers[0], axis=0)) == 3


def test_a_given_surrogate_is_taken_as_it_is() -> None:
    X, Y = tried(12)
    Y = Y + 0.05 * np.random.default_rng(1).standard_normal(12)  # without noise an objective may be learned otherwise
    options = surrogate.GaussianProcessOptions(preset="matern", starts=1, robust=False)
    fitted = surrogate.fit_gaussian_process(recommend.array_dataset(X, Y, BOUNDS), options)
    assert np.allclose(recommend.propose(X, Y, BOUNDS, surrogate=fitted), recommend.propose(X, Y, BOUNDS), atol=0.5)
    less = surrogate.fit_gaussian_process(recommend.array_dataset(X[:10], Y[:10], BOUNDS), options)
    now = less.condition_on(recommend.array_dataset(X[10:], Y[10:], BOUNDS, first=10))
    assert now.run_ids() == [str(i) for i in range(12)]
    point = recommend.propose(X, Y, BOUNDS, surrogate=now)
    assert (BOUNDS[0] <= point).all()
    assert (point <= BOUNDS[1]).all()
    with pytest.raises(DataError, match="inputs x1, x2"):
        recommend.propose(X, Y, 2.0 * BOUNDS, surrogate=fitted)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**63), n=st.integers(1, 8), q=st.integers(1, 3), noisy=st.booleans())
def test_proposals_stay_inside_the_bounds(seed: int, n: int, q: int, noisy: bool) -> None:
    X, Y = tried(n, seed % 1000)
    Y = Y + (np.random.default_rng(seed % 1000).normal(size=n) if noisy else 0.0)
    x = recommend.propose(X, Y, BOUNDS, q=q, seed=seed)
    assert x.shape == (q, 2)
    assert (x >= BOUNDS[0]).all()
    assert (x <= BOUNDS[1]).all()


def test_a_column_of_values_is_as_good_as_a_vector() -> None:
    X, Y = tried(6)
    assert np.array_equal(recommend.propose(X, Y[:, None], BOUNDS), recommend.propose(X, Y, BOUNDS))


@pytest.mark.parametrize(
    ("X", "Y", "bounds"),
    [
        (np.zeros((0, 2)), np.zeros(0), BOUNDS),
        (np.zeros((3, 2)), np.zeros(2), BOUNDS),
        (np.zeros((3, 2)), [np.nan] * 3, BOUNDS),
        (np.zeros((3, 2)), [1.0, np.inf, 2.0], BOUNDS),
        (np.zeros((3, 2)), np.zeros(3), BOUNDS[::-1]),
        (np.zeros((3, 2)), np.zeros(3), BOUNDS[:, :1]),
        (np.zeros(3), np.zeros(3), BOUNDS),
        ([["a", "b"]], [1.0], BOUNDS),
    ],
)
def test_arrays_that_do_not_fit_are_refused(X: object, Y: object, bounds: object) -> None:
    with pytest.raises(DataError, match="propose"):
        recommend.propose(X, Y, bounds)  # type: ignore[arg-type]


def test_options_out_of_range_are_refused() -> None:
    X, Y = tried(3)
    with pytest.raises(ConfigurationError, match="1 to 100"):
        recommend.propose(X, Y, BOUNDS, q=0)
    with pytest.raises(ConfigurationError, match="preset"):
        recommend.propose(X, Y, BOUNDS, preset="lubann")


def test_short_calls_give_the_same_on_the_calling_thread_and_on_a_worker() -> None:
    X, Y = tried(30)
    here = recommend.propose(X, Y, BOUNDS, q=2)
    worker = recommend.propose(X, Y, BOUNDS, q=2, progress=lambda *now: None)
    assert np.array_equal(here, worker)


def test_progress_is_told_and_may_stop_the_call() -> None:
    X, Y = tried(30)
    phases = set()

    def note(phase: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        phases.add(phase)

    recommend.propose(X, Y, BOUNDS, q=2, progress=note)
    assert phases

    def stop(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recommend.propose(X, Y, BOUNDS, q=2, progress=stop)


def test_what_is_masked_is_missing() -> None:
    X, Y = tried(30)
    masked = np.ma.masked_array(Y, mask=np.arange(30) % 3 == 0)
    missing = np.where(np.arange(30) % 3 == 0, np.nan, Y)
    assert np.array_equal(recommend.propose(X, masked, BOUNDS), recommend.propose(X, missing, BOUNDS))
    with pytest.raises(DataError, match="complex"):
        recommend.propose(X, Y + 0j, BOUNDS)
    with pytest.raises(DataError, match="finite"):
        recommend.propose(np.ma.masked_array(X, mask=X > 90.0), Y, BOUNDS)


def test_words_with_a_slip_are_answered_with_the_right_one() -> None:
    X, Y = tried(5)
    with pytest.raises(ConfigurationError, match="minimize"):
        recommend.propose(X, Y, BOUNDS, objectives=["minimise"])  # type: ignore[list-item]
    with pytest.raises(ConfigurationError, match="low"):
        recommend.propose(X, Y, columns=[{"lo": 0.0, "high": 1.0}, {"low": 0.0, "high": 100.0}])
    for options in ({"seed": -1}, {"q": 2.5}, {"q": 2**31}, {"seed": "1"}):
        with pytest.raises(ConfigurationError, match="whole number"):
            recommend.propose(X, Y, BOUNDS, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_values_that_differ_in_their_last_digits_are_told_from_constant_ones(size: float) -> None:
    X, Y = tried(40)
    level = size * 1e9
    close = level + size * 1e-5 * (Y - Y.mean()) / Y.std()
    assert recommend.propose(X, close, BOUNDS).warnings == []
    x = recommend.propose(X, np.full(40, level), BOUNDS)
    assert any("never varies" in sentence for sentence in x.warnings)


def test_ranges_that_most_runs_lie_outside_are_warned_of() -> None:
    X, Y = tried(12)
    turned = recommend.propose(X, Y, [[0.0, 1.0], [0.0, 100.0]])  # a pair for each column
    assert any("12 of 12 rows of X lie outside" in sentence for sentence in turned.warnings)
    assert not recommend.propose(X, Y, BOUNDS).warnings


def test_what_is_given_and_not_used_is_warned_of() -> None:
    X, Y = tried(12)
    plain = recommend.propose(X, Y, BOUNDS, reference=[1.0], beta=9.0)
    assert any("the reference is not used" in sentence for sentence in plain.warnings)
    assert any("beta is not used" in sentence for sentence in plain.warnings)
    assert not recommend.propose(X, Y, BOUNDS, beta=9.0, acquisition="upper_confidence_bound").warnings
    both = np.column_stack([Y, -Y + 0.1 * X[:, 0]])
    assert not recommend.propose(X, both, BOUNDS, reference=both.max(axis=0)).warnings


def test_one_value_alone_is_warned_of() -> None:
    X, Y = tried(1)
    assert any("y1 was measured once" in sentence for sentence in recommend.propose(X, Y, BOUNDS).warnings)


def test_no_pending_points_are_none() -> None:
    X, Y = tried(8)
    assert np.array_equal(recommend.propose(X, Y, BOUNDS, pending=[]), recommend.propose(X, Y, BOUNDS))


@pytest.mark.parametrize("acquisition", ["upper_confidence_bound", "max_value_entropy", "log_expected_improvement"])
def test_bounds_that_nothing_will_keep_are_warned_of(acquisition: str) -> None:
    X, Y = tried(12)
    both = np.column_stack([Y, X[:, 0]])
    hopeless = [[-np.inf, 50.0], [np.inf, np.inf]]
    x = recommend.propose(X, both, BOUNDS, outcome_bounds=hopeless, acquisition=acquisition)  # type: ignore[arg-type]
    assert x.probability_feasible[0] < 0.01
    assert any("every bound" in sentence for sentence in x.warnings)


def test_a_surrogate_of_fewer_runs_is_warned_of() -> None:
    X, Y = tried(12)
    options = surrogate.GaussianProcessOptions(preset="matern", starts=1, robust=False)
    learned = surrogate.GaussianProcess.fit(recommend.array_dataset(X, Y, BOUNDS), options, seed=0)
    assert not recommend.propose(X, Y, BOUNDS, surrogate=learned).warnings
    grown = learned.condition_on(recommend.array_dataset(X[:1], Y[:1] + 0.1, BOUNDS))
    more = np.vstack([X, X[:1]]), np.append(Y, Y[0] + 0.1)
    assert not recommend.propose(*more, BOUNDS, surrogate=grown).warnings
    stale = recommend.propose(np.vstack([X, X[:1]]), np.append(Y, Y[0]), BOUNDS, surrogate=learned)
    assert any("learned from 12 values of y1, and there are 13" in sentence for sentence in stale.warnings)


class Frame:
    """As a data frame looks to numpy and to those who ask for the names of its columns."""

    def __init__(self, values: np.ndarray, columns: list[str]) -> None:
        self.values, self.columns = values, columns

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self.values


def test_a_data_frame_with_its_columns_in_another_order_is_refused() -> None:
    X, Y = tried(8)
    columns = [recommend.Column(0.0, 1.0, name="feed"), recommend.Column(0.0, 100.0, name="speed")]
    plain = recommend.propose(X, Y, columns=columns)
    assert np.array_equal(recommend.propose(Frame(X, ["feed", "speed"]), Y, columns=columns), plain)
    with pytest.raises(DataError, match="order feed, speed"):
        recommend.propose(Frame(X[:, ::-1], ["speed", "feed"]), Y, columns=columns)


def test_ends_that_are_not_in_order_are_named() -> None:
    X, Y = tried(5)
    with pytest.raises(DataError, match=r"received 100\.0 and 0\.0 \(column 2\)"):
        recommend.propose(X, Y, [[0.0, 100.0], [1.0, 0.0]])
    with pytest.raises(DataError, match=r"received 0\.0 and inf \(column 1\)"):
        recommend.propose(X, Y, [[0.0, 0.0], [np.inf, 100.0]])
    with pytest.raises(DataError, match=r"received 2\.0 and 1\.0 \(response 1\)"):
        recommend.propose(X, Y, BOUNDS, outcome_bounds=[[2.0], [1.0]])
    with pytest.raises(DataError, match="transposed"):
        recommend.propose(np.ones((5, 3)), Y, [[0.0, 1.0]] * 3)


def test_arguments_of_another_kind_are_refused() -> None:
    X, Y = tried(5)
    for options, words in (
        ({"relations": [([1.0, 1.0], 0.0, 1.0)]}, "Relation"),
        ({"surrogate": "gaussian_process"}, "fitted surrogate"),
        ({"search": "long"}, "SearchOptions"),
        ({"acquisition": None}, "the name of an acquisition"),
        ({"beta": "4"}, "a number"),
        ({"preset": None}, "the name of a preset"),
        ({"trust_region": "yes"}, "True, False or None"),
        ({"progress": 3}, "a function"),
        ({"cost": "1"}, "whole number"),
        ({"cost": 1.0}, "whole number"),
        ({"relations": [recommend.SignomialRelation([{"factor": 1.0}])]}, "Monomial"),  # type: ignore[list-item]
    ):
        with pytest.raises(ConfigurationError, match=words):
            recommend.propose(X, Y, BOUNDS, **options)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="sequence of columns"):
        recommend.propose(X, Y, columns=recommend.Column(0.0, 1.0))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="finite ends"):
        recommend.Column("a", 1.0)  # type: ignore[arg-type]
    one = recommend.Relation([1.0, 0.01], high=1.0)
    assert np.array_equal(
        recommend.propose(X, Y, BOUNDS, relations=one),  # type: ignore[arg-type]
        recommend.propose(X, Y, BOUNDS, relations=[one]),
    )
