"""An import in pieces: the same readings as in one, sums over pieces, and going on after an interruption."""

from collections.abc import Callable, Sequence
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from luban import _history
from luban._intake.build import PieceState
from luban._intake.cells import FrameCells, RawChunk
from luban._intake.pieces import in_pieces, read_ahead, rows_done, rows_text
from luban._intake.run import add_source
from luban._intake.sink import ContentSink
from luban._intake.sources.csv import CsvSource
from luban._intake.sources.frame import FrameSource
from luban.errors import ConfigurationError, DataError
from luban.history import History
from luban.process import Process

WriteCsv = Callable[..., Path]

COUNTED = """
luban: 1
process: counted
parameters:
  speed: {unit: m/min, low: 100, high: 300}
identifiers:
  shaft: {}
responses:
  roughness: {unit: um}
runs: {id: [shaft]}
"""


@pytest.fixture
def counted(tmp_path: Path) -> Process:
    (tmp_path / "counted.yaml").write_text(COUNTED)
    return Process.from_yaml(tmp_path / "counted.yaml")


def read(content: _history.Content) -> pd.DataFrame:
    frame = History(_history.in_memory(content), None).read()
    return frame.sort_values(["run_id", "repeat"], ignore_index=True)


@hypothesis.given(
    sizes=st.lists(st.integers(0, 9), max_size=8), rows=st.integers(1, 12), gaps=st.sets(st.integers(0, 60))
)
def test_pieces_begin_at_multiples(sizes: Sequence[int], rows: int, gaps: set[int]) -> None:
    chunks, done = [], 0
    for size in sizes:
        numbers = [row for row in range(done, done + size) if row not in gaps]
        malformed = [(row, "x") for row in range(done, done + size) if row in gaps]
        chunks.append(RawChunk(FrameCells(pd.DataFrame({"a": numbers})), np.array(numbers, dtype=np.int64), malformed))
        done += size
    pieces = list(in_pieces(iter(chunks), rows))
    seen: list[int] = []
    for piece in pieces:
        assert piece.first % rows == 0
        assert piece.first < piece.end <= piece.first + rows
        inside = [int(row) for chunk in piece.chunks for row in [*chunk.rows, *(bad for bad, _ in chunk.malformed)]]
        assert len(inside) == piece.rows
        assert all(piece.first <= row < piece.end for row in inside)
        for chunk in piece.chunks:
            assert chunk.cells.frame()["a"].tolist() == chunk.rows.tolist()
        seen += inside
    assert sorted(seen) == list(range(done))
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True] * bool(pieces)
    whole = list(in_pieces(iter(chunks), None))
    assert [piece.rows for piece in whole] == ([done] if done else [])
    texts = ["import of x" + rows_text(piece) for piece in pieces]
    assert rows_done(texts) == {piece.first: piece.end for piece in pieces}
    assert len(rows_done(texts, last=True)) == bool(pieces)


