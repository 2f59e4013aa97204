"""The file is what FORMAT.md says, to a reader that knows nothing of us; and damage is found."""

import re
import shutil
from pathlib import Path

import h5py
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from luban import history as histories
from luban.errors import IntegrityError, IoError, VersionError
from luban.history import History
from luban.process import Process

GOLDEN = Path(__file__).parent / "golden"

FILES = hypothesis.settings(
    max_examples=60, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)


def documented(repository: Path) -> list[str]:
    """Paths of the table in FORMAT.md."""
    text = (repository / "cpp/luban/history/FORMAT.md").read_text()
    paths: list[str] = []
    for row in re.findall(r"^\| (`/.*?) \|", text, re.MULTILINE):
        names = re.findall(r"`([^`]+)`", row)
        folder = names[0].rsplit("/", 1)[0]
        paths += [name if name.startswith("/") else f"{folder}/{name}" for name in names]
    return paths


def objects(path: Path) -> set[str]:
    found: set[str] = set()
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.add(f"/{name}") if isinstance(item, h5py.Dataset) else None)
    return found


def long_history(folder: Path) -> Path:
    """Write a history of more than one block of runs, which has bounds of its blocks."""
    process = Process.from_dict(
        {
            "luban": 1,
            "process": "long",
            "parameters": {"x": {"unit": "mm", "low": 0, "high": 9}},
            "responses": {"y": {"unit": "mm"}},
        }
    )
    rows = np.arange(131_073.0)
    return Path(str(History.from_frame(process, pd.DataFrame({"x": rows, "y": rows}), folder / "long.h5").path))


def test_every_dataset_is_documented_and_every_document_true(
    history: History, repository: Path, tmp_path: Path
) -> None:
    assert history.path is not None
    paths = documented(repository)
    patterns = {path: re.compile(re.escape(path).replace("NAME", "[^/]+").replace("…", ".+") + "$") for path in paths}
    found = objects(history.path) | objects(GOLDEN / "everything-1.1.h5") | objects(long_history(tmp_path))
    assert [path for path in found if not any(pattern.match(path) for pattern in patterns.values())] == []
    assert [path for path, pattern in patterns.items() if not any(pattern.match(name) for name in found)] == []


def test_plain_h5py_reads_it(history: History) -> None:
    frame = history.read()
    with h5py.File(history.path) as file:
        assert file.attrs["format"] == "luban-history"
        assert file.attrs["version"].tolist() == [1, 1]
        assert file.attrs["uuid"] == history.uuid
        assert file.attrs["process_digest"] == history.process.digest
        assert file.attrs["content_digest"] == history.digest
        setting = file["parameters/TIC-101%2FPV"]
        assert (setting.attrs["name"], setting.attrs["unit"]) == ("TIC-101/PV", "degC")
        assert setting.attrs["kind"] == "continuous"
        run = file["readings/run"][:]
        np.testing.assert_array_equal(setting["value"][:][run], frame["TIC-101/PV"])
        grade = file["context/grade"]
        names = np.array(grade.attrs["categories"][:], dtype=object)
        np.testing.assert_array_equal(names[grade["value"][:]][run], frame["grade"].astype(str))
        noise = file["readings/shift"]
        assert noise.attrs["name"] == "shift"
        assert noise.dtype == np.int32
        response = file["responses/yield"]
        assert response.attrs["unit"] == "%"
        np.testing.assert_array_equal(response["value"][:], frame["yield"])
        ids = file["runs/run_id"].asstr()[:]
        np.testing.assert_array_equal(response["run_id"].asstr()[:], ids[run])
        assert file["runs/start_time"][0] == np.iinfo(np.int64).min
        assert file["readings/run"].dtype == np.int64
        assert response["value"].fletcher32
        assert response["value"].shuffle
        assert file["provenance/input_digest"].asstr()[0] == history.provenance["input_digest"].iloc[0]


