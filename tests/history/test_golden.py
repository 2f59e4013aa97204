"""Files of every version that was ever written read for ever, to Luban and to a reader that knows h5py alone."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from tests.history import reference_reader
from tests.history.make_golden import plain

from luban import history as histories
from luban.errors import IoError, VersionError
from luban.history import History

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.h5")) + sorted(path for path in GOLDEN.iterdir() if path.is_dir())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_holds_what_it_held(path: Path) -> None:
    kept = json.loads((GOLDEN / f"{path.name.removesuffix('.h5')}.json").read_text(encoding="utf-8"))
    history = History.open(path)
    assert history.digest == kept["digest"]
    assert history.uuid == kept["uuid"]
    readings = plain(history.read(columns=list(kept["readings"])))
    assert readings == kept["readings"]
    assert plain(history.read(columns=list(kept["runs"]), rows="runs")) == kept["runs"]
    assert history.read(columns=list(kept["units"])).attrs["units"] == kept["units"]
    assert {c: [str(x) for x in history.quarantine[c]] for c in history.quarantine} == kept["quarantine"]
    assert histories.verify(path).damages == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_copy_in_a_folder_holds_the_same(path: Path, tmp_path: Path) -> None:
    stored = History.open(path)
    copy = stored.save(f"{tmp_path}/copy/")
    assert copy.segments == 1
    assert histories.verify(tmp_path / "copy").ok
    for rows in ("readings", "runs"):
        pd.testing.assert_frame_equal(copy.read(rows=rows), stored.read(rows=rows))
    assert copy.save(tmp_path / "back.h5").digest == stored.save(tmp_path / "there.h5").digest
    with pytest.raises(IoError, match="a name that is free"):
        stored.save(tmp_path / "copy")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_reference_reader_agrees(path: Path) -> None:
    history = History.open(path)
    times = [None, *history.provenance["time"]]
    for time in times:
        expected = reference_reader.read(path, None if time is None else int(time.value))
        names = [name for name in history.columns()["name"] if name != "source"]
        frame = plain(history.read(columns=names, as_of=None if time is None else time.isoformat()))
        lacking = {name for name in names if name not in expected}
        assert all(value is None for name in lacking for value in frame[name])
        assert {name: frame[name] for name in names if name not in lacking} == {
            name: expected[name] for name in names if name not in lacking
        }
        assert set(expected) <= set(names)


def test_it_can_be_added_to(tmp_path: Path) -> None:
    path = Path(shutil.copy(GOLDEN / "everything-1.0.h5", tmp_path / "old.h5"))
    history = History.open(path)
    late = history.read(columns=["run_id", "repeat"]).head(2)
    late["功率"] = [9.0, 8.0]
    history.append(late)
    assert list(history.read(columns=["功率"]).head(2)["功率"]) == [9.0, 8.0]
    with h5py.File(path) as file:
        assert file.attrs["version"].tolist() == [1, 1]
    assert histories.verify(path).ok


def test_a_newer_major_version_is_refused_and_a_newer_minor_one_read(tmp_path: Path) -> None:
    path = Path(shutil.copy(GOLDEN / "everything-1.0.h5", tmp_path / "new.h5"))
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = [1, 9]
        file["runs"].create_dataset("of_the_future", data=np.arange(8))
    assert len(History.open(path)) == 23
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = [2, 0]
    with pytest.raises(VersionError, match=r"received 2\.0"):
        History.open(path)
