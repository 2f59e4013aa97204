"""What an import keeps but says: rows that came before, values that do not fit the process file, lost digits."""

from collections.abc import Callable
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from luban import ingest
from luban._intake.repeats import repeated_runs
from luban.history import History
from luban.process import ContextVariable, Parameter, Process, Response

WriteCsv = Callable[..., Path]


def mixer() -> Process:
    """Each row is a run; one response."""
    return Process(
        "mixer",
        parameters=[
            Parameter("cement", unit="kg/m3", low=102.0, high=540.0),
            Parameter("passes", unit="1", low=1, high=12, integer=True),
        ],
        context=[ContextVariable("temperature", unit="K", low=280.0, high=320.0)],
        responses=[Response("strength", unit="MPa")],
        identifiers=["part"],
    )


def mixes(rows: int = 40, seed: int = 4) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "cement": random.uniform(102.0, 540.0, rows).round(1),
            "passes": random.integers(1, 12, rows),
            "temperature": random.uniform(281.0, 319.0, rows).round(1),
            "strength": random.uniform(20.0, 80.0, rows).round(2),
            "part": [str(number) for number in range(rows)],
        }
    )


def kinds(history: History) -> dict[str, int]:
    found = history.inspect().findings
    return dict(found.groupby("kind").size())


def test_a_clean_table_gives_no_remark() -> None:
    history = History.empty(mixer())
    assert history.append(mixes()).notes == []
    assert kinds(history) == {}


def test_a_machine_at_rest_repeats_itself_by_chance() -> None:
    """Standstill gives the same fine values at any inputs: that they also agree at equal ones says nothing."""
    random = np.random.default_rng(5)
    hour, rest = random.integers(0, 24, 4000), random.random(4000) < 0.3
    power = np.where(rest, random.choice([2.417, 2.563, 2.771], 4000), random.uniform(20.0, 90.0, 4000).round(3))
    factor = np.where(rest, random.choice([61.73, 62.11], 4000), random.uniform(70.0, 99.0, 4000).round(2))
    run, values = np.arange(4000), np.column_stack([power, factor])
    assert (repeated_runs(run, hour[:, None].astype(float), values) == -1).all()
    working = np.flatnonzero(~rest)[:600]
    twice = np.concatenate([working, working])  # without the standstill copies are found
    found = repeated_runs(np.arange(1200), hour[twice, None].astype(float), values[twice])
    assert (found[600:] == np.arange(600)).all()


def test_rows_that_stand_twice_in_one_source_are_said() -> None:
    frame = mixes()
    twice = pd.concat([frame, frame.iloc[[3, 7, 9]]], ignore_index=True)
    history = History.empty(mixer())
    [note] = history.append(twice).notes
    assert (
        note == "3 rows repeat earlier rows to the last digit, inputs and all values (the first is data row 41); kept."
    )
    found = history.inspect().findings
    assert list(found["kind"]) == ["duplicate_run"] * 3
    assert list(found["source_row"]) == [40, 41, 42]
    assert "(row 40) repeats run" in found["message"][0]
    assert "(row 3) to the last digit" in found["message"][0]


def test_the_same_table_under_another_name_is_said(write_csv: WriteCsv, tmp_path: Path) -> None:
    frame = mixes()
    out = tmp_path / "mixes.h5"
    assert ingest.import_csv(mixer(), write_csv(frame, "one.csv"), out).notes == []
    # Other bytes, another order, another unit; one value is another, and one row is new.
    again = frame.iloc[::-1].assign(cement=frame["cement"] / 1000.0)
    again.loc[5, "strength"] += 0.01
    again.loc[6, "cement"] += 0.01
    again = again.rename(columns={"cement": "cement [g/cm3]"})
    [_, note] = ingest.import_csv(mixer(), write_csv(again, "two.csv"), out).notes
    assert note.startswith("38 rows repeat earlier rows to the last digit")
    assert kinds(History.open(out)) == {"duplicate_run": 38}


def test_the_same_runs_again_are_no_repeats(process: Process, frame: pd.DataFrame) -> None:
    """Runs with names of their own are the same runs: only what is new is added."""
    history = History.from_frame(process, frame)
    assert "repeat" not in " ".join(history.append(frame.iloc[::-1]).notes)
    copies = frame.assign(shaft=frame["shaft"] + 100)
    [*_, note] = history.append(copies).notes
    assert note.startswith("32 rows repeat earlier rows")


def test_coarse_readings_that_agree_by_chance_are_not_blamed() -> None:
    """Grades from 1 to 4 at ten settings: most runs have a twin, and none was copied."""
    random = np.random.default_rng(0)
    inputs = random.integers(0, 10, (300, 1)).astype(float)
    grades = random.integers(1, 5, (300, 1)).astype(float)
    run = np.arange(300)
    assert (repeated_runs(run, inputs, grades) == -1).all()
    fine = inputs + random.normal(0.0, 0.2, (300, 1)).round(7)
    fine[299], inputs[299] = fine[0], inputs[0]
    assert np.flatnonzero(repeated_runs(run, inputs, fine) >= 0).tolist() == [299]


