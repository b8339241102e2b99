"""The mel bands of Mel-Band RoFormer: which bins of a spectrum belong to which band.

Checkpoints were trained with the bands of librosa's default mel filters; a single bin more or
less in one band and the weights no longer fit. Hence the same formulas in the same order of
operations, in float64, rounded to float32 at the end.

References:
    M. Slaney, "Auditory Toolbox", version 2, Interval Research Corporation, 1998: the mel
        scale (linear below 1 kHz, logarithmic above) and filters of equal area.
    J.-C. Wang, W.-T. Lu and M. Won, "Mel-Band RoFormer for music source separation", 2023:
        bands from where those filters are above zero.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_HERTZ_PER_MEL = 200.0 / 3
_KNEE_HERTZ = 1000.0
_KNEE_MEL = _KNEE_HERTZ / _HERTZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def mel_bands(sample_rate: int, n_fft: int, bands: int) -> NDArray[np.bool_]:
    """Which bins are in which band: (bands, n_fft // 2 + 1).

    Neighbouring bands overlap: each bin is in one or two. A band narrower than the distance
    of the bins may be empty. The lowest bin is in the first band and the highest in the last
    one, though the filters are zero there.
    """
    table = mel_filters(sample_rate, n_fft, bands) > 0
    table[0, 0] = True
    table[-1, -1] = True
    return table


def mel_filters(sample_rate: int, n_fft: int, bands: int) -> NDArray[np.float32]:
    """Triangular filters of equal area from 0 Hz to half the rate: (bands, n_fft // 2 + 1)."""
    bins = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    edges = _hertz(np.linspace(0.0, _mel(sample_rate / 2), bands + 2))
    widths = np.diff(edges)
    distances = np.subtract.outer(edges, bins)
    rising = -distances[:-2] / widths[:-1, np.newaxis]
    falling = distances[2:] / widths[1:, np.newaxis]
    filters = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    heights = 2.0 / (edges[2:] - edges[:-2])
    return np.asarray(filters * heights[:, np.newaxis], dtype=np.float32)


def _mel(hertz: float) -> float:
    if hertz < _KNEE_HERTZ:
        return hertz / _HERTZ_PER_MEL
    return float(_KNEE_MEL + np.log(hertz / _KNEE_HERTZ) / _LOG_STEP)


def _hertz(mels: Floats) -> Floats:
    # The exponential of what lies far below the knee is not used, but must not be computed.
    above = np.maximum(mels, _KNEE_MEL)
    curve = _KNEE_HERTZ * np.exp(_LOG_STEP * (above - _KNEE_MEL))
    return np.where(mels >= _KNEE_MEL, curve, _HERTZ_PER_MEL * mels)
