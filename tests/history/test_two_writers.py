"""Two processes that write one history: what is reported as written is in the file."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from luban import _core, ingest
from luban.errors import LifecycleError
from luban.history import History
from luban.process import Process

ROWS = 20_000

# Opens the history, says so, waits for a line, appends; says what came of it.
APPENDER = """
import sys
import numpy as np
import pandas as pd
from luban.errors import LifecycleError
from luban.history import History
history = History.open(sys.argv[1])
rows = int(sys.argv[3])
frame = pd.DataFrame({"order": [f"{sys.argv[2]}-{n}" for n in range(rows)], "sample": 1, "T": 40.0, "grade": "A",
                      "shift": "day", "yield": np.arange(rows) * 1e-3, "remark": "ok"})
print("ready", flush=True)
sys.stdin.readline()
try:
    history.append(frame)
except LifecycleError as error:
    print("refused", error, flush=True)
else:
    print("written", flush=True)
"""

# Takes the lock and never lets go of it.
HOLDER = """
import sys
from luban import _core
lock = _core.FileLock(sys.argv[1], "holder")
print("ready", flush=True)
sys.stdin.readline()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def begin(program: str, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, *map(str, arguments)]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def await_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def go(*processes: "subprocess.Popen[str]") -> list[str]:
    """Let them all go on at once, when all are ready, and return what they say at last."""
    for process in processes:
        await_ready(process)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=120)[0].strip() for process in processes]


@pytest.mark.slow
def test_of_two_appends_at_once_one_is_refused_and_none_is_lost(history: History, start: Start) -> None:
    said = go(start(APPENDER, history.path, "A", ROWS), start(APPENDER, history.path, "B", ROWS))
    assert sorted(text.split()[0] for text in said) == ["refused", "written"], said
    assert history.path is not None
    after = History.open(history.path)
    assert len(after) == 15 + ROWS
    assert after.verify().ok
    winner = "AB"[said.index("written")]
    assert {name[0] for name in after.read(["run_id"], rows="runs")["run_id"]} == {"P", winner}
    assert [path.name for path in history.path.parent.iterdir()] == [history.path.name]


def test_who_writes_is_named_and_his_death_sets_the_file_free(
    history: History, process: Process, frame: pd.DataFrame, start: Start
) -> None:
    assert history.path is not None
    before = history.path.read_bytes()
    more = frame[:3].assign(order="PO-100")
    holder = start(HOLDER, history.path)
    await_ready(holder)
    for write in (lambda: history.append(more), lambda: ingest.import_frame(process, more, str(history.path))):
        with pytest.raises(LifecycleError, match=rf"received process {holder.pid} on .*which is writing"):
            write()
    assert history.path.read_bytes() == before
    holder.kill()
    holder.wait()
    assert history.path.with_name(".h.h5.lock").exists()
    assert history.append(more).runs_added == 1
    assert [path.name for path in history.path.parent.iterdir()] == [history.path.name]


def test_objects_of_one_process_hold_each_other_off(history: History, frame: pd.DataFrame) -> None:
    with _core.FileLock(str(history.path), "test"), pytest.raises(LifecycleError, match="which is writing"):
        history.append(frame[:3].assign(order="PO-100"))
    assert history.append(frame[:3].assign(order="PO-100")).runs_added == 1


def test_an_append_keeps_permissions_and_follows_links(history: History, frame: pd.DataFrame, tmp_path: Path) -> None:
    assert history.path is not None
    history.path.chmod(0o600)
    link = tmp_path / "elsewhere"
    link.mkdir()
    (link / "link.h5").symlink_to(history.path)
    History.open(link / "link.h5").append(frame[:3].assign(order="PO-100"))
    assert (link / "link.h5").is_symlink()
    assert history.path.stat().st_mode & 0o777 == 0o600
    assert len(History.open(history.path)) == 18
