"""Mistakes that people make, with what the program says: python tests/docs/error_cases.py writes them into the page."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import luban
from luban.errors import Error

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs/errors.md"


@dataclass(frozen=True)
class Case:
    """One mistake: what was done, what the program says, what to do about it."""

    section: str
    done: str
    remedy: str
    make: Callable[[Path], object]

    def error(self, folder: Path) -> Error:
        """Make the mistake. Raises: LookupError when nothing is wrong with it."""
        try:
            self.make(folder)
        except Error as error:
            return error
        raise LookupError(f"no error: {self.done}")

    def text(self, folder: Path) -> str:
        """The error's line, without the folder and what depends on the version of HDF5."""
        text = str(self.error(folder)).replace(f"{folder}/", "")
        return re.sub(r"truncated file: .*?(?= \()", "truncated file: …", text)


PROCESS = """luban: 1
process: turning
parameters:
  feed: {unit: mm/rev, low: 0.07, high: 0.13, limits: {low: 0.05, high: 0.15}, column: f}
context:
  diameter: {categories: [D30, D50]}
responses:
  roughness: {unit: um, column: Ra}
objectives:
  - {response: roughness, goal: minimize}
"""
ROWS = "f,diameter,Ra\n0.08,D30,1.1\n0.12,D50,2.0\n"


def process(folder: Path, old: str = "", new: str = "") -> luban.Process:
    """The process above, with something changed."""
    assert old in PROCESS
    path = folder / "process.yaml"
    path.write_text(PROCESS.replace(old, new) if old else PROCESS, encoding="utf-8")
    return luban.Process.from_yaml(path)


def changed(old: str, new: str) -> Callable[[Path], object]:
    """A process file in which ``old`` reads ``new``."""
    return lambda folder: process(folder, old, new)


def imported(text: str | bytes, **options: Any) -> Callable[[Path], object]:
    """An import of a CSV file with this text."""

    def make(folder: Path) -> object:
        path = folder / "rows.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return luban.ingest.import_csv(process(folder), path, folder / "history.h5", **options)

    return make


def history(folder: Path, text: str = ROWS) -> Path:
    """A small history in a file of its own."""
    path = folder / "history.h5"
    path.unlink(missing_ok=True)
    (folder / "rows.csv").write_text(text, encoding="utf-8")
    luban.ingest.import_csv(process(folder), folder / "rows.csv", path)
    return path


def opened_truncated(folder: Path) -> object:
    path = history(folder)
    path.write_bytes(path.read_bytes()[:4096])
    return luban.History.open(path)


def opened_other(folder: Path) -> object:
    import h5py

    path = folder / "other.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(3)
    return luban.History.open(path)


def opened_newer(folder: Path) -> object:
    import h5py

    path = history(folder)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = np.array([2, 0])
    return luban.History.open(path)


def saved_twice(folder: Path) -> object:
    path = history(folder)
    return luban.History.open(path).save(path)


def infeasible(folder: Path) -> object:
    definition = process(folder, "objectives:", "parameter_constraints: [{sum: {feed: 100}, lower: 20}]\nobjectives:")
    return luban.Campaign(definition).recommend(1, context={"diameter": "D30"})


def without_context(folder: Path) -> object:
    return luban.Campaign(process(folder)).recommend(1)


def unknown_category(folder: Path) -> object:
    return luban.Campaign(process(folder)).recommend(1, context={"diameter": "D40"})


def one_run(folder: Path) -> object:
    path = history(folder, "f,diameter,Ra\n0.08,D30,1.1\n")
    return luban.fit(process(folder), luban.History.open(path))


def read_unknown(folder: Path) -> object:
    return luban.History.open(history(folder)).read(["roughnes"])


def local_time(folder: Path) -> object:
    return luban.History.open(history(folder)).read(as_of="2026-05-01T06:00:00")


def no_model(folder: Path) -> object:
    path = folder / "model.safetensors"
    path.write_bytes(b"no model, but some other bytes")
    return luban.load(path)


def more_ranks(folder: Path) -> object:
    return luban.parallel.communicator(4)


def threads(folder: Path) -> object:
    return luban.parallel.cpu_budget(-1)


