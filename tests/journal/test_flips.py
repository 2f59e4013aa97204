"""One flipped bit anywhere in the file: either the verifier finds it, or every record reads as before.

What it may not find has no meaning for the records: unused bytes of pages, the free list, SQLite's change counters and
version numbers in the file's header, and the like. A test that writes down each such bit would be a test of SQLite.
"""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luban.errors import IntegrityError
from luban.journal import Journal, Record, verify
from luban.process import Process

from .support import ToldClock


def told(path: Path) -> list[Record] | None:
    """The records as the reader gives them; None when it refuses."""
    try:
        return list(Journal.open(path, read_only=True).records())
    except IntegrityError:
        return None


def check(path: Path, bits: Iterator[int], before: list[Record]) -> tuple[int, int]:
    """Flip each of these bits alone; returns how many were found and how many had no meaning."""
    content = path.read_bytes()
    found = 0
    count = 0
    with path.open("r+b") as file:
        for bit in bits:
            count += 1
            at, mask = bit // 8, 1 << bit % 8
            file.seek(at)
            file.write(bytes([content[at] ^ mask]))
            file.flush()
            report = verify(path)
            read = told(path)
            if report.ok:
                assert read == before, f"bit {bit} is not found and changes what is read"
            else:
                found += 1
            assert read is None or read == before or not report.ok, f"bit {bit}"
            file.seek(at)
            file.write(content[at : at + 1])
            file.flush()
    assert path.read_bytes() == content
    return found, count - found


def record_area(path: Path, before: list[Record]) -> list[int]:
    """The bits of the bytes in which the fields of the records stand."""
    content = path.read_bytes()
    bits: list[int] = []
    for record in before:
        for field in (record.text.encode(), bytes.fromhex(record.hash), bytes.fromhex(record.previous)):
            at = -1 if field == bytes(32) else content.find(field)  # unused bytes are zeros too
            while at >= 0:
                bits += range(8 * at, 8 * (at + len(field)))
                at = content.find(field, at + 1)
    return sorted(set(bits))


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory, process: Process) -> Path:
    """A closed journal that each test leaves as it was."""
    path = tmp_path_factory.mktemp("still") / "loop.sqlite"
    with Journal.create(path, process=process, clock=ToldClock()) as journal:
        for cycle in range(10):
            journal.append_all([("inputs", {"T": 20.5 + cycle}), ("decision", {"T": 30.0})], cycle=cycle)
    return path


@settings(max_examples=300)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_flipped_bit(still: Path, share: float) -> None:
    before = told(still)
    assert before is not None
    check(still, iter([int(8 * still.stat().st_size * share)]), before)


def test_a_flipped_bit_of_the_write_ahead_log(journal: Journal, path: Path, tmp_path: Path) -> None:
    """A damaged frame ends the log there: what stands before it is read, and the anchor misses the rest."""
    for number in range(5):
        journal.append("note", {"n": number})
    journal.checkpoint()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in (path.name, f"{path.name}-wal", f"{path.name}.anchor"):
        shutil.copy(path.with_name(name), copy / name)
    before = told(copy / path.name)
    assert before is not None
    assert len(before) == 6
    log = copy / f"{path.name}-wal"
    content = log.read_bytes()
    for bit in random.Random(11).sample(range(8 * len(content)), 150):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        log.write_bytes(changed)
        read = told(copy / path.name)
        assert read is None or read == before[: len(read)]
        assert read == before or not verify(copy / path.name).ok


def test_a_flipped_bit_of_the_records_is_always_found(written: Path) -> None:
    before = told(written)
    assert before is not None
    area = record_area(written, before)
    chosen = random.Random(3).sample(area, 400)
    assert check(written, iter(chosen), before) == (400, 0)


def test_no_run_is_hidden_by_a_flipped_bit(written: Path) -> None:
    """A page that is damaged may hide a record, or its kind: what would be folded then is refused."""
    right = Journal.open(written, read_only=True).runs()
    content = written.read_bytes()
    where = content.find(b'"event":"finished"') // 4096 * 4096  # the page that the run is on, and no rarer ones
    refused = 0
    for bit in random.Random(5).sample(range(8 * where, 8 * (where + 4096)), 200):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        written.write_bytes(changed)
        try:
            assert Journal.open(written, read_only=True).runs().equals(right), f"bit {bit}"
        except IntegrityError:
            refused += 1
    assert 50 < refused < 200


@pytest.mark.slow
def test_every_bit_of_a_small_journal(tmp_path: Path, process: Process, clock: ToldClock) -> None:
    path = tmp_path / "loop.sqlite"
    with Journal.create(path, process=process, clock=clock) as journal:
        journal.append_all([("decision", {"T": 1.5}), ("outcome", {"ok": True})], cycle=1)
        journal.append_run({"run_id": "r1", "settings": {"T": 30.0}, "readings": [{"yield": 1.0}]})
    before = told(path)
    assert before is not None
    copy = tmp_path / "copy.sqlite"
    shutil.copy(path, copy)
    shutil.copy(journal.anchor_path, tmp_path / "copy.sqlite.anchor")
    area = record_area(copy, before)
    assert check(copy, iter(area), before) == (len(area), 0)
    found, meaningless = check(copy, iter(range(0, 8 * copy.stat().st_size, 9)), before)
    assert found > 500
    assert meaningless > 500
