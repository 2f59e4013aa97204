"""Folds of more readings than a piece of an import holds: one segment, there as a whole or not at all.

Earlier versions folded these in pieces under one name; folders that they made, whole or cut short, are gone on with.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from luban import History, ingest
from luban._intake.run import add_source
from luban._intake.sink import SegmentSink
from luban._intake.sources.frame import FrameSource
from luban.errors import ConfigurationError, IntegrityError
from luban.history import compact, verify
from luban.journal import Journal, fold
from luban.process import Process

from .test_fold import backed_up, events, put_back, run, told

PIECE = 4


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (folder := tmp_path / "history").mkdir()
    return folder


class CutSink(SegmentSink):
    """Takes so many pieces, and is then as a process that was killed."""

    def __init__(self, folder: Path, pieces: int) -> None:
        super().__init__(folder, PIECE)
        self._left = pieces

    def append(self, *addition: Any, **options: Any) -> Any:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        return super().append(*addition, **options)


def folded_in_pieces(journal: Journal, out: Path, process: Process, *, since: int = 0, pieces: int = 99) -> str:
    """Fold as earlier versions did, and stop after so many pieces; return the name."""
    frame = journal.runs(since, process=process)
    name = f"journal {journal.uuid}, records {since + 1} to {frame.attrs['sequence']}, hash {frame.attrs['hash'][:16]}"
    frame["source"] = name
    frame.attrs = {}
    try:
        with closing(CutSink(out, pieces)) as sink:
            add_source(sink, process, FrameSource(frame, name, own_runs=True))
    except KeyboardInterrupt:
        pass
    return name


def values(out: Path) -> dict[tuple[str, int], tuple[float, float]]:
    """Yield and power of each reading; NaN as −1."""
    names = ["run_id", "repeat", "yield", "power"]
    frame = History.open(out).read().reindex(columns=names)  # without a late response there is no column of it
    assert not frame.duplicated(["run_id", "repeat"]).any()
    keys = zip(frame["run_id"], frame["repeat"], strict=True)
    numbers = zip(*(frame[name].fillna(-1.0).tolist() for name in ("yield", "power")), strict=True)
    return dict(zip(keys, numbers, strict=True))


def plain(count: int) -> dict[tuple[str, int], tuple[float, float]]:
    """What ``count`` runs say."""
    return {(f"r{number}", repeat): (79.0 + number + repeat, -1.0) for number in range(count) for repeat in (1, 2)}


def with_power(journal: Journal, number: int, power: float) -> None:
    journal.append_responses(f"r{number}", 1, {"power": power})


def tell(journal: Journal, *numbers: int) -> None:
    for number in numbers:
        journal.append_run(run(number))


def test_a_long_fold_is_one_segment(
    journal: Journal, out: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SegmentSink.__init__, "__defaults__", (PIECE,))
    tell(journal, *range(6))
    assert fold(journal, out, process).readings == 12
    history = History.open(out)
    assert (history.segments, len(history.provenance), history.notes) == (1, 1, [])
    assert history.provenance["what"][0] == f"import of {history.provenance['input_name'][0]}"  # no rows of a piece
    assert values(out) == plain(6)
    assert verify(out).ok


def test_a_fold_of_more_than_a_whole_piece_is_one_segment(journal: Journal, out: Path, process: Process) -> None:
    from luban._intake.sink import PIECE_ROWS

    one = run(0, readings=[{"yield": 50.0}] * (PIECE_ROWS // 8))
    for number in range(9):
        journal.append_run(one | {"run_id": f"r{number}"})
    fold(journal, out, process)
    assert (History.open(out).segments, len(History.open(out))) == (1, 9 * PIECE_ROWS // 8)


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("merged", [False, True])
def test_a_fold_that_was_cut_short_gets_the_rest(
    journal: Journal, out: Path, process: Process, pieces: int, merged: bool
) -> None:
    tell(journal, *range(6))
    folded_in_pieces(journal, out, process, pieces=pieces)
    assert len(History.open(out)) == pieces * PIECE
    assert len(History.open(out).notes) == 1
    if merged:
        compact(out)
    done = fold(journal, out, process)
    assert (done.readings, done.first, done.last, done.marked) == (12 - pieces * PIECE, 1, 7, True)
    assert values(out) == plain(6)
    history = History.open(out)
    assert (events(out), len(history.quarantine), history.notes) == (12, 0, [])
    assert verify(out).ok
    assert not fold(journal, out, process).changed
    tell(journal, 6)
    more = fold(journal, out, process)
    assert (more.readings, more.first) == (2, 8)
    assert values(out) == plain(7)


def test_words_that_came_after_a_fold_that_was_cut_short(journal: Journal, out: Path, process: Process) -> None:
    tell(journal, *range(6))
    folded_in_pieces(journal, out, process, pieces=1)  # r0 and r1
    with_power(journal, 0, 1.0)
    with_power(journal, 5, 2.0)
    journal.append_responses("r4", 2, {"yield": 50.0})
    tell(journal, 6)
    assert fold(journal, out, process).readings == 1 + 8 + 2
    expected = plain(7)
    expected["r0", 1], expected["r5", 1], expected["r4", 2] = (80.0, 1.0), (85.0, 2.0), (50.0, -1.0)
    assert values(out) == expected
    assert events(out) == 14 + 2
    assert verify(out).ok
    assert not fold(journal, out, process).changed


def test_later_folds_do_not_hide_one_that_was_cut_short(journal: Journal, out: Path, process: Process) -> None:
    tell(journal, *range(6))
    folded_in_pieces(journal, out, process, pieces=1)
    since = journal.head.sequence
    tell(journal, 6)
    journal.append_responses("r5", 1, {"yield": 60.0})  # its run was never stored
    folded_in_pieces(journal, out, process, since=since)
    since = journal.head.sequence
    with_power(journal, 1, 3.0)
    tell(journal, 7, 8, 9)
    folded_in_pieces(journal, out, process, since=since, pieces=1)  # 1 of r1, r7, 1 of r8
    fold(journal, out, process)
    expected = plain(10)
    expected["r5", 1], expected["r1", 1] = (60.0, -1.0), (81.0, 3.0)
    assert values(out) == expected
    assert events(out) == 20 + 1
    history = History.open(out)
    assert (len(history.quarantine), history.notes, verify(out).ok) == (0, [], True)
    assert fold(journal, out, process).readings == 0


def test_late_responses_that_were_cut_short_get_the_rest(journal: Journal, out: Path, process: Process) -> None:
    tell(journal, *range(6))
    fold(journal, out, process)
    since = journal.head.sequence
    for number in range(6):
        with_power(journal, number, float(number))
    folded_in_pieces(journal, out, process, since=since, pieces=1)  # brings values and no reading
    fold(journal, out, process)
    expected = plain(6) | {(f"r{number}", 1): (80.0 + number, float(number)) for number in range(6)}
    assert (values(out), events(out)) == (expected, 18)
    assert fold(journal, out, process).readings == 0


def test_corrections_of_others_outlive_the_rest(journal: Journal, out: Path, process: Process) -> None:
    tell(journal, *range(6))
    folded_in_pieces(journal, out, process, pieces=1)
    lab = pd.DataFrame({"run_id": ["r1"], "repeat": [2], "yield": [33.0]})
    ingest.import_frame(process, lab, out, name="laboratory")
    fold(journal, out, process)
    assert values(out) == plain(6) | {("r1", 2): (33.0, -1.0)}
    assert History.open(out).notes == []


def test_refused_rows_and_lost_responses_are_told_once(journal: Journal, out: Path, process: Process) -> None:
    journal.append_run(run(0, context={}))
    journal.append_responses("nobody", 1, {"power": 4.0})
    tell(journal, 1, 2, 3)
    folded_in_pieces(journal, out, process, pieces=1)
    refused = len(History.open(out).quarantine)
    done = fold(journal, out, process)
    assert (done.unplaced, len(History.open(out).quarantine)) == ([], refused)
    assert set(values(out)) == {key for key in plain(4) if key[0] != "r0"}


@pytest.mark.parametrize("shapes", range(12))
def test_any_line_of_folds_that_were_cut_short_loses_nothing(
    journal: Journal, out: Path, process: Process, shapes: int
) -> None:
    """Runs, late responses and corrections between folds of earlier versions, whole and cut short, and new ones."""
    draw = np.random.default_rng(shapes)
    expected: dict[tuple[str, int], tuple[float, float]] = {}
    since = 0
    for step in range(5):
        for number in range(len(expected) // 2, len(expected) // 2 + int(draw.integers(1, 6))):
            tell(journal, number)
            expected |= {key: word for key, word in plain(number + 1).items() if key[0] == f"r{number}"}
        for at in draw.integers(0, len(expected), 4):
            key = list(expected)[at]
            word, name = round(draw.uniform(0, 99), 3), "yield" if draw.random() < 0.5 else "power"
            journal.append_responses(*key, {name: word})
            expected[key] = (word, expected[key][1]) if name == "yield" else (expected[key][0], word)
        if step == 4 or draw.random() < 0.25:
            fold(journal, out, process)
            assert values(out) == expected
            since = journal.head.sequence
        else:
            upto = journal.head.sequence
            folded_in_pieces(journal, out, process, since=since, pieces=int(draw.integers(1, 5)))
            since = upto
    assert verify(out).ok
    assert len(History.open(out).quarantine) == 0
    assert fold(journal, out, process).readings == 0
    assert History.open(out).notes == []


def test_a_late_response_of_a_fold_of_several_pieces(journal: Journal, out: Path, process: Process) -> None:
    tell(journal, *range(6))
    name = folded_in_pieces(journal, out, process)
    assert [str(entry) for entry in History.open(out).provenance["input_name"]] == [name] * 3
    with_power(journal, 5, 4.0)
    done = fold(journal, out, process)
    assert (done.readings, done.first) == (1, 8)
    assert values(out) == plain(6) | {("r5", 1): (85.0, 4.0)}
    assert verify(out).ok


def test_runs_of_another_journal_are_refused_all_the_same(journal: Journal, out: Path, process: Process) -> None:
    tell(journal, *range(6))
    folded_in_pieces(journal, out, process)
    with Journal.create(out.with_name("other.sqlite"), process=process) as other:
        tell(other, 5)
        with pytest.raises(ConfigurationError, match=r"received 'r5', which it has from journal .* #3"):
            fold(other, out, process)


def test_a_journal_that_was_put_back_is_refused_after_a_cut(written: Path, out: Path, process: Process) -> None:
    backup = backed_up(written)
    told(written, *(f"b{number}" for number in range(6)))
    with Journal.open(written, read_only=True) as journal:
        folded_in_pieces(journal, out, process, pieces=1)
    put_back(written, backup)
    with pytest.raises(IntegrityError, match="put the newer one back"):
        fold(written, out, process)
    told(written, *(f"c{number}" for number in range(9)))
    with pytest.raises(IntegrityError, match=r"received another record 20"):
        fold(written, out, process)
