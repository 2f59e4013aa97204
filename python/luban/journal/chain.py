"""A record, and the hash that ties it to the one before."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from luban.errors import ConfigurationError, IntegrityError
from luban.journal.canonical import decode

__all__ = ["GENESIS", "KINDS", "Entry", "Record", "record_hash", "require_kind"]

#: What a record may be. ``inputs`` to ``decision`` are written before the setpoint goes out, ``outcome`` after it was
#: read back; ``run`` is a finished run, or a late response of one; ``folded`` says what went into a history.
KINDS = (
    "started",
    "mode",
    "request",
    "inputs",
    "recommendation",
    "verdict",
    "decision",
    "outcome",
    "run",
    "alarm",
    "note",
    "clock_step",
    "folded",
    "closed",
)

#: What the first record has before it.
GENESIS = bytes(32)

_MARK = b"luban-journal-record/1\n"
# sequence; whether there is a cycle, cycle; whether there is a run, length of its id; UTC, monotonic; lengths of kind,
# boot id, payload
_HEAD = struct.Struct(">qBqBIqqIIQ")

Entry = tuple[str, str, str | None]  # kind, canonical payload, run_id


@dataclass(frozen=True)
class Record:
    """One record as it stands in the journal. ``text`` is the payload as canonical JSON; hashes are hexadecimal."""

    sequence: int
    kind: str
    cycle: int | None
    run_id: str | None
    utc_ns: int
    monotonic_ns: int
    boot_id: str
    text: str
    previous: str
    hash: str

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The payload. Raises: IntegrityError when the text is no JSON object."""
        try:
            return decode(self.text)
        except (ValueError, KeyError, RecursionError) as error:
            raise IntegrityError(
                where="journal.record", expected="a JSON object", received=str(error), place=f"record {self.sequence}"
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the payload as its canonical JSON says it, NaN and infinities spelled."""
        import json

        return {
            "sequence": self.sequence,
            "kind": self.kind,
            "cycle": self.cycle,
            "run_id": self.run_id,
            "utc_ns": self.utc_ns,
            "monotonic_ns": self.monotonic_ns,
            "boot_id": self.boot_id,
            "payload": json.loads(self.text),
            "previous": self.previous,
            "hash": self.hash,
        }


def record_hash(
    sequence: int,
    kind: str,
    cycle: int | None,
    run_id: str | None,
    utc_ns: int,
    monotonic_ns: int,
    boot_id: str,
    text: str,
    previous: bytes,
) -> bytes:
    """SHA-256 over all fields, each of fixed size or with its length before it, and the hash of the record before."""
    kind_bytes, boot_bytes, payload = kind.encode(), boot_id.encode(), text.encode("ascii")
    run_bytes = b"" if run_id is None else run_id.encode()
    head = _HEAD.pack(
        sequence,
        cycle is not None,
        0 if cycle is None else cycle,
        run_id is not None,
        len(run_bytes),
        utc_ns,
        monotonic_ns,
        len(kind_bytes),
        len(boot_bytes),
        len(payload),
    )
    return hashlib.sha256(b"".join((_MARK, head, kind_bytes, run_bytes, boot_bytes, payload, previous))).digest()


def require_kind(kind: str, where: str = "journal.append") -> str:
    """Return ``kind``. Raises: ConfigurationError when there is no such kind."""
    if kind in KINDS:
        return kind
    from luban import _core

    raise ConfigurationError(
        where=where,
        expected=f"a kind of record: {', '.join(KINDS)}",
        received=repr(kind),
        hint=_core.nearest_hint(str(kind), list(KINDS)),
    )
