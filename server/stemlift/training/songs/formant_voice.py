"""Voices of our own: vowels and consonants from formants, no recording and no other program.

Formant frequencies of the vowels after Peterson and Barney (1952).
"""

from __future__ import annotations

import numpy as np

from stemlift.training.songs.voice_bank import (
    AAH,
    BANDS,
    BREATHS,
    HEY,
    LA,
    MM,
    OOH,
    WORD,
    Bank,
    Signal,
    Spoken,
    band_hz,
    build,
)

_VOWELS = {
    "i": (270, 2290, 3010),
    "e": (530, 1840, 2480),
    "a": (730, 1090, 2440),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
    "y": (300, 1800, 2200),
    "3": (490, 1350, 1690),
    "&": (660, 1720, 2410),
}
# Of each consonant: centre and width of its noise in Hz, its level in dB, frames, voiced.
_CONSONANTS: dict[str, tuple[float, float, float, int, bool]] = {
    "s": (7500, 2600, -14, 20, False),
    "S": (4000, 1800, -12, 20, False),
    "f": (6000, 6000, -26, 16, False),
    "h": (1800, 2500, -24, 12, False),
    "t": (5000, 3500, -16, 7, False),
    "k": (2200, 1200, -16, 8, False),
    "p": (900, 1200, -18, 6, False),
    "z": (7000, 2600, -20, 14, True),
    "m": (250, 120, -12, 12, True),
    "n": (280, 150, -12, 11, True),
    "l": (380, 250, -9, 10, True),
    "r": (420, 500, -9, 10, True),
    "w": (320, 250, -9, 11, True),
    "b": (300, 300, -16, 7, True),
    "d": (350, 1500, -16, 7, True),
    "g": (300, 900, -16, 8, True),
}


def formant_bank(number: int) -> Bank:
    """A voice of our own; the same for the same number, another for another."""
    rng = np.random.default_rng([number, 0xF0A7])
    size = float(rng.uniform(0.88, 1.22))
    tilt = float(rng.uniform(-11.0, -4.0))
    noise = float(rng.uniform(0.01, 0.25))
    pitch = 120.0 * size ** float(rng.uniform(2.0, 4.0))
    spoken = []
    for line in range(14):
        sounds = [_syllable(rng) for _ in range(int(rng.integers(5, 9)))]
        spoken.append(_speak(sounds, WORD, size, tilt, noise, pitch, rng, line))
    for kind, sounds in (
        (AAH, [("", "a", 60, "")]),
        (OOH, [("", "u", 60, "")]),
        (MM, [("m", "", 60, "m")]),
        (LA, [("l", "a", 26, ""), ("l", "a", 30, ""), ("n", "a", 26, "")]),
        (HEY, [("h", "e", 30, ""), ("", "o", 30, ""), ("h", "u", 30, "")]),
    ):
        spoken.append(_speak(sounds, kind, size, tilt, noise, pitch, rng, 99))
    return build(f"formant-{number}", spoken)


def _syllable(rng: np.random.Generator) -> tuple[str, str, int, str]:
    consonants = list(_CONSONANTS)
    onset = "" if rng.random() < 0.12 else str(rng.choice(consonants))
    coda = str(rng.choice(consonants)) if rng.random() < 0.4 else ""
    return onset, str(rng.choice(list(_VOWELS))), int(rng.integers(14, 34)), coda


def _speak(
    sounds: list[tuple[str, str, int, str]],
    kind: int,
    size: float,
    tilt: float,
    noise: float,
    pitch: float,
    rng: np.random.Generator,
    line: int,
) -> Spoken:
    bands = band_hz(BANDS)
    breath_hz = band_hz(BREATHS)
    rows: list[Signal] = [np.full((8, BANDS), -100.0)]
    voiced: list[bool] = [False] * 8
    for onset, vowel, frames, coda in sounds:
        for consonant in (onset, None, coda):
            if consonant:
                centre, width, level, length, buzz = _CONSONANTS[consonant]
                shape = level - 3.0 * ((bands - centre * size) / width) ** 2
                shape = np.maximum(shape, _vowel((300, 1200, 2400), size, tilt, bands) - 30.0)
                rows.append(np.repeat(np.maximum(shape, -90.0)[None], length, axis=0))
                voiced += [buzz] * length
            elif consonant is None:
                formants = _VOWELS.get(vowel, (260, 1000, 2200))
                moved = tuple(value * float(rng.uniform(0.93, 1.07)) for value in formants)
                dim = 0.0 if vowel else -10.0
                rows.append(np.repeat(_vowel(moved, size, tilt, bands)[None] + dim, frames, axis=0))
                voiced += [True] * frames
    rows.append(np.full((8, BANDS), -100.0))
    voiced += [False] * 8
    levels: Signal = np.concatenate(rows)
    kernel = np.hanning(9)[1:-1]
    kernel /= kernel.sum()
    levels = np.apply_along_axis(lambda track: np.convolve(track, kernel, "same"), 0, levels)
    count = len(levels)
    hertz = pitch * (1.15 - 0.3 * np.linspace(0.0, 1.0, count)) * (1.0 + 0.01 * (line % 3))
    hertz = np.where(np.asarray(voiced[:count]), hertz, 0.0)
    rise = 1.0 / (1.0 + np.exp(-(breath_hz - 5500.0) / 1500.0))
    breath = np.clip(noise + (0.85 - noise) * rise, 0.0, 1.0)[None].repeat(count, axis=0)
    breath[hertz <= 0.0] = 1.0
    return Spoken(levels, breath, hertz, kind)


def _vowel(formants: tuple[float, ...], size: float, tilt: float, bands: Signal) -> Signal:
    """Envelope in dB: resonances in a row over a source that falls by `tilt` dB an octave."""
    level = tilt * np.log2(np.maximum(bands, 120.0) / 120.0) - 6.0 * (bands < 60.0)
    for index, centre in enumerate((*formants, 3500.0, 4500.0, 6200.0)):
        middle = centre * size
        width = 60.0 + 0.045 * middle + 20.0 * index
        level = level + 10.0 * np.log10(
            (middle**2 + width**2) ** 2
            / ((bands**2 - middle**2) ** 2 + (width * np.maximum(bands, 1.0)) ** 2 + 1e-9)
        ).clip(-14.0, 26.0)
    # No throat is silent above its formants: there is always air.
    air = level.max() - 42.0 + 0.6 * tilt * np.log2(np.maximum(bands, 4000.0) / 4000.0)
    return np.asarray(np.maximum(level, air) - level.max(), dtype=np.float64)
