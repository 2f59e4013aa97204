"""What the documents show as runnable runs: Python blocks, command lines and process files."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .snippets import REPOSITORY, Snippet, documents_with, name, snippets

# Documents whose blocks learn a model, in minutes on a small machine.
LEARNING = {"README.md", "README.zh-CN.md", "docs/first-history.md"}


def by_speed(documents: list[Path]) -> list[object]:
    return [
        pytest.param(document, id=name(document), marks=[pytest.mark.slow] if name(document) in LEARNING else [])
        for document in documents
    ]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks to the snippets like the root of the repository."""
    shutil.copytree(REPOSITORY / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_python(snippet: Snippet, namespace: dict[str, object]) -> None:
    exec(compile(snippet.source, str(snippet.document), "exec"), namespace)


def run_commands(snippet: Snippet, folder: Path) -> None:
    """Run the lines that begin with ``$ luban``; all else in the block is output."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), COLUMNS="160")
    for line in re.sub(r"\\\n\s*", "", snippet.text).splitlines():
        if not line.startswith("$ luban "):
            continue
        words = shlex.split(line.removeprefix("$ luban "), comments=True)
        command = [sys.executable, "-c", "import sys, luban.cli; luban.cli.main(sys.argv[1:])", *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name(snippet.document)}, line {snippet.line}: {line}\n{done.stderr}"


@pytest.mark.parametrize("document", by_speed(documents_with("python", "console")))
def test_snippets_run(document: Path, workplace: Path) -> None:
    """Blocks of one document run in order and share their names and files."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for snippet in snippets(document, "python", "console"):
        if snippet.language == "python":
            run_python(snippet, namespace)
        else:
            run_commands(snippet, workplace)


def test_a_wrong_snippet_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n```python\nimport luban\nluban.no_such_name\n```\n")
    (snippet,) = snippets(page, "python")
    with pytest.raises(AttributeError) as caught:
        run_python(snippet, {})
    assert caught.traceback[-2].lineno + 1 == 5  # the line of the page
