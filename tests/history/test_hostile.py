"""Files made to mislead: each is refused with a typed error that names the object, and in bounded memory."""

import resource
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from luban import history as histories
from luban.errors import Error, IntegrityError
from luban.history import History

VALUE = "parameters/TIC-101%2FPV/value"
Change = Callable[[h5py.File], Any]


def changed(history: History, tmp_path: Path, change: Change) -> Path:
    """A copy of the history that h5py has changed."""
    assert history.path is not None
    path = tmp_path / "hostile.h5"
    shutil.copy(history.path, path)
    with h5py.File(path, "r+", libver=("v110", "v110")) as file:
        change(file)
    return path


def replace(file: h5py.File, name: str, **what: Any) -> h5py.Dataset:
    """Another dataset under the same name, with the same attributes."""
    attributes = dict(file[name].attrs)
    del file[name]
    new = file.create_dataset(name, **what)
    new.attrs.update(attributes)
    return new


def everything(path: Path) -> list[str]:
    """Read the file in all ways; return the texts of the errors. Anything but an error of ours is raised."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    texts = []
    for attempt in (
        lambda: [f"{o}: {w}" for o, w in histories.verify(path).damages if o != "seal"],
        lambda: History.open(path).read(),
        lambda: History.open(path).read(rows="runs"),
        lambda: History.open(path).copy(),
    ):
        try:
            found = attempt()
            texts += found if isinstance(found, list) else []
        except Error as error:
            texts.append(str(error))
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mib < 300
    return texts


def bomb(file: h5py.File) -> None:
    """One gigabyte of zeros as the chunk of five numbers; the checksum is skipped."""
    column = file[VALUE]
    packer = zlib.compressobj(9)
    block = bytes(1 << 24)
    stream = b"".join(packer.compress(block) for _ in range(64)) + packer.flush()
    column.id.write_direct_chunk((0,), stream, filter_mask=4)


def external(file: h5py.File) -> None:
    replace(file, VALUE, shape=(5,), dtype="f8", external=[("/etc/passwd", 0, 40)])


def virtual(file: h5py.File) -> None:
    attributes = dict(file[VALUE].attrs)
    del file[VALUE]
    layout = h5py.VirtualLayout(shape=(5,), dtype="f8")
    layout[:] = h5py.VirtualSource("/etc/elsewhere.h5", "x", shape=(5,))
    file.create_virtual_dataset(VALUE, layout).attrs.update(attributes)


def soft(file: h5py.File) -> None:
    file["parameters/link"] = h5py.SoftLink("/runs")


def elsewhere(file: h5py.File) -> None:
    file["parameters/link"] = h5py.ExternalLink("/etc/elsewhere.h5", "/x")


def circle(file: h5py.File) -> None:
    file["parameters/loop"] = file["/"]


def sideways(file: h5py.File) -> None:
    for name in ("a", "b", "c"):
        file[f"parameters/{name}"] = file["parameters"]


def deep(file: h5py.File) -> None:
    file.create_group("/".join(["deep"] * 40))


def group_for_dataset(file: h5py.File) -> None:
    del file[VALUE]
    file.create_group(VALUE)


def dataset_for_group(file: h5py.File) -> None:
    del file["readings"]
    file["readings"] = np.arange(5)


def named_type(file: h5py.File) -> None:
    file["parameters/kind"] = np.dtype("f8")


def huge_attribute(file: h5py.File) -> None:
    new = replace(file, VALUE, data=np.arange(5.0))
    new.attrs.create("notes", np.zeros(3 << 20))
    new.attrs.create("more", np.zeros(3 << 20, dtype="i8"))


def swollen_chunk(file: h5py.File) -> None:
    file[VALUE].id.write_direct_chunk((0,), bytes(1 << 20))


def one_text_for_all(file: h5py.File) -> None:
    """60,000 rows that all point to the same megabyte."""
    rows = 60_000
    new = replace(file, "runs/recipe", shape=(rows,), chunks=(rows,), dtype=h5py.string_dtype())
    new[0] = "x" * 1_000_000
    file.flush()  # the chunk leaves the cache
    stored = new.id.read_direct_chunk((0,))[1]
    reference = stored[: len(stored) // rows]
    new.id.write_direct_chunk((0,), reference * rows)


def no_reading(file: h5py.File) -> None:
    file["readings/run"][3] = 10**12


def negative_reading(file: h5py.File) -> None:
    file["readings/run"][3] = -7


def event_of_no_reading(file: h5py.File) -> None:
    file["responses/yield/reading"][3] = 10**12


def event_of_a_negative_reading(file: h5py.File) -> None:
    file["responses/yield/reading"][3] = -7


def late_event_beside_one_of_no_reading(file: h5py.File) -> None:
    file["responses/yield/reading"][2:4] = [10**12, -1]


def very_many_events(file: h5py.File) -> None:
    replace(file, "responses/yield/reading", data=np.zeros(3_000_000, "i8"), chunks=(131072,), compression="gzip")


CASES: dict[str, tuple[Change, str]] = {
    "too many rows": (lambda f: replace(f, VALUE, shape=(2**45,), chunks=(1000,), dtype="f8"), "TIC-101"),
    "more rows than bytes": (lambda f: replace(f, VALUE, shape=(2**39,), chunks=(1000,), dtype="f8"), "TIC-101"),
    "too many readings": (
        lambda f: replace(f, "readings/run", shape=(2**41,), maxshape=(None,), chunks=(1000,), dtype="i8"),
        "readings/run",
    ),
    "too many runs": (lambda f: replace(f, "runs/run_id", shape=(2**40,), chunks=(1000,), dtype="S8"), "runs/run_id"),
    "unwritten contiguous": (lambda f: replace(f, VALUE, shape=(2**33,), dtype="f8"), "TIC-101"),
    "huge chunk": (lambda f: replace(f, VALUE, shape=(5,), maxshape=(None,), chunks=(2**24,), dtype="f8"), "TIC-101"),
    "huge text": (lambda f: replace(f, "runs/group", shape=(5,), dtype="S100000000"), "runs/group"),
    "two dimensions": (lambda f: replace(f, VALUE, data=np.zeros((5, 1))), "TIC-101"),
    "no dimension": (lambda f: replace(f, VALUE, data=1.0), "TIC-101"),
    "32 dimensions": (lambda f: replace(f, VALUE, shape=(2,) * 32, dtype="f8"), "TIC-101"),
    "nothing": (lambda f: replace(f, VALUE, data=h5py.Empty("f8")), "TIC-101"),
    "compound": (lambda f: replace(f, VALUE, data=np.zeros(5, dtype=[("a", "f8"), ("b", "i4")])), "TIC-101"),
    "array type": (lambda f: replace(f, VALUE, shape=(5,), dtype=np.dtype("(3,)f8")), "TIC-101"),
    "references": (lambda f: replace(f, VALUE, shape=(5,), dtype=h5py.ref_dtype), "TIC-101"),
    "sequences": (lambda f: replace(f, VALUE, shape=(5,), dtype=h5py.vlen_dtype(np.dtype("f8"))), "TIC-101"),
    "big endian": (lambda f: replace(f, VALUE, data=np.arange(5, dtype=">f8")), "TIC-101"),
    "single precision": (lambda f: replace(f, VALUE, data=np.arange(5, dtype="f4")), "TIC-101"),
    "enumeration": (lambda f: replace(f, VALUE, shape=(5,), dtype=h5py.enum_dtype({"a": 1}, "i4")), ""),
    "filter of others": (lambda f: replace(f, VALUE, data=np.arange(5.0), compression="lzf"), "TIC-101"),
    "fewer rows": (lambda f: replace(f, VALUE, data=np.arange(4.0)), "TIC-101"),
    "external storage": (external, "TIC-101"),
    "virtual": (virtual, "TIC-101"),
    "soft link": (soft, "parameters/link"),
    "external link": (elsewhere, "parameters/link"),
    "circle": (circle, "parameters/loop"),
    "sideways": (sideways, "parameters/"),
    "deep": (deep, "deep/deep"),
    "group for a dataset": (group_for_dataset, "TIC-101"),
    "dataset for a group": (dataset_for_group, "readings"),
    "named type": (named_type, "parameters/kind"),
    "huge attribute": (huge_attribute, "TIC-101"),
    "bomb": (bomb, "TIC-101"),
    "swollen chunk": (swollen_chunk, "TIC-101"),
    "one text for all": (one_text_for_all, "runs/recipe"),
    "no such run": (no_reading, "readings"),
    "negative run": (negative_reading, "readings"),
    "event of no reading": (event_of_no_reading, "yield"),
    "event of a negative reading": (event_of_a_negative_reading, "yield"),
    "late event beside one of no reading": (late_event_beside_one_of_no_reading, "yield"),
    "fewer values of events": (lambda f: replace(f, "responses/yield/value", data=np.arange(1.0)), "yield"),
    "fewer times of events": (lambda f: replace(f, "responses/yield/time", data=np.arange(1)), "yield"),
    "fewer qualities": (lambda f: replace(f, "responses/yield/quality", data=np.zeros(1, "i4")), "yield"),
    "fewer sources": (lambda f: replace(f, "responses/yield/source", data=np.zeros(1, "i4")), "yield"),
    "very many events": (very_many_events, "yield"),
    "fewer start times": (lambda f: replace(f, "runs/start_time", data=np.arange(1)), "runs"),
    "fewer groups": (lambda f: replace(f, "runs/group", data=np.array([b"a"])), "runs"),
    "fewer repeats": (lambda f: replace(f, "readings/repeat", data=np.arange(3)), "readings"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_by_name(case: str, history: History, tmp_path: Path) -> None:
    change, named = CASES[case]
    texts = everything(changed(history, tmp_path, change))
    assert texts
    assert any(named in text for text in texts), texts


def test_a_dataset_under_two_names_is_no_circle(history: History, tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["runs/again"] = file["runs/group"]

    frame = History.open(changed(history, tmp_path, change)).read()
    assert frame.equals(history.read())


@pytest.mark.parametrize("filters", [{}, {"compression": "gzip", "shuffle": True, "fletcher32": True}])
def test_chunks_that_were_never_written_read_as_others_read_them(
    filters: dict[str, Any], history: History, tmp_path: Path
) -> None:
    def change(file: h5py.File) -> None:
        new = replace(file, VALUE, shape=(5,), chunks=(2,), dtype="f8", fillvalue=7.5, **filters)
        new[2:4] = [1.0, 2.0]

    path = changed(history, tmp_path, change)
    with h5py.File(path) as file:
        expected = file[VALUE][...]
    assert expected.tolist() == [7.5, 7.5, 1.0, 2.0, 7.5]
    assert History.open(path).read(rows="runs")["TIC-101/PV"].tolist() == expected.tolist()


def test_texts_that_are_no_utf8(history: History, tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        replace(file, "runs/material_lot", data=np.array([b"\xff\xfe"] * 5))
        file["parameters/TIC-101%2FPV"].attrs["unit"] = np.bytes_(b"\xff")

    path = changed(history, tmp_path, change)
    for attempt in (lambda: History.open(path).read(columns=["material_lot"]), lambda: histories.verify(path)):
        try:
            attempt()
        except Error:
            continue


@pytest.mark.slow
def test_very_many_links_and_very_deep_groups_end(history: History, tmp_path: Path) -> None:
    def wide(file: h5py.File) -> None:
        for number in range(20_000):
            file[f"runs/x{number}"] = file["runs/group"]

    def very_deep(file: h5py.File) -> None:
        group = file
        for _ in range(5_000):
            group = group.create_group("d")

    assert len(History.open(changed(history, tmp_path, wide))) == len(history)
    with pytest.raises(IntegrityError):
        History.open(changed(history, tmp_path, very_deep))
