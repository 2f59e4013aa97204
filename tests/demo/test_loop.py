"""Loops against a frozen model and fixed settings: what is counted, and that the count can fail."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from luban._demo.loop import LoopComparison, compare_loops
from luban._demo.loop_line import count_outside
from luban._demo.loop_section import draw_loop, loop_section, loop_text
from luban._demo.loop_seed import ARMS, START, roughness_only
from luban.errors import ConfigurationError
from luban.plant.machine import AppliedWrite
from luban.process import Process

MINUTE = 60_000_000_000


@pytest.fixture(scope="session")
def turning_process(repository: Path) -> Process:
    return Process.from_yaml(repository / "configs/process/turning.yaml")


@pytest.fixture(scope="session")
def comparison(turning_process: Process) -> LoopComparison:
    return compare_loops(turning_process, seeds=2, shafts=14, processes=1)


def write(minute: float, name: str, value: float, command: str) -> AppliedWrite:
    return AppliedWrite(round(minute * MINUTE), name, value, command)


@pytest.mark.parametrize(
    ("log", "outside"),
    [
        ([write(1, "cutting_speed", 300.0, "a"), write(2, "cutting_speed", 320.0, "b")], 0),
        ([write(9, "cutting_speed", 300.1, "a")], 1),  # however long it rested: 20 at once
        ([write(1, "cutting_speed", 300.0, "a"), write(1.4, "cutting_speed", 319.0, "b")], 1),
        ([write(1, "cutting_speed", 320.1, "a")], 1),
        ([write(5, "feed", 0.151, "a")], 1),
        ([write(5, "depth_of_cut", 0.29, "a"), write(6, "depth_of_cut", 0.3, "b")], 1),
        ([write(k, "cutting_speed", 280.0 + 20 * k, str(k)) for k in range(1, 5)], 0),
        ([*(write(k, "cutting_speed", 280.0 + 20 * k, str(k)) for k in range(1, 5)), write(6, "feed", 0.14, "x")], 1),
    ],
)
def test_the_count_of_writes_outside_can_fail(turning_process: Process, log: list[AppliedWrite], outside: int) -> None:
    assert count_outside(turning_process, log, START) == outside


@pytest.mark.slow
def test_every_arm_turns_every_shaft(comparison: LoopComparison) -> None:
    rows = comparison.timeline
    assert list(dict.fromkeys(rows["arm"])) == list(ARMS)
    assert (rows.groupby("arm").size() == 14).all()
    fixed = rows[rows["arm"] == "fixed"]
    assert (fixed[list(START)] == list(START.values())).all(axis=None)
    assert comparison.writes_outside_limits == 0
    assert comparison.arms["learning"].writes > 0
    assert comparison.arms["fixed"].writes == 0
    assert comparison.cycles == 2 * 14 * 2
    assert len(comparison.innovations) == 2 * 13  # the last shaft of a seed is not delivered any more
    assert "closed" in set(rows.loc[rows["arm"] == "learning", "mode"])
    assert comparison.faults == []
    assert comparison.records > 2 * 2 * 14 * 3


@pytest.mark.slow
def test_summaries_are_those_of_the_rows(comparison: LoopComparison) -> None:
    rows = comparison.timeline
    mine = rows[rows["arm"] == "learning"]
    removal = mine["cutting_speed"] * mine["feed"] * mine["depth_of_cut"]
    np.testing.assert_allclose(mine["removal"], removal)
    np.testing.assert_allclose(mine["net_removal"], removal * (1 - 2 * mine["over_limit"]))
    measure = comparison.arms["learning"].net_removal
    assert measure.least <= mine["net_removal"].mean() <= measure.most
    for arm in ("frozen", "fixed"):
        difference = measure.mean.value - comparison.arms[arm].net_removal.mean.value
        assert comparison.gains[arm].value == pytest.approx(difference)
    assert (mine["over_limit"] > 0.5).equals(mine["expected"] > comparison.limit)


@pytest.mark.slow
def test_the_same_with_several_processes(turning_process: Process, comparison: LoopComparison) -> None:
    told: list[tuple[str, int, int]] = []
    again = compare_loops(turning_process, seeds=2, shafts=14, processes=2, progress=lambda *step: told.append(step))
    assert again.timeline.equals(comparison.timeline)
    assert told == [("loops", 1, 2), ("loops", 2, 2)]


@pytest.mark.slow
def test_words_numbers_and_picture(turning_process: Process, comparison: LoopComparison) -> None:
    text = loop_text(comparison)
    assert max(len(line) for line in text.splitlines()) <= 110
    assert "0 of" in text
    picture = draw_loop(turning_process, comparison)
    html = loop_section(comparison, picture).html()
    assert "the loop, learning" in html
    plain = comparison.to_dict()
    assert plain["loop_cycles"] == 56
    assert plain["writes_outside_limits"] == 0
    slowest = plain.pop("loop_slowest_ms")
    assert {"ask", "judge", "write"} <= set(slowest)
    assert all(math.isfinite(value) for value in (*plain.values(), *slowest.values()))


def test_wrong_numbers_are_refused(turning_process: Process) -> None:
    with pytest.raises(ConfigurationError, match="2 seeds"):
        compare_loops(turning_process, seeds=1)


def test_only_the_roughness_is_measured(turning_process: Process) -> None:
    definition = roughness_only(turning_process)
    assert list(definition["responses"]) == ["roughness"]
    assert [bound.response for bound in Process.from_dict(definition).core.outcome_constraints] == ["roughness"]
