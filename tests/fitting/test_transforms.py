"""Models that learned transformed responses: configuration, card, files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import _core, surrogate
from luban._fitting.choice import Plan, plan_transforms
from luban.errors import ConfigurationError, DataError, VersionError
from luban.fitting import Model, fit
from luban.history import History
from luban.process import Process


@pytest.fixture(scope="module")
def logged(process: Process, history: History) -> Model:
    return fit(process, history, "gaussian_process", folds=3, transforms={"roughness": "log"})


def test_answers_are_in_the_responses_units(logged: Model, fresh: pd.DataFrame) -> None:
    assert isinstance(logged.surrogate, surrogate.TransformedSurrogate)
    assert [one.name for one in logged.surrogate.transforms] == ["log", "none"]
    posterior = logged.posterior(fresh)
    error = (posterior.mean["roughness"] - fresh["roughness"]).to_numpy()
    assert np.sqrt(np.mean(error**2)) < 0.3
    assert posterior.mean.attrs["units"]["roughness"] == logged.dataset.responses[0].unit
    assert (posterior.sd("latent") <= posterior.sd("run_mean")).all().all()
    assert (posterior.sd("run_mean") <= posterior.sd("reading")).all().all()


def test_scores_are_of_the_responses_themselves(logged: Model, process: Process, history: History) -> None:
    plain = fit(process, history, "gaussian_process", folds=3)
    one, other = (model.skill().set_index(["response", "contender"]) for model in (logged, plain))
    for response in ("roughness", "height"):
        key = (response, logged.card.surrogate)
        assert one.loc[key, "rmse"] == pytest.approx(other.loc[key, "rmse"], rel=0.3)
        assert one.loc[key, "log_density"] == pytest.approx(other.loc[key, "log_density"], abs=0.5)
    name = logged.card.surrogate
    for score in ("rmse", "log_density", "coverage_90"):  # the response that keeps its values
        assert one.loc[("height", name), score] == pytest.approx(other.loc[("height", name), score], rel=1e-6)


def test_the_card_says_what_was_learned(logged: Model) -> None:
    card = logged.card.to_dict()
    assert card["choice"]["transforms"] == {"roughness": "log", "height": "none"}
    assert card["transforms"]["roughness"]["transform"]["name"] == "log"
    assert any("roughness was learned with the transform log" in line for line in card["why"])
    assert card["responses"][0]["hyperparameters"]


def test_a_saved_model_answers_the_same(logged: Model, fresh: pd.DataFrame, tmp_path: Path) -> None:
    path = logged.save(tmp_path / "model.safetensors")
    again = Model.load(path)
    assert again.card.to_dict() == logged.card.to_dict()
    for of in ("latent", "run_mean", "reading"):
        np.testing.assert_allclose(again.posterior(fresh).variance(of), logged.posterior(fresh).variance(of), rtol=1e-9)
    np.testing.assert_allclose(again.posterior(fresh).mean, logged.posterior(fresh).mean, rtol=1e-12)
    assert again.save(tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_programs_that_know_no_transforms_are_told(
    logged: Model, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of transformed responses has a format of its own; all others keep theirs."""
    with_transforms = logged.save(tmp_path / "transformed.safetensors")
    without = model.save(tmp_path / "plain.safetensors")
    formats = [json.loads(_core.Artefact.load(path).metadata)["format"] for path in (with_transforms, without)]
    assert formats == [2, 1]
    monkeypatch.setattr("luban._fitting.artefact.FORMAT", 1)
    with pytest.raises(VersionError):
        Model.load(with_transforms)
    Model.load(without)


def test_automatic_is_explained(process: Process, history: History) -> None:
    chosen = fit(process, history, "gaussian_process", folds=2, transforms="auto")
    trials = chosen.card.to_dict()["transforms"]["roughness"]["trials"]
    assert [trial["name"] for trial in trials] == ["none", "log", "yeo_johnson"]
    assert any("Leads over no transform" in line for line in chosen.card.to_dict()["why"])


def test_nothing_asked_changes_nothing(process: Process, history: History, model: Model) -> None:
    same = fit(process, history, model.card.surrogate, transforms="none")
    assert isinstance(same.surrogate, surrogate.GaussianProcess)
    assert "transforms" not in same.card.to_dict()


def test_what_cannot_be_is_refused(process: Process, history: History) -> None:
    with pytest.raises(ConfigurationError, match="roughness"):
        fit(process, history, transforms={"roughnes": "log"})
    with pytest.raises(ConfigurationError, match="yeo_johnson"):
        fit(process, history, transforms="yeo_jonson")


def test_networks_alone_learn_no_transforms(logged: Model) -> None:
    alone = Plan("neural_ensemble", None, None)
    with pytest.raises(ConfigurationError, match="received neural_ensemble"):
        plan_transforms(alone, "log", logged.dataset, ["roughness", "height"])
    assert plan_transforms(alone, "none", logged.dataset, ["roughness", "height"]) == alone


def test_a_response_that_cannot_be_transformed_is_named(
    process: Process, simulate: Callable[..., pd.DataFrame]
) -> None:
    frame = simulate(12)
    frame["height"] -= frame["height"].mean()
    with pytest.raises(DataError, match=r"above 0 for log.*height"):
        fit(process, History.from_frame(process, frame), "gaussian_process", transforms={"height": "log"})
