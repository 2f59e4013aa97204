"""What a campaign answers."""

import json
import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luban import Campaign, History, Process
from luban.errors import ConfigurationError, InfeasibleError
from luban.fitting import Model
from luban.recommend import SearchOptions, StayRule

from .line import readings, true_roughness

CONTEXT = {"tool": "New", "bar": "D30"}


def test_a_table_says_settings_predictions_gain_and_limits(campaign: Campaign) -> None:
    answer = campaign.recommend(3, context=CONTEXT)
    table = answer.table()
    assert len(table) == len(answer) == 3
    assert list(table.index) == [1, 2, 3]
    wanted = {"speed", "feed", "roughness", "roughness_low", "roughness_high", "rate", "gain", "gain_low", "gain_high"}
    assert wanted | {"probability_feasible", "limited_by", "stay", "novelty"} <= set(table.columns)
    assert "rate_low" not in table.columns  # computed, hence known
    assert table.attrs["units"]["speed"] == "m/min"
    assert table.attrs["units"]["roughness_high"] == table.attrs["units"]["gain"] == "um"
    assert (table["roughness_low"] < table["roughness"]).all()
    assert (table["roughness"] < table["roughness_high"]).all()
    assert np.allclose(table["rate"], table["speed"] * table["feed"])
    assert {"speed [m/min]", "roughness_low [um]", "gain [um]"} <= set(answer.table(headers=True).columns)


def test_intervals_are_those_of_the_calibration(campaign: Campaign, model: Model) -> None:
    item = campaign.recommend(context=CONTEXT, kind="best_mean", interval_level=0.8)[0].predictions["roughness"]
    ratio = model.calibration["roughness"].run_mean.ratio(0.8)
    assert item.upper - item.mean == pytest.approx(ratio * 1.2815515655446004 * item.sd_run_mean)


def test_outcome_constraints_are_kept_by_calibrated_spreads(
    changed: Callable[..., Process], history: History, model: Model
) -> None:
    bound = {"response": "roughness", "upper": 1.9, "probability": 0.9}
    process = changed(objectives=[{"response": "rate", "goal": "maximize"}], outcome_constraints=[bound])
    answer = Campaign(process, history, model=model).recommend(context=CONTEXT, kind="best_mean")[0]
    ratio = model.calibration["roughness"].run_mean.ratio(0.8)  # 10 % left on either side
    item = answer.predictions["roughness"]
    assert ratio != 1.0
    kept = NormalDist().cdf((1.9 - item.mean) / (ratio * item.sd_run_mean))
    assert answer.probability_feasible == pytest.approx(kept, abs=1e-9)
    assert kept == pytest.approx(0.9, abs=1e-3)  # the constraint is what limits the rate
    assert any("calibrated on left-out groups" in sentence for sentence in answer.why)


def test_a_risk_is_optimised_and_told_apart_from_the_expectation(
    changed: Callable[..., Process], history: History, model: Model
) -> None:
    risk = {"conditional_value_at_risk": 0.8}
    objectives = [{"response": "roughness", "goal": "minimize", "risk": risk}, {"response": "rate", "goal": "maximize"}]
    process = changed(objectives=objectives, tolerances={"feed": {"sd": 0.01}})
    risky = Campaign(process, history, model=model)
    answer = risky.recommend(context=CONTEXT, kind="best_mean")[0]
    assert answer.risk > answer.predictions["roughness"].mean
    assert 0.0 < answer.risk_sd < 0.5
    assert any("Optimised is the mean of the worst 20 % of roughness" in sentence for sentence in answer.why)
    assert answer.to_dict()["risk"] == answer.risk
    table = risky.recommend(context=CONTEXT, kind="best_mean").table()
    assert table["risk"][1] == answer.risk
    assert table.attrs["units"]["risk"] == "um"
    again = risky.recommend(context=CONTEXT, kind="best_mean", running=answer.settings)
    assert again.stay
    assert risky.recommend(2, context=CONTEXT)[0].kind == "explore"
    front = risky.pareto(context=CONTEXT, points=3)
    assert front.values[0, 0] == front[0].risk
    plain = Campaign(changed(tolerances={"feed": {"sd": 0.01}}), history, model=model)
    expected = plain.recommend(context=CONTEXT, kind="best_mean")[0]
    assert math.isnan(expected.risk)
    assert expected.to_dict()["risk"] is None
    assert "risk" not in expected.row()


def test_the_best_mean_is_nearly_the_best_of_each_context(campaign: Campaign) -> None:
    speed, feed = np.meshgrid(np.linspace(100, 300, 101), np.linspace(0.05, 0.10, 101))
    for worn, tool in enumerate(("New", "Worn")):
        best = campaign.recommend(context={"tool": tool, "bar": "D50"}, kind="best_mean")[0].settings
        assert true_roughness(best["speed"], best["feed"], worn) < true_roughness(speed, feed, worn).min() + 0.1


