"""Files and functions stay small: beyond the budget a warning, beyond the limit a failure."""

import statistics
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from .inspection import Function, cpp_functions, python_functions

pytestmark = pytest.mark.filterwarnings("default")  # a budget that is passed is shown, not raised

FILE_WARNS, FILE_FAILS = 500, 800
FUNCTION_WARNS, FUNCTION_FAILS = 80, 120
BINDING_WARNS, BINDING_FAILS = 300, 400
PUBLIC_HEADERS = 60
ROOT_CMAKE_WARNS, ROOT_CMAKE_FAILS = 150, 250


def sources(repository: Path, *patterns: str) -> list[Path]:
    folders = ("cpp", "python", "tests", ".ci")
    return sorted(
        path
        for folder in folders
        for pattern in patterns
        for path in (repository / folder).rglob(pattern)
        if "__pycache__" not in path.parts
    )


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def check_sizes(sizes: Sequence[tuple[str, int]], warns: int, fails: int) -> None:
    over = [f"{name}: {size} lines" for name, size in sizes if size > warns]
    if over:
        warnings.warn(f"beyond {warns} lines: {over}", stacklevel=2)
    failing = [f"{name}: {size} lines" for name, size in sizes if size > fails]
    assert not failing, f"beyond {fails} lines: {failing}"


def check_functions(functions: Sequence[Function], repository: Path) -> None:
    assert functions
    sizes = [(f"{f.path.relative_to(repository)}:{f.name}", f.lines) for f in functions]
    check_sizes(sizes, FUNCTION_WARNS, FUNCTION_FAILS)
    percentile = statistics.quantiles([f.lines for f in functions], n=20)[-1] if len(functions) > 1 else 0
    if percentile > 40:
        warnings.warn(f"the 95th percentile of function lengths is {percentile:.0f} lines, budget 40", stacklevel=2)


def test_files(repository: Path) -> None:
    files = sources(repository, "*.cpp", "*.hpp", "*.py")
    check_sizes([(str(path.relative_to(repository)), line_count(path)) for path in files], FILE_WARNS, FILE_FAILS)
    median = statistics.median(line_count(path) for path in files)
    if median > 120:
        warnings.warn(f"the median file has {median:.0f} lines, budget 120", stacklevel=2)


def test_binding_files(repository: Path) -> None:
    files = sorted((repository / "python/bindings").glob("*.cpp"))
    assert files
    check_sizes([(path.name, line_count(path)) for path in files], BINDING_WARNS, BINDING_FAILS)


def test_cpp_functions(repository: Path) -> None:
    check_functions(cpp_functions(sources(repository, "*.cpp", "*.hpp")), repository)


def test_python_functions(repository: Path) -> None:
    check_functions(python_functions(sources(repository, "*.py")), repository)


def test_root_cmake(repository: Path) -> None:
    check_sizes([("CMakeLists.txt", line_count(repository / "CMakeLists.txt"))], ROOT_CMAKE_WARNS, ROOT_CMAKE_FAILS)


def test_public_headers(public_headers: list[Path]) -> None:
    if len(public_headers) > PUBLIC_HEADERS:
        warnings.warn(f"{len(public_headers)} public headers, budget {PUBLIC_HEADERS}", stacklevel=2)
    assert len(public_headers) <= 2 * PUBLIC_HEADERS


def test_the_counters_count(tmp_path: Path) -> None:
    cpp = tmp_path / "sample.cpp"
    cpp.write_text("namespace a {\nint f(int x) {\n  auto g = [&] {\n    return x;\n  };\n  return g();\n}\n}\n")
    assert [(f.name, f.lines) for f in cpp_functions([cpp])] == [("f", 6)]
    python = tmp_path / "sample.py"
    python.write_text('def f(x):\n    """Says\n\n    what it does.\n    """\n    return x\n')
    assert [(f.name, f.lines) for f in python_functions([python])] == [("f", 2)]
    with pytest.raises(AssertionError, match="beyond 5 lines"):
        check_sizes([("f", 6)], 10, 5)
