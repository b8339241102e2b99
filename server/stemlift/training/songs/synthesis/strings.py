"""Plucked and struck strings, and the amplifiers behind them.

A string is a row of harmonics that die away, the high ones first. Where it is plucked and where
the pickup sits takes some of them out (a comb: sin(k·π·position)).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stemlift.training.songs.score import Tone
from stemlift.training.songs.synthesis import filters
from stemlift.training.songs.synthesis.waves import (
    RATE,
    Sound,
    cycles,
    empty,
    frequency,
    harmonics_below,
    pick,
    place,
    read,
    table,
)

_FRAMES = 48
_LONGEST = 6.0


@dataclass(frozen=True, slots=True)
class String:
    """How strings sound.

    Attributes:
        plucked: where, as a share of the string.
        pickup: where the sound is taken; 0 for the whole string.
        tilt: how fast the harmonics fall, an exponent.
        sustain: seconds until the fundamental of C4 falls to 1/e.
        damping: how much faster each harmonic dies than the one before.
        noise: level of the finger or pick.
        noise_hertz: its centre.
    """

    plucked: float
    pickup: float
    tilt: float
    sustain: float
    damping: float
    noise: float
    noise_hertz: float


def string(rng: np.random.Generator, kind: str) -> String:
    """A string by chance: acoustic, nylon, electric, harp, or of a bass, see `basses`."""
    plucked = float(rng.uniform(0.08, 0.35))
    if kind == "acoustic":
        return String(plucked, 0.0, 0.9, pick(rng, 0.5, 1.5), pick(rng, 0.03, 0.12), 0.25, 4000.0)
    if kind == "nylon":
        return String(plucked, 0.0, 1.4, pick(rng, 0.4, 1.0), pick(rng, 0.1, 0.3), 0.12, 1500.0)
    if kind == "harp":
        return String(0.45, 0.0, 1.5, pick(rng, 0.5, 1.2), pick(rng, 0.1, 0.2), 0.02, 2000.0)
    pickup = float(rng.uniform(0.06, 0.25))
    return String(plucked, pickup, 0.7, pick(rng, 1.2, 4.0), pick(rng, 0.02, 0.08), 0.15, 3000.0)


def pluck(
    tones: Sequence[Tone], seconds: float, settings: String, rng: np.random.Generator
) -> Sound:
    """The bare strings, (frames, 1)."""
    out = empty(seconds, 1)
    tables: dict[tuple[float, bool], Sound] = {}
    burst = np.asarray(rng.standard_normal(int(0.03 * RATE)), np.float32)
    burst *= np.exp(-np.arange(len(burst)) / (0.006 * RATE)).astype(np.float32)
    centre = settings.noise_hertz
    burst = filters.band(burst, 0.5 * centre, min(2.0 * centre, 18000.0))
    for tone in tones:
        frames = int((tone.length + (0.03 if tone.muted else 0.08)) * RATE)
        key = (tone.pitch, tone.muted)
        sustain = settings.sustain * 2.0 ** ((60.0 - tone.pitch) / 24.0)
        if tone.muted:
            sustain = min(sustain, 0.11)
        if key not in tables:
            tables[key] = _dying(tone.pitch, settings, sustain, tone.muted, rng)
        time = np.arange(frames, dtype=np.float32) / RATE
        position = (_FRAMES - 1) * np.sqrt(np.minimum(time / min(_LONGEST, 6 * sustain), 1.0))
        sound = read(tables[key], cycles(tone, frames), position.astype(np.int64))
        level = np.exp(-time / np.float32(sustain)) * np.minimum(1.0, time / 0.0015)
        level *= np.exp(-np.maximum(0.0, time - np.float32(tone.length)) / 0.012)
        sound = sound * level
        count = min(len(burst), frames)
        sound[:count] += np.float32(settings.noise * (0.5 + tone.velocity)) * burst[:count]
        place(out, sound[:, None], tone.start, tone.velocity**1.3)
    return out


def _dying(
    pitch: float, settings: String, sustain: float, muted: bool, rng: np.random.Generator
) -> Sound:
    hertz = frequency(pitch)
    numbers = harmonics_below(hertz, 12000.0)
    amplitudes = np.abs(np.sin(np.pi * numbers * settings.plucked)) / numbers**settings.tilt
    if settings.pickup:
        amplitudes *= np.abs(np.sin(np.pi * numbers * settings.pickup)) + 0.05
    if muted:
        amplitudes *= np.exp(-numbers * hertz / 1800.0)
    times = min(_LONGEST, 6 * sustain) * (np.arange(_FRAMES)[:, None] / (_FRAMES - 1)) ** 2
    faster = settings.damping * (numbers - 1.0) * (1.0 + numbers * hertz / 6000.0)
    dying = np.exp(-times / sustain * faster[None, :])
    phases = rng.choice([0.0, np.pi], len(numbers)) - 0.5 * np.pi
    made = table(amplitudes[None, :] * dying, phases)
    return made / np.float32(max(1e-6, float(np.max(np.abs(made)))))


def acoustic_guitar(
    tones: Sequence[Tone], seconds: float, rng: np.random.Generator, kind: str = "acoustic"
) -> Sound:
    """Strings on a wooden body, in stereo where two are played."""

    def take() -> Sound:
        sound = pluck(_strummed(tones, rng), seconds, string(rng, kind), rng)
        sound = filters.peak(sound, rng.uniform(95, 130), rng.uniform(2, 6), 2.5)
        sound = filters.peak(sound, rng.uniform(190, 260), rng.uniform(0, 5), 2.5)
        return filters.band(sound, 70.0, 0.0)

    return _doubled(take, rng, 0.35)


def electric_guitar(
    tones: Sequence[Tone], seconds: float, rng: np.random.Generator, gain: float
) -> Sound:
    """An electric guitar through an amplifier and a cabinet.

    Args:
        gain: drive; 1 is clean, 40 is metal.
    """
    tight = float(rng.uniform(80, 250)) if gain > 8.0 else 60.0
    settings = string(rng, "electric")
    cabinet_seed = int(rng.integers(2**31))
    bias = float(rng.uniform(0, 0.4))

    def take() -> Sound:
        sound = pluck(_strummed(tones, rng), seconds, settings, rng)
        sound = filters.band(sound, tight, 0.0, 1)
        sound = filters.drive(sound, gain, bias)
        return filters.cabinet(sound, np.random.default_rng(cabinet_seed))

    sound = _doubled(take, rng, 0.75 if gain > 8.0 else 0.3)
    if gain < 4.0 and rng.random() < 0.3:
        rate, depth = rng.uniform(3, 8), rng.uniform(0.2, 0.7)
        shake = 1.0 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * rate * np.arange(len(sound)) / RATE))
        sound = sound * shake[:, None].astype(np.float32)
    return sound


def _strummed(tones: Sequence[Tone], rng: np.random.Generator) -> list[Tone]:
    """Keys that start together, struck one after another, down or up."""
    groups: dict[float, list[Tone]] = {}
    for tone in tones:
        groups.setdefault(round(tone.start, 2), []).append(tone)
    speed = rng.uniform(0.003, 0.018)
    struck = []
    for index, group in enumerate(groups.values()):
        ordered = sorted(group, key=lambda tone: tone.pitch, reverse=index % 2 == 1)
        late = float(rng.normal(0.0, 0.004))
        for place_, tone in enumerate(ordered):
            start = max(0.0, tone.start + late + place_ * speed)
            pitch = tone.pitch + (float(rng.normal(0.0, 0.03)) if len(group) == 1 else 0.0)
            struck.append(replace(tone, start=start, pitch=round(pitch, 2)))
    return struck


def _doubled(take: Callable[[], Sound], rng: np.random.Generator, chance: float) -> Sound:
    first = take()
    if rng.random() >= chance:
        return first
    second = take()
    near = np.float32(rng.uniform(0.0, 0.4))
    return np.concatenate([first + near * second, second + near * first], axis=1)
