"""`import luban` is quick, loads nothing heavy, and shows few names; the Python layers hold."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "mpi4py", "pandas", "pydantic", "pyarrow", "polars", "h5py", "matplotlib", "pint")
DOOR = {
    "History", "Process", "Parameter", "ContextVariable", "Response", "Objective", "OutcomeConstraint", "Campaign",
    "fit", "load",
}  # fmt: skip
LIMIT_S = 0.3


def run_python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_import_takes_less_than_the_limit() -> None:
    code = "import time; t = time.perf_counter(); import luban; print(time.perf_counter() - t)"
    best = min(float(run_python(code)) for _ in range(5))
    assert best <= LIMIT_S


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, luban; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert run_python(code).split() == []


def test_the_door_has_ten_names() -> None:
    code = "import luban; print(*luban.__all__)"
    assert set(run_python(code).split()) == DOOR | {"build_info", "__version__"}


def test_every_name_at_the_door_can_be_had() -> None:
    run_python("import luban\nfor name in luban.__all__: getattr(luban, name)")


def test_version_is_the_one_of_the_project_file(repository: Path) -> None:
    lines = (repository / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    stated = next(line.split('"')[1] for line in lines if line.startswith("version = "))
    shown = run_python("import luban; print(luban.__version__, luban.build_info()['version'])")
    assert shown.split() == [stated, stated]


def test_python_layers(repository: Path) -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_package_is_typed() -> None:
    code = "import luban, pathlib; print(*sorted(p.name for p in pathlib.Path(luban.__file__).parent.glob('*')))"
    files = run_python(code).split()
    assert {"py.typed", "_core.pyi", "_history.pyi"} <= set(files)
