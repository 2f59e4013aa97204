"""What stands before a recommendation: a model without skill, circumstances and settings that no run had."""

import copy
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luban import Campaign, History, Process, surrogate
from luban.errors import ConfigurationError
from luban.evaluation import ModelCard
from luban.fitting import Model

from .line import DEFINITION, readings

CONTEXT = {"tool": "New", "bar": "D30"}
SLOW = {"speed": 110.0, "feed": 0.145}


def with_skill(model: Model, against: str = "trivial", **skills: str) -> Model:
    """The same model with a card that says so of these responses, beside that baseline."""
    content = model.card.to_dict()
    for response in content["responses"]:
        response.pop("skill", None)
        if response["name"] in skills:
            response["skill"] = skills[response["name"]]
            response["skill_evidence"] = {"against": against, "rmse_gain": 0.0, "standard_error": 0.1, "groups": 9}
    changed = copy.copy(model)
    changed.card = ModelCard(content)
    return changed


def test_a_repaired_covariance_is_never_silent(process: Process, history: History, model: Model) -> None:
    """Fits practically never come to that, so the mark is put on a stored one."""
    assert model.surrogate.degraded == []
    artefact = surrogate.Artefact()
    model.surrogate.write(artefact)
    artefact.metadata = artefact.metadata.replace('"degraded":false', '"degraded":true')
    marked = copy.copy(model)
    marked.surrogate = surrogate.GaussianProcess.read(artefact)
    assert marked.surrogate.degraded == model.responses
    answer = Campaign(process, history, model=marked).recommend(context=CONTEXT)[0]
    assert any(text.startswith("Caution: the covariance of roughness was nearly singular") for text in answer.warnings)


def campaign_of(process: Process, history: History, model: Model, **skills: str) -> Campaign:
    return Campaign(process, history, model=with_skill(model, **skills))


@pytest.mark.parametrize(
    ("skill", "warning"),
    [
        ("no_better", "The model predicts roughness no better than its mean: "),
        ("worse", "The model predicts roughness worse than its mean: "),
    ],
)
def test_a_model_without_skill_warns_first_and_leaves_the_settings(
    process: Process, history: History, model: Model, skill: str, warning: str
) -> None:
    campaign = campaign_of(process, history, model, roughness=skill)
    answer = campaign.recommend(context=CONTEXT, kind="best_mean", running=SLOW)
    assert answer.stay
    assert answer[0].why[0].startswith(warning)
    said = answer[0].why[len(answer[0].warnings)]
    assert said.startswith("Stay: ")
    assert warning.removesuffix(": ").lower() in said.lower()
    assert answer[0].warnings[0] == answer[0].why[0]
    plain = json.loads(answer.to_json())
    assert plain["warnings"] == plain["recommendations"][0]["warnings"] == answer[0].warnings
    # Unknown running settings, or exploring, which is how skill comes about: there is nothing to stay with.
    for asked in ({"kind": "best_mean"}, {"kind": "explore", "running": SLOW}):
        other = campaign.recommend(context=CONTEXT, **asked)  # type: ignore[arg-type]
        assert not other.stay
        assert other[0].why[0].startswith(warning)
        assert math.isnan(other[0].probability_better)
    assert campaign.pareto(context=CONTEXT, points=3)[0].why[0].startswith(warning)
    assert campaign.ask(context=CONTEXT)[0].recommendation.why[0].startswith(warning)


@pytest.mark.parametrize(
    ("skill", "against", "warning"),
    [
        ("unknown", "trivial", "Whether the model predicts roughness better than its mean is not known: "),
        ("no_better", "context_mean", "The model was not found to predict roughness better than the mean of each "),
    ],
)
def test_a_doubt_that_decides_nothing_is_said_and_does_not_stop(
    process: Process, history: History, model: Model, skill: str, against: str, warning: str
) -> None:
    campaign = Campaign(process, history, model=with_skill(model, against, roughness=skill))
    answer = campaign.recommend(context=CONTEXT, kind="best_mean", running=SLOW)
    assert not answer.stay
    assert answer[0].why[0].startswith(warning)
    assert 0.0 < answer[0].probability_better <= 1.0


def test_a_constrained_response_without_skill_is_warned_of_too(
    process: Process, history: History, model: Model
) -> None:
    campaign = campaign_of(process, history, model, roughness="worse")  # bounded in this process
    rate = campaign.recommend(context=CONTEXT, kind="best_mean", objective="rate")[0]
    assert rate.why[0].startswith("The model predicts roughness worse")


def test_skill_or_no_word_of_it_changes_nothing(process: Process, history: History, model: Model) -> None:
    silent, better, other = (
        campaign_of(process, history, model, **skills).recommend(context=CONTEXT, kind="best_mean", running=SLOW)
        for skills in ({}, {"roughness": "better"}, {"roughness": "better", "power": "worse"})
    )
    assert silent.to_json() == better.to_json() == other.to_json()
    assert not silent.stay
    assert silent.warnings == []


@pytest.fixture(scope="module")
def ageing() -> Process:
    """The line with the age of the coolant, stated from 0 to 400 days, and the kind of insert."""
    definition = copy.deepcopy(DEFINITION)
    definition["process"] = "ageing-line"
    definition["parameters"]["insert"] = {"categories": ["A", "B", "C"]}
    definition["context"] = {"age": {"unit": "d", "low": 0, "high": 400}}
    return Process.from_dict(definition)


