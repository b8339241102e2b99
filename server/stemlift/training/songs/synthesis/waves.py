"""The one oscillator that all pitched instruments share: tables of one period, in frames.

A frame holds a whole period of one timbre, free of aliases at its pitch. A note wanders through
the frames as its filter opens or its string dies away, so that a moving spectrum costs one
look-up a sample. Sound is float32, (frames,) or (frames, channels), at `RATE`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from stemlift.training.songs.score import Tone

RATE = 44100
SIZE = 4096
"""Samples in a period of a table."""

Sound = NDArray[np.float32]
Player = Callable[[Sequence[Tone], float, np.random.Generator], Sound]
"""(tones, seconds, generator of the instrument's seed) → (frames, 1 or 2)."""


def frequency(pitch: float) -> float:
    """Hz of a MIDI key, equal temperament, A 440."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def table(spectra: NDArray[np.floating], phases: NDArray[np.floating]) -> Sound:
    """Periods of harmonic spectra.

    Args:
        spectra: (frames, harmonics), the fundamental first.
        phases: (harmonics,), radians.

    Returns:
        (frames, SIZE).
    """
    count, harmonics = spectra.shape
    harmonics = min(harmonics, SIZE // 2 - 1)
    bins = np.zeros((count, SIZE // 2 + 1), np.complex64)
    bins[:, 1 : harmonics + 1] = spectra[:, :harmonics] * np.exp(1j * phases[:harmonics])
    return np.asarray(np.fft.irfft(bins, SIZE, axis=1) * (SIZE / 2.0), np.float32)


def harmonics_below(hertz: float, limit: float = 19000.0) -> NDArray[np.float64]:
    """Numbers of the harmonics of a fundamental up to a limit, one at least."""
    return np.arange(1.0, max(2.0, np.floor(limit / hertz) + 1.0))


def cycles(tone: Tone, frames: int, cents: float = 0.0, rate: float = 5.5) -> NDArray[np.float64]:
    """Phase in periods at each sample of a tone, with its slide and vibrato.

    Args:
        rate: of the vibrato, Hz.
    """
    hertz = frequency(tone.pitch + cents / 100.0)
    time = np.arange(frames) / RATE
    if not tone.slide and not tone.vibrato:
        return time * hertz
    glide = min(0.3, max(0.03, 0.45 * tone.length))
    offset = tone.slide * np.clip(1.0 - time / glide, 0.0, 1.0) ** 2
    if tone.vibrato:
        depth = tone.vibrato * np.clip((time - 0.2) / 0.3, 0.0, 1.0)
        offset = offset + depth * np.sin(2.0 * np.pi * rate * time)
    return np.asarray(np.cumsum(hertz * 2.0 ** (offset / 12.0)) / RATE)


def read(
    frames_of: Sound, phase: NDArray[np.floating], position: NDArray[np.integer] | int = 0
) -> Sound:
    """A table read at phases in periods.

    Args:
        frames_of: (frames, SIZE).
        position: which frame, for each sample or for all.
    """
    index = (phase * SIZE).astype(np.int64) & (SIZE - 1)
    return np.asarray(frames_of.ravel()[index + np.asarray(position) * SIZE], np.float32)


def ramp(frames: int, points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Straight lines between (seconds, value)."""
    times, values = zip(*points, strict=True)
    return np.asarray(np.interp(np.arange(frames) / RATE, times, values))


def envelope(
    frames: int, held: float, attack: float, decay: float, sustain: float, release: float
) -> Sound:
    """Attack, decay to the sustain level, release after `held` seconds; exponential falls."""
    time = np.arange(frames, dtype=np.float32) / RATE
    rising = np.minimum(1.0, time / max(attack, 0.001))
    falling = sustain + (1.0 - sustain) * np.exp(-np.maximum(0.0, time - attack) / max(decay, 1e-3))
    ending = np.exp(-np.maximum(0.0, time - held) / max(release / 4.0, 0.004))
    level = rising * falling * ending
    tail = min(frames, 220)
    level[-tail:] *= np.linspace(1.0, 0.0, tail)
    return np.asarray(level, np.float32)


def place(into: Sound, sound: Sound, start: float, gain: float = 1.0) -> None:
    """Adds a sound at a time in seconds; what passes the end is cut."""
    first = round(start * RATE)
    if first < 0:
        sound, first = sound[-first:], 0
    count = min(len(sound), len(into) - first)
    if count > 0:
        into[first : first + count] += np.float32(gain) * sound[:count]


def empty(seconds: float, channels: int) -> Sound:
    return np.zeros((round(seconds * RATE), channels), np.float32)


def pick(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between two positive bounds, all ratios alike."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
