"""recommend: settings with reasons, fronts, wrong contexts, contradicting constraints."""

from pathlib import Path

import pytest

from luban import Campaign, History, load

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
