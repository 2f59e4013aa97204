"""Where models and campaigns are kept: one loader for both, and a list of the models in a folder."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luban._fitting import artefact
from luban.errors import IntegrityError, IoError
from luban.evaluation import ModelCard
from luban.registry.check import require_model
from luban.registry.folder import ModelFolder, is_model_folder, resolve

if TYPE_CHECKING:
    import pandas as pd

    from luban.campaign import Campaign
    from luban.fitting import Model

__all__ = ["load", "models"]


def load(path: str | PathLike[str]) -> Model | Campaign:
    """Load what was saved: a model (a file, or ``FOLDER@ALIAS`` as :func:`resolve` reads it) or a campaign (a folder).

    Raises: IoError when nothing is there or it cannot be read, IntegrityError when it is damaged or neither of the two,
    VersionError when a newer program wrote it.
    """
    place = Path(path)
    if place.is_dir() and not is_model_folder(place):
        from luban.campaign import Campaign

        return Campaign.load(place)
    if not place.is_file():
        place = resolve(path)
    require_model(place)
    from luban.fitting import Model

    return Model.load(place)


def models(folder: str | PathLike[str]) -> pd.DataFrame:
    """List the models of a folder, newest first: path, digest, aliases, process, surrogate, when made, runs, skill.

    ``status`` is "ok", or says why a file cannot be used or what an alias misses; such a row is listed, never passed
    over.

    Raises: IoError when there is no such folder, IntegrityError when its aliases are damaged.
    """
    import pandas as pd

    place = Path(folder)
    if not place.is_dir():
        raise IoError(where="registry.models", expected="a folder", received="none", place=str(place))
    named: dict[str, list[str]] = {}
    for alias, digest in ModelFolder(place).aliases.items():
        named.setdefault(digest, []).append(alias)
    rows = [_row(path) for path in sorted(place.glob("*.safetensors"))]
    for row in rows:
        row["aliases"] = ", ".join(named.get(row["digest"], ()))
    found = {row["digest"] for row in rows}
    rows += [
        {"digest": digest, "aliases": ", ".join(names), "status": "no intact file of this digest"}
        for digest, names in named.items()
        if digest not in found
    ]
    frame = pd.DataFrame([dict.fromkeys(_COLUMNS, "") | {"runs": None} | row for row in rows], columns=list(_COLUMNS))
    frame = frame.astype({"runs": "Int64"})
    return frame.sort_values("created_time", ascending=False, ignore_index=True, kind="stable")


_COLUMNS = ("path", "digest", "aliases", "process", "surrogate", "created_time", "runs", "skill", "status")


def _row(path: Path) -> dict[str, Any]:
    try:
        metadata = artefact.read(path).metadata
        card = ModelCard(metadata["card"])
    except IntegrityError as error:
        return {"path": str(path), "digest": "", "status": str(error)}
    skill = card.skill()
    own = skill[skill["contender"] == card.surrogate]
    said = [f"{row.response} R² {row.r2:.2f}" for row in own.itertuples()]
    return {
        "path": str(path),
        "digest": metadata["content_digest"],
        "process": card["process"],
        "surrogate": card.surrogate,
        "created_time": card["created_time"],
        "runs": card["data"]["runs"],
        "skill": ", ".join(said),
        "status": "ok",
    }
