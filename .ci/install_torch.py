"""Install the torch that pyproject.toml pins; say first what it costs where only builds for GPUs are offered.

LUBAN_TORCH_INDEX names a package index to look in besides the usual ones, for example PyTorch's own for CPUs.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
FOR_GPUS = ("nvidia-", "cuda-", "triton")  # what a build for GPUs brings along


def requirement() -> str:
    """Return the pinned torch, as the extra `neural` says it."""
    project_file = Path(__file__).resolve().parent.parent / "pyproject.toml"
    content = tomllib.loads(project_file.read_text(encoding="utf-8"))
    [pinned] = content["project"]["optional-dependencies"]["neural"]
    return str(pinned)


def is_installed(pinned: str) -> bool:
    """Whether this Python has a torch of the pinned minor version."""
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return False
    return version.startswith(pinned.removeprefix("torch==").removesuffix("*"))


def pip_install(*arguments: str) -> list[str]:
    """Return a pip command that also looks where LUBAN_TORCH_INDEX points."""
    index = os.environ.get("LUBAN_TORCH_INDEX", "")
    places = ["--extra-index-url", index] if index else []
    return [sys.executable, "-m", "pip", "install", "-q", *places, *arguments]


def missing_files(pinned: str) -> list[tuple[str, str]]:
    """Name and address of every file that pip would fetch; nothing is fetched but descriptions."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = pip_install("--dry-run", "--report", str(report), pinned)
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.exit(
                f"{pinned} is not to be had for this Python:\n{result.stderr.strip()}\n"
                f"LUBAN_TORCH_INDEX={CPU_INDEX} looks there too; TRAINING=OFF builds all but the training of networks."
            )
        content = json.loads(report.read_text(encoding="utf-8"))
    return [(entry["metadata"]["name"].lower(), entry["download_info"]["url"]) for entry in content["install"]]


def size(url: str) -> int:
    """Bytes of a file, 0 when its server does not say."""
    if not url.startswith("http"):
        return 0
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=20) as answer:
            return int(answer.headers.get("Content-Length", 0))
    except (urllib.error.URLError, TimeoutError, ValueError):
        return 0


def has_gpu() -> bool:
    """Whether a GPU of NVIDIA's is in this machine, with its driver."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def cost_warning(files: list[tuple[str, str]]) -> str:
    """Say what to know before a build for GPUs is fetched for a machine without one; empty when it is not so."""
    for_gpus = [name for name, _ in files if name.startswith(FOR_GPUS)]
    if not for_gpus or has_gpu():
        return ""
    gigabytes = sum(size(url) for _, url in files) / 1e9
    cost = f"{gigabytes:.1f} GB" if gigabytes > 0.1 else "several GB"
    return (
        f"   Only builds of torch for GPUs are offered here, and this machine has none: {len(files)} packages, {cost}\n"
        f"   to download and about twice that on the disk. The build for CPUs is a tenth of it: stop with Ctrl-C\n"
        f"   and set LUBAN_TORCH_INDEX={CPU_INDEX}"
    )


def main() -> None:
    """Install torch when it is missing."""
    pinned = requirement()
    if is_installed(pinned):
        return
    sys.stdout.write(f"== {pinned}, for the training of networks (TRAINING=OFF goes without)\n")
    sys.stdout.flush()
    if warning := cost_warning(missing_files(pinned)):
        sys.stdout.write(f"{warning}\n")
        sys.stdout.flush()
    subprocess.run(pip_install(pinned), check=True)


if __name__ == "__main__":
    main()
