"""Folders of songs with their true stems, as `stemlift evaluate` finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from training_songs import RATE, easy_stems

FOUR = ("drums", "bass", "other", "vocals")


def stems_of(seconds: float, seed: int) -> dict[str, np.ndarray]:
    """The stems of an easy song by name, (frames, 2) int16."""
    return dict(zip(FOUR, easy_stems(seconds, seed).transpose(0, 2, 1), strict=True))


def write_multitrack(
    folder: Path, seconds: float = 1.0, seed: int = 0, *, mixture: bool = True
) -> dict[str, np.ndarray]:
    """A song as MUSDB18 has it; gives its stems, (frames, 2) float with full scale 1."""
    folder.mkdir(parents=True)
    stems = stems_of(seconds, seed)
    for name, sound in stems.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE, subtype="PCM_16")
    if mixture:
        whole = sum(sound.astype(np.int32) for sound in stems.values()) / 32768.0
        soundfile.write(folder / "mixture.wav", whole, RATE, subtype="FLOAT")
    return {name: sound / 32768.0 for name, sound in stems.items()}
