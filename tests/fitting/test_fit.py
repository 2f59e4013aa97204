"""From a history to a model: skill, evidence, small and odd histories, interruption."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import _core, datasets, features
from luban.errors import ConfigurationError, DataError
from luban.fitting import Model, fit
from luban.history import History
from luban.process import Objective, Parameter, Process, Response


def test_the_model_beats_the_baselines_and_not_the_noise(model: Model) -> None:
    table = model.skill().set_index(["response", "contender"])
    for response in ("roughness", "height"):
        own, linear, trivial = (table.loc[(response, name)] for name in (model.card.surrogate, "linear", "trivial"))
        assert own["rmse"] < linear["rmse"] < trivial["rmse"]
        assert own["log_density"] > trivial["log_density"]
        assert own["ceiling_rmse"] < own["rmse"]
        assert own["coverage_90"] == pytest.approx(0.9, abs=0.08)
        assert np.isnan(trivial["calibrated_coverage_90"])


def test_the_model_predicts_what_it_has_not_seen(model: Model, fresh: pd.DataFrame) -> None:
    posterior = model.posterior(fresh)
    error = (posterior.mean["roughness"] - fresh["roughness"]).to_numpy()
    assert np.sqrt(np.mean(error**2)) < 0.3
    bounds = posterior.interval(0.9)["roughness"]
    assert fresh["roughness"].between(bounds["low"], bounds["high"]).mean() > 0.75


def test_folds_never_split_a_setting(model: Model) -> None:
    frame = model.cross_validation.frame("roughness")
    assert len(frame[["speed", "feed", "fold"]].drop_duplicates()) == 20
    assert frame["fold"].nunique() == 5
    assert len(frame) == model.dataset.n


def test_out_of_fold_predictions_are_a_table_for_plots(model: Model, process: Process) -> None:
    frame = model.cross_validation.frame("roughness", level=0.8)
    assert list(frame.columns[:9]) == [
        "run_id",
        "source_row",
        "repeat",
        "group",
        "fold",
        "speed",
        "feed",
        "wear",
        "position",
    ]
    assert frame.attrs["units"]["speed"] == "m/min"
    assert frame.attrs["units"]["low_80"] == "um"
    assert not frame["gross"].any()
    inside = frame["measured"].between(frame["low_80"], frame["high_80"]).mean()
    assert inside == pytest.approx(0.8, abs=0.1)
    skill = model.skill().set_index(["response", "contender"])
    for name in model.cross_validation.contenders:
        plain = model.cross_validation.frame("roughness", name)
        rmse = np.sqrt(np.mean((plain["mean"] - plain["measured"]) ** 2))
        assert rmse == pytest.approx(skill.loc[("roughness", name), "rmse"])
    with pytest.raises(ConfigurationError, match="linear"):
        model.cross_validation.frame("roughness", "liner")
    with pytest.raises(DataError, match="roughness"):
        model.cross_validation.frame("roughnes")


def test_the_card_says_what_the_claim_rests_on(model: Model, process: Process) -> None:
    card = model.card.to_dict()
    assert card["process"] == "turning"
    assert card["process_digest"] == process.digest
    assert card["data"]["runs"] == 40
    split = {"split": "groups", "grouped_by": "speed, feed", "folds": 5, "folds_asked": 5, "repeats": 1, "seed": 1}
    assert card["validation"] == split
    assert card["code_version"]
    assert card["created_time"].endswith("+00:00")
    assert all(response["hyperparameters"] for response in card["responses"])


def test_a_gross_error_is_named_and_does_no_harm(process: Process, simulate) -> None:
    frame = simulate(readings=6)
    frame.loc[10, "roughness"] = 60.0
    model = fit(process, History.from_frame(process, frame))
    [said] = [sentence for sentence in model.card.why if sentence.startswith("Gross error")]
    assert "60" in said
    assert model.cross_validation.gross_errors("roughness").sum() == 1
    table = model.skill().set_index(["response", "contender"])
    everything = model.skill(without_gross=False).set_index(["response", "contender"])
    name = ("roughness", model.card.surrogate)
    assert table.loc[name, "rmse"] < 0.4 < everything.loc[name, "rmse"]
    assert table.loc[name, "gross_errors"] == 1


def test_what_the_fit_sets_aside_is_named(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"run_id": [f"R{i}" for i in range(60)], "a": random.uniform(size=60)})
    frame["y"] = 1.0 + 2.0 * frame["a"] + random.normal(0.0, 0.05, 60)
    frame.loc[17, "y"] = 150.0
    process = Process(
        "single", parameters=[Parameter("a", unit="mm", low=0.0, high=1.0)], responses=[Response("y", unit="um")]
    )
    model = fit(process, History.from_frame(process, frame))
    [report] = model.surrogate.reports
    [row] = report.set_aside
    assert (model.dataset.run_ids[model.dataset.run[row]], model.dataset.Y[row, 0]) == ("R17", 150.0)
    assert (report.gross_errors, report.readings) == (1, 59)
    assert model.card["responses"][0]["gross_errors"] == 1
    [said] = [sentence for sentence in model.card.why if "150 um" in sentence]
    assert said.startswith("y: 150 um in run R17")
    assert said.endswith("lies outside what the model and its noise allow; it got no weight.")
    assert any("all scores" in sentence and "include them" in sentence for sentence in model.card.why)
    assert any("nothing was ever repeated" in sentence for sentence in model.card.why)
    assert not any("noise within runs alone" in sentence for sentence in model.card.why)
    assert list(Model.load(model.save(tmp_path)).surrogate.reports[0].set_aside) == [row]


def test_the_same_seed_gives_the_same_model(process: Process, history: History, model: Model) -> None:
    again = fit(process, history, seed=1)
    points = pd.DataFrame({"speed": [123.0], "feed": [0.07], "wear": ["Worn"]})
    pd.testing.assert_frame_equal(again.posterior(points).mean, model.posterior(points).mean)
    pd.testing.assert_frame_equal(again.skill(), model.skill())


def test_other_surrogates_by_name(process: Process, history: History) -> None:
    assert fit(process, history, "matern").card.surrogate == "matern"
    options = _core.GaussianProcessOptions(preset="smooth_rough", starts=1)
    assert fit(process, history, options).surrogate.preset == "smooth_rough"
    with pytest.raises(ConfigurationError, match="matern"):
        fit(process, history, "mattern")


@pytest.mark.parametrize("runs", [1, 2])
def test_one_or_two_runs_are_too_few_to_check_a_model(process: Process, simulate, runs: int) -> None:
    history = History.from_frame(process, simulate(settings=runs, wears=("New",)))
    with pytest.raises(DataError, match="3 groups"):
        fit(process, history)


def test_three_runs_are_left_out_one_by_one(process: Process, simulate) -> None:
    model = fit(process, History.from_frame(process, simulate(settings=3, wears=("New",))))
    assert model.card["validation"]["folds"] == 3
    assert any("Only 3 groups" in sentence for sentence in model.card.why)


def test_a_constant_column_does_no_harm(process: Process, simulate) -> None:
    frame = simulate()
    frame["speed"] = 200.0
    model = fit(process, History.from_frame(process, frame))
    points = pd.DataFrame({"speed": 200.0, "feed": [0.07, 0.12], "wear": "New"})
    assert np.isfinite(model.posterior(points).sd().to_numpy()).all()


def test_a_constant_response_is_predicted_as_it_is(make, simulate) -> None:
    process = make(responses=[Response("roughness", unit="um")])
    frame = simulate().assign(roughness=1.5).drop(columns="height")
    model = fit(process, History.from_frame(process, frame))
    points = pd.DataFrame({"speed": [200.0], "feed": [0.1], "wear": ["New"]})
    assert model.posterior(points).mean["roughness"].item() == pytest.approx(1.5)


def test_an_empty_context_cell_is_answered_with_doubt(process: Process, simulate) -> None:
    model = fit(process, History.from_frame(process, simulate(wears=("New",))))
    points = pd.DataFrame({"speed": [200.0, 200.0], "feed": [0.1, 0.1], "wear": ["New", "Worn"]})
    posterior = model.posterior(points)
    assert list(posterior.novelty["new_combination"]) == [False, True]
    sd = posterior.sd("latent")["roughness"]
    assert sd[1] > 1.5 * sd[0]


def test_a_rare_optional_response_is_left_out_and_named(process: Process, simulate) -> None:
    frame = simulate()
    frame.loc[frame.index >= 10, "height"] = np.nan
    model = fit(process, History.from_frame(process, frame))
    assert model.responses == ["roughness"]
    assert any(sentence.startswith("height:") for sentence in model.card.why)


def test_an_objective_without_values_is_an_error(make, simulate) -> None:
    process = make(objectives=[Objective("height", "minimize")])
    frame = simulate()
    frame.loc[frame.index >= 10, "height"] = np.nan
    with pytest.raises(DataError, match="'height'"):
        fit(process, History.from_frame(process, frame))


def test_another_process_is_refused(history: History, make) -> None:
    other = make(
        parameters=[Parameter("speed", unit="m/s", low=1.0, high=5.0), Parameter("feed", unit="mm/rev", low=0, high=1)]
    )
    with pytest.raises(ConfigurationError, match="'speed'"):
        fit(other, history)


@pytest.mark.parametrize("options", [{"seed": 10**22}, {"seed": -1}, {"repeats": 10**19}])
def test_numbers_that_are_too_large(process: Process, history: History, options: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=str(next(iter(options.values())))):
        fit(process, history, **options)


def test_names_of_files_are_refused_with_the_call_that_opens_them(process: Process, history: History) -> None:
    with pytest.raises(ConfigurationError, match=r"a str, 'runs\.h5'.*History\.open"):
        fit(process, "runs.h5")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"Process\.from_yaml"):
        fit("line.yaml", history)  # type: ignore[arg-type]


@pytest.mark.parametrize(("folds", "repeats"), [(1, 1), (5, 0)])
def test_options_out_of_range(process: Process, history: History, folds: int, repeats: int) -> None:
    with pytest.raises(ConfigurationError, match="2 folds"):
        fit(process, history, folds=folds, repeats=repeats)


def test_progress_is_told_and_may_stop_the_fit(process: Process, history: History) -> None:
    phases: list[str] = []

    def told(phase: str, done: int, total: int) -> None:
        phases.append(phase)

    fit(process, history, progress=told)
    assert "cross-validate" in phases

    def stop(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(process, history, progress=stop)


@pytest.mark.slow
def test_turning_is_learned_as_well_as_it_can_be() -> None:
    history = datasets.turning()
    model = fit(history.process, history, "gaussian_process", folds=17)
    table = model.skill().set_index(["response", "contender"])
    own, linear, trivial = (table.loc[("roughness", name)] for name in (model.card.surrogate, "linear", "trivial"))
    assert own["rmse_fold_mean"] < 0.80 < own["rmse"] < 0.87 < linear["rmse"] < trivial["rmse"]
    assert own["coverage_90"] == pytest.approx(0.9, abs=0.05)
    assert own["gross_errors"] == 1
    assert any("20.3" in sentence for sentence in model.card.why)


def test_runs_of_one_point_stay_together_unless_said_otherwise(tmp_path: Path) -> None:
    process = Process(
        "line",
        parameters=[Parameter("speed", unit="m/min", low=0.0, high=1.0)],
        responses=[Response("roughness", unit="um")],
        objectives=[Objective("roughness", "minimize")],
    )
    speed = np.linspace(0.0, 1.0, 9)
    frame = pd.DataFrame({"speed": speed, "roughness": 1.0 + speed**2 + 0.02 * np.cos(9.0 * speed)})
    frame = pd.concat([frame, frame.assign(roughness=frame["roughness"] + 0.01)], ignore_index=True)
    model = fit(process, History.from_frame(process, frame))
    assert model.card["validation"]["grouped_by"] == "runs with the same parameters and categories of context"
    checked = model.cross_validation.frame("roughness")
    assert len(checked[["speed", "fold"]].drop_duplicates()) == 9
    assert checked["group"].nunique() == 9

    model.save(tmp_path / "line.safetensors")
    assert Model.load(tmp_path / "line.safetensors").dataset.grouping == features.Grouping.points

    by_run = Process.from_dict(process.to_dict() | {"groups": ["run"]})
    alone = fit(by_run, History.from_frame(by_run, frame))
    assert len(alone.dataset.group_labels) == 18


def test_too_few_points_are_said() -> None:
    process = Process(
        "line",
        parameters=[Parameter("speed", unit="m/min", low=0.0, high=1.0)],
        responses=[Response("roughness", unit="um")],
    )
    frame = pd.DataFrame({"speed": [0.0, 1.0] * 6, "roughness": 1.0 + 0.1 * np.arange(12.0) ** 0.5})
    model = fit(process, History.from_frame(process, frame))
    assert any("fewer than three points" in sentence for sentence in model.card.why)
    assert model.card["validation"]["grouped_by"] == "a run"
