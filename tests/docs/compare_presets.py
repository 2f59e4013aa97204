"""Compares the presets on the packaged turning data, each setting left out once: the table of decision record 8."""

import sys
from typing import Any

import luban

PRESETS = ("luban", "smooth_rough", "hvarfner", "matern", "matern_legacy", "baybe", "turbo", "vizier", "optuna")
HEADINGS = ("", "RMSE of a setting, mean", "RMSE of all readings", "log density", "inside 90 %", "calibrated")


def one_response(history: luban.History) -> luban.Process:
    """The turning process with roughness alone: the other responses would only take time."""
    content = history.process.to_dict()
    content["responses"] = {"roughness": content["responses"]["roughness"]}
    return luban.Process.from_dict(content)


def cells(name: str, score: Any) -> tuple[str, ...]:
    """One row of the table; baselines are not calibrated."""
    calibrated = score["calibrated_coverage_90"]
    return (
        f"`{name}`",
        f"{score['rmse_fold_mean']:.3f} ± {score['rmse_fold_se']:.3f}",
        f"{score['rmse']:.3f}",
        f"{score['log_density']:.2f}",
        f"{100 * score['coverage_90']:.0f} %",
        f"{100 * calibrated:.0f} %" if calibrated == calibrated else "–",
    )


def main() -> None:
    """Print the table."""
    history = luban.datasets.turning()
    process = one_response(history)
    rows: list[tuple[str, ...]] = [HEADINGS, ("---",) * len(HEADINGS)]
    for preset in PRESETS:
        skill = luban.fit(process, history, surrogate=preset, folds=15).skill()
        rows.append(cells(preset, skill.iloc[0]))
    rows += [cells(score["contender"], score) for _, score in skill.iloc[1:].iterrows()]
    sys.stdout.write("\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows) + "\n")


if __name__ == "__main__":
    main()
