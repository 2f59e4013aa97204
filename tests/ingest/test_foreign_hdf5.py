"""HDF5 files that others wrote: shapes that the mapping names, and files that are made to do harm."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from luban import ingest
from luban._intake.mapping import Mapping, json_schema, read_mapping
from luban._intake.sources.find import SourceOptions, find_source
from luban._intake.sources.hdf5 import ForeignLimits, Hdf5Source
from luban.errors import ConfigurationError, DataError
from luban.history import History
from luban.process import Process


def mapping(**columns: object) -> Mapping:
    runs = columns.pop("run_of_row", None)
    return Mapping.model_validate({"luban": 1, "mapping": "test", "columns": columns, "run_of_row": runs})


def read(path: Path, wanted: Mapping, limits: ForeignLimits | None = None) -> dict[str, np.ndarray]:
    source = Hdf5Source(path, wanted, limits)
    header = source.header([])
    frames = [chunk.cells.frame() for chunk in source.chunks(header, [])]
    return {name: np.concatenate([frame[name].to_numpy() for frame in frames]) for name in header.names}


def test_runs_by_repeats(tmp_path: Path) -> None:
    path = tmp_path / "grid.h5"
    with h5py.File(path, "w") as file:
        file["Ra"] = np.arange(30_000 * 4, dtype=np.float64).reshape(30_000, 4)
        file["speed"] = np.arange(30_000) * 10
        file["alias"] = h5py.SoftLink("/speed")
    got = read(path, mapping(Ra="Ra", Vc={"dataset": "/alias", "per": "run"}))
    np.testing.assert_array_equal(got["Ra"], np.arange(120_000))
    np.testing.assert_array_equal(got["Vc"], np.repeat(np.arange(30_000) * 10, 4))
    np.testing.assert_array_equal(got["repeat"], np.tile([1, 2, 3, 4], 30_000))


def test_rows_that_name_their_run(tmp_path: Path) -> None:
    path = tmp_path / "rows.h5"
    with h5py.File(path, "w") as file:
        file["Ra"], file["run"] = [1.0, 2.0, 3.0], [3, 1, 3]
        file["name"] = np.array(["a", "b", "é"], dtype=h5py.string_dtype())
        file["big"] = np.array([2**63, 1, 2**64 - 1], dtype=np.uint64)
    wanted = {"dataset": "name", "per": "run"}
    got = read(path, mapping(Ra="Ra", run_id=wanted, big="big", run_of_row={"dataset": "run", "first": 1}))
    assert got["run_id"].tolist() == ["é", "a", "é"]
    assert got["big"].tolist() == ["9223372036854775808", "1", "18446744073709551615"]
    with pytest.raises(DataError, match="expected numbers of 3 runs, received 3"):
        read(path, mapping(Ra="Ra", run_id=wanted, run_of_row="run"))


def test_what_the_mapping_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        file["a"], file["b"], file["group/c"] = [1.0, 2.0], [1.0], [1.0, 2.0]
        file["table"] = np.zeros(2, dtype=[("x", "f8")])
        file["wrong"] = np.array([b"\xff\xfe", b"ok"])
    for columns, expected in (
        ({"a": "/nowhere"}, "expected a dataset '/nowhere', received none of that name"),
        ({"a": "group"}, "expected a dataset 'group', received a group"),
        ({"a": "a", "b": "b"}, r"row columns of the same dimensions, received \(2,\) of 'a', \(1,\) of 'b'"),
        ({"a": "table"}, "expected a plain dataset, or a member of a compound one"),
        ({"a": {"dataset": "a", "index": 1}}, "expected an index below the last of dimensions"),
        ({"a": "wrong"}, "as the mapping describes it, received 'utf-8' codec"),
    ):
        with pytest.raises(DataError, match=expected):
            read(path, mapping(**columns))


def test_a_mapping_is_needed_and_checked(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="expected a mapping file beside an HDF5 file"):
        find_source(tmp_path / "a.h5")
    (tmp_path / "m.yaml").write_text("luban: 1\nmapping: m\ncolumns:\n  Ra: {datset: Ra}\n")
    with pytest.raises(ConfigurationError, match="datset"):
        read_mapping(tmp_path / "m.yaml")
    with pytest.raises(DataError, match="expected an HDF5 file as the mapping describes it"):
        read(tmp_path / "a.h5", mapping(Ra="Ra"))


def test_data_of_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(800))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.zeros(100)
    path = tmp_path / "links.h5"
    with h5py.File(path, "w") as file:
        file["link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
        file["soft"] = h5py.SoftLink("/link")
        file["one"], file["two"] = h5py.SoftLink("/two"), h5py.SoftLink("/one")
        file.create_dataset("raw", shape=(100,), dtype="f8", external=[(str(tmp_path / "secret"), 0, 800)])
        layout = h5py.VirtualLayout(shape=(100,), dtype="f8")
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "x", shape=(100,))
        file.create_virtual_dataset("virtual", layout)
    for name, expected in (
        ("link", "received a link to another file"),
        ("soft", "received a link to another file"),
        ("one", "received a circle of links"),
        ("raw", "received data that lie in other files"),
        ("virtual", "received data that lie in other files"),
    ):
        with pytest.raises(DataError, match=expected):
            read(path, mapping(a=name))


def test_more_than_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.h5"
    with h5py.File(path, "w") as file:  # a few bytes on the disk, eight GiB in one piece when it is read
        file.create_dataset("a", shape=(4, 1 << 28), chunks=(1, 1 << 20), dtype="f8", compression="gzip")
        file["b"] = np.zeros(4)
    with pytest.raises(DataError, match=r"received (out of memory|Unable|the end of its reader|.*memory)"):
        read(path, mapping(a="a", b={"dataset": "b", "per": "run"}), ForeignLimits(memory=1 << 30, answer_s=30))


def test_a_reader_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "slow.h5"
    os.mkfifo(path)  # opening waits for somebody who writes
    before = children()
    with pytest.raises(DataError, match=r"expected an answer of the reader within 0.5 s, received none: it was ended"):
        Hdf5Source(path, mapping(a="a"), ForeignLimits(answer_s=0.5)).header([])
    assert children() == before


def children() -> int:
    return len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.slow
def test_spoiled_bytes_never_reach_the_caller(tmp_path: Path) -> None:
    """Whatever is changed in a file: rows come, or a DataError; never anything else."""
    path = tmp_path / "good.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("a", data=np.arange(64.0), chunks=(16,), compression="gzip", shuffle=True)
        file["name"] = np.array([f"run {i}" for i in range(64)], dtype=h5py.string_dtype())
    good, random = path.read_bytes(), np.random.default_rng(3)
    wanted, refused = mapping(a="a", run_id="name"), 0
    for _ in range(25):
        bad = bytearray(good)
        for at in random.integers(0, len(bad), 6):
            bad[at] = random.integers(0, 256)
        path.write_bytes(bytes(bad))
        try:
            assert len(read(path, wanted, ForeignLimits(answer_s=20))["a"]) == 64
        except DataError:
            refused += 1
    assert refused > 5


def test_an_import_from_end_to_end(process: Process, repository: Path, tmp_path: Path) -> None:
    """With the example of a mapping that the repository has."""
    example = repository / "configs/mapping/recorder.yaml"
    assert set(read_mapping(example).columns) == {"shaft", "Vc", "feed", "tool", "position", "Ra"}
    with h5py.File(tmp_path / "recorded.h5", "w") as file:
        text = h5py.string_dtype()
        file["setup/shaft"], file["setup/tool"] = [1, 2, 3], np.array(["New", "Worn", "New"], dtype=text)
        file["setup/cutting"] = np.array([[120, 0.1], [180, 0.1], [240, 0.08]])
        file["result/roughness"] = np.array([[1000.0, 1100], [2000, 2100], [3000, np.nan]])
        file["result/roughness"].attrs["unit"] = "nm"
        file["result/place"] = np.array([["Chuck", "Middle"]] * 3, dtype=text)
    report = ingest.import_data(
        process, tmp_path / "recorded.h5", tmp_path / "out.h5", options=SourceOptions(mapping=example)
    )
    assert (report.runs, report.readings, report.missing["roughness"]) == (3, 6, 1)
    read_back = History.open(tmp_path / "out.h5").read()
    np.testing.assert_allclose(read_back["roughness"], [1.0, 1.1, 2.0, 2.1, 3.0, np.nan])
    assert read_back["repeat"].tolist() == [1, 2, 1, 2, 1, 2]


def test_the_schema_is_the_one_that_the_code_generates(repository: Path) -> None:
    """Made anew by: python -m luban._intake.mapping > configs/schema/mapping.schema.json."""
    kept = json.loads((repository / "configs/schema/mapping.schema.json").read_text(encoding="utf-8"))
    assert kept == json_schema()