def test_sentences_name_what_matters_and_real_runs(campaign: Campaign, history: History) -> None:
    best = campaign.recommend(context=CONTEXT, kind="best_mean")[0]
    text = " ".join(best.why)
    assert "roughness is expected at" in text
    assert "What matters most here is" in text
    runs = set(history.read(columns=["run_id"])["run_id"])
    assert len(best.nearest) == 3
    assert {run.measured_over for run in best.nearest} == {""}
    assert {run.run_id for run in best.nearest} <= runs
    assert best.reference == "the best measured settings in this context"
    assert 0.0 <= best.probability_better <= 1.0


def test_html_and_json_hold_the_answer(campaign: Campaign) -> None:
    answer = campaign.recommend(2, context=CONTEXT, running={"speed": 120, "feed": 0.14})
    page = answer._repr_html_()
    assert "speed [m/min]" in page
    assert "better" in page
    plain = json.loads(answer.to_json())
    assert plain["unit"] == "um"
    assert plain["recommendations"][0]["settings"] == answer[0].settings
    assert plain["recommendations"][0]["reference"] == "the running settings"
    assert "NaN" not in answer.to_json()
    assert str(answer).startswith("1. speed")


def test_stay_is_an_answer_with_its_reason(campaign: Campaign) -> None:
    best = campaign.recommend(context=CONTEXT, kind="best_mean")[0].settings
    answer = campaign.recommend(3, context=CONTEXT, kind="best_mean", running=best)
    assert answer.stay
    assert len(answer) == 1
    assert answer[0].settings == best
    assert answer[0].why[0].startswith("Stay:")
    moved = campaign.recommend(context=CONTEXT, kind="best_mean", running={"speed": 110.0, "feed": 0.145})
    assert not moved.stay
    assert moved[0].gain > 0.3
    lazy = campaign.recommend(
        context=CONTEXT, kind="best_mean", running={"speed": 110.0, "feed": 0.145}, stay=StayRule(min_gain=50.0)
    )
    assert lazy.stay


def test_the_front_trades_the_two_objectives(campaign: Campaign) -> None:
    front = campaign.pareto(context=CONTEXT, points=8)
    assert front.objectives == ["roughness", "rate"]
    assert (np.diff(front.values[:, 0]) >= 0).all()
    assert (np.diff(front.values[:, 1]) >= 0).all()
    assert front.hypervolume > 0
    assert len(front.table()) == len(front) >= 3
    assert json.loads(front.to_json())["objectives"] == ["roughness", "rate"]
    same = campaign.recommend(8, context=CONTEXT, kind="pareto")
    assert same.to_json() == front.to_json()


def test_wrong_questions_name_what_is_known(campaign: Campaign) -> None:
    with pytest.raises(ConfigurationError, match=r"bar \(D30 or D50\)"):
        campaign.recommend(context={"tool": "New"})
    with pytest.raises(ConfigurationError, match=r"'Worm'.*Worn"):
        campaign.recommend(context={"tool": "Worm", "bar": "D30"})
    with pytest.raises(ConfigurationError, match=r"'tol'.*tool"):
        campaign.recommend(context={"tol": "Worn", "bar": "D30"})
    with pytest.raises(ConfigurationError, match=r"'fed'.*feed"):
        campaign.recommend(context=CONTEXT, running={"speed": 200, "fed": 0.1})
    with pytest.raises(ConfigurationError, match="without feed"):
        campaign.recommend(context=CONTEXT, running={"speed": 200})
    with pytest.raises(ConfigurationError, match="a number for 'feed'"):
        campaign.recommend(context=CONTEXT, running={"speed": 200, "feed": "fast"})
    with pytest.raises(ConfigurationError, match="best_mean"):
        campaign.recommend(context=CONTEXT, kind="best")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="roughness"):
        campaign.recommend(context=CONTEXT, objective="roughnes")
    with pytest.raises(ConfigurationError, match="Process"):
        Campaign("turning")  # type: ignore[arg-type]


def test_constraints_that_contradict_each_other_are_named(
    changed: Callable[..., Process], history: History, model: Model
) -> None:
    impossible = changed(parameter_constraints=[{"sum": {"speed": 1.0, "feed": 1000}, "upper": 120}])
    for campaign in (Campaign(impossible, history, model=model), Campaign(impossible)):
        with pytest.raises(InfeasibleError, match="search range of speed") as caught:
            campaign.recommend(context=CONTEXT)
        assert "120" in str(caught.value)
    unreachable = changed(outcome_constraints=[{"response": "rate", "lower": 1e6, "probability": 0.9}])
    for campaign in (Campaign(unreachable, history, model=model), Campaign(unreachable)):
        with pytest.raises(InfeasibleError, match="rate"):
            campaign.recommend(context=CONTEXT)


