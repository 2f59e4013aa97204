"""What can be said of the scripts without a Slurm: they parse, ask for the right things, and refuse in words."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .support import CANNOT_BE_HAD, LOCAL, REPOSITORY, TEMPLATE, run

SCRIPTS = [TEMPLATE, *(LOCAL / name for name in ("start", "stop", "status"))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    assert run(["bash", "-n", script]).stderr == ""
    assert os.access(script, os.X_OK) or script == TEMPLATE
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: what it would say is not known")
    found = run(["shellcheck", "--external-sources", script])
    assert found.returncode == 0, found.stdout


def directives() -> dict[str, str]:
    text = TEMPLATE.read_text(encoding="utf-8")
    head = text[: text.index("set -euo pipefail")]
    return dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", head, re.MULTILINE))


def test_the_template_asks_for_what_it_needs() -> None:
    asked = directives()
    assert re.fullmatch(r"USR1@\d+", asked["signal"])  # with "B:" only the script would get it
    assert {"requeue", "ntasks", "cpus-per-task", "time"} <= asked.keys()
    assert (asked["output"], asked["open-mode"]) == ("%x-%j.log", "append")
    # An sbatch line ends at its end: a remark behind it would be taken for arguments.
    lines = [line for line in TEMPLATE.read_text(encoding="utf-8").splitlines() if line.startswith("#SBATCH")]
    assert len(lines) == len(asked)


def test_the_template_outside_slurm_says_what_it_is() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    done = run(["bash", TEMPLATE, "x.yaml"], env=environment)
    assert done.returncode == 2
    assert "sbatch" in done.stderr


def path_without(*programs: str, into: Path) -> str:
    """A folder for PATH with everything that the machine has but these programs."""
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for path in Path(folder).glob("*") if folder else ():
            link = into / path.name
            link.unlink(missing_ok=True)
            link.symlink_to(path)
    for program in programs:
        (into / program).unlink(missing_ok=True)
    return str(into)


def test_start_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    # The scripts look into the usual folders of daemons as well: a mount hides those.
    place = path_without("munged", "slurmctld", "slurmd", "sinfo", into=tmp_path / "bin")
    script = (LOCAL / "common.sh").read_text(encoding="utf-8")
    copy = tmp_path / "repository/cluster/local"
    shutil.copytree(LOCAL, copy)
    hidden, count = re.subn(r"^PATH=.*$", "", script, flags=re.MULTILINE)
    assert count == 1
    (copy / "common.sh").write_text(hidden, encoding="utf-8")
    done = run([copy / "start", tmp_path / "slurm"], env={"PATH": place})
    assert done.returncode == CANNOT_BE_HAD
    assert all(program in done.stderr for program in ("munged", "slurmctld", "slurmd", "sinfo"))
    assert "bash .ci/system_packages.sh cluster" in done.stderr
    assert not (tmp_path / "slurm").exists()


def test_the_group_of_packages_is_there() -> None:
    listed = subprocess.run(
        ["bash", "-c", 'source <(sed -n "/^declare/,/^)/p" .ci/system_packages.sh); echo "${groups[cluster]}"'],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert {"slurmd", "slurmctld", "slurm-client", "munge", "openmpi-bin"} <= set(listed)
    page = (REPOSITORY / "docs/cluster.md").read_text(encoding="utf-8")
    assert all(f"`{package}`" in page for package in listed)


def test_the_makefile_has_the_targets() -> None:
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for name in ("cluster-start", "cluster-stop", "test-cluster"):
        assert re.search(rf"^{name}:.*##", text, re.MULTILINE), name
