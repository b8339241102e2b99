"""From stems to a result folder: file names, stems.json and what else a recipe asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stemlift import __version__
from stemlift.errors import StemliftError
from stemlift.watch.extra import CannotHoldError, Extra
from stemlift.watch.manifest import (
    ExtraFacts,
    FileFacts,
    Manifest,
    SourceFacts,
    StemFacts,
    hash_file,
    write_manifest,
)
from stemlift.watch.names import stem_files
from stemlift.watch.recipe import Recipe

if TYPE_CHECKING:
    from stemlift.rpc.results import SeparationResult


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a result before there are stems. content: SHA-256 of the song."""

    key: str
    song: str
    path: str
    content: str
    recipe: Recipe
    created: datetime

    def names(self, stems: tuple[str, ...]) -> dict[str, str]:
        return stem_files(self.recipe.name, self.song, stems, self.recipe.format)


def separated(
    draft: Draft,
    result: SeparationResult,
    raw: Path,
    staging: Path,
    beat: Callable[[], None],
) -> Manifest | None:
    """Take the stems that the server wrote into the result folder, under their names.

    Repeated after a crash it goes on. None where one is in neither folder.

    Raises:
        OSError: the outbox cannot be read or written.
    """
    names = draft.names(tuple(result.levels))
    stems = []
    for stem, written in result.levels.items():
        target = staging / names[stem]
        if (raw / written.path.name).exists():
            (raw / written.path.name).replace(target)
        elif not target.exists():
            return None
        stems.append(
            StemFacts(
                name=stem,
                file=target.name,
                bytes=target.stat().st_size,
                sha256=hash_file(target, beat),
                peak_dbfs=written.peak_dbfs,
                rms_dbfs=written.rms_dbfs,
            )
        )
    return Manifest(
        stemlift=__version__,
        id=draft.key,
        song=draft.song,
        source=SourceFacts(
            path=draft.path,
            sha256=draft.content,
            frames=result.frames,
            sample_rate=result.sample_rate,
            channels=result.channels,
            time_reference=_time_reference(Path(draft.path)),
        ),
        model=result.model,
        recipe=draft.recipe.model_dump(mode="json"),
        stems=tuple(stems),
        null_dbfs=result.null_dbfs,
        encoding=result.encoding,
        device=result.device,
        job=result.job,
        created=draft.created.isoformat(timespec="seconds"),
        warnings=result.warnings,
    )


def copied(draft: Draft, twin: Manifest) -> Manifest:
    """The manifest of a result whose stems are those of `twin`, under this song's name."""
    names = draft.names(tuple(stem.name for stem in twin.stems))
    stems = tuple(stem.model_copy(update={"file": names[stem.name]}) for stem in twin.stems)
    return twin.model_copy(
        update={
            "stemlift": __version__,
            "id": draft.key,
            "song": draft.song,
            "source": twin.source.model_copy(update={"path": draft.path}),
            "recipe": draft.recipe.model_dump(mode="json"),
            "stems": stems,
            "created": draft.created.isoformat(timespec="seconds"),
            "extras": (),
            "files": (),
        }
    )


def finished(
    manifest: Manifest,
    staging: Path,
    recipe: Recipe,
    extras: Mapping[str, Extra],
    beat: Callable[[], None],
) -> Manifest:
    """Write the extras, and stems.json last: with it the folder is complete.

    Raises:
        OSError, StemliftError: an extra or stems.json cannot be written.
    """
    files: list[str] = []
    written: list[ExtraFacts] = []
    warnings = list(manifest.warnings)
    for kind in recipe.also:
        beat()
        if kind not in extras:
            warnings.append(f"{kind} was not written: this Stemlift cannot make it.")
            continue
        try:
            made = extras[kind](staging, manifest, beat)
        except CannotHoldError as why:
            warnings.append(str(why))
            continue
        files += made
        written += [ExtraFacts(kind=kind, file=file) for file in made]
    _remove_all_but(staging, {*files, *(stem.file for stem in manifest.stems)})
    facts = tuple(
        FileFacts(
            file=file,
            bytes=(staging / file).stat().st_size,
            sha256=hash_file(staging / file, beat),
        )
        for file in files
    )
    manifest = manifest.model_copy(
        update={
            "warnings": tuple(dict.fromkeys(warnings)),
            "extras": tuple(written),
            "files": facts,
        }
    )
    write_manifest(staging, manifest)
    return manifest


def _remove_all_but(folder: Path, wanted: set[str]) -> None:
    """What an extra or a crash left half done must not show, whatever its writer called it."""
    for path in list(folder.rglob("*")):
        if not path.is_dir() and path.relative_to(folder).as_posix() not in wanted:
            path.unlink(missing_ok=True)


def _time_reference(song: Path) -> int | None:
    # Reading sound costs a program's start that watchers need late.
    from stemlift.audio.probe import probe

    try:
        bext = probe(song).bext
    except StemliftError:
        # Gone or changed since: found out by whoever compares it.
        return None
    return bext.time_reference if bext else None