@pytest.fixture(scope="module")
def aged(ageing: Process) -> Campaign:
    frame = readings(40).drop(columns=["tool", "bar"])
    number = frame["run_id"].str[1:].astype(int)
    frame["age"] = 1.0 + (number * 61) % 299
    frame.loc[number == 1, "age"] = 300.0
    frame["insert"] = np.where(number % 2 == 0, "A", "B")
    frame["roughness"] += 0.002 * frame["age"]
    return Campaign(ageing, History.from_frame(ageing, frame))


@pytest.mark.parametrize("age", [-5.0, 401.0, 5000.0])
def test_a_context_that_the_process_excludes_is_refused(aged: Campaign, ageing: Process, age: float) -> None:
    for campaign in (aged, Campaign(ageing)):
        with pytest.raises(ConfigurationError, match=f"age between 0 and 400 d, received {age:g}"):
            campaign.recommend(context={"age": age})


def test_a_context_that_no_run_had_is_warned_of_first(aged: Campaign) -> None:
    inside = aged.recommend(context={"age": 300.5}, kind="best_mean")[0]
    assert not any("outside what all runs had" in warning for warning in inside.warnings)
    beyond = aged.recommend(context={"age": 390.0}, kind="best_mean")[0]
    assert beyond.why[0].startswith("Caution: age 390 d lies outside what all runs had, 1 to 300 d")
    assert beyond.warnings[0] == beyond.why[0]


def test_running_settings_of_a_category_that_no_run_had_are_no_reference(aged: Campaign) -> None:
    running = {"speed": 200.0, "feed": 0.1, "insert": "C"}
    answer = aged.recommend(context={"age": 100.0}, kind="best_mean", running=running)
    assert not answer.stay
    assert answer[0].why[0].startswith("Caution: no run had insert C, which runs now")
    assert answer[0].reference != "the running settings"
    # Nor is such a setting proposed where others were measured.
    assert answer[0].settings["insert"] in ("A", "B")
    assert not answer[0].outside


@pytest.fixture(scope="module")
def slowly(process: Process) -> Campaign:
    """Only slow runs with much feed are known: the best settings lie far from them."""
    frame = readings(40)
    frame["speed"] = 100.0 + 0.2 * (frame["speed"] - 100.0)
    frame["feed"] = 0.12 + 0.2 * (frame["feed"] - 0.05)
    s, f = (frame["speed"] - 100.0) / 200.0, (frame["feed"] - 0.05) / 0.10
    frame["roughness"] = 3.0 - 2.0 * s + 0.5 * f + 0.05 * np.random.default_rng(1).standard_normal(len(frame))
    return Campaign(process, History.from_frame(process, frame))


def test_the_best_mean_and_the_front_stay_within_what_was_measured(slowly: Campaign) -> None:
    inside = slowly.recommend(context=CONTEXT, kind="best_mean")[0]
    assert inside.outside is False
    assert inside.coverage == "inside"
    assert inside.settings["speed"] < 180.0
    anywhere = slowly.recommend(context=CONTEXT, kind="best_mean", novelty="any")[0]
    assert anywhere.outside is True
    assert anywhere.settings["speed"] > 200.0
    assert anywhere.why[0].startswith("Caution: these settings lie outside what the training data covered")
    assert math.isnan(anywhere.probability_better)
    assert math.isnan(anywhere.probability_feasible)
    assert not any("with probability" in sentence for sentence in anywhere.why if "Limited" not in sentence)
    front = slowly.pareto(context=CONTEXT, points=4)
    assert set(front.table()["coverage"]) == {"inside"}
    wide = slowly.pareto(context=CONTEXT, points=4, novelty="any")
    assert "outside" in set(wide.table()["coverage"])
    assert json.loads(wide.to_json())["recommendations"][-1]["outside"] in (True, False)


@pytest.mark.parametrize("novelty", [0.4, 1.0, 2.0, "all", True])
def test_a_novelty_is_a_share_or_any(campaign: Campaign, novelty: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"novelty between 0\.5 and 0\.999"):
        campaign.recommend(context=CONTEXT, kind="best_mean", novelty=novelty)


def test_what_the_running_settings_measured_is_said(process: Process, history: History) -> None:
    runs: pd.DataFrame = history.read(columns=["run_id", "speed", "feed", "tool", "bar"]).drop_duplicates("run_id")
    first = runs[(runs["tool"] == "New") & (runs["bar"] == "D30")].iloc[0]
    running = {"speed": float(first["speed"]), "feed": float(first["feed"])}
    item = Campaign(process, history).recommend(context=CONTEXT, kind="best_mean", running=running)[0]
    assert item.measured is not None
    assert item.measured.runs == 1
    assert math.isnan(item.measured.standard_error)
    assert item.measured.lower < item.measured.mean < item.measured.upper
    assert any(sentence.startswith("The running settings measured ") for sentence in item.why)
    assert item.to_dict()["measured_reference"]["standard_error"] is None


def test_a_history_of_another_process_is_refused(ageing: Process, history: History) -> None:
    with pytest.raises(ConfigurationError, match=r"'ageing-line'.*'small-line'"):
        Campaign(ageing, history)
