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


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_qualities_go_out_and_come_in(process: Process, frame: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    """All that an export lacks is the number of a bad value, which nobody may use."""
    stated = process.to_dict()
    response = process.responses[0].name
    stated["responses"][response]["quality"] = {"column": "q"}
    frame["q"] = np.where(np.arange(32) % 5 == 0, "uncertain", "good")
    frame.loc[7, "q"] = "bad"
    history = History.from_frame(Process.from_dict(stated), frame)
    path = tmp_path / f"out.{suffix}"
    ingest.export(history, path)
    again = (ingest.import_csv if suffix == "csv" else ingest.import_parquet)(process, path, tmp_path / "back.h5")
    assert again.quarantined == 0
    back = History.open(tmp_path / "back.h5")
    columns = [response, f"{response}.quality"]
    before, after = history.read(columns), back.read(columns)
    assert before[f"{response}.quality"].tolist().count("uncertain") == 7
    assert before[f"{response}.quality"][7] == "bad"
    after.loc[7, f"{response}.quality"] = "bad"  # where there is no value there is no quality
    pd.testing.assert_frame_equal(before, after, check_exact=True)


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
