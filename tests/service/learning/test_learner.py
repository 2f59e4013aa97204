"""The learner of a loop: what it is told, what it says of it, what it recommends then."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban.campaign import Campaign
from luban.errors import ConfigurationError
from luban.fitting import Model
from luban.history import History
from luban.process import Process
from luban.recommend import SearchOptions
from luban.service._missed import Missed, Residual, chi_square_bounds
from luban.service.learner import Learner, LearnerOptions
from luban.service.messages import Answer, RunReport

from .conftest import make_run

Runs = Callable[[int, float], list[RunReport]]
FILM = {"web": "Film", "humidity": 50.0}
RUNNING = {"speed": 200.0, "gap": 0.3}


def waviness(learner: Learner, runs: list[RunReport]) -> np.ndarray:
    """Standardised innovations of the waviness, run after run."""
    return np.array([one.standardised for one in learner.learn(runs) if one.response == "waviness"])


def test_the_first_innovation_is_against_the_model_as_fitted(process: Process, model: Model) -> None:
    run = make_run(3)
    found = {one.response: one for one in Learner(process, model).learn([run])}
    frame = pd.DataFrame([{**run.settings, **run.context, "place": place} for place in ("Left", "Right")])
    posterior = model.posterior(frame)
    assert set(found) == {"waviness", "load"}
    for name, one in found.items():
        assert one.run_id == "run-3"
        assert one.observed == pytest.approx(np.mean(run.readings[name]), rel=1e-12)
        assert one.predicted == pytest.approx(posterior.mean[name].mean(), rel=1e-9)
        assert one.standard_deviation < 3.0 * posterior.sd("reading")[name].max()
        assert one.standardised == pytest.approx((one.observed - one.predicted) / one.standard_deviation)


def test_innovations_of_a_line_that_does_not_drift_are_what_they_claim(
    process: Process, model: Model, drifting: Runs
) -> None:
    learner = Learner(process, model)
    found = waviness(learner, drifting(60, 0.0))
    assert abs(found.mean()) < 0.5
    assert 0.5 < found.std() < 1.5


@pytest.mark.parametrize("drift", [1.0, -0.7])
def test_a_drift_is_learned_within_ten_runs(process: Process, model: Model, drifting: Runs, drift: float) -> None:
    runs = drifting(20, drift)
    learning, frozen = Learner(process, model), Learner(process, model, options=LearnerOptions(learning=False))
    learned = {(one.run_id, one.response): one for one in learning.learn(runs)}
    kept = {(one.run_id, one.response): one for one in frozen.learn(runs)}
    last = [(f"run-{number}", "waviness") for number in range(10, 20)]
    assert np.mean([abs(kept[key].observed - kept[key].predicted) for key in last]) > 0.6 * abs(drift)
    assert np.mean([abs(learned[key].observed - learned[key].predicted) for key in last]) < 0.35 * abs(drift)
    said = learning.recommend(FILM, RUNNING).why[0]
    assert ("higher" if drift > 0 else "lower") in said
    assert "waviness" in said
    assert "Film" in said
    assert not any("fitted model" in sentence for sentence in frozen.recommend(FILM, RUNNING).why)


def test_what_is_predicted_follows_the_drift(process: Process, model: Model, drifting: Runs) -> None:
    options = LearnerOptions(objective="area", one_move=False)
    before, after = Learner(process, model, options=options), Learner(process, model, options=options)
    after.learn(drifting(15, 1.5))
    first, then = before.recommend(FILM, RUNNING), after.recommend(FILM, RUNNING)
    assert then.settings["speed"] * then.settings["gap"] < first.settings["speed"] * first.settings["gap"]  # type: ignore[operator]
    high = {one.response: one for one in then.predictions}["waviness"]
    assert high.mean < 4.0
    assert high.low < high.mean < high.high
    assert high.level == 0.9


def test_what_it_says_goes_over_a_wire(process: Process, model: Model) -> None:
    learner = Learner(process, model)
    answer = Answer(1, 1, learner.recommend(FILM, RUNNING), learner.learn([make_run(0)]))
    again = Answer.from_dict(json.loads(json.dumps(answer.to_dict(), allow_nan=False)))
    assert again.innovations == answer.innovations
    assert again.recommendation is not None
    assert again.to_dict() == answer.to_dict()


def test_computed_responses_have_no_interval(process: Process, model: Model) -> None:
    area = Learner(process, model).recommend(FILM, RUNNING).predictions[-1]
    assert area.response == "area"
    assert all(math.isnan(value) for value in (area.low, area.high, area.level))


def test_frozen_is_what_a_campaign_recommends(process: Process, model: Model, history: History) -> None:
    learner = Learner(
        process, model, history, LearnerOptions(learning=False, one_move=False, seed=4, search=SearchOptions())
    )
    answer = Campaign(process, history, seed=4, model=model).recommend(
        1, context=FILM, kind="best_mean", running=RUNNING
    )[0]
    proposal = learner.recommend(FILM, RUNNING)
    assert proposal.settings == answer.settings
    assert proposal.gain == pytest.approx(answer.gain)
    assert proposal.stay == answer.stay
    assert {one.response: one.mean for one in proposal.predictions} == {
        name: one.mean for name, one in answer.predictions.items()
    }


def test_settings_are_within_one_move_of_the_running_ones(process: Process, model: Model) -> None:
    for start in (110.0, 290.0):
        running = {"speed": start, "gap": 0.45}
        near = Learner(process, model).recommend(FILM, running)
        far = Learner(process, model, options=LearnerOptions(one_move=False)).recommend(FILM, running)
        assert abs(float(near.settings["speed"]) - start) <= 30.0
        assert abs(float(far.settings["speed"]) - start) > 30.0
        assert any("one move" in sentence for sentence in near.why)


def test_running_settings_far_outside_the_search_range_are_led_back(process: Process, model: Model) -> None:
    proposal = Learner(process, model).recommend(FILM, {"speed": 20.0, "gap": 0.3})
    assert 100.0 <= float(proposal.settings["speed"]) <= 300.0


def replayed(process: Process, model: Model, chunks: list[list[RunReport]]) -> tuple[list[object], object]:
    learner = Learner(process, model, options=LearnerOptions(seed=5))
    found = [one for chunk in chunks for one in learner.learn(chunk)]
    return found, learner.recommend(FILM, RUNNING).to_dict()  # computed responses have NaN, which equals nothing


@settings(max_examples=5)
@given(cuts=st.lists(st.integers(0, 12), max_size=4), late=st.integers(0, 10))
def test_the_same_runs_in_the_same_order_give_the_same_state(
    process: Process, model: Model, cuts: list[int], late: int
) -> None:
    whole = [make_run(number, 0.1 * number) for number in range(12)]
    readings = whole[late].readings
    first = dataclasses.replace(whole[late], readings={name: readings[name] for name in ("place", "waviness")})
    runs = [*whole[:late], first, *whole[late + 1 :], whole[late]]
    edges = [0, *sorted(cuts), len(runs)]
    chunks = [runs[a:b] for a, b in itertools.pairwise(edges)]
    assert replayed(process, model, [runs]) == replayed(process, model, chunks)


def test_a_question_changes_nothing(process: Process, model: Model, drifting: Runs) -> None:
    asked, silent = Learner(process, model), Learner(process, model)
    for run in drifting(6, 1.0):
        asked.recommend(FILM, RUNNING)
        assert asked.learn([run]) == silent.learn([run])
    assert asked.recommend(FILM, RUNNING).to_dict() == silent.recommend(FILM, RUNNING).to_dict()


def test_a_run_delivered_twice_is_learned_once(process: Process, model: Model, drifting: Runs) -> None:
    once, twice = Learner(process, model), Learner(process, model)
    runs = drifting(5, 1.0)
    once.learn(runs)
    twice.learn(runs)
    assert twice.learn(runs) == []
    assert twice.runs == 5
    assert once.recommend(FILM, RUNNING).to_dict() == twice.recommend(FILM, RUNNING).to_dict()


def test_a_late_response_is_an_innovation_of_its_own(process: Process, model: Model, drifting: Runs) -> None:
    learner = Learner(process, model)
    run, *others = drifting(4, 0.0)
    nan = dataclasses.replace(run, readings={**run.readings, "load": [float("nan")] * 8})
    assert [one.response for one in learner.learn([nan])] == ["waviness"]
    learner.learn(others)
    late = dataclasses.replace(run, settings={}, context={}, readings={"load": run.readings["load"]})
    (found,) = learner.learn([late])
    assert (found.run_id, found.response) == ("run-0", "load")
    assert found.observed == pytest.approx(np.mean(run.readings["load"]))
    part = dataclasses.replace(run, readings={"load": [9.0]})  # a corrected value of the first reading
    before = learner.recommend(dict(run.context), dict(run.settings)).predictions
    assert learner.learn([part]) == []  # what is expected of it rests on this very run by now
    assert learner.recommend(dict(run.context), dict(run.settings)).predictions != before


def test_a_run_may_come_before_its_readings(process: Process, model: Model) -> None:
    learner, run = Learner(process, model), make_run(0)
    assert learner.learn([dataclasses.replace(run, readings={})]) == []
    found = learner.learn([run])
    assert {one.response for one in found} == {"waviness", "load"}
    assert learner.runs == 1


def test_gross_and_invalid_readings_do_not_count(process: Process, model: Model) -> None:
    run = make_run(2)
    values = list(run.readings["waviness"])
    spoilt = dataclasses.replace(
        run, readings={**run.readings, "waviness": [10.0 * float(values[0]), 70.0, *values[2:]]}
    )
    (good, bad) = (
        {one.response: one for one in Learner(process, model).learn([one])}["waviness"] for one in (run, spoilt)
    )
    assert bad.observed == pytest.approx(good.observed, abs=0.15)
    assert bad.standard_deviation > good.standard_deviation


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"context": {"web": "Foil", "humidity": 50.0}}, "Foil"),
        ({"context": {"web": "Film"}}, "humidity"),
        ({"settings": {"speed": float("nan"), "gap": 0.2}}, "speed"),
        ({"readings": {"place": ["Left"], "waviness": [3.0, 3.1]}}, "readings"),
        ({"readings": {"place": ["Above"], "waviness": [3.0]}}, "Above"),
    ],
)
def test_a_run_that_cannot_be_placed_is_skipped_and_named(
    process: Process, model: Model, changed: dict, word: str
) -> None:
    learner = Learner(process, model)
    good = make_run(1)
    found = learner.learn([dataclasses.replace(make_run(0), **changed), good])
    assert {one.run_id for one in found} == {"run-1"}
    assert word in learner.skipped["run-0"]
    assert learner.runs == 1


def test_a_network_learns_in_the_same_way(process: Process, network: Model, drifting: Runs) -> None:
    learner = Learner(process, network)
    found = waviness(learner, drifting(20, 2.0))
    assert np.abs(found[10:]).mean() < 0.6 * np.abs(found[:2]).mean()
    first = Learner(process, network).recommend(FILM, RUNNING)
    then = learner.recommend(FILM, RUNNING)
    means = [next(p.mean for p in one.predictions if p.response == "waviness") for one in (first, then)]
    assert means[1] - means[0] > 1.0


@pytest.mark.parametrize(("size", "refits"), [(1.0, 0), (3.0, 1), (0.2, 1)])
def test_sizes_are_chosen_anew_only_after_a_test(model: Model, size: float, refits: int) -> None:
    encoder, options = model.surrogate.encoder, LearnerOptions()
    missed = Missed(encoder, 0.1, options)
    random = np.random.default_rng(1)
    point, level = np.array([0.5, 0.5, 0.0, 0.5, 0.0]), 0.0
    for number in range(options.test_runs):
        level += 0.3 * size * random.standard_normal()
        missed.add(Residual(f"run-{number}", float(number), point, level, 0.01, 3.0))
        missed.judge(size * (-1.0) ** number)
    assert missed.refits == refits
    if refits == 0:
        assert missed.factors == (1.0, 1.0)
    else:
        assert (missed.factors[0] > 1.0) == (size > 1.0)


def test_the_bounds_of_the_test_are_those_of_chi_square() -> None:
    from scipy.stats import chi2

    for count in (10, 12, 40):
        for chance in (0.05, 0.001):
            low, high = chi_square_bounds(count, chance)
            assert high == pytest.approx(chi2.isf(chance / 2, count), rel=0.01)
            assert low == pytest.approx(chi2.ppf(chance / 2, count), rel=0.12, abs=0.3)


def test_only_the_last_runs_are_remembered(process: Process, model: Model, drifting: Runs) -> None:
    runs = drifting(12, 1.0)
    short = Learner(process, model, options=LearnerOptions(memory=3))
    short.learn(runs)
    assert "the last run with Film" in short.recommend(FILM, RUNNING).why[0]  # of the last three one was of film
    assert short.runs == 12


def test_wrong_arguments_are_refused_by_name(process: Process, model: Model) -> None:
    other = Process.from_dict({**process.to_dict(), "process": "other"})
    with pytest.raises(ConfigurationError, match="'other'"):
        Learner(other, model)
    with pytest.raises(ConfigurationError, match="waviness"):
        Learner(process, model, options=LearnerOptions(objective="wavines"))
    for wrong in ({"drift": 0.0}, {"shared": 1.0}, {"test_runs": 1}, {"memory": 0}, {"kind": "pareto"}):
        with pytest.raises(ConfigurationError, match="LearnerOptions"):
            LearnerOptions(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="Foil"):
        Learner(process, model).recommend({"web": "Foil", "humidity": 50.0}, RUNNING)
    with pytest.raises(ConfigurationError, match="gap"):
        Learner(process, model).recommend(FILM, {"speed": 200.0})


def test_neither_torch_nor_hdf5_is_loaded(process: Process, model: Model, tmp_path: Path) -> None:
    path = model.save(tmp_path / "model.safetensors")
    code = (
        "import sys\n"
        "from luban.fitting import Model\n"
        "from luban.service.learner import Learner\n"
        f"model = Model.load({str(path)!r})\n"
        f"Learner(model.process, model).recommend({FILM!r}, {RUNNING!r})\n"
        "heavy = ('torch', 'luban._history', 'luban._training', 'matplotlib')\n"
        "sys.exit(', '.join(name for name in heavy if name in sys.modules) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
