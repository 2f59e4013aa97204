"""Whether a file is a model, and which one: the digest over its content."""

from __future__ import annotations

from pathlib import Path

from luban._fitting import artefact
from luban.errors import IntegrityError, IoError

__all__ = ["found_digest", "require_model", "verified_digest"]

#: Files that people name by mistake: how each begins or ends, what it is, and what to do with it.
_OTHER_FILES = (
    (lambda path, head: path.suffix.lower() in (".yaml", ".yml"), "a process file", "luban train PROCESS HISTORY"),
    (lambda path, head: head.startswith(b"\x89HDF"), "a history", "luban train PROCESS HISTORY"),
    (lambda path, head: path.suffix.lower() in (".csv", ".parquet"), "a table", "luban import, then luban train"),
)


def require_model(path: Path) -> None:
    """Say what a file is that is no model. Raises: IntegrityError; IoError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise IoError(
            where="registry.load", expected="a file that can be read", received=str(error.strerror), place=str(path)
        ) from error
    for fits, what, verb in _OTHER_FILES:
        if fits(path, head):
            raise IntegrityError(
                where="registry.load",
                expected="a model file or a campaign folder",
                received=what,
                place=str(path),
                hint=f"{verb} makes a model of it",
            )


def verified_digest(path: Path) -> str:
    """Return the content digest of a model that verifies. Raises: IntegrityError, VersionError, IoError."""
    require_model(path)
    return str(artefact.read(path).metadata["content_digest"])


def found_digest(path: Path) -> str:
    """Return the digest of a model that verifies, empty for anything else. Raises: IoError."""
    try:
        return verified_digest(path)
    except IntegrityError:
        return ""
