"""Whether the acquisition that a proposal maximises is as high there as at the maximum BoTorch finds, judged by it."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from _rows import Row, make_row

from luban import recommend, surrogate
from recommend import peers
from recommend.cold import COMMAND, PRESET
from recommend.tasks import Array, dataset, unknown

TOLERANCE = 0.01  # of the logarithm of the expected improvement


def same_model(X: Array, Y: Array, lengths: Array, noise: float) -> Any:
    """BoTorch's default model of -Y with given hyperparameters, its constant as generalised least squares has it."""
    import torch
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Standardize

    model = SingleTaskGP(torch.tensor(X), -torch.tensor(Y)[:, None], outcome_transform=Standardize(m=1))
    squared = (((X[:, None, :] - X[None, :, :]) / lengths) ** 2).sum(axis=2)
    solved = np.linalg.solve(
        np.exp(-0.5 * squared) + noise * np.eye(len(Y)),
        np.column_stack([-(Y - Y.mean()) / Y.std(ddof=1), np.ones(len(Y))]),
    )
    with torch.no_grad():
        model.covar_module.lengthscale = torch.tensor(lengths)
        model.likelihood.noise = torch.tensor(noise)
        model.mean_module.constant.fill_(solved[:, 0].sum() / solved[:, 1].sum())
    return model.eval()


def lead(seed: int) -> float:
    """Log expected improvement where Luban would try next, less that at BoTorch's maximum, as BoTorch sees both.

    Luban improves on the best value seen or, where it sees noise, on the best expected one; which of them is told by
    the value that it gives.
    """
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.optim import optimize_acqf

    X, Y = unknown(seed)
    d = X.shape[1]
    options = surrogate.GaussianProcessOptions(preset=PRESET, starts=1, robust=False)
    fitted = surrogate.fit_gaussian_process(dataset(X, Y), options, seed=seed)
    box = np.array([[0.0] * d, [1.0] * d])
    found = recommend.propose(X, Y, box, seed=seed, surrogate=fitted, acquisition="log_expected_improvement")
    theta = np.asarray(fitted.reports[0].hyperparameters)
    model = same_model(X, Y, np.exp(theta[:d]), float(np.exp(theta[-1])))
    with torch.no_grad():
        expected = float(model.posterior(torch.tensor(X)).mean.max())
        acquisitions = [LogExpectedImprovement(model, best_f=best) for best in (-float(Y.min()), expected)]
        ours = [float(acquisition(torch.tensor(np.asarray(found))[None])) for acquisition in acquisitions]
    k = int(np.argmin(np.abs(np.array(ours) - found.acquisition[0])))
    torch.manual_seed(seed)
    _, theirs = optimize_acqf(acquisitions[k], bounds=torch.tensor(box), q=1, num_restarts=10, raw_samples=512)
    return ours[k] - float(theirs)


def rows(sets: int) -> Iterator[Row]:
    """How often our maximum is no lower, on data sets that no default was tuned on."""
    if not peers.available("botorch"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ahead = np.array([lead(seed) for seed in range(sets)])
    what = (
        f"share of {sets} data sets where the maximum of log expected improvement is within {TOLERANCE} of "
        f"optimize_acqf's or higher ({np.mean(ahead > TOLERANCE):.0%} higher by more; worst {ahead.min():.2f}, "
        f"best {ahead.max():.2f})"
    )
    share = float(np.mean(ahead >= -TOLERANCE))
    yield make_row("acquisition_maximum", what, share, 0.0, "1", COMMAND, sense="ge", reach=0.95)
