"""train and evaluate: a model, its card, its scores; Ctrl-C leaves nothing behind."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .support import Cli, readings


def test_train_writes_a_model_and_shows_its_card(luban: Cli, process: Path, history: Path) -> None:
    outcome = luban("train", process, history, "-o", "out.safetensors", "--folds", "3")
    assert outcome.code == 0
    assert Path("out.safetensors").stat().st_size > 0
    for expected in ("roughness", "trivial", "linear", "out.safetensors written"):
        assert expected in outcome.out


def test_train_under_json(luban: Cli, process: Path, history: Path) -> None:
    found = luban("train", process, history, "--folds", "3", "--json").object
    assert set(found) == {"model", "kept", "fit_s", "card", "skill"}
    assert found["model"] == "grinding.safetensors"
    assert found["kept"] is False
    assert {"trivial", "linear"} < {row["contender"] for row in found["skill"]}


def test_train_asks_before_it_replaces(luban: Cli, process: Path, history: Path, model: Path) -> None:
    before = model.read_bytes()
    outcome = luban("train", process, history, "-o", model)
    assert outcome.code == 2
    assert "--force replaces it" in outcome.err
    assert model.read_bytes() == before


def test_resume_keeps_what_is_finished(luban: Cli, process: Path, history: Path, model: Path) -> None:
    before = model.read_bytes()
    same = luban("train", process, history, "-o", model, "--folds", "3", "--resume", "--json")
    assert same.code == 0
    assert same.object["kept"] is True
    assert model.read_bytes() == before
    other = luban("train", process, history, "-o", model, "--folds", "4", "--resume", "--json")
    assert other.object["kept"] is False
    assert model.read_bytes() != before


def test_train_with_a_mistyped_surrogate(luban: Cli, process: Path, history: Path) -> None:
    outcome = luban("train", process, history, "--surrogate", "automatik")
    assert outcome.code == 2
    assert "automatic" in outcome.err
    assert not Path("grinding.safetensors").exists()


def test_more_folds_than_groups_are_said_to_be_impossible(luban: Cli, process: Path, history: Path) -> None:
    found = luban("train", process, history, "--folds", "400", "--json").object
    assert found["card"]["validation"]["folds"] == 16
    assert any("400 folds" in sentence for sentence in found["card"]["why"])


def test_train_into_a_folder_that_is_not_there(luban: Cli, process: Path, history: Path) -> None:
    outcome = luban("train", process, history, "-o", "nowhere/out.safetensors")
    assert outcome.code == 1
    assert "mkdir -p nowhere" in outcome.err


def later_history(luban: Cli, process: Path) -> Path:
    """Runs of other numbers, which no model learned from."""
    readings(seed=2).assign(number=lambda frame: frame["number"] + 100).to_csv("later.csv", index=False)
    assert luban("import", process, "later.csv").code == 0
    return Path("later.h5")


def test_evaluate_on_a_later_history(luban: Cli, process: Path, model: Path) -> None:
    outcome = luban("evaluate", model, later_history(luban, process), "--json")
    assert outcome.code == 0
    assert set(outcome.object) == {"model", "history", "scores", "groups", "notes", "overlap", "skill"}
    assert outcome.object["overlap"]["runs_seen"] == 0
    [note] = outcome.object["notes"]
    assert "32 of 32 points, in 16 of 16 groups" in note
    own, trivial = sorted(outcome.object["scores"], key=lambda row: row["rmse"])
    assert (own["contender"], trivial["contender"]) == ("model", "trivial")
    assert own["rmse"] < 0.2 < trivial["rmse"]
    assert len({row["group"] for row in outcome.object["groups"]}) == 16


def test_evaluate_in_tables(luban: Cli, process: Path, model: Path) -> None:
    history = later_history(luban, process)
    plain, grouped = luban("evaluate", model, history), luban("evaluate", model, history, "--groups")
    assert "trivial" in plain.out
    assert "By group" not in plain.out
    assert grouped.out.startswith(plain.out.partition("Note:")[0].rstrip())
    assert "By group" in grouped.out


def test_evaluate_says_when_the_model_has_seen_the_runs(luban: Cli, history: Path, model: Path) -> None:
    outcome = luban("evaluate", model, history)
    assert outcome.code == 0
    assert "Note: 32 of 32 runs were learned from" in outcome.out


@pytest.mark.parametrize("verb", ["evaluate", "recommend"])
def test_a_file_that_is_no_model(luban: Cli, history: Path, process: Path, verb: str) -> None:
    arguments = [process, history] if verb == "evaluate" else [process]
    outcome = luban(verb, *arguments)
    assert outcome.code == 3
    assert "grinding.yaml" in outcome.err
    assert "received a process file" in outcome.err


def test_a_model_that_is_not_there(luban: Cli, history: Path) -> None:
    outcome = luban("evaluate", "nothing.safetensors", history)
    assert outcome.code == 1
    assert "nothing.safetensors" in outcome.err


@pytest.mark.slow
def test_ctrl_c_ends_a_training_and_leaves_nothing(process: Path, history: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    command = [sys.executable, "-c", "from luban.cli import main; main()"]
    command += ["train", str(process), str(history), "-o", str(tmp_path / "out.safetensors"), "--repeats", "200"]
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_interruptible
    )
    assert program.stderr is not None
    assert "…" in program.stderr.readline()
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert (out, "Traceback" in err) == ("", False)
    assert "Interrupted; nothing is half written." in err
    assert sorted(tmp_path.iterdir()) == before


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_model_without_skill_says_so_first(luban: Cli, process: Path) -> None:
    frame = readings()
    shuffled = frame.assign(Ra=np.random.default_rng(3).permutation(frame["Ra"].to_numpy()))
    shuffled.to_csv("shuffled.csv", index=False)
    assert luban("import", process, "shuffled.csv").code == 0
    trained = luban("train", process, "shuffled.h5", "-o", "shuffled.safetensors")
    assert "Know before you use it\n  - roughness: no skill" in trained.out
    evaluated = luban("evaluate", "shuffled.safetensors", "shuffled.h5")
    assert "Note: roughness: no skill" in evaluated.out
    found = luban("evaluate", "shuffled.safetensors", "shuffled.h5", "--json").object
    assert found["skill"] == {"roughness": "no_better"}


def test_the_card_counts_folds_and_tells_how_wide_intervals_became(luban: Cli, process: Path, history: Path) -> None:
    few = luban("train", process, history, "--folds", "3").out
    assert "widths ×" in few
    assert "each model learned from about 66 % of the groups" in few
    assert "in 16 groups (wheel_speed, feed)" in few
    every = luban("train", process, history, "--folds", "500", "-o", "all.safetensors").out
    assert "Checked by 16-fold cross-validation (500 were asked for, there are 16 groups)" in every
    kept = luban("train", process, history, "--folds", "500", "-o", "all.safetensors", "--resume").out
    assert "kept" in kept


def test_a_place_that_cannot_be_written_is_found_before_the_training(luban: Cli, process: Path, history: Path) -> None:
    outcome = luban("train", process, history, "-o", "/proc/self/fd/out.safetensors")
    assert outcome.code == 1
    assert "a folder for the output that can be written to" in outcome.err
    assert "cross-validate" not in outcome.err
    assert "read readings" not in outcome.err


@pytest.mark.parametrize(("option", "value"), [("--seed", "9" * 23), ("--repeats", "9" * 19)])
def test_numbers_that_are_too_large_are_told_in_our_form(
    luban: Cli, process: Path, history: Path, option: str, value: str
) -> None:
    outcome = luban("train", process, history, option, value)
    assert outcome.code == 2
    assert option in outcome.err or value in outcome.err
    assert "unexpected" not in outcome.err
