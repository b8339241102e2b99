"""Levels of stems: who has how much of the mix, and whether they have sound in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stemlift.quality.decibels import FLOOR_DB, power_db

Audio = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Balance:
    """Energies E over all samples and channels, in dB.

    shares_db: 10·log₁₀(Eᵢ / E_mix) by stem.
    sum_db: 10·log₁₀(E_Σ / E_mix), Σ the sum of the stems; 0 where they null.
    excess_db: 10·log₁₀(Σᵢ Eᵢ / E_Σ), whatever the mix is. 0 where stems have nothing in common,
        or are all silent; −FLOOR_DB where they sound, and their sum does not. Above 0 they
        cancel each other in the sum; below 0 they share sound, which is there in several of
        them: two equal halves have −3.
    """

    shares_db: Mapping[str, float]
    sum_db: float
    excess_db: float


class BalanceMeter:
    """Takes the mix and its stems block by block; sums in float64."""

    def __init__(self) -> None:
        self._mix = 0.0
        self._sum = 0.0
        self._stems: dict[str, float] = {}

    def update(self, mix: Audio, stems: Mapping[str, Audio]) -> None:
        """A block, (frames, channels) each, all of one shape."""
        self._mix += _energy(mix)
        together = np.zeros(mix.shape)
        for name, stem in stems.items():
            self._stems[name] = self._stems.get(name, 0.0) + _energy(stem)
            together += stem
        self._sum += _energy(together)

    def result(self) -> Balance:
        return Balance(
            {name: power_db(energy, self._mix) for name, energy in self._stems.items()},
            power_db(self._sum, self._mix),
            _excess_db(sum(self._stems.values()), self._sum),
        )


def _excess_db(stems: float, together: float) -> float:
    if stems <= 0.0:
        return 0.0
    return power_db(stems, together) if together > 0.0 else -FLOOR_DB


def _energy(block: Audio) -> float:
    samples = block.astype(np.float64, copy=False)
    return float(np.vdot(samples, samples))
