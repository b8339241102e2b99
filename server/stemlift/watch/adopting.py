"""Results that the ledger has lost sight of.

After the ledger was lost, or the home is another one, the outbox is full of results that
nobody knows. Each tells in its stems.json of which song it is, so it need not be made twice.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from pydantic import ValidationError

from stemlift.watch.ledger import Ledger
from stemlift.watch.manifest import Manifest, read_manifest
from stemlift.watch.names import folder_key, folder_names, song_name
from stemlift.watch.recipe import Recipe
from stemlift.watch.results import Result
from stemlift.watch.tables import ResultRow


def adopt(ledger: Ledger, outbox: Path, song: Path, content: str, recipe: Recipe) -> Result | None:
    """The whole result of just this song, content and recipe, from now on known to the ledger.

    None where there is none, or where somebody has it already.
    """
    digest = recipe.digest()
    for name in folder_names(song_name(song.name)):
        folder = outbox / name
        if not folder.is_dir():
            return None
        manifest = read_manifest(folder)
        if manifest is None or folder.is_symlink() or not _is_of(manifest, song, content, digest):
            continue
        result = Result(manifest.id, folder, content, digest, manifest)
        if result.intact() and _take(ledger, outbox, result):
            return result
    raise AssertionError("names have no end")


def _is_of(manifest: Manifest, song: Path, content: str, digest: str) -> bool:
    try:
        recipe = Recipe.model_validate(manifest.recipe)
    except ValidationError:
        return False
    return (
        (manifest.source.path, manifest.source.sha256) == (str(song), content)
        and recipe.digest() == digest
        and all(_is_below(file) for file in manifest.contents())
    )


def _is_below(file: str) -> bool:
    """Whether a path stays in its folder; anybody could have written this manifest."""
    parts = PurePosixPath(file).parts
    return bool(parts) and not any(
        part in ("..", "/") or PureWindowsPath(part).anchor for part in parts
    )


def _take(ledger: Ledger, outbox: Path, result: Result) -> bool:
    with ledger.session() as session:
        if session.get(ResultRow, result.key) is not None:
            return False
        session.add(
            ResultRow(
                key=result.key,
                outbox=str(outbox),
                folder=result.folder.name,
                folder_key=folder_key(result.folder.name),
                content=result.content,
                recipe=result.recipe,
                manifest=result.manifest.model_dump(mode="json"),
            )
        )
    return True
