"""What the tests of faults share: a process, imports made by number, child processes."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from luban import _core, _history
from luban._intake.build import process_document
from luban.process import Process

HERE = Path(__file__).parent
SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND  # time of import 0

SMALL: Mapping[str, Any] = {
    "luban": 1,
    "process": "small",
    "parameters": {"T": {"unit": "degC", "low": 20, "high": 90}},
    "context": {"grade": {"categories": ["A", "B"]}},
    "noise": {},
    "responses": {"yield": {"unit": "%"}, "power": {"unit": "kW", "late": True}},
}

Key = tuple[str, int]  # run_id, repeat
Values = dict[str, float]  # response → value


def small_process() -> Process:
    return Process.from_dict(SMALL)


def settings_of(run_id: str) -> tuple[float, int]:
    """Temperature and code of the grade: they follow from the name, so that a later import agrees with the first."""
    number = sum(run_id.encode())
    return 30.0 + number % 50, number % 2


def content(process: Process, readings: Mapping[Key, Values], time: int, name: str) -> _history.Content:
    """An import of these readings, made at ``time`` (ns)."""
    entry = _history.Provenance()
    entry.who, entry.what, entry.tool = "tester", "import", "luban test"
    entry.input_name, entry.input_digest, entry.time = name, hashlib.sha256(name.encode()).hexdigest(), time
    entry.rows = len(readings)
    runs = list(dict.fromkeys(run for run, _ in readings))
    row = {run: number for number, run in enumerate(runs)}
    settings = [settings_of(run) for run in runs]
    out = _history.Content()
    out.add_process(_history.ProcessVersion(process.core.to_json(), process_document(process), BEGIN))
    out.add_provenance(entry)
    parameters = _core.Table([_core.Column.float64("T", "degC", np.array([t for t, _ in settings]))])
    grades = np.array([grade for _, grade in settings], dtype=np.int32)
    context = _core.Table([_core.Column.code("grade", ["A", "B"], grades)])
    out.set_runs(runs, runs, {}, parameters, context, _core.Table())
    run = np.array([row[run] for run, _ in readings], dtype=np.int64)
    repeat = np.array([repeat for _, repeat in readings], dtype=np.int64)
    out.set_readings(run, repeat, np.full(len(run), time, dtype=np.int64), _core.Table(), _core.Table())
    for response, unit in (("yield", "%"), ("power", "kW")):
        there = [place for place, values in enumerate(readings.values()) if response in values]
        values = np.array([list(readings.values())[place][response] for place in there], dtype=np.float64)
        out.add_response(response, unit, np.array(there, dtype=np.int64), values, time)
    return out


def rows(count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.arange(count, dtype=np.int64)


def append(appender: _history.Appender, addition: _history.Content, readings: int) -> _history.MergeReport:
    return appender.append(addition, rows(readings))


def import_of(number: int, runs: int = 3, repeats: int = 2) -> dict[Key, Values]:
    """Readings of some new runs, every value another."""
    return {
        (f"r{number:04}-{run}", repeat): {"yield": number + 0.01 * run + 0.001 * repeat}
        | ({"power": 0.5 + number} if (run + repeat) % 2 else {})
        for run in range(runs)
        for repeat in range(1, repeats + 1)
    }


def make_folder(folder: Path, imports: int, first: int = 0) -> dict[Key, Values]:
    """A folder of so many imports, each a segment; returns what is in it."""
    process = small_process()
    everything: dict[Key, Values] = {}
    appender = _history.Appender(str(folder))
    for number in range(first, first + imports):
        readings = import_of(number)
        append(appender, content(process, readings, BEGIN + number * SECOND, f"import {number}"), len(readings))
        everything |= readings
    return everything


def make_file(path: Path, imports: int) -> dict[Key, Values]:
    """The same in one file."""
    process = small_process()
    whole, everything = _history.Content(), {}
    for number in range(imports):
        readings = import_of(number)
        addition = content(process, readings, BEGIN + number * SECOND, f"import {number}")
        _history.merge(whole, addition, rows(len(readings)))
        everything |= readings
    _history.write(whole, str(path))
    return everything


def stored(source: _history.HistorySource, as_of: int | None = None) -> dict[Key, Values]:
    """What a history says, for comparison; a reading that stands there twice is an error."""
    view = source.view(_core.Grain.readings) if as_of is None else source.view(_core.Grain.readings, as_of)
    table = view.read(["run_id", "repeat", "T", "yield", "power"], 0, view.row_count())
    columns = {name: table.column(name).values for name in ("run_id", "repeat", "T", "yield", "power")}
    out: dict[Key, Values] = {}
    for run, repeat, temperature, made, power in zip(*columns.values(), strict=True):
        key = (str(run), int(repeat))
        assert key not in out, f"{key} stands there twice"
        assert temperature == settings_of(key[0])[0], f"{key}: T is {temperature}"
        out[key] = {name: float(v) for name, v in (("yield", made), ("power", power)) if not np.isnan(v)}
    return out


def whole(path: Path) -> str:
    """What verification finds; "" = nothing."""
    return "\n".join(f"{where}: {what}" for where, what in _history.verify(str(path)).damages)


def child(
    program: str | Path,
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    timeout: float = 120,
    **more: Any,
) -> "subprocess.CompletedProcess[str]":
    """Run a Python program, or a file of one, that can import these helpers."""
    paths = [str(HERE), *(path for path in sys.path if path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})}
    start: Sequence[str] = [str(program)] if isinstance(program, Path) else ["-c", program]
    command = [sys.executable, *start, *map(str, arguments)]
    return subprocess.run(command, env=env, timeout=timeout, capture_output=True, text=True, check=False, **more)
