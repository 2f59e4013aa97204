"""The peers' side, each measurement in a process of its own with a stated number of threads.

``python tests/bench/recommend/peers.py CASE N REPETITIONS`` prints the seconds of each repetition as JSON; ``measured``
runs it with one thread and with two and takes what is better.
"""

import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in {None, ""}:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recommend.tasks import LEVELS, Array, D, mixed, several, tried

BATCH, BATCH_OF_SEVERAL = 8, 4
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def available(peer: str) -> bool:
    """Whether the package can be imported."""
    return importlib.util.find_spec(peer) is not None


def version(peer: str) -> str:
    """Name and version, for tables."""
    return f"{peer} {importlib.import_module(peer).__version__}"


def botorch_fitted(X: Array, Y: Array, standardise: bool = True) -> object:
    """BoTorch's SingleTaskGP with its defaults, fitted to -Y, which it standardises or takes as it is."""
    import torch
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize
    from gpytorch.mlls import ExactMarginalLogLikelihood

    transform = Standardize(m=1) if standardise else None
    model = SingleTaskGP(torch.tensor(X), -torch.tensor(Y)[:, None], outcome_transform=transform)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model


def botorch(X: Array, Y: Array, seed: int) -> Array:
    """One proposal by BoTorch: SingleTaskGP and LogExpectedImprovement, 10 restarts of 512 raw samples."""
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.optim import optimize_acqf

    torch.manual_seed(seed)
    model = botorch_fitted(X, Y)
    bounds = torch.tensor([[0.0] * X.shape[1], [1.0] * X.shape[1]], dtype=torch.double)
    acquisition = LogExpectedImprovement(model, best_f=-float(Y.min()))
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


def botorch_several(X: Array, Y: Array, seed: int) -> Array:
    """Four points by BoTorch, one after the other: a SingleTaskGP per objective and qLogNEHVI of 128 samples."""
    import torch
    from botorch.acquisition.multi_objective import qLogNoisyExpectedHypervolumeImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.sampling import SobolQMCNormalSampler
    from botorch.utils.multi_objective.hypervolume import infer_reference_point
    from botorch.utils.multi_objective.pareto import is_non_dominated
    from gpytorch.mlls import SumMarginalLogLikelihood

    torch.manual_seed(seed)
    Z, values = torch.tensor(X), -torch.tensor(Y)
    model = ModelListGP(
        *(SingleTaskGP(Z, values[:, [j]], outcome_transform=Standardize(m=1)) for j in range(Y.shape[1]))
    )
    fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model,
        ref_point=infer_reference_point(values[is_non_dominated(values)]),
        X_baseline=Z,
        sampler=SobolQMCNormalSampler(torch.Size([128]), seed=seed),
        prune_baseline=True,
    )
    return _botorch_batch(acquisition, X.shape[1], BATCH_OF_SEVERAL)


def botorch_batch(X: Array, Y: Array, seed: int) -> Array:
    """Eight points by BoTorch, one after the other: SingleTaskGP and qLogNEI of 128 samples."""
    import torch
    from botorch.acquisition import qLogNoisyExpectedImprovement
    from botorch.sampling import SobolQMCNormalSampler

    torch.manual_seed(seed)
    acquisition = qLogNoisyExpectedImprovement(
        botorch_fitted(X, Y),
        torch.tensor(X),
        sampler=SobolQMCNormalSampler(torch.Size([128]), seed=seed),
        prune_baseline=True,
    )
    return _botorch_batch(acquisition, X.shape[1], BATCH)


def _botorch_batch(acquisition: Any, d: int, q: int) -> Array:
    import torch
    from botorch.optim import optimize_acqf

    bounds = torch.tensor([[0.0] * d, [1.0] * d], dtype=torch.double)
    points, _ = optimize_acqf(acquisition, bounds=bounds, q=q, num_restarts=10, raw_samples=512, sequential=True)
    return np.asarray(points.numpy())


