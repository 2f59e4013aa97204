"""Arrow by blocks and pandas with Python's csv reader: the same numbers, texts and refusals from the same bytes."""

from collections.abc import Iterable
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from luban import ingest
from luban._intake.cells import RawChunk
from luban._intake.columns import match_columns, wanted_names
from luban._intake.convert import Columns, Refusals, convert_chunk, convert_piece, join
from luban._intake.source import read_chunks, sniff
from luban.errors import DataError
from luban.history import History
from luban.process import Process

pytest.importorskip("pyarrow", reason="pyarrow is not installed: there is one way to read")

from luban._intake.fast_csv import FastOptions, _Memory, read_csv

HEADER = ["shaft", "Vc", "feed", "tool", "position", "Replicate", "Ra", "reading_time", "remark", "weight"]
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=64).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        ["", " ", "NaN", "nan", "inf", "-Infinity", "1e400", "1e-400", "+5", ".5", "5.", "0x10", "1_0", "--1"]
    ),
    st.sampled_from(["  7", "7  ", "1.5.2", "1,5", "ä", "1e5", "1E+05", "007", "-0", "9007199254740993"]),
)
TEXTS = st.one_of(
    st.sampled_from(["New", " New", "Worn ", "", "NA", "null", "None", "True", "007", "1.50", "é", "日本", "a b"]),
    st.sampled_from(['"x"', '"a,b"', '"a;b"', '"two ""marks"""', '"line\nbreak"', '""', '"  "', '5" pipe', 'a"b"']),
    st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n,;"', exclude_categories=["Cs", "Zl", "Zp", "Cc"]),
            max_size=5),
)  # fmt: skip
TIMES = st.sampled_from(
    ["2026-01-01T00:00:00Z", "2026-01-01 10:00:00.123456789+02:00", "2026-02-30T00:00Z", "2026-01-01T00:00", "", "noon",
     "2026-01-01T00:00+0100", "2026-03-29T02:30-05:00"]
)  # fmt: skip
ROWS = st.lists(
    st.one_of(
        st.tuples(NUMBERS, NUMBERS, NUMBERS, TEXTS, TEXTS, st.integers(1, 4).map(str), NUMBERS, TIMES, TEXTS, NUMBERS),
        st.tuples(*[st.integers(0, 300).map(str)] * 6, NUMBERS, TIMES, TEXTS, NUMBERS),
        st.lists(st.sampled_from(["1", "x", ""]), min_size=1, max_size=13).map(tuple),
        st.just(()),
    ),
    max_size=12,
)


def converted(
    process: Process, chunks: Iterable[RawChunk], header: list[str], decimal: str
) -> tuple[Columns, Refusals]:
    match = match_columns(process, header, "the file")
    refusals = Refusals()
    parts = [convert_chunk(chunk, match, decimal, refusals) for chunk in chunks]
    if not parts:
        return Columns(np.empty(0, dtype=np.int64), np.empty(0, dtype=bool)), refusals
    return join(parts), refusals


def refused(refusals: Refusals) -> list[tuple[object, ...]]:
    return sorted(zip(refusals.rows.tolist(), refusals.column, refusals.reason, refusals.scope, strict=True), key=repr)


def both(process: Process, path: Path, block: int) -> None:
    dialect = sniff(path, wanted_names(process), delimiter=None, decimal=None, encoding=None)
    numeric = match_columns(process, dialect.header, "the file").numeric_headers
    try:
        exact = converted(process, read_chunks(path, dialect, numeric), dialect.header, dialect.decimal)
    except DataError as error:
        with pytest.raises(DataError, match=error.received):
            list(read_csv(path, dialect, numeric, FastOptions(block=block, part=64)))
        return
    options = FastOptions(block=block, part=64)
    fast = converted(process, read_csv(path, dialect, numeric, options), dialect.header, dialect.decimal)
    np.testing.assert_array_equal(fast[0].rows, exact[0].rows)
    np.testing.assert_array_equal(fast[0].good, exact[0].good)
    assert refused(fast[1]) == refused(exact[1])
    if len(exact[0].rows) == 0:
        return
    for name, values in exact[0].numbers.items():
        np.testing.assert_array_equal(fast[0].numbers.get(name, np.nan), values, err_msg=name)
    for name, texts in exact[0].codes.items():
        if name in fast[0].numbers:  # auxiliary texts that all are plain numbers: tables.py makes them the same
            floats = [float(text or "nan") for text in texts.texts()]
            np.testing.assert_array_equal(fast[0].numbers[name], floats, err_msg=name)
        else:
            assert fast[0].codes[name].texts().tolist() == texts.texts().tolist(), name
    for name, times in exact[0].times.items():
        np.testing.assert_array_equal(fast[0].times[name], times)
    for name, empty in exact[0].empty.items():
        np.testing.assert_array_equal(fast[0].empty[name], empty)


