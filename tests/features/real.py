"""Real production data as histories: process and frame of each, from the folder where the raw files lie.

Traces are reduced to one number per run (mean, standard deviation, last value). Pages of all four:
python tests/features/real.py RAW_DATA_FOLDER OUT_FOLDER
"""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from luban import History, Process, datasets, report

FOLDER = Path(__file__).parent / "data"


def hydraulic(raw: Path) -> pd.DataFrame:
    """One row per 60 s cycle of the test rig: four temperature traces reduced, five states."""
    names = ["cooler", "valve", "pump_leak", "accumulator", "stable"]
    frame = pd.read_csv(raw / "hydraulic-traces/profile.txt.gz", sep="\t", header=None, names=names)
    for sensor in ("TS1", "TS2", "TS3", "TS4"):
        text = gzip.decompress((raw / f"hydraulic-traces/{sensor}.txt.gz").read_bytes()).decode("ascii")
        trace = np.loadtxt(io.StringIO(text))
        name = sensor.lower()
        frame[f"{name}_mean"] = trace.mean(axis=1).round(4)
        frame[f"{name}_sd"] = trace.std(axis=1, ddof=1).round(4)
        frame[f"{name}_last"] = trace[:, -1]
    return frame


def cnc_mill(raw: Path) -> pd.DataFrame:
    """One row per milled part: settings, tool, outcome, and each of 46 channels reduced."""
    runs = pd.read_csv(raw / "cnc-mill/runs.csv")
    rows = []
    for number in runs["No"]:
        trace = pd.read_csv(raw / f"cnc-mill/experiment_{number:02d}.csv.gz")
        channels = trace.select_dtypes("number")
        row = {"duration": 0.1 * len(trace)}
        for name in channels.columns:
            if not name.endswith(("CommandPosition", "CommandVelocity", "CommandAcceleration")):
                row[f"{name}_mean"] = channels[name].mean()
                row[f"{name}_sd"] = channels[name].std()
        rows.append(row)
    out = pd.concat([runs, pd.DataFrame(rows)], axis=1)
    out["finished"] = (out.pop("machining_finalized") == "yes").astype(float)
    out["passed"] = out.pop("passed_visual_inspection").map({"yes": 1.0, "no": 0.0})
    return out.round(6)


def steel(raw: Path) -> pd.DataFrame:
    """One row per quarter of an hour of a steel plant's power meter."""
    frame = pd.read_csv(raw / "steel-energy/steel_2018_jan_sep.csv.gz")
    frame["timestamp"] = frame["timestamp"] + ":00Z"  # no zone is stated; read as UTC
    frame["quarter"] = np.arange(len(frame))
    return frame


FRAMES = {"hydraulic": hydraulic, "cnc-mill": cnc_mill, "steel": steel}


def history(name: str, raw: Path) -> History:
    """One of the four, in memory."""
    if name == "turning":
        return datasets.turning()
    return History.from_frame(Process.from_yaml(FOLDER / f"{name}.yaml"), FRAMES[name](raw))


def main(raw: Path, out: Path) -> None:
    """Write the page of each as HTML."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("turning", *FRAMES):
        seen = history(name, raw).inspect()
        report.of_inspection(seen).save(out / f"{name}.html")
        sys.stdout.write(f"{seen.headline()}\n{seen.summary.to_string()}\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
