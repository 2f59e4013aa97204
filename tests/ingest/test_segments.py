"""Imports into a folder of segments: piece by piece, in bounded memory, going on after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import _history, ingest
from luban._intake.run import add_source
from luban._intake.sink import ContentSink, SegmentSink
from luban._intake.sources.frame import FrameSource
from luban.history import History
from luban.process import Process


def table(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(6)
    shaft = np.arange(rows) // 4
    return pd.DataFrame({
        "shaft": shaft, "Vc": 100.0 + shaft % 7, "feed": 0.1, "tool": np.array(["New", "Worn"])[shaft % 2],
        "position": np.array(["Chuck", "Middle"])[np.arange(rows) % 2], "Replicate": np.arange(rows) % 4 + 1,
        "Ra": random.uniform(1, 9, rows).round(3),
    })  # fmt: skip


def read(source: object) -> pd.DataFrame:
    frame = History(source, None).read()  # type: ignore[arg-type]
    return frame.assign(shaft=frame["shaft"].astype(float)).sort_values(["run_id", "repeat"], ignore_index=True)


def test_the_same_history_in_segments(process: Process, tmp_path: Path) -> None:
    frame = table(1000)
    frame.loc[333, "tool"] = "Brokn"
    content = _history.Content()
    whole = add_source(ContentSink(content), process, FrameSource(frame, "table"))
    sink = SegmentSink(tmp_path / "line", 130)  # cuts through runs
    pieces = add_source(sink, process, FrameSource(frame, "table"))
    del sink
    folder = _history.open(str(tmp_path / "line"))
    assert folder.segment_count == 8
    pd.testing.assert_frame_equal(read(folder), read(_history.in_memory(content)))
    for name in ("rows", "runs", "readings", "runs_added", "readings_added", "values_added", "rows_quarantined"):
        assert getattr(pieces, name) == getattr(whole, name), name
    again = add_source(SegmentSink(tmp_path / "line", 130), process, FrameSource(frame, "table"))
    assert again.already_imported


def test_duplicates_over_the_border_of_pieces(process: Process, tmp_path: Path) -> None:
    frame = pd.concat([table(40), table(8)], ignore_index=True)
    whole = add_source(ContentSink(_history.Content()), process, FrameSource(frame, "table"))
    pieces = add_source(SegmentSink(tmp_path / "line", 16), process, FrameSource(frame, "table"))
    assert pieces.rows_quarantined == whole.rows_quarantined == {"duplicate": 8}
    assert pieces.readings == 40


def test_duplicates_in_two_pieces_of_a_run_that_another_import_brought(process: Process, tmp_path: Path) -> None:
    """What earlier pieces of the same import brought is no correction, whoever brought the run."""
    first, more = table(4), table(4).assign(Replicate=[7, 8, 7, 8], Ra=[1.0, 2.0, 3.0, 4.0], position="Chuck")
    content = _history.Content()
    for frame, name in ((first, "a"), (more, "b")):
        whole = add_source(ContentSink(content), process, FrameSource(frame, name))
        pieces = add_source(SegmentSink(tmp_path / "line", 2), process, FrameSource(frame, name))
        assert pieces.rows_quarantined == whole.rows_quarantined
    assert pieces.rows_quarantined == {"duplicate": 2}
    pd.testing.assert_frame_equal(read(_history.open(str(tmp_path / "line"))), read(_history.in_memory(content)))
    assert _history.open(str(tmp_path / "line")).row_count() == 6


def test_another_process_file_judges_the_same_bytes_again(process: Process, tmp_path: Path) -> None:
    frame = table(100)
    frame.loc[40:43, "tool"] = "Broken"
    first = add_source(SegmentSink(tmp_path / "line", 30), process, FrameSource(frame, "table"))
    assert first.rows_quarantined == {"category_never_seen": 4}
    content = process.to_dict()
    content["context"]["tool"]["categories"].append("Broken")
    second = add_source(SegmentSink(tmp_path / "line", 30), Process.from_dict(content), FrameSource(frame, "table"))
    assert (second.readings_added, second.values_unchanged, second.rows_quarantined) == (4, 96, {})


def test_a_name_with_a_slash_is_a_folder(process: Process, tmp_path: Path) -> None:
    out = f"{tmp_path}/line/"
    report = ingest.import_frame(process, table(40), out)
    assert (report.readings, report.path) == (40, out)
    assert ingest.import_frame(process, table(40), tmp_path / "line").already_imported
    table(60)[40:].to_csv(tmp_path / "later.csv", index=False)
    assert ingest.import_csv(process, tmp_path / "later.csv", out).readings_added == 20


CHILD = """
import sys
from luban._intake.run import add_source
from luban._intake.sink import SegmentSink
from luban._intake.sources.csv import CsvSource
from luban.process import Process
from pathlib import Path
process, source, out = sys.argv[1:]
report = add_source(SegmentSink(Path(out), 500), Process.from_yaml(process), CsvSource(Path(source)))
print(report.rows, report.rows_known, int(report.already_imported))
"""


@pytest.mark.slow
def test_kills_cost_nothing_but_time(process: Process, tmp_path: Path) -> None:
    """Killed again and again, an import ends at the history that one import would have made."""
    frame, random = table(20_000), np.random.default_rng(7)
    frame.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "process.yaml").write_text(process.to_yaml())
    arguments = [str(tmp_path / name) for name in ("process.yaml", "table.csv", "line")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    kills, done = 0, ""
    for attempt in range(40):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True, env=environment
        )
        begun, limit = time.monotonic(), float(random.uniform(0.6, 1.5)) * 1.1**attempt
        while child.poll() is None and time.monotonic() - begun < limit:
            time.sleep(0.005)
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            kills += 1
        done = child.communicate()[0]
        if child.returncode == 0:
            break
    assert kills > 0
    rows, known, already = (int(text) for text in done.split())
    assert already or rows + known == 20_000  # "already": a kill fell between the last piece and the end
    content = _history.Content()
    add_source(ContentSink(content), process, FrameSource(frame, "table"))
    folder = _history.open(str(tmp_path / "line"))
    pd.testing.assert_frame_equal(read(folder), read(_history.in_memory(content)))
    listed = json.loads((tmp_path / "line/luban-history.json").read_text())
    assert len(listed["segments"]) == 40
