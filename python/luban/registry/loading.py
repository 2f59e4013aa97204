"""Where models and campaigns are kept: one loader for both, and a list of the models in a folder."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban._fitting import artefact
from luban.errors import IntegrityError, IoError
from luban.evaluation import ModelCard

if TYPE_CHECKING:
    import pandas as pd

    from luban.campaign import Campaign
    from luban.fitting import Model

__all__ = ["load", "models"]


def load(path: str | PathLike[str]) -> Model | Campaign:
    """Load what was saved: a model (one file) or a campaign (a folder).

    Raises: IoError when nothing is there or it cannot be read, IntegrityError when it is damaged or neither of the two,
    VersionError when a newer program wrote it.
    """
    place = Path(path)
    if place.is_dir():
        from luban.campaign import Campaign

        return Campaign.load(place)
    if not place.exists():
        raise IoError(
            where="registry.load", expected="a model file or a campaign folder", received="nothing", place=str(place)
        )
    _require_model(place)
    from luban.fitting import Model

    return Model.load(place)


#: Files that people name by mistake: how each begins or ends, what it is, and what to do with it.
_OTHER_FILES = (
    (lambda path, head: path.suffix.lower() in (".yaml", ".yml"), "a process file", "luban train PROCESS HISTORY"),
    (lambda path, head: head.startswith(b"\x89HDF"), "a history", "luban train PROCESS HISTORY"),
    (lambda path, head: path.suffix.lower() in (".csv", ".parquet"), "a table", "luban import, then luban train"),
)


def _require_model(path: Path) -> None:
    """Say what a file is that is no model. Raises: IntegrityError; IoError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise IoError(
            where="registry.load", expected="a file that can be read", received=str(error.strerror), place=str(path)
        ) from error
    for fits, what, verb in _OTHER_FILES:
        if fits(path, head):
            raise IntegrityError(
                where="registry.load",
                expected="a model file or a campaign folder",
                received=what,
                place=str(path),
                hint=f"{verb} makes a model of it",
            )


def models(folder: str | PathLike[str]) -> pd.DataFrame:
    """List the models of a folder, newest first: path, process, surrogate, when made, runs, and skill by response.

    ``status`` is "ok", or says why a file cannot be used; such a file is listed, never passed over.

    Raises: IoError when there is no such folder.
    """
    import pandas as pd

    place = Path(folder)
    if not place.is_dir():
        raise IoError(where="registry.models", expected="a folder", received="none", place=str(place))
    rows = [_row(path) for path in sorted(place.glob("*.safetensors"))]
    columns = ["path", "process", "surrogate", "created_time", "runs", "skill", "status"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("created_time", ascending=False, ignore_index=True)


def _row(path: Path) -> dict[str, Any]:
    try:
        card = ModelCard(artefact.read(path).metadata["card"])
    except IntegrityError as error:
        return {"path": str(path), "created_time": "", "status": str(error)}
    skill = card.skill()
    own = skill[skill["contender"] == card.surrogate]
    said = [f"{row.response} R² {row.r2:.2f}" for row in own.itertuples()]
    return {
        "path": str(path),
        "process": card["process"],
        "surrogate": card.surrogate,
        "created_time": card["created_time"],
        "runs": card["data"]["runs"],
        "skill": ", ".join(said),
        "status": "ok",
    }