@pytest.fixture
def copy(history: History, tmp_path: Path) -> Path:
    assert history.path is not None
    return Path(shutil.copy(history.path, tmp_path / "copy.h5"))


@FILES
@hypothesis.given(fraction=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_found(history: History, tmp_path: Path, fraction: float) -> None:
    assert history.path is not None
    whole = history.path.read_bytes()
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole[: int(fraction * len(whole))])
    report = histories.verify(cut)
    assert not report.ok
    assert report.damages
    try:
        History.open(cut).read()
    except IntegrityError as error:
        assert str(cut) in str(error)  # noqa: PT017


@FILES
@hypothesis.given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_changed_byte_is_found(history: History, tmp_path: Path, position: float, bit: int) -> None:
    assert history.path is not None
    content = bytearray(history.path.read_bytes())
    content[int(position * len(content))] ^= 1 << bit
    changed = tmp_path / "changed.h5"
    changed.write_bytes(content)
    assert not histories.verify(changed).ok


def test_a_value_changed_by_another_program_is_found(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file["responses/yield/value"][2] = 99.0
    damages = histories.verify(copy).damages
    assert any("content digest does not fit" in what for _, what in damages)


def test_provenance_that_was_rewritten_is_found(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file["provenance/rows"][0] = 14
    damages = dict(histories.verify(copy).damages)
    assert "the chain of imports is broken at entry 0" in damages["/provenance"]


def test_hdf5_that_is_no_history(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["table"] = np.arange(3)
    with pytest.raises(IntegrityError, match=r"expected a production history .* received an HDF5 file of another kind"):
        History.open(path)
    assert not histories.verify(path).ok


def test_no_hdf5_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(IntegrityError, match=r"table\.csv"):
        History.open(path)
    with pytest.raises(IoError, match=r"absent\.h5"):
        History.open(tmp_path / "absent.h5")
    with pytest.raises(IoError, match=r"absent\.h5"):
        histories.verify(tmp_path / "absent.h5")


def test_a_newer_major_version_is_refused_and_a_newer_minor_read(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        file.attrs["version"] = np.array([2, 0])
    with pytest.raises(VersionError, match=r"expected format version 1\.x, received 2\.0.*update this one"):
        History.open(copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["version"] = np.array([1, 7])
    assert len(History.open(copy)) == 15


def test_a_missing_column_is_named(copy: Path) -> None:
    with h5py.File(copy, "r+") as file:
        del file["readings/repeat"]
    with pytest.raises(IntegrityError, match=r"/readings/repeat"):
        History.open(copy).read()


@pytest.mark.parametrize(
    ("dataset", "value"),
    [("responses/yield/reading", -1), ("responses/yield/reading", 10**12), ("readings/run", 10**12)],
)
def test_rows_that_refer_to_nowhere_are_refused_before_anything_is_changed(
    copy: Path, dataset: str, value: int
) -> None:
    with h5py.File(copy, "r+") as file:
        file[dataset][5] = value
    before = copy.read_bytes()
    with pytest.raises(IntegrityError, match=rf"received {value}.*{dataset.split('/')[-1]}.*luban verify"):
        History.open(copy).copy()
    assert copy.read_bytes() == before


def test_a_reading_that_would_lie_in_another_file_is_refused_by_all_who_read(copy: Path) -> None:
    """−1 is for segments of a folder."""
    with h5py.File(copy, "r+") as file:
        file["responses/yield/reading"][5] = -1
    damages = histories.verify(copy).damages
    assert any(where == "responses.yield.reading" and what.endswith("found -1") for where, what in damages), damages
    with pytest.raises(IntegrityError, match="received -1"):
        History.open(copy).copy()
    with h5py.File(copy, "r+") as file:
        file["responses/yield"].attrs["in_order"] = 0
    for read in (lambda: History.open(copy).read(["yield"]), lambda: History.open(copy).read(["yield"], rows="runs")):
        with pytest.raises(IntegrityError, match=r"received -1.*/responses/yield/reading"):
            read()
