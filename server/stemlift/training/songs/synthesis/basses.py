"""Basses: fingered, picked, slapped and upright strings; synthesised, sub and 808."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stemlift.training.songs.score import Tone
from stemlift.training.songs.synthesis import filters
from stemlift.training.songs.synthesis.strings import String, pluck
from stemlift.training.songs.synthesis.subtractive import Patch, play
from stemlift.training.songs.synthesis.waves import (
    RATE,
    Sound,
    cycles,
    empty,
    envelope,
    pick,
    place,
)

STRINGS = ("fingered", "picked", "slap", "upright", "distorted")
SYNTHS = ("reese", "acid", "square bass", "saw bass", "pluck bass", "fm bass", "sub", "808")


def bass(tones: Sequence[Tone], seconds: float, rng: np.random.Generator, kind: str) -> Sound:
    """A bass of a kind of STRINGS or SYNTHS, (frames, 1)."""
    if kind in STRINGS:
        sound = _stringed(tones, seconds, rng, kind)
    elif kind == "sub":
        sound = _deep(tones, seconds, rng, fall=0.0)
    elif kind == "808":
        sound = _deep(tones, seconds, rng, fall=pick(rng, 0.4, 2.0))
    elif kind == "fm bass":
        sound = _modulated(tones, seconds, rng)
    else:
        sound = play(tones, seconds, _patch(rng, kind), rng)
    return filters.band(sound, 25.0, 0.0)


def _stringed(tones: Sequence[Tone], seconds: float, rng: np.random.Generator, kind: str) -> Sound:
    place_ = float(rng.uniform(0.1, 0.3))
    settings = {
        "fingered": String(place_, 0.15, 1.5, pick(rng, 0.5, 1.2), 0.15, 0.05, 900.0),
        "picked": String(0.12, 0.1, 1.1, pick(rng, 0.5, 1.2), 0.1, 0.12, 2500.0),
        "slap": String(0.4, 0.1, 0.9, pick(rng, 0.4, 0.8), 0.2, 0.35, 3500.0),
        "upright": String(0.3, 0.0, 1.6, pick(rng, 0.2, 0.5), 0.2, 0.15, 500.0),
        "distorted": String(0.12, 0.1, 1.0, pick(rng, 0.7, 1.5), 0.08, 0.15, 2500.0),
    }[kind]
    sound = pluck(tones, seconds, settings, rng)
    if kind == "upright":
        sound = filters.peak(sound, rng.uniform(90, 130), 4.0, 1.5)
        return filters.band(sound, 0.0, pick(rng, 1500, 4000))
    if kind == "distorted":
        clean = filters.band(sound, 0.0, 250.0)
        dirty = filters.band(filters.drive(sound, pick(rng, 5, 30)), 150.0, pick(rng, 2000, 4500))
        return np.asarray(2.0 * clean + rng.uniform(0.1, 0.35) * dirty, np.float32)
    if kind == "slap":
        sound = filters.peak(sound, rng.uniform(2000, 4000), rng.uniform(2, 7), 0.8)
        sound = filters.peak(sound, 70.0, rng.uniform(2, 6), 0.8)
    if rng.random() < 0.6:
        sound = filters.drive(sound, pick(rng, 1.0, 4.0), 0.1)
    return filters.band(sound, 0.0, pick(rng, 2000, 7000))


def _patch(rng: np.random.Generator, kind: str) -> Patch:
    short = (0.003, pick(rng, 0.1, 0.5), float(rng.uniform(0.2, 0.8)), 0.08)
    long = (0.005, 0.5, 0.9, 0.1)
    gain = pick(rng, 1.0, 6.0) if rng.random() < 0.4 else 0.0
    decay = pick(rng, 0.08, 0.4)
    if kind == "reese":
        wobble = (pick(rng, 0.1, 4.0), float(rng.uniform(0.2, 1.0)))
        return Patch(
            "saw", 3, pick(rng, 20, 60), pick(rng, 250, 900), 0.5, (0.01, 1.0), 1.0, 2, long,
            wobble, 0.0, 0.7, gain, False,
        )  # fmt: skip
    if kind == "acid":
        return Patch(
            str(rng.choice(["saw", "square"])), 1, 0.0, pick(rng, 120, 400),
            float(rng.uniform(1.5, 3.5)), (0.003, decay), pick(rng, 2, 7), 2, short, (0.0, 0.0),
            0.0, 0.5, gain, False,
        )  # fmt: skip
    if kind == "pluck bass":
        return Patch(
            "rich", 1, 0.0, pick(rng, 150, 400), float(rng.uniform(1, 3)), (0.002, decay), 1.0, 2,
            short, (0.0, 0.0), 0.2, 0.4, gain, False,
        )  # fmt: skip
    wave = "square" if kind == "square bass" else "saw"
    return Patch(
        wave, int(rng.integers(1, 3)), pick(rng, 4, 15), pick(rng, 180, 800),
        float(rng.uniform(0.5, 2)), (0.005, decay), pick(rng, 0.7, 2), 2,
        long if rng.random() < 0.5 else short, (0.0, 0.0), 0.2, float(rng.uniform(0, 0.6)), gain,
        False,
    )  # fmt: skip


def _deep(tones: Sequence[Tone], seconds: float, rng: np.random.Generator, fall: float) -> Sound:
    out = empty(seconds, 1)
    drop, drop_time = rng.uniform(0, 24), pick(rng, 0.01, 0.05)
    click = float(rng.uniform(0, 0.3))
    for tone in tones:
        frames = int((tone.length + 0.08) * RATE)
        time = np.arange(frames) / RATE
        phase = cycles(tone, frames)
        if fall and not tone.slide:
            # The beater: the pitch falls from above, as its integral in closed form.
            hertz = phase[1] * RATE if frames > 1 else 0.0
            phase = phase + hertz * drop / 12.0 * drop_time * (1.0 - np.exp(-time / drop_time))
        level = envelope(frames, tone.length, 0.003, fall or 1.0, 0.0 if fall else 1.0, 0.08)
        sound = np.sin(2.0 * np.pi * phase).astype(np.float32) * level
        if click and fall:
            sound += np.float32(click) * np.exp(-time / 0.003).astype(np.float32)
        place(out, sound[:, None], tone.start, tone.velocity)
    if rng.random() < 0.7:
        out = filters.drive(out, pick(rng, 1.0, 8.0 if fall else 2.5), float(rng.uniform(0, 0.3)))
        out = filters.band(out, 0.0, pick(rng, 800, 6000))
    return out


def _modulated(tones: Sequence[Tone], seconds: float, rng: np.random.Generator) -> Sound:
    out = empty(seconds, 1)
    ratio = float(rng.choice([0.5, 1.0, 1.0, 2.0, 3.0]))
    index, decay = rng.uniform(0.8, 3.5), pick(rng, 0.08, 0.6)
    for tone in tones:
        frames = int((tone.length + 0.06) * RATE)
        phase = 2.0 * np.pi * cycles(tone, frames)
        depth = index * np.exp(-np.arange(frames) / (decay * RATE)) + 0.3
        sound = np.sin(phase + depth * np.sin(ratio * phase)).astype(np.float32)
        level = envelope(frames, tone.length, 0.004, 0.6, 0.6, 0.06)
        place(out, (sound * level)[:, None], tone.start, tone.velocity)
    return out
