"""What a mask could reach at best: the ideal ratio mask, made of the true stems."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal import get_window

from stemlift.evaluation.recordings import Audio

WINDOW = 4096
HOP = 1024
EXPONENT = 2.0
"""Of the magnitudes: power, as in IRM2 of SiSEC 2018; IRM1 has 1."""

_FRAMES = 256
"""Frames of the STFT at a time: 17 MB for each stem and channel."""


def ratio_mask(
    stems: Mapping[str, Audio],
    mixture: Audio,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Audio]:
    """Each stem as mask · mixture in the STFT, the mask |Sⱼ|² / Σₖ|Sₖ|², channel by channel.

    IRM2 of the signal separation evaluation campaign (F.-R. Stöter, A. Liutkus and N. Ito, "The
    2018 Signal Separation Evaluation Campaign", LVA/ICA 2018; code: sigsep/sigsep-mus-oracle,
    IRM.py, alpha 2), with a Hann window of 4096 samples every 1024 as models have today, where
    SiSEC had 2048 every 1024. Where no stem sounds the masks are 0.

    Args:
        stems, mixture: (frames, channels) of one shape.
        check: called now and then; what it raises ends it.
    """
    out = {name: np.empty_like(mixture) for name in stems}
    for channel in range(mixture.shape[1]):
        columns = {name: stem[:, channel] for name, stem in stems.items()}
        found = _one_channel(columns, mixture[:, channel], check)
        for name, samples in found.items():
            out[name][:, channel] = samples
    return out


def _one_channel(
    stems: Mapping[str, NDArray[np.float32]],
    mixture: NDArray[np.float32],
    check: Callable[[], None],
) -> dict[str, NDArray[np.float64]]:
    window = get_window("hann", WINDOW)
    length = len(mixture)
    # Every sample lies in WINDOW / HOP frames.
    count = -(-(length + WINDOW - HOP) // HOP)
    before = WINDOW - HOP
    added = {name: np.zeros((count - 1) * HOP + WINDOW) for name in stems}
    weight = float(np.square(window).sum()) / HOP

    def frames(signal: NDArray[np.float32], first: int, last: int) -> NDArray[np.complex128]:
        start, stop = first * HOP - before, (last - 1) * HOP - before + WINDOW
        part = np.zeros(stop - start)
        low, high = max(0, start), min(length, stop)
        part[low - start : high - start] = signal[low:high]
        cut = np.lib.stride_tricks.sliding_window_view(part, WINDOW)[::HOP]
        spectrum: NDArray[np.complex128] = fft.rfft(cut * window, axis=1)
        return spectrum

    for first in range(0, count, _FRAMES):
        check()
        last = min(count, first + _FRAMES)
        powers = {
            name: np.abs(frames(stem, first, last)) ** EXPONENT for name, stem in stems.items()
        }
        # The same guard against 0 / 0 as SiSEC's.
        total = np.finfo(np.float64).eps + sum(powers.values())
        mixed = frames(mixture, first, last) / total
        for name, power in powers.items():
            pieces = fft.irfft(mixed * power, n=WINDOW, axis=1) * window
            for place, piece in enumerate(pieces, first):
                added[name][place * HOP : place * HOP + WINDOW] += piece
    return {name: sum_[before : before + length] / weight for name, sum_ in added.items()}
