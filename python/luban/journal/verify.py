"""The independent verifier of a journal: reads the SQLite file alone, and shares no code with what writes it.

It needs Python's standard library (and the package cryptography where signatures are to be checked), and may be copied
and run without the rest: ``python verify.py loop.sqlite``. What a record, its hash and a checkpoint are is said in
docs/journal.md, from which this file was written anew.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["Fault", "Report", "verify"]

_APPLICATION, _VERSION = 0x4C55424A, 1
_PARTS = {
    "records": "table",
    "records_are_not_changed": "trigger",
    "records_are_not_deleted": "trigger",
    "records_follow_one_another": "trigger",
    "records_started": "index",
    "records_folded": "index",
    "records_run": "index",
}
_SCHEMA_DIGEST = "45df9ec02e4a0381835b112840b2719638364c8fd3f02c088e06abc02dc5cca8"
_MARK = b"luban-journal-record/1\n"
_HEAD = struct.Struct(">qBqBIqqIIQ")
_MOST = 100  # faults that are listed; all are counted
_MOST_COMPARED = 64  # records that are tried in the place of one another

Range = tuple[int, int]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: its kind, the record it was found at (0: the file as a whole), and what."""

    kind: str
    sequence: int
    what: str


@dataclass
class Report:
    """What was found: ``ok`` without faults; which records a checkpoint vouches for, and which only the chain."""

    path: str
    anchor: str
    journal: str = ""
    records: int = 0
    first: int = 0
    last: int = 0
    head: str = ""
    checkpoints: int = 0
    signatures: str = "none"  # none, not checked, valid, invalid
    anchored: list[Range] = field(default_factory=list)
    unanchored: list[Range] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault_count == 0

    def add(self, kind: str, sequence: int, what: str) -> None:
        """Note a fault; of many the first hundred are kept."""
        self.fault_count += 1
        if len(self.faults) < _MOST:
            self.faults.append(Fault(kind, sequence, what))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        faults = [{"kind": f.kind, "sequence": f.sequence, "what": f.what} for f in self.faults]
        return {"ok": self.ok} | {**self.__dict__, "faults": faults}

    def lines(self) -> list[str]:
        """Return the report in words, one sentence a line."""
        state = "whole" if self.ok else f"did not verify, {self.fault_count:,} faults"
        out = [f"{self.path}: {state}. {self.records:,} records, head {self.head or 'none'}."]
        out += [f"  {f'record {f.sequence}' if f.sequence else 'the file'}: {f.what} ({f.kind})" for f in self.faults]
        if self.fault_count > len(self.faults):
            out.append(f"  … and {self.fault_count - len(self.faults):,} more")
        out.append(f"Anchored by {self.anchor}: {_shown(self.anchored)}; signatures: {self.signatures}.")
        if self.unanchored:
            out.append(f"Unanchored: {_shown(self.unanchored)}: nothing outside the file vouches for these.")
        return out


def verify(
    path: str | PathLike[str],
    anchor: str | PathLike[str] | None = None,
    *,
    public_key: str | PathLike[str] | None = None,
    require_anchor: bool = True,
) -> Report:
    """Read every record of a journal and check hashes, order, links, and the checkpoints of its anchor file.

    ``anchor`` is ``PATH.anchor`` by default; ``public_key`` a PEM file that the signatures are checked with. Whatever
    is wrong is in ``.faults``, never raised. Without an anchor file that is a fault too, unless ``require_anchor`` is
    false: a removed tail cannot be noticed then.
    """
    place = Path(path)
    beside = place.with_name(f"{place.name}.anchor") if anchor is None else Path(anchor)
    still = not _has_log(place)
    report = _verified(place, beside, public_key, require_anchor)
    if not report.ok and still and _has_log(place):  # a loop began to write while the file was read as it was
        report = _verified(place, beside, public_key, require_anchor)
    return report


def _verified(place: Path, anchor: Path, public_key: str | PathLike[str] | None, require_anchor: bool) -> Report:
    report = Report(str(place), str(anchor))
    # The anchor first: a loop that writes meanwhile only ever adds records behind it.
    checkpoints = _read_anchor(anchor, report, require_anchor)
    good = _signed(checkpoints, public_key, report)
    if not place.is_file():
        saw = f"; its anchor saw {good[-1]['sequence']:,} records" if good else ""
        report.add("no_file", 0, f"there is no such file{saw}")
        return report
    found = _Scan({entry["sequence"] for entry in good})
    _scan(place, found, report)
    _compare(found, good, report)
    return report


