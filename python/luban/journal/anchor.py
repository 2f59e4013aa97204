"""Checkpoints: what the head of the journal was, kept where the journal is not.

A chain of hashes alone does not notice a tail that was cut off, a file that was replaced, or a suffix that was written
anew in good order. A checkpoint does, as long as whoever changed the journal cannot change the checkpoint too: keep
the anchor file on another disk, sign it, or copy its last line elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from luban.errors import ConfigurationError, IntegrityError, IoError, NotBuiltError, VersionError

__all__ = ["Anchor", "Checkpoint", "Signer"]

FORMAT = "luban-journal-anchor"
VERSION = 1
_KEPT = 64
_MARK = b"luban-journal-checkpoint/1\n"
_FIELDS = struct.Struct(">qqqI")


@dataclass(frozen=True)
class Checkpoint:
    """The head at some moment: its sequence, how many records there were, its hash; Ed25519 key and signature or ""."""

    sequence: int
    count: int
    hash: str
    utc_ns: int
    key: str = ""
    signature: str = ""

    def message(self, journal: str) -> bytes:
        """Return what is signed: every field, and which journal it is of."""
        name = journal.encode()
        fields = _FIELDS.pack(self.sequence, self.count, self.utc_ns, len(name))
        return b"".join((_MARK, fields, name, bytes.fromhex(self.hash)))


class Signer:
    """An Ed25519 private key, from a PEM file: ``openssl genpkey -algorithm ed25519 -out journal.key``."""

    def __init__(self, path: str | PathLike[str]) -> None:
        """Read the key. Raises: NotBuiltError without the package cryptography, IoError, ConfigurationError."""
        try:
            from cryptography.hazmat.primitives import serialization
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        except ImportError as error:
            raise NotBuiltError(
                where="journal.Signer",
                expected="the package cryptography, for signatures",
                received="a Python without it",
                hint="pip install 'luban[audit]', or leave the key out: checkpoints are then unsigned",
            ) from error
        place = Path(path)
        try:
            content = place.read_bytes()
        except OSError as error:
            raise _refused(error, "a private key", place) from error
        try:
            key = serialization.load_pem_private_key(content, password=None)
        except (ValueError, TypeError) as error:
            raise _no_key(place, str(error)) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _no_key(place, f"a {type(key).__name__}")
        self._key = key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public_key = raw.hex()

    def sign(self, message: bytes) -> str:
        """Return the signature, hexadecimal."""
        return bytes(self._key.sign(message)).hex()


class Anchor:
    """The anchor file of one journal: its latest checkpoints, the older the fewer."""

    def __init__(self, path: Path, signer: Signer | None = None) -> None:
        self.path = path
        self._signer = signer

    @property
    def is_signed(self) -> bool:
        """Whether its checkpoints are signed."""
        return self._signer is not None

    def read(self, journal: str) -> list[Checkpoint]:
        """Return the checkpoints, first to last; none when there is no file.

        Raises: IntegrityError when the file is damaged or of another journal, VersionError when a newer program wrote
        it, IoError when it cannot be read.
        """
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _refused(error, "an anchor file", self.path) from error
        except ValueError as error:
            raise self._damaged("JSON", str(error)) from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise self._damaged(f'"format": "{FORMAT}"', "another file")
        if content.get("version") != VERSION:
            raise VersionError(
                where="journal.anchor",
                expected=f"an anchor file of version {VERSION}",
                received=f"version {content.get('version')!r}",
                place=str(self.path),
            )
        if content.get("journal") != journal:
            raise self._damaged(f"the anchor of journal {journal}", f"that of {content.get('journal')!r}")
        try:
            return [_checkpoint(entry) for entry in content["checkpoints"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged("checkpoints", f"{type(error).__name__}: {error}") from error

    def add(self, journal: str, sequence: int, head: str, utc_ns: int) -> Checkpoint:
        """Add a checkpoint: written under a temporary name, flushed to the disk, renamed.

        Raises: IoError when the system refuses; the file is then as it was.
        """
        checkpoint = Checkpoint(sequence, sequence, head, utc_ns)
        if self._signer is not None:
            signature = self._signer.sign(checkpoint.message(journal))
            checkpoint = Checkpoint(sequence, sequence, head, utc_ns, self._signer.public_key, signature)
        kept = [*_thinned(self.read(journal)), checkpoint]
        content = {
            "format": FORMAT,
            "version": VERSION,
            "journal": journal,
            "checkpoints": [asdict(entry) for entry in kept],
        }
        fresh = self.path.with_name(f".{self.path.name}.partial")
        try:
            with fresh.open("w", encoding="utf-8") as stream:
                stream.write(json.dumps(content, indent=1) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):  # the first error is the one to report
                fresh.unlink(missing_ok=True)
            raise _refused(error, "to write the anchor file", self.path) from error
        return checkpoint

    def set_aside(self, utc_ns: int) -> None:
        """Give an anchor file that is no longer followed another name: it stays what it says. Raises: IoError."""
        try:
            if self.path.exists():
                self.path.rename(self.path.with_name(f"{self.path.name}.{utc_ns}"))
        except OSError as error:
            raise _refused(error, "to rename the anchor file", self.path) from error

    def _damaged(self, expected: str, received: str) -> IntegrityError:
        return IntegrityError(
            where="journal.anchor",
            expected=expected,
            received=received,
            place=str(self.path),
            hint="put a copy of this file back, or open the journal for writing once with renew_anchor=True, "
            "which goes on without the old checkpoints and says so",
        )


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last. Raises: OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checkpoint(entry: Any) -> Checkpoint:
    checkpoint = Checkpoint(**entry)
    whole = all(isinstance(number, int) for number in (checkpoint.sequence, checkpoint.count, checkpoint.utc_ns))
    if not whole or len(bytes.fromhex(checkpoint.hash)) != 32:
        raise ValueError("a checkpoint of other types")
    return checkpoint


def _thinned(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Drop every second one of the older half when there are many: a rewrite is still placed, only less finely."""
    kept = list(checkpoints)
    if len(kept) >= _KEPT:
        half = _KEPT // 2
        kept = [*kept[:-half][::2], *kept[-half:]]
    return kept


def _refused(error: OSError, expected: str, path: Path) -> IoError:
    received = str(error.strerror or error)
    return IoError(where="journal.anchor", expected=expected, received=received, place=str(path))


def _no_key(path: Path, received: str) -> ConfigurationError:
    return ConfigurationError(
        where="journal.Signer",
        expected="an Ed25519 private key in PEM, without a password",
        received=received,
        place=str(path),
        hint="openssl genpkey -algorithm ed25519 -out journal.key",
    )
