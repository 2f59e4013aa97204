"""Paths that the documents name exist, and every decision record has its date."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "cluster").rglob("*.md"),
     *(REPOSITORY / "cpp").rglob("*.md"), *(REPOSITORY / "tests").rglob("*.md")]
)  # fmt: skip
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\s]+)`")
GENERATED = ("demo/", "build/", "site/", "wheelhouse/")
# What a path in backticks begins with.
ROOTS = ("cpp/", "python/", "tests/", "docs/", "configs/", "notebooks/", "cluster/", ".ci/")


def is_checked_link(path: str) -> bool:
    return bool(path) and "://" not in path and not path.startswith(("mailto:", *GENERATED))


def is_checked_code(name: str) -> bool:
    placeholder = re.search(r"[<>*{}$…]|\bNAME\b", name)  # docs/NAME.md stands for many
    return name.startswith(ROOTS) and placeholder is None


def missing_paths(document: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [target.split("#")[0] for target in LINK.findall(text)]
    codes = [name.split("#")[0].split("::")[0].rstrip("/.,") for name in CODE.findall(text)]
    missing = [path for path in links if is_checked_link(path) and not (document.parent / path).exists()]
    return missing + [name for name in codes if is_checked_code(name) and not (REPOSITORY / name).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_named_paths_exist(document: Path) -> None:
    assert missing_paths(document) == []


def test_the_check_sees_a_missing_path(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("see [there](nowhere.md), `cpp/luban/nothing.hpp` and `cpp/luban/core/error.hpp`")
    assert missing_paths(page) == ["nowhere.md", "cpp/luban/nothing.hpp"]


def test_decisions_are_dated() -> None:
    records = sorted((REPOSITORY / "docs/decisions").glob("[0-9]*.md"))
    assert records
    undated = [
        r.name for r in records if not re.search(r"^Date: \d{4}-\d\d-\d\d$", r.read_text(encoding="utf-8"), re.M)
    ]
    assert not undated, undated
