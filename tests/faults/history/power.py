"""Power cuts at every call: python power.py FOLDER OPERATION [OPTIONS], with recorded_calls loaded.

A process of its own does the operation and is recorded. Then, for cuts after the calls, the disk is made as a cut may
leave it: what was acknowledged is there exactly once, the operation that was cut off is there whole or not at all,
every history verifies, and the next writer goes on. Prints counts and what was lost as a line of JSON.
"""

import argparse
import ctypes
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from disk import OPERATIONS, anew, more, prepare, process, state
from kill import forked, outcome
from replay import IN_ORDER, NAMES, Call, Disk, Files, put, read_calls
from support import BEGIN, SECOND, append, content, import_of, make_folder, rows, settings_of

from luban import _history
from luban.errors import Error
from luban.journal import Journal, fold, verify

IGNORED = {"none": 0, "files": 1, "folders": 2}


def begin_deep(place: Path) -> None:
    """The folders above are not there either."""
    append(_history.Appender(str(place / "hall" / "row" / "fresh")), more(place), 6)


def begin_apart(place: Path) -> None:
    """The head is kept elsewhere."""
    append(_history.Appender(str(place / "plant" / "fresh"), head=str(place / "apart.head")), more(place), 6)


def begin_again(place: Path) -> None:
    """There was a folder of that name, whose head is still there."""
    append(_history.Appender(str(place / "again")), more(place), 6)


def fold_into_segments(place: Path) -> None:
    fold(place / "loop.sqlite", f"{place / 'folded'}/", process)


ALL: dict[str, tuple[Callable[[Path], Callable[[], None]], str]] = {
    **OPERATIONS,
    "begin-deep": (anew(begin_deep), "hall/row/fresh"),
    "begin-apart": (anew(begin_apart), "plant/fresh"),
    "begin-again": (anew(begin_again), "again"),
    "fold-segments": (anew(fold_into_segments), "folded"),
}


@dataclass
class Report:
    """What the cuts of one operation showed."""

    calls: int = 0
    syncs: int = 0
    cuts: int = 0
    states: int = 0  # disks that differ
    losses: list[str] = field(default_factory=list)


def record(root: Path, name: str, ignored: str) -> None:
    """Do the operation; the record goes to ``log``, what was there before to ``base``."""
    shim, place = ctypes.CDLL(None), root / "place"
    shim.record_begin.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_long]
    shim.record_end.restype = ctypes.c_long
    prepare(place)
    (place / "plant").mkdir()
    make_folder(place / "again", 1)
    shutil.rmtree(place / "again")
    shutil.copytree(place, root / "base")
    (root / "log").mkdir()
    number = 0 if ignored in IGNORED else int(ignored)
    shim.record_begin(os.fsencode(place), os.fsencode(root / "log"), IGNORED.get(ignored, 0), number)
    operation = ALL[name][0](place)
    operation()
    shim.record_mark(b"acknowledged")
    (root / "syncs").write_text(str(shim.record_end()))


