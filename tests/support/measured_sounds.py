"""Sounds whose quality is known: noise that comes and goes, and how it is taken apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stemlift.quality.pairs import Common, PairMeter
from stemlift.quality.spectra import Framer

RATE = 22050


def noise(seconds: float, channels: int = 2, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """White noise at −20 dBFS, (frames, channels)."""
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal((round(seconds * rate), channels))


def gate(sound: np.ndarray, period: float, on: float, rate: int = RATE) -> np.ndarray:
    """The sound for the first `on` seconds of each `period`."""
    seconds = np.arange(len(sound)) / rate
    return sound * (seconds % period < on)[:, None]


def common_of(stems: Sequence[np.ndarray], block: int = 10_000, rate: int = RATE) -> Common:
    """Of stems called A, B, C, …, taken in blocks."""
    framer = Framer(rate)
    names = "ABCDEFGH"[: len(stems)]
    meter = PairMeter(names, framer.frequencies, stems[0].shape[1])
    sounds = np.stack(stems)
    for start in range(0, sounds.shape[1], block):
        meter.update(framer.take(sounds[:, start : start + block]))
    meter.update(framer.finish())
    return meter.result()
