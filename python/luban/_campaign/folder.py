"""A campaign as a folder: JSON, safetensors and HDF5; written so that a reader sees the old state or the new one.

``campaign.json`` names the other files with their SHA-256 and is replaced last, by a rename. One saver at a time works
in the folder; it removes what the index before it named and its own no longer names, what a save that was cut off left
in its temporary folder, and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from luban import _core
from luban.errors import ConfigurationError, IntegrityError, IoError, LifecycleError, VersionError

__all__ = ["INDEX", "is_campaign", "read_folder", "write_folder"]

INDEX = "campaign.json"
FORMAT = "luban-campaign"
VERSION = (1, 0)
_ENDINGS = {"history": ".h5", "model": ".safetensors"}
_PART = re.compile(r"history-[0-9a-f]{16}\.h5|model-[0-9a-f]{16}\.safetensors")
_TEMPORARY = re.compile(r"\.saving-.+\.partial|\.campaign\.json\.[0-9]+-[0-9]+\.partial")
_LOCK = f".{INDEX}.lock"
_PATIENCE = 60.0  # seconds that a save waits for another one

Loaded = TypeVar("Loaded")


def is_campaign(path: str | os.PathLike[str]) -> bool:
    """Whether a path is the folder of a campaign."""
    return (Path(path) / INDEX).is_file()


def write_folder(folder: Path, state: Mapping[str, Any], writers: Mapping[str, Callable[[Path], object]]) -> None:
    """Write ``state`` and what the ``writers`` ("history", "model") write, all or nothing.

    Waits for a save of the same folder that is under way. Raises: ConfigurationError when the folder holds something
    else, LifecycleError when another save does not end, IoError when the operating system refuses.
    """
    try:
        _require_own(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with _sole_saver(folder):
            _require_own(folder)
            _remove_temporaries(folder)
            before = _named_parts(folder)
            files = _write_parts(folder, writers)
            content = {"format": FORMAT, "version": list(VERSION), **state, "files": files}
            content["digest"] = _digest(content)
            with _core.DurableFile(folder / INDEX, "campaign.save") as index:
                index.write((json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
                index.commit(replace=True)
            for name in before - {entry["name"] for entry in files.values()}:
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise _refused("campaign.save", folder, error) from error


def read_folder(folder: Path, load: Callable[[dict[str, Any], dict[str, Path]], Loaded]) -> Loaded:
    """Return what ``load`` makes of the state and the paths of the verified parts.

    Begins anew when the campaign was saved meanwhile, so that ``load`` may be called again. Raises: IoError when there
    is no campaign, IntegrityError when anything was changed, VersionError when a newer program wrote it.
    """
    while True:
        text = _index_text(folder)
        try:
            content = _verified_index(folder / INDEX, text)
            return load(content, _verified_parts(folder, content))
        except (IntegrityError, IoError):
            if _index_text(folder) == text:
                raise  # not the doing of a save, which replaces the index before it removes a part


def _index_text(folder: Path) -> bytes:
    try:
        return (folder / INDEX).read_bytes()
    except OSError as error:
        raise _refused("campaign.load", folder, error) from error


def _verified_parts(folder: Path, content: Mapping[str, Any]) -> dict[str, Path]:
    paths = {}
    for part, entry in content["files"].items():
        name = str(entry["name"])
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise _tampered(folder, f"the file {name!r}", "no such file")
        try:
            found = _file_digest(path)
        except OSError as error:
            raise _refused("campaign.load", path, error) from error
        if found != entry["sha256"]:
            raise _tampered(path, f"SHA-256 {entry['sha256']}", found)
        paths[part] = path
    return paths


def _verified_index(path: Path, text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text.decode())
    except UnicodeDecodeError as error:
        raise _tampered(path, "UTF-8 text", str(error)) from None
    except json.JSONDecodeError as error:
        raise _tampered(path, "JSON", str(error)) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _tampered(path, f'"format": "{FORMAT}"', "another file")
    version = content.get("version")
    if not isinstance(version, list) or not version or version[0] != VERSION[0]:
        raise VersionError(
            where="campaign.load",
            expected=f"version {VERSION[0]}.x",
            received=json.dumps(version),
            place=str(path),
            hint="a newer program wrote it",
        )
    stated = content.pop("digest", None)
    if stated != _digest(content):
        raise _tampered(path, f"content of digest {stated}", "other content")
    return content


def _require_own(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(where="campaign.save", expected="a folder", received="a file", place=str(folder))
    if folder.is_dir() and not is_campaign(folder) and not all(_is_ours(path.name) for path in folder.iterdir()):
        raise ConfigurationError(
            where="campaign.save",
            expected="a new folder, an empty one, or that of a campaign",
            received="a folder with other files",
            place=str(folder),
        )


def _is_ours(name: str) -> bool:
    return name == _LOCK or any(pattern.fullmatch(name) for pattern in (_PART, _TEMPORARY))


@contextlib.contextmanager
def _sole_saver(folder: Path) -> Iterator[None]:
    started = time.monotonic()
    while True:
        try:
            lock = _core.FileLock(folder / INDEX, "campaign.save")
        except LifecycleError:
            if time.monotonic() - started > _PATIENCE:
                raise
            time.sleep(0.02)
        else:
            break
    with lock:
        yield


def _remove_temporaries(folder: Path) -> None:
    for path in folder.iterdir():
        if _TEMPORARY.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _named_parts(folder: Path) -> set[str]:
    """Return the parts that the index names; none when it is damaged: then nothing that it named is removed."""
    if not is_campaign(folder):
        return set()
    try:
        files = _verified_index(folder / INDEX, _index_text(folder))["files"]
    except IntegrityError:
        return set()
    return {name for entry in files.values() if _PART.fullmatch(name := str(entry["name"]))}


def _write_parts(folder: Path, writers: Mapping[str, Callable[[Path], object]]) -> dict[str, dict[str, str]]:
    """Write the parts, on the disk when this returns, under names that are made of their content."""
    files = {}
    with tempfile.TemporaryDirectory(prefix=".saving-", suffix=".partial", dir=folder) as place:
        for part, write in writers.items():
            ending = _ENDINGS[part]
            fresh = Path(place) / f"{part}{ending}"
            write(fresh)
            digest = _file_digest(fresh)
            name = f"{part}-{digest[:16]}{ending}"
            fresh.replace(folder / name)
            files[part] = {"name": name, "sha256": digest}
    _core.sync_folder(folder, "campaign.save")
    return files


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return _core.sha256(canonical.encode())


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(where: str, path: Path, error: OSError) -> IoError:
    return IoError(
        where=where,
        expected="a folder that can be read and written" if where == "campaign.save" else "the folder of a campaign",
        received=error.strerror or str(error),
        place=str(error.filename or path),
    )


def _tampered(path: Path, expected: str, received: str) -> IntegrityError:
    return IntegrityError(
        where="campaign.load",
        expected=expected,
        received=received,
        place=str(path),
        hint="the campaign was changed after it was saved; restore it from a copy",
    )
