"""Something to separate: noise and a few tones, the same in every run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from stemlift.errors import Reason, StemliftError

_TONES = (55.0, 220.0, 330.0, 880.0, 3520.0)
"""Hz."""


def write_sound(folder: Path, seconds: int, rate: int) -> Path:
    """A stereo WAV file of that length.

    Raises:
        StemliftError: OUTPUT_UNWRITABLE.
    """
    path = folder / f"{seconds} s.wav"
    random = np.random.default_rng(1)
    time = np.arange(rate) / rate
    tones = 0.05 * np.sum([np.sin(2 * np.pi * each * time) for each in _TONES], axis=0)
    try:
        with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
            for _ in range(seconds):
                file.write(tones[:, None] + 0.05 * random.standard_normal((rate, 2)))
    except (OSError, soundfile.LibsndfileError) as error:
        raise StemliftError(
            Reason.OUTPUT_UNWRITABLE,
            f"{path} cannot be written: {error}.",
            "Make room on that drive, or set TMPDIR to a folder on another one.",
        ) from error
    return path