def test_an_outcome_that_nothing_keeps_is_said_and_answered(
    changed: Callable[..., Process], history: History, model: Model
) -> None:
    strict = changed(outcome_constraints=[{"response": "roughness", "upper": 0.2, "probability": 0.95}])
    best = Campaign(strict, history, model=model).recommend(context=CONTEXT, kind="best_mean")[0]
    assert best.probability_feasible < 0.5
    assert best.why[0].startswith("No settings are known to keep every outcome constraint")


def test_a_combination_never_seen_is_answered_with_a_warning(process: Process) -> None:
    frame = readings(20)
    seen = History.from_frame(process, frame[~((frame["tool"] == "Worn") & (frame["bar"] == "D50"))])
    best = Campaign(process, seen).recommend(context={"tool": "Worn", "bar": "D50"}, kind="best_mean")[0]
    assert best.new_combination
    assert best.why[0].startswith("Caution: no run had the combination tool Worn and bar D50")


def test_the_first_settings_are_a_design_and_say_so(process: Process) -> None:
    answer = Campaign(process, seed=3).recommend(6, context=CONTEXT)
    assert {item.kind for item in answer} == {"initial_design"}
    assert "Nothing can be predicted yet: the history holds 0 of 5" in answer[0].why[0]
    assert math.isnan(answer[0].gain)
    assert "gain" not in Campaign(process).recommend(context=CONTEXT)._repr_html_()
    assert answer.to_json() == Campaign(process, seed=3).recommend(6, context=CONTEXT).to_json()
    assert answer.to_json() != Campaign(process, seed=4).recommend(6, context=CONTEXT).to_json()
    with pytest.raises(ConfigurationError, match="bar"):
        Campaign(process).recommend(context={"tool": "New"})


@pytest.mark.parametrize("kind", ["explore", "best_mean", "pareto"])
def test_no_answer_is_further_away_than_one_move(campaign: Campaign, process: Process, kind: Any) -> None:
    running = {"speed": 150.0, "feed": 0.12}
    limits = {"speed": 10.0, "feed": 0.01}
    for asked in (campaign, Campaign(process)):
        if kind == "pareto" and asked is not campaign:
            continue
        answer = asked.recommend(2, context=CONTEXT, kind=kind, running=running, largest_moves=limits)
        for item in answer:
            for name, most in limits.items():
                assert abs(float(item.settings[name]) - running[name]) <= most * (1 + 1e-9)
    with pytest.raises(ConfigurationError, match="give running"):
        campaign.recommend(context=CONTEXT, largest_moves=limits)
    with pytest.raises(ConfigurationError, match="speed"):
        campaign.recommend(context=CONTEXT, running=running, largest_moves={"sped": 1.0})
    with pytest.raises(InfeasibleError, match="one move"):
        campaign.recommend(context=CONTEXT, running={"speed": 1e4, "feed": 0.12}, largest_moves=limits)


@pytest.mark.parametrize("kind", ["explore", "best_mean"])
def test_same_seed_same_bits_for_any_number_of_threads(campaign: Campaign, kind: str) -> None:
    answers = [
        campaign.recommend(2, context=CONTEXT, kind=kind, search=SearchOptions(threads=threads)).to_json()  # type: ignore[arg-type]
        for threads in (1, 2)
    ]
    assert answers[0] == answers[1]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**63),
    tool=st.sampled_from(["New", "Worn"]),
    upper=st.floats(180.0, 450.0),
    kind=st.sampled_from(["explore", "best_mean"]),
    with_model=st.booleans(),
)
def test_settings_stay_inside_ranges_and_constraints(
    changed: Callable[..., Process],
    history: History,
    model: Model,
    seed: int,
    tool: str,
    upper: float,
    kind: str,
    with_model: bool,
) -> None:
    process = changed(parameter_constraints=[{"sum": {"speed": 1.0, "feed": 1000}, "upper": upper}])
    campaign = Campaign(process, history, seed, model=model) if with_model else Campaign(process, seed=seed)
    small = SearchOptions(raw_samples=64, restarts=2)
    for item in campaign.recommend(2, context={"tool": tool, "bar": "D30"}, kind=kind, search=small):  # type: ignore[arg-type]
        speed, feed = float(item.settings["speed"]), float(item.settings["feed"])
        assert 100.0 <= speed <= 300.0
        assert 0.05 <= feed <= 0.15
        assert speed + 1000.0 * feed <= upper * (1 + 1e-9)


def test_a_front_needs_no_number(campaign: Campaign) -> None:
    assert len(campaign.recommend(context=CONTEXT, kind="pareto")) > 1


@pytest.mark.parametrize("kind", ["explore", "best_mean"])
def test_running_settings_of_which_nothing_is_known_are_no_reason_to_stay(campaign: Campaign, kind: str) -> None:
    far = {name: value * 50 for name, value in campaign.recommend(context=CONTEXT)[0].settings.items()}
    (answer,) = campaign.recommend(context=CONTEXT, kind=kind, running=far)  # type: ignore[arg-type]
    assert not answer.stay
    assert "unlike all runs so far" in answer.why[0]
