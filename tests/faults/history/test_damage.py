"""Damage anywhere is found and named; nobody reads wrong values or dies of it."""

import json
from pathlib import Path

import pytest

from luban import _history
from luban.errors import Error, IntegrityError
from luban.journal import Journal, fold

from .support import HERE, child, make_folder, settings_of, small_process, stored

CODECS = ("deflate", "zstd", "lz4", "none")


def damaged(folder: Path, base: str, every: int, most: int, seed: int = 1) -> dict[str, int]:
    done = child(HERE / "damage.py", folder, base, every, most, seed, timeout=1200)
    now = folder / "now"
    assert done.returncode == 0, f"{done.returncode} at {now.read_text() if now.exists() else 0}\n{done.stderr}"
    counts: dict[str, int] = json.loads(done.stdout)
    print(base, every, most, counts)  # noqa: T201  read with -s
    return counts


@pytest.mark.slow
@pytest.mark.parametrize(("base", "every"), [("deflate", 400), ("folder", 2000), ("list", 1), ("cut", 4096)])
def test_damage_is_found_and_named(base: str, every: int, tmp_path: Path) -> None:
    assert sum(damaged(tmp_path, base, every, 90).values()) > 10


@pytest.mark.faults
@pytest.mark.parametrize("base", CODECS)
def test_a_flipped_bit_in_a_file(base: str, tmp_path: Path) -> None:
    counts = damaged(tmp_path, base, 25, 4000)
    assert counts["flips in a chunk"] > 50


@pytest.mark.faults
@pytest.mark.parametrize(("base", "every"), [("folder", 100), ("list", 1), ("cut", 512)])
def test_damage_in_a_folder(base: str, every: int, tmp_path: Path) -> None:
    assert sum(damaged(tmp_path, base, every, 2500).values()) > 100


def test_the_file_of_heads(tmp_path: Path) -> None:
    """A changed end of the chain is found; other bytes of that file never stop anybody."""
    folder, file = tmp_path / "line", tmp_path / "line.head"
    known = make_folder(folder, 3)
    intact = file.read_bytes()
    newest = intact.rindex(b'"head"') + 10
    for offset in range(0, len(intact), 3):
        raw = bytearray(intact)
        raw[offset] ^= 1
        file.write_bytes(raw)
        found = _history.verify(str(folder)).damages
        assert found or not newest <= offset < newest + 60
        assert stored(_history.open(str(folder))) == known
    file.write_bytes(intact)
    assert not _history.verify(str(folder)).damages


@pytest.mark.parametrize("name", ["../precious", "segment-000002.h5", "/etc/precious", "notes.txt", ""])
def test_a_list_that_would_have_other_files_removed(name: str, tmp_path: Path) -> None:
    """Files that merged segments took the place of are removed: none but those."""
    folder = tmp_path / "line"
    make_folder(folder, 3)
    for precious in (tmp_path / "precious", folder / "notes.txt"):
        precious.write_text("years of work")
    text = (folder / "luban-history.json").read_text()
    (folder / "luban-history.json").write_text(text.replace('"replaced": []', f'"replaced": [{json.dumps(name)}]'))
    assert name in (folder / "luban-history.json").read_text()
    assert _history.verify(str(folder)).damages
    for attempt in (lambda: _history.Appender(str(folder)), lambda: _history.compact(str(folder))):
        with pytest.raises(IntegrityError):
            attempt()
    assert (tmp_path / "precious").exists()
    assert len(list(folder.glob("*.h5"))) == 3


@pytest.mark.slow
def test_a_flipped_page_of_a_journal_is_not_folded(tmp_path: Path) -> None:
    path, process = tmp_path / "loop.sqlite", small_process()
    with Journal.create(path, process=process) as journal:
        for number in range(6):
            temperature, grade = settings_of(f"f{number}")
            journal.append_run({
                "run_id": f"f{number}", "settings": {"T": temperature}, "context": {"grade": "AB"[grade]},
                "readings": [{"yield": 1.0 + number, "power": 2.0}],
            })  # fmt: skip
    fold(path, tmp_path / "right.h5", process)
    right = stored(_history.open(str(tmp_path / "right.h5")))
    intact = path.read_bytes()
    refused = 0
    for offset in range(100, len(intact), max(1, len(intact) // 60)):
        raw = bytearray(intact)
        raw[offset] ^= 4
        path.write_bytes(raw)
        out = tmp_path / f"{offset}.h5"
        try:
            fold(path, out, process)
        except Error:
            refused += 1
        if out.exists():  # the damage was beside what was folded, or seen when the journal should note the fold
            assert stored(_history.open(str(out))) == right
    assert refused > 5
