"""The main job on real data: import, judge, learn, recommend, and an honest check of all that.

The data are packaged (turning of slender shafts, CC BY 4.0); every number comes from the run that prints it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban.errors import IoError

if TYPE_CHECKING:
    from rich.console import Console

    from luban._demo.honest import HonestCheck
    from luban._demo.loop import LoopComparison
    from luban._demo.steps import Advised, Imported
    from luban.fitting import Model
    from luban.parallel import Progress

__all__ = ["DemoResult", "run"]


@dataclass(frozen=True)
class DemoResult:
    """What the main job found and where it wrote it.

    ``folder`` holds ``report.html``, the plots as PNG, ``turning.h5`` and the model; ``imported``, ``model``,
    ``advised``, ``honest`` and ``loop`` are the results themselves; ``seconds`` says what each step took.
    """

    folder: Path
    files: list[Path]
    imported: Imported
    model: Model
    advised: Advised
    honest: HonestCheck
    loop: LoopComparison
    seconds: dict[str, float]
    seed: int
    quick: bool

    @property
    def report(self) -> Path:
        """The report, one self-contained HTML file."""
        return self.folder / "report.html"

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain values: the keys of the honest check, times, findings, skill, settings, front."""
        from luban._demo.plain import demo_dict

        return demo_dict(self)

    def render(self, console: Console) -> None:
        """Print the result to a rich console, the honest check and the loops last."""
        from luban._demo.terminal import render

        render(self, console)


def run(
    out: str | PathLike[str] = "demo", quick: bool = False, seed: int = 0, progress: Progress | None = None
) -> DemoResult:
    """Do the main job and write ``out/report.html``, plots, the history and the model.

    Imports the packaged production history, looks for gross errors, fits on folds grouped by setpoint (each left out
    once), recommends settings for every context (averaged over the noise variables), searches the front of the two
    objectives, checks its own choices where the truth is known, and closes the loop on simulated lathes that drift:
    learning, against its frozen model and against fixed settings. ``quick`` does less of the last three and says so.

    Each file is complete or not there: it is written under a temporary name and renamed.

    Raises: IoError when ``out`` cannot be written; KeyboardInterrupt on Ctrl-C.
    """
    from luban import fitting
    from luban._demo import files, pictures, steps
    from luban._demo.honest import run_honest_check
    from luban._demo.loop import compare_loops
    from luban.campaign import Campaign
    from luban.surrogate import GaussianProcess

    folder = _folder(out)
    clock = _Clock()
    imported = steps.import_packaged(folder / "turning.h5", progress)
    clock.lap("import_and_look")
    process = imported.history.process
    settings = imported.inspection.counts["groups"]  # one fold each: every setting is predicted from all others
    # Both are judged; the honest check fits the model anew hundreds of times, which a Gaussian process allows.
    model = fitting.fit(
        process, imported.history, "automatic", seed, settings, progress=progress, keep="gaussian_process"
    )
    clock.lap("fit")
    campaign = Campaign(process, imported.history, seed=seed, model=model)
    advised = steps.advise(campaign, model, points=5 if quick else 10, progress=progress)
    clock.lap("recommend")
    learned = model.surrogate if isinstance(model.surrogate, GaussianProcess) else None
    honest = run_honest_check(imported.history, learned, seed=seed, quick=quick, progress=progress)
    clock.lap("honest_check")
    loop = compare_loops(process, seed=seed, quick=quick, progress=progress)
    clock.lap("loops")
    plots = pictures.draw_all(imported, model, advised, honest, loop)
    written = files.write_pictures(folder, plots, progress)
    written.append(model.save(folder / "turning.safetensors"))
    clock.lap("plots")
    result = DemoResult(folder, written, imported, model, advised, honest, loop, clock.seconds, seed, quick)
    written.append(files.write_report(result, plots))
    clock.lap("report")
    return result


def _folder(out: str | PathLike[str]) -> Path:
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IoError(
            where="demo.run", expected="a folder to write to", received=str(error.strerror), place=str(folder)
        ) from error
    return folder


class _Clock:
    """What each step took, in seconds of wall time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
