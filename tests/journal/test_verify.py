"""The verifier names what was done to a journal."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import luban.journal
from luban.errors import IntegrityError, LifecycleError, NotBuiltError
from luban.journal import Journal, Report, verify
from luban.process import Process

from .support import ToldClock, tampered

FIELDS = {
    "kind": "'note'",
    "cycle": "9",
    "run_id": "'r2'",
    "utc_ns": "utc_ns + 1",
    "monotonic_ns": "monotonic_ns - 1",
    "boot_id": "'other'",
    "payload": "'{}'",
}


def kinds(report: Report) -> list[tuple[str, int]]:
    return [(fault.kind, fault.sequence) for fault in report.faults]


def test_a_whole_journal(written: Path) -> None:
    report = verify(written)
    assert report.ok
    assert (report.records, report.first, report.last) == (12, 1, 12)
    assert report.journal == Journal.open(written, read_only=True).uuid
    assert report.head == Journal.open(written, read_only=True).head.hash
    assert (report.anchored, report.unanchored, report.signatures) == ([(1, 12)], [], "none")
    assert report.lines()[0] == f"{written}: whole. 12 records, head {report.head}."
    assert json.loads(json.dumps(report.to_dict()))["ok"] is True


def test_anchored_and_unanchored_ranges(journal: Journal, path: Path) -> None:
    for number in range(4):
        journal.append("note", {"n": number})
    journal.checkpoint()
    journal.append("note", {})
    journal.append("note", {})
    assert journal.unanchored == 2
    report = verify(path)
    assert (report.ok, report.anchored, report.unanchored) == (True, [(1, 5)], [(6, 7)])
    assert "Unanchored: 6 to 7" in report.lines()[-1]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("sequence", [1, 5, 12])
def test_an_altered_field(written: Path, field: str, sequence: int) -> None:
    tampered(written, f"UPDATE records SET {field} = {FIELDS[field]} WHERE sequence = {sequence}")
    report = verify(written)
    assert ("altered", sequence) in kinds(report)
    assert [entry for entry in kinds(report) if entry[0] != "anchor_of_another"] == [("altered", sequence)]
    with pytest.raises(IntegrityError, match=f"record {sequence}"):
        list(Journal.open(written, read_only=True).records())


def test_an_altered_previous_hash(written: Path) -> None:
    tampered(written, "UPDATE records SET previous = zeroblob(32) WHERE sequence = 5")
    assert kinds(verify(written)) == [("altered_link", 5)]


@pytest.mark.parametrize(("sequence", "kind"), [(1, "altered_hash"), (5, "altered_hash"), (12, "altered")])
def test_an_altered_hash(written: Path, sequence: int, kind: str) -> None:
    tampered(written, f"UPDATE records SET hash = zeroblob(32) WHERE sequence = {sequence}")
    assert kinds(verify(written)) == [(kind, sequence)]


@pytest.mark.parametrize("value", ["zeroblob(31)", "zeroblob(33)", "zeroblob(0)"])
def test_a_hash_of_another_length(written: Path, value: str) -> None:
    tampered(written, f"UPDATE records SET hash = {value}, previous = {value} WHERE sequence = 5")
    assert ("altered", 5) in kinds(verify(written))


@pytest.mark.parametrize(
    ("which", "expected", "what"),
    [
        ("= 1", ("missing_first", 1), "record 1 is missing"),
        ("= 6", ("missing", 6), "record 6 is missing"),
        ("IN (6, 7, 8)", ("missing", 6), "records 6 to 8 are missing"),
        ("= 12", ("missing_last", 12), "record 12 is missing at the end, which the anchor saw"),
        ("> 7", ("missing_last", 8), "records 8 to 12 are missing at the end"),
    ],
)
def test_deleted_records(written: Path, which: str, expected: tuple[str, int], what: str) -> None:
    tampered(written, f"DELETE FROM records WHERE sequence {which}")
    report = verify(written)
    assert kinds(report) == [expected]
    assert what in report.faults[0].what


def test_all_records_deleted(written: Path) -> None:
    tampered(written, "DELETE FROM records")
    assert kinds(verify(written)) == [("missing_last", 1)]


def test_two_swapped_records(written: Path) -> None:
    swap = [f"UPDATE records SET sequence = {to} WHERE sequence = {at}" for at, to in ((4, -1), (8, 4), (-1, 8))]
    tampered(written, *swap)
    report = verify(written)
    assert kinds(report) == [("swapped", 4)]
    assert report.faults[0].what == "changed places with record 8"


def test_neighbours_swapped(written: Path) -> None:
    swap = [f"UPDATE records SET sequence = {to} WHERE sequence = {at}" for at, to in ((4, -1), (5, 4), (-1, 5))]
    tampered(written, *swap)
    assert kinds(verify(written)) == [("swapped", 4)]


def rewrite(path: Path, since: int, change: Callable[[Any], Any]) -> None:
    """Write the records after ``since`` anew, in good order, with another content: a chain without a fault."""
    from luban.journal.chain import record_hash

    records = list(Journal.open(path, read_only=True).records())
    previous = bytes.fromhex(records[since - 1].hash)
    statements = []
    for record in records[since:]:
        text = change(record.text)
        fields = (record.kind, record.cycle, record.run_id, record.utc_ns, record.monotonic_ns, record.boot_id)
        digest = record_hash(record.sequence, *fields, text, previous)
        quoted = text.replace("'", "''")
        statements.append(
            f"UPDATE records SET payload = '{quoted}', previous = x'{previous.hex()}', hash = x'{digest.hex()}' "
            f"WHERE sequence = {record.sequence}"
        )
        previous = digest
    tampered(path, *statements)


def test_a_rewritten_suffix_of_the_same_length(written: Path) -> None:
    rewrite(written, 7, lambda text: text.replace("30.0", "31.0"))
    report = verify(written)
    assert kinds(report) == [("rewritten", 9)]
    assert report.faults[0].what.endswith("written anew after record 5")  # the checkpoint before says from where
    assert (report.anchored, report.unanchored) == ([(1, 5)], [(6, 12)])
    alone = verify(written, written.with_name("none"), require_anchor=False)
    assert alone.ok  # which is why there is an anchor
    assert alone.unanchored == [(1, 12)]
    with pytest.raises(IntegrityError, match="as the last checkpoint says"):
        Journal.open(written)


def test_a_removed_file(written: Path) -> None:
    written.unlink()
    report = verify(written)
    assert kinds(report) == [("no_file", 0)]
    assert "its anchor saw 12 records" in report.faults[0].what


def test_another_journal_in_its_place(written: Path, tmp_path: Path, process: Process) -> None:
    with Journal.create(tmp_path / "other.sqlite", process=process) as other:
        other.append("note", {})
    (tmp_path / "other.sqlite").replace(written)
    assert kinds(verify(written)) == [("anchor_of_another", 0)]
    with pytest.raises(IntegrityError, match="the anchor of journal"):
        Journal.open(written)


def test_a_missing_anchor(written: Path) -> None:
    written.with_name("loop.sqlite.anchor").unlink()
    report = verify(written)
    assert kinds(report) == [("anchor_missing", 0)]
    assert (report.anchored, report.unanchored) == ([], [(1, 12)])
    assert verify(written, require_anchor=False).ok
    with pytest.raises(IntegrityError, match="expected the anchor file with its checkpoints, received none"):
        Journal.open(written)
    with Journal.open(written, renew_anchor=True) as journal:
        assert journal.head.payload["anchor_renewed"] is True
    assert verify(written).anchored == [(1, 14)]


def test_a_renewed_anchor_keeps_the_old_one(written: Path) -> None:
    anchor = written.with_name("loop.sqlite.anchor")
    before = anchor.read_bytes()
    tampered(written, "DELETE FROM records WHERE sequence > 10")
    with pytest.raises(IntegrityError, match="expected record 12 with the hash"):
        Journal.open(written)
    with Journal.open(written, renew_anchor=True) as journal:
        assert journal.head.payload["checkpoint"] is None
    (kept,) = written.parent.glob("loop.sqlite.anchor.*")
    assert kept.read_bytes() == before
    assert verify(written).ok
    assert kinds(verify(written, kept)) == [("rewritten", 12)]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "luban-journal-anchor", "version": 1}', "\xff"])
def test_a_damaged_anchor(written: Path, content: str) -> None:
    written.with_name("loop.sqlite.anchor").write_text(content, encoding="latin-1")
    assert kinds(verify(written)) == [("anchor_unreadable", 0)]
    with pytest.raises(IntegrityError):
        Journal.open(written)


def test_an_anchor_elsewhere_is_remembered(tmp_path: Path, process: Process) -> None:
    (tmp_path / "disk").mkdir()
    path, anchor = tmp_path / "loop.sqlite", tmp_path / "disk/loop.anchor"
    Journal.create(path, process=process, anchor=anchor).close()
    with Journal.open(path) as journal:
        assert journal.anchor_path == anchor
    assert kinds(verify(path)) == [("anchor_missing", 0)]
    assert verify(path, anchor).ok


def test_a_journal_that_was_moved_with_its_anchor(written: Path, tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    for name in ("loop.sqlite", "loop.sqlite.anchor"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    Journal.open(tmp_path / "moved/loop.sqlite").close()
    assert verify(tmp_path / "moved/loop.sqlite").ok


def test_many_checkpoints_are_thinned(journal: Journal, path: Path) -> None:
    for _ in range(100):
        journal.append("note", {})
        journal.checkpoint()
    content = json.loads(journal.anchor_path.read_text())
    sequences = [entry["sequence"] for entry in content["checkpoints"]]
    assert len(sequences) <= 64
    assert sequences[-32:] == list(range(70, 102))
    assert sequences[0] == 1
    assert verify(path).ok


@pytest.mark.parametrize("length", [50, 4096, 8192, 10_000])
def test_a_truncated_file(written: Path, length: int) -> None:
    content = written.read_bytes()
    written.write_bytes(content[:length])
    report = verify(written)
    assert {kind for kind, _ in kinds(report)} & {"malformed", "not_a_journal"}
    with pytest.raises(IntegrityError):
        list(Journal.open(written, read_only=True).records())


def test_pages_full_of_rubbish(written: Path) -> None:
    content = bytearray(written.read_bytes())
    for page in range(1, len(content) // 4096):
        changed = bytes(content[: page * 4096]) + bytes(range(256)) * 16 + bytes(content[(page + 1) * 4096 :])
        written.write_bytes(changed)
        report = verify(written)
        assert not report.ok
        assert all(len(line) < 500 for line in report.lines())


def test_many_faults_are_counted_and_a_hundred_listed(journal: Journal, path: Path) -> None:
    journal.append_all([("note", {"n": number}) for number in range(300)])
    journal.close()
    tampered(path, "UPDATE records SET cycle = 3 WHERE sequence > 10")
    report = verify(path)
    assert (report.fault_count, len(report.faults)) == (292, 100)
    assert report.lines()[101] == "  … and 192 more"


def test_the_verifier_shares_no_code_and_runs_alone(written: Path, tmp_path: Path) -> None:
    source = Path(luban.journal.__file__).with_name("verify.py")
    alone = tmp_path / "checker.py"
    alone.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    assert "luban" not in {
        line.split()[1].split(".")[0] for line in source.read_text().splitlines() if "import " in line
    }
    command = [sys.executable, "-I", "-S", str(alone), str(written)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "whole. 12 records" in done.stdout
    tampered(written, "DELETE FROM records WHERE sequence = 5")
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 3


def keys(folder: Path, name: str) -> tuple[Path, Path]:
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def test_signed_checkpoints(path: Path, process: Process, clock: ToldClock, tmp_path: Path) -> None:
    private, public = keys(tmp_path, "ours")
    _, foreign = keys(tmp_path, "theirs")
    with Journal.create(path, process=process, clock=clock, key=private) as journal:
        journal.append("note", {})
    assert verify(path).signatures == "not checked"
    report = verify(path, public_key=public)
    assert (report.ok, report.signatures, report.anchored) == (True, "valid", [(1, 3)])
    report = verify(path, public_key=foreign)
    assert (report.signatures, report.anchored) == ("invalid", [])
    assert {kind for kind, _ in kinds(report)} == {"signature"}
    rewrite(path, 1, lambda text: text + " ")
    anchor = path.with_name("loop.sqlite.anchor")
    content = json.loads(anchor.read_text())
    content["checkpoints"][-1]["hash"] = verify(path, require_anchor=False).head
    anchor.write_text(json.dumps(content))
    assert verify(path).ok  # whoever may write both files can do this, but for the signature
    assert kinds(verify(path, public_key=public)) == [("signature", 3)]


def test_a_key_needs_the_package(path: Path, process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(NotBuiltError, match="checkpoints are then unsigned"):
        Journal.create(path, process=process, key=path)
    assert not path.exists()


def test_a_closed_journal_takes_no_checkpoint(journal: Journal) -> None:
    journal.close()
    with pytest.raises(LifecycleError, match="read-only or closed"):
        journal.checkpoint()
