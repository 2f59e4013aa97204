"""Killed at any instant, a writer of histories loses nothing that it acknowledged."""

import json
from pathlib import Path

import pytest

from .support import HERE, child


def killed(folder: Path, kills: int, seed: int, timeout: float) -> dict[str, int]:
    done = child(HERE / "kill.py", folder, kills, seed, timeout=timeout)
    assert done.returncode == 0, done.stderr + done.stdout
    counts: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return counts


@pytest.mark.slow
def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    counts = killed(tmp_path / "histories", 12, 1, 200)
    print(counts)  # noqa: T201  read with -s
    assert counts["kills"] == 12
    assert counts["acknowledged"] > 12


@pytest.mark.faults
def test_many_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    counts = killed(tmp_path / "histories", 500, 2, 2400)
    print(counts)  # noqa: T201
    assert counts["kills"] == 500
    hit = {name.removeprefix("hit ") for name in counts if name.startswith("hit ")}
    assert hit == {"runs", "late", "correction", "readings", "compact", "file", "fold"}
