"""A folder of models under content-addressed names, with aliases such as champion; what a text names in it.

``FOLDER@ALIAS`` names a model wherever one may be named; nothing in this program moves an alias by itself.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from luban import _core, _document
from luban._campaign.folder import is_campaign
from luban._fitting import artefact
from luban.errors import ConfigurationError, IntegrityError, IoError
from luban.registry.alias_file import ALIASES, AliasChange, AliasFile, require_alias, unknown_alias
from luban.registry.check import found_digest, verified_digest

if TYPE_CHECKING:
    from luban.plant.clock import Clock

__all__ = ["CHAMPION", "ModelFolder", "is_model_folder", "resolve"]

CHAMPION = "champion"
_ENDING = ".safetensors"
_NAMED = re.compile(r".+-([0-9a-f]{16})\.safetensors")
_PREFIX = re.compile(r"[0-9a-f]{8,64}")


class ModelFolder:
    """Models of a folder. It need not exist before the first :meth:`add`.

    Every change is whole or not made, and recorded: who, when, from what to what. ``clock`` gives the records' times.
    """

    def __init__(self, folder: str | os.PathLike[str], *, clock: Clock | None = None) -> None:
        self.folder = Path(folder)
        self._file = AliasFile(self.folder, clock)

    @property
    def aliases(self) -> dict[str, str]:
        """Digests by alias. Raises: IntegrityError, IoError."""
        return self._file.read()

    def changes(self) -> list[AliasChange]:
        """Return every change that was made, oldest first. Raises: IntegrityError, IoError."""
        return self._file.changes()

    def add(self, model: str | os.PathLike[str], *, alias: str = "", who: str = "", why: str = "") -> Path:
        """Copy a model into the folder under its content-addressed name; ``alias`` means it from then on.

        A model that is already there stays as it is. Raises: IoError, IntegrityError when it is no whole model,
        ConfigurationError for the alias.
        """
        if alias:
            require_alias(alias)
        source = resolve(model)
        contents = artefact.read(source)
        digest = contents.metadata["content_digest"]
        target = self.folder / artefact.file_name(contents.metadata["card"]["process"], digest)
        if not target.is_file() or found_digest(target) != digest:
            self._copy(source, target, digest)
        if not any(change.change == "add" and change.after == digest for change in self.changes()):
            self._file.change("add", after=digest, file=target.name, who=who, why=why)
        if alias and self.aliases.get(alias) != digest:
            self._file.change("alias", alias=alias, after=digest, file=target.name, who=who, why=why)
        return target

    def _copy(self, source: Path, target: Path, digest: str) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with _core.DurableFile(target, "registry.add") as file:
                shutil.copyfile(source, file.path)
                if (found := found_digest(file.path)) != digest:
                    raise _altered("registry.add", digest, found, source)
                file.commit(replace=True)
        except OSError as error:
            raise IoError(
                where="registry.add",
                expected="a folder of models that can be written",
                received=error.strerror or str(error),
                place=str(self.folder),
            ) from error

    def set_alias(self, alias: str, model: str, *, who: str = "", why: str = "") -> AliasChange:
        """Let an alias mean a model of the folder, named by digest, file name or another alias.

        Raises: ConfigurationError for what is no alias or is ambiguous, IoError when there is no such model,
        IntegrityError when it is damaged.
        """
        require_alias(alias)
        path = self.find(model)
        digest = verified_digest(path)
        if not (named := _NAMED.fullmatch(path.name)) or not digest.startswith(named[1]):
            raise ConfigurationError(
                where="registry.set_alias",
                expected="a model under its content-addressed name",
                received=repr(path.name),
                place=str(self.folder),
                hint=f"luban models add {path} --folder {self.folder}",
            )
        return self._file.change("alias", alias=alias, after=digest, file=path.name, who=who, why=why)

    def remove_alias(self, alias: str, *, who: str = "", why: str = "") -> AliasChange:
        """Let an alias mean nothing any more; the model stays. Raises: IoError when nobody has set it."""
        return self._file.change("remove", alias=alias, who=who, why=why)

    def find(self, name: str) -> Path:
        """Return the model that an alias, a digest (8 digits or more) or a file name means, verified.

        Raises: IoError when there is none, IntegrityError when an alias points to a missing or altered file or the
        file is damaged, ConfigurationError when several begin with the same digits.
        """
        aliases = self.aliases
        if name in aliases:
            return self._by_digest(aliases[name], f"alias {name!r}")
        for candidate in (name, name + _ENDING):
            path = self.folder / candidate
            if path.name == candidate and path.is_file():
                verified_digest(path)
                return path
        digests = self._digests(name) if _PREFIX.fullmatch(name) else []
        if len(digests) > 1:
            raise ConfigurationError(
                where="registry.find",
                expected="as many digits as name one model",
                received=f"{name!r}, with which {len(digests)} begin",
                place=str(self.folder),
            )
        if digests:
            return self._by_digest(digests[0], f"digest {name!r}")
        hint = f"luban models add MODEL --alias {name} --folder {self.folder}"
        raise unknown_alias("registry.find", name, aliases, self.folder, hint)

    def _digests(self, prefix: str) -> list[str]:
        """Return the digests that begin so; of a file that is damaged the part in its name."""
        found = set()
        for path in self.folder.glob(f"*-*{_ENDING}"):
            named = _NAMED.fullmatch(path.name)
            if named and named[1].startswith(prefix[:16]):
                digest = found_digest(path) or named[1]
                if digest.startswith(prefix[: len(digest)]):
                    found.add(digest)
        return sorted(found)

    def _by_digest(self, digest: str, what: str) -> Path:
        problem = "no such file"
        for path in sorted(self.folder.glob(f"*-{digest[:16]}{_ENDING}")):
            try:
                found = verified_digest(path)
            except IntegrityError as error:
                problem = f"{path.name}: expected {error.expected}, received {error.received}"
                continue
            if found == digest:
                return path
            problem = f"{path.name} with digest {found}"
        raise IntegrityError(
            where="registry.find",
            expected=f"the model with digest {digest} ({what})",
            received=problem,
            place=str(self.folder),
            hint="put the file back from a copy, or let the alias mean another model: luban models alias",
        )


def resolve(model: str | os.PathLike[str], *, beside: str | os.PathLike[str] = "") -> Path:
    """Return the file of the model that a text names, verified by its digest.

    ``models/turning`` is the champion of that folder, ``models/turning@golden`` another alias of it (or a digest, or a
    file name), anything else a model file. ``beside``: the document that says so, for paths that begin with a dot.

    Raises: IoError when there is no such model (yet), IntegrityError when it is missing where an alias says or was
    altered, ConfigurationError for the folder of a campaign.
    """
    place = _document.resolve_path(os.fspath(model), os.fspath(beside))
    folder, at, name = os.fspath(place).rpartition("@")
    if at and not place.exists() and Path(folder).is_dir():
        return ModelFolder(folder).find(name)
    if place.is_dir():
        if is_campaign(place):
            raise ConfigurationError(
                where="registry.resolve",
                expected="a model file or a folder of models",
                received="the folder of a campaign",
                place=str(place),
            )
        return ModelFolder(place).find(CHAMPION)
    if not place.is_file():
        beside_it = place.with_name(place.name + _ENDING)
        raise IoError(
            where="registry.resolve",
            expected="a model file, or a folder of models with an alias",
            received="nothing",
            place=str(place),
            hint=f"did you mean {beside_it}?" if beside_it.is_file() else "luban models list shows what there is",
        )
    verified_digest(place)
    return place


def is_model_folder(folder: Path) -> bool:
    """Whether models are kept in a folder: it has aliases or model files, and is not that of a campaign."""
    return not is_campaign(folder) and ((folder / ALIASES).is_file() or any(folder.glob(f"*{_ENDING}")))


def _altered(where: str, expected: str, received: str, place: Path) -> IntegrityError:
    return IntegrityError(
        where=where,
        expected=f"the model with digest {expected}",
        received=received or "another file",
        place=str(place),
        hint="it changed while it was copied; repeat",
    )
