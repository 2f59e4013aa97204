"""doctor tells what works, what is absent, and fails only when the package itself is broken."""

from pathlib import Path

import pytest

from luban import parallel
from luban.cli import checks

from .support import Cli


def test_doctor_of_this_machine(luban: Cli) -> None:
    outcome = luban("doctor", "--json")
    assert outcome.code == 0
    assert set(outcome.object) == {"ok", "checks"}
    states = {check["name"]: check["state"] for check in outcome.object["checks"]}
    assert {"luban", "Python", "history", "TBB", "HDF5", "CPU budget", "torch", "MPI", "GPU", "Slurm"} <= set(states)
    assert all(states[name] == "works" for name in ("luban", "history", "TBB", "HDF5", "Python packages"))
    assert all(set(check) == {"name", "state", "found", "remedy"} for check in outcome.object["checks"])


def test_doctor_as_a_table(luban: Cli) -> None:
    outcome = luban("doctor")
    assert outcome.code == 0
    assert "The package works." in outcome.out


def test_a_missing_package_is_a_broken_one(luban: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_version", lambda module: None if module == "pint" else "1.0")
    outcome = luban("doctor", "--json")
    assert outcome.code == 1
    assert outcome.object["ok"] is False
    broken = [check for check in outcome.object["checks"] if check["state"] == "broken"]
    assert ("Python packages", "pip install pint") in [(check["name"], check["remedy"]) for check in broken]


def test_what_is_only_absent_is_no_fault(luban: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("LUBAN_OPENMPI_PLUGIN", "/nowhere/plugin.so")
    monkeypatch.setattr(checks, "_version", lambda module: None if module in ("torch", "pyarrow") else "1.0")
    outcome = luban("doctor", "--json")
    assert outcome.code == 0
    states = {check["name"]: check["state"] for check in outcome.object["checks"]}
    assert (states["torch"], states["Arrow"], states["MPI"], states["Slurm"]) == ("absent",) * 4
    torch = next(check for check in outcome.object["checks"] if check["name"] == "torch")
    assert "Gaussian processes do not" in torch["found"]


def test_a_wrong_thread_limit_is_a_caution(luban: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUBAN_THREADS", "many")
    outcome = luban("doctor", "--json")
    assert outcome.code == 0
    budget = next(check for check in outcome.object["checks"] if check["name"] == "CPU budget")
    assert budget["state"] == "caution"
    assert "LUBAN_THREADS" in budget["remedy"]


def test_a_plugin_that_cannot_be_used_is_a_caution(luban: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.so"
    plugin.write_text("not a library" * 100)
    monkeypatch.setenv("LUBAN_OPENMPI_PLUGIN", str(plugin))
    outcome = luban("doctor", "--json")
    assert outcome.code == 0
    found = next(check for check in outcome.object["checks"] if check["name"] == "MPI")
    assert found["state"] == "caution"
    assert "a file that is no library" in found["found"]
    assert "LUBAN_WITH_OPENMPI=1" in found["remedy"]


def test_doctor_names_the_plugin_that_works(luban: Cli) -> None:
    plugin = parallel.find_plugin("openmpi")
    found = next(check for check in luban("doctor", "--json").object["checks"] if check["name"] == "MPI")
    assert (found["state"] == "absent") == (not plugin.present)
    if plugin.usable:
        assert plugin.library in found["found"]
        assert str(plugin.path) in found["found"]
