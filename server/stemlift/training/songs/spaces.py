"""Rooms, halls, plates, springs and echoes, from noise and rules alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, oaconvolve, sosfilt

Stereo = npt.NDArray[np.float32]
RATE = 44_100


def impulse(kind: str, rng: np.random.Generator) -> Stereo:
    """The answer of a space to a click, (2, samples), with energy 1 per channel.

    Args:
        kind: `room`, `hall`, `plate` or `spring`.
    """
    low, high = {"room": (0.2, 0.7), "hall": (1.2, 3.5), "plate": (0.7, 2.2), "spring": (0.8, 2.0)}[
        kind
    ]
    decay = float(rng.uniform(low, high))
    count = int(min(decay, 2.5) * RATE)
    time = np.arange(count) / RATE
    tail = np.zeros((2, count))
    # High frequencies die first: three bands with their own decay.
    for edges, share in (((60, 500), 1.1), ((500, 3500), 1.0), ((3500, 16000), 0.45)):
        sos = butter(2, edges, "bandpass", fs=RATE, output="sos")
        noise = sosfilt(sos, rng.standard_normal((2, count)))
        tail += noise * 10.0 ** (-3.0 * time / (decay * share))
    if kind == "spring":
        tail = tail * (1.0 + 0.9 * np.sin(2.0 * np.pi * time / rng.uniform(0.03, 0.05)))
        tail = sosfilt(butter(4, 4500, fs=RATE, output="sos"), tail)
    ahead = int(rng.uniform(0.0, 0.06 if kind == "hall" else 0.02) * RATE)
    tail = np.pad(tail, ((0, 0), (ahead, 0)))
    if kind in ("room", "hall"):
        for _ in range(8):
            at = int(rng.uniform(0.003, 0.06) * RATE)
            tail[int(rng.integers(2)), at] += rng.uniform(-1.0, 1.0) * np.abs(tail).max()
    tail /= np.sqrt((tail**2).sum(axis=1, keepdims=True))
    return tail.astype(np.float32)


def reverb(signal: Stereo, answer: Stereo) -> Stereo:
    """The wet signal alone, as long as the dry one."""
    return np.asarray(oaconvolve(signal, answer, axes=-1)[:, : signal.shape[1]], dtype=np.float32)


def echo(signal: Stereo, seconds: float, feedback: float, ping_pong: bool) -> Stereo:
    """The repeats alone; with `ping_pong` they change sides."""
    out = np.zeros_like(signal)
    step = max(int(seconds * RATE), 1)
    gain = 1.0
    source = np.repeat(signal.mean(axis=0, keepdims=True), 2, axis=0) if ping_pong else signal
    for repeat in range(1, 8):
        at = repeat * step
        gain *= feedback if repeat > 1 else 1.0
        if at >= signal.shape[1] or gain < 0.03:
            break
        if ping_pong:
            out[repeat % 2, at:] += gain * source[0, :-at]
        else:
            out[:, at:] += gain * source[:, :-at]
    return out


def swirl(signal: Stereo, kind: str, rng: np.random.Generator) -> Stereo:
    """Chorus, flanger or phaser: moving delays (or, as a cheap phaser, very short ones)."""
    base, depth = {"chorus": (0.015, 0.004), "flanger": (0.003, 0.0025), "phaser": (5e-4, 4e-4)}[
        kind
    ]
    rate = float(rng.uniform(0.1, 1.5))
    at = np.arange(signal.shape[1], dtype=np.float64)
    out = np.empty_like(signal)
    sign = -1.0 if kind == "phaser" else 1.0
    for side in range(2):
        swing = np.sin(2.0 * np.pi * rate * at / RATE + side * np.pi / 2.0)
        moved = np.interp(at - (base + depth * swing) * RATE, at, signal[side])
        out[side] = 0.7 * (signal[side] + sign * moved)
    return out
