"""h5py brings an HDF5 of its own. Both in one process, whichever comes first, read and write in turn."""

import importlib.util
import json
from pathlib import Path

import pytest

from .support import child, make_file, make_folder

PROGRAM = """
import importlib, json, sys
from pathlib import Path
root, first = Path(sys.argv[1]), sys.argv[2].split(",")
loaded = [importlib.import_module(name) for name in first]
import h5py
import numpy as np
from support import *
from luban import _history

def by_h5py(path):
    with h5py.File(path) as file:
        names = file["responses/yield/run_id"].asstr()[...]
        values = zip(names, file["responses/yield/repeat"][...], file["responses/yield/value"][...])
        return {(str(run), int(repeat)): float(value) for run, repeat, value in values}

def ours(path):
    return {key: values["yield"] for key, values in stored(_history.open(str(path))).items()}

for turn in range(12):
    path = root / f"turn-{turn}.h5"
    make_file(path, 2 + turn % 2)
    with h5py.File(path) as held:  # open in one library while the other reads it
        assert ours(path) == by_h5py(path)
        assert held.attrs["format"] in ("luban-history", b"luban-history")
    with h5py.File(root / f"foreign-{turn}.h5", "w", libver="latest") as other:
        other["x"] = np.arange(1000.0)
        other.create_dataset("y", data=np.arange(5000), chunks=(100,), compression="gzip", shuffle=True)
        make_folder(root / "line", 1, first=100 + turn)
        other["z"] = np.arange(3)
    assert not whole(path)
    try:
        _history.open(str(root / f"foreign-{turn}.h5"))
    except Exception as error:
        assert type(error).__name__ == "IntegrityError", error
    try:
        h5py.File(root / "line/luban-history.json")
    except OSError:
        pass
assert not whole(root / "line")
assert len(stored(_history.open(str(root / "line")))) == 6 * 12 + 12
print(json.dumps([h5py.version.hdf5_version, first]))
"""

ORDERS = ["h5py,luban", "luban,h5py", "luban._history,h5py", "h5py,pandas,luban"]
OTHERS = [name for name in ("netCDF4", "hdf5plugin", "tables") if importlib.util.find_spec(name) is not None]
ORDERS += [f"{name},luban" for name in OTHERS] + [f"luban,{name}" for name in OTHERS]


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_two_libraries_in_one_process(order: str, tmp_path: Path) -> None:
    make_folder(tmp_path / "line", 2)
    make_file(tmp_path / "single.h5", 2)
    done = child(PROGRAM, tmp_path, order)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[1] == order.split(",")
