"""Neural surrogates: ensembles of networks trained with LibTorch, evaluated everywhere without it.

This module needs a build with training; everything that it makes is read and used by builds without.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from luban import _core
from luban.errors import NotBuiltError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from luban._training import EnsembleTraining, MemberReport, NeuralEnsembleFit, NeuralEnsembleOptions
    from luban.evaluation import Contender
    from luban.features import Dataset
    from luban.parallel import Progress

__all__ = [
    "EnsembleTraining",
    "MemberReport",
    "NeuralEnsembleFit",
    "NeuralEnsembleOptions",
    "available",
    "contender",
    "ensemble_training",
    "fit_neural_ensemble",
    "lacking",
    "option_values",
    "train_networks",
    "with_members",
]


_OPTIONS = [
    *("members", "hidden", "epochs", "minibatch", "learning_rate", "weight_decay", "validation_share", "patience"),
    *("beta", "precision", "device", "threads"),
]


def available() -> bool:
    """Whether this build can train networks and finds the torch that it was built with."""
    return lacking() is None


def lacking() -> NotBuiltError | None:
    """Return what stands between this build and the training of networks, as the error that it would be; else None."""
    built = _minor(str(_core.build_info()["torch"]))
    if importlib.util.find_spec("luban._training") is None:
        return NotBuiltError(
            where="training",
            expected="a build with training",
            received="one without",
            hint="LUBAN_WITH_TRAINING=1 pip install '.[neural]'",
        )
    try:
        found = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return NotBuiltError(
            where="training", expected=f"torch {built}", received="no torch", hint=f"pip install 'torch=={built}.*'"
        )
    if _minor(found) != built:
        return NotBuiltError(
            where="training",
            expected=f"torch {built}, which this package was built with",
            received=f"torch {found}",
            hint=f"pip install 'torch=={built}.*', or build luban again",
        )
    return None


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


def ensemble_training(data: Dataset, options: NeuralEnsembleOptions, *, key: int) -> EnsembleTraining:
    """Return the training of one ensemble as pieces of one member each, for processes that share them.

    ``key`` is the number of a random key, as ``fold_fits`` gives one for each fold; ``seed`` of
    :func:`fit_neural_ensemble` is the same number.

    Raises: NotBuiltError, ConfigurationError, DataError as :func:`fit_neural_ensemble`.
    """
    made: EnsembleTraining = _module().EnsembleTraining(data, options, key=key)
    return made


def train_networks(
    units: Sequence[tuple[EnsembleTraining, int]],
    *,
    checkpoint: str | PathLike[str],
    every_s: float = 60.0,
    pause_after_s: float | None = None,
    threads: int = 0,
    progress: Progress | None = None,
) -> None:
    """Train members, each a pair of training and number, and leave them in the checkpoint folder.

    Members that are finished there cost nothing; unfinished ones go on. With ``pause_after_s`` those unfinished by then
    are kept after their epoch and the call returns. When ``progress`` raises, or at Ctrl-C, they
    are kept as they are and the exception passes on.

    Raises: ConfigurationError on a member that is none; NumericalError when training diverges; IoError; IntegrityError
    on a damaged file; NotBuiltError.
    """
    _module().train_networks(
        list(units),
        checkpoint=fspath(checkpoint),
        every_s=every_s,
        pause_after_s=pause_after_s,
        threads=threads,
        progress=progress,
    )


def option_values(options: NeuralEnsembleOptions) -> dict[str, Any]:
    """Return options as plain values by name."""
    return {name: getattr(options, name) for name in _OPTIONS}


def with_members(options: NeuralEnsembleOptions, members: int) -> NeuralEnsembleOptions:
    """Return the same options with another number of members."""
    made: NeuralEnsembleOptions = _module().NeuralEnsembleOptions(**{**option_values(options), "members": members})
    return made


def __getattr__(name: str) -> Any:
    if name in ("EnsembleTraining", "MemberReport", "NeuralEnsembleFit", "NeuralEnsembleOptions"):
        return getattr(_module(), name)
    message = f"module 'luban.training' has no attribute {name!r}"
    raise AttributeError(message)


def _module() -> Any:
    """Import torch, so that its libraries are found, then the extension. Raises: NotBuiltError."""
    if (error := lacking()) is not None:
        raise error
    import torch  # noqa: F401

    from luban import _training

    return _training


def _minor(version: str) -> str:
    return ".".join(version.split("+", maxsplit=1)[0].split(".")[:2])
