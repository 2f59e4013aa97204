"""A model as one file: what it learned from, what it learned, how far it may be trusted.

A safetensors file: arrays, and in the header's metadata one JSON text under "luban" with ``kind``, ``format``,
``process`` (as a process file), ``gaussian_process`` (preset, covariance, encoder, reports), ``local_gaussian_process``
(format 3: likewise) or ``neural_ensemble`` (members, blocks, encoder; arrays under the same name),
``response_transforms`` (format 2: the Gaussian process learned transformed responses), ``dataset`` (what it learned
from; arrays X, Y, run, group, …), ``contenders`` (whose out-of-fold predictions stand under ``cross_validation/0``,
``1``, …), ``envelope``, ``card`` (with the calibration of every response) and ``content_digest``. The digest covers
every array and the whole text: a file that was changed or cut does not load.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from luban import _core
from luban.errors import DataError, IntegrityError, IoError, VersionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Contents",
    "Kept",
    "content_digest",
    "read",
    "restored_dataset",
    "stored_dataset",
    "surrogate_of",
    "target_path",
]
__all__ += ["write"]

#: Surrogates that a file can hold.
Kept = _core.GaussianProcess | _core.LocalGaussianProcess | _core.NeuralEnsemble | _core.TransformedSurrogate

KIND = "luban-model"
FORMAT = 3
# The lowest format that can hold a model, so that older programs read what they know.
_FORMAT_WITH_TRANSFORMS = 2
_FORMAT_OF_THE_REST = 1
_DATASET_ARRAYS = ("X", "Y", "run", "group", "run_time", "source_row", "repeat")


class Contents:
    """An artefact that verified: arrays by name, and the JSON object."""

    def __init__(self, artefact: _core.Artefact, metadata: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> None:
        self.artefact = artefact
        self.metadata = metadata
        self.tensors = tensors


def content_digest(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> str:
    """SHA-256 over arrays (name, type, shape, bytes) and metadata, whatever their order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.tobytes())
    text = {key: value for key, value in metadata.items() if key != "content_digest"}
    digest.update(json.dumps(text, sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()


def target_path(path: str | os.PathLike[str], name: str) -> Path:
    """Return the file to write: a folder (one that exists, or a path that ends in a slash) gets ``name``."""
    text = os.fspath(path)
    target = Path(text)
    return target / name if target.is_dir() or text.endswith("/") else target


def write(
    surrogate: Kept,
    tensors: Mapping[str, NDArray[Any]],
    content: Mapping[str, Any],
    path: str | os.PathLike[str],
) -> Path:
    """Write under a temporary name, then rename. Raises: IoError when the disk refuses."""
    artefact = _core.Artefact()
    surrogate.write(artefact)
    number = FORMAT if isinstance(surrogate, _core.LocalGaussianProcess) else _FORMAT_OF_THE_REST
    if isinstance(surrogate, _core.TransformedSurrogate):
        _writable(surrogate.inner).write(artefact)
        number = _FORMAT_WITH_TRANSFORMS
    artefact.tensors = {**artefact.tensors, **tensors}
    metadata = {**json.loads(artefact.metadata), "kind": KIND, "format": number, **content}
    artefact.metadata = json.dumps(metadata)
    sealed = json.loads(artefact.metadata)  # as it will be read: numbers in the file's own spelling
    digest = content_digest(artefact.tensors, sealed)
    artefact.metadata = json.dumps({**sealed, "content_digest": digest})
    target = target_path(path, file_name(content["card"]["process"], digest))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IoError(
            where="fitting.save", expected="a folder to write into", received=str(error.strerror), place=str(target)
        ) from error
    artefact.save(target)
    return target


def file_name(process: str, digest: str) -> str:
    """Return the name of a model's file: that of its process, percent-encoded where it must be, and its digest."""
    return f"{quote(process, safe=' ') or 'model'}-{digest[:16]}.safetensors"


def read(path: str | os.PathLike[str]) -> Contents:
    """Read and verify. Raises: IoError, IntegrityError when it is damaged or no model, VersionError when newer."""
    artefact = _core.Artefact.load(Path(path))
    metadata = _metadata(artefact, path)
    if metadata.get("kind") != KIND:
        raise _damaged("a model of luban", f"a safetensors file of kind {metadata.get('kind')!r}", path)
    if not isinstance(metadata.get("format"), int) or metadata["format"] > FORMAT:
        raise VersionError(
            where="fitting.load",
            expected=f"format {FORMAT} or older",
            received=str(metadata.get("format")),
            place=str(path),
            hint="read it with the version of luban that wrote it",
        )
    tensors = artefact.tensors
    if metadata.get("content_digest") != content_digest(tensors, metadata):
        raise _damaged("content that fits its digest", "other content", path)
    return Contents(artefact, metadata, tensors)


def surrogate_of(contents: Contents) -> Kept:
    """Return the surrogate of an artefact, of whichever kind it holds. Raises: IntegrityError."""
    inner: _core.GaussianProcess | _core.NeuralEnsemble
    if "local_gaussian_process" in contents.metadata:
        return _core.LocalGaussianProcess.read(contents.artefact)
    if "neural_ensemble" in contents.metadata:
        inner = _core.NeuralEnsemble.read(contents.artefact)
    else:
        inner = _core.GaussianProcess.read(contents.artefact)
    if "response_transforms" in contents.metadata:
        return _core.TransformedSurrogate.read(contents.artefact, inner)
    return inner


def _writable(surrogate: _core.Surrogate) -> _core.GaussianProcess | _core.NeuralEnsemble:
    """Return a surrogate that can be kept in a file. Raises: DataError."""
    if isinstance(surrogate, _core.GaussianProcess | _core.NeuralEnsemble):
        return surrogate
    raise DataError(
        where="fitting.save", expected="a Gaussian process or networks inside a model", received=surrogate.kind
    )


def _metadata(artefact: _core.Artefact, path: str | os.PathLike[str]) -> dict[str, Any]:
    metadata = json.loads(artefact.metadata)
    if not isinstance(metadata, dict):
        raise _damaged("a model of luban", "a safetensors file without luban's metadata", path)
    return metadata


def _damaged(expected: str, received: str, path: str | os.PathLike[str]) -> IntegrityError:
    return IntegrityError(
        where="fitting.load",
        expected=expected,
        received=received,
        place=str(path),
        hint="the file was changed after it was written, or is not a model; take a copy or fit again",
    )


def stored_dataset(data: _core.Dataset) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays and JSON values from which :func:`restored_dataset` makes the dataset again."""
    arrays: dict[str, NDArray[Any]] = {}
    for name in _DATASET_ARRAYS:
        array = np.ascontiguousarray(getattr(data, name))
        if array.dtype.kind == "M":
            array = array.view(np.int64)
        arrays[f"dataset/{name}"] = array if array.dtype == np.float64 else array.astype(np.int64)
    if data.noise_variance is not None:
        arrays["dataset/noise_variance"] = np.ascontiguousarray(data.noise_variance)
    content = {
        "encoder": json.loads(data.encoder.to_json()),
        "responses": [[column.name, column.unit] for column in data.responses],
        "run_ids": list(data.run_ids),
        "group_labels": list(data.group_labels),
        "grouping": data.grouping.name,
    }
    return arrays, content


def restored_dataset(contents: Contents) -> _core.Dataset:
    """Make the dataset of an artefact again. Raises: IntegrityError when the parts do not fit together."""
    try:
        content = contents.metadata["dataset"]
        arrays: dict[str, Any] = {name: contents.tensors[f"dataset/{name}"] for name in _DATASET_ARRAYS}
        return _core.Dataset.from_parts(
            encoder=_core.Encoder.from_json(json.dumps(content["encoder"])),
            responses=[tuple(entry) for entry in content["responses"]],
            run_ids=content["run_ids"],
            group_labels=content["group_labels"],
            grouping=_core.Grouping[content["grouping"]],
            noise_variance=contents.tensors.get("dataset/noise_variance"),
            **arrays,
        )
    except (KeyError, TypeError, ValueError, DataError) as error:
        raise IntegrityError(
            where="fitting.load", expected="the dataset that the model learned from", received=str(error)
        ) from error
