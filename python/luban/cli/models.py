"""``luban models``: which models there are, what each claims, and which one a name means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from luban.cli.app import JsonFlag, family, verb

if TYPE_CHECKING:
    import pandas as pd

    from luban.registry import AliasChange

__all__ = ["add_model", "list_models", "remove_alias", "set_alias", "show_changes", "show_model"]

_GROUP = "Models and settings"
_DEFAULT = Path("models")

family(
    "models",
    group=_GROUP,
    says="Models and their names: list, show, add, alias, remove-alias, log. FOLDER@ALIAS names one in every verb.",
    alone="list",
)

FolderOption = Annotated[Path, typer.Option("--folder", metavar="FOLDER", help="Folder of models.")]
WhoOption = Annotated[str, typer.Option("--who", help="Whom the record names. Default: USER@HOST")]
WhyOption = Annotated[str, typer.Option("--why", help="Reason, for the record.")]


@verb("models list", group=_GROUP, example="luban models list models/turning")
def list_models(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of models, or of such folders.")] = _DEFAULT,
    as_json: JsonFlag = False,
) -> None:
    """List models with their aliases, newest first; a damaged one is listed with what is wrong.

    `luban models` alone means this, in the folder models.
    """
    import pandas as pd

    from luban import console, registry

    if folder == _DEFAULT and not folder.exists():
        tables = []
    else:
        tables = [registry.models(place) for place in _folders(folder)]
    found = [table for table in tables if len(table)]
    whole = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    if as_json:
        console.emit_json({"folder": str(folder), "models": whole})
        return
    if not found:
        console.out(f"No models in {folder}. luban models add MODEL --folder {folder} --alias champion puts one there.")
        return
    console.out(console.frame_table(_shown(whole), most=1000))


def _folders(folder: Path) -> list[Path]:
    """Return the folder, and the folders of models in it."""
    from luban.registry import is_model_folder

    below = [path for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
    return [folder, *(path for path in below if is_model_folder(path))]


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    shown = table[["aliases", "path", "digest", "created_time", "runs", "skill", "status"]].copy()
    shown["digest"] = shown["digest"].str[:16]
    shown["created_time"] = shown["created_time"].str[:16]
    return shown.rename(columns={"created_time": "made (UTC)"})


@verb("models show", group=_GROUP, example="luban models show champion --folder models/turning")
def show_model(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Alias, digest (8 digits or more) or name; FOLDER@ALIAS; a file.")
    ] = "champion",
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="FOLDER", help="Folder of models. Default: models")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the card of a model, what it is called, and who said so."""
    from luban import console, registry
    from luban._fitting import artefact
    from luban.evaluation import ModelCard

    path = _path(model, folder)
    metadata = artefact.read(path).metadata
    digest, card = metadata["content_digest"], ModelCard(metadata["card"])
    place = registry.ModelFolder(path.parent)
    aliases = [alias for alias, meant in place.aliases.items() if meant == digest]
    changes = [change for change in place.changes() if digest in (change.before, change.after)]
    if as_json:
        said = {"path": str(path), "digest": digest, "aliases": aliases, "changes": [_plain(c) for c in changes]}
        console.emit_json(said | {"card": card.to_dict()})
        return
    console.out(str(card))
    console.out(f"{path}, digest {digest}")
    console.out(f"called {', '.join(aliases)}" if aliases else "without an alias")
    for change in changes:
        console.out(f"   {_said(change)}")


def _path(model: str, folder: Path | None) -> Path:
    from luban import registry

    if folder is not None:
        return registry.ModelFolder(folder).find(model)
    if "@" in model or "/" in model or Path(model).exists():
        return registry.resolve(model)
    return registry.ModelFolder(_DEFAULT).find(model)


@verb("models add", group=_GROUP, example="luban models add turning.safetensors --folder models/turning --alias golden")
def add_model(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model file, or FOLDER@ALIAS.")],
    folder: FolderOption = _DEFAULT,
    alias: Annotated[str, typer.Option("--alias", help="What it is called from now on, as champion.")] = "",
    who: WhoOption = "",
    why: WhyOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Copy a model into a folder, under a name made of its content.

    It must verify. Nothing is ever replaced: the same content has the same name, other content another one.
    """
    from luban import console, registry

    place = registry.ModelFolder(folder)
    before = len(place.changes())
    path = place.add(model, alias=alias, who=who, why=why)
    changes = place.changes()[before:]
    if as_json:
        console.emit_json({"path": str(path), "aliases": place.aliases, "changes": [_plain(c) for c in changes]})
        return
    console.out(str(path))
    _tell(changes, "It was there before, with the same name.")


@verb("models alias", group=_GROUP, example="luban models alias champion 3f9a0c52 --folder models/turning --why 'May'")
def set_alias(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="One lower-case word: champion, challenger, golden.")],
    model: Annotated[
        str, typer.Argument(metavar="DIGEST", help="Digest (8 digits or more), file name or alias of a model there.")
    ],
    folder: FolderOption = _DEFAULT,
    who: WhoOption = "",
    why: WhyOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Let an alias mean a model of the folder. Only this verb and models add do that: no model promotes itself."""
    from luban import console, registry

    change = registry.ModelFolder(folder).set_alias(alias, model, who=who, why=why)
    if as_json:
        console.emit_json(_plain(change))
        return
    _tell([change], "")


@verb("models remove-alias", group=_GROUP, example="luban models remove-alias challenger --folder models/turning")
def remove_alias(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Which alias. The model stays.")],
    folder: FolderOption = _DEFAULT,
    who: WhoOption = "",
    why: WhyOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Let an alias mean nothing any more."""
    from luban import console, registry

    change = registry.ModelFolder(folder).remove_alias(alias, who=who, why=why)
    if as_json:
        console.emit_json(_plain(change))
        return
    _tell([change], "")


@verb("models log", group=_GROUP, example="luban models log --folder models/turning")
def show_changes(folder: FolderOption = _DEFAULT, as_json: JsonFlag = False) -> None:
    """Show every change of a folder of models: who, when, from what to what, why."""
    from luban import console, registry

    changes = registry.ModelFolder(folder).changes()
    if as_json:
        console.emit_json({"folder": str(folder), "changes": [_plain(change) for change in changes]})
        return
    _tell(changes, f"No changes in {folder}.")


def _plain(change: AliasChange) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(change)


def _tell(changes: Sequence[AliasChange], otherwise: str) -> None:
    from luban import console

    for change in changes:
        console.out(_said(change))
    if not changes and otherwise:
        console.out(otherwise)


def _said(change: AliasChange) -> str:
    before, after = change.before[:16] or "nothing", change.after[:16] or "nothing"
    what = f"added {after}" if change.change == "add" else f"{change.alias}: {before} → {after}"
    return f"{change.change_time[:19]}Z  {what}  by {change.who}{': ' + change.why if change.why else ''}"
