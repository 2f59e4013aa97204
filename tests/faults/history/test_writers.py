"""Two writers, locks that stayed behind, clocks that step back, systems without locks."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luban import _history
from luban.errors import IoError, LifecycleError

from .support import (
    BEGIN,
    SECOND,
    append,
    child,
    content,
    import_of,
    make_file,
    make_folder,
    small_process,
    stored,
    whole,
)

HOLDER = """
import sys, time
from luban import _history
appender = _history.Appender(sys.argv[1])
print("ready", flush=True)
time.sleep(600)
"""


def held(folder: Path) -> "subprocess.Popen[str]":
    """Another process that writes the folder."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", HOLDER, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def one_more(folder: Path, number: int, time_ns: int | None = None) -> None:
    when = BEGIN + number * SECOND if time_ns is None else time_ns
    append(_history.Appender(str(folder)), content(small_process(), import_of(number), when, f"import {number}"), 6)


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    known = make_folder(tmp_path / "line", 2)
    holder = held(tmp_path / "line")
    try:
        for attempt in (
            lambda: _history.Appender(str(tmp_path / "line")),
            lambda: _history.compact(str(tmp_path / "line")),
        ):
            with pytest.raises(LifecycleError, match=rf"received process {holder.pid} on .*, which is writing"):
                attempt()
        assert stored(_history.open(str(tmp_path / "line"))) == known  # who reads needs no lock
    finally:
        holder.kill()
        holder.communicate()
    assert (tmp_path / "line/.luban-history.json.lock").exists()  # it stayed, and holds nobody up
    one_more(tmp_path / "line", 5)
    assert not whole(tmp_path / "line")


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may enter, which those of pytest are not."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def test_a_lock_file_of_another_user(shared: Path) -> None:
    folder = shared / "line"
    make_folder(folder, 2)
    for path in (folder, *folder.iterdir(), shared / "line.head"):
        os.chown(path, 12345, 12345)
    lock = folder / ".luban-history.json.lock"
    lock.write_text("process 1 on elsewhere")  # of root
    lock.chmod(0o644)
    with pytest.raises(IoError, match=r"expected to open the lock file, received Permission denied.*Hint"):
        _as_other_user(lambda: _history.Appender(str(folder)))
    lock.chmod(0o666)
    _as_other_user(lambda: one_more(folder, 5))
    assert not whole(folder)


def _as_other_user(action: Callable[[], object]) -> None:
    os.seteuid(12345)
    try:
        action()
    finally:
        os.seteuid(0)


def test_a_mark_of_another_user_keeps_its_files(shared: Path) -> None:
    """Whoever reads, what it reads stays, also when the writer may not write the file that marks readers."""
    folder = shared / "line"
    known = make_folder(folder, 3)
    for path in (folder, *folder.iterdir(), shared / "line.head"):
        if path.name != ".luban-history.readers":
            os.chown(path, 12345, 12345)
    (folder / ".luban-history.readers").chmod(0o644)
    reader = _history.open(str(folder))
    _as_other_user(lambda: _history.compact(str(folder)))
    assert stored(reader) == known


def test_the_clock_steps_back_between_appends(tmp_path: Path) -> None:
    """The order of imports counts: what was known then is a beginning of them, and the last value is the last told."""
    folder = tmp_path / "line"
    times = [BEGIN + step * SECOND for step in (100, 200, 50, 60, 300)]
    states = []
    known: dict[tuple[str, int], dict[str, float]] = {}
    for number, when in enumerate(times):
        readings = import_of(number)
        if number == 3:  # a correction that seems to be older than what it corrects
            readings = {key: {"yield": 9.75} for key in import_of(1)}
        append(
            _history.Appender(str(folder)),
            content(small_process(), readings, when, f"import {number}"),
            len(readings),
        )
        for key, values in readings.items():
            known[key] = {**known.get(key, {}), **values}
        states.append({key: dict(values) for key, values in known.items()})
    for merged in (False, True):
        if merged:
            _history.compact(str(folder))
        source = _history.open(str(folder))
        assert stored(source) == known
        for step in range(0, 320, 10):
            found = list(stored(source, BEGIN + step * SECOND))
            assert found in [[], *(list(state) for state in states)], f"as of {step}"
        assert stored(source, BEGIN + 300 * SECOND) == known
        assert stored(source, BEGIN + 250 * SECOND) == states[3]
        assert not whole(folder)
        del source


@pytest.mark.parametrize("locking", ["FALSE", "TRUE", "BEST_EFFORT", "nonsense"])
def test_the_environment_of_hdf5_changes_nothing(locking: str, tmp_path: Path) -> None:
    make_folder(tmp_path / "line", 2)
    make_file(tmp_path / "single.h5", 2)
    program = """
import sys
from pathlib import Path
from support import *
from luban import _history
root = Path(sys.argv[1])
for name in ("line", "single.h5"):
    assert len(stored(_history.open(str(root / name)))) == 12 and not whole(root / name)
make_folder(root / "line", 1, first=7)
make_file(root / "other.h5", 2)
try:
    first = _history.Appender(str(root / "line"))
    _history.Appender(str(root / "line"))
except Exception as error:
    print(type(error).__name__)
"""
    done = child(program, tmp_path, environment={"HDF5_USE_FILE_LOCKING": locking})
    assert (done.returncode, done.stdout, done.stderr) == (0, "LifecycleError\n", "")


def test_a_system_without_file_locks_says_so(failing_calls: Path, tmp_path: Path) -> None:
    make_folder(tmp_path / "line", 2)
    make_file(tmp_path / "single.h5", 2)
    program = """
import ctypes, errno, sys
from pathlib import Path
from support import *
from luban import _history
from luban.errors import IoError
root = Path(sys.argv[1])
shim = ctypes.CDLL(None)
shim.fault_arm(str(root).encode(), ctypes.c_long(1), ctypes.c_long(10**6), errno.ENOLCK, 64)
assert len(stored(_history.open(str(root / "line")))) == 12 and not whole(root / "line")
joined = _history.open(str(root / "single.h5")).content()
for attempt in (lambda: _history.Appender(str(root / "line")), lambda: _history.compact(str(root / "line")),
                lambda: _history.write(joined, str(root / "single.h5"), replace=True)):
    try:
        attempt()
    except IoError as error:
        assert "No locks available" in str(error) and "Hint" in str(error), error
        print("refused")
"""
    began = time.monotonic()
    done = child(program, tmp_path, environment={"LD_PRELOAD": str(failing_calls)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "refused\n" * 3, "")
    assert time.monotonic() - began < 60  # no waiting for what never comes
