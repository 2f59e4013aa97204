"""The CPU budget as Python sees it, and long calls that report progress and stop."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from luban import parallel
from luban.errors import ConfigurationError


def test_the_budget_says_what_decided_it() -> None:
    budget = parallel.cpu_budget(0)
    assert 1 <= budget.threads <= len(os.sched_getaffinity(0))
    assert budget.decided_by in {"affinity", "cgroup", "SLURM_CPUS_PER_TASK"}


def test_the_environment_lowers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUBAN_THREADS", "1")
    assert parallel.cpu_budget().threads == 1
    assert parallel.cpu_budget(0).threads == parallel.cpu_budget(10_000).threads


@pytest.mark.parametrize("text", ["two", "1.5", "", "-1"])
def test_refuses_a_limit_that_is_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LUBAN_THREADS", text)
    with pytest.raises(ConfigurationError):
        parallel.cpu_budget()


def test_speedup_reports_progress() -> None:
    seen: list[tuple[str, int, int]] = []
    speedup = parallel.measure_speedup(threads=1, seconds=0.06, progress=lambda *now: seen.append(now))
    assert speedup.threads == 1
    assert speedup.ratio == speedup.parallel_per_s / speedup.serial_per_s
    assert {phase for phase, _, _ in seen} <= {"one thread", "all threads"}
    assert seen
    assert all(done >= 0 and total == 60 for _, done, total in seen)


def test_speedup_refuses_options_out_of_range() -> None:
    with pytest.raises(ConfigurationError):
        parallel.measure_speedup(seconds=0.0)
    with pytest.raises(ConfigurationError):
        parallel.measure_speedup(threads=-1)


def test_a_long_call_lets_other_threads_run() -> None:
    counted = threading.Event()
    thread = threading.Thread(target=counted.set)
    seen_during_the_call: list[bool] = []

    def progress(phase: str, done: int, total: int) -> None:
        if not thread.is_alive() and not counted.is_set():
            thread.start()
        seen_during_the_call.append(counted.wait(timeout=10.0))

    parallel.measure_speedup(threads=1, seconds=0.05, progress=progress)
    thread.join()
    assert seen_during_the_call
    assert all(seen_during_the_call)


def test_an_exception_in_progress_stops_the_call_and_arrives() -> None:
    def progress(phase: str, done: int, total: int) -> None:
        raise LookupError(phase)

    with pytest.raises(LookupError, match="one thread"):
        parallel.measure_speedup(threads=1, seconds=3600.0, progress=progress)


def test_control_c_stops_a_long_call() -> None:
    """An hour's call ends when the terminal sends its signal; a hanging one would run into the time limit."""
    code = """
import signal
import luban.parallel
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is born deaf to it
try:
    luban.parallel.measure_speedup(seconds=3600.0, progress=lambda *now: print("running", flush=True))
except KeyboardInterrupt:
    print("stopped", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output.splitlines()[-1] == "stopped"
