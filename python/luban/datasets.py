"""Data that comes with the package: a real production history to begin with.

``turning()`` is a history in memory; ``turning_files()`` are the files it is made of, for whoever wants to import them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from luban.errors import IoError
from luban.history import History
from luban.process import Process

if TYPE_CHECKING:
    from luban.parallel import Progress

__all__ = ["DatasetFiles", "turning", "turning_files"]


@dataclass(frozen=True)
class DatasetFiles:
    """A packaged data set as files: the raw table, the process file for it, where it comes from and its licence."""

    csv: Path
    process: Path
    attribution: Path


def turning_files() -> DatasetFiles:
    """Files of the turning data: 2,448 roughness readings on 68 turned shafts (CC BY 4.0).

    Raises: IoError when the package was installed without its data.
    """
    folder = Path(str(resources.files("luban"))) / "data"
    files = DatasetFiles(folder / "turning.csv", folder / "turning.yaml", folder / "ATTRIBUTION.md")
    for path in (files.csv, files.process, files.attribution):
        if not path.is_file():
            raise IoError(
                where="datasets.turning_files",
                expected="the packaged data",
                received="no such file",
                place=str(path),
                hint="install the package again; a checkout has to be built first (make setup)",
            )
    return files


def turning(*, progress: Progress | None = None) -> History:
    """History of the turning data, in memory, with its ``process``; nothing is cleaned: gross errors are in it.

    Reference: https://doi.org/10.5281/zenodo.17438392 (CC BY 4.0, see ``turning_files().attribution``).

    Raises: IoError when the package was installed without its data.
    """
    files = turning_files()
    return History.from_csv(Process.from_yaml(files.process), files.csv, progress=progress)
