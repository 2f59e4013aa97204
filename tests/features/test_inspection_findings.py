"""Faults planted into clean histories are found and located; clean histories stay quiet."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from luban import History, Process, features
from luban._inspection.kinds import KINDS
from luban.errors import ConfigurationError

from .simulated import DAY, Plant, clean, process

PROCESS = process()
SEEDS = [1, 2, 3, 5]  # continuous and stepped settings, normal, long-tailed and skewed noise


def found(plant: Plant, kind: str, **options: float) -> pd.DataFrame:
    seen = features.inspect(PROCESS, plant.source(), options=features.InspectOptions(**options))
    return seen.findings[seen.findings["kind"] == kind].reset_index(drop=True)


def the_one(plant: Plant, kind: str, column: str) -> pd.Series:
    all_of = found(plant, kind)
    assert all_of["column"].tolist() == [column], all_of["message"].tolist()
    return all_of.iloc[0]


def counted(seeds: range, runs: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for seed in seeds:
        counts.update(features.inspect(PROCESS, clean(seed, runs).source()).findings["kind"])
    return counts


def test_clean_histories_stay_quiet() -> None:
    counts = counted(range(24), 300)  # nine columns each, a dozen checks: three alarms in 200 such histories
    assert counts.total() <= 1, counts


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "histories", "most"), [(40, 100, 4), (300, 150, 5), (3000, 12, 1)])
def test_clean_histories_of_all_sizes_stay_quiet(runs: int, histories: int, most: int) -> None:
    counts = counted(range(1000, 1000 + histories), runs)
    # With few runs a door may stay shut and a corner stay empty: that is so, and no alarm.
    alarms = counts.total() - counts["constant_column"] - counts["empty_corner"]
    assert alarms <= most, counts


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sensor_that_dies(seed: int) -> None:
    plant = clean(seed)
    last = 2 * plant.n // 3
    plant.columns["temperature"][last:] = np.nan
    one = the_one(plant, "dead_sensor", "temperature")
    assert (one["source_row"], one["last_row"], one["rows"]) == (last, plant.n - 1, plant.n - last)
    assert f"row {last - 1:,}" in one["message"]


def test_a_response_that_is_no_longer_measured() -> None:
    plant = clean(3)
    plant.columns["gloss"][plant.n - 60 :] = np.nan  # one in twenty is missing anyway
    assert the_one(plant, "dead_sensor", "gloss")["rows"] >= 60


def test_a_sensor_that_was_off_for_a_while_and_one_that_came_late() -> None:
    plant = clean(2)
    plant.columns["oven"][100:180] = np.nan
    plant.columns["load"][:90] = np.nan
    stretches = found(plant, "missing_stretch").set_index("column")
    assert stretches.loc["oven", ["source_row", "last_row"]].tolist() == [100, 179]
    assert stretches.loc["load", ["source_row", "last_row"]].tolist() == [0, 89]


def test_a_value_given_only_now_and_then_is_no_dead_sensor() -> None:
    plant = clean(4, 400, readings=1)
    keep = np.zeros(plant.n, dtype=bool)
    keep[::25] = True  # a sample for the laboratory every 25 runs
    plant.columns["gloss"][~keep] = np.nan
    kinds = features.inspect(PROCESS, plant.source()).findings["kind"].tolist()
    assert kinds == ["missing_values"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("column", "length"), [("oven", 30), ("force", 30), ("temperature", 150)])
def test_a_stuck_sensor(seed: int, column: str, length: int) -> None:
    plant = clean(seed)
    plant.columns[column][120 : 120 + length] = plant.columns[column][120]
    one = the_one(plant, "stuck_value", column)
    assert 119 <= one["source_row"] <= 120
    assert one["last_row"] - (119 + length) in (0, 1)  # the next value may be the same by itself
    assert one["value"] == plant.columns[column][120]


def test_a_sensor_stuck_on_one_machine_of_two() -> None:
    plant = clean(3, readings=1)
    own = np.flatnonzero(plant.columns["equipment"] == "m2")[40:75]
    plant.columns["oven"][own] = 180.0
    one = the_one(plant, "stuck_value", "oven")
    assert (one["source_row"], one["last_row"]) == (own[0], own[-1])
    assert "of m2" in one["message"]


@pytest.mark.parametrize("readings", [1, 2])
@pytest.mark.parametrize("column", ["force", "oven", "gloss", "temperature"])
def test_a_slipped_decimal_point_without_repeats(readings: int, column: str) -> None:
    plant = clean(9, 400, readings)
    values = plant.columns[column]
    row = int(np.flatnonzero(np.isfinite(values))[77])
    values[row] *= 100.0
    one = the_one(plant, "gross_error", column)
    assert (one["source_row"], one["run_id"]) == (row, str(plant.run[row]))
    assert one["value"] == values[row]
    assert one["expected"] == pytest.approx(one["value"] / 100.0, rel=0.6)


def test_the_spread_is_that_of_the_context() -> None:
    plant = clean(3, 400, 1)
    alu = plant.columns["material"] == 2
    plant.columns["oven"] = np.where(alu, 180.0 + 50.0 * (plant.columns["oven"] - 180.0), plant.columns["oven"])
    assert found(plant, "gross_error").empty  # alu scatters by itself
    steel = int(np.flatnonzero(~alu)[50])
    plant.columns["oven"][steel] += 150.0  # usual for alu
    assert the_one(plant, "gross_error", "oven")["source_row"] == steel


def test_runs_and_readings_entered_twice() -> None:
    plant = clean(5, 300, 3)
    for name in ("force", "gloss", "oven", "speed", "feed", "material", "position"):
        plant.columns[name][300:303] = plant.columns[name][30:33]  # run 100 repeats run 10
        plant.columns[name][601] = plant.columns[name][600]  # within run 200
    assert found(plant, "duplicate_run")["run_id"].tolist() == ["100"]
    copies = found(plant, "duplicate_reading")
    assert copies["source_row"].tolist() == [601]


def shifted(plant: Plant, rows: slice, nanoseconds: int) -> Plant:
    times = plant.columns["start_time"].astype("datetime64[ns]").copy()
    times[rows] += np.timedelta64(nanoseconds, "ns")
    plant.columns["start_time"] = times
    return plant


def regular(runs: int, first: str, minutes: int = 10) -> Plant:
    plant = clean(7, runs, 1)
    times = np.datetime64(first, "ns") + np.arange(runs) * np.timedelta64(minutes, "m")
    plant.columns["start_time"] = times
    del plant.columns["equipment"]
    del plant.columns["source"]
    return plant


@pytest.mark.parametrize(("step", "hour"), [(-DAY // 24, True), (-3 * DAY, False)])
def test_a_clock_that_goes_back(step: int, hour: bool) -> None:
    plant = shifted(regular(600, "2025-06-10"), slice(300, None), step)
    one = the_one(plant, "clock_step", "start_time")
    assert one["source_row"] == 300
    assert ("summer time" in one["message"]) is hour


def test_an_hour_lost_when_summer_time_begins_and_gained_when_it_ends() -> None:
    plant = shifted(regular(600, "2025-03-28"), slice(300, None), DAY // 24)
    assert the_one(plant, "clock_step", "start_time")["source_row"] == 300  # Sunday, 30 March
    elsewhere = shifted(regular(600, "2025-07-01"), slice(300, None), DAY // 24)
    assert found(elsewhere, "clock_step").empty  # a pause of an hour is a pause


@pytest.mark.parametrize("epoch", ["1970-01-01T00:03", "2000-01-01T05:00", "1980-01-06T00:00"])
def test_a_clock_that_was_never_set(epoch: str) -> None:
    plant = regular(400, "2025-06-10")
    plant.columns["start_time"][40:43] = np.datetime64(epoch, "ns")
    one = the_one(plant, "impossible_time", "start_time")
    assert (one["source_row"], one["rows"]) == (40, 3)
    assert found(plant, "clock_step").empty  # said once


def test_rows_in_another_order_are_said_once() -> None:
    plant = clean(3, readings=1)
    order = np.random.default_rng(1).permutation(plant.n)
    plant.columns = {name: values[order] for name, values in plant.columns.items()}
    findings = features.inspect(PROCESS, plant.source()).findings
    assert findings["kind"].tolist() == ["unordered"]


def test_a_long_silence_but_no_nights_and_weekends() -> None:
    plant = shifted(clean(3, 1200, 1), slice(700, None), 21 * DAY)
    one = the_one(plant, "silence", "start_time")
    assert one["value"] == pytest.approx(21 * 24, abs=20)
    assert one["source_row"] == 700
    assert found(clean(3, 1200, 1), "silence").empty


def test_weeks_with_few_runs() -> None:
    plant = regular(6000, "2025-01-01", minutes=60)
    few = np.arange(plant.n) % 24 == 0
    keep = np.ones(plant.n, dtype=bool)
    keep[2000:3000] = few[2000:3000]
    plant.columns = {name: values[keep] for name, values in plant.columns.items()}
    plant.run = plant.run[keep]
    one = the_one(plant, "low_rate", "start_time")
    assert one["from_time"] < "2025-04-05"
    assert one["until_time"] > "2025-04-20"


def test_runs_that_overlap() -> None:
    plant = regular(200, "2025-06-10")
    plant.columns["end_time"] = plant.columns["start_time"] + np.timedelta64(9, "m")
    assert found(plant, "overlap").empty
    plant.columns["end_time"][50] += np.timedelta64(3, "m")
    one = the_one(plant, "overlap", "end_time")
    assert (one["source_row"], one["rows"]) == (51, 1)
    plant.columns["end_time"][60] -= np.timedelta64(30, "m")
    assert "end of 1 row is before the start" in found(plant, "impossible_time")["message"].iloc[0]


def test_a_time_after_its_import() -> None:
    definition = Process.from_dict(
        {
            "luban": 1, "process": "p", "parameters": {"x": {"unit": "mm", "low": 0, "high": 1}},
            "responses": {"y": {"unit": "um"}}, "identifiers": {"k": {}},
            "runs": {"id": ["k"], "start_time": {"column": "t"}},
        }
    )  # fmt: skip
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"k": range(60), "x": rng.random(60), "y": rng.random(60)})
    frame["t"] = pd.date_range("2024-03-01", periods=60, freq="h", tz="UTC").astype(str)
    assert History.from_frame(definition, frame).inspect().findings.empty
    frame.loc[59, "t"] = "2199-01-01T00:00:00Z"
    kinds = History.from_frame(definition, frame).inspect().findings
    assert kinds.loc[kinds["kind"] == "impossible_time", "run_id"].tolist() == ["59"]


SLIPS = [
    ("force", 1000.0), ("force", 0.1), ("force", 4.448222), ("force", 1.0 / 9.80665), ("gloss", 1000.0),
    ("gloss", 25.4), ("gloss", 1.0 / 25.4), ("load", 1000.0), ("oven", (1.8, 32.0)), ("oven", (1.0, 273.15)),
]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rows", [slice(40, 100), slice(150, None)], ids=["stretch", "one file"])
@pytest.mark.parametrize(("column", "factor"), SLIPS)
def test_part_of_a_column_in_another_unit(
    seed: int, rows: slice, column: str, factor: float | tuple[float, float]
) -> None:
    plant = clean(seed, readings=1)
    slope, offset = factor if isinstance(factor, tuple) else (factor, 0.0)
    values = plant.columns[column]
    if column == "load":  # two levels, idle and at work: the work alone
        values[values < 10.0] = np.nan
    values[rows] = slope * values[rows] + offset
    one = the_one(plant, "unit_slip", column)
    present = np.flatnonzero(np.isfinite(values))
    own = present[np.isin(present, np.arange(plant.n)[rows])]
    rest = np.setdiff1d(present, own)
    wrong = own if one["source_row"] == own[0] else rest  # of two halves either may be the wrong one
    assert wrong is own or len(own) > 0.45 * len(present)
    assert (one["source_row"], one["rows"]) == (wrong[0], len(wrong))
    if not isinstance(factor, tuple):
        assert f"{max(slope, 1 / slope):.6g} times" in one["message"]


def test_settings_in_another_unit_are_known_from_the_stated_range() -> None:
    plant = clean(5, readings=1)
    plant.columns["speed"][200:230] /= 60.0  # m/s instead of m/min
    one = the_one(plant, "unit_slip", "speed")
    assert (one["source_row"], one["last_row"], one["rows"]) == (200, 229, 30)
    assert "60 times too small" in one["message"]


@pytest.mark.parametrize("ratio", [2.0, 5.0, 7.3, 13.0, 40.0, 200.0])
def test_two_levels_alone_are_no_unit(ratio: float) -> None:
    plant = clean(5, readings=1)
    high = np.random.default_rng(4).random(plant.n) < 0.3
    plant.columns["load"] = np.where(high, ratio, 1.0) * np.random.default_rng(5).normal(2.0, 0.05, plant.n)
    assert found(plant, "unit_slip").empty


@pytest.mark.parametrize("seed", SEEDS)
def test_a_response_that_drifts(seed: int) -> None:
    plant = clean(seed, readings=1)
    plant.columns["oven"] += np.linspace(0.0, 12.0, plant.n)
    one = the_one(plant, "drift", "oven")
    assert "rises" in one["message"]


def untimed(seed: int) -> Plant:
    """Few points, each run many times, and no times."""
    plant = clean(seed, 400, 1)
    rng = np.random.default_rng(seed)
    plant.columns["speed"], plant.columns["feed"] = rng.choice([150.0, 250.0], plant.n), rng.choice([0.2, 0.4], plant.n)
    plant.columns["force"] = np.round(20.0 + 0.05 * plant.columns["speed"] + rng.normal(0, 1, plant.n), 2)
    del plant.columns["start_time"]
    return plant


def test_a_drift_along_the_rows_where_points_come_back() -> None:
    assert found(untimed(3), "drift").empty
    plant = untimed(3)
    plant.columns["oven"][:60] -= np.linspace(20.0, 0.0, 60)  # a machine that warms up
    one = the_one(plant, "drift", "oven")
    assert "along the rows at equal settings" in one["message"]
    assert one["source_row"] == 0


def test_rows_sorted_by_setting_do_not_drift() -> None:
    plant = untimed(4)
    order = np.lexsort((plant.columns["feed"], plant.columns["speed"]))
    plant.columns = {name: values[order] for name, values in plant.columns.items()}
    plant.columns["force"] += 30.0 * np.sin(plant.columns["speed"]) * plant.columns["feed"]  # no surface follows this
    assert found(plant, "drift").empty


def test_a_step_in_time_is_located() -> None:
    plant = clean(3, 600, 1)
    plant.columns["force"][480:] += 4.0
    one = the_one(plant, "drift", "force")
    assert one["from_time"] >= str(plant.columns["start_time"][450])[:10]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_machine_that_differs(seed: int) -> None:
    plant = clean(seed, readings=1)
    plant.columns["oven"][plant.columns["equipment"] == "m2"] += 4.0
    one = the_one(plant, "group_shift", "oven")
    assert abs(one["value"]) == pytest.approx(4.0, abs=1.2)
    assert "equipment m2" in one["message"] or "equipment m1" in one["message"]


def test_parameters_that_move_together() -> None:
    plant = clean(5, readings=1)
    plant.columns["feed"] = np.round(0.1 + 0.4 * (plant.columns["speed"] - 100.0) / 200.0, 3)
    one = the_one(plant, "collinear", "speed, feed")
    assert one["value"] == pytest.approx(1.0, abs=1e-3)
    stepped = clean(6, readings=1)
    stepped.columns["speed"] = np.where(stepped.columns["feed"] > 0.15, 200.0, 150.0)
    stepped.columns["feed"] = np.where(stepped.columns["speed"] > 160.0, 0.4, 0.2)
    stepped.columns["speed"][0], stepped.columns["feed"][0] = 250.0, 0.5
    stepped.columns["speed"][1], stepped.columns["feed"][1] = 120.0, 0.12
    assert "never moved one without the other" in the_one(stepped, "collinear", "speed, feed")["message"]


def test_corners_and_most_of_the_space_never_seen() -> None:
    plant = clean(5, readings=1)
    keep = (plant.columns["speed"] < 160.0) & (plant.columns["feed"] < 0.22)
    plant.columns = {name: values[keep] for name, values in plant.columns.items()}
    plant.run = plant.run[keep]
    seen = features.inspect(PROCESS, plant.source())
    kinds = seen.findings.set_index("kind")
    assert "3 of their 4 corners" in kinds.loc["empty_corner", "message"]
    assert seen.space.within_reach == pytest.approx(kinds.loc["thin_coverage", "value"])
    assert 0.2 < seen.space.within_reach < 0.5


def test_coverage_of_a_mixed_space_counts_categories() -> None:
    rng = np.random.default_rng(0)
    definition = Process.from_dict(
        {
            "luban": 1, "process": "p", "responses": {"y": {"unit": "um"}},
            "parameters": {"x": {"unit": "mm", "low": 0, "high": 1}, "grade": {"categories": ["A", "B", "C", "D"]}},
        }
    )  # fmt: skip
    frame = pd.DataFrame({"x": rng.random(200), "grade": rng.choice(["A", "B"], 200), "y": rng.random(200)})
    seen = History.from_frame(definition, frame).inspect()
    assert seen.space.within_reach == pytest.approx(0.5, abs=0.03)
    assert "grade was never C or D." in seen.findings["message"].tolist()


def test_every_kind_has_words_and_every_option_a_range() -> None:
    for kind in KINDS.values():
        assert kind.level in ("mend", "check", "know")
        assert kind.title
        assert kind.advice.endswith(".")
    for name, value in (("chance", 0.0), ("reach", 1.0), ("stuck_runs", -1), ("seed", -1)):
        with pytest.raises(ConfigurationError, match=name):
            features.InspectOptions(**{name: value})


def test_more_than_most_are_counted() -> None:
    plant = clean(3, 400, 1)
    plant.columns["oven"][[10, 20, 30, 40]] *= 100.0
    few = found(plant, "gross_error", most=2)
    assert len(few) == 2
    assert "(2 more of this kind are not listed.)" in few["message"].iloc[1]
