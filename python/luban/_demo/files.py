"""What the main job leaves in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from luban import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from luban.demo import DemoResult
    from luban.parallel import Progress

__all__ = ["write_pictures", "write_report"]


def write_pictures(folder: Path, pictures: Mapping[str, Figure], progress: Progress | None) -> list[Path]:
    """Write each plot as PNG. Raises: IoError when the disk refuses."""
    written = []
    for done, (name, picture) in enumerate(pictures.items()):
        if progress is not None:
            progress("Drawing", done, len(pictures))
        written.append(plots.save(picture, folder / f"{name}.png", dpi=170))
    if progress is not None:
        progress("Drawing", len(pictures), len(pictures))
    return written


def write_report(result: DemoResult, pictures: Mapping[str, Figure]) -> Path:
    """Write the report. Raises: IoError when the disk refuses."""
    from luban._demo.page import make_report

    return make_report(result, pictures).save(result.report)
