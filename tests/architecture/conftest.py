"""What the architecture tests share: the table of modules and the public headers."""

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def module_table(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "tests/architecture/modules.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def modules(repository: Path, module_table: dict[str, Any]) -> list[str]:
    """The C++ modules that exist, in data-path order."""
    present = {path.parent.name for path in (repository / "cpp/luban").glob("*/CMakeLists.txt")}
    unknown = present - set(module_table["modules"])
    assert not unknown, f"modules that modules.toml does not know: {sorted(unknown)}"
    return [name for name in module_table["modules"] if name in present]


@pytest.fixture(scope="session")
def public_headers(repository: Path) -> list[Path]:
    """The headers that others may include: not in detail/, not ending in _impl.hpp."""
    return sorted(
        path
        for path in (repository / "cpp/luban").rglob("*.hpp")
        if "detail" not in path.parts and not path.stem.endswith("_impl")
    )
