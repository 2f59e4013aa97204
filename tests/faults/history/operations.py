"""A long line of operations on histories, each known by its number alone, and what must be there after each.

The worker that is killed and the one that checks draw the same line from the same seed.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path

from support import (
    BEGIN,
    SECOND,
    Key,
    Values,
    append,
    content,
    import_of,
    rows,
    settings_of,
    small_process,
    stored,
    whole,
)

from luban import _history
from luban._intake.sink import SegmentSink
from luban.journal import Journal, fold

KINDS = ("runs", "late", "correction", "readings", "compact", "file", "fold")
WEIGHTS = (5, 4, 3, 3, 4, 3, 3)


@dataclass
class Operation:
    """One of them: what it appends, or how it merges."""

    number: int
    kind: str
    readings: dict[Key, Values] = field(default_factory=dict)
    most_readings: int = 0

    @property
    def time(self) -> int:
        return BEGIN + self.number * SECOND


@dataclass
class Line:
    """The operations of a seed in their order, and the state after the last one that was drawn."""

    seed: int
    drawn: int = 0
    folder: dict[Key, Values] = field(default_factory=dict)
    file: dict[Key, Values] = field(default_factory=dict)
    journal: dict[Key, Values] = field(default_factory=dict)

    def next(self) -> Operation:
        """Draw the next operation and bring the state forward."""
        number = self.drawn
        self.drawn += 1
        draw = random.Random(1_000_003 * self.seed + number)
        kind = draw.choices(KINDS, WEIGHTS)[0]
        known = {"folder": self.folder, "file": self.file}.get("file" if kind == "file" else "folder", {})
        if kind in ("late", "correction", "readings", "compact") and len(known) < 12:
            kind = "runs"
        done = Operation(number, kind)
        if kind in ("runs", "file", "fold"):
            done.readings = import_of(number, draw.randint(1, 4), draw.randint(1, 3))
        elif kind == "compact":
            done.most_readings = draw.choice([10, 40, 200, 10_000])
        else:
            self._change(done, draw)
        target = {"file": self.file, "fold": self.journal}.get(kind, self.folder)
        for key, values in done.readings.items():
            target[key] = {**target.get(key, {}), **values}
        return done

    def _change(self, done: Operation, draw: random.Random) -> None:
        keys = draw.sample(sorted(self.folder), 5)
        fresh = done.number + 0.25
        if done.kind == "late":
            done.readings = {key: {"power": fresh} for key in keys}
        elif done.kind == "correction":
            done.readings = {key: {"yield": fresh + place} for place, key in enumerate(keys)}
        else:
            for place, (run, _) in enumerate(keys):
                repeat = 1 + max(known for name, known in self.folder if name == run)
                done.readings[run, repeat] = {"yield": fresh + place}


@dataclass
class Places:
    """Where a line of operations writes."""

    root: Path
    fold_into_segments: bool = False

    @property
    def folder(self) -> Path:
        return self.root / "line"

    @property
    def file(self) -> Path:
        return self.root / "single.h5"

    @property
    def journal(self) -> Path:
        return self.root / "loop.sqlite"

    @property
    def folded(self) -> Path:
        return self.root / ("folded" if self.fold_into_segments else "folded.h5")


def is_there(history: Path) -> bool:
    """Whether a history has begun: of a folder, whether its list is there."""
    return history.is_file() or (history / "luban-history.json").exists()


class Worker:
    """Does operations; when ``do`` returns, what it did is on the disk."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._process = small_process()
        SegmentSink.__init__.__defaults__ = (3,)  # most folds are beyond a piece of an import
        self._appender: _history.Appender | None = None

    def do(self, what: Operation) -> None:
        if what.kind == "file":
            self._to_file(what)
        elif what.kind == "fold":
            self._fold(what)
        elif what.kind == "compact":
            self._appender = None  # the one writer
            _history.compact(str(self._places.folder), most_readings=what.most_readings)
        else:
            if self._appender is None:
                self._appender = _history.Appender(str(self._places.folder))
            addition = content(self._process, what.readings, what.time, f"operation {what.number}")
            append(self._appender, addition, len(what.readings))

    def close(self) -> None:
        """Let go of the folder."""
        self._appender = None

    def _to_file(self, what: Operation) -> None:
        path, digest, joined = self._places.file, None, _history.Content()
        if path.exists():
            before = _history.open(str(path))
            joined, digest = before.content(), before.content_digest
        addition = content(self._process, what.readings, what.time, f"operation {what.number}")
        if _history.merge(joined, addition, rows(len(what.readings))).changed:
            _history.write(joined, str(path), replace=digest is not None, expected_digest=digest)

    def _fold(self, what: Operation) -> None:
        if not self._places.journal.exists():
            Journal.create(self._places.journal, process=self._process).close()
        with Journal.open(self._places.journal) as journal:
            there = {record.payload["run_id"] for record in journal.records(kinds=["run"])}
            for run in dict.fromkeys(run for run, _ in what.readings):
                if run not in there:
                    journal.append_run(self._finished(run, what))
        if self._places.fold_into_segments:
            self._places.folded.mkdir(exist_ok=True)
        fold(self._places.journal, self._places.folded, self._process)

    def _finished(self, run: str, what: Operation) -> dict[str, object]:
        temperature, grade = settings_of(run)
        readings = [values for (name, _), values in sorted(what.readings.items()) if name == run]
        return {"run_id": run, "settings": {"T": temperature}, "context": {"grade": "AB"[grade]}, "readings": readings}


