"""Ask and tell, new runs, late responses."""

import pandas as pd
import pytest

from luban import Campaign, History, Process
from luban.campaign import Run
from luban.errors import ConfigurationError, DataError, LifecycleError
from luban.fitting import Model
from luban.process import TrialStatus

from .line import readings, true_roughness

CONTEXT = {"tool": "New", "bar": "D30"}


def observed(trial: object, noise: float = 0.0) -> list[dict[str, float | str]]:
    settings = trial.recommendation.recipe.to_dict()  # type: ignore[attr-defined]
    value = true_roughness(settings["speed"], settings["feed"], 0)
    return [{"position": "Chuck", "roughness": value - 0.1 + noise}, {"position": "End", "roughness": value + 0.1}]


def test_from_nothing_to_a_model_by_ask_and_tell(process: Process) -> None:
    campaign = Campaign(process, seed=1)
    kinds = []
    for number in range(1, 8):
        (trial,) = campaign.ask(context=CONTEXT)
        assert trial.number == number
        kinds.append(trial.recommendation.kind)
        report = campaign.tell(trial, observed(trial))
        assert report.readings_added == 2
    assert kinds == ["initial_design"] * 5 + ["explore"] * 2
    settings = [tuple(t.recommendation.recipe.to_dict().values()) for t in campaign.trials]
    assert len(set(settings)) == 7
    assert {t.status for t in campaign.trials} == {TrialStatus.completed}
    assert campaign.history is not None
    assert len(campaign.history) == 14
    assert campaign.history.read(columns=["run_id"], rows="runs")["run_id"].tolist()[0] == "trial-1"


def test_runs_at_one_setting_are_not_enough_for_a_model(process: Process) -> None:
    frame = readings(12, bars=("D30",))
    for name in ("speed", "feed", "tool"):
        frame[name] = frame[name].iloc[0]
    campaign = Campaign(process, History.from_frame(process, frame))
    answer = campaign.recommend(2, context=CONTEXT)
    assert {item.kind for item in answer} == {"initial_design"}
    assert "the history holds 1 of 5" in answer[0].why[0]
    # Run again and again they have used one point of the design, and other categories of the context are other points.
    fresh = Campaign(process).recommend(3, context=CONTEXT)
    assert [item.settings for item in answer] == [item.settings for item in fresh][1:]
    other = frame.assign(tool="Worn", run_id=frame["run_id"] + "w", order=frame["order"] + "w")
    campaign.add_runs(other)
    assert "the history holds 2 of 5" in campaign.recommend(context=CONTEXT)[0].why[0]


def test_trials_under_way_are_known_to_later_questions(campaign: Campaign) -> None:
    alone = campaign.recommend(context=CONTEXT)[0].settings
    (trial,) = campaign.ask(context=CONTEXT)
    assert trial.recommendation.recipe.to_dict() == alone
    assert campaign.recommend(context=CONTEXT)[0].settings != alone
    campaign.abandon(trial, "the machine is needed elsewhere")
    assert campaign.recommend(context=CONTEXT)[0].settings == alone


def test_the_given_history_is_not_changed(campaign: Campaign, history: History) -> None:
    before = len(history), history.digest
    (trial,) = campaign.ask(context=CONTEXT)
    campaign.tell(trial, observed(trial))
    assert (len(history), history.digest) == before
    assert campaign.history is not None
    assert len(campaign.history) == before[0] + 2


def test_a_trial_lives_step_by_step(campaign: Campaign) -> None:
    one, two, three = campaign.ask(3, context=CONTEXT)
    with pytest.raises(LifecycleError):
        campaign.start(one, "early")
    assert campaign.stage(one).status == TrialStatus.staged
    assert campaign.start(one, "shaft-7").run_id == "shaft-7"
    campaign.tell(one, observed(one))
    assert campaign.trials[0].run_id == "shaft-7"
    assert campaign.abandon(two, "the order was cancelled").reason == "the order was cancelled"
    with pytest.raises(LifecycleError, match="waits for results"):
        campaign.tell(two, observed(two))
    campaign.stage(three)
    campaign.start(three, "shaft-8")
    assert campaign.fail(three.number, "the bar broke").status == TrialStatus.failed
    with pytest.raises(LifecycleError):
        campaign.tell(99, {"roughness": 1.0, "position": "End"})


def test_observations_come_in_several_shapes(campaign: Campaign) -> None:
    trials = campaign.ask(3, context=CONTEXT)
    shapes = [
        {"position": ["Chuck", "End"], "roughness": [1.4, 1.6]},
        {"position": "End", "roughness": 1.5, "speed": 203.0},
        pd.DataFrame({"position": ["Chuck"], "roughness": [0.0015]}).pipe(_in_mm),
    ]
    for trial, shape in zip(trials, shapes, strict=True):
        campaign.tell(trial, shape)
    assert campaign.history is not None
    frame = campaign.history.read(runs=["trial-1", "trial-2", "trial-3"])
    assert frame["roughness"].tolist() == pytest.approx([1.4, 1.6, 1.5, 1.5])
    assert frame["speed"].tolist()[2] == 203.0  # what was really applied
    assert set(frame["bar"]) == {"D30"}