class Cuts:
    """Checks what cuts of one recorded operation leave."""

    def __init__(self, root: Path, name: str) -> None:
        self._begin, result = ALL[name]
        self._name, self._place = name, root / "place"
        self._result = self._place / result
        self._head = self._place / "apart.head" if name == "begin-apart" else Path(f"{self._result}.head")
        self._folded = name.startswith("fold")
        self._after = state(self._result)
        others = {self._place / other for other in ("line", "single.h5")} - {self._result}
        self._others = {path: state(path) for path in others}
        root_inode = self._place.stat().st_ino
        shutil.rmtree(self._place)
        shutil.copytree(root / "base", self._place)
        self._before = state(self._result)
        shutil.rmtree(self._place)
        self._calls = read_calls(root / "log")
        self._disk = Disk.at_first(self._calls[0], root_inode, root / "base")
        self.report = Report(len(self._calls), int((root / "syncs").read_text()))

    def check(self, every: int, orders: Iterable[str], most_losses: int) -> Report:
        """Cut after every ``every``-th call and after the acknowledgement, until so many losses are found."""
        seen: set[int] = set()
        for call, coming in zip(self._calls, [*self._calls[1:], None], strict=True):
            self._disk.take(call)
            if call.number % every and coming is not None:
                continue
            self.report.cuts += 1
            for what, files in self._disk.left_by_a_cut(coming, orders):
                known = hash((coming is None, *sorted(files.items(), key=lambda item: item[0])))
                if known not in seen and len(self.report.losses) < most_losses:
                    seen.add(known)
                    self._try(call, what, files, acknowledged=coming is None)
        self.report.states = len(seen)
        return self.report

    def _try(self, call: Call, what: str, files: Files, *, acknowledged: bool) -> None:
        put(files, self._place)
        try:
            self._require(acknowledged)
        except (AssertionError, Error) as found:
            text = str(found) or type(found).__name__
            self.report.losses.append(f"{self._name}, cut after {call}, {what}: {text}; there: {sorted(files)}")
        shutil.rmtree(self._place)

    def _require(self, acknowledged: bool) -> None:
        """What holds after a cut, and after the next writer."""
        found = state(self._result)
        assert found == self._after or (found == self._before and not acknowledged), f"there is {found}"
        for path, there in self._others.items():
            assert state(path) == there, f"{path.name}: {state(path)}"
        if acknowledged and self._result.is_dir():
            self._require_head()
        if self._folded:
            self._require_journal(acknowledged)
        self._begin(self._place)()
        assert state(self._result) == self._after, f"after the next writer there is {state(self._result)}"
        self._go_on()
        expected = {**(self._after or {}), **({} if self._folded else import_of(51))}
        found = state(self._result) or {}
        assert expected.items() <= found.items(), f"the next import is not there: {found}"
        assert len(found) == len(self._after or {}) + (1 if self._folded else 6)

    def _require_head(self) -> None:
        """The file of heads knows the last segment: else nobody would notice that it was removed."""
        segments = json.loads((self._result / "luban-history.json").read_text())["segments"]
        lines = self._head.read_text().splitlines() if self._head.exists() else []
        assert lines, "no head is noted"
        noted = json.loads(lines[-1])
        assert (noted["segments"], noted["head"]) == (len(segments), segments[-1]["link"]), f"the head is {noted}"

    def _require_journal(self, acknowledged: bool) -> None:
        report = verify(self._place / "loop.sqlite")
        assert report.ok, report.faults
        with Journal.open(self._place / "loop.sqlite", read_only=True) as journal:
            noted = list(journal.records(kinds=("folded",)))
        assert noted or not acknowledged, "the journal does not say that it was folded"

    def _go_on(self) -> None:
        """One more import, or run to fold."""
        addition = content(process, import_of(51), BEGIN + 51 * SECOND, "import 51")
        if self._folded:
            temperature, grade = settings_of("f9")
            run = {"run_id": "f9", "settings": {"T": temperature}, "context": {"grade": "AB"[grade]}}
            with Journal.open(self._place / "loop.sqlite") as journal:
                journal.append_run({**run, "readings": [{"yield": 9.0, "power": 2.0}]})
            self._begin(self._place)()
        elif self._result.is_dir():
            append(_history.Appender(str(self._result), head=str(self._head)), addition, 6)
        else:
            joined = _history.open(str(self._result)).content()
            _history.merge(joined, addition, rows(6))
            _history.write(joined, str(self._result), replace=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("operation", choices=ALL)
    parser.add_argument("--ignored", default="none", help="syncs the disk does not make: files, folders, or a number")
    parser.add_argument("--every", type=int, default=1, help="cut after every so-manieth call")
    parser.add_argument("--any-order", action="store_true", help="names of one folder reach the disk in any order")
    parser.add_argument("--most-losses", type=int, default=5)
    asked = parser.parse_args()
    root = asked.folder.resolve()
    root.mkdir(parents=True)
    if outcome(forked(record, root, asked.operation, asked.ignored)) != 0:
        raise SystemExit(f"{asked.operation} failed while it was recorded: see above")
    ctypes.CDLL(None).skip_syncs()
    orders = NAMES if asked.any_order else IN_ORDER
    report = Cuts(root, asked.operation).check(asked.every, orders, asked.most_losses)
    sys.stdout.write(json.dumps(asdict(report)) + "\n")


if __name__ == "__main__":
    main()
