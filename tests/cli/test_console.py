"""What stands between results and a terminal: numbers, tables, JSON, progress, exit codes."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from luban import console, errors


def test_plain_values_are_json() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", "y"]})
    value = {"frame": frame, "n": np.int64(3), "nan": float("nan"), "inf": np.inf, "t": (np.array([1, 2]), None, True)}
    found = json.loads(json.dumps(console.plain(value)))
    assert found == {
        "frame": [{"a": 1.0, "b": "x"}, {"a": None, "b": "y"}],
        "n": 3,
        "nan": None,
        "inf": None,
        "t": [[1, 2], None, True],
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.23456, "1.235"), (1234567, "1,234,567"), (float("nan"), "–"), (None, "–"), (True, "yes"), ("text", "text")],
)
def test_a_cell_of_a_table(value: object, expected: str) -> None:
    assert console.number(value) == expected


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigurationError, 2),
        (errors.DataError, 1),
        (errors.UnitError, 1),
        (errors.IntegrityError, 3),
        (errors.VersionError, 3),
        (errors.InfeasibleError, 4),
        (errors.NumericalError, 1),
        (errors.LifecycleError, 1),
        (errors.IoError, 1),
        (errors.NotBuiltError, 1),
        (errors.ParallelError, 1),
        (errors.StoppedError, 130),
    ],
)
def test_exit_codes(kind: type[errors.Error], code: int) -> None:
    error = kind(where="here", expected="this", received="that", hint="do so")
    assert console.exit_code(error) == code
    assert console.error_text(error, "train") == "[here] expected this, received that. Hint: do so."
    told = console.error_object(error, "train")["error"]
    assert (told["kind"], told["expected"], told["exit_code"]) == (kind.__name__, "this", code)


def test_every_error_has_an_exit_code() -> None:
    kinds = {name for name in errors.__all__ if name != "Error"}
    tested = test_exit_codes.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert kinds == {kind.__name__ for kind, _ in tested}


def test_key_values() -> None:
    assert console.key_values(["a=1", "b = x=y"], "--context") == {"a": "1", "b": "x=y"}
    for wrong in (["a"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(errors.ConfigurationError):
            console.key_values(wrong, "--context")


def test_units_stand_in_the_heading_and_long_tables_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"feed": np.arange(50.0)})
    frame.attrs["units"] = {"feed": "mm/rev"}
    console.out(console.frame_table(frame, "Runs", most=10))
    shown = capsys.readouterr().out
    assert shown.split()[:3] == ["Runs", "feed", "[mm/rev]"]
    assert "and 40 more rows" in shown


def test_markup_of_data_is_not_interpreted(capsys: pytest.CaptureFixture[str]) -> None:
    console.out("[bold]a[/bold]")
    console.out(console.frame_table(pd.DataFrame({"[red]x": ["[/nonsense]"]})))
    shown = capsys.readouterr().out
    assert "[bold]a[/bold]" in shown
    assert "[/nonsense]" in shown


def test_results_go_to_stdout_and_remarks_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit_json({"a": 1})
    console.say("a remark " + "that is long " * 40)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": 1}
    assert err.count("\n") == 1


def test_progress_in_a_log_is_a_line_per_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    clock = iter([0.0, 5.0, 20.0, 21.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with console.progress() as progress:
        progress("fit", 0, 8)
        progress("fit", 2, 8)
        progress("fit", 4, 8)
        progress("fit", 5, 8)
    assert stream.getvalue() == "fit …\nfit: 4 of 8, about 20 s left\n"


def test_progress_on_a_terminal_is_a_bar_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    with console.progress() as progress:
        for done in range(9):
            progress("cross-validate", done, 8)
        progress("unknown length", 3, 0)
    shown = stream.getvalue()
    assert "cross-validate" in shown
    assert "8/8" in shown
    assert "unknown length" in shown


def test_silent_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress(shown=False) as progress:
        progress("fit", 1, 2)
    assert capsys.readouterr() == ("", "")
