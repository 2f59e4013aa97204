"""A disk that fails at every call in turn: python disk.py FOLDER OPERATION ERROR KINDS MANY, with failing_calls loaded.

The operation is tried on a fresh copy each time, with another call failing, until it goes through. After each failure:
a typed error, what was there is intact, nothing half done is visible, and the next try in the same process works.
"""

import ctypes
import errno
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from support import (
    BEGIN,
    SECOND,
    Key,
    Values,
    append,
    content,
    import_of,
    make_file,
    make_folder,
    rows,
    settings_of,
    small_process,
    stored,
    whole,
)

from luban import _history
from luban.errors import Error, IoError
from luban.journal import Journal, fold

KINDS = {"writes": 1, "syncs": 2, "lengths": 4, "names": 8, "opens": 16, "removals": 32}
process = small_process()
State = dict[Key, Values]


def more(folder: Path) -> _history.Content:
    return content(process, import_of(50), BEGIN + 50 * SECOND, "import 50")


def write_file(place: Path) -> None:
    if not (place / "new.h5").exists():
        made = _history.Content()
        _history.merge(made, more(place), rows(6))
        _history.write(made, str(place / "new.h5"))


def append_to_file(place: Path) -> None:
    before = _history.open(str(place / "single.h5"))
    joined = before.content()
    if _history.merge(joined, more(place), rows(6)).changed:
        _history.write(joined, str(place / "single.h5"), replace=True, expected_digest=before.content_digest)


def append_to_folder(place: Path) -> None:
    append(_history.Appender(str(place / "line")), more(place), 6)


def begin_folder(place: Path) -> None:
    append(_history.Appender(str(place / "fresh")), more(place), 6)


def merge_segments(place: Path) -> None:
    _history.compact(str(place / "line"), most_readings=14)


def fold_journal(place: Path) -> None:
    fold(place / "loop.sqlite", place / "folded.h5", process)


def one_writer(place: Path) -> Callable[[], None]:
    """The same writer tries again."""
    appender = _history.Appender(str(place / "line"))
    return lambda: _quietly(append(appender, more(place), 6))


def anew(action: Callable[[Path], None]) -> Callable[[Path], Callable[[], None]]:
    """Each try is a writer of its own."""
    return lambda place: lambda: action(place)


def _quietly(_: object) -> None:
    """An action returns nothing."""


OPERATIONS: dict[str, tuple[Callable[[Path], Callable[[], None]], str]] = {
    "file": (anew(write_file), "new.h5"),
    "append-file": (anew(append_to_file), "single.h5"),
    "append": (anew(append_to_folder), "line"),
    "append-on": (one_writer, "line"),
    "begin": (anew(begin_folder), "fresh"),
    "compact": (anew(merge_segments), "line"),
    "fold": (anew(fold_journal), "folded.h5"),
}


def prepare(place: Path) -> None:
    place.mkdir(parents=True)
    make_file(place / "single.h5", 3)
    make_folder(place / "line", 4)
    with Journal.create(place / "loop.sqlite", process=process) as journal:
        for number in range(2):
            temperature, grade = settings_of(f"f{number}")
            journal.append_run({
                "run_id": f"f{number}", "settings": {"T": temperature}, "context": {"grade": "AB"[grade]},
                "readings": [{"yield": 1.0 + number, "power": 2.0}],
            })  # fmt: skip


def state(path: Path) -> State | None:
    """What is there; None = nothing that calls itself a history."""
    if not path.exists() or (path.is_dir() and not (path / "luban-history.json").exists()):
        return None
    assert not whole(path), whole(path)
    return stored(_history.open(str(path)))


def main(root: Path, name: str, error: int, kinds: int, many: int) -> None:
    shim = ctypes.CDLL(None)
    shim.fault_arm.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_long, ctypes.c_int, ctypes.c_int]
    shim.fault_disarm.restype = ctypes.c_long
    begin, result = OPERATIONS[name]
    prepare(root / "base")
    shutil.copytree(root / "base", root / "done")
    before = state(root / "done" / result)
    begin(root / "done")()
    after = state(root / "done" / result)
    failures = passed_over = 0
    for first in range(1, 10_000):
        place = root / f"at-{first}"
        shutil.copytree(root / "base", place)
        operation = begin(place)
        shim.fault_arm(os.fsencode(place), first, many, error, kinds)
        failed: Error | None = None
        try:
            operation()
        except IoError as caught:
            failed = caught.with_traceback(None)  # whose frames hold locks
        calls = shim.fault_disarm()
        where = f"{name}, call {first} of {calls}, {errno.errorcode[error]}"
        if failed is not None:
            failures += 1
            text = str(failed)
            assert text.startswith("["), text
            assert " expected " in text, text
            assert ", received " in text, text
            found = state(place / result)
            assert found in (before, after), f"{where}: {failed}: {found}"
            operation()  # the next try
        elif first <= calls:
            passed_over += 1  # a failure that does not matter: what it was for is done otherwise
        assert state(place / result) == after, f"{where}: {failed}"
        left = [str(path) for path in place.rglob("*.partial")]
        assert not left, f"{where}: {left}"
        shutil.rmtree(place)
        if first > calls:
            break
    sys.stdout.write(json.dumps({"calls": first - 1, "errors": failures, "passed over": passed_over}) + "\n")


if __name__ == "__main__":
    chosen = sum(KINDS[kind] for kind in sys.argv[4].split(","))
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), chosen, int(sys.argv[5]))
