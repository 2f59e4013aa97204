"""Fixtures for all tests: where the sources and the build are."""

import os
import subprocess
from collections.abc import Iterator
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    if os.geteuid() != 0:
        pytest.skip("a disk of one MiB is a tmpfs mount, which only root may make")
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
        subprocess.run(mounted, check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no tmpfs can be mounted here: {error.stderr.decode()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
