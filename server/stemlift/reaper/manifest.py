"""Stems of a result folder, `stems.json`, for items of a project that play their song.

As if they had been separated just now: each stem is the item with another file in it. The stems
are of the whole song with all its channels, so that offsets and channel modes stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stemlift.errors import Reason, StemliftError
from stemlift.reaper.chanmodes import Channels
from stemlift.reaper.clone import Guids, random_guids
from stemlift.reaper.facts import Request
from stemlift.reaper.importing import Supply, import_plan
from stemlift.reaper.naming import job_key, same_file
from stemlift.reaper.notices import notices
from stemlift.reaper.plan import ImportPlan, PlannedJob, Skipped
from stemlift.reaper.selection import Wanted, select

_LARGEST = 10_000_000
"""Bytes of a manifest; more is none."""


@dataclass(frozen=True, slots=True)
class Found:
    """stems: absolute files by name, in the manifest's order. source: path of the song, "" where
    it is not told. sample_rate, frames: of every stem; frames of the shortest."""

    stems: dict[str, Path]
    source: str
    sample_rate: int
    frames: int
    start_frame: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """The import, and what a user should know of it. plan: None where no item plays the song."""

    plan: ImportPlan | None
    skipped: tuple[Skipped, ...]
    notices: tuple[str, ...]


def read_manifest(path: Path) -> Found:
    """The stems that a manifest names.

    `stems` is a list of {"name", "file"} or an object of files by name; files are relative to
    the manifest's folder and lie in it.

    Raises:
        StemliftError: FILE_NOT_FOUND, FILE_UNREADABLE; ARGUMENT_INVALID where it is no manifest,
            or names a file outside of its folder; what `probe` raises for a stem.
    """
    from stemlift.audio.probe import probe

    content = _content(path)
    listed, source = content.get("stems"), content.get("source")
    folder = path.parent.resolve()
    stems: dict[str, Path] = {}
    for name, file in _named(listed):
        stem = (folder / file).resolve()
        if not stem.is_relative_to(folder):
            raise _invalid(path, f"names a file outside of its folder: {file}")
        if name in stems:
            raise _invalid(path, f"names {name} twice")
        stems[name] = stem
    if not stems:
        raise _invalid(path, "names no stems")
    infos = [probe(stem) for stem in stems.values()]
    rates = {info.sample_rate for info in infos}
    if len(rates) > 1:
        raise _invalid(path, "names stems of different sample rates")
    counts = [info.frames for info in infos if info.frames is not None]
    told = source.get("path") if isinstance(source, dict) else source
    return Found(
        stems=stems,
        source=told if isinstance(told, str) else "",
        sample_rate=rates.pop(),
        frames=min(counts, default=0),
    )


def place(request: Request, found: Found, guids: Guids = random_guids) -> Placed:
    """Stems for those items of a request that play the song.

    Raises:
        StemliftError: as `import_plan`: FILE_CHANGED where the stems are shorter than what an
            item plays, for instance.
    """
    selection = select(request)
    song = same_file(found.source)
    wanted = [_whole(one) for one in selection.wanted if same_file(one.source.path) == song]
    if not wanted:
        return Placed(None, selection.skipped, ())
    job = PlannedJob(
        key=job_key(found.source, *found.stems.values()),
        input=found.source,
        start_frame=0,
        frames=0,
        model="",
        stems=tuple(found.stems),
        remainder="off",
        output_folder=str(next(iter(found.stems.values())).parent),
        name_template="{stem}",
    )
    supplies = [Supply(one, job, found) for one in wanted]
    return Placed(
        import_plan(request, supplies, guids), selection.skipped, notices(request, wanted)
    )


def _whole(one: Wanted) -> Wanted:
    mode = int(one.take.number("CHANMODE"))
    return replace(one, channels=Channels(stays=mode))


def _content(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND, f"There is no file {path}.", "Choose another result folder."
        ) from error
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"{path} cannot be read: {error.strerror or error}.",
            "Make it readable, then try again.",
        ) from error
    try:
        content = json.loads(data) if len(data) <= _LARGEST else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _invalid(path, "is no manifest of stems")
    return content


def _named(listed: object) -> Iterator[tuple[str, str]]:
    entries = listed.items() if isinstance(listed, dict) else enumerate(_list(listed))
    for key, value in entries:
        file = value.get("file") if isinstance(value, dict) else value
        name = value.get("name", key) if isinstance(value, dict) else key
        if isinstance(file, str) and file and "\0" not in file:
            yield str(name), file


def _list(listed: object) -> list[Any]:
    return listed if isinstance(listed, list) else []


def _invalid(path: Path, why: str) -> StemliftError:
    return StemliftError(
        Reason.ARGUMENT_INVALID, f"{path} {why}.", "Choose the stems.json of a result folder."
    )
