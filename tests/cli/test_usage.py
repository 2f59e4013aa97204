"""Wrong usage, help, version, errors: the same form whichever verb."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .support import Cli

VERBS = ("new", "import", "export", "inspect", "verify", "train", "evaluate", "recommend", "doctor", "demo")


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_teaches_by_an_example(luban: Cli, verb: str) -> None:
    outcome = luban(verb, "--help")
    assert outcome.code == 0
    assert f"Example: luban {verb}" in outcome.out
    assert "--json" in outcome.out


def test_help_lists_every_verb(luban: Cli) -> None:
    outcome = luban("--help")
    assert outcome.code == 0
    assert [verb for verb in VERBS if not re.search(rf"^\W+{verb}\s", outcome.out, re.MULTILINE)] == []


def test_no_verb_shows_the_help_and_is_wrong_usage(luban: Cli) -> None:
    outcome = luban()
    assert outcome.code == 2
    assert "recommend" in outcome.out


def test_version(luban: Cli) -> None:
    outcome = luban("--version")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.fullmatch(r"luban \d+\.\d+\.\d+\S*\n", outcome.out)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("recomend",), "[cli] expected a verb, received 'recomend'. Hint: did you mean recommend?"),
        (("import", "a", "b", "--on-bat", "reject"), "received --on-bat. Hint: did you mean --on-bad?"),
        (("verify", "a", "--jsn"), "[cli.verify] expected an option that it knows, received --jsn. Hint: did you mean"),
        (("verify",), "[cli.verify] expected a complete command line, received Missing argument 'HISTORY'"),
        (("import", "a", "b", "--on-bad", "ignore"), "'ignore'"),
        (("train", "a", "b", "--folds", "1"), "--folds"),
    ],
)
def test_wrong_usage_names_the_nearest_right_one(luban: Cli, arguments: tuple[str, ...], expected: str) -> None:
    outcome = luban(*arguments)
    assert outcome.code == 2
    assert expected in outcome.err
    assert outcome.out == ""


def test_an_error_under_json_is_one_object(luban: Cli, tmp_path: Path) -> None:
    outcome = luban("inspect", tmp_path / "nothing.h5", "--json")
    assert outcome.code == 1
    error = outcome.object["error"]
    assert set(error) == {"kind", "message", "where", "expected", "received", "place", "hint", "exit_code"}
    assert error["kind"] == "IoError"
    assert error["exit_code"] == 1
    assert error["message"] in outcome.err


def test_no_traceback_but_with_debug(luban: Cli, tmp_path: Path) -> None:
    plain = luban("inspect", tmp_path / "nothing.h5")
    debugged = luban("inspect", tmp_path / "nothing.h5", "--debug")
    assert plain.code == debugged.code == 1
    assert "Traceback" not in plain.err
    assert "Traceback" in debugged.err


def test_an_error_that_nobody_foresaw_is_one_line(luban: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr("luban.cli.checks.all_checks", broken)
    outcome = luban("doctor")
    assert outcome.code == 1
    assert outcome.err == (
        "[cli.doctor] unexpected ZeroDivisionError: nobody foresaw this. Hint: --debug shows where it happened.\n"
    )


def test_a_broken_package_is_one_line(luban: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "luban.cli.app", None)
    outcome = luban("doctor")
    assert outcome.code == 1
    assert outcome.err.startswith("[cli] expected a whole package, received ")
    assert outcome.err.endswith("Hint: install luban again.\n")


def test_ctrl_c_is_130(luban: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("luban.cli.checks.all_checks", interrupted)
    outcome = luban("doctor")
    assert outcome.code == 130
    assert "Interrupted" in outcome.err
    assert "Traceback" not in outcome.err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from luban.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit:\n    heavy = {'pandas', 'matplotlib', 'pydantic', 'h5py', 'pint', 'torch'}\n"
        "    print('HEAVY', *sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "HEAVY"


def test_a_reader_that_leaves_is_no_traceback() -> None:
    program = f"{sys.executable} -c 'from luban.cli import main; main()' --help | true"
    result = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
