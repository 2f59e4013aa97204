"""The libraries that are loaded before the C library."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .support import HERE


def compiled(source: str, folder: Path) -> Path:
    """The library of a source file beside this one."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip(f"no C compiler here: the library of {source} cannot be made")
    library = (folder / source).with_suffix(".so")
    command = [compiler, "-O1", "-shared", "-fPIC", str(HERE / source), "-o", str(library), "-ldl"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return library


@pytest.fixture(scope="session")
def failing_calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets calls fail."""
    return compiled("failing_calls.c", tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="session")
def recorded_calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that records calls."""
    return compiled("recorded_calls.c", tmp_path_factory.mktemp("shim"))
