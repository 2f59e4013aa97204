"""What people read: counts of one, places in the source, pairs that were not drawn, units that are none."""

from pathlib import Path

import pandas as pd
import pytest

from luban import History, Process, load, plots
from luban._words import counted, with_row
from luban.errors import IntegrityError

from .support import Cli, readings


def test_counts_and_places() -> None:
    assert [counted(n, "row") for n in (0, 1, 1030)] == ["0 rows", "1 row", "1,030 rows"]
    assert with_row("a is odd.", 17) == "a is odd; row 17 of its source."
    assert with_row("a is odd.", -1) == "a is odd."
    assert with_row("a (row 3) is odd.", 17) == "a (row 3) is odd."


def test_one_row_is_one_row(luban: Cli, process: Path) -> None:
    readings().head(1).to_csv("one.csv", index=False)
    assert "one.csv: 1 row, 1 run, 1 reading, 1 value" in luban("import", process, "one.csv").out
    assert "grinding: 1 run in 1 group; 1 reading, 1 a run; 1 different point" in luban("inspect", "one.h5").out


def test_a_finding_says_its_row(luban: Cli, process: Path) -> None:
    frame = readings()
    frame.loc[frame.index[::3], "repeat"] = 1
    frame = pd.concat([frame, frame.assign(repeat=frame["repeat"] + 3, Ra=frame["Ra"] + 0.01)], ignore_index=True)
    frame.loc[10, "Ra"] = 19.0
    frame.to_csv("typo.csv", index=False)
    assert luban("import", process, "typo.csv").code == 0
    out = luban("inspect", "typo.h5").out
    assert "Finding: gross_error" in out
    assert "; row 10 of its source." in out


@pytest.mark.parametrize("name", ["grinding.yaml", "grinding.h5", "grinding.csv"])
def test_other_files_than_models_are_named(luban: Cli, process: Path, history: Path, name: str) -> None:
    what = {"yaml": "a process file", "h5": "a history", "csv": "a table"}[name.partition(".")[2]]
    with pytest.raises(IntegrityError, match=f"received {what}"):
        load(name)
    assert f"received {what}" in luban("evaluate", name, history).err


def test_pairs_of_parameters_that_are_not_drawn_are_counted() -> None:
    names = ["a", "b", "c", "d"]
    content = {
        "luban": 1,
        "process": "four",
        "parameters": {name: {"unit": "mm", "low": 0, "high": 9} for name in names},
        "responses": {"turnover": {"unit": ""}},
    }
    frame = pd.DataFrame({name: [1.0, 2.0 + k, 4.0, 7.0] for k, name in enumerate(names)})
    history = History.from_frame(Process.from_dict(content), frame.assign(turnover=[0.1, 0.4, 0.2, 0.3]))
    titles = [axes.get_title(loc="left") for axes in plots.history_overview(history).get_axes()]
    assert any("3 other pairs of parameters are not drawn" in title for title in titles)


def test_a_response_without_unit_or_repeats_has_a_plain_heading(luban: Cli) -> None:
    Path("four.yaml").write_text(
        "luban: 1\nprocess: four\nparameters:\n  a: {unit: mm, low: 0, high: 9}\nresponses:\n  turnover: {unit: ''}\n"
    )
    frame = pd.DataFrame({"a": [float(k) for k in range(9)], "turnover": [0.01 * k * k for k in range(9)]})
    frame.to_csv("four.csv", index=False)
    assert luban("import", "four.yaml", "four.csv").code == 0
    out = luban("train", "four.yaml", "four.h5").out
    assert "turnover: what noise alone leaves is not known, nothing was repeated" in out
    assert "[]" not in out
