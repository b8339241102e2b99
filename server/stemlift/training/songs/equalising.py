"""Equalisers: bells and shelves after Bristow-Johnson's cookbook, and band limits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

Stereo = npt.NDArray[np.float32]
RATE = 44_100


def bell(hertz: float, gain_db: float, quality: float) -> npt.NDArray[np.float64]:
    """One second-order section, (6,)."""
    amount = 10.0 ** (gain_db / 40.0)
    turn = 2.0 * np.pi * hertz / RATE
    alpha = np.sin(turn) / (2.0 * quality)
    cosine = -2.0 * np.cos(turn)
    section: npt.NDArray[np.float64] = np.array(
        [
            1 + alpha * amount,
            cosine,
            1 - alpha * amount,
            1 + alpha / amount,
            cosine,
            1 - alpha / amount,
        ]
    )
    section /= section[3]
    return section


def shelf(hertz: float, gain_db: float, high: bool) -> npt.NDArray[np.float64]:
    """One second-order section, (6,), of slope 1."""
    amount = 10.0 ** (gain_db / 40.0)
    turn = 2.0 * np.pi * hertz / RATE
    cosine = np.cos(turn) * (-1.0 if high else 1.0)
    root = np.sqrt(2.0 * amount) * np.sin(turn)
    up, down = amount + 1.0, amount - 1.0
    sign = -1.0 if high else 1.0
    section: npt.NDArray[np.float64] = np.array(
        [
            amount * (up - down * cosine + root),
            sign * 2.0 * amount * (down - up * cosine),
            amount * (up - down * cosine - root),
            up + down * cosine + root,
            sign * -2.0 * (down + up * cosine),
            up + down * cosine - root,
        ]
    )
    section /= section[3]
    return section


def equalise(signal: Stereo, rng: np.random.Generator, most_db: float) -> Stereo:
    """Two shelves and two bells by chance, each up to `most_db` up or down."""
    gains = rng.uniform(-most_db, most_db, size=4)
    sections = np.stack(
        [
            shelf(float(rng.uniform(80.0, 300.0)), gains[0], high=False),
            shelf(float(rng.uniform(3000.0, 9000.0)), gains[1], high=True),
            bell(float(np.exp(rng.uniform(5.0, 6.9))), gains[2], float(rng.uniform(0.5, 2.5))),
            bell(float(np.exp(rng.uniform(6.9, 8.7))), gains[3], float(rng.uniform(0.5, 2.5))),
        ]
    )
    return np.asarray(sosfilt(sections, signal, axis=-1), dtype=np.float32)


def band_pass(signal: Stereo, low: float | None, high: float | None) -> Stereo:
    """Cut below `low` and above `high`, in Hz."""
    if low:
        sos = butter(2, low, "highpass", fs=RATE, output="sos")
        signal = np.asarray(sosfilt(sos, signal, axis=-1), dtype=np.float32)
    if high and high < 0.49 * RATE:
        sos = butter(6, high, fs=RATE, output="sos")
        signal = np.asarray(sosfilt(sos, signal, axis=-1), dtype=np.float32)
    return signal