def _line_until(seed: int, count: int) -> Line:
    line = Line(seed)
    while line.drawn < count:
        line.next()
    return line


def check(places: Places, seed: int, acknowledged: int) -> dict[str, int]:
    """Check what a killed worker left: the first ``acknowledged`` operations exactly once, the next whole or not.

    Returns counts. Raises AssertionError with what is lost, doubled or damaged.
    """
    before, after = _line_until(seed, acknowledged), _line_until(seed, acknowledged + 1)
    counts = {"segments": 0, "files": 0, "landed": 0}
    if is_there(places.folder):
        assert not whole(places.folder), whole(places.folder)
        source = _history.open(str(places.folder))
        found = stored(source)
        assert found in (before.folder, after.folder), _difference(found, before.folder, after.folder)
        counts["landed"] += found != before.folder
        counts["segments"] += source.segment_count
        _check_past(source, seed, acknowledged)
    else:
        assert not before.folder, f"{len(before.folder)} readings were acknowledged, the folder holds no history"
    for path, was, now in (
        (places.file, before.file, after.file),
        (places.folded, before.journal, after.journal),
    ):
        if not is_there(path):
            assert not was, f"{path.name} was acknowledged and is not there"
            continue
        assert not whole(path), f"{path.name}: {whole(path)}"
        found = stored(_history.open(str(path)))
        # A fold that was cut off may have brought those runs of its range that the journal had.
        partial = path == places.folded and was.items() <= found.items() <= now.items()
        assert partial or found in (was, now), f"{path.name}: {_difference(found, was, now)}"
        counts["files"] += 1
    return counts


def _check_past(source: _history.HistoryFolder, seed: int, acknowledged: int) -> None:
    """The history as it was known at a few earlier times."""
    draw = random.Random(acknowledged)
    for number in {draw.randrange(max(1, acknowledged)) for _ in range(2)}:
        line = _line_until(seed, number + 1)
        if not line.folder or acknowledged == 0:
            continue
        found = stored(source, BEGIN + number * SECOND)
        assert found == line.folder, f"as of operation {number}: {_difference(found, line.folder, line.folder)}"


def _difference(found: dict[Key, Values], before: dict[Key, Values], after: dict[Key, Values]) -> str:
    lost = [key for key in before if key not in found]
    foreign = [key for key in found if key not in after]
    other = [(key, found[key], before[key]) for key in before if key in found and found[key] != before[key]]
    return f"lost {lost[:5]}, foreign {foreign[:5]}, other {other[:5]} of {len(before)} to {len(after)} readings"
