"""What was refused, what is read once more, and what was interrupted, as the command line tells it."""

from pathlib import Path

import pandas as pd
import pytest

from luban._intake import sink as sinks

from .support import Cli, readings


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Two bad values and a bad row."""
    frame = readings().astype({"Ra": object})
    frame.loc[3, "Ra"], frame.loc[7, "Ra"], frame.loc[11, "material"] = "=hm", 400.0, "wood"
    frame.to_csv(tmp_path / "bad.csv", index=False)
    return tmp_path / "bad.csv"


def test_an_import_shows_examples(luban: Cli, process: Path, bad: Path) -> None:
    done = luban("import", process, bad, "-o", "bad.h5")
    assert "not_a_number, for example data row 4, Ra: '=hm'." in done.out
    assert "category_never_seen, for example data row 12, material: 'wood'." in done.out
    assert "luban quarantine bad.h5 lists all of it." in done.out


def test_everything_that_was_refused(luban: Cli, process: Path, bad: Path) -> None:
    assert luban("import", process, bad, "-o", "bad.h5").code == 0
    shown = luban("quarantine", "bad.h5")
    assert (shown.code, "=hm" in shown.out, "wood" in shown.out) == (0, True, True)
    told = luban("quarantine", "bad.h5", "--json").object
    assert (told["count"], told["path"]) == (3, None)
    first = min(told["refused"], key=lambda one: one["source_row"])
    assert first == {
        "source": "bad.csv", "source_row": 3, "column": "Ra", "value": "=hm", "reason": "not_a_number",
        "scope": "value",
    }  # fmt: skip
    written = luban("quarantine", "bad.h5", "--out", "refused.csv")
    assert "refused.csv: 3 refusals." in written.out
    assert pd.read_csv("refused.csv").to_dict("records") == told["refused"]
    assert luban("quarantine", "bad.h5", "--out", "refused.csv").code == 2
    assert luban("quarantine", "bad.h5", "--out", "refused.csv", "--force").code == 0


def test_nothing_was_refused(luban: Cli, history: Path) -> None:
    assert luban("quarantine", history).out == f"{history}: nothing was refused.\n"
    assert luban("quarantine", history, "--json").object["refused"] == []


def test_again_and_the_hint_at_it(luban: Cli, process: Path, csv: Path) -> None:
    assert luban("import", process, csv, "-o", "out.h5").code == 0
    assert "--again (Python: again=True) reads it once more." in luban("import", process, csv, "-o", "out.h5").out
    again = luban("import", process, csv, "-o", "out.h5", "--again", "--json").object
    assert (again["already_imported"], again["changed"], again["values_unchanged"]) == (False, False, 96)


def test_an_interrupted_import_is_noted(luban: Cli, process: Path, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks.SegmentSink.__init__, "__defaults__", (60,))
    assert luban("import", process, csv, "-o", "line/").code == 0
    assert "Note" not in luban("verify", "line").out
    with monkeypatch.context() as patch:
        patch.setattr("luban._intake.run.in_pieces", lambda chunks, rows: _first(chunks, rows))
        assert luban("import", process, csv, "-o", "cut/").code == 0
    note = "import of grinding.csv ended at row 60: run it again to go on."
    assert f"Note: {note}" in luban("verify", "cut").out
    assert luban("verify", "cut", "--json").object["notes"][-1] == f"Note: {note}"
    shown = luban("inspect", "cut").out
    assert "Finding: unfinished_import, 1" in shown
    assert note in shown
    assert luban("import", process, csv, "-o", "cut/").code == 0
    assert "Note" not in luban("verify", "cut").out


def _first(chunks, rows):  # type: ignore[no-untyped-def]
    """Give the first piece and no other, as an import that is killed then."""
    from luban._intake.pieces import in_pieces

    yield next(in_pieces(chunks, rows))
