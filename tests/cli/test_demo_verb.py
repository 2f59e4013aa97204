"""demo: what it is asked for reaches the main job, and its result is told in both ways."""

from pathlib import Path
from typing import Any

import pytest

from luban import demo

from .support import Cli


class Result:
    """A stand-in for the result of the main job, which takes a minute."""

    def to_json(self) -> dict[str, Any]:
        return {"choice_expected_um": 1.25}

    def render(self, console: Any) -> None:
        console.print("the honest check")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def run(out: Path, quick: bool, seed: int, progress: Any) -> Result:
        seen.update(out=out, quick=quick, seed=seed)
        progress("fit", 1, 2)
        return Result()

    monkeypatch.setattr(demo, "run", run)
    return seen


def test_options_reach_the_job(luban: Cli, asked: dict[str, Any]) -> None:
    outcome = luban("demo", "--out", "there", "--quick", "--seed", "7", "--json")
    assert outcome.code == 0
    assert asked == {"out": Path("there"), "quick": True, "seed": 7}
    assert outcome.object == {"choice_expected_um": 1.25}
    assert outcome.err == "fit …\n"


def test_the_result_prints_itself(luban: Cli, asked: dict[str, Any]) -> None:
    outcome = luban("demo")
    assert asked == {"out": Path("demo"), "quick": False, "seed": 0}
    assert outcome.out == "the honest check\n"


def test_a_folder_that_cannot_be_made(luban: Cli) -> None:
    Path("demo").write_text("a file stands here", encoding="utf-8")
    outcome = luban("demo")
    assert outcome.code == 1
    assert "[demo.run]" in outcome.err
