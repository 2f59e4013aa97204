"""What h5py writes with any filters we read as h5py does; what we write with any codec h5py reads."""

import shutil
import time
from pathlib import Path
from typing import Any

import h5py
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from luban import _core, _history
from luban import history as histories
from luban.errors import ConfigurationError, IntegrityError
from luban.history import History
from luban.process import Process

hdf5plugin = pytest.importorskip("hdf5plugin")

COLUMN = "x"
PATH = "parameters/x/value"
PROCESS = {
    "luban": 1,
    "process": "codecs",
    "parameters": {"x": {"unit": "1", "low": -1e300, "high": 1e300}, "grade": {"categories": ["A", "B"]}},
    "responses": {"y": {"unit": "1"}},
}


def content(values: np.ndarray[Any, np.dtype[np.float64]]) -> _history.Content:
    """A history of one number, one code and some texts."""
    from luban._intake.build import empty_content

    made = empty_content(Process.from_dict(PROCESS))
    entry = _history.Provenance()
    entry.who, entry.what, entry.tool, entry.time, entry.input_digest = "t", "import", "t", 1, "0" * 64
    made.add_provenance(entry)
    rows = len(values)
    table = _core.Table(
        [
            _core.Column.float64("x", "1", values),
            _core.Column.code("grade", ["A", "B"], np.arange(rows, dtype=np.int32) % 3 - 1),
        ]
    )
    ids = [f"run {number} {'Zoë' * (number % 3)}" for number in range(rows)]
    long = ["" if number % 50 else "x" * 5000 for number in range(rows)]  # of variable length, and a heap
    texts = {"recipe": long, "equipment": ["a", "bb", ""] * (rows // 3) + ["z"] * (rows % 3)}
    made.set_runs(ids, [""] * rows, texts, table, _core.Table(), _core.Table())
    return made


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("codecs") / "base.h5"
    _history.write(content(np.arange(500.0)), str(path))
    return path


def read(path: Path, begin: int, end: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    source = _history.open(str(path)).view(_core.Grain.runs)
    out: np.ndarray[Any, np.dtype[np.float64]] = _history.read_arrays(source, [COLUMN], begin, end)[COLUMN]
    return out


FILTERS: list[dict[str, Any]] = [
    {},
    {"fletcher32": True},
    {"shuffle": True},
    {"compression": "gzip", "compression_opts": 9},
    {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True},
    dict(hdf5plugin.Zstd(clevel=5)),
    dict(hdf5plugin.Zstd(), shuffle=True, fletcher32=True),
    dict(hdf5plugin.LZ4()),
    dict(hdf5plugin.LZ4(nbytes=16), shuffle=True, fletcher32=True),
]


@hypothesis.settings(
    max_examples=80, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(data=st.data())
def test_what_h5py_writes(base: Path, tmp_path: Path, data: st.DataObject) -> None:
    rows = 500
    filters = data.draw(st.sampled_from(FILTERS))
    chunk = data.draw(st.integers(1, rows))
    maximum = data.draw(st.sampled_from([(rows,), (None,), (rows + 77,)]))
    kind = data.draw(st.sampled_from(["noise", "constant", "walk"]))
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    walk = np.round(np.cumsum(random.normal(size=rows)), 2)
    values = {"noise": random.normal(size=rows), "constant": np.full(rows, 2.5), "walk": walk}[kind]
    path = tmp_path / "h.h5"
    shutil.copy(base, path)
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        attributes = dict(file[PATH].attrs)
        del file[PATH]
        new = file.create_dataset(PATH, data=values, chunks=(chunk,), maxshape=maximum, **filters)
        new.attrs.update(attributes)
        if data.draw(st.booleans()):  # a chunk that skips all its filters
            whole = np.zeros(chunk)
            whole[: min(chunk, rows)] = values[:chunk]
            new.id.write_direct_chunk((0,), whole.tobytes(), filter_mask=0b111)
    begin = data.draw(st.integers(0, rows))
    end = data.draw(st.integers(begin, rows))
    np.testing.assert_array_equal(read(path, begin, end), values[begin:end])


@pytest.mark.parametrize("rows", [1, 499, 140_000])
@pytest.mark.parametrize("codec", ["deflate", "zstd", "lz4", "none"])
def test_what_we_write(codec: str, rows: int, tmp_path: Path) -> None:
    random = np.random.default_rng(rows)
    values = np.round(random.normal(size=rows), 3)
    path = tmp_path / "h.h5"
    made = content(values)
    digest = _history.write(made, str(path), compression=codec)
    assert _history.write(made, str(tmp_path / "deflate.h5")) == digest, "the digest does not depend on the codec"
    assert [what for what in histories.verify(path).damages if what[0] != "/provenance"] == []  # no import made it
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file[PATH][...], values)
        assert file["runs/run_id"][rows - 1].decode() == f"run {rows - 1} {'Zoë' * ((rows - 1) % 3)}"
        assert file["runs/equipment"].asstr()[:3].tolist() == ["a", "bb", ""][:rows] or rows == 1
    np.testing.assert_array_equal(read(path, 0, rows), values)
    frame = History.open(path).read(rows="runs")
    assert frame["run_id"].tolist() == [f"run {number} {'Zoë' * (number % 3)}" for number in range(rows)]
    codes = frame["grade"].cat.codes.to_numpy()
    np.testing.assert_array_equal(codes, np.arange(rows) % 3 - 1)


def test_the_same_content_is_the_same_bytes(tmp_path: Path) -> None:
    made = content(np.arange(300_000) * 0.5)
    for number in range(2):
        for codec in ("deflate", "zstd"):
            _history.write(made, str(tmp_path / f"{codec}{number}.h5"), compression=codec)
        time.sleep(1.1 * (1 - number))  # nor does it depend on the clock
    for codec in ("deflate", "zstd"):
        assert (tmp_path / f"{codec}0.h5").read_bytes() == (tmp_path / f"{codec}1.h5").read_bytes()


@pytest.mark.parametrize(("codec", "level"), [("gzip", -1), ("deflate", 10), ("zstd", 0), ("zstd", 23), ("lz4", 2)])
def test_codecs_that_there_are_not(codec: str, level: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        _history.write(content(np.arange(5.0)), str(tmp_path / "h.h5"), compression=codec, level=level)
    assert not (tmp_path / "h.h5").exists()


def test_a_changed_chunk_is_found(base: Path, tmp_path: Path) -> None:
    for codec in ("deflate", "zstd", "lz4", "none"):
        path = tmp_path / f"{codec}.h5"
        _history.write(content(np.arange(500.0)), str(path), compression=codec)
        with h5py.File(path) as file:
            place = file[PATH].id.get_chunk_info(0)
        stored = bytearray(path.read_bytes())
        stored[place.byte_offset + place.size // 2] ^= 4
        path.write_bytes(stored)
        with pytest.raises(IntegrityError, match="checksum"):
            read(path, 0, 500)


def test_arrays_are_the_callers(base: Path) -> None:
    first, second = read(base, 0, 500), read(base, 0, 500)
    first[:] = -1.0
    assert second[3] == 3.0
    source = _history.open(str(base)).view(_core.Grain.runs)
    arrays = _history.read_arrays(source, ["recipe", "start_time", "grade", "x"], 2, 60)
    assert arrays["recipe"].dtype == object
    assert arrays["recipe"][48] == "x" * 5000
    assert arrays["start_time"].dtype == "datetime64[ns]"
    assert np.isnat(arrays["start_time"]).all()
    assert arrays["grade"].dtype == np.int32
    assert list(arrays) == ["recipe", "start_time", "grade", "x"]
    with pytest.raises(Exception, match="rows within"):
        _history.read_arrays(source, ["x"], 0, 501)
    with pytest.raises(Exception, match="a column of the history"):
        _history.read_arrays(source, ["nothing"], 0, 1)
