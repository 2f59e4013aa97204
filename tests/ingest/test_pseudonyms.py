"""Exports that hide names, choose columns, or are NetCDF."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import ingest
from luban._intake.pseudonyms import Pseudonyms, key_of_file
from luban.errors import ConfigurationError, DataError
from luban.history import History
from luban.process import Process

SECRETS = ["LOT-Meier", "LOT-Huber", "lathe-7", "operator Li"]


@pytest.fixture
def history(process: Process, frame: pd.DataFrame) -> History:
    frame["material_lot"] = np.where(frame["shaft"] < 3, "LOT-Meier", "LOT-Huber")
    frame["equipment"] = "lathe-7"
    frame["operator"] = "operator Li"
    frame["reading_time"] = pd.date_range("2026-03-29", periods=32, freq="1234567891ns", tz="UTC")
    frame["shaft"] = [f"S{number}secret" for number in frame["shaft"]]
    return History.from_frame(process, frame)


def everything(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "nc"])
def test_hidden_names_are_nowhere_in_the_file(history: History, tmp_path: Path, suffix: str) -> None:
    for package in {"csv": [], "parquet": ["pyarrow"], "nc": ["xarray", "h5netcdf"]}[suffix]:
        pytest.importorskip(package, reason=f"{package} is not installed")
    hidden = ["material_lot", "equipment", "operator", "shaft", "tool"]
    ingest.export(history, tmp_path / f"open.{suffix}")
    ingest.export(history, tmp_path / f"hidden.{suffix}", pseudonymise=hidden)
    text = everything(tmp_path / f"hidden.{suffix}")
    for name in [*SECRETS, "secret", "Worn"]:
        assert name not in text
    assert "secret" in everything(tmp_path / f"open.{suffix}")


def test_equal_names_stay_equal_and_values_untouched(history: History, tmp_path: Path) -> None:
    ingest.export(history, tmp_path / "a.csv", pseudonymise=["material_lot", "shaft"], key_file=tmp_path / "key")
    ingest.export(history, tmp_path / "b.csv", pseudonymise=["material_lot", "shaft"], key_file=tmp_path / "key")
    ingest.export(history, tmp_path / "c.csv", pseudonymise=["material_lot", "shaft"])
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    a, c, plain = pd.read_csv(tmp_path / "a.csv"), pd.read_csv(tmp_path / "c.csv"), history.read()
    assert set(a["material_lot"]).isdisjoint(c["material_lot"])
    lots = history.read(columns=["material_lot"])["material_lot"]
    assert (pd.factorize(a["material_lot"])[0] == pd.factorize(lots)[0]).all()
    assert (pd.factorize(a["run_id"])[0] == pd.factorize(plain["run_id"])[0]).all()
    assert all(re.fullmatch("[0-9a-f]{16}", text) for text in [*a["run_id"], *a["material_lot"], *a["group"]])
    np.testing.assert_array_equal(a["roughness [um]"], plain["roughness"])
    assert (a["tool"] == plain["tool"].astype(str)).all()
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_hidden(history: History, tmp_path: Path) -> None:
    for name in ("roughness", "speed", "repeat", "reading_time"):
        with pytest.raises(ConfigurationError, match=f"expected columns of names to pseudonymise, received '{name}'"):
            ingest.export(history, tmp_path / "a.csv", pseudonymise=[name])
    with pytest.raises(
        DataError, match=r"received 'materal_lot' \(pseudonymise\). Hint: did you mean \"material_lot\""
    ):
        ingest.export(history, tmp_path / "a.csv", pseudonymise=["materal_lot"])
    (tmp_path / "short").write_bytes(b"123\n")
    with pytest.raises(ConfigurationError, match="expected a key of at least 16 bytes, received 3"):
        ingest.export(history, tmp_path / "a.csv", pseudonymise=["shaft"], key_file=tmp_path / "short")
    assert [path.name for path in tmp_path.iterdir()] == ["short"]


def test_hmac_sha_256() -> None:
    # RFC 4231, test case 2
    assert Pseudonyms(b"Jefe").of("what do ya want for nothing?") == "5bdcc146bf60754e"
    assert Pseudonyms(b"Jefe").of("") == ""
    assert Pseudonyms().of("a") != Pseudonyms().of("a")


def test_a_key_file_is_made_once(tmp_path: Path) -> None:
    key = key_of_file(tmp_path / "key")
    assert len(key) == 64
    assert key_of_file(tmp_path / "key") == key


def test_columns_are_chosen_and_ordered(history: History, tmp_path: Path) -> None:
    assert ingest.export(history, tmp_path / "a.csv", columns=["roughness", "tool"]) == 32
    assert list(pd.read_csv(tmp_path / "a.csv").columns) == ["roughness [um]", "tool"]
    with pytest.raises(DataError, match=r"received 'tol' \(columns\)"):
        ingest.export(history, tmp_path / "a.csv", columns=["tol"])


def test_blocks_are_joined(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet files")
    for suffix in ("csv", "parquet"):
        ingest.export(history, tmp_path / f"one.{suffix}")
    monkeypatch.setattr("luban._intake.export._BLOCK_ROWS", 5)
    for suffix in ("csv", "parquet"):
        ingest.export(history, tmp_path / f"many.{suffix}")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "many.csv").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "one.parquet"), pd.read_parquet(tmp_path / "many.parquet"))


def test_netcdf_out_and_in(history: History, process: Process, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    ingest.export(history, tmp_path / "out.nc")
    with xarray.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as dataset:
        assert dict(dataset.sizes) == {"run": 8, "reading": 32}
        assert dataset["speed"].dims == ("run",)
        assert dataset["roughness"].attrs["units"] == "um"
        assert dataset["reading_time"].to_numpy()[1] == np.datetime64("2026-03-29T00:00:01.234567891")
    report = ingest.import_data(process, tmp_path / "out.nc", tmp_path / "back.h5")
    assert report.quarantined == 0
    back = History.open(tmp_path / "back.h5")
    pd.testing.assert_frame_equal(back.read(), history.read())
    times = ["reading_time", "material_lot", "equipment"]
    pd.testing.assert_frame_equal(back.read(columns=times), history.read(columns=times))


def test_times_to_the_nanosecond_in_csv(history: History, process: Process, tmp_path: Path) -> None:
    ingest.export(history, tmp_path / "out.csv")
    ingest.import_csv(process, tmp_path / "out.csv", tmp_path / "back.h5")
    back = History.open(tmp_path / "back.h5").read(columns=["reading_time"])
    pd.testing.assert_frame_equal(back, history.read(columns=["reading_time"]))
