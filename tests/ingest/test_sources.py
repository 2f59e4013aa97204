"""Every kind of source passes the same tests: the same table, whatever it lies in, becomes the same history."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from luban import ingest
from luban._intake.cells import RawChunk
from luban._intake.sources.find import SourceOptions, find_source
from luban.errors import ConfigurationError, DataError, IoError, NotBuiltError, UnitError
from luban.history import History
from luban.process import Process

Made = tuple[Any, SourceOptions]

MAPPING = """
luban: 1
mapping: recorder
columns:
  shaft: {dataset: /settings/shaft}
  Vc: {dataset: /settings/numbers, index: 0}
  feed: {dataset: /settings/numbers, index: 1}
  tool: /settings/tool
  position: /results/position
  Replicate: {dataset: /results/table, field: replicate}
  Ra: {dataset: /results/table, field: Ra}
"""


def as_csv(frame: pd.DataFrame, folder: Path) -> Made:
    frame.to_csv(folder / "table.csv", index=False)
    return folder / "table.csv", SourceOptions()


def as_parquet(frame: pd.DataFrame, folder: Path) -> Made:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet files")
    frame.to_parquet(folder / "table.parquet", index=False)
    return folder / "table.parquet", SourceOptions()


def as_parquet_folder(frame: pd.DataFrame, folder: Path) -> Made:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet files")
    for number, (shaft, part) in enumerate(frame.groupby("shaft", sort=False)):
        (folder / f"table/shaft={shaft}").mkdir(parents=True)
        part.drop(columns="shaft").to_parquet(folder / f"table/shaft={shaft}/{number}.parquet", index=False)
    (folder / "table").mkdir(exist_ok=True)
    if not len(frame):
        frame.to_parquet(folder / "table/none.parquet", index=False)
    return folder / "table", SourceOptions()


def as_excel(frame: pd.DataFrame, folder: Path) -> Made:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed: no Excel files")
    book = openpyxl.Workbook()
    book.create_sheet("notes").append(["nothing here"])
    sheet = book.create_sheet("data")
    sheet.append([])
    sheet.append(list(frame.columns))
    for row in frame.itertuples(index=False):
        sheet.append([None if value != value else value for value in row])
    book.save(folder / "table.xlsx")
    return folder / "table.xlsx", SourceOptions(sheet="data")


def as_table_of_sqlite(frame: pd.DataFrame, folder: Path) -> Made:
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: no databases")
    (folder / "line.db").unlink(missing_ok=True)
    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/line.db")
    frame.to_sql("readings", engine, index=False)
    engine.dispose()
    return f"sqlite:///{folder}/line.db", SourceOptions(table="readings")


def as_query(frame: pd.DataFrame, folder: Path) -> Made:
    url, _ = as_table_of_sqlite(frame, folder)
    return url, SourceOptions(query="SELECT * FROM readings WHERE shaft < 99 ORDER BY rowid")


def as_pandas(frame: pd.DataFrame, folder: Path) -> Made:
    return frame.copy(), SourceOptions()


def as_polars(frame: pd.DataFrame, folder: Path) -> Made:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: polars needs it here")
    return pytest.importorskip("polars", reason="polars is not installed").from_pandas(frame), SourceOptions()


def as_arrow(frame: pd.DataFrame, folder: Path) -> Made:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Arrow tables")
    return pyarrow.Table.from_pandas(frame, preserve_index=False), SourceOptions()


def as_xarray(frame: pd.DataFrame, folder: Path) -> Made:
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    variables = {name: ("reading", frame[name].to_numpy(dtype=object if frame[name].dtype.kind not in "fiu" else None))
                 for name in frame.columns}  # fmt: skip
    return xarray.Dataset(variables), SourceOptions()


def as_netcdf(frame: pd.DataFrame, folder: Path) -> Made:
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed: no NetCDF files")
    as_xarray(frame, folder)[0].to_netcdf(folder / "table.nc", engine="h5netcdf")
    return folder / "table.nc", SourceOptions(dimension="reading")


def as_foreign_hdf5(frame: pd.DataFrame, folder: Path) -> Made:
    with h5py.File(folder / "table.h5", "w") as file:
        file["settings/shaft"] = frame["shaft"].to_numpy(dtype=np.int64)
        file["settings/numbers"] = frame[["Vc", "feed"]].to_numpy(dtype=np.float64)
        text = h5py.string_dtype()
        file.create_dataset("settings/tool", data=frame["tool"].tolist(), shape=(len(frame),), dtype=text)
        file.create_dataset("results/position", data=frame["position"].tolist(), shape=(len(frame),), dtype=text)
        table = np.zeros(len(frame), dtype=[("replicate", "i4"), ("Ra", "f8")])
        table["replicate"], table["Ra"] = frame["Replicate"], frame["Ra"]
        file["results/table"] = table
    (folder / "mapping.yaml").write_text(MAPPING)
    return folder / "table.h5", SourceOptions(mapping=folder / "mapping.yaml")


KINDS = [as_csv, as_parquet, as_parquet_folder, as_excel, as_table_of_sqlite, as_query, as_pandas, as_polars, as_arrow,
         as_xarray, as_netcdf, as_foreign_hdf5]  # fmt: skip
Kind = Callable[[pd.DataFrame, Path], Made]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__.removeprefix("as_"))
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


def test_a_source_can_be_read_twice(kind: Kind, frame: pd.DataFrame, tmp_path: Path) -> None:
    source = find_source(*kind(frame, tmp_path))
    header = source.header(["Vc"])
    assert set(header.names) >= set(frame.columns)
    assert source.name
    assert source.place
    for _ in range(2):
        chunks: list[RawChunk] = list(source.chunks(header, ["Vc", "feed", "Ra", "Replicate"]))
        np.testing.assert_array_equal(np.concatenate([chunk.rows for chunk in chunks]), np.arange(len(frame)))
        read = np.concatenate([chunk.cells.numbers("Ra", ".")[0] for chunk in chunks])
        assert sorted(read) == sorted(frame["Ra"])
        texts = [text for chunk in chunks for text in chunk.cells.codes("tool").texts()]
        assert sorted(texts) == sorted(frame["tool"])
        parts = [chunk.cells.slice(1, len(chunk.rows)) for chunk in chunks]
        assert sum(len(part) for part in parts) == len(frame) - len(chunks)


def test_the_digest_is_of_the_rows(kind: Kind, frame: pd.DataFrame, tmp_path: Path) -> None:
    source = find_source(*kind(frame, tmp_path))
    before = source.digest()
    assert len(before) == 64
    assert source.digest() == before
    (tmp_path / "again").mkdir()
    frame.loc[3, "Ra"] = 4.25
    assert find_source(*kind(frame, tmp_path / "again")).digest() != before


def test_the_same_history(kind: Kind, process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    source, options = kind(frame, tmp_path)
    report = ingest.import_data(process, source, tmp_path / "out.h5", options=options)
    assert (report.rows, report.readings, report.runs, report.quarantined) == (32, 32, 8, 0)
    by = ["run_id", "repeat"]
    read = History.open(tmp_path / "out.h5").read().sort_values(by, ignore_index=True)
    pd.testing.assert_frame_equal(read, History.from_frame(process, frame).read().sort_values(by, ignore_index=True))
    before = (tmp_path / "out.h5").read_bytes()
    again = ingest.import_data(process, source, tmp_path / "out.h5", options=options)
    assert again.already_imported
    assert (tmp_path / "out.h5").read_bytes() == before


def test_nothing_to_import(kind: Kind, process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    source, options = kind(frame[:0], tmp_path)
    with pytest.raises(DataError, match="expected rows, received"):
        ingest.import_data(process, source, tmp_path / "out.h5", options=options)
    assert not (tmp_path / "out.h5").exists()


def test_a_first_process_file_for_any_source(kind: Kind, frame: pd.DataFrame, tmp_path: Path) -> None:
    source, options = kind(frame, tmp_path)
    draft = ingest.new_process(source, options=options, name="drafted")
    assert draft.rows == 32
    roles = draft.columns.set_index("header")["role"]
    assert (roles["Vc"], roles["Ra"], roles["Replicate"]) == ("parameter", "response", "repeat")


def test_options_of_another_kind(frame: pd.DataFrame, tmp_path: Path) -> None:
    source, _ = as_csv(frame, tmp_path)
    with pytest.raises(
        ConfigurationError, match="expected options of a CSV file, received 'sheet', which is of an Excel"
    ):
        find_source(source, SourceOptions(sheet="data"))
    with pytest.raises(IoError, match="no such file"):
        find_source(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="received a int"):
        find_source(5)


@pytest.mark.parametrize(
    ("maker", "package"),
    [(as_excel, "openpyxl"), (as_table_of_sqlite, "sqlalchemy"), (as_netcdf, "h5netcdf"), (as_parquet, "pyarrow")],
)
def test_without_the_package(
    maker: Kind, package: str, process: Process, frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, options = maker(frame, tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else object())
    with pytest.raises(NotBuiltError, match=rf"expected {package}, for .* Hint: pip install {package}"):
        ingest.import_data(process, source, tmp_path / "out.h5", options=options)


# What is particular to one kind.


def test_sheets_are_chosen_by_name(frame: pd.DataFrame, tmp_path: Path) -> None:
    path, _ = as_excel(frame, tmp_path)
    with pytest.raises(ConfigurationError, match="expected the name of a sheet: Sheet, notes, data, received none"):
        find_source(path).header([])
    with pytest.raises(ConfigurationError, match='did you mean "data"'):
        find_source(path, SourceOptions(sheet="Data")).header([])


def test_cells_of_a_sheet(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed: no Excel files")
    path, options = as_excel(frame, tmp_path)
    book = openpyxl.load_workbook(path)
    sheet = book["data"]
    sheet["G4"], sheet["G5"], sheet["G6"] = "#DIV/0!", None, "=1+1"
    book.save(path)
    report = ingest.import_data(process, path, tmp_path / "out.h5", options=options)
    assert report.values_quarantined == {"roughness": {"not_a_number": 1}}
    assert report.missing["roughness"] == 2  # a formula that nobody has computed holds nothing
    sheet["J5"] = "stray"
    book.save(path)
    with pytest.raises(DataError, match=r"a value in a column without one \(data row 3\)"):
        ingest.import_data(process, path, tmp_path / "other.h5", options=options)
    (tmp_path / "no.xlsx").write_bytes(b"no workbook")
    with pytest.raises(IoError, match="expected an Excel workbook"):
        find_source(tmp_path / "no.xlsx").header([])


def test_a_password_stays_with_the_driver(process: Process, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="sqlalchemy is not installed: no databases")
    for url in (
        "postgresql://reader:s3cr-et@127.0.0.1:1/plant",
        "mysql+nowhere://reader:s3cr-et@127.0.0.1:1/plant?ssl=s3cr-et",
    ):
        with pytest.raises((IoError, ConfigurationError)) as caught:
            ingest.import_data(process, url, tmp_path / "out.h5", options=SourceOptions(table="runs"))
        everything, error = "", caught.value
        while error is not None:
            everything += str(error) + repr(error.__dict__)
            error = error.__cause__  # type: ignore[assignment]
        assert "s3cr-et" not in everything
        assert caught.value.__suppress_context__ or caught.value.__context__ is None
    source = find_source("sqlite:///x.db?password=s3cr-et", SourceOptions(query="SELECT  1"))
    assert (source.name, "s3cr-et" in source.place) == ("sqlite:///x.db, query SELECT 1", False)


def test_a_database_is_only_read(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    url, _ = as_table_of_sqlite(frame, tmp_path)
    for query in ("DELETE FROM readings", "CREATE TABLE other (a)", "DELETE FROM readings RETURNING *"):
        with pytest.raises(IoError, match="attempt to write a readonly database"):
            ingest.import_data(process, url, tmp_path / "out.h5", options=SourceOptions(query=query))
    with pytest.raises(ConfigurationError, match="expected a query that returns rows"):
        ingest.import_data(process, url, tmp_path / "out.h5", options=SourceOptions(query="BEGIN"))
    assert len(pd.read_sql("SELECT * FROM readings", url)) == 32
    assert len(pd.read_sql("SELECT * FROM sqlite_master", url)) == 1
    with pytest.raises(IoError, match="no such table: absent"):
        ingest.import_data(process, url, tmp_path / "out.h5", options=SourceOptions(table="absent"))
    with pytest.raises(ConfigurationError, match="expected either a query or a table, received neither"):
        find_source(url)
    with pytest.raises(IoError, match="expected a database, received no such file"):
        find_source(f"sqlite:///{tmp_path}/none.db", SourceOptions(table="a")).digest()
    assert not (tmp_path / "none.db").exists()


def test_rows_that_change_between_two_looks(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    url, options = as_table_of_sqlite(frame, tmp_path)
    import sqlalchemy

    source = find_source(url, options)
    source.digest()
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE readings SET Ra = 1 WHERE rowid = 4"))
    engine.dispose()
    with pytest.raises(DataError, match="expected the same rows at each look"):
        list(source.chunks(source.header([]), ["Ra"]))


def test_numbers_of_a_database_keep_their_digits(tmp_path: Path) -> None:
    part = pd.DataFrame({"part": [9007199254740993, None, 12], "Ra": [0.1, 1e-300, None]}, dtype=object)
    url, options = as_table_of_sqlite(part, tmp_path)
    source = find_source(url, options)
    chunk = next(iter(source.chunks(source.header([]), ["Ra"])))
    assert chunk.cells.codes("part").texts().tolist() == ["9007199254740993", "", "12"]
    np.testing.assert_array_equal(chunk.cells.numbers("Ra", ".")[0], [0.1, 1e-300, np.nan])


def test_columns_of_later_parquet_files_are_not_lost(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: no Parquet files")
    (tmp_path / "days").mkdir()
    frame[:16].to_parquet(tmp_path / "days/1.parquet", index=False)
    frame[16:].assign(power=2.5).to_parquet(tmp_path / "days/2.parquet", index=False)
    (tmp_path / "days/_SUCCESS").write_text("")
    report = ingest.import_parquet(process, tmp_path / "days", tmp_path / "out.h5")
    assert (report.values_kept["power"], report.missing["power"]) == (16, 16)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"one without files that end in \.parquet"):
        ingest.import_parquet(process, tmp_path / "empty", tmp_path / "out.h5")


def test_units_of_netcdf_and_hdf5_attributes(process: Process, frame: pd.DataFrame, tmp_path: Path) -> None:
    dataset, options = as_xarray(frame, tmp_path)
    dataset["Vc"] = dataset["Vc"] / 1000
    dataset["Vc"].attrs["units"] = "km/min"
    ingest.import_data(process, dataset, tmp_path / "out.h5", options=options)
    np.testing.assert_allclose(History.open(tmp_path / "out.h5").read()["speed"], frame["Vc"], rtol=1e-12)
    path, options = as_foreign_hdf5(frame, tmp_path)
    with h5py.File(path, "a") as file:
        file["settings/shaft"].attrs["unit"] = "piece"  # names are in no unit
        file["results/table"].attrs["unit"] = "kg"
    with pytest.raises(UnitError, match=r"received 'kg'"):
        ingest.import_data(process, path, tmp_path / "other.h5", options=options)


def test_a_dimension_is_chosen(frame: pd.DataFrame, tmp_path: Path) -> None:
    dataset, _ = as_xarray(frame, tmp_path)
    dataset["altitude"] = ("station", np.arange(3.0))
    with pytest.raises(ConfigurationError, match="expected the name of a dimension: reading, station, received none"):
        find_source(dataset).header([])
    assert find_source(dataset, SourceOptions(dimension="station")).header([]).names == ["altitude"]
