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
LEARNING = {"README.md", "README.zh-CN.md", "docs/first-history.md", "docs/model-artefact.md"}


def by_speed(documents: list[Path]) -> list[object]:
    return [
        pytest.param(document, id=name(document), marks=[pytest.mark.slow] if name(document) in LEARNING else [])
        for document in documents
    ]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks to the snippets like the root of the repository."""
    for folder in ("configs", "python/luban/data"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_python(snippet: Snippet, namespace: dict[str, object]) -> None:
    exec(compile(snippet.source, str(snippet.document), "exec"), namespace)


def commands(snippet: Snippet) -> list[tuple[str, list[str]]]:
    """The lines that begin with ``$ luban``, each with the output shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in re.sub(r"\\\n\s*", "", snippet.text).splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        elif line.strip() and found:
            found[-1][1].append(line)
    return found


def shows(output: str, shown: list[str]) -> bool:
    """Whether the shown lines stand in the output in this order; blanks count once, … stands for anything."""
    parts = [re.escape(" ".join(part.split())) for line in shown for part in line.split("…") if part.strip()]
    return re.search(".*?".join(parts), " ".join(output.split()), re.DOTALL) is not None


def run_commands(snippet: Snippet, folder: Path) -> None:
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), COLUMNS="160")
    for line, shown in commands(snippet):
        words = shlex.split(line, comments=True)
        assert words[0] == "luban", f"{name(snippet.document)}, line {snippet.line}: {line}"
        command = [sys.executable, "-c", "import sys, luban.cli; luban.cli.main(sys.argv[1:])", *words[1:]]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name(snippet.document)}, line {snippet.line}: {line}\n{done.stderr}"
        assert shows(done.stdout, shown), f"{name(snippet.document)}, line {snippet.line}: {line}\n{done.stdout}"


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


def test_output_is_compared() -> None:
    output = "turning.h5: whole.\n  68 runs,   2,448 readings\n"
    assert shows(output, [])
    assert shows(output, ["turning.h5: …", "68 runs, 2,448 readings"])
    assert not shows(output, ["67 runs"])
    assert not shows(output, ["68 runs", "turning.h5"])
