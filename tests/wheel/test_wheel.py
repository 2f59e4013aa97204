"""The wheel in a bare Debian: no compiler, no -dev package, nothing of this machine but the wheels themselves."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

MIRROR = os.environ.get("LUBAN_DEBIAN_MIRROR", "http://deb.debian.org/debian")
SUITES = {(3, 11): "bookworm", (3, 13): "trixie"}  # the Debian whose Python is the one that the wheel is for
# Libraries that every Linux has, by the manylinux policy (PEP 600); anything else must be inside the wheel.
OF_THE_SYSTEM = {
    "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libstdc++.so.6", "libgcc_s.so.1",
    "libresolv.so.2", "libz.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
}  # fmt: skip
# What trains networks needs torch, which pip installs; nothing else of the wheel may.
OF_TORCH = {"libtorch.so", "libtorch_cpu.so", "libtorch_python.so", "libc10.so"}
WITH_TORCH = ("_training.", "libluban_training")

# What a person does first, from the packaged data to a recommendation.
FIRST_HOUR = """
import json, sys
import luban

history = luban.datasets.turning()
campaign = luban.Campaign(history.process, history=history)
model = campaign.fit()
recommendation = campaign.recommend(1, context={"diameter": "D30", "tool_wear": "Worn"})[0]
json.dump({
    "version": luban.__version__,
    "where": luban.__file__,
    "surrogate": type(model.surrogate).__name__,
    "training": luban.training.available(),
    "settings": recommendation.settings,
    "why": list(recommendation.why),
}, sys.stdout)
"""


def run(command: Sequence[str | Path], **more: Any) -> str:
    """Run a command; its whole output is the message when it fails."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)
    assert result.returncode == 0, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(repository: Path) -> Path:
    """The repaired wheel that `make wheel` made; LUBAN_WHEEL_REQUIRED=1 (make test-long) insists on it."""
    wheels = sorted((repository / "wheelhouse").glob("luban-*.whl"))
    if not wheels and os.environ.get("LUBAN_WHEEL_REQUIRED") != "1":
        pytest.skip("there is no wheel in wheelhouse/: make wheel")
    assert len(wheels) == 1, f"expected one wheel in wheelhouse/, found {wheels}"
    return wheels[0]


@pytest.fixture(scope="module")
def bare_system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a minimal Debian and its Python, made by debootstrap."""
    if os.geteuid() != 0:
        pytest.skip("debootstrap and chroot need root")
    debootstrap = shutil.which("debootstrap")
    assert debootstrap is not None, "debootstrap is not installed: bash .ci/system_packages.sh wheel"
    version = (sys.version_info.major, sys.version_info.minor)
    if version not in SUITES:
        pytest.skip(f"no Debian release has Python {version[0]}.{version[1]}")
    try:
        urllib.request.urlopen(f"{MIRROR}/dists/{SUITES[version]}/Release", timeout=30).close()
    except OSError as error:
        pytest.skip(f"{MIRROR} cannot be reached: {error}")
    root = tmp_path_factory.mktemp("bare") / "root"
    run([debootstrap, "--variant=minbase", "--include=python3-venv", SUITES[version], root, MIRROR])
    return root


def inside(root: Path, *command: str) -> str:
    """Run a command in the bare system, with nothing of the environment."""
    chroot = shutil.which("chroot")
    assert chroot is not None
    plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", "MPLBACKEND": "Agg"}
    return run([chroot, root, *command], env=plain, cwd="/")


def test_the_wheel_carries_its_libraries(wheel: Path, tmp_path: Path) -> None:
    """Every library that a file of the wheel needs is of the system or in the wheel."""
    assert "manylinux" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    libraries = [path for path in tmp_path.rglob("*.so*") if path.is_file()]
    carried = {path.name for path in libraries}
    assert {"libluban_core.so", "libluban_surrogate.so", "libluban_recommend.so"} <= carried
    missing = {}
    for path in libraries:
        needed = {
            line.rpartition("[")[2].rstrip("]")
            for line in run(["readelf", "-d", path]).splitlines()
            if "(NEEDED)" in line
        }
        allowed = OF_THE_SYSTEM | carried | (OF_TORCH if path.name.startswith(WITH_TORCH) else set())
        if strangers := needed - allowed:
            missing[path.name] = strangers
    assert not missing


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith((".dist-info", ".libs"))} == {"luban"}
    assert {"luban/py.typed", "luban/_core.pyi", "luban/_history.pyi", "luban/__init__.py"} <= set(names)
    assert not [name for name in names if "openmpi" in name]
    assert not [name for name in names if name.endswith((".hpp", ".cpp", ".pyc", ".a"))]
    assert not [name for name in names if Path(name).name.lower().startswith(("test_", "conftest"))]


def test_installs_fits_and_recommends_in_a_bare_system(wheel: Path, bare_system: Path) -> None:
    packages = bare_system / "wheels"
    run([sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "-d", packages, wheel])
    found = inside(bare_system, "sh", "-c", "command -v cc c++ gcc g++ clang cmake ninja make || true")
    assert found == "", f"the bare system has build tools: {found}"
    installed = inside(bare_system, "dpkg-query", "-W", "-f=${Package}\n").split()
    assert [name for name in installed if name.endswith("-dev")] == []

    inside(bare_system, "python3", "-m", "venv", "/venv")
    install = ["-m", "pip", "install", "-q", "--no-index", "--find-links=/wheels", "luban"]
    inside(bare_system, "/venv/bin/python", *install)
    said = json.loads(inside(bare_system, "/venv/bin/python", "-c", FIRST_HOUR))
    assert said["where"].startswith("/venv/")
    assert f"luban-{said['version']}-" in wheel.name
    assert set(said["settings"]) == {"cutting_speed", "feed", "depth_of_cut"}
    assert said["why"]
    assert not said["training"], "the bare system has no torch"
    assert "luban" in inside(bare_system, "/venv/bin/luban", "--help")
