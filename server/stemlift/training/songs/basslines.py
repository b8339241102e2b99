"""Bass lines over chords."""

from __future__ import annotations

import numpy as np

from stemlift.training.songs.harmony import Chord, at, root_key
from stemlift.training.songs.score import Meter, Note

STYLES = (
    "whole", "pulse", "eighths", "fifths", "octaves", "offbeat", "syncopated", "walking",
    "reggae", "rolling", "gallop", "kick", "tumbao", "melodic", "sub",
)  # fmt: skip

_RHYTHMS = (
    ((0.0, 0.75), (0.75, 0.25), (1.5, 0.5), (2.5, 0.5), (3.0, 0.5)),
    ((0.0, 0.5), (0.75, 0.25), (1.5, 0.5), (2.0, 0.25), (2.75, 0.25), (3.5, 0.5)),
    ((0.0, 1.0), (1.5, 0.5), (2.0, 0.75), (3.25, 0.25), (3.5, 0.25)),
    ((0.0, 0.25), (0.5, 0.25), (1.25, 0.25), (1.75, 0.5), (2.5, 0.25), (3.0, 0.75)),
    ((0.0, 1.5), (1.5, 0.5), (2.0, 1.5), (3.5, 0.5)),
)
_KICKS = (
    ((0.0, 2.4), (2.5, 1.4)),
    ((0.0, 1.7), (1.75, 1.2), (3.0, 0.9)),
    ((0.0, 3.8),),
    ((0.0, 0.7), (0.75, 1.7), (2.5, 0.7), (3.25, 0.7)),
)


def line(
    rng: np.random.Generator,
    style: str,
    chords: list[Chord],
    start: float,
    beats: float,
    meter: Meter,
    low: int,
    kicks: list[float],
) -> list[Note]:
    """A line of a style for some beats from `start` on.

    Args:
        low: lowest key.
        kicks: beats of the kick drum; the style "kick" follows them where there are any.
    """
    rhythm = _rhythm(rng, style, start, beats, meter, kicks)
    approach = rng.random() * 0.5
    fifth_up = rng.random() < 0.5
    accent = 0.06 + 0.1 * rng.random()
    notes: list[Note] = []
    for index, (beat, length) in enumerate(rhythm):
        chord = at(chords, beat)
        root = root_key(chord, low)
        following = root_key(at(chords, beat + length + 1e-3), low)
        key = _key(rng, style, chord, root, following, index, fifth_up, approach, notes)
        slide = 0.0
        if style in ("sub", "kick") and notes and rng.random() < 0.25:
            slide = float(np.clip(notes[-1].pitch - key, -12, 12)) or float(rng.choice([-12, 7, 0]))
        elif style in ("melodic", "syncopated", "walking") and rng.random() < 0.08:
            slide = float(rng.choice([-2, -1, -3]))
        on_pulse = abs((beat - start) % meter.pulse) < 1e-6
        level = 0.78 + (accent if on_pulse else -accent)
        notes.append(Note(beat, length, key, level, slide=slide))
    return notes


def _rhythm(
    rng: np.random.Generator,
    style: str,
    start: float,
    beats: float,
    meter: Meter,
    kicks: list[float],
) -> list[tuple[float, float]]:
    end = start + beats
    if style in ("whole", "sub"):
        return _grid(start, end, meter.bar, 0.95)
    if style in ("pulse", "walking"):
        return _grid(start, end, meter.pulse, 0.95 if style == "walking" else 0.8)
    if style in ("eighths", "octaves"):
        return _grid(start, end, 0.5, float(rng.uniform(0.5, 0.98)))
    if style == "fifths":
        return _grid(start, end, meter.bar / 2.0, 0.7)
    if style == "offbeat":
        return [(beat + 0.5, 0.4) for beat, _ in _grid(start, end, 1.0, 1.0)]
    if style == "rolling":
        skip_first = rng.random() < 0.6
        places = _grid(start, end, 0.25, 0.8)
        return [place for place in places if not skip_first or (place[0] - start) % 1.0 > 0.1]
    if style == "gallop":
        gallop = ((0.0, 0.45), (0.5, 0.22), (0.75, 0.22))
        return [
            (beat + at_, length)
            for beat, _ in _grid(start, end, 1.0, 1.0)
            for at_, length in gallop
            if beat + at_ < end
        ]
    if style == "kick" and (struck := [beat for beat in kicks if start <= beat < end - 0.2]):
        ends = [*struck[1:], end]
        return [
            (beat, max(0.2, (until - beat) * 0.97))
            for beat, until in zip(struck, ends, strict=True)
        ]
    cell: tuple[tuple[float, float], ...]
    if style == "reggae":
        cell = _RHYTHMS[int(rng.integers(3))][: int(rng.integers(3, 6))]
    elif style == "tumbao":
        cell = (
            ((1.5, 1.4), (3.0, 1.0)) if rng.random() < 0.5 else ((0.0, 1.4), (1.5, 0.5), (3.0, 1.0))
        )
    elif style == "kick":
        cell = _KICKS[int(rng.integers(len(_KICKS)))]
    else:
        cell = _RHYTHMS[int(rng.integers(len(_RHYTHMS)))]
    return [
        (beat + at_, min(length, end - beat - at_))
        for beat, _ in _grid(start, end, meter.bar, 1.0)
        for at_, length in cell
        if at_ < meter.bar and beat + at_ < end - 0.05
    ]


def _grid(start: float, end: float, step: float, share: float) -> list[tuple[float, float]]:
    count = int(np.ceil((end - start) / step - 1e-6))
    return [(start + index * step, step * share) for index in range(count)]


def _key(
    rng: np.random.Generator,
    style: str,
    chord: Chord,
    root: int,
    following: int,
    index: int,
    fifth_up: bool,
    approach: float,
    notes: list[Note],
) -> int:
    fifth = root + (7 if fifth_up else -5)
    if style == "fifths":
        return fifth if index % 2 else root
    if style == "octaves":
        return root + 12 * (index % 2)
    if style == "walking":
        last = notes[-1].pitch if notes else root
        if following != root:
            return following + int(rng.choice([-1, 1, -2, 2]))
        if index % 4 == 0:
            return root
        tones = [root + tone for tone in chord.tones] + [
            root + tone - 12 for tone in chord.tones[1:]
        ]
        near = sorted(tones, key=lambda tone: abs(tone - last) if tone != last else 99)
        return int(near[int(rng.integers(min(3, len(near))))])
    if style in ("syncopated", "melodic", "reggae", "tumbao"):
        if index == 0 or rng.random() < 0.5:
            return root
        if following != root and rng.random() < approach:
            return following + int(rng.choice([-1, 1, 2, -2]))
        return int(rng.choice([fifth, root + 12, root + chord.tones[-1] % 12, root + 10, root]))
    if style in ("rolling", "eighths", "gallop") and rng.random() < 0.06:
        return int(rng.choice([fifth, root + 12]))
    return root
