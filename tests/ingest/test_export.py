"""Out and in again: the same runs, readings and values."""

from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pytest

from luban import datasets, ingest
from luban.errors import ConfigurationError, IoError, NotBuiltError
from luban.history import History
from luban.process import Process


def same(first: History, second: History) -> None:
    before, after = first.read(), second.read()
    assert list(before.columns) == list(after.columns)
    pd.testing.assert_frame_equal(before, after, check_exact=True)


@pytest.fixture
def history(process: Process, frame: pd.DataFrame) -> History:
    frame["Ra"] = frame["Ra"] / 3  # 17 digits
    frame.loc[5, "Ra"] = np.nan
    frame["remark"] = ["ä;,\"'", ""] * 16
    frame["reading_time"] = pd.date_range("2026-03-29", periods=32, freq="37min", tz="UTC")
    return History.from_frame(process, frame)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_round_trip(history: History, process: Process, tmp_path: Path, suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet files")
    path = tmp_path / f"out.{suffix}"
    assert ingest.export(history, path) == 32
    back = ingest.import_csv if suffix == "csv" else ingest.import_parquet
    report = back(process, path, tmp_path / "back.h5")
    assert report.quarantined == 0
    again = History.open(tmp_path / "back.h5")
    same(history, again)
    np.testing.assert_array_equal(again.read(["reading_time"])["reading_time"],
                                  history.read(["reading_time"])["reading_time"])  # fmt: skip
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_importing_an_export_into_its_own_history_changes_nothing(
    history: History, process: Process, tmp_path: Path
) -> None:
    stored = history.save(tmp_path / "h.h5")
    ingest.export(stored, tmp_path / "out.csv")
    report = ingest.import_csv(process, tmp_path / "out.csv", tmp_path / "h.h5")
    assert (report.changed, report.values_unchanged) == (False, 31)


@pytest.fixture
def judged(process: Process) -> Process:
    """A process with a column that tells the quality of its first response."""
    stated = process.to_dict()
    stated["responses"][process.responses[0].name]["quality"] = {"column": "q"}
    return Process.from_dict(stated)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "nc"])
def test_qualities_go_out_and_come_in(
    judged: Process, process: Process, frame: pd.DataFrame, tmp_path: Path, suffix: str
) -> None:
    if suffix == "nc":
        pytest.importorskip("h5netcdf", reason="h5netcdf is not installed: no NetCDF files")
    frame["q"] = np.where(np.arange(32) % 5 == 0, "uncertain", "good")
    frame.loc[7, "q"] = "bad"
    history = History.from_frame(judged, frame)
    path = tmp_path / f"out.{suffix}"
    ingest.export(history, path)
    columns = ["roughness", "roughness.quality"]
    before = history.read(columns)
    assert before["roughness.quality"].tolist().count("uncertain") == 7
    assert before["roughness.quality"][7] == "bad"
    assert np.isnan(before["roughness"][7])
    for reads in (judged, process):
        out = tmp_path / f"back-{reads is judged}.h5"
        assert ingest.import_data(reads, path, out).quarantined == 0
        pd.testing.assert_frame_equal(before, History.open(out).read(columns), check_exact=True)


@pytest.mark.parametrize("place", ["other.h5", "other/"])
def test_an_export_takes_a_value_back_elsewhere(
    judged: Process, frame: pd.DataFrame, tmp_path: Path, place: str
) -> None:
    other = f"{tmp_path}/{place}"
    ingest.import_frame(judged, frame, other)
    history = History.from_frame(judged, frame)
    history.append(frame.assign(q=np.where(np.arange(32) == 7, "bad", "good")))
    ingest.export(history, tmp_path / "out.csv")
    report = ingest.import_csv(judged, tmp_path / "out.csv", other)
    assert (report.values_corrected, report.values_unchanged) == (1, 31)
    read = History.open(other).read(["roughness", "roughness.quality"])
    assert (read["roughness.quality"][7], int(read["roughness"].isna().sum())) == ("bad", 1)
    assert not ingest.import_csv(judged, tmp_path / "out.csv", other, again=True).changed


def test_without_its_quality_a_bad_value_does_not_go_out(judged: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    history = History.from_frame(judged, frame.assign(q=np.where(np.arange(32) == 7, "bad", "good")))
    ingest.export(history, tmp_path / "bare.csv", columns=["run_id", "roughness"])
    assert pd.read_csv(tmp_path / "bare.csv")["roughness [um]"].isna().tolist() == [row == 7 for row in range(32)]
    ingest.export(history, tmp_path / "both.csv", columns=["roughness.quality", "roughness"])
    both = pd.read_csv(tmp_path / "both.csv")
    assert (both["roughness [um]"][7], both["roughness.quality"][7]) == (frame["Ra"][7], "bad")


def test_an_identifier_that_is_called_like_a_quality(judged: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    """A column of somebody's own goes out as it is; the quality cannot, and the bad value with it."""
    content = judged.to_dict()
    content["identifiers"]["roughness.quality"] = {}
    own = frame["shaft"].astype(str).radd("S")
    frame = frame.assign(q=np.where(np.arange(32) == 7, "bad", "good"), **{"roughness.quality": own})
    history = History.from_frame(Process.from_dict(content), frame)
    ingest.export(history, tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv")
    assert out["roughness.quality"].tolist() == own.tolist()
    assert out["roughness [um]"].isna().tolist() == [row == 7 for row in range(32)]


def test_turning_round_trip(tmp_path: Path) -> None:
    history = datasets.turning()
    ingest.export(history, tmp_path / "turning.csv")
    ingest.import_csv(history.process, tmp_path / "turning.csv", tmp_path / "turning.h5")
    same(history, History.open(tmp_path / "turning.h5"))


def test_headers_carry_units(history: History, tmp_path: Path) -> None:
    ingest.export(history, tmp_path / "out.csv")
    header = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert "speed [m/min]" in header
    assert "roughness [um]" in header


def test_other_suffixes_and_places(history: History, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"expected a name that ends in .csv, .parquet or .nc, received 'out.xlsx'"
    ):
        ingest.export(history, tmp_path / "out.xlsx")
    with pytest.raises(IoError, match="expected to write the file, received No such file"):
        ingest.export(history, tmp_path / "nowhere" / "out.csv")


def test_without_pyarrow(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NotBuiltError, match=r"expected pyarrow, for Parquet files.*Hint: pip install pyarrow"):
        ingest.export(history, tmp_path / "out.parquet")
    with pytest.raises(NotBuiltError, match="pip install pyarrow"):
        ingest.import_parquet(history.process, tmp_path / "in.parquet", tmp_path / "h.h5")
    assert list(tmp_path.iterdir()) == []


def test_an_export_replaces_whole_files_and_only_its_own_temporary_ones(history: History, tmp_path: Path) -> None:
    private, link, bystander = tmp_path / "out.csv", tmp_path / "link.csv", tmp_path / ".out.csv.partial"
    private.write_text("old")
    private.chmod(0o600)
    link.symlink_to(private)
    bystander.write_text("mine")
    ingest.export(history, link)
    assert link.is_symlink()
    assert private.read_text().startswith("run_id,")
    assert private.stat().st_mode & 0o777 == 0o600
    assert bystander.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.csv.partial", "link.csv", "out.csv"]


def test_an_export_that_fails_leaves_the_old_file(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.csv").write_text("old")

    def full(frame: pd.DataFrame, stream: IO[str], index: bool) -> None:
        stream.write("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(IoError, match="No space left"):
        ingest.export(history, tmp_path / "out.csv")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "old")]