@pytest.mark.parametrize("piece_rows", [3, 7, 32, 100])
def test_the_same_readings_as_in_one(
    process: Process, frame: pd.DataFrame, write_csv: WriteCsv, piece_rows: int
) -> None:
    frame["Ra"] = frame["Ra"].astype(object)
    frame.loc[4, "Ra"], frame.loc[9, "tool"], frame.loc[20, "Ra"] = "bad", "Brokn", None
    frame["order"] = range(7000, 7032)
    source = CsvSource(write_csv(frame))
    whole, pieces = _history.Content(), _history.Content()
    first = add_source(ContentSink(whole), process, source)
    second = add_source(ContentSink(pieces, piece_rows), process, source)
    # Identifiers of pieces stay texts: later pieces may hold others.
    pd.testing.assert_frame_equal(read(pieces).assign(shaft=lambda got: got["shaft"].astype(float)), read(whole))
    one, other = first.to_dict(), second.to_dict()
    for name in ("seconds", "notes", "rows_per_s"):
        one.pop(name, None), other.pop(name, None)
    assert other == one
    assert len(pieces.provenance) == -(-32 // piece_rows)
    last = pieces.provenance[-1].what
    assert last == f"import of data.csv, rows {31 // piece_rows * piece_rows} to 32, the last"
    assert add_source(ContentSink(pieces, piece_rows), process, source).already_imported
    assert add_source(ContentSink(pieces), process, source).already_imported


def test_counted_readings_go_on(counted: Process) -> None:
    random = np.random.default_rng(8)
    frame = pd.DataFrame({"shaft": random.integers(0, 9, 200), "speed": 0.0, "roughness": random.uniform(size=200)})
    frame["speed"] = 100.0 + frame["shaft"]
    whole, pieces = _history.Content(), _history.Content()
    first = add_source(ContentSink(whole), counted, FrameSource(frame, "readings"))
    second = add_source(ContentSink(pieces, 17), counted, FrameSource(frame, "readings"))
    names = ["run_id", "repeat", "speed", "roughness"]  # identifiers of pieces stay texts
    pd.testing.assert_frame_equal(read(pieces)[names], read(whole)[names])
    assert (second.runs, second.readings_added) == (first.runs, first.readings_added) == (9, 200)


def test_an_import_that_was_interrupted_goes_on(counted: Process) -> None:
    frame = pd.DataFrame({"shaft": [1, 2] * 25, "speed": [100.0, 200.0] * 25, "roughness": np.arange(50.0)})
    whole, pieces = _history.Content(), _history.Content()
    add_source(ContentSink(whole), counted, FrameSource(frame, "readings"))

    class Interrupted(ContentSink):
        taken = 0

        def append(
            self, addition: _history.Content, source_rows: np.ndarray, *, whole: bool = False
        ) -> _history.MergeReport:
            if self.taken == 2:
                raise KeyboardInterrupt
            self.taken += 1
            return super().append(addition, source_rows, whole=whole)

    with pytest.raises(KeyboardInterrupt):
        add_source(Interrupted(pieces, 10), counted, FrameSource(frame, "readings"))
    assert len(pieces.provenance) == 2
    report = add_source(ContentSink(pieces, 10), counted, FrameSource(frame, "readings"))
    assert (report.rows, report.rows_known, report.readings_added, report.values_unchanged) == (30, 20, 30, 0)
    assert "20 rows had come before the import was interrupted." in str(report)
    names = ["run_id", "repeat", "speed", "roughness"]
    pd.testing.assert_frame_equal(read(pieces)[names], read(whole)[names])
    assert add_source(ContentSink(pieces, 10), counted, FrameSource(frame, "readings")).already_imported


def test_a_refusal_is_found_before_the_first_piece(process: Process, frame: pd.DataFrame) -> None:
    frame.loc[30, "tool"] = "Brokn"
    content = _history.Content()
    with pytest.raises(DataError, match="category_never_seen 1"):
        add_source(ContentSink(content, 5), process, FrameSource(frame, "readings"), on_bad="reject")
    assert content.provenance == []


def test_columns_stay_what_they_were_in_the_first_piece(process: Process, frame: pd.DataFrame) -> None:
    frame["batch_number"] = ["", "", *map(str, range(28)), "A7", "30"]
    frame["remark"] = ["text", "1", *["2"] * 30]
    content = _history.Content()
    report = add_source(ContentSink(content, 4), process, FrameSource(frame, "readings"))
    assert report.values_quarantined == {"batch_number": {"not_a_number": 1}}
    got = read(content)
    assert got["batch_number"].notna().sum() == 29
    assert sorted(got["remark"]) == sorted(frame["remark"])


def test_counts_of_runs_by_hash() -> None:
    random, state, known = np.random.default_rng(4), PieceState(), {}
    for _ in range(20):
        names = [f"run {number}" for number in random.choice(60, 15, replace=False)]
        counts = random.integers(1, 9, 15)
        assert state.seen(names, counts).tolist() == [known.get(name, 0) for name in names]
        for name, count in zip(names, counts.tolist(), strict=True):
            known[name] = known.get(name, 0) + count


def test_reading_ahead_passes_errors_on_and_closes() -> None:
    closed = []

    def chunks(fail: bool) -> object:
        try:
            for number in range(3):
                yield RawChunk(FrameCells(pd.DataFrame({"a": [number]})), np.array([number]))
            if fail:
                raise ConfigurationError(where="a.b", expected="c", received="d")
        finally:
            closed.append(fail)

    assert [chunk.end for chunk in read_ahead(chunks(False))] == [1, 2, 3]
    with pytest.raises(ConfigurationError):
        list(read_ahead(chunks(True)))
    for _ in read_ahead(chunks(False)):
        break
    assert closed == [False, True, False]
