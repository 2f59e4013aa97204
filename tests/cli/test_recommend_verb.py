"""recommend: settings with reasons, fronts, wrong contexts, contradicting constraints."""

from pathlib import Path

import pytest

from luban import Campaign, History, load
from luban.evaluation import ModelCard

from .support import PROCESS, Cli, call, readings


def test_recommend_in_words(luban: Cli, model: Path) -> None:
    outcome = luban("recommend", model, "--context", "material=steel", "--kind", "best_mean")
    assert outcome.code == 0
    for expected in ("material steel", "wheel_speed", "m/s", "roughness", "um"):
        assert expected in outcome.out


def test_recommend_several_under_json(luban: Cli, model: Path) -> None:
    outcome = luban("recommend", model, "--context", "material=brass", "--n", "3", "--json")
    assert outcome.code == 0
    found = outcome.object["recommendations"]
    assert len(found) == 3
    for item in found:
        assert item["context"] == {"material": "brass"}
        assert 20 <= item["settings"]["wheel_speed"] <= 40
        assert 1 <= item["settings"]["feed"] <= 5


def test_best_mean_finds_the_smooth_corner(luban: Cli, model: Path) -> None:
    found = luban("recommend", model, "--context", "material=steel", "--kind", "best_mean", "--json").object
    settings = found["recommendations"][0]["settings"]
    assert settings["feed"] < 1.5  # roughness rises with feed, 0.4 um per mm/min


def test_the_same_seed_gives_the_same_answer(luban: Cli, model: Path) -> None:
    answers = [luban("recommend", model, "--context", "material=steel", "--seed", "3", "--json").out for _ in range(2)]
    assert answers[0] == answers[1]


def test_pareto_front(luban: Cli, model: Path) -> None:
    outcome = luban("recommend", model, "--context", "material=steel", "--pareto", "--n", "5", "--json")
    assert outcome.code == 0
    assert outcome.object["objectives"] == ["roughness", "load"]
    assert 1 < len(outcome.object["recommendations"]) <= 5
    assert "Front" in luban("recommend", model, "--context", "material=steel", "--pareto", "--n", "5").out


def test_the_history_beside_a_model_names_real_runs(luban: Cli, model: Path, history: Path) -> None:
    context = ("--context", "material=steel")
    found = luban("recommend", model, *context, "--history", history, "--json").object
    assert found["recommendations"][0]["nearest"]


def test_a_campaign_answers_like_a_model(luban: Cli, model: Path, history: Path) -> None:
    loaded = load(model)
    Campaign(loaded.process, History.open(history), model=loaded).save("grinding.campaign")
    context = ("--context", "material=steel", "--kind", "best_mean")
    found = luban("recommend", "grinding.campaign", *context, "--json")
    assert found.code == 0
    of_model = luban("recommend", model, *context, "--history", history, "--json")
    assert found.object["recommendations"][0]["settings"] == of_model.object["recommendations"][0]["settings"]
    assert luban("recommend", "grinding.campaign", *context, "--history", history).code == 2
    assert luban("evaluate", "grinding.campaign", history).code == 2


@pytest.mark.parametrize("of", [("--kind", "best_mean"), ("--pareto", "--n", "3")])
def test_answers_keep_within_the_largest_moves(luban: Cli, model: Path, of: tuple[str, ...]) -> None:
    running = ("--running", "wheel_speed=25", "--running", "feed=4")
    limits = ("--largest-move", "wheel_speed=2", "--largest-move", "feed=0.5")
    outcome = luban("recommend", model, "--context", "material=steel", *of, *running, *limits, "--json")
    assert outcome.code == 0
    for item in outcome.object["recommendations"]:
        assert abs(item["settings"]["wheel_speed"] - 25) <= 2 + 1e-9
        assert abs(item["settings"]["feed"] - 4) <= 0.5 + 1e-9
    alone = luban("recommend", model, "--context", "material=steel", *limits)
    assert alone.code == 2
    assert "running" in alone.err