def _scan(place: Path, found: _Scan, report: Report) -> None:
    """Read the file: as it is when nobody writes it, through its write-ahead log when somebody does."""
    name = f"file:{quote(str(place.absolute()))}?mode=ro{'' if _has_log(place) else '&immutable=1'}"
    try:
        with closing(sqlite3.connect(name, uri=True, isolation_level=None)) as connection:
            connection.text_factory = bytearray  # a text is then no blob, and no text is too odd to be read
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("BEGIN")
            if _is_journal(connection, report):
                _check_pages(connection, report)
                found.run(connection, report)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a message of SQLite may quote damaged bytes
        kind = "not_a_journal" if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB" else "malformed"
        report.add(kind, found.last, f"SQLite cannot read on after record {found.last}: {error}")
    found.finish(report)


def _has_log(place: Path) -> bool:
    """Whether the file has a write-ahead log: a loop writes it, or was killed."""
    log = place.with_name(f"{place.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _is_journal(connection: sqlite3.Connection, report: Report) -> bool:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        report.add("not_a_journal", 0, "an SQLite file, but no journal")
        return False
    if version != _VERSION:
        report.add("newer_version", 0, f"version {version} of the format, this verifier knows {_VERSION}")
        return False
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    parts = {bytes(name).decode("utf-8", "replace"): bytes(kind).decode("utf-8", "replace") for kind, name, _ in rows}
    for name in sorted(parts.keys() | _PARTS.keys()):
        if parts.get(name) != _PARTS.get(name):
            report.add(
                "schema", 0, f"{name}: {_PARTS.get(name, 'nothing')} expected, {parts.get(name, 'nothing')} found"
            )
    texts = hashlib.sha256(b"\0".join(bytes(sql or b"") for _, _, sql in rows)).hexdigest()
    typed = all(type(value) is bytearray for row in rows for value in row)
    if parts == _PARTS and not (typed and texts == _SCHEMA_DIGEST):
        report.add("schema", 0, "tables or triggers have another definition")
    return "records" in parts


def _check_pages(connection: sqlite3.Connection, report: Report) -> None:
    """Let SQLite check its pages; a damaged one may hide records from every reader."""
    said = [bytes(row[0]).decode("utf-8", "replace") for row in connection.execute("PRAGMA integrity_check(20)")]
    if said != ["ok"]:
        for text in said:
            report.add("malformed", 0, " ".join(text.split()))


@dataclass
class _Bad:
    """A record whose content is not what its hash says, and enough of it to say what happened."""

    sequence: int
    row: tuple[Any, ...]
    stored: bytes
    computed: bytes | None
    resolved: bool = False


class _Scan:
    """One walk along the chain."""

    def __init__(self, wanted: set[int]) -> None:
        self.wanted = wanted
        self.hashes: dict[int, bytes] = {}
        self.breaks: list[int] = []
        self.last = 0
        self.complete = False
        self._bad: list[_Bad] = []

    def run(self, connection: sqlite3.Connection, report: Report) -> None:
        """Walk. Raises: sqlite3.Error."""
        query = (
            "SELECT sequence, kind, cycle, run_id, utc_ns, monotonic_ns, boot_id, payload, previous, hash FROM records"
        )
        expected, before = 1, bytes(32)
        known: bytes | None = before
        hashes, wanted = self.hashes, self.wanted
        for row in connection.execute(f"{query} ORDER BY sequence"):
            sequence, stored = row[0], row[9]
            if sequence == expected and row[8] == known and _is_hash(_hash(row), stored):  # nearly always
                expected, known = sequence + 1, stored
            else:
                known = self._odd(row, expected, known, report)
                expected = sequence + 1
            if not report.records:
                self._name(row, report)
            report.records += 1
            self.last = sequence
            if sequence in wanted:
                hashes[sequence] = stored
            report.head = stored.hex() if isinstance(stored, bytes) else ""
        self.complete = True

    def _name(self, row: tuple[Any, ...], report: Report) -> None:
        report.first = row[0]
        try:
            report.journal = str(json.loads(bytes(row[7])).get("journal", ""))
        except (ValueError, TypeError, AttributeError, RecursionError):
            report.journal = ""  # the hash says that it is altered

    def _odd(self, row: tuple[Any, ...], expected: int, known: bytes | None, report: Report) -> bytes | None:
        """Name what is wrong with a record; return the previous hash of the next one (None: unknown)."""
        sequence, previous, stored = row[0], row[8], row[9]
        bad = self._bad[-1] if self._bad and self._bad[-1].sequence == self.last else None
        if bad is not None and not bad.resolved and previous == bad.computed and sequence == expected:
            bad.resolved = True
            report.add("altered_hash", bad.sequence, "its hash was altered: its content is what the next record says")
            known = bad.computed
        if sequence > expected:
            gap = f"record {expected} is" if sequence == expected + 1 else f"records {expected} to {sequence - 1} are"
            report.add("missing_first" if expected == 1 else "missing", expected, f"{gap} missing")
            self.breaks.append(expected)
            known = None
        computed = _hash(row)
        if _is_hash(computed, stored):
            if known is not None and previous != known:
                report.add("link", sequence, "does not follow the record before it: another one stood there")
                self.breaks.append(sequence)
            return bytes(stored)
        self.breaks.append(sequence)
        if known is not None and previous != known and _is_hash(_hash((*row[:8], known, stored)), stored):
            report.add("altered_link", sequence, "its previous hash was altered")
            return bytes(stored)
        self._bad.append(_Bad(sequence, row, stored, computed))
        return None

    def finish(self, report: Report) -> None:
        """Name the altered records: two that changed places, else content that is not what the hash says."""
        report.last = self.last
        left = [bad for bad in self._bad if not bad.resolved]
        moved = dict(_moved(left[:_MOST_COMPARED]))
        for bad in left:
            origin = moved.get(bad.sequence)
            if origin is None:
                report.add("altered", bad.sequence, "its content is not what its hash says")
            elif moved.get(origin) != bad.sequence:
                report.add("moved", bad.sequence, f"was written as record {origin}")
            elif origin > bad.sequence:
                report.add("swapped", bad.sequence, f"changed places with record {origin}")


def _hash(row: Sequence[Any]) -> bytes | None:
    """SHA-256 of a record; None when its fields have other types than they should."""
    sequence, kind, cycle, run, utc_ns, monotonic_ns, boot_id, payload, previous, stored = row
    texts = (kind, boot_id, payload) if run is None else (kind, run, boot_id, payload)
    if not all(type(text) is bytearray for text in texts) or not type(previous) is type(stored) is bytes:
        return None
    sizes = (len(kind), len(boot_id), len(payload))
    has_cycle, run_size = cycle is not None, 0 if run is None else len(run)
    try:
        head = _HEAD.pack(
            sequence, has_cycle, cycle if has_cycle else 0, run is not None, run_size, utc_ns, monotonic_ns, *sizes
        )
    except struct.error:
        return None
    return hashlib.sha256(b"".join((_MARK, head, kind, run or b"", boot_id, payload, previous))).digest()


def _is_hash(computed: bytes | None, stored: object) -> bool:
    """Whether a record has the hash that is stored; nothing computed is the hash of nothing."""
    return computed is not None and computed == stored


def _moved(bad: Sequence[_Bad]) -> Iterator[Range]:
    """Yield (where a record stands, as which it was written) of those that only stand in the wrong place."""
    for here in bad:
        for there in bad:
            if here is not there and _is_hash(_hash((there.sequence, *here.row[1:])), here.stored):
                yield here.sequence, there.sequence
                break


def _read_anchor(path: Path, report: Report, required: bool) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != "luban-journal-anchor" or content["version"] != 1:
            raise ValueError("another format or version")
        entries = content["checkpoints"]
        for entry in entries:
            _message(content["journal"], entry)
    except FileNotFoundError:
        if required:
            report.add("anchor_missing", 0, f"no anchor file {path}: a removed tail cannot be noticed")
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as error:
        report.add("anchor_unreadable", 0, f"{path}: {type(error).__name__}: {error}")
        return []
    report.checkpoints = len(entries)
    return [entry | {"journal": content["journal"]} for entry in entries]


def _message(journal: str, entry: dict[str, Any]) -> bytes:
    """Return what the signature of a checkpoint is over."""
    name, head = journal.encode(), bytes.fromhex(entry["hash"])
    if len(head) != 32 or entry["count"] != entry["sequence"]:
        raise ValueError("a checkpoint that contradicts itself")
    fields = struct.pack(">qqqI", entry["sequence"], entry["count"], entry["utc_ns"], len(name))
    return b"".join((b"luban-journal-checkpoint/1\n", fields, name, head))


def _signed(
    entries: list[dict[str, Any]], public_key: str | PathLike[str] | None, report: Report
) -> list[dict[str, Any]]:
    """Return the checkpoints that may be relied on; all of them when no key is given."""
    if public_key is None:
        report.signatures = "not checked" if any(entry.get("signature") for entry in entries) else "none"
        return entries
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        key: Any = load_pem_public_key(Path(public_key).read_bytes())
    except ImportError:
        report.add("signature", 0, "signatures cannot be checked: the package cryptography is not installed")
        return []
    except (OSError, ValueError) as error:
        report.add("signature", 0, f"the public key cannot be read: {error}")
        return []
    good = []
    for entry in entries:
        try:
            key.verify(bytes.fromhex(entry.get("signature", "")), _message(entry["journal"], entry))
            good.append(entry)
        except (InvalidSignature, ValueError, TypeError):
            report.add("signature", entry["sequence"], "the checkpoint is not signed with this key")
    report.signatures = "valid" if len(good) == len(entries) else "invalid"
    return good


def _compare(found: _Scan, checkpoints: list[dict[str, Any]], report: Report) -> None:
    """Compare the chain with the checkpoints, and say which records these vouch for."""
    good: list[int] = []
    rewritten = False
    for entry in checkpoints:
        sequence = entry["sequence"]
        if entry["journal"] != report.journal and report.journal:
            report.add("anchor_of_another", 0, f"the anchor is of journal {entry['journal']}")
            break
        if sequence > found.last:
            if not found.complete:  # what follows could not be read: said before
                break
            first, saw = found.last + 1, max(entry["sequence"] for entry in checkpoints)
            gap = f"record {first} is" if first == saw else f"records {first} to {saw} are"
            report.add("missing_last", first, f"{gap} missing at the end, which the anchor saw")
            break
        if found.hashes.get(sequence) == bytes.fromhex(entry["hash"]):
            good.append(sequence)
        elif sequence in found.hashes and sequence not in found.breaks and not rewritten:
            rewritten = True
            since = f"after record {good[-1]}" if good else "from the first record"
            report.add("rewritten", sequence, f"not the record that the anchor saw: written anew {since}")
    covered = sorted({(max([b for b in found.breaks if b <= last], default=0) + 1, last) for last in good})
    report.anchored = _merged(entry for entry in covered if entry[0] <= entry[1])
    report.unanchored = _rest(report.anchored, report.first, report.last)


def _merged(ranges: Iterable[Range]) -> list[Range]:
    out: list[Range] = []
    for first, last in ranges:
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out


def _rest(ranges: list[Range], first: int, last: int) -> list[Range]:
    out, begin = [], first
    for low, high in ranges:
        if begin < low:
            out.append((begin, low - 1))
        begin = high + 1
    if last and begin <= last:
        out.append((begin, last))
    return out


def _shown(ranges: list[Range]) -> str:
    return ", ".join(f"{low:,} to {high:,}" for low, high in ranges) or "none"


def _main(arguments: Sequence[str]) -> int:
    import argparse

    parser = argparse.ArgumentParser(description="Verify a journal; exit code 3 when something is wrong.")
    parser.add_argument("journal")
    parser.add_argument("--anchor")
    parser.add_argument("--public-key")
    options = parser.parse_args(arguments)
    report = verify(options.journal, options.anchor, public_key=options.public_key)
    sys.stdout.write("\n".join(report.lines()) + "\n")
    return 0 if report.ok else 3


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
