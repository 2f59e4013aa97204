"""Ask and tell for plain arrays, and the choice among given settings."""

import signal

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


@pytest.mark.parametrize("q", [2, 5], ids=["here", "on_a_worker"])
def test_progress_is_told_and_may_stop_the_call(q: int) -> None:
    X, Y = tried(30)
    phases = set()

    def note(phase: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        phases.add(phase)

    recommend.propose(X, Y, BOUNDS, q=q, progress=note)
    assert phases

    def stop(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recommend.propose(X, Y, BOUNDS, q=q, progress=stop)


def test_a_signal_during_a_short_call_is_heard_at_its_end() -> None:
    X, Y = tried(30)

    def hear(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def propose_again_and_again() -> None:
        for _ in range(1000):
            signal.setitimer(signal.ITIMER_REAL, 1e-4)
            recommend.propose(X, Y, BOUNDS)

    before = signal.signal(signal.SIGALRM, hear)
    try:
        with pytest.raises(KeyboardInterrupt):
            propose_again_and_again()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
