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


def test_another_process_is_refused(model: Model, make, simulate) -> None:
    other = make(context=[ContextVariable("wear", categories=["New", "Worn", "Broken"])])
    history = History.from_frame(other, simulate(settings=3))
    with pytest.raises(ConfigurationError, match="'wear'"):
        model.score(history)


def test_a_history_without_the_responses_is_refused(model: Model, make, simulate) -> None:
    frame = simulate(settings=3).assign(roughness=np.nan, height=np.nan)
    with pytest.raises(DataError):
        model.score(History.from_frame(make(), frame))
