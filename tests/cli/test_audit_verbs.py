"""audit show, verify, export, and import of a journal."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from luban.journal import Journal
from luban.process import Process

from .support import Cli

VERBS = ("show", "verify", "export")


@pytest.fixture
def journal(process: Path, tmp_path: Path) -> Path:
    path = tmp_path / "grinding.sqlite"
    with Journal.create(path, process=Process.from_yaml(process)) as made:
        for cycle in (1, 2, 3):
            made.append_all([("inputs", {"x": float("nan")}), ("decision", {"feed": 2.0})], cycle=cycle)
        made.append_run(
            {
                "run_id": "r1",
                "settings": {"wheel_speed": 30.0, "feed": 2.0},
                "context": {"material": "steel"},
                "readings": [{"roughness": 1.5}, {"roughness": 1.6}],
            }
        )
    return path


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches_by_an_example(luban: Cli, verb: str) -> None:
    outcome = luban("audit", verb, "--help")
    assert outcome.code == 0
    assert f"Example: luban audit {verb}" in outcome.out
    assert "--json" in outcome.out


def test_wrong_usage(luban: Cli) -> None:
    assert "[cli.audit] expected a verb, received 'shw'. Hint: did you mean show?" in luban("audit", "shw").err
    assert (
        "[cli.audit show] expected an option that it knows, received --cycel" in luban("audit", "show", "--cycel").err
    )
    assert luban("audit").code == 2
    assert "did you mean audit?" in luban("audti", "show").err


def test_show(luban: Cli, journal: Path) -> None:
    shown = luban("audit", "show", journal)
    assert shown.code == 0
    assert "feed: 2.0" in shown.out
    assert "event: finished" in shown.out
    found = luban("audit", "show", journal, "--kind", "decision", "--cycle", "2", "--json").object["records"]
    assert [(r["sequence"], r["kind"], r["payload"]) for r in found] == [(5, "decision", {"feed": 2.0})]
    last = luban("audit", "show", journal, "-n", "2", "--json").object["records"]
    assert [record["kind"] for record in last] == ["run", "closed"]
    assert luban("audit", "show", journal, "--since", "7", "--json").object["records"][0]["sequence"] == 8
    none = luban("audit", "show", journal, "--since", "2100-01-01T00:00:00Z")
    assert (none.code, none.out) == (0, f"{journal}: no such records.\n")
    assert luban("audit", "show", journal, "--run", "r1", "--json").object["records"][0]["run_id"] == "r1"


def test_show_while_a_loop_writes(luban: Cli, journal: Path) -> None:
    with Journal.open(journal) as writer:
        writer.append("alarm", {"text": "now"})
        assert "text: now" in luban("audit", "show", journal, "-n", "1").out
        assert luban("audit", "verify", journal).code == 0


def test_verify(luban: Cli, journal: Path) -> None:
    whole = luban("audit", "verify", journal)
    assert whole.code == 0
    assert "whole. 9 records" in whole.out
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("DROP TRIGGER records_are_not_deleted")
        connection.execute("DELETE FROM records WHERE sequence = 4")
        connection.commit()
    damaged = luban("audit", "verify", journal)
    assert damaged.code == 3
    assert "record 4: record 4 is missing (missing)" in damaged.out
    found = luban("audit", "verify", journal, "--json")
    assert found.code == 3
    assert [fault["kind"] for fault in found.object["faults"]] == ["schema", "missing"]


def test_verify_asks_the_journal_where_its_anchor_is(luban: Cli, process: Path, tmp_path: Path) -> None:
    path, anchor = tmp_path / "other.sqlite", tmp_path / "elsewhere.anchor"
    Journal.create(path, process=Process.from_yaml(process), anchor=anchor).close()
    assert luban("audit", "verify", path).code == 0
    anchor.unlink()
    assert luban("audit", "verify", path).code == 3
    assert luban("audit", "verify", path, "--without-anchor").code == 0


def test_what_is_no_journal(luban: Cli, history: Path, tmp_path: Path) -> None:
    assert luban("audit", "show", history).code == 3
    assert luban("audit", "verify", history).code == 3
    assert luban("audit", "show", tmp_path / "nothing.sqlite").code == 1
    assert luban("audit", "verify", tmp_path / "nothing.sqlite").code == 3


def test_export(luban: Cli, journal: Path) -> None:
    assert luban("audit", "export", journal, "out.jsonl").out == "out.jsonl: 9 records.\n"
    lines = [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, 10))
    assert lines[1]["payload"] == {"x": {"$number": "NaN"}}
    assert luban("audit", "export", journal, "out.csv", "--kind", "decision", "--json").object["records"] == 3
    with Path("out.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["sequence"], row["cycle"], row["payload"]) for row in rows[:1]] == [("3", "1", '{"feed":2.0}')]
    assert luban("audit", "export", journal, "out.csv").code == 2
    assert luban("audit", "export", journal, "out.csv", "--force").code == 0
    assert luban("audit", "export", journal, "out.txt").code == 2


def test_import_folds_a_journal(luban: Cli, process: Path, journal: Path, history: Path) -> None:
    folded = luban("import", process, journal, "-o", history, "--json").object
    assert (folded["readings"], folded["marked"], folded["changed"]) == (2, True, True)
    again = luban("import", process, journal, "-o", history)
    assert again.code == 0
    assert "nothing to fold" in again.out
    assert luban("verify", history).code == 0
    assert luban("audit", "show", journal, "-n", "1", "--json").object["records"][0]["kind"] == "folded"
