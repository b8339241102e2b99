"""Where something starts to sound: spectral flux, of all and of the low end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.sessions.analysis.control import Control
from stemlift.sessions.analysis.librosa_there import require_librosa
from stemlift.sessions.analysis.listening import RATE, Signal

HOP = 256
FRAMES_PER_SECOND = RATE / HOP
BANDS = 64

_WINDOW = 1024
_CHUNK = 60 * RATE // HOP
_LOW, _MIDDLE = 8, 28
"""The first band above the low end, about 200 Hz, and the first above 1.4 kHz."""

# A sound shows in the flux before the window is centred on it. Measured with clicks and drums.
_EARLY = 0.010


@dataclass(frozen=True, slots=True)
class Onsets:
    """strength: (frames,), what is heard as a start, 1 its root mean square. low: the same of
    what lies below 200 Hz. mel: (BANDS, frames) power in dB, at least -80 under the loudest.
    """

    strength: NDArray[np.float64]
    low: NDArray[np.float64]
    mel: NDArray[np.float32]


def time_of(frame: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Seconds of a frame of `Onsets`, which may lie between two."""
    return np.asarray(frame) / FRAMES_PER_SECOND + _EARLY


def frame_of(time: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return (np.asarray(time) - _EARLY) * FRAMES_PER_SECOND


def find_onsets(samples: Signal, control: Control) -> Onsets:
    """The starts of sounds, frame by frame; all 0 where there is silence."""
    mel = _mel(samples, control)
    bands = (slice(0, _LOW), slice(_LOW, _MIDDLE), slice(_MIDDLE, BANDS))
    rises = np.maximum(np.diff(mel, axis=1, prepend=mel[:, :1]), 0.0)
    low, middle, high = (_normal(rises[band].mean(axis=0, dtype=np.float64)) for band in bands)
    # Hats fill most bands: each third of hearing counts as much as the next.
    return Onsets(_normal(low + middle + high), low, mel)


def _mel(samples: Signal, control: Control) -> NDArray[np.float32]:
    librosa = require_librosa()
    padded = np.pad(samples, (_WINDOW // 2, max(_WINDOW // 2, _WINDOW - len(samples))))
    frames = 1 + (len(padded) - _WINDOW) // HOP
    mel = np.empty((BANDS, frames), np.float32)
    for start in range(0, frames, _CHUNK):
        control.check()
        stop = min(frames, start + _CHUNK)
        piece = padded[start * HOP : (stop - 1) * HOP + _WINDOW]
        mel[:, start:stop] = librosa.feature.melspectrogram(
            y=piece,
            sr=RATE,
            n_fft=_WINDOW,
            hop_length=HOP,
            center=False,
            n_mels=BANDS,
            fmin=30.0,
            fmax=10000.0,
        )
    loudest = float(mel.max(initial=0.0))
    return 10 * np.log10(np.maximum(mel, 1e-8 * loudest + 1e-20)).astype(np.float32)


def _normal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without what is steady, and 1 its root mean square."""
    if not len(values):
        return values
    width = round(FRAMES_PER_SECOND)
    steady = np.convolve(values, np.ones(width) / width, mode="same")[: len(values)]
    sharp = np.maximum(values - steady, 0.0)
    power = float(np.sqrt(np.mean(sharp**2)))
    return sharp / power if power > 1e-9 else np.zeros_like(sharp)
