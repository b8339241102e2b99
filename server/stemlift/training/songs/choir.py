"""The voices at hand: banks built once, kept in a folder, and drawn for each song."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from stemlift.errors import StemliftError
from stemlift.training.songs import formant_voice, lyrics, voice_bank, voices
from stemlift.training.songs.voice_bank import WORD, Bank
from stemlift.training.songs.voices import Voice

LINES = 11
_SOUND_LANGUAGES = frozenset({"en", "de", "fr", "es", "pt", "nl", "sv", "id", "ca", "it"})


def prepare(folder: Path, wanted: Iterable[Voice]) -> tuple[list[str], list[StemliftError]]:
    """Build the banks of voices that are not in the folder yet.

    Returns:
        The names of the voices that are there now, in the order wanted, and why others are not.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    there: list[str] = []
    refused: list[StemliftError] = []
    for voice in wanted:
        path = folder / f"{voice.name}.npz"
        if not path.is_file():
            try:
                made = make(voice)
            except StemliftError as error:
                refused.append(error)
                continue
            voice_bank.save(made, path)
        there.append(voice.name)
    return there, refused


def make(voice: Voice) -> Bank:
    """Let a voice speak its lines and take them apart.

    Raises:
        StemliftError: TRAINING_UNAVAILABLE.
    """
    if voice.engine == "formant":
        return formant_voice.formant_bank(int(voice.say))
    rng = np.random.default_rng([0x11E5, *voice.name.encode()])
    said = [(line, WORD) for line in lyrics.lines(voice.language, LINES, rng)]
    if voice.language in _SOUND_LANGUAGES:
        said += [(lyrics.SOUNDS[name], kind) for name, kind in voice_bank.KINDS.items()]
    spoken = voices.speak(voice, [line for line, _ in said])
    parts = [
        voice_bank.take_apart(samples, rate, kind)
        for (samples, rate), (_, kind) in zip(spoken, said, strict=True)
        # Some voices have no sound for a line: festival leaves out words it cannot read.
        if samples.size > rate // 10
    ]
    return voice_bank.build(voice.name, parts)


def names(folder: Path, split: str) -> list[str]:
    """The voices of a split whose banks are in the folder, in the catalogue's order.

    Our own voices are always there.
    """
    return [
        voice.name
        for voice in voices.voices_of(split)
        if voice.engine == "formant" or (folder / f"{voice.name}.npz").is_file()
    ]


@lru_cache(maxsize=24)
def bank(folder: Path, name: str) -> Bank:
    """A voice ready to sing.

    Raises:
        StemliftError: its bank is neither in the folder nor can be made.
    """
    path = folder / f"{name}.npz"
    try:
        return voice_bank.load(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        voice = next(voice for voice in voices.catalogue() if voice.name == name)
        return make(voice)
