"""Time of a proposal: refit and proposal from arrays, beside the peers that are installed; answers on turning.

``python tests/bench/recommend.py [--quick] [--json PATH]``. Peers (BoTorch, Optuna) are measured when they can be
imported, on the same points, with their defaults; without them their columns are null.
"""

import argparse
import importlib.util
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _rows import Row, make_row, write_rows

COMMAND = "make bench-recommend"
SIZES = (50, 100, 300)
D = 6
Array = np.ndarray

# Hartmann's function of six variables (Dixon and Szego 1978); its least value is -3.32237.
_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(X: Array) -> Array:
    """Return the function at X (n, 6)."""
    return -(_ALPHA * np.exp(-(_A * (X[:, None, :] - _P) ** 2).sum(axis=2))).sum(axis=1)


def tried(n: int, seed: int) -> tuple[Array, Array]:
    """Return points in the unit cube and their values with noise of standard deviation 0.05."""
    random = np.random.default_rng(seed)
    X = random.random((n, D))
    return X, hartmann(X) + 0.05 * random.standard_normal(n)


def ours(X: Array, Y: Array, seed: int) -> Array:
    """One proposal by Luban."""
    from luban import recommend

    return recommend.propose(X, Y, np.array([[0.0] * D, [1.0] * D]), seed=seed)


def botorch(X: Array, Y: Array, seed: int) -> Array:
    """One proposal by BoTorch: SingleTaskGP and LogExpectedImprovement, 10 restarts of 512 raw samples."""
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(seed)
    x, y = torch.tensor(X), -torch.tensor(Y)[:, None]
    model = SingleTaskGP(x, y, outcome_transform=Standardize(m=1))
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    bounds = torch.tensor([[0.0] * D, [1.0] * D], dtype=torch.double)
    acquisition = LogExpectedImprovement(model, best_f=y.max())
    point, _ = optimize_acqf(acquisition, bounds=bounds, q=1, num_restarts=10, raw_samples=512)
    return np.asarray(point.numpy())


def optuna(X: Array, Y: Array, seed: int) -> Array:
    """One proposal by Optuna's GPSampler."""
    import optuna as peer

    peer.logging.set_verbosity(peer.logging.ERROR)
    space = {f"x{j}": peer.distributions.FloatDistribution(0.0, 1.0) for j in range(D)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", peer.exceptions.ExperimentalWarning)
        study = peer.create_study(sampler=peer.samplers.GPSampler(seed=seed))
        for x, y in zip(X, Y, strict=True):
            params = {f"x{j}": float(x[j]) for j in range(D)}
            study.add_trial(peer.trial.create_trial(params=params, distributions=space, value=float(y)))
        trial = study.ask(space)
    return np.array([[trial.params[f"x{j}"] for j in range(D)]])


def seconds(call: Callable[[int], object], repetitions: int) -> list[float]:
    """Time the call with the seeds 0, 1, …; a call before them warms up."""
    call(repetitions)
    times = []
    for seed in range(repetitions):
        began = time.perf_counter()
        call(seed)
        times.append(time.perf_counter() - began)
    return times


def row(name: str, what: str, values: list[float], **more: Any) -> Row:
    """The median of ``values`` (seconds) and their range, in milliseconds."""
    spread = 1e3 * (max(values) - min(values))
    return make_row(name, what, 1e3 * statistics.median(values), spread, "ms", COMMAND, **more)


def array_rows(repetitions: int) -> list[Row]:
    """Cold refit and one proposal from arrays, a row per size and peer; the peer is the faster one in `peer`."""
    peers = {name: call for name, call in (("botorch", botorch), ("optuna", optuna)) if importlib.util.find_spec(name)}
    rows = []
    for n in SIZES:
        data = [tried(n, seed) for seed in range(repetitions + 1)]
        own = seconds(lambda seed, data=data: ours(*data[seed], seed), repetitions)
        what = f"cold refit and one proposal, n = {n}, d = {D}, noisy Hartmann"
        if not peers:
            rows.append(row(f"propose_{n}", what, own))
        for name, call in peers.items():
            theirs = seconds(lambda seed, data=data, call=call: call(*data[seed], seed), min(3, repetitions))
            version = importlib.import_module(name).__version__
            peer = 1e3 * statistics.median(theirs)
            rows.append(row(f"propose_{n}_{name}", what, own, peer=peer, peer_name=f"{name} {version}"))
    return rows


def turning_rows(repetitions: int) -> list[Row]:
    """Answers of a campaign on the packaged history, its model fitted."""
    import luban
    from luban import datasets

    history = datasets.turning()
    began = time.perf_counter()
    model = luban.fit(history.process, history)
    fit_s = time.perf_counter() - began
    context = {"diameter": "D30", "tool_wear": "Worn"}

    def campaign(seed: int) -> luban.Campaign:
        return luban.Campaign(history.process, history, seed, model=model)

    best = seconds(lambda seed: campaign(seed).recommend(context=context, kind="best_mean"), repetitions)
    explore = seconds(lambda seed: campaign(seed).recommend(context=context), repetitions)
    front = seconds(lambda seed: campaign(seed).pareto(context=context, points=16), min(3, repetitions))
    return [
        row("turning_fit", "fit on turning with cross-validation, 2,448 readings, 5 responses", [fit_s]),
        row("turning_best_mean", "best settings for one context on turning, with reasons", best),
        row("turning_explore", "next settings for one context on turning, with reasons", explore),
        row("turning_pareto", "front of two objectives for one context on turning, 16 levels", front),
    ]


def main() -> int:
    """Read the command line, measure, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 repetitions instead of 15")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    options = parser.parse_args()
    repetitions = 3 if options.quick else 15
    rows = [*array_rows(repetitions), *turning_rows(repetitions)]
    for entry in rows:
        peer = "" if entry["peer"] is None else f"  ({entry['peer_name']}: {entry['peer']:.1f})"
        sys.stdout.write(f"{entry['name']:24} {entry['ours']:10.1f} {entry['unit']} ± {entry['spread']:.1f}{peer}\n")
    return write_rows(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
