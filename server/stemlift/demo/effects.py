"""What a mixing desk does: noise, filters, panning, a room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]


def noise(rng: np.random.Generator, length: int) -> Signal:
    """White noise with a standard deviation of 0.3."""
    return rng.normal(0.0, 0.3, length)


def band(signal: Signal, low: float, high: float, rate: int) -> Signal:
    """Keep `low` to `high` Hz; both edges fall as a second-order Butterworth does."""
    hertz = np.fft.rfftfreq(len(signal), 1 / rate)
    gain = 1 / np.sqrt(1 + (hertz / high) ** 4)
    gain *= (hertz / low) ** 2 / np.sqrt(1 + (hertz / low) ** 4)
    filtered: Signal = np.fft.irfft(np.fft.rfft(signal) * gain, len(signal))
    return filtered


def panned(signal: Signal, pan: float) -> Signal:
    """Mono to (frames, 2) with constant power; pan from -1 (left) to 1 (right)."""
    angle = (pan + 1) * np.pi / 4
    return np.stack((np.cos(angle) * signal, np.sin(angle) * signal), axis=1)


def room(
    signal: Signal, seconds: float, level: float, rng: np.random.Generator, rate: int
) -> Signal:
    """`signal` (frames, 2) with the echo of a room added.

    seconds: until the echo has fallen by 60 dB. level: of the echo in dB against the sound.
    The two sides echo differently, as in a real room.
    """
    time = np.arange(round(seconds * rate)) / rate
    echo = rng.normal(size=(len(time), 2)) * 10 ** (-3 * time[:, None] / seconds)
    echo[: round(0.012 * rate)] = 0.0
    size = 1 << (len(signal) + len(time)).bit_length()
    spectrum = np.fft.rfft(echo, size, axis=0)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    spectrum /= (1 + (hertz / 5000.0) ** 2)[:, None]
    spectrum *= ((hertz / 250.0) ** 2 / (1 + (hertz / 250.0) ** 2))[:, None]
    spectrum /= np.sqrt((np.abs(spectrum) ** 2).mean())
    wet = np.fft.irfft(spectrum * np.fft.rfft(signal, size, axis=0), size, axis=0)
    reverberant: Signal = signal + 10 ** (level / 20) * wet[: len(signal)]
    return reverberant
