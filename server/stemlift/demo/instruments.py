"""The band: each function plays one note or stroke, mono, as float64 at about ±1.

Frequencies in Hz, times in seconds, `rate` in samples a second.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from stemlift.demo.effects import band, noise

Signal = NDArray[np.float64]


def frequency(midi: float) -> float:
    """Hz of a MIDI note, A4 = 69 = 440 Hz."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def kick(rng: np.random.Generator, rate: int) -> Signal:
    """A sine that falls from 170 to 48 Hz, with the click of the beater."""
    time = _time(0.35, rate)
    phase = 2 * np.pi * (48.0 * time + 122.0 * 0.03 * (1 - np.exp(-time / 0.03)))
    click = noise(rng, len(time)) * np.exp(-time / 0.004)
    body = np.sin(phase) * np.exp(-time / 0.09)
    return _faded(body + 0.35 * band(click, 900.0, 7000.0, rate), rate)


def snare(rng: np.random.Generator, rate: int) -> Signal:
    """Two modes of the head and the rattle of the wires."""
    time = _time(0.3, rate)
    head = np.sin(2 * np.pi * 187.0 * time) + 0.6 * np.sin(2 * np.pi * 331.0 * time)
    wires = band(noise(rng, len(time)), 700.0, 11000.0, rate) * np.exp(-time / 0.065)
    return _faded(0.5 * head * np.exp(-time / 0.045) + 1.1 * wires, rate)


def cymbal(rng: np.random.Generator, rate: int, decay: float) -> Signal:
    """Metal noise: `decay` 0.03 s is a closed hat, 0.2 s an open one, 0.7 s a crash."""
    time = _time(decay * 5, rate)
    metal = band(noise(rng, len(time)), 5500.0, 17000.0, rate)
    return _faded(metal * np.exp(-time / decay), rate)


closed_hat = partial(cymbal, decay=0.03)
open_hat = partial(cymbal, decay=0.16)
crash = partial(cymbal, decay=0.6)


def bass(hertz: float, seconds: float, rate: int) -> Signal:
    """A plucked electric bass: harmonics that die away the faster the higher they are."""
    time = _time(seconds, rate)
    note = np.zeros_like(time)
    for number in range(1, 13):
        strength = number**-1.4
        note += (
            strength
            * np.sin(2 * np.pi * number * hertz * time)
            * np.exp(-time * (0.7 + 0.9 * number))
        )
    return _faded(note * np.minimum(1.0, time / 0.006), rate, release=0.03)


def keys(hertz: float, seconds: float, rate: int) -> Signal:
    """An electric piano by frequency modulation (J. Chowning, JAES 21, 1973)."""
    time = _time(seconds + 0.15, rate)
    tine = 0.25 * np.sin(2 * np.pi * 14.0 * hertz * time) * np.exp(-time / 0.07)
    body = np.sin(
        2 * np.pi * hertz * time + 1.4 * np.exp(-time / 0.5) * np.sin(2 * np.pi * hertz * time)
    )
    shape = np.minimum(1.0, time / 0.004) * np.exp(-time / 1.3)
    return _faded((body + 0.4 * tine) * shape, rate, release=0.12)


def guitar(hertz: float, seconds: float, rate: int) -> Signal:
    """A string plucked at a fifth of its length: the modes of an ideal string, damped."""
    time = _time(seconds, rate)
    note = np.zeros_like(time)
    for number in range(1, int(min(30, 9000.0 / hertz)) + 1):
        strength = np.sin(np.pi * number * 0.2) / number**1.3
        stretched = number * hertz * np.sqrt(1 + 6e-5 * number**2)
        note += (
            strength * np.sin(2 * np.pi * stretched * time) * np.exp(-time * (1.6 + 0.45 * number))
        )
    return _faded(note * np.minimum(1.0, time / 0.002), rate, release=0.05)


def pad(hertz: float, seconds: float, cents: float, rate: int) -> Signal:
    """A soft saw detuned by `cents`, swelling in and out over 0.4 s."""
    time = _time(seconds + 0.4, rate)
    tuned = hertz * 2 ** (cents / 1200)
    note = np.zeros_like(time)
    for number in range(1, 11):
        phase = 2.399963 * number * (1 + cents / 7)
        note += np.sin(2 * np.pi * number * tuned * time + phase) / number**1.3
    swell = np.minimum(1.0, time / 0.4) * np.minimum(1.0, (time[-1] - time) / 0.4)
    note *= swell
    return note


def _time(seconds: float, rate: int) -> Signal:
    return np.arange(round(seconds * rate)) / rate


def _faded(note: Signal, rate: int, release: float = 0.01) -> Signal:
    """The note with its last `release` seconds drawn down to silence."""
    length = min(len(note), round(release * rate))
    if length:
        note[-length:] *= np.linspace(1.0, 0.0, length)
    return note
