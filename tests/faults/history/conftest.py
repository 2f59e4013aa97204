"""The library that lets calls fail."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .support import HERE


@pytest.fixture(scope="session")
def failing_calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets calls fail, compiled here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here: the library that lets calls fail cannot be made")
    library = tmp_path_factory.mktemp("shim") / "failing_calls.so"
    command = [compiler, "-O1", "-shared", "-fPIC", str(HERE / "failing_calls.c"), "-o", str(library), "-ldl"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return library
