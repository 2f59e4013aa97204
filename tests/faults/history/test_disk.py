"""A disk that fills up or breaks at any call, and a folder that takes nothing."""

import contextlib
import errno
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from luban import _history
from luban.errors import IoError

from .support import (
    BEGIN,
    HERE,
    SECOND,
    append,
    child,
    content,
    import_of,
    make_file,
    make_folder,
    rows,
    small_process,
    stored,
    whole,
)

EVERY = "writes,syncs,lengths,names,opens"
OPERATIONS = ("file", "append-file", "append", "append-on", "begin", "compact", "fold")


def failing(library: Path, folder: Path, operation: str, error: int, kinds: str, many: int) -> dict[str, int]:
    done = child(
        HERE / "disk.py", folder, operation, error, kinds, many, environment={"LD_PRELOAD": str(library)}, timeout=900
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert done.stderr == ""
    counts: dict[str, int] = json.loads(done.stdout)
    print(operation, errno.errorcode[error], kinds, many, counts)  # noqa: T201  read with -s
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["append-on", "compact"])
def test_a_full_disk_at_any_call(operation: str, failing_calls: Path, tmp_path: Path) -> None:
    counts = failing(failing_calls, tmp_path / "disk", operation, errno.ENOSPC, EVERY, 10_000)
    assert counts["errors"] > 5


@pytest.mark.faults
@pytest.mark.parametrize("many", [1, 10_000])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_on_a_full_disk(operation: str, many: int, failing_calls: Path, tmp_path: Path) -> None:
    counts = failing(failing_calls, tmp_path / "disk", operation, errno.ENOSPC, EVERY, many)
    assert counts["errors"] > 5


@pytest.mark.faults
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_disk_that_cannot_sync(operation: str, failing_calls: Path, tmp_path: Path) -> None:
    counts = failing(failing_calls, tmp_path / "disk", operation, errno.EIO, "syncs", 1)
    assert counts["errors"] > 1


@pytest.mark.slow
def test_a_small_disk_that_fills_up(small_disk: Path) -> None:
    """Segments until the disk is full, merging on the full disk, and on when there is room again."""
    folder, process = small_disk / "line", small_process()
    known = make_folder(folder, 2)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (600 << 10))
    refused = 0
    for number in range(2, 400):
        readings = import_of(number)
        addition = content(process, readings, BEGIN + number * SECOND, f"import {number}")
        try:
            append(_history.Appender(str(folder)), addition, len(readings))
        except IoError:
            refused += 1
            if refused == 3:
                break
            continue
        known |= readings
    assert refused == 3
    assert _without_the_unacknowledged(folder, known) == known
    with contextlib.suppress(IoError):  # a merged segment is smaller, and may fit
        _history.compact(str(folder))
    assert _without_the_unacknowledged(folder, known) == known
    ballast.unlink()
    append(_history.Appender(str(folder)), content(process, import_of(900), BEGIN + 900 * SECOND, "900"), 6)
    known |= import_of(900)
    assert _history.compact(str(folder)).segments_after == 1
    assert _without_the_unacknowledged(folder, known) == known
    assert not list(folder.glob(".*.partial"))


def _without_the_unacknowledged(folder: Path, known: dict[tuple[str, int], dict[str, float]]) -> object:
    assert not whole(folder), whole(folder)
    found = stored(_history.open(str(folder)))
    return {key: values for key, values in found.items() if key in known}


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 4, 16, 64])
def test_one_file_on_a_disk_with_little_room(small_disk: Path, free: int) -> None:
    known = make_file(small_disk / "single.h5", 3)
    room = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(b"x" * (room.f_bavail * room.f_bsize - (free << 10)))
    before = (small_disk / "single.h5").read_bytes()
    addition = content(small_process(), import_of(7), BEGIN + 7 * SECOND, "7")
    whole_content = _history.open(str(small_disk / "single.h5")).content()
    _history.merge(whole_content, addition, rows(6))
    try:
        _history.write(whole_content, str(small_disk / "single.h5"), replace=True)
        known |= import_of(7)
    except IoError:
        assert (small_disk / "single.h5").read_bytes() == before
    assert not whole(small_disk / "single.h5")
    assert stored(_history.open(str(small_disk / "single.h5"))) == known
    assert not list(small_disk.glob(".*.partial"))


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder of histories that takes no more."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid() == 0:  # who may write everywhere, but not on what is mounted read-only
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False)
        if mounted.returncode != 0:
            pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode()}")
    make_folder(folder / "line", 3)
    make_file(folder / "single.h5", 3)
    if os.geteuid() == 0:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield folder
        subprocess.run(["umount", folder], check=True)
    else:
        (folder / "line").chmod(0o555)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        (folder / "line").chmod(0o755)


def test_a_read_only_folder_is_read_and_not_written(read_only: Path) -> None:
    for name in ("line", "single.h5"):
        source = _history.open(str(read_only / name))
        assert len(stored(source)) == 18
        assert not whole(read_only / name)
        del source
    with pytest.raises(IoError, match=r"\[history.append\] expected to open the lock file"):
        _history.Appender(str(read_only / "line"))
    with pytest.raises(IoError, match=r"\[history.compact\] expected to open the lock file"):
        _history.compact(str(read_only / "line"))
    with pytest.raises(IoError):
        _history.Appender(str(read_only / "another"))
    whole_content = _history.open(str(read_only / "single.h5")).content()
    for path, replace in (("single.h5", True), ("new.h5", False)):
        with pytest.raises(IoError):
            _history.write(whole_content, str(read_only / path), replace=replace)
