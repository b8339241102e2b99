"""A user's own songs, a folder of stems each, as the arrays that training reads."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from stemlift.audio.reader import open_reader
from stemlift.audio.resample import resample_blocks, resampled_length
from stemlift.errors import Reason, StemliftError
from stemlift.training.songs.mixing import RATE, STEMS
from stemlift.training.writing import save_array, writing_to

_SUFFIXES = (".wav", ".flac", ".aif", ".aiff")
_HELD_OUT = 10
"""One song of so many is kept for validation."""


def prepare(root: Path, into: Path, check: Callable[[], None]) -> list[Path]:
    """Every song below `root` as an int16 array (4, 2, samples) in a file in `into`.

    What is there already and newer than its stems is left alone. All stems of a song are
    scaled alike where one would pass full scale.

    Raises:
        StemliftError: FILE_NOT_FOUND where there is no song; reasons of reading;
            OUTPUT_UNWRITABLE.
    """
    if not root.is_dir():
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no folder {root}.",
            "Give a folder with a folder of stems for each song.",
        )
    found = {folder: stems for folder in sorted(root.iterdir()) if (stems := stems_in(folder))}
    if not found:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"There is no song in {root}.",
            f"Each song is a folder in it, with {', '.join(f'{stem}.wav' for stem in STEMS)}.",
        )
    prepared = []
    for folder, stems in found.items():
        check()
        target = into / f"{zlib.crc32(str(folder).encode()):08x}.npy"
        # That of the folder tells of stems that came, with an old time of their own, or went.
        newest = max(_changed(path) for path in (folder, *stems.values()))
        if not target.is_file() or target.stat().st_mtime_ns < newest:
            sound = read(stems)
            with writing_to(into):
                save_array(target, sound)
        prepared.append(target)
    return prepared


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            f"{path} cannot be found: it is a link that leads nowhere, or was just removed.",
            "Mend the link, or take the stem out of the song's folder.",
        ) from error


def stems_in(folder: Path) -> dict[str, Path]:
    """The stems of a song's folder by name; empty where it is none."""
    if not folder.is_dir():
        return {}
    names = {path.name.casefold(): path for path in sorted(folder.iterdir())}
    return {
        stem: names[f"{stem}{suffix}"]
        for stem in STEMS
        for suffix in reversed(_SUFFIXES)
        if f"{stem}{suffix}" in names
    }


def read(stems: dict[str, Path]) -> np.ndarray:
    """int16 (4, 2, samples), as long as the longest stem.

    Raises:
        StemliftError: reasons of reading.
    """
    sounds = {stem: _read(path) for stem, path in stems.items()}
    whole = np.zeros((len(STEMS), 2, max(sound.shape[1] for sound in sounds.values())), np.float32)
    for stem, sound in sounds.items():
        whole[STEMS.index(stem), :, : sound.shape[1]] = sound
    scale = 32767.0 / max(1.0, float(np.abs(whole).max(initial=0.0)))
    return np.round(whole * scale).astype(np.int16)


def _read(path: Path) -> np.ndarray:
    with open_reader(path) as reader:
        info = reader.info
        # Integers come on a grid of their own.
        full = 1.0 if info.grid_bits is None else 2.0 ** (info.grid_bits - 1)
        blocks = [np.asarray(block, np.float64) / full for block in reader.blocks()]
    sound = np.concatenate(blocks or [np.zeros((0, 2))])[:, :2].astype(np.float32)
    if sound.shape[1] == 1:
        sound = np.repeat(sound, 2, axis=1)
    frames = resampled_length(len(sound), info.sample_rate, RATE)
    converted = resample_blocks([sound], info.sample_rate, RATE, 2, frames)
    return np.concatenate([np.zeros((0, 2), np.float32), *converted]).T


def divide(songs: list[Path]) -> tuple[list[Path], list[Path]]:
    """Songs to train with and songs to validate with, by their names alone.

    Raises:
        StemliftError: FILE_NOT_FOUND where there is but one.
    """
    if len(songs) < 2:
        raise StemliftError(
            Reason.FILE_NOT_FOUND,
            "One song is too few: one is kept to measure with.",
            "Add songs, or give generated songs with --songs.",
        )
    ordered = sorted(songs, key=lambda path: zlib.crc32(path.name.encode()))
    kept = max(1, len(ordered) // _HELD_OUT)
    return sorted(ordered[kept:]), sorted(ordered[:kept])
