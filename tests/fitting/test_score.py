"""A model on a history: skill and calibrated coverage, in all and per group."""

import numpy as np
import pandas as pd
import pytest

from luban.errors import ConfigurationError, DataError
from luban.fitting import Model
from luban.history import History
from luban.process import ContextVariable, Process


def test_unseen_runs_are_scored_beside_the_trivial_baseline(
    model: Model, process: Process, fresh: pd.DataFrame
) -> None:
    renamed = fresh.assign(run_id="new-" + fresh["run_id"])
    table = model.score(History.from_frame(process, renamed))
    assert table.attrs["notes"] == []
    own = table.set_index(["response", "contender"]).loc[("roughness", "model")]
    trivial = table.set_index(["response", "contender"]).loc[("roughness", "trivial")]
    assert own["rmse"] < 0.5 * trivial["rmse"]
    assert own["r2"] > 0.8
    assert own["coverage_90"] > 0.75
    assert own["readings"] == len(fresh)
    assert own["rmse"] == pytest.approx(
        np.sqrt(np.mean((model.posterior(fresh).mean["roughness"] - fresh["roughness"]) ** 2))
    )
    bounds = model.posterior(fresh).interval(0.9)["roughness"]
    inside = fresh["roughness"].between(bounds["low"], bounds["high"]).mean()
    assert own["coverage_90"] == pytest.approx(inside)


def test_groups_are_scored_one_by_one(model: Model, history: History) -> None:
    table = model.score(history, per_group=True)
    own = table[(table["contender"] == "model") & (table["response"] == "roughness")]
    assert own["group"].nunique() == 21  # twenty settings and all together
    all_readings = own.loc[own["group"] == "", "readings"].item()
    assert own.loc[own["group"] != "", "readings"].sum() == all_readings


def test_runs_that_were_learned_from_are_said(model: Model, history: History) -> None:
    [note] = model.score(history).attrs["notes"]
    assert "40 of 40 runs" in note


def test_readings_that_were_learned_from_are_found_under_other_run_ids(
    model: Model, process: Process, simulate
) -> None:
    same, fresh = simulate(), simulate(settings=3, seed=9)
    # In another unit, under other names, and one response was not written down.
    mixed = pd.concat([same.iloc[:60], fresh]).assign(height=np.nan, speed=lambda frame: frame["speed"] / 60.0)
    mixed["run_id"] = ["again-"] * 60 + ["new-"] * len(fresh) + mixed["run_id"]
    mixed.attrs["units"] = {"speed": "m/s"}
    table = model.score(History.from_frame(process, mixed))
    overlap = table.attrs["overlap"]
    assert (overlap["readings"], overlap["readings_seen"]) == (60 + len(fresh), 60)
    assert (overlap["runs"], overlap["runs_seen"]) == (16, 10)
    assert (overlap["points"], overlap["points_seen"]) == (16, 10)
    assert (overlap["groups"], overlap["groups_seen"]) == (8, 5)
    [note] = table.attrs["notes"]
    assert "10 of 16 runs were learned from (60 of 96 readings" in note
    assert "10 of 16 points, in 5 of 8 groups" in note


def test_new_readings_of_known_points_are_said(model: Model, process: Process, simulate) -> None:
    again = simulate()
    again["roughness"] += 0.01
    again["run_id"] = "new-" + again["run_id"]
    table = model.score(History.from_frame(process, again))
    assert table.attrs["overlap"]["runs_seen"] == 0
    [note] = table.attrs["notes"]
    assert "These readings are new, but 40 of 40 points, in 20 of 20 groups" in note


def test_another_process_is_refused(model: Model, make, simulate) -> None:
    other = make(context=[ContextVariable("wear", categories=["New", "Worn", "Broken"])])
    history = History.from_frame(other, simulate(settings=3))
    with pytest.raises(ConfigurationError, match="'wear'"):
        model.score(history)


def test_a_history_without_the_responses_is_refused(model: Model, make, simulate) -> None:
    frame = simulate(settings=3).assign(roughness=np.nan, height=np.nan)
    with pytest.raises(DataError):
        model.score(History.from_frame(make(), frame))
