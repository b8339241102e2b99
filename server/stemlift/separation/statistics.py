"""Mean and standard deviation of a whole range, gathered in one streaming pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Input is (x - mean) / scale, output is y * scale + mean."""

    mean: float = 0.0
    scale: float = 1.0


class Moments:
    """Running mean and variance of the channel mean, merged block by block.

    Chan, Golub, LeVeque 1979: updating a sample variance by pairs of partitions.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = 0.0
        self._squares = 0.0

    def update(self, block: npt.NDArray[np.floating]) -> None:
        """Add a (samples, channels) block."""
        values = block.mean(axis=1, dtype=np.float64)
        count = len(values)
        if not count:
            return
        mean = float(values.mean())
        squares = float(np.square(values - mean).sum())
        delta = mean - self._mean
        total = self.count + count
        self._squares += squares + delta * delta * self.count * count / total
        self._mean += delta * count / total
        self.count = total

    def normalisation(self) -> Normalisation:
        """As the demucs command line does it: the unbiased deviation plus 1e-8."""
        if self.count < 2:
            return Normalisation(self._mean, 1e-8)
        return Normalisation(self._mean, math.sqrt(self._squares / (self.count - 1)) + 1e-8)
