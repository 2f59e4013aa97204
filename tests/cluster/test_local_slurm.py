"""A real Slurm of two nodes on this machine: it starts, starts once, says what fails, and leaves nothing behind."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from .support import CANNOT_BE_HAD, LOCAL, Slurm, local, processes, run, wait_until

pytestmark = pytest.mark.cluster


def test_two_nodes_with_names_of_their_own(slurm: Slurm) -> None:
    hosts = Path("/etc/hosts").read_text(encoding="utf-8")
    ask = ("srun", "--nodes=2", "--ntasks=4", "--overcommit", "--mpi=pmix")
    said = slurm.run(*ask, "bash", "-c", "echo $(hostname) $SLURMD_NODENAME $PMIX_RANK $(getent hosts n2)")
    assert said.returncode == 0, said.stderr
    lines = sorted(line.split() for line in said.stdout.splitlines())
    assert [line[:3] for line in lines] == [["n1", "n1", "0"], ["n1", "n1", "1"], ["n2", "n2", "2"], ["n2", "n2", "3"]]
    assert all(line[3] == "127.0.0.1" for line in lines)
    assert Path("/etc/hosts").read_text(encoding="utf-8") == hosts


def daemons(folder: Path) -> dict[int, str]:
    """Those of the processes that start starts; steps of earlier jobs may still be leaving."""
    return {number: line for number, line in processes(folder).items() if "slurmstepd" not in line}


def test_a_second_start_changes_nothing(slurm: Slurm, slurm_folder: Path) -> None:
    before = daemons(slurm_folder)
    assert len(before) >= 4
    again = local("start", slurm_folder)
    assert again.returncode == 0
    assert "runs already" in again.stderr
    assert f"export SLURM_CONF={slurm_folder}/slurm.conf" in again.stdout
    # A daemon that starts a step looks like two of it for a moment.
    wait_until(lambda: daemons(slurm_folder) == before, 10, lambda: f"{before}\n{daemons(slurm_folder)}")


def test_status_names_daemons_nodes_and_jobs(slurm: Slurm, slurm_folder: Path) -> None:
    number = slurm.submit("--job-name=rather", "--output=/dev/null", "--wrap=sleep 60")
    said = local("status", slurm_folder)
    assert said.returncode == 0, said.stderr
    for word in ("munged", "slurmctld", "n[1-2]", number, "SLURM_CONF="):
        assert word in said.stdout


@pytest.fixture
def another_folder(slurm_folder: Path) -> Path:
    """A folder for a second Slurm beside the first."""
    return slurm_folder / "b"


def test_stop_leaves_no_process_whatever_jobs_do(another_folder: Path, tmp_path: Path) -> None:
    assert local("start", another_folder).returncode == 0
    environment = {**os.environ, "SLURM_CONF": f"{another_folder}/slurm.conf"}
    # A job that hears nothing and leaves a child of its own session behind.
    stubborn = "trap '' TERM; setsid bash -c 'trap \"\" TERM; sleep 301' & sleep 302"
    submitted = run(["sbatch", "--output=/dev/null", f"--wrap={stubborn}"], env=environment, cwd=tmp_path)
    assert submitted.returncode == 0, submitted.stderr
    wait_until(
        lambda: any("sleep 301" in line for line in processes(another_folder).values()), 30, lambda: "the job never ran"
    )
    stopped = local("stop", another_folder)
    assert stopped.returncode == 0, stopped.stderr
    assert processes(another_folder) == {}
    assert (another_folder / "log/slurmctld.log").exists()
    again = local("stop", another_folder)
    assert again.returncode == 0
    assert "No local Slurm runs" in again.stderr
    gone = local("status", another_folder)
    assert gone.returncode == 1
    assert "does not run" in gone.stdout


def test_start_repairs_half_a_slurm(another_folder: Path) -> None:
    assert local("start", another_folder).returncode == 0
    (second_node,) = (number for number, line in processes(another_folder).items() if " -N n2" in line)
    os.kill(second_node, signal.SIGKILL)
    assert local("status", another_folder).returncode == 1
    repaired = local("start", another_folder)
    assert repaired.returncode == 0, repaired.stderr
    assert "n1 idle, n2 idle" in repaired.stderr
    assert local("stop", another_folder).returncode == 0
    assert processes(another_folder) == {}


def test_a_failed_start_names_the_daemon_and_shows_its_log(another_folder: Path) -> None:
    failed = local("start", another_folder, LUBAN_SLURM_CPUS="many")
    assert failed.returncode == 1
    assert "slurmctld did not start: it ended" in failed.stderr
    assert "CPUs" in failed.stderr or "CoresPerSocket" in failed.stderr  # Slurm's own words
    assert failed.stdout == ""
    assert processes(another_folder) == {}


def test_folders_that_cannot_hold_sockets_are_refused(tmp_path: Path) -> None:
    for folder, why in ((tmp_path / ("long" * 20), "at most 55"), (Path("/tmp/a b"), "space")):
        refused = local("start", folder)
        assert refused.returncode == 1
        assert why in refused.stderr
        assert not folder.exists()


def test_who_may_not_is_told_what_to_do(slurm_folder: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed: this test cannot become another user")
    for script in ("start", "stop", "status"):
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        said = run([*nobody, "bash", LOCAL / script, slurm_folder])
        assert said.returncode == (CANNOT_BE_HAD if script == "start" else 1)
        assert "sudo" in said.stderr
