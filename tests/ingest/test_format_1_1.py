"""Achieved settings, qualities, traces and lots, from files into a history, read there by plain h5py."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from luban import _history, ingest
from luban._intake.run import add_source
from luban._intake.sink import ContentSink
from luban._intake.sources.csv import CsvSource
from luban._intake.traces import read_trace
from luban.errors import DataError
from luban.history import History
from luban.process import Process

TEXT = """
luban: 1
process: rich
parameters:
  speed: {unit: m/min, low: 100, high: 300, column: Vc, achieved: {column: Vc_actual}}
  grade: {categories: [A, B], achieved: {column: grade_used}}
identifiers:
  shaft: {}
responses:
  roughness: {unit: um, column: Ra, quality: {column: Ra_q}}
  power: {unit: kW}
traces:
  current: {unit: A, period_ms: 10}
  pressure: {unit: bar, period_ms: 1000}
runs: {id: [shaft]}
"""


@pytest.fixture
def rich(tmp_path: Path) -> Process:
    (tmp_path / "rich.yaml").write_text(TEXT)
    return Process.from_yaml(tmp_path / "rich.yaml")


def write_files(folder: Path) -> None:
    (folder / "rows.csv").write_text(
        "shaft,Vc,Vc_actual,grade,grade_used,Ra,Ra_q,power\n"
        "s1,100,101,A,A,1.5,Good,1\ns1,100,103,A,A,1.7,Bad,2\n"
        "s2,bad,,A,,1.5,Good,3\n"
        "s3,200,,B,A,2.5,UncertainLastUsableValue,4\ns3,200,,B,,,Bad,5\n"
    )
    (folder / "current.txt").write_text("1 2 3\n4 5\n6\n")  # s1, s2 (refused), s3
    (folder / "pressure.csv").write_text("run_id,time,value\ns3,0,7\ns3,1.5,8\ns9,0,1\ns3,2,9\n")
    (folder / "lots.csv").write_text("child_lot,parent_lot,quantity,unit\nL2,L1,5,kg\n")


def imported(rich: Process, folder: Path) -> ingest.ImportReport:
    return ingest.import_data(
        rich,
        folder / "rows.csv",
        folder / "out.h5",
        traces={"current": folder / "current.txt", "pressure": folder / "pressure.csv"},
        genealogy=folder / "lots.csv",
    )


def test_what_a_factory_has(rich: Process, tmp_path: Path) -> None:
    write_files(tmp_path)
    report = imported(rich, tmp_path)
    assert (report.rows, report.readings, report.runs) == (5, 4, 2)
    assert (report.traces, report.genealogy) == ({"current": 4, "pressure": 3}, 1)
    assert "Trace pressure: 1 recorded runs are not in the source; left out." in report.notes
    assert History.open(tmp_path / "out.h5").verify().ok
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_array_equal(file["parameters/speed/achieved"][:], [102, np.nan])
        np.testing.assert_array_equal(file["parameters/grade/achieved"][:], [0, 0])
        np.testing.assert_array_equal(file["responses/roughness/quality"][:], [0, 2, 1])
        np.testing.assert_array_equal(file["responses/power/quality"][:], [0, 0, 0, 0])
        np.testing.assert_array_equal(file["traces/current/values"][:], [1, 2, 3, 6])
        np.testing.assert_array_equal(file["traces/current/offsets"][:], [0, 3, 4])
        assert file["traces/current"].attrs["period_ns"] == 10_000_000
        np.testing.assert_array_equal(file["traces/pressure/values"][:], [7, 8, 9])
        np.testing.assert_array_equal(file["traces/pressure/times"][:], np.array([0, 1.5, 2]) * 10**9)
        assert file["genealogy/parent_lot"][0] in (b"L1", "L1")
    again = imported(rich, tmp_path)
    assert again.already_imported
    assert not again.changed
    # The bad value is there, and never used.
    read = History.open(tmp_path / "out.h5").read()
    np.testing.assert_array_equal(read["roughness"], [1.5, np.nan, 2.5, np.nan])


def test_achieved_settings_go_out_and_in(rich: Process, tmp_path: Path) -> None:
    write_files(tmp_path)
    imported(rich, tmp_path)
    ingest.export(History.open(tmp_path / "out.h5"), tmp_path / "out.csv")
    assert "speed.achieved [m/min]" in pd.read_csv(tmp_path / "out.csv").columns
    ingest.import_csv(rich, tmp_path / "out.csv", tmp_path / "back.h5")
    with h5py.File(tmp_path / "back.h5") as file:
        np.testing.assert_array_equal(file["parameters/speed/achieved"][:], [102, np.nan])


def test_traces_go_out_and_in_as_netcdf(rich: Process, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    write_files(tmp_path)
    imported(rich, tmp_path)
    ingest.export(History.open(tmp_path / "out.h5"), tmp_path / "out.nc")
    with xarray.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as dataset:
        np.testing.assert_array_equal(dataset["current"].to_numpy(), [[1, 2, 3], [6, np.nan, np.nan]])
        assert (dataset["current"].attrs["units"], dataset["current_count"].to_numpy().tolist()) == ("A", [3, 1])
        assert dataset["speed.achieved"].dims == ("run",)
    ingest.import_data(rich, tmp_path / "out.nc", tmp_path / "back.h5", traces={"current": tmp_path / "out.nc"})
    with h5py.File(tmp_path / "back.h5") as file:
        np.testing.assert_array_equal(file["traces/current/values"][:], [1, 2, 3, 6])
        np.testing.assert_array_equal(file["traces/current/offsets"][:], [0, 3, 4])
    ingest.export(History.open(tmp_path / "out.h5"), tmp_path / "some.nc", columns=["roughness", "pressure"])
    with xarray.open_dataset(tmp_path / "some.nc", engine="h5netcdf") as dataset:
        assert set(dataset.variables) == {"roughness", "pressure", "pressure_count", "run_of_reading"}
    with pytest.raises(DataError, match="expected columns of this history, received 'pressure'"):
        ingest.export(History.open(tmp_path / "out.h5"), tmp_path / "some.csv", columns=["roughness", "pressure"])


def test_lots_alone_change_a_history(rich: Process, tmp_path: Path) -> None:
    write_files(tmp_path)
    ingest.import_data(rich, tmp_path / "rows.csv", tmp_path / "out.h5")
    report = ingest.import_data(rich, tmp_path / "rows.csv", tmp_path / "out.h5", genealogy=tmp_path / "lots.csv")
    assert report.already_imported
    assert report.changed
    with h5py.File(tmp_path / "out.h5") as file:
        assert len(file["genealogy/child_lot"]) == 1


def test_traces_of_an_import_in_pieces_are_counted_once(rich: Process, tmp_path: Path) -> None:
    """A recorded run is strange when no piece has it, and a run that two pieces share has its samples once."""
    write_files(tmp_path)
    pressure = read_trace(rich, "pressure", tmp_path / "pressure.csv")
    counts = []
    for piece_rows in (None, 1, 2):
        sink = ContentSink(_history.Content(), piece_rows)
        report = add_source(sink, rich, CsvSource(tmp_path / "rows.csv"), traces=[pressure])
        counts.append((report.traces, [note for note in report.notes if note.startswith("Trace")]))
    assert counts[0] == ({"pressure": 3}, ["Trace pressure: 1 recorded runs are not in the source; left out."])
    assert counts[1:] == counts[:1] * 2
