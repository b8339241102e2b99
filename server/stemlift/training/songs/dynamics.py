"""Compression, limiting, saturation and loudness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d
from scipy.signal import lfilter, sosfilt

Stereo = npt.NDArray[np.float32]
Signal = npt.NDArray[np.float64]
RATE = 44_100
STEP = 64


def envelope(signal: Stereo) -> Signal:
    """The louder channel's peak of every STEP samples."""
    count = -(-signal.shape[1] // STEP)
    padded = np.pad(signal, ((0, 0), (0, count * STEP - signal.shape[1])))
    return np.asarray(
        np.abs(padded).reshape(signal.shape[0], count, STEP).max(axis=(0, 2)), dtype=np.float64
    )


def spread(gain: Signal, samples: int) -> npt.NDArray[np.float32]:
    """A gain per STEP as one per sample."""
    return np.interp(np.arange(samples), np.arange(gain.size) * STEP + STEP / 2, gain).astype(
        np.float32
    )


def compression(
    signal: Stereo, threshold_db: float, ratio: float, attack_s: float, release_s: float
) -> npt.NDArray[np.float32]:
    """The gain of a compressor per sample; the signal itself is left alone."""
    level = 20.0 * np.log10(np.maximum(envelope(signal), 1e-6))
    over = np.maximum(level - threshold_db, 0.0) * (1.0 - 1.0 / ratio)
    # The release as a decaying hold, then the attack as a smoothing: both at the low rate.
    fall = float(np.exp(-STEP / RATE / release_s))
    held = np.asarray(lfilter([1.0 - fall], [1.0, -fall], over))
    held = np.maximum(held, maximum_filter1d(over, 3) * 0.6)
    rise = float(np.exp(-STEP / RATE / max(attack_s, 1e-4)))
    smooth = np.asarray(lfilter([1.0 - rise], [1.0, -rise], held))
    return spread(10.0 ** (-smooth / 20.0), signal.shape[1])


def limiting(signal: Stereo, ceiling: float) -> npt.NDArray[np.float32]:
    """A gain per sample that keeps the signal under the ceiling, but for a hair."""
    need = np.minimum(ceiling / np.maximum(envelope(signal), 1e-9), 1.0)
    early = minimum_filter1d(need, 2 * 12 + 1)
    return spread(np.asarray(gaussian_filter1d(early, 4.0, truncate=2.5)), signal.shape[1])


def saturate(signal: Stereo, drive: float) -> Stereo:
    """tanh, as loud as before at its loudest; `drive` is where its peak goes in."""
    peak = float(np.abs(signal).max(initial=0.0))
    if peak <= 0.0:
        return signal
    return np.asarray(np.tanh(signal * (drive / peak)) * (peak / np.tanh(drive)), dtype=np.float32)


def loudness(signal: Stereo) -> float:
    """Loudness in LUFS after ITU-R BS.1770, gated at −70 and −10 LU; −120 for silence."""
    weighted = sosfilt(_K_WEIGHTING, signal, axis=-1)
    count = signal.shape[1] // (RATE // 10)
    if count < 4:
        power = np.atleast_1d((weighted**2).mean(axis=1).sum())
    else:
        tenth = (weighted[:, : count * (RATE // 10)] ** 2).reshape(signal.shape[0], count, -1)
        power = np.convolve(tenth.mean(axis=2).sum(axis=0), np.full(4, 0.25), "valid")
    power = power[power > 10.0 ** (-6.9309)]
    if not power.size:
        return -120.0
    power = power[power >= power.mean() * 0.1]
    return float(-0.691 + 10.0 * np.log10(power.mean()))


# For 44.1 kHz, from the analogue prototypes of BS.1770 (De Man, 2014).
_K_WEIGHTING = np.array(
    [
        [1.5308412300503476, -2.6509799951547293, 1.169079079921587, 1.0, -1.6636551132560204,
         0.7125954280732254],
        [1.0, -2.0, 1.0, 1.0, -1.9891696736297957, 0.9891990357870394],
    ]
)  # fmt: skip
