"""Write the golden files of the format that this checkout writes: ``python make_golden.py OUT``.

Each version's files are made once, by the release that brought it, and read for ever by ``test_golden.py``.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from luban import _history, ingest
from luban._intake.build import Author, content_of
from luban.history import History
from luban.process import Process

PROCESS = {
    "luban": 1,
    "process": "golden",
    "equipment": {"site": "demo", "area": "machining", "work_unit": "lathe-1"},
    "parameters": {
        "TIC-101/PV": {"unit": "degC", "low": 20, "high": 90, "achieved": {"column": "T reached"}},
        "feed": {"unit": "mm/rev", "low": 0.05, "high": 0.2},
        "grade": {"categories": ["A", "B", "C"]},
        "passes": {"unit": "1", "low": 1, "high": 5, "integer": True},
    },
    "context": {"tool %": {"categories": ["new", "worn"], "ordered": True}, "humidity": {"unit": "%"}},
    "noise": {"side": {"categories": ["left", "right"]}, "offset": {"unit": "um"}},
    "identifiers": {"order": {}, "Los": {}},
    "responses": {
        "Rauheit µ": {"unit": "um", "valid": {"low": 0, "high": 50}, "quality": {"column": "Ra quality"}},
        "功率": {"unit": "kW", "optional": True, "late": True},
    },
    "traces": {"current": {"unit": "A", "period_ms": 10}, "oil": {"unit": "degC", "period_ms": 1000}},
    "objectives": [{"response": "Rauheit µ", "goal": "minimize"}],
    "runs": {"id": ["order"], "repeat": {"column": "repeat"}},
    "groups": ["feed"],
}
RUNS = 8
READINGS = 3


def rows() -> pd.DataFrame:
    """8 runs of 3 readings; one value outside its range, one category that is not known."""
    random = np.random.default_rng(1)
    run = np.repeat(np.arange(RUNS), READINGS)
    n = len(run)
    temperature = np.round(20 + 70 * random.random(RUNS), 3)[run]
    frame = pd.DataFrame(
        {
            "order": [f"PO-{k:03}" for k in run],
            "Los": (1000 + run).astype(float),
            "repeat": np.tile([1, 2, 3], RUNS),
            "TIC-101/PV": temperature,
            "T reached": temperature + 0.25,
            "feed": np.round(0.05 + 0.15 * random.random(RUNS), 4)[run],
            "grade": np.array(list("ABCABCAB"))[run],
            "passes": (1 + run % 5).astype(float),
            "tool %": np.where(run % 2 == 0, "new", "worn"),
            "humidity": np.round(40 + 20 * random.random(RUNS), 1)[run],
            "side": np.where(np.arange(n) % 2 == 0, "left", "right"),
            "offset": np.round(random.normal(size=n), 3),
            "Rauheit µ": np.round(1 + 0.2 * random.normal(size=n), 4),
            "Ra quality": np.where(np.arange(n) == 10, "bad", np.where(np.arange(n) == 11, "uncertain", "good")),
            "功率": np.where(np.arange(n) % 3 == 0, np.round(3 + random.random(n), 3), np.nan),
            "start_time": pd.to_datetime("2025-03-01T06:00:00Z") + pd.to_timedelta(run * 3600, unit="s"),
            "equipment": "demo/machining/lathe-1",
            "material_lot": [f"L{k // 4}" for k in run],
            "recipe": np.where(run < 4, "P-1", "P-2"),
            "remark": np.where(np.arange(n) == 5, "the whole story of the shift: " + "ä" * 300, "ok"),
            "spindle": random.normal(size=n),
        }
    )
    frame.loc[3, "Rauheit µ"] = 77.0
    frame.loc[7, "grade"] = "Z"
    return frame


def plain(frame: pd.DataFrame) -> dict[str, list[object]]:
    """Columns as lists of numbers, texts and integers; missing is None."""
    out: dict[str, list[object]] = {}
    for name, values in frame.items():
        if values.dtype.kind == "M":
            out[str(name)] = [None if pd.isna(x) else int(x.value) for x in pd.to_datetime(values, utc=True)]
        elif values.dtype.kind in "if":
            out[str(name)] = [None if np.isnan(x) else float(x) for x in values]
        elif len(values) and isinstance(values.iloc[0], np.ndarray):
            out[str(name)] = [[float(sample) for sample in samples] for samples in values]
        else:
            out[str(name)] = [None if pd.isna(x) or x == "" else str(x) for x in values]
    return out


def dump(history: History, out: Path, name: str) -> None:
    """Write beside a golden file what it holds."""
    readings = history.read(columns=list(history.columns()["name"]))
    runs = history.read(rows="runs")
    for trace in history.traces()["name"]:
        runs[trace] = history.read([trace], rows="runs")[trace]
    refused = history.quarantine
    kept = {
        "digest": history.digest,
        "uuid": history.uuid,
        "readings": plain(readings),
        "runs": plain(runs),
        "units": readings.attrs["units"],
        "quarantine": {column: [str(cell) for cell in refused[column]] for column in refused},
    }
    (out / f"{name}.json").write_text(json.dumps(kept, ensure_ascii=False) + "\n", encoding="utf-8")


def with_traces(out: Path) -> dict[str, Path]:
    """A regular channel and an irregular one, of some runs."""
    current = [(f"PO-{run:03}", 0.01 * k, 5 + run + 0.5 * (k % 3)) for run in range(0, RUNS, 2) for k in range(4 + run)]
    steps = [(f"PO-{run:03}", 0.1 * k * k, 20.0 + k) for run in (1, 2, 5) for k in range(3)]
    paths = {"current": out / "current.csv", "oil": out / "oil.csv"}
    for name, samples in (("current", current), ("oil", steps)):
        pd.DataFrame(samples, columns=["run_id", "time", "value"]).to_csv(paths[name], index=False)
    return paths


def everything(process: Process, out: Path, scratch: Path, name: str) -> None:
    """One import with all that a file can hold; recipes, which no import brings yet, through the inner door."""
    lots = scratch / "lots.csv"
    lots.write_text("child_lot,parent_lot,quantity,unit\nL0,H7,12.5,kg\nL1,H7,3,kg\nL1,H8,,\n", encoding="utf-8")
    path = scratch / "made.h5"
    ingest.import_data(process, rows(), path, traces=with_traces(scratch), genealogy=lots)
    content = History.open(path)._file.content()
    recipes = content_of(
        process, Author("golden", "recipes", "luban"), "recipes", "e" * 64, 2, 1_740_000_000_000_000_000
    )
    recipes.set_recipes(["P-1", "P-1"], ["feed", "grade"], [0.1, np.nan], ["", "A"], ["mm/rev", ""])
    _history.merge(content, recipes, np.empty(0, dtype=np.int64))
    _history.write(content, str(out / f"{name}.h5"))
    dump(History.open(out / f"{name}.h5"), out, name)


def corrected(process: Process, out: Path, name: str) -> None:
    """Three imports: runs, late and corrected values, more runs; as a file and as a folder of segments."""
    frame = rows()
    for made, place in (("corrected", out / f"corrected-{name}.h5"), ("line", f"{out}/line-{name}/")):
        ingest.import_frame(process, frame.iloc[:11], place, name="first")
        history = History.open(str(place))
        late = history.read(columns=["run_id", "repeat"]).head(5)
        late["功率"] = [1.5, 2.5, 3.5, 4.5, 5.5]
        late["Rauheit µ"] = [0.5, np.nan, 0.75, np.nan, 1.25]
        history.append(late)
        ingest.import_frame(process, frame.iloc[9:].rename(columns={"remark": "note"}), place, name="second")
        dump(History.open(str(place)), out, f"{made}-{name}")


def main(out: Path) -> None:
    """Write every golden file of this version."""
    out.mkdir(parents=True, exist_ok=True)
    process = Process.from_dict(PROCESS)
    with tempfile.TemporaryDirectory() as scratch:
        everything(process, out, Path(scratch), "everything-1.1")
    corrected(process, out, "1.1")
    History.empty(process).save(out / "empty-1.1.h5")
    dump(History.open(out / "empty-1.1.h5"), out, "empty-1.1")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
