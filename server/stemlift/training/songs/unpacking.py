"""Generated songs as folders of sound files, for programs other than training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import soundfile

from stemlift.errors import Reason, StemliftError
from stemlift.system.whole import whole_file
from stemlift.training.dataset import SongFile, open_song
from stemlift.training.songs.mixing import RATE, STEMS
from stemlift.training.songs.rendering import songs_in
from stemlift.training.songs.rights import Split
from stemlift.training.writing import unwritable, writing_to

_SCALE = 32768.0


def unpack(songs: Path, split: str, out: Path) -> Iterator[str]:
    """Write a folder for each song of a split, with mixture.wav and a file for each stem.

    The stems are written as they are, in 16 bits. The mixture is their exact sum, in 16 bits
    too, or as 32-bit float where it passes full scale. What is there already is replaced. Yields
    the name of each song when it is whole.

    Raises:
        StemliftError: ARGUMENT_INVALID for a split that is none; FILE_NOT_FOUND without such
            songs; FILE_CORRUPT; OUTPUT_UNWRITABLE.
    """
    if split not in get_args(Split):
        raise StemliftError(
            Reason.ARGUMENT_INVALID,
            f"There is no split named {split!r}.",
            f"Choose from: {', '.join(get_args(Split))}.",
        )
    found = songs_in(songs, split)
    if not found:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There are no songs of the split {split} in {songs}.",
            "Make some with `stemlift train songs`, or name another --split.",
        )
    for path in found:
        song = open_song(path)
        folder = out / path.stem
        try:
            with writing_to(folder):
                _write(folder, song)
        except soundfile.LibsndfileError as error:
            raise unwritable(folder, error) from error
        yield path.stem


def _write(folder: Path, song: SongFile) -> None:
    stems = np.asarray(song.sound)
    for stem, sound in zip(STEMS, stems, strict=True):
        _write_sound(folder / f"{stem}.wav", sound.T, "PCM_16")
    mixture = stems.astype(np.int32).sum(axis=0).T
    if mixture.min(initial=0) < -32768 or mixture.max(initial=0) > 32767:
        _write_sound(folder / "mixture.wav", (mixture / _SCALE).astype(np.float32), "FLOAT")
    else:
        _write_sound(folder / "mixture.wav", mixture.astype(np.int16), "PCM_16")


def _write_sound(path: Path, samples: np.ndarray, subtype: str) -> None:
    with whole_file(path) as scratch:
        soundfile.write(scratch, samples, RATE, subtype=subtype, format="WAV")