def test_runs_are_compared_whole() -> None:
    """The order of readings within a run does not matter; a reading more, or a missing value, does."""
    values = [[1.234], [2.345], [2.345], [1.234], [1.234], [1.234], [2.345], [np.nan]]
    run = np.array([0, 0, 1, 1, 2, 3, 3, 3])
    assert repeated_runs(run, np.zeros((8, 1)), np.array(values)).tolist() == [-1, 0, -1, -1]
    empty = np.full((4, 1), np.nan)
    assert (repeated_runs(np.arange(4), np.zeros((4, 1)), empty) == -1).all()


@hypothesis.given(seed=st.integers(0, 2**32), columns=st.integers(1, 5), readings=st.integers(1, 4))
def test_repeats_are_found_as_by_hand(seed: int, columns: int, readings: int) -> None:
    """Copies of runs, whole, or but for one value of any column, in any order of the rows."""
    random = np.random.default_rng(seed)
    runs = 30
    values = random.normal(0.0, 1.0, (runs, readings, columns)).round(9)
    values[random.random(values.shape) < 0.1] = np.nan
    inputs = random.integers(0, 3, (runs, readings, 2)).astype(float)
    for run in random.integers(10, runs, 6):
        source = random.integers(0, 10)
        values[run], inputs[run] = values[source], inputs[source]
        if random.random() < 0.5:
            values[run, random.integers(readings), random.integers(columns)] = 7.0
        elif random.random() < 0.5:
            inputs[run, random.integers(readings), 1] = 9.0
    said = [sorted(map(repr, np.hstack([inputs[run], values[run]]).tolist())) for run in range(runs)]
    nothing = np.isnan(values).all(axis=(1, 2))
    expected = [-1 if nothing[run] or said.index(said[run]) == run else said.index(said[run]) for run in range(runs)]
    order = random.permutation(runs * readings)
    run = np.repeat(np.arange(runs), readings)[order]
    found = repeated_runs(run, inputs.reshape(-1, 2)[order], values.reshape(-1, columns)[order])
    assert found.tolist() in (expected, [-1] * runs)  # nothing is named where it may be chance
    if max(expected) >= 0 and columns * readings > 4:
        assert found.tolist() == expected


@pytest.mark.parametrize(
    ("column", "change", "kind", "said"),
    [
        ("cement", lambda v: v.where(v.index > 13, v + 600.0), "outside_stated", "cement: 14 of 40 values outside 102"),
        ("temperature", lambda v: v - 273.15, "outside_stated", "temperature: 40 of 40 values outside 280 … 320 K"),
        ("passes", lambda v: v.where(v.index != 2, 7.5), "not_whole", "passes: 1 of 40 values are no whole numbers"),
        ("strength", lambda v: v.where(v.index != 2, 2.0**53 + 2.0), "digits_lost", "strength: 1 of 40 values lie"),
    ],
)
def test_values_that_do_not_fit_the_process_file_are_said(column: str, change, kind: str, said: str) -> None:
    frame = mixes()
    frame[column] = change(frame[column].astype(float))
    history = History.empty(mixer())
    [note] = history.append(frame).notes
    assert note.startswith(said)
    found = history.inspect().findings
    found = found[found["kind"] == kind]
    assert found["column"].tolist() == [column]
    assert found["message"].iloc[0].startswith(said)
    assert ("is the unit right" in note) == (kind == "outside_stated")


def test_limits_come_before_the_range() -> None:
    from luban.process import OperatingLimits

    process = Process(
        "press",
        parameters=[Parameter("force", unit="kN", low=10.0, high=20.0, limits=OperatingLimits(low=5.0, high=25.0))],
        responses=[Response("height", unit="mm")],
    )
    frame = pd.DataFrame({"force": [12.0, 15.0, 22.0, 30.0], "height": [1.0, 2.0, 3.0, 4.0]})
    [note] = History.empty(process).append(frame).notes
    assert "1 of 4 values outside its limits 5 … 25 kN (seen 12 … 30)" in note
    [note] = History.empty(process).append(frame.iloc[:3]).notes
    assert "1 of 3 values outside 10 … 20 kN" in note


def test_long_numbers_of_parts_keep_their_digits(write_csv: WriteCsv) -> None:
    numbers = [2**53 + 1 + 2 * k for k in range(40)]
    frame = mixes().assign(part=numbers, serial=numbers)
    for history in (History.from_frame(mixer(), frame), History.from_csv(mixer(), write_csv(frame))):
        read = history.read()
        assert read["part"].tolist() == [str(number) for number in numbers]
        assert read["serial"].tolist() == [str(number) for number in numbers]


def test_two_spellings_of_a_unit_are_not_converted() -> None:
    frame = mixes().rename(columns={"strength": "strength [N/mm2]", "cement": "cement [kg/m^3]"})
    assert History.empty(mixer()).append(frame).notes == []
