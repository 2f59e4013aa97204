"""When nothing is left to be found, and when bounded responses were not always measured."""

from typing import get_args

import numpy as np
import pytest

from luban import recommend
from luban.recommend import Column, SearchOptions, propose

FAST = SearchOptions(raw_samples=64, restarts=4)
BOX = np.array([[0.0, 0.0], [1.0, 1.0]])
SINGLE = [name for name in get_args(recommend.Acquisition) if "hypervolume" not in name]


def bowl(X: np.ndarray) -> np.ndarray:
    return np.asarray(((X - 0.4) ** 2).sum(axis=1))


@pytest.mark.parametrize("acquisition", SINGLE)
def test_all_settings_have_been_tried(acquisition: recommend.Acquisition) -> None:
    """As Optuna checks: of six combinations each is known, some twice; points come all the same."""
    columns = [Column(0, 2, kind="integer"), Column(kind="categorical", values=["oil", "water"])]
    X = np.array([[i, k] for i in range(3) for k in range(2)] * 2, dtype=float)[:9]
    Y = X[:, 0] ** 2 + X[:, 1]
    if acquisition == "parego":
        Y = np.column_stack([Y, -X[:, 0]])
    x = propose(X, Y, columns=columns, q=3, acquisition=acquisition, search=FAST)
    assert set(x[:, 0]) <= {0.0, 1.0, 2.0}
    assert set(x[:, 1]) <= {0.0, 1.0}
    assert np.isfinite(x.acquisition).all()
    assert np.isfinite(x.sd).all()


@pytest.mark.parametrize("acquisition", SINGLE)
@pytest.mark.parametrize("spread", [0.0, 1e-12, 1e-7])
def test_runs_have_gathered_at_the_best_settings(acquisition: recommend.Acquisition, spread: float) -> None:
    random = np.random.default_rng(1)
    X = np.vstack([random.random((4, 2)), np.clip(0.4 + spread * random.standard_normal((30, 2)), 0.0, 1.0)])
    Y = bowl(X) if acquisition != "parego" else np.column_stack([bowl(X), X[:, 0]])
    x = propose(X, Y, BOX, q=3, acquisition=acquisition, search=FAST)
    assert ((x >= 0.0) & (x <= 1.0)).all()
    assert np.isfinite(x.expected).all()
    assert np.isfinite(x.acquisition).all()


def test_going_on_after_convergence_breaks_nothing() -> None:
    """Forty steps of a problem that five solve; its best settings, a corner, are met exactly."""
    X = np.random.default_rng(0).random((3, 2))
    for seed in range(40):
        x = propose(X, X.sum(axis=1), BOX, seed=seed, search=FAST)
        assert np.isfinite(x.expected).all()
        X = np.vstack([X, x])
    assert X.sum(axis=1).min() == 0.0


def respond(X: np.ndarray) -> np.ndarray:
    return np.stack([X.sum(axis=1), X[:, 0] * X[:, 1]], axis=1)


ENDS = [[-np.inf, 0.25], [np.inf, np.inf]]  # least sum with product >= 0.25: (0.5, 0.5)


@pytest.mark.parametrize("missing", ["every second", "all but six", "the objective"])
def test_bounds_are_kept_where_values_are_missing(missing: str) -> None:
    X = np.random.default_rng(4).random((8, 2))
    for seed in range(12):
        Y = respond(X)
        if missing == "every second":
            Y[1::2, 1] = np.nan
        elif missing == "all but six":
            Y[: len(Y) - 6, 1] = np.nan
        else:
            Y[::3, 0] = np.nan
        x = propose(X, Y, BOX, seed=seed, outcome_bounds=ENDS, search=FAST)
        assert np.isfinite(x.acquisition).all()
        assert np.isfinite(x.probability_feasible).all()
        X = np.vstack([X, x])
    Y = respond(X)
    assert Y[Y[:, 1] >= 0.245, 0].min() < 1.05


def test_a_run_whose_bounded_response_is_missing_counts_as_what_is_believed_of_it() -> None:
    X = np.random.default_rng(4).random((24, 2))
    Y = respond(X)
    partly = Y.copy()
    lowest = Y[:, 0].argmin()
    assert Y[lowest, 1] < 0.25
    partly[lowest, 1] = np.nan  # were it taken as feasible, nothing could improve on it
    full = propose(X, Y, BOX, outcome_bounds=ENDS)
    x = propose(X, partly, BOX, outcome_bounds=ENDS)
    assert np.abs(x - full).max() < 0.05
    assert respond(np.asarray(x))[0, 0] < 1.1
    assert x.acquisition_name == full.acquisition_name


def test_nothing_known_to_be_feasible_where_only_missing_runs_could_be() -> None:
    X = np.random.default_rng(4).random((12, 2)) * 0.5
    Y = respond(X)
    Y[::2, 1] = np.nan
    x = propose(X, Y, BOX, outcome_bounds=ENDS, search=FAST)
    assert x.acquisition_name == "log_probability_feasible"
    assert x[0].sum() > X.sum(axis=1).max()
