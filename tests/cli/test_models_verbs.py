"""models: list, show, add, alias, remove-alias, log; and FOLDER@ALIAS where a model is named."""

from pathlib import Path

import pytest

from .support import Cli

VERBS = ("list", "show", "add", "alias", "remove-alias", "log")


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches_by_an_example(luban: Cli, verb: str) -> None:
    outcome = luban("models", verb, "--help")
    assert outcome.code == 0
    assert f"Example: luban models {verb}" in outcome.out
    assert "--json" in outcome.out


def test_from_nothing_to_a_champion(luban: Cli, model: Path, history: Path) -> None:
    empty = luban("models")
    assert (empty.code, "luban models add MODEL" in empty.out) == (0, True)
    added = luban("models", "add", model, "--folder", "models/grinding", "--alias", "champion", "--why", "first")
    assert added.code == 0, added.err
    path = added.out.splitlines()[0]
    assert path.startswith("models/grinding/grinding-")
    assert "champion: nothing → " in added.out
    assert ": first" in added.out
    listed = luban("models", "--json").object["models"]
    assert [(row["path"], row["aliases"], row["status"]) for row in listed] == [(path, "champion", "ok")]
    assert luban("models", "list", "models/grinding").out.count("champion") == 1
    for name in ("models/grinding", "models/grinding@champion", path):
        scored = luban("evaluate", name, history, "--json")
        assert scored.code == 0, scored.err
        assert scored.object["model"] == path
    advised = luban("recommend", "models/grinding@champion", "--context", "material=steel", "--kind", "best_mean")
    assert advised.code == 0, advised.err


def test_show_says_the_card_and_who_called_it_so(luban: Cli, model: Path) -> None:
    luban("models", "add", model, "--alias", "golden", "--who", "A. Person")
    for name in ("golden", "models@golden"):
        outcome = luban("models", "show", name)
        assert outcome.code == 0, outcome.err
        assert "called golden" in outcome.out
        assert "by A. Person" in outcome.out
        assert "grinding" in outcome.out
    found = luban("models", "show", "golden", "--folder", "models", "--json").object
    assert found["aliases"] == ["golden"]
    assert [change["change"] for change in found["changes"]] == ["add", "alias"]
    assert found["card"]["process"] == "grinding"
    assert luban("models", "show", found["digest"][:10]).code == 0
    assert luban("models", "show", model).code == 0


def test_aliases_are_set_and_removed(luban: Cli, model: Path) -> None:
    digest = luban("models", "add", model, "--json").object["changes"][0]["after"]
    assert luban("models", "alias", "champion", digest[:8]).code == 0
    changed = luban("models", "alias", "challenger", "champion", "--json").object
    assert (changed["alias"], changed["before"], changed["after"]) == ("challenger", "", digest)
    assert luban("models", "remove-alias", "challenger").code == 0
    gone = luban("models", "remove-alias", "challenger")
    assert gone.code == 1
    log = luban("models", "log", "--json").object["changes"]
    assert [(c["change"], c["alias"]) for c in log] == [
        ("add", ""), ("alias", "champion"), ("alias", "challenger"), ("remove", "challenger"),
    ]  # fmt: skip
    assert luban("models", "log").out.count("\n") == 4


def test_an_altered_model_is_exit_code_3(luban: Cli, model: Path, history: Path) -> None:
    path = Path(luban("models", "add", model, "--alias", "champion").out.splitlines()[0])
    path.write_bytes(path.read_bytes()[:-1])
    assert luban("evaluate", "models@champion", history).code == 3
    assert luban("models", "show", "champion").code == 3
    assert "no intact file of this digest" in luban("models").out


def test_wrong_usage(luban: Cli, model: Path) -> None:
    assert luban("models", "--help").code == 0
    assert "did you mean list?" in luban("models", "lst").err
    assert luban("models", "add", model, "--alias", "The Best").code == 2
    assert luban("models", "list", "nowhere").code == 1
    assert "did you mean --json?" in luban("models", "--jsn").err
