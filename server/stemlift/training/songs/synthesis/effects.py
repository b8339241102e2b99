"""What is no instrument: risers, falls, impacts, vinyl noise, atmospheres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stemlift.training.songs.score import Tone
from stemlift.training.songs.synthesis import filters
from stemlift.training.songs.synthesis.waves import RATE, Sound, empty, envelope, pick, place

KINDS = ("riser", "fall", "impact", "vinyl", "atmosphere", "laser")


def effect(tones: Sequence[Tone], seconds: float, rng: np.random.Generator, kind: str) -> Sound:
    """An effect for each tone, over its length; pitches are not minded. (frames, 2)."""
    out = empty(seconds, 2)
    for tone in tones:
        length = min(tone.length, seconds - tone.start)
        if length > 0.05:
            sound = _one(rng, length, kind)
            place(out, sound, tone.start, tone.velocity)
    return out


def _one(rng: np.random.Generator, length: float, kind: str) -> Sound:
    frames = int(length * RATE)
    time = np.arange(frames) / RATE
    if kind == "vinyl":
        return _vinyl(rng, frames)
    if kind == "impact":
        low = np.sin(2 * np.pi * (pick(rng, 35, 60) * time - 2.0 * np.exp(-time / 0.05)))
        boom = (low * np.exp(-time / pick(rng, 0.2, 1.0)))[:, None].astype(np.float32)
        noise = rng.standard_normal((frames, 2)).astype(np.float32)
        noise *= np.exp(-time / pick(rng, 0.1, 0.8))[:, None].astype(np.float32)
        return boom + np.float32(0.3) * filters.band(noise, 0.0, pick(rng, 800, 8000))
    if kind == "laser":
        above, below = pick(rng, 1500, 8000), pick(rng, 60, 400)
        falling = below + (above - below) * np.exp(-time / pick(rng, 0.03, 0.2))
        zap = np.sin(2 * np.pi * np.cumsum(falling) / RATE) * np.exp(-time / 0.25)
        return np.repeat(zap.astype(np.float32)[:, None], 2, axis=1)
    steps = frames // 256 + 4
    bottom, top = pick(rng, 150, 800), pick(rng, 4000, 14000)
    if kind == "atmosphere":
        path = bottom * 4.0 ** (0.5 + 0.5 * np.sin(np.linspace(0, rng.uniform(2, 9), steps)))
    else:
        path = (
            np.geomspace(bottom, top, steps)
            if kind == "riser"
            else np.geomspace(top, bottom, steps)
        )
    width = float(rng.uniform(0.15, 0.8))
    sides = [filters.swept_noise(rng, path, width)[:frames] for _ in range(2)]
    frames = min(len(side) for side in sides)
    sound = np.stack([side[:frames] for side in sides], axis=1)
    share = np.arange(frames) / frames
    if kind == "riser" and rng.random() < 0.4:
        hertz = pick(rng, 80, 300) * 2.0 ** (rng.uniform(1, 3) * share)
        tone = (np.cumsum(hertz) / RATE % 1.0 - 0.5).astype(np.float32)
        sound = sound * np.float32(0.6) + np.float32(0.3) * tone[:, None]
    level = share**2 if kind == "riser" else (1 - share) ** 2
    if kind == "atmosphere":
        level = envelope(frames, length - 0.5, 0.5, 1.0, 1.0, 0.5).astype(np.float64)
    return np.asarray(sound * level[:, None], np.float32)


def _vinyl(rng: np.random.Generator, frames: int) -> Sound:
    hiss = np.asarray(rng.standard_normal((frames, 2)), np.float32)
    hiss = filters.band(hiss, 300.0, 6000.0, 1) * np.float32(rng.uniform(0.02, 0.1))
    clicks = np.zeros((frames, 2), np.float32)
    count = int(frames / RATE * pick(rng, 3, 30))
    places = rng.integers(0, frames, count)
    clicks[places] = rng.exponential(0.3, (count, 1)) * rng.choice([-1.0, 1.0], (count, 1))
    hum = 0.02 * np.sin(2 * np.pi * 50.0 * np.arange(frames) / RATE)
    crackle = filters.band(clicks, 700.0, 7000.0, 1)
    return np.asarray(hiss + crackle + hum[:, None], np.float32)
