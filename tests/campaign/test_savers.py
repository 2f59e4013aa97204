"""Several programs and one folder: foreign files stay, saves follow one another, a reader always finds a campaign."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luban import Campaign, Process, _core
from luban._campaign import folder as storage
from luban.errors import ConfigurationError, IntegrityError, LifecycleError
from luban.history import History

from .line import readings

SAVER = """
import sys
from luban import Campaign, Process
from luban.history import History
folder, rounds, files = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
campaigns = [Campaign(history.process, history) for history in map(History.open, files)]
for number in range(rounds):
    campaigns[number % len(campaigns)].save(folder)
print(rounds)
"""


@pytest.fixture
def histories(process: Process, tmp_path: Path) -> list[History]:
    """Two small histories, of 3 and of 4 runs."""
    return [History.from_frame(process, readings(runs), tmp_path / f"{runs}-runs.h5") for runs in (3, 4)]


def saver(folder: Path, rounds: int, histories: list[History]) -> "subprocess.Popen[str]":
    files = [str(history.path) for history in histories]
    command = [sys.executable, "-c", SAVER, str(folder), str(rounds), *files]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_files_of_the_user_stay(process: Process, histories: list[History], tmp_path: Path) -> None:
    folder = Campaign(process, histories[0]).save(tmp_path / "line")
    foreign = ["history-2024.h5", "model-old.safetensors", "history-0123456789abcdef.h5", "campaign-new-1.json",
               "history-new-1.h5", ".saving-notes", "history-0123456789ABCDEF.h5", ".notes.partial"]  # fmt: skip
    for name in foreign:
        (folder / name).write_text("mine")
    Campaign(process, histories[1]).save(folder)
    assert [name for name in foreign if not (folder / name).exists()] == []
    assert len(list(folder.iterdir())) == len(foreign) + 2
    assert len(Campaign.load(folder).history or ()) == 16


def test_a_folder_of_histories_is_no_campaign(process: Process, histories: list[History], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "history-2024.h5").write_text("mine")
    with pytest.raises(ConfigurationError, match="a folder with other files"):
        Campaign(process, histories[0]).save(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["history-2024.h5"]


def write_text(text: str, then: Callable[[], object] = lambda: None) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        path.write_text(text)
        then()

    return write


def texts(state: dict[str, Any], paths: dict[str, Path]) -> dict[str, str]:
    return {"by": state["by"], **{part: path.read_text() for part, path in paths.items()}}


def test_a_save_in_the_middle_of_another_waits_for_it(tmp_path: Path) -> None:
    """A writes its parts, B saves, A replaces the index: both are whole, the last one stays."""
    folder = tmp_path / "line"
    storage.write_folder(folder, {"by": "first"}, {"history": write_text("0"), "model": write_text("0")})
    other = threading.Thread(
        target=storage.write_folder, args=(folder, {"by": "B"}, {"history": write_text("b"), "model": write_text("b")})
    )

    def meanwhile() -> None:
        other.start()
        other.join(0.3)

    writers = {"history": write_text("a"), "model": write_text("a", then=meanwhile)}
    storage.write_folder(folder, {"by": "A"}, writers)
    assert storage.read_folder(folder, texts)["by"] in ("A", "B")
    other.join()
    assert storage.read_folder(folder, texts) == {"by": "B", "history": "b", "model": "b"}
    assert len(list(folder.iterdir())) == 3


def test_a_save_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_PATIENCE", 0.05)
    storage.write_folder(tmp_path, {"by": "A"}, {})
    with (
        _core.FileLock(tmp_path / "campaign.json", "test"),
        pytest.raises(LifecycleError, match=r"campaign\.save.*received process \d+ on .*which is writing"),
    ):
        storage.write_folder(tmp_path, {"by": "B"}, {})
    assert storage.read_folder(tmp_path, texts) == {"by": "A"}


@pytest.mark.slow
def test_savers_in_two_processes_and_a_reader(process: Process, histories: list[History], tmp_path: Path) -> None:
    folder = Campaign(process, histories[0]).save(tmp_path / "line")
    savers = [saver(folder, 12, histories), saver(folder, 12, histories[::-1])]
    lengths = []
    while any(program.poll() is None for program in savers):
        history = Campaign.load(folder).history
        assert history is not None
        lengths.append(len(history))
    for program in savers:
        said, errors = program.communicate()
        assert (said.strip(), errors) == ("12", "")
    assert set(lengths) == {12, 16}
    assert len(list(folder.iterdir())) == 2


def test_a_reader_that_finds_a_part_gone_begins_anew(tmp_path: Path) -> None:
    storage.write_folder(tmp_path, {"by": "A"}, {"history": write_text("a")})
    seen = []

    def load(state: dict[str, Any], paths: dict[str, Path]) -> dict[str, str]:
        seen.append(state["by"])
        if len(seen) == 1:
            storage.write_folder(tmp_path, {"by": "B"}, {"history": write_text("b")})
            assert not paths["history"].exists()
            raise IntegrityError(where="test", expected="the part", received="none", place=str(paths["history"]))
        return texts(state, paths)

    assert storage.read_folder(tmp_path, load) == {"by": "B", "history": "b"}
    assert seen == ["A", "B"]
    (next(tmp_path.glob("history-*"))).unlink()
    with pytest.raises(IntegrityError, match="no such file"):
        storage.read_folder(tmp_path, load)
