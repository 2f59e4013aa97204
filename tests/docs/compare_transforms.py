"""What `auto` is worth on the packaged turning data, each response: the table of docs/method.md.

Five outer folds of settings, three deals; the transform is chosen inside each fold. Gross errors are aside. The lead is
of the mean log density over none, with its standard deviation over deals and its jackknife error over settings.
"""

import sys

import numpy as np
from luban._core import Contender, GaussianProcessOptions, evaluate
from numpy.typing import NDArray

from luban import datasets, features

Array = NDArray[np.float64]
DEALS = 3
HEADINGS = (
    "response", "none", "auto", "lead", "over deals", "standard error", "root mean square error, none → auto",
)  # fmt: skip


def jackknife(lead: Array, groups: NDArray[np.int64]) -> float:
    """Standard error of the mean lead of readings, each group left out once."""
    known = np.unique(groups)
    without = np.array([lead[groups != group].mean() for group in known])
    return float(np.sqrt((len(known) - 1) / len(known) * ((without - without.mean()) ** 2).sum()))


def deal(data: features.Dataset, seed: int) -> list[tuple[float, float, float, float, float]]:
    """Per response: log density without and with, the lead's error, and both root mean square errors."""
    options = GaussianProcessOptions()
    contenders = [
        Contender.gaussian_process("none", options, []),
        Contender.gaussian_process("auto", options, ["auto"]),
    ]
    found = evaluate(data, contenders, seed=seed, folds=5, repeats=1, baselines=False)
    groups = np.asarray(data.group)[np.asarray(data.run)]
    out = []
    for r in range(data.m):
        none, auto = (np.asarray(each.out_of_fold.log_density)[:, r] for each in found.contenders)
        used = (np.asarray(found.weights[r]) > 0) & ~np.isnan(none) & ~np.isnan(auto)
        errors = [each.responses[r].without_gross.pooled.rmse for each in found.contenders]
        lead = (auto - none)[used]
        out.append((none[used].mean(), auto[used].mean(), jackknife(lead, groups[used]), *errors))
    return out


def main() -> None:
    """Print the table."""
    history = datasets.turning()
    data = features.make_dataset(history.process.core, history.source)
    deals = np.array([deal(data, seed) for seed in range(DEALS)])  # (deals, responses, 5)
    rows = [HEADINGS, ("---",) * len(HEADINGS)]
    for r, response in enumerate(data.responses):
        none, auto, error, before, after = deals[:, r].mean(axis=0)
        spread = (deals[:, r, 1] - deals[:, r, 0]).std(ddof=1)
        rows.append((
            response.name.replace("_", " "), f"{none:.2f}", f"{auto:.2f}", f"{auto - none:+.2f}", f"{spread:.2f}",
            f"{error:.2f}", f"{before:.3g} → {after:.3g}",
        ))  # fmt: skip
    sys.stdout.write("\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n")


if __name__ == "__main__":
    main()
