"""Reads C++ and Python sources well enough to count lines of functions and to list names."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Tag:
    """One name that a C++ file declares."""

    path: Path
    name: str
    kind: str
    line: int
    end: int


@dataclass(frozen=True)
class Function:
    """One function body and how many lines it takes, from its first line to its last."""

    path: Path
    name: str
    lines: int


def cpp_tags(paths: Sequence[Path], kinds: str = "cdefgmnpstuvx") -> list[Tag]:
    """Names declared in C++ files, by universal-ctags."""
    program = shutil.which("ctags")
    if program is None:
        pytest.fail("universal-ctags is not installed: run make setup (Debian package universal-ctags)")
    command = [
        program, "--options=NONE", "--output-format=json", "--fields=+neK", "--languages=C++",
        "--langmap=C++:.cpp.hpp.cu", f"--kinds-C++={kinds}", "-I", "LUBAN_+", "-L", "-", "-f", "-",
    ]  # fmt: skip
    listing = "\n".join(str(path) for path in paths)
    output = subprocess.run(command, input=listing, capture_output=True, text=True, check=True).stdout
    tags = []
    for line in output.splitlines():
        entry = json.loads(line)
        if not entry["name"].startswith("__anon"):
            tags.append(
                Tag(
                    path=Path(entry["path"]),
                    name=entry["name"],
                    kind=entry["kind"],
                    line=entry["line"],
                    end=entry.get("end", entry["line"]),
                )
            )
    return tags


def cpp_functions(paths: Sequence[Path]) -> list[Function]:
    """Function definitions in C++ files; a lambda counts within the function that holds it."""
    return [Function(tag.path, tag.name, tag.end - tag.line + 1) for tag in cpp_tags(paths, kinds="f")]


def python_functions(paths: Sequence[Path]) -> list[Function]:
    """Functions in Python files, without their docstrings: a long explanation is no long function."""

    def of(path: Path) -> Iterator[Function]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                first = node.body[0]
                if ast.get_docstring(node) is not None:
                    lines -= (first.end_lineno or first.lineno) - first.lineno + 1
                yield Function(path, node.name, lines)

    return [function for path in paths for function in of(path)]


def words_of(name: str) -> set[str]:
    """The lower-case words of a snake_case or PascalCase name."""
    split = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", name)
    return {word.lower() for word in re.split(r"[^A-Za-z0-9]+", split) if word}


def schema_keys(value: object) -> Iterator[str]:
    """Names of the keys that a JSON schema has, at any depth."""
    if isinstance(value, dict):
        yield from value.get("properties", {})
        for child in value.values():
            yield from schema_keys(child)
    elif isinstance(value, list):
        for child in value:
            yield from schema_keys(child)
