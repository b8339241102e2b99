"""Single drum strokes, each from chance numbers: kicks, snares, hats, toms, cymbals and the rest.

All give (frames,) with a peak of 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stemlift.training.songs.synthesis import filters
from stemlift.training.songs.synthesis.waves import RATE, Sound, pick

Numbers = np.random.Generator


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(int(seconds * RATE)) / RATE


def _whole(sound: NDArray[np.floating]) -> Sound:
    tail = min(len(sound), 400)
    sound[-tail:] *= np.linspace(1.0, 0.0, tail)
    return np.asarray(sound / max(1e-9, float(np.max(np.abs(sound)))), np.float32)


def _noise(rng: Numbers, time: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    noise = np.asarray(rng.standard_normal(len(time)), np.float32)
    return np.asarray(filters.band(noise, low, high), np.float64)


def _falling(
    time: NDArray[np.float64], end: float, extra: float, fall: float
) -> NDArray[np.float64]:
    """A sine that falls to `end` Hz from `end + extra`."""
    turns = end * time + extra * fall * (1.0 - np.exp(-time / fall))
    return np.sin(2.0 * np.pi * turns)


def kick(rng: Numbers, electronic: bool) -> Sound:
    """A bass drum: a falling sine, a click, and a skin or a drive."""
    time = _time(pick(rng, 0.25, 0.9) if electronic else pick(rng, 0.25, 0.5))
    end = rng.uniform(40, 65) if electronic else rng.uniform(50, 80)
    extra = pick(rng, 80, 500) if electronic else pick(rng, 20, 120)
    body = _falling(time, end, extra, pick(rng, 0.008, 0.06))
    body *= np.exp(-time / (time[-1] * rng.uniform(0.2, 0.4)))
    click = _noise(rng, time, pick(rng, 700, 3000), pick(rng, 4000, 12000))
    click = click * np.exp(-time / pick(rng, 0.002, 0.012)) * rng.uniform(0.05, 0.7)
    sound = body + click
    if not electronic:
        skin = np.sin(2 * np.pi * end * 1.59 * time) + 0.5 * np.sin(2 * np.pi * end * 2.3 * time)
        sound = sound + rng.uniform(0.1, 0.5) * skin * np.exp(-time / 0.05)
        sound = sound + 0.1 * _noise(rng, time, 50, 400) * np.exp(-time / 0.08)
    if rng.random() < 0.5:
        return _whole(filters.drive(np.asarray(sound, np.float32), pick(rng, 1, 8)))
    return _whole(sound)


def snare(rng: Numbers, electronic: bool) -> Sound:
    """A snare drum: two modes of the skin and the rattle of the wires."""
    time = _time(pick(rng, 0.18, 0.6))
    base = rng.uniform(150, 260)
    skin = _falling(time, base, base * rng.uniform(0.1, 0.8), 0.015)
    skin += rng.uniform(0.2, 0.8) * _falling(time, base * rng.uniform(1.5, 1.9), base, 0.01)
    if not electronic:
        for _ in range(4):
            mode = base * rng.uniform(2.0, 4.5)
            skin += rng.uniform(0.05, 0.3) * np.sin(2 * np.pi * mode * time + rng.uniform(0, 6))
    skin *= np.exp(-time / pick(rng, 0.03, 0.12))
    wires = _noise(rng, time, pick(rng, 600, 3000), pick(rng, 7000, 18000))
    wires = wires * np.exp(-time / pick(rng, 0.05, 0.2)) * rng.uniform(0.4, 1.6)
    crack = _noise(rng, time, 1500, 9000) * np.exp(-time / 0.006) * rng.uniform(0, 1.2)
    sound = np.asarray(skin * rng.uniform(0.3, 1.0) + wires + crack, np.float32)
    if rng.random() < 0.4:
        sound = filters.drive(sound, pick(rng, 1, 5))
    return _whole(np.asarray(sound, np.float64))


def clap(rng: Numbers) -> Sound:
    """A few hands not quite together, and the room."""
    time = _time(0.45)
    level = 0.7 * np.exp(-np.maximum(0, time - 0.03) / pick(rng, 0.04, 0.15)) * (time > 0.03)
    for index in range(int(rng.integers(2, 5))):
        start = index * rng.uniform(0.007, 0.014)
        level += (time >= start) * np.exp(-np.maximum(0, time - start) / 0.004)
    centre = pick(rng, 900, 2000)
    return _whole(level * _noise(rng, time, centre * 0.7, centre * rng.uniform(1.5, 5)))


def stick(rng: Numbers) -> Sound:
    """A cross stick or rim."""
    time = _time(0.15)
    mode = pick(rng, 400, 1800)
    ring = np.sin(2 * np.pi * mode * time) + 0.6 * np.sin(2 * np.pi * mode * 2.7 * time)
    return _whole(
        ring * np.exp(-time / 0.02) + 0.4 * _noise(rng, time, 1000, 8000) * np.exp(-time / 0.005)
    )


def _metal(rng: Numbers, time: NDArray[np.float64], count: int, low: float, fall: float) -> Sound:
    """Many partials out of tune, the high ones shorter."""
    sound = np.zeros(len(time), np.float32)
    single = time.astype(np.float32)
    for hertz in np.exp(rng.uniform(np.log(low), np.log(15000.0), count)):
        size = rng.exponential() * (low / hertz) ** 0.3
        decay = np.float32(fall * (low / hertz) ** 0.5 * rng.uniform(0.5, 1.5))
        short = single[: int(6.0 * decay * RATE) + 1]
        ring = np.sin(np.float32(2 * np.pi * hertz) * short + np.float32(rng.uniform(0, 6)))
        sound[: len(short)] += np.float32(size) * ring * np.exp(-short / decay)
    return sound / np.float32(np.sqrt(count))


def hat(rng: Numbers, fall: float, electronic: bool) -> Sound:
    """A hi-hat that rings `fall` seconds."""
    time = _time(min(1.2, 5.0 * fall + 0.02))
    low = pick(rng, 3500, 8000)
    hiss = _noise(rng, time, low, 0.0)
    if electronic:
        base = rng.uniform(200, 320)
        ratios = np.array([2, 3, 4.16, 5.43, 6.79, 8.21]) * rng.uniform(0.97, 1.03, 6)
        squares = np.sign(np.sin(2 * np.pi * base * ratios[:, None] * time[None, :])).sum(axis=0)
        hiss = hiss + filters.band(np.asarray(squares, np.float32), low, 0.0) * rng.uniform(0, 0.5)
    else:
        hiss = hiss + rng.uniform(0.3, 1.5) * _metal(rng, time, 14, 3000.0, fall * 1.5)
    return _whole(hiss * np.exp(-time / fall) * np.minimum(1.0, time / rng.uniform(0.0003, 0.003)))


def tom(rng: Numbers, hertz: float, electronic: bool) -> Sound:
    """A tom or any other skin that is hit."""
    time = _time(pick(rng, 0.25, 0.8))
    sound = _falling(time, hertz, hertz * rng.uniform(0.1, 0.9), pick(rng, 0.02, 0.08))
    if not electronic:
        sound += (
            rng.uniform(0.1, 0.4) * np.sin(2 * np.pi * hertz * 1.59 * time) * np.exp(-time / 0.1)
        )
    sound *= np.exp(-time / (time[-1] * 0.25))
    sound += rng.uniform(0.1, 0.5) * _noise(rng, time, hertz, 6000) * np.exp(-time / 0.015)
    return _whole(sound)


def cymbal(rng: Numbers, seconds: float, ping: float, trash: float) -> Sound:
    """A cymbal.

    Args:
        seconds: how long it rings.
        ping: level of the stick; a ride's is high.
        trash: level of the wash.
    """
    time = _time(seconds)
    low = pick(rng, 300, 1200)
    ringing = _metal(rng, time, 36, low, seconds / 3.0)
    wash = _noise(rng, time, pick(rng, 2000, 5000), 16000) * np.exp(-time / (seconds / 5.0))
    sound = ringing * rng.uniform(0.5, 1.2) + trash * wash * np.minimum(1.0, time / 0.004)
    bell = pick(rng, 2500, 5500)
    sound = sound + ping * np.sin(2 * np.pi * bell * time) * np.exp(-time / 0.05)
    return _whole(np.asarray(filters.band(np.asarray(sound, np.float32), 250.0), np.float64))


def cowbell(rng: Numbers) -> Sound:
    time = _time(0.3)
    base = pick(rng, 450, 700)
    tones = sum(np.sign(np.sin(2 * np.pi * base * ratio * time)) for ratio in (1.0, 1.48))
    tones = filters.band(np.asarray(tones, np.float32), base * 0.8, 5000.0)
    return _whole(tones * np.exp(-time / pick(rng, 0.03, 0.12)))


def shaker(rng: Numbers, jingles: bool) -> Sound:
    """A shaker, or with jingles a tambourine."""
    time = _time(pick(rng, 0.08, 0.25))
    sound = _noise(rng, time, pick(rng, 3000, 7000), 0.0)
    if jingles:
        sound = 0.4 * sound + 1.5 * _metal(rng, time, 10, 6000.0, 0.15)
    attack = rng.uniform(0.001, 0.03)
    return _whole(sound * np.minimum(1.0, time / attack) * np.exp(-time / (time[-1] / 4.0)))


def block(rng: Numbers, hertz: float) -> Sound:
    """Claves and wood blocks."""
    time = _time(0.12)
    return _whole(np.sin(2 * np.pi * hertz * time) * np.exp(-time / pick(rng, 0.01, 0.03)))


def brush(rng: Numbers) -> Sound:
    """A brush drawn over the skin."""
    time = _time(pick(rng, 0.15, 0.4))
    level = np.minimum(1.0, time / pick(rng, 0.01, 0.1)) * np.exp(-time / (time[-1] / 3.0))
    return _whole(level * _noise(rng, time, pick(rng, 300, 900), pick(rng, 4000, 9000)))
