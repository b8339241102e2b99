"""Sound files with known content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile


def song(frames: int, channels: int, rate: int, seed: int = 0) -> np.ndarray:
    """A deterministic mix of tones, clicks and noise, (frames, channels), peak about 0.6."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) / rate
    out = 0.03 * rng.standard_normal((frames, channels))
    for channel in range(channels):
        pan = 0.5 + 0.4 * np.cos(channel + seed)
        out[:, channel] += 0.15 * np.sin(2 * np.pi * 82.4 * time)
        out[:, channel] += (
            pan * 0.15 * np.sin(2 * np.pi * 660 * time + np.sin(2 * np.pi * 5 * time))
        )
        out[:, channel] += 0.1 * np.sin(2 * np.pi * (0.31 * rate) * time)
    for hit in range(rate // 4, frames, rate // 2):
        length = min(rate // 20, frames - hit)
        decay = np.exp(-np.arange(length) / (rate / 200))
        out[hit : hit + length] += 0.3 * (decay * rng.standard_normal(length))[:, None]
    # Low enough that no stem of it passes full scale, which would turn the files to float.
    return 0.6 * np.clip(out, -0.95, 0.95)


def write(path: Path, samples: np.ndarray, rate: int, subtype: str, **options: str) -> Path:
    soundfile.write(path, samples, rate, subtype=subtype, **options)
    return path


def read_integers(path: Path) -> np.ndarray:
    """(frames, channels) int64 left-justified in 32 bits."""
    return soundfile.read(path, dtype="int32", always_2d=True)[0].astype(np.int64)


def read_floats(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0]
