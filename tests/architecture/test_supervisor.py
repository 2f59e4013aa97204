"""The process that owns the outputs loads nothing that learns, recommends, draws, or could take it along."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = ("torch", "mpi4py", "pandas", "pyarrow", "polars", "h5py", "matplotlib", "pint", "asyncua", "typer", "rich")
MODULES = "cycle kept_state observe optimizer_port people plan record running snapshot supervisor watch"


def run_python(code: str) -> list[str]:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.fixture(scope="session")
def forbidden(repository: Path) -> list[str]:
    """What the contract of the project file keeps away from the supervisor."""
    content = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = content["tool"]["importlinter"]["contracts"]
    (ours,) = [one for one in contracts if one.get("source_modules") == ["luban.service.supervisor"]]
    names: list[str] = ours["forbidden_modules"]
    assert len(names) > 10
    return [*names, "luban._history", "luban._training"]  # which import-linter does not see


def loaded(code: str) -> list[str]:
    return run_python(f"import sys\n{code}\nprint(*sys.modules)")


def is_among(name: str, names: list[str] | tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in names)


def test_every_module_of_the_supervisor_is_looked_at(repository: Path) -> None:
    folder = repository / "python/luban/service/supervisor"
    assert sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__") == MODULES.split()


def test_the_supervisor_loads_nothing_that_learns(forbidden: list[str]) -> None:
    code = "\n".join(f"import luban.service.supervisor.{name}" for name in MODULES.split())
    assert [name for name in loaded(code) if is_among(name, forbidden)] == []


def test_the_supervisor_loads_nothing_heavy() -> None:
    code = "\n".join(f"import luban.service.supervisor.{name}" for name in MODULES.split())
    assert [name for name in loaded(code) if is_among(name, HEAVY)] == []


def test_a_cycle_loads_nothing_that_learns(forbidden: list[str], repository: Path, tmp_path: Path) -> None:
    """Not when it is imported, and not when it runs either: closed, written, its optimizer lost, its plant down."""
    code = f"""
sys.path.insert(0, {str(repository)!r})
from pathlib import Path
from luban.process import Process
from tests.service.support import Line
process = Process.from_yaml({str(repository / "configs/process/turning.yaml")!r})
line = Line(process, Path({str(tmp_path / "l.sqlite")!r}))
line.until("closed")
line.cycles(2)
line.advisor.says = None
line.plant.faults.disconnected = True
line.cycles(8)
line.plant.faults.clear()
line.cycles(8)
line.close()
"""
    found = loaded(code)
    allowed = ("luban.history", "luban._history")  # simulated plants stand beside replayed ones
    assert [name for name in found if is_among(name, forbidden) and not is_among(name, allowed)] == []
    assert [name for name in found if is_among(name, HEAVY) and not is_among(name, ["pint"])] == []  # units do


def test_the_messages_load_no_supervisor() -> None:
    found = loaded("import luban.service.messages, luban.service.wire")
    assert [name for name in found if name.startswith("luban.service.supervisor")] == []
