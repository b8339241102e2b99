"""Scales, chords and progressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
}

PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": (
        (0, 4, 5, 3),
        (0, 5, 3, 4),
        (5, 3, 0, 4),
        (0, 3, 4, 4),
        (0, 3, 0, 4),
        (0, 2, 3, 4),
        (0, 5, 1, 4),
        (3, 4, 2, 5),
        (0, 4, 3, 3),
        (0, 1, 3, 0),
        (0, 0, 3, 3, 0, 0, 4, 3),
        (0, 4, 5, 2, 3, 0, 3, 4),
    ),
    "minor": (
        (0, 5, 2, 6),
        (0, 6, 5, 6),
        (0, 3, 5, 4),
        (0, 5, 3, 4),
        (0, 0, 5, 6),
        (0, 2, 6, 3),
        (0, 6, 3, 5),
        (5, 6, 0, 0),
        (0, 3, 0, 6),
        (0, 0, 3, 3, 5, 6, 0, 0),
    ),
    "vamp": ((0,), (0, 3), (0, 6), (0, 0, 0, 3), (0, 5), (0, 1)),
    "jazz": (
        (1, 4, 0, 0),
        (0, 5, 1, 4),
        (2, 5, 1, 4),
        (0, 3, 2, 5, 1, 4, 0, 4),
        (3, 6, 2, 5, 1, 4, 0, 0),
    ),
    "blues": ((0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4), (0, 3, 0, 0, 3, 3, 0, 0, 4, 3, 0, 0)),
    "metal": ((0, 0, 1, 0), (0, 5, 6, 0), (0, 0, 5, 4), (0, 1, 0, 6), (0, 3, 1, 0), (0, 0, 0, 0)),
}
"""Scale degrees, 0 for the tonic, one a bar or two to a bar."""


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord that sounds for some beats.

    Attributes:
        start: beats.
        length: beats.
        root: pitch class.
        tones: semitones above the root, the root's 0 first.
        scale: pitch classes that go with it.
    """

    start: float
    length: float
    root: int
    tones: tuple[int, ...]
    scale: tuple[int, ...]


def chord_on(degree: int, tonic: int, mode: str, size: int) -> tuple[int, tuple[int, ...]]:
    """Root and tones of the chord of `size` thirds on a degree of the scale."""
    scale = SCALES[mode]
    low = scale[degree % 7]
    tones = []
    for third in range(size):
        octave, step = divmod(degree % 7 + 2 * third, 7)
        tones.append(scale[step] + 12 * octave - low)
    return (tonic + low) % 12, tuple(tones)


def progression(
    rng: np.random.Generator,
    family: str,
    tonic: int,
    mode: str,
    start: float,
    bars: int,
    bar: float,
    richness: float,
) -> list[Chord]:
    """Chords for `bars` bars.

    Args:
        family: a key of PROGRESSIONS.
        richness: 0 for bare triads, 1 for sevenths, ninths and suspensions throughout.
    """
    choices = PROGRESSIONS[family]
    degrees = choices[int(rng.integers(len(choices)))]
    pace = 2 if len(degrees) in (4, 8) and bars >= 4 and rng.random() < 0.15 else 1
    slow = pace == 1 and len(degrees) <= 4 and rng.random() < 0.2
    scale = tuple((tonic + step) % 12 for step in SCALES[mode])
    chords = []
    for index in range(bars * pace):
        degree = degrees[(index // 2 if slow else index) % len(degrees)]
        size = 3
        if rng.random() < richness:
            size = 5 if rng.random() < 0.3 * richness else 4
        use = mode
        if mode == "minor" and degree == 4 and rng.random() < 0.6:
            use = "harmonic minor"
        root, tones = chord_on(degree, tonic, use, size)
        if family == "blues":
            tones = (0, 4, 7, 10)
        elif size == 3 and tones[2] == 7 and rng.random() < 0.12 * (0.3 + richness):
            tones = (0, 5, 7) if rng.random() < 0.5 else (0, 2, 7)
        length = bar / pace
        chords.append(Chord(start + index * length, length, root, tones, scale))
    return chords


def voicing(
    chord: Chord, low: int, high: int, before: tuple[int, ...] = (), size: int = 0
) -> tuple[int, ...]:
    """Keys for a chord between `low` and `high`, as near as can be to the voicing before.

    Args:
        size: how many keys; 0 for as many as the chord has tones.
    """
    centre = float(np.mean(before)) if before else (low + high) / 2.0
    classes = [(chord.root + tone) % 12 for tone in chord.tones]
    count = size or len(classes)
    best: tuple[int, ...] = ()
    lowest_cost = np.inf
    for turn in range(len(classes)):
        order = classes[turn:] + classes[:turn]
        for base in range(low, high + 1):
            if base % 12 != order[0]:
                continue
            keys = [base]
            while len(keys) < count:
                step = (order[len(keys) % len(order)] - keys[-1]) % 12
                keys.append(keys[-1] + (step or 12))
            cost = abs(float(np.mean(keys)) - centre) + max(0, keys[-1] - high)
            if cost < lowest_cost:
                best, lowest_cost = tuple(keys), cost
    return best


def nearest(pitch_class: int, to: int) -> int:
    """The key of a pitch class nearest to another key."""
    return to + (pitch_class - to + 6) % 12 - 6


def root_key(chord: Chord, low: int) -> int:
    """The root of a chord at or above the key `low`."""
    return low + (chord.root - low) % 12


def at(chords: list[Chord], beat: float) -> Chord:
    """The chord that sounds at a beat; the first or last one outside."""
    for chord in chords:
        if beat < chord.start + chord.length - 1e-6:
            return chord
    return chords[-1]
