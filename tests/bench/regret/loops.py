"""The methods, each a function of a problem and a seed that gives a proposer: what was seen → the next settings (d)."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .problems import Problem

Array = np.ndarray


@dataclass
class Seen:
    """What a method may know: settings X (n, d), objectives F (n, m) to minimise, slacks G (n, k)."""

    X: Array
    F: Array
    G: Array

    @property
    def feasible(self) -> Array:
        """(n) whether every constraint is kept."""
        return (self.G >= 0).all(axis=1)


Proposer = Callable[[Seen], Array]
Method = Callable[[Problem, int], Proposer]


def random(problem: Problem, seed: int) -> Proposer:
    """The Sobol sequence that the initial design began."""
    return lambda seen: problem.design(len(seen.X) + 1, seed)[-1]


def luban(problem: Problem, seed: int) -> Proposer:
    """Ours: ``luban.recommend.propose`` with its defaults, told what columns, objectives and constraints there are."""
    from luban import recommend

    columns = [
        recommend.Column(v.low, v.high)
        if v.levels is None
        else recommend.Column(kind="categorical", values=v.categories)
        if v.categories
        else recommend.Column(kind="ordinal", values=v.levels.tolist())
        for v in problem.variables
    ]

    def propose(seen: Seen) -> Array:
        m, k = seen.F.shape[1], seen.G.shape[1]
        x = recommend.propose(
            seen.X,
            np.concatenate([seen.F, seen.G], axis=1),
            columns=columns,
            objectives=["minimize"] * m + [None] * k,
            outcome_bounds=[[-np.inf] * m + [0.0] * k, [np.inf] * (m + k)],
            reference=problem.reference or None,
            seed=1000 * seed + len(seen.X),
        )
        return np.array(x[0])

    return propose


def botorch(problem: Problem, seed: int) -> Proposer:
    """BoTorch: a SingleTaskGP per outcome, LogEI, qLogNEI under noise or constraints, qLogNEHVI for objectives.

    Ten restarts of 512 raw samples. Constraints are seen through the bilog transform, as its tutorial on SCBO does:
    without it a step on the welded beam takes a minute. Grids are searched as if continuous and rounded, categories by
    the mixed alternating optimizer.
    """
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    categorical = [j for j, v in enumerate(problem.variables) if v.categories]
    low, high = (torch.tensor(row) for row in problem.bounds)
    low[categorical], high[categorical] = 0.0, 1.0  # categories stay what they are: indices
    unit = (torch.tensor(problem.bounds) - low) / (high - low)

    def propose(seen: Seen) -> Array:
        from botorch.optim import optimize_acqf, optimize_acqf_mixed_alternating

        Z = (torch.tensor(seen.X) - low) / (high - low)
        Y = torch.tensor(np.concatenate([-seen.F, np.sign(seen.G) * np.log1p(np.abs(seen.G))], axis=1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = _botorch_model(Z, Y, categorical)
            acquisition = _botorch_acquisition(problem, model, Z, seen)
            if categorical:
                levels = {j: list(range(len(problem.variables[j].categories))) for j in categorical}
                z, _ = optimize_acqf_mixed_alternating(
                    acquisition, bounds=unit, cat_dims=levels, q=1, raw_samples=512, num_restarts=10
                )
            else:
                z, _ = optimize_acqf(acquisition, bounds=unit, q=1, num_restarts=10, raw_samples=512)
        return np.asarray((low + z[0] * (high - low)).numpy())

    return propose


def _botorch_model(Z: Any, Y: Any, categorical: list[int]) -> Any:
    """A Gaussian process per outcome, fitted."""
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import MixedSingleTaskGP, ModelListGP, SingleTaskGP
    from botorch.models.transforms import Standardize
    from gpytorch.mlls import SumMarginalLogLikelihood

    def one(y: Any) -> Any:
        if categorical:
            return MixedSingleTaskGP(Z, y, cat_dims=categorical, outcome_transform=Standardize(m=1))
        return SingleTaskGP(Z, y, outcome_transform=Standardize(m=1))

    models = [one(Y[:, [i]]) for i in range(Y.shape[1])]
    model = ModelListGP(*models)
    fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
    return models[0] if len(models) == 1 else model


def _botorch_acquisition(problem: Problem, model: Any, Z: Any, seen: Seen) -> Any:
    """The acquisition function that BoTorch's documentation advises for the kind of problem."""
    import torch
    from botorch.acquisition import LogExpectedImprovement, qLogNoisyExpectedImprovement
    from botorch.acquisition.multi_objective import (
        IdentityMCMultiOutputObjective,
        qLogNoisyExpectedHypervolumeImprovement,
    )
    from botorch.acquisition.objective import GenericMCObjective
    from botorch.sampling import SobolQMCNormalSampler

    m, k = seen.F.shape[1], seen.G.shape[1]
    constraints = [lambda Y, i=m + i: -Y[..., i] for i in range(k)] or None
    if m == 1 and not k and not problem.noise_sd:
        return LogExpectedImprovement(model, best_f=-seen.F.min())
    sampler = SobolQMCNormalSampler(torch.Size([128]), seed=len(seen.X))
    if m == 1:
        objective = GenericMCObjective(lambda Y, X=None: Y[..., 0])
        return qLogNoisyExpectedImprovement(
            model, Z, sampler=sampler, objective=objective, constraints=constraints, prune_baseline=True
        )
    return qLogNoisyExpectedHypervolumeImprovement(
        model,
        ref_point=[-value for value in problem.reference],
        X_baseline=Z,
        sampler=sampler,
        objective=IdentityMCMultiOutputObjective(outcomes=list(range(m))),
        constraints=constraints,
        prune_baseline=True,
    )


def optuna(problem: Problem, seed: int) -> Proposer:
    """Optuna's GPSampler, told that the objective is deterministic where it is."""
    import optuna as peer

    peer.logging.set_verbosity(peer.logging.ERROR)
    floats = peer.distributions.FloatDistribution
    space = {
        v.name: peer.distributions.CategoricalDistribution(v.categories)
        if v.categories
        else floats(v.low, v.high, step=v.step)
        for v in problem.variables
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", peer.exceptions.ExperimentalWarning)
        sampler = peer.samplers.GPSampler(
            seed=seed, n_startup_trials=problem.initial, deterministic_objective=not problem.noise_sd
        )
    objectives = len(problem.evaluate(problem.design(1, 0) if problem.table is None else problem.table[:1])[0][0])
    study = peer.create_study(sampler=sampler, directions=["minimize"] * objectives)
    told = 0

    def propose(seen: Seen) -> Array:
        nonlocal told
        for x, f, g in zip(seen.X[told:], seen.F[told:], seen.G[told:], strict=True):
            params = {
                v.name: v.categories[int(value)] if v.categories else float(value)
                for v, value in zip(problem.variables, x, strict=True)
            }
            constraints = {f"c{i}": -float(slack) for i, slack in enumerate(g)} or None
            trial = peer.trial.create_trial(
                params=params, distributions=space, values=f.tolist(), constraints=constraints
            )
            study.add_trial(trial)
        told = len(seen.X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            asked = study.ask(space)
            study.tell(asked, state=peer.trial.TrialState.FAIL)  # what is run may be another row: it is added above
        return np.array(
            [
                v.categories.index(asked.params[v.name]) if v.categories else asked.params[v.name]
                for v in problem.variables
            ],
            dtype=float,
        )

    return propose


OURS: dict[str, Method] = {"luban": luban, "random": random}
PEERS: dict[str, Method] = {"botorch": botorch, "optuna": optuna}