def test_to_stay_is_an_answer(luban: Cli, model: Path) -> None:
    running = ("--running", "wheel_speed=40", "--running", "feed=1")
    outcome = luban("recommend", model, "--context", "material=steel", "--kind", "best_mean", *running)
    assert outcome.code == 0
    assert outcome.out.startswith("1. Stay for material steel")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--context", "materiel=steel"), "material"),
        (("--context", "material=stel"), "steel"),
        ((), "material"),
        (("--context", "material"), "NAME=VALUE"),
        (("--context", "material=steel", "--context", "material=brass"), "twice"),
        (("--context", "material=steel", "--running", "feed=fast"), "a number for feed"),
        (("--context", "material=steel", "--running", "fed=2"), "feed"),
    ],
)
def test_a_wrong_context_is_wrong_usage(luban: Cli, model: Path, options: tuple[str, ...], expected: str) -> None:
    outcome = luban("recommend", model, *options)
    assert outcome.code == 2
    assert expected in outcome.err


@pytest.fixture(scope="module")
def contradicting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a process whose parameter constraints leave nothing."""
    folder = tmp_path_factory.mktemp("contradicting")
    constraints = "parameter_constraints:\n"
    constraints += "  - {sum: {wheel_speed: 1.0, feed: 1.0}, upper: 30}\n"
    constraints += "  - {sum: {wheel_speed: 1.0, feed: 1.0}, lower: 35}\n"
    (folder / "p.yaml").write_text(PROCESS + constraints, encoding="utf-8")
    readings().to_csv(folder / "r.csv", index=False)
    assert call("import", folder / "p.yaml", folder / "r.csv", "-o", folder / "r.h5").code == 0
    trained = call("train", folder / "p.yaml", folder / "r.h5", "-o", folder / "r.safetensors", "--folds", "2")
    assert trained.code == 0, trained.err
    return folder / "r.safetensors"


def test_contradicting_constraints_are_named(luban: Cli, contradicting: Path) -> None:
    outcome = luban("recommend", contradicting, "--context", "material=steel", "--json")
    assert outcome.code == 4
    assert outcome.object["error"]["kind"] == "InfeasibleError"
    assert "30" in outcome.err
    assert "35" in outcome.err


def test_what_a_recommendation_is_for_stands_in_its_title(luban: Cli, model: Path) -> None:
    context = ("--context", "material=steel")
    assert luban("recommend", model, *context).out.startswith("1. Worth trying next (explores) for material steel")
    best = luban("recommend", model, *context, "--kind", "best_mean").out
    assert best.startswith("1. Recommended settings for material steel")


def test_warnings_stand_before_the_numbers(luban: Cli, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(model)
    content = loaded.card.to_dict()
    content["responses"][0] |= {"skill": "no_better", "skill_evidence": {"against": "trivial"}}
    loaded.card = ModelCard(content)
    monkeypatch.setattr("luban.load", lambda _: loaded)
    asked = ("recommend", model, "--context", "material=steel")
    out = " ".join(luban(*asked).out.split())
    warning = "The model predicts roughness no better than its mean"
    assert 0 < out.index(warning) < out.index("wheel_speed")
    assert "better with probability" not in out
    assert luban(*asked, "--json").object["warnings"][0].startswith(warning)
    assert luban(*asked, "--pareto", "--n", "3").out.startswith(warning)


def test_a_history_of_another_process_is_refused(luban: Cli, model: Path) -> None:
    Path("other.yaml").write_text(PROCESS.replace("process: grinding", "process: honing"), encoding="utf-8")
    readings().to_csv("other.csv", index=False)
    assert luban("import", "other.yaml", "other.csv", "-o", "other.h5").code == 0
    refused = luban("recommend", model, "--context", "material=steel", "--history", "other.h5")
    assert refused.code == 2
    assert "'grinding'" in refused.err
    assert "'honing'" in refused.err


def test_novelty_is_shown_along_a_front_and_may_be_lifted(luban: Cli, model: Path) -> None:
    asked = ("recommend", model, "--context", "material=steel")
    out = luban(*asked, "--pareto", "--n", "3").out
    assert "novelty" in out
    assert "inside" in out
    assert luban(*asked, "--kind", "best_mean", "--novelty", "any").code == 0
    wrong = luban(*asked, "--kind", "best_mean", "--novelty", "all")
    assert wrong.code == 2
    assert "novelty" in wrong.err


def test_whole_numbers_have_no_point_and_nothing_is_certain(luban: Cli) -> None:
    assert luban("--help").code == 0  # first, so that the verbs stand in their order
    from luban.cli.recommend import _plain, _share

    assert _plain(28.0) == "28"
    assert _plain(28500.0) == "28500"
    assert _plain(0.125) == "0.125"
    assert _plain("D30") == "D30"
    assert _share(1.0) == "over 99 %"
    assert _share(0.5) == "50 %"
    assert _share(float("nan")) == "not judged"
