"""new, import, export, inspect, verify on a small history."""

from pathlib import Path

import pandas as pd
import pytest

from .support import READINGS_PER_RUN, Cli, readings

RUNS = 32


def test_new_writes_a_process_file_that_import_takes(luban: Cli, csv: Path) -> None:
    drafted = luban("new", csv, "--json")
    assert drafted.code == 0
    assert set(drafted.object) == {"path", "rows", "runs", "doubtful", "columns", "text"}
    assert Path(drafted.object["path"]).read_text(encoding="utf-8") == drafted.object["text"]
    assert luban("import", "grinding.yaml", csv).code == 0
    assert Path("grinding.h5").exists()


def test_new_shows_what_it_guessed_and_replaces_nothing(luban: Cli, csv: Path) -> None:
    first = luban("new", csv, "-o", "draft.yaml")
    assert first.code == 0
    assert "What was guessed" in first.out
    before = Path("draft.yaml").read_bytes()
    assert luban("new", csv, "-o", "draft.yaml").code == 1
    assert Path("draft.yaml").read_bytes() == before


@pytest.mark.parametrize("verb", ["new", "import"])
def test_a_missing_file_is_named(luban: Cli, process: Path, verb: str) -> None:
    given = [process, "nothing.csv"] if verb == "import" else ["nothing.csv"]
    outcome = luban(verb, *given)
    assert outcome.code == 1
    assert "nothing.csv" in outcome.err


def test_import_reports_counts(luban: Cli, process: Path, csv: Path) -> None:
    report = luban("import", process, csv, "-o", "out.h5", "--json").object
    assert report["path"] == "out.h5"
    assert (report["rows"], report["runs"], report["readings"]) == (96, RUNS, RUNS * READINGS_PER_RUN)
    assert (report["quarantined"], report["already_imported"]) == (0, False)
    again = luban("import", process, csv, "-o", "out.h5", "--json").object
    assert set(again) == set(report)
    assert again["already_imported"] is True


def test_import_in_words(luban: Cli, process: Path, csv: Path) -> None:
    outcome = luban("import", process, csv, "-o", "out.h5")
    assert outcome.code == 0
    assert "96 rows, 32 runs, 96 readings" in outcome.out
    assert "Nothing was quarantined." in outcome.out


def test_parquet_goes_in_and_out(luban: Cli, process: Path) -> None:
    pytest.importorskip("pyarrow")
    readings().to_parquet("grinding.parquet", index=False)
    assert luban("import", process, "grinding.parquet", "--json").object["readings"] == RUNS * READINGS_PER_RUN
    assert luban("export", "grinding.h5", "back.parquet", "--json").object["rows"] == 96
    assert len(pd.read_parquet("back.parquet")) == 96


def bad_csv(path: Path) -> Path:
    frame = readings().astype({"Ra": object})
    frame.loc[3, "Ra"] = "hm"
    frame.loc[7, "Ra"] = 400.0
    frame.loc[11, "material"] = "wood"
    frame.to_csv(path, index=False)
    return path


def test_bad_values_go_to_quarantine_with_the_reason(luban: Cli, process: Path, tmp_path: Path) -> None:
    outcome = luban("import", process, bad_csv(tmp_path / "bad.csv"), "-o", "bad.h5", "--json")
    assert outcome.code == 0
    assert outcome.object["values_quarantined"] == {"roughness": {"not_a_number": 1, "outside_valid": 1}}
    assert outcome.object["rows_quarantined"]["category_never_seen"] == 1
    shown = luban("inspect", "bad.h5")
    assert "outside_valid" in shown.out
    quarantine = luban("inspect", "bad.h5", "--json").object["quarantine"]
    assert {entry["reason"] for entry in quarantine} >= {"not_a_number", "outside_valid", "category_never_seen"}


def test_a_file_of_which_nothing_is_kept_is_a_failure(luban: Cli, process: Path, tmp_path: Path) -> None:
    """A job that imports at night must not look as if it had."""
    table = readings()
    column = table.select_dtypes("number").columns[0]
    table.astype({column: "object"}).assign(**{column: "12,5"}).to_csv(tmp_path / "wrong.csv", index=False)
    outcome = luban("import", process, tmp_path / "wrong.csv", "-o", "wrong.h5")
    assert outcome.code == 1
    assert "were refused" in outcome.out + outcome.err


def test_reject_refuses_the_whole_file(luban: Cli, process: Path, tmp_path: Path) -> None:
    outcome = luban("import", process, bad_csv(tmp_path / "bad.csv"), "-o", "bad.h5", "--on-bad", "reject")
    assert outcome.code == 1
    assert "not_a_number" in outcome.err
    assert not Path("bad.h5").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("number,vs,feed,material,repeat,Ra\n", "header"),
        ("number,vs,feed,material,repeat,Raa\n1,20,1,steel,1,1.0\n", "Raa"),
    ],
)
def test_files_without_data_are_refused(luban: Cli, process: Path, text: str, expected: str) -> None:
    Path("short.csv").write_text(text, encoding="utf-8")
    outcome = luban("import", process, "short.csv", "-o", "short.h5")
    assert outcome.code == 1
    assert expected in outcome.err
    assert not Path("short.h5").exists()


