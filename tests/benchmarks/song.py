"""Songs for benchmarks: seeded tones over noise, in stereo, as long as is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from .model import RATE
from .places import BUILD


def song(seconds: int, subtype: str = "PCM_16", seed: int = 1) -> Path:
    """A WAV file of that length, made once; its peak is below 0.7."""
    path = BUILD / "songs" / f"song-{seconds}s-{subtype.lower()}-{seed}.wav"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        random = np.random.default_rng(seed)
        with soundfile.SoundFile(
            part, "w", samplerate=RATE, channels=2, subtype=subtype, format="WAV"
        ) as file:
            for _ in range(seconds):
                file.write(_second(random))
        part.replace(path)
    return path


def _second(random: np.random.Generator) -> np.ndarray:
    """(RATE, 2): four notes with overtones that decay, and noise."""
    time = np.arange(RATE) / RATE
    out = 0.02 * random.standard_normal((RATE, 2))
    for pitch in random.choice(np.arange(36, 84), 4):
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * frequency * n * time) / n for n in (1, 2, 3))
        left = random.uniform(0.2, 0.8)
        level = 0.09 * np.exp(-3 * time)
        out += (level * tone)[:, None] * np.array([left, 1 - left])
    return np.clip(out, -0.7, 0.7)
