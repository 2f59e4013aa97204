"""Files that verbs are given: where results go, and what may be replaced."""

from __future__ import annotations

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from luban.errors import ConfigurationError, IoError

__all__ = [
    "CompressionChoice",
    "CompressionOption",
    "ForceFlag",
    "HistoryPath",
    "ProcessPath",
    "require_file",
    "require_free",
    "require_writable",
]

ProcessPath = Annotated[Path, typer.Argument(metavar="PROCESS", help="Process file (YAML).")]
HistoryPath = Annotated[Path, typer.Argument(metavar="HISTORY", help="History: an HDF5 file, or a folder of segments.")]


class CompressionChoice(StrEnum):
    """What compresses the chunks of a history."""

    deflate = "deflate"
    zstd = "zstd"
    lz4 = "lz4"
    none = "none"


CompressionOption = Annotated[
    CompressionChoice,
    typer.Option(
        help="deflate: every HDF5 library reads it. zstd: several times as fast; lz4: faster still, and larger; others "
        "need hdf5plugin for both."
    ),
]
ForceFlag = Annotated[bool, typer.Option("--force", help="Replace the output when it exists.")]


def require_free(path: Path, *, force: bool, verb: str) -> None:
    """Refuse to replace a file that nobody agreed to lose, and a folder that does not exist.

    Raises: ConfigurationError; IoError.
    """
    if path.exists() and not force:
        raise ConfigurationError(
            where=f"cli.{verb}",
            expected="a name that is free",
            received=f"{str(path)!r}, which exists",
            hint="--force replaces it",
        )
    if not path.parent.is_dir():
        raise IoError(
            where=f"cli.{verb}",
            expected="an existing folder for the output",
            received=f"{str(path.parent)!r}",
            place=str(path),
            hint=f"mkdir -p {path.parent}",
        )


def require_writable(folder: Path, *, verb: str) -> None:
    """Refuse a folder that cannot be written to before anything is computed: a file is made there and removed.

    Raises: IoError.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".luban-"):
            pass
    except OSError as error:
        raise IoError(
            where=f"cli.{verb}",
            expected="a folder for the output that can be written to",
            received=str(error.strerror or error),
            place=str(folder),
            hint="nothing was computed yet; -o names another place",
        ) from error


def require_file(path: Path, *, what: str, verb: str) -> None:
    """Refuse an input that does not exist before anything is computed. Raises: IoError."""
    if not path.exists():
        raise IoError(where=f"cli.{verb}", expected=what, received="no such file", place=str(path))
