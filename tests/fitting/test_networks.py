"""A model of networks is a model: kept, averaged, scored, asked for settings."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luban import Campaign, fitting, load, training
from luban.errors import IntegrityError, StoppedError
from luban.history import History
from luban.process import Process

pytestmark = pytest.mark.skipif(not training.available(), reason=f"no training here: {training.lacking()}")


@pytest.fixture(scope="module")
def networks(process: Process, large: History, small: Any) -> fitting.Model:
    return fitting.fit(process, large, small, seed=1)


def test_it_comes_back_from_its_file(networks: fitting.Model, tmp_path: Path, fresh: pd.DataFrame) -> None:
    path = networks.save(f"{tmp_path}/models/")
    again = load(path)
    assert isinstance(again, fitting.Model)
    assert again.save(f"{tmp_path}/again/").read_bytes() == path.read_bytes()
    pd.testing.assert_frame_equal(again.posterior(fresh).mean, networks.posterior(fresh).mean)
    pd.testing.assert_frame_equal(again.posterior(fresh).interval(), networks.posterior(fresh).interval())
    assert again.card["networks"]["options"]["members"] == 3


def test_a_file_cut_short_or_edited_does_not_load(networks: fitting.Model, tmp_path: Path) -> None:
    whole = networks.save(tmp_path / "whole.safetensors").read_bytes()
    victim = tmp_path / "victim.safetensors"
    for at in np.linspace(0, len(whole) - 1, 25).astype(int):
        victim.write_bytes(whole[:at])
        with pytest.raises(IntegrityError):
            load(victim)
        edited = bytearray(whole)
        edited[at] ^= 4
        victim.write_bytes(edited)
        with pytest.raises(IntegrityError):
            load(victim)


def test_noise_left_open_is_averaged(networks: fitting.Model) -> None:
    row = {"speed": 220.0, "feed": 0.1, "wear": "Worn"}
    stated = networks.posterior(pd.DataFrame([row | {"position": "Chuck"}, row | {"position": "End"}]))
    averaged = networks.posterior(pd.DataFrame([row]))
    assert averaged.mean["roughness"][0] == pytest.approx(stated.mean["roughness"].mean())
    spreads = [averaged.sd(of)["roughness"][0] for of in ("latent", "run_mean", "reading")]  # type: ignore[arg-type]
    assert spreads == sorted(spreads)
    drawn = averaged.sample(4000, seed=1, of="reading")[:, 0, 0]
    assert drawn.std() == pytest.approx(spreads[2], rel=0.1)
    assert drawn.mean() == pytest.approx(averaged.mean["roughness"][0], abs=0.1 * spreads[2])


def test_it_scores_a_history(networks: fitting.Model, process: Process, fresh: pd.DataFrame) -> None:
    scores = networks.score(History.from_frame(process, fresh)).set_index(["response", "contender"])
    assert scores["rmse"]["roughness", "model"] < scores["rmse"]["roughness", "trivial"]


@pytest.mark.parametrize("kind", ["explore", "best_mean"])
def test_a_campaign_recommends_by_it(process: Process, large: History, networks: fitting.Model, kind: Any) -> None:
    campaign = Campaign(process, large, model=networks)
    found = campaign.recommend(3, context={"wear": "New"}, kind=kind)
    assert len({tuple(item.settings.values()) for item in found}) == len(found)
    predicted = networks.posterior(pd.DataFrame([{**found[0].settings, "wear": "New"}]))
    said = found[0].predictions["roughness"]
    assert said.mean == pytest.approx(predicted.mean["roughness"][0])
    bounds = predicted.interval(said.level, of="run_mean")
    assert said.lower == pytest.approx(bounds["roughness", "low"][0])
    assert said.upper == pytest.approx(bounds["roughness", "high"][0])


def test_what_is_under_way_is_not_asked_for_again(process: Process, large: History, networks: fitting.Model) -> None:
    """As if it had come out as expected: what is uncertain there counts no more, so another place is worth more."""
    campaign = Campaign(process, large, model=networks)
    before = campaign.recommend(1, context={"wear": "New"})[0]
    campaign.ask(1, context={"wear": "New"})
    after = campaign.recommend(1, context={"wear": "New"})[0]
    assert after.settings != pytest.approx(before.settings)
    assert after.gain <= before.gain + 1e-9


def test_a_campaign_keeps_to_what_was_chosen(
    process: Process, large: History, networks: fitting.Model, fresh: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fit(_: Process, history: History, surrogate: str, **more: Any) -> fitting.Model:
        asked.append(surrogate)
        return networks

    monkeypatch.setattr(fitting, "fit", fit)
    campaign = Campaign(process, large, model=networks)
    for prefix in ("a", "b", "c"):
        campaign.add_runs(fresh.assign(run_id=prefix + fresh["run_id"]))
        campaign.fit()
    assert asked == ["neural_ensemble", "automatic", "automatic"]  # of 80 runs, then 120, 160 and 200


def test_a_stop_keeps_what_was_trained(process: Process, large: History, small: Any, tmp_path: Path) -> None:
    told = 0

    def after_a_while() -> bool:
        nonlocal told
        told += 1
        return told > 3

    networks = tmp_path / "networks"
    with pytest.raises(StoppedError):
        fitting.fit(process, large, small, workplace=fitting.Workplace(networks, stop=after_a_while), timed=False)
    assert list(networks.glob("*.safetensors"))
    gone_on = fitting.fit(process, large, small, workplace=fitting.Workplace(networks), timed=False)
    in_peace = fitting.fit(process, large, small, timed=False)
    assert gone_on.save(tmp_path / "a.model").read_bytes() == in_peace.save(tmp_path / "b.model").read_bytes()
