"""Loop files, golden sets and roles: what stands in them is checked, explained and the same as the C++ defaults."""

import json
import re
from pathlib import Path

import pytest

import luban
from luban.control import ControlOptions, PersonRole
from luban.errors import ConfigurationError
from luban.guard import GuardOptions
from luban.service.loop_file import GuardEntry, ModesEntry, json_schema, read_golden, read_loop, read_roles

from ..architecture.inspection import schema_keys
from ..docs.snippets import REPOSITORY

LOOPS = REPOSITORY / "configs/loop"
PROCESS = luban.Process.from_yaml(REPOSITORY / "configs/process/turning.yaml")


def written(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_schema_is_the_one_that_is_kept() -> None:
    """Made anew by: python -m luban.service.loop_file > configs/schema/loop.schema.json."""
    kept = json.loads((REPOSITORY / "configs/schema/loop.schema.json").read_text(encoding="utf-8"))
    assert kept == json_schema()


def test_every_key_is_explained() -> None:
    pages = "".join(
        (REPOSITORY / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("loop", "plants", "guard")
    )
    missing = [key for key in sorted(set(schema_keys(json_schema()))) if not re.search(rf"[`{{ ,]{key}[`:,]", pages)]
    assert not missing, missing


@pytest.mark.parametrize("path", sorted(LOOPS.glob("turning-*.yaml")), ids=lambda path: path.name)
def test_shipped_loops_are_read(path: Path) -> None:
    file = read_loop(path)
    assert (path.parent / file.process).is_file()
    assert file.guard.golden is not None
    assert read_golden(path.parent / file.guard.golden, PROCESS)


def test_options_left_out_are_those_of_the_guard_and_the_mode_machine() -> None:
    guard, modes = GuardEntry().options(), ModesEntry().options()
    for name in GuardEntry.model_fields.keys() - {"golden", "inputs"}:
        assert getattr(guard, name) == getattr(GuardOptions(), name), name
    for name in ModesEntry.model_fields.keys() - {"dwell_s", "critical"}:
        assert getattr(modes, name) == getattr(ControlOptions(), name), name
    assert modes.dwell == ControlOptions().dwell


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("mod: shadow", 'did you mean "mode"'),
        ("mode: hold", "off"),
        ("cycle: {period_s: 0}", "greater than 0"),
        ("cycle: {period: 5}", "period_s"),
        ("guard: {novelty: 2}", "less than or equal to 1"),
        ("plant: {kind: opc}", "opcua"),
        ("modes: {dwell_s: .nan}", "finite"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: str, said: str) -> None:
    key = change.split(":")[0]
    lines = {
        "luban": "luban: 1",
        "process": "process: p.yaml",
        "model": "model: m",
        "plant": "plant: {kind: simulated}",
        "journal": "journal: j.sqlite",
        key: change,
    }
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_loop(written(tmp_path, "\n".join(lines.values())))
    assert "file.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ("{settings: {cutting_speed: 280, feed: 0.1}}", "depth_of_cut"),
        ("{settings: {cutting_speed: 280, feed: 0.1, depth_of_cut: 0.9, fed: 1}}", "feed"),
        ("{settings: {cutting_speed: 500, feed: 0.1, depth_of_cut: 0.9}}", "150 to 400 m/min"),
        ("{settings: {cutting_speed: 280, feed: .nan, depth_of_cut: 0.9}}", "finite"),
        ("{settings: {cutting_speed: 280, feed: 0.1, depth_of_cut: 0.9}, context: {diametre: D30}}", "diameter"),
    ],
)
def test_golden_sets_outside_the_process_are_refused(tmp_path: Path, sets: str, said: str) -> None:
    path = written(tmp_path, f"luban: 1\nprocess: turning-12L14\nsets:\n  - {sets}\n")
    with pytest.raises(ConfigurationError, match=said):
        read_golden(path, PROCESS)


def test_golden_sets_of_another_process_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="turning-12L14"):
        read_golden(written(tmp_path, "luban: 1\nprocess: milling\nsets: []\n"), PROCESS)


def test_roles(tmp_path: Path) -> None:
    path = written(tmp_path, "luban: 1\npeople: {wang: operator, li: engineer}\n")
    assert read_roles(path) == {"wang": PersonRole.operator, "li": PersonRole.engineer}
    with pytest.raises(ConfigurationError, match="operator"):
        read_roles(written(tmp_path, "luban: 1\npeople: {wang: admin}\n"))
