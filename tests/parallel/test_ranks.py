"""Ranks as Python sees them: groups of threads here, processes under a real mpirun, and what goes wrong with them."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from luban import parallel
from luban.errors import ConfigurationError, Error, IntegrityError, IoError, NotBuiltError, ParallelError

LAUNCHERS = ("OMPI_", "PMIX_", "PMI_", "SLURM_")
needs_mpi = pytest.mark.skipif(
    shutil.which("mpirun") is None or not parallel.find_plugin("openmpi").usable,
    reason="needs mpirun and the plugin openmpi: make setup installs and builds them",
)


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests say themselves what started them."""
    for name in list(os.environ):
        if name.startswith(LAUNCHERS):
            monkeypatch.delenv(name)


# Each rank writes to files of its own: mpirun passes on what several write in pieces.
PRELUDE = """
import os, pathlib, sys
rank_file = pathlib.Path({folder!r}, os.environ["OMPI_COMM_WORLD_RANK"])
sys.stdout = rank_file.with_suffix(".out").open("w", buffering=1)
sys.stderr = rank_file.with_suffix(".err").open("w", buffering=1)
"""


@dataclass
class Job:
    """A Python program on several ranks."""

    process: subprocess.Popen[str]
    folder: Path

    def end(self) -> tuple[int, list[str], str]:
        """Exit code, lines by rank, and errors, of a job that must end; one that hangs runs into the limit."""
        try:
            _, launcher = self.process.communicate(timeout=60)
        finally:
            self.process.kill()
        lines = [line for path in sorted(self.folder.glob("*.out")) for line in path.read_text().splitlines()]
        errors = [path.read_text() for path in sorted(self.folder.glob("*.err"))]
        return self.process.returncode, lines, "\n".join([*errors, launcher])


def start(folder: Path, ranks: int, program: str) -> Job:
    """Start a job under mpirun."""
    environment = {
        **os.environ,
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    }
    command = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none", sys.executable, "-c"]
    whole = PRELUDE.format(folder=str(folder)) + textwrap.dedent(program)
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return Job(subprocess.Popen([*command, whole], env=environment, text=True, **pipes), folder)


