"""Filters, distortion and rooms for whole parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from stemlift.training.songs.synthesis.waves import RATE, Sound


def band(sound: Sound, low: float = 0.0, high: float = 0.0, order: int = 2) -> Sound:
    """Butterworth high-pass at `low` and low-pass at `high`, Hz; 0 leaves one out."""
    sections = []
    if low > 0.0:
        sections.append(signal.butter(order, low, "highpass", fs=RATE, output="sos"))
    if 0.0 < high < 0.49 * RATE:
        sections.append(signal.butter(order, high, "lowpass", fs=RATE, output="sos"))
    if not sections:
        return sound
    return np.asarray(signal.sosfilt(np.vstack(sections), sound, axis=0), np.float32)


def peak(sound: Sound, hertz: float, gain_db: float, quality: float) -> Sound:
    """A bell, by the formulas of Robert Bristow-Johnson's audio equaliser cookbook."""
    amplitude = 10.0 ** (gain_db / 40.0)
    omega = 2.0 * np.pi * hertz / RATE
    alpha = np.sin(omega) / (2.0 * quality)
    numerator = [1.0 + alpha * amplitude, -2.0 * np.cos(omega), 1.0 - alpha * amplitude]
    denominator = [1.0 + alpha / amplitude, -2.0 * np.cos(omega), 1.0 - alpha / amplitude]
    return np.asarray(signal.lfilter(numerator, denominator, sound, axis=0), np.float32)


def drive(sound: Sound, gain: float, bias: float = 0.0) -> Sound:
    """Soft clipping at twice the rate, to keep the aliases low; the peak comes out near 1.

    Args:
        gain: how far a peak of 1 is driven; 1 is almost clean.
        bias: asymmetry, for even harmonics.
    """
    loudest = float(np.max(np.abs(sound), initial=0.0))
    if loudest == 0.0:
        return sound
    doubled = signal.resample_poly(sound * np.float32(gain / loudest), 2, 1, axis=0)
    shaped = np.tanh(doubled + np.float32(bias)) - np.float32(np.tanh(bias))
    shaped /= np.float32(np.tanh(gain + abs(bias)))
    driven = np.asarray(signal.resample_poly(shaped, 1, 2, axis=0), np.float32)
    # A bias turns into an offset wherever there is sound.
    return band(driven, 20.0, 0.0, 1) if bias else driven


def cabinet(sound: Sound, rng: np.random.Generator) -> Sound:
    """A guitar loudspeaker by chance: no lows, a hump, no highs, a few reflections."""
    low, high = rng.uniform(70.0, 130.0), rng.uniform(3800.0, 6500.0)
    sound = band(sound, low, 0.0)
    sound = band(sound, 0.0, high, 4)
    sound = peak(sound, rng.uniform(1500.0, 3500.0), rng.uniform(2.0, 7.0), rng.uniform(0.6, 1.5))
    sound = peak(sound, rng.uniform(300.0, 700.0), rng.uniform(-7.0, 1.0), 0.9)
    sound = peak(sound, rng.uniform(100.0, 160.0), rng.uniform(0.0, 5.0), 1.0)
    for _ in range(2):
        delay = int(rng.integers(8, 60))
        late = np.zeros_like(sound)
        late[delay:] = sound[:-delay]
        sound = sound + np.float32(rng.uniform(-0.25, 0.25)) * late
    return sound


def room(sound: Sound, rng: np.random.Generator, seconds: float, wet: float) -> Sound:
    """The sound with the room of its own instrument, decaying noise.

    Args:
        sound: (frames, 2).
        seconds: until the room is 60 dB down.
    """
    frames = int(seconds * RATE)
    fall = np.exp(-6.9 * np.arange(frames) / frames)[:, None]
    tail = np.asarray(rng.standard_normal((frames, 2)) * fall, np.float32)
    tail = band(tail, rng.uniform(80.0, 300.0), rng.uniform(4000.0, 12000.0))
    tail /= np.float32(np.sqrt(np.sum(tail**2, axis=0).mean()))
    late = signal.oaconvolve(sound, tail, axes=0)[: len(sound)]
    return np.asarray(sound + np.float32(wet) * late, np.float32)


def crush(sound: Sound, bits: float, hold: int) -> Sound:
    """Few bits and a low rate, as an old sampler has."""
    held = np.repeat(sound[::hold], hold, axis=0)[: len(sound)]
    steps = np.float32(2.0 ** (bits - 1.0))
    return np.asarray(np.round(held * steps) / steps, np.float32)


def swept_noise(rng: np.random.Generator, centres: NDArray[np.floating], width: float) -> Sound:
    """Noise about a moving centre.

    Args:
        centres: Hz, one for each 256 samples.
        width: octaves to each side.
    """
    bins = np.fft.rfftfreq(1024, 1.0 / RATE)[1:, None]
    away = np.log2(bins / np.maximum(centres[None, :], 20.0)) / width
    shape = np.exp(-0.5 * away**2)
    turned = rng.standard_normal(shape.shape) + 1j * rng.standard_normal(shape.shape)
    spectrum = np.vstack([np.zeros((1, len(centres))), shape * turned])
    _, sound = signal.istft(spectrum, RATE, nperseg=1024, noverlap=768)
    return np.asarray(sound / max(1e-9, float(np.max(np.abs(sound)))), np.float32)
