"""Names for models: ``aliases.json`` says which digest a name means, ``aliases.log.jsonl`` who changed that and when.

``aliases.json`` is replaced as a whole and bears the record of its last change; the log gets that record afterwards. A
program that is killed between the two leaves a log that is one record short, and the next change adds it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pwd
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from luban import _core
from luban.errors import ConfigurationError, IntegrityError, IoError, LifecycleError, VersionError
from luban.plant.clock import Clock, SystemClock

__all__ = ["ALIASES", "LOG", "AliasChange", "AliasFile"]

ALIASES, LOG = "aliases.json", "aliases.log.jsonl"
FORMAT = "luban-aliases"
VERSION = 1
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LIKE_A_DIGEST = re.compile(r"[0-9a-f]{8,}")
_PATIENCE_S = 10.0  # that a change waits for another one


@dataclass(frozen=True)
class AliasChange:
    """One change of a folder of models: a model came (``add``), or an alias means another one (``alias``, ``remove``).

    ``before`` and ``after`` are digests, empty for none; ``who`` is USER@HOST or what the caller said.
    """

    number: int
    change_time: str
    who: str
    change: Literal["add", "alias", "remove"]
    alias: str
    before: str
    after: str
    file: str
    why: str


class AliasFile:
    """The aliases of one folder."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self._clock = SystemClock() if clock is None else clock

    def read(self) -> dict[str, str]:
        """Return digests by alias; none without a file. Raises: IntegrityError, VersionError, IoError."""
        return self._state()[0]

    def changes(self) -> list[AliasChange]:
        """Return all changes, oldest first.

        Raises: IntegrityError when a record is damaged or missing (one that a crash cut off stands there again whole),
        IoError.
        """
        last = self._state()[1]  # before the log: what is changed meanwhile stands there
        found = []
        for number, line in enumerate(self._log_lines(), start=1):
            change = _change_of(line)
            if change is not None:
                found.append(change)
            elif not _is_cut_off(line):
                raise _damaged(self.folder / LOG, "records as this program writes them", f"another line {number}")
        if last is not None and (not found or last.number > found[-1].number):
            found.append(last)
        for one, next_one in itertools.pairwise(found):
            if next_one.number != one.number + 1:
                raise _damaged(self.folder / LOG, f"change {one.number + 1}", f"change {next_one.number} in its place")
        return found

    def change(
        self,
        change: Literal["add", "alias", "remove"],
        *,
        alias: str = "",
        after: str = "",
        file: str = "",
        who: str = "",
        why: str = "",
    ) -> AliasChange:
        """Write one change: aliases and record together. Raises: ConfigurationError, LifecycleError, IoError."""
        if change != "add":
            require_alias(alias)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._sole_writer():
                aliases, last = self._state()
                self._settle(last)
                if change == "remove" and alias not in aliases:
                    raise unknown_alias("registry.remove_alias", alias, aliases, self.folder)
                made = AliasChange(
                    number=max(self._last_number(), last.number if last else 0) + 1,
                    change_time=_core.time_text(self._clock.utc_ns()),
                    who=who or _who(),
                    change=change,
                    alias=alias,
                    before=aliases.get(alias, ""),
                    after=after,
                    file=file,
                    why=why,
                )
                if change == "alias":
                    aliases[alias] = after
                elif change == "remove":
                    del aliases[alias]
                self._write(aliases, made)
                self._settle(made)
        except OSError as error:
            raise _refused(self.folder, error) from error
        return made

    @contextlib.contextmanager
    def _sole_writer(self) -> Iterator[None]:
        started = time.monotonic()
        while True:
            try:
                lock = _core.FileLock(self.folder / ALIASES, "registry.aliases")
            except LifecycleError:
                if time.monotonic() - started > _PATIENCE_S:
                    raise
                time.sleep(0.02)
            else:
                break
        with lock:
            yield

    def _state(self) -> tuple[dict[str, str], AliasChange | None]:
        path = self.folder / ALIASES
        try:
            content = json.loads(path.read_bytes().decode())
        except FileNotFoundError:
            return {}, None
        except OSError as error:
            raise _refused(path, error) from error
        except (ValueError, RecursionError) as error:
            raise _damaged(path, "JSON", str(error)) from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise _damaged(path, f'"format": "{FORMAT}"', "another file")
        if content.get("version") != VERSION:
            raise VersionError(
                where="registry.aliases",
                expected=f"version {VERSION}",
                received=repr(content.get("version")),
                place=str(path),
                hint="a newer program wrote it",
            )
        aliases, last = content.get("aliases"), _change_of(content.get("last"))
        if not isinstance(aliases, dict) or not all(
            _WORD.fullmatch(name) and isinstance(digest, str) and _DIGEST.fullmatch(digest)
            for name, digest in aliases.items()
        ):
            raise _damaged(path, "digests by alias", repr(aliases))
        if last is None:
            raise _damaged(path, "the record of the last change", repr(content.get("last")))
        return dict(aliases), last

    def _write(self, aliases: Mapping[str, str], last: AliasChange) -> None:
        content = {"format": FORMAT, "version": VERSION, "aliases": dict(sorted(aliases.items())), "last": asdict(last)}
        with _core.DurableFile(self.folder / ALIASES, "registry.aliases") as file:
            file.write((json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace"))
            file.commit(replace=True)

    def _log_lines(self) -> list[bytes]:
        try:
            return (self.folder / LOG).read_bytes().split(b"\n")
        except FileNotFoundError:
            return [b""]
        except OSError as error:
            raise _refused(self.folder / LOG, error) from error

    def _last_number(self) -> int:
        return max((found.number for line in self._log_lines() if (found := _change_of(line))), default=0)

    def _settle(self, last: AliasChange | None) -> None:
        """Append the last change to the log unless it stands there; what is there is never touched. Raises: OSError."""
        if last is None or self._last_number() >= last.number:
            return
        begin = b"\n" if self._log_lines()[-1] else b""  # a line that a crash cut off ends here
        line = begin + json.dumps(asdict(last), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        descriptor = os.open(self.folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with os.fdopen(descriptor, "ab") as log:
            log.write(line)
            log.flush()
            os.fsync(descriptor)


def require_alias(alias: str) -> None:
    """Refuse what is no alias. Raises: ConfigurationError."""
    if not _WORD.fullmatch(alias) or _LIKE_A_DIGEST.fullmatch(alias):
        raise ConfigurationError(
            where="registry.alias",
            expected="an alias: one lower-case word that is no digest",
            received=repr(alias),
            hint="champion, challenger and golden are usual",
        )


def unknown_alias(where: str, alias: str, known: Mapping[str, str], folder: Path, hint: str = "") -> IoError:
    """Return the error for an alias that nobody has set."""
    near = _core.nearest_name(alias, list(known))
    return IoError(
        where=where,
        expected=f"a model that is called {alias!r}",
        received=f"the aliases {', '.join(known)}" if known else "a folder without aliases",
        place=str(folder),
        hint=f"did you mean {near}?" if near else hint,
    )


def _change_of(source: Any) -> AliasChange | None:
    """Return the change that a record or a line of the log says, None when it says none."""
    try:
        content = json.loads(source) if isinstance(source, bytes) else source
        made = AliasChange(**content)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (value for name, value in content.items() if name != "number")
    whole = isinstance(content["number"], int) and all(isinstance(value, str) for value in texts)
    return made if whole and made.change in ("add", "alias", "remove") else None


def _is_cut_off(line: bytes) -> bool:
    """Whether a line is empty or the beginning of a record, as a crash leaves it; a lost one its number betrays."""
    begin = b'{"number": '
    if not line.startswith(begin[: len(line)]):
        return False
    try:
        json.loads(line)
    except ValueError:
        return True
    return False


def _who() -> str:
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid-{os.getuid()}"
    return f"{name}@{socket.gethostname()}"


def _refused(path: Path, error: OSError) -> IoError:
    return IoError(
        where="registry.aliases",
        expected="a folder of models that can be read and written",
        received=error.strerror or str(error),
        place=str(error.filename or path),
    )


def _damaged(path: Path, expected: str, received: str) -> IntegrityError:
    return IntegrityError(
        where="registry.aliases",
        expected=expected,
        received=received,
        place=str(path),
        hint=f"{LOG} beside it says what every alias meant; put the file aside and set them again",
    )
