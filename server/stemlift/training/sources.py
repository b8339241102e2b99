"""The songs that a recipe names, generated ones and a user's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stemlift.errors import Reason, StemliftError
from stemlift.training import multitracks
from stemlift.training.dataset import SongFile, open_song
from stemlift.training.recipe import Data
from stemlift.training.songs.rendering import songs_in

PREPARED = "multitracks"
"""Folder within that of the training, of the user's songs as training reads them."""


def gather(
    data: Data, folder: Path, check: Callable[[], None]
) -> tuple[tuple[SongFile, ...], tuple[SongFile, ...]]:
    """Songs to learn from, and songs to measure with.

    With a user's songs alone, one in ten of them is kept to measure with; beside generated
    songs all of them are learnt from, and the generated validation songs measure.

    Raises:
        StemliftError: FILE_NOT_FOUND where there are none; FILE_CORRUPT; reasons of reading.
    """
    heard = [path for root in data.songs for path in songs_in(root, "train")]
    measured = [path for root in data.songs for path in songs_in(root, "valid")]
    own = [
        path
        for root in data.multitracks
        for path in multitracks.prepare(root, folder / PREPARED, check)
    ]
    if own and not measured:
        learnt, measured = multitracks.divide(own)
        heard += learnt
    else:
        heard += own
    if not heard:
        named = ", ".join(str(root) for root in (*data.songs, *data.multitracks))
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There are no songs to learn from in {named}."
            if named
            else "The recipe names no songs.",
            "Make some (`stemlift train songs`), or name a folder of multitracks.",
        )
    return tuple(map(open_song, heard)), tuple(map(open_song, measured))
