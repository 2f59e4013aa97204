"""A Gaussian process or networks: which is tried, which is kept, and what the card says of it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luban import Campaign, fitting, surrogate, training
from luban._fitting import choice, contest
from luban.errors import ConfigurationError, NotBuiltError
from luban.history import History
from luban.process import Process

needs_training = pytest.mark.skipif(not training.available(), reason=f"no training here: {training.lacking()}")


def test_few_points_are_left_to_a_gaussian_process(model: fitting.Model) -> None:
    assert model.card.surrogate == "luban"
    assert model.card["choice"] == {"asked": "automatic", "tried": ["luban"], "contest": None}
    [said] = [sentence for sentence in model.card.why if "not tried" in sentence]
    if training.available():
        assert "80 points in 20 groups" in said


def test_without_torch_the_card_says_so(process: Process, large: History, monkeypatch: pytest.MonkeyPatch) -> None:
    error = NotBuiltError(where="training", expected="torch 2.13", received="no torch", hint="pip install torch")
    monkeypatch.setattr(training, "lacking", lambda: error)
    model = fitting.fit(process, large)
    assert model.card.surrogate == "luban"
    assert any("no torch" in sentence and "pip install" in sentence for sentence in model.card.why)
    with pytest.raises(NotBuiltError):
        fitting.fit(process, large, "neural_ensemble")


@needs_training
def test_many_points_are_for_a_local_process_and_networks(
    process: Process, large: History, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_MOST_POINTS", 150)
    model = fitting.fit(process, large, neural=small)
    assert model.card["choice"]["tried"] == ["local_gaussian_process", "neural_ensemble"]
    assert model.card["choice"]["contest"]["holder"] == "local_gaussian_process"
    assert any("160 points" in sentence and "insists" in sentence for sentence in model.card.why)


def test_many_points_without_torch_are_for_a_local_process(
    process: Process, large: History, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error = NotBuiltError(where="training", expected="torch 2.13", received="no torch", hint="pip install torch")
    monkeypatch.setattr(training, "lacking", lambda: error)
    monkeypatch.setattr(choice, "_MOST_POINTS", 150)
    model = fitting.fit(process, large)
    assert model.card.surrogate == "local_gaussian_process"
    assert isinstance(model.surrogate, surrogate.LocalGaussianProcess)
    assert any("100 nearest points" in sentence for sentence in model.card.why)
    assert all("hyperparameters" in response for response in model.card["responses"])
    back = fitting.Model.load(model.save(tmp_path / "local.safetensors"))
    rows = pd.DataFrame([{"speed": 150.0, "feed": 0.1, "wear": "New", "position": "End"}])
    pd.testing.assert_frame_equal(back.posterior(rows).mean, model.posterior(rows).mean)
    answer = Campaign(process, large, model=back).recommend(context={"wear": "New"})
    assert len(answer) == 1


def test_a_local_process_by_name_is_nearly_the_exact_one(process: Process, history: History) -> None:
    exact = fitting.fit(process, history, "gaussian_process")
    local = fitting.fit(process, history, surrogate.LocalGaussianProcessOptions(neighbours=80, learned_from=80))
    named = fitting.fit(process, history, "local_gaussian_process")
    assert local.card["choice"]["tried"] == named.card["choice"]["tried"] == ["local_gaussian_process"]
    rows = pd.DataFrame([{"speed": speed, "feed": 0.1, "wear": "New", "position": "End"} for speed in (130.0, 260.0)])
    spread = exact.posterior(rows).sd("latent")["roughness"]
    difference = local.posterior(rows).mean["roughness"] - exact.posterior(rows).mean["roughness"]
    assert (difference.abs() < spread).all()


def test_a_local_process_learns_no_transforms(process: Process, history: History) -> None:
    with pytest.raises(ConfigurationError, match="an exact Gaussian process to learn transformed responses"):
        fitting.fit(process, history, "local_gaussian_process", transforms="log")


def test_a_mistyped_surrogate(process: Process, history: History) -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean .?neural_ensemble"):
        fitting.fit(process, history, "neural_ensembel")


@needs_training
def test_the_card_shows_both_and_why(both: fitting.Model) -> None:
    skill = both.skill()
    assert {"luban", "neural_ensemble"} <= set(skill["contender"])
    assert skill["contender"].iloc[0] == both.card.surrogate
    held = both.card["choice"]["contest"]
    assert (held["chosen"], held["challenger"]) == (both.card.surrogate, "neural_ensemble")
    assert (held["lead"] > 2.0 * held["standard_error"]) == (held["chosen"] == "neural_ensemble")
    assert len(held["folds"]) == both.card["validation"]["folds"]
    assert set(held["by_response"]) == set(both.responses)
    [why] = [sentence for sentence in both.card.why if sentence.startswith("Chosen:")]
    assert f"{held['lead']:+.2g}" in why
    scores = skill.pivot_table(index="response", columns="contender", values="log_density")
    pooled = (scores["neural_ensemble"] - scores["luban"]).mean()
    assert held["lead"] == pytest.approx(pooled, abs=1e-6)


@needs_training
def test_uneven_noise_is_for_networks(both: fitting.Model) -> None:
    assert both.card.surrogate == "neural_ensemble"
    rows = [{"speed": 200.0, "feed": feed, "wear": "New", "position": "End"} for feed in (0.06, 0.14)]
    spread = both.posterior(pd.DataFrame(rows)).sd()["roughness"]
    assert spread[1] > 2.0 * spread[0]


@needs_training
def test_even_noise_and_a_smooth_truth_are_for_the_gaussian_process(
    process: Process, simulate: Callable[..., pd.DataFrame], small: Any
) -> None:
    model = fitting.fit(process, History.from_frame(process, simulate(settings=50)), neural=small)
    assert model.card.surrogate == "luban"
    assert "neural_ensemble" in set(model.skill()["contender"])


def fake(leads: np.ndarray, group: np.ndarray, fold: np.ndarray, weights: np.ndarray) -> tuple[Any, Any]:
    """A dataset and an evaluation in which the challenger has these leads (n, m)."""
    n, m = leads.shape
    data = SimpleNamespace(group=group, run=np.arange(n), responses=[SimpleNamespace(name=f"y{r}") for r in range(m)])
    base = np.random.default_rng(0).normal(size=(n, m))
    entries = [
        SimpleNamespace(name=name, out_of_fold=SimpleNamespace(log_density=base + extra, fold=fold))
        for name, extra in (("gp", 0.0), ("nn", leads))
    ]
    return data, SimpleNamespace(contenders=entries, weights=[weights[:, r] for r in range(m)])


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 3))
def test_lead_and_its_standard_error_by_hand(seed: int, folds: int, m: int) -> None:
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(12), 4)
    fold = group % folds
    leads = random.normal(0.3, 1.0, size=(48, m))
    weights = (random.uniform(size=(48, m)) > 0.1).astype(float)
    held = contest.hold(*fake(leads, group, fold, weights), "gp", "nn")

    def mean(rows: np.ndarray) -> float:
        return float(np.mean([leads[rows & (weights[:, r] > 0), r].mean() for r in range(m)]))

    assert held.lead == pytest.approx(mean(np.ones(48, dtype=bool)))
    of_folds = np.array([mean(fold == f) for f in range(folds)])
    np.testing.assert_allclose(held.folds, of_folds)
    left_out = np.array([mean(group != g) for g in range(12)])
    jackknife = np.sqrt(11 / 12 * ((left_out - left_out.mean()) ** 2).sum())
    over_folds = of_folds.std(ddof=1) / np.sqrt(folds)
    assert held.standard_error == pytest.approx(max(jackknife, over_folds))
    assert (held.chosen == "nn") == (held.lead > 2.0 * held.standard_error)


def test_on_a_tie_the_holder_stays() -> None:
    group = np.repeat(np.arange(12), 4)
    even = contest.hold(*fake(np.zeros((48, 2)), group, group % 4, np.ones((48, 2))), "gp", "nn")
    assert (even.lead, even.chosen) == (0.0, "gp")
    assert "Chosen: the Gaussian process" in contest.sentences(even)[0]
    one_group = contest.hold(*fake(np.ones((48, 1)), 0 * group, 0 * group, np.ones((48, 1))), "gp", "nn")
    assert one_group.chosen == "gp", "a lead whose spread is not known is no lead"


def test_a_response_that_would_choose_otherwise_is_named() -> None:
    group = np.repeat(np.arange(12), 4)
    random = np.random.default_rng(1)
    leads = np.column_stack([random.normal(1.0, 0.1, 48), random.normal(-0.2, 0.01, 48)])
    held = contest.hold(*fake(leads, group, group % 4, np.ones((48, 2))), "gp", "nn")
    assert held.chosen == "nn"
    [_, other] = contest.sentences(held)
    assert "y1 (-0.2" in other
    assert "y0" not in other
