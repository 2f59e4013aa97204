"""Saving and loading: the same answers, and no file that was changed passes for the campaign."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import luban
from luban import Campaign, Process
from luban.campaign import is_campaign
from luban.errors import ConfigurationError, IntegrityError, IoError, VersionError

CONTEXT = {"tool": "Worn", "bar": "D50"}


@pytest.fixture
def saved(campaign: Campaign, tmp_path: Path) -> Path:
    campaign.ask(2, context=CONTEXT)
    return campaign.save(tmp_path / "line.campaign")


def index_of(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "campaign.json").read_text())
    return content


def test_a_loaded_campaign_gives_the_same_answers(campaign: Campaign, saved: Path) -> None:
    assert is_campaign(saved)
    again = Campaign.load(saved)
    for kind in ("explore", "best_mean"):
        answers = [c.recommend(2, context=CONTEXT, kind=kind).to_json() for c in (campaign, again)]  # type: ignore[arg-type]
        assert answers[0] == answers[1]
    assert again.process == campaign.process
    assert [trial.to_dict() for trial in again.trials] == [trial.to_dict() for trial in campaign.trials]
    assert isinstance(luban.load(saved), Campaign)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**63), asked=st.integers(0, 3), tool=st.sampled_from(["New", "Worn"]))
def test_a_campaign_without_runs_comes_back(
    process: Process, tmp_path_factory: pytest.TempPathFactory, seed: int, asked: int, tool: str
) -> None:
    context = {"tool": tool, "bar": "D30"}
    campaign = Campaign(process, seed=seed)
    if asked:
        campaign.ask(asked, context=context)
    again = Campaign.load(campaign.save(tmp_path_factory.mktemp("campaign") / "new"))
    assert again.history is None
    assert again.recommend(2, context=context).to_json() == campaign.recommend(2, context=context).to_json()


def test_saving_again_replaces_what_changed_and_keeps_nothing_else(campaign: Campaign, saved: Path) -> None:
    before = {path.name for path in saved.iterdir()}
    assert len(before) == 3
    again = Campaign.load(saved)
    again.tell(again.trials[0], {"position": "End", "roughness": 2.0})
    again.save(saved)
    after = {path.name for path in saved.iterdir()}
    assert len(after) == 2  # history and index: the model is behind the runs
    assert len(before & after) == 1
    assert len(Campaign.load(saved).trials) == 2


def test_what_a_cut_off_save_leaves_is_ignored_and_removed(campaign: Campaign, saved: Path) -> None:
    cut_off = saved / ".saving-x1y2.partial"
    cut_off.mkdir()
    (cut_off / "history.h5").write_bytes(b"half")
    (saved / ".campaign.json.12-0.partial").write_bytes(b"half")
    (saved / ".campaign.json.lock").write_bytes(b"process 12 on elsewhere")
    again = Campaign.load(saved)
    again.save(saved)
    assert len(list(saved.iterdir())) == 3


@pytest.mark.parametrize("part", ["history", "model"])
def test_a_changed_part_is_refused(saved: Path, part: str) -> None:
    (path,) = saved.glob(f"{part}-*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="SHA-256"):
        Campaign.load(saved)
    path.unlink()
    with pytest.raises(IntegrityError, match="no such file"):
        Campaign.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"seed": 0', '"seed": 1'),
        lambda text: text.replace("candidate", "abandoned", 1),
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("luban-campaign", "other"),
        lambda text: "[]",
        lambda text: "",
    ],
)
def test_a_changed_index_is_refused(saved: Path, change: Callable[[str], str]) -> None:
    path = saved / "campaign.json"
    changed = change(path.read_text())
    assert changed != path.read_text()
    path.write_text(changed)
    with pytest.raises(IntegrityError, match=r"campaign\.json"):
        Campaign.load(saved)


def test_a_newer_version_is_refused(saved: Path) -> None:
    content = index_of(saved)
    content["version"] = [2, 0]
    (saved / "campaign.json").write_text(json.dumps(content))
    with pytest.raises(VersionError, match="newer"):
        Campaign.load(saved)


def test_paths_outside_the_folder_are_refused(saved: Path) -> None:
    from luban._campaign import folder

    content = index_of(saved)
    del content["digest"]
    content["files"] = {"history": {"name": "../history.h5", "sha256": "0"}}
    content["digest"] = folder._digest(content)
    (saved / "campaign.json").write_text(json.dumps(content))
    with pytest.raises(IntegrityError, match=r"history\.h5"):
        Campaign.load(saved)


def test_other_places_are_refused(campaign: Campaign, tmp_path: Path) -> None:
    with pytest.raises(IoError):
        Campaign.load(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="other files"):
        campaign.save(tmp_path)
    with pytest.raises(ConfigurationError, match="a file"):
        campaign.save(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"
