"""Aliases of models: what they mean, who changed them, and that a kill at any place leaves a whole state."""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import luban
from luban import fitting, registry
from luban.errors import ConfigurationError, IntegrityError, IoError, VersionError
from luban.history import History
from luban.plant.clock import SimulatedClock
from luban.process import Objective, Parameter, Process, Response
from luban.registry import ModelFolder
from luban.registry.alias_file import AliasFile


def fitted(slope: float) -> fitting.Model:
    process = Process(
        "line",
        parameters=[Parameter("feed", unit="mm/rev", low=0.0, high=1.0)],
        responses=[Response("roughness", unit="um")],
        objectives=[Objective("roughness", "minimize")],
    )
    feed = np.linspace(0.0, 1.0, 10)
    frame = pd.DataFrame({"feed": feed, "roughness": 1.0 + slope * feed + 0.1 * np.sin(40.0 * feed)})
    return fitting.fit(process, History.from_frame(process, frame))


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models of one process, not yet in a folder of models."""
    place = tmp_path_factory.mktemp("two")
    return fitted(1.0).save(place / "first.safetensors"), fitted(2.0).save(place / "second.safetensors")


@pytest.fixture
def folder(two: tuple[Path, Path], tmp_path: Path) -> ModelFolder:
    """The first is champion, the second challenger."""
    made = ModelFolder(tmp_path / "models/line", clock=SimulatedClock())
    made.add(two[0], alias="champion", who="A. Person", why="acceptance of May")
    made.add(two[1], alias="challenger", who="A. Person")
    return made


def test_names_that_may_stand_where_a_model_is_named(
    folder: ModelFolder, two: tuple[Path, Path], tmp_path: Path
) -> None:
    champion, challenger = (folder.find(name) for name in ("champion", "challenger"))
    place = folder.folder
    assert registry.resolve(place) == registry.resolve(f"{place}@champion") == champion
    assert registry.resolve(f"{place}@challenger") == challenger
    assert registry.resolve(f"{place}@{folder.aliases['challenger'][:8]}") == challenger
    assert registry.resolve(f"{place}@{champion.name}") == registry.resolve(f"{place}@{champion.stem}") == champion
    assert registry.resolve(two[0]) == two[0]
    assert registry.resolve("./line@challenger", beside=place.parent / "loop.yaml") == challenger
    at = tmp_path / "a@b.safetensors"  # a file of that name is a file
    shutil.copy(two[0], at)
    assert registry.resolve(at) == at
    loaded = luban.load(f"{place}@challenger")
    assert isinstance(loaded, fitting.Model)
    assert loaded.card.to_dict() == fitting.Model.load(two[1]).card.to_dict()


def test_what_is_not_there_is_io_and_names_the_nearest(
    folder: ModelFolder, two: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(IoError, match="did you mean champion"):
        registry.resolve(f"{folder.folder}@chmpion")
    with pytest.raises(IoError, match="--alias champion"):
        registry.resolve(two[0].parent)  # models, but no alias
    with pytest.raises(IoError, match=r"did you mean .*first\.safetensors"):
        registry.resolve(two[0].with_suffix(""))
    for text in (tmp_path / "none", f"{tmp_path / 'none'}@champion", f"{two[0]}@champion"):
        with pytest.raises(IoError, match="nothing"):
            registry.resolve(text)


def test_content_names_the_file_and_adding_again_changes_nothing(folder: ModelFolder, two: tuple[Path, Path]) -> None:
    digest = folder.aliases["champion"]
    assert folder.find("champion").name == f"line-{digest[:16]}.safetensors"
    before = {path.name: path.read_bytes() for path in folder.folder.iterdir()}
    assert folder.add(two[0], alias="champion") == folder.find("champion")
    assert before == {path.name: path.read_bytes() for path in folder.folder.iterdir()}


def test_every_change_is_recorded(folder: ModelFolder) -> None:
    first, second = folder.aliases["champion"], folder.aliases["challenger"]
    folder.set_alias("champion", "challenger", who="B. Other", why="better in June")
    folder.remove_alias("challenger")
    said = [(c.number, c.change, c.alias, c.before, c.after) for c in folder.changes()]
    assert said == [
        (1, "add", "", "", first), (2, "alias", "champion", "", first), (3, "add", "", "", second),
        (4, "alias", "challenger", "", second), (5, "alias", "champion", first, second),
        (6, "remove", "challenger", second, ""),
    ]  # fmt: skip
    change = folder.changes()[4]
    assert (change.who, change.why, change.change_time) == (
        "B. Other",
        "better in June",
        "2026-01-01T00:00:00.000000000Z",
    )
    assert "@" in folder.changes()[5].who
    assert folder.aliases == {"champion": second}
    lines = (folder.folder / "aliases.log.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("alias", ["", "Champion", "two words", "1st", "a/b", "abcdef12", "x" * 33, "läufer"])
def test_what_is_no_alias(folder: ModelFolder, two: tuple[Path, Path], alias: str) -> None:
    with pytest.raises(ConfigurationError):
        folder.set_alias(alias, "champion")
    if alias:
        with pytest.raises(ConfigurationError):
            folder.add(two[0], alias=alias)
    assert set(folder.aliases) == {"champion", "challenger"}


def test_an_alias_wants_a_model_of_the_folder(folder: ModelFolder, two: tuple[Path, Path]) -> None:
    with pytest.raises(IoError):
        folder.set_alias("golden", "0123456789")
    shutil.copy(two[0], folder.folder / "mine.safetensors")
    with pytest.raises(ConfigurationError, match="luban models add"):
        folder.set_alias("golden", "mine")
    with pytest.raises(IoError, match="golden"):
        folder.remove_alias("golden")


def test_an_alias_to_a_missing_or_altered_file(folder: ModelFolder, two: tuple[Path, Path]) -> None:
    path = folder.find("champion")
    whole = path.read_bytes()
    for content in (whole[:-8] + bytes(8), whole[:100], b"", two[1].read_bytes()):
        path.write_bytes(content)
        with pytest.raises(IntegrityError, match="alias 'champion'"):
            registry.resolve(folder.folder)
        with pytest.raises(IntegrityError):
            luban.load(folder.folder)
        assert (registry.models(folder.folder)["status"] != "ok").any()
    path.unlink()
    with pytest.raises(IntegrityError, match="no such file"):
        registry.resolve(folder.folder)
    table = registry.models(folder.folder)
    assert dict(zip(table["aliases"], table["status"], strict=True)) == {
        "challenger": "ok",
        "champion": "no intact file of this digest",
    }
    folder.add(two[0])  # from a copy
    assert registry.resolve(folder.folder) == path


@settings(max_examples=20)
@given(at=st.integers(0, 2**20), bit=st.integers(0, 7))
def test_no_altered_byte_is_overlooked(two: tuple[Path, Path], at: int, bit: int) -> None:
    place = two[0].parent / "flipped"
    made = ModelFolder(place)
    path = made.add(two[0], alias="champion")
    whole = path.read_bytes()
    position = at % len(whole)
    path.write_bytes(whole[:position] + bytes([whole[position] ^ (1 << bit)]) + whole[position + 1 :])
    try:
        found = fitting.Model.load(registry.resolve(place))
    except IntegrityError:
        pass
    else:  # a byte that says nothing, as a blank in the header
        assert found.card.to_dict() == fitting.Model.load(two[0]).card.to_dict()
    finally:
        path.write_bytes(whole)


def test_models_are_listed_with_their_aliases(folder: ModelFolder) -> None:
    folder.set_alias("golden", "champion")
    table = registry.models(folder.folder)
    assert sorted(table["aliases"]) == ["challenger", "champion, golden"]
    assert set(table["digest"]) == set(folder.aliases.values())
    assert set(table["status"]) == {"ok"}


def test_a_campaign_is_no_folder_of_models(tmp_path: Path, two: tuple[Path, Path]) -> None:
    model = fitting.Model.load(two[0])
    place = luban.Campaign(model.process, model=model).save(tmp_path / "line.campaign")
    assert isinstance(luban.load(place), luban.Campaign)
    with pytest.raises(ConfigurationError, match="campaign"):
        registry.resolve(place)
    assert not registry.is_model_folder(Path(place))


@pytest.mark.parametrize("text", ["", "[]", '{"format": "luban-aliases", "version": 1, "aliases": {"a": "b"}}', "\xff"])
def test_damaged_aliases(folder: ModelFolder, text: str) -> None:
    (folder.folder / "aliases.json").write_bytes(text.encode("latin-1"))
    for call in (lambda: folder.aliases, lambda: folder.find("champion"), lambda: folder.remove_alias("champion")):
        with pytest.raises(IntegrityError, match=r"aliases\.json"):
            call()


def test_newer_aliases(folder: ModelFolder) -> None:
    path = folder.folder / "aliases.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
    with pytest.raises(VersionError):
        registry.resolve(folder.folder)


def test_a_record_that_was_taken_out_is_missed(folder: ModelFolder) -> None:
    log = folder.folder / "aliases.log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(IntegrityError, match="change 2"):
        folder.changes()
    log.write_bytes(b"".join([*lines[:2], b"hello\n", *lines[2:]]))
    with pytest.raises(IntegrityError, match="line 3"):
        folder.changes()


DIGESTS = [character * 64 for character in "ab0"]


@settings(max_examples=25)
@given(data=st.data())
def test_a_crash_between_aliases_and_log_loses_no_record(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The log is cut anywhere in its last record before the next change: as if the program had died there."""
    file = AliasFile(tmp_path_factory.mktemp("crash"), SimulatedClock())
    log = file.folder / "aliases.log.jsonl"
    expected: dict[str, str] = {}
    history = []
    for _ in range(data.draw(st.integers(1, 6))):
        alias = data.draw(st.sampled_from(["champion", "golden", "challenger"]))
        digest = data.draw(st.sampled_from(DIGESTS))
        if alias in expected and data.draw(st.booleans()):
            history.append(("remove", alias, expected.pop(alias), ""))
            file.change("remove", alias=alias)
        else:
            history.append(("alias", alias, expected.get(alias, ""), digest))
            expected[alias] = digest
            file.change("alias", alias=alias, after=digest, why=data.draw(st.text(max_size=5)))
        whole = log.read_bytes()
        begin = whole.rstrip(b"\n").rfind(b"\n") + 1
        log.write_bytes(whole[: data.draw(st.integers(begin, len(whole)))])
        assert file.read() == expected
        assert [(c.change, c.alias, c.before, c.after) for c in file.changes()] == history