def _in_mm(frame: pd.DataFrame) -> pd.DataFrame:
    frame.attrs["units"] = {"roughness": "mm"}
    return frame


def test_observations_that_say_nothing_are_refused(campaign: Campaign) -> None:
    (trial,) = campaign.ask(context=CONTEXT)
    with pytest.raises(ConfigurationError, match=r"'roughnes'.*roughness"):
        campaign.tell(trial, {"roughnes": 1.0, "position": "End"})
    with pytest.raises(DataError, match="at least one response"):
        campaign.tell(trial, {"position": "End"})
    with pytest.raises(DataError, match="at least one response"):
        campaign.tell(trial, [])
    with pytest.raises(DataError, match="noise variables of each reading: position"):
        campaign.tell(trial, {"roughness": 1.0})
    with pytest.raises(DataError, match="as many values"):
        campaign.tell(trial, {"roughness": [1.0, 2.0], "position": ["End"]})
    with pytest.raises(DataError, match="outside_valid"):
        campaign.tell(trial, {"roughness": 99.0, "position": "End"})
    assert campaign.trials[0].status == TrialStatus.candidate
    campaign.tell(trial, {"roughness": 1.2, "position": "End"})
    assert campaign.trials[0].status == TrialStatus.completed


def test_new_runs_change_the_answer_and_known_ones_do_not(campaign: Campaign) -> None:
    before = campaign.model
    assert campaign.add_runs(readings(40)).changed is False
    assert campaign.model is before
    report = campaign.add_runs(readings(6, seed=5, first=100))
    assert report.runs_added == 6
    assert campaign.model is not before


def test_runs_may_be_given_as_values(campaign: Campaign) -> None:
    run = Run("x1", {"speed": 150.0, "feed": 0.08}, CONTEXT, [{"position": "End", "roughness": 1.7, "power": 3.0}])
    assert campaign.add_runs([run]).readings_added == 1
    with pytest.raises(DataError, match="at least one run"):
        campaign.add_runs([])
    with pytest.raises(DataError, match="list of Run"):
        campaign.add_runs([{"run_id": "x"}])  # type: ignore[list-item]


def test_late_responses_arrive_by_run_id(process: Process) -> None:
    campaign = Campaign(process, History.from_frame(process, readings(12).drop(columns="power")))
    late = readings(12)[["run_id", "power"]].assign(repeat=list(range(1, 5)) * 12)
    assert campaign.history is not None
    assert "power" not in campaign.history.read(rows="runs").dropna(axis="columns", how="all").columns
    campaign.add_runs(late)
    assert campaign.history.read(columns=["power"])["power"].notna().all()


def test_results_that_arrive_as_runs_complete_the_trial(campaign: Campaign) -> None:
    (trial,) = campaign.ask(context=CONTEXT)
    campaign.stage(trial)
    campaign.start(trial, "shaft-1")
    settings = trial.recommendation.recipe.to_dict()
    campaign.add_runs([Run("shaft-1", settings, CONTEXT, [{"position": "End", "roughness": 1.7}])])
    assert campaign.trials[0].status == TrialStatus.completed


def test_a_campaign_without_runs_has_no_model(process: Process) -> None:
    with pytest.raises(LifecycleError, match="0 of 5"):
        _ = Campaign(process).model
    with pytest.raises(LifecycleError, match="0 of 5"):
        Campaign(process).pareto(context=CONTEXT)


def test_a_model_alone_answers_but_takes_no_runs(process: Process, model: Model) -> None:
    campaign = Campaign(process, model=model)
    (trial,) = campaign.ask(context=CONTEXT)
    assert trial.recommendation.kind == "explore"
    with pytest.raises(LifecycleError, match="model alone"):
        campaign.tell(trial, observed(trial))
    with pytest.raises(LifecycleError, match="model alone"):
        campaign.add_runs(readings(3))


def test_a_refused_answer_changes_neither_history_nor_trial(campaign: Campaign) -> None:
    (trial,) = campaign.ask(context=CONTEXT)
    campaign.stage(trial)
    campaign.start(trial, "A")
    assert campaign.history is not None
    before = len(campaign.history)
    with pytest.raises(LifecycleError):
        campaign.tell(trial, observed(trial), run_id="B")
    with pytest.raises(DataError, match="at least one good value"):
        campaign.tell(trial, [{"position": "Chuck", "roughness": float("nan")}])
    assert campaign.history is not None
    assert len(campaign.history) == before
    assert campaign.trials[-1].status == TrialStatus.running
    assert campaign.tell(trial, observed(trial)).readings_added == 2
    assert len(campaign.history) == before + 2
