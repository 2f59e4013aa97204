"""A reader of histories that knows FORMAT.md and h5py, and nothing of Luban: one dict of columns, a row per reading.

Slow and short on purpose: what it says of a file is what the format says.
"""

import json
from pathlib import Path

import h5py
import numpy as np

NO_TIME = np.iinfo(np.int64).min
HOUSEKEEPING = ("start_time", "end_time", "status", "group", "equipment", "material_lot", "recipe")


def text(values):
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def column(dataset, attributes):
    """Values as Python objects: numbers, texts, categories; missing is None."""
    values = dataset[:]
    if values.dtype.kind == "f":
        return [None if np.isnan(value) else float(value) for value in values]
    if values.dtype.kind == "i" and "categories" in attributes:
        names = text(attributes["categories"][:])
        return [None if value < 0 else names[value] for value in values]
    if values.dtype.kind == "i":
        return [None if value == NO_TIME else int(value) for value in values]
    return [value or None for value in text(values)]


def named(group):
    """(name, dataset, attributes) of every named column under a group, in order."""
    found = []
    for item in group.values():
        values = item["value"] if isinstance(item, h5py.Group) else item
        if "name" in item.attrs:
            found.append((item.attrs["position"], item.attrs["name"], values, item.attrs))
    return [entry[1:] for entry in sorted(found, key=lambda entry: entry[0])]


def files(path):
    if not Path(path).is_dir():
        return [Path(path)]
    manifest = json.loads((Path(path) / "luban-history.json").read_text(encoding="utf-8"))
    return [Path(path) / segment["file"] for segment in manifest["segments"]]


def read(path, as_of=None):
    """Return {column: values}; a response is the latest value that is not bad, and was known at ``as_of``."""
    rows, place, latest = [], {}, {}
    hidden = False  # imports come one after the other: from the first later one on nothing was known
    for name in files(path):
        with h5py.File(name) as file:
            assert file.attrs["format"] == "luban-history"
            assert file.attrs["version"][0] == 1
            known = 0
            imports = file["provenance"]
            for time, readings in zip(imports["time"], imports["readings"], strict=True):
                hidden = hidden or (as_of is not None and time > as_of)
                known += 0 if hidden else int(readings)
            run = file["readings/run"][:]
            columns = {"run_id": [text(file["runs/run_id"][:])[row] for row in run]}
            columns["repeat"] = [float(value) for value in file["readings/repeat"]]
            columns["reading_time"] = column(file["readings/time"], file["readings/time"].attrs)
            for group, grain in (("parameters", run), ("context", run), ("readings", None), ("identifiers", run)):
                for key, values, attributes in named(file[group]):
                    read_values = column(values, attributes)
                    columns[key] = read_values if grain is None else [read_values[row] for row in grain]
                    if group == "parameters" and "achieved" in values.parent:
                        reached = column(values.parent["achieved"], attributes)
                        columns[f"{key}.achieved"] = [reached[row] for row in run]
            for key, values, attributes in named(file["auxiliary"]):
                columns[key] = column(values, attributes)
            for key in HOUSEKEEPING:
                values = column(file["runs"][key], file["runs"][key].attrs)
                columns.setdefault(key, [values[row] for row in run])
            for row in range(known):
                place[columns["run_id"][row], columns["repeat"][row]] = len(rows)
                rows.append({key: values[row] for key, values in columns.items()})
            for key, values, _ in named(file["responses"]):
                events = values.parent
                keys = zip(text(events["run_id"][:]), events["repeat"][:], strict=True)
                facts = zip(keys, values[:], events["time"][:], events["quality"][:], strict=True)
                for (run_id, repeat), value, time, quality in facts:
                    if as_of is None or time <= as_of:
                        latest[key, run_id, float(repeat)] = float(value) if quality != 2 else None
                latest.setdefault((key, None, None), None)  # the column is there, with or without values
    names = list(dict.fromkeys(key for row in rows for key in row))
    table = {name: [row.get(name) for row in rows] for name in names}
    for response in dict.fromkeys(key for key, _, _ in latest):
        table[response] = [latest.get((response, row["run_id"], row["repeat"])) for row in rows]
    return table