PROCESS_FILE = "Process file"
IMPORT = "Import"
HISTORY = "History"
MODEL = "Model and recommendation"
RANKS = "Ranks"
CASES = [
    Case(PROCESS_FILE, "A key is mistyped.", "The nearest known key is named.", changed("objectives:", "objectivs:")),
    Case(PROCESS_FILE, "`low` above `high`.", "Swap them.", changed("low: 0.07, high: 0.13", "low: 0.13, high: 0.07")),
    Case(
        PROCESS_FILE,
        "The search range leaves the limits.",
        "Settings outside the limits may never be told to the machine, so they may not be proposed.",
        changed("high: 0.13", "high: 0.16"),
    ),
    Case(
        PROCESS_FILE,
        "An objective names a response that is not declared.",
        "Write the name as it stands under `responses` or `derived`.",
        changed("- {response: roughness,", "- {response: roughnes,"),
    ),
    Case(
        PROCESS_FILE,
        "A unit that nobody knows.",
        "Write it as people do: `um`, `mm/rev`, `cm3/min`.",
        changed("unit: um", "unit: umm"),
    ),
    Case(
        PROCESS_FILE,
        "`true` or `false` as a category.",
        "YAML reads them as truth values; put them in quotes.",
        changed("[D30, D50]", "[true, false]"),
    ),
    Case(
        PROCESS_FILE,
        "The file is not YAML.",
        "Line and column are named.",
        changed("{categories: [D30, D50]}", "{categories: [D30, D50}"),
    ),
    Case(IMPORT, "The file is empty.", "Export it again.", imported("")),
    Case(IMPORT, "The file has a header and no rows.", "Export it again.", imported("f,diameter,Ra\n")),
    Case(
        IMPORT,
        "A column is missing.",
        "Name the column in the process file: `column: …`.",
        imported("f,diameter,RA\n0.1,D30,1\n"),
    ),
    Case(
        IMPORT,
        "A header states a unit of another kind.",
        "Correct the header, or the unit in the process file. Units that can be converted are converted.",
        imported("f [kg],diameter,Ra\n0.1,D30,1\n"),
    ),
    Case(
        IMPORT,
        "The columns are separated by something else.",
        "Comma, semicolon, tab and bar are found out; name others with `--delimiter`.",
        imported("f:diameter:Ra\n0.1:D30:1\n"),
    ),
    Case(
        IMPORT,
        "Bytes that are not text in UTF-8.",
        "Name the encoding: `--encoding cp1252`.",
        imported(ROWS.encode() + b"0.1,D\xff,1\n"),
    ),
    Case(IMPORT, "The same column name twice.", "Rename one of them.", imported("f,f,diameter,Ra\n0.1,0.1,D30,1\n")),
    Case(
        IMPORT,
        "A bad value, and bad values are to be rejected.",
        "Correct the file, or leave `on_bad` at `quarantine`.",
        imported("f,diameter,Ra\n0.1,D30,1\n0.1,D40,1\n", on_bad="reject"),
    ),
    Case(HISTORY, "There is no such file.", "Look at the path.", lambda folder: luban.History.open(folder / "no.h5")),
    Case(HISTORY, "The file was cut off.", "Take it from a backup, or import its sources again.", opened_truncated),
    Case(HISTORY, "An HDF5 file that is no history.", "Histories are made by `luban import`.", opened_other),
    Case(HISTORY, "A newer program wrote it.", "Update Luban.", opened_newer),
    Case(HISTORY, "The target exists.", "Histories are never replaced by `save`; choose another name.", saved_twice),
    Case(HISTORY, "A column that the history does not have.", "`history.columns()` lists them.", read_unknown),
    Case(HISTORY, "A time without a zone.", "Add `Z` or an offset such as `+02:00`.", local_time),
    Case(MODEL, "Too little to learn from.", "Grouped validation needs groups on both sides.", one_run),
    Case(MODEL, "A file that is no model.", "Models are made by `luban train`.", no_model),
    Case(MODEL, "The context is missing.", "Say for which circumstances: `--context diameter=D30`.", without_context),
    Case(MODEL, "A category that the process file does not list.", "Add it there when it is real.", unknown_category),
    Case(
        MODEL,
        "Ranges and constraints contradict each other (exit code 4).",
        "The conflict is named, as small as it gets: relax one part of it.",
        infeasible,
    ),
    Case(MODEL, "A thread limit below 0.", "0 means no limit of your own.", threads),
    Case(RANKS, "More ranks than were started.", "[Cluster](cluster.md) has more of these.", more_ranks),
]


def cases_markdown() -> str:
    """All cases as sections of the page."""
    out: list[str] = []
    for number, case in enumerate(CASES):
        if number == 0 or CASES[number - 1].section != case.section:
            out.append(f"## {case.section}")
        with tempfile.TemporaryDirectory() as folder:
            error = case.error(Path(folder))
            text = case.text(Path(folder))
        out.append(f"**{case.done}** `{type(error).__name__}`")
        out.append(f"```text\n{text}\n```")
        out.append(case.remedy)
    return "\n\n".join(out)


def reasons_markdown() -> str:
    """The table of quarantine reasons."""
    rows = [f"| `{reason}` | {meaning} |" for reason, meaning in luban.ingest.REASONS.items()]
    return "\n".join(["| reason | meaning |", "| --- | --- |", *rows])


def filled(page: str) -> str:
    """The page with both generated parts, between their marks."""
    parts = {"CASES": cases_markdown, "REASONS": reasons_markdown}
    for name, make in parts.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        found = pattern.search(page)
        if found is None:
            raise LookupError(f"no marks of {name} in {PAGE}")
        page = f"{page[: found.start()]}{found[1]}\n{make()}\n\n{found[2]}{page[found.end() :]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
