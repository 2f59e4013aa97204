"""Fixtures for all tests: where the sources and the build are."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A property is about values, not about how busy the machine is; a build that is checked draws the same examples.
settings.register_profile("luban", deadline=None, derandomize=os.environ.get("CI") == "true", print_blob=True)
settings.load_profile("luban")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout that the tests lie in."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def build_folder(repository: Path) -> Path:
    """The CMake build folder that the tests belong to (LUBAN_BUILD_FOLDER; `make` uses build/release)."""
    folder = Path(os.environ.get("LUBAN_BUILD_FOLDER", repository / "build/release"))
    if not (folder / "CMakeCache.txt").exists():
        pytest.skip(f"{folder} is not a build folder: run make setup, or set LUBAN_BUILD_FOLDER")
    return folder
