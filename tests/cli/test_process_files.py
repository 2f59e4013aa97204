"""Wrong process files through the command line: exit code 2, the place, and the nearest right name."""

from pathlib import Path

import pytest

from .support import PROCESS, Cli


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("parameters:", "paramaters:", "parameters"),
        ("unit: m/s, low", "unit: m/s, lwo", "low"),
        ("low: 20, high: 40", "low: 40, high: 20", "wheel_speed"),
        ("limits: {low: 15, high: 45}", "limits: {low: 25, high: 45}", "wheel_speed"),
        ("response: roughness", "response: roughnes", "roughness"),
        ("unit: m/s", "unit: m/q", "m/q"),
        ("luban: 1", "luban: 2", "version 1"),
    ],
    ids=["section", "key", "low_above_high", "outside_limits", "unknown_response", "unit", "version"],
)
def test_a_wrong_process_file_is_wrong_configuration(
    luban: Cli, csv: Path, right: str, wrong: str, expected: str
) -> None:
    assert right in PROCESS
    Path("wrong.yaml").write_text(PROCESS.replace(right, wrong, 1), encoding="utf-8")
    outcome = luban("import", "wrong.yaml", csv, "-o", "out.h5")
    assert outcome.code == 2
    assert "wrong.yaml" in outcome.err
    assert expected in outcome.err
    assert not Path("out.h5").exists()


def test_no_process_file(luban: Cli, csv: Path) -> None:
    outcome = luban("import", "nothing.yaml", csv)
    assert outcome.code == 1
    assert "nothing.yaml" in outcome.err


def test_text_that_is_no_yaml(luban: Cli, csv: Path) -> None:
    Path("broken.yaml").write_text("luban: [1\n", encoding="utf-8")
    outcome = luban("import", "broken.yaml", csv)
    assert outcome.code == 2
    assert "broken.yaml" in outcome.err
