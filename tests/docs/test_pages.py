"""Every page is in the navigation, every key of the process file is explained, and both READMEs say the same."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from ..architecture.inspection import schema_keys
from .snippets import REPOSITORY, snippets

DOCS = REPOSITORY / "docs"
ENGLISH, CHINESE = REPOSITORY / "README.md", REPOSITORY / "README.zh-CN.md"


def pages(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from pages(child)


def test_every_page_is_in_the_navigation() -> None:
    navigation = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = sorted(pages(navigation))
    assert listed == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_every_key_of_the_process_file_is_explained() -> None:
    schema = json.loads((REPOSITORY / "configs/schema/process.schema.json").read_text(encoding="utf-8"))
    page = (DOCS / "process-file.md").read_text(encoding="utf-8")
    keys = set(schema_keys(schema)) - {"name"}  # `name` stands inside a column: `{name: Vc, unit: ft/min}`
    missing = [key for key in sorted(keys) if not re.search(rf"[`{{ ,]{key}[`:,]", page)]
    assert not missing, missing


def without_comments(code: str) -> str:
    return re.sub(r"[ \t]*#[^\n]*", "", code)


def test_the_chinese_readme_shows_the_same() -> None:
    for language in ("sh", "python", "console"):
        english, chinese = ([without_comments(s.text) for s in snippets(p, language)] for p in (ENGLISH, CHINESE))
        assert english == chinese, language
    for pattern in (r"^#+ ", r"^\| ", r"^!\[", r"\]\((?!README)[^)]*\)"):
        counts = [len(re.findall(pattern, p.read_text(encoding="utf-8"), re.MULTILINE)) for p in (ENGLISH, CHINESE)]
        assert counts[0] == counts[1], f"{pattern}: {counts}"


def test_the_system_packages_are_those_that_setup_asks_for() -> None:
    script = (REPOSITORY / ".ci/system_packages.sh").read_text(encoding="utf-8")
    groups = {name: packages.split() for name, packages in re.findall(r'\[(\w+)\]="([^"]*)"', script)}
    page = (DOCS / "install.md").read_text(encoding="utf-8")
    (line,) = (s.text for s in snippets(DOCS / "install.md", "sh") if "apt-get install" in s.text)
    assert line.replace("\\\n", " ").split()[4:] == groups["build"]
    assert all(f"`{package}`" in page for package in groups["mpi"] + groups["test"] + groups["wheel"])