def on_threads(count: int, body: Callable[[parallel.Communicator], object]) -> list[object]:
    """What ``body`` gives or raises on each rank of a group of threads."""
    results: list[object] = [None] * count

    def run(rank: int, ranks: parallel.Communicator) -> None:
        try:
            results[rank] = body(ranks)
        except (Error, LookupError) as error:
            results[rank] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(parallel.thread_communicators(count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    return results


# Groups in this process


def test_without_a_launcher_there_is_one_rank() -> None:
    ranks = parallel.communicator()
    assert (ranks.rank, ranks.size, ranks.kind) == (0, 1, "self")
    assert parallel.communicator(1).kind == "self"
    assert parallel.launcher() is None
    assert ranks.all_gather(b"\0x") == [b"\0x"]
    assert ranks.broadcast(b"") == b""
    assert not ranks.any(False)
    with parallel.together(ranks):
        ranks.barrier()
    with pytest.raises(ParallelError, match=r"no licence \(code 3\)"):
        ranks.abort(3, "no licence")


@pytest.mark.parametrize("ranks", [0, -2, 1.5, "many", None])
def test_refuses_a_number_that_is_none(ranks: object) -> None:
    with pytest.raises(ConfigurationError):
        parallel.communicator(ranks)  # type: ignore[arg-type]


def test_more_ranks_than_there_are_is_an_error_that_says_how_to_start() -> None:
    with pytest.raises(ParallelError, match=r"expected 3 ranks, received one process.* mpirun -n 3 luban train"):
        parallel.communicator(3)


def test_threads_work_together() -> None:
    def body(ranks: parallel.Communicator) -> object:
        part = ranks.split(ranks.rank % 2)
        return (
            ranks.all_gather(bytes([ranks.rank]) * ranks.rank),
            ranks.broadcast(b"from %d" % ranks.rank, root=2),
            ranks.any(ranks.rank == 1),
            (part.rank, part.size),
        )

    places = [(0, 2), (0, 1), (1, 2)]
    assert on_threads(3, body) == [([b"", b"\1", b"\2\2"], b"from 2", True, place) for place in places]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize(("how", "reference"), [("sum", np.sum), ("max", np.max), ("min", np.min)])
def test_arrays_are_joined(dtype: type, how: str, reference: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(3)
    given = (100.0 * rng.standard_normal((3, 4, 5))).astype(dtype)

    def body(ranks: parallel.Communicator) -> object:
        mine = given[ranks.rank].T  # not contiguous
        before = mine.copy()
        out = ranks.all_reduce(mine, how)
        assert np.array_equal(mine, before)
        return out

    for joined in on_threads(3, body):
        assert isinstance(joined, np.ndarray)
        assert joined.dtype == dtype
        np.testing.assert_allclose(joined, reference(given, axis=0).T, rtol=1e-5)


def test_what_cannot_be_joined_is_refused() -> None:
    ranks = parallel.communicator()
    with pytest.raises(ConfigurationError, match="received int32"):
        ranks.all_reduce(np.zeros(3, np.int32))
    with pytest.raises(ConfigurationError, match='did you mean "sum"'):
        ranks.all_reduce(np.zeros(3), "sun")


def test_a_failure_on_one_rank_is_a_failure_on_all() -> None:
    def body(ranks: parallel.Communicator) -> object:
        with parallel.together(ranks):
            if ranks.rank == 1:
                raise LookupError("no such fold: \udce9")
            ranks.all_gather(b"part")
        return "well"

    results = on_threads(3, body)
    assert isinstance(results[1], LookupError)
    for rank in (0, 2):
        assert isinstance(results[rank], ParallelError)
        assert "failure of rank 1 on" in str(results[rank])
        assert "LookupError: no such fold" in str(results[rank])


# Launchers and plugins


def test_a_launcher_without_plugin_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    monkeypatch.setenv("LUBAN_OPENMPI_PLUGIN", str(tmp_path / "none.so"))
    launcher = parallel.launcher()
    assert launcher is not None
    assert (launcher.name, launcher.rank, launcher.size) == ("mpirun", 1, 2)
    with pytest.raises(NotBuiltError, match=r"none\.so.*LUBAN_WITH_OPENMPI=1"):
        parallel.communicator()
    (tmp_path / "none.so").write_bytes(b"\x7fELF, and nothing more")
    with pytest.raises(IntegrityError, match="too short"):
        parallel.communicator()


def test_srun_without_an_mpi_plugin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_NTASKS": "4", "SLURM_PROCID": "1", "SLURM_STEP_ID": "0"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ParallelError, match="srun --mpi=pmix"):
        parallel.communicator()


def test_an_environment_that_contradicts_itself_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "2")
    with pytest.raises(ConfigurationError, match="OMPI_COMM_WORLD_RANK below"):
        parallel.communicator()


def test_importing_touches_no_mpi() -> None:
    program = """
        from luban import parallel
        parallel.communicator()
        print("libmpi" in open("/proc/self/maps").read())
    """
    output = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert output.stdout == "False\n"


# Real ranks


@needs_mpi
@pytest.mark.parametrize("count", [2, 3])
def test_mpirun(count: int, tmp_path: Path) -> None:
    program = """
        import numpy as np
        from luban import parallel
        ranks = parallel.communicator()
        assert parallel.communicator(ranks.size).rank == ranks.rank
        total = ranks.all_reduce(np.array([1.0, ranks.rank]))
        with parallel.together(ranks):
            parts = ranks.all_gather(b"x" * ranks.rank)
        print(ranks.kind, ranks.size, total.tolist(), parts, ranks.broadcast(b"%d" % ranks.rank, ranks.size - 1))
    """
    code, lines, err = start(tmp_path, count, program).end()
    assert code == 0, err
    total = [float(count), float(sum(range(count)))]
    parts = [b"x" * rank for rank in range(count)]
    assert lines == [f"openmpi {count} {total} {parts} {b'%d' % (count - 1)}"] * count


@needs_mpi
@pytest.mark.slow
def test_mpirun_with_another_number_than_asked_for(tmp_path: Path) -> None:
    code, _, err = start(tmp_path, 2, "from luban import parallel; parallel.communicator(3)").end()
    assert code != 0
    assert "expected 3 ranks, received 2 ranks started by mpirun" in err


@needs_mpi
@pytest.mark.slow
def test_an_environment_that_mpi_does_not_know_is_an_error() -> None:
    """Four singletons that a launcher of another MPI started, as far as Open MPI can see."""
    program = "from luban import parallel; parallel.communicator()"
    environment = {**os.environ, "PMI_SIZE": "4", "PMI_RANK": "2"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert "expected a group of 4 ranks, as mpiexec says, received an MPI that knows of 1" in run.stderr


@needs_mpi
def test_a_failure_reaches_the_other_ranks(tmp_path: Path) -> None:
    program = """
        import sys
        from luban import errors, parallel
        ranks = parallel.communicator()
        try:
            with parallel.together(ranks):
                if ranks.rank == 1:
                    raise ValueError("fold 3 is empty")
                ranks.barrier()
        except (ValueError, errors.ParallelError) as error:
            print(ranks.rank, type(error).__name__, "fold 3 is empty" in str(error))
        print(ranks.rank, "goes on", ranks.any(ranks.rank == 0))
    """
    code, lines, err = start(tmp_path, 3, program).end()
    assert code == 0, err
    failures = [f"{rank} {'ValueError' if rank == 1 else 'ParallelError'} True" for rank in range(3)]
    assert lines == [line for rank in range(3) for line in (failures[rank], f"{rank} goes on True")]


@needs_mpi
@pytest.mark.slow
def test_a_rank_that_ends_alone_does_not_leave_the_others_hanging(tmp_path: Path) -> None:
    program = """
        import sys
        from luban import parallel
        ranks = parallel.communicator()
        if ranks.rank == 1:
            sys.exit(3)
        ranks.all_gather(b"x")
    """
    code, _, err = start(tmp_path, 2, program).end()
    assert code != 0
    assert "received rank 1 of 2, which has ended" in err


@needs_mpi
def test_a_rank_that_ends_late_is_waited_for(tmp_path: Path) -> None:
    program = """
        import time
        from luban import parallel
        ranks = parallel.communicator()
        if ranks.rank == 1:
            time.sleep(1.0)
        print(ranks.rank, "done")
    """
    code, lines, err = start(tmp_path, 2, program).end()
    assert (code, lines) == (0, ["0 done", "1 done"]), err


@needs_mpi
def test_a_killed_rank_ends_the_job(tmp_path: Path) -> None:
    program = """
        import os, signal
        from luban import parallel
        ranks = parallel.communicator()
        ranks.barrier()
        if ranks.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        ranks.barrier()
        print("never here")
    """
    code, lines, err = start(tmp_path, 3, program).end()
    assert code != 0
    assert lines == []
    assert "signal 9" in err


@needs_mpi
def test_abort_ends_the_job_and_says_why(tmp_path: Path) -> None:
    program = """
        from luban import parallel
        ranks = parallel.communicator()
        if ranks.rank == 1:
            ranks.abort(7, "the histories differ")
        ranks.barrier()
        print("never here")
    """
    code, lines, err = start(tmp_path, 2, program).end()
    assert (code, lines) == (7, [])
    assert "luban: rank 1 of 2 on " in err
    assert "ends the job: the histories differ" in err


@needs_mpi
@pytest.mark.slow
def test_an_interrupt_reaches_a_rank_that_waits(tmp_path: Path) -> None:
    """SIGINT to one rank: it raises KeyboardInterrupt, the others a ParallelError, and the job ends."""
    program = f"""
        import os, time, pathlib
        from luban import errors, parallel
        ranks = parallel.communicator()
        if ranks.rank == 0:
            pathlib.Path({str(tmp_path / "new")!r}).write_text(str(os.getpid()))
            os.replace({str(tmp_path / "new")!r}, {str(tmp_path / "pid")!r})
        else:
            time.sleep(2.0)
        try:
            with parallel.together(ranks):
                ranks.all_gather(b"part")
        except (KeyboardInterrupt, errors.ParallelError) as error:
            print(ranks.rank, type(error).__name__, str(error)[:200], flush=True)
            try:
                ranks.barrier()
            except errors.LifecycleError:
                print(ranks.rank, "cannot take part any more", flush=True)
    """
    job = start(tmp_path, 2, program)
    pid = tmp_path / "pid"
    for _ in range(600):
        if pid.exists():
            break
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(int(pid.read_text()), signal.SIGINT)
    code, lines, err = job.end()
    assert code != 0
    assert lines[0] == "0 KeyboardInterrupt ", err
    assert lines[1] == "0 cannot take part any more"
    assert lines[2] == (
        "1 ParallelError [parallel.openmpi] expected all ranks to take part, received rank 0 of 2, "
        "which stopped waiting for the others (rank 1 of 2, openmpi)."
    )
    assert lines[3] == "1 cannot take part any more"


@needs_mpi
@pytest.mark.slow
def test_mpi_that_others_initialised_with_too_low_a_level_is_refused(tmp_path: Path) -> None:
    program = """
        import ctypes
        mpi = ctypes.CDLL("libmpi.so.40", mode=ctypes.RTLD_GLOBAL)
        mpi.MPI_Init(None, None)
        from luban import errors, parallel
        try:
            parallel.communicator()
        except errors.ParallelError as error:
            print("refused" if "MPI_THREAD_SERIALIZED" in str(error) else error)
        mpi.MPI_Finalize()
    """
    code, lines, err = start(tmp_path, 2, program).end()
    assert code == 0, err
    assert lines == ["refused", "refused"]


@needs_mpi
@pytest.mark.slow
def test_mpi_that_others_initialised_is_used_and_left_to_them(tmp_path: Path) -> None:
    program = """
        import atexit, ctypes
        mpi = ctypes.CDLL("libmpi.so.40", mode=ctypes.RTLD_GLOBAL)
        granted = ctypes.c_int()
        mpi.MPI_Init_thread(None, None, 2, ctypes.byref(granted))
        atexit.register(lambda: print("finalised", mpi.MPI_Finalize()))
        from luban import parallel
        ranks = parallel.communicator()
        print(ranks.kind, ranks.any(ranks.rank == 1))
    """
    code, lines, err = start(tmp_path, 2, program).end()
    assert code == 0, err
    assert lines == ["openmpi True", "finalised 0"] * 2


def test_a_plugin_whose_library_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A whole shared library that cannot be loaded here: its needs are nowhere."""
    library = next((path for path in (Path(parallel.find_plugin().path),) if path.exists()), None)
    if library is None:
        pytest.skip("needs the plugin openmpi")
    content = library.read_bytes()
    assert content.count(b"libmpi.so.40") >= 1
    broken = tmp_path / "broken.so"
    broken.write_bytes(content.replace(b"libmpi.so.40", b"libnpi.so.40"))
    monkeypatch.setenv("LUBAN_OPENMPI_PLUGIN", str(broken))
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    with pytest.raises(IoError, match=r"libnpi\.so\.40.*install openmpi-bin"):
        parallel.communicator()
    found = parallel.find_plugin()
    assert (found.present, found.usable) == (True, False)
    assert "libnpi" in found.why_not
