"""A full disk, a read-only folder, failing writes, kills: nothing acknowledged is lost, nothing half written counts."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from luban.errors import IoError
from luban.journal import Journal, verify
from luban.process import Process

from .support import mount

HERE = Path(__file__).parent
BLOCK = {"text": "x" * 3000}


def fill(journal: Journal) -> tuple[int, IoError]:
    """Append until the disk is full; returns how many were acknowledged, and the error."""
    count = 0
    while True:
        try:
            journal.append("note", BLOCK | {"n": count + 1})
        except IoError as error:
            return count, error
        count += 1


def notes(path: Path) -> list[int]:
    return [record.payload["n"] for record in Journal.open(path, read_only=True).records(kinds=["note"])]


def test_a_full_disk(small_disk: Path, process: Process) -> None:
    path = small_disk / "loop.sqlite"
    journal = Journal.create(path, process=process)
    count, error = fill(journal)
    assert count > 50
    assert "SQLITE_FULL" in str(error)
    assert error.where == "journal.append"
    with pytest.raises(IoError, match="one that failed before: database or disk is full"):
        journal.append("note", {"n": 0})  # even what would fit
    assert journal.head.payload["n"] == count
    journal.close()
    assert notes(path) in (list(range(1, count + 1)), list(range(1, count + 2)))
    mount("-o", "remount,size=3m", str(small_disk))
    with Journal.open(path) as again:
        assert again.head.payload["closed_before"] is False
        more, _ = fill(again)
        assert more > 50
    assert verify(path).ok
    assert notes(path)[:count] == list(range(1, count + 1))


def test_a_journal_cannot_begin_on_a_full_disk(small_disk: Path, process: Process) -> None:
    (small_disk / "ballast").write_bytes(b"x" * (1024 * 1024 - 8192))
    with pytest.raises(IoError):
        Journal.create(small_disk / "loop.sqlite", process=process)
    assert not (small_disk / "loop.sqlite").exists()


def test_an_anchor_on_a_full_disk_does_not_touch_the_records(
    small_disk: Path, tmp_path: Path, process: Process
) -> None:
    path, anchor = tmp_path / "loop.sqlite", small_disk / "loop.anchor"
    journal = Journal.create(path, process=process, anchor=anchor)
    before = anchor.read_bytes()
    (small_disk / "ballast").write_bytes(b"x" * (1024 * 1024 - 4096))
    journal.append("note", {"n": 1})
    with pytest.raises(IoError, match=r"\[journal.anchor\] expected to write the anchor file"):
        journal.checkpoint()
    assert anchor.read_bytes() == before
    journal.append("note", {"n": 2})
    with pytest.raises(IoError):
        journal.close()
    (small_disk / "ballast").unlink()
    Journal.open(path, anchor=anchor).close()
    assert notes(path) == [1, 2]
    assert verify(path, anchor).ok


@pytest.fixture
def read_only_folder(tmp_path: Path, process: Process) -> Iterator[Path]:
    """A folder that holds a journal and takes no more."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid() == 0:  # who may write everywhere, but not on what is mounted read-only
        try:
            mount("-t", "tmpfs", "tmpfs", str(folder))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no tmpfs can be mounted here: {error.stderr.decode()}")
    with Journal.create(folder / "loop.sqlite", process=process) as journal:
        journal.append("note", {"n": 1})
    if os.geteuid() == 0:
        mount("-o", "remount,ro", str(folder))
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def test_a_read_only_folder_is_read_and_not_written(read_only_folder: Path, process: Process) -> None:
    path = read_only_folder / "loop.sqlite"
    assert notes(path) == [1]
    assert verify(path).ok
    with pytest.raises(IoError, match="for the lock"):
        Journal.open(path)
    with pytest.raises(IoError):
        Journal.create(read_only_folder / "other.sqlite", process=process)


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))


def test_a_write_that_the_system_refuses(path: Path, process: Process) -> None:
    """A limit on the size of files makes writes fail in the middle."""
    Journal.create(path, process=process).close()
    code = f"""
from luban.errors import IoError
from luban.journal import Journal
journal = Journal.open({str(path)!r})
count = 0
try:
    while True:
        journal.append("note", {{"text": "x" * 3000, "n": count + 1}})
        count += 1
except IoError as error:
    print(count, error.where)
try:
    journal.append("note", {{}})
except IoError:
    print("refused")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limited)
    assert done.returncode == 0, done.stderr
    count, where, refused = done.stdout.split()
    assert (where, refused) == ("journal.append", "refused")
    assert notes(path)[: int(count)] == list(range(1, int(count) + 1))
    assert verify(path).ok
    Journal.open(path).close()


def killed(path: Path, kills: int, seed: int) -> int:
    command = [sys.executable, str(HERE / "kill_writer.py"), str(path), str(kills), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_kills_lose_nothing_that_was_acknowledged(path: Path) -> None:
    assert killed(path, 30, 1) > 30


@pytest.mark.slow
def test_many_kills_lose_nothing_that_was_acknowledged(path: Path) -> None:
    assert killed(path, 500, 2) > 500
