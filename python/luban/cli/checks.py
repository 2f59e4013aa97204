"""What ``luban doctor`` looks at, one function per part: nothing here changes the machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from luban import errors

__all__ = ["Check", "State", "all_checks"]

State = Literal["works", "absent", "caution", "broken"]

_REQUIRED = ("numpy", "pandas", "h5py", "pydantic", "pint", "yaml", "typer", "rich", "matplotlib")
_DISTRIBUTION = {"yaml": "PyYAML"}


@dataclass(frozen=True)
class Check:
    """One part: ``works``; ``absent`` (optional, and not here); ``caution`` (works, not at its best); ``broken``."""

    name: str
    state: State
    found: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain values, for ``--json``."""
        return {"name": self.name, "state": self.state, "found": self.found, "remedy": self.remedy}


def all_checks() -> list[Check]:
    """Look at everything once."""
    return [
        *_package(),
        *_libraries(),
        *_processors(),
        *_python_packages(),
        _torch(),
        *_message_passing(),
        _gpus(),
        _slurm(),
    ]


def _package() -> Iterator[Check]:
    from luban import _core

    info = _core.build_info()
    yield Check("luban", "works", f"{info['version']}, revision {info['revision']}, {Path(__file__).parents[1]}")
    yield Check("Python", "works", f"{platform.python_version()}, {sys.executable}")
    yield Check("build", "works", f"{info['build_type']}, {info['compiler']}, {info['system']}")
    yield _history_round_trip()


def _history_round_trip() -> Check:
    """Write, read and verify a history of three readings in a temporary folder."""
    try:
        runs = _write_and_verify()
    except (errors.Error, OSError, ImportError) as error:
        return Check("history", "broken", f"cannot write and read a history: {error}", "install the package again")
    return Check("history", "works", f"{runs} runs written, read and verified in {tempfile.gettempdir()}")


def _write_and_verify() -> int:
    import pandas as pd

    from luban import History, Parameter, Process, Response

    process = Process(
        "doctor",
        parameters=[Parameter("speed", unit="m/min", low=0.0, high=1.0)],
        responses=[Response("wear", unit="um")],
    )
    frame = pd.DataFrame({"speed": [0.1, 0.5, 0.9], "wear": [1.0, 2.0, 3.0]})
    with tempfile.TemporaryDirectory(prefix="luban-doctor-") as folder:
        history = History.from_frame(process, frame, Path(folder) / "doctor.h5")
        report = history.verify()
        if not report.ok:
            raise errors.IntegrityError(
                where="doctor.history", expected="a whole file", received=f"{report.damages[0][1]}"
            )
        return len(history.read(rows="runs"))


def _libraries() -> Iterator[Check]:
    from luban import _core

    info = _core.build_info()
    yield Check("TBB", "works", f"oneTBB {info['tbb']} (threads of fits and searches)")
    yield Check("HDF5", "works", f"HDF5 {info['hdf5']} (history files)")
    yield Check("Linear algebra", "works", f"built in, with Eigen {info['eigen']}")


def _processors() -> Iterator[Check]:
    from luban import parallel

    try:
        budget = parallel.cpu_budget()
    except errors.ConfigurationError as error:
        yield Check("CPU budget", "caution", str(error), "unset LUBAN_THREADS")
        return
    yield Check(
        "CPU budget",
        "works",
        f"{budget.threads} of {os.cpu_count()} threads, decided by {budget.decided_by}",
        "LUBAN_THREADS=n lowers it",
    )
    if budget.threads > 1:
        measured = parallel.measure_speedup(seconds=0.1)
        poor = measured.ratio < 0.6 * measured.threads
        yield Check(
            "CPU speed-up",
            "caution" if poor else "works",
            f"{measured.ratio:.2f} times one thread on {measured.threads}",
            "the CPUs are shared or throttled: look for other programs" if poor else "",
        )
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        if os.environ.get(name, "1") != "1":
            yield Check(name, "caution", f"{name}={os.environ[name]}", f"export {name}=1: Luban's own threads suffice")


def _version(module: str) -> str | None:
    """Version of an installed package, without importing it; None when there is none."""
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return importlib.metadata.version(_DISTRIBUTION.get(module, module))
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def _python_packages() -> Iterator[Check]:
    versions = {name: _version(name) for name in _REQUIRED}
    missing = [_DISTRIBUTION.get(name, name) for name, version in versions.items() if version is None]
    if missing:
        yield Check("Python packages", "broken", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    else:
        yield Check("Python packages", "works", ", ".join(f"{name} {version}" for name, version in versions.items()))
    arrow = {name: _version(name) for name in ("pyarrow", "polars")}
    present = [f"{name} {version}" for name, version in arrow.items() if version is not None]
    if arrow["pyarrow"] is None:
        yield Check("Arrow", "absent", "no pyarrow: Parquet files are not read or written", "pip install pyarrow")
    else:
        yield Check("Arrow", "works", ", ".join(present))


def _torch() -> Check:
    from luban import _core

    built = _core.build_info()
    version = _version("torch")
    if version is None:
        return Check(
            "torch",
            "absent",
            "not installed: neural surrogates need it, Gaussian processes do not",
            "pip install 'luban[neural]'",
        )
    if not built.get("with_training"):
        return Check(
            "torch",
            "caution",
            f"torch {version} is installed, but this luban was built without training",
            "LUBAN_WITH_TRAINING=1 pip install 'luban[neural]'",
        )
    if str(built.get("torch", "")).split("+")[0] != version.split("+")[0]:
        return Check(
            "torch",
            "broken",
            f"torch {version} is installed, this luban was built against {built.get('torch')}",
            f"pip install torch=={built.get('torch')}",
        )
    return Check("torch", "works", f"torch {version}")


def _output(*command: str) -> str | None:
    """First line that a program prints; None when it is not there or fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _message_passing() -> Iterator[Check]:
    from luban import parallel

    plugin = parallel.find_plugin("openmpi")
    launcher = _output("mpirun", "--version")
    build = "install libopenmpi-dev, then LUBAN_WITH_OPENMPI=1 pip install . in the sources"
    if plugin.usable:
        found = f"plugin openmpi with {plugin.library}, {plugin.path}"
        if launcher is None and shutil.which("srun") is None:
            yield Check("MPI", "caution", f"{found}; no mpirun and no srun", "install openmpi-bin")
        else:
            yield Check("MPI", "works", found)
    elif plugin.present:
        yield Check("MPI", "caution", f"plugin openmpi cannot be used: {plugin.why_not}", build)
    else:
        here = f"{launcher.splitlines()[0]}, but " if launcher else ""
        yield Check("MPI", "absent", f"{here}no plugin openmpi: one process does the work", build)
    yield Check("NCCL", "absent", "not part of this build: no rank needs it")


def _gpus() -> Check:
    listed = _output("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    if listed:
        return Check("GPU", "works", "; ".join(listed.splitlines()))
    if Path("/dev/nvidiactl").exists():
        return Check("GPU", "caution", "a device is there, but nvidia-smi does not answer", "look at the driver")
    return Check("GPU", "absent", "none: what is built in needs none")


def _slurm() -> Check:
    job = os.environ.get("SLURM_JOB_ID")
    version = _output("sinfo", "--version")
    if version:
        inside = f"; inside job {job}" if job else ""
        return Check("Slurm", "works", f"{version}{inside}")
    return Check("Slurm", "absent", "no sinfo here: jobs run on this machine")
