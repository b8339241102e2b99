"""How far stems sum to their mix."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.quality.decibels import FLOOR_DB, power_db

__all__ = ["FLOOR_DB", "Null", "NullMeter", "null_dbfs"]

Audio = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Null:
    """What is left of the mix when its stems are taken away; FLOOR_DB where nothing is.

    peak_db: peak of (mix − Σ stems) in dB relative to max(1, peak of the mix).
    energy_db: energy of (mix − Σ stems) in dB relative to that of the mix.
    """

    peak_db: float
    energy_db: float


class NullMeter:
    """Takes the mix and its stems block by block; sums in float64."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._left = 0.0
        self._energy = 0.0
        self._energy_left = 0.0

    def update(self, mix: Audio, stems: Iterable[Audio]) -> None:
        """A block, (frames, channels) each.

        Raises:
            ValueError: the shape of a stem differs.
        """
        residual = mix.astype(np.float64)
        self._peak = max(self._peak, float(np.abs(residual).max(initial=0.0)))
        self._energy += float(np.vdot(residual, residual))
        for stem in stems:
            if stem.shape != mix.shape:
                raise ValueError(f"the mix is {mix.shape}, a stem {stem.shape}")
            residual -= stem
        self._left = max(self._left, float(np.abs(residual).max(initial=0.0)))
        self._energy_left += float(np.vdot(residual, residual))

    def result(self) -> Null:
        if self._left == 0.0:
            return Null(FLOOR_DB, FLOOR_DB)
        peak = max(FLOOR_DB, 20.0 * math.log10(self._left / max(1.0, self._peak)))
        return Null(peak, power_db(self._energy_left, self._energy))


def null_dbfs(mix: Audio, stems: Iterable[Audio]) -> float:
    """Peak of (mix − Σ stems) in dB relative to max(1, peak of the mix).

    Relative to the peak above full scale, since float32 cannot resolve −120 dBFS there.

    Args:
        mix: (frames, channels), 1.0 is full scale.
        stems: each of the shape of mix; taken one at a time.

    Returns:
        dB; FLOOR_DB for an exact null or an empty mix.

    Raises:
        ValueError: the shape of a stem differs.
    """
    meter = NullMeter()
    meter.update(mix, stems)
    return meter.result().peak_db
