"""Write the type stub of an extension module: python .ci/write_stub.py luban._core OUTPUT.pyi."""

import subprocess
import sys
import tempfile
from pathlib import Path

# How default arguments are written: an enumerator by its name in _core, an object as `...`.
DEFAULTS = [
    r"--enum-class-locations=\w+:luban._core",
    r"--ignore-invalid-expressions=<luban\._\w+\.\w+ object at 0x[0-9a-f]+>",
]


def main(module: str, output: Path) -> None:
    """Run pybind11-stubgen on `module` and put its one file at `output`; any complaint is an error."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pybind11_stubgen", module, "--exit-code", "--output-dir", folder, *DEFAULTS]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.exit(f"pybind11-stubgen {module} failed:\n{result.stdout}{result.stderr}")
        stub = Path(folder, *module.split(".")).with_suffix(".pyi")
        output.write_text(stub.read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
