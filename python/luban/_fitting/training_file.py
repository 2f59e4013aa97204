"""The training file: what to learn from what, with which surrogate, how it is checked, who works on it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from luban import training
from luban._document import ContradictionError, Document, read_yaml, resolve_path, validated
from luban._fitting.choice import LOCAL, NETWORK, require_transform
from luban.errors import ConfigurationError

if TYPE_CHECKING:
    from luban.training import NeuralEnsembleOptions

__all__ = ["TrainingFile", "is_training_file", "json_schema", "of_options", "read_training_file"]


def _version(value: object) -> object:
    if value != 1 or isinstance(value, bool):
        raise ContradictionError("version 1 of the training file", repr(value), "a newer luban may read it")
    return value


def _require_transform(name: str) -> None:
    try:
        require_transform(name)
    except ConfigurationError as error:
        raise ContradictionError(error.expected, error.received, error.hint) from error


Whole = Annotated[int, Field(strict=True, ge=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Kind = Literal["automatic", "gaussian_process", "local_gaussian_process", "neural_ensemble"]


class SurrogateEntry(_Entry):
    """What to learn with; automatic compares a Gaussian process with networks."""

    kind: Kind = "automatic"
    preset: str = Field(default="", description="preset of a gaussian_process; default: the package's")
    transforms: Name | dict[Name, Name] = Field(
        default="none",
        description="what a gaussian_process learns of the responses: none, auto, log, yeo_johnson ..., one for all or "
        "by response",
    )

    @pydantic.model_validator(mode="after")
    def _preset_fits(self) -> SurrogateEntry:
        if self.preset and self.kind != "gaussian_process":
            raise ContradictionError("kind: gaussian_process beside a preset", self.kind)
        names = [self.transforms] if isinstance(self.transforms, str) else list(self.transforms.values())
        for name in names:
            _require_transform(name)
        if self.kind in (LOCAL, NETWORK) and any(name != "none" for name in names):
            raise ContradictionError("kind: gaussian_process or automatic beside transforms", self.kind)
        return self


class ValidationEntry(_Entry):
    """Grouped cross-validation; groups are what the process file says."""

    folds: Annotated[int, Field(strict=True, ge=2)] = 5
    repeats: Whole = 1


class NeuralEntry(_Entry):
    """Ensembles of networks; defaults are those of the C++ options."""

    members: Annotated[int, Field(strict=True, ge=2, le=256)] = Field(default=8, description="networks that vote")
    hidden: Annotated[list[Whole], Field(min_length=1, max_length=64)] = Field(
        default=[64, 64], description="inner width of each residual block; the first is the width between blocks"
    )
    epochs: Whole = Field(default=300, description="at most; networks stop early")
    minibatch: Whole = Field(default=256, description="weighted means at a step, at most")
    learning_rate: Annotated[Number, Field(ge=1e-7, le=1.0)] = Field(default=4e-3, description="at the start")
    weight_decay: Annotated[Number, Field(ge=0.0, le=1.0)] = 1e-2
    validation_share: Annotated[Number, Field(ge=1e-3, le=0.5)] = Field(
        default=0.2, description="of the groups, kept aside by each network to stop early"
    )
    patience: Whole = Field(default=40, description="epochs without a better validation density before a network stops")
    beta: Annotated[Number, Field(ge=0.0, le=1.0)] = Field(
        default=0.5, description="weight of a residual by its noise variance (Seitzer et al. 2022)"
    )
    precision: Literal["float32", "float64"] = "float32"


class ParallelEntry(_Entry):
    """Who works on it."""

    ranks: Literal["environment"] | Whole = Field(
        default="environment", description="as mpirun or srun started them, or a number that there must be"
    )
    reproducible: bool = Field(
        default=True, description="the same file on any number of ranks; false writes the time of making into it"
    )
    device: Annotated[str, Field(pattern=r"^(default|cpu|cuda(:[0-9]+)?)$")] = Field(
        default="default", description="of the networks: default, cpu, cuda or cuda:N"
    )
    threads: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=0, description="networks at a time on a rank; 0 = the CPU budget"
    )


class CheckpointEntry(_Entry):
    """Unfinished networks are kept as files of the job."""

    every_s: Annotated[Number, Field(gt=0.0)] = Field(default=60.0, description="seconds between two writes")
    keep: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=3, description="finished trainings whose networks stay, so that the same command ends at once"
    )


class TrainingFile(_Entry):
    """A training, as ``luban train TRAINING.yaml`` reads it."""

    luban: Annotated[Literal[1], BeforeValidator(_version)]
    process: Name = Field(description="process file; beginning with a dot: relative to this file")
    history: Name = Field(description="history file; beginning with a dot: relative to this file")
    surrogate: SurrogateEntry = SurrogateEntry()
    validation: ValidationEntry = ValidationEntry()
    neural: NeuralEntry = NeuralEntry()
    parallel: ParallelEntry = ParallelEntry()
    checkpoint: CheckpointEntry = CheckpointEntry()
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63)] = 0

    def asked(self) -> str:
        """Return the surrogate as :func:`luban.fit` takes it."""
        return self.surrogate.preset or self.surrogate.kind

    def network(self) -> NeuralEnsembleOptions | None:
        """Return the options of networks where this build can train them. Raises: NotBuiltError when they are named."""
        if self.surrogate.kind in ("gaussian_process", LOCAL):
            return None
        if self.surrogate.kind == "automatic" and training.lacking() is not None:
            return None
        options: dict[str, Any] = self.neural.model_dump()
        options |= {"device": self.parallel.device, "threads": self.parallel.threads}
        return training.NeuralEnsembleOptions(**options)

    def what_decides(self) -> dict[str, Any]:
        """Return all that the result depends on beside process and data."""
        content = self.model_dump(include={"surrogate", "validation", "neural", "seed"})
        return content | {"device": self.parallel.device, "reproducible": self.parallel.reproducible}


def read_training_file(path: str | Path) -> TrainingFile:
    """Read a training file; its paths are resolved. Raises: IoError, ConfigurationError with file, line and key."""
    read = validated(TrainingFile, read_yaml(path), "training.read")
    places = {name: str(resolve_path(getattr(read, name), path)) for name in ("process", "history")}
    return read.model_copy(update=places)


def of_options(
    process: Path,
    history: Path,
    *,
    surrogate: str = "automatic",
    transform: str = "none",
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
) -> TrainingFile:
    """Return the training that options of a command line mean. Raises: ConfigurationError."""
    entry = {"kind": surrogate} if surrogate in get_args(Kind) else {"kind": "gaussian_process", "preset": surrogate}
    entry |= {} if transform == "none" else {"transforms": transform}
    content = {"luban": 1, "process": str(process), "history": str(history), "surrogate": entry, "seed": seed}
    content |= {"validation": {"folds": folds, "repeats": repeats}}
    return validated(TrainingFile, Document(content, "command line"), "cli.train")


def is_training_file(path: str | Path) -> bool:
    """Whether a YAML file names a process and a history, as training files do. Raises: as ``read_yaml``."""
    content = read_yaml(path).content
    return "history" in content and isinstance(content.get("process"), str) and "parameters" not in content


def json_schema() -> dict[str, Any]:
    """JSON Schema of the training file (draft 2020-12)."""
    schema = TrainingFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Luban training file"}


if __name__ == "__main__":  # python -m luban._fitting.training_file > configs/schema/training.schema.json
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