def test_a_kill_at_any_moment_leaves_aliases_and_records_in_step(tmp_path: Path) -> None:
    code = (
        "import itertools, sys\n"
        "from pathlib import Path\n"
        "from luban.registry.alias_file import AliasFile\n"
        "file = AliasFile(Path(sys.argv[1]))\n"
        "print('ready', flush=True)\n"
        "for k in itertools.count(): file.change('alias', alias='golden', after=f'{k:064x}')\n"
    )
    file = AliasFile(tmp_path)
    for pause in (0.01, 0.02, 0.03, 0.05):
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(pause)
            writer.kill()
        if changes := file.changes():
            assert file.read() == {"golden": changes[-1].after}
            assert [change.number for change in changes] == list(range(1, len(changes) + 1))
            assert all(later.before == earlier.after for earlier, later in itertools.pairwise(changes))
    file.change("remove", alias="golden")
    assert file.changes()[-1].change == "remove"


def test_readers_find_no_gap_while_changes_are_made(tmp_path: Path) -> None:
    file = AliasFile(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(lambda: [file.change("alias", alias="golden", after=f"{k:064x}") for k in range(60)])
        while not made.done():
            found = [change.number for change in AliasFile(tmp_path).changes()]
            assert found == list(range(1, len(found) + 1))
    assert len(made.result()) == len(file.changes())


def test_changes_at_the_same_time_follow_one_another(tmp_path: Path) -> None:
    def change(k: int) -> None:
        AliasFile(tmp_path).change("alias", alias=f"a{k % 3}", after=f"{k:064x}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(40)))
    changes = AliasFile(tmp_path).changes()
    assert len(changes) == 40
    now: dict[str, str] = {}
    for change_made in changes:
        assert change_made.before == now.get(change_made.alias, "")
        now[change_made.alias] = change_made.after
    assert AliasFile(tmp_path).read() == now


def test_a_folder_that_refuses(tmp_path: Path, two: tuple[Path, Path]) -> None:
    (tmp_path / "file").write_text("")
    calls: list[Callable[[], object]] = [
        lambda: ModelFolder(tmp_path / "file").add(two[0]),
        lambda: ModelFolder(tmp_path / "file/below").add(two[0]),
    ]
    for call in calls:
        with pytest.raises(IoError):
            call()
