"""Which songs are meant: files, folders of songs, folders of stems."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.rpc.requests import absolute
from stemlift.sessions.song import Song
from stemlift.sessions.stems_folder import read_record, separate_wrote, song_of_folder

PathLike = str | os.PathLike[str]
Source = PathLike | Song
"""A sound file; a folder of songs, or one of stems that `stemlift separate` wrote or that has a
stems.json; a song that is ready."""

_DIGITS = re.compile(r"(\d+)")


def expanded(sources: Sequence[Source]) -> list[Path | Song]:
    """The songs that are meant, each a file to be separated or a song that has its stems.

    In a folder, files that are no sound are passed over, and so are hidden ones and folders;
    songs come in the order of their names, numbers as numbers.

    Raises:
        StemliftError: PATH_UNSUPPORTED, FILE_NOT_FOUND for a folder without songs; MEDIA_MISSING
            for a folder whose stems are gone.
    """
    found: list[Path | Song] = []
    for source in sources:
        if isinstance(source, Song):
            found.append(source)
            continue
        path = Path(absolute(source))
        if not path.is_dir():
            found.append(path)
        elif read_record(path) is not None or separate_wrote(path):
            found.append(song_of_folder(path))
        else:
            found.extend(_songs_in(path))
    return found


def name_of(source: Path | Song) -> str:
    """For a person; what of a file's name is no Unicode, is a question mark."""
    name = source.name if isinstance(source, Song) else source.stem
    return name.encode("utf-8", "replace").decode("utf-8")


def _songs_in(folder: Path) -> list[Path]:
    # On demand: it brings decoders.
    from stemlift.audio.probe import probe

    songs = []
    try:
        files = sorted(folder.iterdir(), key=_natural)
    except OSError as error:
        raise StemliftError(
            Reason.FILE_UNREADABLE,
            f"The folder {folder} cannot be read: {error.strerror or error}.",
            "Check its permissions.",
        ) from error
    for file in files:
        if file.name.startswith(".") or not file.is_file():
            continue
        try:
            probe(file)
        except StemliftError as error:
            if error.reason in (Reason.NOT_AUDIO, Reason.FILE_EMPTY):
                continue
            # A song that is damaged is told of when it is separated.
        songs.append(file)
    if not songs:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There are no songs in {folder}.",
            "Name a folder with sound files in it, or the files themselves.",
        )
    return songs


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    """Numbers sort as numbers, before letters; case does not count."""
    parts = _DIGITS.split(path.name.casefold())
    return [(not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts if p]
