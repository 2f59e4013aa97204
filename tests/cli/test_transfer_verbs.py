"""import, new and export of what is no CSV file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .support import Cli, readings


@pytest.fixture
def database(tmp_path: Path) -> str:
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: no databases")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/plant.db")
    readings().to_sql("readings", engine, index=False)
    engine.dispose()
    return f"sqlite:///{tmp_path}/plant.db"


def test_a_database_in_and_netcdf_out(luban: Cli, process: Path, database: str, tmp_path: Path) -> None:
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed: no NetCDF files")
    done = luban("import", process, database, "--table", "readings", "-o", tmp_path / "a.h5", "--json")
    assert done.object["quarantined"] == 0
    out = luban("export", tmp_path / "a.h5", tmp_path / "a.nc")
    assert out.out == f"{tmp_path / 'a.nc'}: {done.object['readings']:,} readings.\n"
    again = luban("import", process, tmp_path / "a.nc", "-o", tmp_path / "a.h5", "--json").object
    assert (again["changed"], again["values_corrected"]) == (False, 0)
    drafted = luban("new", database, "--query", "SELECT * FROM readings", "-o", tmp_path / "drafted.yaml")
    assert drafted.code == 0
    assert "process: plant" in (tmp_path / "drafted.yaml").read_text()
    assert luban("import", process, database, "-o", tmp_path / "b.h5").code == 2


def test_passwords_are_not_printed(luban: Cli, process: Path, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: no databases")
    url = "postgresql://reader:s3cr@t@127.0.0.1:1/plant"
    for arguments in (["import", process, url, "--table", "a"], ["new", url, "--table", "a"]):
        done = luban(*arguments, "-o", tmp_path / "out")
        assert done.code in (1, 2)
        assert "s3cr" not in done.out + done.err
    assert not (tmp_path / "out").exists()


def test_columns_and_pseudonyms(luban: Cli, history: Path, tmp_path: Path) -> None:
    names = list(pd.read_csv(exported(luban, history, tmp_path / "all.csv")).columns)
    chosen = luban("export", history, tmp_path / "some.csv", "--columns", "run_id,repeat", "--pseudonymise", "run_id")
    assert chosen.code == 0
    some, everything = pd.read_csv(tmp_path / "some.csv"), pd.read_csv(tmp_path / "all.csv")
    assert list(some.columns) == ["run_id", "repeat"]
    assert names[:2] == ["run_id", "repeat"]
    assert set(some["run_id"].astype(str)).isdisjoint(everything["run_id"].astype(str))
    np.testing.assert_array_equal(pd.factorize(some["run_id"])[0], pd.factorize(everything["run_id"])[0])
    assert luban("export", history, tmp_path / "no.csv", "--columns", "rn_id").code == 1


def exported(luban: Cli, history: Path, path: Path) -> Path:
    assert luban("export", history, path).code == 0
    return path


def test_a_channel_that_the_process_file_does_not_name(luban: Cli, process: Path, csv: Path, tmp_path: Path) -> None:
    done = luban("import", process, csv, "--trace", "nothing=x.txt", "-o", tmp_path / "a.h5")
    assert done.code == 2
    assert "expected a channel of the process file" in done.err
    assert not (tmp_path / "a.h5").exists()
