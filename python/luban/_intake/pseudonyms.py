"""Names that stand for others: the same text has the same pseudonym, and nobody without the key can go back."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from luban.errors import ConfigurationError, IoError

__all__ = ["Pseudonyms", "key_of_file"]

_DIGITS = 16  # 64 bits: of a million names two agree with a probability of 3e-8
_SHORTEST_KEY = 16  # bytes


class Pseudonyms:
    """Keyed pseudonyms (HMAC-SHA-256, RFC 2104) of texts; missing stays missing."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(32) if key is None else key

    def of(self, text: str) -> str:
        """Return the pseudonym of a text, 16 hexadecimal digits; "" stays ""."""
        if not text:
            return ""
        return hmac.new(self._key, text.encode("utf-8"), hashlib.sha256).hexdigest()[:_DIGITS]

    def of_all(self, texts: Sequence[str]) -> list[str]:
        """Return the pseudonyms of texts, each computed once."""
        known = {text: self.of(text) for text in set(texts)}
        return [known[text] for text in texts]


def key_of_file(path: Path) -> bytes:
    """Read a key; a file that is not there is made, readable by its owner alone.

    Raises: IoError; ConfigurationError when it is shorter than 16 bytes.
    """
    try:
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(secrets.token_hex(32).encode() + b"\n")
        key = path.read_bytes().strip()
    except OSError as error:
        raise IoError(
            where="ingest.export", expected="a file of the key", received=str(error.strerror), place=str(path)
        ) from error
    if len(key) < _SHORTEST_KEY:
        raise ConfigurationError(
            where="ingest.export",
            expected=f"a key of at least {_SHORTEST_KEY} bytes",
            received=f"{len(key)}",
            place=str(path),
            hint="name a file that does not exist: a key is made there",
        )
    return key