@hypothesis.settings(
    max_examples=150, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    rows=ROWS,
    delimiter=st.sampled_from([",", ";", "\t"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
    last=st.booleans(),
    block=st.sampled_from([150, 700, 1 << 20]),
)
def test_the_same_from_any_file(
    process: Process, tmp_path: Path, rows: list[tuple[str, ...]], delimiter: str, line_end: str, mark: bool,
    last: bool, block: int,
) -> None:  # fmt: skip
    text = line_end.join([delimiter.join(HEADER), *(delimiter.join(row) for row in rows)]) + (line_end if last else "")
    path = tmp_path / "any.csv"
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.encode())
    both(process, path, block)


def same_columns(one: Columns, other: Columns) -> None:
    for name in ("rows", "good"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("numbers", "times", "empty", "quality"):
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.keys() == theirs.keys()
        for column, values in ours.items():
            np.testing.assert_array_equal(values, theirs[column], err_msg=column)
    assert one.complete == other.complete
    assert one.complete == {name for name in ("roughness",) if not np.isnan(one.numbers[name]).any()}
    assert one.codes.keys() == other.codes.keys()
    for name, texts in one.codes.items():
        assert texts.categories == other.codes[name].categories
        assert texts.codes.tolist() == other.codes[name].codes.tolist()


@hypothesis.settings(
    max_examples=150, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(rows=ROWS, block=st.sampled_from([60, 150, 400]), border=st.integers(0, 12))
def test_a_piece_is_what_its_chunks_are(
    process: Process, tmp_path: Path, rows: list[tuple[str, ...]], block: int, border: int
) -> None:
    """Columns of several blocks at once give the numbers, texts and refusals of each block, in the same order."""
    path = tmp_path / "any.csv"
    path.write_text("\n".join([",".join(HEADER), *(",".join(row) for row in rows)]) + "\n")
    dialect = sniff(path, wanted_names(process), delimiter=",", decimal=".", encoding=None)
    match = match_columns(process, dialect.header, "the file")
    try:
        chunks = list(read_csv(path, dialect, match.numeric_headers, FastOptions(block=block, part=64)))
    except DataError:
        return
    chunks = [part for chunk in chunks for part in (chunk.before(border), chunk.since(border)) if len(part.rows)]
    if not chunks:
        return
    refusals, alone = Refusals(), Refusals()
    whole = convert_piece(chunks, match, ".", refusals)
    same_columns(whole, join([convert_chunk(chunk, match, ".", alone) for chunk in chunks]))
    assert refusals.rows.tolist() == alone.rows.tolist()
    for name in ("column", "value", "reason", "scope"):
        assert getattr(refusals, name) == getattr(alone, name)


def test_memory_is_taken_again_when_nobody_looks_into_it() -> None:
    memory = _Memory()
    first = memory.take(100)
    view = memoryview(first)[10:20]
    second = memory.take(80)
    assert second is not first
    assert len(second) == 80
    view.release()
    assert memory.take(130) is first
    assert len(first) == 130
    second[:] = b"x" * 80
    held = memoryview(first)
    assert memory.take(3) is second
    assert len(second) == 3
    held.release()


def test_truths_count_in_their_own_block(process: Process, tmp_path: Path) -> None:
    """A block of nothing but truths is ones and zeros; beside numbers they are no numbers."""
    lines = [f"{row},100.50,0.1,New,Chuck,1,{row % 2 == 0},,," for row in range(20)]
    lines += [f"{row},100.50,0.1,New,Chuck,1,{'True' if row == 30 else '2.50'},,," for row in range(20, 40)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join([",".join(HEADER), *lines]) + "\n")
    dialect = sniff(path, wanted_names(process), delimiter=None, decimal=None, encoding=None)
    match = match_columns(process, dialect.header, "the file")
    [whole] = list(read_csv(path, dialect, match.numeric_headers))
    refusals, alone = Refusals(), Refusals()
    columns = convert_piece([whole.before(20), whole.since(20)], match, ".", refusals)
    assert (refusals.rows.tolist(), refusals.value) == ([30], ["True"])
    assert columns.numbers["roughness"][:20].tolist() == [1.0, 0.0] * 10
    convert_piece([whole], match, ".", alone)
    assert alone.rows.tolist() == [*range(20), 30]


def test_a_block_leaves_no_column_to_the_next(process: Process, tmp_path: Path) -> None:
    """What is no number in one block is refused there, shown as written, and spoils no other block."""
    lines = [f"{row},100.50,0.1,New,Chuck,1,{row % 40}.{row % 9},,," for row in range(300)]
    lines[120] = "120,100.50,0.1,New,Chuck,1,n/a,,,"
    lines[150] = "150,100.50,0.1,New,Chuck,1,77.50,,,"
    path = tmp_path / "table.csv"
    path.write_text("\n".join([",".join(HEADER), *lines]) + "\n")
    dialect = sniff(path, wanted_names(process), delimiter=None, decimal=None, encoding=None)
    match = match_columns(process, dialect.header, "the file")
    refusals = Refusals()
    chunks = list(read_csv(path, dialect, match.numeric_headers, FastOptions(block=1000)))
    assert len(chunks) > 5
    columns = convert_piece(chunks, match, ".", refusals)
    assert refusals.rows.tolist() == [120, 150]
    assert refusals.value == ["n/a", "77.50"]
    assert np.flatnonzero(np.isnan(columns.numbers["roughness"])).tolist() == [120, 150]
    assert columns.numbers["roughness"][149] == 29.5


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "gb18030"])
def test_other_encodings(process: Process, tmp_path: Path, encoding: str) -> None:
    rows = [f"{i};1{i},5;0,1;New;Chuck;1;3,2{i};;é or ö;" for i in range(50)]
    path = tmp_path / "other.csv"
    path.write_bytes("\n".join([";".join(HEADER), *rows]).encode(encoding))
    dialect = sniff(path, wanted_names(process), delimiter=None, decimal=None, encoding=encoding)
    numeric = match_columns(process, dialect.header, "the file").numeric_headers
    exact = converted(process, read_chunks(path, dialect, numeric), dialect.header, dialect.decimal)[0]
    fast = converted(process, read_csv(path, dialect, numeric, FastOptions(block=100)), dialect.header, ",")[0]
    assert len(fast.rows) == 50
    np.testing.assert_array_equal(fast.numbers["speed"], exact.numbers["speed"])
    assert fast.codes["remark"].texts().tolist() == exact.codes["remark"].texts().tolist() == ["é or ö"] * 50


def test_bytes_that_are_no_text(process: Process, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(",".join(HEADER).encode() + b"\n" + b"1,2,3,New,Chuck,1,1,,\xff\xfe,\n" * 40)
    dialect = sniff(path, wanted_names(process), delimiter=None, decimal=None, encoding=None)
    with pytest.raises(DataError, match="expected text in utf-8-sig"):
        list(read_csv(path, dialect, ["Vc"], FastOptions(block=200)))


def test_refused_cells_are_shown_as_written(process: Process, tmp_path: Path) -> None:
    path = tmp_path / "shown.csv"
    path.write_text(",".join(HEADER) + "\n1,100,0.1,New,Chuck,1,77.50,,,\n1,100,0.1,New,Chuck,2,7,,,\n")
    dialect = sniff(path, wanted_names(process), delimiter=None, decimal=None, encoding=None)
    numeric = match_columns(process, dialect.header, "the file").numeric_headers
    _, refusals = converted(process, read_csv(path, dialect, numeric), dialect.header, ".")
    assert (refusals.column, refusals.value, refusals.reason) == (["Ra"], ["77.50"], ["outside_valid"])


@pytest.mark.parametrize("delimiter", ["^", " ", ":"])
def test_any_delimiter(process: Process, frame: pd.DataFrame, tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "table.csv"
    text = frame.to_csv(index=False, sep="\t").replace("\t", delimiter)
    path.write_text(text)
    report = ingest.import_csv(process, path, tmp_path / "out.h5", delimiter=delimiter)
    assert (report.readings, report.quarantined) == (32, 0)


def test_the_same_history_with_and_without_arrow(
    process: Process, frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame["remark"], frame["weight"], frame["part"] = ["a", ""] * 16, np.linspace(0, 1, 32).round(2), "007"
    frame.to_csv(tmp_path / "table.csv", index=False)
    ingest.import_csv(process, tmp_path / "table.csv", tmp_path / "fast.h5")
    monkeypatch.setattr("luban._intake.sources.csv.has_arrow", lambda: False)
    ingest.import_csv(process, tmp_path / "table.csv", tmp_path / "exact.h5")
    fast, exact = History.open(tmp_path / "fast.h5"), History.open(tmp_path / "exact.h5")
    pd.testing.assert_frame_equal(fast.read(), exact.read())
    assert fast.columns()["kind"].tolist() == exact.columns()["kind"].tolist()


def test_pieces_let_go_of_their_memory_by_themselves(tmp_path: Path) -> None:
    """A long import is no garbage to be collected: nothing of a piece refers to itself."""
    import gc
    import weakref

    from luban._intake.arrow_cells import joined

    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "1,x\n" * 40)
    gc.collect()
    gc.disable()
    try:
        chunks = list(
            read_csv(
                path, sniff(path, ["a", "b"], delimiter=",", decimal=".", encoding=None), ["a"], FastOptions(block=64)
            )
            or []
        )
        cells = joined([chunk.cells for chunk in chunks])
        assert len(chunks) > 1
        gone = weakref.ref(cells)
        del cells, chunks
        assert gone() is None
    finally:
        gc.enable()
