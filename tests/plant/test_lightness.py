"""`luban.plant` loads nothing heavy: the edge has no HDF5, and asyncua is optional."""

import subprocess
import sys
from typing import Any

import pytest

from luban.errors import NotBuiltError
from luban.plant.opcua import asyncua_access

HEAVY = ("asyncua", "cryptography", "pandas", "luban._history", "luban.history", "pint", "sqlite3")


def loaded(code: str) -> list[str]:
    program = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_nothing_heavy_comes_in() -> None:
    assert loaded("import luban, luban.plant") == []
    assert loaded("from luban.plant import Plant, SystemClock, WriteResult, FinishedRun") == []
    assert set(loaded("from luban.plant import OpcuaPlant, SimulatedPlant, simulate_server")) <= {"pint"}


def test_every_public_name_can_be_had() -> None:
    loaded("import luban.plant\nfor name in luban.plant.__all__: getattr(luban.plant, name)")


def test_without_asyncua_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(asyncua_access.importlib, "import_module", missing)
    with pytest.raises(NotBuiltError, match=r"luban\[opcua\]"):
        asyncua_access.asyncua_module()
