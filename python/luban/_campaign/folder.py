"""A campaign as a folder: JSON, safetensors and HDF5; written so that a reader sees the old state or the new one.

``campaign.json`` names the other files with their SHA-256 and is replaced last, by a rename: what it does not name is a
left-over of a save that was cut off, and is removed by the next one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from luban import _core
from luban.errors import ConfigurationError, IntegrityError, IoError, VersionError

__all__ = ["INDEX", "is_campaign", "read_folder", "write_folder"]

INDEX = "campaign.json"
FORMAT = "luban-campaign"
VERSION = (1, 0)
_ENDINGS = {"history": ".h5", "model": ".safetensors"}


def is_campaign(path: str | os.PathLike[str]) -> bool:
    """Whether a path is the folder of a campaign."""
    return (Path(path) / INDEX).is_file()


def write_folder(folder: Path, state: Mapping[str, Any], writers: Mapping[str, Callable[[Path], object]]) -> None:
    """Write ``state`` and what the ``writers`` ("history", "model") write, all or nothing.

    Raises: ConfigurationError when the folder holds something else, IoError when the operating system refuses.
    """
    try:
        _prepare(folder)
        files = {part: _write_part(folder, part, write) for part, write in writers.items()}
        content = {"format": FORMAT, "version": list(VERSION), **state, "files": files}
        content["digest"] = _digest(content)
        _replace_index(folder, json.dumps(content, ensure_ascii=False, indent=1))
        _remove_left_overs(folder, {entry["name"] for entry in files.values()})
    except OSError as error:
        raise _refused("campaign.save", folder, error) from error


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Return the state and the paths of the verified parts.

    Raises: IoError when there is no campaign, IntegrityError when anything was changed, VersionError when a newer
    program wrote it.
    """
    try:
        text = (folder / INDEX).read_text(encoding="utf-8")
    except OSError as error:
        raise _refused("campaign.load", folder, error) from error
    except UnicodeDecodeError as error:
        raise _tampered(folder / INDEX, "UTF-8 text", str(error)) from None
    content = _verified_index(folder / INDEX, text)
    paths = {}
    for part, entry in content["files"].items():
        name = str(entry["name"])
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise _tampered(folder, f"the file {name!r}", "no such file")
        found = _file_digest(path)
        if found != entry["sha256"]:
            raise _tampered(path, f"SHA-256 {entry['sha256']}", found)
        paths[part] = path
    return content, paths


def _verified_index(path: Path, text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
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


def _prepare(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(where="campaign.save", expected="a folder", received="a file", place=str(folder))
    if folder.is_dir() and any(folder.iterdir()) and not is_campaign(folder) and not _only_left_overs(folder):
        raise ConfigurationError(
            where="campaign.save",
            expected="a new folder, an empty one, or that of a campaign",
            received="a folder with other files",
            place=str(folder),
        )
    folder.mkdir(parents=True, exist_ok=True)


def _write_part(folder: Path, part: str, write: Callable[[Path], object]) -> dict[str, str]:
    ending = _ENDINGS[part]
    fresh = folder / f"{part}-new-{os.getpid()}{ending}"
    fresh.unlink(missing_ok=True)
    try:
        write(fresh)
        digest = _file_digest(fresh)
        _flush(fresh)
        name = f"{part}-{digest[:16]}{ending}"
        fresh.replace(folder / name)
    finally:
        fresh.unlink(missing_ok=True)
    return {"name": name, "sha256": digest}


def _replace_index(folder: Path, text: str) -> None:
    fresh = folder / f"campaign-new-{os.getpid()}.json"
    try:
        fresh.write_text(text + "\n", encoding="utf-8")
        _flush(fresh)
        fresh.replace(folder / INDEX)
        _flush(folder)
    finally:
        fresh.unlink(missing_ok=True)


def _is_ours(name: str) -> bool:
    return any(name.startswith(f"{part}-") and name.endswith(ending) for part, ending in _ENDINGS.items()) or (
        name.startswith("campaign-new-") and name.endswith(".json")
    )


def _only_left_overs(folder: Path) -> bool:
    return all(_is_ours(path.name) for path in folder.iterdir())


def _remove_left_overs(folder: Path, named: set[str]) -> None:
    for path in folder.iterdir():
        if path.name not in named and _is_ours(path.name):
            with contextlib.suppress(FileNotFoundError):  # another program may have removed it
                path.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
