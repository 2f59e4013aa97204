"""Neural surrogates: ensembles of networks trained with LibTorch, evaluated everywhere without it.

This module needs a build with training; everything that it makes is read and used by builds without.
"""

from __future__ import annotations

import importlib.util
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from luban import _core
from luban.errors import NotBuiltError

if TYPE_CHECKING:
    from luban._training import MemberReport, NeuralEnsembleFit, NeuralEnsembleOptions
    from luban.evaluation import Contender
    from luban.features import Dataset
    from luban.parallel import Progress

__all__ = [
    "MemberReport",
    "NeuralEnsembleFit",
    "NeuralEnsembleOptions",
    "available",
    "contender",
    "fit_neural_ensemble",
]


def available() -> bool:
    """Whether this build can train networks and finds the torch that it was built with."""
    return importlib.util.find_spec("luban._training") is not None and importlib.util.find_spec("torch") is not None


def fit_neural_ensemble(
    data: Dataset,
    options: NeuralEnsembleOptions | None = None,
    *,
    seed: int = 0,
    checkpoint: str | PathLike[str] | None = None,
    every_s: float = 60.0,
    progress: Progress | None = None,
) -> NeuralEnsembleFit:
    """Train an ensemble on all responses of a dataset at once.

    ``checkpoint`` is a folder where unfinished members are kept every ``every_s`` seconds and at Ctrl-C: the same call
    goes on from there and ends with the same numbers. Results do not depend on the number of threads.

    Raises: NotBuiltError without LibTorch or without the device asked for; ConfigurationError on an option out of
    range; DataError on fewer than three groups or a response without readings; NumericalError when training diverges;
    IoError on a folder that cannot be written; KeyboardInterrupt on Ctrl-C.
    """
    module = _module()
    fit: NeuralEnsembleFit = module.fit_neural_ensemble(
        data,
        module.NeuralEnsembleOptions() if options is None else options,
        seed=seed,
        checkpoint="" if checkpoint is None else fspath(checkpoint),
        every_s=every_s,
        progress=progress,
    )
    return fit


def contender(
    name: str = "neural_ensemble",
    options: NeuralEnsembleOptions | None = None,
    *,
    checkpoint: str | PathLike[str] | None = None,
) -> Contender:
    """Return networks as a contender of :func:`luban.evaluation.evaluate`. Raises: NotBuiltError."""
    module = _module()
    made: Contender = module.contender(
        name,
        module.NeuralEnsembleOptions() if options is None else options,
        checkpoint="" if checkpoint is None else fspath(checkpoint),
    )
    return made


def __getattr__(name: str) -> Any:
    if name in ("MemberReport", "NeuralEnsembleFit", "NeuralEnsembleOptions"):
        return getattr(_module(), name)
    message = f"module 'luban.training' has no attribute {name!r}"
    raise AttributeError(message)


def _module() -> Any:
    """Import torch, check that it is the minor version built with, then the extension."""
    built = str(_core.build_info()["torch"])
    if importlib.util.find_spec("luban._training") is None:
        raise NotBuiltError(
            where="training",
            expected="a build with training",
            received="one without",
            hint="LUBAN_WITH_TRAINING=1 pip install '.[neural]'",
        )
    if importlib.util.find_spec("torch") is None:
        raise NotBuiltError(
            where="training",
            expected=f"torch {_minor(built)}",
            received="no torch",
            hint=f"pip install 'torch=={_minor(built)}.*'",
        )
    import torch

    if _minor(torch.__version__) != _minor(built):
        raise NotBuiltError(
            where="training",
            expected=f"torch {_minor(built)}, which this package was built with",
            received=f"torch {torch.__version__}",
            hint=f"pip install 'torch=={_minor(built)}.*', or build luban again",
        )
    from luban import _training

    return _training


def _minor(version: str) -> str:
    return ".".join(version.split("+", maxsplit=1)[0].split(".")[:2])
