"""Frequency modulation: electric pianos, bells, marimbas, metallic leads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stemlift.training.songs.score import Tone
from stemlift.training.songs.synthesis import filters
from stemlift.training.songs.synthesis.waves import (
    RATE,
    Sound,
    cycles,
    empty,
    envelope,
    pick,
    place,
)

KINDS = ("e-piano", "bell", "mallet", "glass", "clav")

_RATIOS = {
    "e-piano": (1.0, 14.0),
    "bell": (3.5, 1.41),
    "mallet": (4.0, 10.0),
    "glass": (2.0, 7.01),
    "clav": (3.0, 5.0),
}


def modulated(tones: Sequence[Tone], seconds: float, rng: np.random.Generator, kind: str) -> Sound:
    """Two modulators on one carrier, (frames, 2)."""
    out = empty(seconds, 1)
    first, second = _RATIOS[kind]
    depths = rng.uniform(0.3, 1.6), rng.uniform(0.02, 0.4)
    ring = {"mallet": pick(rng, 0.1, 0.4), "clav": pick(rng, 0.2, 0.6)}.get(
        kind, pick(rng, 0.7, 2.5)
    )
    release = 0.1 if kind in ("clav", "mallet") else pick(rng, 0.1, 1.0)
    for tone in tones:
        frames = int((min(tone.length, 4 * ring) + release) * RATE)
        time = np.arange(frames) / RATE
        phase = 2.0 * np.pi * cycles(tone, frames)
        hard = 0.3 + tone.velocity**2
        slow = depths[0] * hard * np.exp(-time / (0.7 * ring))
        fast = depths[1] * hard * np.exp(-time / (0.15 * ring))
        sound = np.sin(phase + slow * np.sin(first * phase) + fast * np.sin(second * phase))
        level = envelope(frames, tone.length, 0.002, ring, 0.0, release)
        place(out, (sound.astype(np.float32) * level)[:, None], tone.start, tone.velocity**1.5)
    if kind in ("e-piano", "clav") and rng.random() < 0.5:
        out = filters.drive(out, pick(rng, 1.0, 4.0), 0.3)
    depth, rate = (
        (float(rng.uniform(0.1, 0.5)), pick(rng, 0.3, 7.0)) if rng.random() < 0.5 else (0, 1)
    )
    turn = depth * np.sin(2.0 * np.pi * rate * np.arange(len(out)) / RATE)
    return np.asarray(out * np.stack([1.0 + turn, 1.0 - turn], axis=1), np.float32)
