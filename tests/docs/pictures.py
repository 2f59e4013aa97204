"""Draws the pictures of README and pages from the packaged turning data: python tests/docs/pictures.py [FOLDER]

The picture of a page needs a browser, chromium.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import luban

CONTEXT = {"diameter": "D30", "tool_wear": "Worn"}


def photograph(page: luban.report.Report, path: Path, width: int = 1180, height: int = 1420) -> None:
    """Write the top of a page as a browser shows it."""
    with tempfile.TemporaryDirectory() as folder:
        place = page.save(Path(folder) / "page.html")
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile"]
        command += ["--hide-scrollbars", f"--window-size={width},{height}", f"--screenshot={path}", place.as_uri()]
        subprocess.run(command, check=True, capture_output=True)


def main(folder: Path) -> None:
    """Write overview.png, inspection.png and response-surface.png."""
    history = luban.datasets.turning()
    photograph(luban.report.of_inspection(history.inspect()), folder / "inspection.png")
    luban.plots.save(luban.plots.history_overview(history), folder / "overview.png")
    model = luban.fit(history.process, history, "gaussian_process")
    campaign = luban.Campaign(history.process, history=history, model=model)
    best = campaign.recommend(context=CONTEXT, kind="best_mean")[0]
    surface = luban.plots.response_surface(
        model, "cutting_speed", "depth_of_cut", context=CONTEXT, at={"feed": best.settings["feed"]},
        recommended=best.settings,
    )  # fmt: skip
    luban.plots.save(surface, folder / "response-surface.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "docs/assets")
