"""Proposals within a trust region that follows from the runs."""

import numpy as np
import pytest

from luban import recommend
from luban.errors import ConfigurationError


def bowl(X: np.ndarray) -> np.ndarray:
    return ((np.asarray(X) - 0.3) ** 2).sum(axis=1)


def box(d: int) -> np.ndarray:
    return np.stack([np.zeros(d), np.ones(d)])


def design(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, d))


def test_points_stay_around_the_best_run() -> None:
    X = design(8, 2)
    failures = np.vstack([X, np.tile(X[:1], (12, 1))])  # after a design of four, twice two failed rounds: 0.8 to 0.2
    Y = np.append(bowl(X), np.full(12, 10.0))
    found = recommend.propose(failures, Y, box(2), q=3, trust_region=True)
    best = X[bowl(X).argmin()]
    # Sides follow the lengthscales, the product of both does not.
    assert np.prod(np.abs(np.asarray(found) - best).max(axis=0) * 2.0) <= 0.2**2 * (1 + 1e-6)
    assert any("trust region 1" in sentence for sentence in found.warnings)


def test_a_design_comes_first_and_again_after_a_collapse() -> None:
    X = design(3, 2)
    first = recommend.propose(X, bowl(X), box(2), q=2, trust_region=True)
    assert first.acquisition_name == "design"
    assert np.array_equal(first, recommend.propose(X, bowl(X), box(2), q=2, seed=9, trust_region=True))
    long = np.tile(X[:1], (4 + 7 * 4, 1))
    Y = np.append(bowl(X[:1]) - 1.0, np.full(len(long) - 1, 1.0))
    again = recommend.propose(long, Y, box(2), q=2, trust_region=True)
    assert again.acquisition_name == "design"
    assert not np.array_equal(again, first)


def test_many_columns_have_one_by_themselves() -> None:
    X = design(44, 22)
    assert any("trust region" in sentence for sentence in recommend.propose(X, bowl(X), box(22)).warnings)
    alone = recommend.propose(X, bowl(X), box(22), trust_region=False)
    assert not any("trust region" in sentence for sentence in alone.warnings)


def test_columns_of_every_kind_and_bounds() -> None:
    columns = [
        recommend.Column(0, 10, kind="integer", name="count"),
        recommend.Column(kind="ordinal", values=[1.0, 2.0, 4.0, 8.0], name="size"),
        recommend.Column(kind="categorical", values=["a", "b", "c"], name="kind"),
        recommend.Column(0.0, 1.0, name="share"),
    ]
    random = np.random.default_rng(2)
    X = np.array(
        [
            [float(random.integers(11)), 2.0 ** random.integers(4), random.choice(["a", "b", "c"]), random.random()]
            for _ in range(20)
        ],
        dtype=object,
    )
    Y = np.array([[abs(row[0] - 4) + row[1] * row[3] + "abc".index(row[2]), row[3]] for row in X], dtype=float)
    found = recommend.propose(
        X, Y, columns=columns, outcome_bounds=[[-np.inf, -np.inf], [np.inf, 0.7]], q=2, trust_region=True
    )
    for count, size, kind, share in found:
        assert count == round(count)
        assert 0 <= count <= 10
        assert size in (1.0, 2.0, 4.0, 8.0)
        assert kind in ("a", "b", "c")
        assert 0.0 <= share <= 1.0


def test_what_cannot_have_one_is_refused() -> None:
    X = design(8, 2)
    with pytest.raises(ConfigurationError, match="one objective"):
        recommend.propose(X, np.stack([bowl(X), -bowl(X)], axis=1), box(2), trust_region=True)


@pytest.mark.slow
def test_thirty_columns_get_somewhere() -> None:
    d = 30
    X = design(2 * d, d, seed=4)
    Y = bowl(X)
    start = Y.min()
    for seed in range(20):
        new = recommend.propose(X, Y, box(d), q=3, seed=seed)
        X, Y = np.vstack([X, new]), np.append(Y, bowl(new))
    assert Y.min() < 0.1 * start
