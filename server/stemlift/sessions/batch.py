"""A session for each of many songs; what is done is skipped, so a batch can be gone on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from stemlift.errors import Exit, Reason, StemliftError
from stemlift.reaper.naming import source_name
from stemlift.sessions import formats
from stemlift.sessions.making import Made, SessionOptions, new_session
from stemlift.sessions.song import Song
from stemlift.sessions.sources import PathLike, Source, expanded, name_of

SONG = "{song}"
"""In the path of the sessions, stands for the song's name."""


@dataclass(frozen=True, slots=True)
class Each:
    """What became of one song: made, or error, or neither where its session was there."""

    name: str
    path: Path
    made: Made | None = None
    error: StemliftError | None = None

    @property
    def skipped(self) -> bool:
        return self.made is None and self.error is None


def each_session(
    songs: Sequence[Source],
    path: PathLike,
    *,
    force: bool = False,
    **options: Unpack[SessionOptions],
) -> Iterator[Each]:
    """Write a session for each song; one that fails does not stop the others.

    Args:
        songs: as `new_session` takes them.
        path: with "{song}" in it for the song's name, e.g. "sessions/{song}.rpp".
        force: write sessions that exist anew instead of skipping them.

    Raises:
        StemliftError: ARGUMENT_INVALID for a path without "{song}", or where two songs of one
            name would have one session; a failure of the server, which would be that of every
            song.
    """
    meant = expanded(songs)
    paths = _paths(meant, Path(path))
    for song, place in zip(meant, paths, strict=True):
        name = name_of(song)
        if not force and (place.exists() or place.is_symlink()):
            yield Each(name, place)
            continue
        try:
            made = new_session(song, place, force=force, **options)
        except StemliftError as error:
            if error.exit_code in (Exit.SERVER, Exit.CANCELLED):
                raise
            yield Each(name, place, error=error)
        else:
            yield Each(name, place, made)


def _paths(songs: Sequence[Path | Song], pattern: Path) -> list[Path]:
    if SONG not in pattern.name:
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"{pattern} would be the session of every song.",
            f'Put {SONG} into its name, e.g. "sessions/{SONG}.rpp".',
        )
    formats.format_of(pattern)
    found: list[Path] = []
    # Not by case alone: on many systems both would be one file.
    taken: set[str] = set()
    for song in songs:
        plain = source_name(f"{name_of(song)}.wav", 200)
        path = pattern.with_name(pattern.name.replace(SONG, plain))
        if path.name.casefold() in taken:
            raise StemliftError(
                Reason.ARGUMENT_INVALID,
                f"Two songs are called {name_of(song)}, and both sessions would be {path}.",
                "Rename one of them.",
            )
        taken.add(path.name.casefold())
        found.append(path)
    return found
