"""Peak and RMS level in dBFS."""

from __future__ import annotations

import math

import numpy as np

SILENCE_DBFS = -300.0


def dbfs(linear: float) -> float:
    """20·log10 of an amplitude where 1.0 is full scale; SILENCE_DBFS at the lowest."""
    if linear <= 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 20.0 * math.log10(linear))


class LevelMeter:
    """Levels of a stream of blocks, summed in float64."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._squares = 0.0
        self._samples = 0

    def update(self, block: np.ndarray) -> None:
        """Add a block (frames, channels) of floats, 1.0 = full scale."""
        if not block.size:
            return
        samples = block.astype(np.float64, copy=False).ravel()
        self._peak = max(self._peak, float(np.abs(samples).max()))
        # Not by BLAS: its threads would wait for cores on which a network computes.
        self._squares += float(np.einsum("i,i->", samples, samples))
        self._samples += samples.size

    @property
    def peak_dbfs(self) -> float:
        """The highest sample of any channel."""
        return dbfs(self._peak)

    @property
    def rms_dbfs(self) -> float:
        """Root mean square over all channels; a full-scale sine reads -3.01."""
        return dbfs(math.sqrt(self._squares / self._samples)) if self._samples else SILENCE_DBFS
