"""A singing voice by formant synthesis.

The harmonics of a gliding, vibrating pitch are weighted by the resonances of the vocal
tract (G. Fant, Acoustic Theory of Speech Production, 1960; the parallel form of D. Klatt,
JASA 67, 1980), with breath and consonants of shaped noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemlift.demo.effects import band, noise
from stemlift.demo.recipe import Sung, Vocals

Signal = NDArray[np.float64]

# First four formants of an alto, in Hz, rounded from common tables of sung vowels.
_FORMANTS = {
    "a": (800.0, 1150.0, 2800.0, 3500.0),
    "e": (400.0, 1600.0, 2700.0, 3300.0),
    "i": (350.0, 1700.0, 2700.0, 3700.0),
    "o": (450.0, 800.0, 2830.0, 3500.0),
    "u": (325.0, 700.0, 2530.0, 3500.0),
}
_WIDTHS = (80.0, 100.0, 130.0, 150.0)
_GAINS = (1.0, 0.5, 0.25, 0.18)
# Noise of a consonant: low and high edge in Hz, seconds, level.
_CONSONANTS = {
    "s": (4500.0, 11000.0, 0.09, 0.5),
    "t": (2500.0, 8000.0, 0.025, 0.5),
    "d": (1500.0, 6000.0, 0.015, 0.3),
}
_CONTROL = 64
"""Samples between two values of pitch, loudness and formants."""

_TOP = 9000.0
"""Hz above which the voice has only breath and consonants."""


def sing(
    melody: list[Sung],
    beat: float,
    recipe: Vocals,
    transpose: int,
    rng: np.random.Generator,
    rate: int,
) -> Signal:
    """Sing a melody, mono, float64, at about ±1.

    beat: seconds. transpose: semitones, on top of the recipe's.
    """
    length = round(sum(note.beats for note in melody) * beat * rate)
    points = length // _CONTROL + 2
    step = _CONTROL / rate
    pitch = np.zeros(points)
    loudness = np.zeros(points)
    formants = np.tile(_FORMANTS["a"], (points, 1))
    start = 0.0
    for note in melody:
        seconds = note.beats * beat
        here = slice(int(start / step), min(points, int((start + seconds) / step)))
        start += seconds
        if note.start is None or note.end is None:
            pitch[here] = 0.0
            continue
        time = np.arange(here.stop - here.start) * step
        slide = np.clip((time / seconds - 0.35) / 0.3, 0.0, 1.0)
        scoop = -0.6 * np.exp(-time / 0.05)
        depth = recipe.vibrato / 100 * np.clip((time - 0.15) / 0.25, 0.0, 1.0)
        vibrato = depth * np.sin(2 * np.pi * 5.6 * time)
        midi = note.start + (note.end - note.start) * slide + scoop + vibrato
        pitch[here] = midi + transpose + recipe.transpose
        loudness[here] = np.minimum(1.0, time / 0.05) * np.clip((seconds - time) / 0.07, 0.0, 1.0)
        formants[here] = _FORMANTS[note.vowel]
    pitch = _without_rests(pitch)
    pitch = _smooth(pitch, 0.02 / step) + 0.05 * _smooth(rng.normal(size=points), 0.03 / step)
    loudness = _smooth(loudness, 0.015 / step)
    formants = np.stack([_smooth(row, 0.05 / step) for row in formants.T], axis=1)
    hertz = 440.0 * 2 ** ((pitch - 69) / 12)
    voiced = _voiced(hertz, loudness, formants / recipe.tract, length, rate)
    grid = np.arange(length) / _CONTROL
    breath = band(noise(rng, length), 1500.0, 8000.0, rate)
    breath *= 0.05 * np.interp(grid, np.arange(points), loudness)
    return voiced + breath + _consonants(melody, beat, length, rng, rate)


def _voiced(hertz: Signal, loudness: Signal, formants: Signal, length: int, rate: int) -> Signal:
    grid, at = np.arange(length) / _CONTROL, np.arange(len(hertz))
    phase = 2 * np.pi * np.cumsum(np.interp(grid, at, hertz)) / rate
    voice = np.zeros(length)
    # sin(n + 1)x = 2 cos x · sin nx − sin(n − 1)x spares a sine for each harmonic.
    before, now, twice_cosine = np.zeros(length), np.sin(phase), 2 * np.cos(phase)
    for number in range(1, int(_TOP / hertz.min()) + 1):
        partial = number * hertz
        gain = loudness * _resonance(partial, formants) * (partial < _TOP)
        voice += np.interp(grid, at, gain) * now
        before, now = now, twice_cosine * now - before
    return voice


def _resonance(hertz: Signal, formants: Signal) -> Signal:
    """Gain of the vocal tract and the glottis at `hertz`, one value a point."""
    gain = np.full_like(hertz, 0.02)
    for index, (width, strength) in enumerate(zip(_WIDTHS, _GAINS, strict=True)):
        offset = (hertz - formants[:, index]) / width
        gain += strength / np.sqrt(1 + offset**2)
    tilt: Signal = gain / np.sqrt(1 + (hertz / 1200.0) ** 2) + 0.12 / (1 + (hertz / 500.0) ** 4)
    return tilt


def _consonants(
    melody: list[Sung], beat: float, length: int, rng: np.random.Generator, rate: int
) -> Signal:
    signal = np.zeros(length)
    start = 0.0
    for note in melody:
        known = _CONSONANTS.get(note.syllable[:1])
        if known is not None:
            low, high, seconds, level = known
            burst = band(noise(rng, round(seconds * rate)), low, high, rate)
            burst *= level * np.sin(np.linspace(0.0, np.pi, len(burst)))
            at = round(start * rate)
            stop = min(length, at + len(burst))
            signal[at:stop] += burst[: stop - at]
        start += note.beats * beat
    return signal


def _without_rests(pitch: Signal) -> Signal:
    """Pitch with the rests bridged, so that no glide starts from nowhere."""
    sung = np.flatnonzero(pitch)
    if not len(sung):
        return np.full_like(pitch, 60.0)
    return np.interp(np.arange(len(pitch)), sung, pitch[sung])


def _smooth(values: Signal, width: float) -> Signal:
    """Mean over a Hann window of about `width` points, edges repeated."""
    reach = max(1, round(width))
    window = np.hanning(2 * reach + 1)[1:-1]
    padded = np.pad(values, reach - 1, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")
