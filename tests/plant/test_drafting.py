"""What is doubtful about a binding made by matching is marked where it stands."""

from typing import Any

import pytest
import yaml

from luban import _document
from luban.plant import BindingFile, BrowsedNode
from luban.plant.binding import BrowseName
from luban.plant.opcua.drafting import draft_binding
from luban.process import Process

URI = "urn:x"
INF = float("inf")
ACCESS = BindingFile.model_validate(
    {
        "luban": 1,
        "endpoint": "opc.tcp://host:1/x",
        "namespace": URI,
        "security": "none",
        "unencrypted_accepted_by": "A. Person",
    }
)


def node(*path: str, **facts: Any) -> BrowsedNode:
    names = tuple(BrowseName(namespace=URI, name=name) for name in path)
    usual: dict[str, Any] = {
        "value": 1.0, "status": 0, "data_type": "Double", "unit": None, "low": -INF, "high": INF, "writable": False,
    }  # fmt: skip
    return BrowsedNode(names, **(usual | facts))


def process(**changes: Any) -> Process:
    content: dict[str, Any] = {
        "luban": 1,
        "process": "line",
        "parameters": {
            "feed": {"unit": "mm/rev", "low": 0.1, "high": 0.2, "limits": {"low": 0.05, "high": 0.3}},
        },
        "context": {"material": {"categories": ["steel", "brass"]}},
        "responses": {"roughness": {"unit": "um"}},
        "objectives": [{"response": "roughness", "goal": "minimize"}],
    }
    return Process.from_dict(content | changes)


FEED = node("M", "Feed", unit="mm/rev", low=0.0, high=1.0, writable=True)
MATERIAL = node("M", "Material", value="steel", data_type="String")
SIGNALS = (
    node("M", "Heartbeat", data_type="UInt32"),
    node("M", "LoopHeartbeat", data_type="UInt32", writable=True),
    node("M", "Run", "RunCount", data_type="UInt32"),
    node("M", "Run", "Roughness", value=[1.0, 2.0], unit="um"),
)


def doubts(*nodes: BrowsedNode) -> dict[tuple[str, str], str]:
    draft = draft_binding(process(), nodes, ACCESS)
    text = draft.to_yaml()
    assert yaml.safe_load(text) == {"luban": 1, **draft.binding.model_dump(mode="json", exclude_defaults=True)}
    for doubt in draft.doubts:
        assert f"# ? {doubt.why}" in text or f": {doubt.why}" in text
    return {(doubt.section, doubt.name): doubt.why for doubt in draft.doubts}


def test_what_fits_is_not_doubted() -> None:
    assert doubts(FEED, MATERIAL, *SIGNALS) == {}
    draft = draft_binding(process(), [FEED, MATERIAL, *SIGNALS], ACCESS)
    assert set(draft.binding.outputs) == {"feed"}
    assert set(draft.binding.context) == {"material"}
    assert draft.binding.run is not None
    assert set(draft.binding.run.readings) == {"roughness"}


@pytest.mark.parametrize(
    ("name", "nodes", "said"),
    [
        ("feed", [], "no node is called so"),
        ("feed", [node("M", "Feed", unit="mm/rev")], "M/Feed may not be written"),
        ("feed", [node("M", "Feed", unit="um/rev", writable=True)], "M/Feed is in um/rev, the process in mm/rev"),
        ("feed", [FEED, node("N", "FEED", unit="mm/rev", writable=True)], "M/Feed and N/FEED would both do"),
        ("feed", [node("M", "Feed", writable=True)], "states no unit: add unit: mm/rev and unit_assumed: true"),
        ("feed", [node("M", "Feed", unit="mm/rev", low=0.1, high=0.2, writable=True)], "reach beyond"),
        ("feed", [node("M", "Feed", unit="mm/rev", data_type="String", writable=True)], "holds String"),
    ],
)
def test_a_doubt_about_an_output(name: str, nodes: list[BrowsedNode], said: str) -> None:
    found = doubts(*nodes, MATERIAL, *SIGNALS)
    assert list(found) == [("outputs", name)]
    assert said in found["outputs", name]


def test_a_doubt_about_context_inputs_and_signals() -> None:
    assert "add categories" in doubts(FEED, node("M", "Material", data_type="Int32"), *SIGNALS)["context", "material"]
    double = [node("M", "Roughness", unit="um"), node("N", "Roughness", unit="um")]
    assert "both do" in doubts(FEED, MATERIAL, *SIGNALS, *double)["inputs", "roughness"]
    assert set(doubts(FEED, MATERIAL)) == {("heartbeat", "plant"), ("heartbeat", "loop"), ("run", "count")}
    assert list(doubts(FEED, MATERIAL, *SIGNALS[:3])) == [("run", "roughness")]


def test_the_file_is_read_back_whatever_is_doubtful(tmp_path: Any) -> None:
    strange = "TIC-101.PV: #?"
    made = process(
        parameters={
            strange: {"unit": "mm/rev", "low": 0.1, "high": 0.2},
            "feed": {"unit": "mm/rev", "low": 0, "high": 1},
        }
    )
    nodes = [node("M", strange, writable=True), node("line\nend", "Feed", unit="um", writable=True)]
    draft = draft_binding(made, nodes, ACCESS)
    assert {doubt.name for doubt in draft.doubts} >= {strange, "feed"}
    path = tmp_path / "binding.yaml"
    path.write_text(draft.to_yaml(), encoding="utf-8")
    document = _document.read_yaml(path)
    assert _document.validated(BindingFile, document, "test") == draft.binding


def test_marks_are_counted_at_the_top() -> None:
    text = draft_binding(process(), [], ACCESS).to_yaml()
    marks = sum(line.lstrip().startswith("# ?") for line in text.splitlines())
    assert f"marked by a question mark: {marks}." in text