def test_export_and_import_come_back_the_same(luban: Cli, process: Path, history: Path) -> None:
    exported = luban("export", history, "back.csv", "--json")
    assert exported.object == {"history": str(history), "path": "back.csv", "rows": 96}
    assert len(pd.read_csv("back.csv")) == 96
    assert luban("import", process, "back.csv", "-o", "back.h5").code == 0
    digest = [luban("inspect", path, "--json").object["counts"] for path in (history, "back.h5")]
    assert digest[0] == digest[1]


def test_export_asks_before_it_replaces(luban: Cli, history: Path) -> None:
    assert "96 readings" in luban("export", history, "out.csv").out
    again = luban("export", history, "out.csv")
    assert again.code == 2
    assert "--force replaces it" in again.err
    assert luban("export", history, "out.csv", "--force").code == 0
    assert luban("export", history, "out.xlsx").code == 2


def test_inspect_shows_what_is_in_it(luban: Cli, history: Path) -> None:
    outcome = luban("inspect", history)
    assert outcome.code == 0
    for expected in ("32 runs in 16 groups", "Inputs", "wheel_speed", "Responses", "Noise within and between runs"):
        assert expected in outcome.out


def test_inspect_json_has_the_same_keys_always(luban: Cli, history: Path) -> None:
    found = luban("inspect", history, "--json").object
    assert set(found) == {
        "process", "counts", "span", "space", "summary", "findings", "columns", "inputs", "responses", "noise",
        "coverage", "by_context", "gaps",
        "path", "uuid", "digest", "imports", "quarantine", "plot",
    }  # fmt: skip
    assert found["counts"]["runs"] == RUNS
    assert found["plot"] is None
    assert found["quarantine"] == []
    assert [entry["input_name"] for entry in found["imports"]] == ["grinding.csv"]


@pytest.mark.parametrize(
    ("name", "begins"), [("o.png", b"\x89PNG"), ("o.svg", b"<?xml"), ("o.html", b"<!DOCTYPE html")]
)
def test_inspect_draws(luban: Cli, history: Path, name: str, begins: bytes) -> None:
    outcome = luban("inspect", history, "--plot", name, "--json")
    assert outcome.code == 0
    assert outcome.object["plot"] == name
    assert Path(name).read_bytes()[:200].lower().startswith(begins.lower())


def test_inspect_refuses_a_picture_that_it_cannot_draw(luban: Cli, history: Path) -> None:
    outcome = luban("inspect", history, "--plot", "overview.gif")
    assert outcome.code == 2
    assert ".png" in outcome.err


def test_verify_of_a_whole_history(luban: Cli, history: Path) -> None:
    outcome = luban("verify", history, "--json")
    assert outcome.code == 0
    found = outcome.object
    assert (found["ok"], found["damages"], found["runs"], found["readings"]) == (True, [], RUNS, 96)
    assert set(found) == {
        "path", "ok", "damages", "notes", "runs", "readings", "events", "datasets", "segments", "content_digest",
    }  # fmt: skip
    assert "whole" in luban("verify", history).out


def test_verify_lists_what_is_wrong(luban: Cli, history: Path) -> None:
    content = bytearray(history.read_bytes())
    content[len(content) // 2] ^= 0xFF
    history.write_bytes(content)
    outcome = luban("verify", history, "--json")
    assert outcome.code == 3
    assert outcome.object["ok"] is False
    assert outcome.object["damages"]
    shown = luban("verify", history)
    assert shown.code == 3
    assert "did not verify" in shown.out


@pytest.mark.parametrize("length", [100, 3000])
def test_a_truncated_history_does_not_verify(luban: Cli, history: Path, length: int) -> None:
    history.write_bytes(history.read_bytes()[:length])
    assert luban("verify", history).code == 3
    assert luban("inspect", history).code == 3


def test_a_file_that_is_no_history(luban: Cli, csv: Path) -> None:
    assert luban("verify", csv).code == 3
    assert luban("inspect", csv).code == 3


def test_late_results_need_no_inputs(luban: Cli, process: Path, csv: Path) -> None:
    late = pd.read_csv(csv)[["number", "repeat", "Ra"]].assign(Ra=lambda table: table["Ra"] + 1)
    late.to_csv("lab.csv", index=False)
    nowhere = luban("import", process, "lab.csv", "-o", "line/")
    assert (nowhere.code, "expected a history of process 'grinding' that has these runs" in nowhere.err) == (1, True)
    assert luban("import", process, csv, "-o", "line/").code == 0
    report = luban("import", process, "lab.csv", "-o", "line/", "--json").object
    assert (report["runs_added"], report["values_corrected"], report["quarantined"]) == (0, 96, 0)
    assert luban("import", process, "lab.csv", "-o", "line/", "--json").object["already_imported"] is True
