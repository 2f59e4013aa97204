"""Compares the presets on the packaged turning data, each setting left out once: the table of decision record 8."""

import sys

import numpy as np
import pandas as pd

import luban

PRESETS = ("luban", "smooth_rough", "hvarfner", "matern", "matern_legacy", "baybe", "turbo", "vizier")
INPUTS = ["diameter", "tool_wear", "position"]


def one_response(history: luban.History) -> luban.Process:
    """The turning process with roughness alone: the other responses would only take time."""
    content = history.process.to_dict()
    content["responses"] = {"roughness": content["responses"]["roughness"]}
    return luban.Process.from_dict(content)


def cell_mean_errors(kept: pd.DataFrame) -> pd.Series:
    """Errors of predicting each reading by the other settings' mean at its diameter, wear and position."""
    errors = []
    for group, test in kept.groupby("group"):
        means = kept[kept["group"] != group].groupby(INPUTS, observed=True)["measured"].mean()
        contexts = pd.MultiIndex.from_frame(test[INPUTS])
        errors.append(test["measured"] - means.loc[contexts].to_numpy())
    return pd.concat(errors)


def row(name: str, errors: pd.Series, groups: pd.Series, skill: pd.Series | None = None) -> str:
    """One row of the table: RMSE over all readings, and the mean over settings of the RMSE of each."""
    pooled = float(np.sqrt(np.mean(errors**2)))
    each = float(np.sqrt((errors**2).groupby(groups).mean()).mean())
    more = ["–"] * 3
    if skill is not None:
        inside, calibrated = 100 * skill["coverage_90"], 100 * skill["calibrated_coverage_90"]
        more = [f"{skill['log_density']:.2f}", f"{inside:.0f} %", f"{calibrated:.0f} %"]
    return " | ".join(["", name, f"{each:.3f}", f"{pooled:.3f}", *more, ""]).strip()


def main() -> None:
    """Print the table."""
    history = luban.datasets.turning()
    process = one_response(history)
    rows = [
        "| preset | RMSE of a setting, mean | RMSE of all readings | log density | inside 90 % | calibrated |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for preset in PRESETS:
        model = luban.fit(process, history, surrogate=preset, folds=15)
        frame = model.cross_validation.frame("roughness")
        kept = frame[~frame["gross"]]
        rows.append(row(f"`{preset}`", kept["measured"] - kept["mean"], kept["group"], model.skill().iloc[0]))
        if preset == PRESETS[-1]:
            rows.append(row("mean of the same diameter, wear and position", cell_mean_errors(kept), kept["group"]))
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
