"""Short-time spectra of a stream of blocks.

Axes: s stems, t frames, c channels, f bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Audio = NDArray[np.floating]
Spectra = NDArray[np.complex64]

MOMENT = 4
"""Frames always come in multiples of this."""


def window_length(rate: int) -> int:
    """Samples of a window: between 21 and 47 ms at the usual rates, a power of two."""
    return 2048 if rate <= 50_000 else 4096 if rate <= 100_000 else 8192


class Framer:
    """Cuts signals that go together into Hann windows that overlap by half.

    A window scaled so that Σ_t |X|² over both sides of the spectrum is the energy.
    """

    def __init__(self, rate: int) -> None:
        self.length = window_length(rate)
        self.hop = self.length // 2
        bins = np.arange(self.length // 2 + 1, dtype=np.float64)
        self.frequencies: NDArray[np.float64] = bins * (rate / self.length)
        hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(self.length) / self.length)
        self._window = (hann / np.sqrt(1.5 * self.hop * 0.5 * self.length)).astype(np.float32)
        self._rest: NDArray[np.float32] | None = None

    def take(self, sounds: Audio) -> Spectra:
        """(s, samples, c) → (s, t, c, f); t is a multiple of MOMENT, and may be 0."""
        new = sounds.astype(np.float32, copy=False)
        waiting = new if self._rest is None else np.concatenate((self._rest, new), axis=1)
        frames = max(0, (waiting.shape[1] - self.length) // self.hop + 1)
        frames -= frames % MOMENT
        self._rest = waiting[:, frames * self.hop :].copy()
        return self._transform(waiting, frames)

    def finish(self) -> Spectra:
        """The frames of what is left, with silence behind it."""
        if self._rest is None or self._rest.shape[1] == 0:
            raise ValueError("nothing was taken")
        left = self._rest.shape[1]
        frames = max(1, -(-max(0, left - self.length) // self.hop) + 1)
        frames += -frames % MOMENT
        silence = (frames - 1) * self.hop + self.length - left
        padded = np.pad(self._rest, ((0, 0), (0, silence), (0, 0)))
        self._rest = None
        return self._transform(padded, frames)

    def _transform(self, sounds: NDArray[np.float32], frames: int) -> Spectra:
        if frames == 0:
            bins = self.length // 2 + 1
            return np.zeros((sounds.shape[0], 0, sounds.shape[2], bins), np.complex64)
        used = sounds[:, : (frames - 1) * self.hop + self.length]
        cut = np.lib.stride_tricks.sliding_window_view(used, self.length, axis=1)
        return np.asarray(fft.rfft(cut[:, :: self.hop] * self._window, axis=-1))


def power(spectra: Spectra) -> NDArray[np.float32]:
    """|X|², of the same shape."""
    return np.square(spectra.real) + np.square(spectra.imag)