def botorch_mixed(X: Array, Y: Array, seed: int) -> Array:
    """One proposal by BoTorch among numbers and categories: MixedSingleTaskGP, LogEI, the mixed alternating search."""
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import MixedSingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf_mixed_alternating
    from gpytorch.mlls import ExactMarginalLogLikelihood

    torch.manual_seed(seed)
    categories = list(range(4, X.shape[1]))
    model = MixedSingleTaskGP(
        torch.tensor(X), -torch.tensor(Y)[:, None], cat_dims=categories, outcome_transform=Standardize(m=1)
    )
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    bounds = torch.tensor([[0.0] * X.shape[1], [1.0] * 4 + [LEVELS - 1.0] * len(categories)], dtype=torch.double)
    point, _ = optimize_acqf_mixed_alternating(
        LogExpectedImprovement(model, best_f=-float(Y.min())),
        bounds=bounds,
        cat_dims={j: list(range(LEVELS)) for j in categories},
        q=1,
        raw_samples=512,
        num_restarts=10,
    )
    return np.asarray(point.numpy())


def turning_readings() -> tuple[Array, Array]:
    """The turning history's readings as numbers: categories one-hot, ranges scaled to 0 … 1."""
    from luban import datasets, features

    history = datasets.turning()
    data = features.make_dataset(history.process.core, history.source, responses=["roughness"])
    columns = []
    for j, variable in enumerate(data.encoder.variables):
        if variable.categories:
            columns += [(data.X[:, j] == k).astype(float) for k in range(len(variable.categories))]
        else:
            columns.append(data.X[:, j])
    kept = ~np.isnan(data.Y[:, 0])
    return np.column_stack(columns)[kept], data.Y[kept, 0]


def botorch_refit(X: Array, Y: Array, seed: int) -> object:
    """A fit of BoTorch's default model, as after each new run."""
    return botorch_fitted(X, Y)


def botorch_turning(X: Array, Y: Array, seed: int) -> object:
    """A fit of BoTorch to every reading of turning; it knows no repeats."""
    return botorch_fitted(X, Y)


CASES: dict[str, tuple[Callable[[Array, Array, int], object], Callable[[int, int], tuple[Array, Array]]]] = {
    "botorch": (botorch, tried),
    "optuna": (optuna, tried),
    "botorch_refit": (botorch_refit, tried),
    "botorch_two": (botorch_several, lambda n, seed: several(n, seed, 2)),
    "botorch_three": (botorch_several, lambda n, seed: several(n, seed, 3)),
    "botorch_batch": (botorch_batch, tried),
    "botorch_mixed": (botorch_mixed, mixed),
    "botorch_turning": (botorch_turning, lambda n, seed: turning_readings()),
}


def seconds(case: str, n: int, repetitions: int) -> list[float]:
    """Time a case on data of the seeds 0, 1, …; a short call before them loads what is loaded once."""
    call, data = CASES[case]
    call(*(tried(20, 99) if case == "botorch_turning" else data(20, 99)), 99)
    times = []
    for seed in range(repetitions):
        X, Y = data(n, seed)
        began = time.perf_counter()
        call(X, Y, seed)
        times.append(time.perf_counter() - began)
    return times


def measured(case: str, n: int, repetitions: int, threads: tuple[int, ...] = (1, 2)) -> tuple[float, int]:
    """The better median of some numbers of threads, in seconds, with that number."""
    best = (float("inf"), 0)
    for count in threads:
        environment = {**os.environ, **dict.fromkeys(_THREADS, str(count))}
        command = [sys.executable, __file__, case, str(n), str(repetitions)]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        best = min(best, (statistics.median(json.loads(done.stdout)), count))
    return best


def beside(case: str, n: int, repetitions: int, reach: float) -> dict[str, Any]:
    """What a row says of a case's peer, which should be ``reach`` times slower; nothing where it is not installed."""
    package = case.split("_")[0]
    if not available(package):
        return {}
    theirs, threads = measured(case, n, repetitions)
    name = f"{version(package)}, {threads} thread{'s' if threads > 1 else ''}"
    return {"peer": 1e3 * theirs, "peer_name": name, "ratio_reach": 1.0 / reach}


def main() -> None:
    """Measure one case in this process."""
    case, n, repetitions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(int(os.environ.get(_THREADS[0], "1")))
    warnings.filterwarnings("ignore")
    sys.stdout.write(json.dumps(seconds(case, n, repetitions)))


if __name__ == "__main__":
    main()
